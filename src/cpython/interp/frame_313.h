/* CPython 3.13: what is its own in a frame. */
#ifndef FRAME_313_H
#define FRAME_313_H

#include <internal/pycore_frame.h>
#include <opcode.h>

#define NATIVE_CURRENT(ts)    ((ts)->current_frame)
#define NATIVE_CODE(f)        ((PyCodeObject *)(f)->f_executable)
#define NATIVE_SLOT(f, i)     ((f)->localsplus[i])
#define NATIVE_SENT(f)        ((f)->stacktop > 0 ? (f)->localsplus[(f)->stacktop - 1] : NULL)
#define NATIVE_INSTRUCTION(f) ((f)->instr_ptr)
/* The frame that cleans up after an inlined __init__ is a shim too. Its code has no events and is
 * in memory that cannot be written. */
#define NATIVE_IS_SHIM(f)                                                                          \
    ((f)->owner >= FRAME_OWNED_BY_CSTACK ||                                                        \
     (NATIVE_CODE(f)->co_flags & CO_NO_MONITORING_EVENTS) != 0)
#define NATIVE_IS_SUSPENDED(generator) FRAME_STATE_SUSPENDED((generator)->gi_frame_state)
#define NATIVE_OPCODE(f)                                                                           \
    opcode_at(NATIVE_CODE(f), NATIVE_INSTRUCTION(f) - _PyCode_CODE(NATIVE_CODE(f)))
#define NATIVE_OPARG(f) ((f)->instr_ptr->op.arg)
#define NATIVE_IS_RESUME(opcode)                                                                   \
    ((opcode) == RESUME || (opcode) == RESUME_CHECK || (opcode) == INSTRUMENTED_RESUME)

/* The opcode under INSTRUMENTED_LINE. */
#define NATIVE_LINE_OPCODE(data, at) ((data)->lines[at].original_opcode)

#include "frame_native.h"

#endif
