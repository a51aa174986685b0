/* The texts that replace what a filter takes out. They are defined here and nowhere else.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RL_FILTER_H
#define RL_FILTER_H

#define RL_REDACTED_TEXT "<redacted>"

/* X(name, text, what it replaces) */
#define RL_SENTINEL_TABLE(X)                                                                       \
    X(REDACTED, RL_REDACTED_TEXT, "a value whose name or content is a secret")                     \
    X(DROPPED, "<dropped>", "a returned value that a filter leaves out")                           \
    X(YIELD, "<yield>", "the name of what a generator yields, in ret: selectors")                  \
    X(UNWIND, "<unwind>", "the name of an exception that leaves a frame, in ret: selectors")

enum rl_sentinel {
#define RL_SENTINEL_ENUM(name, text, meaning) RL_SENTINEL_##name,
    RL_SENTINEL_TABLE(RL_SENTINEL_ENUM)
#undef RL_SENTINEL_ENUM
};
/* Returns the text of a sentinel. Static storage. */
const char *rl_sentinel_text(enum rl_sentinel sentinel);

#endif
