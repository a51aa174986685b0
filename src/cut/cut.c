/* Why: see cut.h. The chunks are taken in the order of their begin:
 *
 *   before the interval          counted
 *   wholly inside                the stored bytes are copied; events are decoded for SUMMARY alone
 *   across one of its ends       the events inside are encoded again
 *   of a file without an end     (rows of a slot) the same
 *
 * Invariants:
 *  1. An event is inside where it is neither before `from` nor behind `to` in the order of the
 *     cursor: by time, at one tick by thread, within a thread by number.
 *  2. A chunk that is encoded from its begin keeps its references (shown_again.h). One whose begin
 *     is left out has every value in full, since its first showing may be gone. It may then become
 *     several chunks.
 *  3. Chunks of a thread are numbered from 0, without gaps. */
#include "cut.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "begin.h"
#include "cut_file.h"
#include "follow.h"
#include "os.h"
#include "shown_again.h"
#include "status.h"

enum { CHUNK_BYTES = 4 << 20 }; /* of tokens and values, of a chunk that is encoded */

/* A thread that has events in the file. */
struct cut_thread {
    uint32_t thread;
    uint64_t next;          /* number behind its last event that was left out before */
    uint64_t top;           /* innermost open frame behind the last chunk that was encoded */
    uint64_t key;           /* ticks of its last event; they never go back */
    uint64_t chunks;        /* that were written */
    int has_events;         /* some were kept */
    uint64_t before, after; /* events that were left out */
};

struct cutting {
    struct reader *reader;
    const struct cut_question *question;
    struct cut_result *result;
    struct begin begin;
    uint64_t from, to; /* ticks */
    uint64_t end;      /* what is open then has run until these ticks */
    struct cut_file file;
    struct summary summary;
    struct summary_lane *lane;
    struct u64map index;        /* thread -> index in `threads`, plus 1 */
    struct cut_thread *threads; /* owned */
    size_t thread_count, thread_cap;
    struct chunk_maker maker;
    int is_making; /* the maker has a chunk */
    struct tokens tokens;
    struct shown_again shown;
    struct bytes_out raw;
    struct used used; /* of a whole recording */
};

/* Returns the ns of CLOCK_MONOTONIC at some ticks, as the original has them. */
static uint64_t mono_of(const struct cutting *cutting, uint64_t ticks)
{
    return cutting->reader->header.run_mono + reader_time(cutting->reader, ticks);
}

/* Returns whether an event is before the interval. `key` is the time of its thread then. */
static int is_before(const struct cutting *cutting, uint32_t thread, uint64_t seq, uint64_t key)
{
    const struct begin *from = &cutting->begin;
    if (thread == from->thread) {
        return seq < from->seq;
    }
    return key != cutting->from ? key < cutting->from : thread < from->thread;
}

/* Returns whether an event is behind the interval. */
static int is_behind(const struct cutting *cutting, uint32_t thread, uint64_t seq, uint64_t key)
{
    const struct cut_end *to = &cutting->question->to;
    if (thread == to->thread) {
        return seq > to->seq;
    }
    return key != cutting->to ? key > cutting->to : thread > to->thread;
}

/* Returns the entry of a thread, a new one where it has none; NULL without memory. */
static struct cut_thread *take_thread(struct cutting *cutting, uint32_t thread)
{
    const uint64_t *known = u64map_get(&cutting->index, thread);
    void *threads = cutting->threads;
    if (known != NULL) {
        return &cutting->threads[*known - 1];
    }
    if (rl_grow(&threads, &cutting->thread_cap, cutting->thread_count + 1,
                sizeof *cutting->threads) != 0) {
        return NULL;
    }
    cutting->threads = threads;
    if (u64map_put(&cutting->index, thread, cutting->thread_count + 1) != 0) {
        return NULL;
    }
    cutting->threads[cutting->thread_count] = (struct cut_thread){.thread = thread};
    return &cutting->threads[cutting->thread_count++];
}

/* ---- a chunk that is encoded ---- */

/* Begins a chunk with this number of its first event, and this frame for its first call. */
static void make_chunk(struct cutting *cutting, struct cut_thread *thread,
                       const struct chunk_info *like, uint64_t seq, uint64_t next_frame,
                       uint64_t ticks)
{
    struct chunk_info info = {
        .thread = like->thread,
        .chunk = thread->chunks++,
        .first_seq = seq,
        .first_call = next_frame & RL_FRAME_ORDINAL_MASK,
        .ticks0 = ticks,
        .mono0 = mono_of(cutting, ticks),
        .top = seq == like->first_seq ? like->top : thread->top,
        .name = like->name,
    };
    used_string(&cutting->used, like->name);
    chunk_maker_begin(&cutting->maker, &info);
    cutting->lane = summary_begin_chunk(&cutting->summary, &info);
    cutting->is_making = 1;
}

