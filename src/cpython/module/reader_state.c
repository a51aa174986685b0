/* Part of reader_object.h.
 * Why: positions, and what is open at one, as Python objects.
 *
 *     parse_position(text) --> find_event(...) --> state(thread, seq)
 *                           frame_states(...)  --> (event, variables of its frame), for each event
 *
 *     thread      (number, number of its last event, time of that event)
 *     task        (number, name)
 *     frame       (frame, caller, thread, task, code, line, state, variables)
 *     variable    (name, scope, state, value, thread and number of the event that recorded it, is
 *                 it a parameter, value at the call, can what it shows change unseen)
 *
 * Numbers of scopes and states are those of rl_format.h and instant.h; relive/_variables.py and
 * relive/instants.py name them. Values are JSON, None where there is none.
 *
 * Threads: passes run without the GIL, all else under it. */
#include "reader_object.h"
#include "refusal.h"
#include "rests.h"

#include "alloc.h"
#include "doubt.h"
#include "position.h"
#include "value_json.h"

static const char *const position_kinds[] = {
    [POSITION_EVENT] = "event", [POSITION_CALL] = "call", [POSITION_LINE] = "line",
    [POSITION_SHARE] = "share", [POSITION_TIME] = "time", [POSITION_EXCEPTION] = "exc",
    [POSITION_START] = "start", [POSITION_END] = "end",
};

/* parse_position(text): (process, kind, thread, line, number, name) */
PyObject *reader_parse_position(PyObject *module, PyObject *arg)
{
    struct position position;
    struct rl_err err;
    Py_ssize_t len = 0;
    PyObject *bytes = PyUnicode_Check(arg)
                          ? PyUnicode_AsEncodedString(arg, "utf-8", "surrogatepass")
                          : NULL; /* owned */
    char *text;
    (void)module;
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &text, &len) != 0) {
        Py_XDECREF(bytes);
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "a position is a str");
    }
    PyObject *result = NULL;
    if (position_parse(text, (size_t)len, &position, &err) != RL_OK) {
        result = refusal_raise(err.status, err.text);
    } else {
        PyObject *name = reader_safe_text(
            (struct text){position.name != NULL ? position.name : "", position.name_len});
        result = name == NULL
                     ? NULL
                     : Py_BuildValue("(KsIIKN)", (unsigned long long)position.process,
                                     position_kinds[position.kind], position.thread, position.line,
                                     (unsigned long long)position.number, name);
    }
    Py_DECREF(bytes);
    return result;
}

/* find_event(kind, thread, line, number, codes): (is found, is lost, has losses, how many there
 * are, the event or the nearest one). An event is (thread, seq, t), None where there is none. */
PyObject *reader_find_event(struct reader_object *self, PyObject *args)
{
    struct position position = {0};
    struct position_found found;
    struct u64map codes = {0};
    PyObject *numbers = NULL, *result = NULL;
    const char *kind;
    unsigned long long number;
    int has_codes;
    rl_status status;
    if (!PyArg_ParseTuple(args, "sIIKO", &kind, &position.thread, &position.line, &number,
                          &numbers)) {
        return NULL;
    }
    position.number = number;
    for (size_t i = 0; i < sizeof position_kinds / sizeof *position_kinds; i++) {
        position.kind =
            strcmp(kind, position_kinds[i]) == 0 ? (enum position_kind)i : position.kind;
    }
    if (reader_enter(self) == NULL) {
        return NULL;
    }
    if (reader_take_set(numbers, &codes, &has_codes) == 0) {
        struct rest rest;
        rest_begin(&rest, self->reader);
        status = position_find(self->reader, &position, &codes, &found);
        status = rest_end(&rest, self->reader, status);
        const struct event_out *event = &found.event;
        if (status != RL_OK) {
            (void)rest_failed();
        } else if (event->kind == 0) {
            result = Py_BuildValue("(iiiKO)", found.is_found, found.is_lost, found.has_losses,
                                   (unsigned long long)found.counted, Py_None);
        } else {
            result = Py_BuildValue("(iiiK(IKK))", found.is_found, found.is_lost, found.has_losses,
                                   (unsigned long long)found.counted, event->thread,
                                   (unsigned long long)event->seq, (unsigned long long)event->t);
        }
    }
    u64map_fini(&codes);
    self->busy = 0;
    return result;
}

