/* Sessions that have begun and not ended, in 48 bytes each: a program may begin sessions for ever
 * and end none of them.
 *
 *   items   . . . 17 18 (19) 20 (21) 23 . .     in the order of their beginning; (n): has ended
 *                 first              used
 *
 *   id      12 bytes that are the session's own, 4 of its number
 *
 * So numbers need no index: they are found by halving. Under the caller's lock. */
#ifndef OPEN_SESSIONS_H
#define OPEN_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "trace_context.h"

enum { SESSION_KEY_BYTES = 12, PROFILERS_MOST = 63 };
enum { OPEN_SESSIONS_MOST = 10000 }; /* beyond, the one that began first is forgotten */

struct open_session {
    uint64_t began_us : 48; /* of the monotonic clock */
    uint64_t flags : 8;     /* those of its trace */
    uint64_t profilers : 6; /* so often it has started one and not stopped it; the most stays */
    uint64_t has_filter : 1;
    uint64_t has_ended : 1;
    uint32_t number;
    uint8_t key[SESSION_KEY_BYTES], trace_id[TRACE_BYTES], span_id[SPAN_BYTES];
};
_Static_assert(sizeof(struct open_session) == 48, "what a session that never ends costs");

struct open_sessions {
    struct open_session *items; /* owned */
    uint32_t capacity, first, used;
    uint32_t count;       /* of those that have not ended */
    uint32_t last_number; /* numbers count from 1 */
    uint32_t numbers;     /* up to this one, and begin again */
};

/* Adds one with the next number, of which nothing else is filled in; NULL where there is no memory.
 * *forgotten is the number of the one that had to go, 0 = none. Pointers are valid until the next
 * one is added. */
struct open_session *open_sessions_add(struct open_sessions *all, uint32_t *forgotten);
/* NULL: it has ended, or never was. */
struct open_session *open_sessions_get(const struct open_sessions *all, uint32_t number);
void open_sessions_end(struct open_sessions *all, uint32_t number);
/* Each that is open: place begins at 0. NULL behind the last one. */
struct open_session *open_sessions_next(const struct open_sessions *all, uint32_t *place);
size_t open_sessions_bytes(const struct open_sessions *all);

#endif
