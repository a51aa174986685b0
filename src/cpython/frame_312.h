/* CPython 3.12: what is its own in a frame. */
#ifndef FRAME_312_H
#define FRAME_312_H

#include <internal/pycore_frame.h>
#include <opcode.h>

#define NATIVE_CURRENT(ts)             ((ts)->cframe->current_frame)
#define NATIVE_CODE(f)                 ((f)->f_code)
#define NATIVE_INSTRUCTION(f)          ((f)->prev_instr)
#define NATIVE_IS_SHIM(f)              ((f)->owner >= FRAME_OWNED_BY_CSTACK)
#define NATIVE_IS_SUSPENDED(generator) ((generator)->gi_frame_state == FRAME_SUSPENDED)
#define NATIVE_OPCODE(f)               opcode_of(f)
#define NATIVE_OPARG(f)                ((f)->prev_instr->op.arg)
#define NATIVE_IS_RESUME(opcode)       ((opcode) == RESUME || (opcode) == INSTRUMENTED_RESUME)

static inline unsigned opcode_of(struct _PyInterpreterFrame *f)
{
    const PyCodeObject *code = NATIVE_CODE(f);
    const _PyCoMonitoringData *data = code->_co_monitoring;
    Py_ssize_t at = NATIVE_INSTRUCTION(f) - _PyCode_CODE(code);
    unsigned opcode = NATIVE_INSTRUCTION(f)->op.code;
    if (opcode == INSTRUMENTED_LINE && data != NULL && data->lines != NULL) {
        opcode = data->lines[at].original_opcode;
    }
    if (opcode == INSTRUMENTED_INSTRUCTION && data != NULL &&
        data->per_instruction_opcodes != NULL) {
        opcode = data->per_instruction_opcodes[at];
    }
    return opcode;
}

#include "frame_native.h"

/* In a trace function's return event: the frame stands at an instruction that returns. */
static inline int traced_is_at_return(native_frame *f)
{
    unsigned opcode = NATIVE_OPCODE(f);
    return opcode == RETURN_VALUE || opcode == RETURN_CONST ||
           opcode == INSTRUMENTED_RETURN_VALUE || opcode == INSTRUMENTED_RETURN_CONST;
}

#endif
