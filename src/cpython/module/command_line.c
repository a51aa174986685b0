/* Why: a recording says how the program was started, and people pass secrets there. */
#include "command_line.h"

#include <string.h>

#include "mod_filter.h"

#include "bytes.h"
#include "rec.h"

/* 3.8 exports it without a declaration. */
void Py_GetArgcArgv(int *argc, wchar_t ***argv);

wchar_t **command_line_raw(int *count)
{
    wchar_t **words = NULL;
    *count = 0;
    Py_GetArgcArgv(count, &words);
    *count = words != NULL ? *count : 0;
    return words;
}

PyObject *command_line_words(void)
{
    int count;
    wchar_t **words = command_line_raw(&count);
    PyObject *list = PyList_New(count); /* owned */
    for (int i = 0; i < count && list != NULL; i++) {
        PyObject *word = PyUnicode_FromWideChar(words[i], -1); /* the list's own */
        if (word == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, word);
        }
    }
    return list;
}

/* Python code, each text in quotes emptied: new. */
static PyObject *empty_literals(const char *code, size_t len)
{
    struct bytes_out kept = {0};
    for (size_t at = 0; at < len;) {
        const char *quote = code + at;
        if (*quote != '\'' && *quote != '"') {
            bytes_put(&kept, quote, 1);
            at++;
            continue;
        }
        size_t width = len - at >= 3 && quote[1] == *quote && quote[2] == *quote ? 3 : 1;
        for (at += width; at < len && (len - at < width || memcmp(code + at, quote, width) != 0);) {
            at += code[at] == '\\' ? 2 : 1;
        }
        at += width;
        bytes_put(&kept, quote, width);
        bytes_put(&kept, "...", 3);
        bytes_put(&kept, quote, width);
    }
    PyObject *text = kept.failed ? PyErr_NoMemory()
                                 : PyUnicode_DecodeUTF8((const char *)kept.data,
                                                        (Py_ssize_t)kept.len, "replace");
    bytes_out_fini(&kept);
    return text;
}

/* The word before, where it was an option without a value: borrowed; "" = it was none. */
struct before {
    const char *option;
    size_t len;
};

/* NAME=, and a mark: new. */
static PyObject *make_marked(const char *name, size_t len)
{
    PyObject *first = PyUnicode_DecodeUTF8(name, (Py_ssize_t)len, NULL); /* owned */
    PyObject *text =
        first != NULL ? PyUnicode_FromFormat("%U%s", first, rl_sentinel_text(RL_SENTINEL_REDACTED))
                      : NULL;
    Py_XDECREF(first);
    return text;
}

/* A word whose value is hidden by the name before it, new; NULL without an exception:
 * it is not. */
static PyObject *hide_by_name(const struct before *before, PyObject *word, const char *text,
                              size_t len)
{
    const char *equals = memchr(text, '=', len);
    if (before->len != 0 && text[0] != '-') {
        if (mod_filter_is_secret(before->option, before->len, word)) {
            return make_marked("", 0);
        }
    }
    if (equals == NULL) {
        return NULL;
    }
    size_t name = (size_t)(equals - text);
    PyObject *value =
        PyUnicode_DecodeUTF8(equals + 1, (Py_ssize_t)(len - name - 1), NULL); /* owned */
    int is_secret = value != NULL && mod_filter_is_secret(text, name, value);
    Py_XDECREF(value);
    return is_secret ? make_marked(text, name + 1) : NULL;
}

/* New. */
static PyObject *clean_word(struct before *before, PyObject *word)
{
    Py_ssize_t size = 0;
    const char *text = PyUnicode_AsUTF8AndSize(word, &size);
    size_t len = (size_t)size;
    if (text == NULL) { /* half characters: no secret of a known form */
        PyErr_Clear();
        before->len = 0;
        Py_INCREF(word);
        return word;
    }
    PyObject *clean = hide_by_name(before, word, text, len); /* owned */
    int was_code = before->len == 2 && memcmp(before->option, "-c", 2) == 0;
    int is_option = text[0] == '-' && memchr(text, '=', len) == NULL;
    *before = (struct before){text, is_option ? len : 0};
    if (clean != NULL || PyErr_Occurred()) {
        return clean;
    }
    PyObject *shown = was_code ? empty_literals(text, len) : word; /* owned if was_code */
    clean = shown != NULL ? mod_filter_without_secrets(shown) : NULL;
    if (was_code) {
        Py_XDECREF(shown);
    }
    return clean;
}

PyObject *command_line_clean(PyObject *words)
{
    struct before before = {"", 0};
    PyObject *clean = PyList_New(0);
    for (Py_ssize_t i = 0; clean != NULL && i < PyList_GET_SIZE(words); i++) {
        PyObject *word = PyList_GET_ITEM(words, i); /* borrowed */
        PyObject *shown =
            PyUnicode_Check(word) ? clean_word(&before, word) : PyUnicode_FromString("?");
        if (shown == NULL || PyList_Append(clean, shown) != 0) {
            Py_CLEAR(clean);
        }
        Py_XDECREF(shown);
    }
    return clean;
}
