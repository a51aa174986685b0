/* How a library reads its thread-local variables.
 *
 * The initial-exec model reads one at an offset from the thread's register, without a call. In
 * glibc there is room for the variables of a library that is loaded later. On musl such a library
 * is refused. The compiler's own model is used there, which is a call for each read. */
#ifndef THREAD_LOCAL_H
#define THREAD_LOCAL_H

#include <stdint.h> /* says whether the C library is glibc */

#ifdef __GLIBC__
#define QUICK_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define QUICK_THREAD_LOCAL _Thread_local
#endif

#endif
