/* Part of reader_object.h.
 * Why: calls that were picked out of a recording, as Python objects; and what all methods of a
 * reader begin with. */
#include <limits.h>

#include "reader_object.h"
#include "refusal.h"

#include "dump.h"

PyObject *reader_raise_busy(const char *text)
{
    return refusal_raise(RL_BUSY, text);
}

struct reader *reader_enter(struct reader_object *self)
{
    if (self->reader == NULL || self->busy) {
        (void)refusal_raise(RL_BUSY, self->busy ? "the reader is used by another thread"
                                                : "the reader is closed");
        return NULL;
    }
    self->busy = 1;
    return self->reader;
}

PyObject *reader_event_json(struct reader *reader, const struct event_out *event)
{
    struct json_out json = {{0}, 0};
    dump_event(&json, reader, event);
    PyObject *line = json.out.failed ? PyErr_NoMemory()
                                     : PyBytes_FromStringAndSize((const char *)json.out.data,
                                                                 (Py_ssize_t)json.out.len);
    json_fini(&json);
    return line;
}

/* Returns (level, start, end) of a call, the events as JSON; end is None where there is none. */
static PyObject *call_row(struct reader *reader, const struct call *call)
{
    PyObject *start = reader_event_json(reader, &call->start.out), *end = Py_None;
    if (call->has_end) {
        end = reader_event_json(reader, &call->end.out);
    } else {
        Py_INCREF(end);
    }
    if (start == NULL || end == NULL) {
        Py_XDECREF(start);
        Py_XDECREF(end);
        return NULL;
    }
    return Py_BuildValue("(INN)", call->level, start, end);
}

/* calls(codes, thread, session, depth, least, limit, after_thread, after_seq, may_cut): finds
 * single calls, which calls_piece() then gives; how many more there are beyond the limit. None
 * where they were not counted, which `may_cut` allows. */
PyObject *reader_calls(struct reader_object *self, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"codes", "thread",       "session",   "depth",   "least",
                               "limit", "after_thread", "after_seq", "may_cut", NULL};
    struct calls_question question = {0};
    PyObject *codes = NULL;
    unsigned long long least = 0, limit = ULLONG_MAX, after_seq = 0;
    rl_status status;
    if (!PyArg_ParseTupleAndKeywords(args, names, "|OIIIKKIKp", keywords, &codes, &question.thread,
                                     &question.session, &question.depth, &least, &limit,
                                     &question.after_thread, &after_seq, &question.may_cut) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    question.least = least;
    question.after_seq = after_seq;
    question.limit = limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
    calls_fini(&self->calls);
    self->calls_given = 0;
    int failed = reader_take_set(codes, &question.codes, &question.has_codes) != 0;
    if (!failed) {
        Py_BEGIN_ALLOW_THREADS
        status = calls_read(self->reader, &question, &self->calls);
        Py_END_ALLOW_THREADS
        if (status == RL_USAGE) {
            (void)refuse(RL_USAGE, "there is no call T%u@%llu to begin behind",
                         question.after_thread, after_seq);
        } else if (status != RL_OK) {
            (void)PyErr_NoMemory();
        }
        failed = status != RL_OK;
    }
    u64map_fini(&question.codes);
    self->busy = 0;
    if (!failed && self->calls.is_cut) {
        Py_RETURN_NONE;
    }
    return failed ? NULL : PyLong_FromUnsignedLongLong(self->calls.hidden);
}

/* The next calls of the last calls(); an empty list at the end. */
PyObject *reader_calls_piece(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    enum { PIECE = 500 };
    struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (size_t n = 0; list != NULL && n < PIECE && self->calls_given < self->calls.count; n++) {
        PyObject *row = call_row(r, self->calls.calls[self->calls_given++]);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    self->busy = 0;
    return list;
}

/* (chunks that the pass under way has read, chunks of the file); from any thread. */
PyObject *reader_progress(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    const struct reader *r = self->reader;
    return r == NULL ? Py_BuildValue("(KK)", 0ULL, 0ULL)
                     : Py_BuildValue("(KK)", (unsigned long long)reader_loaded(r),
                                     (unsigned long long)r->chunk_count);
}
