/* How a library reads its thread-local variables.
 *
 * The initial-exec model reads one by an offset from the thread's register, without a call. glibc
 * keeps room for such variables of libraries that are loaded later. musl refuses such a library, so
 * the compiler's own model is used there: a call for each read. */
#ifndef THREAD_LOCAL_H
#define THREAD_LOCAL_H

#include <stdint.h> /* says whether the C library is glibc */

#ifdef __GLIBC__
#define QUICK_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define QUICK_THREAD_LOCAL _Thread_local
#endif

#endif
