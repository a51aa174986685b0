/* CPython 3.14: what is its own in a frame. */
#ifndef FRAME_314_H
#define FRAME_314_H

#include <internal/pycore_frame.h>
#include <internal/pycore_interpframe.h>
#include <opcode.h>

#define NATIVE_CURRENT(ts) ((ts)->current_frame)
#define NATIVE_CODE(f)     ((PyCodeObject *)PyStackRef_AsPyObjectBorrow((f)->f_executable))
#define NATIVE_SLOT(f, i)  borrow_stack_ref((f)->localsplus[i])
#define NATIVE_SENT(f)                                                                             \
    ((f)->stackpointer != NULL && (f)->stackpointer > (f)->localsplus                              \
         ? borrow_stack_ref((f)->stackpointer[-1])                                                 \
         : NULL)
#define NATIVE_INSTRUCTION(f) ((f)->instr_ptr)
/* The frame that cleans up after an inlined __init__ is a shim too. Its code has no events and is
 * in memory that cannot be written. */
#define NATIVE_IS_SHIM(f)                                                                          \
    ((f)->owner >= FRAME_OWNED_BY_INTERPRETER ||                                                   \
     (NATIVE_CODE(f)->co_flags & CO_NO_MONITORING_EVENTS) != 0)
#define NATIVE_IS_SUSPENDED(generator) FRAME_STATE_SUSPENDED((generator)->gi_frame_state)
#define NATIVE_OPCODE(f)                                                                           \
    opcode_at(NATIVE_CODE(f), NATIVE_INSTRUCTION(f) - _PyCode_CODE(NATIVE_CODE(f)))
#define NATIVE_OPARG(f) ((f)->instr_ptr->op.arg)
#define NATIVE_IS_RESUME(opcode)                                                                   \
    ((opcode) == RESUME || (opcode) == RESUME_CHECK || (opcode) == INSTRUMENTED_RESUME)
#define NATIVE_IS_YIELD(opcode) ((opcode) == YIELD_VALUE || (opcode) == INSTRUMENTED_YIELD_VALUE)

static inline PyObject *borrow_stack_ref(_PyStackRef ref) /* borrowed, or NULL */
{
    return PyStackRef_IsNull(ref) || PyStackRef_IsTaggedInt(ref) ? NULL
                                                                 : PyStackRef_AsPyObjectBorrow(ref);
}

/* The opcode under INSTRUMENTED_LINE. */
#define NATIVE_LINE_OPCODE(data, at) ((data)->lines->data[(at) * (data)->lines->bytes_per_entry])

#include "frame_native.h"

#endif
