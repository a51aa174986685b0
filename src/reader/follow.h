/* Loads chunks, also of a file that changes while it is read. For src/reader and src/cut. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "reader.h"

/* Reads the decoded bytes of a chunk into *raw (the caller's). In a file that is being written the
 * chunk may have moved; *ref then has its new place. RL_DAMAGED where it is damaged or gone. */
RL_CHECKED rl_status follow_load(struct reader *reader, struct chunk_ref *ref,
                                 struct bytes_out *raw);
/* Returns whether the recorder is closing the file: blocks are moving, and a scan may miss some. */
int follow_is_moving(const struct reader *reader);

#endif
