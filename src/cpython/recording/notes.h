/* Events that the program itself writes: sessions, requests, marks. */
#ifndef NOTES_H
#define NOTES_H

#include "compat.h"

#include <stdint.h>

struct notes_policy;
struct thread;

/* Writes one: kind RL_EVENT_LOG to RL_EVENT_MARK, of the session with this number (0: of none), a
 * value for each name, those that are None left out. 1, 0 where it is not in a recording, -1 with
 * an exception. */
int notes_put(unsigned kind, unsigned number, PyObject *names, PyObject *const *values);
/* The calling thread and what the filter says of notes in it, where something is recorded here;
 * else NULL, and that is counted. */
struct thread *notes_thread(struct notes_policy *policy);
/* Events that were not in one. */
uint64_t notes_unrecorded(void);
/* 0 where nothing is recorded, else 1 calls, 2 values, 3 lines. */
int notes_level(void);

/* Adds the functions that Python sees. 0, or -1 with an exception. */
int notes_add(PyObject *module);

#endif
