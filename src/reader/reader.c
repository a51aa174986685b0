/* Why: what every file of this room needs of a reader; see reader.h.
 *
 * Invariants of the whole room:
 *  1. A count from the file is compared with the bytes left before it sizes anything.
 *  2. The file is read with pread(2) and never mapped: a file that shrinks must not end the reader
 *     with SIGBUS. */
#include "reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "os.h"
#include "source_table.h"

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
            return; /* a block may be read more than once */
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
    rl_free(reader->source_blocks);
    rl_free(reader->members);
    source_table_free(reader->sources);
    before_fini(&reader->before);
    rl_free(reader->path);
    u64map_fini(&reader->codes);
    bytes_out_fini(&reader->meta);
    bytes_out_fini(&reader->stored);
    bytes_out_fini(&reader->raw);
    block_coder_free(reader->coder);
    rl_free(reader);
}

/* Of a member, each read is divided at the ends of its blocks. Whether these blocks are whole is
 * not compared here: the blocks of the member have sums of their own. */
int reader_pread(const struct reader *reader, void *to, size_t n, uint64_t offset, int *os_errno)
{
    const uint64_t stride = RL_BLOCK_HEADER_BYTES + RL_MEMBER_PREFIX_BYTES + RL_MEMBER_PIECE;
    uint8_t *at = to;
    if (reader->member.place == 0) {
        return os_pread(reader->fd, to, n, offset, os_errno);
    }
    if (offset > reader->member.size || n > reader->member.size - offset) {
        *os_errno = 0;
        return -1;
    }
    while (n != 0) {
        uint64_t piece = offset / RL_MEMBER_PIECE, begin = offset % RL_MEMBER_PIECE;
        size_t count = n < RL_MEMBER_PIECE - begin ? n : (size_t)(RL_MEMBER_PIECE - begin);
        uint64_t from = reader->member.place + piece * stride + stride - RL_MEMBER_PIECE + begin;
        if (os_pread(reader->fd, at, count, from, os_errno) != 0) {
            return -1;
        }
        at += count;
        offset += count;
        n -= count;
    }
    return 0;
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
