/* A reading of all events that leaves out stretches in which nothing is wanted, where the recording
 * has an index (index.h). Without one it is a cursor, or an instant.
 *
 *    while ((status = skim_next(&skim, &wanted, &event)) == RL_OK) ...
 *
 * A reader who keeps something of all events gives NULL as `wanted` while that is so.
 *
 * Threads: as for the reader, one at a time. */
#ifndef SKIM_H
#define SKIM_H

#include "index.h"
#include "instant.h"

struct skim {
    struct reader *reader;
    struct cursor *cursor;   /* owned by the instant, where there is one */
    struct instant *instant; /* owned; NULL = only events are wanted */
    uint64_t given;          /* events before the next one, the ones that were left out included */
    uint64_t boundary;       /* `given` where the next stretch begins; UINT64_MAX = there is none */
    struct u64map *lines;   /* borrowed; where not NULL, becomes frame -> line of its last LINE, for
                             * all frames that have one, when something was left out */
    struct bytes_out state; /* scratch */
};

/* Begins before stretch `from`, which is 0 without an index. `lines` is skim->lines, or NULL. RL_OK
 * or RL_NOMEM. */
RL_CHECKED rl_status skim_open(struct reader *reader, int with_instant, size_t from,
                               struct u64map *lines, struct skim *skim);
void skim_close(struct skim *skim);
/* Leaves out what skim_next() may leave out here. */
RL_CHECKED rl_status skim_skip(struct skim *skim, const struct index_wanted *wanted);
/* Gives the next event. RL_OK, RL_END or RL_NOMEM. */
RL_CHECKED static inline rl_status skim_next(struct skim *skim, const struct index_wanted *wanted,
                                             struct event_out *event)
{
    if (skim->given == skim->boundary) {
        rl_status status = skim_skip(skim, wanted);
        if (status != RL_OK) {
            return status;
        }
    }
    skim->given++;
    return skim->instant != NULL ? instant_next(skim->instant, event)
                                 : cursor_next(skim->cursor, event);
}

/* Leaves out all up to a stretch, or up to the end of the last one, whatever is in it. Returns
 * whether it did, in *has_moved: not where the state there is of no use. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status skim_jump(struct skim *skim, size_t stretch, int *has_moved);
/* Returns the stretch that begins with the next event; SIZE_MAX where none does. */
size_t skim_here(const struct skim *skim);

/* Return the last stretch that begins at or before a place; 0 where there is none. The place is an
 * event of a thread by its number, a time, or a number of events. */
size_t skim_stretch_of_event(const struct reader *reader, uint32_t thread, uint64_t seq);
size_t skim_stretch_of_time(const struct reader *reader, uint64_t t);
size_t skim_stretch_of_count(const struct reader *reader, uint64_t events);
/* Returns the stretch in which the first of these frames (+ 1) has its first event. */
size_t skim_stretch_of_frames(const struct reader *reader, const struct u64map *frames);

#endif
