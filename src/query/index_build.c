/* Why: an answer from an index must be that of a reading. So the builder is a reading, with the
 * code that answers, and notes what it has met.
 *
 *    instant_next() --> note_event() --+-- fewer than a stretch's events --> go on
 *                                      |
 *                                      +-- more than its share of bytes --> go on: a longer stretch
 *                                      |
 *                                      +--> STRETCH, STATE, OPEN, LANDMARKS are written
 *
 * It stops before what a reading would report: lost events, damage. What is behind that place is
 * always read.
 *
 * Invariant: the file is at most 1/share of that part of the recording which it covers, but for its
 * head. */
#include "index_build.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "block.h"
#include "instant_parts.h"
#include "lives.h"
#include "open_calls.h"
#include "os.h"
#include "stories.h"

enum {
    STRETCH_LEAST = 1 << 17, /* events: read in some 20 ms */
    LIST_MOST = 2 << 20,     /* bytes of a list: more events are not rare */
    STRETCHES_MOST = 1024,   /* of a recording, so that all stretches fit into memory */
    LIVES_KEPT = 100000      /* threads and tasks; more take too much memory here */
};

/* What was counted for one key. */
struct tally {
    uint64_t key;
    uint64_t count, first;
    uint32_t kinds;
    uint32_t nth; /* of a code: place of its counts */
};

/* Events of one function. */
struct code_counts {
    uint64_t of[RL_EVENT_KINDS];
    uint64_t ended, raised, running;
};

struct tallies {
    struct tally *items; /* owned */
    size_t count, cap;
    struct u64map places; /* key + 1 -> place */
    size_t last;
};

struct index_builder {
    struct reader *reader;
    struct instant *instant; /* owned */
    int fd;
    unsigned share;
    uint64_t least;  /* events of a stretch */
    uint64_t enough; /* of this one */
    uint64_t size, covered, given;
    size_t problems; /* that the reader had before */
    struct index_stretch stretch;
    struct tallies codes;       /* code: kinds, how often it begins */
    struct code_counts *counts; /* owned; of these codes */
    size_t counts_cap;
    struct open_calls open;
    struct landmarks_pass landmarks;
    struct lives_pass lives;
    int has_lives;          /* of all events so far */
    struct tallies lines;   /* code << 32 | line: how often it runs */
    struct tallies threads; /* thread: its first event (`first`) and its last one (`count`) */
    struct tallies
        frames; /* thread: the highest ordinal so far; kinds = it has grown in the stretch */
    struct u64map enders;  /* code ids + 1: stories.h */
    struct bytes_out list; /* rare events of the stretch */
    int has_list;
    struct bytes_out raw, sealed;
    int is_over;
};

/* ---- counting ---- */

static void tallies_fini(struct tallies *tallies)
{
    rl_free(tallies->items);
    u64map_fini(&tallies->places);
}

static void clear_tallies(struct tallies *tallies)
{
    tallies->count = 0;
    u64map_clear(&tallies->places);
}

/* Returns the tally with this key, made where there is none; NULL without memory. */
static struct tally *tally_of(struct tallies *tallies, uint64_t key)
{
    if (tallies->last < tallies->count && tallies->items[tallies->last].key == key) {
        return &tallies->items[tallies->last];
    }
    const uint64_t *place = u64map_get(&tallies->places, key + 1);
    void *items = tallies->items;
    if (place != NULL) {
        tallies->last = (size_t)*place;
        return &tallies->items[*place];
    }
    if (rl_grow(&items, &tallies->cap, tallies->count + 1, sizeof *tallies->items) != 0) {
        return NULL;
    }
    tallies->items = items;
    if (u64map_put(&tallies->places, key + 1, tallies->count) != 0) {
        return NULL;
    }
    tallies->last = tallies->count++;
    tallies->items[tallies->last] = (struct tally){.key = key};
    return &tallies->items[tallies->last];
}

