/* CPython 3.13: what is read from its frames. `native_frame` is what the interpreter itself runs.
 * Safe under the GIL, for frames that are running or belong to a living generator. */
#ifndef FRAME_313_H
#define FRAME_313_H

#include <internal/pycore_frame.h>

#include <opcode.h>
#include <stddef.h>

typedef struct _PyInterpreterFrame native_frame;

/* Frames that the interpreter puts between C and Python. */
static inline int native_is_shim(native_frame *f)
{
    return f->owner >= FRAME_OWNED_BY_CSTACK;
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
    return native_skip(ts->current_frame);
}

static inline native_frame *native_caller(native_frame *f)
{
    return native_skip(f->previous);
}

static inline PyCodeObject *native_code(native_frame *f)
{
    return (PyCodeObject *)f->f_executable;
}

static inline PyObject *native_globals(native_frame *f)
{
    return f->f_globals;
}

static inline const _Py_CODEUNIT *native_instruction(native_frame *f)
{
    return f->instr_ptr;
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
           FRAME_STATE_SUSPENDED(native_generator(f)->gi_frame_state);
}

static inline int native_line(native_frame *f)
{
    return PyCode_Addr2Line(native_code(f), native_offset(f) * (int)sizeof(_Py_CODEUNIT));
}

/* The opcode of the current instruction, also where a line event hides it. */
static inline unsigned native_opcode(native_frame *f)
{
    const _PyCoMonitoringData *data = native_code(f)->_co_monitoring;
    unsigned opcode = native_instruction(f)->op.code;
    if (opcode == INSTRUMENTED_LINE && data != NULL && data->lines != NULL) {
        opcode = data->lines[native_offset(f)].original_opcode;
    }
    if (opcode == INSTRUMENTED_INSTRUCTION && data != NULL &&
        data->per_instruction_opcodes != NULL) {
        opcode = data->per_instruction_opcodes[native_offset(f)];
    }
    return opcode;
}

static inline int native_is_resume(unsigned opcode)
{
    return opcode == RESUME || opcode == RESUME_CHECK || opcode == INSTRUMENTED_RESUME;
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
    return native_is_resume(native_opcode(f)) && (at->op.arg & 3) == 0;
}

static inline int traced_is_throw(native_frame *f)
{
    return !native_is_resume(native_opcode(f));
}

#endif
