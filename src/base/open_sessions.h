/* Sessions that have begun and not ended, in 48 bytes each. A program may begin sessions for ever
 * and end none of them, so the oldest one is forgotten when there are too many.
 *
 *   items   . . . 17 18 (19) 20 (21) 23 . .     in the order of their beginning; (n) has ended
 *                 first              used
 *
 *   id of a session: 12 bytes of its own, then 4 bytes of its number
 *
 * A number needs no index: binary search finds it. Threads: the caller locks. */
#ifndef OPEN_SESSIONS_H
#define OPEN_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "trace_context.h"

enum { SESSION_KEY_BYTES = 12, PROFILERS_MOST = 63 };
enum { OPEN_SESSIONS_MOST = 10000 }; /* one more, and the oldest is forgotten */

struct open_session {
    uint64_t began_us : 48; /* of the monotonic clock */
    uint64_t flags : 8;     /* of its trace */
    uint64_t profilers
        : 6; /* profilers that it has started and not stopped; stays at its maximum */
    uint64_t has_filter : 1;
    uint64_t has_ended : 1;
    uint32_t number;
    uint8_t key[SESSION_KEY_BYTES], trace_id[TRACE_BYTES], span_id[SPAN_BYTES];
};
_Static_assert(sizeof(struct open_session) == 48, "what a session that never ends costs");

struct open_sessions {
    struct open_session *items; /* owned */
    uint32_t capacity, first, used;
    uint32_t count;       /* sessions that have not ended */
    uint32_t last_number; /* numbers count from 1 */
    uint32_t numbers;     /* up to this number, then begin again */
};

/* Adds a session with the next number; all else is 0. Returns NULL without memory. *forgotten
 * becomes the number of the oldest session if that was removed, else 0. All pointers become invalid
 * with the next call. */
struct open_session *open_sessions_add(struct open_sessions *all, uint32_t *forgotten);
/* Returns NULL where the session has ended or never was. */
struct open_session *open_sessions_get(const struct open_sessions *all, uint32_t number);
void open_sessions_end(struct open_sessions *all, uint32_t number);
/* Returns the open sessions one by one, then NULL. *place begins at 0. */
struct open_session *open_sessions_next(const struct open_sessions *all, uint32_t *place);
size_t open_sessions_bytes(const struct open_sessions *all);

#endif
