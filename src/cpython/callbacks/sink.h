/* relive._core.Sink: receives the events of one callback backend (relive/backends/backend.py). It
 * decides which events the backend wants, keeps and counts them, and calls the callback.
 *
 *   tap_event() -> sink_wants() -> sink_take() -> the list that get_events() returns
 *                                              -> the callback, or the queue that a thread drains
 *
 * Under the GIL. sink_wants() and sink_take() may run Python, and so other threads. */
#ifndef SINK_H
#define SINK_H

#include "sink_event.h"

struct sink;

int sink_check(PyObject *object);
/* Returns SINK_LOCALS, ...: what must be captured for it. */
unsigned sink_flags(const struct sink *sink);
/* Returns whether it wants this kind of event, of code of this module (borrowed, or NULL). */
int sink_wants(struct sink *sink, unsigned kind, uint32_t code_id, PyObject *module);
/* Keeps and delivers an event that it wants. `task` is the asyncio task that runs, borrowed, or
 * NULL. Errors are counted and reported; no exception is left set. */
void sink_take(struct sink *sink, const struct sink_event *captured, PyObject *task);

/* Adds the type to the module. Returns 0, or -1 with an exception. */
int sink_add(PyObject *module);

#endif
