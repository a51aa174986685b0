/* The start of a recorded process. */
#ifndef BOOT_H
#define BOOT_H

#include "compat.h"

/* Adds begin() and restore_path() to the module. */
int boot_add(PyObject *module);

#endif
