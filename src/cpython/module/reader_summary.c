/* Part of reader_object.h.
 * Why: what the summary of a recording says, as Python objects: no event is read where the file was
 * closed. */
#include "reader_object.h"

#include "calltree.h"
#include "rests.h"
#include "sessions.h"
#include "status.h"
#include "totals.h"

/* Reads the totals of the recording, or of one session, without the GIL. */
static rl_status load_summary(struct reader_object *self, uint32_t session, struct summary *summary)
{
    struct rest rest;
    rest_begin(&rest, self->reader);
    rl_status read = totals_summary(self->reader, session, summary);
    rl_status status = rest_end(&rest, self->reader, read);
    if (status != RL_OK && read == RL_OK) {
        summary_fini(summary);
    }
    if (status != RL_OK) {
        (void)rest_failed(); /* what is damaged has become a problem of the file */
    }
    return status;
}

/* Returns a span of the recording's clock in ns, bounded for damaged files. */
static uint64_t span_ns(const struct reader *r, uint64_t ticks)
{
    const double longest = 9e18; /* a damaged file may say anything */
    double ns = (double)ticks * r->ns_per_tick;
    return (uint64_t)(ns < longest ? ns + 0.5 : longest);
}

/* Returns a string of the recording, or None for id 0: new. */
static PyObject *decode_name(const struct reader *r, uint32_t id)
{
    if (id == 0) {
        Py_RETURN_NONE;
    }
    return reader_safe_text(reader_string(r, id));
}

/* The main thread first. */
static PyObject *list_threads(const struct reader *r, const struct summary *s)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < s->thread_count; i++) {
        const struct summary_thread *t = &s->threads[i];
        int is_main = t->native_id == r->header.pid;
        PyObject *d = PyDict_New();
        if (d == NULL || reader_put_u64(d, "thread", t->serial) != 0 ||
            reader_put_owned(d, "name", decode_name(r, t->name)) != 0 ||
            reader_put_owned(d, "first_name", decode_name(r, t->first_name)) != 0 ||
            reader_put_owned(d, "is_main", PyBool_FromLong(is_main)) != 0 ||
            reader_put_u64(d, "native_id", t->native_id) != 0 ||
            reader_put_u64(d, "root", t->root) != 0 ||
            reader_put_u64(d, "first_ns", reader_time(r, t->first_ticks)) != 0 ||
            reader_put_u64(d, "last_ns", reader_time(r, t->last_ticks)) != 0 ||
            reader_put_u64(d, "events", t->events) != 0 ||
            reader_put_u64(d, "calls", t->calls) != 0 ||
            reader_put_owned(d, "has_ended", PyBool_FromLong(t->has_ended)) != 0 ||
            PyList_Insert(list, is_main ? 0 : PY_SSIZE_T_MAX, d) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(d);
    }
    return list;
}

/* Returns {name of a kind: count}: new. Two kinds that are printed like others have names here. */
static PyObject *make_kinds_dict(const struct summary *s)
{
    PyObject *d = PyDict_New();
    for (unsigned kind = 1; d != NULL && kind < RL_EVENT_KINDS; kind++) {
        const char *name = kind == RL_EVENT_RUNNING  ? "already_running"
                           : kind == RL_EVENT_CLOSED ? "closed_unseen"
                                                     : kind_name(kind);
        if (s->kinds[kind] != 0 && reader_put_u64(d, name, s->kinds[kind]) != 0) {
            Py_CLEAR(d);
        }
    }
    return d;
}

PyObject *reader_totals(struct reader_object *self, PyObject *args)
{
    unsigned session = 0;
    struct summary s;
    if (!PyArg_ParseTuple(args, "|I", &session) || reader_enter(self) == NULL) {
        return NULL;
    }
    PyObject *d = NULL;
    if (load_summary(self, session, &s) == RL_OK) {
        d = PyDict_New();
        if (d == NULL || reader_put_owned(d, "threads", list_threads(self->reader, &s)) != 0 ||
            reader_put_u64(d, "unlisted_threads", s.unlisted_threads) != 0 ||
            reader_put_owned(d, "is_folded_flat", PyBool_FromLong(s.is_folded_flat)) != 0 ||
            reader_put_owned(d, "kinds", make_kinds_dict(&s)) != 0) {
            Py_CLEAR(d);
        }
        summary_fini(&s);
    }
    self->busy = 0;
    return d;
}

