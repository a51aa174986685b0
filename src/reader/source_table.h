/* The memory of a reader's sources. source.h fills it at the first question. */
#ifndef SOURCE_TABLE_H
#define SOURCE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "map.h"
#include "source_entry.h"

struct source {
    struct source_entry entry;
    uint32_t *lines; /* owned; where each line begins in the text */
    uint32_t line_count;
    int disk; /* enum source_disk; SOURCE_NOT_ASKED until source_on_disk() */
};

enum source_disk { SOURCE_NOT_ASKED, SOURCE_SAME, SOURCE_OTHER_TEXT, SOURCE_NO_FILE };

/* All that the recording holds. */
struct source_table {
    struct source *all; /* owned, and their lines */
    size_t count, cap;
    struct strmap by_name; /* -> position in all, plus 1 */
    uint8_t **payloads;    /* owned: the decoded blocks, which the entries borrow from */
    size_t payload_count, payload_cap;
    uint64_t bytes;
};

/* Frees a table. NULL is allowed. */
void source_table_free(struct source_table *table);

#endif
