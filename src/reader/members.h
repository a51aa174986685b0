/* Recordings inside a recording: a pack (docs/format.md, "MEMBER"). Private to src/reader. */
#ifndef MEMBERS_H
#define MEMBERS_H

#include "reader.h"

/* Notes a MEMBER block. What cannot be right is a problem. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status members_note(struct reader *reader, uint64_t offset,
                                  const struct block_header *header);
/* Notes all MEMBER blocks of a closed file: they are where FOOTER says. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status members_read(struct reader *reader);

/* Returns how many bytes of a member are in a file of this size. */
uint64_t members_left(const struct member *member, uint64_t file_size);

#endif
