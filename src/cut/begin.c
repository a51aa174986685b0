/* Why: see begin.h. docs/format.md has the bytes of BEFORE. */
#include "begin.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "rec.h"

enum { VALUES_MOST = 40 << 20 }; /* bytes of values in BEFORE */

struct begun_thread *begin_of(const struct begin *begin, uint32_t thread)
{
    const uint64_t *index = u64map_get(&begin->threads, thread);
    return index != NULL ? &begin->of[*index - 1] : NULL;
}

/* Returns the entry of a thread, a new one where it has none; NULL without memory. */
static struct begun_thread *take_thread(struct begin *begin, uint32_t thread)
{
    struct begun_thread *known = begin_of(begin, thread);
    void *of = begin->of;
    if (known != NULL) {
        return known;
    }
    if (rl_grow(&of, &begin->cap, begin->count + 1, sizeof *begin->of) != 0) {
        return NULL;
    }
    begin->of = of;
    if (u64map_put(&begin->threads, thread, begin->count + 1) != 0) {
        return NULL;
    }
    begin->of[begin->count] = (struct begun_thread){.thread = thread};
    return &begin->of[begin->count++];
}

/* ---- counts ---- */

/* Finds the function of a definition, by its name. Returns 0, or -1 without memory. */
static int find_function(struct begin *begin, uint32_t id, uint32_t *function)
{
    struct code_text code = reader_code(begin->reader, id);
    struct bytes_out name = {0};
    void *calls = begin->calls;
    int failed = 1;
    bytes_put(&name, code.module.data, code.module.len);
    bytes_put(&name, ":", 1);
    bytes_put(&name, code.qualname.data, code.qualname.len);
    const uint32_t *known = name.failed ? NULL : strmap_get(&begin->functions, name.data, name.len);
    if (known != NULL) {
        *function = *known;
        failed = 0;
    } else if (!name.failed && rl_grow(&calls, &begin->function_cap, begin->function_count + 1,
                                       sizeof *begin->calls) == 0) {
        begin->calls = calls;
        *function = (uint32_t)begin->function_count;
        begin->calls[begin->function_count] = 0;
        failed = strmap_put(&begin->functions, name.data, name.len, *function);
        begin->function_count += !failed;
    }
    bytes_out_fini(&name);
    return failed ? -1 : 0;
}

/* Returns the entry of a definition, a new one where it has none; NULL without memory. */
static struct begun_code *take_code(struct begin *begin, uint32_t id)
{
    const uint64_t *known = u64map_get(&begin->code_of, (uint64_t)id + 1);
    void *codes = begin->codes;
    if (known != NULL) {
        return &begin->codes[*known];
    }
    if (rl_grow(&codes, &begin->code_cap, begin->code_count + 1, sizeof *begin->codes) != 0) {
        return NULL;
    }
    begin->codes = codes;
    struct begun_code *code = &begin->codes[begin->code_count];
    *code = (struct begun_code){0};
    if (find_function(begin, id, &code->function) != 0 ||
        u64map_put(&begin->code_of, (uint64_t)id + 1, begin->code_count) != 0) {
        return NULL;
    }
    begin->code_count++;
    return code;
}

