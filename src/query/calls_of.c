/* Why: one pass answers which calls a function had. What cannot pass is forgotten at its begin. The
 * same expression decides that: names of the end are not known yet, so "no" and "yes" are final.
 *
 * Invariants:
 *  1. A pending call is in the list and, until it has ended, in `open` under its frame.
 *  2. A call is counted once: at its begin where the answer is final, else at its end.
 *  3. Numbers count every begin (position.h), whether or not the call passes. In a part, those
 *     before it count, too; a call that was open then has its number (before.h). */
#include "calls_of_parts.h"

#include <string.h>

#include "alloc.h"
#include "open_calls.h"
#include "position.h"
#include "skim.h"
#include "value.h"

/* The innermost frame of a thread since its last event. */
struct thread_time {
    uint64_t top, since;
};

struct calls_of {
    struct reader *reader;
    struct calls_of_question question;
    struct skim events;
    struct index_wanted wanted;
    struct u64map functions; /* code id + 1 -> place of its bindings */
    struct bound where, group;
    struct u64map open;        /* frame -> struct call_found * */
    struct u64map lines;       /* open frame -> its last line */
    struct u64map threads;     /* thread -> place in times, plus 1 */
    struct thread_time *times; /* owned */
    size_t time_count, time_cap;
    struct call_found *first, *newest; /* the pending calls, each owned */
    struct call_found *sweep;          /* where not NULL: gives what is done from here on */
    struct call_found *last;           /* owned; only_last: the best so far */
    uint64_t skipped;                  /* calls that were left out, or given */
    uint64_t waiting;                  /* bytes of pending calls that are done */
    int has_ended;
    int has_real; /* an event was read that is not of before the part */
    struct calls_of_counts counts;
    uint64_t number; /* of the last call that began */
    struct strmap group_index;
    struct call_group *groups; /* owned; the values are those of group_index */
    size_t group_count, group_cap, group_bytes;
    uint64_t other_groups;
    struct bytes_out scratch;
};

/* ---- groups ---- */

/* Counts a call under the value that its expression has. Returns 0, or -1 without memory. */
static int count_group(struct calls_of *c, struct call_row *row)
{
    struct operand value = calls_of_run(&c->group, &c->functions, row);
    struct bytes_out *key = &c->scratch;
    bytes_out_reset(key);
    if (!operand_put(key, &value)) {
        c->counts.passed--;
        c->counts.unknown += value.kind == OPERAND_UNKNOWN;
        c->counts.no_answer += value.kind == OPERAND_RAISES;
        c->counts.reasons[value.reason]++;
        return 0;
    }
    if (key->failed) {
        return -1;
    }
    const uint32_t *known = strmap_get(&c->group_index, key->data, key->len);
    if (known != NULL) {
        struct call_group *group = &c->groups[*known];
        group->calls++;
        if (row->number < group->first) { /* it began earlier and ended later */
            group->first = row->number;
            group->first_thread = row->start->thread;
            group->first_seq = row->start->seq;
        }
        return 0;
    }
    if (c->group_count >= CALLS_OF_GROUPS_MAX || c->group_bytes + key->len > CALLS_OF_GROUP_BYTES) {
        c->other_groups++;
        return 0;
    }
    void *groups = c->groups;
    uint8_t *copy = rl_alloc(key->len + 1, 1);
    if (copy == NULL ||
        rl_grow(&groups, &c->group_cap, c->group_count + 1, sizeof *c->groups) != 0) {
        rl_free(copy);
        return -1;
    }
    c->groups = groups;
    if (strmap_put(&c->group_index, key->data, key->len, (uint32_t)c->group_count) != 0) {
        rl_free(copy);
        return -1;
    }
    memcpy(copy, key->data, key->len);
    c->groups[c->group_count++] =
        (struct call_group){copy, key->len, 1, row->number, row->start->seq, row->start->thread};
    c->group_bytes += key->len;
    return 0;
}

/* ---- pending calls ---- */

void call_found_free(struct call_found *call)
{
    if (call != NULL) {
        kept_event_fini(&call->start);
        kept_event_fini(&call->end);
        rl_free(call);
    }
}

