/* One compiled pattern: a literal, a glob or a regex (dialect.h). The only file that calls PCRE2.
 *
 * Invariant: every search ends within the limits below, whatever the pattern and the subject are.
 *
 *   pattern_new() ---> pattern_search() ---> 1: pattern_found() gives the place
 *                         |      |
 *                         |      +-------->  0: no match
 *                         +--------------> -1: a limit was reached; nothing is known
 *
 * A caller treats -1 as undecided: code is skipped and a value is redacted.
 *
 * Threads: one at a time per pattern, because a pattern owns the data of its last match. */
#ifndef PATTERN_H
#define PATTERN_H

#include <relive/rl_status.h>
#include <stddef.h>

#define PATTERN_CHARS_MAX     512     /* characters of the text that a user writes */
#define PATTERN_MATCH_LIMIT   100000u /* steps of PCRE2's matching function per search */
#define PATTERN_DEPTH_LIMIT   250u    /* nested backtracking points */
#define PATTERN_HEAP_LIMIT_KB 1024u

/* A literal or glob matches a whole text, a regex matches any part. */
enum pattern_type { PATTERN_GLOB, PATTERN_REGEX, PATTERN_LITERAL };

struct pattern;

/* Compiles a text. Fails with RL_USAGE, the place and the reason where the syntax is wrong, and
 * with RL_LIMIT where the text is too long. */
RL_CHECKED rl_status pattern_new(enum pattern_type type, const char *text, size_t len,
                                 struct pattern **out, struct rl_err *err);
void pattern_free(struct pattern *pattern);
/* Returns 1 where the subject matches, 0 where it does not, and -1 where a limit was reached. */
int pattern_search(const struct pattern *pattern, const char *subject, size_t len);
/* Gives the place of the last match: of a literal or glob, the whole subject. Only after
 * pattern_search() returned 1. */
void pattern_found(const struct pattern *pattern, size_t *begin, size_t *end);

/* Writes the version of the linked PCRE2, such as "10.42". */
void pattern_library_version(char *text, size_t size);

#endif
