/* Why: one way to a recording for all callers: a process that starts recorded, a forked child, and
 * the API.
 *
 *     opening_start()
 *       read_run()          id, start and parents of the run
 *       read_settings()     limits, level, options
 *       read_activation()   --activate
 *       make_filter()       the recipe becomes a filter; folders of libraries
 *       make_header()       the backend is chosen; what the header contains
 *       start_claimed()     filter, exit functions and fork hooks, then the recording
 *
 * Invariants: only one thread at a time starts or stops (recording_claim_start()). A step that
 * fails leaves an exception and no recording. Threads: under the GIL. */
#include "opening.h"

#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "choice.h"
#include "exits.h"
#include "fields.h"
#include "folders.h"
#include "forks.h"
#include "header_facts.h"
#include "life.h"
#include "mod_filter.h"
#include "policy.h"
#include "recipe.h"
#include "refusal.h"
#include "state.h"

#include "bytes.h"
#include "filter.h"

/* All that a recording is started with. Owned, but for `config`. */
struct opening {
    struct recording_options options;
    struct bytes_out meta, reason;
    PyObject *config, *recipe; /* borrowed from the run */
    PyObject *path;            /* bytes */
    PyObject *activation[2];   /* str */
    PyObject *folders, *filter, *source_filter;
    int stores_source;
    const char *highest; /* level of any function */
};

/* Releases all that the opening owns. */
static void opening_fini(struct opening *o)
{
    bytes_out_fini(&o->meta);
    bytes_out_fini(&o->reason);
    Py_XDECREF(o->path);
    Py_XDECREF(o->activation[0]);
    Py_XDECREF(o->activation[1]);
    Py_XDECREF(o->folders);
    Py_XDECREF(o->filter);
    Py_XDECREF(o->source_filter);
}

/* What the interpreter's frames say must be what its public functions say. */
int opening_reads_frames(char *why, size_t size)
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

static enum level read_level(struct fields *config)
{
    static const char *const names[] = {"calls", "values", "lines"};
    const char *name = fields_utf8(config, "level");
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (enum level)(LEVEL_CALLS + i);
        }
    }
    if (!config->failed) {
        PyErr_Format(PyExc_ValueError, "level %.40s", name);
        config->failed = 1;
    }
    return LEVEL_CALLS;
}

/* Reads the settings that a recording is started with. */
static int read_settings(struct opening *o)
{
    struct fields c = {o->config, 0};
    struct recording_options *to = &o->options;
    to->recorder.buffer_bytes = (size_t)fields_number(&c, "buffer", 0, 1ll << 40);
    to->recorder.ring_bytes = (size_t)fields_number(&c, "ring", 0, 1ll << 40);
    to->recorder.may_drop = strcmp(fields_utf8(&c, "overflow"), "drop") == 0;
    to->start.c_calls = fields_flag(&c, "c_calls");
    to->start.tool_id = (int)fields_number(&c, "tool_id", -1, 5);
    to->library_lines = !fields_flag(&c, "builtin_filter");
    to->globals = fields_flag(&c, "globals");
    o->stores_source = fields_flag(&c, "sources");
    to->gc = fields_flag(&c, "gc");
    to->output = fields_flag(&c, "native_output") ? 2 : fields_flag(&c, "stdio");
    to->budget = (unsigned)fields_number(&c, "budget", 0, 1000);
    to->level = read_level(&c);
    to->limits.depth = (unsigned)fields_number(&c, "max_depth", 0, CAPTURE_DEPTH_MAX);
    to->limits.items = (unsigned)fields_number(&c, "max_items", 0, CAPTURE_ITEMS_MAX);
    to->limits.bytes = (unsigned)fields_number(&c, "max_str", 0, CAPTURE_BYTES_MAX);
    return c.failed ? -1 : 0;
}

