/* Part of debug_parts.h: breakpoints on data, which stop when a variable has changed, or an
 * attribute or item of one.
 *
 * Why: no version reports that a variable is assigned; only writes to dictionaries are seen, on
 * some (debug_writes.h). So the value is hashed where each line begins. The hash is compared with
 * the last one of the same frame, or of all frames where the variable is a global.
 *
 * Invariants: no reference to a value is kept but to atoms, and none of the program's code runs. A
 * frame's address may be used again, so debug_data_begins() forgets what was seen there. */
#include <string.h>

#include "debug_changes.h"
#include "debug_parts.h"
#include "fingerprint.h"
#include "pyframe.h"

#include <structmember.h>

#include "alloc.h"

/* How many frames of a function are followed at once; the oldest is forgotten. */
enum { FRAMES = 64 };

/* In place of a frame: what was seen of a global. */
#define EVERY_FRAME ((uintptr_t)1)
#define UNBOUND     ((uint64_t)1) /* in place of a hash: there is no value */

struct debug_watch {
    struct seen {
        uintptr_t frame; /* 0: none */
        uint64_t word;
        PyObject *atom; /* owned: the value, if it is of a type that holds no others; or NULL */
    } seen[FRAMES];
    size_t next;
    PyObject *home; /* owned: the globals that the name is looked up in; NULL: those of each frame,
                     * where it is no local */
};

static int is_hashed(PyObject *o)
{
    return PyLong_CheckExact(o) || PyUnicode_CheckExact(o) || PyFloat_CheckExact(o);
}

