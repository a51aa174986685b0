/* The cursor with which dialect.c and dialect_glob.c read one pattern and write another.
 *
 *    text   ^ab+$          reading_peek(), reading_looks_at() look at what comes next
 *             ^ at         the caller moves `at`
 *    out    ^ab            reading_put() appends
 *
 * Invariant: an error names the place in `text`, which is what the user wrote. */
#ifndef READING_H
#define READING_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "status.h"

struct reading {
    const char *text;
    size_t len, at; /* at: index of the next character */
    struct bytes_out *out;
    struct rl_err *err;
    int has_x;        /* some group switched on the flag x, which ignores blanks */
    int can_repeat;   /* the item before `at` can take a quantifier */
    int was_repeated; /* the item before `at` has a quantifier */
};

/* Fills the caller's error with the place and a reason. Returns RL_USAGE. */
static inline rl_status reading_refuse(const struct reading *r, const char *why)
{
    return status_set(r->err, RL_USAGE, "at character %zu: %s", r->at, why);
}

static inline void reading_put(struct reading *r, const char *text)
{
    bytes_put(r->out, text, strlen(text));
}

static inline void reading_put_char(struct reading *r, char c)
{
    bytes_put(r->out, &c, 1);
}

/* Returns the character `ahead` places after the next one, or -1 behind the end. */
static inline int reading_peek(const struct reading *r, size_t ahead)
{
    return r->at + ahead < r->len ? (unsigned char)r->text[r->at + ahead] : -1;
}

/* Returns whether the input goes on with `text`. */
static inline int reading_looks_at(const struct reading *r, const char *text)
{
    size_t n = strlen(text);
    return r->len - r->at >= n && memcmp(r->text + r->at, text, n) == 0;
}

#endif
