/* Part of reader_object.h.
 * Why: the differences of two recordings, as Python objects. */
#include "reader_object.h"

#include "diff.h"
#include "rests.h"

/* Returns (kind, seq of A, seq of B, events of A, events of B, is own, codes around it, number of
 * hidden ones). */
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
        "(iKKKKiNn)", (int)difference->kind, (unsigned long long)difference->seq[0],
        (unsigned long long)difference->seq[1], (unsigned long long)difference->events[0],
        (unsigned long long)difference->events[1], difference->is_own, codes,
        (Py_ssize_t)difference->hidden);
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
    return Py_BuildValue("(N(KKKK)KKK)", rows, (unsigned long long)answer->found[DIFF_VALUES],
                         (unsigned long long)answer->found[DIFF_STEPS],
                         (unsigned long long)answer->found[DIFF_INSIDE],
                         (unsigned long long)answer->found[DIFF_LOST],
                         (unsigned long long)answer->own, (unsigned long long)answer->same,
                         (unsigned long long)answer->skipped);
}

/* Enters both readers, which may be one, and answers. */
static PyObject *answer_diff(struct reader_object *self, struct reader_object *other,
                             struct diff_question *question)
{
    struct diff_answer answer;
    struct rest rest;
    rl_status status;
    question->sides[DIFF_A].reader = reader_enter(self);
    if (question->sides[DIFF_A].reader == NULL) {
        return NULL;
    }
    question->sides[DIFF_B].reader = other == self ? self->reader : reader_enter(other);
    if (question->sides[DIFF_B].reader == NULL) {
        self->busy = 0;
        return NULL;
    }
    rest_begin(&rest, self->reader);
    status = diff_read(question, &answer);
    status = rest_end(&rest, self->reader, status);
    other->busy = 0;
    self->busy = 0;
    PyObject *result = status == RL_OK ? diff_answer_object(&answer) : rest_failed();
    diff_fini(&answer);
    return result;
}

/* diff(other, threads, calls, own, kinds, has_values, limit, key=None): (rows, numbers by kind,
 * number of own ones, same steps, steps that landmarks left out). `threads` is one of each
 * recording, and `calls` the numbers of two call events, or None. Differences of the codes in `own`
 * come first. `key` is that of landmarks in their indexes. */
PyObject *reader_diff(struct reader_object *self, PyObject *args)
{
    struct diff_question question = {0};
    struct reader_object *other;
    struct diff_side *a = &question.sides[DIFF_A], *b = &question.sides[DIFF_B];
    PyObject *calls, *own_a, *own_b, *key = Py_None;
    unsigned long long seq_a = 0, seq_b = 0, limit = 0;
    if (!PyArg_ParseTuple(args, "O!(II)O(OO)IpK|O", Py_TYPE(self), &other, &a->thread, &b->thread,
                          &calls, &own_a, &own_b, &question.kinds, &question.has_values, &limit,
                          &key) ||
        reader_take_key(key, &question.key, &question.has_key) != 0 ||
        (calls != Py_None && !PyArg_ParseTuple(calls, "KK", &seq_a, &seq_b))) {
        return NULL;
    }
    question.is_call = calls != Py_None;
    a->seq = seq_a;
    b->seq = seq_b;
    question.limit = limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
    PyObject *result = NULL;
    int has_own;
    if (reader_take_set(own_a, &a->own, &has_own) == 0 &&
        reader_take_set(own_b, &b->own, &has_own) == 0) {
        result = answer_diff(self, other, &question);
    }
    u64map_fini(&a->own);
    u64map_fini(&b->own);
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
