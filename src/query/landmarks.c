/* Why: two runs that are alike for millions of events have other addresses in each chunk, so no
 * bytes of theirs are equal. What their steps say is equal, and a reading for the index has it.
 *
 * Invariants:
 *  1. Equal hashes are believed. A collision has a chance of some 2^-45 a stretch, whatever the
 *     recordings have in them, since their authors do not know the key.
 *  2. Frames are counted as `diff` does: a frame that is left where none is open changes nothing.
 *     `left` and `codes` say what a stretch does to any stack.
 *  3. No landmark is behind lost events.
 *  4. What is read is bounded, and each number is checked: an index may be damaged. */
#include "landmarks.h"

#include "alloc.h"

enum {
    LEAST = 4096, /* steps: landmarks are about as far from each other as chunks begin */
    MEAN = 2,     /* times that, until the last steps choose one */
    LONG = 4,
    MOST = 16,
    LANES_MOST = 65536,
    MADE_MOST = 2 << 20, /* bytes in one stretch of the index */
    READ_MOST = 1 << 19  /* landmarks of a thread: 40 MB */
};

struct landmarks_lane {
    uint32_t thread;
    int has_step, has_mark;
    int is_over;          /* events are lost */
    uint64_t last, mark;  /* numbers of the last step, and of that behind the last landmark */
    uint64_t shape;       /* of the last 64 steps */
    struct alike_run run; /* since then, as are these */
    uint64_t left;
    int64_t low;     /* the least depth, from what it was at the landmark on */
    uint32_t *codes; /* owned */
    size_t code_count, code_cap;
};

/* Returns what says which key was used, and betrays nothing of it. */
static uint64_t print_of(const struct siphash_key *key)
{
    uint64_t print = siphash(key, "landmarks", 9);
    return print != 0 ? print : 1;
}

int landmarks_end_at(const struct event_out *event)
{
    static const uint32_t reasons = 1u << RL_LOSS_BUFFER_FULL | 1u << RL_LOSS_RING |
                                    1u << RL_LOSS_DISK_FULL | 1u << RL_LOSS_IO_ERROR |
                                    1u << RL_LOSS_MEMORY;
    return event->kind == RL_EVENT_LOSS && event->id < RL_LOSS_REASONS &&
           (reasons >> event->id & 1) != 0;
}

/* ---- making them ---- */

void landmarks_pass_open(struct landmarks_pass *pass, const struct reader *reader,
                         const struct landmarks_plan *plan)
{
    *pass = (struct landmarks_pass){0};
    if (plan == NULL) {
        return;
    }
    alike_init(&pass->alike, reader, &plan->key);
    pass->print = print_of(&plan->key);
    pass->least = plan->least != 0 ? plan->least : LEAST;
    pass->long_one = pass->least * LONG;
    pass->most = pass->least * MOST;
    pass->limit = UINT64_MAX / (pass->least * MEAN);
}

void landmarks_pass_fini(struct landmarks_pass *pass)
{
    for (size_t i = 0; i < pass->count; i++) {
        rl_free(pass->lanes[i].codes);
    }
    rl_free(pass->lanes);
    u64map_fini(&pass->places);
    bytes_out_fini(&pass->made);
    alike_fini(&pass->alike);
    *pass = (struct landmarks_pass){0};
}

/* Returns the lane of a thread, which may be new. NULL without memory, or where there are too
 * many. */
static struct landmarks_lane *lane_of(struct landmarks_pass *pass, uint32_t thread)
{
    if (pass->last < pass->count && pass->lanes[pass->last].thread == thread) {
        return &pass->lanes[pass->last];
    }
    const uint64_t *place = u64map_get(&pass->places, (uint64_t)thread + 1);
    void *lanes = pass->lanes;
    if (place != NULL) {
        pass->last = (size_t)*place;
        return &pass->lanes[pass->last];
    }
    if (pass->count == LANES_MOST ||
        rl_grow(&lanes, &pass->cap, pass->count + 1, sizeof *pass->lanes) != 0) {
        return NULL;
    }
    pass->lanes = lanes;
    if (u64map_put(&pass->places, (uint64_t)thread + 1, pass->count) != 0) {
        return NULL;
    }
    pass->last = pass->count++;
    pass->lanes[pass->last] = (struct landmarks_lane){.thread = thread};
    return &pass->lanes[pass->last];
}

