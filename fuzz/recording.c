/* Why: readers open files, and a fuzzer has bytes. So there is one file in memory, which is written
 * again for each input. */
#define _GNU_SOURCE
#include "recording.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MEMBERS = 3 }; /* of a pack that are read; it may have thousands */

int fuzz_recording(const uint8_t *data, size_t size, void (*ask)(struct reader *reader))
{
    static int fd = -1;
    char path[64];
    uint32_t members = 0;
    struct reader *reader = NULL;
    struct rl_err err;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (uint32_t i = 0; i <= members && i <= MEMBERS; i++) {
        if (reader_open_member(path, i, &reader, &err) == RL_OK) {
            members = i == 0 ? (uint32_t)reader->member_count : members;
            ask(reader);
            reader_close(reader);
        }
    }
    return 0;
}
