/* The names of a code object as UTF-8 text, by which a filter decides for it. Each is cut to a
 * little less than CODE_SCOPE_BYTES, on a character. Runs no Python code. Under the GIL. */
#ifndef CODESCOPE_H
#define CODESCOPE_H

#include "compat.h"

#include "filter.h"

enum { CODE_SCOPE_BYTES = 1100 };

struct code_scope {
    char module[CODE_SCOPE_BYTES], qualname[CODE_SCOPE_BYTES], name[CODE_SCOPE_BYTES],
        file[CODE_SCOPE_BYTES];
    struct filter_scope scope; /* points into the above */
};

/* Fills `n`; `module` and `qualname` may be NULL. A module without a usable name gets one from the
 * path of its file. */
void code_scope_read(struct code_scope *n, const struct filter *filter, PyCodeObject *code,
                     PyObject *module, PyObject *qualname);

#endif
