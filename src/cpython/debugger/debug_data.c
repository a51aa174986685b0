/* Part of debug_parts.h: breakpoints on data, which stop when a local or an attribute of one
 * changes.
 *
 * Why: no version reports that a variable is assigned. So the value is hashed where each line of
 * its function begins, and the hash is compared with the last one of the same frame.
 *
 * Invariants: no reference to a value is kept, and none of the program's code runs. A frame's
 * address may be used again, so debug_data_begins() forgets what was seen there. */
#include <string.h>

#include "debug_parts.h"
#include "fingerprint.h"
#include "pyframe.h"

#include "alloc.h"

/* How many frames of a function are followed at once; the oldest is forgotten. */
enum { FRAMES = 64 };

struct debug_watch {
    struct {
        uintptr_t frame; /* 0: none */
        uint64_t word;
    } seen[FRAMES];
    size_t next;
};

/* Returns the hash of a value: by value for int, str and float, else by address and content. */
static uint64_t word_of(PyObject *o)
{
    if (o == NULL) {
        return 1;
    }
    if (PyLong_CheckExact(o) || PyUnicode_CheckExact(o) || PyFloat_CheckExact(o)) {
        uint64_t sum = watch_mix((uint64_t)(uintptr_t)Py_TYPE(o), (uint64_t)PyObject_Hash(o));
        return watch_mix(sum, watch_atom(o));
    }
    uint64_t sum = watch_mix(2, (uint64_t)(uintptr_t)o);
    if (PyList_CheckExact(o)) {
        return watch_mix(sum, watch_list(o));
    }
    if (PyDict_CheckExact(o)) {
        return watch_mix(sum, watch_dict(o));
    }
    if (PyAnySet_CheckExact(o)) {
        return watch_mix(sum, watch_set(o));
    }
    return TYPE_IS_NATIVE(Py_TYPE(o)) ? sum : watch_attributes(sum, o);
}

static PyObject *value_of(const struct debug_site *site, native_frame *frame) /* borrowed or NULL */
{
    PyObject *names = site->point->data;
    Py_ssize_t slot = site->watches.items[0];
    PyObject *value = slot >= 0 ? frame_variable(native_code(frame), frame, slot) : NULL;
    for (Py_ssize_t i = 1; value != NULL && i < PyTuple_GET_SIZE(names); i++) {
        value = instance_attribute(value, PyTuple_GET_ITEM(names, i));
    }
    return value;
}

int debug_data_changed(const struct debug_site *site, native_frame *frame)
{
    struct debug_watch *watch = site->point->watch;
    uint64_t word = word_of(value_of(site, frame));
    for (size_t i = 0; i < FRAMES; i++) {
        if (watch->seen[i].frame == (uintptr_t)frame) {
            int has_changed = watch->seen[i].word != word;
            watch->seen[i].word = word;
            return has_changed;
        }
    }
    size_t at = watch->next++ % FRAMES;
    watch->seen[at].frame = (uintptr_t)frame;
    watch->seen[at].word = word;
    return 0;
}

void debug_data_begins(const struct debug_code *code, native_frame *frame)
{
    const struct debug_watch *last = NULL; /* the sites of one point are neighbours */
    for (uint32_t i = 0; i < code->site_count; i++) {
        struct debug_watch *watch = code->sites[i].point->watch;
        int is_new = watch != NULL && watch != last;
        last = watch;
        for (size_t k = 0; is_new && k < FRAMES; k++) {
            watch->seen[k].frame =
                watch->seen[k].frame != (uintptr_t)frame ? watch->seen[k].frame : 0;
        }
    }
}

/* Sets what a point follows: ("name", "attribute", ...). Returns 0, or -1 with an exception. */
int debug_data_set(struct debug_point *point, PyObject *names)
{
    Py_ssize_t count = PyTuple_Check(names) ? PyTuple_GET_SIZE(names) : 0;
    PyObject *kept = count != 0 ? PyTuple_New(count) : NULL;
    if (kept == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "data is a tuple of names");
        }
        return -1;
    }
    point->data = kept;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (!PyUnicode_CheckExact(name)) {
            PyErr_SetString(PyExc_TypeError, "data is a tuple of names");
            return -1;
        }
        Py_INCREF(name);
        PyUnicode_InternInPlace(&name);
        PyTuple_SET_ITEM(kept, i, name);
    }
    point->watch = rl_zalloc(1, sizeof *point->watch);
    if (point->watch == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}
