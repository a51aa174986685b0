/* Why: see rows.h.
 * Rules of a hook: it keeps a pending exception, never raises, never runs Python code, and counts
 * what it could not record. */
#include "rows.h"

#include <string.h>

#include "capture.h"
#include "judge.h"
#include "plain.h"
#include "policy.h"
#include "pyframe.h"
#include "remembered.h"
#include "state.h"

#include "alloc.h"

struct capture *rows_capture(struct thread *t, const struct policy *policy)
{
    return recording.level != LEVEL_CALLS ? rows_capture_always(t, policy) : NULL;
}

struct capture *rows_make_buffer(struct thread *t)
{
    t->capture = rl_zalloc_apart(1, sizeof *t->capture);
    if (t->capture == NULL) {
        recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
    }
    return t->capture;
}

struct capture *rows_capture_always(struct thread *t, const struct policy *policy)
{
    struct capture *c = rows_buffer(t);
    if (c != NULL) {
        capture_begin(c, &t->lane);
    }
    if (c != NULL && policy != NULL) {
        capture_use(c, policy);
    }
    return c;
}

/* Writes the row of an event whose values are all plain, from `bytes` to `end`. There is room for
 * 16 more bytes, which are cleared: whole rows are copied. */
static inline void put_plain_row(struct thread *t, unsigned kind, uint32_t id, uint64_t frame,
                                 const uint8_t *bytes, uint8_t *end)
{
    memset(end, 0, 16);
    (void)lane_put_values(&t->lane, kind, id, frame, bytes, (uint32_t)(end - bytes));
}

/* The buffer for values that may be references. */
static struct capture *begin_values(struct thread *t, const struct policy *policy)
{
    struct capture *c = rows_capture(t, policy);
    if (c != NULL) {
        remembered_begin(c);
    }
    return c;
}

/* Returns whether so many rows fit the chunk in which the values of the event are. */
static inline int has_room_in_chunk(const struct thread *t, const struct capture *c, uint32_t units)
{
    enum { TIME_ROW = 1 };
    return remembered_chunk(c) == t->lane.chunk &&
           lane_has_room(&t->lane, units + TIME_ROW, t->lane.base);
}

/* Writes the row of an event with its values. A reference holds in its chunk alone: where the row
 * must go into another one, the values are written in full. */
static void put_values_row(struct thread *t, unsigned kind, uint32_t id, uint64_t frame,
                           struct capture *c)
{
    uint32_t size = capture_size(c);
    if (remembered_is_used(c) && !has_room_in_chunk(t, c, lane_data_units(size) + 1)) {
        remembered_undo(c);
        size = capture_size(c);
    }
    if (!lane_put_values(&t->lane, kind, id, frame, c->bytes, size) && remembered_is_used(c)) {
        remembered_forget(c);
    }
}

enum { PLAIN_ARGUMENTS = 6 };

/* Where the arguments end that were written to p; NULL: not all of them are plain. */
static inline uint8_t *put_plain_arguments(uint8_t *p, const struct event *event)
{
    uint32_t n = code_parameters(event->code);
    if (n > PLAIN_ARGUMENTS) {
        return NULL;
    }
    for (uint32_t i = 0; i < n && p != NULL; i++) {
        p = put_plain(p, native_slot(event->frame, (Py_ssize_t)i));
    }
    return p;
}

void rows_put_arguments(struct thread *t, const struct event *event, uint32_t id, uint64_t frame)
{
    const struct policy *policy = policy_of(id);
    uint8_t plain[PLAIN_ARGUMENTS * PLAIN_BYTES + 16], *end;
    if (recording.level != LEVEL_CALLS && (policy == NULL || policy->args == NULL) &&
        (end = put_plain_arguments(plain, event)) != NULL) {
        put_plain_row(t, RL_EVENT_CALL, id, frame, plain, end);
        return;
    }
    struct capture *c = begin_values(t, policy);
    if (c == NULL) {
        (void)lane_put(&t->lane, RL_EVENT_CALL, id, frame);
        return;
    }
    capture_arguments(c, event->code, event->frame, recording_can(CALL_HAS_CELLS));
    put_values_row(t, RL_EVENT_CALL, id, frame, c);
}

/* What is returned, yielded or sent, as the filter has it. */
static void put_result(struct capture *c, unsigned kind, PyObject *value,
                       const struct policy *policy)
{
    unsigned action = kind == RL_EVENT_RETURN  ? policy->ret
                      : kind == RL_EVENT_YIELD ? policy->yield
                                               : policy->thrown;
    if (action != FILTER_ALLOW) {
        action = judge((enum filter_action)action, value);
        policy_count(kind == RL_EVENT_RESUME ? POLICY_ARGUMENT : POLICY_RETURN, action);
    }
    capture_filtered(c, value, action);
}

void rows_put_value(struct thread *t, unsigned kind, uint32_t id, uint64_t frame, PyObject *value)
{
    const struct policy *policy = policy_of(id);
    int has_actions = policy != NULL && policy->has_result_actions;
    uint8_t plain[PLAIN_BYTES + 16], *end;
    if (!has_actions && recording.level != LEVEL_CALLS && (end = put_plain(plain, value)) != NULL) {
        put_plain_row(t, kind, id, frame, plain, end);
        return;
    }
    struct capture *c = value != NULL ? begin_values(t, policy) : NULL;
    if (c == NULL) {
        (void)lane_put(&t->lane, kind, id, frame);
        return;
    }
    if (__builtin_expect(has_actions, 0)) {
        put_result(c, kind, value, policy);
    } else {
        capture_value(c, value);
    }
    put_values_row(t, kind, id, frame, c);
}
