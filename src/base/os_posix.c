/* Part of os.h. Why: the one file of the core that calls Linux; another system needs another file.
 *
 * Threads: any function in any thread. A signal handler reads guards[], so entries are published
 * with release stores. */
#define _GNU_SOURCE
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

void os_error_text(int os_errno, char *text, size_t size)
{
    char buffer[120];
    (void)snprintf(text, size, "%s", strerror_r(os_errno, buffer, sizeof buffer));
}

int os_is_full(int os_errno)
{
    return os_errno == ENOSPC || os_errno == EDQUOT || os_errno == EFBIG;
}

int os_is_existing(int os_errno)
{
    return os_errno == EEXIST;
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t os_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t os_thread_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t os_real_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

/* The kernel drops the counter as its clock source when the counter is unstable. */
int os_tsc_is_clock(void)
{
#if defined(__x86_64__)
    char name[16] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, name, sizeof name - 1);
    (void)close(fd);
    return n >= 3 && strncmp(name, "tsc", 3) == 0;
#else
    return 0;
#endif
}

void os_sleep_ms(unsigned ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

uint64_t os_pid(void)
{
    return (uint64_t)getpid();
}

uint64_t os_parent_pid(void)
{
    return (uint64_t)getppid();
}

uint64_t os_thread_id(void)
{
    return (uint64_t)syscall(SYS_gettid);
}

/* Without entropy this early after boot, ids come from the clocks: distinct, but not random. */
int os_random(void *bytes, size_t n)
{
    /* By number, since the function is newer (glibc 2.25) than what a wheel may need (2.17). */
    if (syscall(SYS_getrandom, bytes, n, GRND_NONBLOCK) == (long)n) {
        return 1;
    }
    uint64_t seed = os_mono_ns() ^ os_real_ns() ^ (os_pid() << 40);
    for (size_t i = 0; i < n; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        ((uint8_t *)bytes)[i] = (uint8_t)(seed >> 56);
    }
    return 0;
}

/* ---- files ---- */

/* O_EXCL and O_NOFOLLOW: a recording never replaces a file, and never writes through a link. */
int os_create(const char *path, int *fd, int *os_errno)
{
    if ((*os_errno = os_fault(OS_FAULT_OPEN)) != 0) {
        return -1;
    }
    int made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (made < 0) {
        *os_errno = errno;
        return -1;
    }
    *fd = made;
    return 0;
}

/* O_NONBLOCK: opening a named pipe must not wait for a writer. */
int os_open_read(const char *path, int *fd, int *os_errno)
{
    if ((*os_errno = os_fault(OS_FAULT_OPEN)) != 0) {
        return -1;
    }
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0) {
        *os_errno = errno;
        return -1;
    }
    *fd = opened;
    return 0;
}

int os_open_change(const char *path, int *fd, int *os_errno)
{
    int opened = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
    if (opened < 0 || !os_is_regular(opened)) {
        *os_errno = opened < 0 ? errno : EINVAL;
        os_close(opened);
        return -1;
    }
    *fd = opened;
    return 0;
}

void os_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

int os_real_path(const char *path, char *out, size_t size)
{
    char *found = realpath(path, NULL);
    size_t len = found != NULL ? strlen(found) : size;
    if (len < size) {
        memcpy(out, found, len + 1);
    }
    free(found);
    return len < size ? 0 : -1;
}

int os_remove(const char *path, int *os_errno)
{
    if (unlink(path) != 0) {
        *os_errno = errno;
        return -1;
    }
    return 0;
}

int os_lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB);
}

/* A shared lock is refused exactly while a recorder has its exclusive one. */
int os_is_locked(int fd)
{
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        (void)flock(fd, LOCK_UN);
        return 0;
    }
    return errno == EWOULDBLOCK;
}

int os_pread(int fd, void *data, size_t n, uint64_t offset, int *os_errno)
{
    uint8_t *p = data;
    while (n != 0) {
        ssize_t got = pread(fd, p, n, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            *os_errno = got < 0 ? errno : 0;
            return -1;
        }
        p += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
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
        ssize_t put = pwrite(fd, p, n, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            *os_errno = put < 0 ? errno : ENOSPC;
            return -1;
        }
        p += put;
        offset += (uint64_t)put;
        n -= (size_t)put;
    }
    (void)os_fault(OS_FAULT_WRITTEN);
    return 0;
}

int os_file_size(int fd, uint64_t *size)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return -1;
    }
    *size = (uint64_t)st.st_size;
    return 0;
}

