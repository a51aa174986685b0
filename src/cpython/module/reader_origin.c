/* Part of reader_object.h.
 * Why: the steps to the origin of a value, as Python objects. An event is (thread, seq, kind,
 * frame, code, line, event as JSON).
 *
 *     origin_event(...)    the event of a position       origin_value(...)    a value in it
 *     origin_bound(...)    what bound a name             origin_changed(...)  since when it is so
 *     origin_caller(...)   who gave an argument          origin_calls(...)    what gave a result
 *     origin_end(...)      where a call ended
 *
 * relive/_trail.py decides which of them follows which. Each search begins at its own event, so
 * nothing is kept between two calls.
 *
 * Threads: searches run without the GIL, all else under it. */
#include "reader_object.h"

#include "alloc.h"
#include "json_out.h"
#include "operand.h"
#include "origin_back.h"
#include "origin_steps.h"
#include "rests.h"
#include "value_json.h"
#include "where.h"

/* Returns an event, or None where its kind is 0: new. */
static PyObject *make_event(struct reader *reader, const struct event_out *event)
{
    if (event->kind == 0) {
        Py_RETURN_NONE;
    }
    PyObject *json = reader_event_json(reader, event);
    return json == NULL ? NULL
                        : Py_BuildValue("(IKsKIIN)", event->thread, (unsigned long long)event->seq,
                                        kind_name(event->kind), (unsigned long long)event->frame,
                                        event->id, event->line, json);
}

/* origin_event(thread, seq): the event, or None where it was not kept */
PyObject *reader_origin_event(struct reader_object *self, PyObject *args)
{
    struct back *back = NULL;
    struct event_out event = {0};
    unsigned thread;
    unsigned long long seq;
    if (!PyArg_ParseTuple(args, "IK", &thread, &seq) || reader_enter(self) == NULL) {
        return NULL;
    }
    rl_status status = back_open(self->reader, thread, seq, 1, &back);
    status = status == RL_OK ? back_prev(back, &event) : status;
    event.kind = status == RL_OK && event.seq == seq ? event.kind : 0;
    PyObject *result = status == RL_NOMEM ? PyErr_NoMemory() : make_event(self->reader, &event);
    back_close(back);
    self->busy = 0;
    return result;
}

/* Reads [(line, how)] into a map. Which lines bind a name is known from the source, which Python
 * reads; `how` is enum origin_line. 0, or -1 with an exception. */
