/* Part of debug_parts.h: breakpoints on exceptions. The engine reports exceptions; this file
 * decides whether one stops. Python runs only if it does.
 *
 *   RAISED     where it is raised
 *   UNCAUGHT   where it leaves the last frame of the user's code, and only frames of runpy and
 *              threading are above
 *   UNHANDLED  where it leaves the user's code for a library's
 *
 * An exception that unwinds several frames stops once (debug_thread.stopped_next). StopIteration,
 * StopAsyncIteration, GeneratorExit and SystemExit stop only where a breakpoint names them. */
#include <string.h>

#include "debug_parts.h"
#include "pytext.h"
#include "state.h"

#include "alloc.h"

struct catch {
    uint32_t id;
    enum debug_catch when;
    PyObject *name; /* owned str; NULL: any */
};

static struct catch *catches; /* owned */
static size_t catch_count;

void debug_catches_clear(void)
{
    for (size_t i = 0; i < catch_count; i++) {
        Py_XDECREF(catches[i].name);
    }
    rl_free(catches);
    catches = NULL;
    catch_count = 0;
    debugger.catches = 0;
}

int debug_catches_set(PyObject *list)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    struct catch *made = rl_zalloc((size_t)count + 1, sizeof *made);
    if (made == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    debug_catches_clear();
    catches = made;
    for (Py_ssize_t i = 0; i < count; i++) {
        unsigned id, when;
        PyObject *name;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "IIO", &id, &when, &name) ||
            (name != Py_None && !PyUnicode_Check(name))) {
            debug_catches_clear();
            return -1;
        }
        Py_INCREF(name);
        made[i] = (struct catch){id, (enum debug_catch)when, name != Py_None ? name : NULL};
        if (name == Py_None) {
            Py_DECREF(name);
        }
        debugger.catches |= when;
        catch_count++;
    }
    debug_engine.refresh();
    return 0;
}

/* Returns whether `name` means the class: its name, or module and name with a dot between. */
static int is_called(PyTypeObject *type, PyObject *name)
{
    const char *wanted = PyUnicode_AsUTF8(name);
    const char *dot = strrchr(type->tp_name, '.');
    const char *last = dot != NULL ? dot + 1 : type->tp_name;
    const char *wanted_dot = wanted != NULL ? strrchr(wanted, '.') : NULL;
    if (wanted == NULL) {
        PyErr_Clear();
        return 0;
    }
    if (strcmp(wanted, type->tp_name) == 0 || strcmp(wanted, last) == 0) {
        return 1;
    }
    /* tp_name of a class made in Python has no module. */
    PyObject *module = wanted_dot != NULL && type->tp_dict != NULL
                           ? PyDict_GetItemString(type->tp_dict, "__module__")
                           : NULL;
    return module != NULL && PyUnicode_Check(module) && strcmp(wanted_dot + 1, last) == 0 &&
           PyUnicode_GET_LENGTH(module) == wanted_dot - wanted &&
           strncmp(PyUnicode_AsUTF8(module), wanted, (size_t)(wanted_dot - wanted)) == 0;
}

static int is_control_flow(PyTypeObject *type)
{
    PyObject *const quiet[] = {PyExc_StopIteration, PyExc_StopAsyncIteration, PyExc_GeneratorExit,
                               PyExc_SystemExit};
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++) {
        if (PyType_IsSubtype(type, (PyTypeObject *)quiet[i])) {
            return 1;
        }
    }
    return 0;
}

static int is_wanted(const struct catch *one, enum debug_catch when, PyTypeObject *type)
{
    if (one->when != when) {
        return 0;
    }
    if (one->name == NULL) {
        return !is_control_flow(type);
    }
    PyObject *order = type->tp_mro;
    for (Py_ssize_t i = 0; order != NULL && i < PyTuple_GET_SIZE(order); i++) {
        PyObject *base = PyTuple_GET_ITEM(order, i);
        if (PyType_Check(base) && is_called((PyTypeObject *)base, one->name)) {
            return 1;
        }
    }
    return 0;
}

/* Returns the ids of the breakpoints that stop: a new list, NULL for none. */
static PyObject *list_wanted(enum debug_catch when, PyTypeObject *type)
{
    PyObject *ids = NULL;
    for (size_t i = 0; i < catch_count; i++) {
        if (is_wanted(&catches[i], when, type)) {
            PyObject *id = PyLong_FromUnsignedLong(catches[i].id);
            if (id == NULL || (ids == NULL && (ids = PyList_New(0)) == NULL) ||
                PyList_Append(ids, id) != 0) {
                PyErr_Clear();
            }
            Py_XDECREF(id);
        }
    }
    return ids;
}

static PyTypeObject *type_of(PyObject *exception)
{
    return PyType_Check(exception) ? (PyTypeObject *)exception : Py_TYPE(exception);
}

int debugger_raised(native_frame *frame, PyObject *exception)
{
    struct debug_thread *t = &debug_self;
    const struct debug_code *code = debugger_code_of(frame);
    if (t->is_inside || t->is_internal || exception == NULL || code == NULL || !code->is_users) {
        return 0;
    }
    PyObject *ids = list_wanted(CATCH_RAISED, type_of(exception));
    if (ids == NULL) {
        return 0;
    }

    return debugger_stop(frame, compat_frame_object(frame), "exception", ids, exception);
}

/* Returns whether only runpy and threading are above, which start programs and threads. */
static int is_last(native_frame *caller)
{
    for (; caller != NULL; caller = native_caller(caller)) {
        char name[16];
        pytext_module_name(native_globals(caller), name, sizeof name);
        if (strcmp(name, "runpy") != 0 && strcmp(name, "threading") != 0) {
            return 0;
        }
    }
    return 1;
}

/* Returns whether the code is of the import machinery. C calls it too, and catches what it raises
 * though no Python frame is above. */
static int is_importing(const struct debug_code *code)
{
    const char *module = code->module != NULL ? PyUnicode_AsUTF8(code->module) : NULL;
    if (module == NULL) {
        PyErr_Clear();
        return 0;
    }
    return strcmp(module, "zipimport") == 0 || strncmp(module, "importlib", 9) == 0;
}

int debugger_unwound(PyCodeObject *code, native_frame *caller, PyFrameObject *object,
                     PyObject *exception)
{
    struct debug_thread *t = &debug_self;
    if (t->is_inside || t->is_internal || exception == NULL) {
        return 0;
    }
    const struct debug_code *own = debugger_known(code);
    if (own == NULL || !own->is_users) {
        return 0;
    }
    PyObject *ids = (debugger.catches & CATCH_UNCAUGHT) && !is_importing(own) && is_last(caller)
                        ? list_wanted(CATCH_UNCAUGHT, type_of(exception))
                        : NULL;
    if (ids == NULL && (debugger.catches & CATCH_UNHANDLED)) {
        ids = list_wanted(CATCH_UNHANDLED, type_of(exception));
    }
    if (ids == NULL) {
        return 0;
    }
    t->stopped_next = (uintptr_t)caller;
    /* The frame has ended, so a step from here continues in the caller. */
    return debugger_stop(caller, object, "exception", ids, exception);
}
