/* Why: see open_sessions.h.
 *
 * Invariants: items[first..used) are in the order of their beginning. The first and the last of
 * them are open. Ended ones between them are removed when there is no room. Numbers grow up to
 * all->numbers and begin again at 1, so order is that of age, not of numbers. */
#include "open_sessions.h"

#include <string.h>

#include "alloc.h"

enum {
    LEAST = 16,
    CAPACITY_MOST = OPEN_SESSIONS_MOST + OPEN_SESSIONS_MOST / 16,
    KEPT_EMPTY = 64, /* a larger table is freed when the last session has ended */
};

/* Returns how many sessions have begun since this one; fewer for younger sessions. */
static uint32_t count_begun_since(const struct open_sessions *all, uint32_t number)
{
    return (all->last_number + all->numbers - number) % all->numbers;
}

/* Returns the place of the first session that is not older, or all->used. By binary search over
 * age. */
static uint32_t find_session_place(const struct open_sessions *all, uint32_t number)
{
    uint32_t wanted = count_begun_since(all, number), low = all->first, high = all->used;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (count_begun_since(all, all->items[middle].number) > wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct open_session *open_sessions_get(const struct open_sessions *all, uint32_t number)
{
    if (number == 0 || number > all->numbers) {
        return NULL;
    }
    uint32_t place = find_session_place(all, number);
    struct open_session *found = place < all->used ? &all->items[place] : NULL;
    return found != NULL && found->number == number && !found->has_ended ? found : NULL;
}

void open_sessions_end(struct open_sessions *all, uint32_t number)
{
    struct open_session *found = open_sessions_get(all, number);
    if (found == NULL) {
        return;
    }
    found->has_ended = 1;
    all->count--;
    while (all->first < all->used && all->items[all->first].has_ended) {
        all->first++;
    }
    while (all->used > all->first && all->items[all->used - 1].has_ended) {
        all->used--;
    }
    if (all->count == 0) {
        all->first = all->used = 0;
        if (all->capacity > KEPT_EMPTY) {
            rl_free(all->items);
            all->items = NULL;
            all->capacity = 0;
        }
    }
}

/* Moves the open sessions to the front. */
static void pack_sessions(struct open_sessions *all)
{
    uint32_t kept = 0;
    for (uint32_t i = all->first; i < all->used; i++) {
        if (!all->items[i].has_ended) {
            all->items[kept++] = all->items[i];
        }
    }
    all->first = 0;
    all->used = kept;
}

/* Makes room for one more session. Returns 0, or -1 without memory. */
static int make_session_room(struct open_sessions *all)
{
    if (all->used < all->capacity) {
        return 0;
    }
    if (all->capacity - all->count <= all->capacity / 16 && all->capacity < CAPACITY_MOST) {
        uint32_t wanted = all->capacity < LEAST ? LEAST : all->capacity + all->capacity / 2;
        wanted = wanted < CAPACITY_MOST ? wanted : CAPACITY_MOST;
        struct open_session *items = rl_realloc(all->items, wanted, sizeof *items);
        if (items != NULL) {
            all->items = items;
            all->capacity = wanted;
            return 0;
        }
    }
    pack_sessions(all);
    return all->used < all->capacity ? 0 : -1;
}

struct open_session *open_sessions_add(struct open_sessions *all, uint32_t *forgotten)
{
    uint32_t number = all->last_number < all->numbers ? all->last_number + 1 : 1;
    *forgotten = 0;
    if (all->count == OPEN_SESSIONS_MOST ||
        (all->count != 0 && all->items[all->first].number == number)) {
        *forgotten = all->items[all->first].number;
        open_sessions_end(all, *forgotten);
    }
    if (make_session_room(all) != 0) {
        return NULL;
    }
    struct open_session *added = &all->items[all->used++];
    memset(added, 0, sizeof *added);
    added->number = number;
    all->last_number = number;
    all->count++;
    return added;
}

struct open_session *open_sessions_next(const struct open_sessions *all, uint32_t *place)
{
    uint32_t at = *place > all->first ? *place : all->first;
    while (at < all->used && all->items[at].has_ended) {
        at++;
    }
    *place = at + 1;
    return at < all->used ? &all->items[at] : NULL;
}

size_t open_sessions_bytes(const struct open_sessions *all)
{
    return all->capacity * sizeof *all->items;
}