/* Notes the highest ordinal of the frames that a thread began. */
static rl_status note_frame(struct index_builder *b, uint64_t frame)
{
    uint64_t ordinal = frame & RL_FRAME_ORDINAL_MASK;
    struct tally *thread = tally_of(&b->frames, frame >> RL_FRAME_ORDINAL_BITS);
    if (thread == NULL) {
        return RL_NOMEM;
    }
    if (ordinal > thread->count) {
        thread->count = ordinal;
        thread->kinds = 1;
    }
    return RL_OK;
}

/* Returns what is counted of the function of an event; NULL without memory. */
static struct code_counts *counts_of(struct index_builder *b, const struct event_out *event)
{
    struct tally *code = tally_of(&b->codes, event->id);
    void *counts = b->counts;
    if (code == NULL) {
        return NULL;
    }
    if (code->kinds == 0) {
        code->nth = (uint32_t)b->codes.count - 1;
        if (rl_grow(&counts, &b->counts_cap, b->codes.count, sizeof *b->counts) != 0) {
            return NULL;
        }
        b->counts = counts;
        b->counts[code->nth] = (struct code_counts){0};
    }
    code->kinds |= UINT32_C(1) << event->kind;
    code->count += (uint64_t)(kind_begins(event->kind) && !event->is_of_before);
    return &b->counts[code->nth];
}

/* Follows the calls that are open. RL_LIMIT: frames are not as a recorder writes them, so what a
 * reading counts is not known. */
static rl_status note_call(struct index_builder *b, const struct event_out *event,
                           struct code_counts *counts)
{
    struct open_call call;
    if (kind_begins(event->kind)) {
        if (event->frame == 0 || open_calls_have(&b->open, event->frame)) {
            return RL_LIMIT;
        }
        uint64_t number = open_calls_begin(&b->open, b->reader, event);
        return number != 0 || event->is_of_before ? RL_OK : RL_NOMEM;
    }
    if (event->frame != 0 && open_calls_end(&b->open, event->frame, &call)) {
        int has_number = call.number != 0; /* otherwise its begin was lost, before a part */
        counts->ended += (uint64_t)has_number;
        counts->raised += (uint64_t)(has_number && event->kind == RL_EVENT_UNWIND);
        return call.code == event->id ? RL_OK : RL_LIMIT;
    }
    return RL_OK;
}

/* Follows threads and tasks, as long as there are not too many. */
static rl_status note_life(struct index_builder *b, const struct event_out *event)
{
    if (!b->has_lives) {
        return RL_OK;
    }
    rl_status status = lives_pass_take(&b->lives, event);
    if (b->lives.out.task_count + b->lives.out.thread_count > LIVES_KEPT) {
        lives_pass_fini(&b->lives);
        b->has_lives = 0;
    }
    return status;
}

/* Counts an event into the stretch. */
static rl_status note_event(struct index_builder *b, const struct event_out *event)
{
    uint32_t kind = UINT32_C(1) << event->kind;
    struct tally *thread = tally_of(&b->threads, event->thread);
    if (thread == NULL) {
        return RL_NOMEM;
    }
    thread->first = thread->kinds == 0 ? event->seq : thread->first;
    thread->count = event->seq;
    thread->kinds = kind;
    b->stretch.ticks = b->stretch.events == 0 ? event->ticks : b->stretch.ticks;
    b->stretch.kinds |= kind;
    b->stretch.kind_counts[event->kind]++;
    b->stretch.events++;
    if (b->has_list && stories_use(event, &b->enders)) {
        instant_put_event(event, &b->list);
        b->has_list = b->list.len < LIST_MOST;
    }
    if (!index_has_code(event->kind)) {
        return RL_OK;
    }
    struct code_counts *counts = counts_of(b, event);
    if (counts == NULL) {
        return RL_NOMEM;
    }
    counts->of[event->kind]++;
    counts->running += (uint64_t)(event->kind == RL_EVENT_RUNNING && event->is_of_before);
    if (kind_begins(event->kind) || kind_ends(event->kind)) {
        rl_status status = note_call(b, event, counts);
        if (status != RL_OK) {
            return status;
        }
    }
    if (event->kind == RL_EVENT_LINE) {
        struct tally *line = tally_of(&b->lines, (uint64_t)event->id << 32 | event->line);
        if (line == NULL) {
            return RL_NOMEM;
        }
        line->count++;
    }
    return note_frame(b, event->frame);
}

