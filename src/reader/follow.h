/* Loads chunks, also of a file that changes under its reader. Private to src/reader. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "reader.h"

/* The decoded bytes of a chunk into *raw (caller's); RL_DAMAGED where its sum is wrong. In a file
 * that is being written it may lie elsewhere than before: *ref says where it was found. */
RL_CHECKED rl_status follow_load(struct reader *reader, struct chunk_ref *ref,
                                 struct bytes_out *raw);
/* Whether the recorder is about to close the file: what was found in it may not be all. */
int follow_is_moving(const struct reader *reader);

#endif
