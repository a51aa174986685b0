/* Why: see before.h. docs/format.md has the bytes.
 *
 * Invariants:
 *  1. No count in the block sizes anything before it was compared with the bytes that are left.
 *  2. A block that is damaged anywhere in these tables is left out as a whole. */
#include "before.h"

#include <relive/rl_format.h>

#include "alloc.h"

void before_fini(struct before *before)
{
    u64map_fini(&before->calls);
    u64map_fini(&before->lines);
    u64map_fini(&before->numbers);
    u64map_fini(&before->parents);
    u64map_fini(&before->suspended);
    rl_free(before->threads);
    bytes_out_fini(&before->bytes);
    *before = (struct before){0};
}

/* Takes a number of entries, each of at least `least` bytes. */
static size_t take_count(struct bytes_in *in, size_t least)
{
    size_t count = bytes_count(in);
    in->bad |= count > BEFORE_ENTRIES_MAX || count > bytes_left(in) / least;
    return in->bad ? 0 : count;
}

static rl_status take_calls(struct before *before, struct bytes_in *in)
{
    size_t count = take_count(in, 2);
    for (size_t i = 0; i < count; i++) {
        uint64_t code = bytes_varint32(in), calls = bytes_varint(in);
        if (!in->bad && u64map_put(&before->calls, code + 1, calls) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

static rl_status take_lines(struct before *before, struct bytes_in *in)
{
    size_t count = take_count(in, 3);
    for (size_t i = 0; i < count; i++) {
        uint64_t code = bytes_varint32(in), line = bytes_varint32(in), runs = bytes_varint(in);
        in->bad |= code == 0;
        if (!in->bad && u64map_put(&before->lines, code << 32 | line, runs) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

static rl_status take_map(struct u64map *map, struct bytes_in *in)
{
    size_t count = take_count(in, 2);
    for (size_t i = 0; i < count; i++) {
        uint64_t key = bytes_varint(in), value = bytes_varint(in);
        in->bad |= key == 0;
        if (!in->bad && u64map_put(map, key, value) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

/* Moves behind the open frames of a thread. */
static void skip_stack(struct bytes_in *in)
{
    enum { NUMBERS = 6 }; /* of a frame, as cursor_save() has it */
    size_t depth = take_count(in, NUMBERS);
    for (size_t i = 0; i < depth * NUMBERS && !in->bad; i++) {
        (void)bytes_varint(in);
    }
}

static void take_thread(struct before_thread *thread, struct bytes_in *in)
{
    thread->thread = bytes_varint32(in);
    thread->first = bytes_varint(in);
    thread->until = bytes_varint(in);
    thread->session = bytes_varint32(in);
    thread->task_count = bytes_varint32(in);
    in->bad |= thread->first > thread->until || thread->task_count > BEFORE_TASKS_MAX;
    for (uint32_t i = 0; !in->bad && i < thread->task_count; i++) {
        thread->tasks[i].task = bytes_varint32(in);
        thread->tasks[i].frame = bytes_varint(in);
    }
    thread->stack = *in;
    skip_stack(in);
    thread->stack.end = in->at;
}

/* Takes the threads, which come by number. */
static rl_status take_threads(struct before *before, struct bytes_in *in)
{
    enum { LEAST = 6 };
    size_t count = take_count(in, LEAST);
    before->threads = rl_zalloc(count + 1, sizeof *before->threads);
    if (before->threads == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < count && !in->bad; i++) {
        take_thread(&before->threads[i], in);
        in->bad |= i != 0 && before->threads[i].thread <= before->threads[i - 1].thread;
        before->thread_count += !in->bad;
    }
    return RL_OK;
}

static rl_status take_all(struct before *before)
{
    struct bytes_in in = bytes_in_of(before->bytes.data, before->bytes.len);
    before->has_losses = (bytes_varint(&in) & RL_BEFORE_LOSSES) != 0;
    rl_status status = take_calls(before, &in);
    status = status == RL_OK ? take_lines(before, &in) : status;
    status = status == RL_OK ? take_map(&before->numbers, &in) : status;
    status = status == RL_OK ? take_map(&before->parents, &in) : status;
    status = status == RL_OK ? take_map(&before->suspended, &in) : status;
    status = status == RL_OK ? take_threads(before, &in) : status;
    before->values = in;
    return status == RL_OK && in.bad ? RL_DAMAGED : status;
}

rl_status before_decode(struct before *before)
{
    rl_status status = take_all(before);
    if (status != RL_OK) {
        before_fini(before);
        return status;
    }
    before->is_there = 1;
    return RL_OK;
}

/* ---- questions ---- */

const struct before_thread *before_thread_of(const struct before *before, uint32_t thread)
{
    size_t low = 0, high = before->thread_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        *(before->threads[middle].thread < thread ? &low : &high) =
            before->threads[middle].thread < thread ? middle + 1 : middle;
    }
    return low < before->thread_count && before->threads[low].thread == thread
               ? &before->threads[low]
               : NULL;
}

uint64_t before_first(const struct before *before, uint32_t thread)
{
    const struct before_thread *found = before_thread_of(before, thread);
    return found != NULL ? found->first : 0;
}

uint64_t before_calls(const struct before *before, const struct u64map *codes)
{
    uint64_t calls = 0;
    for (size_t i = 0; before->is_there && i < codes->capacity; i++) {
        uint64_t key = codes->entries[i].key;
        const uint64_t *known = key != 0 ? u64map_get(&before->calls, key) : NULL;
        calls += known != NULL ? *known : 0;
    }
    return calls;
}

uint64_t before_runs(const struct before *before, const struct u64map *codes, uint32_t line)
{
    uint64_t runs = 0;
    for (size_t i = 0; before->is_there && i < codes->capacity; i++) {
        uint64_t key = codes->entries[i].key;
        const uint64_t *known = key > 1 ? u64map_get(&before->lines, (key - 1) << 32 | line) : NULL;
        runs += known != NULL ? *known : 0;
    }
    return runs;
}

uint64_t before_number(const struct before *before, uint64_t frame)
{
    const uint64_t *number = frame != 0 ? u64map_get(&before->numbers, frame) : NULL;
    return number != NULL ? *number : 0;
}
