/* Why: CPython 3.8 to 3.10 keep a qualified name in the function object, and a frame does not know
 * its function. But the code that makes the function loads the name as a constant:
 *
 *     LOAD_CONST     <code object f>       the child
 *     LOAD_CONST     'Class.f'             its qualified name
 *     MAKE_FUNCTION
 *
 * When a code object is met first, the names of its children are read from this bytecode. Each name
 * goes into a co_extra slot of the child.
 *
 * The maker of a function may have run before the recording began. Such a function is looked up in
 * the globals of its module, one class deep. If that fails too, it keeps its plain name
 * (docs/compat.md).
 *
 * On every version the slot also holds the name of a generated method (generated.c), which contains
 * its class. Only the first call of the method shows that class.
 *
 * Invariants: a slot owns one reference to its name. Nothing here runs Python code.
 * Threads: under the GIL. */
#include "codename.h"

static Py_ssize_t name_index = -1;

static void drop_stored_name(void *name)
{
    Py_XDECREF((PyObject *)name);
}

int codename_init(void)
{
    name_index = compat_request_extra_index(drop_stored_name);
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

static PyFunctionObject *match_code(PyObject *value, PyCodeObject *code)
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
    PyFunctionObject *found = match_code(value, code);
    if (found != NULL || value == NULL || !PyFunction_Check(value)) {
        return found;
    }
    if (key == NULL && (key = PyUnicode_InternFromString("__wrapped__")) == NULL) {
        PyErr_Clear();
        return NULL;
    }
    PyObject *dict = ((PyFunctionObject *)value)->func_dict;
    return dict != NULL && PyDict_CheckExact(dict) ? match_code(PyDict_GetItem(dict, key), code)
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

static PyObject *read_stored_name(PyCodeObject *code) /* borrowed */
{
    return compat_extra(code, name_index);
}

static void store_name(PyCodeObject *code, PyObject *name)
{
    if (read_stored_name(code) == NULL) {
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

static PyObject *get_constant(PyCodeObject *code, Py_ssize_t i) /* borrowed */
{
    return i < PyTuple_GET_SIZE(code->co_consts) ? PyTuple_GET_ITEM(code->co_consts, i) : NULL;
}

static int is_name_at(PyCodeObject *code, Py_ssize_t i, const char *text)
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
            last = get_constant(code, step.arg);
            continue;
        }
        if (step.opcode == MAKE_FUNCTION && before != NULL && last != NULL &&
            PyCode_Check(before) && PyUnicode_Check(last)) {
            store_name((PyCodeObject *)before, last);
        } else if (step.opcode == STORE_NAME && last != NULL && PyUnicode_Check(last) &&
                   is_name_at(code, step.arg, "__qualname__")) {
            /* A class body is made under its plain name; the full one is what it stores. */
            codename_keep(code, last);
        }
        before = last = NULL;
    }
}

static PyObject *get_function_name(PyObject *value, PyCodeObject *code) /* borrowed */
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
    PyObject *name = get_function_name(PyDict_GetItem(globals, code->co_name), code);
    while (name == NULL && left-- > 0 && PyDict_Next(globals, &at, &key, &value)) {
        PyObject *dict = PyType_Check(value) ? ((PyTypeObject *)value)->tp_dict : NULL;
        if (dict != NULL) {
            name = get_function_name(PyDict_GetItem(dict, code->co_name), code);
        }
    }
    return name;
}

PyObject *codename_get(PyCodeObject *code, PyObject *globals)
{
    PyObject *name = read_stored_name(code);
    if (name == NULL && globals != NULL && PyDict_CheckExact(globals) &&
        code->co_flags & CO_NEWLOCALS) {
        name = search_globals(code, globals);
        if (name != NULL) {
            store_name(code, name);
        }
    }
    Py_XINCREF(name);
    return name;
}

#endif
