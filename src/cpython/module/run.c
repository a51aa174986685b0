/* Why: see run.h.
 *
 *     first process   run_open(path)              path.relive
 *     child by exec   RELIVE_RUN -> run_join()    path.<pid>.<n>.relive
 *     child by fork   record_child() -> run_join()
 *
 * Invariants: `opened` is the run of the recording that was opened last. Where the variable would
 * be longer than VARIABLE_MAX, the filter goes into the cache folder, and the variable holds its
 * key. Threads: under the GIL. */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child_names.h"
#include "fields.h"
#include "helper.h"
#include "kept.h"
#include "life.h"
#include "mod_json.h"
#include "mod_reader.h"
#include "mod_sessions.h"
#include "opening.h"
#include "pyerror.h"
#include "refusal.h"
#include "safe_text.h"
#include "state.h"
#include "siblings.h"
#include "tap.h"
#include "traced_threads.h"
#include "waits.h"

#include "status.h"

enum { NAMES_MAX = 1000, VARIABLE_MAX = 64 << 10, SHOWN_MAX = 8192 };

static PyObject *opened;   /* process-wide, owned */
static long long children; /* forked from this process */
static int is_forked;      /* it began as a fork, and has not replaced itself since */

void run_complain(const char *what, PyObject *text)
{
    char shown[SHOWN_MAX];
    if (is_forked) {
        return;
    }
    struct pyerror error = pyerror_take();
    PyObject *line = PyUnicode_FromFormat("%s%S", what, text); /* owned */
    PyObject *bytes =
        line != NULL ? PyUnicode_AsEncodedString(line, "utf-8", "surrogatepass") : NULL; /* owned */
    if (bytes != NULL) {
        safe_text(shown, sizeof shown, PyBytes_AS_STRING(bytes));
        (void)dprintf(2, "relive: %s\n", shown);
    }
    PyErr_Clear();
    Py_XDECREF(bytes);
    Py_XDECREF(line);
    pyerror_put_back(&error);
}

/* ---- the environment ---- */

/* os.environ: new. */
static PyObject *get_environ(void)
{
    PyObject *os = fields_module("os"); /* borrowed */
    return os != NULL ? PyObject_GetAttrString(os, "environ") : NULL;
}

PyObject *run_variable(const char *name)
{
    PyObject *environ = get_environ(); /* owned */
    PyObject *text = environ != NULL ? PyMapping_GetItemString(environ, name) : NULL;
    Py_XDECREF(environ);
    if (text == NULL || !PyUnicode_Check(text)) {
        PyErr_Clear();
        Py_CLEAR(text);
    }
    return text;
}

int run_forget_variable(const char *name)
{
    PyObject *environ = get_environ(); /* owned */
    PyObject *gone = environ != NULL ? PyObject_CallMethod(environ, "pop", "sO", name, Py_None)
                                     : NULL; /* owned */
    Py_XDECREF(environ);
    Py_XDECREF(gone);
    return gone != NULL ? 0 : -1;
}

PyObject *run_read(void)
{
    PyObject *text = run_variable(RUN_VARIABLE);               /* owned */
    PyObject *run = text != NULL ? mod_json_read(text) : NULL; /* owned */
    Py_XDECREF(text);
    struct fields fields = {run, 0};
    if (run == NULL || fields_find(&fields, "path") == NULL ||
        fields_find(&fields, "config") == NULL) {
        PyErr_Clear();
        Py_CLEAR(run);
    }
    return run;
}

/* A run without its filter, but with the key that this is kept under (kept.h): new. Whoever was
 * started with the key has it from there. */
static PyObject *keep_filter(PyObject *run)
{
    PyObject *filter = PyDict_GetItemString(run, "filter");  /* borrowed */
    PyObject *key = PyDict_GetItemString(run, "filter_key"); /* owned */
    PyObject *shorter = NULL;
    Py_XINCREF(key);
    if (key == NULL && filter != NULL) {
        PyObject *text = mod_json_text(filter); /* owned */
        key = text != NULL ? kept_digest(text) : NULL;
        Py_XDECREF(text);
        if (key != NULL) {
            kept_put("filter", key, filter);
        }
    }
    shorter = key != NULL ? fields_with(run, "filter_key", key) : PyDict_Copy(run);
    if (shorter != NULL && filter != NULL && PyDict_DelItemString(shorter, "filter") != 0) {
        Py_CLEAR(shorter);
    }
    return shorter;
}

