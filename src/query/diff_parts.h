/* Part of diff.h: what diff.c and diff_skip.c share.
 *
 *   diff.c        compares event by event
 *   diff_skip.c   leaves out what is known to be equal without that
 *
 * Threads: as for the reader, one at a time. */
#ifndef DIFF_PARTS_H
#define DIFF_PARTS_H

#include "align.h"
#include "alike.h"
#include "diff.h"
#include "landmarks.h"
#include "twins.h"

struct side {
    struct reader *reader;
    uint32_t thread;
    struct cursor *cursor; /* owned */
    struct alike alike;
    struct event_out event; /* the next event */
    struct alike_event now; /* its hashes */
    int is_at_end;
    int is_lost;               /* it is at its end since events are lost */
    size_t chunk;              /* place in the table of chunks: that of the next event, or before */
    uint64_t frame;            /* of the one call that is compared */
    int is_opening;            /* its frame is not known yet */
    uint64_t depth;            /* number of calls around the next event */
    uint64_t before;           /* number of the event before */
    struct align_step *window; /* owned; ALIGN_MAX steps that were read ahead */
    size_t count;
    int is_whole; /* the window reaches to the end of the call around it */
    struct landmarks marks;
    size_t mark; /* the first landmark at or behind the next event */
};

struct diff {
    const struct diff_question *question;
    struct diff_answer *answer;
    struct side sides[2];
    struct align_table table;
    uint32_t *stack; /* owned; codes of A that are open */
    size_t stack_depth, stack_cap;
    size_t kept[2]; /* number of differences that are kept: others, own */
    int may_skip;   /* what is equal need not be read */
    int has_words;  /* equal bytes mean equal events */
    uint64_t tried; /* number of the last event of A in a chunk that was tried, plus 1 */
    struct twin twins[2];
    struct tokens tokens;
    uint64_t steps, ahead; /* number of steps that both took, and of events that were read ahead */
};

/* Puts the side at the event with this number, or at the first one behind it. `depth` is the number
 * of calls around it. */
RL_CHECKED rl_status diff_go_to(const struct diff *diff, struct side *side, uint64_t seq,
                                uint64_t depth);

/* Finds out what may be skipped. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status diff_skip_open(struct diff *diff);
void diff_skip_close(struct diff *diff);
/* Skips what both sides have from their next events on, which are those of one step. *has_skipped
 * becomes whether they have other next events now. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status diff_skip(struct diff *diff, int *has_skipped);
/* Skips what one side reads ahead, as long as it is deeper than `depth`, and appends it to a run.
 * RL_OK or RL_NOMEM. */
RL_CHECKED rl_status diff_skip_ahead(struct diff *diff, struct side *side, uint64_t depth,
                                     struct alike_run *run);
/* Follows the frames that are open, for the differences to come. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status diff_follow_stack(struct diff *diff, const struct event_out *event);

#endif
