/* Why: what a code object is called. A method that a library has generated is called after its
 * class (generated.c), which only its first call shows.
 * CPython 3.8 to 3.10 keep a function's qualified name in the function, and a frame does not
 * know its function. The name is a constant of the code that makes the function, though: it is
 * loaded right behind the code object, before MAKE_FUNCTION. So whenever a code object is first
 * seen, the names of what it makes are read from it and kept in a co_extra slot of the child.
 * A function whose maker ran before the recording is looked up in its module's globals, one class
 * deep; what is found neither way keeps its plain name (docs/compat.md). */
#include "codename.h"

static Py_ssize_t name_index = -1;

static void drop(void *name)
{
    Py_XDECREF((PyObject *)name);
}

int codename_init(void)
{
    name_index = compat_request_extra_index(drop);
    if (name_index < 0) {
        PyErr_SetString(PyExc_RuntimeError, "no co_extra index left in this interpreter");
        return -1;
    }
    return 0;
}

void codename_keep(PyCodeObject *code, PyObject *name)
{
    Py_INCREF(name);
    if (compat_set_extra((PyObject *)code, name_index, name) != 0) {
        PyErr_Clear();
        Py_DECREF(name);
    }
}

static PyFunctionObject *with_code(PyObject *value, PyCodeObject *code)
{
    return value != NULL && PyFunction_Check(value) &&
                   PyFunction_GET_CODE(value) == (PyObject *)code
               ? (PyFunctionObject *)value
               : NULL;
}

PyFunctionObject *codename_function(PyObject *value, PyCodeObject *code)
{
    static PyObject *key; /* process-wide, interned */
    if (value != NULL &&
        (PyObject_TypeCheck(value, &PyStaticMethod_Type) ||
         PyObject_TypeCheck(value, &PyClassMethod_Type) || Py_TYPE(value) == &PyProperty_Type)) {
        /* The three have the same layout: the callable comes first. */
        value = *(PyObject **)(void *)((char *)value + sizeof(PyObject));
    }
    PyFunctionObject *found = with_code(value, code);
    if (found != NULL || value == NULL || !PyFunction_Check(value)) {
        return found;
    }
    if (key == NULL && (key = PyUnicode_InternFromString("__wrapped__")) == NULL) {
        PyErr_Clear();
        return NULL;
    }
    PyObject *dict = ((PyFunctionObject *)value)->func_dict;
    return dict != NULL && PyDict_CheckExact(dict) ? with_code(PyDict_GetItem(dict, key), code)
                                                   : NULL;
}

#if CODE_HAS_QUALNAME

void codename_learn(PyCodeObject *code)
{
    (void)code;
}

PyObject *codename_get(PyCodeObject *code, PyObject *globals)
{
    PyObject *kept = compat_extra(code, name_index); /* borrowed */
    (void)globals;
    PyObject *name = kept != NULL ? kept : code->co_qualname;
    Py_XINCREF(name);
    return name;
}

#else

#include <opcode.h>

static PyObject *stored(PyCodeObject *code) /* borrowed */
{
    return compat_extra(code, name_index);
}

static void store(PyCodeObject *code, PyObject *name)
{
    if (stored(code) == NULL) {
        codename_keep(code, name);
    }
}

struct step {
    const uint8_t *at, *end;
    int opcode;
    Py_ssize_t arg;
};

static int next_step(struct step *step)
{
    Py_ssize_t arg = 0;
    while (step->end - step->at >= 2) {
        int opcode = step->at[0];
        arg = arg << 8 | step->at[1];
        step->at += 2;
        if (opcode != EXTENDED_ARG) {
            step->opcode = opcode;
            step->arg = arg & 0x7fffffff;
            return 1;
        }
    }
    return 0;
}

static PyObject *constant(PyCodeObject *code, Py_ssize_t i) /* borrowed */
{
    return i < PyTuple_GET_SIZE(code->co_consts) ? PyTuple_GET_ITEM(code->co_consts, i) : NULL;
}

static int is_name(PyCodeObject *code, Py_ssize_t i, const char *text)
{
    return i < PyTuple_GET_SIZE(code->co_names) &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(code->co_names, i), text) == 0;
}

void codename_learn(PyCodeObject *code)
{
    struct step step = {NULL, NULL, 0, 0};
    PyObject *before = NULL, *last = NULL; /* borrowed: the last two constants loaded in a row */
    step.at = (const uint8_t *)PyBytes_AS_STRING(code->co_code);
    step.end = step.at + PyBytes_GET_SIZE(code->co_code);
    while (next_step(&step)) {
        if (step.opcode == LOAD_CONST) {
            before = last;
            last = constant(code, step.arg);
            continue;
        }
        if (step.opcode == MAKE_FUNCTION && before != NULL && last != NULL &&
            PyCode_Check(before) && PyUnicode_Check(last)) {
            store((PyCodeObject *)before, last);
        } else if (step.opcode == STORE_NAME && last != NULL && PyUnicode_Check(last) &&
                   is_name(code, step.arg, "__qualname__")) {
            /* A class body is made under its plain name; the full one is what it stores. */
            codename_keep(code, last);
        }
        before = last = NULL;
    }
}

static PyObject *function_name(PyObject *value, PyCodeObject *code) /* borrowed */
{
    PyFunctionObject *function = codename_function(value, code);
    return function != NULL ? function->func_qualname : NULL;
}

static PyObject *search_globals(PyCodeObject *code, PyObject *globals) /* borrowed */
{
    enum { MOST = 5000 };
    PyObject *key, *value;
    Py_ssize_t at = 0;
    int left = MOST;
    PyObject *name = function_name(PyDict_GetItem(globals, code->co_name), code);
    while (name == NULL && left-- > 0 && PyDict_Next(globals, &at, &key, &value)) {
        PyObject *dict = PyType_Check(value) ? ((PyTypeObject *)value)->tp_dict : NULL;
        if (dict != NULL) {
            name = function_name(PyDict_GetItem(dict, code->co_name), code);
        }
    }
    return name;
}

PyObject *codename_get(PyCodeObject *code, PyObject *globals)
{
    PyObject *name = stored(code);
    if (name == NULL && globals != NULL && PyDict_CheckExact(globals) &&
        code->co_flags & CO_NEWLOCALS) {
        name = search_globals(code, globals);
        if (name != NULL) {
            store(code, name);
        }
    }
    Py_XINCREF(name);
    return name;
}

#endif