static void unlink_call(struct calls_of *c, struct call_found *call)
{
    *(call->before != NULL ? &call->before->after : &c->first) = call->after;
    *(call->after != NULL ? &call->after->before : &c->newest) = call->before;
    c->sweep = c->sweep == call ? call->after : c->sweep;
    c->waiting -= call->is_done ? call->bytes : 0;
    call->before = call->after = NULL;
}

static void link_call(struct calls_of *c, struct call_found *call)
{
    call->before = c->newest;
    *(c->newest != NULL ? &c->newest->after : &c->first) = call;
    c->newest = call;
}

static int gives_calls(const struct calls_of *c)
{
    return !c->question.only_counts && c->group.where == NULL;
}

/* Counts an answer that is final. Returns whether the call passes. */
static int count_answer(struct calls_of *c, const struct operand *result)
{
    enum where_answer answer = where_answer(result);
    if (answer == WHERE_YES || answer == WHERE_NO) {
        return answer == WHERE_YES;
    }
    int has_reason = result->kind == OPERAND_UNKNOWN || result->kind == OPERAND_RAISES;
    c->counts.unknown += answer == WHERE_UNKNOWN;
    c->counts.no_answer += answer == WHERE_RAISES;
    c->counts.reasons[has_reason ? result->reason : OPERAND_NOT_COMPUTED]++;
    return 0;
}

/* Counts a call that passes. Returns 0, or -1 without memory. */
static int count_passed(struct calls_of *c, struct call_row *row)
{
    c->counts.passed++;
    if (c->group.where != NULL) {
        return count_group(c, row);
    }
    c->counts.open += row->end == NULL;
    c->counts.raised += row->end != NULL && row->end->kind == RL_EVENT_UNWIND;
    return 0;
}

/* Decides about a pending call that has ended, or whose end is not in the recording. */
static rl_status finish_call(struct calls_of *c, struct call_found *call)
{
    struct call_row row = {.reader = c->reader,
                           .start = &call->start.out,
                           .end = call->has_end ? &call->end.out : NULL,
                           .call = call,
                           .number = call->number,
                           .caller = call->caller};
    int passes = call->passes;
    if (!passes) {
        struct operand result = calls_of_run(&c->where, &c->functions, &row);
        passes = count_answer(c, &result);
    }
    rl_status status = passes && count_passed(c, &row) != 0 ? RL_NOMEM : RL_OK;
    if (!passes || !gives_calls(c) || status != RL_OK) {
        unlink_call(c, call);
        call_found_free(call);
    } else if (c->question.only_last) {
        unlink_call(c, call);
        struct call_found *worse = c->last;
        if (worse != NULL && worse->number > call->number) {
            worse = call;
        } else {
            c->last = call;
        }
        call_found_free(worse);
    } else {
        call->is_done = 1;
        call->bytes = sizeof *call + call->start.out.values_len + call->end.out.values_len;
        c->waiting += call->bytes;
    }
    return status;
}

/* ---- the pass ---- */

/* Returns the caller's code, 0 where none is known; its line too. */
static uint32_t find_caller(const struct calls_of *c, const struct event_out *event, uint32_t *line)
{
    size_t depth;
    const struct open_activation *stack = cursor_stack(c->events.cursor, &depth);
    *line = 0;
    if (!event->parent_is_known || event->parent == 0) {
        return 0;
    }
    for (size_t i = depth; i-- > 0;) {
        if (stack[i].frame == event->parent) {
            const uint64_t *known = u64map_get(&c->lines, event->parent);
            *line = known != NULL ? (uint32_t)*known : stack[i].line;
            return stack[i].code;
        }
    }
    return 0;
}

/* Returns what is known of a call at its begin. NO: it is forgotten, or was counted already. YES is
 * final, whatever its end is. */
static enum where_answer judge_begin(struct calls_of *c, struct call_row *row)
{
    if (c->question.number != 0 && c->question.number != row->number) {
        return WHERE_NO;
    }
    if (c->where.where == NULL) {
        return WHERE_YES;
    }
    struct operand result = calls_of_run(&c->where, &c->functions, row);
    enum where_answer answer = where_answer(&result);
    if (answer == WHERE_RAISES) {
        (void)count_answer(c, &result);
    }
    return answer == WHERE_RAISES ? WHERE_NO : answer;
}

