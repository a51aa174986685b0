/* Stepping, as decisions alone: what a thread was told to do, and whether it stops where it is now.
 *
 *            line of the frame                    the frame is left
 *   IN       any line of the user's: stop         -
 *   OVER     stop                                 go on with OVER in its caller
 *   UNTIL    stop from a line on                  go on with OVER in its caller
 *   OUT      -                                    go on with OVER in its caller
 *
 * A coroutine that is suspended is not left: the step waits until it goes on, in its own task.
 * Where steps are the thread's (`in_thread`), it goes on as IN with whatever the thread runs next.
 * A generator that yields is left, to whoever asked it for a value. Lines that are not the user's
 * never stop; a step whose caller is not the user's goes on upwards. */
#ifndef STEP_H
#define STEP_H

#include <stdint.h>

enum step_mode { STEP_NONE, STEP_IN, STEP_OVER, STEP_OUT, STEP_UNTIL };
enum step_event { STEP_LINE, STEP_RETURN, STEP_YIELD, STEP_UNWIND };

struct step {
    enum step_mode mode;
    uintptr_t frame; /* identity; 0: any */
    uint32_t line;   /* UNTIL */
    uintptr_t task;  /* IN: the task it stays in; 0: any */
    int in_thread;   /* a task that waits is left */
};

struct step_place {
    uintptr_t frame, caller; /* identities; caller 0: none */
    uintptr_t task;
    uint32_t line;
    int is_users;     /* code that is stepped through */
    int is_coroutine; /* suspended, it is not left */
};

/* A line: whether the thread stops here. Else: whether it has left its last frame. The step is over
 * then. */
int step_take(struct step *step, enum step_event event, const struct step_place *place);

#endif
