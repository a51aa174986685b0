/* Why: a run that fails and a run that does not are alike for millions of events. What matters is
 * the first step that differs.
 *
 *   skip_twins() chunks with the same bytes on both sides: their steps are only counted
 *      | a chunk that is not the same
 *      v
 *   lockstep()   both sides step by step, while they take the same steps
 *      | other steps
 *      v
 *   part()       reads ahead on both sides, inside the call around: 8 steps, then more, up to
 *      |         ALIGN_MAX. A step is an event, or a call with all that is in it (align.h)
 *      | the first pair
 *      v
 *   lockstep()   goes on at the pair: both sides are read again from there
 *
 * Invariants:
 *  1. In lockstep both sides are equally deep: a step that enters or leaves is the same on both.
 *  2. part() moves at least one side forward, so the question ends.
 *  3. Events that are read again are counted. Beyond REREAD times those of the question, pairs are
 *     taken as they are, and what differs inside a call is not looked for.
 *  4. A chunk is tried once, so skipping costs at most a second reading.
 *  5. Memory: two windows of ALIGN_MAX steps, one table, and the differences that are kept. */
#include "diff.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "diff_parts.h"
#include "os.h"

enum { REREAD = 8, REREAD_LEAST = 1000000 };

/* Returns whether an event is one that is compared. */
static int is_wanted(const struct diff *diff, const struct side *side)
{
    const struct diff_question *q = diff->question;
    int is_outside =
        q->is_call && !side->is_opening && side->depth == 0 && side->event.frame != side->frame;
    return (q->kinds >> side->event.kind & 1) != 0 && !is_outside;
}

/* Reads the next event that is compared, of those from a number on. RL_OK, also at the end, or
 * RL_NOMEM. */
static rl_status read_next(const struct diff *diff, struct side *side, uint64_t from)
{
    while (!side->is_at_end) {
        rl_status status = cursor_next(side->cursor, &side->event);
        if (status == RL_NOMEM) {
            return status;
        }
        side->is_lost = status == RL_OK && landmarks_end_at(&side->event);
        side->is_at_end = status != RL_OK || side->is_lost;
        if (!side->is_at_end && side->event.seq >= from && is_wanted(diff, side)) {
            side->now = alike_of(&side->alike, &side->event, diff->question->has_values);
            return RL_OK;
        }
    }
    return RL_OK;
}

rl_status diff_go_to(const struct diff *diff, struct side *side, uint64_t seq, uint64_t depth)
{
    cursor_close(side->cursor);
    side->cursor = NULL;
    side->is_at_end = 0;
    side->depth = depth;
    rl_status status = cursor_open_thread(side->reader, side->thread, seq, &side->cursor);
    side->mark = landmarks_find(&side->marks, seq);
    return status == RL_OK ? read_next(diff, side, seq) : status;
}

/* Goes on to the next event. */
static rl_status step(const struct diff *diff, struct side *side)
{
    unsigned kind = side->event.kind;
    side->before = side->count == 0 ? side->event.seq : side->before;
    side->depth += (uint64_t)kind_enters(kind);
    side->depth -= (uint64_t)(kind_leaves(kind) && side->depth != 0);
    side->is_at_end |=
        diff->question->is_call && kind_ends(kind) && side->event.frame == side->frame;
    rl_status status = read_next(diff, side, 0);
    while (side->mark < side->marks.count && side->marks.items[side->mark].seq < side->event.seq) {
        side->mark++;
    }
    return status;
}

/* Returns whether the next event ends the call at this depth, or everything. */
static int is_at_leave(const struct side *side, uint64_t depth)
{
    return side->is_at_end || (depth != 0 && side->depth == depth && kind_leaves(side->event.kind));
}

/* Reads a whole step, which is not the end of the call around it. */
static rl_status take_step(struct diff *diff, struct side *side, struct align_step *out)
{
    uint64_t depth = side->depth;
    struct alike_run run = {0};
    *out = (struct align_step){side->now.what, 0, side->event.seq, 0, side->event.id};
    rl_status status;
    do {
        alike_run_add(&side->alike, &run, side->now);
        status = step(diff, side);
        if (status == RL_OK && side->depth > depth) {
            status = diff_skip_ahead(diff, side, depth, &run);
        }
    } while (status == RL_OK && !side->is_at_end && side->depth > depth);
    out->events = run.events;
    out->whole = alike_add(&side->alike, run.sum, run.events);
    diff->ahead += run.events;
    return status;
}