/* Appends an event to the chunk, and counts it in SUMMARY. */
static rl_status put_rec(struct cutting *cutting, const struct rec *rec)
{
    cutting->maker.info.ticks1 = rec->ticks;
    summary_add(&cutting->summary, cutting->lane, rec);
    if (cutting->question->is_whole) {
        used_event(&cutting->used, rec);
    }
    return chunk_maker_add(&cutting->maker, rec);
}

/* Writes the chunk, where one has begun. */
static rl_status end_chunk(struct cutting *cutting)
{
    struct chunk_info *info = &cutting->maker.info;
    const uint8_t *data = NULL;
    size_t len;
    if (!cutting->is_making) {
        return RL_OK;
    }
    cutting->is_making = 0;
    struct cut_thread *thread = take_thread(cutting, info->thread); /* it is there */
    uint64_t top = summary_end_chunk(cutting->lane, info->events);
    if (thread != NULL) {
        thread->top = top;
    }
    rl_status status = chunk_maker_end(&cutting->maker, &data, &len);
    if (status == RL_OK) {
        info->mono1 = mono_of(cutting, info->ticks1);
        cutting->result->encoded++;
        status = cut_file_chunk(&cutting->file, info, data);
    }
    return status;
}

/* ---- what is open at the begin ---- */

/* Returns the ticks of the events that say what is open: right before the first event, so that they
 * come before those of all threads. */
static uint64_t begin_ticks(const struct cutting *cutting)
{
    return cutting->from != 0 ? cutting->from - 1 : 0;
}

/* Writes the events that say what is open in a thread, or only counts them. */
static rl_status put_begin(struct cutting *cutting, const struct begun_thread *of, int is_counting,
                           uint64_t *count)
{
    struct rec rec = {.kind = RL_EVENT_THREAD_START,
                      .id = of->name,
                      .frame = of->native_id,
                      .ticks = begin_ticks(cutting)};
    rl_status status = is_counting ? RL_OK : put_rec(cutting, &rec);
    uint32_t task = 0;
    *count = 1;
    if (of->session != 0) {
        rec = (struct rec){.kind = RL_EVENT_SESSION_START, .id = of->session, .ticks = rec.ticks};
        status = status == RL_OK && !is_counting ? put_rec(cutting, &rec) : status;
        ++*count;
    }
    for (size_t i = 0; status == RL_OK && i < of->frame_count; i++) {
        const struct open_activation *open = &of->frames[i];
        const uint64_t *name = u64map_get(&cutting->begin.task_names, (uint64_t)open->task + 1);
        if (open->task != 0 && open->task != task) {
            rec = (struct rec){.kind = RL_EVENT_TASK_START,
                               .frame = open->task,
                               .ticks = rec.ticks,
                               .id = name != NULL ? (uint32_t)*name : 0};
            status = is_counting ? RL_OK : put_rec(cutting, &rec);
            rec.kind = RL_EVENT_TASK_SWITCH;
            rec.id = 0;
            status = status == RL_OK && !is_counting ? put_rec(cutting, &rec) : status;
            *count += 2;
        }
        task = open->task;
        rec = (struct rec){.kind = RL_EVENT_RUNNING,
                           .id = open->code,
                           .frame = open->frame,
                           .ticks = rec.ticks,
                           .has_switch = open->is_root && i != 0};
        status = status == RL_OK && !is_counting ? put_rec(cutting, &rec) : status;
        ++*count;
    }
    return status;
}

/* Writes a chunk of these events before the first one of a thread. They have the numbers of the
 * last events that are left out. Where there are too few of those, as events of the thread were
 * lost, BEFORE alone says what is open. */
static rl_status begin_thread(struct cutting *cutting, struct cut_thread *thread,
                              const struct chunk_info *info, uint64_t next_frame)
{
    struct begun_thread *of = begin_of(&cutting->begin, info->thread);
    uint64_t count, until = thread->next;
    if (of == NULL || of->has_ended || put_begin(cutting, of, 1, &count) != RL_OK) {
        return RL_OK;
    }
    of->is_kept = 1;
    of->until = of->first = until;
    if (count > until) {
        return RL_OK;
    }
    of->first = until - count;
    make_chunk(cutting, thread, info, until - count, next_frame, begin_ticks(cutting));
    cutting->maker.info.top = 0;
    rl_status status = put_begin(cutting, of, 0, &count);
    cutting->result->begun += count;
    return status == RL_OK ? end_chunk(cutting) : status;
}

