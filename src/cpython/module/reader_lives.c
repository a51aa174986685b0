/* Part of reader_object.h.
 * Why: threads and tasks from their begin to their end (lives.h), as Python objects.
 *
 * Threads: the pass runs without the GIL, all else under it. */
#include "reader_object.h"

#include "lives.h"

/* Returns (thread, seq, t, kind), or None where there is no event: new. */
static PyObject *make_place(const struct reader *reader, const struct life_event *event)
{
    if (event->thread == 0) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("(IKKs)", event->thread, (unsigned long long)event->seq,
                         (unsigned long long)reader_time(reader, event->ticks),
                         kind_name(event->kind));
}

/* Returns the row of one thread or task: new.
 *
 *    number, name, parent task
 *    line and frame that made it, code and frame of its root
 *    events, calls
 *    first event, last event, end of the root, wait
 *    open frames, whether it has ended */
static PyObject *make_life(const struct reader *reader, const struct life *life)
{
    struct text none = {"", 0};
    PyObject *name = reader_safe_text(life->name != 0 ? reader_string(reader, life->name) : none);
    PyObject *places[4];
    const struct life_event *events[] = {&life->first, &life->last, &life->end, &life->wait};
    int failed = name == NULL;
    for (size_t i = 0; i < 4; i++) {
        places[i] = failed ? NULL : make_place(reader, events[i]);
        failed |= places[i] == NULL;
    }
    PyObject *row =
        failed ? NULL
               : Py_BuildValue("(IOIIKIKKKOOOOIi)", life->number, name, life->parent,
                               life->maker_line, (unsigned long long)life->maker, life->root_code,
                               (unsigned long long)life->root, (unsigned long long)life->events,
                               (unsigned long long)life->calls, places[0], places[1], places[2],
                               places[3], life->open, life->has_ended);
    Py_XDECREF(name);
    for (size_t i = 0; i < 4; i++) {
        Py_XDECREF(places[i]);
    }
    return row;
}

static PyObject *list_lives(const struct reader *reader, const struct life *lives, size_t count)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *row = make_life(reader, &lives[i]);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}

/* lives(): (rows of threads, rows of tasks, how many tasks more there are). The fields of a row are
 * those of make_life(). */
PyObject *reader_lives(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    struct lives lives;
    rl_status status;
    struct reader *reader = reader_enter(self);
    if (reader == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = lives_read(reader, &lives);
    Py_END_ALLOW_THREADS
    PyObject *result = NULL, *threads = NULL, *tasks = NULL;
    if (status != RL_OK) {
        (void)PyErr_NoMemory();
    } else {
        threads = list_lives(reader, lives.threads, lives.thread_count);
        tasks = threads != NULL ? list_lives(reader, lives.tasks, lives.task_count) : NULL;
    }
    if (tasks != NULL) {
        result = Py_BuildValue("(OOK)", threads, tasks, (unsigned long long)lives.unlisted);
    }
    Py_XDECREF(threads);
    Py_XDECREF(tasks);
    if (status == RL_OK) {
        lives_fini(&lives);
    }
    self->busy = 0;
    return result;
}
