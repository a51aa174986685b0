/* Why: what threads did to each other is seen only where their events are in one order. */
#include "timeline_parts.h"

#include <string.h>

#include "alloc.h"
#include "open_calls.h"
#include "rec.h"
#include "skim.h"

struct timeline {
    struct reader *reader;
    struct timeline_question question;
    struct cursor *near; /* owned; of a near timeline, otherwise NULL */
    struct skim skim;
    uint8_t *sources;       /* owned; of the names of the expression */
    int needs_calls;        /* the expression does */
    struct u64map verdicts; /* id << 5 | kind, + 1 -> verdict of all such events */
    struct open_calls calls;
    uint64_t skipped;
    int has_begun, has_ended;
    struct timeline_counts counts;
};

/* ---- numbers of calls ---- */

/* Counts the calls of wanted functions; those of others have no rows. */
static rl_status follow_call(struct timeline *t, struct timeline_row *row)
{
    const struct event_out *event = &row->event;
    if (event->frame == 0 || t->question.is_near || (t->question.only_counts && !t->needs_calls)) {
        return RL_OK;
    }
    struct open_call call;
    if (kind_ends(event->kind)) {
        if (open_calls_end(&t->calls, event->frame, &call)) {
            row->number = call.number;
            row->began = reader_time(t->reader, call.ticks);
            row->has_began = 1;
        }
        return RL_OK;
    }
    if (!kind_begins(event->kind)) {
        return RL_OK;
    }
    if (t->question.codes != NULL &&
        u64map_get(t->question.codes, (uint64_t)event->id + 1) == NULL) {
        /* A wanted function may have the same name. */
        return open_calls_count(&t->calls, t->reader, event->id, 1) == 0 ? RL_OK : RL_NOMEM;
    }
    row->number = open_calls_begin(&t->calls, t->reader, event);
    return row->number != 0 || event->is_of_before ? RL_OK : RL_NOMEM;
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

enum verdict { PASSES, FAILS, IS_UNKNOWN, RAISES }; /* << 8 | the reason of the last two */

/* Evaluates the expression for a row. */
static unsigned judge(struct timeline *t, const struct timeline_row *row,
                      struct timeline_loads *loads)
{
    struct operand result = timeline_run(t->reader, t->question.where, t->sources, row, loads);
    enum where_answer answer = where_answer(&result);
    if (answer == WHERE_YES || answer == WHERE_NO ||
        (answer == WHERE_UNKNOWN && loads->lacks_name)) {
        return answer == WHERE_YES ? PASSES : FAILS;
    }
    int has_reason = result.kind == OPERAND_UNKNOWN || result.kind == OPERAND_RAISES;
    unsigned reason = has_reason ? (unsigned)result.reason : OPERAND_NOT_COMPUTED;
    return (answer == WHERE_UNKNOWN ? IS_UNKNOWN : RAISES) | reason << 8;
}

/* Returns whether the expression is true for a row, and counts why it is not. For many events its
 * kind and its function decide, so these are judged once. */
static int passes(struct timeline *t, const struct timeline_row *row)
{
    uint64_t key = ((uint64_t)row->event.id << 5 | row->event.kind) + 1;
    struct timeline_loads loads;
    if (t->question.where == NULL) {
        return 1;
    }
    const uint64_t *known = u64map_get(&t->verdicts, key);
    unsigned verdict = known != NULL ? (unsigned)*known : judge(t, row, &loads);
    if (known == NULL && !loads.has_another) {
        (void)u64map_put(&t->verdicts, key, verdict); /* without memory, it is judged again */
    }
    if ((verdict & 0xff) >= IS_UNKNOWN) {
        *((verdict & 0xff) == RAISES ? &t->counts.no_answer : &t->counts.unknown) += 1;
        t->counts.reasons[verdict >> 8]++;
    }
    return verdict == PASSES;
}

/* Returns how many wanted frames are below that of an event, or of another event are open. */
static uint32_t measure_depth(const struct timeline *t, const struct event_out *event)
{
    size_t depth;
    uint32_t found = 0;
    uint64_t own = is_of_function(event->kind) ? event->frame : 0;
    const struct open_activation *stack =
        cursor_stack(t->near != NULL ? t->near : t->skim.cursor, &depth);
    for (size_t i = 0; i < depth && stack[i].frame != own; i++) {
        found += t->question.codes == NULL ||
                 u64map_get(t->question.codes, (uint64_t)stack[i].code + 1) != NULL;
    }
    return found;
}

/* ---- what the index leaves out ---- */

/* Returns the last stretch that has nothing before it which is at a border, or behind it. */
static size_t stretch_of(const struct timeline *t, const struct timeline_border *border)
{
    if (border->thread != 0) {
        return skim_stretch_of_event(t->reader, border->thread, border->seq);
    }
    return border->t != 0 ? skim_stretch_of_time(t->reader, border->t - 1) : 0;
}

/* Returns the last stretch that has nothing before it which is wanted. */
static size_t first_stretch(const struct timeline *t)
{
    const struct timeline_question *q = &t->question;
    size_t from = q->from.is_set ? stretch_of(t, &q->from) : 0;
    size_t to = q->to.is_set ? stretch_of(t, &q->to) : SIZE_MAX;
    return to < from ? to : from;
}

/* Begins before a stretch: with the calls that are open there, and the number of those before. */
static rl_status begin_at(struct timeline *t, size_t stretch)
{
    const struct index *index = t->reader->index;
    struct bytes_out bytes = {0};
    rl_status status = stretch != 0 ? index_open_calls(index, stretch, &bytes) : RL_DAMAGED;
    if (status == RL_OK) {
        status = open_calls_take(&t->calls, bytes.data, bytes.len, t->question.codes);
    }
    bytes_out_fini(&bytes);
    if (status == RL_NOMEM) {
        return status;
    }
    stretch = status == RL_OK ? stretch : 0;
    status = skim_open(t->reader, 0, stretch, NULL, &t->skim);
    if (status == RL_OK && t->skim.given == 0) {
        open_calls_fini(&t->calls); /* the state was of no use */
        stretch = 0;
    }
    for (size_t i = 0; i < stretch && status == RL_OK; i++) {
        const struct index_stretch *before = &index->stretches[i];
        for (size_t j = 0; j < before->code_count && status == RL_OK; j++) {
            const struct index_code *code = &before->codes[j];
            if (code->begins != 0 &&
                open_calls_count(&t->calls, t->reader, code->code, code->begins) != 0) {
                status = RL_NOMEM;
            }
        }
    }
    if (status == RL_OK && open_calls_count_before(&t->calls, t->reader) != 0) {
        status = RL_NOMEM;
    }
    t->counts.events = t->skim.given;
    return status;
}

/* Counts what is in the stretches from the next event on, up to the one in which the end is. */
static rl_status count_stretches(struct timeline *t)
{
    const struct timeline_question *q = &t->question;
    const struct index *index = t->reader->index;
    size_t here = skim_here(&t->skim), end;
    int has_moved = 0;
    if (here == SIZE_MAX || q->where != NULL || q->thread != 0 || q->task != 0 ||
        (q->from.is_set && !t->has_begun)) {
        return RL_OK;
    }
    end = q->to.is_set ? stretch_of(t, &q->to) : index->count;
    if (end <= here) {
        return RL_OK;
    }
    rl_status status = skim_jump(&t->skim, end, &has_moved);
    t->has_begun = 1;
    for (size_t i = here; has_moved && i < end; i++) {
        const struct index_stretch *stretch = &index->stretches[i];
        t->counts.events += stretch->events;
        t->counts.passed += index_events(stretch, q->kinds != 0 ? q->kinds : UINT32_MAX, q->codes);
    }
    return status;
}

/* ---- the pass ---- */

static rl_status next_event(struct timeline *t, struct event_out *event)
{
    if (t->has_ended) {
        return RL_END;
    }
    if (t->near != NULL) {
        return cursor_next(t->near, event);
    }
    rl_status status = RL_OK;
    if (t->question.only_counts && t->skim.given == t->skim.boundary) {
        status = count_stretches(t);
    }
    return status == RL_OK ? skim_next(&t->skim, NULL, event) : status;
}

rl_status timeline_next(struct timeline *timeline, uint64_t *events, struct timeline_row *row,
                        int *is_row)
{
    struct timeline *t = timeline;
    *is_row = 0;
    for (; *events != 0; --*events) {
        *row = (struct timeline_row){0};
        rl_status status = next_event(t, &row->event);
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
    rl_status status = RL_OK;
    if (question->where != NULL) {
        t->sources = timeline_bind(question->where);
        status = t->sources != NULL ? RL_OK : RL_NOMEM;
        t->needs_calls = t->sources != NULL && timeline_needs_calls(question->where, t->sources);
    }
    if (status == RL_OK) {
        status = question->is_near ? cursor_open_thread(reader, question->from.thread,
                                                        question->from.seq, &t->near)
                                   : begin_at(t, first_stretch(t));
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
    open_calls_fini(&timeline->calls);
    u64map_fini(&timeline->verdicts);
    rl_free(timeline->sources);
    cursor_close(timeline->near);
    if (timeline->near == NULL && timeline->skim.reader != NULL) {
        skim_close(&timeline->skim);
    }
    rl_free(timeline);
}