/* ---- a stretch ---- */

static int by_key(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static rl_status sort_tallies(struct tallies *tallies)
{
    if (tallies->count != 0) {
        qsort(tallies->items, tallies->count, sizeof *tallies->items, by_key);
    }
    for (size_t i = 0; i < tallies->count; i++) {
        if (u64map_put(&tallies->places, tallies->items[i].key + 1, i) != 0) {
            return RL_NOMEM;
        }
    }
    tallies->last = tallies->count;
    return RL_OK;
}

/* Adds an entry for each thread of the stretch, and for those whose frames are new there. */
static rl_status make_threads(struct index_builder *b, struct index_stretch *stretch)
{
    for (size_t i = 0; i < b->frames.count; i++) {
        const struct tally *frames = &b->frames.items[i];
        if (frames->kinds != 0 && frames->key <= UINT32_MAX) {
            struct tally *thread = tally_of(&b->threads, frames->key);
            if (thread == NULL) {
                return RL_NOMEM;
            }
            thread->first = thread->kinds == 0 ? 1 : thread->first; /* and no last one */
        }
    }
    stretch->threads = rl_alloc(b->threads.count, sizeof *stretch->threads);
    if (stretch->threads == NULL || sort_tallies(&b->threads) != RL_OK) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < b->threads.count; i++) {
        const struct tally *thread = &b->threads.items[i];
        const uint64_t *place = u64map_get(&b->frames.places, thread->key + 1);
        const struct tally *frames = place != NULL ? &b->frames.items[*place] : NULL;
        stretch->threads[stretch->thread_count++] = (struct index_thread){
            .thread = (uint32_t)thread->key,
            .first = thread->first,
            .last = thread->count,
            .ordinal = frames != NULL && frames->kinds != 0 ? frames->count : 0,
        };
    }
    return RL_OK;
}

static rl_status make_codes(struct index_builder *b, struct index_stretch *stretch)
{
    size_t line = 0, kinds = 0;
    for (size_t i = 0; i < b->codes.count; i++) {
        kinds += (size_t)__builtin_popcount(b->codes.items[i].kinds);
    }
    stretch->codes = rl_alloc(b->codes.count, sizeof *stretch->codes);
    stretch->lines = rl_alloc(b->lines.count, sizeof *stretch->lines);
    stretch->counts = rl_alloc(kinds, sizeof *stretch->counts);
    if (stretch->codes == NULL || stretch->lines == NULL || stretch->counts == NULL ||
        sort_tallies(&b->codes) != RL_OK || sort_tallies(&b->lines) != RL_OK) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < b->codes.count; i++) {
        const struct tally *tally = &b->codes.items[i];
        struct index_code *code = &stretch->codes[stretch->code_count++];
        const struct code_counts *counts = &b->counts[tally->nth];
        *code = (struct index_code){.code = (uint32_t)tally->key,
                                    .kinds = tally->kinds,
                                    .first_count = stretch->count_count,
                                    .begins = tally->count,
                                    .running = counts->running,
                                    .ended = counts->ended,
                                    .raised = counts->raised,
                                    .first_line = line};
        for (unsigned kind = 0; kind < RL_EVENT_KINDS; kind++) {
            if ((tally->kinds >> kind & 1) != 0) {
                stretch->counts[stretch->count_count++] = counts->of[kind];
            }
        }
        for (; line < b->lines.count && b->lines.items[line].key >> 32 == tally->key; line++) {
            stretch->lines[line] =
                (struct index_line){(uint32_t)b->lines.items[line].key, b->lines.items[line].count};
            code->line_count++;
        }
    }
    stretch->line_count = line;
    return RL_OK;
}

