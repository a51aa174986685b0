/* Why: see mod_sessions.h. In C since a service begins and ends one for each request. */
#include "mod_sessions.h"

#include <stddef.h>
#include <string.h>

#include "context.h"
#include "notes.h"
#include "os.h"
#include "session.h"
#include "trace_context.h"

#include <relive/rl_format.h>

struct session_object {
    PyObject_HEAD
        /* owned; texts, or None */
        PyObject *id,
        *tag, *attrs, *trace_id, *parent_id, *span_id, *flags, *tracestate, *trace_filter;
    PyObject *number_object; /* owned: an int */
    unsigned number, outer;  /* outer: the active one when it was entered, 0 = none */
    int is_open;
    unsigned long long began; /* ns of the monotonic clock */
};

static PyTypeObject *session_type;  /* owned */
static PyObject *by_id, *by_number; /* owned: {id or number: session}, those open */
static PyObject *start_names, *end_names, *no_attrs; /* owned */
static struct trace_ids ids;
static unsigned last_number;
static uint64_t bad_traceparents, forgotten;

enum { KEPT = 10000 }; /* open at once: a program that never ends its sessions must not grow */

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

static PyObject *text_of(const char *text, size_t n)
{
    return PyUnicode_FromStringAndSize(text, (Py_ssize_t)n);
}

static PyObject *new_id(size_t digits)
{
    char text[TRACE_ID_DIGITS];
    trace_ids_next(&ids, text, digits);
    return text_of(text, digits);
}

static PyObject *or_none(PyObject *o)
{
    o = o != NULL ? o : Py_None;
    Py_INCREF(o);
    return o;
}

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

static int tell_start(const struct session_object *s)
{
    int has_attrs = PyObject_IsTrue(s->attrs);
    PyObject *const values[] = {s->id,        s->tag,       has_attrs > 0 ? s->attrs : Py_None,
                                s->trace_id,  s->parent_id, s->span_id,
                                s->tracestate};
    return has_attrs < 0 ? -1 : notes_put(RL_EVENT_SESSION_START, s->number, start_names, values);
}

/* What says who it is; 0, or -1 with an exception. */
static int fill(struct session_object *s, const struct session_wants *wants)
{
    struct trace_parent parent;
    int has_parent = read_parent(wants->traceparent, &parent);
    s->id = new_id(TRACE_ID_DIGITS);
    s->tag = or_none(wants->tag);
    s->attrs = or_none(wants->attrs != NULL ? wants->attrs : no_attrs);
    s->trace_filter = or_none(wants->trace_filter);
    s->span_id = wants->span_id != NULL && wants->span_id != Py_None ? or_none(wants->span_id)
                                                                     : new_id(SPAN_ID_DIGITS);
    s->trace_id = has_parent ? text_of(parent.trace_id, TRACE_ID_DIGITS) : new_id(TRACE_ID_DIGITS);
    s->parent_id = has_parent ? text_of(parent.span_id, SPAN_ID_DIGITS) : or_none(NULL);
    s->flags = has_parent ? text_of(parent.flags, TRACE_FLAGS_DIGITS) : text_of("01", 2);
    s->tracestate = or_none(has_parent ? wants->tracestate : NULL);
    s->number = last_number = last_number < RL_ID_MAX ? last_number + 1 : 1;
    s->number_object = PyLong_FromUnsignedLong(s->number);
    s->began = os_mono_ns();
    return s->id != NULL && s->span_id != NULL && s->trace_id != NULL && s->parent_id != NULL &&
                   s->flags != NULL && s->number_object != NULL
               ? 0
               : -1;
}

/* Where too many are open, the one that began first is known no more: it did not end. */
static void forget_oldest(void)
{
    static unsigned oldest;
    while (PyDict_GET_SIZE(by_number) > KEPT) {
        oldest = oldest < RL_ID_MAX ? oldest + 1 : 1;
        PyObject *number = PyLong_FromUnsignedLong(oldest); /* owned */
        if (number == NULL) {
            break;
        }
        struct session_object *s =
            (struct session_object *)PyDict_GetItemWithError(by_number, number);
        if (s != NULL) {
            Py_INCREF(s);
            s->is_open = 0;
            forgotten++;
            context_session_ends(s->number);
            (void)PyDict_DelItem(by_number, number);
            (void)PyDict_DelItem(by_id, s->id);
            Py_DECREF(s);
        }
        Py_DECREF(number);
    }
    PyErr_Clear();
}

