/* Why: what is told of an exception: that it left a frame, was raised in one or caught there.
 * Invariant: a trace function's exception may be gone when its frame is left, so its bytes are kept
 * (pending), never the object. */
#include "session.h"

#include <string.h>

#include "budget.h"
#include "judge.h"
#include "policy.h"
#include "repeats.h"

static uint32_t exception_id(struct thread *t, PyObject *exc)
{
    if (exc == NULL || session.recorder == NULL) {
        return 0;
    }
    PyTypeObject *type = PyType_Check(exc) ? (PyTypeObject *)exc : Py_TYPE(exc);
    return recorder_string(session.recorder, &t->lane, type->tp_name, strlen(type->tp_name));
}

/* As the filter says of what is thrown into a frame, and of what may leave it (<unwind>): that is
 * told when it is raised, too. */
static void put_filtered(const struct thread *t, struct capture *c, const struct event *event,
                         const struct policy *policy)
{
    int is_thrown = event->kind == RL_EVENT_THROW;
    unsigned action = policy == NULL ? FILTER_ALLOW : is_thrown ? policy->thrown : policy->unwind;
    if (action != FILTER_ALLOW && event->arg != NULL) {
        action = judge((enum filter_action)action, event->arg);
    }
    if (action != FILTER_ALLOW) {
        policy_count(is_thrown ? POLICY_ARGUMENT : POLICY_RETURN, action);
        capture_filtered(c, event->arg, action);
        return;
    }
    repeats_begin(c, t, event->arg);
    capture_exception(c, event->arg, event->raw, event->is_again ? RL_EXCEPTION_AGAIN : 0);
    repeats_end(c);
}

/* An event that comes with an exception: told with it, or kept since a trace function told it. */
void session_put_exception(struct thread *t, const struct event *event, uint64_t info,
                           uint64_t frame)
{
    const struct policy *policy = policy_of(CODE_ID(info));
    int line = event->line != 0 ? (int)event->line : native_line(event->frame);
    int is_kept = event->arg == NULL && t->pending_in == event->frame;
    uint32_t exc = is_kept ? t->pending_type : exception_id(t, event->arg);
    struct capture *c =
        event->arg != NULL && info & CODE_VALUES ? session_capture(t, policy) : NULL;
    const uint8_t *bytes = t->pending;
    uint32_t len = is_kept ? t->pending_len : 0;
    if (c != NULL) {
        put_filtered(t, c, event, policy);
        bytes = c->bytes;
        len = capture_size(c);
    }
    if (session_reserve(t, (len != 0 ? lane_data_units(len) : 0) + 2)) {
        session_put_prefix(t, RL_ROW_EXC, line > 0 ? (uint32_t)line : 0, exc, 0);
        if (len != 0) {
            lane_data(&t->lane, bytes, len);
        }
        (void)lane_put(&t->lane, event->kind, CODE_ID(info), frame);
    }
}

void session_exception(struct thread *t, const struct event *event, uint64_t info)
{
    /* The interpreter tells a raise again in each frame that it passes through, and in clean-ups.
     */
    int is_news = event->kind == RL_EVENT_HANDLED ||
                  (event->is_again ? t->caught == event->arg
                                   : t->leaving != event->arg || t->left_at != t->lane.cur);
    const struct open_frame *top = &t->stack[t->depth];
    t->leaving = NULL;
    t->caught = event->kind == RL_EVENT_HANDLED ? event->arg : NULL;
    if (is_news && top->key == event->frame) {
        session_put_exception(t, event, info, top->frame);
    } else if (is_news && budget_counts(CODE_ID(info))) {
        budget_count();
    }
}

void session_keep_pending(struct thread *t, const struct event *event)
{
    uint64_t info = codeinfo_get(event->code);
    const struct policy *policy = policy_of(CODE_ID(info));
    struct capture *c = info & CODE_VALUES ? session_capture(t, policy) : NULL;
    t->pending_len = 0;
    if (c != NULL) {
        put_filtered(t, c, event, policy);
        if (capture_size(c) > sizeof t->pending - 16) {
            PyObject *type =
                PyType_Check(event->arg) ? event->arg : (PyObject *)Py_TYPE(event->arg);
            c->p = c->values; /* too long: its type alone */
            capture_exception(c, type, NULL, 0);
        }
        t->pending_len = capture_size(c);
        memcpy(t->pending, c->bytes, t->pending_len);
    }
    t->pending_type = exception_id(t, event->arg);
    t->pending_in = event->frame;
}

void session_put_pending(struct thread *t, const struct event *event)
{
    uint64_t info = codeinfo_get(event->code);
    const struct open_frame *top = &t->stack[t->depth];
    t->pending_in = NULL;
    if (top->key == event->frame && t->pending_len != 0 &&
        session_reserve(t, lane_data_units(t->pending_len) + 2)) {
        session_put_prefix(t, RL_ROW_EXC, event->line, t->pending_type, 0);
        lane_data(&t->lane, t->pending, t->pending_len);
        (void)lane_put(&t->lane, RL_EVENT_HANDLED, CODE_ID(info), top->frame);
    }
}
