/* W3C Trace Context: the header `traceparent`, and random ids for traces, spans and sessions. */
#ifndef TRACE_CONTEXT_H
#define TRACE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#define TRACE_ID_DIGITS    32
#define SPAN_ID_DIGITS     16
#define TRACE_FLAGS_DIGITS 2

struct trace_parent {
    char trace_id[TRACE_ID_DIGITS], span_id[SPAN_ID_DIGITS], flags[TRACE_FLAGS_DIGITS];
};

/* Whether the header is valid, read as strictly as the recommendation says; else `out` is not
 * touched. */
int trace_parent_read(const char *header, size_t len, struct trace_parent *out);

/* Where ids come from: unlike each other, not unguessable. The caller's; one thread at a time. */
struct trace_ids {
    uint64_t state[4];
};
/* Seeds it; to be done again in a forked child. */
void trace_ids_init(struct trace_ids *ids);
/* So many hexadecimal digits, a multiple of 16, not all of them 0. */
void trace_ids_next(struct trace_ids *ids, char *digits, size_t count);

#endif
