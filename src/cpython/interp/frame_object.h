/* Frames of CPython 3.8 to 3.10, where every frame is a PyFrameObject. A frame_3XX.h defines what
 * is its version's own and then includes this:
 *
 *   NATIVE_IS_SUSPENDED(f)   after a run: the frame waits to go on
 *   NATIVE_BYTE_OFFSET(f)    of the current instruction
 *   NATIVE_BODY(code)        byte offset of the first instruction that has a line; 0 by default
 *   NATIVE_JUMP_BYTES        what the arguments of jumps count; 1 by default
 *   NATIVE_SENT(f)           before a run: the top of its stack, or NULL */
#ifndef FRAME_OBJECT_H
#define FRAME_OBJECT_H

#include <opcode.h>

#ifndef NATIVE_BODY
#define NATIVE_BODY(code) 0
#endif
#ifndef NATIVE_JUMP_BYTES
#define NATIVE_JUMP_BYTES 1
#endif

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

/* Where the frame is in its code, in units of two bytes. */
static inline uint32_t native_instruction(native_frame *f)
{
    return (uint32_t)NATIVE_BYTE_OFFSET(f) / 2;
}

static inline int native_is_fresh(native_frame *f)
{
    return f->f_lasti < 0;
}

/* A frame that has not begun runs other code of the same variables. */
static inline void native_set_code(native_frame *f, PyCodeObject *code)
{
    PyCodeObject *old = f->f_code;
    Py_INCREF(code);
    f->f_code = code;
    Py_DECREF(old);
}

/* A frame that has not begun runs other code of the same variables until it is over. Returns the
 * code it was made for, owned, which goes to native_take_back(). */
static inline PyCodeObject *native_lend_code(native_frame *f, PyCodeObject *code)
{
    PyCodeObject *own = f->f_code;
    Py_INCREF(code);
    f->f_code = code;
    return own;
}

/* A frame that is over gets its own code back, so that the code can keep it for its next call. A
 * frame that goes on later, or that somebody may still look at, does not. */
static inline void native_take_back(native_frame *f, PyCodeObject *own)
{
    PyCodeObject *lent = f->f_code;
    int suspends = own->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR);
    if (Py_REFCNT(f) == 1 && !suspends) {
        f->f_code = own;
        own = lent;
    }
    Py_DECREF(own);
}

/* The line of the first instruction of a body, behind what makes generators. */
static inline uint32_t native_first_line(PyCodeObject *code)
{
    int line = PyCode_Addr2Line(code, NATIVE_BODY(code));
    return (uint32_t)(line > 0 ? line : code->co_firstlineno);
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

/* In bytes from the beginning of its code; below 0 before its first instruction. */
static inline int native_byte_offset(native_frame *f)
{
    return NATIVE_BYTE_OFFSET(f);
}

static inline int native_line(native_frame *f)
{
    return PyCode_Addr2Line(f->f_code, native_byte_offset(f));
}

/* The variables of a frame: locals, then cells, then free variables. */
static inline Py_ssize_t native_slots(PyCodeObject *code)
{
    return code->co_nlocals + PyTuple_GET_SIZE(code->co_cellvars) +
           PyTuple_GET_SIZE(code->co_freevars);
}

static inline PyObject *native_slot(native_frame *f, Py_ssize_t i) /* borrowed, or NULL */
{
    return f->f_localsplus[i];
}

static inline PyObject **native_slot_place(native_frame *f, Py_ssize_t i)
{
    return &f->f_localsplus[i];
}

/* Whether the slot holds a cell whose content is the variable. */
static inline int native_is_cell(PyCodeObject *code, Py_ssize_t i)
{
    return i >= code->co_nlocals;
}

/* A parameter that is a cell too is in the cell alone: its slot, or the same where it is none. */
static inline Py_ssize_t native_parameter_slot(PyCodeObject *code, native_frame *f, Py_ssize_t i)
{
    if (f->f_localsplus[i] == NULL && code->co_cell2arg != NULL) {
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(code->co_cellvars); k++) {
            if (code->co_cell2arg[k] == i) {
                return code->co_nlocals + k;
            }
        }
    }
    return i;
}

/* The dictionary of a module's or class body's names; NULL in a function. */
static inline PyObject *native_namespace(native_frame *f)
{
    return f->f_code->co_flags & CO_OPTIMIZED ? NULL : f->f_locals;
}

/* The generator or coroutine that the frame belongs to: borrowed or NULL. */
static inline PyObject *native_generator(native_frame *f)
{
    return f->f_gen;
}

/* What was sent into a suspended frame that goes on now. */
static inline PyObject *native_sent(native_frame *f)
{
    return NATIVE_SENT(f);
}

/* In a trace function's return event: the frame is suspended, not ended. */
static inline int traced_is_yield(native_frame *f)
{
    return native_is_suspended(f);
}

/* In a trace function's call event: the body begins now; an exception is thrown in (3.8 to 3.10
 * have no such event). */
static inline int traced_is_first(native_frame *f)
{
    return f->f_lasti < 0;
}

static inline int traced_is_throw(native_frame *f)
{
    (void)f;
    return 0;
}

/* In a trace function's exception event: a loop or a delegation has come to its end. */
static inline int traced_is_end_of_iteration(native_frame *f, PyObject *type)
{
    const unsigned char *code = (const unsigned char *)PyBytes_AS_STRING(f->f_code->co_code);
    int at = NATIVE_BYTE_OFFSET(f);
    return (type == PyExc_StopIteration || type == PyExc_StopAsyncIteration) && at >= 0 &&
           (code[at] == FOR_ITER || code[at] == YIELD_FROM);
}

#endif
