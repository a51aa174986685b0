/* Why: see reader.h. This file opens; scan.c recovers, chunks.c loads, cursor.c streams,
 * check.c proves.
 * Invariants: no count from the file sizes anything before it was compared with the bytes left.
 * Reads with pread, never a mapping: a file that shrinks must not be a signal for the reader.
 * Threads: a reader belongs to one thread at a time. */
#include "reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "os.h"
#include "scan.h"
#include "status.h"

void reader_problem(struct reader *reader, const char *format, ...)
{
    char text[300];
    va_list args;
    if (reader->problem_count == READER_PROBLEMS_MAX) {
        reader->has_more_problems = 1;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < reader->problem_count; i++) {
        if (strcmp(reader->problems[i], text) == 0) {
            return; /* a file is read more than once */
        }
    }
    char *copy = rl_alloc(strlen(text) + 1, 1);
    if (copy == NULL) {
        reader->has_more_problems = 1;
        return;
    }
    memcpy(copy, text, strlen(text) + 1);
    reader->problems[reader->problem_count++] = copy;
}

void reader_value_problem(struct reader *reader, uint32_t thread, uint64_t seq)
{
    reader_problem(reader, "thread %u, event %llu: its values are damaged", thread,
                   (unsigned long long)seq);
}

void reader_close(struct reader *reader)
{
    if (reader == NULL) {
        return;
    }
    os_close(reader->fd);
    for (size_t i = 0; i < reader->strings.count; i++) {
        rl_free((char *)(uintptr_t)reader->strings.texts[i].data);
    }
    strings_fini(&reader->strings);
    for (size_t i = 0; i < reader->problem_count; i++) {
        rl_free(reader->problems[i]);
    }
    rl_free(reader->problems);
    for (size_t i = 0; i < reader->code_count; i++) {
        rl_free((void *)(uintptr_t)reader->code_defs[i].names);
    }
    rl_free(reader->code_defs);
    rl_free(reader->chunks);
    rl_free(reader->path);
    u64map_fini(&reader->codes);
    bytes_out_fini(&reader->meta);
    bytes_out_fini(&reader->stored);
    bytes_out_fini(&reader->raw);
    block_coder_free(reader->coder);
    rl_free(reader);
}

uint64_t reader_time(const struct reader *reader, uint64_t ticks)
{
    const struct file_header *h = &reader->header;
    double ns = (double)(int64_t)(ticks - h->start_ticks) * reader->ns_per_tick +
                (double)(int64_t)(h->start_mono - h->run_mono);
    return ns > 0 && ns < 9e18 ? (uint64_t)ns : 0;
}

struct code_text reader_code(const struct reader *reader, uint32_t id)
{
    const uint64_t *index = u64map_get(&reader->codes, id);
    if (id == RL_CODE_OTHER) {
        static const char name[] = "(other functions)";
        return (struct code_text){
            .module = {"?", 1}, .qualname = {name, sizeof name - 1}, .file = {"?", 1}};
    }
    if (index == NULL) {
        return (struct code_text){{"?", 1}, {"?", 1}, {"?", 1}, 0, 0, 0, 0, NULL, 0};
    }
    const struct code_def *def = &reader->code_defs[*index - 1];
    return (struct code_text){reader_string(reader, def->module),
                              reader_string(reader, def->qualname),
                              reader_string(reader, def->file),
                              def->line,
                              def->flags,
                              def->args,
                              def->name_count,
                              def->names,
                              def->rule};
}

uint64_t reader_loaded(const struct reader *reader)
{
    return __atomic_load_n(&reader->loaded, __ATOMIC_RELAXED);
}

/* One straight line through the two most distant clock pairs of the file. */
static void set_clock(struct reader *reader)
{
    const struct file_header *h = &reader->header;
    uint64_t ticks = reader->footer.end_ticks, mono = reader->footer.end_mono;
    if (!reader->is_complete && reader->heartbeat.ticks != 0) {
        ticks = reader->heartbeat.ticks;
        mono = reader->heartbeat.mono_ns;
    }
    for (size_t i = 0; i < reader->chunk_count; i++) {
        const struct chunk_info *info = &reader->chunks[i].info;
        uint64_t chunk_ticks = info->ticks1 != 0 ? info->ticks1 : info->ticks0;
        uint64_t chunk_mono = info->mono1 != 0 ? info->mono1 : info->mono0;
        if (!reader->is_complete && chunk_mono > mono) {
            ticks = chunk_ticks;
            mono = chunk_mono;
        }
    }
    reader->ns_per_tick = 1.0;
    if (h->clock == RL_CLOCK_NS) {
        return;
    }
    if (h->tick_hz > 1000000 && h->tick_hz < UINT64_C(100000000000)) {
        reader->ns_per_tick = 1e9 / (double)h->tick_hz;
    }
    double span_ns = (double)(int64_t)(mono - h->start_mono);
    double span_ticks = (double)(int64_t)(ticks - h->start_ticks);
    if (span_ns > 1e6 && span_ticks > 0) {
        double slope = span_ns / span_ticks;
        if (slope > 0.01 && slope < 1000) {
            reader->ns_per_tick = slope;
        }
    }
}

