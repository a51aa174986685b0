/* Any bytes are a file that the reader must answer for: everything that a verb would ask is asked.
 * Memory and time are bounded by the input's size. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calltree.h"
#include "dump.h"
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct reader *reader)
{
    struct summary summary;
    struct function_totals totals;
    struct check_result result;
    struct cursor *cursor = NULL;
    struct event_out event;
    struct json_out json = {{0}, 0};
    if (reader_summary(reader, 0, &summary) == RL_OK) {
        if (calltree_functions(&summary, &totals) == RL_OK) {
            calltree_functions_fini(&totals);
        }
        summary_fini(&summary);
    }
    if (cursor_open(reader, &cursor) == RL_OK) {
        for (int i = 0; i < 20000 && cursor_next(cursor, &event) == RL_OK; i++) {
            bytes_out_reset(&json.out);
            dump_event(&json, reader, &event);
        }
    }
    cursor_close(cursor);
    json_fini(&json);
    (void)!reader_check(reader, &result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[64];
    struct reader *reader = NULL;
    struct rl_err err;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (reader_open(path, &reader, &err) == RL_OK) {
        ask(reader);
        reader_close(reader);
    }
    return 0;
}