/* ---- chunks of the recording ---- */

/* Decodes the events of a chunk, rows or tokens. */
struct decoding {
    struct tokens *tokens;
    struct rows rows;
    int is_rows;
};

static struct decoding decode_begin(struct cutting *cutting, const struct chunk_ref *ref)
{
    struct decoding decoding = {.tokens = &cutting->tokens, .is_rows = ref->row_bytes != 0};
    if (decoding.is_rows) {
        decoding.rows = rows_of(&ref->info, cutting->raw.data, cutting->raw.len);
    } else {
        tokens_begin(&cutting->tokens, &ref->info, cutting->raw.data);
    }
    return decoding;
}

static rl_status decode_next(struct decoding *decoding, struct rec *rec)
{
    rl_status status;
    do {
        status = decoding->is_rows ? rows_next(&decoding->rows, rec)
                                   : tokens_next(decoding->tokens, rec);
    } while (status == RL_OK && rec->kind >= RL_EVENT_KINDS);
    return status;
}

/* Encodes those events of a chunk that are inside. */
static rl_status encode_chunk(struct cutting *cutting, struct cut_thread *thread,
                              const struct chunk_ref *ref)
{
    const struct chunk_info *info = &ref->info;
    uint64_t seq = info->first_seq, next = RL_FRAME(info->thread, info->first_call);
    struct begun_thread *of = begin_of(&cutting->begin, info->thread);
    struct decoding decoding = decode_begin(cutting, ref);
    struct rec rec;
    rl_status status = RL_OK, decoded = RL_END;
    int is_from_begin = 1;
    shown_again_begin(&cutting->shown);
    for (; status == RL_OK && (decoded = decode_next(&decoding, &rec)) == RL_OK; seq++) {
        thread->key = rec.ticks > thread->key ? rec.ticks : thread->key;
        int before = is_before(cutting, info->thread, seq, thread->key);
        is_from_begin = is_from_begin && !before;
        if (!is_from_begin && shown_again_put(&cutting->shown, &rec) != RL_OK) {
            status = RL_NOMEM;
        } else if (before) {
            thread->before++;
            thread->next = seq + 1;
            if (of != NULL && kind_switches_session(rec.kind, rec.data_len)) {
                of->session = rec.id;
            }
        } else if (is_behind(cutting, info->thread, seq, thread->key)) {
            thread->after++;
        } else {
            if (!thread->has_events) {
                thread->has_events = 1;
                status = begin_thread(cutting, thread, info, next);
            }
            if (status == RL_OK && cutting->is_making && !is_from_begin &&
                cutting->maker.tokens.len + cutting->maker.values.len > CHUNK_BYTES) {
                status = end_chunk(cutting);
            }
            if (!cutting->is_making) {
                make_chunk(cutting, thread, info, seq, next, rec.ticks);
            }
            cutting->result->events++;
            status = status == RL_OK ? put_rec(cutting, &rec) : status;
        }
        next += kind_begins(rec.kind) && rec.frame == next;
    }
    rl_status ended = end_chunk(cutting);
    if (decoded == RL_DAMAGED) {
        reader_problem(cutting->reader, "thread %u: chunk %llu is damaged; its rest is left out",
                       info->thread, (unsigned long long)info->chunk);
    } else if (decoded == RL_NOMEM) {
        status = RL_NOMEM;
    }
    return status == RL_OK ? ended : status;
}

/* Copies a chunk that is wholly inside. */
static rl_status copy_chunk(struct cutting *cutting, struct cut_thread *thread,
                            const struct chunk_ref *ref)
{
    struct chunk_info info = ref->info;
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    struct block_header header;
    struct rec rec;
    int os_errno;
    rl_status status = RL_OK;
    if (reader_pread(cutting->reader, bytes, sizeof bytes, ref->offset, &os_errno) != 0 ||
        block_header_get(bytes, &header) != RL_OK || header.stored != cutting->reader->stored.len) {
        return encode_chunk(cutting, thread, ref); /* the file changes meanwhile */
    }
    if (!thread->has_events) {
        thread->has_events = 1;
        status = begin_thread(cutting, thread, &info, RL_FRAME(info.thread, info.first_call));
    }
    info.chunk = thread->chunks++;
    struct summary_lane *lane = summary_begin_chunk(&cutting->summary, &info);
    struct decoding decoding = decode_begin(cutting, ref);
    used_string(&cutting->used, info.name);
    while (decode_next(&decoding, &rec) == RL_OK) {
        summary_add(&cutting->summary, lane, &rec);
        if (cutting->question->is_whole) {
            used_event(&cutting->used, &rec);
        }
        thread->key = rec.ticks > thread->key ? rec.ticks : thread->key;
    }
    cutting->result->copied++;
    cutting->result->events += info.events;
    return status == RL_OK
               ? cut_file_copy(&cutting->file, &header, &info, cutting->reader->stored.data)
               : status;
}

