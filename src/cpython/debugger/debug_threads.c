/* Part of debug_parts.h: what one thread wants of another.
 *
 *   pauses          threads that stop at their next line of the user's code; the list has their
 *                   identities, and 0 for whichever thread comes first. A capsule in the thread's
 *                   dictionary ends with the thread, and takes its pause along: the identity may
 *                   come again. A write that nobody has been shown then stops another thread
 *   limited calls   calls that another thread may interrupt. The exception is one of
 *                   PyThreadState_SetAsyncExc. It never outlives the call: it is withdrawn before
 *                   Python code runs again.
 *
 * Threads: both lists belong to all threads, under the GIL. */
#include "debug_changes.h"
#include "debug_parts.h"

#include "alloc.h"

struct pause {
    unsigned long thread;
    int is_for_write;
};
static struct pause *paused; /* owned */
static size_t paused_count, paused_cap;

struct limited {
    unsigned long number, thread;
    int is_interrupted;
    struct limited *next;
};
static struct limited *limited_calls; /* each is on the C stack of its thread */

/* ---- pauses ---- */

static struct pause *pause_of(unsigned long thread)
{
    for (size_t i = 0; i < paused_count; i++) {
        if (paused[i].thread == thread) {
            return &paused[i];
        }
    }
    return NULL;
}

static const char ends_pause[] = "relive.debug.pause";

/* The thread that the capsule belongs to ends. */
static void end_pause(PyObject *capsule)
{
    unsigned long thread = (unsigned long)(uintptr_t)PyCapsule_GetPointer(capsule, ends_pause);
    struct pause *pause = pause_of(thread);
    if (pause == NULL) {
        return;
    }
    debug_changes_leave(thread);
    if (pause->is_for_write && pause_of(0) == NULL) {
        pause->thread = 0;
    } else {
        (void)debug_pause_remove(thread);
    }
    if (debugger.is_on) {
        debug_engine.refresh();
    }
}

/* Has a thread's pause end with the thread. Returns 1; 0 where there is no such thread; or -1 with
 * an exception. */
static int watch_end(unsigned long thread)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    while (ts != NULL && ts->thread_id != thread) {
        ts = PyThreadState_Next(ts);
    }
    if (ts == NULL) {
        return 0;
    }
    if (ts->dict == NULL && (ts->dict = PyDict_New()) == NULL) {
        return -1;
    }
    if (PyDict_GetItemString(ts->dict, ends_pause) != NULL) {
        return 1;
    }
    PyObject *capsule = PyCapsule_New((void *)(uintptr_t)thread, ends_pause, end_pause);
    int failed = capsule == NULL || PyDict_SetItemString(ts->dict, ends_pause, capsule) != 0;
    Py_XDECREF(capsule);
    return failed ? -1 : 1;
}

int debug_pause_add(unsigned long thread, int is_for_write)
{
    int found = thread != 0 ? watch_end(thread) : 1;
    struct pause *known = pause_of(thread);
    if (found != 1 || known != NULL) {
        if (known != NULL) {
            known->is_for_write |= is_for_write;
        }
        return found;
    }
    void *items = paused;
    if (rl_grow(&items, &paused_cap, paused_count + 1, sizeof *paused) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    paused = items;
    paused[paused_count++] = (struct pause){thread, is_for_write};
    debugger.pause_wanted = 1;
    return 1;
}

int debug_pause_remove(unsigned long thread)
{
    struct pause *pause = pause_of(thread);
    if (pause == NULL) {
        return 0;
    }
    *pause = paused[--paused_count];
    debugger.pause_wanted = paused_count != 0;
    return 1;
}

void debug_pause_clear(void)
{
    paused_count = 0;
    debugger.pause_wanted = 0;
}

int debug_pause_waits(unsigned long thread)
{
    return pause_of(thread) != NULL;
}

int debug_is_paused(void)
{
    return pause_of(0) != NULL || pause_of(PyThread_get_thread_ident()) != NULL;
}

/* ---- limited calls ---- */

PyObject *debug_call_limited(unsigned long number, PyObject *function)
{
    struct limited own = {
        .number = number, .thread = PyThread_get_thread_ident(), .next = limited_calls};
    limited_calls = &own;
    PyObject *result = PyObject_CallObject(function, NULL);
    struct limited **at = &limited_calls;
    while (*at != &own) {
        at = &(*at)->next;
    }
    *at = own.next;
    if (own.is_interrupted) {
        (void)PyThreadState_SetAsyncExc(own.thread, NULL);
    }
    return result;
}

int debug_interrupt(unsigned long number, PyObject *type)
{
    for (struct limited *call = limited_calls; call != NULL; call = call->next) {
        if (call->number == number) {
            call->is_interrupted = 1;
            return PyThreadState_SetAsyncExc(call->thread, type) != 0;
        }
    }
    return 0;
}

/* ---- frames ---- */

int debug_is_here(PyFrameObject *object)
{
    native_frame *wanted = native_of(object);
    native_frame *frame = native_current(PyThreadState_Get());
    while (frame != NULL && frame != wanted) {
        frame = native_caller(frame);
    }
    return frame != NULL;
}