/* Forgets the stretch, and begins the next one. */
static void begin_stretch(struct index_builder *b)
{
    clear_tallies(&b->codes);
    clear_tallies(&b->lines);
    clear_tallies(&b->threads);
    for (size_t i = 0; i < b->frames.count; i++) {
        b->frames.items[i].kinds = 0;
    }
    b->covered = b->given;
    b->stretch = (struct index_stretch){.before = b->given};
    b->has_list = 1;
    bytes_out_reset(&b->list);
    landmarks_pass_reset(&b->landmarks);
    b->enough = b->least;
}

/* ---- writing ---- */

/* Appends a block to those that wait in `sealed`. */
static rl_status seal_block(struct index_builder *b, enum index_block type)
{
    const struct block_parts parts = {b->raw.len, 0, 0};
    if (b->raw.failed) {
        return RL_NOMEM;
    }
    if (b->raw.len > RL_BLOCK_RAW_MAX) {
        return RL_LIMIT;
    }
    return block_seal(b->reader->coder, (enum rl_block_type)type, NULL, 0, b->raw.data, &parts,
                      &b->sealed);
}

static rl_status write_sealed(struct index_builder *b)
{
    int os_errno;
    if (os_pwrite(b->fd, b->sealed.data, b->sealed.len, b->size, &os_errno) != 0) {
        return RL_IO;
    }
    b->size += b->sealed.len;
    return RL_OK;
}

/* Seals a block that has nothing in it but `raw`, and writes it. */
static rl_status write_block(struct index_builder *b, enum index_block type)
{
    bytes_out_reset(&b->sealed);
    rl_status status = seal_block(b, type);
    return status == RL_OK ? write_sealed(b) : status;
}

/* Returns the bytes that an index may take for what was read so far. */
static uint64_t room_of(const struct index_builder *b)
{
    if (b->share == 0) {
        return UINT64_MAX;
    }
    double part = (double)b->given / (double)(b->reader->events + 1);
    return (uint64_t)((double)b->reader->size * part / b->share);
}

/* Writes the stretch and the state behind it. Where there is no room for them yet, the stretch goes
 * on until it is twice as long. The size of a state is known once it is made. */
static rl_status end_stretch(struct index_builder *b)
{
    struct index_stretch stretch = b->stretch;
    bytes_out_reset(&b->sealed);
    bytes_out_reset(&b->raw);
    rl_status status = make_threads(b, &stretch);
    status = status == RL_OK ? make_codes(b, &stretch) : status;
    if (status == RL_OK) {
        stretch.has_list = b->has_list;
        index_stretch_put(&stretch, &b->raw);
        status = seal_block(b, INDEX_STRETCH);
    }
    index_stretch_fini(&stretch);
    if (status == RL_OK && b->has_list) {
        bytes_out_reset(&b->raw);
        bytes_put(&b->raw, b->list.data, b->list.len);
        b->raw.failed |= b->list.failed;
        status = seal_block(b, INDEX_LIST);
    }
    if (status == RL_OK) {
        bytes_out_reset(&b->raw);
        instant_save(b->instant, &b->raw);
        status = seal_block(b, INDEX_STATE);
    }
    if (status == RL_OK) {
        bytes_out_reset(&b->raw);
        open_calls_put(&b->open, &b->raw);
        status = seal_block(b, INDEX_OPEN);
    }
    if (status == RL_OK) {
        bytes_out_reset(&b->raw);
        landmarks_pass_put(&b->landmarks, &b->raw);
        status = seal_block(b, INDEX_LANDMARKS);
    }
    if (status == RL_OK && b->size + b->sealed.len > room_of(b)) {
        b->enough += b->has_list ? 1 : b->enough; /* at first, try it without the list */
        b->has_list = 0;
        return RL_OK;
    }
    status = status == RL_OK ? write_sealed(b) : status;
    if (status == RL_OK) {
        begin_stretch(b);
    }
    return status;
}

