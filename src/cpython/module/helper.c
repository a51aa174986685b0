/* Why: see helper.h. Where sys.executable is no Python that can be run (an embedded interpreter),
 * the module is imported here instead. */
#include "helper.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fields.h"
#include "kept.h"
#include "mod_json.h"
#include "refusal.h"

#include "bytes.h"
#include "os.h"

/* What the helper must not begin itself. */
static const char *const not_for_it[] = {"RELIVE_RUN", "RELIVE_RECORD", "RELIVE_CONTROL",
                                         "RELIVE_DEBUG", NULL};

enum { WORDS = 7 };

/* The options that say where an interpreter finds its modules. */
static int put_interpreter_flags(const char **words)
{
    static const struct {
        const char *option, *name;
    } flags[] = {{"-I", "isolated"}, {"-E", "ignore_environment"}, {"-s", "no_user_site"}};
    PyObject *given = PySys_GetObject("flags"); /* borrowed */
    int count = 0;
    for (size_t i = 0; given != NULL && i < sizeof flags / sizeof *flags; i++) {
        PyObject *value = PyObject_GetAttrString(given, flags[i].name); /* owned */
        if (value != NULL && PyObject_IsTrue(value) == 1) {
            words[count++] = flags[i].option;
        }
        Py_XDECREF(value);
    }
    PyErr_Clear();
    return count;
}

/* The path of the interpreter, as bytes: new; NULL without an exception where there is none. */
static PyObject *find_interpreter(void)
{
    PyObject *path = PySys_GetObject("executable"); /* borrowed */
    PyObject *bytes =
        path != NULL && PyUnicode_Check(path) ? PyUnicode_EncodeFSDefault(path) : NULL;
    const char *text = bytes != NULL ? PyBytes_AS_STRING(bytes) : "";
    const char *slash = strrchr(text, '/');
    if (slash == NULL || strncmp(slash + 1, "python", 6) != 0) {
        PyErr_Clear();
        Py_CLEAR(bytes);
    }
    return bytes;
}

/* What another process answers: a new dict; NULL without an exception where none does. */
static PyObject *ask_process(PyObject *request)
{
    PyObject *path = find_interpreter(); /* owned */
    const char *words[WORDS] = {path != NULL ? PyBytes_AS_STRING(path) : NULL};
    struct bytes_out out = {0};
    Py_ssize_t len = 0;
    const char *text = PyUnicode_AsUTF8AndSize(request, &len);
    int failed = -1;
    if (path != NULL && text != NULL) {
        int count = 1 + put_interpreter_flags(words + 1);
        words[count] = "-m";
        words[count + 1] = "relive._resolve";
        Py_BEGIN_ALLOW_THREADS
        failed = os_ask(words, not_for_it, text, (size_t)len, &out);
        Py_END_ALLOW_THREADS
    }
    PyObject *answer = NULL;
    if (failed == 0 && out.len != 0) {
        PyObject *json = PyUnicode_DecodeASCII((const char *)out.data, (Py_ssize_t)out.len, NULL);
        answer = json != NULL ? mod_json_read(json) : NULL;
        Py_XDECREF(json);
    }
    PyErr_Clear();
    bytes_out_fini(&out);
    Py_XDECREF(path);
    return answer;
}

/* Lets the module answer in this process: new, or NULL with an exception. */
static PyObject *ask_module(PyObject *request)
{
    PyObject *module = PyImport_ImportModule("relive._resolve"); /* owned */
    PyObject *answer = module != NULL ? PyObject_CallMethod(module, "answer", "O", request) : NULL;
    Py_XDECREF(module);
    return answer;
}

/* {name: value} asked, and what is said to it: a new dict, or NULL with an exception. */
static PyObject *ask_helper(const char *name, PyObject *value)
{
    PyObject *request = Py_BuildValue("{s:O}", name, value);          /* owned */
    PyObject *text = request != NULL ? mod_json_text(request) : NULL; /* owned */
    PyObject *answer = text != NULL ? ask_process(text) : NULL;
    if (answer == NULL && text != NULL) {
        answer = ask_module(request);
    }
    Py_XDECREF(text);
    Py_XDECREF(request);
    return answer;
}

/* An answer that refuses is raised, [code, text]. Takes it. */
static PyObject *raise_refused(PyObject *answer)
{
    struct fields fields = {answer, 0};
    PyObject *refused = answer != NULL ? fields_find(&fields, "error") : NULL; /* borrowed */
    if (refused != NULL) {
        PyObject *args = PySequence_Tuple(refused); /* owned */
        if (args != NULL) {
            PyErr_SetObject(refusal_class(), args);
        }
        Py_XDECREF(args);
        Py_CLEAR(answer);
    }
    return answer;
}

/* ---- RELIVE_RECORD ---- */

