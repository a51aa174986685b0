/* Frames of CPython 3.11 and later: what the interpreter runs is a struct of its own. A
 * PyFrameObject is made only on request. A frame_3XX.h includes its version's internal headers,
 * defines what is its own, and then includes this:
 *
 *   NATIVE_CURRENT(ts)        the frame that runs in a thread, shims included
 *   NATIVE_CODE(f)            its code object, borrowed
 *   NATIVE_INSTRUCTION(f)     its current instruction
 *   NATIVE_IS_SHIM(f)         a frame that the interpreter puts between C and Python
 *   NATIVE_IS_SUSPENDED(gen)  after a run: the generator waits to go on
 *   NATIVE_OPCODE(f)          the opcode of the current instruction, also under a line event
 *   NATIVE_OPARG(f)           its argument
 *   NATIVE_IS_RESUME(opcode)  where a body begins or goes on
 *   NATIVE_RESUME_UNITS       how many units that is, with its cache; 1 where it is not said
 *   NATIVE_SLOT(f, i)         variable i, borrowed, or NULL
 *   NATIVE_SENT(f)            before a run: the top of its stack, or NULL
 *
 * Safe under the GIL, for frames that are running or belong to a living generator. */
#ifndef FRAME_NATIVE_H
#define FRAME_NATIVE_H

#include <opcode.h>
#include <stddef.h>

#if HAS_MONITORING
/* Returns the opcode that the compiler has put there, below those of instrumentation. */
static inline unsigned opcode_at(const PyCodeObject *code, Py_ssize_t at)
{
    const _PyCoMonitoringData *data = code->_co_monitoring;
    unsigned opcode = _PyCode_CODE(code)[at].op.code;
    if (opcode == INSTRUMENTED_LINE && data != NULL && data->lines != NULL) {
        opcode = NATIVE_LINE_OPCODE(data, at);
    }
    if (opcode == INSTRUMENTED_INSTRUCTION && data != NULL &&
        data->per_instruction_opcodes != NULL) {
        opcode = data->per_instruction_opcodes[at];
    }
    return opcode;
}

/* An exception is caught at this offset by what the program says, not by a clean-up that the
 * compiler has put round it. */
static inline int native_is_handler(const PyCodeObject *code, Py_ssize_t offset)
{
    return offset >= 0 && offset < (Py_ssize_t)_PyCode_NBYTES(code) &&
           opcode_at(code, offset / (Py_ssize_t)sizeof(_Py_CODEUNIT)) == PUSH_EXC_INFO;
}
#endif

#ifndef NATIVE_RESUME_UNITS
#define NATIVE_RESUME_UNITS 1
#endif

typedef struct _PyInterpreterFrame native_frame; /* what the interpreter itself runs */

static inline native_frame *native_skip(native_frame *f)
{
    while (f != NULL && NATIVE_IS_SHIM(f)) {
        f = f->previous;
    }
    return f;
}

static inline native_frame *native_current(PyThreadState *ts)
{
    return native_skip(NATIVE_CURRENT(ts));
}

static inline native_frame *native_caller(native_frame *f)
{
    return native_skip(f->previous);
}

static inline PyCodeObject *native_code(native_frame *f)
{
    return NATIVE_CODE(f);
}

static inline PyObject *native_globals(native_frame *f)
{
    return f->f_globals;
}

static inline int native_offset(native_frame *f)
{
    return (int)(NATIVE_INSTRUCTION(f) - _PyCode_CODE(native_code(f)));
}

/* The line of the first instruction of a body, behind what makes cells and generators. */
static inline uint32_t native_first_line(PyCodeObject *code)
{
    int at = (code->_co_firsttraceable + NATIVE_RESUME_UNITS) * (int)sizeof(_Py_CODEUNIT);
    int line = -1;
    for (; line < 0 && at < (int)_PyCode_NBYTES(code); at += (int)sizeof(_Py_CODEUNIT)) {
        line = PyCode_Addr2Line(code, at);
    }
    return (uint32_t)(line > 0 ? line : code->co_firstlineno);
}

