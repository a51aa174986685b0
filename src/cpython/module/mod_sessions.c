/* Why: see mod_sessions.h. It is C since a service begins and ends a session for each request.
 *
 *     sessions_begin()    a number, ids, an event at the beginning
 *     sessions_enter()    its number into the program's context: it is the active one
 *     sessions_finish()   the context is left, an event at the end
 *
 * Invariants: a session is open from sessions_begin() until sessions_finish(), or until too many
 * are open and the oldest is forgotten. A session exists without a recording, too; tell_sessions()
 * then writes the beginnings into one that starts later. Threads: under the GIL. */
#include "mod_sessions.h"

#include <string.h>

#include <relive/rl_format.h>

#include "context.h"
#include "gate.h"
#include "links.h"
#include "notes.h"
#include "session_objects.h"
#include "state.h"

#include "os.h"

enum { NESTED_MOST = 16 }; /* of sessions around a fork, those that the child's recording knows */

static PyObject *start_names, *end_names; /* process-wide, owned */
static PyObject *unprofiled;              /* process-wide, owned: called when no session profiles */
static struct trace_ids ids;
static unsigned profiling; /* sessions that have started a profiler and not stopped it */
static uint64_t bad_traceparents, forgotten;

PyObject *sessions_names(const char *const *names, Py_ssize_t n)
{
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple != NULL && i < n; i++) {
        PyObject *name = PyUnicode_InternFromString(names[i]);
        if (name == NULL) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, name);
        }
    }
    return tuple;
}

/* ---- beginning and end ---- */

/* Whether the header is there and valid. */
static int read_parent(PyObject *header, struct trace_parent *parent)
{
    if (header == NULL || header == Py_None) {
        return 0;
    }
    Py_ssize_t len = 0;
    const char *text = PyUnicode_Check(header) ? PyUnicode_AsUTF8AndSize(header, &len) : NULL;
    PyErr_Clear(); /* half characters are no header */
    if (text == NULL || !trace_parent_read(text, (size_t)len, parent)) {
        bad_traceparents++;
        return 0;
    }
    return 1;
}

/* Whether the session has a parent: that of its request, or what another tool has active here. */
static int read_wanted_parent(PyObject *header, struct trace_parent *parent)
{
    if (header != NULL && header != Py_None) {
        return read_parent(header, parent);
    }
    PyObject *other = links_parent(); /* owned */
    int has_parent = read_parent(other, parent);
    Py_XDECREF(other);
    return has_parent;
}

/* Writes the event at which a session begins; below 0 with an exception. */
static int write_session_start(const struct session_object *s)
{
    int has_attrs = PyObject_IsTrue(s->attrs), told = -1;
    PyObject *id = session_id(&s->who), *trace_id = session_digits(s->who.trace_id, TRACE_BYTES),
             *span_id = session_digits(s->who.span_id, SPAN_BYTES); /* owned */
    if (has_attrs >= 0 && id != NULL && trace_id != NULL && span_id != NULL) {
#define OR_NONE(o) ((o) != NULL ? (o) : Py_None)
        PyObject *const values[] = {id,
                                    OR_NONE(s->tag),
                                    has_attrs ? s->attrs : Py_None,
                                    trace_id,
                                    OR_NONE(s->parent_id),
                                    span_id,
                                    OR_NONE(s->tracestate)};
#undef OR_NONE
        told = notes_put(RL_EVENT_SESSION_START, s->who.number, start_names, values);
    }
    Py_XDECREF(id);
    Py_XDECREF(trace_id);
    Py_XDECREF(span_id);
    return told;
}

/* Returns a new reference, or NULL for None. */
static PyObject *own_or_null(PyObject *o)
{
    o = o != Py_None ? o : NULL;
    Py_XINCREF(o);
    return o;
}

