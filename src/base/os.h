/* Everything the core asks of the operating system. No other core file includes more than C11.
 * Functions that fail return -1 and leave the reason in *os_errno where they take it. */
#ifndef OS_H
#define OS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

void os_error_text(int os_errno, char *text, size_t size);
int os_is_full(int os_errno);     /* no space, quota, or file size limit */
int os_is_existing(int os_errno); /* the file was there already */

/* ---- time and identity ---- */
uint64_t os_mono_ns(void);
uint64_t os_thread_cpu_ns(void); /* that this thread has used */
uint64_t os_real_ns(void);
int os_tsc_is_clock(void); /* the kernel itself trusts the time-stamp counter */
void os_sleep_ms(unsigned ms);
uint64_t os_pid(void);
uint64_t os_parent_pid(void);
uint64_t os_thread_id(void);
void os_random(void *bytes, size_t n);

/* ---- files ---- */
/* Creates path with mode 0600, never following or truncating what is there. */
int os_create(const char *path, int *fd, int *os_errno);
int os_open_read(const char *path, int *fd, int *os_errno);
void os_close(int fd);
/* The path without links, into out; -1 where it is none, or too long. */
int os_real_path(const char *path, char *out, size_t size);
int os_remove(const char *path, int *os_errno);
int os_lock(int fd);      /* an exclusive advisory lock, without waiting */
int os_is_locked(int fd); /* somebody else holds it: the recorder is alive */
/* All n bytes, or -1. A short file is -1 with *os_errno 0. */
int os_pread(int fd, void *data, size_t n, uint64_t offset, int *os_errno);
int os_pwrite(int fd, const void *data, size_t n, uint64_t offset, int *os_errno);
int os_file_size(int fd, uint64_t *size);
int os_truncate(int fd, uint64_t size);
int os_is_regular(int fd);
/* Identity of the open file, to notice that a descriptor number means another file now. */
int os_file_identity(int fd, uint64_t identity[2]);
/* Blocks on disk for [offset, offset+n): after it, stores into a mapping cannot fail. */
int os_reserve(int fd, uint64_t offset, uint64_t n, int *os_errno);
void os_punch(int fd, uint64_t offset, uint64_t n);
/* 1: stores into a shared mapping are safe on this file system; 0: not, and *why says it. */
int os_mapping_is_safe(int fd, const char **why);
void *os_map_shared(int fd, uint64_t offset, size_t n);
void *os_map_private(size_t n);
void os_unmap(void *memory, size_t n);
/* A store into [memory, memory+n) that the file cannot take any more (SIGBUS) lands in private
 * memory instead, and *hit becomes 1. Ranges live as long as the process. */
void os_guard(void *memory, size_t n, _Atomic int *hit);
void os_unguard(void *memory);

/* Test hook: the nth next call of that kind fails with os_errno, and later ones too where stays is
 * set; nth 0 ends it. Where os_errno is negative the process gets that signal before the call. */
enum os_fault {
    OS_FAULT_WRITE,
    OS_FAULT_OPEN,
    OS_FAULT_MAP,
    OS_FAULT_SHARED_MAP,
    OS_FAULT_THREAD,
    OS_FAULTS
};
void os_fail_at(enum os_fault kind, unsigned long nth, int stays, int os_errno);

/* ---- other processes ---- */
struct bytes_out;
/* Runs a program (its path and words, up to NULL) in this environment, without the variables that
 * `without` names (up to NULL). It finds the request on its stdin and leaves its answer on stdout;
 * stderr leads nowhere. 0 where it ended well. */
int os_ask(const char *const *words, const char *const *without, const void *request, size_t len,
           struct bytes_out *answer);

/* ---- the user's cache ---- */
/* Small files in a folder of our own, $XDG_CACHE_HOME/relive or ~/.cache/relive, whose number and
 * size are bounded: the oldest go. What is not this user's own, or others may touch, is not there
 * for os_store_read(); a file is replaced as a whole. 0, or -1. */
int os_store_read(const char *name, struct bytes_out *out);
int os_store_write(const char *name, const void *data, size_t len);

/* ---- threads ---- */
struct os_mutex {
    pthread_mutex_t m;
};
struct os_cond {
    pthread_cond_t c;
};
struct os_thread {
    pthread_t t;
    void (*run)(void *);
    void *arg;
};
void os_mutex_init(struct os_mutex *mutex);
void os_mutex_fini(struct os_mutex *mutex);
void os_lock_mutex(struct os_mutex *mutex);
int os_try_lock_mutex(struct os_mutex *mutex); /* whether it could be had at once */
void os_unlock_mutex(struct os_mutex *mutex);
void os_cond_init(struct os_cond *cond);
void os_cond_fini(struct os_cond *cond);
void os_cond_wait(struct os_cond *cond, struct os_mutex *mutex);
void os_cond_wait_ms(struct os_cond *cond, struct os_mutex *mutex, unsigned ms);
void os_cond_signal(struct os_cond *cond);
void os_cond_broadcast(struct os_cond *cond);
/* All signals but those of its own faults are blocked in the new thread. *thread stays where it is
 * until it is joined. */
int os_thread_start(struct os_thread *thread, void (*run)(void *), void *arg);
void os_thread_join(struct os_thread *thread);
/* A joined thread is still counted by the system for a moment; `id` is its os_thread_id(). */
void os_thread_await_gone(uint64_t id);
/* Gives the calling thread a descriptor table of its own, empty but for `keep` (-1: nothing), and
 * 0, 1, 2 on /dev/null. */
int os_private_descriptors(int keep);
/* A door, through which a thread with descriptors of its own passes one before it ends. What was
 * passed stays open, with its lock, until it is taken, by whichever thread has the door by then. */
struct os_door {
    int fd;
    uint64_t identity[2];
    unsigned address_len;
    char address[8]; /* the system chooses 6 bytes */
};
int os_door_open(struct os_door *door);
int os_door_pass(const struct os_door *door, int fd);
int os_door_take(const struct os_door *door); /* -1: nothing came, or no number was free */
void os_door_close(const struct os_door *door);
/* A descriptor number out of the program's way, closed on exec. */
int os_move_high(int fd);

/* Calls `ended` with the value that a thread had set, when that thread ends. One key. */
int os_thread_value_init(void (*ended)(void *));
void os_thread_value_set(void *value);
/* Hooks round fork(2), for as long as the process lives. */
int os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
/* Bounds of the calling thread's C stack; 0 when unknown. */
uintptr_t os_stack_low(size_t *size);

#endif
