/* Events that the program itself writes: sessions, requests, marks. */
#ifndef NOTES_H
#define NOTES_H

#include "compat.h"

#include <stdint.h>

struct notes_policy;
struct thread;

/* Writes one, of kind RL_EVENT_LOG to RL_EVENT_MARK, with a value for each name; values that are
 * None are left out. `number` is its session's, 0 = none. Returns 1, or 0 where nothing records, or
 * -1 with an exception. */
int notes_put(unsigned kind, unsigned number, PyObject *names, PyObject *const *values);
/* The calling thread, and the policy of notes in it; NULL where nothing is recorded here, which is
 * counted. */
struct thread *notes_thread(struct notes_policy *policy);
/* Events that were not in one. */
uint64_t notes_unrecorded(void);
/* 0 where nothing is recorded, else 1 calls, 2 values, 3 lines. */
int notes_level(void);

/* Adds the functions that Python sees. 0, or -1 with an exception. */
int notes_add(PyObject *module);

#endif
