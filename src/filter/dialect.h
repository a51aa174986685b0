/* What users write, as PCRE2 understands it: the regex dialect of Rust's `regex` (which filter
 * files of other recorders use), and globs. What PCRE2 would read differently is translated, or
 * refused by name; nothing is read silently otherwise. */
#ifndef DIALECT_H
#define DIALECT_H

#include <relive/rl_status.h>
#include <stddef.h>

#include "bytes.h"

/* Unanchored, Unicode on. RL_USAGE with place and reason. */
RL_CHECKED rl_status dialect_regex(const char *text, size_t len, struct bytes_out *out,
                                   struct rl_err *err);
/* The whole string. Star and question mark do not cross a slash, two stars between slashes do. */
RL_CHECKED rl_status dialect_glob(const char *text, size_t len, struct bytes_out *out,
                                  struct rl_err *err);

#endif