int os_truncate(int fd, uint64_t size)
{
    return os_fault(OS_FAULT_WRITE) != 0 || ftruncate(fd, (off_t)size) != 0 ? -1 : 0;
}

int os_is_regular(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int os_file_identity(int fd, uint64_t identity[2])
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return -1;
    }
    identity[0] = (uint64_t)st.st_dev;
    identity[1] = (uint64_t)st.st_ino;
    return 0;
}

int os_reserve(int fd, uint64_t offset, uint64_t n, int *os_errno)
{
    if ((*os_errno = os_fault(OS_FAULT_WRITE)) != 0) {
        return -1;
    }
    /* posix_fallocate() would emulate by writing */
    while (fallocate(fd, 0, (off_t)offset, (off_t)n) != 0) {
        if (errno != EINTR) {
            *os_errno = errno;
            return -1;
        }
    }
    (void)os_fault(OS_FAULT_WRITTEN);
    return 0;
}

void os_punch(int fd, uint64_t offset, uint64_t n)
{
    (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)n);
}

/* Decides by the type of the file system. A mapping that stalls or fails would stop the program, so
 * unknown types are not safe. */
int os_mapping_is_safe(int fd, const char **why)
{
    /* Measured: file systems on this list keep a reserved page writable, and fast, when the disk
     * fills up. btrfs is not on it. Even without copy on write, a store there may wait for
     * minutes. */
    enum { EXT = 0xEF53, XFS = 0x58465342, TMPFS = 0x01021994, OVERLAY = 0x794c7630 };
    enum { BTRFS = 0x9123683E };
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0) {
        *why = "the kind of file system is unknown";
        return 0;
    }
    switch ((unsigned long)fs.f_type & 0xffffffffu) {
    case EXT:
    case XFS:
    case TMPFS:
    case OVERLAY:
        return 1;
    case BTRFS: {
        /* Reserved blocks can then at least be written in place, as long as the file is empty. */
        int flags = 0;
        if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
            flags |= FS_NOCOW_FL;
            (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
        }
        *why = "btrfs: stores into a mapping stall when the disk is full";
        return 0;
    }
    default:
        *why = "a file system on which a shared mapping was not shown to be safe";
        return 0;
    }
}

void *os_map_shared(int fd, uint64_t offset, size_t n)
{
    if (os_fault(OS_FAULT_SHARED_MAP) != 0) {
        return NULL;
    }
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    return p != MAP_FAILED ? p : NULL;
}

void *os_map_private(size_t n)
{
    if (os_fault(OS_FAULT_MAP) != 0) {
        return NULL;
    }
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED ? p : NULL;
}

void os_unmap(void *memory, size_t n)
{
    if (memory != NULL) {
        (void)munmap(memory, n);
    }
}

/* ---- SIGBUS guard ---- */

#define GUARDS 64
static struct guard {
    _Atomic uintptr_t low; /* 0 = free; the release store pairs with the handler's acquire load */
    size_t size;
    _Atomic int *hit;
} guards[GUARDS];
static struct sigaction before;

/* Replaces a guarded mapping by private memory. Other faults go to the handler that was there
 * before. */
