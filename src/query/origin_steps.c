/* Why: see origin_steps.h.
 *
 * Read back, a frame that is left comes first, and what it entered with comes last. So the calls
 * between two events of a frame are skipped by their frames:
 *
 *    LINE F   CALL G   LINE G   CALL H   RETURN H   RETURN G   WRITE F
 *    found <---------------------------------------  skip G  <- place
 *
 * What is read for long without anything that matters is left out by the index: chunks without
 * events of the function that is waited for. A search that ends soon does not look there. */
#include "origin_steps.h"

#include <string.h>

#include "alloc.h"
#include "frame_end.h"
#include "operand.h"
#include "origin_back.h"
#include "value.h"
#include "where.h"
#include "write_head.h"

static int is_text(struct text a, struct text b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static uint64_t identity_of(struct text value)
{
    struct bytes_in in = bytes_in_of(value.data, value.len);
    struct value one;
    return value.data != NULL && value_next(&in, &one) == RL_OK ? one.identity : 0;
}

/* Copies an event without its values. */
static struct event_out bare(const struct event_out *event)
{
    struct event_out copy = *event;
    copy.values = NULL;
    copy.values_len = 0;
    return copy;
}

struct text origin_value(const struct reader *reader, const struct event_out *event,
                         struct text name)
{
    struct text none = {NULL, 0};
    struct write_head head;
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    const uint8_t *begin = in.at;
    if (event->kind == RL_EVENT_WRITE) {
        return name.len != 0 && write_head_read(reader, event, &head) &&
                       is_text(reader_string(reader, head.name), name)
                   ? (struct text){(const char *)head.value, head.value_len}
                   : none;
    }
    if (kind_begins(event->kind)) {
        struct code_text code = reader_code(reader, event->id);
        for (uint32_t i = 0; i < code.args && bytes_left(&in) != 0; i++) {
            begin = in.at;
            if (value_skip(&in) != RL_OK) {
                return none;
            }
            if (is_text(reader_string(reader, code.names[i]), name)) {
                return (struct text){(const char *)begin, (size_t)(in.at - begin)};
            }
        }
        return none;
    }
    if (name.len != 0 || event->values_len == 0 || value_skip(&in) != RL_OK) {
        return none;
    }
    return (struct text){(const char *)begin, (size_t)(in.at - begin)};
}

/* ---- what is left out ---- */

enum { LOOK_AFTER = 4096 }; /* events without anything that matters */

/* A search that waits for events of one function. */
struct waiting {
    struct back *back;
    uint64_t read;
    struct u64map codes;
    struct index_wanted wanted;
};

static void waiting_fini(struct waiting *waiting)
{
    u64map_fini(&waiting->codes);
}

/* Adds all ids of a function. */
static rl_status add_codes(const struct reader *reader, uint32_t id, struct u64map *codes)
{
    struct code_text code = reader_code(reader, id);
    rl_status status = RL_OK;
    for (size_t i = 0; i < reader->codes.capacity && status == RL_OK; i++) {
        uint64_t other = reader->codes.entries[i].key;
        struct code_text text = reader_code(reader, (uint32_t)other);
        if (other != 0 && text.line == code.line && is_text(text.qualname, code.qualname) &&
            is_text(text.file, code.file)) {
            status = u64map_put(codes, other + 1, 1) == 0 ? RL_OK : RL_NOMEM;
        }
    }
    return status == RL_OK && u64map_put(codes, (uint64_t)id + 1, 1) != 0 ? RL_NOMEM : status;
}

/* Counts an event that does not matter, while those of a function are waited for: of these kinds,
 * or of any with 0. */
static rl_status wait_for(struct waiting *waiting, const struct reader *reader, uint32_t code,
                          uint32_t kinds)
{
    if (reader->index == NULL || code == 0 || ++waiting->read != LOOK_AFTER) {
        return RL_OK;
    }
    u64map_clear(&waiting->codes);
    waiting->wanted = (struct index_wanted){.kinds = kinds, .codes = &waiting->codes};
    back_want(waiting->back, &waiting->wanted, NULL);
    return add_codes(reader, code, &waiting->codes);
}

/* Something has come that matters. */
static void wait_no_more(struct waiting *waiting)
{
    if (waiting->read >= LOOK_AFTER) {
        back_want(waiting->back, NULL, NULL);
    }
    waiting->read = 0;
}

/* ---- what bound a name ---- */

/* A search for what bound a name. `bound->event` is the candidate so far. */
struct binding {
    const struct origin_from *from;
    const struct origin_name *name;
    struct origin_bound *bound;
    uint64_t frame; /* of the candidate */
    uint64_t identity;
    struct event_out later; /* the event of the frame that follows, without values */
    int is_done;
};

static rl_status take_candidate(struct binding *search, const struct event_out *event,
                                uint64_t identity)
{
    kept_event_fini(&search->bound->event);
    search->frame = event->frame;
    search->identity = identity;
    return kept_event_take(&search->bound->event, event) == 0 ? RL_OK : RL_NOMEM;
}

/* Takes a write of the name, or the begin of its frame. One object that is written again has only
 * changed inside. */
static rl_status take_value(struct binding *search, const struct event_out *event,
                            struct text value)
{
    struct origin_bound *bound = search->bound;
    uint64_t identity = identity_of(value);
    if (bound->is_unseen) {
        search->is_done = 1;
        return take_candidate(search, event, identity);
    }
    if (bound->event.out.kind != 0) {
        if (identity == 0 || identity != search->identity) {
            search->is_done = 1; /* the candidate is what bound it */
            return RL_OK;
        }
        if (bound->change.out.kind == 0) {
            bound->change = bound->event;
            bound->event = (struct kept_event){0};
        }
        bound->line = (struct event_out){0};
    }
    search->is_done = kind_begins(event->kind);
    return take_candidate(search, event, identity);
}

/* Returns whether the event behind a line shows that the line has bound its name. */
static int has_bound(const struct event_out *later, const struct event_out *line, uint64_t how)
{
    if (how >= ORIGIN_LINE_BODY) {
        return later->kind == RL_EVENT_LINE && later->line > line->line &&
               later->line <= how - ORIGIN_LINE_BODY;
    }
    return how == ORIGIN_LINE_ALWAYS &&
           (later->kind == RL_EVENT_LINE || later->kind == RL_EVENT_WRITE ||
            later->kind == RL_EVENT_RETURN || later->kind == RL_EVENT_YIELD);
}

/* Takes a line of the frame. It has bound what was written behind it, or nothing was written since
 * the value is the same. */
static void take_line(struct binding *search, const struct event_out *event)
{
    struct origin_bound *bound = search->bound;
    const uint64_t *how = u64map_get(search->name->lines, event->line);
    if (bound->event.out.kind != 0) {
        if (bound->line.kind == 0 && event->frame == search->frame) {
            bound->line = bare(event);
            bound->is_by_line = how != NULL;
            search->is_done = how != NULL || search->identity == 0;
        }
    } else if (!bound->is_unseen && how != NULL && has_bound(&search->later, event, *how)) {
        bound->line = bare(event);
        bound->after = search->later;
        bound->is_by_line = bound->is_unseen = 1;
    }
}

/* Takes the begin of a frame that may have the shared variable. A value that was written before its
 * first line was there already. */
static rl_status take_begin_of_sharing(struct binding *search, const struct event_out *event)
{
    struct origin_bound *bound = search->bound;
    if (bound->event.out.kind == RL_EVENT_WRITE && bound->line.kind == 0 &&
        event->frame == search->frame) {
        kept_event_fini(&bound->event);
        bound->event = (struct kept_event){0};
    }
    struct text value = origin_value(search->from->reader, event, search->name->text);
    return value.data != NULL ? take_value(search, event, value) : RL_OK;
}

static rl_status take_event(struct binding *search, const struct event_out *event)
{
    struct reader *reader = search->from->reader;
    struct write_head head;
    rl_status status = RL_OK;
    if (event->kind == RL_EVENT_LINE) {
        take_line(search, event);
    } else if (event->kind == RL_EVENT_WRITE) {
        if (write_head_read(reader, event, &head) &&
            is_text(reader_string(reader, head.name), search->name->text) &&
            (search->name->frame != 0 || search->name->is_cell || head.scope != RL_WRITE_SLOT)) {
            status =
                take_value(search, event, (struct text){(const char *)head.value, head.value_len});
        }
    } else if (kind_begins(event->kind) && search->name->frame != 0) {
        struct text value = origin_value(reader, event, search->name->text);
        if (value.data != NULL) {
            status = take_value(search, event, value);
        }
        search->is_done = 1;
    }
    if (kind_begins(event->kind) && search->name->is_cell) {
        status = take_begin_of_sharing(search, event);
    }
    search->later = bare(event);
    return status;
}

/* A generator or coroutine may have run in another thread before. */
static int may_come_from_elsewhere(const struct origin_from *from, const struct event_out *event)
{
    return (event->kind == RL_EVENT_RESUME || event->kind == RL_EVENT_THROW) &&
           from->reader->chunk_count != 0 &&
           from->reader->chunks[0].info.thread !=
               from->reader->chunks[from->reader->chunk_count - 1].info.thread;
}

/* Returns whether an event may have to do with a name. */
static int is_about(const struct origin_name *name, const struct event_out *event)
{
    if (name->frame != 0) {
        return event->frame == name->frame;
    }
    return (event->kind == RL_EVENT_LINE || event->kind == RL_EVENT_WRITE ||
            (name->is_cell && kind_begins(event->kind))) &&
           u64map_get(name->codes, (uint64_t)event->id + 1) != NULL;
}

/* Makes what a search may leave out: events of other functions. C functions that the frame calls
 * have ids of their own. */
static rl_status want_name(const struct reader *reader, const struct origin_name *name,
                           struct waiting *waiting)
{
    rl_status status = RL_OK;
    waiting->wanted = (struct index_wanted){.codes = &waiting->codes};
    if (name->frame == 0) {
        waiting->wanted.codes = name->codes;
        waiting->wanted.kinds = UINT32_C(1) << RL_EVENT_LINE | UINT32_C(1) << RL_EVENT_WRITE;
        waiting->wanted.kinds |= name->is_cell ? UINT32_C(1) << RL_EVENT_CALL : 0;
    }
    for (size_t i = 0; name->frame != 0 && i < name->codes->capacity && status == RL_OK; i++) {
        uint64_t key = name->codes->entries[i].key;
        status = key != 0 ? add_codes(reader, (uint32_t)(key - 1), &waiting->codes) : RL_OK;
    }
    for (size_t i = 0; name->frame != 0 && i < reader->codes.capacity && status == RL_OK; i++) {
        uint64_t id = reader->codes.entries[i].key;
        if (id != 0 && (reader_code(reader, (uint32_t)id).flags & RL_CODE_NATIVE) != 0) {
            status = u64map_put(&waiting->codes, id + 1, 1) == 0 ? RL_OK : RL_NOMEM;
        }
    }
    return status;
}

static rl_status open_search(const struct origin_from *from, uint32_t thread, uint64_t seq,
                             int is_alone, struct back **back)
{
    rl_status status = back_open(from->reader, thread, seq, is_alone, back);
    return status == RL_OK ? back_limit(*back, ORIGIN_FAR * from->most, 0) : status;
}

rl_status origin_bound(const struct origin_from *from, const struct origin_name *name,
                       struct origin_bound *out)
{
    struct binding search = {.from = from, .name = name, .bound = out};
    struct waiting waiting = {0};
    struct back *back = NULL;
    struct event_out event;
    uint64_t left = from->most != 0 ? from->most : UINT64_MAX;
    int is_alone = name->frame != 0 && name->frame >> RL_FRAME_ORDINAL_BITS == from->thread;
    *out = (struct origin_bound){0};
    rl_status status = open_search(from, from->thread, from->seq, is_alone, &back);
    while (status == RL_OK && !search.is_done && (status = back_prev(back, &event)) == RL_OK) {
        if (!is_about(name, &event)) {
            if (from->reader->index != NULL && name->codes->count != 0 &&
                ++waiting.read == LOOK_AFTER) {
                status = want_name(from->reader, name, &waiting);
                back_want(back, &waiting.wanted, NULL);
            }
            continue;
        }
        if (left-- == 0) {
            out->is_cut_off = 1;
            break;
        }
        status = take_event(&search, &event);
        if (status == RL_OK && is_alone && !search.is_done &&
            may_come_from_elsewhere(from, &event)) {
            back_close(back);
            back = NULL;
            is_alone = 0;
            status = open_search(from, event.thread, event.seq, 0, &back);
            status = status == RL_OK ? back_prev(back, &event) : status;
            if (status == RL_OK && waiting.wanted.codes != NULL) {
                back_want(back, &waiting.wanted, NULL);
            }
        }
    }
    out->is_cut_off |= status == RL_END && back_is_cut_off(back);
    back_close(back);
    waiting_fini(&waiting);
    if (status == RL_NOMEM) {
        origin_bound_fini(out);
        return RL_NOMEM;
    }
    return RL_OK;
}

void origin_bound_fini(struct origin_bound *bound)
{
    kept_event_fini(&bound->event);
    kept_event_fini(&bound->change);
}

/* ---- frames ---- */

/* Frames that were left by events which were read, innermost last. All that comes before the end
 * of a function, up to its begin, is inside it. That is not so of a generator. */
struct skipped {
    uint64_t *frames; /* owned */
    size_t count, cap;
    uint32_t code; /* of the first one */
    int is_alone;  /* that is a function: what is inside it does not matter */
    struct waiting waiting;
};

static void skipped_fini(struct skipped *skipped)
{
    rl_free(skipped->frames);
    waiting_fini(&skipped->waiting);
}

static rl_status skip_push(const struct reader *reader, struct skipped *skipped,
                           const struct event_out *event)
{
    enum { MOVES = RL_CODE_GENERATOR | RL_CODE_COROUTINE | RL_CODE_ASYNC_GENERATOR };
    void *frames = skipped->frames;
    if (skipped->count != 0 && skipped->is_alone) {
        return RL_OK;
    }
    if (rl_grow(&frames, &skipped->cap, skipped->count + 1, sizeof *skipped->frames) != 0) {
        return RL_NOMEM;
    }
    skipped->frames = frames;
    if (skipped->count == 0) {
        skipped->code = event->id;
        skipped->is_alone = (event->kind == RL_EVENT_RETURN || event->kind == RL_EVENT_UNWIND) &&
                            (reader_code(reader, event->id).flags & MOVES) == 0;
    }
    skipped->frames[skipped->count++] = event->frame;
    return RL_OK;
}

/* Takes the frame that an event enters off the list, with all that it had entered. Returns whether
 * it was there. */
static int skip_pop(struct skipped *skipped, uint64_t frame)
{
    for (size_t i = skipped->count; i-- > 0;) {
        if (skipped->frames[i] == frame) {
            skipped->count = i;
            if (i == 0) {
                wait_no_more(&skipped->waiting);
            }
            return 1;
        }
    }
    return 0;
}

/* Returns whether all events up to the begin of a function are inside it, and this one is, too. */
static int is_inside(const struct reader *reader, struct skipped *skipped,
                     const struct event_out *event, rl_status *status)
{
    const uint32_t begins = UINT32_C(1) << RL_EVENT_CALL | UINT32_C(1) << RL_EVENT_RUNNING;
    if (skipped->count == 0 || !skipped->is_alone ||
        (event->frame == skipped->frames[0] && kind_enters(event->kind))) {
        return 0;
    }
    *status = wait_for(&skipped->waiting, reader, skipped->code, begins);
    return 1;
}

/* Returns whether the frame of an event is a function's. */
static int is_of_function(unsigned kind)
{
    return (kind >= RL_EVENT_CALL && kind <= RL_EVENT_C_RAISE) || kind == RL_EVENT_RUNNING ||
           kind == RL_EVENT_CLOSED;
}

/* Returns whether the id of an event is that of a function in C, and not of its frame. */
static int is_of_c(unsigned kind)
{
    return kind >= RL_EVENT_C_CALL && kind <= RL_EVENT_C_RAISE;
}

/* Finds the last LINE of a frame before the last event. */
static rl_status find_line(const struct reader *reader, struct back *back, uint64_t frame,
                           uint32_t *code, struct event_out *line)
{
    struct waiting waiting = {.back = back};
    struct event_out event;
    rl_status status;
    while ((status = back_prev(back, &event)) == RL_OK) {
        if (event.frame != frame || !is_of_function(event.kind)) {
            status = wait_for(&waiting, reader, *code, 0);
            if (status != RL_OK) {
                break;
            }
            continue;
        }
        *code = is_of_c(event.kind) ? *code : event.id;
        if (event.kind == RL_EVENT_LINE) {
            *line = bare(&event);
            break;
        }
        if (kind_begins(event.kind)) {
            break;
        }
    }
    waiting_fini(&waiting);
    return status == RL_END ? RL_OK : status;
}

/* Takes an event before the begin of a frame. Returns whether its frame is the caller. */
static int take_before(const struct reader *reader, struct skipped *skipped,
                       const struct event_out *event, struct origin_caller *out, rl_status *status)
{
    if (!is_of_function(event->kind) || event->frame == 0 ||
        is_inside(reader, skipped, event, status)) {
        return 0;
    }
    if (kind_leaves(event->kind)) {
        *status = skip_push(reader, skipped, event);
        return 0;
    }
    if (kind_enters(event->kind) ? skip_pop(skipped, event->frame) : skipped->count != 0) {
        return 0;
    }
    out->code = is_of_c(event->kind) ? 0 : event->id;
    out->line = event->kind == RL_EVENT_LINE ? bare(event) : out->line;
    return 1;
}

rl_status origin_caller(const struct origin_from *from, struct origin_caller *out)
{
    struct back *back = NULL;
    struct skipped skipped = {0};
    struct event_out event;
    uint64_t top, found = 0;
    int is_found = 0;
    *out = (struct origin_caller){0};
    rl_status status = back_open(from->reader, from->thread, from->seq, 1, &back);
    skipped.waiting.back = back;
    status = status == RL_OK ? back_prev(back, &event) : status;
    if (status == RL_OK && back_is_first(back, &top)) {
        found = top;
        is_found = 1;
    }
    while (status == RL_OK && !is_found && (status = back_prev(back, &event)) == RL_OK) {
        if (take_before(from->reader, &skipped, &event, out, &status)) {
            found = event.frame;
            is_found = 1;
        } else if (status == RL_OK && skipped.count == 0 && back_is_first(back, &top)) {
            found = top;
            is_found = 1;
        }
    }
    if (status == RL_OK && found != 0) {
        out->frame = found;
        if (out->line.kind == 0 && !(out->code != 0 && kind_begins(event.kind))) {
            status = find_line(from->reader, back, found, &out->code, &out->line);
        }
    }
    skipped_fini(&skipped);
    back_close(back);
    return status == RL_END ? RL_OK : status;
}

rl_status origin_nearest(const struct origin_from *from, struct event_out *out)
{
    struct back *back = NULL;
    struct event_out event;
    *out = (struct event_out){0};
    rl_status status = back_open(from->reader, from->thread, from->seq, 1, &back);
    while (status == RL_OK && (status = back_prev(back, &event)) == RL_OK) {
        if (is_of_function(event.kind) && !is_of_c(event.kind) && event.frame != 0) {
            *out = bare(&event);
            break;
        }
    }
    back_close(back);
    return status == RL_END ? RL_OK : status;
}

rl_status origin_end(const struct origin_from *from, uint64_t frame, struct event_out *out)
{
    struct kept_event end = {0};
    struct frame_end wanted = {from->seq, frame, &end};
    rl_status status = frame_end_find(from->reader, from->thread, &wanted, 1);
    *out = bare(&end.out);
    kept_event_fini(&end);
    return status;
}

static rl_status add_call(struct origin_calls *calls, const struct event_out *end)
{
    void *items = calls->items;
    if (rl_grow(&items, &calls->cap, calls->count + 1, sizeof *calls->items) != 0) {
        return RL_NOMEM;
    }
    calls->items = items;
    calls->items[calls->count] = (struct origin_call){0};
    if (kept_event_take(&calls->items[calls->count].end, end) != 0) {
        return RL_NOMEM;
    }
    calls->count++;
    return RL_OK;
}

void origin_calls_fini(struct origin_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        kept_event_fini(&calls->items[i].end);
    }
    rl_free(calls->items);
    *calls = (struct origin_calls){0};
}