/* What says who it is, but for its number; 0, or -1 with an exception. */
static int fill_session(struct session_object *s, const struct session_wants *wants)
{
    struct trace_parent parent;
    uint8_t key[TRACE_BYTES];
    int has_parent = read_wanted_parent(wants->traceparent, &parent);
    s->began = os_mono_ns();
    s->who.began_us = s->began / 1000 & ((UINT64_C(1) << 48) - 1);
    trace_ids_next(&ids, key, sizeof key);
    memcpy(s->who.key, key, SESSION_KEY_BYTES);
    trace_ids_next(&ids, s->who.span_id, SPAN_BYTES);
    if (wants->span_id != NULL && wants->span_id != Py_None &&
        !session_bytes(wants->span_id, s->who.span_id, SPAN_BYTES)) {
        PyErr_SetString(PyExc_ValueError, "a span id has 16 hexadecimal digits");
        return -1;
    }
    if (has_parent) {
        memcpy(s->who.trace_id, parent.trace_id, TRACE_BYTES);
        s->parent_id = session_digits(parent.span_id, SPAN_BYTES);
        s->tracestate = own_or_null(wants->tracestate);
    } else {
        trace_ids_next(&ids, s->who.trace_id, TRACE_BYTES);
    }
    s->who.flags = has_parent ? parent.flags : 1;
    s->tag = own_or_null(wants->tag);
    if (wants->attrs != NULL) {
        Py_INCREF(wants->attrs);
        Py_XSETREF(s->attrs, wants->attrs);
    }
    s->trace_filter = own_or_null(wants->trace_filter);
    int has_filter = s->trace_filter != NULL ? PyObject_IsTrue(s->trace_filter) : 0;
    s->has_filter = has_filter > 0;
    s->who.has_filter = has_filter > 0;
    return has_filter < 0 || (has_parent && s->parent_id == NULL) ? -1 : 0;
}

/* Too many are open: this one, which began first, is known no more. It did not end. */
static void forget_session(uint32_t number)
{
    session_object_forget(number);
    forgotten++;
    if (recording.recorder != NULL) {
        recorder_count_loss(recording.recorder, RL_LOSS_SESSIONS, 1);
    }
    context_session_ends();
}

struct session_object *sessions_begin(const struct session_wants *wants)
{
    struct session_object *s = session_object_new();
    uint32_t gone = 0;
    if (s == NULL || fill_session(s, wants) != 0) {
        Py_XDECREF(s);
        return NULL;
    }
    struct open_session *place = open_sessions_add(&sessions_all, &gone);
    if (place != NULL) {
        s->who.number = place->number;
        *place = s->who;
        if (session_object_opens(s) != 0) {
            open_sessions_end(&sessions_all, s->who.number);
            place = NULL;
        }
    }
    if (gone != 0) {
        forget_session(gone);
    }
    if (place == NULL) {
        PyErr_NoMemory();
        Py_DECREF(s);
        return NULL;
    }
    context_session_begins();
    if (wants->is_by_hand) {
        session_object_keep(s);
    }
    if (write_session_start(s) < 0) {
        PyErr_Clear(); /* it is a session, if an untold one */
    }
    links_session_begins();
    return s;
}

/* No session profiles any more. 0, or -1 with an exception. */
static int call_unprofiled(void)
{
    PyObject *done = unprofiled != NULL ? PyObject_CallFunctionObjArgs(unprofiled, NULL) : NULL;
    Py_XDECREF(done);
    return done == NULL && PyErr_Occurred() ? -1 : 0;
}

int sessions_finish(struct session_object *s, PyObject *token, PyObject *error)
{
    if (!s->is_open) {
        return 0;
    }
    const struct open_session *place = open_sessions_get(&sessions_all, s->who.number);
    int did_profile = place != NULL && place->profilers != 0;
    Py_INCREF(s);
    open_sessions_end(&sessions_all, s->who.number);
    session_object_closes(s);
    if (context_active() != s->who.number) {
        context_ends_outside(s->who.number, s->outer);
    } else if (token != NULL && token != Py_None) {
        context_leave(token);
    } else {
        context_leave_if(s->who.number);
    }
    context_session_ends();
    PyObject *id = session_id(&s->who),
             *took = PyLong_FromUnsignedLongLong(os_mono_ns() - s->began); /* owned */
    PyObject *const values[] = {id, took, error != NULL ? error : Py_None};
    int failed = id == NULL || took == NULL ||
                 notes_put(RL_EVENT_SESSION_END, s->who.number, end_names, values) < 0;
    Py_XDECREF(id);
    Py_XDECREF(took);
    Py_DECREF(s);
    if (did_profile && --profiling == 0) {
        failed |= call_unprofiled() != 0;
    }
    return failed ? -1 : 0;
}

int sessions_is_open(const struct session_object *s)
{
    return s->is_open;
}