/* The moment of the last heartbeat; 0 where it is none of this recording's. */
static uint64_t heartbeat_ticks(const struct reader *reader)
{
    const uint64_t longest_ns = UINT64_C(1) << 57; /* four years */
    uint64_t since = reader->heartbeat.mono_ns - reader->header.start_mono;
    if (since > longest_ns) {
        return 0;
    }
    return reader->heartbeat.ticks != 0
               ? reader->heartbeat.ticks
               : reader->header.start_ticks + (uint64_t)((double)since / reader->ns_per_tick);
}

/* Frames that are open have run until the last sign of life. */
static void set_end(struct reader *reader)
{
    uint64_t end = reader->last_ticks, beat = heartbeat_ticks(reader);
    for (size_t i = 0; i < reader->chunk_count; i++) {
        uint64_t ticks = reader->chunks[i].info.ticks1;
        end = ticks > end ? ticks : end;
    }
    end = beat > end ? beat : end;
    reader->end_ticks = reader->is_complete ? reader->footer.end_ticks : end;
}

static rl_status open_fd(struct reader *reader, const char *path, struct rl_err *err)
{
    int os_errno = 0;
    if (os_open_read(path, &reader->fd, &os_errno) != 0) {
        return status_set_errno(err, RL_NOT_FOUND, os_errno, "cannot open %s", path);
    }
    if (!os_is_regular(reader->fd)) {
        return status_set(err, RL_NOT_RECORDING, "%s is not a regular file", path);
    }
    if (os_file_size(reader->fd, &reader->size) != 0) {
        return status_set(err, RL_IO, "cannot read the size of %s", path);
    }
    return RL_OK;
}

static rl_status read_header(struct reader *reader, const char *path, struct rl_err *err)
{
    uint8_t bytes[RL_FILE_HEADER_BYTES];
    struct rl_err detail;
    int os_errno = 0;
    size_t n = reader->size < sizeof bytes ? (size_t)reader->size : sizeof bytes;
    if (os_pread(reader->fd, bytes, n, 0, &os_errno) != 0) {
        return status_set_errno(err, RL_IO, os_errno, "cannot read %s", path);
    }
    rl_status status = file_header_get(bytes, n, &reader->header, &detail);
    return status == RL_OK ? RL_OK : status_set(err, status, "%s: %s", path, detail.text);
}

rl_status reader_open_once(const char *path, struct reader **out, struct rl_err *err)
{
    struct reader *reader = rl_zalloc(1, sizeof *reader);
    if (reader == NULL) {
        return status_set(err, RL_NOMEM, "no memory to read %s", path);
    }
    reader->fd = -1;
    reader->coder = block_coder_new();
    reader->problems = rl_zalloc(READER_PROBLEMS_MAX, sizeof *reader->problems);
    reader->path = rl_alloc(strlen(path) + 1, 1);
    rl_status status = RL_NOMEM;
    if (reader->coder == NULL || reader->problems == NULL || reader->path == NULL) {
        (void)status_set(err, RL_NOMEM, "no memory to read %s", path);
        goto done;
    }
    memcpy(reader->path, path, strlen(path) + 1);
    if ((status = open_fd(reader, path, err)) != RL_OK ||
        (status = read_header(reader, path, err)) != RL_OK) {
        goto done;
    }
    reader->is_being_written = os_is_locked(reader->fd);
    status = scan_file(reader);
    if (status != RL_OK) {
        (void)status_set(err, status, "%s: %s", path,
                         status == RL_NOMEM ? "no memory for its index" : "cannot be read");
        goto done;
    }
    chunks_sort(reader);
    if (reader->is_being_written && !reader->is_complete &&
        !(reader->header.flags & RL_FLAG_RING)) {
        chunks_drop_ahead(reader);
    }
    set_clock(reader);
    set_end(reader);
done:
    if (status != RL_OK) {
        reader_close(reader);
        return status;
    }
    *out = reader;
    return RL_OK;
}