/* Reads ahead until the window has so many steps, or the call around it ends. */
static rl_status fill_window(struct diff *diff, struct side *side, uint64_t depth, size_t want)
{
    rl_status status = RL_OK;
    while (status == RL_OK && side->count < want && !is_at_leave(side, depth)) {
        status = take_step(diff, side, &side->window[side->count++]);
    }
    side->is_whole = is_at_leave(side, depth);
    return status;
}

/* Copies the codes of the frames around the place. */
static rl_status keep_stack(const struct diff *diff, uint64_t depth, struct difference *difference)
{
    size_t all = depth < diff->stack_depth ? (size_t)depth : diff->stack_depth;
    difference->depth = all < DIFF_STACK_MAX ? all : DIFF_STACK_MAX;
    difference->hidden = all - difference->depth;
    difference->stack = rl_alloc(difference->depth, sizeof *difference->stack);
    if (difference->stack == NULL) {
        return RL_NOMEM;
    }
    if (difference->depth != 0) {
        memcpy(difference->stack, diff->stack + difference->hidden,
               difference->depth * sizeof *difference->stack);
    }
    return RL_OK;
}

static int is_own_code(const struct diff *diff, int side, uint32_t code)
{
    return u64map_get(&diff->question->sides[side].own, (uint64_t)code + 1) != NULL;
}

/* Returns whether a difference is in an own function, or is a call of one. */
static int is_own(const struct diff *diff, uint64_t depth, const struct difference *difference)
{
    for (int i = 0; i < 2; i++) {
        if (difference->events[i] != 0 && is_own_code(diff, i, difference->code[i])) {
            return 1;
        }
    }
    return depth != 0 && depth <= diff->stack_depth &&
           is_own_code(diff, DIFF_A, diff->stack[depth - 1]);
}

/* Counts a difference, and keeps it where it is among the first ones. */
static rl_status found(struct diff *diff, uint64_t depth, struct difference difference)
{
    struct diff_answer *answer = diff->answer;
    void *items = answer->items;
    difference.is_own = is_own(diff, depth, &difference);
    answer->found[difference.kind]++;
    answer->own += (uint64_t)difference.is_own;
    if (diff->kept[difference.is_own] >= diff->question->limit) {
        return RL_OK;
    }
    if (rl_grow(&items, &answer->cap, answer->count + 1, sizeof *answer->items) != 0) {
        return RL_NOMEM;
    }
    answer->items = items;
    rl_status status = keep_stack(diff, depth, &difference);
    if (status == RL_OK) {
        diff->kept[difference.is_own]++;
        answer->items[answer->count++] = difference;
    }
    return status;
}

/* Notes that the sides have different steps from the window's begin up to these places. */
static rl_status found_steps(struct diff *diff, uint64_t depth, size_t from_a, size_t to_a,
                             size_t from_b, size_t to_b)
{
    struct difference difference = {.kind = DIFF_STEPS};
    size_t from[2] = {from_a, from_b}, to[2] = {to_a, to_b};
    for (int i = 0; i < 2; i++) {
        const struct side *side = &diff->sides[i];
        for (size_t k = from[i]; k < to[i]; k++) {
            difference.events[i] += side->window[k].events;
        }
        difference.code[i] = from[i] < to[i] ? side->window[from[i]].code : 0;
        difference.seq[i] = from[i] < to[i] ? side->window[from[i]].seq
                            : from[i] != 0  ? side->window[from[i] - 1].seq
                                            : side->before;
    }
    if (difference.events[0] + difference.events[1] == 0) {
        return RL_OK;
    }
    return found(diff, depth, difference);
}

static void empty_window(struct side *side)
{
    side->before = side->count != 0 ? side->window[side->count - 1].seq : side->before;
    side->count = 0;
}

