/* Why: a timeline may have millions of rows. Python takes it in pieces, so that rows are printed as
 * they are found, and Ctrl-C ends it.
 *
 *     Timeline(reader, kinds, ...) --> piece() --> [(ns, row as JSON)], [] or None at the end
 *                                      counts()
 *
 * Invariants: the object owns its reader. Each piece enters the reader, so a closed one is refused,
 * and two threads never read at once. Threads: the pass runs without the GIL, all else under it. */
#include "mod_timeline.h"

#include "mod_calls.h"
#include "pieces.h"
#include "reader_object.h"
#include "refusal.h"

#include "timeline.h"
#include "timeline_json.h"

enum {
    PIECE_ROWS = 500,
    PIECE_EVENTS = 1000000,    /* after so many without a row, signals get their turn */
    PIECE_EVENTS_MORE = 100000 /* after so many since the first row, it is given */
};

struct timeline_object {
    PyObject_HEAD struct reader_object *reader; /* owned */
    struct timeline *timeline;                  /* owned; NULL = not begun */
    struct where *where;                        /* owned */
    struct u64map codes;
    PyObject *prefix; /* owned bytes */
    int has_ended;
};

/* timeline_names(): {name of what an expression knows of each event: its meaning} */
static PyObject *core_timeline_names(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    const char *name, *meaning;
    PyObject *names = PyDict_New();
    for (size_t i = 0; names != NULL && (name = timeline_name(i, &meaning)) != NULL; i++) {
        PyObject *text = PyUnicode_FromString(meaning);
        if (text == NULL || PyDict_SetItemString(names, name, text) != 0) {
            Py_CLEAR(names);
        }
        Py_XDECREF(text);
    }
    return names;
}

static void timeline_dealloc(struct timeline_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    timeline_close(self->timeline);
    where_free(self->where);
    u64map_fini(&self->codes);
    Py_XDECREF(self->prefix);
    Py_XDECREF((PyObject *)self->reader);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Takes None, or (thread, seq, t): thread 0 is a time alone. 0, or -1 with an exception. */
static int take_border(PyObject *pair, struct timeline_border *border)
{
    unsigned long long seq, t;
    if (pair == NULL || pair == Py_None) {
        return 0;
    }
    if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "IKK", &border->thread, &seq, &t)) {
        return -1;
    }
    border->is_set = 1;
    border->seq = seq;
    border->t = t;
    return 0;
}

static int timeline_init(struct timeline_object *self, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"reader", "prefix", "kinds", "codes", "thread",
                               "task",   "begin",  "end",   "where", "only_counts",
                               "skip",   "near",   NULL};
    PyObject *reader, *prefix, *codes = NULL, *from = NULL, *to = NULL, *where = NULL;
    unsigned long long skip = 0;
    int has_codes = 0;
    struct timeline_question question = {0};
    if (self->reader != NULL) {
        (void)refusal_raise(RL_USAGE, "it has begun already");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, names, "OU|IOIIOOOpKp", keywords, &reader, &prefix,
                                     &question.kinds, &codes, &question.thread, &question.task,
                                     &from, &to, &where, &question.only_counts, &skip,
                                     &question.is_near)) {
        return -1;
    }
    if (!reader_is(reader)) {
        PyErr_SetString(PyExc_TypeError, "a Reader is wanted");
        return -1;
    }
    Py_INCREF(reader);
    self->reader = (struct reader_object *)reader;
    self->prefix = PyUnicode_AsEncodedString(prefix, "utf-8", "surrogatepass");
    if (self->prefix == NULL || take_border(from, &question.from) != 0 ||
        take_border(to, &question.to) != 0 || mod_calls_take_where(where, &self->where) != 0 ||
        reader_take_set(codes, &self->codes, &has_codes) != 0) {
        return -1;
    }
    question.codes = has_codes ? &self->codes : NULL;
    question.where = self->where;
    question.skip = skip;
    question.is_near = question.is_near && question.from.thread != 0;
    struct reader *r = reader_enter(self->reader);
    if (r == NULL) {
        return -1;
    }
    rl_status status = timeline_open(r, &question, &self->timeline);
    self->reader->busy = 0;
    if (status != RL_OK) {
        (void)PyErr_NoMemory();
    }
    return status == RL_OK ? 0 : -1;
}

