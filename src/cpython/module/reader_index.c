/* Part of reader_object.h.
 * Why: where the index of a recording is, and whether one may be written there, is decided in
 * Python (relive/_index.py). Here is what reads and writes it.
 *
 *     index_use(fd) --> (events that it covers, bytes), or None: it is of no use
 *     index_wanted(least) --> index_begin(fd) --> index_step() ... --> index_end() --> index_use()
 *
 * Threads: steps run without the GIL, all else under it. */
#include "reader_object.h"
#include "refusal.h"

#include "index_build.h"
#include "os.h"

void reader_index_free(struct reader_object *self)
{
    index_builder_close(self->builder);
    self->builder = NULL;
    if (self->reader != NULL) {
        index_close(self->reader->index);
        self->reader->index = NULL;
    }
}

/* index_use(fd): (events that it covers, bytes), None where it is of no use; -1 ends its use. The
 * descriptor is the reader's. */
PyObject *reader_index_use(struct reader_object *self, PyObject *arg)
{
    struct index *index = NULL;
    rl_status status = RL_DAMAGED;
    long fd = PyLong_AsLong(arg);
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (reader_enter(self) == NULL) {
        os_close((int)fd);
        return NULL;
    }
    reader_index_free(self);
    Py_BEGIN_ALLOW_THREADS
    if (fd >= 0) {
        status = index_open(self->reader, (int)fd, &index);
    }
    Py_END_ALLOW_THREADS
    self->reader->index = index;
    self->busy = 0;
    if (status == RL_NOMEM) {
        return PyErr_NoMemory();
    }
    if (index == NULL) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("(KK)", (unsigned long long)index->covered,
                         (unsigned long long)index->size);
}

/* index_wanted(least): whether an index can cover so many events more. */
PyObject *reader_index_wanted(struct reader_object *self, PyObject *arg)
{
    unsigned long long least = PyLong_AsUnsignedLongLong(arg);
    const struct reader *reader = PyErr_Occurred() == NULL ? reader_enter(self) : NULL;
    if (reader == NULL) {
        return NULL;
    }
    int is_wanted = index_is_wanted(reader, reader->index, least);
    self->busy = 0;
    return PyBool_FromLong(is_wanted);
}

int reader_take_key(PyObject *bytes, struct siphash_key *key, int *has_key)
{
    *has_key = bytes != Py_None;
    if (!*has_key) {
        return 0;
    }
    if (!PyBytes_Check(bytes) || PyBytes_GET_SIZE(bytes) != (Py_ssize_t)sizeof *key) {
        PyErr_SetString(PyExc_ValueError, "a key has 16 bytes");
        return -1;
    }
    memcpy(key, PyBytes_AS_STRING(bytes), sizeof *key);
    return 0;
}

static PyObject *raise_status(rl_status status)
{
    return status == RL_NOMEM ? PyErr_NoMemory()
                              : refusal_raise(status, "the index cannot be written");
}

/* index_begin(fd, share=10, stretch=0, key=None, marks=0): begins an index in an empty file.
 * Without a key it has no landmarks; `marks` is the least number of steps between them. */
PyObject *reader_index_begin(struct reader_object *self, PyObject *args)
{
    int fd;
    unsigned share = INDEX_SHARE;
    unsigned long long stretch = 0, marks = 0;
    PyObject *key = Py_None;
    struct landmarks_plan plan;
    int has_key;
    if (!PyArg_ParseTuple(args, "i|IKOK", &fd, &share, &stretch, &key, &marks) ||
        reader_take_key(key, &plan.key, &has_key) != 0 || reader_enter(self) == NULL) {
        return NULL;
    }
    plan.least = marks;
    index_builder_close(self->builder);
    self->builder = NULL;
    rl_status status = index_builder_open(self->reader, self->reader->index, fd, share, stretch,
                                          has_key ? &plan : NULL, &self->builder);
    self->busy = 0;
    if (status != RL_OK) {
        return raise_status(status);
    }
    Py_RETURN_NONE;
}

/* index_step(events): whether there is more to do. */
PyObject *reader_index_step(struct reader_object *self, PyObject *arg)
{
    rl_status status = RL_END;
    unsigned long long events = PyLong_AsUnsignedLongLong(arg);
    if (PyErr_Occurred() || reader_enter(self) == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    if (self->builder != NULL) {
        status = index_builder_step(self->builder, events);
    }
    Py_END_ALLOW_THREADS
    self->busy = 0;
    return status == RL_OK || status == RL_END ? PyBool_FromLong(status == RL_OK)
                                               : raise_status(status);
}

/* index_end(): how many events it covers. What was written until now is whole. */
PyObject *reader_index_end(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    if (reader_enter(self) == NULL) {
        return NULL;
    }
    uint64_t covered = self->builder != NULL ? index_builder_covered(self->builder) : 0;
    index_builder_close(self->builder);
    self->builder = NULL;
    self->busy = 0;
    return PyLong_FromUnsignedLongLong(covered);
}