struct session_object *sessions_begin(const struct session_wants *wants)
{
    struct session_object *s = PyObject_GC_New(struct session_object, session_type);
    if (s == NULL) {
        return NULL;
    }
    memset((char *)s + offsetof(struct session_object, id), 0,
           sizeof *s - offsetof(struct session_object, id));
    PyObject_GC_Track(s);
    if (fill(s, wants) != 0 || PyDict_SetItem(by_id, s->id, (PyObject *)s) != 0 ||
        PyDict_SetItem(by_number, s->number_object, (PyObject *)s) != 0 ||
        context_session_begins(s->number) != 0) {
        Py_DECREF(s);
        return NULL;
    }
    s->is_open = 1;
    forget_oldest();
    if (tell_start(s) < 0) {
        PyErr_Clear(); /* it is a session, if an untold one */
    }
    return s;
}

int sessions_finish(struct session_object *s, PyObject *token, PyObject *error)
{
    if (!s->is_open) {
        return 0;
    }
    s->is_open = 0;
    if (context_active() != s->number) {
        context_ends_outside(s->number, s->outer);
    } else if (token != NULL && token != Py_None) {
        context_leave(token);
    } else {
        context_leave_if(s->number);
    }
    context_session_ends(s->number);
    PyObject *took = PyLong_FromUnsignedLongLong(os_mono_ns() - s->began); /* owned */
    PyObject *const values[] = {s->id, took, error != NULL ? error : Py_None};
    int failed = took == NULL || notes_put(RL_EVENT_SESSION_END, s->number, end_names, values) < 0;
    Py_XDECREF(took);
    /* last: this may be what holds it */
    failed |= PyDict_DelItem(by_number, s->number_object) != 0;
    failed |= PyDict_DelItem(by_id, s->id) != 0;
    return failed ? -1 : 0;
}

int sessions_is_open(const struct session_object *s)
{
    return s->is_open;
}

PyObject *sessions_enter(struct session_object *s)
{
    unsigned active = context_active();
    s->outer = active != s->number ? active : s->outer;
    return context_enter(s->number_object);
}

unsigned sessions_number(const struct session_object *s)
{
    return s->is_open ? s->number : 0;
}

/* ---- for Python ---- */

static struct session_object *session_of(PyObject *o)
{
    if (!PyObject_TypeCheck(o, session_type)) {
        PyErr_Format(PyExc_TypeError, "a Session was expected, not %.100s", Py_TYPE(o)->tp_name);
        return NULL;
    }
    return (struct session_object *)o;
}

static PyObject *begin_session(PyObject *module, PyObject *args)
{
    struct session_wants w = {0};
    (void)module;
    return PyArg_ParseTuple(args, "OOOOOO", &w.tag, &w.traceparent, &w.tracestate, &w.attrs,
                            &w.span_id, &w.trace_filter)
               ? (PyObject *)sessions_begin(&w)
               : NULL;
}

static PyObject *tell_session(PyObject *module, PyObject *o)
{
    struct session_object *s = session_of(o);
    (void)module;
    if (s == NULL) {
        return NULL;
    }
    int suppressed = session_lift();
    int failed = tell_start(s) < 0;
    session_lower(suppressed);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *finish_session(PyObject *module, PyObject *args)
{
    PyObject *o, *token = NULL, *error = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O|OO", &o, &token, &error)) {
        return NULL;
    }
    struct session_object *s = session_of(o);
    if (s == NULL) {
        return NULL;
    }
    Py_INCREF(s);
    int failed = sessions_finish(s, token, error != Py_None ? error : NULL);
    Py_DECREF(s);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *enter_session(PyObject *module, PyObject *o)
{
    struct session_object *s = session_of(o);
    (void)module;
    return s != NULL ? sessions_enter(s) : NULL;
}

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

static PyObject *active_session(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *number = PyLong_FromUnsignedLong(context_active()); /* owned */
    PyObject *found = number != NULL ? PyDict_GetItemWithError(by_number, number) : NULL;
    Py_XDECREF(number);
    return found == NULL && PyErr_Occurred() ? NULL : or_none(found);
}

static PyObject *traceparent(PyObject *module, PyObject *header)
{
    struct trace_parent parent;
    uint64_t bad = bad_traceparents;
    (void)module;
    int is_valid = read_parent(header, &parent);
    bad_traceparents = bad; /* nobody's request */
    if (!is_valid) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("s#s#s#", parent.trace_id, (Py_ssize_t)TRACE_ID_DIGITS, parent.span_id,
                         (Py_ssize_t)SPAN_ID_DIGITS, parent.flags, (Py_ssize_t)TRACE_FLAGS_DIGITS);
}

static PyObject *session_counts(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return Py_BuildValue("{s:K,s:K,s:K}", "bad_traceparents", (unsigned long long)bad_traceparents,
                         "unrecorded", (unsigned long long)notes_unrecorded(), "forgotten",
                         (unsigned long long)forgotten);
}

void sessions_forked(void)
{
    trace_ids_init(&ids);
}

static int session_traverse(struct session_object *s, visitproc visit, void *arg)
{
    VISIT_TYPE(s);
    Py_VISIT(s->attrs);
    Py_VISIT(s->trace_filter);
    return 0;
}

static int session_clear(struct session_object *s)
{
    PyObject **const all[] = {&s->id,           &s->tag,          &s->attrs, &s->trace_id,
                              &s->parent_id,    &s->span_id,      &s->flags, &s->tracestate,
                              &s->trace_filter, &s->number_object};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        Py_CLEAR(*all[i]);
    }
    return 0;
}

