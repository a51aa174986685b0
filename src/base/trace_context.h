/* W3C Trace Context: the header `traceparent`, and random ids for traces, spans and sessions. */
#ifndef TRACE_CONTEXT_H
#define TRACE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TRACE_BYTES = 16, SPAN_BYTES = 8 };

struct trace_parent {
    uint8_t trace_id[TRACE_BYTES], span_id[SPAN_BYTES], flags;
};

/* Reads a header as strictly as the recommendation demands. Returns whether it is valid; if not,
 * *out is untouched. */
int trace_parent_read(const char *header, size_t len, struct trace_parent *out);

/* The state of the generator. Ids are distinct but not unguessable. One thread at a time. */
struct trace_ids {
    uint64_t state[4];
};
/* Seeds the generator. A forked child must seed it again. */
void trace_ids_init(struct trace_ids *ids);
/* Writes `count` random bytes, a multiple of 8, that are not all 0. */
void trace_ids_next(struct trace_ids *ids, uint8_t *bytes, size_t count);

/* Writes two lower-case hexadecimal digits for each byte. */
void trace_digits(const uint8_t *bytes, size_t count, char *digits);
/* Reads digits into bytes. Returns 0, or -1 for other characters; then `bytes` is partly filled. */
int trace_bytes(const char *digits, size_t count, uint8_t *bytes);

#endif
