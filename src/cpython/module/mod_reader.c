/* Why: the reader and the query layer, as Python sees them.
 *
 *     method --> reader_enter(): open, and no other thread uses it?  --no--> _core.Error, ERR_BUSY
 *                  |yes: busy = 1
 *                  v
 *                the query, without the GIL --> busy = 0 --> Python objects
 *
 * Each question has a file of its own, and reader_object.h lists their methods:
 *
 *     reader_calls.c         single calls, progress         reader_state.c      positions, states
 *     reader_exceptions.c    exceptions and their list      reader_origin.c     steps to an origin
 *     reader_summary.c       totals, tree, functions        reader_find.c       places of a value
 *     reader_sources.c       texts of source files          reader_diff.c       two recordings
 *     mod_calls.c            calls of a function            mod_replay.c        steps, both ways
 *
 * Invariants: a reader object is used by one thread at a time (`busy`), since the reader below has
 * no lock. A file is not trusted: texts may hold lone surrogates, times may be absurd. Threads:
 * long work runs without the GIL, all else under it. */
#include "mod_reader.h"

#include <stdio.h>

#include <relive/rl_format.h>

#include "reader_object.h"
#include "refusal.h"
#include "state.h"

#include "check.h"
#include "dump.h"
#include "reader_open.h"
#include "status.h"

static PyObject *decode_recorded_text(struct text text)
{
    return PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, "surrogatepass");
}

PyObject *reader_safe_text(struct text text)
{
    PyObject *decoded = decode_recorded_text(text);
    if (decoded == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        decoded = PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, "replace");
    }
    return decoded;
}

int reader_put_owned(PyObject *dict, const char *key, PyObject *value)
{
    int failed = value == NULL || PyDict_SetItemString(dict, key, value) != 0;
    Py_XDECREF(value);
    return failed ? -1 : 0;
}

int reader_put_u64(PyObject *dict, const char *key, uint64_t value)
{
    return reader_put_owned(dict, key, PyLong_FromUnsignedLongLong(value));
}

