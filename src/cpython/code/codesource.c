/* Why: only the program's threads know which code runs, and only under the GIL. They say no more
 * than where its text should be; no loader, no get_source() and no linecache is called.
 *
 *   name of the file      where the text is
 *   /a/b.py, b.py         there; a relative name counts from the folder of this moment
 *   <stdin>               the regular file that is standard input, unless Python reads it line by
 *                         line
 *   <string>              the command (-c), for its own code; other code of that name has no text
 *   <anything else>       nowhere
 *
 * Invariant: a name that code gives itself opens no file without the suffix of Python files. The
 * one exception is the file of __main__, as __main__.__file__ names it. */
#include "codesource.h"

#include <string.h>
#include <unistd.h>

#include "pyerror.h"
#include "pytext.h"

#include "filter.h"
#include "os.h"
#include "source_entry.h"
#include "source_text.h"

static struct source_host {
    struct filter *filter; /* borrowed; the writer thread's alone */
    struct clean_source clean;
} source_host;

static PyObject *last_file;   /* process-wide, owned: the file that was named last */
static PyCodeObject *command; /* process-wide, owned: the code of the command or of stdin */

void codesource_begin(struct filter *filter)
{
    clean_source_fini(&source_host.clean);
    memset(&source_host.clean, 0, sizeof source_host.clean);
    source_host.filter = filter;
    Py_CLEAR(last_file);
    secrets_prepare();
}

rl_status codesource_clean(void *host, const struct source_file *file, struct text text,
                           struct source_entry *entry)
{
    static const char whole[] = "<module>";
    const struct filter_text name = {whole, sizeof whole - 1};
    struct filter_scope scope = {.module = {file->module.data, file->module.len},
                                 .qualname = name,
                                 .name = name,
                                 .file = {file->name.data, file->name.len}};
    struct clean_source *clean = &source_host.clean;
    struct filter_verdict verdict;
    (void)host;
    clean_source_fini(clean);
    memset(clean, 0, sizeof *clean);
    rl_status status = filter_decide_source(source_host.filter, &scope, &verdict);
    if (status == RL_OK && (verdict.is_undecided || verdict.hides_source)) {
        return RL_UNSUPPORTED;
    }
    if (status == RL_OK) {
        status = source_clean(source_host.filter, verdict.set, text.data, text.len, clean);
    }
    entry->text = (struct text){(const char *)clean->text.data, clean->text.len};
    entry->marks = (struct text){(const char *)clean->marks.data, clean->marks.len};
    entry->mark_count = clean->mark_count;
    return status;
}

/* ---- the main program ---- */

/* Returns whether these are the globals of __main__. */
static int are_main_globals(PyObject *globals)
{
    PyObject *modules = compat_modules(), *module = NULL; /* borrowed */
    if (modules != NULL && PyDict_CheckExact(modules)) {
        module = PyDict_GetItemString(modules, "__main__");
    }
    return module != NULL && PyModule_Check(module) && PyModule_GetDict(module) == globals;
}

/* Returns whether a path is that of __main__, as the interpreter has named it there. */
static int is_main_file(PyObject *globals, const char *path, const char *name)
{
    static PyObject *key; /* process-wide, interned */
    PyObject *file = are_main_globals(globals) ? pytext_global(globals, &key, "__file__") : NULL;
    PyObject *bytes = file != NULL ? PyUnicode_EncodeFSDefault(file) : NULL; /* owned */
    /* Since 3.9 it is absolute, also where the name in the code is not. */
    int is_main = bytes != NULL && (strcmp(PyBytes_AS_STRING(bytes), path) == 0 ||
                                    strcmp(PyBytes_AS_STRING(bytes), name) == 0);
    Py_XDECREF(bytes);
    PyErr_Clear();
    return is_main;
}

/* Returns whether Python reads standard input statement by statement. */
static int is_interactive(void)
{
    PyObject *flags = PySys_GetObject("flags"); /* borrowed */
    PyObject *flag =
        flags != NULL ? PyObject_GetAttrString(flags, "interactive") : NULL; /* owned */
    int is_on = flag == NULL || PyObject_IsTrue(flag) != 0;
    Py_XDECREF(flag);
    PyErr_Clear();
    return is_on;
}

/* Returns whether the code is `root`, or a function or class in it. */
static int is_part_of(PyCodeObject *root, PyCodeObject *code)
{
    if (root == code) {
        return 1;
    }
    for (Py_ssize_t i = 0; root != NULL && i < PyTuple_GET_SIZE(root->co_consts); i++) {
        PyObject *child = PyTuple_GET_ITEM(root->co_consts, i);
        if (PyCode_Check(child) && is_part_of((PyCodeObject *)child, code)) {
            return 1;
        }
    }
    return 0;
}

uint32_t codesource_flag(PyCodeObject *code)
{
    return command != NULL && code->co_filename == command->co_filename && is_part_of(command, code)
               ? RL_CODE_COMMAND
               : 0;
}