static rl_status on_begin(struct calls_of *c, const struct event_out *event)
{
    uint64_t value;
    rl_status status = RL_OK;
    struct call_row row = {.reader = c->reader, .start = event};
    struct event_out kept = *event;
    uint32_t line;
    row.number =
        event->is_of_before ? before_number(&c->reader->before, event->frame) : c->number + 1;
    if (row.number == 0) {
        return RL_OK; /* its begin was lost, before the part */
    }
    c->counts.calls++;
    c->number += !event->is_of_before;
    if (event->frame == 0) {
        return RL_OK; /* damaged */
    }
    if (u64map_remove(&c->open, event->frame, &value)) { /* damaged, too: it begins twice */
        status = finish_call(c, (struct call_found *)(uintptr_t)value);
    }
    row.caller = find_caller(c, event, &line);
    enum where_answer answer = judge_begin(c, &row);
    if (status != RL_OK || answer == WHERE_NO) {
        return status;
    }
    struct call_found *call = rl_zalloc(1, sizeof *call);
    if (call == NULL) {
        return RL_NOMEM;
    }
    call->number = row.number;
    call->caller = row.caller;
    call->caller_line = line;
    call->passes = answer == WHERE_YES;
    if (call->passes && c->question.only_counts && c->group.where == NULL) {
        kept.values_len = 0; /* nobody will look at them */
    }
    if (kept_event_take(&call->start, &kept) != 0 ||
        u64map_put(&c->open, event->frame, (uint64_t)(uintptr_t)call) != 0) {
        call_found_free(call);
        return RL_NOMEM;
    }
    link_call(c, call);
    return RL_OK;
}

static rl_status on_end(struct calls_of *c, const struct event_out *event)
{
    uint64_t value;
    if (c->lines.count != 0 && event->frame != 0) {
        (void)u64map_remove(&c->lines, event->frame, NULL);
    }
    if (event->frame == 0 || !u64map_remove(&c->open, event->frame, &value)) {
        return RL_OK;
    }
    struct call_found *call = (struct call_found *)(uintptr_t)value;
    call->has_end = 1;
    if (kept_event_take(&call->end, event) != 0) {
        call->has_end = 0;
        (void)u64map_put(&c->open, event->frame, value);
        return RL_NOMEM;
    }
    return finish_call(c, call);
}

/* Returns what is known of a thread's time; NULL without memory. */
static struct thread_time *time_of(struct calls_of *c, uint32_t thread)
{
    const uint64_t *known = u64map_get(&c->threads, (uint64_t)thread + 1);
    void *times = c->times;
    if (known != NULL) {
        return &c->times[*known];
    }
    if (rl_grow(&times, &c->time_cap, c->time_count + 1, sizeof *c->times) != 0) {
        return NULL;
    }
    c->times = times;
    if (u64map_put(&c->threads, (uint64_t)thread + 1, c->time_count) != 0) {
        return NULL;
    }
    c->times[c->time_count] = (struct thread_time){0};
    return &c->times[c->time_count++];
}

/* Gives the time since the thread's last event to the call that was innermost then. */
static rl_status count_time(struct calls_of *c, const struct event_out *event)
{
    struct thread_time *time = time_of(c, event->thread);
    if (time == NULL) {
        return RL_NOMEM;
    }
    const uint64_t *found = time->top != 0 ? u64map_get(&c->open, time->top) : NULL;
    if (found != NULL && event->t > time->since && !event->is_after_gap) {
        ((struct call_found *)(uintptr_t)*found)->self += event->t - time->since;
    }
    size_t depth;
    const struct open_activation *stack = cursor_stack(c->events.cursor, &depth);
    while (depth != 0 && (stack[depth - 1].waits ||
                          (kind_leaves(event->kind) && stack[depth - 1].frame == event->frame))) {
        depth--;
    }
    time->top = depth != 0 ? stack[depth - 1].frame : 0;
    time->since = event->t;
    return RL_OK;
}

static rl_status take_event(struct calls_of *c, const struct event_out *event)
{
    int is_call = position_counts_call(event, c->question.codes);
    c->has_real |= !event->is_of_before;
    rl_status status = is_call || c->open.count != 0 ? count_time(c, event) : RL_OK;
    if (status != RL_OK) {
        return status;
    }
    if (is_call) {
        return on_begin(c, event);
    }
    if (kind_ends(event->kind)) {
        return on_end(c, event);
    }
    if (event->kind == RL_EVENT_LINE && event->frame != 0) {
        return u64map_put(&c->lines, event->frame, event->line) == 0 ? RL_OK : RL_NOMEM;
    }
    return RL_OK;
}

