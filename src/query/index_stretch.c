/* Part of index.h: what is in a stretch, as bytes and as answers. */
#include "index.h"

#include <string.h>

#include "alloc.h"

/* Returns how many kinds are set. */
static size_t count_kinds(uint32_t kinds)
{
    return (size_t)__builtin_popcount(kinds);
}

/* Returns how many events of one kind a function has. */
static uint64_t count_of(const struct index_stretch *stretch, const struct index_code *code,
                         unsigned kind)
{
    uint32_t below = code->kinds & ((UINT32_C(1) << kind) - 1);
    return (code->kinds >> kind & 1) != 0 ? stretch->counts[code->first_count + count_kinds(below)]
                                          : 0;
}

/* ---- bytes ---- */

static void put_kinds(uint32_t kinds, const uint64_t *counts, int has_gaps, struct bytes_out *out)
{
    bytes_put_varint(out, kinds);
    for (unsigned kind = 0, i = 0; kind < RL_EVENT_KINDS; kind++) {
        if ((kinds >> kind & 1) != 0) {
            bytes_put_varint(out, counts[has_gaps ? kind : i]);
            i++;
        }
    }
}

void index_stretch_put(const struct index_stretch *stretch, struct bytes_out *out)
{
    uint32_t before = 0;
    bytes_put_varint(out, stretch->before);
    bytes_put_varint(out, stretch->events);
    bytes_put_varint(out, stretch->ticks);
    put_kinds(stretch->kinds, stretch->kind_counts, 1, out);
    bytes_put_varint(out, stretch->thread_count);
    for (size_t i = 0; i < stretch->thread_count; i++) {
        const struct index_thread *thread = &stretch->threads[i];
        bytes_put_varint(out, thread->thread - before);
        bytes_put_varint(out, thread->first);
        bytes_put_varint(out, thread->last);
        bytes_put_varint(out, thread->ordinal);
        before = thread->thread;
    }
    before = 0;
    bytes_put_varint(out, stretch->code_count);
    for (size_t i = 0; i < stretch->code_count; i++) {
        const struct index_code *code = &stretch->codes[i];
        uint32_t line = 0;
        bytes_put_varint(out, code->code - before);
        put_kinds(code->kinds, stretch->counts + code->first_count, 0, out);
        if ((code->kinds >> RL_EVENT_RUNNING & 1) != 0) {
            bytes_put_varint(out, code->running);
        }
        bytes_put_varint(out, code->ended);
        bytes_put_varint(out, code->raised);
        bytes_put_varint(out, code->line_count);
        for (size_t j = 0; j < code->line_count; j++) {
            const struct index_line *run = &stretch->lines[code->first_line + j];
            bytes_put_varint(out, run->line - line);
            bytes_put_varint(out, run->runs);
            line = run->line;
        }
        before = code->code;
    }
    bytes_put_varint(out, (uint64_t)stretch->has_list);
}

/* Takes the next number of an ascending list. */
static uint32_t take_next(struct bytes_in *in, uint32_t before, int is_first)
{
    uint64_t step = bytes_varint(in);
    in->bad |= step > UINT32_MAX - before || (step == 0 && !is_first);
    return before + (uint32_t)step;
}

static rl_status take_threads(struct bytes_in *in, struct index_stretch *stretch)
{
    size_t count = bytes_count(in);
    uint32_t before = 0;
    stretch->threads = rl_zalloc(count, sizeof *stretch->threads);
    if (stretch->threads == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < count && !in->bad; i++) {
        struct index_thread *thread = &stretch->threads[stretch->thread_count++];
        thread->thread = before = take_next(in, before, i == 0);
        thread->first = bytes_varint(in);
        thread->last = bytes_varint(in);
        thread->ordinal = bytes_varint(in);
    }
    return RL_OK;
}

static rl_status take_lines(struct bytes_in *in, struct index_stretch *stretch, size_t *cap,
                            size_t count)
{
    void *lines = stretch->lines;
    uint32_t before = 0;
    if (rl_grow(&lines, cap, stretch->line_count + count, sizeof *stretch->lines) != 0) {
        return RL_NOMEM;
    }
    stretch->lines = lines;
    for (size_t i = 0; i < count && !in->bad; i++) {
        struct index_line *line = &stretch->lines[stretch->line_count++];
        line->line = before = take_next(in, before, i == 0);
        line->runs = bytes_varint(in);
    }
    return RL_OK;
}

