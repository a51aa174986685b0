/* Takes the secrets out of a Python source text. Only literals and comments change; code stays.
 *
 *   password = "hunter2"                 a literal that a name beside it announces
 *   f(x, api_key="k-1f9e")               the same: keyword arguments, defaults, keys of dicts,
 *   {"token": "a1b2c3"}                  attributes, items, comparisons, pairs, what is returned
 *   x = "ghp_16C7e42F292c6912E7710"      a form that needs no name (secrets.h)
 *   # my password: hunter2               a comment, as any text
 *
 * What is redacted is a mark in each of its lines, so lines keep their numbers.
 *
 * Threads: those of secret_parts_apart(); the filter must belong to the calling thread. */
#ifndef SOURCE_TEXT_H
#define SOURCE_TEXT_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "filter.h"

/* The text without its secrets. */
struct clean_source {
    struct bytes_out text, marks; /* owned; marks as source_entry.h has them */
    uint32_t mark_count;
};

/* Fills *clean, which is empty. `set` is one of filter_decide_source(). */
RL_CHECKED rl_status source_clean(struct filter *f, const struct filter_set *set, const char *text,
                                  size_t len, struct clean_source *clean);
void clean_source_fini(struct clean_source *clean);

#endif
