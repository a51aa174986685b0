/* The exceptions of all recordings of a run, in one list: by rank, then by time.
 *
 * Threads: pure functions of their arguments. */
#ifndef EXCEPTION_LIST_H
#define EXCEPTION_LIST_H

#include "exceptions.h"

struct exception_list {
    struct exceptions *const *of; /* judged; with `starts` where there are several recordings */
    struct reader *const *readers;
    size_t count;
};

/* An exception: its recording, and its number there. */
struct exception_place {
    size_t recording;
    uint64_t exception;
};

/* Neighbours that read the same share a row. */
struct exception_row {
    struct exception_place first;
    uint64_t number; /* of the first one, from 1 */
    uint64_t count;
};

struct exception_rows {
    struct exception_row *rows; /* owned; the first `limit` rows */
    size_t count;
    uint64_t more; /* number of rows beyond the limit */
    struct exception_place nth;
};

/* Builds at most `limit` rows. Finds the exception with the number `nth`, if there is one. */
RL_CHECKED rl_status exception_list_rows(const struct exception_list *list, size_t limit,
                                         uint64_t nth, struct exception_rows *out);
void exception_rows_fini(struct exception_rows *rows);
/* Returns the number of an exception in the list, from 1; 0 = not listed. */
uint64_t exception_list_number(const struct exception_list *list,
                               const struct exception_place *place);

#endif
