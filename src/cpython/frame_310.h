/* CPython 3.10: what is read from its frames. `native_frame` is what the interpreter itself runs.
 */
#ifndef FRAME_310_H
#define FRAME_310_H

#include <internal/pycore_interp.h>

typedef PyFrameObject native_frame;

static inline native_frame *native_current(PyThreadState *ts)
{
    return ts->frame;
}

static inline native_frame *native_caller(native_frame *f)
{
    return f->f_back;
}

static inline PyCodeObject *native_code(native_frame *f)
{
    return f->f_code;
}

static inline PyObject *native_globals(native_frame *f)
{
    return f->f_globals;
}

/* Whether the body has run at all. */
static inline int native_was_started(native_frame *f)
{
    return f->f_lasti >= 0;
}

/* After a run: whether the frame waits to go on. */
static inline int native_is_suspended(native_frame *f)
{
    return f->f_state == FRAME_SUSPENDED;
}

static inline int native_line(native_frame *f)
{
    return PyCode_Addr2Line(f->f_code, f->f_lasti * (int)sizeof(_Py_CODEUNIT));
}

/* In a trace function's return event: the frame is suspended, not ended. */
static inline int traced_is_yield(native_frame *f)
{
    return native_is_suspended(f);
}

/* In a trace function's call event: the body begins now; an exception is thrown in (not told). */
static inline int traced_is_first(native_frame *f)
{
    return f->f_lasti < 0;
}

static inline int traced_is_throw(native_frame *f)
{
    (void)f;
    return 0;
}

#endif
