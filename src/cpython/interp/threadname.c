/* Why: see threadname.h. */
#include "threadname.h"

#include "instance.h"

PyObject *threadname_registry(void)
{
    static PyObject *active; /* process-wide, owned, interned */
    PyObject *modules = compat_modules();
    PyObject *module = modules != NULL ? PyDict_GetItemString(modules, "threading") : NULL;
    active = active != NULL ? active : PyUnicode_InternFromString("_active");
    if (module == NULL || !PyModule_Check(module) || active == NULL) {
        return NULL;
    }
    PyObject *found = PyDict_GetItem(PyModule_GetDict(module), active);
    return found != NULL && PyDict_CheckExact(found) ? found : NULL;
}

PyObject *threadname_of(unsigned long ident)
{
    static PyObject *attribute; /* process-wide, owned, interned */
    PyObject *threads = threadname_registry();
    PyObject *key = threads != NULL ? PyLong_FromUnsignedLong(ident) : NULL; /* owned */
    PyObject *found = key != NULL ? PyDict_GetItem(threads, key) : NULL;
    Py_XDECREF(key);
    attribute = attribute != NULL ? attribute : PyUnicode_InternFromString("_name");
    found = found != NULL && attribute != NULL ? instance_attribute(found, attribute) : NULL;
    return found != NULL && PyUnicode_CheckExact(found) ? found : NULL;
}

PyObject *threadname_now(void)
{
    return threadname_of(PyThread_get_thread_ident());
}
