/* CPython 3.12: what is its own in a frame. */
#ifndef FRAME_312_H
#define FRAME_312_H

#include <internal/pycore_frame.h>
#include <opcode.h>

#define NATIVE_SENT(f) ((f)->stacktop > 0 ? (f)->localsplus[(f)->stacktop - 1] : NULL)

#define NATIVE_CURRENT(ts)             ((ts)->cframe->current_frame)
#define NATIVE_CODE(f)                 ((f)->f_code)
#define NATIVE_SLOT(f, i)              ((f)->localsplus[i])
#define NATIVE_INSTRUCTION(f)          ((f)->prev_instr)
#define NATIVE_IS_SHIM(f)              ((f)->owner >= FRAME_OWNED_BY_CSTACK)
#define NATIVE_IS_SUSPENDED(generator) ((generator)->gi_frame_state == FRAME_SUSPENDED)
#define NATIVE_OPCODE(f)                                                                           \
    opcode_at(NATIVE_CODE(f), NATIVE_INSTRUCTION(f) - _PyCode_CODE(NATIVE_CODE(f)))
#define NATIVE_OPARG(f)          ((f)->prev_instr->op.arg)
#define NATIVE_IS_RESUME(opcode) ((opcode) == RESUME || (opcode) == INSTRUMENTED_RESUME)

/* The opcode under INSTRUMENTED_LINE. */
#define NATIVE_LINE_OPCODE(data, at) ((data)->lines[at].original_opcode)

#include "frame_native.h"

/* In a trace function's return event: the current instruction is one that returns. */
static inline int traced_is_at_return(native_frame *f)
{
    unsigned opcode = NATIVE_OPCODE(f);
    return opcode == RETURN_VALUE || opcode == RETURN_CONST ||
           opcode == INSTRUMENTED_RETURN_VALUE || opcode == INSTRUMENTED_RETURN_CONST;
}

#endif
