/* Why: what threads did to each other is seen only where their events are in one order. */
#include "timeline_parts.h"

#include <string.h>

#include "alloc.h"
#include "rec.h"

/* A frame that is open. */
struct begun {
    uint64_t number, t;
};

struct timeline {
    struct reader *reader;
    struct timeline_question question;
    struct cursor *cursor;
    uint8_t *sources;        /* owned; of the names of the expression */
    struct u64map functions; /* code id + 1 -> place of its function in `calls` */
    uint64_t *calls;         /* owned; begins of each function */
    size_t function_count;
    struct u64map open;  /* frame -> place in `begun` */
    struct begun *begun; /* owned */
    size_t begun_count, begun_cap;
    size_t *spare; /* owned; free places of `begun` */
    size_t spare_count, spare_cap;
    uint64_t skipped;
    int has_begun, has_ended;
    struct timeline_counts counts;
};

/* ---- numbers of calls ---- */

/* Gives each function a place: definitions with one name are one function, as positions have it. */
static rl_status place_functions(struct timeline *t)
{
    struct strmap names = {0};
    struct bytes_out name = {0};
    rl_status status = RL_OK;
    const struct u64map *codes = &t->reader->codes;
    for (size_t i = 0; i < codes->capacity && status == RL_OK; i++) {
        if (codes->entries[i].key == 0) {
            continue;
        }
        struct code_text code = reader_code(t->reader, (uint32_t)codes->entries[i].key);
        bytes_out_reset(&name);
        bytes_put(&name, code.module.data, code.module.len);
        bytes_put(&name, ":", 1);
        bytes_put(&name, code.qualname.data, code.qualname.len);
        const uint32_t *known = name.failed ? NULL : strmap_get(&names, name.data, name.len);
        uint32_t place = known != NULL ? *known : (uint32_t)t->function_count;
        if (name.failed || (known == NULL && strmap_put(&names, name.data, name.len, place) != 0) ||
            u64map_put(&t->functions, codes->entries[i].key + 1, place) != 0) {
            status = RL_NOMEM;
        }
        t->function_count += known == NULL;
    }
    bytes_out_fini(&name);
    strmap_fini(&names);
    t->calls = status == RL_OK ? rl_zalloc(t->function_count + 1, sizeof *t->calls) : NULL;
    return t->calls != NULL ? RL_OK : RL_NOMEM;
}

/* Remembers the begin of a frame. Returns the number of the call, 0 without memory. */
static uint64_t begin_call(struct timeline *t, const struct event_out *event)
{
    const uint64_t *function = u64map_get(&t->functions, (uint64_t)event->id + 1);
    /* Where the program still runs, functions may have been defined since. */
    uint64_t *calls = &t->calls[function != NULL ? *function : t->function_count];
    void *begun = t->begun;
    size_t place = t->spare_count != 0 ? t->spare[t->spare_count - 1] : t->begun_count;
    if (rl_grow(&begun, &t->begun_cap, place + 1, sizeof *t->begun) != 0) {
        return 0;
    }
    t->begun = begun;
    if (u64map_put(&t->open, event->frame, place) != 0) {
        return 0;
    }
    t->spare_count -= t->spare_count != 0;
    t->begun_count += place == t->begun_count;
    t->begun[place] = (struct begun){++*calls, event->t};
    return *calls;
}

/* Forgets a frame, and fills in what is known of it. Returns 0, or -1 without memory. */
static int end_call(struct timeline *t, struct timeline_row *row)
{
    uint64_t place;
    void *spare = t->spare;
    if (!u64map_remove(&t->open, row->event.frame, &place)) {
        return 0;
    }
    if (rl_grow(&spare, &t->spare_cap, t->spare_count + 1, sizeof *t->spare) != 0) {
        return -1;
    }
    t->spare = spare;
    t->spare[t->spare_count++] = (size_t)place;
    row->number = t->begun[place].number;
    row->began = t->begun[place].t;
    row->has_began = 1;
    return 0;
}

/* Counts the calls of wanted functions; those of others have no rows. */
static rl_status follow_call(struct timeline *t, struct timeline_row *row)
{
    const struct event_out *event = &row->event;
    if (event->frame == 0 || t->question.is_near) {
        return RL_OK;
    }
    if (kind_ends(event->kind)) {
        return end_call(t, row) == 0 ? RL_OK : RL_NOMEM;
    }
    if (!kind_begins(event->kind) ||
        (t->question.codes != NULL &&
         u64map_get(t->question.codes, (uint64_t)event->id + 1) == NULL)) {
        return RL_OK;
    }
    row->number = begin_call(t, event);
    return row->number != 0 ? RL_OK : RL_NOMEM;
}

/* ---- which events ---- */

static int is_of_function(unsigned kind)
{
    return kind <= RL_EVENT_C_RAISE || kind == RL_EVENT_RUNNING || kind == RL_EVENT_CLOSED;
}

/* Returns whether an event is the border, or, where another process has that, behind its time. */
static int is_at(const struct timeline_border *border, const struct event_out *event)
{
    return border->thread != 0 ? event->thread == border->thread && event->seq == border->seq
                               : event->t > border->t;
}

