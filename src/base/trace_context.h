/* W3C Trace Context: the header `traceparent`, and random ids for traces, spans and sessions. */
#ifndef TRACE_CONTEXT_H
#define TRACE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TRACE_BYTES = 16, SPAN_BYTES = 8 };

struct trace_parent {
    uint8_t trace_id[TRACE_BYTES], span_id[SPAN_BYTES], flags;
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
/* So many bytes, a multiple of 8, not all of them 0. */
void trace_ids_next(struct trace_ids *ids, uint8_t *bytes, size_t count);

/* Two lower-case hexadecimal digits a byte. */
void trace_digits(const uint8_t *bytes, size_t count, char *digits);
/* The other way round. 0, or -1 where they are no such digits; `bytes` is then half filled. */
int trace_bytes(const char *digits, size_t count, uint8_t *bytes);

#endif
