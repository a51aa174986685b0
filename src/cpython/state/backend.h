/* One contract for all backends. A backend translates the events of its interpreter mechanism into
 * `struct event` and obeys the verdict. It filters nothing, captures nothing, writes nothing. */
#ifndef BACKEND_H
#define BACKEND_H

#include "compat.h"

#include <relive/rl_format.h>

struct event {
    unsigned kind; /* enum rl_event_kind, CALL to HANDLED */
    int handler;   /* HANDLED: 1 + the offset of the handler in the code; 0 = not known */
    PyCodeObject *code;
    native_frame *frame;
    /* All borrowed. RETURN, YIELD: the value. UNWIND, THROW, RAISE, HANDLED: the exception or its
     * type; NULL where the mechanism does not give it. */
    PyObject *arg;
    PyObject *raw; /* where arg is a type: what the exception will be made from, or NULL */
    int is_again;  /* RAISE: by a handler that had caught it */
    uint32_t line; /* LINE, HANDLED: where it goes on; UNWIND: where it was, if that is known */
};

/* DISABLE: nothing of this code is wanted. LINES: its lines are wanted too. */
enum verdict { VERDICT_CONTINUE = 0, VERDICT_DISABLE = 1, VERDICT_LINES = 2 };

/* What a backend sees. */
#define SEES_THROW           1u  /* throw apart from resume */
#define SEES_C_CALLS         2u  /* calls of functions written in C */
#define SEES_RUNNING_END     4u  /* the end of frames that ran before it started */
#define SEES_RUNNING_THREADS 8u  /* threads that are inside a frame already, at once */
#define SEES_EXC_TYPE        16u /* the type of an exception that leaves a frame */
#define SEES_RAISE           32u /* raise and handled, also inside one frame */
#define SEES_LINES           128u
#define CALL_HAS_CELLS       64u /* at a call event the frame has made its cells */

struct backend_start {
    int c_calls;
    int tool_id; /* monitoring: wanted id, -1 = the first free of 4, 3, 5 */
};

struct backend {
    const char *name;
    unsigned capabilities;
    unsigned empty_callback_ns; /* the interpreter's own cost per event; --budget adds it */
    /* 1: usable here and now; 0: not, and `why` says so. `why` may also explain a 1. */
    int (*probe)(char *why, size_t size);
    /* 0, or -1 with a Python exception. Under the GIL. */
    int (*start)(const struct backend_start *options);
    void (*stop)(void);
    /* In how many threads the program has put its own in the place of our hook. Under the GIL. */
    int (*taken)(void);
    /* The lines of this code are wanted from now on; NULL: recording_event() says so at each call.
     */
    void (*want_lines)(PyCodeObject *code);
    /* In a forked child, where only the calling thread is left; may be NULL. */
    void (*after_fork)(void);
};

#endif
