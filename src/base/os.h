/* The only door to the operating system. No other file of the core includes more than C11, apart
 * from os_overhear.h.
 *
 *   os_posix.c   time, files, mappings, threads
 *   os_threads.c locks and conditions
 *   os_fault.c   failures for tests
 *   os_store.c   small files in the user's cache
 *   os_text.c    texts of source files, and what the system knows about this process
 *   os_ask.c     a request to another process
 *   os_ends.c    how this process ends
 *   os_door.c    descriptors that pass between threads
 *
 * Windows has os_threads.c, os_fault.c, and os_windows.c in place of the others. There is what the
 * core needs to read and to write recordings; what only src/cpython calls is not there.
 *
 * Functions that fail return -1. Those that take os_errno store the reason there.
 *
 * Threads: any, unless a function says otherwise. */
#ifndef OS_H
#define OS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

void os_error_text(int os_errno, char *text, size_t size);
int os_is_full(int os_errno);     /* no space left, or a quota or file size limit was reached */
int os_is_existing(int os_errno); /* the file existed before */

/* ---- time and identity ---- */
uint64_t os_mono_ns(void);
uint64_t os_thread_cpu_ns(void); /* time that the calling thread has used */
uint64_t os_real_ns(void);
int os_tsc_is_clock(void); /* the kernel itself trusts the time-stamp counter */
void os_sleep_ms(unsigned ms);
uint64_t os_pid(void);
uint64_t os_parent_pid(void);
uint64_t os_thread_id(void);
int os_random(void *bytes, size_t n); /* 0: they come from the clocks, so are no secret */

/* ---- files ---- */
/* Creates a file with mode 0600. Never follows a link and never truncates an existing file. */
int os_create(const char *path, int *fd, int *os_errno);
int os_open_read(const char *path, int *fd, int *os_errno);
/* Opens a regular file to change bytes of it; never follows a link. */
int os_open_change(const char *path, int *fd, int *os_errno);
/* Closes a descriptor; -1 is ignored. */
void os_close(int fd);
/* Writes the path without links to `out`. Returns -1 where there is no such path or it is too
 * long. */
int os_real_path(const char *path, char *out, size_t size);
/* Removes a file. */
int os_remove(const char *path, int *os_errno);
int os_lock(int fd);      /* takes an exclusive advisory lock, without waiting */
int os_is_locked(int fd); /* another process has it: the recorder is alive */
/* Reads or writes all n bytes, or fails. A file that is too short fails with *os_errno 0. */
int os_pread(int fd, void *data, size_t n, uint64_t offset, int *os_errno);
int os_pwrite(int fd, const void *data, size_t n, uint64_t offset, int *os_errno);
int os_file_size(int fd, uint64_t *size);
/* Sets the size of a file. */
int os_truncate(int fd, uint64_t size);
int os_is_regular(int fd);
/* Gives the identity of an open file, which shows that a descriptor number was reused. */
int os_file_identity(int fd, uint64_t identity[2]);
/* Allocates blocks on disk for [offset, offset + n). After that, stores into a mapping cannot
 * fail. */
int os_reserve(int fd, uint64_t offset, uint64_t n, int *os_errno);
/* Releases the blocks of a range that is no longer needed. A failure does no harm. */
void os_punch(int fd, uint64_t offset, uint64_t n);
/* Returns 1 where stores into a shared mapping are safe on this file system. Else returns 0, and
 * *why is the reason. */
int os_mapping_is_safe(int fd, const char **why);
/* Map a part of a file, or anonymous memory, for reading and writing. NULL on failure. */
void *os_map_shared(int fd, uint64_t offset, size_t n);
void *os_map_private(size_t n);
void os_unmap(void *memory, size_t n);
/* Guards a mapping. Where the file cannot take a store into it (SIGBUS), the range becomes private
 * memory and *hit becomes 1. The entry stays until os_unguard(). */
void os_guard(void *memory, size_t n, _Atomic int *hit);
void os_unguard(void *memory);

/* Test hook: makes the nth call of this kind from now on fail with os_errno; nth 0 ends it. With
 * `stays`, all later calls fail too. With a negative os_errno, the call succeeds, but first the
 * process gets that signal. */
enum os_fault {
    OS_FAULT_WRITE,
    OS_FAULT_WRITTEN, /* asked once a write or a reservation is done: for signals only */
    OS_FAULT_OPEN,
    OS_FAULT_MAP,
    OS_FAULT_SHARED_MAP,
    OS_FAULT_THREAD,
    OS_FAULTS
};
void os_fail_at(enum os_fault kind, unsigned long nth, int stays, int os_errno);
/* For the files of os.h: returns the errno with which this call must fail, or 0. It may raise the
 * signal before it returns. */
