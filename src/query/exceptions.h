/* All exceptions of a recording, by how they ended: `relive exc`. An exception takes a few bytes
 * here, whatever it carried. exception_details.h reads the rest of those that are shown.
 *
 *    exceptions_read() -> outcomes -> [the caller judges each outcome] -> exceptions_judge()
 *                                  -> exceptions_place(), exception_list.h
 *
 * Threads: as for the reader, one at a time. */
#ifndef EXCEPTIONS_H
#define EXCEPTIONS_H

#include "stories.h"

/* What exceptions have in common that read the same in a list. Only the names of tasks and of
 * replacing exceptions may differ. */
struct outcome {
    uint32_t type; /* string id; 0 = not known */
    uint32_t first_code, first_line;
    uint32_t last_code, last_line;
    uint32_t kind;                  /* kind of the last event */
    uint32_t handler, handler_line; /* what handled it; 0 for an except */
    uint32_t thread;                /* where it may have left the outermost frame, else 0 */
    uint32_t facts;                 /* enum outcome_fact */
};

enum outcome_fact {
    OUTCOME_OUTERMOST = 1,    /* the last event says that nothing called the frame */
    OUTCOME_NO_PARENT = 2,    /* the caller of the last frame is not known */
    OUTCOME_ENDS_THREAD = 4,  /* it reached the library function that catches what ends a thread */
    OUTCOME_INSIDE = 8,       /* it never left the libraries */
    OUTCOME_CLEAN = 16,       /* an exit without an error */
    OUTCOME_HAS_TASK = 32,    /* it ended a task */
    OUTCOME_IS_AWAITED = 64,  /* and was raised again where that task was awaited */
    OUTCOME_IS_REPLACED = 128 /* another exception replaced it while a clean-up handled it */
};

enum { EXCEPTION_RANKS = 8 };

/* How the caller wants to show an outcome. */
struct judgement {
    uint32_t likeness; /* outcomes with the same number read the same */
    uint8_t is_listed;
    uint8_t rank;           /* lower ranks come first */
    uint8_t names_task;     /* the row contains the name of the task */
    uint8_t names_replacer; /* the row contains the exception that replaced it */
    uint8_t is_quiet;       /* it says nothing of why a program failed */
};

/* What only few exceptions have. */
struct exception_more {
    uint64_t exception; /* number of the exception */
    uint64_t replacer;  /* number + 1 of the exception that replaced it; 0 = none */
    uint32_t task, task_name;
    int is_awaited;
};

struct exceptions {
    uint64_t count;
    uint32_t *outcome_of; /* owned; by number of the exception */
    uint64_t *starts;     /* owned; ns of the first event, by number; NULL where not wanted */
    struct outcome *outcomes;
    uint64_t *counts; /* owned, as is `outcomes`; exceptions of each outcome */
    size_t outcome_count;
    struct exception_more *more; /* owned; ordered by exception */
    size_t more_count;
    struct judgement *judged; /* owned; by outcome; NULL until exceptions_judge() */
    uint64_t *listed_before;  /* owned; listed ones of each rank before each block of numbers */
    uint64_t listed[EXCEPTION_RANKS];
};

/* Reads all events and numbers the exceptions, in the order in which they began. */
RL_CHECKED rl_status exceptions_read(struct reader *reader, const struct stories_question *question,
                                     int wants_starts, struct exceptions *out);
void exceptions_fini(struct exceptions *exceptions);
/* Takes the judgements, one for each outcome; they are owned afterwards, also where it fails. */
RL_CHECKED rl_status exceptions_judge(struct exceptions *exceptions, struct judgement *judged);
static inline const struct judgement *exceptions_judgement(const struct exceptions *exceptions,
                                                           uint64_t exception)
{
    return &exceptions->judged[exceptions->outcome_of[exception]];
}
/* Returns how many exceptions of this rank are listed before that one. */
uint64_t exceptions_listed_before(const struct exceptions *exceptions, unsigned rank,
                                  uint64_t exception);
/* Returns the place of an exception among the listed ones: by rank, then by number. */
uint64_t exceptions_place(const struct exceptions *exceptions, uint64_t exception);
/* Returns what else is known of an exception, or NULL. */
const struct exception_more *exceptions_more(const struct exceptions *exceptions,
                                             uint64_t exception);

/* The newest exception up to number `until` that has this type and address. */
struct exception_sought {
    struct text type;
    uint64_t id;
    uint64_t found; /* number + 1; 0 = none */
};
RL_CHECKED rl_status exceptions_find(struct reader *reader, const struct stories_question *question,
                                     const struct exceptions *exceptions, uint64_t until,
                                     struct exception_sought *sought, size_t count);

/* Finds the newest exception before number `until` that an except in one of these frames caught.
 * Quiet ones do not count. `found` becomes its number + 1; 0 = none. */
RL_CHECKED rl_status exceptions_caught(struct reader *reader,
                                       const struct stories_question *question,
                                       const struct exceptions *exceptions, uint64_t until,
                                       const uint64_t *frames, size_t count, uint64_t *found);

#endif
