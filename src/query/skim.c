/* Why: each answer is the same with an index and without, so every query reads by the same loop. An
 * index only moves it forward, to a place where all that it knows is as if it had read on.
 *
 *    at the begin of a stretch --wanted in it?--yes--> read on
 *       | no
 *       +--> the next stretch ... --wanted in it, or none is left--> load the state before it
 *
 * Where a state cannot be loaded, nothing is left out from there on. */
#include "skim.h"

#include <string.h>

#include "instant_parts.h"

/* Returns the first stretch that begins at this event, or behind it. */
static size_t find_stretch(const struct index *index, uint64_t event)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        *(index->stretches[middle].before < event ? &low : &high) =
            index->stretches[middle].before < event ? middle + 1 : middle;
    }
    return low;
}

/* Sets where the next stretch begins, from this event on. */
static void set_boundary(struct skim *skim, uint64_t event)
{
    const struct index *index = skim->reader->index;
    size_t stretch = index != NULL ? find_stretch(index, event) : 0;
    skim->boundary =
        index != NULL && stretch < index->count ? index->stretches[stretch].before : UINT64_MAX;
}

/* Moves before a stretch. RL_DAMAGED where the state there is of no use; then it stays. */
static rl_status load_stretch(struct skim *skim, size_t stretch, int with_instant)
{
    const struct index *index = skim->reader->index;
    struct event_out last;
    struct instant *instant = NULL;
    struct cursor *cursor = NULL;
    rl_status status = index_state(index, stretch, &skim->state);
    if (status == RL_OK && with_instant) {
        status = instant_load(skim->reader, skim->state.data, skim->state.len, &last, &instant);
    } else if (status == RL_OK) {
        status = instant_load_cursor(skim->reader, skim->state.data, skim->state.len, skim->lines,
                                     &cursor);
    }
    if (status != RL_OK) {
        return status;
    }
    if (skim->instant != NULL) {
        instant_close(skim->instant);
    } else {
        cursor_close(skim->cursor);
    }
    skim->instant = instant;
    skim->cursor = with_instant ? instant->cursor : cursor;
    skim->given = stretch < index->count ? index->stretches[stretch].before : index->covered;
    return RL_OK;
}

rl_status skim_open(struct reader *reader, int with_instant, size_t from, struct u64map *lines,
                    struct skim *skim)
{
    rl_status status = RL_DAMAGED;
    *skim = (struct skim){.reader = reader, .lines = lines};
    if (from != 0) {
        status = load_stretch(skim, from, with_instant);
    }
    if (status == RL_DAMAGED && with_instant) {
        status = instant_open(reader, &skim->instant);
        skim->cursor = status == RL_OK ? skim->instant->cursor : NULL;
    } else if (status == RL_DAMAGED) {
        status = cursor_open(reader, &skim->cursor);
        status = status == RL_OK && lines != NULL ? instant_lines_before(reader, lines) : status;
    }
    if (status != RL_OK) {
        skim_close(skim);
        return status;
    }
    set_boundary(skim, skim->given);
    return RL_OK;
}

void skim_close(struct skim *skim)
{
    if (skim->instant != NULL) {
        instant_close(skim->instant);
    } else {
        cursor_close(skim->cursor);
    }
    bytes_out_fini(&skim->state);
    *skim = (struct skim){0};
}

rl_status skim_skip(struct skim *skim, const struct index_wanted *wanted)
{
    const struct index *index = skim->reader->index; /* it may be another one by now, or none */
    size_t here = index != NULL ? find_stretch(index, skim->given) : 0, stretch = here;
    rl_status status = RL_OK;
    if (index == NULL || here == index->count || index->stretches[here].before != skim->given) {
        set_boundary(skim, skim->given);
        return RL_OK;
    }
    while (wanted != NULL && stretch < index->count &&
           !index_may_have(&index->stretches[stretch], wanted)) {
        stretch++;
    }
    if (stretch != here) {
        status = load_stretch(skim, stretch, skim->instant != NULL);
    }
    if (status == RL_DAMAGED) {
        skim->boundary = UINT64_MAX;
        return RL_OK;
    }
    set_boundary(skim, skim->given + 1); /* this stretch is read now */
    return status;
}

rl_status skim_jump(struct skim *skim, size_t stretch, int *has_moved)
{
    rl_status status = load_stretch(skim, stretch, skim->instant != NULL);
    *has_moved = status == RL_OK;
    if (status == RL_OK) {
        set_boundary(skim, skim->given);
    }
    return status == RL_DAMAGED ? RL_OK : status;
}

size_t skim_here(const struct skim *skim)
{
    const struct index *index = skim->reader->index;
    size_t here = index != NULL ? find_stretch(index, skim->given) : 0;
    return index != NULL && here < index->count && index->stretches[here].before == skim->given
               ? here
               : SIZE_MAX;
}

/* ---- stretches of places ---- */

size_t skim_stretch_of_event(const struct reader *reader, uint32_t thread, uint64_t seq)
{
    const struct index *index = reader->index;
    for (size_t i = index != NULL ? index->count : 0; i-- > 0;) {
        const struct index_thread *found = index_thread_of(&index->stretches[i], thread);
        if (found != NULL && found->first <= found->last && found->first <= seq) {
            return i;
        }
    }
    return 0;
}

size_t skim_stretch_of_time(const struct reader *reader, uint64_t t)
{
    const struct index *index = reader->index;
    size_t i = index != NULL ? index->count : 0;
    while (i > 1 && reader_time(reader, index->stretches[i - 1].ticks) > t) {
        i--;
    }
    return i != 0 ? i - 1 : 0;
}

size_t skim_stretch_of_count(const struct reader *reader, uint64_t events)
{
    const struct index *index = reader->index;
    size_t i = index != NULL ? index->count : 0;
    while (i > 1 && index->stretches[i - 1].before >= events) {
        i--;
    }
    return i != 0 ? i - 1 : 0;
}

/* Returns whether one of these frames may have its first event in a stretch. */
static int may_begin(const struct index_stretch *stretch, const struct u64map *frames)
{
    for (size_t i = 0; i < frames->capacity; i++) {
        uint64_t frame = frames->entries[i].key - 1;
        const struct index_thread *thread =
            frames->entries[i].key == 0
                ? NULL
                : index_thread_of(stretch, (uint32_t)(frame >> RL_FRAME_ORDINAL_BITS));
        if (thread != NULL && thread->ordinal >= (frame & RL_FRAME_ORDINAL_MASK)) {
            return 1;
        }
    }
    return 0;
}

size_t skim_stretch_of_frames(const struct reader *reader, const struct u64map *frames)
{
    const struct index *index = reader->index;
    size_t i = 0;
    if (index == NULL || frames->count == 0) {
        return 0;
    }
    while (i < index->count && !may_begin(&index->stretches[i], frames)) {
        i++;
    }
    return i;
}
