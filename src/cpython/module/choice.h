/* Chooses the backend of a recording. That is the one that the settings name, or the first of
 * `backends` that works here and sees all that they want. Under the GIL. */
#ifndef CHOICE_H
#define CHOICE_H

#include "backend.h"

struct bytes_out;

/* Whether a backend works here and now; `why` explains either. Leaves no exception. */
int choice_works(const struct backend *backend, char *why, size_t size);
/* The one that the settings name, or the best that works here and sees what they want, where
 * `level` is the highest of any function. `reason` gets why, in words. NULL with an exception. */
const struct backend *choice_make(PyObject *config, const char *level, struct bytes_out *reason);
/* For the header: the names of what a backend sees, in a new list. */
PyObject *choice_abilities(const struct backend *backend);

#endif
