/* Opens a recording. Apart from reader.h, because opening uses most files of this room and each of
 * them includes reader.h. */
#ifndef READER_OPEN_H
#define READER_OPEN_H

#include "reader.h"

/* Opens a file and finds what it holds. RL_OK also for a damaged recording: reader->problems says
 * what is wrong. RL_NOT_FOUND, RL_NOT_RECORDING, RL_NEWER or RL_DAMAGED (file header) with the
 * reason in *err. A file that is closing is tried again, for 50 ms at most. */
RL_CHECKED rl_status reader_open(const char *path, struct reader **out, struct rl_err *err);

/* Opens a recording inside a pack: `member` counts from 1, and 0 is the file itself. RL_NOT_FOUND
 * where the file has no such member. */
RL_CHECKED rl_status reader_open_member(const char *path, uint32_t member, struct reader **out,
                                        struct rl_err *err);

#endif