/* Empties both windows and notes all their differences: what differs inside a call stays unseen. */
static rl_status settle_windows(struct diff *diff, uint64_t depth)
{
    struct side *a = &diff->sides[DIFF_A], *b = &diff->sides[DIFF_B];
    size_t i = 0, j = 0;
    rl_status status = RL_OK;
    for (size_t k = 0; k <= diff->table.pair_count && status == RL_OK; k++) {
        int is_pair = k < diff->table.pair_count;
        struct align_pair pair =
            is_pair ? diff->table.pairs[k] : (struct align_pair){a->count, b->count};
        status = found_steps(diff, depth, i, pair.a, j, pair.b);
        i = pair.a + 1;
        j = pair.b + 1;
        if (!is_pair || status != RL_OK) {
            continue;
        }
        const struct align_step *one = &a->window[pair.a], *other = &b->window[pair.b];
        if (one->whole != other->whole) {
            enum diff_kind kind =
                one->events == 1 && other->events == 1 ? DIFF_VALUES : DIFF_INSIDE;
            status = found(diff, depth,
                           (struct difference){.kind = kind,
                                               .seq = {one->seq, other->seq},
                                               .events = {one->events, other->events},
                                               .code = {one->code, other->code}});
        }
    }
    empty_window(a);
    empty_window(b);
    return status;
}

/* Notes what is before the first pair, and goes on there. */
static rl_status go_to_pair(struct diff *diff, uint64_t depth)
{
    struct side *a = &diff->sides[DIFF_A], *b = &diff->sides[DIFF_B];
    struct align_pair pair = diff->table.pairs[0];
    uint64_t seq[2] = {a->window[pair.a].seq, b->window[pair.b].seq};
    rl_status status = found_steps(diff, depth, 0, pair.a, 0, pair.b);
    a->count = pair.a;
    b->count = pair.b;
    empty_window(a);
    empty_window(b);
    if (status == RL_OK) {
        status = diff_go_to(diff, a, seq[0], depth);
    }
    return status == RL_OK ? diff_go_to(diff, b, seq[1], depth) : status;
}

/* Returns whether the pairs show where both sides come together: equal steps do. */
static int is_certain(const struct diff *diff)
{
    for (size_t k = 0; k < diff->table.pair_count; k++) {
        struct align_pair pair = diff->table.pairs[k];
        if (diff->sides[DIFF_A].window[pair.a].whole == diff->sides[DIFF_B].window[pair.b].whole) {
            return 1;
        }
    }
    return 0;
}

/* Notes one difference: nothing in the call around has a pair, and it ends in different ways, or
 * one side has ended. The windows reach to the ends. */
static rl_status part_at_end(struct diff *diff, uint64_t depth)
{
    struct side *a = &diff->sides[DIFF_A], *b = &diff->sides[DIFF_B];
    int is_last = a->is_at_end || b->is_at_end;
    struct difference difference = {.kind = a->is_lost || b->is_lost ? DIFF_LOST : DIFF_STEPS};
    rl_status status = RL_OK;
    for (int i = 0; i < 2; i++) {
        struct side *side = &diff->sides[i];
        difference.seq[i] = side->count != 0  ? side->window[0].seq
                            : side->is_at_end ? side->before
                                              : side->event.seq;
        difference.code[i] = side->count != 0 ? side->window[0].code : side->event.id;
        for (size_t k = 0; k < side->count; k++) {
            difference.events[i] += side->window[k].events;
        }
        empty_window(side);
        for (int n = 0; status == RL_OK && !side->is_at_end && (n == 0 || is_last); n++) {
            difference.events[i]++;
            status = step(diff, side);
        }
    }
    status = status == RL_OK ? found(diff, depth, difference) : status;
    diff->stack_depth = depth != 0 && diff->stack_depth >= depth ? (size_t)depth - 1 : 0;
    return status;
}

