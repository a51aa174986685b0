/* Why: see debug_changes.h. */
#include "debug_changes.h"

#include "alloc.h"

enum { CHANGES_MOST = 256 }; /* of one list: a thread that never stops takes none */

struct change {
    unsigned number;
    const char *kind;
    unsigned long thread; /* 0: any may take it */
    PyObject *old, *new;  /* owned, or NULL */
    PyCodeObject *code;   /* owned, or NULL */
    int line;
    struct change *next;
};

static struct change *first, **last = &first;
static size_t change_count;

static void free_change(struct change *one)
{
    Py_XDECREF(one->old);
    Py_XDECREF(one->new);
    Py_XDECREF((PyObject *)one->code);
    rl_free(one);
}

void debug_change_note(unsigned number, const char *kind, PyObject *old, PyObject *new,
                       native_frame *frame)
{
    struct change *one = rl_zalloc(1, sizeof *one);
    if (one == NULL) {
        return;
    }
    *one = (struct change){.number = number, .kind = kind};
    if (frame != NULL) {
        one->thread = PyThread_get_thread_ident();
        one->code = native_code(frame);
        Py_INCREF((PyObject *)one->code);
        one->line = native_line(frame);
    }
    Py_XINCREF(old);
    Py_XINCREF(new);
    one->old = old;
    one->new = new;
    *last = one;
    last = &one->next;
    if (++change_count > CHANGES_MOST) {
        struct change *oldest = first;
        first = oldest->next;
        change_count--;
        free_change(oldest);
    }
}

void debug_changes_forget(unsigned number)
{
    struct change **at = &first, *dropped = NULL;
    while (*at != NULL) {
        struct change *one = *at;
        if (one->number != number) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        one->next = dropped;
        dropped = one;
        change_count--;
    }
    last = at;
    while (dropped != NULL) {
        struct change *one = dropped;
        dropped = one->next;
        free_change(one); /* may run a __del__ of the program */
    }
}

void debug_changes_leave(unsigned long thread)
{
    for (struct change *one = first; one != NULL; one = one->next) {
        one->thread = one->thread == thread ? 0 : one->thread;
    }
}

static PyObject *value_or_nothing(PyObject *o) /* (o,) or () */
{
    return o != NULL ? PyTuple_Pack(1, o) : PyTuple_New(0);
}

static PyObject *row_of(const struct change *one)
{
    PyObject *code = one->code != NULL ? (PyObject *)one->code : Py_None;
    return Py_BuildValue("(IsNNOi)", one->number, one->kind, value_or_nothing(one->old),
                         value_or_nothing(one->new), code, one->line);
}

PyObject *debug_changes_take(void)
{
    unsigned long thread = PyThread_get_thread_ident();
    PyObject *rows = PyList_New(0);
    struct change **at = &first, *taken = NULL, **end = &taken;
    while (*at != NULL) {
        struct change *one = *at;
        if (one->thread != 0 && one->thread != thread) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        one->next = NULL;
        *end = one;
        end = &one->next;
        change_count--;
    }
    last = at;
    while (taken != NULL) {
        struct change *one = taken;
        taken = one->next;
        PyObject *row = rows != NULL ? row_of(one) : NULL;
        if (rows != NULL && (row == NULL || PyList_Append(rows, row) != 0)) {
            Py_CLEAR(rows);
        }
        Py_XDECREF(row);
        free_change(one); /* may run a __del__ of the program */
    }
    return rows;
}

void debug_changes_clear(void)
{
    while (first != NULL) {
        struct change *one = first;
        first = one->next;
        free_change(one);
    }
    last = &first;
    change_count = 0;
}
