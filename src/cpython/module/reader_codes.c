/* Part of reader_object.h.
 * Why: functions of a recording as Python objects: all of them, or those that a name means.
 *
 * Threads: under the GIL. */
#include "reader_object.h"

#include "function_names.h"

static PyObject *make_code_row(const struct reader *r, uint32_t id)
{
    struct code_text code = reader_code(r, id);
    PyObject *variables = PyList_New(0);
    for (uint32_t i = 0; variables != NULL && i < code.name_count; i++) {
        PyObject *name = reader_safe_text(reader_string(r, code.names[i]));
        if (name == NULL || PyList_Append(variables, name) != 0) {
            Py_CLEAR(variables);
        }
        Py_XDECREF(name);
    }
    PyObject *module = reader_safe_text(code.module), *qualname = reader_safe_text(code.qualname),
             *file = reader_safe_text(code.file);
    if (variables == NULL || module == NULL || qualname == NULL || file == NULL) {
        Py_XDECREF(variables);
        Py_XDECREF(module);
        Py_XDECREF(qualname);
        Py_XDECREF(file);
        return NULL;
    }
    uint32_t number = code.flags & RL_CODE_SKIPPED ? code.rule : code.args;
    return Py_BuildValue("(INNNIIIN)", id, module, qualname, file, code.line, code.flags, number,
                         variables);
}

/* [(code, module, qualname, file, line, flags, parameters, variables)] */
PyObject *reader_codes(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    const struct reader *r = reader_enter(self);
    PyObject *list = r != NULL ? PyList_New(0) : NULL;
    for (size_t i = 0; list != NULL && i < r->codes.capacity; i++) {
        if (r->codes.entries[i].key != 0) {
            PyObject *row = make_code_row(r, (uint32_t)r->codes.entries[i].key);
            if (row == NULL || PyList_Append(list, row) != 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(row);
        }
    }
    self->busy = r != NULL ? 0 : self->busy;
    return list;
}

/* Returns the rows of some codes: new. */
static PyObject *list_rows(const struct reader *r, const struct functions_found *found)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < found->count; i++) {
        PyObject *row = make_code_row(r, found->codes[i]);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}

/* functions_at(name): ([row as in codes()], line of FILE:LINE or 0) */
PyObject *reader_functions_at(struct reader_object *self, PyObject *text)
{
    struct functions_found found;
    Py_ssize_t len = 0;
    char *name = NULL;
    PyObject *bytes = PyUnicode_Check(text)
                          ? PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass")
                          : PyErr_Format(PyExc_TypeError, "a name is a str"); /* owned */
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &name, &len) != 0) {
        Py_XDECREF(bytes);
        return NULL;
    }
    PyObject *result = NULL;
    const struct reader *r = reader_enter(self);
    if (r != NULL) {
        if (function_names_all(r, (struct text){name, (size_t)len}, &found) != RL_OK) {
            (void)PyErr_NoMemory();
        } else {
            PyObject *list = list_rows(r, &found);
            result = list != NULL ? Py_BuildValue("(NI)", list, found.line) : NULL;
            functions_found_fini(&found);
        }
        self->busy = 0;
    }
    Py_DECREF(bytes);
    return result;
}
