/* What a filter is asked of a code object: its names, as UTF-8 text. */
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

/* Where the module has no usable name, it is told from the file's path. */
void code_scope_read(struct code_scope *n, const struct filter *filter, PyCodeObject *code,
                     PyObject *module, PyObject *qualname);

#endif
