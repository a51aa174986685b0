/* The whole story of the exceptions that are shown, a batch of bounded size at a time. */
#ifndef EXCEPTION_DETAILS_H
#define EXCEPTION_DETAILS_H

#include "exceptions.h"

struct told_line {
    uint64_t frame;
    uint32_t line; /* 0 = not known */
    uint32_t code;
};

struct exception_detail {
    uint64_t exception;
    uint64_t place; /* among the listed ones of the recording: by rank, then by number */
    struct kept_event first, captured;
    int has_captured;              /* a later event than the first captured more of it */
    struct open_activation *stack; /* owned; that were open at the first event */
    size_t depth;
    struct told_line *told; /* owned; of each event that raised it, or left a frame by it */
    size_t told_count, told_cap;
    struct story *open; /* NULL = it is complete */
};

struct exception_details {
    struct exception_detail **items; /* owned; by place, from the first one wanted, none missing */
    size_t count;
};

/* Those that are listed from place `from` to place `to`, and as many as memory is wanted for: at
 * least one, where there is any. */
RL_CHECKED rl_status exception_details_read(struct reader *reader,
                                            const struct stories_question *question,
                                            const struct exceptions *exceptions, uint64_t from,
                                            uint64_t to, struct exception_details *out);
void exception_details_fini(struct exception_details *details);

/* The newest listed exception up to the number `until` that has this type and address. */
struct exception_sought {
    struct text type;
    uint64_t id;
    uint64_t found; /* its number + 1; 0 = none */
};
RL_CHECKED rl_status exceptions_find(struct reader *reader, const struct stories_question *question,
                                     const struct exceptions *exceptions, uint64_t until,
                                     struct exception_sought *sought, size_t count);

#endif
