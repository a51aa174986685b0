/* Breakpoints on CPython 3.8 to 3.11 without a trace function. A new frame of code with sites runs
 * a copy of that code (bytecode.h). The copy tests a probe where the lines of sites begin. The
 * function keeps its own code.
 *
 *   debug_code --copy--> copy --co_consts--> probe --code--> debug_code
 *   copy --co_extra--> debug_code + COPY_BIT (copies.h)
 *
 * Invariants: a probe may outlive its debug_code while a frame runs an old copy. probes_forget()
 * makes such probes do nothing. Under the GIL. */
#ifndef PROBES_H
#define PROBES_H

#include "debugger.h"

#if BYTECODE_FORMAT

/* Returns the copy for the current sites: borrowed, NULL where it was refused. A refusal is
 * reported once for each change of the sites. */
PyCodeObject *probes_copy(struct debug_code *code);
/* Returns whether a probe begins at this instruction of the copy. */
int probes_is_at(const struct debug_code *code, uint32_t at);
/* Drops the copy: the sites have changed, or the code is freed. */
void probes_drop(struct debug_code *code);
/* Detaches all probes from the code: they do nothing from now on. */
void probes_forget(struct debug_code *code);
/* Returns (copy, number of probes, None) for code with probes that do nothing on these lines, or
 * (None, reason, details). For tests of the rewrite. NULL with an exception. */
PyObject *probes_rewrite(PyCodeObject *code, PyObject *lines);
/* Readies the type of probes. Returns 0, or -1 with an exception. */
int probes_init(void);

/* Called when the probe of a line is reached (engine_hook.c). Returns 1 if it must jump to the
 * line by way of the tail: then the trace function is called there. -1 with an exception. */
int engine_probe(struct debug_code *code, native_frame *frame, uint32_t line);

#else

static inline void probes_drop(struct debug_code *code)
{
    (void)code;
}
static inline void probes_forget(struct debug_code *code)
{
    (void)code;
}
static inline int probes_init(void)
{
    return 0;
}

#endif
#endif