/* Returns a value as JSON, or None where there is none: new. */
static PyObject *make_value(struct reader *reader, const uint8_t *bytes, size_t len)
{
    struct json_out json = {{0}, 0};
    struct bytes_in in = bytes_in_of(bytes, len);
    PyObject *result = NULL;
    if (bytes == NULL || value_json(&json, reader, &in) != RL_OK) {
        result = Py_None;
        Py_INCREF(result);
    } else if (json.out.failed) {
        (void)PyErr_NoMemory();
    } else {
        result = PyBytes_FromStringAndSize((const char *)json.out.data, (Py_ssize_t)json.out.len);
    }
    json_fini(&json);
    return result;
}

/* Returns (name, scope, state, value as JSON, thread, seq, is a parameter, value at the call as
 * JSON, may what it shows change unseen): new. */
static PyObject *make_variable(struct reader *reader, const struct variable *v)
{
    int can_change = v->bytes != NULL && doubt_change(reader, v->bytes, v->len) == CHANGE_DEEP;
    PyObject *name = reader_safe_text(reader_string(reader, v->name));
    PyObject *value = name != NULL ? make_value(reader, v->bytes, v->len) : NULL;
    PyObject *at_call = value != NULL ? make_value(reader, v->at_call, v->at_call_len) : NULL;
    PyObject *row = at_call == NULL ? NULL
                                    : Py_BuildValue("(OIIOIKiOi)", name, v->scope, v->state, value,
                                                    v->thread, (unsigned long long)v->seq,
                                                    v->is_parameter, at_call, can_change);
    Py_XDECREF(name);
    Py_XDECREF(value);
    Py_XDECREF(at_call);
    return row;
}

PyObject *reader_list_variables(struct instant *instant, struct reader *reader,
                                const struct instant_frame *frame, const struct text *only)
{
    struct variables variables;
    if (instant_variables(instant, frame, &variables) != RL_OK) {
        return PyErr_NoMemory();
    }
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < variables.count; i++) {
        struct text name = reader_string(reader, variables.items[i].name);
        if (only != NULL && (name.len != only->len || memcmp(name.data, only->data, name.len))) {
            continue;
        }
        PyObject *row = make_variable(reader, &variables.items[i]);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    variables_fini(&variables);
    return list;
}

PyObject *reader_list_frames(struct instant *instant, struct reader *reader, unsigned thread,
                             int with_variables)
{
    struct instant_frames frames;
    if (instant_frames(instant, &frames) != RL_OK) {
        return PyErr_NoMemory();
    }
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < frames.count; i++) {
        const struct instant_frame *f = &frames.items[i];
        if (thread != 0 && f->thread != thread) {
            continue;
        }
        PyObject *variables =
            with_variables ? reader_list_variables(instant, reader, f, NULL) : PyTuple_New(0);
        PyObject *row = variables == NULL
                            ? NULL
                            : Py_BuildValue("(KKIIIIIN)", (unsigned long long)f->frame,
                                            (unsigned long long)f->caller, f->thread, f->task,
                                            f->code, f->line, f->state, variables);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    instant_frames_fini(&frames);
    return list;
}

PyObject *reader_list_threads(const struct instant *instant)
{
    struct instant_threads threads;
    if (instant_threads(instant, &threads) != RL_OK) {
        return PyErr_NoMemory();
    }
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < threads.count; i++) {
        const struct instant_thread *t = &threads.items[i];
        PyObject *row =
            Py_BuildValue("(IKK)", t->thread, (unsigned long long)t->seq, (unsigned long long)t->t);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    rl_free(threads.items);
    return list;
}

PyObject *reader_list_tasks(const struct instant *instant, const struct reader *reader)
{
    struct instant_tasks tasks;
    if (instant_tasks(instant, &tasks) != RL_OK) {
        return PyErr_NoMemory();
    }
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < tasks.count; i++) {
        const struct instant_task *t = &tasks.items[i];
        PyObject *name =
            reader_safe_text(t->name != 0 ? reader_string(reader, t->name) : (struct text){"", 0});
        PyObject *row = name != NULL ? Py_BuildValue("(IN)", t->task, name) : NULL;
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    rl_free(tasks.items);
    return list;
}

/* state(thread, seq, only thread): (event as JSON, threads, tasks, frames) right after this event;
 * None where the recording does not have it */
