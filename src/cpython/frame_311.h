/* CPython 3.11: what is read from its frames. `native_frame` is what the interpreter itself runs.
 * Safe under the GIL, for frames that are running or belong to a living generator. */
#ifndef FRAME_311_H
#define FRAME_311_H

#include <internal/pycore_frame.h>

#include <opcode.h>
#include <stddef.h>

typedef struct _PyInterpreterFrame native_frame;

/* Every frame is a Python frame here. */
static inline int native_is_shim(native_frame *f)
{
    (void)f;
    return 0;
}

static inline native_frame *native_skip(native_frame *f)
{
    while (f != NULL && native_is_shim(f)) {
        f = f->previous;
    }
    return f;
}

static inline native_frame *native_current(PyThreadState *ts)
{
    return native_skip(ts->cframe->current_frame);
}

static inline native_frame *native_caller(native_frame *f)
{
    return native_skip(f->previous);
}

static inline PyCodeObject *native_code(native_frame *f)
{
    return f->f_code;
}

static inline PyObject *native_globals(native_frame *f)
{
    return f->f_globals;
}

static inline const _Py_CODEUNIT *native_instruction(native_frame *f)
{
    return f->prev_instr;
}

static inline int native_offset(native_frame *f)
{
    return (int)(native_instruction(f) - _PyCode_CODE(native_code(f)));
}

/* Whether the body has run at all: the first RESUME is where it begins. */
static inline int native_was_started(native_frame *f)
{
    return native_offset(f) >= native_code(f)->_co_firsttraceable;
}

static inline PyGenObject *native_generator(native_frame *f)
{
    return (PyGenObject *)(void *)((char *)f - offsetof(PyGenObject, gi_iframe));
}

/* After a run: whether the frame waits to go on. */
static inline int native_is_suspended(native_frame *f)
{
    return f->owner == FRAME_OWNED_BY_GENERATOR &&
           native_generator(f)->gi_frame_state == FRAME_SUSPENDED;
}

static inline int native_line(native_frame *f)
{
    return PyCode_Addr2Line(native_code(f), native_offset(f) * (int)sizeof(_Py_CODEUNIT));
}

static inline int native_is_resume(unsigned opcode)
{
    return opcode == RESUME || opcode == RESUME_QUICK;
}

/* In a trace function's return event: the frame is suspended, not ended. */
static inline int traced_is_yield(native_frame *f)
{
    return native_is_suspended(f);
}

/* In a trace function's call event: the body begins now; an exception is thrown in. */
static inline int traced_is_first(native_frame *f)
{
    const _Py_CODEUNIT *at = native_instruction(f);
    return native_is_resume(_Py_OPCODE(*at)) && (_Py_OPARG(*at) & 3) == 0;
}

static inline int traced_is_throw(native_frame *f)
{
    return !native_is_resume(_Py_OPCODE(*native_instruction(f)));
}

#endif
