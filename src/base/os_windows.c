/* Part of os.h. Why: the one file of the core that calls Windows. It has what the core needs to
 * read recordings and to write them; it does not record Python.
 *
 * Differences to os_posix.c:
 * - No file is mapped: a mapped file can be neither cut shorter nor removed. Rows reach the file by
 *   writes.
 * - No process forks and no thread has descriptors of its own. So there is no door.
 * - A lock here is mandatory. It is taken on one byte behind any content.
 *
 * Invariants: paths are UTF-8; descriptors are those of the C library, binary, not inherited.
 * Threads: any function in any thread. */
#define WIN32_LEAN_AND_MEAN
#include "os_windows.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <windows.h>

#include "bytes.h"
#include "os.h"

enum { NS_OF_TICK = 100 }; /* Windows counts time in units of 100 ns */

void os_error_text(int os_errno, char *text, size_t size)
{
    (void)snprintf(text, size, "%s", strerror(os_errno));
}

int os_is_full(int os_errno)
{
    return os_errno == ENOSPC || os_errno == EFBIG;
}

int os_is_existing(int os_errno)
{
    return os_errno == EEXIST;
}

/* Returns the errno of the last call of Windows that failed. */
static int last_errno(void)
{
    switch (GetLastError()) {
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_DISK_QUOTA_EXCEEDED:
        return ENOSPC;
    case ERROR_ACCESS_DENIED:
    case ERROR_LOCK_VIOLATION:
        return EACCES;
    case ERROR_INVALID_HANDLE:
        return EBADF;
    default:
        return EIO;
    }
}

/* ---- of other C libraries ---- */

/* Memory that free() takes cannot be aligned here. That costs time, where two threads share a
 * line. */
void *aligned_alloc(size_t alignment, size_t size)
{
    (void)alignment;
    return malloc(size);
}

void *memmem(const void *text, size_t len, const void *part, size_t part_len)
{
    const uint8_t *at = text;
    for (size_t i = 0; part_len <= len && i <= len - part_len; i++) {
        if (memcmp(at + i, part, part_len) == 0) {
            return (void *)(at + i);
        }
    }
    return NULL;
}

/* ---- time and identity ---- */

