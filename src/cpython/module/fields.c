/* Why: what a variable holds is not trusted, and KeyError, TypeError and ValueError say what is
 * wrong with it as Python would. */
#include "fields.h"

PyObject *fields_find(struct fields *fields, const char *name)
{
    return fields->failed || !PyDict_Check(fields->dict) ? NULL
                                                         : PyDict_GetItemString(fields->dict, name);
}

/* Sets the exception for the first value that is wrong; always NULL. */
static void *refuse_field(struct fields *fields, PyObject *type, const char *name)
{
    if (!fields->failed) {
        PyErr_SetString(type, name);
        fields->failed = 1;
    }
    return NULL;
}

PyObject *fields_get(struct fields *fields, const char *name)
{
    PyObject *value = fields_find(fields, name);
    return value != NULL ? value : refuse_field(fields, PyExc_KeyError, name);
}

PyObject *fields_dict(struct fields *fields, const char *name)
{
    PyObject *value = fields_get(fields, name);
    return value == NULL || PyDict_Check(value) ? value
                                                : refuse_field(fields, PyExc_TypeError, name);
}

PyObject *fields_text(struct fields *fields, const char *name)
{
    PyObject *value = fields_get(fields, name);
    return value == NULL || PyUnicode_Check(value) ? value
                                                   : refuse_field(fields, PyExc_TypeError, name);
}

const char *fields_utf8(struct fields *fields, const char *name)
{
    PyObject *value = fields_text(fields, name);
    const char *text = value != NULL ? PyUnicode_AsUTF8(value) : NULL;
    if (text == NULL) {
        fields->failed = 1;
        return "";
    }
    return text;
}

int fields_flag(struct fields *fields, const char *name)
{
    PyObject *value = fields_get(fields, name);
    return value != NULL && PyObject_IsTrue(value) == 1;
}

long long fields_number(struct fields *fields, const char *name, long long low, long long high)
{
    PyObject *value = fields_get(fields, name);
    if (value != NULL && !PyLong_Check(value)) {
        (void)refuse_field(fields, PyExc_TypeError, name);
        return low;
    }
    int overflow = 0;
    long long number = value != NULL ? PyLong_AsLongLongAndOverflow(value, &overflow) : low;
    if (overflow != 0 || number < low || number > high) {
        (void)refuse_field(fields, PyExc_ValueError, name);
        return low;
    }
    return number;
}

PyObject *fields_module(const char *name)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *module = modules != NULL ? PyDict_GetItemString(modules, name) : NULL;
    if (module == NULL) {
        return PyErr_Format(PyExc_ImportError, "there is no module %s", name);
    }
    return module;
}

PyObject *fields_with(PyObject *dict, const char *name, PyObject *value)
{
    PyObject *copy = value != NULL ? PyDict_Copy(dict) : NULL;
    if (copy != NULL && PyDict_SetItemString(copy, name, value) != 0) {
        Py_CLEAR(copy);
    }
    Py_XDECREF(value);
    return copy;
}
