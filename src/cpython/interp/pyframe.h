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

#if !LOCALS_WRITE_THROUGH
/* Writes a variable of a frame that has begun: `value` is borrowed, NULL unbinds it. Everything
 * else in the frame stays as it is. The old value may run its __del__. */
static inline void frame_set_variable(PyCodeObject *code, native_frame *frame, Py_ssize_t slot,
                                      PyObject *value)
{
    PyObject **place = native_slot_place(frame, slot);
    if (*place != NULL && native_is_cell(code, slot) && PyCell_Check(*place)) {
        place = &((PyCellObject *)*place)->ob_ref;
    }
    PyObject *old = *place; /* owned */
    Py_XINCREF(value);
    *place = value;
    Py_XDECREF(old);
}
#endif

#endif
