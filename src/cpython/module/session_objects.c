/* Why: see session_objects.h. */
#include "session_objects.h"

#include <stddef.h>
#include <string.h>

#include <relive/rl_format.h>

#include "state.h"

#include "map.h"

static PyTypeObject *session_type; /* process-wide, owned */
static PyObject *no_attrs;         /* process-wide, owned */
static struct u64map alive;        /* number -> struct session_object *, borrowed */
static struct {
    struct session_object *oldest, *newest; /* owned, all of them */
    unsigned count;
} kept;
enum { KEPT_MOST = 200 };

PyObject *session_digits(const uint8_t *bytes, size_t count)
{
    char digits[2 * TRACE_BYTES];
    trace_digits(bytes, count, digits);
    return PyUnicode_FromStringAndSize(digits, (Py_ssize_t)(2 * count));
}

int session_bytes(PyObject *digits, uint8_t *bytes, size_t count)
{
    Py_ssize_t len = 0;
    const char *text = PyUnicode_Check(digits) ? PyUnicode_AsUTF8AndSize(digits, &len) : NULL;
    PyErr_Clear(); /* half characters are no digits */
    return text != NULL && len == (Py_ssize_t)(2 * count) && trace_bytes(text, count, bytes) == 0;
}

PyObject *session_id(const struct open_session *who)
{
    uint8_t id[TRACE_BYTES];
    memcpy(id, who->key, SESSION_KEY_BYTES);
    for (unsigned i = 0; i < TRACE_BYTES - SESSION_KEY_BYTES; i++) {
        id[SESSION_KEY_BYTES + i] = (uint8_t)(who->number >> (24 - 8 * i));
    }
    return session_digits(id, TRACE_BYTES);
}

const struct open_session *sessions_find(PyObject *id)
{
    uint8_t bytes[TRACE_BYTES];
    uint32_t number = 0;
    if (!session_bytes(id, bytes, TRACE_BYTES)) {
        return NULL;
    }
    for (unsigned i = SESSION_KEY_BYTES; i < TRACE_BYTES; i++) {
        number = number << 8 | bytes[i];
    }
    const struct open_session *found = open_sessions_get(&sessions_all, number);
    return found != NULL && memcmp(found->key, bytes, SESSION_KEY_BYTES) == 0 ? found : NULL;
}

/* ---- Session objects ---- */

struct session_object *session_object_new(void)
{
    struct session_object *s = PyObject_GC_New(struct session_object, session_type);
    if (s != NULL) {
        memset((char *)s + offsetof(struct session_object, tag), 0,
               sizeof *s - offsetof(struct session_object, tag));
        Py_INCREF(no_attrs);
        s->attrs = no_attrs;
        PyObject_GC_Track(s);
    }
    return s;
}