/* Returns whether an event is in the time that is wanted. */
static int is_in_time(struct timeline *t, const struct event_out *event)
{
    const struct timeline_border *from = &t->question.from, *to = &t->question.to;
    if (!t->has_begun) {
        t->has_begun =
            !from->is_set ||
            (from->thread != 0 ? is_at(from, event) || event->t > from->t : event->t >= from->t);
    }
    if (to->is_set && is_at(to, event)) {
        t->has_ended = 1;
        return t->has_begun && to->thread != 0;
    }
    return t->has_begun;
}

static int is_picked(const struct timeline *t, const struct event_out *event)
{
    const struct timeline_question *q = &t->question;
    return (q->kinds == 0 || (q->kinds >> event->kind & 1) != 0) &&
           (q->thread == 0 || event->thread == q->thread) &&
           (q->task == 0 || event->task == q->task) &&
           (q->codes == NULL || !is_of_function(event->kind) ||
            u64map_get(q->codes, (uint64_t)event->id + 1) != NULL) &&
           !kind_switches_session(event->kind, event->values_len);
}

/* Returns whether the expression is true for a row, and counts why it is not. */
static int passes(struct timeline *t, const struct timeline_row *row)
{
    if (t->question.where == NULL) {
        return 1;
    }
    int lacks_name;
    struct operand result =
        timeline_run(t->reader, t->question.where, t->sources, row, &lacks_name);
    enum where_answer answer = where_answer(&result);
    if (answer == WHERE_YES || answer == WHERE_NO || (answer == WHERE_UNKNOWN && lacks_name)) {
        return answer == WHERE_YES;
    }
    int has_reason = result.kind == OPERAND_UNKNOWN || result.kind == OPERAND_RAISES;
    t->counts.unknown += answer == WHERE_UNKNOWN;
    t->counts.no_answer += answer == WHERE_RAISES;
    t->counts.reasons[has_reason ? result.reason : OPERAND_NOT_COMPUTED]++;
    return 0;
}

/* Returns how many wanted frames are below that of an event, or of another event are open. */
static uint32_t measure_depth(const struct timeline *t, const struct event_out *event)
{
    size_t depth;
    uint32_t found = 0;
    uint64_t own = is_of_function(event->kind) ? event->frame : 0;
    const struct open_activation *stack = cursor_stack(t->cursor, &depth);
    for (size_t i = 0; i < depth && stack[i].frame != own; i++) {
        found += t->question.codes == NULL ||
                 u64map_get(t->question.codes, (uint64_t)stack[i].code + 1) != NULL;
    }
    return found;
}

/* ---- the pass ---- */

rl_status timeline_next(struct timeline *timeline, uint64_t *events, struct timeline_row *row,
                        int *is_row)
{
    struct timeline *t = timeline;
    *is_row = 0;
    for (; *events != 0; --*events) {
        *row = (struct timeline_row){0};
        rl_status status = t->has_ended ? RL_END : cursor_next(t->cursor, &row->event);
        status = status == RL_OK ? follow_call(t, row) : status;
        if (status != RL_OK) {
            t->has_ended = 1;
            return status;
        }
        t->counts.events++;
        if (!is_in_time(t, &row->event) || !is_picked(t, &row->event) || !passes(t, row)) {
            continue;
        }
        t->counts.passed++;
        if (t->question.only_counts || t->skipped++ < t->question.skip) {
            continue;
        }
        row->depth = measure_depth(t, &row->event);
        *is_row = 1;
        return RL_OK;
    }
    return RL_OK;
}

rl_status timeline_open(struct reader *reader, const struct timeline_question *question,
                        struct timeline **out)
{
    struct timeline *t = rl_zalloc(1, sizeof *t);
    if (t == NULL) {
        return RL_NOMEM;
    }
    t->reader = reader;
    t->question = *question;
    rl_status status = place_functions(t);
    if (status == RL_OK && question->where != NULL) {
        t->sources = timeline_bind(question->where);
        status = t->sources != NULL ? RL_OK : RL_NOMEM;
    }
    if (status == RL_OK) {
        status = question->is_near ? cursor_open_thread(reader, question->from.thread,
                                                        question->from.seq, &t->cursor)
                                   : cursor_open(reader, &t->cursor);
    }
    if (status != RL_OK) {
        timeline_close(t);
        return status;
    }
    *out = t;
    return RL_OK;
}

void timeline_only_count(struct timeline *timeline)
{
    timeline->question.only_counts = 1;
}

const struct timeline_counts *timeline_counts(const struct timeline *timeline)
{
    return &timeline->counts;
}

void timeline_close(struct timeline *timeline)
{
    if (timeline == NULL) {
        return;
    }
    u64map_fini(&timeline->functions);
    u64map_fini(&timeline->open);
    rl_free(timeline->sources);
    rl_free(timeline->calls);
    rl_free(timeline->begun);
    rl_free(timeline->spare);
    cursor_close(timeline->cursor);
    rl_free(timeline);
}
