/* The type _core.Replay. */
#ifndef MOD_REPLAY_H
#define MOD_REPLAY_H

#include "compat.h"

/* Adds it to the module; 0 or -1. */
int mod_replay_add(PyObject *module);

#endif
