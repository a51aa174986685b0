/* Why: see child_names.h. */
#include "child_names.h"

#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "command_line.h"
#include "fields.h"
#include "refusal.h"

#include "pattern.h"

enum { STEM_MAX = 64 };

/* What an interpreter was started to run. */
struct target {
    char kind;             /* 'c' or 'm': the option; 's': a script or "-"; 0: a prompt */
    const wchar_t *text;   /* borrowed from the process: code, a module's name or a path */
    const wchar_t *python; /* argv[0], the same; NULL where an embedding program gave no words */
};

/* Reads one word of options. Returns how many words it takes; 0 = it ends the options. */
static int read_options(const wchar_t *word, const wchar_t *next, struct target *target)
{
    if (word[0] != L'-' || word[1] == L'\0') {
        *target = (struct target){'s', word, target->python};
        return 0;
    }
    if (word[1] == L'-') {
        return wcscmp(word, L"--check-hash-based-pycs") == 0 ? 2 : 1;
    }
    for (const wchar_t *letter = word + 1; *letter != L'\0'; letter++) {
        int has_value = *letter == L'W' || *letter == L'X';
        if (*letter == L'c' || *letter == L'm') {
            *target = (struct target){*letter == L'c' ? 'c' : 'm',
                                      letter[1] != L'\0' ? letter + 1 : next, target->python};
            return 0;
        }
        if (has_value) {
            return letter[1] != L'\0' ? 1 : 2;
        }
    }
    return 1;
}

static struct target find_target(void)
{
    struct target target = {0, NULL, NULL};
    int count, taken = 1;
    wchar_t **words = command_line_raw(&count);
    if (count == 0) {
        return target;
    }
    target.python = words[0];
    for (int i = 1; taken != 0 && i < count; i += taken) {
        taken = read_options(words[i], i + 1 < count ? words[i + 1] : NULL, &target);
    }
    return target;
}

/* Returns what follows the last slash. */
static const wchar_t *find_file_name(const wchar_t *path)
{
    const wchar_t *slash = wcsrchr(path, L'/');
    return slash != NULL ? slash + 1 : path;
}

/* Returns how many characters the module's name has in `from NAME import ...`, 0 = it is other
 * code. multiprocessing starts its processes in this way. */
static size_t measure_import(const wchar_t *code)
{
    static const wchar_t from[] = L"from ";
    size_t before = sizeof from / sizeof *from - 1;
    const wchar_t *end = wcsncmp(code, from, before) == 0 ? wcschr(code + before, L' ') : NULL;
    return end != NULL && wcsncmp(end, L" import ", 8) == 0 ? (size_t)(end - code) - before : 0;
}

/* Returns whether a pattern matches a name; -1 with an exception. Whether it does within the limits
 * of matching alone counts: a child in doubt is recorded. */
static int is_match(const struct pattern *pattern, const wchar_t *name, size_t len)
{
    PyObject *text = PyUnicode_FromWideChar(name, (Py_ssize_t)len); /* owned */
    PyObject *bytes =
        text != NULL ? PyUnicode_AsEncodedString(text, "utf-8", "replace") : NULL; /* owned */
    int is = bytes != NULL ? pattern_search(pattern, PyBytes_AS_STRING(bytes),
                                            (size_t)PyBytes_GET_SIZE(bytes)) == 1
                           : -1;
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    return is;
}

/* Returns whether a pattern matches a path or the name of its file; -1 with an exception. */
static int is_path_match(const struct pattern *pattern, const wchar_t *path)
{
    const wchar_t *name = find_file_name(path);
    int is = is_match(pattern, name, wcslen(name));
    return is != 0 || name == path ? is : is_match(pattern, path, wcslen(path));
}

/* Returns whether a pattern matches one of the names of this process; -1 with an exception. */
static int matches_process(const struct pattern *pattern, const struct target *target)
{
    int is = target->python != NULL ? is_path_match(pattern, target->python) : 0;
    if (is != 0 || target->text == NULL) {
        return is;
    }
    if (target->kind == 's') {
        return is_path_match(pattern, target->text);
    }
    if (target->kind == 'm') {
        return is_match(pattern, target->text, wcslen(target->text));
    }
    size_t len = measure_import(target->text);
    is = is_match(pattern, L"-c", 2);
    return is != 0 || len == 0 ? is : is_match(pattern, target->text + 5, len);
}

/* Compiles a pattern: owned; NULL with an exception. */
static struct pattern *compile_pattern(PyObject *text)
{
    struct rl_err err = {RL_OK, 0, ""};
    struct pattern *pattern = NULL;
    Py_ssize_t len = 0;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
    if (utf8 != NULL && pattern_new(PATTERN_GLOB, utf8, (size_t)len, &pattern, &err) != RL_OK) {
        (void)refuse(err.status, "%s", err.text);
    }
    return pattern;
}

int child_is_excluded(PyObject *config)
{
    struct fields fields = {config, 0};
    PyObject *texts = fields_find(&fields, "children_exclude"); /* borrowed */
    Py_ssize_t count = texts != NULL && PyList_Check(texts) ? PyList_GET_SIZE(texts) : 0;
    struct target target = find_target();
    int is = 0;
    for (Py_ssize_t i = 0; is == 0 && i < count; i++) {
        struct pattern *pattern = compile_pattern(PyList_GET_ITEM(texts, i)); /* owned */
        is = pattern != NULL ? matches_process(pattern, &target) : -1;
        pattern_free(pattern);
    }
    return is;
}

PyObject *child_make_stem(void)
{
    wchar_t stem[STEM_MAX + 1];
    struct target target = find_target();
    int has_name = target.text != NULL && (target.kind == 's' || target.kind == 'm');
    const wchar_t *name = has_name ? find_file_name(target.text) : L"";
    const wchar_t *end = target.kind == 's' ? wcsrchr(name, L'.') : NULL;
    size_t len = 0;
    for (; len < STEM_MAX && *name != L'\0' && name != end; name++) {
        int is_kept = iswalnum((wint_t)*name) || wcschr(L"_.-", *name) != NULL;
        stem[len] = is_kept ? *name : L'_';
        len += is_kept || (len != 0 && stem[len - 1] != L'_');
    }
    int is_name = len != 0 && stem[0] != L'-' && stem[0] != L'.'; /* neither option nor hidden */
    return is_name ? PyUnicode_FromWideChar(stem, (Py_ssize_t)len) : PyUnicode_FromString("python");
}

/* check_child_pattern(text): raises Error where it is no glob. */
static PyObject *core_check_child_pattern(PyObject *module, PyObject *text)
{
    (void)module;
    struct pattern *pattern = compile_pattern(text); /* owned */
    if (pattern == NULL) {
        return NULL;
    }
    pattern_free(pattern);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"check_child_pattern", core_check_child_pattern, METH_O,
     "Raises Error where a text is no pattern of --children-exclude."},
    {NULL, NULL, 0, NULL},
};

int child_names_add(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
