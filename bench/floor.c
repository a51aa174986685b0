/* Callbacks that do nothing: the least that a recorder can cost. From 3.12 on `empty` is registered
 * with sys.monitoring. Before, an evaluator calls the interpreter's own. */
#if PY_MINOR == 8
#define Py_BUILD_CORE
#endif
#include <Python.h>
#include <frameobject.h>
#if PY_MINOR == 8
#include <internal/pycore_pystate.h>
#endif

static PyObject *empty(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self, (void)args, (void)count;
    Py_RETURN_NONE;
}

#if PY_MINOR < 12
#if PY_MINOR == 8
static PyObject *evaluate(PyFrameObject *frame, int is_throw)
{
    return _PyEval_EvalFrameDefault(frame, is_throw);
}
#elif PY_MINOR < 11
static PyObject *evaluate(PyThreadState *ts, PyFrameObject *frame, int is_throw)
{
    return _PyEval_EvalFrameDefault(ts, frame, is_throw);
}
#else
static PyObject *evaluate(PyThreadState *ts, struct _PyInterpreterFrame *frame, int is_throw)
{
    return _PyEval_EvalFrameDefault(ts, frame, is_throw);
}
#endif

static int trace(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
{
    (void)self, (void)frame, (void)what, (void)arg;
    return 0;
}

static PyObject *hook(PyObject *self, PyObject *args)
{
    int is_on, has_lines;
    (void)self;
    if (!PyArg_ParseTuple(args, "pp", &is_on, &has_lines)) {
        return NULL;
    }
    _PyFrameEvalFunction wanted = is_on ? evaluate : _PyEval_EvalFrameDefault;
#if PY_MINOR == 8
    PyThreadState_Get()->interp->eval_frame = wanted;
#else
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), wanted);
#endif
    PyEval_SetTrace(is_on && has_lines ? trace : NULL, NULL);
    Py_RETURN_NONE;
}
#endif

static PyMethodDef methods[] = {
    {"empty", (PyCFunction)(void (*)(void))empty, METH_FASTCALL, NULL},
#if PY_MINOR < 12
    {"hook", hook, METH_VARARGS, NULL},
#endif
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "floor", .m_size = -1,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_floor(void)
{
    return PyModule_Create(&definition);
}
