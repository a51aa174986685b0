/* Part of reader_object.h.
 * Why: numbers of calls, and how often lines ran, as Python objects.
 *
 * Threads: passes run without the GIL, all else under it. */
#include "reader_object.h"

#include "alloc.h"
#include "call_numbers.h"
#include "cover.h"

/* Takes [[code, ...], ...], a list for each function, as code ids + 1 -> number of the function. 0,
 * or -1 with an exception. */
static int take_functions(PyObject *lists, struct u64map *functions)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lists); i++) {
        struct u64map codes = {0};
        int is_set, failed = reader_take_set(PyList_GET_ITEM(lists, i), &codes, &is_set) != 0;
        for (size_t k = 0; !failed && k < codes.capacity; k++) {
            uint64_t key = codes.entries[k].key;
            if (key != 0 && u64map_put(functions, key, (uint64_t)i) != 0) {
                (void)PyErr_NoMemory();
                failed = 1;
            }
        }
        u64map_fini(&codes);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

/* Takes [(thread, seq), ...]. Returns an array, or NULL with an exception. */
static struct call_number *take_calls(PyObject *positions)
{
    size_t count = (size_t)PyList_GET_SIZE(positions);
    struct call_number *calls = rl_zalloc(count + 1, sizeof *calls);
    if (calls == NULL) {
        (void)PyErr_NoMemory();
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned long long seq;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(positions, (Py_ssize_t)i), "IK", &calls[i].thread,
                              &seq)) {
            rl_free(calls);
            return NULL;
        }
        calls[i].seq = seq;
    }
    return calls;
}

/* Returns the numbers that were found, in the order of the calls: new, or NULL with an exception.
 */
static PyObject *list_numbers(const struct call_number *calls, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(calls[i].number);
        if (number == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, number);
        }
    }
    return list;
}

/* Takes the numbers of frames. Returns an array, or NULL with an exception. */
static uint64_t *take_frames(PyObject *list, size_t count)
{
    uint64_t *frames = rl_zalloc(count + 1, sizeof *frames);
    for (size_t i = 0; frames != NULL && i < count; i++) {
        frames[i] = PyLong_AsUnsignedLongLong(PyList_GET_ITEM(list, (Py_ssize_t)i));
    }
    if (frames == NULL) {
        (void)PyErr_NoMemory();
    } else if (PyErr_Occurred() != NULL) {
        rl_free(frames);
        frames = NULL;
    }
    return frames;
}

/* frame_begins(frames): (thread, number) of the event that begins each; a thread of 0 where it was
 * not kept. */
PyObject *reader_frame_begins(struct reader_object *self, PyObject *list)
{
    if (!PyList_Check(list)) {
        return PyErr_Format(PyExc_TypeError, "a list of frames is wanted");
    }
    size_t count = (size_t)PyList_GET_SIZE(list);
    uint64_t *frames = take_frames(list, count);
    struct call_number *calls = rl_zalloc(count + 1, sizeof *calls);
    PyObject *found = NULL;
    rl_status status = RL_NOMEM;
    if (frames != NULL && calls != NULL && reader_enter(self) != NULL) {
        Py_BEGIN_ALLOW_THREADS
        status = call_numbers_begins(self->reader, frames, calls, count);
        Py_END_ALLOW_THREADS
        found = status == RL_OK ? PyList_New((Py_ssize_t)count) : NULL;
        self->busy = 0;
    }
    for (size_t i = 0; found != NULL && i < count; i++) {
        PyObject *place = Py_BuildValue("(IK)", calls[i].thread, (unsigned long long)calls[i].seq);
        if (place == NULL) {
            Py_CLEAR(found);
        } else {
            PyList_SET_ITEM(found, (Py_ssize_t)i, place);
        }
    }
    rl_free(frames);
    rl_free(calls);
    return found != NULL || PyErr_Occurred() ? found : PyErr_NoMemory();
}

/* call_numbers(functions, positions): the number of each call among those of its function; 0 where
 * a position is no call of one. */
PyObject *reader_call_numbers(struct reader_object *self, PyObject *args)
{
    PyObject *lists, *positions, *result = NULL;
    struct u64map functions = {0};
    struct call_number *calls = NULL;
    rl_status status = RL_OK;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &lists, &PyList_Type, &positions) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    size_t count = (size_t)PyList_GET_SIZE(positions), kinds = (size_t)PyList_GET_SIZE(lists);
    if (take_functions(lists, &functions) == 0 && (calls = take_calls(positions)) != NULL) {
        Py_BEGIN_ALLOW_THREADS
        status = call_numbers_find(self->reader, &functions, kinds, calls, count);
        Py_END_ALLOW_THREADS
        result = status == RL_OK ? list_numbers(calls, count) : PyErr_NoMemory();
    }
    u64map_fini(&functions);
    rl_free(calls);
    self->busy = 0;
    return result;
}

/* runs_before(codes, line): how often a line of these functions ran before the first event of a
 * part. */
PyObject *reader_runs_before(struct reader_object *self, PyObject *args)
{
    PyObject *numbers, *result = NULL;
    struct u64map codes = {0};
    unsigned line;
    int is_set;
    if (!PyArg_ParseTuple(args, "OI", &numbers, &line) || reader_enter(self) == NULL) {
        return NULL;
    }
    if (reader_take_set(numbers, &codes, &is_set) == 0) {
        result = PyLong_FromUnsignedLongLong(before_runs(&self->reader->before, &codes, line));
    }
    u64map_fini(&codes);
    self->busy = 0;
    return result;
}

/* line_counts(codes): (code, line, how often it was about to run) of each line that ran, in no
 * order. */
PyObject *reader_line_counts(struct reader_object *self, PyObject *numbers)
{
    struct u64map codes = {0}, hits = {0};
    int has_codes = 0;
    rl_status status;
    if (reader_enter(self) == NULL) {
        return NULL;
    }
    /* a list of what ran, not of what might have: the recording does not know other lines */
    PyObject *list = NULL;
    if (reader_take_set(numbers, &codes, &has_codes) == 0) {
        Py_BEGIN_ALLOW_THREADS
        status = cover_read(self->reader, has_codes ? &codes : NULL, &hits);
        Py_END_ALLOW_THREADS
        list = status == RL_OK ? PyList_New(0) : PyErr_NoMemory();
    }
    for (size_t i = 0; list != NULL && i < hits.capacity; i++) {
        const struct u64map_entry *entry = &hits.entries[i];
        if (entry->key == 0) {
            continue;
        }
        PyObject *row = Py_BuildValue("(IIK)", cover_code(entry->key), cover_line(entry->key),
                                      (unsigned long long)entry->value);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    u64map_fini(&codes);
    u64map_fini(&hits);
    self->busy = 0;
    return list;
}
