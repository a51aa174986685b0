/* Breakpoints on CPython 3.8 to 3.11 without a trace function: a new frame of code with sites runs
 * a copy of that code (bytecode.h), which asks a probe where the lines of sites begin. The
 * function keeps its code.
 *
 * What is known of a code object is known of its copies too: their co_extra has the same pointer,
 * with COPY_BIT set. */
#ifndef PROBES_H
#define PROBES_H

#include "debugger.h"

#if BYTECODE_FORMAT

/* The copy for the sites that the code has now: borrowed; NULL where it was refused, which is told
 * once a change of the sites. */
PyCodeObject *probes_copy(struct debug_code *code);
/* Whether a probe begins at this instruction of the copy. */
int probes_is_at(const struct debug_code *code, uint32_t at);
/* The sites have changed, or the code is gone. */
void probes_drop(struct debug_code *code);
/* No probe may speak of this code any more. */
void probes_forget(struct debug_code *code);
/* A copy of any code with probes that do nothing, on these lines (None: on all), for who wants to
 * see that it is the same: new, or NULL with an exception. */
PyObject *probes_rewrite(PyCodeObject *code, PyObject *lines);
int probes_init(void);

/* The probe of a line was reached: engine_hook.c. Whether it is to jump, by way of the tail, to the
 * line, which the trace function is then told of; -1 with an exception. */
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
