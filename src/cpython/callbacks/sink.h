/* relive._core.Sink: where the events of one callback backend go (relive/backends/backend.py):
 * which of them it wants, who is told, what is kept and counted.
 *
 *   tap_event() -> sink_wants() -> sink_take() -> the list that get_events() gives
 *                                              -> the callback, or the list that a thread drains
 *
 * Under the GIL. */
#ifndef SINK_H
#define SINK_H

#include "sink_event.h"

struct sink;

int sink_check(PyObject *object);
/* What of TOLD_LOCALS, ... is to be captured for it. */
unsigned sink_flags(const struct sink *sink);
/* Whether it wants this kind of event, of code of this module (borrowed, or NULL). */
int sink_wants(struct sink *sink, unsigned kind, uint32_t code_id, PyObject *module);
/* Keeps and tells an event that it wants. `task` is the one that runs, borrowed, or NULL. Whatever
 * goes wrong is counted and reported; no exception is left. */
void sink_take(struct sink *sink, const struct told *told, PyObject *task);

/* Adds the type to the module. 0, or -1 with an exception. */
int sink_add(PyObject *module);

#endif
