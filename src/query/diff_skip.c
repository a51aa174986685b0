/* Part of diff.h.
 * Why: two runs are alike for millions of events, and what is equal need not be read event by
 * event.
 *
 *   twins        chunks with the same bytes on both sides: their steps are only counted
 *   landmarks    stretches whose hashes in both indexes are equal: nothing of them is read
 *
 * Invariants:
 *  1. The answer is that of a reading: steps are counted, and frames followed, as if they were
 * read.
 *  2. A chunk is tried once, so skipping costs at most a second reading.
 *  3. A stretch is skipped only where both sides are at its begin. */
#include "alloc.h"
#include "diff_parts.h"

rl_status diff_follow_stack(struct diff *diff, const struct event_out *event)
{
    void *stack = diff->stack;
    if (kind_leaves(event->kind) && diff->stack_depth != 0) {
        diff->stack_depth--;
    } else if (kind_enters(event->kind)) {
        if (rl_grow(&stack, &diff->stack_cap, diff->stack_depth + 1, sizeof *diff->stack) != 0) {
            return RL_NOMEM;
        }
        diff->stack = stack;
        diff->stack[diff->stack_depth++] = event->id;
    }
    return RL_OK;
}

/* ---- twins ---- */

/* Goes over the events of a chunk that both sides have, from the next one on: counts steps and
 * follows the frames. *seq becomes the number of the first event of A that was not skipped. It is
 * inside the chunk where events are lost, or where the chunk is damaged. RL_OK or RL_NOMEM. */
static rl_status count_twins(struct diff *diff, uint64_t from, uint64_t *seq)
{
    struct side *a = &diff->sides[DIFF_A], *b = &diff->sides[DIFF_B];
    const struct twin *twin = &diff->twins[DIFF_A];
    uint64_t lead = diff->twins[DIFF_B].info.first_seq - twin->info.first_seq;
    struct rec rec;
    rl_status status;
    tokens_begin(&diff->tokens, &twin->info, twin->raw.data);
    *seq = twin->info.first_seq;
    while ((status = tokens_next(&diff->tokens, &rec)) == RL_OK) {
        if (rec.kind >= RL_EVENT_KINDS) {
            continue;
        }
        if (rec.kind == RL_EVENT_LOSS && *seq >= from) {
            return RL_OK;
        }
        int is_step = *seq >= from && (diff->question->kinds >> rec.kind & 1) != 0 &&
                      !kind_switches_session(rec.kind, rec.data_len);
        *seq += 1;
        if (!is_step) {
            continue;
        }
        struct event_out event = {.kind = rec.kind, .id = rec.id};
        if (diff_follow_stack(diff, &event) != RL_OK) {
            return RL_NOMEM;
        }
        diff->steps++;
        a->before = *seq - 1;
        b->before = a->before + lead;
        a->depth += (uint64_t)kind_enters(rec.kind);
        a->depth -= (uint64_t)(kind_leaves(rec.kind) && a->depth != 0);
    }
    b->depth = a->depth;
    return status == RL_NOMEM ? RL_NOMEM : RL_OK;
}

/* Skips chunks that have the same events on both sides, from the next event of each on. */
static rl_status skip_twins(struct diff *diff, int *has_skipped)
{
    struct side *a = &diff->sides[DIFF_A], *b = &diff->sides[DIFF_B];
    struct reader *const readers[2] = {a->reader, b->reader};
    uint64_t next[2] = {a->event.seq, b->event.seq};
    int are_equal = 1;
    rl_status status = RL_OK;
    while (are_equal) {
        diff->tried = next[DIFF_A] + 1;
        a->chunk = twins_find(a->reader, a->thread, next[DIFF_A], a->chunk);
        b->chunk = twins_find(b->reader, b->thread, next[DIFF_B], b->chunk);
        if (a->chunk == a->reader->chunk_count || b->chunk == b->reader->chunk_count) {
            break;
        }
        const struct chunk_info *one = &a->reader->chunks[a->chunk].info;
        uint64_t lead = b->reader->chunks[b->chunk].info.first_seq - one->first_seq;
        diff->tried = one->first_seq + one->events;
        if (next[DIFF_B] - next[DIFF_A] != lead) {
            break;
        }
        status = twins_load(readers, (size_t[2]){a->chunk, b->chunk}, diff->twins, &are_equal);
        if (status == RL_OK && readers[0] == readers[1] && a->chunk == b->chunk) {
            diff->twins[DIFF_B].info = diff->twins[DIFF_A].info;
        }
        if (status == RL_OK && are_equal) {
            uint64_t seq = next[DIFF_A];
            status = count_twins(diff, next[DIFF_A], &seq);
            are_equal = seq == diff->tried;
            *has_skipped = 1;
            next[DIFF_A] = seq;
            next[DIFF_B] = seq + lead;
        }
        if (status != RL_OK) {
            return status;
        }
    }
    if (*has_skipped) {
        uint64_t depth = a->depth;
        status = diff_go_to(diff, a, next[DIFF_A], depth);
        status = status == RL_OK ? diff_go_to(diff, b, next[DIFF_B], depth) : status;
    }
    return status;
}

/* ---- landmarks ---- */

