/* Part of reader_object.h.
 * Why: what the program wrote, as Python objects.
 *
 * Threads: passes run without the GIL, all else under it. */
#include "reader_object.h"

#include "outputs.h"

void reader_outputs_end(struct reader_object *self)
{
    outputs_close(self->outputs);
    self->outputs = NULL;
}

/* outputs(): begins with the first event. */
PyObject *reader_outputs(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    reader_outputs_end(self);
    int failed = outputs_open(r, &self->outputs) != RL_OK;
    self->busy = 0;
    if (failed) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

/* outputs_piece(): the next [(event as JSON, code, line)]; an empty list now and then, None at the
 * end. */
PyObject *reader_outputs_piece(struct reader_object *self, PyObject *ignored)
{
    enum { PIECE = 200, EVENTS = 1000000 };
    struct written written;
    uint64_t events = EVENTS;
    int is_found = 1;
    rl_status status = RL_OK;
    (void)ignored;
    struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    if (self->outputs == NULL) {
        self->busy = 0;
        Py_RETURN_NONE;
    }
    /* no more than EVENTS at once, so that an interrupt is noticed while nothing is found */
    PyObject *list = PyList_New(0);
    while (list != NULL && is_found && PyList_GET_SIZE(list) < PIECE) {
        Py_BEGIN_ALLOW_THREADS
        status = outputs_next(self->outputs, &events, &written, &is_found);
        Py_END_ALLOW_THREADS
        if (status != RL_OK) {
            reader_outputs_end(self);
            break;
        }
        PyObject *line = is_found ? reader_event_json(r, &written.event) : NULL;
        PyObject *row =
            line != NULL ? Py_BuildValue("(NII)", line, written.code, written.line) : NULL;
        if (is_found && (row == NULL || PyList_Append(list, row) != 0)) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    if (status == RL_NOMEM) {
        Py_CLEAR(list);
        (void)PyErr_NoMemory();
    }
    self->busy = 0;
    return list;
}