/* ---- the reading ---- */

/* Ends the last stretch with the recording, and writes the lives. Without room for one of them,
 * whoever asks reads that part. */
static rl_status end_recording(struct index_builder *b)
{
    rl_status status = RL_OK;
    if (b->reader->is_being_written) {
        return RL_OK; /* its end is not that of the answers */
    }
    for (int tries = 0; tries < 2 && status == RL_OK && b->stretch.events != 0; tries++) {
        status = end_stretch(b);
    }
    if (status != RL_OK || b->stretch.events != 0 || !b->has_lives || b->covered == 0) {
        return status == RL_LIMIT ? RL_OK : status;
    }
    bytes_out_reset(&b->raw);
    bytes_out_reset(&b->sealed);
    lives_pass_put(&b->lives, &b->raw);
    status = seal_block(b, INDEX_LIVES);
    if (status == RL_OK && b->size + b->sealed.len <= room_of(b)) {
        status = write_sealed(b);
    }
    return status == RL_LIMIT ? RL_OK : status;
}

/* Writes that no more can be covered. */
static rl_status end_index(struct index_builder *b)
{
    b->is_over = 1;
    bytes_out_reset(&b->raw);
    rl_status status = write_block(b, INDEX_OVER);
    return status == RL_OK ? RL_END : status;
}

rl_status index_builder_step(struct index_builder *b, uint64_t events)
{
    struct event_out event;
    rl_status status = b->is_over ? RL_END : RL_OK;
    for (uint64_t i = 0; i < events && status == RL_OK; i++) {
        status = instant_next(b->instant, &event);
        if (status != RL_OK) {
            break;
        }
        if (event.is_after_gap || b->reader->problem_count > b->problems) {
            return end_index(b);
        }
        status = note_event(b, &event);
        status = status == RL_OK ? note_life(b, &event) : status;
        status = status == RL_OK ? landmarks_pass_take(&b->landmarks, &event) : status;
        if (status == RL_LIMIT) {
            return end_index(b);
        }
        b->given++;
        if (status == RL_OK && !cursor_has_more_below(b->instant->cursor, UINT32_MAX)) {
            status = end_recording(b); /* while the last event still has its values */
            break;
        }
        if (status == RL_OK && b->stretch.events >= b->enough) {
            status = end_stretch(b);
            status = status == RL_LIMIT ? end_index(b) : status;
        }
    }
    b->is_over |= status == RL_END;
    return status;
}

/* ---- begin and end ---- */

int index_is_wanted(const struct reader *reader, const struct index *known, uint64_t least)
{
    uint64_t covered = known != NULL ? known->covered : 0;
    if (reader->problem_count != 0 || (reader->header.flags & RL_FLAG_RING) != 0 ||
        (known != NULL && known->is_over)) {
        return 0;
    }
    return reader->events - covered >= least + covered / 8;
}

/* Copies the pairs of an index, which is at most 1/share of a recording that has grown since. */
static rl_status copy_pairs(struct index_builder *b, const struct index *known)
{
    uint64_t at = known->stretches[0].state_end;
    rl_status status = RL_OK;
    int os_errno;
    while (status == RL_OK && at < known->size) {
        size_t n = known->size - at < 1 << 20 ? (size_t)(known->size - at) : 1 << 20;
        bytes_out_reset(&b->sealed);
        uint8_t *room = bytes_room(&b->sealed, n);
        if (room == NULL) {
            return RL_NOMEM;
        }
        if (os_pread(known->fd, room, n, at, &os_errno) != 0) {
            return RL_IO;
        }
        b->sealed.len = n;
        status = write_sealed(b);
        at += n;
    }
    return status;
}