int session_object_opens(struct session_object *s)
{
    if (u64map_put(&alive, s->who.number, (uint64_t)(uintptr_t)s) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    s->is_open = 1;
    return 0;
}

/* Takes a Session out of the list of those kept. */
static void drop_session(struct session_object *s)
{
    if (!s->is_kept) {
        return;
    }
    *(s->older != NULL ? &s->older->newer : &kept.oldest) = s->newer;
    *(s->newer != NULL ? &s->newer->older : &kept.newest) = s->older;
    s->older = s->newer = NULL;
    s->is_kept = 0;
    kept.count--;
    Py_DECREF(s);
}

void session_object_keep(struct session_object *s)
{
    Py_INCREF(s);
    s->is_kept = 1;
    s->older = kept.newest;
    *(kept.newest != NULL ? &kept.newest->newer : &kept.oldest) = s;
    kept.newest = s;
    if (++kept.count > KEPT_MOST) {
        drop_session(kept.oldest);
    }
}

void session_object_closes(struct session_object *s)
{
    s->is_open = 0;
    (void)u64map_remove(&alive, s->who.number, NULL);
    drop_session(s);
}

void session_object_forget(uint32_t number)
{
    const uint64_t *place = u64map_get(&alive, number);
    if (place != NULL) {
        struct session_object *s = (struct session_object *)(uintptr_t)*place;
        Py_INCREF(s);
        session_object_closes(s);
        Py_DECREF(s);
    }
}

struct session_object *session_object_of(const struct open_session *who)
{
    const struct open_session known = *who; /* what follows may begin sessions */
    const uint64_t *place = u64map_get(&alive, known.number);
    if (place != NULL) {
        struct session_object *found = (struct session_object *)(uintptr_t)*place;
        Py_INCREF(found);
        return found;
    }
    struct session_object *s = session_object_new();
    if (s == NULL) {
        return NULL;
    }
    s->who = known;
    s->has_filter = known.has_filter;
    s->began = (unsigned long long)known.began_us * 1000;
    if (session_object_opens(s) != 0) {
        Py_CLEAR(s);
    }
    return s;
}

struct session_object *session_of(PyObject *o)
{
    if (!PyObject_TypeCheck(o, session_type)) {
        PyErr_Format(PyExc_TypeError, "a Session was expected, not %.100s", Py_TYPE(o)->tp_name);
        return NULL;
    }
    return (struct session_object *)o;
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
    Py_CLEAR(s->tag);
    Py_CLEAR(s->attrs);
    Py_CLEAR(s->parent_id);
    Py_CLEAR(s->tracestate);
    Py_CLEAR(s->trace_filter);
    return 0;
}

static void session_dealloc(struct session_object *s)
{
    PyTypeObject *type = Py_TYPE(s);
    PyObject_GC_UnTrack(s);
    if (s->is_open) {
        (void)u64map_remove(&alive, s->who.number, NULL);
    }
    (void)session_clear(s);
    PyObject_GC_Del(s);
    Py_DECREF(type);
}

/* The id of the session, as text. */
static PyObject *get_id(struct session_object *s, void *closure)
{
    (void)closure;
    return session_id(&s->who);
}

/* The trace id, as hexadecimal digits. */
static PyObject *get_trace_id(struct session_object *s, void *closure)
{
    (void)closure;
    return session_digits(s->who.trace_id, TRACE_BYTES);
}

/* The span id, as hexadecimal digits. */
static PyObject *get_span_id(struct session_object *s, void *closure)
{
    (void)closure;
    return session_digits(s->who.span_id, SPAN_BYTES);
}

/* The flags of the trace, as hexadecimal digits. */
static PyObject *get_flags(struct session_object *s, void *closure)
{
    const uint8_t flags = s->who.flags;
    (void)closure;
    return session_digits(&flags, 1);
}

static PyGetSetDef getters[] = {
    {"id", (getter)get_id, NULL, NULL, NULL},
    {"trace_id", (getter)get_trace_id, NULL, NULL, NULL},
    {"span_id", (getter)get_span_id, NULL, NULL, NULL},
    {"flags", (getter)get_flags, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define OBJECT(name) {#name, T_OBJECT, offsetof(struct session_object, name), READONLY, NULL}
static PyMemberDef members[] = {
    OBJECT(tag),
    OBJECT(attrs),
    OBJECT(parent_id),
    OBJECT(tracestate),
    OBJECT(trace_filter),
    {"number", T_UINT, offsetof(struct session_object, who.number), READONLY, NULL},
    {"is_open", T_INT, offsetof(struct session_object, is_open), READONLY, NULL},
    {"has_filter", T_INT, offsetof(struct session_object, has_filter), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, session_dealloc},
    {Py_tp_traverse, session_traverse},
    {Py_tp_clear, session_clear},
    {Py_tp_members, members},
    {Py_tp_getset, getters},
    {Py_tp_doc, "A session that has begun (relive.sessions)."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "relive._core.Session",
    .basicsize = sizeof(struct session_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int session_objects_add(PyObject *module)
{
    PyObject *nothing = PyDict_New(); /* owned */
    no_attrs = nothing != NULL ? PyDictProxy_New(nothing) : NULL;
    Py_XDECREF(nothing);
    session_type = no_attrs != NULL ? (PyTypeObject *)PyType_FromSpec(&spec) : NULL;
    Py_XINCREF(session_type);
    if (session_type == NULL ||
        PyModule_AddObject(module, "Session", (PyObject *)session_type) != 0) {
        Py_XDECREF(session_type);
        return -1;
    }
    return 0;
}
