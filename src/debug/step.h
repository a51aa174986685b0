/* Stepping, as decisions alone: which step a thread has to do, and whether it stops at an event.
 *
 *            line in the frame            the frame returns, yields or unwinds
 *   IN       stop at any user line        (the thread stops at the next line by itself)
 *   OVER     stop                         becomes OVER in the caller
 *   UNTIL    stop from a line on          becomes OVER in the caller
 *   OUT      go on                        becomes OVER in the caller
 *   FOLLOW   stop, by the rules of bdb    stop there too, as at calls and exceptions
 *
 * Invariants:
 *   - Lines of code that is not the user's never stop. A step whose caller is not the user's goes
 *     on to the caller's caller.
 *   - A suspended coroutine is not left: the step waits until it resumes, in its own task. With
 *     `in_thread` the step becomes IN, and stops in whatever the thread runs next.
 *   - A generator that yields is left, to the frame that requested a value.
 *
 * FOLLOW has bdb's own terms, so that a bdb.Bdb decides the same (Lib/bdb.py, stop_here):
 *   - `frame` is bdb's stopframe: 0 stops anywhere, else in this frame from `line` on; with
 *     `is_never` not even there.
 *   - `returns` is its returnframe: where this frame returns, the thread stops.
 *   - Calls and returns of a generator stop only if `frame` is 0. Where it ends, its caller stops:
 *     at the exception that says so, or at the next line.
 *   - `begin` was given by set_trace(): nothing stops before this frame has an event.
 *   - `origin` is where the thread has stopped last: its frame counts as the user's.
 *   - With the first frame of a task its task ends: the step goes on in whatever runs next.
 *   - `into` is a call that is to be entered. Where a frame begins that the call has made, the step
 *     moves on into it. Until then the lines of the call's statement do not stop.
 *
 * Threads: each thread has its own step. */
#ifndef STEP_H
#define STEP_H

#include <stdint.h>

enum step_mode { STEP_NONE, STEP_IN, STEP_OVER, STEP_OUT, STEP_UNTIL, STEP_FOLLOW };
enum step_event {
    STEP_LINE,
    STEP_RETURN,
    STEP_YIELD,
    STEP_UNWIND,
    STEP_CALL,
    STEP_RAISE,
    STEP_INSTRUCTION
};

enum { STEP_CALLS = 4 };

/* A call of a line: the code that makes it, and its instructions there. A `finally` has its calls
 * several times. */
struct step_call {
    uintptr_t code; /* identity; 0 = none */
    uint32_t from[STEP_CALLS], to[STEP_CALLS];
    uint32_t count;
    uint32_t first, last; /* lines of its statement */
};

struct step {
    enum step_mode mode;
    uintptr_t frame; /* identity; 0 = any */
    uint32_t line;   /* UNTIL: first line to stop at */
    uintptr_t task;  /* IN: the only task to stop in; 0 = any */
    int in_thread;   /* the step follows the thread, not the task */
    /* of FOLLOW */
    uintptr_t returns, begin, origin;
    int is_never;
    int has_left;    /* the frame has ended, and `frame` is its caller */
    int instruction; /* stop at the next instruction, of `begin` if that is set */
    struct step_call into;
};

struct step_place {
    uintptr_t frame, caller; /* identities; caller 0 = none */
    uintptr_t task;
    uint32_t line;
    int is_users;           /* the user steps through this code */
    int is_coroutine;       /* a yield suspends it, and does not leave it */
    int is_generator;       /* or a coroutine */
    int ends_task;          /* it is a task's first frame */
    int is_callers_library; /* the user does not step through the caller's code */
};

/* Applies an event to the step. For a line, returns whether the thread stops there. For any other
 * event, returns whether the thread has left its outermost frame. In both cases the step ends. */
int step_take(struct step *step, enum step_event event, const struct step_place *place);
/* Returns whether the step waits for a call by this code at this instruction. */
int step_awaits(const struct step *step, uintptr_t code, uint32_t at);
/* Moves the step on into a frame, which the awaited call has made. */
void step_enter(struct step *step, uintptr_t frame);
/* Returns whether a thread that follows stops at an event. */
int step_follows(struct step *step, enum step_event event, const struct step_place *place);

#endif