/* Whether a variable acts on settings, or on where they are looked for. */
static int acts_on_settings(const char *entry)
{
    static const char *const begins[] = {"RELIVE_",     "HANDIT_", "CODETRACER_",
                                         "BREADCRUMB_", "HOME=",   "TMPDIR=",
                                         "TEMP=",       "TMP=",    "PYTHONPATH="};
    for (const char *const *name = not_for_it; *name != NULL; name++) {
        size_t len = strlen(*name);
        if (strncmp(entry, *name, len) == 0 && entry[len] == '=') {
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        if (strncmp(entry, begins[i], strlen(begins[i])) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Appends an object that it takes; NULL is an error. */
static int append_taken(PyObject *list, PyObject *text)
{
    int failed = text == NULL || PyList_Append(list, text) != 0;
    Py_XDECREF(text);
    return failed ? -1 : 0;
}

/* Returns the path of the package relive, which an upgrade may change: new, or NULL. */
static PyObject *get_package_file(void)
{
    PyObject *package = fields_module("relive"); /* borrowed */
    return package != NULL ? PyObject_GetAttrString(package, "__file__") : NULL;
}

/* All that the answer depends on, apart from files: new, or NULL with an exception. */
static PyObject *make_run_key(void)
{
    char cwd[4096];
    PyObject *list = PyList_New(0), *key = NULL;          /* list owned */
    PyObject *executable = PySys_GetObject("executable"); /* borrowed */
    const char *here = getcwd(cwd, sizeof cwd);
    int failed = list == NULL || here == NULL || executable == NULL ||
                 append_taken(list, PyUnicode_FromString(RELIVE_VERSION " " PY_VERSION)) != 0 ||
                 PyList_Append(list, executable) != 0 ||
                 append_taken(list, get_package_file()) != 0 ||
                 append_taken(list, PyUnicode_DecodeFSDefault(here)) != 0;
    for (char **entry = environ; !failed && entry != NULL && *entry != NULL; entry++) {
        failed =
            acts_on_settings(*entry) && append_taken(list, PyUnicode_DecodeFSDefault(*entry)) != 0;
    }
    if (!failed) {
        key = mod_json_text(list);
    }
    Py_XDECREF(list);
    return key;
}

/* Returns an absolute path: new, or NULL with an exception. */
static PyObject *make_absolute(PyObject *path)
{
    PyObject *os = fields_module("os");                                       /* borrowed */
    PyObject *paths = os != NULL ? PyObject_GetAttrString(os, "path") : NULL; /* owned */
    PyObject *full = paths != NULL ? PyObject_CallMethod(paths, "abspath", "O", path) : NULL;
    Py_XDECREF(paths);
    return full;
}

/* A name for a run: new. */
static PyObject *make_run_id(void)
{
    unsigned long long halves[2];
    (void)os_random(halves, sizeof halves);
    char text[33];
    (void)snprintf(text, sizeof text, "%016llx%016llx", halves[0], halves[1]);
    return PyUnicode_FromString(text);
}

/* The run that was found for an earlier start, for this one: new; NULL: there is none. */
static PyObject *find_kept_run(PyObject *key, PyObject *path)
{
    PyObject *kept = key != NULL ? kept_get("record", key) : NULL; /* owned */
    struct fields fields = {kept, 0};
    PyObject *before = kept != NULL ? fields_find(&fields, "run") : NULL; /* borrowed */
    PyObject *named = NULL, *run = NULL;                                  /* named owned */
    if (before != NULL && PyDict_Check(before)) {
        named = fields_with(before, "path", make_absolute(path));
        run = named != NULL ? fields_with(named, "id", make_run_id()) : NULL;
    }
    PyErr_Clear();
    Py_XDECREF(named);
    Py_XDECREF(kept);
    return run;
}

/* For later starts, where the helper says which files it was found from. */
static void keep_run(PyObject *key, PyObject *run)
{
    PyObject *files = PyDict_GetItemString(run, "files"); /* owned */
    Py_XINCREF(files);
    if (files != NULL && PyDict_DelItemString(run, "files") == 0 && key != NULL) {
        PyObject *value = Py_BuildValue("{s:O,s:O}", "files", files, "run", run); /* owned */
        if (value != NULL) {
            kept_put("record", key, value);
        }
        Py_XDECREF(value);
    }
    PyErr_Clear();
    Py_XDECREF(files);
}

PyObject *helper_run(PyObject *path)
{
    PyObject *key = make_run_key(); /* owned */
    PyErr_Clear();
    PyObject *run = find_kept_run(key, path);
    if (run == NULL && (run = raise_refused(ask_helper("path", path))) != NULL) {
        keep_run(key, run);
    }
    Py_XDECREF(key);
    return run;
}

PyObject *helper_recipe(PyObject *config)
{
    PyObject *answer = raise_refused(ask_helper("config", config)); /* owned */
    struct fields fields = {answer, 0};
    PyObject *recipe = answer != NULL ? fields_dict(&fields, "filter") : NULL; /* borrowed */
    Py_XINCREF(recipe);
    Py_XDECREF(answer);
    return recipe;
}
