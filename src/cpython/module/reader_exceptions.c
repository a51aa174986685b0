/* Part of reader_object.h.
 * Why: a recording may have millions of exceptions. Python decides for each kind of outcome, and
 * only those that are shown become objects.
 *
 *     exceptions()                  finds them; a row for each outcome
 *     exceptions_judge()            takes Python's decision on each outcome
 *     exception_place(), _rows()    the list in order, also of several recordings
 *     exception_details()           reads what listed ones carried
 *     exception_details_piece()     gives that, a piece at a time
 *
 * Invariants: each step needs those before it (enter_exceptions()). A new exceptions() frees what
 * an earlier one has found. Threads: as in mod_reader.c. */
#include "reader_object.h"

#include "alloc.h"
#include "exception_list.h"
#include "rests.h"

struct reader_exceptions {
    struct exceptions found;
    struct stories_question question;
    struct text *libraries; /* owned; their bytes are those of `folders` */
    PyObject *folders;      /* owned */
    struct exception_details details;
    size_t given;
};

void reader_exceptions_free(struct reader_exceptions *exceptions)
{
    if (exceptions == NULL) {
        return;
    }
    exceptions_fini(&exceptions->found);
    exception_details_fini(&exceptions->details);
    rl_free(exceptions->libraries);
    Py_XDECREF(exceptions->folders);
    rl_free(exceptions);
}

/* The exceptions of an open reader that is busy from now on; NULL with an exception. */
static struct reader_exceptions *enter_exceptions(struct reader_object *self, int wants_judged)
{
    if (reader_enter(self) == NULL) {
        return NULL;
    }
    if (self->exceptions == NULL || (wants_judged && self->exceptions->found.judged == NULL)) {
        self->busy = 0;
        (void)reader_raise_busy("exceptions() comes first, then exceptions_judge()");
        return NULL;
    }
    return self->exceptions;
}

/* Takes the folders of libraries; the texts point into the tuple, which is kept. */
static int take_folders(struct reader_exceptions *exceptions, PyObject *folders)
{
    exceptions->folders = PySequence_Tuple(folders);
    if (exceptions->folders == NULL) {
        return -1;
    }
    size_t count = (size_t)PyTuple_GET_SIZE(exceptions->folders);
    exceptions->libraries = rl_alloc(count + 1, sizeof *exceptions->libraries);
    if (exceptions->libraries == NULL) {
        (void)PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        char *data;
        Py_ssize_t len;
        PyObject *folder = PyTuple_GET_ITEM(exceptions->folders, (Py_ssize_t)i);
        if (PyBytes_AsStringAndSize(folder, &data, &len) != 0) {
            return -1;
        }
        exceptions->libraries[i] = (struct text){data, (size_t)len};
    }
    exceptions->question.libraries = exceptions->libraries;
    exceptions->question.library_count = count;
    return 0;
}

/* Returns the name of a type, or None for id 0: new. */
static PyObject *type_object(const struct reader *reader, uint32_t type)
{
    if (type == 0) {
        Py_RETURN_NONE;
    }
    return reader_safe_text(reader_string(reader, type));
}

/* Returns the row of an outcome: new, or NULL with an exception. */
static PyObject *outcome_row(const struct reader *reader, const struct outcome *o, uint64_t count)
{
    PyObject *type = type_object(reader, o->type);
    return type == NULL
               ? NULL
               : Py_BuildValue("(NIIsIIIIIIK)", type, o->first_code, o->first_line,
                               kind_name(o->kind), o->last_code, o->last_line, o->handler,
                               o->handler_line, o->thread, o->facts, (unsigned long long)count);
}

/* Returns the rows of all outcomes: new, or NULL with an exception. */
static PyObject *outcome_rows(const struct reader *reader, const struct exceptions *found)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < found->outcome_count; i++) {
        PyObject *row = outcome_row(reader, &found->outcomes[i], found->counts[i]);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}

/* exceptions(folders, sees_raise, wants_starts) -> a row for each outcome:
 *
 *     (type, first code, first line, last kind, last code, last line, handler, handler's line,
 *      thread, facts, how many)
 *
 * `folders` are those of libraries. wants_starts: several recordings are to be put in order. */