int os_fault(enum os_fault kind);

/* ---- source files ---- */
struct bytes_out;
/* Reads a regular file of at most `most` bytes. *mtime_ns becomes when it was changed last, in ns
 * since 1970. Returns -1 with a reason; a pipe, a device or a folder is OS_NOT_REGULAR, and no such
 * thing is opened. */
enum os_text_failure { OS_NOT_REGULAR = 1, OS_UNREADABLE, OS_TOO_LARGE, OS_IN_ARCHIVE };
int os_read_text(const char *path, size_t most, struct bytes_out *out, uint64_t *mtime_ns,
                 enum os_text_failure *why);
/* Returns when this process began, in ns since 1970; 0 = not known. */
uint64_t os_process_start(void);
/* Returns when a process began, in clock ticks since the system's start. With the process id, that
 * names one process. 0 = there is none, it has ended, or the system does not say. */
uint64_t os_process_birth(uint64_t pid);
/* Writes the path of the regular file that is this process's standard input. Returns -1 where it is
 * none, or has no path. */
int os_stdin_path(char *out, size_t size);
/* Appends the words that this process was started with, each with a final NUL. Returns -1 where the
 * system does not say. */
int os_command_words(struct bytes_out *out);

/* ---- how this process ends ---- */
/* Calls `note` before a signal ends this process by its default action, in a handler: only stores
 * and system calls are allowed there. A signal that the program ignores or handles is left alone,
 * and so is one whose action the program changes later. Idempotent. */
void os_watch_deadly(void (*note)(int signo));
/* Gives those signals their default action again. */
void os_unwatch_deadly(void);
/* Calls `note` with the exit status when this process ends by exit(), for the life of the process.
 * Returns -1 where the system does not say. */
int os_at_exit(void (*note)(int status));

/* ---- other processes ---- */
/* Runs a program with a request on its stdin, and collects its stdout; stderr is discarded. `words`
 * is its path and arguments, `without` names environment variables to leave out; both end with
 * NULL. Returns 0 if the program exited with 0. */
int os_ask(const char *const *words, const char *const *without, const void *request, size_t len,
           struct bytes_out *answer);

/* ---- the user's cache ---- */
/* Small files in a folder of our own, $XDG_CACHE_HOME/relive or ~/.cache/relive. Number and size
 * are bounded; the oldest files are removed. os_store_read() ignores files that belong to another
 * user, or that others may write. Files are replaced as a whole. Both return 0, or -1. */
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
int os_try_lock_mutex(struct os_mutex *mutex); /* returns whether the lock was free */
void os_unlock_mutex(struct os_mutex *mutex);
void os_cond_init(struct os_cond *cond);
void os_cond_fini(struct os_cond *cond);
/* Conditions use the monotonic clock, so that a change of the date does not delay a wait. */
void os_cond_wait(struct os_cond *cond, struct os_mutex *mutex);
void os_cond_wait_ms(struct os_cond *cond, struct os_mutex *mutex, unsigned ms);
void os_cond_signal(struct os_cond *cond);
void os_cond_broadcast(struct os_cond *cond);
/* Starts a thread in which all signals are blocked but those of its own faults. *thread must stay
 * in place until os_thread_join(). */
int os_thread_start(struct os_thread *thread, void (*run)(void *), void *arg);
void os_thread_join(struct os_thread *thread);
/* Waits until the system no longer counts a joined thread. `id` is its os_thread_id(). */
void os_thread_await_gone(uint64_t id);
/* Gives the calling thread its own descriptor table. It contains only `keep` (-1 = nothing), and
 * /dev/null as 0, 1 and 2. */
int os_private_descriptors(int keep);
/* A door through which a thread with its own descriptor table passes a descriptor before it ends. A
 * passed descriptor stays open, with its lock, until some thread takes it. */
struct os_door {
    int fd;
    uint64_t identity[2];
    unsigned address_len;
    char address[8]; /* the system chooses 6 bytes */
};
int os_door_open(struct os_door *door);
int os_door_pass(const struct os_door *door, int fd);
int os_door_take(const struct os_door *door); /* -1: none was passed, or no number is free */
void os_door_close(const struct os_door *door);
/* Moves a descriptor to a number out of the program's way, closed on exec. Returns the new
 * number. */
int os_move_high(int fd);

/* Calls `ended` with the value that a thread has set, when that thread ends. There is one key. */
int os_thread_value_init(void (*ended)(void *));
void os_thread_value_set(void *value);
/* Installs hooks around fork(2), for the life of the process. */
int os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
/* Returns the low end of the calling thread's C stack and its size; 0 = unknown. */
uintptr_t os_stack_low(size_t *size);

#endif