/* Decides about the calls whose end is not in the recording. */
static rl_status finish_open(struct calls_of *c)
{
    rl_status status = RL_OK;
    struct call_found *next;
    for (struct call_found *call = c->first; call != NULL && status == RL_OK; call = next) {
        next = call->after;
        if (!call->is_done) {
            status = finish_call(c, call);
        }
    }
    u64map_clear(&c->open);
    c->has_ended = 1;
    return status;
}

/* ---- counts from the index ---- */

static int only_counts_all(const struct calls_of *c)
{
    return c->question.only_counts && c->where.where == NULL && c->group.where == NULL &&
           c->question.number == 0 && !c->question.only_last;
}

/* Takes the calls that are open behind the stretches in place of the pending ones. */
static rl_status take_open(struct calls_of *c, const struct open_calls *open)
{
    while (c->first != NULL) {
        struct call_found *call = c->first;
        unlink_call(c, call);
        call_found_free(call);
    }
    u64map_clear(&c->open);
    for (size_t i = 0; i < open->count; i++) {
        if (open->items[i].number == 0) {
            continue; /* its begin was lost, before the part */
        }
        struct call_found *call = rl_zalloc(1, sizeof *call);
        if (call == NULL ||
            u64map_put(&c->open, open->items[i].frame, (uint64_t)(uintptr_t)call) != 0) {
            rl_free(call);
            return RL_NOMEM;
        }
        call->number = open->items[i].number;
        call->passes = 1;
        link_call(c, call);
    }
    return RL_OK;
}

/* Counts what is in the stretches from the next event on, and goes on behind them. */
static rl_status count_stretches(struct calls_of *c)
{
    const struct index *index = c->reader->index;
    struct open_calls open = {0};
    struct bytes_out bytes = {0};
    size_t here = skim_here(&c->events);
    int has_moved = 0;
    if (here == SIZE_MAX || index_has_before(&index->stretches[here], &c->reader->before)) {
        return RL_OK; /* calls that are open at the begin of a part count, too: they are read */
    }
    rl_status status = index_open_calls(index, index->count, &bytes);
    status =
        status == RL_OK ? open_calls_take(&open, bytes.data, bytes.len, c->question.codes) : status;
    status = status == RL_OK ? skim_jump(&c->events, index->count, &has_moved) : status;
    for (size_t i = here; has_moved && i < index->count; i++) {
        const struct index_stretch *stretch = &index->stretches[i];
        for (size_t j = 0; j < stretch->code_count; j++) {
            const struct index_code *code = &stretch->codes[j];
            if (u64map_get(c->question.codes, (uint64_t)code->code + 1) != NULL) {
                c->number += code->begins;
                c->counts.calls += code->begins;
                c->counts.passed += code->ended;
                c->counts.raised += code->raised;
            }
        }
    }
    status = status == RL_OK && has_moved ? take_open(c, &open) : status;
    open_calls_fini(&open);
    bytes_out_fini(&bytes);
    return status == RL_DAMAGED ? RL_OK : status;
}

/* Returns a pending call that may be given now, or NULL. */
static struct call_found *find_done(struct calls_of *c)
{
    if (c->first != NULL && c->first->is_done) {
        return c->first;
    }
    if (c->sweep == NULL && c->waiting > CALLS_OF_WAITING_MAX) {
        c->sweep = c->first;
    }
    while (c->sweep != NULL && !c->sweep->is_done) {
        c->sweep = c->sweep->after;
    }
    return c->sweep;
}

rl_status calls_of_next(struct calls_of *calls, uint64_t *events, struct call_found **out)
{
    struct event_out event;
    rl_status status = RL_OK;
    *out = NULL;
    for (;;) {
        struct call_found *done = find_done(calls);
        if (done != NULL) {
            unlink_call(calls, done);
            if (calls->skipped++ >= calls->question.skip) {
                *out = done;
                return RL_OK;
            }
            call_found_free(done);
            continue;
        }
        if (calls->has_ended) {
            *out = calls->last;
            calls->last = NULL;
            return *out != NULL ? RL_OK : RL_END;
        }
        if (calls->question.number != 0 && calls->number >= calls->question.number &&
            calls->first == NULL && calls->has_real) {
            calls->has_ended = 1; /* that one was given, or did not pass */
            continue;
        }
        if (*events == 0) {
            return RL_OK;
        }
        --*events;
        if (calls->events.given == calls->events.boundary && only_counts_all(calls) &&
            (status = count_stretches(calls)) != RL_OK) {
            return status;
        }
        status = skim_next(&calls->events, calls->open.count == 0 ? &calls->wanted : NULL, &event);
        status = status == RL_OK    ? take_event(calls, &event)
                 : status == RL_END ? finish_open(calls)
                                    : status;
        if (status != RL_OK) {
            return status;
        }
    }
}

