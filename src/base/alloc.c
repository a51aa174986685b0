/* Why: one door to the heap, overflow-checked, in which tests can make any allocation fail.
 * Threads: as malloc(); the fault counters are for tests with one thread. */
#include "alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
    unsigned long fail_at;
    unsigned long asked;
    int stays;
} fault;

/* Returns whether the test wants this allocation to fail. */
static int must_fail(void)
{
    if (__builtin_expect(fault.fail_at == 0, 1)) {
        return 0;
    }
    fault.asked++;
    return fault.asked == fault.fail_at || (fault.stays && fault.asked > fault.fail_at);
}

unsigned long rl_alloc_fail_at(unsigned long nth, int stays)
{
    unsigned long asked = fault.asked;
    fault.fail_at = nth;
    fault.stays = stays;
    fault.asked = 0;
    return asked;
}

void *rl_alloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || must_fail()) {
        return NULL;
    }
    return malloc(bytes != 0 ? bytes : 1);
}

void *rl_zalloc(size_t count, size_t size)
{
    return must_fail() ? NULL : calloc(count != 0 ? count : 1, size != 0 ? size : 1);
}

void *rl_zalloc_apart(size_t count, size_t size)
{
    enum { LINES = 128 }; /* two cache lines: processors fetch them in pairs */
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - LINES || must_fail()) {
        return NULL;
    }
    bytes = (bytes + LINES - 1) / LINES * LINES;
    void *memory = aligned_alloc(LINES, bytes);
    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

void *rl_realloc(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || must_fail()) {
        return NULL;
    }
    return realloc(old, bytes != 0 ? bytes : 1);
}

void rl_free(void *memory)
{
    free(memory);
}

/* Doubling keeps the cost of n appends linear. A capacity starts at 16. */
int rl_grow(void **items, size_t *capacity, size_t want, size_t size)
{
    if (want <= *capacity) {
        return 0;
    }
    size_t target = *capacity != 0 ? *capacity : 16;
    while (target < want) {
        if (target > SIZE_MAX / 2) {
            return -1;
        }
        target *= 2;
    }
    void *grown = rl_realloc(*items, target, size);
    if (grown == NULL) {
        return -1;
    }
    *items = grown;
    *capacity = target;
    return 0;
}