PyObject *run_variable_text(PyObject *run)
{
    PyObject *text = mod_json_text(run);
    if (text == NULL || PyUnicode_GET_LENGTH(text) <= VARIABLE_MAX) {
        return text;
    }
    PyObject *shorter = keep_filter(run); /* owned */
    Py_SETREF(text, shorter != NULL ? mod_json_text(shorter) : NULL);
    Py_XDECREF(shorter);
    return text;
}

int run_write(PyObject *run)
{
    PyObject *environ = get_environ();                                /* owned */
    PyObject *text = environ != NULL ? run_variable_text(run) : NULL; /* owned */
    int failed = text == NULL || PyMapping_SetItemString(environ, RUN_VARIABLE, text) != 0;
    Py_XDECREF(text);
    Py_XDECREF(environ);
    return failed ? -1 : 0;
}

/* ---- files ---- */

static int register_fork_hooks(void);

/* The module relive.dumps, for settings that want a dump: owned. NULL without an exception: they
 * want none. */
static PyObject *import_dumps(PyObject *run, PyObject **words)
{
    struct fields fields = {run, 0};
    PyObject *config = fields_dict(&fields, "config"); /* borrowed */
    struct fields settings = {config, fields.failed};
    *words = fields_get(&settings, "dump_on");
    return *words != NULL && PyObject_IsTrue(*words) == 1 ? PyImport_ImportModule("relive.dumps")
                                                          : NULL;
}

/* Calls a method of relive.dumps, if the settings want a dump. */
static int ask_dumps(PyObject *dumps, const char *method, PyObject *words)
{
    PyObject *done = dumps != NULL ? PyObject_CallMethod(dumps, method, "O", words) : NULL;
    Py_XDECREF(done);
    return dumps == NULL || done != NULL ? 0 : -1;
}

/* A forked child has them in memory: new; NULL without an exception: it is none of this run. */
static PyObject *filter_of_parent(struct fields *run)
{
    struct fields before = {opened, 0};
    PyObject *id = fields_find(run, "id"),
             *its = opened != NULL ? fields_find(&before, "id") : NULL;
    PyObject *filter = its != NULL ? fields_find(&before, "filter") : NULL; /* all borrowed */
    if (id == NULL || filter == NULL || PyObject_RichCompareBool(id, its, Py_EQ) != 1) {
        return NULL;
    }
    Py_INCREF(filter);
    return filter;
}

/* The filters of a run whose variable was too long for them. */
static int complete_filter(PyObject *run)
{
    struct fields fields = {run, 0};
    PyObject *config = fields_dict(&fields, "config"); /* borrowed */
    if (config == NULL || fields_find(&fields, "filter") != NULL) {
        return config != NULL ? 0 : -1;
    }
    PyObject *recipe = filter_of_parent(&fields);                               /* owned */
    PyObject *key = recipe == NULL ? fields_find(&fields, "filter_key") : NULL; /* borrowed */
    if (key != NULL && PyUnicode_Check(key)) {
        recipe = kept_get("filter", key);
    }
    if (recipe == NULL) {
        recipe = helper_recipe(config);
    }
    int failed = recipe == NULL || PyDict_SetItemString(run, "filter", recipe) != 0;
    Py_XDECREF(recipe);
    return failed ? -1 : 0;
}

int run_open(PyObject *path, PyObject *run, unsigned how)
{
    PyObject *words;                                             /* borrowed */
    PyObject *dumps = import_dumps(run, &words);                 /* owned */
    PyObject *ours = PyErr_Occurred() ? NULL : PyDict_Copy(run); /* owned */
    int failed = ours == NULL || ask_dumps(dumps, "check", words) != 0;
    if (!failed && PyDict_GetItemString(ours, "path") == NULL) {
        failed = PyDict_SetItemString(ours, "path", path) != 0;
    }
    failed = failed || complete_filter(ours) != 0 || opening_start(path, ours, how) != 0;
    if (!failed) {
        Py_INCREF(ours);
        Py_XSETREF(opened, ours);
        waits_begin(PyDict_GetItemString(ours, "path"));
        failed = ask_dumps(dumps, "arm", words) != 0 || register_fork_hooks() != 0;
    }
    Py_XDECREF(ours);
    Py_XDECREF(dumps);
    return failed ? -1 : 0;
}