static rl_status copy_map(struct u64map *to, const struct u64map *from)
{
    for (size_t i = 0; i < from->capacity; i++) {
        if (from->entries[i].key != 0 &&
            u64map_put(to, from->entries[i].key, from->entries[i].value) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

/* Begins with the counts of a part that is cut again. */
static rl_status take_before(struct begin *begin)
{
    const struct before *before = &begin->reader->before;
    begin->has_losses = before->has_losses;
    for (size_t i = 0; i < before->calls.capacity; i++) {
        const struct u64map_entry *entry = &before->calls.entries[i];
        struct begun_code *code =
            entry->key != 0 ? take_code(begin, (uint32_t)(entry->key - 1)) : NULL;
        if (code != NULL) {
            code->calls = entry->value;
            begin->calls[code->function] += entry->value;
        } else if (entry->key != 0) {
            return RL_NOMEM;
        }
    }
    rl_status status = copy_map(&begin->lines, &before->lines);
    return status == RL_OK ? copy_map(&begin->numbers, &before->numbers) : status;
}

/* Counts a call or a run of a line. */
static rl_status count_event(struct begin *begin, const struct event_out *event)
{
    if (kind_begins(event->kind)) {
        struct begun_code *code = take_code(begin, event->id);
        if (code == NULL) {
            return RL_NOMEM;
        }
        code->calls++;
        uint64_t number = ++begin->calls[code->function];
        return event->frame == 0 || u64map_put(&begin->numbers, event->frame, number) == 0
                   ? RL_OK
                   : RL_NOMEM;
    }
    if (kind_ends(event->kind) && event->frame != 0) {
        (void)u64map_remove(&begin->numbers, event->frame, NULL);
    } else if (event->kind == RL_EVENT_LINE && event->id != 0) {
        uint64_t key = (uint64_t)event->id << 32 | event->line;
        uint64_t *runs = u64map_get(&begin->lines, key);
        if (runs != NULL) {
            ++*runs;
        } else if (u64map_put(&begin->lines, key, 1) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

/* ---- threads ---- */

/* Takes the facts about threads and tasks that an event before the cut has. */
static rl_status take_event(struct begin *begin, const struct event_out *event)
{
    struct begun_thread *of = take_thread(begin, event->thread);
    if (of == NULL) {
        return RL_NOMEM;
    }
    of->session = event->session;
    begin->has_losses |= event->is_after_gap;
    if (event->kind == RL_EVENT_THREAD_START) {
        of->native_id = event->frame;
        of->name = event->id;
    } else if (event->kind == RL_EVENT_THREAD_END) {
        of->has_ended = 1;
    } else if (event->kind == RL_EVENT_TASK_START) {
        return u64map_put(&begin->task_names, event->frame + 1, event->id) == 0 ? RL_OK : RL_NOMEM;
    } else if (event->kind == RL_EVENT_TASK_END) {
        (void)u64map_remove(&begin->task_names, event->frame + 1, NULL);
    }
    return event->is_of_before ? RL_OK : count_event(begin, event);
}

/* Takes the open frames of a thread. Frames that wait, or have no known function, are left out. */
static rl_status take_frames(struct begin *begin, uint32_t thread,
                             const struct open_activation *stack, size_t depth)
{
    struct begun_thread *of = begin_of(begin, thread);
    if (of == NULL || depth == 0) {
        return RL_OK;
    }
    of->frames = rl_alloc(depth, sizeof *of->frames);
    if (of->frames == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < depth; i++) {
        if (!stack[i].waits && stack[i].code != 0) {
            of->frames[of->frame_count++] = stack[i];
        }
    }
    return RL_OK;
}

/* Reads up to the event that is wanted. */
static rl_status read_events(struct begin *begin, uint32_t thread, uint64_t seq)
{
    struct cursor *cursor = instant_cursor(begin->instant);
    struct event_out next = {0}, event;
    int is_there = 0;
    rl_status status;
    while ((status = cursor_peek(cursor, &next)) == RL_OK) {
        is_there |= next.thread == thread && next.seq == seq;
        if (is_there && !next.is_of_before) {
            begin->thread = next.thread;
            begin->seq = next.seq;
            begin->ticks = next.ticks;
            return RL_OK;
        }
        if ((status = instant_next(begin->instant, &event)) != RL_OK ||
            (status = take_event(begin, &event)) != RL_OK) {
            return status;
        }
    }
    return status;
}

rl_status begin_read(struct reader *reader, uint32_t thread, uint64_t seq, struct begin *begin)
{
    *begin = (struct begin){.reader = reader};
    rl_status status = instant_open(reader, &begin->instant);
    status = status == RL_OK ? take_before(begin) : status;
    status = status == RL_OK ? read_events(begin, thread, seq) : status;
    if (status != RL_OK) {
        return status;
    }
    struct cursor *cursor = instant_cursor(begin->instant);
    cursor_settle(cursor);
    for (size_t i = 0; status == RL_OK && i < cursor_threads(cursor); i++) {
        uint32_t serial;
        size_t depth;
        const struct open_activation *stack = cursor_thread_stack(cursor, i, &serial, &depth);
        status = take_frames(begin, serial, stack, depth);
    }
    return status;
}

/* ---- BEFORE ---- */

static void put_map(const struct u64map *map, struct bytes_out *out)
{
    bytes_put_varint(out, map->count);
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key != 0) {
            bytes_put_varint(out, map->entries[i].key);
            bytes_put_varint(out, map->entries[i].value);
        }
    }
}

static int by_number(const void *left, const void *right)
{
    const struct begun_thread *a = left, *b = right;
    return a->thread < b->thread ? -1 : a->thread > b->thread;
}

static void put_counts(const struct begin *begin, struct bytes_out *out)
{
    size_t called = 0;
    for (size_t i = 0; i < begin->code_count; i++) {
        called += begin->codes[i].calls != 0;
    }
    bytes_put_varint(out, called);
    for (size_t i = 0; i < begin->code_of.capacity; i++) {
        const struct u64map_entry *entry = &begin->code_of.entries[i];
        if (entry->key != 0 && begin->codes[entry->value].calls != 0) {
            bytes_put_varint(out, entry->key - 1);
            bytes_put_varint(out, begin->codes[entry->value].calls);
        }
    }
    bytes_put_varint(out, begin->lines.count);
    for (size_t i = 0; i < begin->lines.capacity; i++) {
        const struct u64map_entry *entry = &begin->lines.entries[i];
        if (entry->key != 0) {
            bytes_put_varint(out, entry->key >> 32);
            bytes_put_varint(out, entry->key & UINT32_MAX);
            bytes_put_varint(out, entry->value);
        }
    }
}

void begin_put(struct begin *begin, struct bytes_out *out, uint64_t *left_out)
{
    struct cursor *cursor = instant_cursor(begin->instant);
    size_t kept = 0;
    bytes_put_varint(out, begin->has_losses ? RL_BEFORE_LOSSES : 0);
    put_counts(begin, out);
    put_map(&begin->numbers, out);
    cursor_put_frames(cursor, out);
    u64map_clear(&begin->threads); /* the entries change their places */
    if (begin->count != 0) {
        qsort(begin->of, begin->count, sizeof *begin->of, by_number);
    }
    for (size_t i = 0; i < begin->count; i++) {
        kept += (size_t)begin->of[i].is_kept;
    }
    bytes_put_varint(out, kept);
    for (size_t i = 0; i < begin->count; i++) {
        const struct begun_thread *of = &begin->of[i];
        if (of->is_kept) {
            cursor_put_thread(cursor, of->thread, of->first, of->until, of->session, out);
        }
    }
    *left_out = instant_put_values(begin->instant, VALUES_MOST, out);
}

void begin_fini(struct begin *begin)
{
    for (size_t i = 0; i < begin->count; i++) {
        rl_free(begin->of[i].frames);
    }
    rl_free(begin->of);
    rl_free(begin->codes);
    rl_free(begin->calls);
    instant_close(begin->instant);
    u64map_fini(&begin->threads);
    u64map_fini(&begin->task_names);
    u64map_fini(&begin->code_of);
    strmap_fini(&begin->functions);
    u64map_fini(&begin->lines);
    u64map_fini(&begin->numbers);
    *begin = (struct begin){0};
}
