/* How dialect.c and glob.c go through a pattern: what is read, what is written, what is refused. */
#ifndef READING_H
#define READING_H

#include <string.h>

#include "bytes.h"
#include "status.h"

struct reading {
    const char *text;
    size_t len, at;
    struct bytes_out *out;
    struct rl_err *err;
    int has_x;        /* the flag x is used somewhere */
    int can_repeat;   /* what stands before can take a quantifier */
    int was_repeated; /* it has one already */
};

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

static inline int reading_peek(const struct reading *r, size_t ahead)
{
    return r->at + ahead < r->len ? (unsigned char)r->text[r->at + ahead] : -1;
}

static inline int reading_looks_at(const struct reading *r, const char *text)
{
    size_t n = strlen(text);
    return r->len - r->at >= n && memcmp(r->text + r->at, text, n) == 0;
}

#endif
