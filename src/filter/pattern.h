/* One text to match against: literal, glob or regex (dialect.h). The only door to PCRE2, with its
 * limits. Threads: a pattern is searched by one thread at a time (it owns its match data). */
#ifndef PATTERN_H
#define PATTERN_H

#include <relive/rl_status.h>
#include <stddef.h>

#define PATTERN_CHARS_MAX     512
#define PATTERN_MATCH_LIMIT   100000u
#define PATTERN_DEPTH_LIMIT   250u
#define PATTERN_HEAP_LIMIT_KB 1024u

/* LITERAL and GLOB match the whole text, REGEX a part of it. */
enum pattern_type { PATTERN_GLOB, PATTERN_REGEX, PATTERN_LITERAL };

struct pattern;

/* RL_USAGE with place and reason where the text is no pattern; RL_LIMIT where it is too long. */
RL_CHECKED rl_status pattern_new(enum pattern_type type, const char *text, size_t len,
                                 struct pattern **out, struct rl_err *err);
void pattern_free(struct pattern *pattern);
/* 1 found, 0 not found, -1 a limit was reached: the caller must treat it as undecided. */
int pattern_search(const struct pattern *pattern, const char *subject, size_t len);
/* Where the part is that was found last; of a literal or glob the whole. */
void pattern_found(const struct pattern *pattern, size_t *begin, size_t *end);

/* "10.42": the PCRE2 that is linked in. */
void pattern_library_version(char *text, size_t size);

#endif
