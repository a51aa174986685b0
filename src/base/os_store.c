/* Part of os.h. Why: what one process has found out, later processes of the same user can reuse.
 *
 * Invariants: the folder and its files belong to this user, and nobody else can write them. Below
 * the folder that the user names, no link is followed. What breaks this counts as missing. */
#define _GNU_SOURCE
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"

#define FOLDER "relive"

enum { FILES_MAX = 64, FILE_BYTES_MAX = 4 << 20, ALL_BYTES_MAX = 16 << 20 };

/* Opens the user's cache folder, which may be created. Returns a descriptor, or -1. */
static int open_cache_base(int may_make)
{
    char path[4096];
    const char *named = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
    int n = named != NULL && named[0] == '/' ? snprintf(path, sizeof path, "%s", named)
            : home != NULL && home[0] == '/' ? snprintf(path, sizeof path, "%s/.cache", home)
                                             : -1;
    if (n < 0 || (size_t)n >= sizeof path) {
        return -1;
    }
    if (may_make) {
        (void)mkdir(path, 0700);
    }
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Returns whether an entry has this kind, belongs to this user, and grants others none of
 * `others`. */
static int is_own_entry(const struct stat *found, mode_t kind, mode_t others)
{
    return (found->st_mode & S_IFMT) == kind && found->st_uid == geteuid() &&
           (found->st_mode & others) == 0;
}

/* Opens our folder in it. Returns a descriptor, or -1. */
static int open_store_folder(int may_make)
{
    struct stat found;
    int base = open_cache_base(may_make);
    if (base < 0) {
        return -1;
    }
    if (may_make) {
        (void)mkdirat(base, FOLDER, 0700);
    }
    int folder = openat(base, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    (void)close(base);
    if (folder >= 0 && (fstat(folder, &found) != 0 || !is_own_entry(&found, S_IFDIR, 077))) {
        (void)close(folder);
        folder = -1;
    }
    return folder;
}

/* Reads a file that is_own_entry() accepts and that has no second name. */
static int read_store_file(int fd, struct bytes_out *out)
{
    struct stat found;
    if (fstat(fd, &found) != 0 || !is_own_entry(&found, S_IFREG, 077) || found.st_nlink != 1 ||
        found.st_size > FILE_BYTES_MAX) {
        return -1;
    }
    uint8_t *at = bytes_room(out, (size_t)found.st_size + 1);
    int os_errno;
    if (at == NULL || os_pread(fd, at, (size_t)found.st_size, 0, &os_errno) != 0) {
        return -1;
    }
    out->len += (size_t)found.st_size;
    return 0;
}

int os_store_read(const char *name, struct bytes_out *out)
{
    int folder = open_store_folder(0);
    int fd =
        folder >= 0 ? openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    int failed = fd < 0 || read_store_file(fd, out) != 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (folder >= 0) {
        (void)close(folder);
    }
    return failed ? -1 : 0;
}

struct census {
    unsigned count;
    uint64_t bytes;
    struct timespec when; /* of the oldest file */
    char oldest[256];
};

/* Counts the files of a folder and finds the oldest. Returns -1 where it cannot be read. */
static int take_census(int folder, struct census *census)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    struct stat found;
    *census = (struct census){0};
    if (list == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return -1;
    }
    while ((entry = readdir(list)) != NULL) {
        if (fstatat(folder, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0 ||
            S_ISDIR(found.st_mode)) {
            continue;
        }
        census->bytes += (uint64_t)found.st_size;
        if (census->count++ == 0 || found.st_mtim.tv_sec < census->when.tv_sec ||
            (found.st_mtim.tv_sec == census->when.tv_sec &&
             found.st_mtim.tv_nsec < census->when.tv_nsec)) {
            census->when = found.st_mtim;
            (void)snprintf(census->oldest, sizeof census->oldest, "%s", entry->d_name);
        }
    }
    (void)closedir(list);
    return 0;
}

/* Removes the oldest files, also those that a process left half written. */
static void keep_bounds(int folder)
{
    struct census census;
    for (unsigned i = 0; i < 2 * FILES_MAX && take_census(folder, &census) == 0 &&
                         (census.count > FILES_MAX || census.bytes > ALL_BYTES_MAX);
         i++) {
        if (unlinkat(folder, census.oldest, 0) != 0) {
            break;
        }
    }
}

int os_store_write(const char *name, const void *data, size_t len)
{
    char fresh[280];
    int os_errno, folder = len <= FILE_BYTES_MAX ? open_store_folder(1) : -1;
    if (folder < 0) {
        return -1;
    }
    (void)snprintf(fresh, sizeof fresh, ".%.200s.%llu-%llu", name, (unsigned long long)os_pid(),
                   (unsigned long long)os_mono_ns());
    int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int failed = fd < 0 || os_pwrite(fd, data, len, 0, &os_errno) != 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (fd >= 0 && (failed || renameat(folder, fresh, folder, name) != 0)) {
        (void)unlinkat(folder, fresh, 0);
        failed = 1;
    }
    if (!failed) {
        keep_bounds(folder);
    }
    (void)close(folder);
    return failed ? -1 : 0;
}
