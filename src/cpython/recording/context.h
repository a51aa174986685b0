/* What follows the program's contextvars: the session that events belong to, and whether anything
 * is recorded. So threads that run a copied context, tasks and executors are in the right session.
 *
 *   a new call, in a thread whose context has changed -> the two variables are looked up
 *                                                     -> a row where the session is another one
 *
 * Nothing is looked up while no session is open and nothing is suppressed. Under the GIL. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include "state.h"

/* Whether the thread is in the context that was looked up last, and is recorded in it (context.h).
 */
static inline int context_is_same(const struct thread *t)
{
    return t->context_ver == PyThreadState_GetUnchecked()->context_ver &&
           t->context_chunk == t->lane.chunk && !t->is_hidden;
}

/* How many sessions are open, and whether the one with this number is. */
static inline unsigned sessions_open(void)
{
    return sessions_all.count;
}

static inline int session_is_open(unsigned long number)
{
    return number <= RL_ID_MAX && open_sessions_get(&sessions_all, (uint32_t)number) != NULL;
}

/* Whether nothing that begins now in the thread is to be recorded. */
int context_hides(struct thread *t);
/* Whether the event is to be recorded; writes the session where it is another one. */
int context_look(struct thread *t, const struct event *event);
/* Whether context_look() can matter in this thread. */
int context_is_used(const struct thread *t);

/* A session has begun, or is open no more (mod_sessions.c). */
void context_session_begins(void);
void context_session_ends(void);
/* Makes the number that of the active session here: what context_leave() wants, new, or NULL. */
PyObject *context_enter(PyObject *number);
/* Undoes one context_enter(). */
void context_leave(PyObject *token);
/* A session ends while another is the active one here: whoever leaves that one finds the outer. */
void context_ends_outside(unsigned number, unsigned outer);
/* None is the active one any more, if this one was. */
void context_leave_if(unsigned number);
unsigned context_active(void); /* 0: none */

/* Adds the functions that Python sees. 0, or -1 with an exception. */
int context_add(PyObject *module);

#endif