static void on_sigbus(int signo, siginfo_t *info, void *context)
{
    uintptr_t at = (uintptr_t)info->si_addr;
    for (int i = 0; i < GUARDS; i++) {
        uintptr_t low = atomic_load_explicit(&guards[i].low, memory_order_acquire);
        if (low != 0 && at >= low && at - low < guards[i].size) {
            int keep = errno;
            void *p = mmap((void *)low, guards[i].size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            errno = keep;
            if (p != MAP_FAILED) {
                atomic_store_explicit(guards[i].hit, 1, memory_order_relaxed);
                return;
            }
        }
    }
    if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != NULL) {
        before.sa_sigaction(signo, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(signo);
    } else {
        /* Not ours: the fault repeats under the default action, as it would have without us. */
        struct sigaction standard = {.sa_handler = SIG_DFL};
        (void)sigaction(SIGBUS, &standard, NULL);
    }
}

/* Installs the handler again where the program has replaced it since. */
void os_guard(void *memory, size_t n, _Atomic int *hit)
{
    struct sigaction now;
    if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction != on_sigbus) {
        struct sigaction ours = {.sa_sigaction = on_sigbus,
                                 .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
        (void)sigemptyset(&ours.sa_mask);
        before = now;
        (void)sigaction(SIGBUS, &ours, NULL);
    }
    for (int i = 0; i < GUARDS; i++) {
        if (atomic_load_explicit(&guards[i].low, memory_order_relaxed) == 0) {
            guards[i].size = n;
            guards[i].hit = hit;
            atomic_store_explicit(&guards[i].low, (uintptr_t)memory, memory_order_release);
            return;
        }
    }
}

void os_unguard(void *memory)
{
    for (int i = 0; i < GUARDS; i++) {
        if (atomic_load_explicit(&guards[i].low, memory_order_relaxed) == (uintptr_t)memory) {
            atomic_store_explicit(&guards[i].low, 0, memory_order_release);
        }
    }
}

/* ---- threads ---- */

/* The monotonic clock: a change of the date must not delay a wait. */
void os_cond_init(struct os_cond *cond)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&cond->c, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void os_cond_wait_ms(struct os_cond *cond, struct os_mutex *mutex, unsigned ms)
{
    uint64_t until = os_mono_ns() + (uint64_t)ms * 1000000u;
    struct timespec ts = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    (void)pthread_cond_timedwait(&cond->c, &mutex->m, &ts);
}

static void *thread_main(void *thread)
{
    const struct os_thread *self = thread;
    self->run(self->arg);
    return NULL;
}

int os_thread_start(struct os_thread *thread, void (*run)(void *), void *arg)
{
    sigset_t all, old;
    thread->run = run;
    thread->arg = arg;
    (void)sigfillset(&all);
    /* A fault of the thread itself cannot wait: if blocked, it ends the process, guard or not. */
    (void)sigdelset(&all, SIGBUS);
    (void)sigdelset(&all, SIGSEGV);
    (void)sigdelset(&all, SIGFPE);
    (void)sigdelset(&all, SIGILL);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = os_fault(OS_FAULT_THREAD);
    if (failed == 0) {
        failed = pthread_create(&thread->t, NULL, thread_main, thread);
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed != 0 ? -1 : 0;
}

/* Some programs count the threads of their process and must not see one that has ended. So this
 * polls, first by yielding. */
void os_thread_await_gone(uint64_t id)
{
    enum { YIELDS = 200, MOST = 1200 }; /* about a tenth of a second altogether */
    const struct timespec pause = {0, 50000};
    for (int i = 0; i < MOST && syscall(SYS_tgkill, getpid(), (pid_t)id, 0) == 0; i++) {
        if (i < YIELDS) {
            (void)sched_yield();
        } else {
            (void)nanosleep(&pause, NULL);
        }
    }
}

#ifdef SYS_close_range
/* Closes all descriptors but one. The first call gives the thread its own table. */
static int close_all_but(int keep)
{
    enum { UNSHARE = 2 };
    if (keep <= 3) {
        return (int)syscall(SYS_close_range, keep == 3 ? 4u : 3u, ~0u, UNSHARE);
    }
    if (syscall(SYS_close_range, 3u, (unsigned)keep - 1, UNSHARE) != 0) {
        return -1;
    }
    return (int)syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u);
}
#endif

int os_private_descriptors(int keep)
{
#ifdef SYS_close_range
    if (close_all_but(keep) != 0) {
        return -1;
    }
    /* 0, 1 and 2 are copies now. Closing them releases the program's pipes and terminal. */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) {
        if (null < 0) {
            (void)close(fd);
        } else if (null != fd) {
            (void)dup3(null, fd, O_CLOEXEC);
        }
    }
    if (null > 2) {
        (void)close(null);
    }
    return 0;
#else
    (void)keep;
    return -1;
#endif
}

int os_move_high(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 900);
    if (high < 0) {
        return fd;
    }
    (void)close(fd);
    return high;
}

static pthread_key_t value_key;

int os_thread_value_init(void (*ended)(void *))
{
    return pthread_key_create(&value_key, ended) == 0 ? 0 : -1;
}

void os_thread_value_set(void *value)
{
    (void)pthread_setspecific(value_key, value);
}

int os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(prepare, parent, child) == 0 ? 0 : -1;
}

/* Reads /proc for the main thread, so callers keep the result. */
uintptr_t os_stack_low(size_t *size)
{
    pthread_attr_t attributes;
    void *low = NULL;
    *size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return 0;
    }
    (void)pthread_attr_getstack(&attributes, &low, size);
    (void)pthread_attr_destroy(&attributes);
    return (uintptr_t)low;
}
