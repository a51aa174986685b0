/* Why: `relive._core` is the one door between Python and the engine. Each part adds its own
 * functions; those about the recording that is on are here.
 *
 *     module_exec()
 *       refusal_init(), recording_init()    once per process
 *       forks_in_child()                    what a forked child calls, without Python
 *       ..._add()                           the functions and types of each part
 *
 * Invariant: an interpreter other than the main one gets none of this (interpreters.h).
 * Threads: under the GIL of the main interpreter. */

#include "module.h"

#include <stdio.h>
#include <string.h>

#include "backends.h"
#include "boot.h"
#include "child_names.h"
#include "choice.h"
#include "context.h"
#include "debugger.h"
#include "exits.h"
#include "folders.h"
#include "forks.h"
#include "given_calls.h"
#include "interpreters.h"
#include "kept.h"
#include "last_word.h"
#include "links.h"
#include "life.h"
#include "mod_calls.h"
#include "mod_debug.h"
#include "mod_filter.h"
#include "mod_json.h"
#include "mod_parts.h"
#include "mod_reader.h"
#include "mod_replay.h"
#include "mod_requests.h"
#include "mod_run.h"
#include "mod_sessions.h"
#include "mod_timeline.h"
#include "notes.h"
#include "opening.h"
#include "origin.h"
#include "policy.h"
#include "previews.h"
#include "recipe.h"
#include "refusal.h"
#include "remembered.h"
#include "run.h"
#include "state.h"
#include "tap.h"

#include "alloc.h"
#include "block.h"
#include "dump.h"
#include "filter.h"
#include "pattern.h"
#include "status.h"

/* ---- stop ---- */

/* Returns what stop() gives: new, or NULL with an exception. */
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

/* stop() -> statistics, or None */
static PyObject *core_stop(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    struct recorder_stats stats;
    if (!recording_claim_stop()) {
        Py_RETURN_NONE;
    }
    last_word_set(recording.recorder, (struct ending){RL_ENDING_STOPPED, 0});
    recording_stop(&stats);
    recording_settle();
    return stats_dict(&stats);
}

/* snapshot(path) */
static PyObject *core_snapshot(PyObject *module, PyObject *path)
{
    struct rl_err err = {0};
    PyObject *bytes; /* owned */
    (void)module;
    if (!PyUnicode_FSConverter(path, &bytes)) {
        return NULL;
    }
    rl_status status = recording_snapshot(PyBytes_AS_STRING(bytes), &err);
    Py_DECREF(bytes);
    if (status != RL_OK) {
        return refusal_raise(status, err.text);
    }
    Py_RETURN_NONE;
}

/* hook_taken() -> in how many threads the program's hook is in the place of ours */
static PyObject *core_hook_taken(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    int taken =
        recording.recorder != NULL && recording.backend != NULL ? recording.backend->taken() : 0;
    return PyErr_Occurred() ? NULL : PyLong_FromLong(taken);
}

/* state() -> a dictionary */
static PyObject *core_state(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    if (recording.recorder == NULL) {
        return Py_BuildValue("{s:N,s:N}", "recording", PyBool_FromLong(0), "forked",
                             PyBool_FromLong(recording.is_forked));
    }
    return Py_BuildValue("{s:N,s:N,s:N,s:s,s:s}", "recording", PyBool_FromLong(1), "forked",
                         PyBool_FromLong(0), "path",
                         PyUnicode_DecodeFSDefault(recorder_path(recording.recorder)), "backend",
                         recording.backend != NULL ? recording.backend->name : "", "live",
                         recorder_live_mode(recording.recorder));
}

/* ---- facts ---- */

/* backends() -> [(name, usable, why, capabilities)] */
static PyObject *core_backends(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < BACKENDS; i++) {
        char why[300] = "";
        int usable = choice_works(backends[i], why, sizeof why);
        PyObject *row = Py_BuildValue("(sNsN)", backends[i]->name, PyBool_FromLong(usable), why,
                                      choice_abilities(backends[i]));
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}