/* ---- begin and end ---- */

/* Returns the stretch with the call whose number is wanted, and counts those before it. A call that
 * is open there is not wanted. */
static size_t find_first_stretch(struct calls_of *c)
{
    const struct index *index = c->reader->index;
    uint64_t before = c->number;
    for (size_t i = 0; c->question.number > before && index != NULL && i < index->count; i++) {
        uint64_t begins = index_begins(&index->stretches[i], c->question.codes);
        if (c->number + begins >= c->question.number) {
            return i;
        }
        c->number += begins;
        c->counts.calls += begins;
    }
    c->counts.calls = 0;
    c->number = before;
    return 0;
}

void calls_of_only_count(struct calls_of *calls)
{
    struct call_found *next;
    calls->question.only_counts = 1;
    for (struct call_found *call = calls->first; call != NULL; call = next) {
        next = call->after;
        if (call->is_done) {
            unlink_call(calls, call);
            call_found_free(call);
        }
    }
}

const struct calls_of_counts *calls_of_counts(const struct calls_of *calls)
{
    return &calls->counts;
}

const struct call_group *calls_of_groups(const struct calls_of *calls, size_t *count,
                                         uint64_t *others)
{
    *count = calls->group_count;
    *others = calls->other_groups;
    return calls->groups;
}

void calls_of_close(struct calls_of *calls)
{
    if (calls == NULL) {
        return;
    }
    while (calls->first != NULL) {
        struct call_found *call = calls->first;
        unlink_call(calls, call);
        call_found_free(call);
    }
    call_found_free(calls->last);
    for (size_t i = 0; i < calls->group_count; i++) {
        rl_free((void *)(uintptr_t)calls->groups[i].value);
    }
    rl_free(calls->groups);
    strmap_fini(&calls->group_index);
    bytes_out_fini(&calls->scratch);
    u64map_fini(&calls->open);
    u64map_fini(&calls->lines);
    u64map_fini(&calls->threads);
    u64map_fini(&calls->functions);
    rl_free(calls->times);
    rl_free(calls->where.bindings);
    rl_free(calls->group.bindings);
    skim_close(&calls->events);
    rl_free(calls);
}

rl_status calls_of_open(struct reader *reader, const struct calls_of_question *question,
                        struct calls_of **out)
{
    struct calls_of *c = rl_zalloc(1, sizeof *c);
    if (c == NULL) {
        return RL_NOMEM;
    }
    c->reader = reader;
    c->question = *question;
    rl_status status = RL_OK;
    for (size_t i = 0; i < question->codes->capacity && status == RL_OK; i++) {
        uint64_t key = question->codes->entries[i].key;
        if (key != 0 && u64map_put(&c->functions, key, c->functions.count) != 0) {
            status = RL_NOMEM;
        }
    }
    status =
        status == RL_OK ? calls_of_bind(reader, &c->functions, question->where, &c->where) : status;
    status =
        status == RL_OK ? calls_of_bind(reader, &c->functions, question->group, &c->group) : status;
    c->wanted = (struct index_wanted){.kinds = UINT32_C(1) << RL_EVENT_CALL |
                                               UINT32_C(1) << RL_EVENT_RUNNING,
                                      .codes = question->codes};
    if (status == RL_OK) {
        uint64_t before = before_calls(&reader->before, question->codes);
        c->number = before;
        size_t first = find_first_stretch(c);
        status = skim_open(reader, 0, first, &c->lines, &c->events);
        c->counts.calls = c->events.given != 0 ? c->counts.calls : 0;
        c->number = c->events.given != 0 ? c->number : before;
    }
    if (status != RL_OK) {
        calls_of_close(c);
        return status;
    }
    *out = c;
    return RL_OK;
}
