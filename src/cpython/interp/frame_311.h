/* CPython 3.11: what is its own in a frame. */
#ifndef FRAME_311_H
#define FRAME_311_H

#include <internal/pycore_frame.h>

#define NATIVE_SENT(f) ((f)->stacktop > 0 ? (f)->localsplus[(f)->stacktop - 1] : NULL)

#define NATIVE_CURRENT(ts)             ((ts)->cframe->current_frame)
#define NATIVE_CODE(f)                 ((f)->f_code)
#define NATIVE_SLOT(f, i)              ((f)->localsplus[i])
#define NATIVE_INSTRUCTION(f)          ((f)->prev_instr)
#define NATIVE_IS_SHIM(f)              0
#define NATIVE_IS_SUSPENDED(generator) ((generator)->gi_frame_state == FRAME_SUSPENDED)
#define NATIVE_OPCODE(f)               _Py_OPCODE(*(f)->prev_instr)
#define NATIVE_OPARG(f)                _Py_OPARG(*(f)->prev_instr)
#define NATIVE_IS_RESUME(opcode)       ((opcode) == RESUME || (opcode) == RESUME_QUICK)

#include "frame_native.h"

static inline int native_is_fresh(native_frame *f)
{
    return f->prev_instr < _PyCode_CODE(f->f_code);
}

/* A frame that has not begun runs other code of the same variables. */
static inline void native_set_code(native_frame *f, PyCodeObject *code)
{
    PyCodeObject *old = f->f_code;
    Py_INCREF(code);
    f->f_code = code;
    f->prev_instr = _PyCode_CODE(code) - 1;
    Py_DECREF(old);
}

/* As native_set_code(). Returns the code that the frame was made for, owned, which goes to
 * native_take_back(). */
static inline PyCodeObject *native_lend_code(native_frame *f, PyCodeObject *code)
{
    PyCodeObject *own = f->f_code;
    Py_INCREF(code);
    f->f_code = code;
    f->prev_instr = _PyCode_CODE(code) - 1;
    return own;
}

/* A frame that is over is gone. */
static inline void native_take_back(native_frame *f, PyCodeObject *own)
{
    (void)f;
    Py_DECREF(own);
}

#endif
