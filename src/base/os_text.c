/* Part of os.h. Why: the name of a source file comes from the program that is recorded. It may name
 * anything; opening a pipe or a device could block or act.
 *
 * Invariant: no more bytes are read than the caller allows, whatever size a file states. */
#define _GNU_SOURCE
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"

/* Reads until the end of the file, at most `most` bytes: files of /proc state no size. */
static int read_to_end(int fd, size_t most, struct bytes_out *out, enum os_text_failure *why)
{
    enum { PIECE = 64 << 10 };
    size_t got = 0;
    for (;;) {
        uint8_t *room = bytes_room(out, PIECE);
        ssize_t n = room != NULL ? pread(fd, room, PIECE, (off_t)got) : -1;
        if (n < 0 && room != NULL && errno == EINTR) {
            continue;
        }
        *why = n < 0 ? OS_UNREADABLE : OS_TOO_LARGE;
        if (n < 0 || got + (size_t)n > most) {
            return -1;
        }
        if (n == 0) {
            return 0;
        }
        got += (size_t)n;
        out->len += (size_t)n;
    }
}

int os_read_text(const char *path, size_t most, struct bytes_out *out, uint64_t *mtime_ns,
                 enum os_text_failure *why)
{
    struct stat before, st;
    if (stat(path, &before) != 0) {
        *why = errno == ENOTDIR ? OS_IN_ARCHIVE : OS_UNREADABLE;
        return -1;
    }
    *why = OS_NOT_REGULAR;
    if (!S_ISREG(before.st_mode)) {
        return -1;
    }
    /* It may be another one by now: the open neither waits nor makes a terminal ours. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        *why = OS_UNREADABLE;
        return -1;
    }
    int failed = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
    if (!failed && st.st_size > 0 && (uint64_t)st.st_size > most) {
        *why = OS_TOO_LARGE;
        failed = 1;
    }
    failed = failed || read_to_end(fd, most, out, why) != 0;
    *mtime_ns = (uint64_t)st.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)st.st_mtim.tv_nsec;
    (void)close(fd);
    return failed ? -1 : 0;
}

/* Reads from /proc when a process began, in clock ticks since the system's start. Returns -1 where
 * there is none, or it has ended and nobody has waited for it yet. */
static int read_birth(const char *path, unsigned long long *began)
{
    char text[1024], state = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    const char *at = n > 0 ? memrchr(text, ')', (size_t)n) : NULL;
    text[n > 0 ? n : 0] = 0;
    /* field 3: the state, field 22: the start; the ')' ends field 2 */
    int found = at == NULL ? 0
                           : sscanf(at + 1,
                                    " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d"
                                    " %*d %*d %*d %*d %llu",
                                    &state, began);
    return found == 2 && state != 'Z' && state != 'X' ? 0 : -1;
}

uint64_t os_process_birth(uint64_t pid)
{
    char path[64];
    unsigned long long began = 0;
    (void)snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
    return read_birth(path, &began) == 0 ? began : 0;
}

uint64_t os_process_start(void)
{
    unsigned long long began = 0;
    struct timespec boot;
    long hz = sysconf(_SC_CLK_TCK);
    if (hz <= 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0 ||
        read_birth("/proc/self/stat", &began) != 0) {
        return 0;
    }
    uint64_t since_boot = (uint64_t)boot.tv_sec * UINT64_C(1000000000) + (uint64_t)boot.tv_nsec;
    uint64_t tick = UINT64_C(1000000000) / (uint64_t)hz;
    return os_real_ns() - since_boot + (began + 1) * tick; /* the system rounds down */
}

int os_stdin_path(char *out, size_t size)
{
    struct stat st, named;
    ssize_t n = readlink("/proc/self/fd/0", out, size - 1);
    out[n > 0 ? n : 0] = 0;
    return n > 0 && (size_t)n < size - 1 && fstat(0, &st) == 0 && S_ISREG(st.st_mode) &&
                   stat(out, &named) == 0 && named.st_dev == st.st_dev && named.st_ino == st.st_ino
               ? 0
               : -1;
}

int os_command_words(struct bytes_out *out)
{
    enum { MOST = 4 << 20 };
    enum os_text_failure why;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    int failed = fd < 0 || read_to_end(fd, MOST, out, &why) != 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return failed ? -1 : 0;
}
