/* The type _core.Reader, for the files that hold its methods. */
#ifndef READER_OBJECT_H
#define READER_OBJECT_H

#include "compat.h"

#include "calls.h"
#include "reader.h"
#include "select.h"

struct reader_object {
    PyObject_HEAD struct reader *reader; /* owned; NULL = closed */
    struct cursor *cursor;               /* owned; of the dump that is under way */
    struct select select;                /* what of it is wanted */
    int has_select;
    struct calls_answer calls; /* that calls() has found */
    size_t calls_given;
    int busy;
};

/* The open reader, busy from now on; NULL with an exception. */
struct reader *reader_enter(struct reader_object *self);
/* A sequence of numbers as a set, each + 1; None is not wanted. 0, or -1 with an exception. */
int reader_take_set(PyObject *numbers, struct u64map *set, int *is_set);

/* Methods in reader_calls.c. */
PyObject *reader_calls(struct reader_object *self, PyObject *args, PyObject *names);
PyObject *reader_calls_piece(struct reader_object *self, PyObject *ignored);
PyObject *reader_progress(struct reader_object *self, PyObject *ignored);

#endif