PyObject *sessions_enter(struct session_object *s)
{
    unsigned active = context_active();
    s->outer = active != s->who.number ? active : s->outer;
    PyObject *number = PyLong_FromUnsignedLong(s->who.number); /* owned */
    PyObject *token = number != NULL ? context_enter(number) : NULL;
    Py_XDECREF(number);
    return token;
}

unsigned sessions_number(const struct session_object *s)
{
    return s->is_open ? s->who.number : 0;
}

void sessions_forked(void)
{
    trace_ids_init(&ids);
}

void sessions_tell_inherited(void)
{
    struct session_object *found[NESTED_MOST]; /* owned, the innermost first */
    size_t n = 0;
    unsigned number = context_active();
    while (number != 0 && n < NESTED_MOST) {
        const struct open_session *place = open_sessions_get(&sessions_all, number);
        found[n] = place != NULL ? session_object_of(place) : NULL;
        number = found[n] != NULL ? found[n]->outer : 0;
        n += found[n] != NULL;
    }
    while (n-- > 0) {
        if (write_session_start(found[n]) < 0) {
            PyErr_Clear();
        }
        Py_DECREF(found[n]);
    }
    PyErr_Clear();
}

/* ---- for Python ---- */

/* begin_session(tag, traceparent, tracestate, attrs, span_id, trace_filter, is_by_hand) */
static PyObject *begin_session(PyObject *module, PyObject *args)
{
    struct session_wants w = {0};
    (void)module;
    return PyArg_ParseTuple(args, "OOOOOOp", &w.tag, &w.traceparent, &w.tracestate, &w.attrs,
                            &w.span_id, &w.trace_filter, &w.is_by_hand)
               ? (PyObject *)sessions_begin(&w)
               : NULL;
}

/* Returns the Session of an open session, or None: new. */
static PyObject *object_or_none(const struct open_session *found)
{
    if (found == NULL) {
        Py_RETURN_NONE;
    }
    return (PyObject *)session_object_of(found);
}

/* find_session(id) -> the open session with this id, or None */
static PyObject *find_session(PyObject *module, PyObject *id)
{
    (void)module;
    return object_or_none(sessions_find(id));
}

