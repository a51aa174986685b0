/* Why: one answer may take seconds and have a million rows. Python takes it in pieces, so that rows
 * are printed as they are found, and Ctrl-C ends it.
 *
 *     Calls(reader, codes, where=..., ...) --> piece() --> [rows as JSON], [] or None at the end
 *                                              counts(), groups()
 *
 * Invariants: the object owns its reader. Each piece enters the reader, so a closed one is refused,
 * and two threads never read at once. Threads: the search runs without the GIL, all else under it.
 */
#include "mod_calls.h"

#include <limits.h>

#include "pieces.h"
#include "reader_object.h"
#include "refusal.h"

#include "call_json.h"
#include "status.h"
#include "utf8.h"
#include "value_json.h"

enum {
    PIECE_ROWS = 200,
    PIECE_EVENTS = 1000000,    /* after so many without a row, signals get their turn */
    PIECE_EVENTS_MORE = 100000 /* after so many since the first row, it is given */
};

struct calls_object {
    PyObject_HEAD struct reader_object *reader; /* owned */
    struct calls_of *calls;                     /* owned; NULL = not begun */
    struct where *where, *group;                /* owned */
    struct u64map codes;
    PyObject *prefix, *name; /* owned bytes */
    struct call_words words;
    int has_ended;
};

/* ---- expressions ---- */

/* Returns the number of characters before a place. */
static size_t count_before(const char *text, size_t place)
{
    return utf8_count((const uint8_t *)text, place);
}

/* where_names(text): [(name, place, is_of_call)] for each name in an expression. Where the text is
 * none, (place, why). Places count characters. */
static PyObject *core_where_names(PyObject *module, PyObject *text)
{
    (void)module;
    struct where *where = NULL;
    struct where_error error = {0, ""};
    Py_ssize_t len = 0;
    size_t count = 0;
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"); /* owned */
    char *data = NULL;
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &data, &len) != 0) {
        Py_XDECREF(bytes);
        return NULL;
    }
    rl_status status = where_new(data, (size_t)len, &where, &error);
    PyObject *list = NULL;
    if (status == RL_NOMEM) {
        (void)PyErr_NoMemory();
    } else if (status != RL_OK) {
        list = Py_BuildValue("(ns)", (Py_ssize_t)count_before(data, error.place), error.text);
    } else {
        const struct where_name *names = where_names(where, &count);
        list = PyList_New(0);
        for (size_t i = 0; list != NULL && i < count; i++) {
            PyObject *row = Py_BuildValue("(NnN)", reader_safe_text(names[i].text),
                                          (Py_ssize_t)count_before(data, names[i].place),
                                          PyBool_FromLong(names[i].is_of_call));
            if (row == NULL || PyList_Append(list, row) != 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(row);
        }
    }
    where_free(where);
    Py_DECREF(bytes);
    return list;
}

/* call_names(): {name of what an expression knows of each call: its meaning} */
static PyObject *core_call_names(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    const char *name, *meaning;
    PyObject *names = PyDict_New();
    for (size_t i = 0; names != NULL && (name = calls_of_name(i, &meaning)) != NULL; i++) {
        PyObject *text = PyUnicode_FromString(meaning);
        if (text == NULL || PyDict_SetItemString(names, name, text) != 0) {
            Py_CLEAR(names);
        }
        Py_XDECREF(text);
    }
    return names;
}

/* where_reasons(): {why an expression has no answer: whether that is because something is not
 * known} */
static PyObject *core_where_reasons(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *reasons = PyDict_New();
    for (unsigned i = 0; reasons != NULL && i < OPERAND_REASON_COUNT; i++) {
        PyObject *is_unknown = operand_reason_is_unknown(i) ? Py_True : Py_False;
        if (PyDict_SetItemString(reasons, operand_reason_text(i), is_unknown) != 0) {
            Py_CLEAR(reasons);
        }
    }
    return reasons;
}

int mod_calls_take_where(PyObject *text, struct where **where)
{
    struct where_error error = {0, ""};
    Py_ssize_t len = 0;
    char *data = NULL;
    if (text == NULL || text == Py_None) {
        return 0;
    }
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"); /* owned */
    int failed = bytes == NULL || PyBytes_AsStringAndSize(bytes, &data, &len) != 0;
    rl_status status = failed ? RL_OK : where_new(data, (size_t)len, where, &error);
    if (status != RL_OK) {
        (void)refuse(status, "at character %zu: %s", count_before(data, error.place) + 1,
                     error.text);
        failed = 1;
    }
    Py_XDECREF(bytes);
    return failed ? -1 : 0;
}

