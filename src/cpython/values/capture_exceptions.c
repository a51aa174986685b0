/* Part of capture.h. Why: an exception is its type, its message, and what caused it. The message is
 * what str() returns, but str() may run code of the program and is never called.
 *
 * Invariant: the chain is followed for CAPTURE_CHAIN exceptions, and never in a circle. */
#include <stdio.h>

#include "capture.h"
#include "capture_parts.h"
#include "pytext.h"

/* Writes "[Errno 2] No such file or directory: 'name'", as str() of an OSError does. */
static int put_os_message(struct capture *c, PyObject *exc)
{
    const PyOSErrorObject *e = (PyOSErrorObject *)exc;
    char text[700], name[300], what[200];
    if (!PyObject_TypeCheck(exc, (PyTypeObject *)PyExc_OSError) || e->myerrno == NULL ||
        e->strerror == NULL || !PyLong_CheckExact(e->myerrno) || LONG_COUNT(e->myerrno) > 1 ||
        !PyUnicode_CheckExact(e->strerror)) {
        return 0;
    }
    int has_name = e->filename != NULL && PyUnicode_CheckExact(e->filename);
    int number = LONG_COUNT(e->myerrno) != 0 ? (int)LONG_DIGITS(e->myerrno)[0] : 0;
    name[has_name ? pytext_put(e->filename, (uint8_t *)name, sizeof name - 1) : 0] = 0;
    what[pytext_put(e->strerror, (uint8_t *)what, sizeof what - 1)] = 0;
    int n = has_name ? snprintf(text, sizeof text, "[Errno %d] %s: '%s'", number, what, name)
                     : snprintf(text, sizeof text, "[Errno %d] %s", number, what);
    capture_plain_text(c, e->strerror, capture_type_id(c->lane, &PyUnicode_Type), text, (size_t)n,
                       0);
    return 1;
}

/* Writes what str() would return, as far as that needs no code of the program. */
static void put_message(struct capture *c, PyObject *exc)
{
    PyObject *args = ((PyBaseExceptionObject *)exc)->args;
    Py_ssize_t n = args != NULL && PyTuple_Check(args) ? PyTuple_GET_SIZE(args) : 0;
    if (put_os_message(c, exc)) {
        return;
    }
    int is_syntax = PyObject_TypeCheck(exc, (PyTypeObject *)PyExc_SyntaxError);
    if (n == 0) {
        capture_put_tag(c, RL_VALUE_STR);
        capture_put_number(c, 0);
    } else if (n == 1 || (is_syntax && PyUnicode_CheckExact(PyTuple_GET_ITEM(args, 0)))) {
        capture_value(c, PyTuple_GET_ITEM(args, 0));
    } else {
        capture_value(c, args);
    }
}

/* Writes an exception that has no instance yet: its type, and what the instance will be made
 * from. */
static void put_exception_type(struct capture *c, PyTypeObject *type, PyObject *raw)
{
    capture_put_tag(c, RL_VALUE_EXCEPTION);
    capture_identity(c, NULL);
    capture_put_number(c, capture_type_id(c->lane, type));
    capture_put_number(c, type == (PyTypeObject *)PyExc_KeyError ? RL_EXCEPTION_REPR : 0);
    if (raw == NULL || raw == Py_None) {
        capture_put_tag(c, RL_VALUE_STR);
        capture_put_number(c, 0);
    } else if (PyTuple_CheckExact(raw) && PyTuple_GET_SIZE(raw) == 1) {
        capture_value(c, PyTuple_GET_ITEM(raw, 0));
    } else {
        capture_value(c, raw);
    }
    capture_put_tag(c, RL_VALUE_NONE);
    capture_put_tag(c, RL_VALUE_NONE);
}

/* Writes an exception with its chain. */
static void put_exception_instance(struct capture *c, PyObject *exc, unsigned depth, unsigned flags)
{
    if (exc == NULL || exc == Py_None) {
        capture_put_tag(c, RL_VALUE_NONE);
        return;
    }
    if (exc == c->hidden) {
        capture_filtered(c, exc, c->hidden_how);
        return;
    }
    uint32_t type = capture_type_id(c->lane, Py_TYPE(exc));
    if (depth >= CAPTURE_CHAIN || c->depth >= c->limits->depth + CAPTURE_CHAIN || c->p >= c->soft) {
        capture_deep(c, exc, type, 0);
        return;
    }
    if (!capture_enter(c, exc, 0)) {
        return;
    }
    const PyBaseExceptionObject *e = (PyBaseExceptionObject *)exc;
    capture_put_tag(c, RL_VALUE_EXCEPTION);
    capture_identity(c, exc);
    capture_put_number(c, type);
    capture_put_number(
        c, flags | (e->suppress_context ? RL_EXCEPTION_FROM : 0) |
               (Py_TYPE(exc) == (PyTypeObject *)PyExc_KeyError ? RL_EXCEPTION_REPR : 0));
    put_message(c, exc);
    put_exception_instance(c, e->cause, depth + 1, 0);
    put_exception_instance(c, e->context, depth + 1, 0);
    capture_leave(c);
}

void capture_exception(struct capture *c, PyObject *exc, PyObject *raw, unsigned flags)
{
    if (PyType_Check(exc)) {
        put_exception_type(c, (PyTypeObject *)exc, raw);
    } else {
        put_exception_instance(c, exc, 0, flags);
    }
}
