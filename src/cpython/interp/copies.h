/* Copies of code objects, which the debugger runs in the place of the program's (3.8 to 3.11). What
 * is known of a code object holds for its copies.
 *
 * The co_extra at copies_index points to the debugger's record of the code. The record begins with
 * a struct code_copied. COPY_BIT is set in the pointer of a copy:
 *
 *     program's code --co_extra--> record --code--> program's code
 *     copy           --co_extra--> record + COPY_BIT */
#ifndef COPIES_H
#define COPIES_H

#include "compat.h"

#include <stdint.h>

struct code_copied {
    PyCodeObject *code; /* borrowed: the program's own; NULL: it is gone */
};

#if BYTECODE_FORMAT
#define COPY_BIT ((uintptr_t)1)
#else
#define COPY_BIT ((uintptr_t)0)
#endif

/* -1 until the debugger has taken one. */
extern Py_ssize_t copies_index;

static inline uintptr_t copies_extra(PyCodeObject *code)
{
    return copies_index >= 0 ? (uintptr_t)compat_extra(code, copies_index) : 0;
}

/* The debugger's record, without the bit. */
static inline void *copies_record(uintptr_t extra)
{
    return (void *)(extra & ~COPY_BIT); /* NOLINT: a tagged pointer */
}

/* The code that the program has, of a copy too. */
static inline PyCodeObject *copies_original(PyCodeObject *code)
{
    uintptr_t extra = copies_extra(code);
    const struct code_copied *of = extra & COPY_BIT ? copies_record(extra) : NULL;
    return of != NULL && of->code != NULL ? of->code : code;
}

#endif