/* ---- the object ---- */

static void calls_dealloc(struct calls_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    calls_of_close(self->calls);
    where_free(self->where);
    where_free(self->group);
    u64map_fini(&self->codes);
    Py_XDECREF(self->prefix);
    Py_XDECREF(self->name);
    Py_XDECREF((PyObject *)self->reader);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Takes a str as bytes that the object owns. */
static const char *take_words(PyObject *text, PyObject **owned)
{
    *owned = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    return *owned != NULL ? PyBytes_AsString(*owned) : NULL;
}

static int calls_init(struct calls_object *self, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"reader",    "codes",       "name",     "prefix", "where",
                               "group",     "until",       "has_gaps", "number", "skip",
                               "only_last", "only_counts", NULL};
    PyObject *reader, *codes, *name, *prefix, *where = NULL, *group = NULL;
    unsigned long long until = 0, number = 0, skip = 0;
    int has_codes = 0;
    struct calls_of_question question = {0};
    if (self->reader != NULL) {
        (void)refusal_raise(RL_USAGE, "it has begun already");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, names, "OOUU|OOKpKKpp", keywords, &reader, &codes, &name,
                                     &prefix, &where, &group, &until, &self->words.has_gaps,
                                     &number, &skip, &question.only_last, &question.only_counts)) {
        return -1;
    }
    if (!reader_is(reader)) {
        PyErr_SetString(PyExc_TypeError, "a Reader is wanted");
        return -1;
    }
    Py_INCREF(reader);
    self->reader = (struct reader_object *)reader;
    self->words.name = take_words(name, &self->name);
    self->words.prefix = take_words(prefix, &self->prefix);
    self->words.until = until;
    if (self->words.name == NULL || self->words.prefix == NULL ||
        mod_calls_take_where(where, &self->where) != 0 ||
        mod_calls_take_where(group, &self->group) != 0 ||
        reader_take_set(codes, &self->codes, &has_codes) != 0) {
        return -1;
    }
    question.codes = &self->codes;
    question.where = self->where;
    question.group = self->group;
    question.number = number;
    question.skip = skip;
    struct reader *r = reader_enter(self->reader);
    if (r == NULL) {
        return -1;
    }
    rl_status status = calls_of_open(r, &question, &self->calls);
    self->reader->busy = 0;
    if (status != RL_OK) {
        (void)PyErr_NoMemory();
    }
    return status == RL_OK ? 0 : -1;
}

static PyObject *make_line(struct reader *reader, const struct calls_object *self,
                           const struct call_found *call, struct json_out *json)
{
    bytes_out_reset(&json->out);
    json->needs_comma = 0;
    call_json(json, reader, &self->words, call);
    return json->out.failed
               ? PyErr_NoMemory()
               : PyBytes_FromStringAndSize((const char *)json->out.data, (Py_ssize_t)json->out.len);
}

/* Appends rows to a list, as pieces_fill says. */
static rl_status fill_piece(void *object, struct reader *reader, PyObject *list)
{
    struct calls_object *self = object;
    uint64_t events = PIECE_EVENTS;
    struct json_out json = {{0}, 0};
    rl_status status = RL_OK;
    for (int n = 0; n < PIECE_ROWS && status == RL_OK; n++) {
        struct call_found *call = NULL;
        Py_BEGIN_ALLOW_THREADS
        status = calls_of_next(self->calls, &events, &call);
        Py_END_ALLOW_THREADS
        if (call == NULL) {
            break;
        }
        PyObject *line = make_line(reader, self, call, &json);
        call_found_free(call);
        if (line == NULL || PyList_Append(list, line) != 0) {
            status = RL_NOMEM;
        }
        Py_XDECREF(line);
        events = events < PIECE_EVENTS_MORE ? events : PIECE_EVENTS_MORE;
    }
    json_fini(&json);
    return status;
}

/* The next rows, each a line of JSON; none where it needs more time; None at the end. */
static PyObject *calls_piece(struct calls_object *self, PyObject *ignored)
{
    (void)ignored;
    if (self->calls == NULL) {
        Py_RETURN_NONE;
    }
    return pieces_next(self->reader, &self->has_ended, fill_piece, self);
}

