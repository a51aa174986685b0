/* The ways to receive the interpreter's events. Each is a table of functions (backend.h) in a file
 * of its own, and a recording uses one of them (module/choice.h).
 *
 *     monitoring   sys.monitoring                 3.12+
 *     evalhook     a frame evaluator, PEP 523     3.8 to 3.11
 *     setprofile   PyEval_SetProfile              every version; sees functions written in C
 *     settrace     PyEval_SetTrace                every version; the slowest */
#ifndef BACKENDS_H
#define BACKENDS_H

#include "backend.h"

extern const struct backend backend_monitoring;
extern const struct backend backend_evalhook;
extern const struct backend backend_setprofile;
extern const struct backend backend_settrace;

/* Best first: the order in which a backend is looked for that can do what is wanted.
 * module/choice.c has the array. */
#define BACKENDS 4
extern const struct backend *const backends[BACKENDS];

#endif
