/* Hears what compiled code in this process writes to stdout and stderr, without standing in its
 * way: the entries for write(2), stdio's functions and dlopen in the import tables of the loaded
 * objects are led through functions here, which call the real ones with the same arguments and then
 * tell what went through. The descriptors, the streams, their buffers and their order stay what
 * they are; nothing is between the program and its output, so nothing can be lost or held up.
 *
 * Not heard: the C library's own messages, stdio's inlined putc_unlocked, wide-character streams,
 * copies of the descriptors under other numbers, a write in a signal handler that interrupts
 * another one, and other processes. */
#ifndef OS_OVERHEAR_H
#define OS_OVERHEAR_H

#include <stddef.h>

/* fd is 1 or 2. Called on the thread that wrote, after it wrote, whatever locks that thread holds;
 * also in signal handlers. fd 0: an object may be loaded now; call os_overhear_loaded() soon. */
typedef void (*os_heard)(int fd, const void *bytes, size_t n);

/* host: an address in the object that is the interpreter; its own write(2) is not told. -1 and a
 * reason where this is not possible. */
int os_overhear(os_heard heard, const void *host, const char **why);
/* Takes in objects that were loaded since. Any thread. */
void os_overhear_loaded(void);
/* Nothing is told any more; the functions stay, somebody may be inside one. */
void os_overhear_end(void);
/* In a forked child. */
void os_overhear_forked(void);
/* Some signal is blocked in the calling thread: it may be inside a signal handler. */
int os_signals_are_blocked(void);

#endif
