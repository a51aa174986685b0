/* Why: see previews.h. Invariants: types are found by address, never by hash or equality, which a
 * metaclass may define. A preview never runs inside another one. */
#include "previews.h"

#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "capture.h"
#include "captured_types.h"
#include "gate.h"
#include "pyerror.h"
#include "pytext.h"
#include "state.h"

#include "alloc.h"

#define SLOWEST_NS UINT64_C(100000000) /* a preview that takes longer is not called again */

struct preview {
    PyObject *type, *function; /* owned */
    int with_subclasses, is_off;
    uint64_t calls, failures, ns;
};

static struct preview *previews; /* owned */
static size_t preview_count, preview_cap;

/* Returns the preview of this very type, or NULL. */
static struct preview *find_exact(const PyObject *type)
{
    for (size_t i = 0; i < preview_count; i++) {
        if (previews[i].type == type) {
            return &previews[i];
        }
    }
    return NULL;
}

/* Returns the preview of a type: its own, or one of a base class with subclasses. */
static struct preview *find_preview(PyTypeObject *type)
{
    struct preview *preview = preview_count != 0 ? find_exact((PyObject *)type) : NULL;
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 1;
         preview_count != 0 && preview == NULL && mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        preview = find_exact(PyTuple_GET_ITEM(mro, i));
        preview = preview != NULL && preview->with_subclasses ? preview : NULL;
    }
    return preview;
}

/* Replaces the preview of a type, or adds one. */
int previews_set(PyTypeObject *type, PyObject *function, int with_subclasses)
{
    struct preview *preview = find_exact((PyObject *)type);
    void *grown = previews;
    if (preview == NULL) {
        if (rl_grow(&grown, &preview_cap, preview_count + 1, sizeof *previews) != 0) {
            (void)PyErr_NoMemory();
            return -1;
        }
        previews = grown;
        preview = &previews[preview_count++];
        memset(preview, 0, sizeof *preview);
        Py_INCREF(type);
        preview->type = (PyObject *)type;
    }
    PyObject *before = preview->function;
    Py_INCREF(function);
    preview->function = function;
    preview->with_subclasses = with_subclasses;
    preview->is_off = function == Py_None;
    Py_XDECREF(before);
    typeinfo_forget();
    return 0;
}

int previews_has(PyTypeObject *type)
{
    const struct preview *preview = find_preview(type);
    return preview != NULL && !preview->is_off;
}

/* Writes that a preview failed, and why. */
static void put_failure(struct capture *c, PyObject *o, uint32_t type, const char *why)
{
    char text[200];
    int n = snprintf(text, sizeof text, "<preview failed: %s>", why);
    capture_plain_text(c, o, type, text, (size_t)n, RL_TEXT_HAS_FAILED);
}

/* Writes the text that a preview returned; anything but a str is a failure. */
static void put_preview_result(struct capture *c, PyObject *o, uint32_t type, PyObject *result)
{
    uint8_t text[CAPTURE_BYTES_MAX];
    if (PyUnicode_Check(result)) {
        size_t n = pytext_put(result, text, sizeof text);
        capture_plain_text(c, o, type, text, n, n + 4 > sizeof text ? RL_TEXT_IS_CUT : 0);
    } else {
        put_failure(c, o, type, "it gave no str");
    }
}

/* Calls the function with recording suppressed in this thread. */
static PyObject *call_preview(struct preview *preview, PyObject *o, struct thread *t)
{
    uint64_t began = os_mono_ns();
    PyObject *function = preview->function;
    size_t index = (size_t)(preview - previews);
    Py_INCREF(function);
    uint64_t gate = gate_suppress(t);
    recording.outside++;
    PyObject *result = PyObject_CallFunctionObjArgs(function, o, NULL); /* owned */
    recording.outside--;
    gate_resume(t, gate);
    Py_DECREF(function);
    preview = &previews[index]; /* the function may have registered others */
    uint64_t took = os_mono_ns() - began;
    preview->calls++;
    preview->ns += took;
    preview->failures += result == NULL || !PyUnicode_Check(result);
    preview->is_off |= took > SLOWEST_NS;
    return result;
}

/* Runs a preview. The pending exception of the program is saved around it. */
void previews_show(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    struct preview *preview = find_preview(Py_TYPE(o));
    struct thread *t = thread_self;
    uint32_t id = info->id;
    if (preview == NULL || preview->is_off || t == NULL || t->is_suppressed) {
        put_failure(c, o, id,
                    preview != NULL && preview->is_off ? "it took over 100 ms once" : "busy");
        return;
    }
    struct pyerror before = pyerror_take();
    Py_INCREF(o);
    PyObject *result = call_preview(preview, o, t);
    c->previews++;
    if (result != NULL) {
        put_preview_result(c, o, id, result);
    } else {
        PyObject *error = PyErr_Occurred();
        put_failure(c, o, id, error != NULL ? ((PyTypeObject *)error)->tp_name : "no result");
        PyErr_Clear();
    }
    Py_XDECREF(result);
    Py_DECREF(o);
    pyerror_put_back(&before);
}

PyObject *previews_list(void)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < preview_count; i++) {
        const struct preview *p = &previews[i];
        PyObject *row = Py_BuildValue("(OKKKN)", p->type, (unsigned long long)p->calls,
                                      (unsigned long long)p->failures, (unsigned long long)p->ns,
                                      PyBool_FromLong(p->is_off));
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}
