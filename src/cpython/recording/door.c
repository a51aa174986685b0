/* Why: see door.h. Here is what is not on the fast path. */
#include "door.h"

#include "budget.h"
#include "codeinfo.h"
#include "context.h"
#include "gate.h"
#include "generations.h"
#include "native_output.h"
#include "state.h"
#include "thread_names.h"
#include "traced_threads.h"
#include "word.h"

/* Records an event and gives its time to --budget. */
static enum verdict event_timed(struct thread *t, const struct event *event)
{
    struct budget_sample sample = budget_sample_begin(t);
    enum verdict verdict = recording_event(event);
    budget_sample_end(t, event->kind, &sample);
    return verdict;
}

enum verdict recording_event_slow(const struct event *event)
{
    struct thread *t = thread_self;
    if (__builtin_expect(recording.wants_generation, 0)) {
        generations_next();
    }
    if (t != NULL && t->gate == GATE_TAP && thread_is_recorded(t)) {
        return listener.event(t, event);
    }
    t = threads_admit(event);
    if (t == NULL) {
        return VERDICT_CONTINUE;
    }
    native_output_flush(t);
    enum verdict verdict = VERDICT_CONTINUE;
    int is_followed = context_is_used(t);
    if (!is_followed || context_look(t, event)) {
        verdict = listener.is_on    ? listener.event(t, event)
                  : t->samples != 0 ? event_timed(t, event)
                                    : recording_event(event);
    }
    if (is_followed) {
        if (gate_is_open(t) && !listener.is_on && t->samples == 0) {
            gate_follow(t);
        } else {
            gate_close(t);
        }
    } else if (listener.is_on && gate_is_open(t) && recording.recorder != NULL) {
        gate_tap(t);
    }
    if (thread_names_are_awaited(t) || recording.wants_generation) {
        gate_close(t);
    }
    return verdict;
}

void recording_native(unsigned kind, PyObject *callable, native_frame *caller)
{
    struct event event = {.kind = kind, .code = native_code(caller), .frame = caller};
    struct thread *t = thread_self;
    if (t == NULL || !gate_is_open(t)) {
        t = threads_admit(&event);
    }
    if (t == NULL || (codeinfo_of_frame(caller) & CODE_EXCLUDED)) {
        return;
    }
    uint32_t id = codeinfo_native(callable);
    if (id != 0) {
        (void)lane_put(&t->lane, kind, id, t->stack[t->depth].frame);
    }
}
