/* Part of debug_parts.h: what is assigned at a stop reaches the program.
 *
 * Why: up to 3.12 frame.f_locals of a function is a copy. A second read of it undoes what was
 * written there. The interpreter's way back writes the whole copy, and so also what other threads
 * have changed in the meantime. So one name is written, at once, and nothing else.
 *
 * Invariant: a frame without PyFrameObject of its own is never touched; under the GIL. */
#include "debug_parts.h"
#include "pyframe.h"

#if LOCALS_WRITE_THROUGH

int debug_assign(PyFrameObject *object, PyObject *name, PyObject *value)
{
    (void)object;
    (void)name;
    (void)value;
    return 0; /* the interpreter's own f_locals does it */
}

#else

int debug_assign(PyFrameObject *object, PyObject *name, PyObject *value)
{
    native_frame *frame = native_of(object);
    PyCodeObject *code = native_code(frame);
    Py_ssize_t slot = code->co_flags & CO_OPTIMIZED ? debug_slot(code, name) : -1;
    if (slot < 0) {
        return 0;
    }
    if (!native_was_started(frame)) {
        PyErr_Format(PyExc_ValueError, "%U has no place yet: its function has not begun", name);
        return -1;
    }
    if (value == NULL && frame_variable(code, frame, slot) == NULL) {
        PyErr_Format(PyExc_NameError, "name %R has no value", name);
        return -1;
    }
    if (value == NULL && LOCALS_STAY_BOUND && !native_is_cell(code, slot)) {
        /* The interpreter's own way back does the same, with a warning of its own. */
        if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                             "%U is None now: in this version of Python a variable of a running "
                             "function cannot be deleted",
                             name) != 0) {
            return -1;
        }
        value = Py_None;
    }
    frame_set_variable(code, frame, slot, value);
    return 1;
}

#endif
