/* relive._core.Event: what a callback is given. It holds what was captured, as bytes, and makes
 * values of it when they are asked for; TraceEvent in Python is this type with a constructor.
 *
 * Values come out of the bytes: None, bool, int, float and str as they were, and text for all else.
 * So no object of the program lives longer for it, none of its code runs, and what filters have
 * taken out is not there to be seen. */
#ifndef TOLD_EVENT_H
#define TOLD_EVENT_H

#include "compat.h"

#include <stdint.h>

#include "bytes.h"
#include "names.h"

enum { TOLD_LOCALS = 1, TOLD_ARGS = 2, TOLD_RETURNS = 4, TOLD_EXCEPTIONS = 8 };

/* One event, as the recorder has just seen it; all borrowed. */
struct told {
    unsigned kind;
    uint32_t code_id;
    uint64_t thread;                     /* of the recording and in it: never that of another one */
    uint64_t frame, ticks, duration;     /* duration: TOLD_NO_DURATION, or ticks */
    PyCodeObject *code, *caller;         /* caller may be NULL */
    int line, caller_line;               /* a line, or minus an offset in bytes in the code */
    PyObject *module, *task, *traceback; /* str, or NULL */
    struct bytes_in values;              /* of the row */
    struct bytes_in more;                /* captured besides: values of variables, an exception */
    size_t local_bytes;                  /* so many of them are the variables' */
    int has_locals;
    unsigned long ident; /* of the thread, as Python says it */
};
#define TOLD_NO_DURATION UINT64_MAX

/* A new one; takes the share of names. flags say what of it is to be seen. NULL without memory. */
PyObject *told_event_new(PyTypeObject *type, const struct told *told, struct names *names,
                         PyObject *trace_id, unsigned flags, uint32_t max_repr);
/* Events are told from now on: their times are read off these clocks. */
void told_clock_begin(void);
double told_seconds(uint64_t ticks);

/* Adds the type to the module. 0, or -1 with an exception. */
int told_event_add(PyObject *module);

#endif