static int take_lines(PyObject *list, struct u64map *lines)
{
    unsigned line, how;
    for (Py_ssize_t i = 0; PyList_Check(list) && i < PyList_GET_SIZE(list); i++) {
        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "II", &line, &how)) {
            return -1;
        }
        if (line != 0 && u64map_put(lines, line, how) != 0) {
            (void)PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

/* Returns the answer of origin_bound(): new. */
static PyObject *make_bound(struct reader *reader, const struct origin_bound *bound)
{
    PyObject *event = make_event(reader, &bound->event.out);
    PyObject *line = event != NULL ? make_event(reader, &bound->line) : NULL;
    PyObject *change = line != NULL ? make_event(reader, &bound->change.out) : NULL;
    PyObject *row =
        change == NULL
            ? NULL
            : Py_BuildValue("(OOOii(IK))", event, line, change, bound->is_by_line, bound->is_unseen,
                            bound->after.thread, (unsigned long long)bound->after.seq);
    Py_XDECREF(event);
    Py_XDECREF(line);
    Py_XDECREF(change);
    return row;
}

/* origin_bound(thread, seq, frame, name, codes, [(line, how)], most, is_cell).
 * The result: (event, line, change, is_by_line, is_unseen, (thread, seq)). The pair names what
 * follows an unseen binding. */
PyObject *reader_origin_bound(struct reader_object *self, PyObject *args)
{
    struct u64map codes = {0}, lines = {0};
    struct origin_name name = {.codes = &codes, .lines = &lines};
    struct origin_bound bound = {0};
    PyObject *numbers, *list; /* borrowed */
    PyObject *result = NULL;
    Py_ssize_t len;
    unsigned thread;
    unsigned long long seq, frame, most;
    int has_codes;
    rl_status status = RL_NOMEM;
    struct rest rest;
    if (!PyArg_ParseTuple(args, "IKKs#OOKp", &thread, &seq, &frame, &name.text.data, &len, &numbers,
                          &list, &most, &name.is_cell) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    struct origin_from from = {self->reader, thread, seq, most, 0};
    name.text.len = (size_t)len;
    name.frame = frame;
    if (reader_take_set(numbers, &codes, &has_codes) == 0 && take_lines(list, &lines) == 0) {
        rest_begin(&rest, self->reader);
        status = origin_bound(&from, &name, &bound);
        status = rest_end(&rest, self->reader, status);
        result = status == RL_OK ? make_bound(self->reader, &bound) : rest_failed();
    }
    origin_bound_fini(&bound);
    u64map_fini(&codes);
    u64map_fini(&lines);
    self->busy = 0;
    return result;
}

/* origin_caller(thread, seq): (frame, code, line event) of the caller of what begins there. Frame 0
 * is nothing that was recorded; the line event is None where the caller has no lines. */
PyObject *reader_origin_caller(struct reader_object *self, PyObject *args)
{
    struct origin_caller caller = {0};
    PyObject *result = NULL;
    unsigned thread;
    unsigned long long seq;
    rl_status status;
    struct rest rest;
    if (!PyArg_ParseTuple(args, "IK", &thread, &seq) || reader_enter(self) == NULL) {
        return NULL;
    }
    struct origin_from from = {self->reader, thread, seq, 0, 0};
    rest_begin(&rest, self->reader);
    status = origin_caller(&from, &caller);
    status = rest_end(&rest, self->reader, status);
    PyObject *line = status == RL_OK ? make_event(self->reader, &caller.line) : rest_failed();
    if (line != NULL) {
        result = Py_BuildValue("(KIN)", (unsigned long long)caller.frame, caller.code, line);
    }
    self->busy = 0;
    return result;
}

/* origin_nearest(thread, seq): the last event of a function at or before an event, or None */
PyObject *reader_origin_nearest(struct reader_object *self, PyObject *args)
{
    struct event_out found = {0};
    unsigned thread;
    unsigned long long seq;
    if (!PyArg_ParseTuple(args, "IK", &thread, &seq) || reader_enter(self) == NULL) {
        return NULL;
    }
    struct origin_from from = {self->reader, thread, seq, 0, 0};
    rl_status status = origin_nearest(&from, &found);
    self->busy = 0;
    if (status == RL_NOMEM) {
        return rest_failed();
    }
    if (found.kind == 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLongLong(found.seq);
}

/* origin_end(thread, seq, frame): the number of the event that ends a frame, or None. The search
 * goes on from the begin of the frame. */
PyObject *reader_origin_end(struct reader_object *self, PyObject *args)
{
    struct event_out end = {0};
    unsigned thread;
    unsigned long long seq, frame;
    rl_status status;
    struct rest rest;
    if (!PyArg_ParseTuple(args, "IKK", &thread, &seq, &frame) || reader_enter(self) == NULL) {
        return NULL;
    }
    struct origin_from from = {self->reader, thread, seq, 0, 0};
    rest_begin(&rest, self->reader);
    status = origin_end(&from, frame, &end);
    status = rest_end(&rest, self->reader, status);
    self->busy = 0;
    if (status == RL_NOMEM) {
        return rest_failed();
    }
    if (end.kind == 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLongLong(end.seq);
}

/* Returns [(end, begin)]: new. A begin that is not in the recording is None. */
static PyObject *list_calls(struct reader *reader, const struct origin_calls *calls)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < calls->count; i++) {
        PyObject *end = make_event(reader, &calls->items[i].end.out);
        PyObject *begin = end != NULL ? make_event(reader, &calls->items[i].begin) : NULL;
        PyObject *row = begin != NULL ? PyTuple_Pack(2, end, begin) : NULL;
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(end);
        Py_XDECREF(begin);
        Py_XDECREF(row);
    }
    return list;
}

/* origin_calls(thread, seq, frame, first line, last line, most calls, most events): ([(end,
 * begin)], has more, line event), the last call first. Lines between the first and the last one
 * belong to one statement; 0 means that any line ends the search. */
PyObject *reader_origin_calls(struct reader_object *self, PyObject *args)
{
    struct origin_calls calls = {0};
    PyObject *result = NULL;
    unsigned thread, first, last, most;
    unsigned long long seq, frame, events;
    rl_status status;
    struct rest rest;
    if (!PyArg_ParseTuple(args, "IKKIIIK", &thread, &seq, &frame, &first, &last, &most, &events) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    struct origin_from from = {self->reader, thread, seq, events, 0};
    rest_begin(&rest, self->reader);
    status = origin_calls(&from, frame, first, last, most, &calls);
    status = rest_end(&rest, self->reader, status);
    PyObject *list = status == RL_OK ? list_calls(self->reader, &calls) : rest_failed();
    PyObject *line = list != NULL ? make_event(self->reader, &calls.line) : NULL;
    if (line != NULL) {
        result = Py_BuildValue("(OiO)", list, calls.has_more, line);
    }
    Py_XDECREF(list);
    Py_XDECREF(line);
    origin_calls_fini(&calls);
    self->busy = 0;
    return result;
}

/* Compiles a path such as x.items[0].price, in which x is the value that it is evaluated for; NULL
 * without an exception where it is none. */
static struct where *make_path(const char *text, Py_ssize_t len)
{
    struct where *where = NULL;
    struct where_error error;
    rl_status status = where_new(text, (size_t)len, &where, &error);
    if (status == RL_NOMEM) {
        (void)PyErr_NoMemory();
    }
    return status == RL_OK ? where : NULL;
}

/* origin_changed(thread, seq, identity, path, most, since ns): (event, line, event before). All are
 * None where no event shows that part of the object. */
PyObject *reader_origin_changed(struct reader_object *self, PyObject *args)
{
    struct origin_changed changed = {0};
    PyObject *result = NULL;
    const char *text;
    Py_ssize_t len;
    unsigned thread;
    unsigned long long seq, identity, most, since;
    rl_status status;
    struct rest rest;
    if (!PyArg_ParseTuple(args, "IKKs#KK", &thread, &seq, &identity, &text, &len, &most, &since) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    struct origin_from from = {self->reader, thread, seq, most, since};
    struct where *path = make_path(text, len);
    if (path == NULL) {
        self->busy = 0;
        return PyErr_Occurred() ? NULL : Py_BuildValue("(OOO)", Py_None, Py_None, Py_None);
    }
    rest_begin(&rest, self->reader);
    status = origin_changed(&from, identity, path, &changed);
    status = rest_end(&rest, self->reader, status);
    struct reader *r = self->reader;
    PyObject *event = status == RL_OK ? make_event(r, &changed.event.out) : rest_failed();
    PyObject *line = event != NULL ? make_event(r, &changed.line) : NULL;
    PyObject *before = line != NULL ? make_event(r, &changed.before.out) : NULL;
    if (before != NULL) {
        result = PyTuple_Pack(3, event, line, before);
    }
    Py_XDECREF(event);
    Py_XDECREF(line);
    Py_XDECREF(before);
    where_free(path);
    origin_changed_fini(&changed);
    self->busy = 0;
    return result;
}

/* Returns the JSON of a value, or of what a path leads to in it: new, None where that is nothing
 * that was recorded. */
static PyObject *make_value(const struct reader *reader, struct text value, struct where *path)
{
    struct json_out json = {{0}, 0};
    PyObject *result = NULL;
    if (path != NULL && value.data != NULL) {
        struct operand found = origin_evaluate(reader, path, value);
        int is_recorded = found.kind != OPERAND_RAISES && found.begin != NULL;
        value = (struct text){is_recorded ? (const char *)found.begin : NULL,
                              is_recorded ? (size_t)(found.end - found.begin) : 0};
    }
    struct bytes_in in = bytes_in_of(value.data, value.len);
    if (value.data == NULL || value_json(&json, reader, &in) != RL_OK) {
        result = Py_None;
        Py_INCREF(result);
    } else {
        result = json.out.failed ? PyErr_NoMemory()
                                 : PyBytes_FromStringAndSize((const char *)json.out.data,
                                                             (Py_ssize_t)json.out.len);
    }
    json_fini(&json);
    return result;
}

/* origin_value(thread, seq, name, path): what the event gives the name, as JSON, or what the path
 * leads to in it. An empty name means its result. None where it has no such value. */
PyObject *reader_origin_value(struct reader_object *self, PyObject *args)
{
    struct back *back = NULL;
    struct event_out event;
    PyObject *result = NULL;
    struct text name;
    const char *text;
    Py_ssize_t name_len, len;
    unsigned thread;
    unsigned long long seq;
    if (!PyArg_ParseTuple(args, "IKs#z#", &thread, &seq, &name.data, &name_len, &text, &len) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    name.len = (size_t)name_len;
    struct where *path = text != NULL ? make_path(text, len) : NULL;
    rl_status status = PyErr_Occurred() ? RL_NOMEM : back_open(self->reader, thread, seq, 1, &back);
    status = status == RL_OK ? back_prev(back, &event) : status;
    if (status == RL_NOMEM) {
        (void)(PyErr_Occurred() ? NULL : PyErr_NoMemory());
    } else if (status == RL_END || event.seq != seq || (text != NULL && path == NULL)) {
        result = Py_None;
        Py_INCREF(result);
    } else {
        result = make_value(self->reader, origin_value(self->reader, &event, name), path);
    }
    where_free(path);
    back_close(back);
    self->busy = 0;
    return result;
}
