/* Events that the program itself writes: sessions, requests, marks. */
#ifndef NOTES_H
#define NOTES_H

#include "compat.h"

/* Adds the functions that Python sees. 0, or -1 with an exception. */
int notes_add(PyObject *module);

#endif
