/* CPython 3.13: what is its own in a frame. */
#ifndef FRAME_313_H
#define FRAME_313_H

#include <internal/pycore_frame.h>
#include <opcode.h>

#define NATIVE_CURRENT(ts)             ((ts)->current_frame)
#define NATIVE_CODE(f)                 ((PyCodeObject *)(f)->f_executable)
#define NATIVE_INSTRUCTION(f)          ((f)->instr_ptr)
#define NATIVE_IS_SHIM(f)              ((f)->owner >= FRAME_OWNED_BY_CSTACK)
#define NATIVE_IS_SUSPENDED(generator) FRAME_STATE_SUSPENDED((generator)->gi_frame_state)
#define NATIVE_OPCODE(f)               opcode_of(f)
#define NATIVE_OPARG(f)                ((f)->instr_ptr->op.arg)
#define NATIVE_IS_RESUME(opcode)                                                                   \
    ((opcode) == RESUME || (opcode) == RESUME_CHECK || (opcode) == INSTRUMENTED_RESUME)

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

#endif
