/* Why: see monitoring.h. */
#include "monitoring.h"

#include "pyerror.h"

#if CAN_MONITOR

struct callback {
    PyObject_HEAD vectorcallfunc vectorcall;
};

static PyMemberDef callback_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(struct callback, vectorcall), Py_READONLY,
     NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot callback_slots[] = {
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, callback_members},
    {0, NULL},
};

static PyType_Spec callback_spec = {
    .name = "relive._core.callback",
    .basicsize = sizeof(struct callback),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = callback_slots,
};

static PyObject *get_monitoring_module(void) /* borrowed */
{
    PyObject *module = PySys_GetObject("monitoring");
    if (module == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "sys.monitoring is not there");
    }
    return module;
}

/* Takes the result of a call that gives nothing. */
static int discard_result(PyObject *result)
{
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

PyObject *monitoring_disable(void)
{
    static PyObject *disable; /* process-wide, owned */
    PyObject *module = get_monitoring_module();
    if (disable == NULL && module != NULL) {
        disable = PyObject_GetAttrString(module, "DISABLE");
    }
    return disable;
}

/* Returns 1 where the id is free, 0 where it is taken or that is not known. */
static int is_tool_free(int id)
{
    PyObject *module = get_monitoring_module();
    PyObject *name = module != NULL ? PyObject_CallMethod(module, "get_tool", "i", id) : NULL;
    int is_none = name == Py_None;
    Py_XDECREF(name);
    PyErr_Clear();
    return is_none;
}

int monitoring_choose(int wanted)
{
    static const int order[] = {4, 3, 5};
    if (wanted >= 0) {
        return is_tool_free(wanted) ? wanted : -1;
    }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (is_tool_free(order[i])) {
            return order[i];
        }
    }
    return -1;
}

int monitoring_take(int wanted, int *tool)
{
    PyObject *module = get_monitoring_module();
    int id = monitoring_choose(wanted);
    *tool = -1;
    if (module == NULL || id < 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_RuntimeError, "no tool id of sys.monitoring is free");
        }
        return -1;
    }
    if (discard_result(PyObject_CallMethod(module, "use_tool_id", "is", id, "relive")) != 0) {
        return -1;
    }
    *tool = id;
    return 0;
}

/* Whether the id bears our name. */
static int is_named_ours(int tool)
{
    PyObject *module = get_monitoring_module();
    PyObject *name = module != NULL ? PyObject_CallMethod(module, "get_tool", "i", tool) : NULL;
    int is_ours = name != NULL && PyUnicode_Check(name) &&
                  PyUnicode_CompareWithASCIIString(name, "relive") == 0;
    Py_XDECREF(name);
    PyErr_Clear();
    return is_ours;
}

void monitoring_free(int tool)
{
    struct pyerror error = pyerror_take();
    PyObject *module = get_monitoring_module();
    /* The program may have freed our id: then nothing is left to give back. */
    if (is_named_ours(tool) &&
        (discard_result(PyObject_CallMethod(module, "set_events", "ii", tool, 0)) != 0 ||
         discard_result(PyObject_CallMethod(module, "free_tool_id", "i", tool)) != 0)) {
        PyErr_Clear();
    }
    pyerror_put_back(&error);
}

int monitoring_register(int tool, const char *event, vectorcallfunc function, long *bit)
{
    static PyObject *callback_type; /* process-wide, owned: callbacks outlive the module */
    PyObject *module = get_monitoring_module();
    if (module == NULL ||
        (callback_type == NULL && (callback_type = PyType_FromSpec(&callback_spec)) == NULL)) {
        return -1;
    }
    PyObject *events = PyObject_GetAttrString(module, "events");                      /* owned */
    PyObject *number = events != NULL ? PyObject_GetAttrString(events, event) : NULL; /* owned */
    struct callback *callback = PyObject_New(struct callback, (PyTypeObject *)callback_type);
    int failed = number == NULL || callback == NULL;
    if (!failed) {
        callback->vectorcall = function;
        *bit = PyLong_AsLong(number);
        failed = discard_result(PyObject_CallMethod(module, "register_callback", "iOO", tool,
                                                    number, (PyObject *)callback));
    }
    Py_XDECREF((PyObject *)callback);
    Py_XDECREF(number);
    Py_XDECREF(events);
    return failed ? -1 : 0;
}

int monitoring_set(int tool, long events)
{
    PyObject *module = get_monitoring_module();
    return module == NULL
               ? -1
               : discard_result(PyObject_CallMethod(module, "set_events", "il", tool, events));
}

int monitoring_set_local(int tool, PyCodeObject *code, long events)
{
    PyObject *module = get_monitoring_module();
    return module == NULL ? -1
                          : discard_result(PyObject_CallMethod(module, "set_local_events", "iOl",
                                                               tool, (PyObject *)code, events));
}

int monitoring_restart(void)
{
    PyObject *module = get_monitoring_module();
    return module == NULL ? -1
                          : discard_result(PyObject_CallMethod(module, "restart_events", NULL));
}

int monitoring_is_ours(int tool)
{
    PyObject *module = get_monitoring_module();
    PyObject *mask = module != NULL ? PyObject_CallMethod(module, "get_events", "i", tool) : NULL;
    int is_ours = mask != NULL && PyObject_IsTrue(mask) == 1 && is_named_ours(tool);
    Py_XDECREF(mask);
    PyErr_Clear();
    return is_ours;
}

#endif