/* facts() -> versions of libraries, clock, and whether frames are read correctly */
static PyObject *core_facts(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    char pcre2[32], why[200] = "";
    pattern_library_version(pcre2, sizeof pcre2);
    int frames = opening_reads_frames(why, sizeof why);
    return Py_BuildValue("{s:s,s:s,s:i,s:N,s:s,s:N,s:N,s:K}", "zstd", block_zstd_version(), "pcre2",
                         pcre2, "format", RL_FORMAT_VERSION, "frames_ok", PyBool_FromLong(frames),
                         "frames_why", why, "tsc", PyBool_FromLong(os_tsc_is_clock()),
                         "free_threaded", PyBool_FromLong(IS_FREE_THREADED), "mono_ns",
                         (unsigned long long)os_mono_ns());
}

/* exclude_own(): code of Relive's own files is never recorded. */
static PyObject *core_exclude_own(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    if (folders_exclude_own() != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* library(folder): code below it is a library's. */
static PyObject *core_library(PyObject *module, PyObject *folder)
{
    (void)module;
    const char *text = PyUnicode_AsUTF8(folder);
    if (text == NULL) {
        return NULL;
    }
    origin_add_library(text);
    Py_RETURN_NONE;
}

/* preview(type, function, with_subclasses): instances are shown by the function. */
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

/* previews() -> [(type, calls, failures, ns, is_off)] */
static PyObject *core_previews(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return previews_list();
}

/* schema() -> the kinds of events and their fields, as NDJSON */
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

/* Returns (references that were right, that were wrong), counted since the last call.
 *
 * In mode 2 the recorder shows each object in full too, and compares the bytes (remembered.h). */
static PyObject *core_show_again(PyObject *module, PyObject *mode)
{
    (void)module;
    long wanted = PyLong_AsLong(mode);
    if (wanted == -1 && PyErr_Occurred()) {
        return NULL;
    }
    struct remembering_test before = remembering;
    remembering = (struct remembering_test){(enum remembering)wanted, 0, 0};
    return Py_BuildValue("kk", before.right, before.wrong);
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
     " that. Returns how many there were since the last call."},
#endif
    {"show_again", core_show_again, METH_O,
     "For tests: 0 objects are shown in full, 1 not twice, 2 and that is checked."},
    {"stop", core_stop, METH_NOARGS, "Stops and closes; statistics, or None when it was off."},
    {"snapshot", core_snapshot, METH_O, "Copies the recording, as it is now, into a new file."},
    {"hook_taken", core_hook_taken, METH_NOARGS,
     "Threads in which the program has put a hook of its own, or none, in the place of ours."},
    {"state", core_state, METH_NOARGS, "Whether and where recording is on."},
    {"backends", core_backends, METH_NOARGS, "[(name, usable, why, capabilities)], best first."},
    {"facts", core_facts, METH_NOARGS, "Libraries, clock, self-test."},
    {"schema", core_schema, METH_NOARGS, "The kinds of events and their fields, NDJSON."},
    {"kinds", core_kinds, METH_NOARGS, "{name of a kind: its bits}, for Reader.select."},
    {"exclude_own", core_exclude_own, METH_NOARGS, "Code of our own files is never recorded."},
    {"library", core_library, METH_O, "Code below this folder is a library's."},
    {"preview", core_preview, METH_VARARGS, "Instances of a type are shown by a function."},
    {"previews", core_previews, METH_NOARGS, "[(type, calls, failures, ns, is_off)]"},
    {NULL, NULL, 0, NULL},
};

/* Fills the module, in the main interpreter or in another one. */
static int module_exec(PyObject *module)
{
    if (!interpreter_is_main()) {
        return interpreters_exec(module);
    }
    if (refusal_init(module) != 0 || recording_init() != 0) {
        return -1;
    }
    forks_in_child(run_forked);
    forks_in_child(exits_forked);
    forks_in_child(sessions_forked);
    return PyModule_AddFunctions(module, methods) != 0 || mod_reader_add(module) != 0 ||
                   mod_calls_add(module) != 0 || mod_filter_add(module) != 0 ||
                   mod_replay_add(module) != 0 || mod_debug_add(module) != 0 ||
                   tap_add(module) != 0 || notes_add(module) != 0 || given_calls_add(module) != 0 ||
                   context_add(module) != 0 || mod_sessions_add(module) != 0 ||
                   mod_requests_add(module) != 0 || mod_json_add(module) != 0 ||
                   mod_run_add(module) != 0 || links_add(module) != 0 ||
                   mod_parts_add(module) != 0 || mod_timeline_add(module) != 0 ||
                   recipe_add(module) != 0 || boot_add(module) != 0 || kept_add(module) != 0 ||
                   child_names_add(module) != 0
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

PyObject *PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