/* Writes a landmark before the step with this number. The next stretch begins there. */
static void put_landmark(struct landmarks_pass *pass, struct landmarks_lane *lane, uint64_t seq)
{
    struct bytes_out *out = &pass->made;
    pass->is_full |= out->len > MADE_MOST;
    if (!pass->is_full) {
        bytes_put_varint(out, lane->thread);
        bytes_put_varint(out, seq);
        bytes_put_varint(out, lane->has_step ? seq - lane->last : 0);
        bytes_put_varint(out, lane->has_mark ? seq - lane->mark : 0);
        if (lane->has_mark) {
            bytes_put_varint(out, lane->run.events);
            bytes_put_varint(out, lane->left);
            bytes_put_varint(out, lane->code_count);
            for (size_t i = 0; i < lane->code_count; i++) {
                bytes_put_varint(out, lane->codes[i]);
            }
            bytes_put_u64(out, lane->run.sum);
        }
    }
    lane->has_mark = 1;
    lane->mark = seq;
    lane->run = (struct alike_run){0};
    lane->left = 0;
    lane->code_count = 0;
}

/* Follows the frames that a step enters or leaves. */
static rl_status follow_frames(struct landmarks_lane *lane, const struct event_out *event)
{
    void *codes = lane->codes;
    if (kind_enters(event->kind)) {
        if (lane->code_count == lane->code_cap &&
            rl_grow(&codes, &lane->code_cap, lane->code_count + 1, sizeof *lane->codes) != 0) {
            return RL_NOMEM;
        }
        lane->codes = codes;
        lane->codes[lane->code_count++] = event->id;
    } else if (kind_leaves(event->kind)) {
        lane->left += lane->code_count == 0;
        lane->code_count -= lane->code_count != 0;
    }
    return RL_OK;
}

/* Returns whether there is a landmark before the next step. The last steps decide that, so that two
 * runs come together again. Where these are the same for long, it is a place outside of most calls.
 * It is then as shallow as any of the steps from `least` to `long_one`. */
static int is_chosen(const struct landmarks_pass *pass, struct landmarks_lane *lane)
{
    uint64_t events = lane->run.events;
    if (!lane->has_mark) {
        return 1;
    }
    if (events < pass->least) {
        return 0;
    }
    int64_t depth = (int64_t)lane->code_count - (int64_t)lane->left;
    if (events < pass->long_one) {
        lane->low = events == pass->least || depth < lane->low ? depth : lane->low;
    }
    return lane->shape < pass->limit || (events >= pass->long_one && depth <= lane->low) ||
           events >= pass->most;
}

rl_status landmarks_pass_take(struct landmarks_pass *pass, const struct event_out *event)
{
    int is_end = landmarks_end_at(event);
    if (pass->print == 0 || (!is_end && (LANDMARK_KINDS >> event->kind & 1) == 0)) {
        return RL_OK;
    }
    struct landmarks_lane *lane = lane_of(pass, event->thread);
    if (lane == NULL) {
        return pass->count == LANES_MOST ? RL_OK : RL_NOMEM;
    }
    lane->is_over |= is_end;
    if (lane->is_over) {
        return RL_OK;
    }
    struct alike_event now = alike_of(&pass->alike, event, 1);
    lane->shape = (lane->shape << 1) + (now.what ^ now.with);
    if (is_chosen(pass, lane)) {
        put_landmark(pass, lane, event->seq);
    }
    alike_run_add(&pass->alike, &lane->run, now);
    lane->has_step = 1;
    lane->last = event->seq;
    return follow_frames(lane, event);
}

void landmarks_pass_put(const struct landmarks_pass *pass, struct bytes_out *out)
{
    bytes_put_u64(out, pass->is_full ? 0 : pass->print);
    if (!pass->is_full) {
        bytes_put(out, pass->made.data, pass->made.len);
    }
    out->failed |= pass->made.failed;
}

void landmarks_pass_reset(struct landmarks_pass *pass)
{
    bytes_out_reset(&pass->made);
    pass->is_full = 0;
}

/* ---- using them ---- */

void landmarks_fini(struct landmarks *landmarks)
{
    rl_free(landmarks->items);
    rl_free(landmarks->codes);
    *landmarks = (struct landmarks){0};
}

