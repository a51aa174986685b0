/* Part of os.h. Why: a full disk and a killed process must be tested, and on any system alike.
 *
 * Threads: atomic, because a test sets a fault while the writer thread is in a call. */
#include "os.h"

#include <signal.h>
#include <stdatomic.h>

static struct fault {
    _Atomic unsigned long fail_at; /* 0 = never */
    _Atomic unsigned long asked;
    _Atomic int stays;
    _Atomic int os_errno;
} faults[OS_FAULTS];

void os_fail_at(enum os_fault kind, unsigned long nth, int stays, int os_errno)
{
    struct fault *fault = &faults[kind];
    fault->fail_at = 0;
    fault->asked = 0;
    fault->stays = stays;
    fault->os_errno = os_errno;
    /* release: pairs with the acquire in os_fault(), which then sees the other fields */
    atomic_store_explicit(&fault->fail_at, nth, memory_order_release);
}

int os_fault(enum os_fault kind)
{
    struct fault *fault = &faults[kind];
    unsigned long fail_at = atomic_load_explicit(&fault->fail_at, memory_order_acquire);
    if (__builtin_expect(fail_at == 0, 1)) {
        return 0;
    }
    unsigned long asked = ++fault->asked;
    if (asked != fail_at && (!fault->stays || asked < fail_at)) {
        return 0;
    }
    if (fault->os_errno < 0) {
        (void)raise(-fault->os_errno);
        return 0;
    }
    return fault->os_errno;
}
