/* Why: see debug_writes.h. */
#include "debug_writes.h"

#include "debug_changes.h"
#include "debug_parts.h"
#include "pyerror.h"

#include "alloc.h"

#if HAS_DICT_WATCHERS

struct watched {
    unsigned number;
    PyObject *dict; /* borrowed; NULL: it has ended */
    PyObject *key;  /* owned, of an exact type without Python code */
    long count;
    struct watched *next;
};

static int watcher = -1;
static struct watched *all;

/* Returns the value of a key, borrowed; NULL where there is none. */
static PyObject *value_in(PyObject *dict, PyObject *key)
{
    PyObject *value = PyDict_GetItemWithError(dict, key);
    if (value == NULL) {
        PyErr_Clear(); /* of a key of the program that could not be compared */
    }
    return value;
}

/* Returns whether one value in the place of another changes nothing that can be seen. */
static int is_same(PyObject *old, PyObject *new)
{
    if (old == new || old == NULL || new == NULL || Py_TYPE(old) != Py_TYPE(new)) {
        return old == new;
    }
    int is_atom = PyLong_CheckExact(old) || PyUnicode_CheckExact(old) || PyFloat_CheckExact(old) ||
                  PyBytes_CheckExact(old);
    return is_atom && PyObject_RichCompareBool(old, new, Py_EQ) == 1;
}

static void key_changes(struct watched *watched, PyObject *new)
{
    PyObject *old = value_in(watched->dict, watched->key);
    watched->count += 1;
    if (watched->number == 0 || debug_self.is_inside || debug_self.is_internal ||
        is_same(old, new)) {
        return;
    }
    debug_change_note(watched->number, new != NULL ? "set" : "deleted", old, new,
                      native_current(PyThreadState_Get()));
    if (debug_pause_add(PyThread_get_thread_ident(), 1) > 0) {
        debug_engine.refresh();
        debug_engine.reach_running(1);
    }
    PyErr_Clear(); /* no memory: the write shows at the next stop */
}

static int on_change(PyDict_WatchEvent event, PyObject *dict, PyObject *key, PyObject *new)
{
    struct pyerror error = pyerror_take();
    for (struct watched *one = all; one != NULL; one = one->next) {
        if (one->dict != dict) {
            continue;
        }
        if (event == PyDict_EVENT_DEALLOCATED) {
            one->dict = NULL;
            if (one->number != 0) {
                debug_change_note(one->number, "gone", NULL, NULL, NULL);
            }
        } else if (event == PyDict_EVENT_CLONED) { /* an empty one becomes a copy of `key` */
            PyObject *value = value_in(key, one->key);
            if (value != NULL) {
                key_changes(one, value);
            }
        } else if (event == PyDict_EVENT_CLEARED) {
            if (value_in(dict, one->key) != NULL) {
                key_changes(one, NULL);
            }
        } else if (key == one->key || (Py_TYPE(key) == Py_TYPE(one->key) &&
                                       PyObject_RichCompareBool(key, one->key, Py_EQ) == 1)) {
            key_changes(one, event == PyDict_EVENT_DELETED ? NULL : new);
        }
    }
    pyerror_put_back(&error);
    return 0;
}

int debug_writes_add(unsigned number, PyObject *dict, PyObject *key)
{
    if (!PyUnicode_CheckExact(key) && !PyLong_CheckExact(key) && !PyBytes_CheckExact(key)) {
        PyErr_Format(PyExc_TypeError, "the key is of %s; wanted is a str, an int or bytes",
                     Py_TYPE(key)->tp_name);
        return -1;
    }
    if (watcher < 0 && (watcher = PyDict_AddWatcher(on_change)) < 0) {
        return -1;
    }
    struct watched *one = rl_zalloc(1, sizeof *one);
    if (one == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (PyDict_Watch(watcher, dict) != 0) {
        rl_free(one);
        return -1;
    }
    Py_INCREF(key);
    *one = (struct watched){.number = number, .dict = dict, .key = key, .next = all};
    all = one;
    return 0;
}

/* Frees one that is out of the list. The dictionary reports no more once nothing watches it. */
static void end_watched(struct watched *one)
{
    int is_watched = 0;
    for (const struct watched *other = all; other != NULL; other = other->next) {
        is_watched |= other->dict == one->dict;
    }
    if (one->dict != NULL && !is_watched && PyDict_Unwatch(watcher, one->dict) != 0) {
        PyErr_Clear(); /* the interpreter ends, and its watchers with it */
    }
    Py_DECREF(one->key);
    rl_free(one);
}

long debug_writes_remove(unsigned number)
{
    for (struct watched **at = &all; *at != NULL; at = &(*at)->next) {
        struct watched *one = *at;
        if (one->number == number) {
            long count = one->count;
            *at = one->next;
            end_watched(one);
            return count;
        }
    }
    return -1;
}

void debug_writes_clear(void)
{
    while (all != NULL) {
        struct watched *one = all;
        all = one->next;
        end_watched(one);
    }
    debug_changes_clear();
}

#else

int debug_writes_add(unsigned number, PyObject *dict, PyObject *key)
{
    (void)number;
    (void)dict;
    (void)key;
    PyErr_SetString(PyExc_RuntimeError, "before 3.12 the interpreter reports no writes");
    return -1;
}

long debug_writes_remove(unsigned number)
{
    (void)number;
    return -1;
}

void debug_writes_clear(void)
{
    debug_changes_clear();
}

#endif