/* Takes the codes of a landmark. Those of another thread are left out. */
static rl_status take_codes(struct landmarks *landmarks, struct bytes_in *in, size_t count,
                            int is_kept)
{
    void *codes = landmarks->codes;
    if (is_kept && rl_grow(&codes, &landmarks->code_cap, landmarks->code_count + count,
                           sizeof *landmarks->codes) != 0) {
        return RL_NOMEM;
    }
    landmarks->codes = codes;
    for (size_t i = 0; i < count; i++) {
        uint32_t code = bytes_varint32(in);
        if (is_kept) {
            landmarks->codes[landmarks->code_count++] = code;
        }
    }
    return RL_OK;
}

/* Takes the next landmark. RL_DAMAGED where it cannot be one. */
static rl_status take_landmark(struct landmarks *landmarks, struct bytes_in *in, uint32_t thread)
{
    int is_kept = bytes_varint32(in) == thread;
    struct landmark mark = {.seq = bytes_varint(in), .first_code = landmarks->code_count};
    uint64_t step = bytes_varint(in), since = bytes_varint(in);
    void *items = landmarks->items;
    rl_status status = RL_OK;
    mark.before = mark.seq - step;
    in->bad |= step > mark.seq || since > mark.seq || (since != 0 && step == 0);
    if (since != 0) {
        mark.run.events = bytes_varint(in);
        mark.left = bytes_varint(in);
        mark.code_count = bytes_count(in);
        status = take_codes(landmarks, in, mark.code_count, is_kept && !in->bad);
        mark.run.sum = bytes_u64(in);
        in->bad |= mark.run.events == 0 || mark.run.events > since || mark.run.sum >= ALIKE_PRIME;
        in->bad |= mark.left > mark.run.events || mark.code_count > mark.run.events;
    }
    if (status != RL_OK || in->bad || !is_kept) {
        return in->bad && status == RL_OK ? RL_DAMAGED : status;
    }
    if (landmarks->count != 0) {
        uint64_t last = landmarks->items[landmarks->count - 1].seq;
        mark.is_next = since != 0 && last == mark.seq - since;
        if (mark.seq <= last) {
            return RL_DAMAGED;
        }
    }
    if (landmarks->count == READ_MOST) {
        return RL_DAMAGED;
    }
    if (rl_grow(&items, &landmarks->cap, landmarks->count + 1, sizeof mark) != 0) {
        return RL_NOMEM;
    }
    landmarks->items = items;
    landmarks->items[landmarks->count++] = mark;
    return RL_OK;
}

/* Takes the landmarks of one stretch of the index. */
static rl_status take_block(struct landmarks *landmarks, const struct bytes_out *bytes,
                            uint32_t thread, uint64_t print)
{
    struct bytes_in in = bytes_in_of(bytes->data, bytes->len);
    rl_status status = RL_OK;
    if (bytes_u64(&in) != print) {
        return RL_OK;
    }
    while (status == RL_OK && bytes_left(&in) != 0) {
        status = take_landmark(landmarks, &in, thread);
    }
    return status;
}

rl_status landmarks_read(const struct reader *reader, uint32_t thread,
                         const struct siphash_key *key, uint32_t kinds, struct landmarks *landmarks)
{
    const struct index *index = reader->index;
    struct bytes_out bytes = {0};
    rl_status status = RL_OK;
    *landmarks = (struct landmarks){0};
    for (size_t i = 0; index != NULL && i < index->count; i++) {
        if ((index->stretches[i].kinds & LANDMARK_KINDS & ~kinds) != 0) {
            return RL_OK;
        }
    }
    for (size_t i = 0; index != NULL && i < index->count && status == RL_OK; i++) {
        if (index_thread_of(&index->stretches[i], thread) != NULL) {
            status = index_landmarks(index, i, &bytes);
            status =
                status == RL_OK ? take_block(landmarks, &bytes, thread, print_of(key)) : status;
        }
    }
    bytes_out_fini(&bytes);
    return status == RL_NOMEM ? status : RL_OK;
}

size_t landmarks_find(const struct landmarks *landmarks, uint64_t seq)
{
    size_t low = 0, high = landmarks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (landmarks->items[middle].seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
