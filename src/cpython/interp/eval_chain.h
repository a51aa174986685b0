/* The frame evaluators that Relive sets on CPython 3.8 to 3.11, each around what was there before:
 *
 *   interpreter -> recorder -> debugger -> another tool's, or the interpreter's own
 *
 * The recorder's evaluator is always the outer one. It sees the code that the program has, while
 * the debugger may run a frame with a copy of that code (copies.h).
 *
 * An evaluator that is no longer wanted is removed once no other tool's evaluator is on top of it.
 * Until then it passes every frame on. Both evaluators share one trace function, eval_trace(),
 * which calls each user for the frames that the user has switched it on for. Under the GIL. */
#ifndef EVAL_CHAIN_H
#define EVAL_CHAIN_H

#include "compat.h"

#if HAS_EVAL_HOOK

#include <stdint.h>

#include "thread_local.h"

enum eval_place { EVAL_RECORDER, EVAL_DEBUGGER, EVAL_PLACES };

/* What the recorder or the debugger does. */
struct eval_user {
    _PyFrameEvalFunction evaluate;
    /* What it does as a trace function. 0, or -1 with an exception. */
    int (*trace)(PyFrameObject *frame, int what, PyObject *arg);
    /* Whether a line is of a copy's own code, not of the program; may be NULL. */
    int (*is_between)(PyFrameObject *frame);
};

struct eval_hook {
    const struct eval_user *user;
    _PyFrameEvalFunction ours, previous; /* user->evaluate, and what it calls */
    int is_in, is_wanted;
};
extern struct eval_hook eval_hooks[EVAL_PLACES];

/* The trace function of both, so that each has the lines of the frames that it wants. */
int eval_trace(PyObject *self, PyFrameObject *frame, int what, PyObject *arg);
struct eval_wants {
    int for_recorder; /* the lines of the frame that runs */
    int for_caller;   /* the debugger wants the caller's from here on */
};
extern QUICK_THREAD_LOCAL struct eval_wants eval_wants;

/* The recorder's own profile function, once it has set one; for PyThreadState.c_profilefunc. */
extern Py_tracefunc eval_own_profile;

/* Inserts the user's evaluator into the chain. The second call removes it, or marks it as not
 * wanted. */
void eval_chain_put(enum eval_place place, const struct eval_user *user);
void eval_chain_take(enum eval_place place);
/* Whether a tool that is not ours is called first. */
int eval_chain_is_covered(void);
/* Whether somebody evaluates frames, and whether that is Relive. */
int eval_chain_is_set(int *is_ours);

/* Runs a frame with the evaluator below `place`. */
#define eval_below(place, ...) eval_hooks[place].previous(__VA_ARGS__)

/* 3.11: nested hooked calls use C stack, which plain calls there do not. Below a floor of the
 * thread's stack Relive steps aside until the frame is left. */
extern QUICK_THREAD_LOCAL uintptr_t eval_floor;
void eval_find_floor(void);
static inline int eval_is_deep(void)
{
#if CALLS_ARE_INLINED
    if (__builtin_expect(eval_floor == 0, 0)) {
        eval_find_floor();
    }
    return (uintptr_t)__builtin_frame_address(0) < eval_floor;
#else
    return 0;
#endif
}
/* Runs a frame with no hook set; calls made from it are inlined again, and so unseen. */
PyObject *eval_deep(enum eval_place place, HOOK_ARGS);

#endif
#endif
