/* Why: in an asynchronous program "who called this" is a task, not a thread. Each step of a task
 * asks for it.
 * What is called here are functions of _asyncio, written in C. */
#include "loops.h"

#include "gate.h"
#include "pyerror.h"
#include "state.h"

/* Process-wide, owned: what _asyncio has, once it was seen, and what holds the running task of
 * trio. `current` is current_task(), or before 3.12 the dictionary of loops and their tasks. */
static PyObject *running_loop, *current, *trio;

#if HAS_NATIVE_CURRENT_TASK
#define CURRENT_NAME      "current_task"
#define CURRENT_CHECK(it) PyCFunction_Check(it)
#else
#define CURRENT_NAME      "_current_tasks"
#define CURRENT_CHECK(it) PyDict_Check(it)
#endif

/* Takes from the module _asyncio what knows the running task. */
static void take_asyncio(PyObject *module)
{
    struct pyerror error = pyerror_take();
    PyObject *loop = PyObject_GetAttrString(module, "_get_running_loop"); /* owned */
    PyObject *tasks = PyObject_GetAttrString(module, CURRENT_NAME);       /* owned */
    if (loop != NULL && tasks != NULL && PyCFunction_Check(loop) && CURRENT_CHECK(tasks)) {
        running_loop = loop;
        current = tasks;
    } else {
        Py_XDECREF(loop);
        Py_XDECREF(tasks);
    }
    pyerror_put_back(&error);
}

void loops_find(void)
{
    PyObject *modules = compat_modules();
    PyObject *module = modules != NULL ? PyDict_GetItemString(modules, "_asyncio") : NULL;
    if (current == NULL && module != NULL && PyModule_Check(module)) {
        take_asyncio(module);
    }
    module = modules != NULL ? PyDict_GetItemString(modules, "trio._core._run") : NULL;
    if (trio == NULL && module != NULL && PyModule_Check(module)) {
        trio = PyDict_GetItemString(PyModule_GetDict(module), "GLOBAL_RUN_CONTEXT");
        Py_XINCREF(trio);
    }
    recording.has_loops = current != NULL || trio != NULL;
}

/* Returns the task that a loop runs: owned, NULL or None. */
static PyObject *get_task_of(PyObject *loop)
{
#if HAS_NATIVE_CURRENT_TASK
    return PyObject_CallFunctionObjArgs(current, loop, NULL);
#else
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(current, &at, &key, &value)) {
        if (key == loop) {
            Py_INCREF(value);
            return value;
        }
    }
    return NULL;
#endif
}

static PyObject *get_asyncio_task(void) /* owned, NULL or None */
{
    PyObject *loop = PyObject_CallObject(running_loop, NULL); /* owned */
    PyObject *task = loop != NULL && loop != Py_None ? get_task_of(loop) : NULL;
    Py_XDECREF(loop);
    return task;
}

/* *is_trio: whose task it is. Owned or NULL. */
static PyObject *get_current_task(int *is_trio)
{
    PyObject *task = current != NULL ? get_asyncio_task() : NULL;
    *is_trio = 0;
    if ((task == NULL || task == Py_None) && trio != NULL) {
        PyErr_Clear();
        Py_XDECREF(task);
        task = PyObject_GetAttrString(trio, "task");
        *is_trio = 1;
    }
    return task;
}

/* The name that the task was given, or got: owned or NULL. A class of the program has methods of
 * its own, which are not called. */
PyObject *loops_name_of(PyObject *task, int is_trio)
{
    PyObject *name = NULL;
    if (is_trio) {
        name = PyObject_GetAttrString(task, "name");
    } else if (TYPE_IS_NATIVE(Py_TYPE(task))) {
        name = PyObject_CallMethod(task, "get_name", NULL);
    }
    PyErr_Clear();
    if (name != NULL && !PyUnicode_CheckExact(name)) {
        Py_CLEAR(name);
    }
    return name;
}

/* Recording is off meanwhile: no Python code is expected to run; if some does, it is not the
 * program's. Owned or NULL. */
PyObject *loops_task_now(struct thread *t, int *is_trio)
{
    uint64_t gate = t != NULL ? gate_suppress(t) : 0;
    recording.outside++;
    PyObject *task = get_current_task(is_trio);
    recording.outside--;
    if (t != NULL) {
        gate_resume(t, gate);
    }
    PyErr_Clear();
    return task;
}

PyObject *loops_task(void)
{
    static Py_ssize_t modules_seen;
    static PyObject *modules; /* process-wide, owned: outlives the interpreter's reference */
    int is_trio;
    if (modules == NULL && (modules = compat_modules()) != NULL) {
        Py_INCREF(modules);
    }
    if (modules != NULL && PyDict_GET_SIZE(modules) != modules_seen) {
        modules_seen = PyDict_GET_SIZE(modules);
        loops_find();
    }
    if (!recording.has_loops) {
        return NULL;
    }
    struct pyerror error = pyerror_take();
    PyObject *task = get_current_task(&is_trio); /* owned */
    if (task == Py_None) {
        Py_CLEAR(task);
    }
    pyerror_put_back(&error);
    return task;
}

uintptr_t loops_task_identity(void)
{
    PyObject *task = loops_task(); /* owned; the loop keeps it */
    uintptr_t identity = (uintptr_t)task;
    Py_XDECREF(task);
    return identity;
}

PyObject *loops_task_name(struct thread *t)
{
    int is_trio;
    PyObject *task = loops_task_now(t, &is_trio); /* owned */
    PyObject *name = task != NULL && task != Py_None ? loops_name_of(task, is_trio) : NULL;
    Py_XDECREF(task);
    return name;
}

int loops_make_tasks(const PyCodeObject *code, PyObject *module)
{
    static const char *const names[] = {"create_task", "ensure_future",      "gather",  "wait",
                                        "run",         "run_until_complete", "wait_for"};
    static const char package[] = "asyncio.";
    if (module == NULL || PyUnicode_GET_LENGTH(module) < (Py_ssize_t)sizeof package) {
        return 0;
    }
    for (size_t i = 0; i < sizeof package - 1; i++) {
        if (PyUnicode_READ_CHAR(module, (Py_ssize_t)i) != (Py_UCS4)package[i]) {
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (PyUnicode_CompareWithASCIIString(code->co_name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}
