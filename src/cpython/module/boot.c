/* Why: the start of a recorded process, before the program's first line.
 *
 *     begin() --> RELIVE_RUN, state "start", this pid   the program of `relive record`:
 * open_first()
 *             --> RELIVE_RUN, otherwise                 a child: run_join(), in a file of its own
 *             --> RELIVE_RECORD=path, or a folder       begin_from_environment()
 *             --> neither                               nothing is recorded
 *
 * Invariants: nothing here raises into the interpreter's start, apart from Ctrl-C. A program of
 * `relive record` whose recording cannot begin ends with 125 before it starts. A child that cannot
 * be recorded runs unrecorded, with one line on stderr. Threads: under the GIL. */
#include "boot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "child_names.h"
#include "exits.h"
#include "fields.h"
#include "helper.h"
#include "opening.h"
#include "pyerror.h"
#include "refusal.h"
#include "run.h"

enum { NOT_STARTED = 125, NAMES_MAX = 1000 };

/* Returns whether a value is this text. */
static int is_this_text(PyObject *value, const char *text)
{
    return value != NULL && PyUnicode_Check(value) &&
           PyUnicode_CompareWithASCIIString(value, text) == 0;
}

/* Takes back what the fallback launcher put in front of PYTHONPATH for this interpreter. */
static int restore_path(void)
{
    PyObject *path = PySys_GetObject("path");            /* borrowed */
    PyObject *added = run_variable("RELIVE_PYTHONPATH"); /* owned */
    Py_ssize_t i = added != NULL && path != NULL && PyList_Check(path) ? PyList_GET_SIZE(path) : 0;
    int failed = 0;
    while (!failed && i-- > 0) {
        PyObject *entry = PyList_GET_ITEM(path, i); /* borrowed */
        if (PyUnicode_Check(entry) && PyUnicode_Compare(entry, added) == 0) {
            failed = PySequence_DelItem(path, i) != 0;
        }
    }
    Py_XDECREF(added);
    return failed ? -1 : 0;
}

/* ---- what went wrong ---- */

/* "text [CODE]" of the exception that is set, which is taken: new. */
static PyObject *take_explanation(void)
{
    struct pyerror set = pyerror_take_instance();
    PyObject *error = set.value, *text = NULL; /* borrowed, owned */
    PyObject *args = error != NULL ? PyObject_GetAttrString(error, "args") : NULL; /* owned */
    PyObject *code = error != NULL ? PyObject_GetAttrString(error, "code") : NULL; /* owned */
    if (set.type == refusal_class() && args != NULL && PyTuple_GET_SIZE(args) == 2) {
        text =
            PyUnicode_FromFormat("%S [%S]", PyTuple_GET_ITEM(args, 1), PyTuple_GET_ITEM(args, 0));
    } else if (code != NULL) {
        text = PyUnicode_FromFormat("%S [%S]", error, code); /* a ReliveError */
    } else {
        text = PyUnicode_FromFormat("the variable " RUN_VARIABLE
                                    " is not what a run of this Relive writes: %R [ERR_CONFIG]",
                                    error);
    }
    PyErr_Clear();
    Py_XDECREF(code);
    Py_XDECREF(args);
    pyerror_drop(&set);
    return text;
}

/* Prints the exception that is set in one line, and takes it. */
static void print_explanation(const char *what)
{
    PyObject *text = take_explanation(); /* owned */
    if (text != NULL) {
        run_complain(what, text);
    }
    PyErr_Clear();
    Py_XDECREF(text);
}

/* Lets the program run unrecorded, and its children too: it matters more than its recording. */
static int go_on_unrecorded(void)
{
    print_explanation("not recorded: ");
    return run_forget_variable(RUN_VARIABLE);
}

/* The refusal that is set also names what would replace a file of that name. */
static void add_advice(const char *advice)
{
    PyObject *text = refusal_is(RL_EXISTS) ? refusal_take() : NULL; /* owned */
    PyObject *more =
        text != NULL ? PyUnicode_FromFormat("%U (%s)", text, advice) : NULL; /* owned */
    if (more != NULL) {
        refusal_raise_text(RL_EXISTS, more);
    }
    Py_XDECREF(more);
    Py_XDECREF(text);
}

