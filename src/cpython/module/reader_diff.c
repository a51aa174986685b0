/* Part of reader_object.h.
 * Why: the differences of two recordings, as Python objects. */
#include "reader_object.h"

#include "diff.h"

/* Returns (kind, seq of A, seq of B, events of A, events of B, codes around it, hidden ones). */
static PyObject *difference_row(const struct difference *difference)
{
    PyObject *codes = PyTuple_New((Py_ssize_t)difference->depth);
    for (size_t i = 0; codes != NULL && i < difference->depth; i++) {
        PyObject *code = PyLong_FromUnsignedLong(difference->stack[i]);
        if (code == NULL) {
            Py_CLEAR(codes);
        } else {
            PyTuple_SET_ITEM(codes, (Py_ssize_t)i, code);
        }
    }
    if (codes == NULL) {
        return NULL;
    }
    return Py_BuildValue(
        "(iKKKKNn)", (int)difference->kind, (unsigned long long)difference->seq[0],
        (unsigned long long)difference->seq[1], (unsigned long long)difference->events[0],
        (unsigned long long)difference->events[1], codes, (Py_ssize_t)difference->hidden);
}

static PyObject *diff_answer_object(const struct diff_answer *answer)
{
    PyObject *rows = PyList_New((Py_ssize_t)answer->count);
    for (size_t i = 0; rows != NULL && i < answer->count; i++) {
        PyObject *row = difference_row(&answer->items[i]);
        if (row == NULL) {
            Py_CLEAR(rows);
        } else {
            PyList_SET_ITEM(rows, (Py_ssize_t)i, row);
        }
    }
    if (rows == NULL) {
        return NULL;
    }
    return Py_BuildValue("(N(KKKK)K)", rows, (unsigned long long)answer->found[DIFF_VALUES],
                         (unsigned long long)answer->found[DIFF_STEPS],
                         (unsigned long long)answer->found[DIFF_INSIDE],
                         (unsigned long long)answer->found[DIFF_LOST],
                         (unsigned long long)answer->same);
}

/* diff(other, threads, calls, kinds, has_values, limit): (rows, numbers by kind, same steps).
 * `threads` is one of each recording; `calls` the numbers of two call events, or None. */
PyObject *reader_diff(struct reader_object *self, PyObject *args)
{
    struct diff_question question = {0};
    struct diff_answer answer;
    struct reader_object *other;
    struct diff_side *a = &question.sides[DIFF_A], *b = &question.sides[DIFF_B];
    PyObject *calls;
    unsigned long long seq_a = 0, seq_b = 0, limit = 0;
    if (!PyArg_ParseTuple(args, "O!(II)OIpK", Py_TYPE(self), &other, &a->thread, &b->thread, &calls,
                          &question.kinds, &question.has_values, &limit) ||
        (calls != Py_None && !PyArg_ParseTuple(calls, "KK", &seq_a, &seq_b))) {
        return NULL;
    }
    a->reader = reader_enter(self);
    if (a->reader == NULL) {
        return NULL;
    }
    b->reader = other == self ? a->reader : reader_enter(other);
    if (b->reader == NULL) {
        self->busy = 0;
        return NULL;
    }
    question.is_call = calls != Py_None;
    a->seq = seq_a;
    b->seq = seq_b;
    question.limit = limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
    rl_status status;
    Py_BEGIN_ALLOW_THREADS
    status = diff_read(&question, &answer);
    Py_END_ALLOW_THREADS
    other->busy = 0;
    self->busy = 0;
    PyObject *result = status == RL_OK ? diff_answer_object(&answer) : PyErr_NoMemory();
    diff_fini(&answer);
    return result;
}

/* event(thread, seq): that event as JSON, or None where it is lost. */
PyObject *reader_event(struct reader_object *self, PyObject *args)
{
    unsigned thread = 0;
    unsigned long long seq = 0;
    struct cursor *cursor = NULL;
    struct event_out event = {0};
    if (!PyArg_ParseTuple(args, "IK", &thread, &seq) || reader_enter(self) == NULL) {
        return NULL;
    }
    rl_status status;
    Py_BEGIN_ALLOW_THREADS
    status = cursor_open_thread(self->reader, thread, seq, &cursor);
    while (status == RL_OK) {
        status = cursor_next(cursor, &event);
        if (status == RL_OK && event.seq >= seq) {
            break;
        }
    }
    Py_END_ALLOW_THREADS
    PyObject *found = Py_None;
    if (status == RL_NOMEM) {
        found = PyErr_NoMemory();
    } else if (status == RL_OK && event.seq == seq) {
        found = reader_event_json(self->reader, &event);
    } else {
        Py_INCREF(found);
    }
    cursor_close(cursor);
    self->busy = 0;
    return found;
}
