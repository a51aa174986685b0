/* The ways to hear the interpreter. Each is a table of functions (backend.h) in a file of its own.
 */
#ifndef BACKENDS_H
#define BACKENDS_H

#include "backend.h"

extern const struct backend backend_monitoring;
extern const struct backend backend_evalhook;
extern const struct backend backend_setprofile;
extern const struct backend backend_settrace;

/* Best first. */
#define BACKENDS 4
extern const struct backend *const backends[BACKENDS];

#endif
