/* All exceptions of a recording, by what became of them: `relive exc`. An exception takes a few
 * bytes here, whatever it carried; details.h has the rest of those that are shown. */
#ifndef EXCEPTIONS_H
#define EXCEPTIONS_H

#include "stories.h"

/* What exceptions have in common that read the same in a list, but for the names of their tasks and
 * the exceptions that replaced them. */
struct outcome {
    uint32_t type; /* string id, 0 = not known */
    uint32_t first_code, first_line;
    uint32_t last_code, last_line;
    uint32_t kind;                  /* of the last event */
    uint32_t handler, handler_line; /* that met it; of an except 0 */
    uint32_t thread;                /* where it may have left the outermost frame, else 0 */
    uint32_t facts;                 /* enum outcome_fact */
};

enum outcome_fact {
    OUTCOME_OUTERMOST = 1,    /* the last event says that nothing called the frame */
    OUTCOME_NO_PARENT = 2,    /* no caller of the last frame is known */
    OUTCOME_ENDS_THREAD = 4,  /* it reached where the library catches what ends a thread */
    OUTCOME_INSIDE = 8,       /* it never left the libraries */
    OUTCOME_CLEAN = 16,       /* as an exit: without an error */
    OUTCOME_HAS_TASK = 32,    /* it ended a task */
    OUTCOME_IS_AWAITED = 64,  /* and was raised again in who awaited that */
    OUTCOME_IS_REPLACED = 128 /* an exception took its place while a clean-up dealt with it */
};

enum { EXCEPTION_RANKS = 8 };

/* What whoever shows exceptions has decided of an outcome. */
struct judgement {
    uint32_t likeness; /* outcomes of the same number read the same */
    uint8_t is_listed;
    uint8_t rank;           /* those of a lower one come first */
    uint8_t names_task;     /* the name of the task is part of what is read */
    uint8_t names_replacer; /* and so is the exception that took its place */
};

/* What few exceptions have. */
struct exception_more {
    uint64_t exception; /* its number */
    uint64_t replacer;  /* the number of the exception that took its place, + 1; 0 = none */
    uint32_t task, task_name;
    int is_awaited;
};

struct exceptions {
    uint64_t count;
    uint32_t *outcome_of; /* owned; by number */
    uint64_t *starts;     /* owned; ns of the first events, where they are wanted, else NULL */
    struct outcome *outcomes;
    uint64_t *counts; /* owned, as is `outcomes`: exceptions of each */
    size_t outcome_count;
    struct exception_more *more; /* owned; by number of the exception */
    size_t more_count;
    struct judgement *judged; /* owned; by outcome; NULL until exceptions_judge() */
    uint64_t *listed_before;  /* owned; exceptions of each rank before each block of numbers */
    uint64_t listed[EXCEPTION_RANKS];
};

RL_CHECKED rl_status exceptions_read(struct reader *reader, const struct stories_question *question,
                                     int wants_starts, struct exceptions *out);
void exceptions_fini(struct exceptions *exceptions);
/* Takes over the judgements, one an outcome. */
RL_CHECKED rl_status exceptions_judge(struct exceptions *exceptions, struct judgement *judged);
static inline const struct judgement *exceptions_judgement(const struct exceptions *exceptions,
                                                           uint64_t exception)
{
    return &exceptions->judged[exceptions->outcome_of[exception]];
}
/* So many of this rank are listed before that one. */
uint64_t exceptions_listed_before(const struct exceptions *exceptions, unsigned rank,
                                  uint64_t exception);
/* Its place among those that are listed of this recording: by rank, then by number. */
uint64_t exceptions_place(const struct exceptions *exceptions, uint64_t exception);
/* NULL where it has nothing of that. */
const struct exception_more *exceptions_more(const struct exceptions *exceptions,
                                             uint64_t exception);

#endif
