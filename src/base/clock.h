/* Ticks: raw time-stamp counter where the kernel's own clock is the counter, nanoseconds of
 * CLOCK_MONOTONIC otherwise. Chunks carry (ticks, nanoseconds) pairs, so no calibration is needed
 * while recording; the reader interpolates. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#include "os.h"

extern int clock_uses_tsc; /* set once, before any thread records */

/* Chooses the clock; returns enum rl_clock. */
int clock_init(void);

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

/* Both clocks at (nearly) one moment: the tightest of a few tries. */
struct clock_pair clock_pair_now(void);

#endif