PyObject *reader_state(struct reader_object *self, PyObject *args)
{
    struct skim skim = {0};
    struct event_out event = {0};
    unsigned thread, only = 0;
    unsigned long long seq;
    rl_status status;
    if (!PyArg_ParseTuple(args, "IK|I", &thread, &seq, &only) || reader_enter(self) == NULL) {
        return NULL;
    }
    struct reader *r = self->reader;
    const struct index_wanted wanted = {.thread = thread};
    struct rest rest;
    rest_begin(&rest, r);
    status = skim_open(r, 1, skim_stretch_of_event(r, thread, seq), NULL, &skim);
    while (status == RL_OK && (status = skim_next(&skim, &wanted, &event)) == RL_OK &&
           (event.thread != thread || event.seq != seq)) {
    }
    status = rest_end(&rest, r, status);
    PyObject *result = NULL;
    if (status == RL_NOMEM) {
        (void)rest_failed();
    } else if (status == RL_END) {
        result = Py_None;
        Py_INCREF(result);
    } else {
        PyObject *json = reader_event_json(r, &event);
        PyObject *threads = json != NULL ? reader_list_threads(skim.instant) : NULL;
        PyObject *tasks = threads != NULL ? reader_list_tasks(skim.instant, r) : NULL;
        PyObject *frames = tasks != NULL ? reader_list_frames(skim.instant, r, only, 1) : NULL;
        result = frames != NULL ? Py_BuildValue("(OOOO)", json, threads, tasks, frames) : NULL;
        Py_XDECREF(json);
        Py_XDECREF(threads);
        Py_XDECREF(tasks);
        Py_XDECREF(frames);
    }
    skim_close(&skim);
    self->busy = 0;
    return result;
}

/* Returns (event as JSON, variables of its frame right after it): new. */
static PyObject *make_frame_state(struct reader_object *self, const struct event_out *event)
{
    const struct text only = self->states.name != 0 ? reader_string(self->reader, self->states.name)
                                                    : (struct text){"", 0};
    struct instant_frame frame = {
        .frame = event->frame, .thread = event->thread, .code = event->id, .line = event->line};
    PyObject *variables = reader_list_variables(self->state_skim.instant, self->reader, &frame,
                                                self->states.name != 0 ? &only : NULL);
    PyObject *json = variables != NULL ? reader_event_json(self->reader, event) : NULL;
    PyObject *row = json != NULL ? Py_BuildValue("(OO)", json, variables) : NULL;
    Py_XDECREF(variables);
    Py_XDECREF(json);
    return row;
}

void reader_states_end(struct reader_object *self)
{
    skim_close(&self->state_skim);
    select_fini(&self->states);
}

/* frame_states(kinds, codes, line, name): begins with the first event. A name limits the variables,
 * too. */
PyObject *reader_frame_states(struct reader_object *self, PyObject *args)
{
    unsigned kinds, line;
    PyObject *codes;
    const char *name;
    Py_ssize_t len = 0;
    if (!PyArg_ParseTuple(args, "IOIz#", &kinds, &codes, &line, &name, &len) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    reader_states_end(self);
    struct select *states = &self->states;
    states->kinds = kinds;
    states->line = line;
    int failed = reader_take_set(codes, &states->codes, &states->has_codes) != 0;
    if (name != NULL) {
        states->name = select_string_id(self->reader, name, (size_t)len);
        states->name = states->name != 0 ? states->name : UINT32_MAX;
    }
    if (!failed && skim_open(self->reader, 1, 0, NULL, &self->state_skim) != RL_OK) {
        failed = 1;
        (void)PyErr_NoMemory();
    }
    self->busy = 0;
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* frame_states_piece(): the next [(event as JSON, variables)]; an empty list at the end */
PyObject *reader_frame_states_piece(struct reader_object *self, PyObject *ignored)
{
    enum { PIECE = 200, EVENTS = 50000 }; /* rows; events that are read since the first one */
    struct event_out event;
    unsigned since = 0;
    rl_status status = RL_OK;
    (void)ignored;
    struct reader *r = reader_enter(self);
    PyObject *list = r != NULL ? PyList_New(0) : NULL;
    const struct index_wanted wanted = select_wanted(&self->states);
    while (list != NULL && self->state_skim.instant != NULL && PyList_GET_SIZE(list) < PIECE &&
           since < EVENTS) {
        int has_rows = PyList_GET_SIZE(list) != 0, is_wanted = 0;
        struct rest rest;
        rest_begin(&rest, r);
        while (!is_wanted && since < EVENTS &&
               (status = skim_next(&self->state_skim, &wanted, &event)) == RL_OK) {
            is_wanted = select_matches(&self->states, r, &event);
            since += (unsigned)has_rows;
        }
        status = rest_end(&rest, r, status);
        if (status != RL_OK) {
            reader_states_end(self);
        }
        if (!is_wanted) {
            break;
        }
        PyObject *row = make_frame_state(self, &event);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    if (status == RL_NOMEM) {
        Py_CLEAR(list);
        (void)rest_failed();
    }
    self->busy = r != NULL ? 0 : self->busy;
    return list;
}
