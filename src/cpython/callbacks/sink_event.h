/* relive._core.Event: the argument of a callback. TraceEvent in Python is this type with a
 * constructor.
 *
 *   struct sink_event (borrowed) -> sink_event_new() -> Event: captured bytes + code, names, clocks
 *                                                         |  first use of a field
 *                                                         v
 *                                                       Python values
 *
 * An event holds the captured bytes and decodes them on demand. None, bool, int, float and str come
 * back as they were; every other value comes back as text. So no value of the program lives longer,
 * none of its code runs, and what a filter removed is not there. Under the GIL. */
#ifndef SINK_EVENT_H
#define SINK_EVENT_H

#include "compat.h"

#include <stdint.h>

#include "bytes.h"
#include "names.h"
#include "rec.h"

enum { SINK_LOCALS = 1, SINK_ARGS = 2, SINK_RETURNS = 4, SINK_EXCEPTIONS = 8 };

/* One event, as the recorder has just seen it. Everything is borrowed. */
struct sink_event {
    unsigned kind;
    uint32_t code_id;
    uint64_t thread;                     /* number of the recording | number of the thread in it */
    uint64_t frame, ticks, duration;     /* duration in ticks, or SINK_NO_DURATION */
    PyCodeObject *code, *caller;         /* caller may be NULL */
    int line, caller_line;               /* a line, or minus an offset in bytes in the code */
    PyObject *module, *task, *traceback; /* str, or NULL */
    struct bytes_in values;              /* the values of the event's row */
    struct bytes_in more;                /* captured in addition: local variables, an exception */
    size_t local_bytes;                  /* how many bytes of `more` are local variables */
    int has_locals;
    unsigned long ident; /* threading.get_ident() of the thread */
};
#define SINK_NO_DURATION UINT64_MAX

/* Returns a new event, or NULL without memory. Takes the share of names. `flags` (SINK_LOCALS, ...)
 * are the fields that it shows. Texts longer than max_repr are cut. */
PyObject *sink_event_new(PyTypeObject *type, const struct sink_event *captured, struct names *names,
                         PyObject *trace_id, unsigned flags, uint32_t max_repr);
/* Reads the clocks by which ticks of events become times. Called when delivery begins. */
void sink_clock_begin(void);
/* Converts a number of ticks. */
double sink_seconds(uint64_t ticks);

static inline int sink_kind_is_exception(unsigned kind)
{
    return kind == RL_EVENT_UNWIND || kind == RL_EVENT_RAISE || kind == RL_EVENT_HANDLED ||
           kind == RL_EVENT_THROW;
}

/* Adds the type to the module. Returns 0, or -1 with an exception. */
int sink_event_add(PyObject *module);

#endif
