/* Selects events from the merged stream, before anything is made of them.
 *
 * Threads: pure functions of their arguments. */
#ifndef SELECT_H
#define SELECT_H

#include <relive/rl_status.h>
#include <stdint.h>

#include "index.h"
#include "cursor.h"
#include "map.h"

struct select {
    uint32_t kinds; /* one bit for each kind; 0 = all */
    uint32_t line;  /* of line and write events; 0 = any */
    uint32_t
        name; /* string id: writes of this variable, and calls with such a parameter; 0 = any */
    uint32_t thread;  /* 0 = any */
    uint32_t session; /* 0 = any */
    int has_codes, has_frames;
    int with_callees;     /* also begins and ends of calls that these frames make */
    struct u64map codes;  /* code ids + 1 */
    struct u64map frames; /* frames + 1 */
};

void select_fini(struct select *select);
/* Returns what of it an index knows. It borrows from the selection. */
struct index_wanted select_wanted(const struct select *select);
/* Returns whether an event passes. All conditions must hold. */
int select_matches(const struct select *select, const struct reader *reader,
                   const struct event_out *event);
/* Returns the string id of a text; 0 where the recording does not contain it. */
uint32_t select_string_id(const struct reader *reader, const char *utf8, size_t len);

#endif