/* [(code, parent, calls, total_ns, self_ns, unwinds, exc, exc_line, max_depth, open)], by index. */
PyObject *reader_tree(struct reader_object *self, PyObject *args)
{
    unsigned session = 0;
    struct summary s;
    PyObject *list = NULL;
    const struct reader *r = PyArg_ParseTuple(args, "|I", &session) ? reader_enter(self) : NULL;
    if (r == NULL) {
        return NULL;
    }
    if (load_summary(self, session, &s) == RL_OK) {
        list = PyList_New(0);
        for (size_t i = 0; list != NULL && i < s.node_count; i++) {
            const struct summary_node *n = &s.nodes[i];
            const struct summary_detail *d = &s.details[i];
            PyObject *exc =
                d->exc != 0 ? reader_safe_text(reader_string(r, d->exc)) : PyUnicode_New(0, 0);
            long long parent = n->parent == SUMMARY_NONE ? -1 : (long long)n->parent;
            PyObject *row = exc == NULL ? NULL
                                        : Py_BuildValue("(ILKKKKNIII)", n->code, parent,
                                                        (unsigned long long)n->calls,
                                                        (unsigned long long)span_ns(r, n->total),
                                                        (unsigned long long)span_ns(r, n->self),
                                                        (unsigned long long)d->unwinds, exc,
                                                        d->exc_line, d->max_depth, d->open);
            if (row == NULL || PyList_Append(list, row) != 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(row);
        }
        summary_fini(&s);
    }
    self->busy = 0;
    return list;
}

/* [(code, calls, total_ns, self_ns, unwinds, open)], longest self time first. */
PyObject *reader_functions(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    struct summary s;
    struct function_totals totals = {NULL, 0};
    const struct reader *r = reader_enter(self);
    PyObject *list = NULL;
    if (r == NULL) {
        return NULL;
    }
    if (load_summary(self, 0, &s) == RL_OK) {
        if (calltree_functions(&s, &totals) != RL_OK) {
            (void)PyErr_NoMemory();
        } else {
            list = PyList_New(0);
        }
        for (size_t i = 0; list != NULL && i < totals.count; i++) {
            const struct function_total *t = &totals.items[i];
            PyObject *row = Py_BuildValue(
                "(IKKKKK)", t->code, (unsigned long long)t->calls,
                (unsigned long long)span_ns(r, t->total), (unsigned long long)span_ns(r, t->self),
                (unsigned long long)t->unwinds, (unsigned long long)t->open);
            if (row == NULL || PyList_Append(list, row) != 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(row);
        }
        calltree_functions_fini(&totals);
        summary_fini(&s);
    }
    self->busy = 0;
    return list;
}

/* neighbours(codes, are_callers): rows (code, calls, total_ns, self_ns, unwinds, open, depth) of
 * the functions that call these, or that these call; the most calls first. */
PyObject *reader_neighbours(struct reader_object *self, PyObject *args)
{
    struct summary s;
    struct neighbour_totals totals = {NULL, 0, 0};
    struct u64map codes = {0};
    PyObject *numbers, *list = NULL;
    int are_callers = 0, has_codes;
    if (!PyArg_ParseTuple(args, "Op", &numbers, &are_callers) ||
        reader_take_set(numbers, &codes, &has_codes) != 0 || reader_enter(self) == NULL) {
        u64map_fini(&codes);
        return NULL;
    }
    const struct reader *r = self->reader;
    if (load_summary(self, 0, &s) == RL_OK) {
        enum calltree_side side = are_callers ? CALLTREE_CALLERS : CALLTREE_CALLEES;
        list = calltree_neighbours(&s, &codes, side, &totals) == RL_OK ? PyList_New(0)
                                                                       : PyErr_NoMemory();
        for (size_t i = 0; list != NULL && i < totals.count; i++) {
            const struct neighbour_total *t = &totals.items[i];
            PyObject *row = Py_BuildValue(
                "(IKKKKKI)", t->code, (unsigned long long)t->calls,
                (unsigned long long)span_ns(r, t->total), (unsigned long long)span_ns(r, t->self),
                (unsigned long long)t->unwinds, (unsigned long long)t->open, t->depth);
            if (row == NULL || PyList_Append(list, row) != 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(row);
        }
        calltree_neighbours_fini(&totals);
        summary_fini(&s);
    }
    u64map_fini(&codes);
    self->busy = 0;
    return list;
}

/* sessions(codes whose exceptions are errors): [(session, calls, errors)] */
PyObject *reader_sessions(struct reader_object *self, PyObject *numbers)
{
    struct session_totals totals = {0};
    struct u64map codes = {0};
    int has_codes;
    rl_status status;
    PyObject *list = NULL;
    if (reader_enter(self) == NULL) {
        return NULL;
    }
    if (reader_take_set(numbers, &codes, &has_codes) == 0) {
        Py_BEGIN_ALLOW_THREADS
        status = sessions_count(self->reader, &codes, &totals);
        Py_END_ALLOW_THREADS
        list = status == RL_OK ? PyList_New(0) : PyErr_NoMemory();
    }
    for (size_t i = 0; list != NULL && i < totals.count; i++) {
        const struct session_total *t = &totals.items[i];
        PyObject *row = Py_BuildValue("(IKK)", t->session, (unsigned long long)t->calls,
                                      (unsigned long long)t->errors);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    sessions_fini(&totals);
    u64map_fini(&codes);
    self->busy = 0;
    return list;
}