/* ---- the doors ---- */

/* Returns whether a path is that of a folder. */
static int is_folder(PyObject *path)
{
    struct stat found;
    PyObject *bytes = PyUnicode_EncodeFSDefault(path); /* owned */
    int is = bytes != NULL && stat(PyBytes_AS_STRING(bytes), &found) == 0 && S_ISDIR(found.st_mode);
    Py_XDECREF(bytes);
    PyErr_Clear();
    return is;
}

/* SPARE/NAME-<pid>.relive for FOLDER/NAME.relive, where FOLDER is one: new. NULL without an
 * exception: there is no spare folder, or no folder. */
static PyObject *make_spare_name(PyObject *path, PyObject *spare)
{
    static const char end[] = ".relive";
    Py_ssize_t len = PyUnicode_GET_LENGTH(path);
    Py_ssize_t slash = PyUnicode_FindChar(path, '/', 0, len, -1);
    if (spare == NULL || !PyUnicode_Check(spare) || slash < 0) {
        return NULL;
    }
    PyObject *folder = PyUnicode_Substring(path, 0, slash + 1); /* owned */
    PyObject *name = PyUnicode_Substring(path, slash + 1, len); /* owned */
    PyObject *suffix = PyUnicode_FromString(end);               /* owned */
    PyObject *stem = NULL, *found = NULL;                       /* stem owned */
    if (folder != NULL && name != NULL && suffix != NULL && is_folder(folder)) {
        int has = PyUnicode_Tailmatch(name, suffix, 0, PY_SSIZE_T_MAX, 1) == 1;
        stem = PyUnicode_Substring(
            name, 0, PyUnicode_GET_LENGTH(name) - (has ? (Py_ssize_t)strlen(end) : 0));
        found = stem != NULL
                    ? PyUnicode_FromFormat("%U/%U-%d%s", spare, stem, (int)getpid(), has ? end : "")
                    : NULL;
    }
    Py_XDECREF(stem);
    Py_XDECREF(suffix);
    Py_XDECREF(name);
    Py_XDECREF(folder);
    return found;
}

/* Opens the file of a run; on a disk that is full or read-only, one in the run's spare folder.
 * Whoever has named a file with -o gets no other. */
static int open_where_space_is(PyObject *path, PyObject *run)
{
    if (run_open(path, run, OPENING_WAITING) == 0) {
        return 0;
    }
    if (!refusal_is(RL_LIMIT) && !refusal_is(RL_IO)) {
        return -1;
    }
    rl_status status = refusal_is(RL_LIMIT) ? RL_LIMIT : RL_IO;
    PyObject *why = refusal_take();                                              /* owned */
    PyObject *other = make_spare_name(path, PyDict_GetItemString(run, "spare")); /* owned */
    PyObject *there = NULL;                                                      /* owned */
    int failed = -1;
    if (other != NULL) {
        Py_INCREF(other);
        there = fields_with(run, "path", other);
        failed = there == NULL || run_open(other, there, OPENING_WAITING) != 0;
        PyErr_Clear();
    }
    PyObject *text = !failed && why != NULL
                         ? PyUnicode_FromFormat("%U; recording into %U", why, other)
                         : NULL; /* owned */
    if (text != NULL) {
        run_complain("", text);
    } else if (failed && why != NULL) {
        refusal_raise_text(status, why);
    }
    Py_XDECREF(text);
    Py_XDECREF(there);
    Py_XDECREF(other);
    Py_XDECREF(why);
    return failed ? -1 : 0;
}

/* The next name for a run whose name another one has taken: new. */
static PyObject *make_other_name(PyObject *path, int n)
{
    PyObject *stem =
        PyUnicode_Substring(path, 0, PyUnicode_GET_LENGTH(path) - (Py_ssize_t)strlen(".relive"));
    PyObject *name = NULL;
    if (stem != NULL && n == 0) {
        name = PyUnicode_FromFormat("%U-%d.relive", stem, (int)getpid());
    } else if (stem != NULL) {
        name = PyUnicode_FromFormat("%U-%d-%d.relive", stem, (int)getpid(), n);
    }
    Py_XDECREF(stem);
    return name;
}