PyObject *reader_exceptions(struct reader_object *self, PyObject *args)
{
    PyObject *folders, *rows = NULL;
    int sees_raise, wants_starts;
    struct rest rest;
    rl_status status = RL_OK;
    if (!PyArg_ParseTuple(args, "Opp", &folders, &sees_raise, &wants_starts) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    reader_exceptions_free(self->exceptions);
    struct reader_exceptions *own = self->exceptions = rl_zalloc(1, sizeof *own);
    if (own == NULL) {
        (void)PyErr_NoMemory();
    } else if (take_folders(own, folders) == 0) {
        own->question.sees_raise = sees_raise;
        rest_begin(&rest, self->reader);
        status = exceptions_read(self->reader, &own->question, wants_starts, &own->found);
        status = rest_end(&rest, self->reader, status);
        rows = status == RL_OK ? outcome_rows(self->reader, &own->found) : rest_failed();
    }
    self->busy = 0;
    return rows;
}

/* Reads (likeness, is listed, rank, names its task, names its replacer, is quiet). */
static int take_judgement(PyObject *row, struct judgement *out)
{
    unsigned likeness, rank;
    int is_listed, names_task, names_replacer, is_quiet;
    if (!PyTuple_Check(row) || !PyArg_ParseTuple(row, "IpIppp", &likeness, &is_listed, &rank,
                                                 &names_task, &names_replacer, &is_quiet)) {
        return -1;
    }
    *out = (struct judgement){likeness,
                              (uint8_t)is_listed,
                              (uint8_t)(rank % EXCEPTION_RANKS),
                              (uint8_t)names_task,
                              (uint8_t)names_replacer,
                              (uint8_t)is_quiet};
    return 0;
}

/* exceptions_judge([(likeness, is listed, rank, names its task, names its replacer, is quiet)]) */
PyObject *reader_exceptions_judge(struct reader_object *self, PyObject *judgements)
{
    PyObject *list = PySequence_Tuple(judgements); /* owned */
    struct reader_exceptions *own = list != NULL ? enter_exceptions(self, 0) : NULL;
    if (own == NULL) {
        Py_XDECREF(list);
        return NULL;
    }
    size_t count = own->found.outcome_count;
    struct judgement *judged = rl_zalloc(count + 1, sizeof *judged);
    int failed = judged == NULL || (size_t)PyTuple_GET_SIZE(list) != count;
    for (size_t i = 0; !failed && i < count; i++) {
        failed = take_judgement(PyTuple_GET_ITEM(list, (Py_ssize_t)i), &judged[i]) != 0;
    }
    if (failed) {
        rl_free(judged);
    } else if (exceptions_judge(&own->found, judged) != RL_OK) {
        failed = 1;
    }
    if (failed && PyErr_Occurred() == NULL) {
        (void)PyErr_NoMemory();
    }
    self->busy = 0;
    Py_DECREF(list);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* exception_more(number): (outcome, task, its name or None, number of what replaced it or None) */
PyObject *reader_exception_more(struct reader_object *self, PyObject *number)
{
    unsigned long long n = PyLong_AsUnsignedLongLong(number);
    struct reader_exceptions *own = PyErr_Occurred() == NULL ? enter_exceptions(self, 0) : NULL;
    PyObject *row = NULL;
    if (own == NULL) {
        return NULL;
    }
    if (n >= own->found.count) {
        PyErr_SetString(PyExc_IndexError, "there is no such exception");
    } else {
        struct exception_more none = {0};
        const struct exception_more *more = exceptions_more(&own->found, n);
        more = more != NULL ? more : &none;
        PyObject *name = type_object(self->reader, more->task_name);
        PyObject *replacer = Py_None;
        if (more->replacer != 0) {
            replacer = PyLong_FromUnsignedLongLong(more->replacer - 1);
        } else {
            Py_INCREF(replacer);
        }
        row = name != NULL && replacer != NULL
                  ? Py_BuildValue("(IINN)", own->found.outcome_of[n], more->task, name, replacer)
                  : NULL;
    }
    self->busy = 0;
    return row;
}

/* exception_place(number): where a listed one is in the recording's own list, from 0 */
PyObject *reader_exception_place(struct reader_object *self, PyObject *number)
{
    unsigned long long n = PyLong_AsUnsignedLongLong(number);
    struct reader_exceptions *own = PyErr_Occurred() == NULL ? enter_exceptions(self, 1) : NULL;
    PyObject *place = NULL;
    if (own == NULL) {
        return NULL;
    }
    if (n >= own->found.count) {
        PyErr_SetString(PyExc_IndexError, "there is no such exception");
    } else {
        place = PyLong_FromUnsignedLongLong(exceptions_place(&own->found, n));
    }
    self->busy = 0;
    return place;
}

/* ---- details ---- */

/* exception_details(from, to): reads those of these places in the recording's own list. */
PyObject *reader_exception_details(struct reader_object *self, PyObject *args)
{
    unsigned long long from, to;
    struct rest rest;
    rl_status status;
    struct reader_exceptions *own =
        PyArg_ParseTuple(args, "KK", &from, &to) ? enter_exceptions(self, 1) : NULL;
    if (own == NULL) {
        return NULL;
    }
    exception_details_fini(&own->details);
    own->given = 0;
    rest_begin(&rest, self->reader);
    status =
        exception_details_read(self->reader, &own->question, &own->found, from, to, &own->details);
    status = rest_end(&rest, self->reader, status);
    self->busy = 0;
    return status == RL_OK ? PyLong_FromSize_t(own->details.count) : rest_failed();
}

static PyObject *make_path_list(const struct exception_detail *detail)
{
    PyObject *list = PyList_New((Py_ssize_t)detail->path_count);
    for (size_t i = 0; list != NULL && i < detail->path_count; i++) {
        const struct path_step *step = &detail->path[i];
        PyObject *row =
            Py_BuildValue("(KII)", (unsigned long long)step->frame, step->line, step->code);
        if (row == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, row);
        }
    }
    return list;
}

static PyObject *detail_row(struct reader *reader, const struct exception_detail *detail)
{
    PyObject *first = reader_event_json(reader, &detail->first.out), *captured = Py_None;
    PyObject *stack = reader_stack_list(detail->stack, detail->depth, detail->first.out.frame),
             *path = make_path_list(detail);
    if (detail->has_captured) {
        captured = reader_event_json(reader, &detail->captured.out);
    } else {
        Py_INCREF(captured);
    }
    if (first == NULL || captured == NULL || stack == NULL || path == NULL) {
        Py_XDECREF(first);
        Py_XDECREF(captured);
        Py_XDECREF(stack);
        Py_XDECREF(path);
        return NULL;
    }
    return Py_BuildValue("(KNNNN)", (unsigned long long)detail->exception, first, captured, stack,
                         path);
}

/* exception_details_piece() -> a row for each exception, with events as JSON:
 *
 *     (number, first event, newest event that captured it or None,
 *      [(frame, code, line)] that were open, [(frame, line)] that it was raised in or left) */
PyObject *reader_exception_details_piece(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    enum { PIECE = 200 };
    struct reader_exceptions *own = enter_exceptions(self, 0);
    if (own == NULL) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (size_t n = 0; list != NULL && n < PIECE && own->given < own->details.count; n++) {
        PyObject *row = detail_row(self->reader, own->details.items[own->given++]);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    self->busy = 0;
    return list;
}

/* exception_newest(): the listed exception that began last, or None */
PyObject *reader_exception_newest(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    struct reader_exceptions *own = enter_exceptions(self, 1);
    if (own == NULL) {
        return NULL;
    }
    uint64_t left = own->found.count;
    while (left != 0 && !exceptions_judgement(&own->found, left - 1)->is_listed) {
        left--;
    }
    self->busy = 0;
    if (left == 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLongLong(left - 1);
}

/* exception_of_outcome(number): the first listed exception that has this outcome, or None */
PyObject *reader_exception_of_outcome(struct reader_object *self, PyObject *arg)
{
    unsigned long number = PyLong_AsUnsignedLong(arg);
    struct reader_exceptions *own = PyErr_Occurred() ? NULL : enter_exceptions(self, 1);
    if (own == NULL) {
        return NULL;
    }
    const struct exceptions *found = &own->found;
    uint64_t i = 0;
    while (i < found->count &&
           (found->outcome_of[i] != number || !exceptions_judgement(found, i)->is_listed)) {
        i++;
    }
    self->busy = 0;
    if (i == found->count) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLongLong(i);
}

static int take_sought(PyObject *list, struct exception_sought *sought)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(list); i++) {
        PyObject *pair = PyTuple_GET_ITEM(list, i);
        const char *type;
        Py_ssize_t len;
        unsigned long long id;
        if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "y#K", &type, &len, &id)) {
            return -1;
        }
        sought[i] = (struct exception_sought){{type, (size_t)len}, id, 0};
    }
    return 0;
}

