/* Ticks: the raw time-stamp counter where the kernel's own clock uses it, else nanoseconds of
 * CLOCK_MONOTONIC.
 *
 *    ticks    t0 .............. t1       chunk pair: (t0, ns0), (t1, ns1)
 *    event        t                      ns = ns0 + (t - t0) * (ns1 - ns0) / (t1 - t0)
 *
 * Chunks contain such pairs, so a recorder need not calibrate; the reader interpolates.
 *
 * Threads: any, after clock_init(). */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#include "os.h"

extern int clock_uses_tsc; /* written once, before any thread records */

/* Chooses the clock. Returns enum rl_clock. */
int clock_init(void);

/* Returns the time in ticks. */
static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
    if (__builtin_expect(clock_uses_tsc, 1)) {
        return __builtin_ia32_rdtsc();
    }
#endif
    return os_mono_ns();
}

struct clock_pair {
    uint64_t ticks;
    uint64_t mono_ns;
};

/* Reads both clocks at nearly the same moment: the closest of a few tries. */
struct clock_pair clock_pair_now(void);

#endif