/* A file's path and its resolved one, or module:qualname and nothing. */
static int read_activation(struct opening *o)
{
    struct fields c = {o->config, 0};
    PyObject *text = fields_get(&c, "activate");                              /* borrowed */
    PyObject *os = fields_module("os");                                       /* borrowed */
    PyObject *paths = os != NULL ? PyObject_GetAttrString(os, "path") : NULL; /* owned */
    const char *utf8 = "";
    if (paths != NULL && text != NULL && text != Py_None) {
        utf8 = fields_utf8(&c, "activate");
    }
    PyObject *exists = strchr(utf8, ':') != NULL ? PyObject_CallMethod(paths, "exists", "O", text)
                                                 : PyBool_FromLong(*utf8 != '\0'); /* owned */
    if (exists == Py_True) {
        o->activation[0] = PyObject_CallMethod(paths, "abspath", "O", text);
        o->activation[1] = PyObject_CallMethod(paths, "realpath", "O", text);
    } else if (exists != NULL) {
        o->activation[0] = PyUnicode_FromString(utf8);
        o->activation[1] = PyUnicode_FromString("");
    }
    Py_XDECREF(exists);
    Py_XDECREF(paths);
    for (int i = 0; i < 2; i++) {
        o->options.activation[i] =
            o->activation[i] != NULL ? PyUnicode_AsUTF8(o->activation[i]) : NULL;
        if (c.failed || o->options.activation[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

/* The 16 bytes of the run's id, or new ones. */
static int read_id(struct fields *run, uint8_t id[16])
{
    PyObject *text = fields_find(run, "id"); /* borrowed */
    const char *hex = text != NULL && PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : "";
    if (hex == NULL) {
        return -1;
    }
    if (*hex == '\0') {
        (void)os_random(id, 16);
        return 0;
    }
    for (int i = 0; i < 32; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, hex[i]);
        if (hex[i] == '\0' || at == NULL) {
            PyErr_SetString(PyExc_ValueError, "id");
            return -1;
        }
        id[i / 2] = (uint8_t)(id[i / 2] << 4 | (at - digits));
    }
    return 0;
}

/* Times of all files of the run begin at its first file's. */
static int read_run(struct opening *o, PyObject *run)
{
    struct fields r = {run, 0};
    struct file_header *header = &o->options.recorder.header;
    o->config = fields_dict(&r, "config");
    o->recipe = fields_dict(&r, "filter");
    if (r.failed || read_id(&r, header->run_id) != 0) {
        return -1;
    }
    if (fields_find(&r, "mono") == NULL) {
        PyObject *now = PyLong_FromUnsignedLongLong(os_mono_ns()); /* owned */
        int failed = now == NULL || PyDict_SetItemString(run, "mono", now) != 0;
        Py_XDECREF(now);
        if (failed) {
            return -1;
        }
    }
    header->run_mono = (uint64_t)fields_number(&r, "mono", 0, INT64_MAX);
    if (fields_find(&r, "parent") != NULL) {
        header->parent_pid = (uint64_t)fields_number(&r, "parent", 0, INT64_MAX);
    }
    if (fields_find(&r, "child") != NULL) {
        header->child = (uint64_t)fields_number(&r, "child", 0, INT64_MAX);
    }
    return r.failed ? -1 : 0;
}

/* Builds the filter, and passes the folders of libraries and of Relive on (origin.h). */
static int make_filter(struct opening *o)
{
    o->folders = folders_of_libraries();
    o->filter = o->folders != NULL ? recipe_filter(o->recipe, o->folders) : NULL;
    if (o->filter == NULL || folders_exclude_own() != 0) {
        return -1;
    }
    folders_know(o->folders);
    if (o->stores_source) {
        o->source_filter = recipe_filter(o->recipe, o->folders);
        o->options.source_filter =
            o->source_filter != NULL ? mod_filter_get(o->source_filter) : NULL;
        if (o->source_filter == NULL) {
            return -1;
        }
    }
    int level = mod_filter_level(o->filter);
    o->options.filter = mod_filter_get(o->filter);
    o->options.rule_level =
        level == FILTER_LEVEL_NONE ? LEVEL_COUNTED : (enum level)(LEVEL_CALLS + level - 1);
    return 0;
}

/* Chooses the backend and makes the header's facts. */
static int make_header(struct opening *o)
{
    struct fields r = {o->recipe, 0}, c = {o->config, 0};
    struct header_facts facts = {.level = fields_text(&c, "level"),
                                 .highest = fields_text(&r, "highest"),
                                 .budget = fields_get(&c, "budget"),
                                 .filters = fields_text(&r, "text"),
                                 .folders = o->folders};
    const char *highest = fields_utf8(&r, "highest");
    if (c.failed || r.failed) {
        return -1;
    }
    o->options.backend = choice_make(o->config, highest, &o->reason);
    if (o->options.backend == NULL) {
        return -1;
    }
    facts.backend = o->options.backend;
    facts.reason = (const char *)o->reason.data;
    facts.reason_len = o->reason.len;
    facts.output = o->options.output;
    if (header_facts_put(&o->meta, &facts) != 0) {
        return -1;
    }
    o->options.recorder.meta = o->meta.data;
    o->options.recorder.meta_len = o->meta.len;
    return 0;
}

/* Filters are held until another one takes their place and no thread is in the middle of asking. */
static int hold_filters(PyObject *filter, PyObject *source_filter)
{
    static PyObject *held; /* process-wide, owned: a list of them */
    policy_begin(NULL);
    if (recording.outside == 0) {
        Py_CLEAR(held);
    }
    if (held == NULL) {
        held = PyList_New(0);
    }
    return held == NULL || PyList_Append(held, filter) != 0 ||
                   (source_filter != NULL && PyList_Append(held, source_filter) != 0)
               ? -1
               : 0;
}

/* Starts the recording, which this thread has claimed. 0, or -1 with an exception. */
static int start_claimed(struct opening *o, unsigned how)
{
    struct rl_err err = {RL_OK, 0, ""};
    char why[200];
    if (!opening_reads_frames(why, sizeof why)) {
        (void)refuse(RL_UNSUPPORTED, "%s", why);
        return -1;
    }
    if (hold_filters(o->filter, o->source_filter) != 0 || exits_register() != 0 ||
        exits_guard() != 0) {
        return -1;
    }
    forks_guard();
    int goes_on = (how & OPENING_FORKED) != 0 && recording.backend != NULL && recording.is_hooked;
    int failed =
        goes_on ? recording_start_child(&o->options, &err) : recording_start(&o->options, &err);
    if (failed != 0 && !PyErr_Occurred()) {
        (void)refuse(err.status, "%s", err.text);
    }
    return failed;
}

int opening_start(PyObject *path, PyObject *run, unsigned how)
{
    struct opening o = {.options = {.is_waiting = (how & OPENING_WAITING) != 0}};
    struct rl_err err = {RL_OK, 0, ""};
    int failed = -1;
    if (read_run(&o, run) != 0 || read_settings(&o) != 0 || read_activation(&o) != 0 ||
        make_filter(&o) != 0 || make_header(&o) != 0 || !PyUnicode_FSConverter(path, &o.path)) {
        opening_fini(&o);
        return -1;
    }
    o.options.recorder.path = PyBytes_AS_STRING(o.path);
    if (recording_claim_start(&err)) {
        failed = start_claimed(&o, how);
        recording_settle();
    } else {
        (void)refuse(err.status, "%s", err.text);
    }
    opening_fini(&o);
    return failed;
}
