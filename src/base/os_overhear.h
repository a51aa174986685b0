/* Listens to what compiled code in this process writes to stdout and stderr, without changing how
 * it is written.
 *
 * Loaded objects call write(2), the functions of stdio and dlopen through their import tables.
 * Entries of these tables are exchanged for functions here. Those call the real functions with the
 * same arguments, and report afterwards what was written. Descriptors, streams, buffers and their
 * order stay as they are. Nothing is between the program and its output, so nothing can be lost or
 * delayed.
 *
 * Not reported:
 * - messages of the C library itself, putc_unlocked where it is inlined, wide-character streams
 * - copies of the descriptors under other numbers, and other processes
 * - a write in a signal handler that interrupts another write */
#ifndef OS_OVERHEAR_H
#define OS_OVERHEAR_H

#include <stddef.h>

/* fd is 1 or 2. Called on the thread that wrote, after the write. That thread may hold any lock, or
 * may be in a signal handler. A descriptor of 0 means that an object may be loaded
 * now: call os_overhear_loaded() soon. */
typedef void (*os_heard)(int fd, const void *bytes, size_t n);

/* Starts to listen. `host` is an address in the interpreter's object, whose own write(2) is not
 * reported. Returns -1 and a reason where this is not possible. */
int os_overhear(os_heard heard, const void *host, const char **why);
/* Takes in objects that were loaded since. Any thread. */
void os_overhear_loaded(void);
/* Ends all reports. The functions stay, because some thread may be inside one. */
void os_overhear_end(void);
/* Resets the state in a forked child. */
void os_overhear_forked(void);
/* Returns whether any signal is blocked in the calling thread: it may be in a signal handler. */
int os_signals_are_blocked(void);

#endif
