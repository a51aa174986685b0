/* Why: thousands of code objects share a few lists of value patterns. Each list exists once, as a
 * set, and with it the memo of what its patterns decide about names. Part of filter.h.
 *
 *    rules that match, in order        list, first evaluated first
 *    v2 rule A { p1 p2 }               p1 p2
 *    v2 rule B { p3 }                  p3 p1 p2        a later rule goes before earlier ones
 *    v1 rule C { p4 }                  p4              version 1 replaces all before it
 *
 * The built-in names and forms of secrets come after every list. */
#include <string.h>

#include "alloc.h"
#include "filter_parts.h"

rl_status filter_list_put(struct filter_list *list, const struct filter *f, const struct rule *rule)
{
    if (f->files[rule->file].spec.version < 2) {
        list->count = 0;
    }
    void *items = list->items;
    if (rl_grow(&items, &list->cap, list->count + rule->pattern_count + 1, sizeof *list->items)) {
        return RL_NOMEM;
    }
    list->items = items;
    memmove(list->items + rule->pattern_count, list->items, list->count * sizeof *list->items);
    for (uint32_t i = 0; i < rule->pattern_count; i++) {
        list->items[i] = rule->first_pattern + i;
    }
    list->count += rule->pattern_count;
    return RL_OK;
}

rl_status filter_list_put_hiding(struct filter_list *list, const struct filter *f,
                                 const struct rule *rule)
{
    void *items = list->items;
    if (rl_grow(&items, &list->cap, list->count + rule->pattern_count + 1, sizeof *list->items)) {
        return RL_NOMEM;
    }
    list->items = items;
    for (uint32_t i = rule->pattern_count; i-- > 0;) {
        uint32_t pattern = rule->first_pattern + i;
        if (f->patterns[pattern].action != FILTER_ALLOW) {
            memmove(list->items + 1, list->items, list->count++ * sizeof *list->items);
            list->items[0] = pattern;
        }
    }
    return RL_OK;
}

/* A default of "drop" in a file overrides the patterns of earlier files. */
void filter_list_forget(struct filter_list *list, const struct filter *f, uint32_t file)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (f->patterns[list->items[i]].file >= file) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

struct filter_set *filter_set_intern(struct filter *f, const struct filter_list *list,
                                     enum filter_action value)
{
    for (struct filter_set *set = f->sets; set != NULL; set = set->next) {
        if (set->value == value && set->count == list->count &&
            (list->count == 0 ||
             memcmp(set->patterns, list->items, list->count * sizeof *list->items) == 0)) {
            return set;
        }
    }
    struct filter_set *set = rl_zalloc(1, sizeof *set);
    uint32_t *patterns = rl_alloc(list->count + 1, sizeof *patterns);
    if (set == NULL || patterns == NULL) {
        rl_free(set);
        rl_free(patterns);
        return NULL;
    }
    if (list->count != 0) {
        memcpy(patterns, list->items, list->count * sizeof *patterns);
    }
    set->patterns = patterns;
    set->count = list->count;
    set->value = value;
    for (size_t i = 0; i < list->count; i++) {
        set->has_content |= f->patterns[patterns[i]].selector.kind == FILTER_VALUE;
    }
    set->next = f->sets;
    f->sets = set;
    return set;
}

int filter_has_patterns(const struct filter_set *set)
{
    return set->has_content;
}

enum filter_action filter_default_action(const struct filter_set *set)
{
    return set->value;
}

size_t filter_least(const struct filter_set *set)
{
    return set->has_content ? 1 : SECRET_LEAST;
}

const struct filter_set *filter_default_set(struct filter *f)
{
    const struct filter_list none = {0};
    return filter_set_intern(f, &none, FILTER_ALLOW);
}
