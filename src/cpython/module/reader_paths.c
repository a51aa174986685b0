/* Part of reader_object.h.
 * Why: whether two recordings took the same path, asked from Python. */
#include "reader_object.h"

#include "alloc.h"
#include "paths.h"

/* What Python gave of one recording. */
struct taken {
    uint32_t *threads;       /* owned */
    struct path_skip *skips; /* owned */
};

static void free_taken(struct taken *taken)
{
    rl_free(taken->threads);
    rl_free(taken->skips);
}

/* Takes a list of threads and a list of (thread, from, until). 0, or -1 with an exception. */
static int take_side(PyObject *threads, PyObject *skips, struct taken *taken,
                     struct path_side *side)
{
    side->thread_count = (size_t)PyList_GET_SIZE(threads);
    side->skip_count = (size_t)PyList_GET_SIZE(skips);
    taken->threads = rl_zalloc(side->thread_count + 1, sizeof *taken->threads);
    taken->skips = rl_zalloc(side->skip_count + 1, sizeof *taken->skips);
    if (taken->threads == NULL || taken->skips == NULL) {
        (void)PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < side->thread_count; i++) {
        PyObject *number = PyList_GET_ITEM(threads, (Py_ssize_t)i); /* borrowed */
        unsigned long thread = PyLong_AsUnsignedLong(number);
        if (PyErr_Occurred() != NULL) {
            return -1;
        }
        taken->threads[i] = (uint32_t)thread;
    }
    for (size_t i = 0; i < side->skip_count; i++) {
        unsigned thread;
        unsigned long long from, until;
        PyObject *row = PyList_GET_ITEM(skips, (Py_ssize_t)i); /* borrowed */
        if (!PyTuple_Check(row)) {
            PyErr_SetString(PyExc_TypeError, "a skip is (thread, from, until)");
            return -1;
        }
        if (!PyArg_ParseTuple(row, "IKK", &thread, &from, &until)) {
            return -1;
        }
        taken->skips[i] = (struct path_skip){thread, from, until};
    }
    side->threads = taken->threads;
    side->skips = taken->skips;
    return 0;
}

static PyObject *place_object(const struct path_place *place)
{
    return Py_BuildValue("(IKN)", place->thread, (unsigned long long)place->seq,
                         PyBool_FromLong(place->is_known));
}

/* Enters both readers, which may be one, and answers. */
static PyObject *answer_paths(struct reader_object *self, struct reader_object *other,
                              struct path_side sides[2])
{
    struct path_answer answer;
    rl_status status;
    sides[0].reader = reader_enter(self);
    if (sides[0].reader == NULL) {
        return NULL;
    }
    sides[1].reader = other == self ? self->reader : reader_enter(other);
    if (sides[1].reader == NULL) {
        self->busy = 0;
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = paths_compare(sides, &answer);
    Py_END_ALLOW_THREADS
    other->busy = 0;
    self->busy = 0;
    if (status != RL_OK) {
        return PyErr_NoMemory();
    }
    return Py_BuildValue("(NKKNN)", PyBool_FromLong(answer.is_same),
                         (unsigned long long)answer.calls, (unsigned long long)answer.call,
                         place_object(&answer.places[0]), place_object(&answer.places[1]));
}

/* paths(other, (threads, threads), (skips, skips)): (is the same, calls, number of the call that
 * parts, place, place). A place is (thread, seq, whether there is a step). */
PyObject *reader_paths(struct reader_object *self, PyObject *args)
{
    struct reader_object *other;
    PyObject *threads[2], *skips[2];
    struct taken taken[2] = {{0}, {0}};
    struct path_side sides[2] = {{0}, {0}};
    if (!PyArg_ParseTuple(args, "O!(O!O!)(O!O!)", Py_TYPE(self), &other, &PyList_Type, &threads[0],
                          &PyList_Type, &threads[1], &PyList_Type, &skips[0], &PyList_Type,
                          &skips[1])) {
        return NULL;
    }
    PyObject *result = NULL;
    if (take_side(threads[0], skips[0], &taken[0], &sides[0]) == 0 &&
        take_side(threads[1], skips[1], &taken[1], &sides[1]) == 0) {
        result = answer_paths(self, other, sides);
    }
    free_taken(&taken[0]);
    free_taken(&taken[1]);
    return result;
}
