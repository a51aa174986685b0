/* Opens a recording. Apart from reader.h, which every file of this room includes: opening needs
 * most of them. */
#ifndef READER_OPEN_H
#define READER_OPEN_H

#include "reader.h"

RL_CHECKED rl_status reader_open(const char *path, struct reader **out, struct rl_err *err);

#endif
