/* Why: see interpreters.h.
 * Threads: interpreters_exec() runs under another GIL than the rest; recording.lock keeps the
 * recorder from being closed meanwhile. */
#include "interpreters.h"

#include "state.h"

static int64_t last_known; /* when the recording began; identities grow; under recording.lock */

int interpreter_is_main(void)
{
    return PyThreadState_Get()->interp == PyInterpreterState_Main();
}

/* The __getattr__ of the module in another interpreter. */
static PyObject *explain_absence(PyObject *module, PyObject *name)
{
    (void)module;
    PyErr_Format(PyExc_AttributeError,
                 "relive._core has no %R here: only the main interpreter of a process is recorded",
                 name);
    return NULL;
}

static PyMethodDef functions[] = {
    {"__getattr__", explain_absence, METH_O, "Says why there is nothing here."},
    {NULL, NULL, 0, NULL},
};

int interpreters_exec(PyObject *module)
{
    int64_t id = PyInterpreterState_GetID(PyThreadState_Get()->interp);
    os_lock_mutex(&recording.lock);
    if (recording.recorder != NULL && id > last_known) {
        recorder_count_loss(recording.recorder, RL_LOSS_INTERPRETERS, 1);
    }
    os_unlock_mutex(&recording.lock);
    return PyModule_AddFunctions(module, functions);
}

void interpreters_begin(void)
{
    uint64_t others = 0;
    os_lock_mutex(&recording.lock);
    last_known = 0;
    for (PyInterpreterState *one = PyInterpreterState_Head(); one != NULL;
         one = PyInterpreterState_Next(one)) {
        int64_t id = PyInterpreterState_GetID(one);
        others += one != PyInterpreterState_Main();
        last_known = id > last_known ? id : last_known;
    }
    recorder_count_loss(recording.recorder, RL_LOSS_INTERPRETERS, others);
    os_unlock_mutex(&recording.lock);
}
