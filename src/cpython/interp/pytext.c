/* Why: see pytext.h. */
#include "pytext.h"

#include <string.h>

#include "pyerror.h"

#include "utf8.h"

size_t pytext_put(PyObject *text, uint8_t *out, size_t size)
{
    if (text == NULL || !PyUnicode_Check(text)) {
        out[0] = '?';
        return 1;
    }
    const void *data = PyUnicode_DATA(text);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    if (PyUnicode_IS_ASCII(text) && (size_t)length + 3 <= size) {
        memcpy(out, data, (size_t)length);
        return (size_t)length;
    }
    int kind = PyUnicode_KIND(text);
    uint8_t *p = out;
    for (Py_ssize_t i = 0; i < length && (size_t)(p - out) + 4 <= size; i++) {
        p = utf8_put(p, PyUnicode_READ(kind, data, i));
    }
    return (size_t)(p - out);
}

PyObject *pytext_global(PyObject *globals, PyObject **key, const char *name)
{
    if (*key == NULL && (*key = PyUnicode_InternFromString(name)) == NULL) {
        PyErr_Clear();
        return NULL;
    }
    if (globals == NULL || !PyDict_Check(globals)) {
        return NULL;
    }
    PyObject *text = PyDict_GetItemWithError(globals, *key);
    if (text == NULL) {
        PyErr_Clear();
    }
    return text != NULL && PyUnicode_Check(text) ? text : NULL;
}

PyObject *pytext_module(PyObject *globals)
{
    static PyObject *key; /* process-wide, interned */
    return pytext_global(globals, &key, "__name__");
}

void pytext_module_name(PyObject *globals, char *text, size_t size)
{
    struct pyerror error = pyerror_take();
    size_t n = pytext_put(pytext_module(globals), (uint8_t *)text, size - 1);
    text[n] = 0;
    pyerror_put_back(&error);
}