/* Follows the frames over the stretch before a landmark of A. */
static rl_status follow_landmark(struct diff *diff, const struct landmark *mark)
{
    const struct landmarks *marks = &diff->sides[DIFF_A].marks;
    size_t left = mark->left < diff->stack_depth ? (size_t)mark->left : diff->stack_depth;
    void *stack = diff->stack;
    diff->stack_depth -= left;
    if (rl_grow(&stack, &diff->stack_cap, diff->stack_depth + mark->code_count,
                sizeof *diff->stack) != 0) {
        return RL_NOMEM;
    }
    diff->stack = stack;
    for (size_t i = 0; i < mark->code_count; i++) {
        diff->stack[diff->stack_depth++] = marks->codes[mark->first_code + i];
    }
    return RL_OK;
}

/* Returns the landmark behind the one that is before the next event, where all between is known;
 * otherwise NULL. */
static const struct landmark *next_landmark(const struct side *side)
{
    const struct landmark *marks = side->marks.items;
    return side->mark + 1 < side->marks.count && marks[side->mark + 1].is_next
               ? &marks[side->mark + 1]
               : NULL;
}

/* Returns whether the next event is behind a landmark. */
static int is_at_landmark(const struct side *side)
{
    return side->mark < side->marks.count && !side->is_at_end &&
           side->marks.items[side->mark].seq == side->event.seq;
}

static int are_alike(const struct landmark *a, const struct landmark *b)
{
    return a->run.sum == b->run.sum && a->run.events == b->run.events && a->left == b->left &&
           a->code_count == b->code_count;
}

/* Moves a side over the stretch before a landmark, without reading it. */
static void pass_landmark(struct side *side, const struct landmark *mark)
{
    side->depth -= mark->left < side->depth ? mark->left : side->depth;
    side->depth += mark->code_count;
    side->mark++;
}

/* Skips stretches that are equal on both sides. */
static rl_status skip_landmarks(struct diff *diff, int *has_skipped)
{
    const struct landmark *last[2] = {NULL, NULL};
    rl_status status = RL_OK;
    for (;;) {
        const struct landmark *next[2] = {next_landmark(&diff->sides[DIFF_A]),
                                          next_landmark(&diff->sides[DIFF_B])};
        if (status != RL_OK || next[0] == NULL || next[1] == NULL || !are_alike(next[0], next[1])) {
            break;
        }
        diff->steps += next[DIFF_A]->run.events;
        diff->answer->skipped += next[DIFF_A]->run.events;
        status = follow_landmark(diff, next[DIFF_A]);
        for (int i = 0; i < 2; i++) {
            pass_landmark(&diff->sides[i], next[i]);
            last[i] = next[i];
        }
    }
    *has_skipped = last[0] != NULL;
    for (int i = 0; i < 2 && *has_skipped && status == RL_OK; i++) {
        struct side *side = &diff->sides[i];
        side->before = last[i]->before;
        status = diff_go_to(diff, side, last[i]->seq, side->depth);
    }
    return status;
}

rl_status diff_skip_ahead(struct diff *diff, struct side *side, uint64_t depth,
                          struct alike_run *run)
{
    const struct landmark *next, *last = NULL;
    if (!is_at_landmark(side)) {
        return RL_OK;
    }
    while ((next = next_landmark(side)) != NULL && next->left < side->depth &&
           side->depth - next->left > depth) {
        alike_run_join(&side->alike, run, &next->run);
        diff->answer->skipped += next->run.events;
        pass_landmark(side, next);
        last = next;
    }
    return last != NULL ? diff_go_to(diff, side, last->seq, side->depth) : RL_OK;
}

/* ---- both ---- */

rl_status diff_skip_open(struct diff *diff)
{
    const struct diff_question *q = diff->question;
    rl_status status = RL_OK;
    diff->may_skip = !q->is_call;
    for (int i = 0; i < 2; i++) {
        const struct reader *reader = q->sides[i].reader;
        diff->may_skip &= !reader->is_being_written && !reader->before.is_there;
    }
    if (!diff->may_skip) {
        return RL_OK;
    }
    diff->has_words = twins_share_words(q->sides[DIFF_A].reader, q->sides[DIFF_B].reader);
    for (int i = 0; i < 2 && q->has_key && status == RL_OK; i++) {
        status = landmarks_read(q->sides[i].reader, q->sides[i].thread, &q->key, q->kinds,
                                &diff->sides[i].marks);
    }
    return status;
}

void diff_skip_close(struct diff *diff)
{
    for (int i = 0; i < 2; i++) {
        landmarks_fini(&diff->sides[i].marks);
        twin_fini(&diff->twins[i]);
    }
    tokens_fini(&diff->tokens);
}

rl_status diff_skip(struct diff *diff, int *has_skipped)
{
    const struct side *a = &diff->sides[DIFF_A], *b = &diff->sides[DIFF_B];
    rl_status status = RL_OK;
    *has_skipped = 0;
    if (is_at_landmark(a) && is_at_landmark(b)) {
        status = skip_landmarks(diff, has_skipped);
    }
    if (status == RL_OK && !*has_skipped && diff->has_words && a->event.seq >= diff->tried) {
        status = skip_twins(diff, has_skipped);
    }
    return status;
}