/* Goes on with the calls that are open, and with the lives where they are known. */
static rl_status go_on_counting(struct index_builder *b, const struct index *known)
{
    rl_status status = index_open_calls(known, known->count, &b->raw);
    status = status == RL_OK ? open_calls_take(&b->open, b->raw.data, b->raw.len, NULL) : status;
    for (size_t i = 0; i < known->count && status == RL_OK; i++) {
        const struct index_stretch *stretch = &known->stretches[i];
        for (size_t j = 0; j < stretch->code_count && status == RL_OK; j++) {
            const struct index_code *code = &stretch->codes[j];
            if (open_calls_count(&b->open, b->reader, code->code, code->begins) != 0) {
                status = RL_NOMEM;
            }
        }
    }
    if (status == RL_OK) {
        status = index_lives(known, &b->raw);
        status = status == RL_OK ? lives_pass_load(&b->lives, b->raw.data, b->raw.len) : status;
        b->has_lives = status == RL_OK;
        status = status == RL_DAMAGED ? RL_OK : status;
    }
    return status;
}

/* Goes on where an index ends. */
static rl_status go_on(struct index_builder *b, const struct index *known)
{
    struct event_out last;
    rl_status status = copy_pairs(b, known);
    status = status == RL_OK ? index_state(known, known->count, &b->raw) : status;
    status = status == RL_OK ? instant_load(b->reader, b->raw.data, b->raw.len, &last, &b->instant)
                             : status;
    for (size_t i = 0; i < known->count && status == RL_OK; i++) {
        for (size_t j = 0; j < known->stretches[i].thread_count && status == RL_OK; j++) {
            const struct index_thread *thread = &known->stretches[i].threads[j];
            status = note_frame(b, (uint64_t)thread->thread << RL_FRAME_ORDINAL_BITS |
                                       (thread->ordinal & RL_FRAME_ORDINAL_MASK));
        }
    }
    b->given = known->covered;
    return status == RL_OK ? go_on_counting(b, known) : status;
}

rl_status index_builder_open(struct reader *reader, const struct index *known, int fd,
                             unsigned share, uint64_t stretch, const struct landmarks_plan *plan,
                             struct index_builder **out)
{
    struct index_builder *b = rl_zalloc(1, sizeof *b);
    if (b == NULL) {
        return RL_NOMEM;
    }
    uint64_t least = reader->events / STRETCHES_MOST;
    b->reader = reader;
    b->fd = fd;
    b->share = share;
    b->least = stretch != 0 ? stretch : least > STRETCH_LEAST ? least : STRETCH_LEAST;
    b->problems = reader->problem_count;
    b->lives.reader = reader;
    b->has_lives = 1;
    landmarks_pass_open(&b->landmarks, reader, plan);
    index_head_put(reader, &b->raw);
    rl_status status = write_block(b, INDEX_HEAD);
    status = status == RL_OK ? stories_find_enders(reader, &b->enders) : status;
    if (status == RL_OK && open_calls_count_before(&b->open, reader) != 0) {
        status = RL_NOMEM;
    }
    if (status == RL_OK) {
        status = known != NULL && known->count != 0 ? go_on(b, known)
                                                    : instant_open(reader, &b->instant);
    }
    if (status != RL_OK) {
        index_builder_close(b);
        return status;
    }
    begin_stretch(b);
    *out = b;
    return RL_OK;
}

uint64_t index_builder_covered(const struct index_builder *builder)
{
    return builder->covered;
}

void index_builder_close(struct index_builder *b)
{
    if (b == NULL) {
        return;
    }
    tallies_fini(&b->codes);
    tallies_fini(&b->lines);
    tallies_fini(&b->threads);
    tallies_fini(&b->frames);
    rl_free(b->counts);
    open_calls_fini(&b->open);
    landmarks_pass_fini(&b->landmarks);
    lives_pass_fini(&b->lives);
    u64map_fini(&b->enders);
    bytes_out_fini(&b->list);
    bytes_out_fini(&b->raw);
    bytes_out_fini(&b->sealed);
    instant_close(b->instant);
    rl_free(b);
}
