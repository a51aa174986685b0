/* Rules that remove, as an object of Python: a filter, paths, and what is known to be secret.
 *
 *   rules = filter.pack_rules(paths)     a capsule
 *   pack_text(rules, text)               a text of META, such as a word of the command line
 *
 * Threads: under the GIL, as filters. */
#ifndef PACK_RULES_H
#define PACK_RULES_H

#include "compat.h"

struct filter;
struct texts;

/* Returns new rules, or NULL with an exception. `owner` holds the filter. `pairs` is a list of
 * (path, what replaces it), the longest path first. */
PyObject *pack_rules_new(struct filter *filter, PyObject *owner, PyObject *pairs);
/* Returns what the rules hold (borrowed), or NULL with an exception. */
struct texts *pack_rules_texts(PyObject *rules);
/* pack_text(rules, text): the text without secrets, what is known, and paths. */
PyObject *pack_rules_text(PyObject *module, PyObject *args);

#endif
