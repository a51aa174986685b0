/* Why: `relive._core`, the one door between Python and the engine. Policy (which backend, which
 * path, which options) is decided in Python; this file checks types and passes on. */
#include "session.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "block.h"
#include "dump.h"
#include "exits.h"
#include "forks.h"
#include "interpreters.h"
#include "debugger.h"
#include "given_calls.h"
#include "mod_filter.h"
#include "mod_json.h"
#include "mod_reader.h"
#include "mod_requests.h"
#include "mod_sessions.h"
#include "context.h"
#include "notes.h"
#include "filter.h"
#include "pattern.h"
#include "policy.h"
#include "previews.h"
#include "status.h"
#include "tap.h"

const struct backend *const backends[BACKENDS] = {&backend_monitoring, &backend_evalhook,
                                                  &backend_setprofile, &backend_settrace};

static PyObject *core_error; /* owned by the module, which lives as long as the process */

static const struct backend *find_backend(const char *name)
{
    for (int i = 0; i < BACKENDS; i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            return backends[i];
        }
    }
    return NULL;
}

/* What the interpreter's frames say must be what its public functions say. */
static int frames_can_be_read(char *why, size_t size)
{
    PyFrameObject *frame = PyEval_GetFrame(); /* borrowed */
    native_frame *native = native_current(PyThreadState_GetUnchecked());
    if (frame == NULL) {
        return 1; /* nothing to compare with */
    }
    if (native == NULL || native_of(frame) != native) {
        (void)snprintf(why, size, "the current frame is not where this version keeps it");
        return 0;
    }
    PyObject *code = PyObject_GetAttrString((PyObject *)frame, "f_code");
    PyObject *globals = PyObject_GetAttrString((PyObject *)frame, "f_globals");
    int is_same = code == (PyObject *)native_code(native) && globals == native_globals(native);
    Py_XDECREF(code);
    Py_XDECREF(globals);
    if (!is_same || native_line(native) != PyFrame_GetLineNumber(frame)) {
        PyErr_Clear();
        (void)snprintf(why, size, "code, globals or line of a frame are read wrongly");
        return 0;
    }
    return 1;
}

/* ---- start and stop ---- */

static int put_meta(PyObject *meta, struct bytes_out *out)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(meta, &at, &key, &value)) {
        const char *name = PyUnicode_AsUTF8(key);
        PyObject *bytes = PyUnicode_Check(value)
                              ? PyUnicode_AsEncodedString(value, "utf-8", "surrogatepass")
                              : NULL;
        if (name == NULL || bytes == NULL) {
            Py_XDECREF(bytes);
            return -1;
        }
        meta_entry_put(out, name, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
        Py_DECREF(bytes);
    }
    return out->failed ? -1 : 0;
}

struct start_args {
    PyObject *path; /* owned bytes */
    PyObject *meta;
    PyObject *filter; /* borrowed; NULL or None: none */
    const char *backend;
    const char *run_id;
    const char *activation[2];
    Py_ssize_t run_id_len;
    unsigned long long buffer, ring, run_mono, parent_pid, child;
    int may_drop, c_calls, tool_id, is_waiting, level, library_lines, globals, gc, output;
    unsigned depth, items, bytes, budget;
};

static int parse_start(PyObject *args, PyObject *names, struct start_args *a)
{
    static char *keywords[] = {
        "path",      "backend",      "meta",     "buffer",         "ring",       "drop",  "c_calls",
        "tool_id",   "waiting",      "run_id",   "run_mono",       "parent_pid", "child", "level",
        "max_depth", "max_items",    "max_str",  "library_lines",  "globals",    "gc",    "output",
        "budget",    "trace_filter", "activate", "activate_other", NULL};
    *a = (struct start_args){.activation = {"", ""},
                             .buffer = 8u << 20,
                             .tool_id = -1,
                             .depth = 3,
                             .items = 10,
                             .bytes = 256};
    return PyArg_ParseTupleAndKeywords(
        args, names, "O&sO!|KKppipy#KKKiIIIpppiIOss", keywords, PyUnicode_FSConverter, &a->path,
        &a->backend, &PyDict_Type, &a->meta, &a->buffer, &a->ring, &a->may_drop, &a->c_calls,
        &a->tool_id, &a->is_waiting, &a->run_id, &a->run_id_len, &a->run_mono, &a->parent_pid,
        &a->child, &a->level, &a->depth, &a->items, &a->bytes, &a->library_lines, &a->globals,
        &a->gc, &a->output, &a->budget, &a->filter, &a->activation[0], &a->activation[1]);
}

static unsigned at_most(unsigned value, unsigned limit)
{
    return value < limit ? value : limit;
}