static uint64_t ticks_of(FILETIME time)
{
    return (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

/* Returns ns since 1970 of a time that Windows counts from 1601. */
static uint64_t unix_ns(FILETIME time)
{
    const uint64_t to_1970 = UINT64_C(116444736000000000);
    uint64_t ticks = ticks_of(time);
    return ticks > to_1970 ? (ticks - to_1970) * NS_OF_TICK : 0;
}

/* Whole seconds apart from the rest: the product of count and 10^9 would overflow in minutes. */
uint64_t os_mono_ns(void)
{
    LARGE_INTEGER count, hz;
    (void)QueryPerformanceFrequency(&hz);
    (void)QueryPerformanceCounter(&count);
    uint64_t second = UINT64_C(1000000000), per = (uint64_t)hz.QuadPart;
    uint64_t now = (uint64_t)count.QuadPart;
    return now / per * second + now % per * second / per;
}

uint64_t os_thread_cpu_ns(void)
{
    FILETIME begun, ended, kernel, user;
    return GetThreadTimes(GetCurrentThread(), &begun, &ended, &kernel, &user)
               ? (ticks_of(kernel) + ticks_of(user)) * NS_OF_TICK
               : 0;
}

uint64_t os_real_ns(void)
{
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return unix_ns(now);
}

/* Windows does not say what its counter reads. */
int os_tsc_is_clock(void)
{
    return 0;
}

void os_sleep_ms(unsigned ms)
{
    Sleep(ms);
}

uint64_t os_pid(void)
{
    return GetCurrentProcessId();
}

uint64_t os_thread_id(void)
{
    return GetCurrentThreadId();
}

int os_random(void *bytes, size_t n)
{
    uint8_t *at = bytes;
    for (size_t i = 0; i < n; i++) {
        unsigned value;
        if (rand_s(&value) != 0) {
            memset(at, 0, n);
            return 0;
        }
        at[i] = (uint8_t)value;
    }
    return 1;
}

/* ---- files ---- */

/* Returns a path as Windows wants it, for free(); NULL with errno. */
static wchar_t *wide_path(const char *path)
{
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    wchar_t *wide = n > 0 ? malloc((size_t)n * sizeof *wide) : NULL;
    if (wide == NULL) {
        errno = n > 0 ? ENOMEM : EINVAL;
        return NULL;
    }
    (void)MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, n);
    return wide;
}

static int open_path(const char *path, int flags, int *fd, int *os_errno)
{
    wchar_t *wide = wide_path(path);
    int opened =
        wide != NULL ? _wopen(wide, flags | _O_BINARY | _O_NOINHERIT, _S_IREAD | _S_IWRITE) : -1;
    *os_errno = errno;
    free(wide);
    if (opened < 0) {
        return -1;
    }
    *fd = opened;
    return 0;
}

/* The access list of the folder decides who else may read it: there are no modes. */
int os_create(const char *path, int *fd, int *os_errno)
{
    if ((*os_errno = os_fault(OS_FAULT_OPEN)) != 0) {
        return -1;
    }
    return open_path(path, _O_RDWR | _O_CREAT | _O_EXCL, fd, os_errno);
}

int os_open_read(const char *path, int *fd, int *os_errno)
{
    if ((*os_errno = os_fault(OS_FAULT_OPEN)) != 0) {
        return -1;
    }
    return open_path(path, _O_RDONLY, fd, os_errno);
}

int os_open_change(const char *path, int *fd, int *os_errno)
{
    int opened = -1;
    if (open_path(path, _O_RDWR, &opened, os_errno) != 0) {
        return -1;
    }
    if (!os_is_regular(opened)) {
        *os_errno = EINVAL;
        os_close(opened);
        return -1;
    }
    *fd = opened;
    return 0;
}

void os_close(int fd)
{
    if (fd >= 0) {
        (void)_close(fd);
    }
}

static HANDLE handle_of(int fd)
{
    return fd >= 0 ? (HANDLE)_get_osfhandle(fd) : INVALID_HANDLE_VALUE;
}

/* The prefix \\?\ of the answer is left out. */
int os_real_path(const char *path, char *out, size_t size)
{
    enum { PREFIX = 4, MOST = 4096 };
    int fd, os_errno, n = 0;
    wchar_t *wide = malloc(MOST * sizeof *wide);
    if (wide != NULL && open_path(path, _O_RDONLY, &fd, &os_errno) == 0) {
        DWORD len = GetFinalPathNameByHandleW(handle_of(fd), wide, MOST, FILE_NAME_NORMALIZED);
        if (len > PREFIX && len < MOST) {
            n = WideCharToMultiByte(CP_UTF8, 0, wide + PREFIX, -1, out, (int)size, NULL, NULL);
        }
        os_close(fd);
    }
    free(wide);
    return n > 0 ? 0 : -1;
}

int os_remove(const char *path, int *os_errno)
{
    wchar_t *wide = wide_path(path);
    int failed = wide == NULL || _wunlink(wide) != 0;
    *os_errno = errno;
    free(wide);
    return failed ? -1 : 0;
}

static OVERLAPPED at_offset(uint64_t offset)
{
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

static const uint64_t lock_place = UINT64_C(0x7ffffffffffffffe);

int os_lock(int fd)
{
    OVERLAPPED place = at_offset(lock_place);
    const DWORD flags = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
    return LockFileEx(handle_of(fd), flags, 0, 1, 0, &place) ? 0 : -1;
}

int os_is_locked(int fd)
{
    OVERLAPPED place = at_offset(lock_place);
    if (LockFileEx(handle_of(fd), LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place)) {
        (void)UnlockFileEx(handle_of(fd), 0, 1, 0, &place);
        return 0;
    }
    return GetLastError() == ERROR_LOCK_VIOLATION;
}

/* One call moves at most this. */
static DWORD piece_of(size_t n)
{
    const size_t most = (size_t)1 << 30;
    return (DWORD)(n < most ? n : most);
}

int os_pread(int fd, void *data, size_t n, uint64_t offset, int *os_errno)
{
    uint8_t *p = data;
    while (n != 0) {
        OVERLAPPED place = at_offset(offset);
        DWORD got = 0;
        if (!ReadFile(handle_of(fd), p, piece_of(n), &got, &place) || got == 0) {
            *os_errno = got == 0 && GetLastError() == ERROR_HANDLE_EOF ? 0 : last_errno();
            return -1;
        }
        p += got;
        offset += got;
        n -= got;
    }
    return 0;
}

int os_pwrite(int fd, const void *data, size_t n, uint64_t offset, int *os_errno)
{
    if ((*os_errno = os_fault(OS_FAULT_WRITE)) != 0) {
        return -1;
    }
    const uint8_t *p = data;
    while (n != 0) {
        OVERLAPPED place = at_offset(offset);
        DWORD put = 0;
        if (!WriteFile(handle_of(fd), p, piece_of(n), &put, &place) || put == 0) {
            *os_errno = last_errno();
            return -1;
        }
        p += put;
        offset += put;
        n -= put;
    }
    (void)os_fault(OS_FAULT_WRITTEN);
    return 0;
}

int os_file_size(int fd, uint64_t *size)
{
    LARGE_INTEGER found;
    if (!GetFileSizeEx(handle_of(fd), &found)) {
        return -1;
    }
    *size = (uint64_t)found.QuadPart;
    return 0;
}

static int set_size(int fd, uint64_t size)
{
    FILE_END_OF_FILE_INFO info = {.EndOfFile.QuadPart = (LONGLONG)size};
    return SetFileInformationByHandle(handle_of(fd), FileEndOfFileInfo, &info, sizeof info) ? 0
                                                                                            : -1;
}

int os_truncate(int fd, uint64_t size)
{
    return os_fault(OS_FAULT_WRITE) != 0 || set_size(fd, size) != 0 ? -1 : 0;
}

int os_is_regular(int fd)
{
    return GetFileType(handle_of(fd)) == FILE_TYPE_DISK;
}

int os_file_identity(int fd, uint64_t identity[2])
{
    BY_HANDLE_FILE_INFORMATION info;
    if (!GetFileInformationByHandle(handle_of(fd), &info)) {
        return -1;
    }
    identity[0] = info.dwVolumeSerialNumber;
    identity[1] = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
    return 0;
}

/* A file that is no sparse one has blocks up to its size. */
int os_reserve(int fd, uint64_t offset, uint64_t n, int *os_errno)
{
    uint64_t size;
    if ((*os_errno = os_fault(OS_FAULT_WRITE)) != 0) {
        return -1;
    }
    if (os_file_size(fd, &size) != 0 || (size < offset + n && set_size(fd, offset + n) != 0)) {
        *os_errno = last_errno();
        return -1;
    }
    (void)os_fault(OS_FAULT_WRITTEN);
    return 0;
}

void os_punch(int fd, uint64_t offset, uint64_t n)
{
    (void)fd, (void)offset, (void)n;
}

/* ---- memory ---- */

int os_mapping_is_safe(int fd, const char **why)
{
    (void)fd;
    *why = "Windows: a mapped file could not be cut shorter";
    return 0;
}

void *os_map_shared(int fd, uint64_t offset, size_t n)
{
    (void)fd, (void)offset, (void)n;
    return NULL;
}

void *os_map_private(size_t n)
{
    if (os_fault(OS_FAULT_MAP) != 0) {
        return NULL;
    }
    return VirtualAlloc(NULL, n, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void os_unmap(void *memory, size_t n)
{
    (void)n; /* it is released as a whole */
    if (memory != NULL) {
        (void)VirtualFree(memory, 0, MEM_RELEASE);
    }
}

void os_guard(void *memory, size_t n, _Atomic int *hit)
{
    (void)memory, (void)n, (void)hit;
}

void os_unguard(void *memory)
{
    (void)memory;
}

/* ---- source files and processes ---- */

int os_read_text(const char *path, size_t most, struct bytes_out *out, uint64_t *mtime_ns,
                 enum os_text_failure *why)
{
    FILETIME changed;
    uint64_t size = 0;
    int fd, os_errno;
    if (open_path(path, _O_RDONLY, &fd, &os_errno) != 0) {
        *why = OS_UNREADABLE;
        return -1;
    }
    *why = OS_NOT_REGULAR;
    int failed = !os_is_regular(fd) || os_file_size(fd, &size) != 0 ||
                 !GetFileTime(handle_of(fd), NULL, NULL, &changed);
    if (!failed && size > most) {
        *why = OS_TOO_LARGE;
        failed = 1;
    }
    uint8_t *room = failed ? NULL : bytes_room(out, (size_t)size + 1);
    if (!failed && (room == NULL || os_pread(fd, room, (size_t)size, 0, &os_errno) != 0)) {
        *why = OS_UNREADABLE;
        failed = 1;
    }
    if (!failed) {
        out->len += (size_t)size;
        *mtime_ns = unix_ns(changed);
    }
    os_close(fd);
    return failed ? -1 : 0;
}

/* Returns when a process began; 0 where it has ended. The handle is closed. */
static int read_birth(HANDLE process, FILETIME *began)
{
    FILETIME ended, kernel, user;
    DWORD status = 0;
    int is_there = process != NULL && GetExitCodeProcess(process, &status) &&
                   status == STILL_ACTIVE &&
                   GetProcessTimes(process, began, &ended, &kernel, &user);
    if (process != NULL) {
        (void)CloseHandle(process);
    }
    return is_there ? 0 : -1;
}

uint64_t os_process_start(void)
{
    FILETIME began;
    return read_birth(GetCurrentProcess(), &began) == 0 ? unix_ns(began) : 0;
}

/* With the process id, it names one process, as os.h wants; the unit is another one. */
uint64_t os_process_birth(uint64_t pid)
{
    FILETIME began;
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)pid);
    return read_birth(process, &began) == 0 ? ticks_of(began) : 0;
}

/* No signal ends a process here. */
void os_watch_deadly(void (*note)(int signo))
{
    (void)note;
}

void os_unwatch_deadly(void) {}

/* ---- threads ---- */

/* Waits here count from now, so a change of the date does not matter. */
void os_cond_init(struct os_cond *cond)
{
    (void)pthread_cond_init(&cond->c, NULL);
}

void os_cond_wait_ms(struct os_cond *cond, struct os_mutex *mutex, unsigned ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)pthread_cond_timedwait_relative_np(&cond->c, &mutex->m, &time);
}

static void *thread_main(void *thread)
{
    const struct os_thread *self = thread;
    self->run(self->arg);
    return NULL;
}

int os_thread_start(struct os_thread *thread, void (*run)(void *), void *arg)
{
    thread->run = run;
    thread->arg = arg;
    return os_fault(OS_FAULT_THREAD) != 0 ||
                   pthread_create(&thread->t, NULL, thread_main, thread) != 0
               ? -1
               : 0;
}

void os_thread_await_gone(uint64_t id)
{
    (void)id; /* nobody forks, so nobody counts */
}

int os_private_descriptors(int keep)
{
    (void)keep;
    return -1;
}

int os_door_open(struct os_door *door)
{
    door->fd = -1;
    return -1;
}

int os_door_pass(const struct os_door *door, int fd)
{
    (void)door, (void)fd;
    return -1;
}

int os_door_take(const struct os_door *door)
{
    (void)door;
    return -1;
}

void os_door_close(const struct os_door *door)
{
    (void)door;
}

int os_move_high(int fd)
{
    return fd;
}
