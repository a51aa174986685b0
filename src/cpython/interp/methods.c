/* Why: see methods.h. */
#include "methods.h"

int methods_exchange(PyObject *module, const char *name, int flags, PyCFunction ours,
                     PyCFunction *old)
{
    const int convention = METH_VARARGS | METH_KEYWORDS | METH_NOARGS | METH_O | METH_FASTCALL;
    PyObject *object = PyObject_GetAttrString(module, name); /* owned; the module keeps it too */
    if (object == NULL || !PyCFunction_Check(object) ||
        (((PyCFunctionObject *)object)->m_ml->ml_flags & convention) != flags) {
        Py_XDECREF(object);
        PyErr_Format(PyExc_RuntimeError, "os.%s is not the interpreter's own", name);
        return -1;
    }
    PyMethodDef *method = ((PyCFunctionObject *)object)->m_ml;
    if (method->ml_meth != ours) {
        *old = method->ml_meth;
        method->ml_meth = ours;
    }
    Py_DECREF(object);
    return 0;
}