/* Takes one event of what a frame called. Returns whether the search ends with it. */
static int take_called(const struct reader *reader, struct origin_calls *calls,
                       struct skipped *skipped, uint64_t frame, const struct event_out *event,
                       size_t most, rl_status *status)
{
    if (is_inside(reader, skipped, event, status)) {
        return *status != RL_OK;
    }
    if (kind_leaves(event->kind) && event->frame != frame) {
        if (skipped->count == 0) {
            if (calls->count == most) {
                calls->has_more = 1;
                return 1;
            }
            *status = add_call(calls, event);
        }
        *status = *status == RL_OK ? skip_push(reader, skipped, event) : *status;
    } else if (kind_enters(event->kind) && event->frame != frame) {
        int was_open = skip_pop(skipped, event->frame);
        if (was_open && skipped->count == 0 && calls->count != 0) {
            calls->items[calls->count - 1].begin = bare(event);
        }
    }
    return *status != RL_OK;
}

rl_status origin_calls(const struct origin_from *from, uint64_t frame, uint32_t first,
                       uint32_t last, size_t most, struct origin_calls *out)
{
    struct back *back = NULL;
    struct skipped skipped = {0};
    struct event_out event;
    int is_away = 0; /* before the frame went on, after it had yielded */
    int is_begun = 0;
    uint64_t left = from->most != 0 ? from->most : UINT64_MAX;
    *out = (struct origin_calls){0};
    rl_status status = open_search(from, from->thread, from->seq, 1, &back);
    skipped.waiting.back = back;
    while (status == RL_OK && (status = back_prev(back, &event)) == RL_OK) {
        int is_own = event.frame == frame && is_of_function(event.kind);
        if ((is_own || skipped.count == 0 || !skipped.is_alone) && left-- == 0) {
            out->has_more = 1;
            break;
        }
        if (is_own && is_begun && kind_leaves(event.kind)) {
            is_away = 0;
        } else if (is_own && kind_enters(event.kind)) {
            if (kind_begins(event.kind)) {
                out->line = bare(&event);
                break;
            }
            is_away = 1;
        } else if (is_own && event.kind == RL_EVENT_LINE) {
            out->line = bare(&event);
            if (first == 0 || event.line < first || event.line > last) {
                break;
            }
        } else if (!is_own && !is_away && is_of_function(event.kind) &&
                   take_called(from->reader, out, &skipped, frame, &event, most, &status)) {
            break;
        }
        is_begun = 1;
    }
    out->has_more |= status == RL_END && back_is_cut_off(back);
    skipped_fini(&skipped);
    back_close(back);
    if (status == RL_NOMEM) {
        origin_calls_fini(out);
        return RL_NOMEM;
    }
    return RL_OK;
}
