/* Translates the patterns that users write into PCRE2 syntax.
 *
 *   kind    users write                   result
 *   regex   syntax of Rust's `regex`      unanchored, Unicode on
 *   glob    shell wildcards               anchored at both ends
 *
 * Invariant: a translated pattern means in PCRE2 what it means in its own syntax. Syntax that PCRE2
 * reads differently is rewritten, or refused with RL_USAGE, the place and the reason.
 *
 * Threads: pure functions of their arguments. */
#ifndef DIALECT_H
#define DIALECT_H

#include <relive/rl_status.h>
#include <stddef.h>

#include "bytes.h"

/* Appends the translation of a regex to `out`. */
RL_CHECKED rl_status dialect_regex(const char *text, size_t len, struct bytes_out *out,
                                   struct rl_err *err);
/* Appends the translation of a glob to `out`. `*` and `?` never match a slash; `**` between two
 * slashes matches any number of path parts. */
RL_CHECKED rl_status dialect_glob(const char *text, size_t len, struct bytes_out *out,
                                  struct rl_err *err);

#endif