static void session_dealloc(struct session_object *s)
{
    PyTypeObject *type = Py_TYPE(s);
    PyObject_GC_UnTrack(s);
    (void)session_clear(s);
    PyObject_GC_Del(s);
    Py_DECREF(type);
}

#define TEXT(name) {#name, T_OBJECT, offsetof(struct session_object, name), READONLY, NULL}
static PyMemberDef members[] = {
    TEXT(id),
    TEXT(tag),
    TEXT(attrs),
    TEXT(trace_id),
    TEXT(parent_id),
    TEXT(span_id),
    TEXT(flags),
    TEXT(tracestate),
    TEXT(trace_filter),
    {"number", T_UINT, offsetof(struct session_object, number), READONLY, NULL},
    {"is_open", T_INT, offsetof(struct session_object, is_open), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, session_dealloc},
    {Py_tp_traverse, session_traverse},
    {Py_tp_clear, session_clear},
    {Py_tp_members, members},
    {Py_tp_doc, "A session that has begun (relive.sessions)."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "relive._core.Session",
    .basicsize = sizeof(struct session_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyMethodDef methods[] = {
    {"begin_session", begin_session, METH_VARARGS,
     "(tag, traceparent, tracestate, attrs, span_id, trace_filter), which were checked."},
    {"tell_session", tell_session, METH_O, "Writes its beginning into the recording."},
    {"finish_session", finish_session, METH_VARARGS,
     "Ends it, and with its token makes it inactive."},
    {"enter_session", enter_session, METH_O, "Makes it the active one; a token to leave it with."},
    {"leave_session", leave_session, METH_O, "Undoes one enter_session(); None: none is active."},
    {"active_session", active_session, METH_NOARGS, "The one that is active here, or None."},
    {"traceparent", traceparent, METH_O, "(trace id, span id, flags) of a header; None."},
    {"session_counts", session_counts, METH_NOARGS,
     "Headers that were not valid, events untold, sessions given up."},
    {NULL, NULL, 0, NULL},
};

static int add(PyObject *module, const char *name, PyObject *object)
{
    Py_XINCREF(object);
    if (object == NULL || PyModule_AddObject(module, name, object) != 0) {
        Py_XDECREF(object);
        return -1;
    }
    return 0;
}

int mod_sessions_add(PyObject *module)
{
    static const char *const start[] = {"id",        "tag",     "attrs",     "trace_id",
                                        "parent_id", "span_id", "tracestate"};
    static const char *const end[] = {"id", "ns", "error"};
    trace_ids_init(&ids);
    session_type = (PyTypeObject *)PyType_FromSpec(&spec);
    by_id = PyDict_New();
    by_number = PyDict_New();
    PyObject *nothing = PyDict_New(); /* owned */
    no_attrs = nothing != NULL ? PyDictProxy_New(nothing) : NULL;
    Py_XDECREF(nothing);
    start_names = sessions_names(start, 7);
    end_names = sessions_names(end, 3);
    if (no_attrs == NULL || start_names == NULL || end_names == NULL) {
        return -1;
    }
    if (add(module, "Session", (PyObject *)session_type) != 0 ||
        add(module, "open_sessions", by_id) != 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, methods);
}
