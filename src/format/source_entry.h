/* Entries of SOURCE blocks: the text of a file, or why there is none (docs/format.md, "SOURCE").
 *
 *   name | state | flags | digest | text | marks
 *                          '------ only in the state TEXT ------'
 *
 * A mark in the text replaces what was redacted there: any bytes of one line.
 *
 * Threads: pure functions of their arguments. */
#ifndef SOURCE_ENTRY_H
#define SOURCE_ENTRY_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "string_table.h"

struct source_entry {
    struct text name; /* of the file, as definitions of code have it */
    uint32_t state;   /* enum rl_source_state */
    uint32_t flags;
    uint64_t digest;   /* XXH3 of the text */
    struct text text;  /* UTF-8 */
    struct text marks; /* varints: the place of each mark behind the one before */
    uint32_t mark_count;
};

void source_entry_put(struct bytes_out *out, const struct source_entry *entry);
/* Returns 1 and the next entry, whose texts are borrowed from the input, or 0 at the end. in->bad
 * then says whether there was damage: each mark of a returned entry is in its text. */
int source_entry_get(struct bytes_in *in, struct source_entry *entry);
/* Returns the printed name of a state; "unknown" for one of a newer format. */
const char *source_state_name(uint32_t state);
/* Returns what a state means, in words. */
const char *source_state_text(uint32_t state);

/* Returns whether `disk` may be the text that the entry was made of. All but the marks must be
 * equal; a mark fits any bytes of one line. */
int source_is_text_of(const struct source_entry *entry, struct text disk);

/* Decodes the bytes of a Python file to UTF-8 as the compiler does (PEP 263). The encoding is the
 * one that the first two lines name; a byte order mark is left out. RL_UNSUPPORTED for other
 * encodings than UTF-8, ASCII and Latin-1, and for bytes that are not of it. *text is borrowed
 * from `bytes`, or from `out` where it had to be decoded. */
RL_CHECKED rl_status source_decode(struct text bytes, struct bytes_out *out, struct text *text);

#endif
