/* All heap memory of the library comes from here, so that tests can fail the nth allocation. */
#ifndef ALLOC_H
#define ALLOC_H

#include <stddef.h>

/* NULL on failure or overflow. rl_free(NULL) is allowed. */
void *rl_alloc(size_t count, size_t size);
void *rl_zalloc(size_t count, size_t size);
void *rl_realloc(void *old, size_t count, size_t size);
/* Zeroed memory that shares no cache line with any other: for what one thread writes at every event
 * while another is at work. Freed by rl_free(). */
void *rl_zalloc_apart(size_t count, size_t size);
void rl_free(void *memory);

/* Test hook: the nth next allocation fails (1 = the next one), and those after it too where
 * `stays` is not 0; nth 0 switches it off. Returns how many were asked for since the last call. */
unsigned long rl_alloc_fail_at(unsigned long nth, int stays);

/* Room for at least `want` items of `size` bytes: grows *items by doubling. 0 on success, -1 when
 * there is no memory; the old memory is then untouched. */
int rl_grow(void **items, size_t *capacity, size_t want, size_t size);

#endif
