/* What is known of sessions that are open (mod_sessions.c).
 *
 *   all      who each of them is, in 48 bytes: what is kept of one that never ends
 *   Session  the same with its tag, attributes and filter. A new one is made where somebody wants
 *            a session that has none
 *   alive    number -> its Session, while somebody holds that
 *   kept     the newest Sessions that nobody else may hold: what a recording that begins later, or
 *            start_profiler(), will ask for
 *
 * Under the GIL. */
#ifndef SESSION_OBJECTS_H
#define SESSION_OBJECTS_H

#include "compat.h"

#include "open_sessions.h"

/* A Session, as Python sees it. */
struct session_object {
    PyObject_HEAD
        /* owned; NULL: none, or not known any more */
        PyObject *tag,
        *attrs, *parent_id, *tracestate, *trace_filter;
    struct session_object *older, *newer; /* in the list of those kept */
    struct open_session who;
    unsigned outer; /* the active one when it was entered, 0 = none */
    int is_open, is_kept, has_filter;
    unsigned long long began; /* ns of the monotonic clock */
};

/* Returns bytes as hexadecimal digits: new, or NULL with an exception. */
PyObject *session_digits(const uint8_t *bytes, size_t count);
/* The bytes of so many digits; whether they are that. */
int session_bytes(PyObject *digits, uint8_t *bytes, size_t count);
/* Returns the id of a session as text: new, or NULL with an exception. */
PyObject *session_id(const struct open_session *who);
/* The one that is open and has this id, or NULL. */
const struct open_session *sessions_find(PyObject *id);

/* Empty: new, or NULL with an exception. */
struct session_object *session_object_new(void);
/* Its number is known, and it is open. 0, or -1 with an exception. */
int session_object_opens(struct session_object *s);
/* It is open no more. The caller holds it. */
void session_object_closes(struct session_object *s);
/* The same where only its number is known. */
void session_object_forget(uint32_t number);
/* Keeps the Session while it is one of the newest, though nobody else may hold it. */
void session_object_keep(struct session_object *s);
/* The Session of one that is open, also where it is known no more: new, or NULL with an exception.
 */
struct session_object *session_object_of(const struct open_session *who);
/* NULL with an exception where it is none. */
struct session_object *session_of(PyObject *o);

/* Adds the type. 0, or -1 with an exception. */
int session_objects_add(PyObject *module);

#endif
