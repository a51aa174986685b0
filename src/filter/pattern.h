/* Patterns of filter rules. What stands here now is the door to PCRE2, bounded as every use of it
 * will be; the rule program comes with the filters. */
#ifndef PATTERN_H
#define PATTERN_H

#include <relive/rl_status.h>
#include <stddef.h>

#define PATTERN_BYTES_MAX     512
#define PATTERN_MATCH_LIMIT   100000u
#define PATTERN_DEPTH_LIMIT   250u
#define PATTERN_HEAP_LIMIT_KB 1024u

struct pattern;

/* RL_USAGE with place and reason where the text is no pattern; RL_LIMIT where it is too long. */
RL_CHECKED rl_status pattern_new(const char *text, size_t len, struct pattern **out,
                                 struct rl_err *err);
void pattern_free(struct pattern *pattern);
/* 1 found, 0 not found, -1 a limit was reached: the caller must treat it as undecided. */
int pattern_search(const struct pattern *pattern, const char *subject, size_t len);

/* "10.42": the PCRE2 that is linked in. */
void pattern_library_version(char *text, size_t size);

#endif