/* Filters are held until another one takes their place and no thread is in the middle of asking. */
static int use_filter(PyObject *object, struct session_options *options)
{
    static PyObject *held; /* owned: a list of them */
    options->filter = mod_filter_get(object);
    if (options->filter == NULL) {
        return -1;
    }
    int level = mod_filter_level(object);
    options->rule_level =
        level == FILTER_LEVEL_NONE ? LEVEL_COUNTED : (enum level)(LEVEL_CALLS + level - 1);
    policy_begin(NULL);
    if (session.outside == 0) {
        Py_CLEAR(held);
    }
    if (held == NULL) {
        held = PyList_New(0);
    }
    return held != NULL ? PyList_Append(held, object) : -1;
}

static PyObject *start_with(const struct start_args *a, struct bytes_out *meta, int is_child)
{
    struct rl_err err = {RL_OK, 0, ""};
    char why[200];
    struct session_options options = {
        .recorder = {.path = PyBytes_AS_STRING(a->path),
                     .buffer_bytes = (size_t)a->buffer,
                     .ring_bytes = (size_t)a->ring,
                     .may_drop = a->may_drop,
                     .header = {.run_mono = a->run_mono,
                                .parent_pid = a->parent_pid,
                                .child = a->child}},
        .start = {.c_calls = a->c_calls, .tool_id = a->tool_id},
        .backend = find_backend(a->backend),
        .is_waiting = a->is_waiting,
        .library_lines = a->library_lines,
        .globals = a->globals,
        .gc = a->gc,
        .output = a->output,
        .budget = a->budget,
        .activation = {a->activation[0], a->activation[1]},
        .level = (enum level)(LEVEL_CALLS + at_most((unsigned)a->level, 2)),
        .limits = {at_most(a->depth, CAPTURE_DEPTH_MAX), at_most(a->items, CAPTURE_ITEMS_MAX),
                   at_most(a->bytes, CAPTURE_BYTES_MAX)},
    };
    if (options.backend == NULL) {
        return mod_raise(core_error, RL_USAGE, "no such backend");
    }
    if (a->filter != NULL && a->filter != Py_None && use_filter(a->filter, &options) != 0) {
        return NULL;
    }
    if (!frames_can_be_read(why, sizeof why)) {
        return mod_raise(core_error, RL_UNSUPPORTED, why);
    }
    if (put_meta(a->meta, meta) != 0) {
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    options.recorder.meta = meta->data;
    options.recorder.meta_len = meta->len;
    if (a->run_id_len == sizeof options.recorder.header.run_id) {
        memcpy(options.recorder.header.run_id, a->run_id, (size_t)a->run_id_len);
    } else {
        os_random(options.recorder.header.run_id, sizeof options.recorder.header.run_id);
    }
    if (exits_register() != 0 || exits_guard() != 0) {
        return NULL;
    }
    forks_guard();
    int failed = is_child && session.backend != NULL && session.is_hooked
                     ? session_start_child(&options, &err)
                     : session_start(&options, &err);
    if (failed != 0) {
        return PyErr_Occurred() ? NULL : mod_raise(core_error, err.status, err.text);
    }
    Py_RETURN_NONE;
}

static PyObject *start_any(PyObject *args, PyObject *names, int is_child)
{
    struct start_args a;
    struct bytes_out meta = {0};
    if (!parse_start(args, names, &a)) {
        return NULL;
    }
    struct rl_err err = {RL_OK, 0, ""};
    PyObject *result = NULL;
    if (session_claim_start(&err)) {
        result = start_with(&a, &meta, is_child);
        session_settle();
    } else {
        (void)mod_raise(core_error, err.status, err.text);
    }
    bytes_out_fini(&meta);
    Py_DECREF(a.path);
    return result;
}

static PyObject *core_start(PyObject *module, PyObject *args, PyObject *names)
{
    (void)module;
    return start_any(args, names, 0);
}

static PyObject *core_start_child(PyObject *module, PyObject *args, PyObject *names)
{
    (void)module;
    return start_any(args, names, 1);
}

static PyObject *stats_dict(const struct recorder_stats *stats)
{
    PyObject *lost = PyDict_New();
    for (unsigned i = 0; lost != NULL && i < RL_LOSS_REASONS; i++) {
        PyObject *count = stats->lost[i] != 0 ? PyLong_FromUnsignedLongLong(stats->lost[i]) : NULL;
        if (count != NULL && PyDict_SetItemString(lost, loss_name(i), count) != 0) {
            Py_CLEAR(lost);
        }
        Py_XDECREF(count);
    }
    return lost == NULL
               ? NULL
               : Py_BuildValue("{s:K,s:K,s:K,s:N,s:N}", "events", (unsigned long long)stats->events,
                               "bytes", (unsigned long long)stats->bytes, "threads",
                               (unsigned long long)stats->threads, "lost", lost, "closed",
                               PyBool_FromLong(stats->is_closed_cleanly));
}

static PyObject *core_stop(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    struct recorder_stats stats;
    if (!session_claim_stop()) {
        Py_RETURN_NONE;
    }
    session_stop(&stats);
    session_settle();
    return stats_dict(&stats);
}

static PyObject *core_snapshot(PyObject *module, PyObject *path)
{
    struct rl_err err = {0};
    PyObject *bytes; /* owned */
    (void)module;
    if (!PyUnicode_FSConverter(path, &bytes)) {
        return NULL;
    }
    rl_status status = session_snapshot(PyBytes_AS_STRING(bytes), &err);
    Py_DECREF(bytes);
    if (status != RL_OK) {
        return mod_raise(core_error, status, err.text);
    }
    Py_RETURN_NONE;
}

static PyObject *core_hook_taken(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    int taken = session.recorder != NULL && session.backend != NULL ? session.backend->taken() : 0;
    return PyErr_Occurred() ? NULL : PyLong_FromLong(taken);
}

static PyObject *core_state(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    if (session.recorder == NULL) {
        return Py_BuildValue("{s:N,s:N}", "recording", PyBool_FromLong(0), "forked",
                             PyBool_FromLong(session.is_forked));
    }
    return Py_BuildValue("{s:N,s:N,s:N,s:s,s:s}", "recording", PyBool_FromLong(1), "forked",
                         PyBool_FromLong(0), "path",
                         PyUnicode_DecodeFSDefault(recorder_path(session.recorder)), "backend",
                         session.backend != NULL ? session.backend->name : "", "live",
                         recorder_live_mode(session.recorder));
}

/* ---- facts ---- */

static PyObject *capability_names(unsigned capabilities)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {SEES_THROW, "throw"},
        {SEES_C_CALLS, "c_calls"},
        {SEES_RUNNING_END, "running_frames"},
        {SEES_RUNNING_THREADS, "running_threads"},
        {SEES_EXC_TYPE, "exc_type"},
        {SEES_RAISE, "raise"},
        {SEES_LINES, "lines"},
    };
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < sizeof names / sizeof *names; i++) {
        PyObject *name = capabilities & names[i].bit ? PyUnicode_FromString(names[i].name) : NULL;
        if (name != NULL && PyList_Append(list, name) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *core_backends(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < BACKENDS; i++) {
        char why[300] = "";
        int usable = !IS_FREE_THREADED && backends[i]->probe(why, sizeof why);
        if (IS_FREE_THREADED) {
            (void)snprintf(why, sizeof why, "free-threaded builds are not supported yet");
        }
        PyErr_Clear();
        PyObject *row = Py_BuildValue("(sNsN)", backends[i]->name, PyBool_FromLong(usable), why,
                                      capability_names(backends[i]->capabilities));
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}

static PyObject *core_facts(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    char pcre2[32], why[200] = "";
    pattern_library_version(pcre2, sizeof pcre2);
    int frames = frames_can_be_read(why, sizeof why);
    return Py_BuildValue("{s:s,s:s,s:i,s:N,s:s,s:N,s:N,s:K}", "zstd", block_zstd_version(), "pcre2",
                         pcre2, "format", RL_FORMAT_VERSION, "frames_ok", PyBool_FromLong(frames),
                         "frames_why", why, "tsc", PyBool_FromLong(os_tsc_is_clock()),
                         "free_threaded", PyBool_FromLong(IS_FREE_THREADED), "mono_ns",
                         (unsigned long long)os_mono_ns());
}

static PyObject *core_exclude(PyObject *module, PyObject *prefix)
{
    (void)module;
    const char *text = PyUnicode_AsUTF8(prefix);
    if (text == NULL) {
        return NULL;
    }
    codeinfo_exclude_prefix(text);
    Py_RETURN_NONE;
}

static PyObject *core_library(PyObject *module, PyObject *folder)
{
    (void)module;
    const char *text = PyUnicode_AsUTF8(folder);
    if (text == NULL) {
        return NULL;
    }
    codeinfo_add_library(text);
    Py_RETURN_NONE;
}

static PyObject *core_preview(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *type, *function;
    int with_subclasses;
    if (!PyArg_ParseTuple(args, "O!Op", &PyType_Type, &type, &function, &with_subclasses) ||
        previews_set((PyTypeObject *)type, function, with_subclasses) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *core_previews(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return previews_list();
}

static PyObject *core_want_report(PyObject *module, PyObject *wanted)
{
    (void)module;
    exits_want_report(PyObject_IsTrue(wanted));
    Py_RETURN_NONE;
}

static PyObject *core_schema(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    struct json_out json = {{0}, 0};
    dump_schema(&json);
    PyObject *text = json.out.failed ? PyErr_NoMemory()
                                     : PyUnicode_DecodeASCII((const char *)json.out.data,
                                                             (Py_ssize_t)json.out.len, NULL);
    json_fini(&json);
    return text;
}

/* {name: bit of each kind that is printed so} */
static PyObject *core_kinds(PyObject *module, PyObject *ignored)
{
    static const unsigned numbers[] = {
#define NUMBER(name, number, text, meaning) number,
        RL_EVENT_TABLE(NUMBER)
#undef NUMBER
    };
    (void)module;
    (void)ignored;
    PyObject *kinds = PyDict_New();
    for (size_t i = 0; kinds != NULL && i < sizeof numbers / sizeof *numbers; i++) {
        const char *name = kind_name(numbers[i]);
        PyObject *known = PyDict_GetItemString(kinds, name); /* borrowed */
        unsigned long bits = known != NULL ? PyLong_AsUnsignedLong(known) : 0;
        PyObject *now = PyLong_FromUnsignedLong(bits | 1ul << numbers[i]);
        if (now == NULL || PyDict_SetItemString(kinds, name, now) != 0) {
            Py_CLEAR(kinds);
        }
        Py_XDECREF(now);
    }
    return kinds;
}

#ifndef NDEBUG
static PyObject *core_alloc_fail_at(PyObject *module, PyObject *args)
{
    (void)module;
    unsigned long nth;
    int stays = 0;
    if (!PyArg_ParseTuple(args, "k|p", &nth, &stays)) {
        return NULL;
    }
    return PyLong_FromUnsignedLong(rl_alloc_fail_at(nth, stays));
}
#endif

static PyMethodDef methods[] = {
#ifndef NDEBUG
    {"alloc_fail_at", core_alloc_fail_at, METH_VARARGS,
     "For tests: the nth next allocation of the core fails, with True those after it too; 0 ends"
     " that. How many were asked for since the last call."},
#endif
    {"start", (PyCFunction)(void (*)(void))core_start, METH_VARARGS | METH_KEYWORDS,
     "Starts recording into a new file."},
    {"start_child", (PyCFunction)(void (*)(void))core_start_child, METH_VARARGS | METH_KEYWORDS,
     "Goes on in a forked child, into its own new file."},
    {"stop", core_stop, METH_NOARGS, "Stops and closes; statistics, or None when it was off."},
    {"snapshot", core_snapshot, METH_O, "Copies the recording, as it is now, into a new file."},
    {"hook_taken", core_hook_taken, METH_NOARGS,
     "Threads in which the program has put a hook of its own, or none, in the place of ours."},
    {"state", core_state, METH_NOARGS, "Whether and where recording is on."},
    {"backends", core_backends, METH_NOARGS, "[(name, usable, why, capabilities)], best first."},
    {"facts", core_facts, METH_NOARGS, "Libraries, clock, self-test."},
    {"schema", core_schema, METH_NOARGS, "The kinds of events and their fields, NDJSON."},
    {"kinds", core_kinds, METH_NOARGS, "{name of a kind: its bits}, for Reader.select."},
    {"exclude", core_exclude, METH_O, "Code of files with this prefix is never recorded."},
    {"library", core_library, METH_O, "Code below this folder is a library's."},
    {"preview", core_preview, METH_VARARGS, "Instances of a type are shown by a function."},
    {"previews", core_previews, METH_NOARGS, "[(type, calls, failures, ns, is_off)]"},
    {"want_report", core_want_report, METH_O, "Print one line when the recording ends."},
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module)
{
    if (!interpreter_is_main()) {
        return interpreters_exec(module);
    }
    if (core_error == NULL) {
        core_error = PyErr_NewException("relive._core.Error", NULL, NULL);
    }
    Py_XINCREF(core_error);
    if (core_error == NULL || PyModule_AddObject(module, "Error", core_error) != 0 ||
        session_init() != 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, methods) != 0 || mod_reader_add(module) != 0 ||
                   mod_filter_add(module) != 0 || mod_debug_add(module) != 0 ||
                   tap_add(module) != 0 || notes_add(module) != 0 || given_calls_add(module) != 0 ||
                   context_add(module) != 0 || mod_sessions_add(module) != 0 ||
                   mod_requests_add(module) != 0 || mod_json_add(module) != 0
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "relive._core",
    .m_doc = "The engine of Relive.",
    .m_slots = slots,
};

__attribute__((visibility("default"))) PyObject *PyInit__core(void);
PyObject *PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
