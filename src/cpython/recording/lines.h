/* Lines, and the variables that changed between two of them.
 *
 *   a line begins          for each variable:   same address and word -> nothing
 *   or the frame is left                        else -> a `write` row; the snapshot has the new
 * ones then the row of the line
 *
 * Each frame at this level has a snapshot: the address of each variable and a word of its content
 * (fingerprint.h). A snapshot holds no reference. A suspended frame's snapshot waits under the
 * identity of the frame. Under the GIL. */
#ifndef LINES_H
#define LINES_H

#include "compat.h"

#include <stdint.h>

#include "map.h"

struct event;
struct thread;
struct snapshot;

/* A line is about to run. */
void lines_put(struct thread *t, const struct event *event, uint32_t id);
/* The frame returns, yields or is unwound: what its last line wrote. */
void lines_leave(struct thread *t, const struct event *event, uint32_t id);
void lines_free(struct snapshot *snapshot);

/* Snapshots of suspended frames, by identity; keep takes the snapshot, take gives it back. */
void lines_keep(uint64_t frame, struct snapshot *snapshot);
struct snapshot *lines_take(uint64_t frame);
/* Frees all of a map. */
void lines_forget(struct u64map *snapshots);

#endif
