/* Why: a recording as Python walks through it, step by step, in both directions.
 *
 *     Replay(reader) --> find(thread, seq) --> place --> frames(place, thread), variables(place,
 * ...) ^  |
 *                                               '--+-- step(how, is_backwards, place, ...)
 *
 *     how          "step", "next", "until", "return", "continue": step_search.h has where each ends
 *     condition    (kind, codes, line, name, is_global, frame, identity, inside, where)
 *
 *     kind of a condition    what it reads of the others
 *     "line"                 codes of a file, line
 *     "call"                 codes of a function
 *     "exc"                  name of a type, "" = of any
 *     "name"                 name of a variable; codes, or a frame; is_global
 *     "inside"               identity of an object, and an expression over `it`
 *     each                   where: an expression over the variables of the frame, or None
 *
 * A place is a number of events (travel.h). The object remembers where it read last. It may be at
 * any place afterwards, also when Ctrl-C has ended a search.
 *
 * Invariants: the object owns its reader. Each method enters the reader, so a closed one is
 * refused. Threads: reading runs without the GIL, in pieces, so that signals get their turn. */
#include "mod_replay.h"

#include <string.h>

#include "mod_calls.h"
#include "reader_object.h"
#include "refusal.h"

#include "alloc.h"
#include "frame_names.h"
#include "step_search.h"
#include "value_json.h"

enum { PIECE_EVENTS = 500000 }; /* that are read before signals get their turn */

struct replay_object {
    PyObject_HEAD struct reader_object *reader; /* owned */
    struct travel *travel;                      /* owned */
};

static void replay_dealloc(struct replay_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    travel_close(self->travel);
    Py_XDECREF((PyObject *)self->reader);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static int replay_init(struct replay_object *self, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"reader", "interval", "bytes_max", NULL};
    PyObject *reader;
    unsigned long long interval = TRAVEL_INTERVAL, bytes_max = TRAVEL_BYTES_MAX;
    if (!PyArg_ParseTupleAndKeywords(args, names, "O|KK", keywords, &reader, &interval,
                                     &bytes_max)) {
        return -1;
    }
    if (self->reader != NULL || !reader_is(reader)) {
        PyErr_SetString(PyExc_TypeError, "a Reader is wanted, once");
        return -1;
    }
    struct reader *r = reader_enter((struct reader_object *)reader);
    if (r == NULL) {
        return -1;
    }
    Py_INCREF(reader);
    self->reader = (struct reader_object *)reader;
    rl_status status = travel_open(r, interval, (size_t)bytes_max, &self->travel);
    self->reader->busy = 0;
    if (status != RL_OK) {
        (void)PyErr_NoMemory();
    }
    return status == RL_OK ? 0 : -1;
}

/* Returns the open reader, busy from now on; NULL with an exception. Every method that has entered
 * sets `busy` to 0 before it returns, also with an exception. */
static struct reader *enter(struct replay_object *self)
{
    if (self->travel == NULL) {
        (void)refusal_raise(RL_USAGE, "it has not begun");
        return NULL;
    }
    return reader_enter(self->reader);
}

/* Goes to a place, or to an event of a thread (where `thread` is not 0). Returns a status; after
 * RL_NOMEM, and RL_LIMIT for a signal, an exception is set. */
static rl_status go_to(struct replay_object *self, uint64_t place, uint32_t thread, uint64_t seq)
{
    rl_status status = RL_LIMIT;
    for (int begins = 1; status == RL_LIMIT; begins = 0) {
        uint64_t events = PIECE_EVENTS;
        Py_BEGIN_ALLOW_THREADS
        status = thread != 0 ? travel_find(self->travel, thread, seq, begins, &events)
                             : travel_to(self->travel, place, &events);
        Py_END_ALLOW_THREADS
        if (status == RL_LIMIT && PyErr_CheckSignals() != 0) {
            return RL_LIMIT;
        }
    }
    if (status == RL_NOMEM) {
        (void)PyErr_NoMemory();
    }
    return status;
}

/* Goes to a place. Returns the reader, busy from now on; NULL with an exception. */
static struct reader *enter_place(struct replay_object *self, uint64_t place)
{
    struct reader *r = enter(self);
    if (r == NULL) {
        return NULL;
    }
    rl_status status = go_to(self, place, 0, 0);
    if (status == RL_OK && place != 0) {
        return r;
    }
    self->reader->busy = 0;
    if (status == RL_OK || status == RL_END) {
        (void)refusal_raise(RL_USAGE, "the recording has no such place");
    }
    return NULL;
}

/* find(thread, seq): the place of an event; None where it was not kept */
static PyObject *replay_find(struct replay_object *self, PyObject *args)
{
    unsigned thread;
    unsigned long long seq;
    if (!PyArg_ParseTuple(args, "IK", &thread, &seq) || enter(self) == NULL) {
        return NULL;
    }
    rl_status status = thread != 0 ? go_to(self, 0, thread, seq) : RL_END;
    self->reader->busy = 0;
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (status == RL_END) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLongLong(travel_place(self->travel));
}