/* Returns (ns, row as JSON): new. */
static PyObject *make_row(struct reader *reader, const struct timeline_object *self,
                          const struct timeline_row *row, struct json_out *json)
{
    bytes_out_reset(&json->out);
    json->needs_comma = 0;
    timeline_json(json, reader, PyBytes_AS_STRING(self->prefix), row);
    return json->out.failed
               ? PyErr_NoMemory()
               : Py_BuildValue("(Ky#)", (unsigned long long)row->event.t,
                               (const char *)json->out.data, (Py_ssize_t)json->out.len);
}

/* Appends rows to a list, as pieces_fill says. */
static rl_status fill_piece(void *object, struct reader *reader, PyObject *list)
{
    struct timeline_object *self = object;
    uint64_t events = PIECE_EVENTS;
    struct json_out json = {{0}, 0};
    struct timeline_row row;
    rl_status status = RL_OK;
    int is_row = 1;
    for (int n = 0; n < PIECE_ROWS && status == RL_OK && is_row; n++) {
        Py_BEGIN_ALLOW_THREADS
        status = timeline_next(self->timeline, &events, &row, &is_row);
        Py_END_ALLOW_THREADS
        if (!is_row) {
            break;
        }
        PyObject *made = make_row(reader, self, &row, &json);
        if (made == NULL || PyList_Append(list, made) != 0) {
            status = RL_NOMEM;
        }
        Py_XDECREF(made);
        events = events < PIECE_EVENTS_MORE ? events : PIECE_EVENTS_MORE;
    }
    json_fini(&json);
    return status;
}

/* The next rows; none where it needs more time; None at the end. */
static PyObject *timeline_piece(struct timeline_object *self, PyObject *ignored)
{
    (void)ignored;
    if (self->timeline == NULL) {
        Py_RETURN_NONE;
    }
    return pieces_next(self->reader, &self->has_ended, fill_piece, self);
}

static PyObject *timeline_count_only(struct timeline_object *self, PyObject *ignored)
{
    (void)ignored;
    if (self->timeline != NULL) {
        timeline_only_count(self->timeline);
    }
    Py_RETURN_NONE;
}

/* (events read, passed, unknown, no answer, {reason: count}) */
static PyObject *timeline_get_counts(struct timeline_object *self, PyObject *ignored)
{
    (void)ignored;
    static const struct timeline_counts none;
    const struct timeline_counts *counts =
        self->timeline != NULL ? timeline_counts(self->timeline) : &none;
    PyObject *reasons = pieces_reasons(counts->reasons);
    return reasons == NULL ? NULL
                           : Py_BuildValue("(KKKKN)", (unsigned long long)counts->events,
                                           (unsigned long long)counts->passed,
                                           (unsigned long long)counts->unknown,
                                           (unsigned long long)counts->no_answer, reasons);
}

static PyMethodDef timeline_methods[] = {
    {"piece", (PyCFunction)timeline_piece, METH_NOARGS,
     "The next rows, (ns, JSON); [] where it needs more time; None at the end."},
    {"only_count", (PyCFunction)timeline_count_only, METH_NOARGS,
     "Gives no more rows, but counts."},
    {"counts", (PyCFunction)timeline_get_counts, METH_NOARGS,
     "(events read, passed, unknown, no answer, {reason: count}) so far."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot timeline_slots[] = {
    {Py_tp_init, timeline_init},
    {Py_tp_dealloc, timeline_dealloc},
    {Py_tp_methods, timeline_methods},
    {Py_tp_doc, "Events of one process in order of time."},
    {0, NULL},
};

static PyType_Spec timeline_spec = {
    .name = "relive._core.Timeline",
    .basicsize = sizeof(struct timeline_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = timeline_slots,
};

static PyMethodDef timeline_functions[] = {
    {"timeline_names", core_timeline_names, METH_NOARGS,
     "{name: meaning} of what an expression knows of each event."},
    {NULL, NULL, 0, NULL},
};

int mod_timeline_add(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&timeline_spec);
    if (type == NULL || PyModule_AddObject(module, "Timeline", type) != 0) {
        Py_XDECREF(type);
        return -1;
    }
    return PyModule_AddFunctions(module, timeline_functions);
}