PyObject *run_opened(void)
{
    return opened;
}

int run_become_parent(void)
{
    PyObject *run = fields_with(opened, "parent", PyLong_FromLong((long)getpid())); /* owned */
    PyObject *state = PyUnicode_FromString("child");                                /* owned */
    int failed = run == NULL || state == NULL || PyDict_SetItemString(run, "state", state) != 0;
    static const char *const once[] = {"report", "forced", "spare"};
    for (size_t i = 0; !failed && i < sizeof once / sizeof *once; i++) {
        if (PyDict_GetItemString(run, once[i]) != NULL) {
            failed = PyDict_DelItemString(run, once[i]) != 0;
        }
    }
    failed = failed || run_write(run) != 0;
    Py_XDECREF(state);
    Py_XDECREF(run);
    return failed ? -1 : 0;
}

int run_join(PyObject *run, unsigned how)
{
    struct fields fields = {run, 0};
    PyObject *first = fields_text(&fields, "path"); /* borrowed */
    int failed = -1;
    for (int n = 0; first != NULL && n < NAMES_MAX; n++) {
        PyObject *path = sibling_path(first, (long)getpid(), n); /* owned */
        PyErr_Clear();
        failed = path == NULL || run_open(path, run, how) != 0;
        Py_XDECREF(path);
        if (!failed || !refusal_is(RL_EXISTS)) {
            break;
        }
    }
    return failed || run_become_parent() != 0 ? -1 : 0;
}

/* ---- forks ---- */

void run_forked(void)
{
    is_forked = 1;
}

/* Stops the recording of this process. */
static void stop_recording(void)
{
    struct recorder_stats stats;
    PyErr_Clear();
    if (recording_claim_stop()) {
        recording_stop(&stats);
        recording_settle();
    }
}

/* In a forked child of a recorded process: its own recording, or none. */
static void record_child(void)
{
    PyObject *run = run_read(); /* owned */
    struct fields fields = {run, 0};
    PyObject *config = run != NULL ? fields_dict(&fields, "config") : NULL; /* borrowed */
    struct fields settings = {config, 0};
    PyObject *joined = NULL; /* owned */
    if (config != NULL && fields_flag(&settings, "children") && child_is_excluded(config) == 0) {
        joined = fields_with(run, "child", PyLong_FromLongLong(children));
    }
    children = 0;
    if (joined == NULL || run_join(joined, OPENING_FORKED) != 0) {
        stop_recording(); /* its parent's recording names no file of it */
    }
    Py_XDECREF(joined);
    Py_XDECREF(run);
}

/* Runs before a fork: counts the child, whose number it is. */
static PyObject *count_fork(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    children++; /* the number of the child */
    Py_RETURN_NONE;
}

/* Runs in a forked child, where the recording of the parent is off: starts one of
 * its own, or none. */
static PyObject *after_fork_in_child(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    if (recording.recorder == NULL && recording.is_forked) {
        (void)tap_suppress(1);
        record_child();
        (void)tap_suppress(0);
        threads_join_here(); /* a child that calls nothing has been there all the same */
        sessions_tell_inherited();
    }
    Py_RETURN_NONE;
}

static PyMethodDef before_method = {"relive", count_fork, METH_NOARGS, "Counts children."};
static PyMethodDef after_method = {"relive", after_fork_in_child, METH_NOARGS,
                                   "Goes on in a forked child."};

/* Registers the two functions above with the interpreter, once. */
static int register_fork_hooks(void)
{
    static int is_done;
    PyObject *os = is_done ? NULL : fields_module("posix"); /* borrowed */
    if (is_done || os == NULL) {
        return is_done ? 0 : -1;
    }
    PyObject *function = PyObject_GetAttrString(os, "register_at_fork"); /* owned */
    PyObject *none = PyTuple_New(0);                                     /* owned */
    PyObject *hooks =
        Py_BuildValue("{s:N,s:N}", "before", PyCFunction_New(&before_method, NULL),
                      "after_in_child", PyCFunction_New(&after_method, NULL)); /* owned */
    PyObject *done = function != NULL && none != NULL && hooks != NULL
                         ? PyObject_Call(function, none, hooks)
                         : NULL; /* owned */
    is_done = done != NULL;
    Py_XDECREF(done);
    Py_XDECREF(hooks);
    Py_XDECREF(none);
    Py_XDECREF(function);
    return is_done ? 0 : -1;
}
