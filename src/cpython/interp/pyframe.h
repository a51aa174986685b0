/* Parameters and variables of a frame, by slot. Inline: they are read at each call. */
#ifndef PYFRAME_H
#define PYFRAME_H

#include "compat.h"

#include "header.h"

/* How many parameters are captured; they are the first slots. */
static inline uint32_t code_parameters(const PyCodeObject *code)
{
    uint32_t n = (uint32_t)(code->co_argcount + code->co_kwonlyargcount) +
                 ((code->co_flags & CO_VARARGS) != 0) + ((code->co_flags & CO_VARKEYWORDS) != 0);
    return n < CODE_NAMES_MAX ? n : CODE_NAMES_MAX;
}

/* The variable in a slot, taken out of its cell: borrowed, NULL where it is not bound. */
static inline PyObject *frame_variable(PyCodeObject *code, native_frame *frame, Py_ssize_t slot)
{
    PyObject *value = native_slot(frame, slot);
    if (value != NULL && native_is_cell(code, slot) && PyCell_Check(value)) {
        value = PyCell_GET(value);
    }
    return value;
}

#endif