/* Takes the kinds of a function's events, and how many of each it has. */
static rl_status take_counts(struct bytes_in *in, struct index_stretch *stretch, size_t *cap,
                             struct index_code *code)
{
    void *counts = stretch->counts;
    code->kinds = bytes_varint32(in);
    code->first_count = stretch->count_count;
    size_t count = count_kinds(code->kinds);
    if (rl_grow(&counts, cap, stretch->count_count + count, sizeof *stretch->counts) != 0) {
        return RL_NOMEM;
    }
    stretch->counts = counts;
    for (size_t i = 0; i < count; i++) {
        stretch->counts[stretch->count_count++] = bytes_varint(in);
    }
    uint64_t running = count_of(stretch, code, RL_EVENT_RUNNING);
    code->running = (code->kinds >> RL_EVENT_RUNNING & 1) != 0 ? bytes_varint(in) : 0;
    in->bad |= code->running > running;
    code->begins = count_of(stretch, code, RL_EVENT_CALL) + running - code->running;
    return RL_OK;
}

static rl_status take_codes(struct bytes_in *in, struct index_stretch *stretch)
{
    size_t count = bytes_count(in), cap = 0, count_cap = 0;
    uint32_t before = 0;
    rl_status status = RL_OK;
    stretch->codes = rl_zalloc(count, sizeof *stretch->codes);
    if (stretch->codes == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < count && !in->bad && status == RL_OK; i++) {
        struct index_code *code = &stretch->codes[stretch->code_count++];
        code->code = before = take_next(in, before, i == 0);
        status = take_counts(in, stretch, &count_cap, code);
        code->ended = bytes_varint(in);
        code->raised = bytes_varint(in);
        code->first_line = stretch->line_count;
        code->line_count = bytes_count(in);
        status = status == RL_OK ? take_lines(in, stretch, &cap, code->line_count) : status;
    }
    return status;
}

rl_status index_stretch_get(const uint8_t *bytes, size_t len, struct index_stretch *stretch)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    *stretch = (struct index_stretch){.before = bytes_varint(&in)};
    stretch->events = bytes_varint(&in);
    stretch->ticks = bytes_varint(&in);
    stretch->kinds = bytes_varint32(&in);
    for (unsigned kind = 0; kind < RL_EVENT_KINDS; kind++) {
        stretch->kind_counts[kind] = (stretch->kinds >> kind & 1) != 0 ? bytes_varint(&in) : 0;
    }
    rl_status status = take_threads(&in, stretch);
    status = status == RL_OK ? take_codes(&in, stretch) : status;
    stretch->has_list = bytes_varint(&in) != 0;
    if (status == RL_OK && (in.bad || bytes_left(&in) != 0)) {
        status = RL_DAMAGED;
    }
    if (status != RL_OK) {
        index_stretch_fini(stretch);
    }
    return status;
}

void index_stretch_fini(struct index_stretch *stretch)
{
    rl_free(stretch->threads);
    rl_free(stretch->codes);
    rl_free(stretch->lines);
    rl_free(stretch->counts);
    *stretch = (struct index_stretch){0};
}

/* ---- answers ---- */

static int is_wanted(const struct index_code *code, const struct u64map *codes)
{
    return u64map_get(codes, (uint64_t)code->code + 1) != NULL;
}

/* Returns how often a line of one function runs. */
static uint64_t runs_of(const struct index_stretch *stretch, const struct index_code *code,
                        uint32_t line)
{
    size_t low = code->first_line, high = low + code->line_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stretch->lines[middle].line == line) {
            return stretch->lines[middle].runs;
        }
        *(stretch->lines[middle].line < line ? &low : &high) =
            stretch->lines[middle].line < line ? middle + 1 : middle;
    }
    return 0;
}

/* Returns whether one of some events is in a stretch. */
static int has_one_of(const struct index_stretch *stretch, const struct u64map *events)
{
    for (size_t i = 0; i < events->capacity; i++) {
        uint64_t event = events->entries[i].key - 1, seq = event & RL_FRAME_ORDINAL_MASK;
        const struct index_thread *thread =
            events->entries[i].key == 0
                ? NULL
                : index_thread_of(stretch, (uint32_t)(event >> RL_FRAME_ORDINAL_BITS));
        if (thread != NULL && thread->first <= seq && seq <= thread->last) {
            return 1;
        }
    }
    return 0;
}