/* The name was the user's, and another run has it. */
static int give_way(struct fields *run, PyObject *path)
{
    PyObject *forced = fields_find(run, "forced"); /* borrowed */
    if (forced == NULL || PyObject_IsTrue(forced) != 1) {
        add_advice("--force replaces it");
        return -1;
    }
    PyErr_Clear();
    PyObject *bytes = PyUnicode_EncodeFSDefault(path); /* owned */
    if (bytes == NULL) {
        return -1;
    }
    (void)refuse(RL_EXISTS, "another run has just begun %s", PyBytes_AS_STRING(bytes));
    Py_DECREF(bytes);
    return go_on_unrecorded();
}

/* Opens the file of a run that `relive record` began. A name that another run has taken meanwhile
 * is replaced by the next one where it was ours. */
static int open_first(PyObject *run)
{
    struct fields fields = {run, 0};
    PyObject *path = fields_text(&fields, "path"); /* borrowed */
    struct fields config = {fields_dict(&fields, "config"), fields.failed};
    PyObject *output = fields_find(&config, "output");  /* borrowed */
    PyObject *report = fields_find(&fields, "report");  /* borrowed */
    PyObject *wanted = path;                            /* owned */
    int is_named = output != NULL && output != Py_None; /* by the user */
    int done = -1;
    if (config.failed) {
        return -1;
    }
    const char *words = report != NULL && PyUnicode_Check(report) ? PyUnicode_AsUTF8(report) : "";
    if (words == NULL) { /* a path with bytes that are no UTF-8 */
        PyErr_Clear();
        words = "relive";
    }
    exits_want_report(words);
    Py_INCREF(wanted);
    for (int n = 0; wanted != NULL && n < NAMES_MAX; n++) {
        if (PyDict_SetItemString(run, "path", wanted) == 0 &&
            open_where_space_is(wanted, run) == 0) {
            done = run_become_parent();
            break;
        }
        if (refusal_is(RL_LIMIT) || (!is_named && refusal_is(RL_IO))) {
            done = go_on_unrecorded();
            break;
        }
        if (!refusal_is(RL_EXISTS) || is_named) {
            done = refusal_is(RL_EXISTS) ? give_way(&fields, wanted) : -1;
            break;
        }
        PyErr_Clear();
        Py_SETREF(wanted, make_other_name(path, n));
    }
    Py_XDECREF(wanted);
    return done;
}

/* Prints what the settings of a run were complained of, and takes it out of the run. */
static void print_warnings(PyObject *run)
{
    PyObject *warnings = PyDict_GetItemString(run, "warnings"); /* borrowed */
    Py_ssize_t count = warnings != NULL && PyList_Check(warnings) ? PyList_GET_SIZE(warnings) : 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        run_complain("", PyList_GET_ITEM(warnings, i));
    }
    if (warnings != NULL && PyDict_DelItemString(run, "warnings") != 0) {
        PyErr_Clear();
    }
}

/* FOLDER/PROGRAM-DATE-TIME.relive for a folder, else the path itself. Takes it: new. */
static PyObject *name_in_folder(PyObject *path)
{
    char stamp[32] = "";
    struct tm now;
    time_t seconds = time(NULL);
    if (!is_folder(path)) {
        return path;
    }
    if (localtime_r(&seconds, &now) != NULL) {
        (void)strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &now);
    }
    PyObject *stem = child_make_stem(); /* owned */
    PyObject *name =
        stem != NULL ? PyUnicode_FromFormat("%U/%U-%s.relive", path, stem, stamp) : NULL;
    Py_XDECREF(stem);
    Py_DECREF(path);
    return name;
}

/* Opens the file of a run that RELIVE_RECORD began. In a folder, a name that another process has
 * taken is replaced by the next one. */