/* tell_sessions(): writes the beginnings of open sessions into a recording that has just begun. */
static PyObject *tell_sessions(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    uint32_t place = 0;
    const struct open_session *one;
    int suppressed = gate_lift(), failed = 0;
    while (!failed && (one = open_sessions_next(&sessions_all, &place)) != NULL) {
        struct session_object *s = session_object_of(one); /* owned */
        failed = s == NULL || write_session_start(s) < 0;
        Py_XDECREF(s);
    }
    gate_lower(suppressed);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* finish_session(session, token=None, error=None) */
static PyObject *finish_session(PyObject *module, PyObject *args)
{
    PyObject *o, *token = NULL, *error = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O|OO", &o, &token, &error)) {
        return NULL;
    }
    struct session_object *s = session_of(o);
    if (s == NULL || sessions_finish(s, token, error != Py_None ? error : NULL) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* enter_session(session) -> a token for leave_session() or finish_session() */
static PyObject *enter_session(PyObject *module, PyObject *o)
{
    struct session_object *s = session_of(o);
    (void)module;
    return s != NULL ? sessions_enter(s) : NULL;
}

/* leave_session(token or None): undoes one enter_session(). */
static PyObject *leave_session(PyObject *module, PyObject *token)
{
    (void)module;
    if (token != Py_None) {
        context_leave(token);
    } else {
        context_leave_if(context_active());
    }
    Py_RETURN_NONE;
}

/* active_session() -> the active session, or None */
static PyObject *active_session(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return object_or_none(open_sessions_get(&sessions_all, context_active()));
}

/* add_profiler(session): the session has started a profiler. */
static PyObject *add_profiler(PyObject *module, PyObject *o)
{
    struct session_object *s = session_of(o);
    struct open_session *place;
    (void)module;
    if (s == NULL) {
        return NULL;
    }
    place = s->is_open ? open_sessions_get(&sessions_all, s->who.number) : NULL;
    if (place != NULL) {
        profiling += place->profilers == 0;
        if (place->profilers < PROFILERS_MOST) {
            place->profilers++;
        }
    }
    Py_RETURN_NONE;
}

/* remove_profiler(session): the session has stopped a profiler. */
static PyObject *remove_profiler(PyObject *module, PyObject *o)
{
    struct session_object *s = session_of(o);
    struct open_session *place;
    (void)module;
    if (s == NULL) {
        return NULL;
    }
    place = s->is_open ? open_sessions_get(&sessions_all, s->who.number) : NULL;
    if (place != NULL && place->profilers != 0 && place->profilers < PROFILERS_MOST &&
        --place->profilers == 0 && --profiling == 0 && call_unprofiled() != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* reset_profilers(session or None): no session but this one profiles. */
static PyObject *reset_profilers(PyObject *module, PyObject *but)
{
    uint32_t place = 0;
    (void)module;
    const struct session_object *s = but != Py_None ? session_of(but) : NULL;
    if (but != Py_None && s == NULL) {
        return NULL;
    }
    profiling = 0;
    for (struct open_session *one; (one = open_sessions_next(&sessions_all, &place)) != NULL;) {
        one->profilers = s != NULL && s->who.number == one->number ? one->profilers : 0;
        profiling += one->profilers != 0;
    }
    Py_RETURN_NONE;
}

/* when_unprofiled(function): to be called when no session profiles any more. */
static PyObject *when_unprofiled(PyObject *module, PyObject *function)
{
    (void)module;
    Py_INCREF(function);
    Py_XSETREF(unprofiled, function);
    Py_RETURN_NONE;
}

/* traceparent(header) -> (trace id, span id, flags), or None */
static PyObject *core_traceparent(PyObject *module, PyObject *header)
{
    struct trace_parent parent;
    uint64_t bad = bad_traceparents;
    (void)module;
    int is_valid = read_parent(header, &parent);
    bad_traceparents = bad; /* nobody's request */
    if (!is_valid) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("NNN", session_digits(parent.trace_id, TRACE_BYTES),
                         session_digits(parent.span_id, SPAN_BYTES),
                         session_digits(&parent.flags, 1));
}

/* session_counts() -> a dictionary of counts */
static PyObject *session_counts(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return Py_BuildValue("{s:I,s:K,s:K,s:K,s:I,s:n}", "open", sessions_all.count,
                         "bad_traceparents", (unsigned long long)bad_traceparents, "unrecorded",
                         (unsigned long long)notes_unrecorded(), "forgotten",
                         (unsigned long long)forgotten, "profiling", profiling, "bytes",
                         (Py_ssize_t)open_sessions_bytes(&sessions_all));
}

static PyMethodDef methods[] = {
    {"begin_session", begin_session, METH_VARARGS,
     "(tag, traceparent, tracestate, attrs, span_id, trace_filter, is_by_hand), checked before."},
    {"find_session", find_session, METH_O, "The one that is open and has this id, or None."},
    {"tell_sessions", tell_sessions, METH_NOARGS,
     "Writes the beginnings of all that are open into the recording."},
    {"finish_session", finish_session, METH_VARARGS,
     "Ends it, and with its token makes it inactive."},
    {"enter_session", enter_session, METH_O, "Makes it the active one; a token to leave it with."},
    {"leave_session", leave_session, METH_O, "Undoes one enter_session(); None: none is active."},
    {"active_session", active_session, METH_NOARGS, "The one that is active here, or None."},
    {"add_profiler", add_profiler, METH_O, "It has started one."},
    {"remove_profiler", remove_profiler, METH_O, "It has stopped one."},
    {"reset_profilers", reset_profilers, METH_O, "None has, but this one."},
    {"when_unprofiled", when_unprofiled, METH_O,
     "What to call when the last session that has started one stops or ends."},
    {"traceparent", core_traceparent, METH_O, "(trace id, span id, flags) of a header; None."},
    {"session_counts", session_counts, METH_NOARGS,
     "Sessions that are open, the bytes that they take, and what was counted."},
    {NULL, NULL, 0, NULL},
};

int mod_sessions_add(PyObject *module)
{
    static const char *const start[] = {"id",        "tag",     "attrs",     "trace_id",
                                        "parent_id", "span_id", "tracestate"};
    static const char *const end[] = {"id", "ns", "error"};
    trace_ids_init(&ids);
    start_names = sessions_names(start, 7);
    end_names = sessions_names(end, 3);
    if (start_names == NULL || end_names == NULL || session_objects_add(module) != 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, methods);
}
