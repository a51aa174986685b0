/* The texts of source files that a recording holds, by the name that definitions of code have.
 *
 *   scan: places of SOURCE blocks -- first question --> entries, and where their lines begin
 *
 * Texts are borrowed from the reader, until reader_close(). */
#ifndef SOURCE_H
#define SOURCE_H

#include "reader.h"
#include "source_table.h"

/* Notes the place of a SOURCE block, for a later question. Private to src/reader. */
RL_CHECKED rl_status source_note_block(struct reader *reader, uint64_t offset);

/* Finds the source of a name. *out becomes NULL where the recording says nothing of it. */
RL_CHECKED rl_status source_find(struct reader *reader, struct text name, struct source **out);
/* Gives all sources, in the order of the file. *out is borrowed. */
RL_CHECKED rl_status source_all(struct reader *reader, struct source **out, size_t *count);
/* Returns a line, from 1, without its end; data NULL where the text has no such line. */
struct text source_line(const struct source *source, uint32_t line);
/* Compares the text with the file of that name here and now, at the first call. A relative name
 * counts from `folder`, the folder in which the program began. Marks fit anything in their line. */
enum source_disk source_on_disk(struct source *source, const char *folder);

#endif