static PyObject *calls_only_count(struct calls_object *self, PyObject *ignored)
{
    (void)ignored;
    if (self->calls != NULL) {
        calls_of_only_count(self->calls);
    }
    Py_RETURN_NONE;
}

/* (calls, passed, open, raised, unknown, no_answer, {reason: count}) */
static PyObject *calls_counts(struct calls_object *self, PyObject *ignored)
{
    (void)ignored;
    static const struct calls_of_counts none;
    const struct calls_of_counts *counts =
        self->calls != NULL ? calls_of_counts(self->calls) : &none;
    PyObject *reasons = pieces_reasons(counts->reasons);
    return reasons == NULL
               ? NULL
               : Py_BuildValue("(KKKKKKN)", (unsigned long long)counts->calls,
                               (unsigned long long)counts->passed, (unsigned long long)counts->open,
                               (unsigned long long)counts->raised,
                               (unsigned long long)counts->unknown,
                               (unsigned long long)counts->no_answer, reasons);
}

/* ([(value as JSON, calls, number, thread and event of the first)], calls of other values) */
static PyObject *calls_groups(struct calls_object *self, PyObject *ignored)
{
    (void)ignored;
    size_t count = 0;
    uint64_t others = 0;
    struct json_out json = {{0}, 0};
    struct reader *reader = self->calls != NULL ? reader_enter(self->reader) : NULL;
    if (reader == NULL) {
        return PyErr_Occurred() != NULL ? NULL : Py_BuildValue("([]i)", 0);
    }
    const struct call_group *groups = calls_of_groups(self->calls, &count, &others);
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < count; i++) {
        struct bytes_in in = bytes_in_of(groups[i].value, groups[i].size);
        bytes_out_reset(&json.out);
        json.needs_comma = 0;
        if (value_json(&json, reader, &in) != RL_OK) {
            json_null(&json);
        }
        PyObject *row =
            json.out.failed
                ? PyErr_NoMemory()
                : Py_BuildValue("(y#KKIK)", (const char *)json.out.data, (Py_ssize_t)json.out.len,
                                (unsigned long long)groups[i].calls,
                                (unsigned long long)groups[i].first, groups[i].first_thread,
                                (unsigned long long)groups[i].first_seq);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    json_fini(&json);
    self->reader->busy = 0;
    return list == NULL ? NULL : Py_BuildValue("(NK)", list, (unsigned long long)others);
}

static PyMethodDef calls_methods[] = {
    {"piece", (PyCFunction)calls_piece, METH_NOARGS,
     "The next rows, each a line of JSON; [] where it needs more time; None at the end."},
    {"only_count", (PyCFunction)calls_only_count, METH_NOARGS, "Gives no more rows, but counts."},
    {"counts", (PyCFunction)calls_counts, METH_NOARGS,
     "(calls, passed, open, raised, unknown, no answer, {reason: count}) so far."},
    {"groups", (PyCFunction)calls_groups, METH_NOARGS,
     "([(value as JSON, calls, number, thread and event of the first)], calls of others)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot calls_slots[] = {
    {Py_tp_init, calls_init},
    {Py_tp_dealloc, calls_dealloc},
    {Py_tp_methods, calls_methods},
    {Py_tp_doc, "The calls of some functions."},
    {0, NULL},
};

static PyType_Spec calls_spec = {
    .name = "relive._core.Calls",
    .basicsize = sizeof(struct calls_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = calls_slots,
};

static PyMethodDef calls_functions[] = {
    {"where_names", core_where_names, METH_O,
     "[(name, place, is_of_call)] of an expression; (place, why) where it is none."},
    {"where_reasons", core_where_reasons, METH_NOARGS,
     "{why an expression has no answer: whether something is not known}."},
    {"call_names", core_call_names, METH_NOARGS,
     "{name: meaning} of what an expression knows of each call."},
    {NULL, NULL, 0, NULL},
};

int mod_calls_add(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&calls_spec);
    if (type == NULL || PyModule_AddObject(module, "Calls", type) != 0) {
        Py_XDECREF(type);
        return -1;
    }
    return PyModule_AddFunctions(module, calls_functions);
}