/* Copies a chunk, encodes a part of it, or leaves it out. The index of the file is enough to leave
 * one out, so the cost follows what is kept. (Only begin.h reads the events before the interval.)
 */
static rl_status take_chunk(struct cutting *cutting, const struct chunk_ref *ref)
{
    struct chunk_ref full = *ref;
    struct cut_thread *thread = take_thread(cutting, ref->info.thread);
    if (thread == NULL) {
        return RL_NOMEM;
    }
    if (ref->row_bytes == 0 && ref->info.ticks1 < cutting->from && thread->key < cutting->from) {
        thread->before += ref->info.events;
        thread->next = ref->info.first_seq + ref->info.events;
        return RL_OK;
    }
    if (ref->info.ticks0 > cutting->to) {
        thread->after += ref->info.events;
        return RL_OK;
    }
    rl_status status = follow_load(cutting->reader, &full, &cutting->raw);
    if (status == RL_OK && full.row_bytes == 0) {
        status = chunk_info_get(cutting->reader->stored.data, cutting->reader->stored.len,
                                (uint32_t)cutting->raw.len, &full.info);
    }
    if (status == RL_DAMAGED || status == RL_NEWER) {
        reader_problem(cutting->reader, "thread %u: chunk %llu is damaged, and left out",
                       ref->info.thread, (unsigned long long)ref->info.chunk);
        return RL_OK;
    }
    if (status != RL_OK) {
        return status;
    }
    int is_inside = full.row_bytes == 0 && full.info.ticks0 > cutting->from &&
                    thread->key < cutting->to && full.info.ticks1 < cutting->to;
    return is_inside ? copy_chunk(cutting, thread, &full) : encode_chunk(cutting, thread, &full);
}

/* Orders chunks by their begin, those of a thread by their numbers. */
static int by_ticks(const void *left, const void *right)
{
    const struct chunk_ref *a = left, *b = right;
    if (a->info.ticks0 != b->info.ticks0) {
        return a->info.ticks0 < b->info.ticks0 ? -1 : 1;
    }
    if (a->info.thread != b->info.thread) {
        return a->info.thread < b->info.thread ? -1 : 1;
    }
    return a->info.chunk < b->info.chunk ? -1 : a->info.chunk > b->info.chunk;
}

/* Begins a thread that has no event in the interval, but was there. Counts what is left out. */
static rl_status end_thread(struct cutting *cutting, struct cut_thread *thread)
{
    const struct begun_thread *of = begin_of(&cutting->begin, thread->thread);
    const struct before_thread *known = before_thread_of(&cutting->reader->before, thread->thread);
    rl_status status = RL_OK;
    if (!thread->has_events) {
        const struct chunk_info like = {.thread = thread->thread,
                                        .name = of != NULL ? of->name : 0};
        status = begin_thread(cutting, thread, &like, RL_FRAME(thread->thread, 1));
    }
    if (thread->chunks != 0) {
        /* what a part began with was no event of the program */
        uint64_t added = known != NULL ? known->until - known->first : 0;
        cutting->result->before += thread->before - (added < thread->before ? added : 0);
        cutting->result->after += thread->after;
    }
    cutting->result->other_threads += thread->chunks == 0;
    return status;
}

static rl_status take_chunks(struct cutting *cutting)
{
    const struct reader *reader = cutting->reader;
    struct chunk_ref *order = rl_alloc(reader->chunk_count + 1, sizeof *order);
    rl_status status = order != NULL ? RL_OK : RL_NOMEM;
    if (order != NULL && reader->chunk_count != 0) {
        memcpy(order, reader->chunks, reader->chunk_count * sizeof *order);
        qsort(order, reader->chunk_count, sizeof *order, by_ticks);
    }
    for (size_t i = 0; status == RL_OK && i < reader->chunk_count; i++) {
        status = take_chunk(cutting, &order[i]);
    }
    for (size_t i = 0; i < cutting->thread_count && status == RL_OK; i++) {
        status = end_thread(cutting, &cutting->threads[i]);
    }
    rl_free(order);
    return status;
}

/* ---- the whole ---- */

