/* Why: a recording is read elsewhere and later, so it contains what it was made with. */
#include "header_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "choice.h"
#include "command_line.h"

#include "header.h"

enum { WORDS_MAX = 64, WORD_MAX = 4096 };

/* Puts an entry of the header. */
static void put_meta_text(struct bytes_out *meta, const char *key, const char *text)
{
    meta_entry_put(meta, key, text, strlen(text));
}

/* A str, with half characters as they are: paths may hold them. Takes it; NULL is an error. */
static int put_meta_object(struct bytes_out *meta, const char *key, PyObject *text)
{
    PyObject *bytes = text != NULL && PyUnicode_Check(text)
                          ? PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass")
                          : NULL; /* owned */
    if (bytes != NULL) {
        meta_entry_put(meta, key, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, key);
    }
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    return bytes != NULL ? 0 : -1;
}

/* What sys has under a name, where that is a str; else nothing: new. */
static PyObject *get_system_text(const char *name)
{
    PyObject *text = PySys_GetObject(name); /* borrowed */
    if (text == NULL || !PyUnicode_Check(text)) {
        return PyUnicode_FromString("");
    }
    Py_INCREF(text);
    return text;
}

/* Joins a list of str: new, or NULL with an exception. */
static PyObject *join_texts(const char *separator, PyObject *list)
{
    PyObject *between = PyUnicode_FromString(separator); /* owned */
    PyObject *text = between != NULL && list != NULL ? PyUnicode_Join(between, list) : NULL;
    Py_XDECREF(between);
    return text;
}

/* Returns the name of the interpreter's implementation: new, or NULL with an exception. */
static PyObject *get_implementation(void)
{
    PyObject *object = PySys_GetObject("implementation"); /* borrowed */
    return object != NULL ? PyObject_GetAttrString(object, "name") : PyUnicode_FromString("");
}

/* Returns sys.getswitchinterval() as text: new, or NULL with an exception. */
static PyObject *get_switch_interval(void)
{
    PyObject *function = PySys_GetObject("getswitchinterval"); /* borrowed */
    PyObject *seconds = function != NULL ? PyObject_CallObject(function, NULL) : NULL; /* owned */
    PyObject *text = seconds != NULL ? PyObject_Repr(seconds) : NULL;
    Py_XDECREF(seconds);
    return text;
}

/* Decodes a text of the system; NULL is an empty text. New. */
static PyObject *decode_system(const char *text)
{
    return PyUnicode_DecodeFSDefault(text != NULL ? text : "");
}

/* All words that the interpreter was started with, where it says so: new. */
static PyObject *list_words(void)
{
    PyObject *own = PySys_GetObject("argv"); /* borrowed */
    PyObject *words = command_line_words();  /* owned */
    if (words != NULL && PyList_GET_SIZE(words) == 0) {
        PyObject *executable = get_system_text("executable"); /* owned */
        int failed = executable == NULL || PyList_Append(words, executable) != 0;
        Py_XDECREF(executable);
        if (failed || (own != NULL && PyList_Check(own) &&
                       PyList_SetSlice(words, 1, PY_SSIZE_T_MAX, own) != 0)) {
            Py_CLEAR(words);
        }
    }
    if (words != NULL && PyList_SetSlice(words, WORDS_MAX, PY_SSIZE_T_MAX, NULL) != 0) {
        Py_CLEAR(words);
    }
    return words;
}

/* Puts the command line into the header, without its secrets. */
static int put_words(struct bytes_out *meta)
{
    PyObject *words = list_words();                                     /* owned */
    PyObject *clean = words != NULL ? command_line_clean(words) : NULL; /* owned */
    int failed = clean == NULL;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(clean); i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "argv.%d", (int)i);
        failed = put_meta_object(meta, key,
                                 PyUnicode_Substring(PyList_GET_ITEM(clean, i), 0, WORD_MAX)) != 0;
    }
    Py_XDECREF(clean);
    Py_XDECREF(words);
    return failed ? -1 : 0;
}

/* Whether there is a prompt, where an exception ends nothing: `python -i`, no program at all, or a
 * shell such as IPython, which sets sys.ps1. */
static int has_prompt(void)
{
    PyObject *flags = PySys_GetObject("flags"), *argv = PySys_GetObject("argv"); /* borrowed */
    PyObject *inspect = flags != NULL ? PyObject_GetAttrString(flags, "inspect") : NULL; /* owned */
    int is_asked_for = inspect != NULL && PyObject_IsTrue(inspect) == 1;
    Py_XDECREF(inspect);
    PyErr_Clear();
    if (is_asked_for || PySys_GetObject("ps1") != NULL) {
        return 1;
    }
    if (argv == NULL || !PyList_Check(argv) || PyList_GET_SIZE(argv) != 1) {
        return 0;
    }
    PyObject *first = PyList_GET_ITEM(argv, 0); /* borrowed */
    return PyUnicode_Check(first) && PyUnicode_GET_LENGTH(first) == 0 && isatty(0);
}

/* Puts what the header contains about interpreter, machine and process. */
static int put_system_facts(struct bytes_out *meta)
{
    struct utsname names;
    char cwd[4096];
    const char *version = Py_GetVersion(), *seed = getenv("PYTHONHASHSEED");
    meta_entry_put(meta, "python", version, strcspn(version, " "));
    if (has_prompt()) {
        put_meta_text(meta, "prompt", "1");
    }
    if (uname(&names) == 0) {
        put_meta_text(meta, "machine", names.machine);
        put_meta_text(meta, "kernel", names.release);
    }
    return put_meta_object(meta, "implementation", get_implementation()) != 0 ||
                   put_meta_object(meta, "executable", get_system_text("executable")) != 0 ||
                   put_meta_object(meta, "platform", get_system_text("platform")) != 0 ||
                   put_meta_object(meta, "cwd", decode_system(getcwd(cwd, sizeof cwd))) != 0 ||
                   put_meta_object(meta, "hash_seed",
                                   decode_system(seed != NULL ? seed : "random")) != 0 ||
                   put_meta_object(meta, "switch_interval", get_switch_interval()) != 0
               ? -1
               : 0;
}

/* Returns the object with a reference for who takes it. */
static PyObject *share_object(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

int header_facts_put(struct bytes_out *meta, const struct header_facts *facts)
{
    PyObject *abilities = choice_abilities(facts->backend); /* owned */
    put_meta_text(meta, "backend", facts->backend->name);
    meta_entry_put(meta, "backend_reason", facts->reason, facts->reason_len);
    put_meta_text(meta, "relive", RELIVE_VERSION);
    put_meta_text(meta, "output",
                  facts->output == 2   ? "descriptors"
                  : facts->output == 1 ? "streams"
                                       : "no");
    int failed = put_meta_object(meta, "capabilities", join_texts(" ", abilities)) != 0 ||
                 put_meta_object(meta, "level", share_object(facts->level)) != 0 ||
                 put_meta_object(meta, "highest_level", share_object(facts->highest)) != 0 ||
                 put_meta_object(meta, "budget", PyObject_Str(facts->budget)) != 0 ||
                 put_meta_object(meta, "trace_filter", share_object(facts->filters)) != 0 ||
                 put_meta_object(meta, "libraries", join_texts(":", facts->folders)) != 0 ||
                 put_system_facts(meta) != 0 || put_words(meta) != 0;
    Py_XDECREF(abilities);
    if (!failed && meta->failed) {
        (void)PyErr_NoMemory();
    }
    return failed || meta->failed ? -1 : 0;
}