/* exceptions_find(until, [(type, address)]): [number or None] */
PyObject *reader_exceptions_find(struct reader_object *self, PyObject *args)
{
    unsigned long long until;
    PyObject *names, *found = NULL;
    struct rest rest;
    rl_status status;
    if (!PyArg_ParseTuple(args, "KO", &until, &names)) {
        return NULL;
    }
    PyObject *list = PySequence_Tuple(names); /* owned; its texts are borrowed below */
    struct reader_exceptions *own = list != NULL ? enter_exceptions(self, 1) : NULL;
    if (own == NULL) {
        Py_XDECREF(list);
        return NULL;
    }
    size_t count = (size_t)PyTuple_GET_SIZE(list);
    struct exception_sought *sought = rl_zalloc(count + 1, sizeof *sought);
    if (sought == NULL) {
        (void)PyErr_NoMemory();
    } else if (take_sought(list, sought) == 0) {
        rest_begin(&rest, self->reader);
        status = exceptions_find(self->reader, &own->question, &own->found, until, sought, count);
        status = rest_end(&rest, self->reader, status);
        found = status == RL_OK ? PyList_New(0) : rest_failed();
    }
    for (size_t i = 0; found != NULL && i < count; i++) {
        PyObject *number = Py_None;
        if (sought[i].found != 0) {
            number = PyLong_FromUnsignedLongLong(sought[i].found - 1);
        } else {
            Py_INCREF(number);
        }
        if (number == NULL || PyList_Append(found, number) != 0) {
            Py_CLEAR(found);
        }
        Py_XDECREF(number);
    }
    rl_free(sought);
    self->busy = 0;
    Py_DECREF(list);
    return found;
}

