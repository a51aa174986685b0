/* Why: see traced_threads.h. */
#include "traced_threads.h"

#include <string.h>

#include "activation.h"
#include "gate.h"
#include "open_frames.h"
#include "pytext.h"
#include "remembered.h"
#include "stack.h"
#include "state.h"
#include "thread_names.h"

#include "alloc.h"

void threads_ended(void *value)
{
    struct thread *t = value;
    os_lock_mutex(&recording.lock);
    if (t->lane.recorder != NULL) {
        recorder_lane_end(&t->lane);
    }
    if (t->previous != NULL) {
        t->previous->next = t->next;
    } else {
        recording.threads = t->next;
    }
    if (t->next != NULL) {
        t->next->previous = t->previous;
    }
    os_unlock_mutex(&recording.lock);
    thread_self = NULL;
    frames_forget(t);
    if (t->capture != NULL) {
        remembered_free(t->capture);
    }
    rl_free(t->capture);
    bytes_out_fini(&t->callback_more);
    bytes_out_fini(&t->callback_values);
    rl_free(t->queued);
    rl_free(t->stack);
    rl_free(t);
}

/* Makes the state of the calling thread, and links it; NULL without memory. */
static struct thread *new_thread(void)
{
    enum { FIRST_DEPTH = 64 };
    struct thread *t = rl_zalloc_apart(1, sizeof *t);
    struct open_frame *stack = rl_zalloc_apart(FIRST_DEPTH, sizeof *stack);
    if (t == NULL || stack == NULL) {
        rl_free(t);
        rl_free(stack);
        return NULL;
    }
    t->stack = stack;
    t->cap = FIRST_DEPTH;
    os_lock_mutex(&recording.lock);
    t->next = recording.threads;
    if (t->next != NULL) {
        t->next->previous = t;
    }
    recording.threads = t;
    os_unlock_mutex(&recording.lock);
    os_thread_value_set(t);
    thread_self = t;
    return t;
}

void threads_recheck(void)
{
    os_lock_mutex(&recording.lock);
    for (struct thread *t = recording.threads; t != NULL; t = t->next) {
        gate_close(t);
        t->context_ver = 0;
    }
    os_unlock_mutex(&recording.lock);
}

struct thread *threads_own(void)
{
    return thread_self != NULL ? thread_self : new_thread();
}

/* The main program begins with a frame that nobody called, in __main__ or in runpy. */
static int is_main_program(const struct event *event)
{
    char name[64];
    if (event->kind != RL_EVENT_CALL || frames_caller(event->frame) != NULL) {
        return 0;
    }
    pytext_module_name(native_globals(event->frame), name, sizeof name);
    return strcmp(name, "__main__") == 0 || strcmp(name, "runpy") == 0;
}

/* The thread's first event in this recording. */
static void join_recording(struct thread *t, const struct event *event)
{
    t->stamp = recording.stamp;
    frames_forget(t);
    t->leaving = NULL;
    memset(t->caught, 0, sizeof t->caught);
    t->pending_in = NULL;
    t->callers_chunk = UINT64_MAX;
    t->hidden = NULL;
    t->task_count = 0;
    t->active_in = NULL;
    t->in_session = 0;
    t->is_hidden = 0;
    t->context_ver = 0;
    t->samples = 0;
    t->short_count = 0;
    t->cpu_ns = 0;
    thread_names_begin(t);
    if (recording.is_waiting || activation_is_function()) {
        recording.is_waiting = 0;
        return;
    }
    int is_told = kind_enters(event->kind);
    stack_record_running(t, is_told ? frames_caller(event->frame)
                                    : native_current(PyThreadState_GetUnchecked()));
}

struct thread *threads_admit(const struct event *event)
{
    struct thread *t = thread_self;
    if (recording.recorder == NULL || (t != NULL && t->is_suppressed) ||
        (recording.is_waiting && !is_main_program(event)) ||
        (activation_is_set() && !activation_has(t, event))) {
        return NULL;
    }
    if (t == NULL && (t = new_thread()) == NULL) {
        recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
        return NULL;
    }
    if (t->stamp != recording.stamp) {
        join_recording(t, event);
    }
    gate_open(t);
    return t;
}

void threads_join_here(void)
{
    native_frame *frame = native_current(PyThreadState_GetUnchecked());
    if (frame != NULL && !activation_is_set()) {
        struct event event = {.kind = RL_EVENT_RETURN, .frame = frame, .code = native_code(frame)};
        struct thread *t = threads_admit(&event);
        if (t != NULL) {
            gate_close(t);
        }
    }
}
