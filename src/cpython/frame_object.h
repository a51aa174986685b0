/* Frames of CPython 3.8 to 3.10, where every frame is a PyFrameObject. A frame_3XX.h defines what
 * is its version's own and then includes this:
 *
 *   NATIVE_IS_SUSPENDED(f)   after a run: the frame waits to go on
 *   NATIVE_BYTE_OFFSET(f)    of the current instruction */
#ifndef FRAME_OBJECT_H
#define FRAME_OBJECT_H

typedef PyFrameObject native_frame; /* what the interpreter itself runs */

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
    return NATIVE_IS_SUSPENDED(f);
}

static inline int native_line(native_frame *f)
{
    return PyCode_Addr2Line(f->f_code, NATIVE_BYTE_OFFSET(f));
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
