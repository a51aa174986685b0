/* Why: see helper.h. Where sys.executable is no Python that can be run (an embedded interpreter),
 * the module is imported here instead. */
#include "helper.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "fields.h"
#include "mod_json.h"
#include "os.h"
#include "run.h"

/* What the helper must not begin itself. */
static const char *const not_for_it[] = {"RELIVE_RUN", "RELIVE_RECORD", "RELIVE_CONTROL",
                                         "RELIVE_DEBUG", NULL};

enum { WORDS = 7 };

/* The options that say where an interpreter finds its modules. */
static int put_flags(const char **words)
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
static PyObject *interpreter(void)
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
static PyObject *answer_of_process(PyObject *request)
{
    PyObject *path = interpreter(); /* owned */
    const char *words[WORDS] = {path != NULL ? PyBytes_AS_STRING(path) : NULL};
    struct bytes_out out = {0};
    Py_ssize_t len = 0;
    const char *text = PyUnicode_AsUTF8AndSize(request, &len);
    int failed = -1;
    if (path != NULL && text != NULL) {
        int count = 1 + put_flags(words + 1);
        words[count] = "-m";
        words[count + 1] = "relive._resolve";
        Py_BEGIN_ALLOW_THREADS failed = os_ask(words, not_for_it, text, (size_t)len, &out);
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

static PyObject *answer_of_module(PyObject *request)
{
    PyObject *module = PyImport_ImportModule("relive._resolve"); /* owned */
    PyObject *answer = module != NULL ? PyObject_CallMethod(module, "answer", "O", request) : NULL;
    Py_XDECREF(module);
    return answer;
}

/* {name: value} asked, and what is said to it: a new dict, or NULL with an exception. */
static PyObject *ask(const char *name, PyObject *value)
{
    PyObject *request = Py_BuildValue("{s:O}", name, value);          /* owned */
    PyObject *text = request != NULL ? mod_json_text(request) : NULL; /* owned */
    PyObject *answer = text != NULL ? answer_of_process(text) : NULL;
    if (answer == NULL && text != NULL) {
        answer = answer_of_module(request);
    }
    Py_XDECREF(text);
    Py_XDECREF(request);
    return answer;
}

/* An answer that refuses is raised, [code, text]. Takes it. */
static PyObject *checked(PyObject *answer)
{
    struct fields fields = {answer, 0};
    PyObject *refused = answer != NULL ? fields_find(&fields, "error") : NULL; /* borrowed */
    if (refused != NULL) {
        PyObject *args = PySequence_Tuple(refused); /* owned */
        if (args != NULL) {
            PyErr_SetObject(run_error(), args);
        }
        Py_XDECREF(args);
        Py_CLEAR(answer);
    }
    return answer;
}

PyObject *helper_run(PyObject *path)
{
    return checked(ask("path", path));
}

PyObject *helper_recipe(PyObject *config)
{
    PyObject *answer = checked(ask("config", config)); /* owned */
    struct fields fields = {answer, 0};
    PyObject *recipe = answer != NULL ? fields_dict(&fields, "filter") : NULL; /* borrowed */
    Py_XINCREF(recipe);
    Py_XDECREF(answer);
    return recipe;
}