static PyObject *make_hex_text(const uint8_t *bytes, size_t n)
{
    char text[65] = "";
    for (size_t i = 0; i < n && i < 32; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    return PyUnicode_FromString(text);
}

static PyObject *list_problems(const struct reader *reader)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < reader->problem_count; i++) {
        PyObject *text = PyUnicode_FromString(reader->problems[i]);
        if (text == NULL || PyList_Append(list, text) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(text);
    }
    if (list != NULL && reader->has_more_problems) {
        PyObject *text = PyUnicode_FromString("and more");
        if (text == NULL || PyList_Append(list, text) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(text);
    }
    return list;
}

static PyObject *make_meta_dict(const struct reader *reader)
{
    PyObject *dict = PyDict_New();
    struct bytes_in in = bytes_in_of(reader->meta.data, reader->meta.len);
    struct meta_entry entry;
    while (dict != NULL && meta_entry_get(&in, &entry)) {
        PyObject *k = reader_safe_text((struct text){entry.key, entry.key_len});
        PyObject *v = reader_safe_text((struct text){entry.value, entry.value_len});
        if (k == NULL || v == NULL || PyDict_SetItem(dict, k, v) != 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(k);
        Py_XDECREF(v);
    }
    return dict;
}

static PyObject *make_losses_dict(const uint64_t losses[RL_LOSS_REASONS])
{
    PyObject *dict = PyDict_New();
    for (unsigned i = 0; dict != NULL && i < RL_LOSS_REASONS; i++) {
        if (losses[i] != 0 && reader_put_u64(dict, loss_name(i), losses[i]) != 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

/* Returns a name of what was before a part: new. None where the recording is no part. */
static PyObject *make_before_name(const struct reader *r)
{
    if (!r->before.is_there) {
        Py_RETURN_NONE;
    }
    uint64_t sum = block_checksum(r->before.bytes.data, r->before.bytes.len);
    return PyUnicode_FromFormat("%llx", (unsigned long long)sum);
}

/* Returns where the events of a part begin, by thread, or None where the recording is no part: new.
 */
static PyObject *make_before_dict(const struct reader *r)
{
    if (!r->before.is_there) {
        Py_RETURN_NONE;
    }
    PyObject *threads = PyDict_New();
    for (size_t i = 0; threads != NULL && i < r->before.thread_count; i++) {
        const struct before_thread *of = &r->before.threads[i];
        PyObject *key = PyLong_FromUnsignedLong(of->thread);
        PyObject *until = PyLong_FromUnsignedLongLong(of->until);
        int failed = key == NULL || until == NULL || PyDict_SetItem(threads, key, until) != 0;
        Py_XDECREF(key);
        Py_XDECREF(until);
        if (failed) {
            Py_CLEAR(threads);
        }
    }
    return threads;
}

/* Returns how the process ended, as far as the file says: new. */
static PyObject *make_ending_dict(const struct reader *r)
{
    static const char *const names[RL_ENDINGS] = {NULL, "exit", "os._exit", "signal", "stopped"};
    struct ending ending = ending_join(r->own, r->waited);
    int is_signal = ending.how == RL_ENDING_SIGNAL;
    int is_status = ending.how == RL_ENDING_EXIT || ending.how == RL_ENDING_OS_EXIT;
    PyObject *value = PyLong_FromUnsignedLong(ending.value); /* owned */
    PyObject *dict = value == NULL ? NULL
                                   : Py_BuildValue("{s:z,s:O,s:O,s:O}", "how", names[ending.how],
                                                   "status", is_status ? value : Py_None, "signal",
                                                   is_signal ? value : Py_None, "was_waited_for",
                                                   r->waited.how != 0 ? Py_True : Py_False);
    Py_XDECREF(value);
    return dict;
}

static PyObject *reader_header(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    const struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    PyObject *d = PyDict_New();
    const struct file_header *h = &r->header;
    static const char *const states[] = {"unknown", "running", "closed", "exec", "snapshot"};
    int failed =
        d == NULL || reader_put_owned(d, "path", PyUnicode_DecodeFSDefault(r->path)) != 0 ||
        reader_put_owned(d, "run_id", make_hex_text(h->run_id, sizeof h->run_id)) != 0 ||
        reader_put_u64(d, "pid", h->pid) != 0 ||
        reader_put_u64(d, "parent_pid", h->parent_pid) != 0 ||
        reader_put_u64(d, "child", h->child) != 0 ||
        reader_put_u64(d, "start_unix_ns", h->start_real) != 0 ||
        reader_put_u64(d, "start_mono_ns", h->start_mono) != 0 ||
        reader_put_u64(d, "run_mono_ns", h->run_mono) != 0 ||
        reader_put_owned(d, "clock",
                         PyUnicode_FromString(h->clock == RL_CLOCK_TSC ? "tsc" : "monotonic")) ||
        reader_put_owned(d, "is_mapped", PyBool_FromLong((h->flags & RL_FLAG_LIVE_MAPPED) != 0)) !=
            0 ||
        reader_put_owned(d, "is_ring", PyBool_FromLong((h->flags & RL_FLAG_RING) != 0)) != 0 ||
        reader_put_owned(d, "is_complete", PyBool_FromLong(r->is_whole)) != 0 ||
        reader_put_owned(d, "is_closed", PyBool_FromLong(r->is_complete)) != 0 ||
        reader_put_owned(d, "is_running", PyBool_FromLong(r->is_running)) != 0 ||
        reader_put_owned(d, "ending", make_ending_dict(r)) != 0 ||
        reader_put_owned(d, "is_being_written", PyBool_FromLong(r->is_being_written)) != 0 ||
        reader_put_owned(d, "state",
                         PyUnicode_FromString(states[r->live_state < 5 ? r->live_state : 0])) ||
        reader_put_u64(d, "minor", h->minor) != 0 || reader_put_u64(d, "size", r->size) != 0 ||
        reader_put_u64(d, "events", r->events) != 0 ||
        reader_put_u64(d, "chunks", r->chunk_count) != 0 ||
        reader_put_u64(d, "members", r->member_count) != 0 ||
        reader_put_u64(d, "torn_bytes", r->torn_bytes) != 0 ||
        reader_put_u64(d, "no_text", r->no_text) != 0 ||
        reader_put_u64(d, "end_ns", reader_time(r, r->end_ticks)) != 0 ||
        reader_put_owned(d, "losses", make_losses_dict(r->losses)) != 0 ||
        reader_put_owned(d, "meta", make_meta_dict(r)) != 0 ||
        reader_put_owned(d, "before", make_before_dict(r)) != 0 ||
        reader_put_owned(d, "before_name", make_before_name(r)) != 0 ||
        reader_put_owned(d, "problems", list_problems(r)) != 0;
    self->busy = 0;
    if (failed) {
        Py_CLEAR(d);
    }
    return d;
}

/* Returns (module, qualname, file, line, flags) of a function: new, or NULL with an exception. */
static PyObject *make_code_tuple(const struct reader *r, uint32_t id)
{
    struct code_text code = reader_code(r, id);
    PyObject *module = reader_safe_text(code.module), *name = reader_safe_text(code.qualname),
             *file = reader_safe_text(code.file);
    if (module == NULL || name == NULL || file == NULL) {
        Py_XDECREF(module);
        Py_XDECREF(name);
        Py_XDECREF(file);
        return NULL;
    }
    return Py_BuildValue("(NNNII)", module, name, file, code.line, code.flags);
}

static PyObject *reader_code_of(struct reader_object *self, PyObject *arg)
{
    unsigned long id = PyLong_AsUnsignedLong(arg);
    if (PyErr_Occurred()) {
        return NULL;
    }
    const struct reader *r = reader_enter(self);
    PyObject *tuple = r != NULL ? make_code_tuple(r, (uint32_t)id) : NULL;
    self->busy = r != NULL ? 0 : self->busy;
    return tuple;
}

static PyObject *reader_check_all(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    struct check_result c;
    rl_status status;
    struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = check_file(r, &c);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    if (status != RL_OK) {
        return PyErr_NoMemory();
    }
    PyObject *d = PyDict_New();
    if (d == NULL || reader_put_u64(d, "blocks", c.blocks) != 0 ||
        reader_put_u64(d, "bytes", c.bytes) != 0 || reader_put_u64(d, "chunks", c.chunks) != 0 ||
        reader_put_u64(d, "events", c.events) != 0 ||
        reader_put_u64(d, "unknown_blocks", c.unknown_blocks) != 0 ||
        reader_put_u64(d, "missing_chunks", c.missing_chunks) != 0 ||
        reader_put_u64(d, "missing_events", c.missing_events) != 0 ||
        reader_put_u64(d, "bad_blocks", c.bad_blocks) != 0 ||
        reader_put_owned(d, "problems", list_problems(r)) != 0) {
        Py_CLEAR(d);
    }
    return d;
}

static void begin_again(struct reader_object *self)
{
    skim_close(&self->skim);
    select_fini(&self->select);
    self->has_select = 0;
}

int reader_take_set(PyObject *numbers, struct u64map *set, int *is_set)
{
    if (numbers == NULL || numbers == Py_None) {
        return 0;
    }
    PyObject *list = PySequence_Fast(numbers, "a sequence of numbers is wanted"); /* owned */
    int failed = list == NULL;
    for (Py_ssize_t i = 0; !failed && i < PySequence_Fast_GET_SIZE(list); i++) {
        unsigned long long n = PyLong_AsUnsignedLongLong(PySequence_Fast_GET_ITEM(list, i));
        failed = PyErr_Occurred() != NULL || n == UINT64_MAX;
        if (!failed && u64map_put(set, n + 1, 1) != 0) {
            (void)PyErr_NoMemory();
            failed = 1;
        }
    }
    Py_XDECREF(list);
    *is_set = 1;
    return failed ? -1 : 0;
}

/* select(kinds, codes, frames, line, name, thread, session, with_callees): what the next dump()
 * gives, from the start. */
static PyObject *reader_select(struct reader_object *self, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"kinds",  "codes",   "frames",       "line", "name",
                               "thread", "session", "with_callees", NULL};
    unsigned kinds = 0, line = 0, thread = 0, session = 0;
    int with_callees = 0;
    PyObject *codes = NULL, *frames = NULL;
    const char *name = NULL;
    Py_ssize_t name_len = 0;
    if (!PyArg_ParseTupleAndKeywords(args, names, "|IOOIz#IIp", keywords, &kinds, &codes, &frames,
                                     &line, &name, &name_len, &thread, &session, &with_callees) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    begin_again(self);
    struct select *s = &self->select;
    s->kinds = kinds;
    s->line = line;
    s->thread = thread;
    s->session = session;
    s->with_callees = with_callees;
    int failed = reader_take_set(codes, &s->codes, &s->has_codes) != 0 ||
                 reader_take_set(frames, &s->frames, &s->has_frames) != 0;
    if (name != NULL) {
        s->name = select_string_id(self->reader, name, (size_t)name_len);
        s->name = s->name != 0 ? s->name : UINT32_MAX;
    }
    self->has_select = 1;
    self->busy = 0;
    if (failed) {
        begin_again(self);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Some thousand lines of the dump as bytes, None at the end; begins again after that. */
static PyObject *reader_dump(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    enum { ENOUGH = 1 << 20, EVENTS = 50000 }; /* bytes; read since the first line */
    struct json_out json = {{0}, 0};
    struct event_out event;
    unsigned since = 0;
    rl_status status = RL_OK;
    struct reader *r = reader_enter(self);
    if (r == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    const struct index_wanted wanted = select_wanted(&self->select);
    if (self->skim.cursor == NULL) {
        status =
            skim_open(r, 0, skim_stretch_of_frames(r, &self->select.frames), NULL, &self->skim);
    }
    while (status == RL_OK && json.out.len < ENOUGH && since < EVENTS && !json.out.failed &&
           (status = skim_next(&self->skim, &wanted, &event)) == RL_OK) {
        if (!self->has_select || select_matches(&self->select, r, &event)) {
            dump_event(&json, r, &event);
        }
        since += json.out.len != 0;
    }
    if (status != RL_OK && json.out.len == 0) {
        begin_again(self);
    }
    Py_END_ALLOW_THREADS
    self->busy = 0;
    PyObject *result = NULL;
    if (status == RL_NOMEM || json.out.failed) {
        (void)PyErr_NoMemory();
    } else if (json.out.len == 0) {
        result = Py_None;
        Py_INCREF(result);
    } else {
        result = PyBytes_FromStringAndSize((const char *)json.out.data, (Py_ssize_t)json.out.len);
    }
    json_fini(&json);
    return result;
}

static void close_reader(struct reader_object *self)
{
    begin_again(self);
    reader_states_end(self);
    reader_find_end(self);
    reader_outputs_end(self);
    calls_fini(&self->calls);
    self->calls_given = 0;
    reader_exceptions_free(self->exceptions);
    self->exceptions = NULL;
    reader_index_free(self);
    reader_close(self->reader);
    self->reader = NULL;
}

static PyObject *reader_close_object(struct reader_object *self, PyObject *ignored)
{
    (void)ignored;
    if (!self->busy) {
        close_reader(self);
    }
    Py_RETURN_NONE;
}

static int reader_init(struct reader_object *self, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"path", "member", NULL};
    PyObject *path = NULL; /* owned */
    unsigned member = 0;
    struct rl_err err = {RL_OK, 0, ""};
    struct reader *reader = NULL;
    rl_status status;
    if (!PyArg_ParseTupleAndKeywords(args, names, "O&|I", keywords, PyUnicode_FSConverter, &path,
                                     &member)) {
        return -1;
    }
    const char *text = PyBytes_AS_STRING(path);
    Py_BEGIN_ALLOW_THREADS
    status = reader_open_member(text, member, &reader, &err);
    Py_END_ALLOW_THREADS
    Py_DECREF(path);
    if (status != RL_OK) {
        (void)refusal_raise(status, err.text);
        return -1;
    }
    close_reader(self);
    self->reader = reader;
    return 0;
}

static void reader_dealloc(struct reader_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    close_reader(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

int reader_is(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == (destructor)reader_dealloc;
}

static PyMethodDef reader_methods[] = {
    {"header", (PyCFunction)reader_header, METH_NOARGS, "What the header of the file contains."},
    {"totals", (PyCFunction)reader_totals, METH_VARARGS,
     "Threads and events by kind; calls of one session, where its number is given."},
    {"tree", (PyCFunction)reader_tree, METH_VARARGS,
     "The folded call tree, a row a node; of one session, where its number is given."},
    {"sessions", (PyCFunction)reader_sessions, METH_O, "Calls and errors of each session."},
    {"functions", (PyCFunction)reader_functions, METH_NOARGS, "Totals by function."},
    {"neighbours", (PyCFunction)reader_neighbours, METH_VARARGS,
     "Totals of the functions that call some, or that they call."},
    {"code", (PyCFunction)reader_code_of, METH_O,
     "(module, qualname, file, line, flags) of an id."},
    {"codes", (PyCFunction)reader_codes, METH_NOARGS, "Every function that was defined."},
    {"functions_at", (PyCFunction)reader_functions_at, METH_O,
     "The functions that a written name means, and the line of FILE:LINE."},
    {"stacks_at", (PyCFunction)reader_stacks_at, METH_O,
     "Frames that were open in a thread at each of these events, and where they stood."},
    {"select", (PyCFunction)(void (*)(void))reader_select, METH_VARARGS | METH_KEYWORDS,
     "Which events the next dump() gives, from the first one on."},
    {"calls", (PyCFunction)(void (*)(void))reader_calls, METH_VARARGS | METH_KEYWORDS,
     "Finds single calls; how many more there are than the limit allows."},
    {"calls_piece", (PyCFunction)reader_calls_piece, METH_NOARGS,
     "The next calls that calls() found: (level, start, end), the events as JSON."},
    {"exceptions", (PyCFunction)reader_exceptions, METH_VARARGS,
     "Finds all exceptions: what they have in common that read the same."},
    {"exceptions_judge", (PyCFunction)reader_exceptions_judge, METH_O,
     "Takes what was decided of each outcome that exceptions() gave."},
    {"exception_more", (PyCFunction)reader_exception_more, METH_O,
     "The outcome of one exception, the task that it ended, and what replaced it."},
    {"exception_rows", (PyCFunction)reader_exception_rows, METH_VARARGS,
     "The rows of the list of several readers, how many more there are, and its nth exception."},
    {"exception_number", (PyCFunction)reader_exception_number, METH_VARARGS,
     "The number of an exception in the list of several readers."},
    {"exception_newest", (PyCFunction)reader_exception_newest, METH_NOARGS,
     "The listed exception that began last."},
    {"exception_of_outcome", (PyCFunction)reader_exception_of_outcome, METH_O,
     "The first listed exception that has an outcome."},
    {"exception_place", (PyCFunction)reader_exception_place, METH_O,
     "Where an exception is in the list of its own recording."},
    {"exception_details", (PyCFunction)reader_exception_details, METH_VARARGS,
     "Reads what listed exceptions carried; how many of them it has, from the first one on."},
    {"exception_details_piece", (PyCFunction)reader_exception_details_piece, METH_NOARGS,
     "The next of these; an empty list at the end."},
    {"exceptions_find", (PyCFunction)reader_exceptions_find, METH_VARARGS,
     "The newest exceptions of a type and an address, up to one of them."},
    {"exceptions_caught", (PyCFunction)reader_exceptions_caught, METH_VARARGS,
     "The newest exception before another one that an except in one of these frames caught."},
    {"index_use", (PyCFunction)reader_index_use, METH_O,
     "Takes an index: (events that it covers, bytes), None where it is of no use."},
    {"index_wanted", (PyCFunction)reader_index_wanted, METH_O,
     "Whether an index can cover so many events more."},
    {"index_begin", (PyCFunction)reader_index_begin, METH_VARARGS, "Begins one in an empty file."},
    {"index_step", (PyCFunction)reader_index_step, METH_O,
     "Reads so many events into it; whether there are more."},
    {"index_end", (PyCFunction)reader_index_end, METH_NOARGS, "How many events it covers."},
    {"lives", (PyCFunction)reader_lives, METH_NOARGS,
     "Threads and tasks, each from its begin to its end."},
    {"diff", (PyCFunction)reader_diff, METH_VARARGS, "Where two threads, or two calls, part."},
    {"paths", (PyCFunction)reader_paths, METH_VARARGS, "Whether two runs took the same path."},
    {"event", (PyCFunction)reader_event, METH_VARARGS, "One event as JSON."},
    {"parse_position", reader_parse_position, METH_O | METH_STATIC,
     "(process, kind, thread, line, number, name) of a written position."},
    {"find_event", (PyCFunction)reader_find_event, METH_VARARGS,
     "The event that a position means, or the nearest one."},
    {"state", (PyCFunction)reader_state, METH_VARARGS,
     "Threads, tasks, frames and their variables right after an event."},
    {"frame_states", (PyCFunction)reader_frame_states, METH_VARARGS,
     "Which events the next frame_states_piece() gives."},
    {"frame_states_piece", (PyCFunction)reader_frame_states_piece, METH_NOARGS,
     "The next of them, each with the variables of its frame."},
    {"find", (PyCFunction)reader_find, METH_VARARGS, "Begins to find the places where a value is."},
    {"find_piece", (PyCFunction)reader_find_piece, METH_VARARGS,
     "The next places, how many there are so far, and whether that is all."},
    {"origin_event", (PyCFunction)reader_origin_event, METH_VARARGS,
     "An event as the steps of an origin have it."},
    {"origin_bound", (PyCFunction)reader_origin_bound, METH_VARARGS,
     "What bound a name, at or before an event."},
    {"origin_caller", (PyCFunction)reader_origin_caller, METH_VARARGS,
     "The caller of a frame, and its line then."},
    {"origin_nearest", (PyCFunction)reader_origin_nearest, METH_VARARGS,
     "The number of the last event of a function up to an event."},
    {"origin_end", (PyCFunction)reader_origin_end, METH_VARARGS,
     "The number of the event that ends a frame."},
    {"origin_calls", (PyCFunction)reader_origin_calls, METH_VARARGS,
     "What a frame called since its line began, the last call first."},
    {"origin_changed", (PyCFunction)reader_origin_changed, METH_VARARGS,
     "Since when a part of an object has its value."},
    {"origin_value", (PyCFunction)reader_origin_value, METH_VARARGS,
     "A value that an event has, or a part of it, as JSON."},
    {"pack_collect", (PyCFunction)reader_pack_collect, METH_VARARGS,
     "Remembers what the rules remove."},
    {"pack", (PyCFunction)reader_pack, METH_VARARGS, "The recording after the rules, as a file."},
    {"keep", (PyCFunction)reader_keep, METH_VARARGS,
     "Writes all events, and what they name, into a file of their own."},
    {"cut", (PyCFunction)reader_cut, METH_VARARGS,
     "Writes a part of the recording as one of its own."},
    {"frame_begins", (PyCFunction)reader_frame_begins, METH_O,
     "(thread, number of the event) that begins each of these frames."},
    {"call_numbers", (PyCFunction)reader_call_numbers, METH_VARARGS,
     "The number of each of some calls among those of its function."},
    {"runs_before", (PyCFunction)reader_runs_before, METH_VARARGS,
     "How often a line of some functions ran before the first event of a part."},
    {"line_counts", (PyCFunction)reader_line_counts, METH_O,
     "How often each line of some functions was about to run."},
    {"outputs", (PyCFunction)reader_outputs, METH_NOARGS,
     "Begins with what the program wrote, at the first event."},
    {"outputs_piece", (PyCFunction)reader_outputs_piece, METH_NOARGS,
     "The next writes, each with its function and line; None at the end."},
    {"source", (PyCFunction)reader_source, METH_VARARGS,
     "What the recording has of a source file, compared with the disk."},
    {"source_lines", (PyCFunction)reader_source_lines, METH_VARARGS,
     "Lines of a source file, from one to another."},
    {"sources", (PyCFunction)reader_sources, METH_NOARGS,
     "All source files that the recording has an entry for."},
    {"progress", (PyCFunction)reader_progress, METH_NOARGS,
     "Chunks that the pass under way has read, and all."},
    {"check", (PyCFunction)reader_check_all, METH_NOARGS, "Reads and verifies every block."},
    {"dump", (PyCFunction)reader_dump, METH_NOARGS, "The next lines of the dump, None at the end."},
    {"close", (PyCFunction)reader_close_object, METH_NOARGS, "Closes the file."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_init, reader_init},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_methods, reader_methods},
    {Py_tp_doc, "One recording, open for reading."},
    {0, NULL},
};

static PyType_Spec reader_spec = {
    .name = "relive._core.Reader",
    .basicsize = sizeof(struct reader_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = reader_slots,
};

int mod_reader_add(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&reader_spec);
    if (type == NULL || PyModule_AddObject(module, "Reader", type) != 0) {
        Py_XDECREF(type);
        return -1;
    }
    return PyModule_AddIntConstant(module, "INDEX_WORTHWHILE", INDEX_WORTHWHILE);
}
