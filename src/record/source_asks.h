/* Files whose text a recording wants, and what the writer keeps for them (sources.h).
 *
 *   source_asks_add() -> first .. last -> source_asks_take() -> written, or no text
 *
 * Threads: `known` and the list belong to the recorder's lock, the rest to the writer. */
#ifndef SOURCE_ASKS_H
#define SOURCE_ASKS_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "map.h"
#include "recorder_options.h"

struct source_ask {
    struct source_file file; /* its texts are behind the struct */
    struct source_ask *next;
};

struct source_asks {
    struct strmap known;              /* names that were wanted before */
    struct source_ask *first, *last;  /* owned; the oldest first */
    uint64_t text_bytes, block_bytes; /* in the file */
    uint64_t process_start;
    struct bytes_out raw, decoded, entries;
    uint32_t entry_count; /* in `entries` */
};

/* Appends a file, once by its name. Returns -1 where there is no room for it. */
int source_asks_add(struct source_asks *asks, const struct source_file *file);
/* Takes the oldest one: owned, or NULL. */
struct source_ask *source_asks_take(struct source_asks *asks);
void source_asks_fini(struct source_asks *asks);

#endif