/* event(place): its event as JSON */
static PyObject *replay_event(struct replay_object *self, PyObject *args)
{
    unsigned long long place;
    struct reader *r = PyArg_ParseTuple(args, "K", &place) ? enter_place(self, place) : NULL;
    if (r == NULL) {
        return NULL;
    }
    PyObject *result = reader_event_json(r, travel_event(self->travel));
    self->reader->busy = 0;
    return result;
}

/* frames(place, thread): [(frame, caller, thread, task, code, line, state, ())] of a thread, 0 = of
 * all */
static PyObject *replay_frames(struct replay_object *self, PyObject *args)
{
    unsigned long long place;
    unsigned thread;
    struct reader *r =
        PyArg_ParseTuple(args, "KI", &place, &thread) ? enter_place(self, place) : NULL;
    if (r == NULL) {
        return NULL;
    }
    PyObject *result = reader_list_frames(travel_instant(self->travel), r, thread, 0);
    self->reader->busy = 0;
    return result;
}

/* lives(place): ([(thread, seq, t)], [(task, name)]) that have begun and not ended */
static PyObject *replay_lives(struct replay_object *self, PyObject *args)
{
    unsigned long long place;
    struct reader *r = PyArg_ParseTuple(args, "K", &place) ? enter_place(self, place) : NULL;
    if (r == NULL) {
        return NULL;
    }
    PyObject *threads = reader_list_threads(travel_instant(self->travel));
    PyObject *tasks = threads != NULL ? reader_list_tasks(travel_instant(self->travel), r) : NULL;
    self->reader->busy = 0;
    if (tasks == NULL) {
        Py_XDECREF(threads);
        return NULL;
    }
    return Py_BuildValue("(NN)", threads, tasks);
}

/* Finds an open or suspended frame. 1, 0 where it is not there, or -1 with an exception. */
static int find_frame(struct replay_object *self, uint64_t wanted, struct instant_frame *found)
{
    struct instant_frames frames;
    int is_found = 0;
    if (instant_frames(travel_instant(self->travel), &frames) != RL_OK) {
        (void)PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < frames.count && !is_found; i++) {
        if (frames.items[i].frame == wanted) {
            *found = frames.items[i];
            is_found = 1;
        }
    }
    instant_frames_fini(&frames);
    return is_found;
}

/* variables(place, frame): rows as Reader.state() has them */
static PyObject *replay_variables(struct replay_object *self, PyObject *args)
{
    unsigned long long place, number;
    struct instant_frame frame;
    PyObject *result = NULL;
    struct reader *r =
        PyArg_ParseTuple(args, "KK", &place, &number) ? enter_place(self, place) : NULL;
    if (r == NULL) {
        return NULL;
    }
    int is_found = find_frame(self, number, &frame);
    if (is_found > 0) {
        result = reader_list_variables(travel_instant(self->travel), r, &frame, NULL);
    } else if (is_found == 0) {
        result = PyList_New(0);
    }
    self->reader->busy = 0;
    return result;
}

/* ---- expressions ---- */

/* Returns an operand as JSON: a recorded value as it is, one that was computed as a new one. */
static PyObject *make_operand(struct reader *reader, const struct operand *one)
{
    struct json_out json = {{0}, 0};
    struct bytes_out made = {0};
    struct bytes_in in = bytes_in_of(one->begin, (size_t)(one->end - one->begin));
    PyObject *result = NULL;
    if (one->tag == 0 || one->begin == NULL) {
        (void)operand_put(&made, one);
        in = bytes_in_of(made.data, made.len);
    }
    if (made.failed || value_json(&json, reader, &in) == RL_NOMEM || json.out.failed) {
        (void)PyErr_NoMemory();
    } else {
        result = PyBytes_FromStringAndSize((const char *)json.out.data, (Py_ssize_t)json.out.len);
    }
    bytes_out_fini(&made);
    json_fini(&json);
    return result;
}

/* evaluate(place, frame, expression): (value as JSON or None, reason, may it have changed). The
 * reason is a text where there is no value. */