int index_may_have(const struct index_stretch *stretch, const struct index_wanted *wanted)
{
    const uint32_t line = UINT32_C(1) << RL_EVENT_LINE;
    uint32_t kinds = stretch->kinds & (wanted->kinds != 0 ? wanted->kinds : UINT32_MAX);
    const struct index_thread *thread = index_thread_of(stretch, wanted->thread);
    if (wanted->thread != 0 && (thread == NULL || thread->last < thread->first)) {
        return 0;
    }
    if (wanted->events != NULL) {
        return has_one_of(stretch, wanted->events);
    }
    if (wanted->begins != NULL && wanted->begins->count != 0 &&
        index_begins(stretch, wanted->begins) != 0) {
        return 1;
    }
    if (wanted->codes == NULL) {
        return kinds != 0;
    }
    for (unsigned kind = 0; kind < RL_EVENT_KINDS; kind++) {
        if ((kinds >> kind & 1) != 0 && !index_has_code(kind)) {
            return 1;
        }
    }
    for (size_t i = 0; i < stretch->code_count; i++) {
        const struct index_code *code = &stretch->codes[i];
        if ((code->kinds & kinds) != 0 && is_wanted(code, wanted->codes) &&
            (wanted->line == 0 || wanted->kinds != line ||
             runs_of(stretch, code, wanted->line) != 0)) {
            return 1;
        }
    }
    return 0;
}

int index_has_before(const struct index_stretch *stretch, const struct before *before)
{
    for (size_t i = 0; i < stretch->thread_count; i++) {
        const struct index_thread *thread = &stretch->threads[i];
        const struct before_thread *known = before_thread_of(before, thread->thread);
        if (known != NULL && thread->first <= thread->last && thread->first < known->until) {
            return 1;
        }
    }
    return 0;
}

uint64_t index_begins(const struct index_stretch *stretch, const struct u64map *codes)
{
    uint64_t count = 0;
    for (size_t i = 0; i < stretch->code_count; i++) {
        count += is_wanted(&stretch->codes[i], codes) ? stretch->codes[i].begins : 0;
    }
    return count;
}

uint64_t index_events(const struct index_stretch *stretch, uint32_t kinds,
                      const struct u64map *codes)
{
    uint64_t events = 0;
    uint32_t of_functions = 0;
    kinds &= stretch->kinds;
    for (unsigned kind = 0; kind < RL_EVENT_KINDS; kind++) {
        int is_of_function = kind != RL_EVENT_BUDGET && index_has_code(kind);
        if ((kinds >> kind & 1) != 0 && codes != NULL && is_of_function) {
            of_functions |= UINT32_C(1) << kind;
        } else if ((kinds >> kind & 1) != 0) {
            events += stretch->kind_counts[kind];
        }
    }
    for (size_t i = 0; of_functions != 0 && i < stretch->code_count; i++) {
        const struct index_code *code = &stretch->codes[i];
        uint32_t own = code->kinds & of_functions;
        for (unsigned kind = 0; own != 0 && is_wanted(code, codes) && kind < RL_EVENT_KINDS;
             kind++) {
            events += (own >> kind & 1) != 0 ? count_of(stretch, code, kind) : 0;
        }
    }
    return events;
}

uint64_t index_runs(const struct index_stretch *stretch, const struct u64map *codes, uint32_t line)
{
    uint64_t count = 0;
    for (size_t i = 0; i < stretch->code_count; i++) {
        count +=
            is_wanted(&stretch->codes[i], codes) ? runs_of(stretch, &stretch->codes[i], line) : 0;
    }
    return count;
}

const struct index_thread *index_thread_of(const struct index_stretch *stretch, uint32_t thread)
{
    size_t low = 0, high = stretch->thread_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stretch->threads[middle].thread == thread) {
            return &stretch->threads[middle];
        }
        *(stretch->threads[middle].thread < thread ? &low : &high) =
            stretch->threads[middle].thread < thread ? middle + 1 : middle;
    }
    return NULL;
}
