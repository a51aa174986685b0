/* All heap memory of the library comes from here, so that a test can fail the nth allocation.
 *
 * Sizes are given as count and size of an item; a product that overflows is a failed allocation. A
 * count of 0 gives a pointer that may be freed, so NULL always means failure.
 *
 * Threads: as malloc(). */
#ifndef ALLOC_H
#define ALLOC_H

#include <stddef.h>

/* Return NULL on failure. rl_zalloc() fills with zeros. rl_free(NULL) is allowed. */
void *rl_alloc(size_t count, size_t size);
void *rl_zalloc(size_t count, size_t size);
void *rl_realloc(void *old, size_t count, size_t size);
/* Returns zeroed memory that shares no cache line with other memory. It is for what one thread
 * writes at every event while other threads run. Freed by rl_free(). */
void *rl_zalloc_apart(size_t count, size_t size);
void rl_free(void *memory);

/* Test hook: makes the nth allocation from now on fail (1 = the next), and with `stays` all later
 * ones too; nth 0 ends it. Returns how many allocations there were since the last call. */
unsigned long rl_alloc_fail_at(unsigned long nth, int stays);

/* Grows *items by doubling until it has room for `want` items. Returns 0, or -1 without memory;
 * then the old array is unchanged. */
int rl_grow(void **items, size_t *capacity, size_t want, size_t size);

#endif