static PyObject *replay_evaluate(struct replay_object *self, PyObject *args)
{
    unsigned long long place, number;
    PyObject *text, *result = NULL;
    struct where *where = NULL;
    struct frame_names names;
    struct instant_frame frame = {0};
    if (!PyArg_ParseTuple(args, "KKU", &place, &number, &text) ||
        mod_calls_take_where(text, &where) != 0) {
        return NULL;
    }
    struct reader *r = enter_place(self, place);
    int is_found = r == NULL ? -1 : number != 0 ? find_frame(self, number, &frame) : 0;
    if (is_found == 0) {
        (void)refusal_raise(RL_USAGE, "no frame is selected");
    } else if (is_found > 0 &&
               frame_names_open(travel_instant(self->travel), &frame, &names) != RL_OK) {
        (void)PyErr_NoMemory();
    } else if (is_found > 0) {
        struct operand one = frame_names_run(&names, where);
        if (one.kind == OPERAND_UNKNOWN || one.kind == OPERAND_RAISES) {
            result = Py_BuildValue("(Osi)", Py_None, operand_reason_text(one.reason), 0);
        } else {
            PyObject *json = make_operand(r, &one);
            result = json != NULL ? Py_BuildValue("(NOi)", json, Py_None, names.is_doubtful) : NULL;
        }
        frame_names_fini(&names);
    }
    if (r != NULL) {
        self->reader->busy = 0;
    }
    where_free(where);
    return result;
}

/* frame_names(): {name that an expression may have beside variables: its meaning} */
static PyObject *core_frame_names(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    static const char *const rows[][2] = {
#define NAME_ROW(name, meaning) {#name, meaning},
        FRAME_NAMES(NAME_ROW)
#undef NAME_ROW
    };
    PyObject *names = PyDict_New();
    for (size_t i = 0; names != NULL && i < sizeof rows / sizeof *rows; i++) {
        PyObject *text = PyUnicode_FromString(rows[i][1]);
        if (text == NULL || PyDict_SetItemString(names, rows[i][0], text) != 0) {
            Py_CLEAR(names);
        }
        Py_XDECREF(text);
    }
    return names;
}

/* ---- steps ---- */

/* Conditions with what they borrow: maps of codes, expressions. Names of types and variables are
 * borrowed from the texts in the rows, which the caller of step() holds meanwhile. */
struct conditions {
    struct stop_condition *items; /* owned */
    struct u64map *codes;         /* owned, one of each */
    size_t count;
};

static void conditions_fini(struct conditions *conditions)
{
    for (size_t i = 0; i < conditions->count; i++) {
        where_free(conditions->items[i].where);
        where_free(conditions->items[i].inside);
        u64map_fini(&conditions->codes[i]);
    }
    rl_free(conditions->items);
    rl_free(conditions->codes);
}

static const char *const stop_kinds[] = {
    [STOP_LINE] = "line", [STOP_CALL] = "call",     [STOP_EXCEPTION] = "exc",
    [STOP_NAME] = "name", [STOP_INSIDE] = "inside",
};
static const char *const step_ways[] = {
    [GO_ON] = "continue", [GO_INTO] = "step",  [GO_OVER] = "next",
    [GO_UNTIL] = "until", [GO_OUT] = "return",
};

/* Returns the number of a word among others, or -1 with an exception. */
static int find_word(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) {
            return (int)i;
        }
    }
    PyErr_Format(PyExc_ValueError, "unknown: %s", word);
    return -1;
}

/* Reads (kind, codes or None, line, name, is_global, frame, identity, inside, where). */
static int take_condition(PyObject *row, struct stop_condition *stop, struct u64map *codes)
{
    const char *kind, *name;
    Py_ssize_t len;
    PyObject *numbers, *inside, *where;
    unsigned long long frame, identity;
    int has_codes = 0;
    if (!PyTuple_Check(row) ||
        !PyArg_ParseTuple(row, "sOIs#iKKOO", &kind, &numbers, &stop->line, &name, &len,
                          &stop->is_global, &frame, &identity, &inside, &where)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "a condition is a tuple");
        }
        return -1;
    }
    int number = find_word(kind, stop_kinds, sizeof stop_kinds / sizeof *stop_kinds);
    if (number < 0 || reader_take_set(numbers, codes, &has_codes) != 0 ||
        mod_calls_take_where(inside, &stop->inside) != 0 ||
        mod_calls_take_where(where, &stop->where) != 0) {
        return -1;
    }
    stop->kind = (enum stop_kind)number;
    stop->codes = has_codes || stop->kind == STOP_LINE || stop->kind == STOP_CALL ? codes : NULL;
    stop->name = (struct text){name, (size_t)len};
    stop->frame = frame;
    stop->identity = identity;
    if (stop->kind == STOP_INSIDE && stop->inside == NULL) {
        PyErr_SetString(PyExc_ValueError, "what is inside?");
        return -1;
    }
    return 0;
}

/* Reads a list of conditions. The texts of the rows are borrowed. 0, or -1 with an exception. */
static int take_conditions(PyObject *rows, struct conditions *out)
{
    size_t count = (size_t)PyList_GET_SIZE(rows);
    out->items = rl_zalloc(count, sizeof *out->items);
    out->codes = rl_zalloc(count, sizeof *out->codes);
    if (out->items == NULL || out->codes == NULL) {
        (void)PyErr_NoMemory();
        return -1;
    }
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        if (take_condition(PyList_GET_ITEM(rows, (Py_ssize_t)i), &out->items[i], &out->codes[i]) !=
            0) {
            return -1;
        }
    }
    return 0;
}

