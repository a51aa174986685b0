/* Sessions that are open: what ties a request to what ran for it (relive/sessions). A session is an
 * event at its beginning and one at its end; in between its number is in the program's context
 * (context.h). Under the GIL. */
#ifndef MOD_SESSIONS_H
#define MOD_SESSIONS_H

#include "compat.h"

struct session_object;

struct session_wants {
    PyObject *tag, *traceparent, *tracestate, *attrs, *span_id, *trace_filter; /* or None */
    int is_by_hand; /* nobody holds what is returned: it is kept while it is one of the newest */
};

/* Begins a session from values that were checked: new, or NULL with an exception. */
struct session_object *sessions_begin(const struct session_wants *wants);
/* Ends a session that is open; `token` is what sessions_enter() gave, or NULL. `error` is the
 * exception that ended it, or NULL. Returns 0, or -1 with an exception. */
int sessions_finish(struct session_object *session, PyObject *token, PyObject *error);
int sessions_is_open(const struct session_object *session);
/* Makes it the active one here: what context_leave() and sessions_finish() want, new, or NULL. */
PyObject *sessions_enter(struct session_object *session);
/* Returns the number that events of the session carry; 0 once it has ended. */
unsigned sessions_number(const struct session_object *session);

/* In a forked child, without Python: its ids come from another source than its parent's. */
void sessions_forked(void);
/* Writes the beginnings of the sessions that a forked child goes on in: the active one of its only
 * thread, and those around it. Its recording has begun. */
void sessions_tell_inherited(void);

/* ("a", "b", ...) of n names, interned: new, or NULL with an exception. */
PyObject *sessions_names(const char *const *names, Py_ssize_t n);

/* Adds the type and the functions. 0, or -1 with an exception. */
int mod_sessions_add(PyObject *module);

#endif