static int open_as_named(PyObject *run, int is_in_folder)
{
    struct fields fields = {run, 0};
    PyObject *first = fields_text(&fields, "path"); /* borrowed; the run gets others */
    PyObject *path = first;                         /* owned */
    int failed = -1;
    Py_XINCREF(first);
    Py_XINCREF(path);
    for (int n = 0; path != NULL && n < NAMES_MAX; n++) {
        failed =
            PyDict_SetItemString(run, "path", path) != 0 || open_where_space_is(path, run) != 0;
        if (!failed || !is_in_folder || !refusal_is(RL_EXISTS)) {
            break;
        }
        PyErr_Clear();
        Py_SETREF(path, make_other_name(first, n));
    }
    Py_XDECREF(path);
    Py_XDECREF(first);
    return failed || run_become_parent() != 0 ? -1 : 0;
}

/* RELIVE_RECORD=path. */
static int begin_from_environment(void)
{
    PyObject *path = run_variable("RELIVE_RECORD"); /* owned */
    if (path == NULL || PyUnicode_GET_LENGTH(path) == 0) {
        Py_XDECREF(path);
        return 0;
    }
    int is_in_folder = is_folder(path);
    path = name_in_folder(path);
    if (path == NULL) {
        return -1;
    }
    PyObject *found = helper_run(path); /* owned */
    if (found != NULL) {
        print_warnings(found);
    }
    PyObject *run =
        found != NULL ? fields_with(found, "pid", PyLong_FromLong((long)getpid())) : NULL;
    struct fields fields = {run, 0};
    struct fields config = {run != NULL ? fields_dict(&fields, "config") : NULL, 0};
    PyObject *first = config.dict != NULL ? fields_text(&fields, "path") : NULL; /* borrowed */
    int is_on = first != NULL && fields_flag(&config, "enabled");
    int failed = first == NULL || config.failed;
    if (!failed && is_on) {
        failed = open_as_named(run, is_in_folder) != 0;
        if (failed && !fields_flag(&config, "force")) {
            add_advice("RELIVE_FORCE=1 replaces it");
        }
    }
    Py_XDECREF(run);
    Py_XDECREF(found);
    Py_XDECREF(path);
    return failed ? -1 : 0;
}

/* Returns whether a number is the pid of this process. */
static int is_this_process(PyObject *number)
{
    return number != NULL && PyLong_Check(number) && PyLong_AsLong(number) == (long)getpid();
}

/* Begins the recording of the run that RELIVE_RUN describes. */
static int begin_as(PyObject *run)
{
    struct fields fields = {run, 0};
    if (is_this_text(fields_find(&fields, "state"), "start") &&
        is_this_process(fields_find(&fields, "pid"))) {
        return open_first(run);
    }
    struct fields config = {fields_dict(&fields, "config"), fields.failed};
    PyObject *wanted = fields_find(&config, "children"); /* borrowed */
    int is_excluded = config.failed ? -1 : child_is_excluded(config.dict);
    if (is_excluded != 0) {
        return is_excluded > 0 ? 0 : -1;
    }
    return wanted == NULL || PyObject_IsTrue(wanted) == 1 ? run_join(run, OPENING_WAITING) : 0;
}

/* Begins this process's recording, once. */
static PyObject *core_begin(PyObject *module, PyObject *ignored)
{
    static int has_begun;
    (void)module;
    (void)ignored;
    if (has_begun) {
        Py_RETURN_NONE;
    }
    has_begun = 1;
    PyObject *run = restore_path() == 0 ? run_read() : NULL; /* owned */
    int failed =
        PyErr_Occurred() != NULL || (run != NULL ? begin_as(run) : begin_from_environment()) != 0;
    if (failed && PyErr_ExceptionMatches(PyExc_Exception)) {
        int is_ours = run != NULL && is_this_text(PyDict_GetItemString(run, "state"), "start");
        print_explanation(is_ours ? "" : "not recorded: ");
        if (is_ours) {
            _exit(NOT_STARTED);
        }
    }
    Py_XDECREF(run);
    if (PyErr_Occurred()) {
        return NULL; /* Ctrl-C */
    }
    Py_RETURN_NONE;
}

/* restore_path(): takes back what the fallback launcher put into sys.path. */
static PyObject *core_restore_path(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    if (restore_path() != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"begin", core_begin, METH_NOARGS, "Begins the recording that the environment asks for, once."},
    {"restore_path", core_restore_path, METH_NOARGS,
     "Takes back what the fallback launcher put into sys.path."},
    {NULL, NULL, 0, NULL},
};

int boot_add(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