/* Returns the hash of a value: by value for int, str and float, else by address and content. */
static uint64_t word_of(PyObject *o)
{
    if (o == NULL) {
        return UNBOUND;
    }
    if (is_hashed(o)) {
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

/* Whether the name that the point begins with is a global of the code. */
static int is_global(const struct debug_site *site)
{
    return site->point->watch->home != NULL || site->watches.items[0] < 0;
}

/* Returns an attribute that is stored in the value itself: of an instance, in a slot too, of a
 * class or of a module. Borrowed, or NULL. */
static PyObject *stored_attribute(PyObject *value, PyObject *name)
{
    PyObject *dict = PyType_Check(value) ? ((PyTypeObject *)value)->tp_dict : NULL;
    PyObject *found = dict != NULL ? PyDict_GetItem(dict, name) : instance_attribute(value, name);
    PyObject *slot = found == NULL ? _PyType_Lookup(Py_TYPE(value), name) : NULL; /* borrowed */
    if (slot != NULL && Py_TYPE(slot) == &PyMemberDescr_Type) {
        const PyMemberDef *member = ((PyMemberDescrObject *)slot)->d_member;
        if (member->type == T_OBJECT_EX) {
            found = *(PyObject **)((char *)value + member->offset);
        }
    }
    return found;
}

/* Returns a part of a value, borrowed; NULL where it has none that is read without the program's
 * code. The step is the name of an attribute, or (key,) of an item. */
static PyObject *part_of(PyObject *value, PyObject *step)
{
    if (PyUnicode_Check(step)) {
        return stored_attribute(value, step);
    }
    PyObject *key = PyTuple_GET_ITEM(step, 0), *found = NULL;
    if (PyDict_CheckExact(value)) {
        found = PyDict_GetItemWithError(value, key);
    } else if (PyLong_Check(key) && (PyList_CheckExact(value) || PyTuple_CheckExact(value))) {
        Py_ssize_t at = PyLong_AsSsize_t(key), count = Py_SIZE(value);
        at += at < 0 ? count : 0;
        if (at >= 0 && at < count) {
            found =
                PyList_CheckExact(value) ? PyList_GET_ITEM(value, at) : PyTuple_GET_ITEM(value, at);
        }
    }
    if (found == NULL) {
        PyErr_Clear();
    }
    return found;
}

/* Returns what a path leads to from the value of its name. Borrowed, or NULL. */
static PyObject *end_of_path(PyObject *value, PyObject *steps)
{
    for (Py_ssize_t i = 1; value != NULL && i < PyTuple_GET_SIZE(steps); i++) {
        value = part_of(value, PyTuple_GET_ITEM(steps, i));
    }
    return value;
}

static PyObject *value_of(const struct debug_site *site, native_frame *frame) /* borrowed or NULL */
{
    PyObject *steps = site->point->data, *home = site->point->watch->home, *value = NULL;
    PyObject *globals = home != NULL ? home : native_globals(frame);
    if (!is_global(site)) {
        value = frame_variable(native_code(frame), frame, site->watches.items[0]);
    } else if (globals != NULL && PyDict_CheckExact(globals)) {
        value = PyDict_GetItem(globals, PyTuple_GET_ITEM(steps, 0));
    }
    return end_of_path(value, steps);
}

static void see(struct seen *seen, uintptr_t owner, uint64_t word, PyObject *value)
{
    int is_atom = value == Py_None || (value != NULL && (PyBool_Check(value) || is_hashed(value)));
    Py_XINCREF(is_atom ? value : NULL);
    Py_XDECREF(seen->atom);
    *seen = (struct seen){owner, word, is_atom ? value : NULL};
}

static uintptr_t owner_of(const struct debug_site *site, native_frame *frame)
{
    return is_global(site) ? EVERY_FRAME : (uintptr_t)frame;
}

/* Returns what was seen of a frame, or NULL. */
static struct seen *find_seen(struct debug_watch *watch, uintptr_t owner)
{
    for (size_t i = 0; i < FRAMES; i++) {
        if (watch->seen[i].frame == owner) {
            return &watch->seen[i];
        }
    }
    return NULL;
}

static void see_first(struct debug_watch *watch, uintptr_t owner, PyObject *value)
{
    see(&watch->seen[watch->next++ % FRAMES], owner, word_of(value), value);
}

int debug_data_changed(const struct debug_site *site, native_frame *frame)
{
    struct debug_watch *watch = site->point->watch;
    uintptr_t owner = owner_of(site, frame);
    PyObject *value = value_of(site, frame);
    struct seen *seen = find_seen(watch, owner);
    if (seen == NULL) {
        see_first(watch, owner, value);
        return 0;
    }
    uint64_t word = word_of(value);
    int has_changed = seen->word != word;
    if (has_changed) {
        const char *kind = seen->word == UNBOUND ? "bound" : "changed";
        debug_change_note(site->point->id, kind, seen->atom, value, frame);
        see(seen, owner, word, value);
    }
    return has_changed;
}

void debug_data_meets(const struct debug_code *code, native_frame *frame)
{
    for (uint32_t i = 0; i < code->site_count; i++) {
        const struct debug_site *site = &code->sites[i];
        struct debug_watch *watch = site->point->watch;
        if (watch != NULL && find_seen(watch, owner_of(site, frame)) == NULL) {
            see_first(watch, owner_of(site, frame), value_of(site, frame));
        }
    }
}

void debug_data_keep(struct debug_point *point, struct debug_point *old)
{
    struct debug_watch *made = point->watch, *before = old->watch;
    if (made == NULL || before == NULL || made->home != before->home ||
        PyObject_RichCompareBool(point->data, old->data, Py_EQ) != 1) {
        PyErr_Clear();
        return;
    }
    point->watch = before;
    old->watch = made;
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

/* Checks a step of a path, and returns it to keep: owned, NULL with an exception. */
static PyObject *keep_step(PyObject *step, int is_first)
{
    PyObject *key = !is_first && PyTuple_Check(step) && PyTuple_GET_SIZE(step) == 1
                        ? PyTuple_GET_ITEM(step, 0)
                        : NULL;
    int is_item = key != NULL &&
                  (PyUnicode_CheckExact(key) || PyLong_CheckExact(key) || PyBytes_CheckExact(key));
    if (!PyUnicode_CheckExact(step) && !is_item) {
        PyErr_SetString(PyExc_TypeError, "data is a tuple: a name, then names and (key,) of items");
        return NULL;
    }
    Py_INCREF(step);
    if (!is_item) {
        PyUnicode_InternInPlace(&step);
    }
    return step;
}

/* Sets what a point follows: ("name", "attribute", ("key",), ...), behind a dictionary of globals
 * where it is the name of one. Returns 0, or -1 with an exception. */
int debug_data_set(struct debug_point *point, PyObject *steps)
{
    Py_ssize_t size = PyTuple_Check(steps) ? PyTuple_GET_SIZE(steps) : 0;
    PyObject *home = size != 0 && PyDict_CheckExact(PyTuple_GET_ITEM(steps, 0))
                         ? PyTuple_GET_ITEM(steps, 0)
                         : NULL;
    Py_ssize_t before = home != NULL, count = size - before;
    PyObject *kept = count != 0 ? PyTuple_New(count) : NULL;
    if (kept == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "data is a tuple that begins with a name");
        }
        return -1;
    }
    point->data = kept;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *step = keep_step(PyTuple_GET_ITEM(steps, before + i), i == 0); /* owned */
        if (step == NULL) {
            return -1;
        }
        PyTuple_SET_ITEM(kept, i, step);
    }
    point->watch = rl_zalloc(1, sizeof *point->watch);
    if (point->watch == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_XINCREF(home);
    point->watch->home = home;
    if (home != NULL) { /* no frame is needed */
        PyObject *value = PyDict_GetItem(home, PyTuple_GET_ITEM(kept, 0));
        see_first(point->watch, EVERY_FRAME, end_of_path(value, kept));
    }
    return 0;
}

void debug_data_free(struct debug_watch *watch)
{
    for (size_t i = 0; watch != NULL && i < FRAMES; i++) {
        Py_XDECREF(watch->seen[i].atom);
    }
    if (watch != NULL) {
        Py_XDECREF(watch->home);
    }
    rl_free(watch);
}
