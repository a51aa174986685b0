/* Finds what a recording holds: by its index, or block by block. Private to src/reader. */
#ifndef SCAN_H
#define SCAN_H

#include "reader.h"

/* Opens the file as it is now. */
RL_CHECKED rl_status reader_open_once(const char *path, struct reader **out, struct rl_err *err);
/* Fills chunks, dictionaries, meta and losses. Damage becomes problems. */
RL_CHECKED rl_status scan_file(struct reader *reader);
/* Reads, checks and decodes one block; the prefix stands in reader->stored. */
RL_CHECKED rl_status scan_unpack(struct reader *reader, uint64_t offset,
                                 const struct block_header *header, struct bytes_out *raw);
/* Takes a definition, where its id has none yet. */
RL_CHECKED rl_status scan_define(struct reader *reader, unsigned kind, uint32_t id,
                                 const uint8_t *data, size_t len);

/* By thread and chunk number, each once: a block before its live copy. */
void chunks_sort(struct reader *reader);
/* Of a file that grows while its slots are read, a chunk may be found and the one before it not.
 * Where nothing was lost, such a chunk is newer than the moment that the reader shows. */
void chunks_drop_ahead(struct reader *reader);
/* The chunk of that thread and number, or NULL. */
const struct chunk_ref *chunks_find(const struct reader *reader, const struct chunk_info *info);
/* What reader_load() does, where the chunk is in its place. */
RL_CHECKED rl_status chunks_load(struct reader *reader, const struct chunk_ref *ref,
                                 struct bytes_out *raw);
/* Whether the recorder is about to close the file: what was found in it may not be all. */
int chunks_are_moving(const struct reader *reader);

#endif
