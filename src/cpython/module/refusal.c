/* Why: see refusal.h. */
#include "refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pyerror.h"

#include "status.h"

/* Owned, for as long as the process: a module that is imported again raises the same class. */
static PyObject *core_error; /* process-wide, owned */

int refusal_init(PyObject *module)
{
    if (core_error == NULL) {
        core_error = PyErr_NewException("relive._core.Error", NULL, NULL);
    }
    Py_XINCREF(core_error);
    return core_error != NULL ? PyModule_AddObject(module, "Error", core_error) : -1;
}

void *refusal_raise(rl_status status, const char *text)
{
    PyObject *why = PyUnicode_DecodeFSDefault(text);
    if (status == RL_NOMEM && why != NULL) {
        PyErr_SetObject(PyExc_MemoryError, why);
        Py_DECREF(why);
        return NULL;
    }
    PyObject *args = Py_BuildValue("(sN)", status_code(status), why);
    if (args != NULL) {
        PyErr_SetObject(core_error, args);
        Py_DECREF(args);
    }
    return NULL;
}

void *refuse(rl_status status, const char *format, ...)
{
    char text[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return refusal_raise(status, text);
}

void refusal_raise_text(rl_status status, PyObject *text)
{
    PyObject *args = Py_BuildValue("(sO)", status_code(status), text); /* owned */
    if (args != NULL) {
        PyErr_SetObject(core_error, args);
        Py_DECREF(args);
    }
}

PyObject *refusal_take(void)
{
    struct pyerror error = pyerror_take_instance();
    PyObject *args =
        error.value != NULL ? PyObject_GetAttrString(error.value, "args") : NULL; /* owned */
    /* (code, text), or (text) where memory has ended */
    Py_ssize_t n = args != NULL && PyTuple_Check(args) ? PyTuple_GET_SIZE(args) : 0;
    PyObject *text = n != 0 ? PyObject_Str(PyTuple_GET_ITEM(args, n - 1)) : NULL;
    PyErr_Clear();
    Py_XDECREF(args);
    pyerror_drop(&error);
    return text;
}

PyObject *refusal_class(void)
{
    return core_error;
}

int refusal_is(rl_status status)
{
    PyObject *args = NULL; /* owned */
    int is_same = 0;
    struct pyerror error = pyerror_take_instance();
    if (error.type == core_error && (args = PyObject_GetAttrString(error.value, "args")) != NULL) {
        const char *code;
        is_same = PyTuple_Check(args) && PyTuple_GET_SIZE(args) == 2 &&
                  PyUnicode_Check(PyTuple_GET_ITEM(args, 0)) &&
                  (code = PyUnicode_AsUTF8(PyTuple_GET_ITEM(args, 0))) != NULL &&
                  strcmp(code, status_code(status)) == 0;
        Py_DECREF(args);
    }
    pyerror_put_back(&error);
    return is_same;
}