/* Finds the text of -c in the words of the interpreter's command line, as Python reads options. */
static struct text find_command(const struct bytes_out *words)
{
    const char *at = (const char *)words->data, *end = at + words->len;
    const char *word = at != NULL ? memchr(at, 0, words->len) : NULL;
    for (word = word != NULL ? word + 1 : end; word < end; word += strlen(word) + 1) {
        if (word[0] != '-' || word[1] == 0) {
            break;
        }
        size_t i = 1, takes_next = strcmp(word, "--check-hash-based-pycs") == 0;
        while (word[1] != '-' && word[i] != 0 && strchr("cmWX", word[i]) == NULL) {
            i++;
        }
        const char *value =
            word[i] != 0 && word[i + 1] != 0 ? word + i + 1 : word + strlen(word) + 1;
        if (word[1] != '-' && word[i] == 'c' && value < end) {
            return (struct text){value, strlen(value)};
        }
        if (word[1] != '-' && (word[i] == 'c' || word[i] == 'm')) {
            break;
        }
        takes_next |= word[1] != '-' && word[i] != 0 && word[i + 1] == 0;
        word += takes_next ? strlen(word) + 1 : 0;
    }
    return (struct text){"", 0};
}

/* Asks for the text of the command or of standard input, where `code` is its code. */
static void ask_command(PyCodeObject *code, native_frame *frame, struct source_file *file)
{
    struct bytes_out words = {0};
    char path[4096];
    int is_stdin = PyUnicode_CompareWithASCIIString(code->co_filename, "<stdin>") == 0;
    if (native_caller(frame) != NULL || (code->co_flags & CO_NEWLOCALS) || command != NULL ||
        !are_main_globals(native_globals(frame)) ||
        (!is_stdin && PyUnicode_CompareWithASCIIString(code->co_filename, "<string>") != 0)) {
        return;
    }
    file->is_main = 1;
    if (is_stdin && !is_interactive() && os_stdin_path(path, sizeof path) == 0) {
        file->path = (struct text){path, strlen(path)};
    } else if (!is_stdin && os_command_words(&words) == 0) {
        file->given = find_command(&words);
    }
    if (file->path.len != 0 || file->given.len != 0) {
        Py_INCREF(code);
        command = code;
        recorder_source(recording.recorder, file);
    }
    bytes_out_fini(&words);
}

/* ---- files ---- */

/* Returns the code's own name where the text must have it: compilers invent others. */
static struct text name_in_text(PyCodeObject *code, uint8_t *out, size_t size)
{
    size_t n = pytext_put(code->co_name, out, size);
    int is_plain = n != 0 && n < size - 4 && out[0] != '<' &&
                   !(n == 12 && memcmp(out, "__annotate__", 12) == 0);
    for (size_t i = 0; is_plain && i < n; i++) {
        is_plain = out[i] < 128; /* Python normalises the others */
    }
    return (struct text){(const char *)out, is_plain ? n : 0};
}

/* Returns the last line of the code, which the text must have. */
static uint32_t last_line(PyCodeObject *code)
{
    PyObject *bytes = compat_code_bytes(code); /* owned */
    int line = bytes != NULL && PyBytes_GET_SIZE(bytes) > 1
                   ? PyCode_Addr2Line(code, (int)PyBytes_GET_SIZE(bytes) - 2)
                   : 1;
    Py_XDECREF(bytes);
    PyErr_Clear();
    return line > 0 ? (uint32_t)line : 1;
}

/* Asks for a file by its path. */
static void ask_path(PyCodeObject *code, PyObject *globals, struct source_file *file)
{
    char path[4096 + RL_STRING_MAX];
    PyObject *bytes = PyUnicode_EncodeFSDefault(code->co_filename); /* owned */
    size_t len = bytes != NULL ? (size_t)PyBytes_GET_SIZE(bytes) : 0, before = 0;
    const char *name = bytes != NULL ? PyBytes_AS_STRING(bytes) : "";
    if (name[0] != '/' && getcwd(path, 4096) != NULL) {
        before = strlen(path);
        path[before++] = '/';
    }
    if (len != 0 && len < RL_STRING_MAX && memchr(name, 0, len) == NULL) {
        memcpy(path + before, name, len + 1);
        file->path = (struct text){path, before + len};
        file->is_main = is_main_file(globals, path, name);
        recorder_source(recording.recorder, file);
    }
    Py_XDECREF(bytes);
    PyErr_Clear();
}

void codesource_ask(PyCodeObject *code, native_frame *frame)
{
    uint8_t file[RL_STRING_MAX], own[256];
    char module[256];
    if (source_host.filter == NULL || code->co_filename == NULL || code->co_filename == last_file ||
        !PyUnicode_Check(code->co_filename)) {
        return;
    }
    struct pyerror error = pyerror_take();
    PyObject *globals = native_globals(frame);
    pytext_module_name(globals, module, sizeof module);
    struct source_file ask = {
        .name = {(const char *)file, pytext_put(code->co_filename, file, sizeof file)},
        .module = {module, strlen(module)},
        .function = name_in_text(code, own, sizeof own),
        .line = code->co_firstlineno > 0 ? (uint32_t)code->co_firstlineno : 1,
    };
    ask.line = ask.function.len != 0 ? ask.line : last_line(code);
    if (ask.name.len != 0 && file[0] == '<') {
        ask_command(code, frame, &ask);
    } else if (ask.name.len != 0) {
        ask_path(code, globals, &ask);
        Py_INCREF(code->co_filename);
        Py_XSETREF(last_file, code->co_filename);
    }
    pyerror_put_back(&error);
}
