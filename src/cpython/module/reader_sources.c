/* Part of reader_object.h.
 * Why: the texts of source files in a recording, as Python objects. */
#include "reader_object.h"

#include "source.h"

/* Returns the text of an entry as str, or None where it has none: new. */
static PyObject *decode_source(const struct source *source)
{
    if (source->entry.state != RL_SOURCE_TEXT) {
        Py_RETURN_NONE;
    }
    return reader_safe_text(source->entry.text);
}

/* Returns whether the disk has the same text, None where the file is not there: new. */
static PyObject *compare_disk(struct source *source, const char *folder)
{
    enum source_disk disk = SOURCE_NO_FILE;
    if (source->entry.state == RL_SOURCE_TEXT) {
        Py_BEGIN_ALLOW_THREADS
        disk = source_on_disk(source, folder);
        Py_END_ALLOW_THREADS
    }
    if (disk == SOURCE_NO_FILE) {
        Py_RETURN_NONE;
    }
    return PyBool_FromLong(disk == SOURCE_SAME);
}

/* Finds a source by the name of its file. 0, or -1 with an exception. */
static int find_source(struct reader *r, const char *name, Py_ssize_t len, struct source **out)
{
    rl_status status;
    struct text text = {name, (size_t)len};
    Py_BEGIN_ALLOW_THREADS
    status = source_find(r, text, out);
    Py_END_ALLOW_THREADS
    if (status != RL_OK) {
        (void)PyErr_NoMemory();
    }
    return status == RL_OK ? 0 : -1;
}

/* source(file, folder) -> (state, what that means, text, changed, redactions, digest, same as the
 * disk), or None where the recording says nothing of the file. */
PyObject *reader_source(struct reader_object *self, PyObject *args)
{
    const char *name, *folder;
    Py_ssize_t len;
    struct source *source = NULL;
    if (!PyArg_ParseTuple(args, "s#y", &name, &len, &folder)) {
        return NULL;
    }
    struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    PyObject *row = NULL;
    if (find_source(r, name, len, &source) == 0) {
        if (source == NULL) {
            Py_INCREF(Py_None);
            row = Py_None;
        } else {
            const struct source_entry *e = &source->entry;
            PyObject *text = decode_source(source), *same = compare_disk(source, folder);
            row = text != NULL && same != NULL
                      ? Py_BuildValue("(ssOOIKO)", source_state_name(e->state),
                                      source_state_text(e->state), text,
                                      e->flags & RL_SOURCE_CHANGED ? Py_True : Py_False,
                                      e->mark_count, (unsigned long long)e->digest, same)
                      : NULL;
            Py_XDECREF(text);
            Py_XDECREF(same);
        }
    }
    self->busy = 0;
    return row;
}

/* sources() -> [(file, state, bytes of text, changed, redactions)], in the order of the file. */
PyObject *reader_sources(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    struct source *all = NULL;
    size_t count = 0;
    rl_status status;
    struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = source_all(r, &all, &count);
    Py_END_ALLOW_THREADS
    PyObject *list = status == RL_OK ? PyList_New(0) : PyErr_NoMemory();
    for (size_t i = 0; list != NULL && i < count; i++) {
        const struct source_entry *e = &all[i].entry;
        PyObject *name = reader_safe_text(e->name);
        PyObject *row =
            name == NULL
                ? NULL
                : Py_BuildValue("(NsnOI)", name, source_state_name(e->state),
                                (Py_ssize_t)e->text.len,
                                e->flags & RL_SOURCE_CHANGED ? Py_True : Py_False, e->mark_count);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    self->busy = 0;
    return list;
}

/* source_lines(file, first, last) -> the lines that the recording has of it, without their ends. */
PyObject *reader_source_lines(struct reader_object *self, PyObject *args)
{
    const char *name;
    Py_ssize_t len;
    unsigned first, last;
    struct source *source = NULL;
    if (!PyArg_ParseTuple(args, "s#II", &name, &len, &first, &last)) {
        return NULL;
    }
    struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    PyObject *list = find_source(r, name, len, &source) == 0 ? PyList_New(0) : NULL;
    for (unsigned line = first; list != NULL && source != NULL && line <= last; line++) {
        struct text text = source_line(source, line);
        if (text.data == NULL) {
            break;
        }
        PyObject *decoded = reader_safe_text(text);
        if (decoded == NULL || PyList_Append(list, decoded) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(decoded);
    }
    self->busy = 0;
    return list;
}
