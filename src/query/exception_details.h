/* Everything about the exceptions that are shown: values, stack, and the path that each one took.
 * Answers come in batches of bounded size.
 *
 * Threads: as for the reader, one at a time. */
#ifndef EXCEPTION_DETAILS_H
#define EXCEPTION_DETAILS_H

#include "exceptions.h"

/* A place that the exception came through: it was raised there, or left that frame. */
struct path_step {
    uint64_t frame;
    uint32_t line; /* 0 = not known */
    uint32_t code;
};

struct exception_detail {
    uint64_t exception;
    uint64_t place; /* among the listed exceptions of the recording: by rank, then by number */
    struct kept_event first, captured;
    int has_captured;              /* an event after the first captured more of the exception */
    struct open_activation *stack; /* owned; frames that were open at the first event */
    size_t depth;
    int has_no_stack;       /* private: it is read later */
    struct path_step *path; /* owned; one for each event that raised it or left a frame with it */
    size_t path_count, path_cap;
    struct story *open; /* NULL = complete */
};

struct exception_details {
    struct exception_detail *
        *items; /* owned; ordered by place from the first wanted one on, without gaps */
    size_t count;
};

/* Reads the exceptions from place `from` to place `to`, as many as the bound on memory allows.
 * There is at least one item, unless no such exception exists. */
RL_CHECKED rl_status exception_details_read(struct reader *reader,
                                            const struct stories_question *question,
                                            const struct exceptions *exceptions, uint64_t from,
                                            uint64_t to, struct exception_details *out);
void exception_details_fini(struct exception_details *details);

#endif
