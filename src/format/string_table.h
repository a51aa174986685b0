/* The strings of one recording, by id.
 *
 * A reader fills a table from DICT blocks and definition rows. Callbacks fill one from the recorder
 * that still runs. The table keeps the order of arrival and never changes an entry, so an id means
 * one text from its first use on.
 *
 * The table borrows the bytes of each text: whoever adds a text keeps its bytes alive and frees
 * them. Ids come from untrusted files; any id may be looked up.
 *
 * The file is not named strings.h, because libc's <string.h> includes a header of that name. */
#ifndef STRING_TABLE_H
#define STRING_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "map.h"

struct text {
    const char *data; /* UTF-8, not terminated */
    size_t len;
};

struct strings {
    struct u64map by_id; /* id -> position in texts, plus 1 */
    struct text *texts;  /* owned; the bytes are borrowed */
    size_t count, cap;
};

/* Returns whether the id is defined. */
int strings_has(const struct strings *strings, uint32_t id);
/* Defines an id (not 0) that has no text yet. Returns 0, or -1 without memory: the table is then
 * unchanged. */
int strings_add(struct strings *strings, uint32_t id, const char *data, size_t len);
/* Returns the text of an id; "?" where it is not defined. */
struct text strings_get(const struct strings *strings, uint32_t id);
/* Frees the table, not the bytes of its texts. */
void strings_fini(struct strings *strings);

#endif