/* Where the frame is in its code, in units of two bytes. */
static inline uint32_t native_instruction(native_frame *f)
{
    return (uint32_t)native_offset(f);
}

/* Whether the body has run at all: the first RESUME is where it begins. */
static inline int native_was_started(native_frame *f)
{
    return native_offset(f) >= native_code(f)->_co_firsttraceable;
}

/* After a run: whether the frame waits to go on. */
static inline int native_is_suspended(native_frame *f)
{
    const PyGenObject *generator =
        (PyGenObject *)(void *)((char *)f - offsetof(PyGenObject, gi_iframe));
    return f->owner == FRAME_OWNED_BY_GENERATOR && NATIVE_IS_SUSPENDED(generator);
}

/* In bytes from the beginning of its code; below 0 before its first instruction. */
static inline int native_byte_offset(native_frame *f)
{
    return native_offset(f) * (int)sizeof(_Py_CODEUNIT);
}

static inline int native_line(native_frame *f)
{
    return PyCode_Addr2Line(native_code(f), native_byte_offset(f));
}

/* The variables of a frame: locals, cells and free variables in one row. */
static inline Py_ssize_t native_slots(PyCodeObject *code)
{
    return code->co_nlocalsplus;
}

static inline PyObject *native_slot(native_frame *f, Py_ssize_t i)
{
    return NATIVE_SLOT(f, i);
}

#if !LOCALS_WRITE_THROUGH
static inline PyObject **native_slot_place(native_frame *f, Py_ssize_t i)
{
    return &f->localsplus[i];
}
#endif

/* Whether the slot holds a cell whose content is the variable, once the frame has begun. */
static inline int native_is_cell(PyCodeObject *code, Py_ssize_t i)
{
    return (PyBytes_AS_STRING(code->co_localspluskinds)[i] & (CO_FAST_CELL | CO_FAST_FREE)) != 0;
}

static inline Py_ssize_t native_parameter_slot(PyCodeObject *code, native_frame *f, Py_ssize_t i)
{
    (void)code;
    (void)f;
    return i;
}

/* The dictionary of a module's or class body's names; NULL in a function. */
static inline PyObject *native_namespace(native_frame *f)
{
    return native_code(f)->co_flags & CO_OPTIMIZED ? NULL : f->f_locals;
}

/* The generator or coroutine that the frame belongs to: borrowed or NULL. */
static inline PyObject *native_generator(native_frame *f)
{
    return f->owner == FRAME_OWNED_BY_GENERATOR
               ? (PyObject *)(void *)((char *)f - offsetof(PyGenObject, gi_iframe))
               : NULL;
}

/* What was sent into a suspended frame that goes on now. */
static inline PyObject *native_sent(native_frame *f)
{
    return NATIVE_SENT(f);
}

/* In a trace function's return event: the frame is suspended, or about to be, not ended. */
static inline int traced_is_yield(native_frame *f)
{
#ifdef NATIVE_IS_YIELD /* its state changes only after the event */
    return NATIVE_IS_YIELD(NATIVE_OPCODE(f));
#else
    return native_is_suspended(f);
#endif
}

/* In a trace function's call event: the body begins now; an exception is thrown in. */
static inline int traced_is_first(native_frame *f)
{
    return NATIVE_IS_RESUME(NATIVE_OPCODE(f)) && (NATIVE_OPARG(f) & 3) == 0;
}

static inline int traced_is_throw(native_frame *f)
{
    return !NATIVE_IS_RESUME(NATIVE_OPCODE(f));
}

/* In a trace function's exception event: a loop or a delegation has come to its end. */
static inline int traced_is_end_of_iteration(native_frame *f, PyObject *type)
{
    unsigned opcode = NATIVE_OPCODE(f);
    return (type == PyExc_StopIteration || type == PyExc_StopAsyncIteration) &&
           (opcode == FOR_ITER || opcode == SEND);
}

#endif