/* exceptions_caught(until, [frame]): number or None */
PyObject *reader_exceptions_caught(struct reader_object *self, PyObject *args)
{
    unsigned long long until;
    PyObject *numbers;
    uint64_t found = 0;
    if (!PyArg_ParseTuple(args, "KO", &until, &numbers)) {
        return NULL;
    }
    PyObject *list = PySequence_Tuple(numbers); /* owned */
    size_t count = list != NULL ? (size_t)PyTuple_GET_SIZE(list) : 0;
    uint64_t *frames = rl_zalloc(count + 1, sizeof *frames);
    if (frames == NULL && list != NULL) {
        (void)PyErr_NoMemory();
    }
    for (size_t i = 0; frames != NULL && i < count; i++) {
        frames[i] = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(list, (Py_ssize_t)i));
    }
    Py_XDECREF(list);
    struct reader_exceptions *own = PyErr_Occurred() == NULL ? enter_exceptions(self, 1) : NULL;
    if (own != NULL) {
        struct rest rest;
        rl_status status;
        rest_begin(&rest, self->reader);
        status = exceptions_caught(self->reader, &own->question, &own->found, until, frames, count,
                                   &found);
        status = rest_end(&rest, self->reader, status);
        self->busy = 0;
        if (status != RL_OK) {
            (void)rest_failed();
        }
    }
    rl_free(frames);
    if (PyErr_Occurred() != NULL) {
        return NULL;
    }
    if (found == 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLongLong(found - 1);
}