/* Runs a search to its end, and gives signals their turn. After an exception the object is at some
 * place between; the next method goes to its own. RL_OK, RL_END; or another status with an
 * exception. */
static rl_status run_search(struct step_search *search, struct step_found *found)
{
    rl_status status;
    do {
        uint64_t events = PIECE_EVENTS;
        Py_BEGIN_ALLOW_THREADS
        status = step_search_run(search, &events, found);
        Py_END_ALLOW_THREADS
        if (status == RL_OK && found->reason == STEP_NOT_YET && PyErr_CheckSignals() != 0) {
            return RL_LIMIT;
        }
    } while (status == RL_OK && found->reason == STEP_NOT_YET);
    if (status == RL_NOMEM) {
        (void)PyErr_NoMemory();
    }
    return status;
}

/* step(how, is_backwards, place, thread, frame, line, sees_raises, conditions)
 *
 * Returns (reason, place, thread, seq, number of the condition, how often one was not known). The
 * reason is "step", "stop", "lost" or, where there is no such event, "end". */
static PyObject *replay_step(struct replay_object *self, PyObject *args)
{
    static const char *const reasons[] = {
        [STEP_NOT_YET] = "end", [STEP_DONE] = "step", [STEP_STOP] = "stop", [STEP_LOST] = "lost"};
    struct step_question question = {0};
    struct conditions conditions = {0};
    struct step_search *search = NULL;
    struct step_found found = {0};
    unsigned long long place, frame;
    const char *how;
    PyObject *rows, *result = NULL;
    if (!PyArg_ParseTuple(args, "spKIKIpO!", &how, &question.is_backwards, &place, &question.thread,
                          &frame, &question.line, &question.sees_raises, &PyList_Type, &rows)) {
        return NULL;
    }
    int number = find_word(how, step_ways, sizeof step_ways / sizeof *step_ways);
    if (number < 0 || take_conditions(rows, &conditions) != 0 || enter(self) == NULL) {
        conditions_fini(&conditions);
        return NULL;
    }
    question.how = (enum step_how)number;
    question.place = place;
    question.frame = frame;
    question.stops = conditions.items;
    question.stop_count = conditions.count;
    rl_status status = step_search_new(self->reader->reader, self->travel, &question, &search);
    if (status != RL_OK) {
        (void)PyErr_NoMemory();
    } else {
        status = run_search(search, &found);
    }
    if (status == RL_OK || status == RL_END) {
        result = Py_BuildValue("(sKIKnK)", reasons[found.reason], (unsigned long long)found.place,
                               found.thread, (unsigned long long)found.seq, (Py_ssize_t)found.stop,
                               (unsigned long long)step_search_unknown(search));
    }
    step_search_free(search);
    self->reader->busy = 0;
    conditions_fini(&conditions);
    return result;
}

static PyMethodDef replay_methods[] = {
    {"find", (PyCFunction)replay_find, METH_VARARGS,
     "The place of an event; None where it was not kept."},
    {"event", (PyCFunction)replay_event, METH_VARARGS, "The event at a place, as JSON."},
    {"frames", (PyCFunction)replay_frames, METH_VARARGS,
     "Open and suspended frames, without variables."},
    {"lives", (PyCFunction)replay_lives, METH_VARARGS,
     "([(thread, seq, t)], [(task, name)]) that have begun and not ended."},
    {"variables", (PyCFunction)replay_variables, METH_VARARGS, "The variables of a frame."},
    {"evaluate", (PyCFunction)replay_evaluate, METH_VARARGS,
     "(value as JSON or None, why there is none, may it have changed) of an expression."},
    {"step", (PyCFunction)replay_step, METH_VARARGS,
     "(reason, place, thread, seq, condition, unknown): where a step ends."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot replay_slots[] = {
    {Py_tp_init, replay_init},
    {Py_tp_dealloc, replay_dealloc},
    {Py_tp_methods, replay_methods},
    {Py_tp_doc, "Walks through a recording in both directions."},
    {0, NULL},
};

static PyType_Spec replay_spec = {
    .name = "relive._core.Replay",
    .basicsize = sizeof(struct replay_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = replay_slots,
};

static PyMethodDef replay_functions[] = {
    {"frame_names", core_frame_names, METH_NOARGS,
     "{name: meaning} of what an expression knows beside variables."},
    {NULL, NULL, 0, NULL},
};

int mod_replay_add(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&replay_spec);
    if (type == NULL || PyModule_AddObject(module, "Replay", type) != 0) {
        Py_XDECREF(type);
        return -1;
    }
    return PyModule_AddFunctions(module, replay_functions);
}