/* Finds the ticks of both ends. */
static rl_status find_ends(struct cutting *cutting, struct rl_err *err)
{
    const struct cut_end *from = &cutting->question->from, *to = &cutting->question->to;
    struct cursor *cursor = NULL;
    struct event_out event = {0};
    if (cutting->question->is_whole) {
        const struct reader *reader = cutting->reader;
        cutting->to = UINT64_MAX; /* no event is before or behind: no thread has number 0 */
        cutting->end =
            reader->end_ticks > reader->last_ticks ? reader->end_ticks : reader->last_ticks;
        return RL_OK;
    }
    rl_status status = begin_read(cutting->reader, from->thread, from->seq, &cutting->begin);
    if (status == RL_OK) {
        status = cursor_open_thread(cutting->reader, to->thread, to->seq, &cursor);
    }
    while (status == RL_OK && (status = cursor_next(cursor, &event)) == RL_OK &&
           event.seq < to->seq) {
    }
    cursor_close(cursor);
    if (status == RL_END || (status == RL_OK && event.seq != to->seq)) {
        return status_set(err, RL_DAMAGED, "the chunk of an end of the interval is damaged");
    }
    cutting->from = cutting->begin.ticks;
    cutting->to = cutting->end = event.ticks;
    if (status == RL_OK &&
        (is_before(cutting, to->thread, to->seq, cutting->to) ||
         is_behind(cutting, cutting->begin.thread, cutting->begin.seq, cutting->from))) {
        return status_set(err, RL_USAGE, "the interval ends before it begins");
    }
    return status;
}

/* Writes the file, and removes it again where that fails. */
static rl_status write_part(struct cutting *cutting, struct rl_err *err)
{
    const struct cut_question *question = cutting->question;
    struct bytes_out summary = {0}, before = {0};
    rl_status status = cut_file_open(&cutting->file, cutting->reader, question->path,
                                     question->meta, question->meta_len, err);
    if (cutting->file.fd < 0) {
        return status;
    }
    if (status == RL_OK && !question->is_whole) {
        status = cut_file_definitions(&cutting->file, cutting->reader, NULL);
    }
    if (status == RL_OK) {
        status = take_chunks(cutting);
    }
    if (status == RL_OK && question->is_whole) {
        used_finish(&cutting->used, cutting->reader);
        int is_part = cutting->reader->before.is_there; /* what was before it names some, too */
        status = cutting->used.failed ? RL_NOMEM
                                      : cut_file_definitions(&cutting->file, cutting->reader,
                                                             is_part ? NULL : &cutting->used);
    }
    if (status == RL_OK) {
        summary_end(&cutting->summary, cutting->end);
        if (!cutting->summary.failed) {
            summary_put(&summary, &cutting->summary);
        }
        summary.len = summary.failed ? 0 : summary.len; /* readers compute it then */
        if (cutting->begin.count != 0) {
            begin_put(&cutting->begin, &before, &cutting->result->no_values);
        } else if (question->is_whole) {
            const struct bytes_out *own = &cutting->reader->before.bytes; /* where it is a part */
            bytes_put(&before, own->data, own->len);
        }
        status = before.failed ? RL_NOMEM
                               : cut_file_finish(&cutting->file, cutting->reader, cutting->end,
                                                 &summary, &before);
    }
    bytes_out_fini(&summary);
    bytes_out_fini(&before);
    if (status != RL_OK) {
        char why[128] = "no memory for the part";
        int ignored;
        if (status != RL_NOMEM) {
            os_error_text(cutting->file.os_errno, why, sizeof why);
        }
        (void)os_remove(question->path, &ignored);
        return status_set(err, status, "%s: %s", question->path, why);
    }
    return RL_OK;
}

rl_status cut_write(struct reader *reader, const struct cut_question *question,
                    struct cut_result *result, struct rl_err *err)
{
    struct cutting *cutting = rl_zalloc(1, sizeof *cutting);
    if (cutting == NULL) {
        return status_set(err, RL_NOMEM, "no memory for the part");
    }
    *result = (struct cut_result){0};
    cutting->reader = reader;
    cutting->question = question;
    cutting->result = result;
    cutting->file.fd = -1;
    rl_status status = find_ends(cutting, err);
    if (status == RL_OK) {
        status = write_part(cutting, err);
    } else if (status == RL_NOMEM) {
        status = status_set(err, RL_NOMEM, "no memory for the part");
    }
    cut_file_close(&cutting->file);
    begin_fini(&cutting->begin);
    summary_fini(&cutting->summary);
    chunk_maker_fini(&cutting->maker);
    tokens_fini(&cutting->tokens);
    shown_again_fini(&cutting->shown);
    bytes_out_fini(&cutting->raw);
    used_fini(&cutting->used);
    u64map_fini(&cutting->index);
    rl_free(cutting->threads);
    rl_free(cutting);
    return status;
}