/* ---- the list of several recordings ---- */

struct listed {
    PyObject *readers; /* owned */
    struct exception_list list;
    struct exceptions **of; /* owned */
    struct reader **open;   /* owned */
};

static void listed_fini(struct listed *listed)
{
    Py_CLEAR(listed->readers);
    rl_free(listed->of);
    rl_free(listed->open);
}

/* The exceptions of readers; 0, or -1 with an exception. The GIL is held while they are in use. */
static int take_readers(PyTypeObject *type, PyObject *readers, struct listed *out)
{
    *out = (struct listed){.readers = PySequence_Tuple(readers)};
    if (out->readers == NULL) {
        return -1;
    }
    size_t count = (size_t)PyTuple_GET_SIZE(out->readers);
    out->of = rl_alloc(count + 1, sizeof *out->of);
    out->open = rl_alloc(count + 1, sizeof *out->open);
    if (out->of == NULL || out->open == NULL) {
        (void)PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(out->readers, (Py_ssize_t)i);
        struct reader_object *one = (struct reader_object *)item;
        if (Py_TYPE(item) != type || one->reader == NULL || one->busy || one->exceptions == NULL ||
            one->exceptions->found.judged == NULL ||
            (count > 1 && one->exceptions->found.count != 0 &&
             one->exceptions->found.starts == NULL)) {
            (void)reader_raise_busy("a reader has no exceptions that are judged");
            return -1;
        }
        out->of[i] = &one->exceptions->found;
        out->open[i] = one->reader;
    }
    out->list = (struct exception_list){(struct exceptions *const *)out->of,
                                        (struct reader *const *)out->open, count};
    return 0;
}

static PyObject *rows_list(const struct exception_rows *rows)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < rows->count; i++) {
        const struct exception_row *r = &rows->rows[i];
        PyObject *row = Py_BuildValue("(nKKK)", (Py_ssize_t)r->first.recording,
                                      (unsigned long long)r->first.exception,
                                      (unsigned long long)r->number, (unsigned long long)r->count);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}

/* exception_rows(readers, limit, nth): ([(reader, exception, its number, how many)], how many rows
 * more, (reader, exception) with the number nth) */
PyObject *reader_exception_rows(struct reader_object *self, PyObject *args)
{
    PyObject *readers, *result = NULL;
    unsigned long long limit, nth;
    struct listed listed = {0};
    struct exception_rows rows;
    if (!PyArg_ParseTuple(args, "OKK", &readers, &limit, &nth)) {
        return NULL;
    }
    if (take_readers(Py_TYPE(self), readers, &listed) == 0) {
        if (exception_list_rows(&listed.list, limit < SIZE_MAX ? (size_t)limit : SIZE_MAX, nth,
                                &rows) != RL_OK) {
            (void)PyErr_NoMemory();
        } else {
            PyObject *list = rows_list(&rows);
            result = list == NULL ? NULL
                                  : Py_BuildValue("(NK(nK))", list, (unsigned long long)rows.more,
                                                  (Py_ssize_t)rows.nth.recording,
                                                  (unsigned long long)rows.nth.exception);
            exception_rows_fini(&rows);
        }
    }
    listed_fini(&listed);
    return result;
}

/* exception_number(readers, reader, exception): its number in the list; 0 where it is not listed */
PyObject *reader_exception_number(struct reader_object *self, PyObject *args)
{
    PyObject *readers, *result = NULL;
    Py_ssize_t recording;
    unsigned long long exception;
    struct listed listed = {0};
    if (!PyArg_ParseTuple(args, "OnK", &readers, &recording, &exception)) {
        return NULL;
    }
    if (take_readers(Py_TYPE(self), readers, &listed) == 0) {
        struct exception_place place = {(size_t)recording, exception};
        if (recording < 0 || place.recording >= listed.list.count ||
            exception >= listed.of[recording]->count) {
            PyErr_SetString(PyExc_IndexError, "there is no such exception");
        } else {
            result = PyLong_FromUnsignedLongLong(exception_list_number(&listed.list, &place));
        }
    }
    listed_fini(&listed);
    return result;
}