/* The sides take different steps. Finds where they come together again, within the call around. */
static rl_status part(struct diff *diff)
{
    struct side *a = &diff->sides[DIFF_A], *b = &diff->sides[DIFF_B];
    uint64_t depth = a->depth < b->depth ? a->depth : b->depth;
    if (a->is_lost || b->is_lost) {
        return part_at_end(diff, depth);
    }
    int is_spent = diff->ahead > REREAD * (diff->steps + REREAD_LEAST);
    rl_status status = RL_OK;
    for (size_t want = 8; status == RL_OK; want = want < ALIGN_MAX / 4 ? want * 4 : ALIGN_MAX) {
        status = fill_window(diff, a, depth, want);
        status = status == RL_OK ? fill_window(diff, b, depth, want) : status;
        status = status == RL_OK
                     ? align_steps(&diff->table, a->window, a->count, b->window, b->count)
                     : status;
        int is_all = a->is_whole && b->is_whole, has_ended = a->is_at_end || b->is_at_end;
        if (status != RL_OK || (!is_all && want < ALIGN_MAX && !is_certain(diff))) {
            continue;
        }
        if (diff->table.pair_count != 0 && !is_spent) {
            return go_to_pair(diff, depth);
        }
        if (is_all && diff->table.pair_count == 0 && (has_ended || a->now.what != b->now.what)) {
            return part_at_end(diff, depth);
        }
        status = settle_windows(diff, depth);
        if (is_all || !is_spent) {
            break;
        }
    }
    return status;
}

/* Goes over both sides until both have ended. */
static rl_status lockstep(struct diff *diff)
{
    struct side *a = &diff->sides[DIFF_A], *b = &diff->sides[DIFF_B];
    rl_status status = RL_OK;
    while (status == RL_OK && !(a->is_at_end && b->is_at_end)) {
        int has_skipped = 0;
        if (diff->may_skip && !a->is_at_end && !b->is_at_end) {
            status = diff_skip(diff, &has_skipped);
        }
        if (status != RL_OK || has_skipped) {
            continue;
        }
        if (a->is_at_end || b->is_at_end || a->now.what != b->now.what) {
            status = part(diff);
            continue;
        }
        if (a->now.with != b->now.with) {
            status = found(diff, a->depth,
                           (struct difference){.kind = DIFF_VALUES,
                                               .seq = {a->event.seq, b->event.seq},
                                               .events = {1, 1},
                                               .code = {a->event.id, b->event.id}});
        }
        diff->steps++;
        status = status == RL_OK ? diff_follow_stack(diff, &a->event) : status;
        status = status == RL_OK ? step(diff, a) : status;
        status = status == RL_OK ? step(diff, b) : status;
    }
    return status;
}

/* Opens a side at its first event. */
static rl_status open_side(struct diff *diff, int i, const struct siphash_key *key)
{
    const struct diff_side *asked = &diff->question->sides[i];
    struct side *side = &diff->sides[i];
    side->reader = asked->reader;
    side->thread = asked->thread;
    alike_init(&side->alike, asked->reader, key);
    side->window = rl_alloc(ALIGN_MAX, sizeof *side->window);
    if (side->window == NULL) {
        return RL_NOMEM;
    }
    if (!diff->question->is_call) {
        return diff_go_to(diff, side, 0, 0);
    }
    side->is_opening = 1;
    rl_status status = diff_go_to(diff, side, asked->seq, 0);
    side->is_opening = 0;
    side->frame = side->event.frame;
    return status;
}

rl_status diff_read(const struct diff_question *question, struct diff_answer *answer)
{
    struct diff diff = {.question = question, .answer = answer};
    struct siphash_key key = question->key;
    *answer = (struct diff_answer){0};
    if (!question->has_key) {
        (void)os_random(&key, sizeof key);
    }
    rl_status status = diff_skip_open(&diff);
    for (int i = 0; i < 2 && status == RL_OK; i++) {
        status = open_side(&diff, i, &key);
    }
    status = status == RL_OK ? lockstep(&diff) : status;
    answer->same = diff.steps;
    for (int i = 0; i < 2; i++) {
        cursor_close(diff.sides[i].cursor);
        alike_fini(&diff.sides[i].alike);
        rl_free(diff.sides[i].window);
    }
    diff_skip_close(&diff);
    align_fini(&diff.table);
    rl_free(diff.stack);
    return status;
}

void diff_fini(struct diff_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        rl_free(answer->items[i].stack);
    }
    rl_free(answer->items);
    *answer = (struct diff_answer){0};
}
