/* Why: see http_headers.h. Invariants: the names that are kept are ASCII and in lower case, so that
 * a comparison needs no Python code. Threads: under the GIL. */
#include "http_headers.h"

enum { KEPT_MOST = 64 };

/* A header that is kept, as the protocols name it. */
struct kept {
    PyObject *name; /* owned: lower case, a str */
    PyObject *key;  /* owned: in a WSGI environ */
};

static struct kept kept[KEPT_MOST];
static Py_ssize_t kept_count;

PyObject *dict_get(PyObject *dict, PyObject *name)
{
    PyObject *found = PyDict_Check(dict) ? PyDict_GetItemWithError(dict, name) : NULL;
    if (found == NULL) {
        PyErr_Clear();
    }
    return found;
}

/* A name or a value of a header as text: new, or NULL with an exception. */
static PyObject *make_header_text(PyObject *o)
{
    if (PyUnicode_Check(o)) {
        Py_INCREF(o);
        return o;
    }
    if (PyBytes_Check(o)) {
        return PyUnicode_DecodeLatin1(PyBytes_AS_STRING(o), PyBytes_GET_SIZE(o), NULL);
    }
    return PyLong_CheckExact(o) ? PyObject_Str(o)
                                : PyUnicode_FromFormat("<%s>", Py_TYPE(o)->tp_name);
}

const char *header_plain(PyObject *o, Py_ssize_t *len)
{
    if (PyBytes_Check(o)) {
        *len = PyBytes_GET_SIZE(o);
        return PyBytes_AS_STRING(o);
    }
    *len = PyUnicode_Check(o) && TEXT_IS_READY(o) ? PyUnicode_GET_LENGTH(o) : 0;
    return PyUnicode_Check(o) && TEXT_IS_READY(o) && PyUnicode_IS_ASCII(o) ? PyUnicode_DATA(o)
                                                                           : NULL;
}

/* Whether it is that name, which is in lower case. */
static int is_header_named(PyObject *o, PyObject *name)
{
    Py_ssize_t len = 0, n = PyUnicode_GET_LENGTH(name);
    const char *text = header_plain(o, &len), *lower = PyUnicode_DATA(name);
    if (text == NULL || len != n) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
        if (c != lower[i]) {
            return 0;
        }
    }
    return 1;
}

long long header_number(PyObject *o)
{
    Py_ssize_t len = 0;
    const char *text = o != NULL ? header_plain(o, &len) : NULL;
    long long number = text != NULL && len > 0 && len < 19 ? 0 : -1;
    for (Py_ssize_t i = 0; number >= 0 && i < len; i++) {
        number = text[i] >= '0' && text[i] <= '9' ? number * 10 + (text[i] - '0') : -1;
    }
    return number;
}

/* Puts a header into a dictionary of texts; one that cannot be read is left out. */
static void put_header(PyObject *found, PyObject *name, PyObject *value)
{
    PyObject *n = make_header_text(name), *v = make_header_text(value); /* owned */
    if (n == NULL || v == NULL || PyDict_SetItem(found, n, v) != 0) {
        PyErr_Clear();
    }
    Py_XDECREF(n);
    Py_XDECREF(v);
}

/* Returns whether the name is one that headers_keep() was given. */
static int is_header_kept(PyObject *name)
{
    for (Py_ssize_t i = 0; i < kept_count; i++) {
        if (is_header_named(name, kept[i].name)) {
            return 1;
        }
    }
    return 0;
}

/* Name and value of a pair, borrowed; 0: it is none. */
static int is_pair(PyObject *row, PyObject **name, PyObject **value)
{
    int is_tuple = PyTuple_Check(row);
    if ((!is_tuple && !PyList_Check(row)) || Py_SIZE(row) != 2) {
        return 0;
    }
    *name = is_tuple ? PyTuple_GET_ITEM(row, 0) : PyList_GET_ITEM(row, 0);
    *value = is_tuple ? PyTuple_GET_ITEM(row, 1) : PyList_GET_ITEM(row, 1);
    return 1;
}

PyObject *headers_rows(PyObject *headers)
{
    PyObject *items = NULL, *rows = NULL; /* owned */
    if (headers == NULL || headers == Py_None) {
        return NULL;
    }
    if (PyList_Check(headers) || PyTuple_Check(headers)) {
        return PySequence_Fast(headers, "");
    }
    items = PyObject_HasAttrString(headers, "items") ? PyObject_CallMethod(headers, "items", NULL)
                                                     : headers;
    rows = items != NULL ? PySequence_Fast(items, "headers are pairs") : NULL;
    if (items != headers) {
        Py_XDECREF(items);
    }
    if (rows == NULL) {
        PyErr_Clear();
    }
    return rows;
}

PyObject *headers_selected(PyObject *headers)
{
    PyObject *rows = headers_rows(headers), *found = rows != NULL ? PyDict_New() : NULL; /* owned */
    for (Py_ssize_t i = 0; found != NULL && i < PySequence_Fast_GET_SIZE(rows); i++) {
        PyObject *name, *value;
        if (is_pair(PySequence_Fast_GET_ITEM(rows, i), &name, &value) && is_header_kept(name)) {
            put_header(found, name, value);
        }
    }
    Py_XDECREF(rows);
    PyErr_Clear();
    if (found != NULL && PyDict_GET_SIZE(found) == 0) {
        Py_CLEAR(found);
    }
    return found;
}

PyObject *headers_of_environ(PyObject *environ)
{
    PyObject *found = PyDict_New(); /* owned */
    for (Py_ssize_t i = 0; found != NULL && i < kept_count; i++) {
        PyObject *value = dict_get(environ, kept[i].key);
        if (value != NULL) {
            put_header(found, kept[i].name, value);
        }
    }
    return found;
}

PyObject *headers_first(PyObject *rows, const char *name)
{
    PyObject *wanted = PyUnicode_FromString(name), *found = NULL; /* owned */
    for (Py_ssize_t i = 0;
         wanted != NULL && rows != NULL && found == NULL && i < PySequence_Fast_GET_SIZE(rows);
         i++) {
        PyObject *key, *value;
        if (is_pair(PySequence_Fast_GET_ITEM(rows, i), &key, &value) &&
            is_header_named(key, wanted)) {
            found = make_header_text(value);
        }
    }
    Py_XDECREF(wanted);
    PyErr_Clear();
    return found;
}

int headers_keep(PyObject *rows)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(rows); i++) {
        PyObject *name, *key;
        if (!is_pair(PyList_GET_ITEM(rows, i), &name, &key) || !PyUnicode_Check(name) ||
            !PyUnicode_IS_ASCII(name) || !PyUnicode_Check(key)) {
            PyErr_SetString(PyExc_TypeError, "names of headers are pairs of ASCII texts");
            return -1;
        }
    }
    for (; kept_count > 0; kept_count--) {
        Py_CLEAR(kept[kept_count - 1].name);
        Py_CLEAR(kept[kept_count - 1].key);
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(rows) && i < KEPT_MOST; i++) {
        PyObject *name = NULL, *key = NULL;
        if (!is_pair(PyList_GET_ITEM(rows, i), &name, &key)) {
            continue; /* cannot be: it was one */
        }
        Py_INCREF(name);
        Py_INCREF(key);
        kept[kept_count++] = (struct kept){name, key};
    }
    return 0;
}
