/* Why: the settings of a run travel in an environment variable as JSON. Python's own module would
 * be imported into the program's process, so this file reads and writes JSON itself. The verbs read
 * events with it too: that module, and `re`, take longer to import than most answers.
 *
 * Invariants: the text is not trusted. Nesting is bounded (NESTED_MAX), and what is no JSON is a
 * ValueError with its place. Lone surrogates survive both ways, since paths may hold them.
 * Threads: under the GIL. */
#include "mod_json.h"

#include <string.h>

#include "json_out.h"
#include "utf8.h"
#include "value.h"

enum {
    NESTED_MAX = 2 * RL_VALUE_DEPTH_MAX + 8, /* an event with the deepest value */
    INTEGER_DIGITS = 18                      /* so many always fit into a long long */
};

/* ---- reading ---- */

struct text_in {
    const char *start, *at, *end; /* valid UTF-8, ends in a 0 byte */
};

static PyObject *read_value(struct text_in *in, int depth);

/* Raises ValueError with the place in the text; always NULL. */
static PyObject *refuse_json(const struct text_in *in, const char *what)
{
    return PyErr_Format(PyExc_ValueError, "%s at byte %zd", what, (Py_ssize_t)(in->at - in->start));
}

/* Skips blanks and returns the next character, 0 at the end. */
static char peek_char(struct text_in *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\t' || *in->at == '\r' || *in->at == '\n')) {
        in->at++;
    }
    return in->at < in->end ? *in->at : '\0';
}

/* Skips blanks and the wanted character; returns whether it was there. */
static int take_char(struct text_in *in, char wanted)
{
    if (peek_char(in) != wanted) {
        return 0;
    }
    in->at++;
    return 1;
}

static PyObject *read_json_word(struct text_in *in)
{
    static const struct {
        const char *text;
        PyObject *value;
    } words[] = {{"null", Py_None}, {"true", Py_True}, {"false", Py_False}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i].text);
        if ((size_t)(in->end - in->at) >= len && memcmp(in->at, words[i].text, len) == 0) {
            in->at += len;
            Py_INCREF(words[i].value);
            return words[i].value;
        }
    }
    return refuse_json(in, "no JSON value");
}

/* Reads an integer of few digits, as most are. Returns NULL without an exception for any other. */
static PyObject *read_short_integer(struct text_in *in)
{
    const char *p = in->at + (*in->at == '-'), *first = p;
    long long value = 0;
    while (*p >= '0' && *p <= '9' && p - first < INTEGER_DIGITS) {
        value = value * 10 + (*p++ - '0');
    }
    if (p == first || (*p != '\0' && strchr("0123456789.eE+-", *p) != NULL)) {
        return NULL;
    }
    value = *in->at == '-' ? -value : value;
    in->at = p;
    return PyLong_FromLongLong(value);
}

static PyObject *read_json_number(struct text_in *in)
{
    PyObject *found = read_short_integer(in);
    if (found != NULL || PyErr_Occurred()) {
        return found;
    }
    size_t len = strspn(in->at, "-+.0123456789eE");
    char *digits = PyMem_Malloc(len + 1); /* owned */
    if (digits == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(digits, in->at, len);
    digits[len] = '\0';
    in->at += len;
    if (strpbrk(digits, ".eE") == NULL) {
        found = PyLong_FromString(digits, NULL, 10);
    } else {
        double value = PyOS_string_to_double(digits, NULL, NULL);
        found = value == -1.0 && PyErr_Occurred() ? NULL : PyFloat_FromDouble(value);
    }
    PyMem_Free(digits);
    return found;
}

/* The four digits of a \u escape; -1 where they are not there. */
static long read_hex(struct text_in *in)
{
    long value = 0;
    for (int i = 0; i < 4; i++, in->at++) {
        static const char digits[] = "0123456789abcdef";
        char c = in->at < in->end ? *in->at : '\0';
        const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;
        if (found == NULL) {
            return -1;
        }
        value = value << 4 | (found - digits);
    }
    return value;
}

/* The character that an escape stands for; -1 where it is none. */
static long read_escape(struct text_in *in)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char c = in->at < in->end ? *in->at++ : '\0';
    const char *found = c != '\0' ? strchr(letters, c) : NULL;
    if (found != NULL) {
        return meant[found - letters];
    }
    if (c != 'u') {
        return -1;
    }
    long high = read_hex(in);
    if (high < 0xD800 || high > 0xDBFF || in->end - in->at < 6 || memcmp(in->at, "\\u", 2) != 0) {
        return high;
    }
    struct text_in ahead = {in->start, in->at + 2, in->end};
    long low = read_hex(&ahead);
    if (low < 0xDC00 || low > 0xDFFF) {
        return high;
    }
    in->at = ahead.at;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* Returns the last quote of the text that begins at `first`, or NULL; *has_escapes says whether a
 * character before it is escaped. */
static const char *find_text_end(const struct text_in *in, const char *first, int *has_escapes)
{
    *has_escapes = 0;
    for (const char *p = first; p < in->end; p++) {
        if (*p == '"') {
            return p;
        }
        if (*p == '\\') {
            *has_escapes = 1;
            p++;
        }
    }
    return NULL;
}

/* Reads a text up to its last quote, at `last`. */
static PyObject *read_escaped_text(struct text_in *in, const char *last)
{
    /* No text has more characters than bytes. */
    Py_UCS4 *points = PyMem_New(Py_UCS4, (size_t)(last - in->at) + 1); /* owned */
    if (points == NULL) {
        return PyErr_NoMemory();
    }
    size_t len = 0;
    while (in->at < last) {
        uint32_t point;
        size_t bytes = utf8_get((const uint8_t *)in->at, (size_t)(last - in->at), &point);
        in->at += bytes;
        long escaped = bytes != 0 && point == '\\' ? read_escape(in) : 0;
        if (bytes == 0 || escaped < 0 || in->at > last) {
            PyMem_Free(points);
            return refuse_json(in, bytes == 0 ? "no character" : "an unknown escape");
        }
        points[len++] = point == '\\' ? (Py_UCS4)escaped : point;
    }
    PyObject *text = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, points, (Py_ssize_t)len);
    PyMem_Free(points);
    return text;
}

/* Reads a text in quotes, at whose first quote `in` is. */
static PyObject *read_text(struct text_in *in)
{
    int has_escapes;
    const char *last = find_text_end(in, in->at + 1, &has_escapes);
    if (last == NULL) {
        return refuse_json(in, "a text without end");
    }
    in->at++;
    PyObject *text = has_escapes ? read_escaped_text(in, last)
                                 : PyUnicode_DecodeUTF8(in->at, last - in->at, "surrogatepass");
    in->at = last + 1;
    return text;
}

/* Reads a list, at whose bracket `in` is. */
static PyObject *read_list(struct text_in *in, int depth)
{
    PyObject *list = PyList_New(0);
    in->at++;
    if (list == NULL || take_char(in, ']')) {
        return list;
    }
    do {
        PyObject *item = read_value(in, depth); /* owned */
        if (item == NULL || PyList_Append(list, item) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    } while (list != NULL && take_char(in, ','));
    if (list != NULL && !take_char(in, ']')) {
        Py_DECREF(list);
        return refuse_json(in, "no comma and no end in a list");
    }
    return list;
}

/* Reads an object, at whose brace `in` is. Of two entries with one name the last counts. */
static PyObject *read_dict(struct text_in *in, int depth)
{
    PyObject *dict = PyDict_New();
    in->at++;
    if (dict == NULL || take_char(in, '}')) {
        return dict;
    }
    do {
        PyObject *key = NULL, *value = NULL; /* owned */
        if (peek_char(in) != '"') {
            (void)refuse_json(in, "no name");
        } else if ((key = read_text(in)) != NULL && !take_char(in, ':')) {
            (void)refuse_json(in, "no colon");
        } else if (key != NULL) {
            value = read_value(in, depth);
        }
        if (value == NULL || PyDict_SetItem(dict, key, value) != 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    } while (dict != NULL && take_char(in, ','));
    if (dict != NULL && !take_char(in, '}')) {
        Py_DECREF(dict);
        return refuse_json(in, "no comma and no end in an object");
    }
    return dict;
}

/* A new reference, or NULL with an exception. */
static PyObject *read_value(struct text_in *in, int depth)
{
    char first = peek_char(in);
    if (depth == NESTED_MAX) {
        return refuse_json(in, "nested too deeply");
    }
    switch (first) {
    case '{':
        return read_dict(in, depth + 1);
    case '[':
        return read_list(in, depth + 1);
    case '"':
        return read_text(in);
    default:
        return first == '-' || (first >= '0' && first <= '9') ? read_json_number(in)
                                                              : read_json_word(in);
    }
}

/* Returns a str or bytes object as bytes of UTF-8: new. */
static PyObject *take_utf8(PyObject *object)
{
    if (PyUnicode_Check(object)) {
        return PyUnicode_AsEncodedString(object, "utf-8", "surrogatepass");
    }
    if (!PyBytes_Check(object)) {
        return PyErr_Format(PyExc_TypeError, "a str or bytes object is wanted");
    }
    Py_INCREF(object);
    return object;
}

PyObject *mod_json_read(PyObject *object)
{
    PyObject *bytes = take_utf8(object); /* owned */
    if (bytes == NULL) {
        return NULL;
    }
    const char *start = PyBytes_AS_STRING(bytes);
    struct text_in in = {start, start, start + PyBytes_GET_SIZE(bytes)};
    PyObject *value = read_value(&in, 0);
    if (value != NULL && (peek_char(&in) != '\0' || in.at != in.end)) {
        Py_DECREF(value);
        value = refuse_json(&in, "more than one value");
    }
    Py_DECREF(bytes);
    return value;
}

static PyObject *core_read_json(PyObject *module, PyObject *text)
{
    (void)module;
    return mod_json_read(text);
}

/* ---- writing ---- */

static int write_value(struct json_out *json, PyObject *value, int depth);

/* Writes a text with its lone surrogates. */
static int write_text(struct json_out *json, PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"); /* owned */
    if (bytes == NULL) {
        return -1;
    }
    json_string(json, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return 0;
}

/* Writes an object; each name must be a str. */
static int write_dict(struct json_out *json, PyObject *dict, int depth)
{
    PyObject *key, *value; /* borrowed */
    Py_ssize_t at = 0;
    json_open(json, '{');
    while (PyDict_Next(dict, &at, &key, &value)) {
        if (!PyUnicode_Check(key)) {
            PyErr_SetString(PyExc_TypeError, "a name in JSON is a str");
            return -1;
        }
        if (write_text(json, key) != 0) {
            return -1;
        }
        bytes_put(&json->out, ":", 1);
        json->needs_comma = 0;
        if (write_value(json, value, depth) != 0) {
            return -1;
        }
    }
    json_close(json, '}');
    return 0;
}

/* Writes a list or tuple. */
static int write_list(struct json_out *json, PyObject *list, int depth)
{
    PyObject *items = PySequence_Fast(list, "a list is wanted"); /* owned */
    json_open(json, '[');
    for (Py_ssize_t i = 0; items != NULL && i < PySequence_Fast_GET_SIZE(items); i++) {
        if (write_value(json, PySequence_Fast_GET_ITEM(items, i), depth) != 0) {
            Py_CLEAR(items);
        }
    }
    json_close(json, ']');
    Py_XDECREF(items);
    return items != NULL ? 0 : -1;
}

/* Writes a number as Python's repr() has it. */
static int write_number(struct json_out *json, PyObject *number)
{
    PyObject *text = PyObject_Repr(number); /* owned */
    Py_ssize_t len = 0;
    const char *digits = text != NULL ? PyUnicode_AsUTF8AndSize(text, &len) : NULL;
    if (digits != NULL) {
        json_number(json, digits, (size_t)len);
    }
    Py_XDECREF(text);
    return digits != NULL ? 0 : -1;
}

static int write_value(struct json_out *json, PyObject *value, int depth)
{
    if (depth == NESTED_MAX) {
        PyErr_SetString(PyExc_ValueError, "nested too deeply");
        return -1;
    }
    if (value == Py_None) {
        json_null(json);
    } else if (PyBool_Check(value)) {
        json_bool(json, value == Py_True);
    } else if (PyUnicode_Check(value)) {
        return write_text(json, value);
    } else if (PyLong_CheckExact(value) || PyFloat_CheckExact(value)) {
        return write_number(json, value);
    } else if (PyDict_Check(value)) {
        return write_dict(json, value, depth + 1);
    } else if (PyList_Check(value) || PyTuple_Check(value)) {
        return write_list(json, value, depth + 1);
    } else {
        (void)PyErr_Format(PyExc_TypeError, "%.100s does not fit into JSON",
                           Py_TYPE(value)->tp_name);
        return -1;
    }
    return 0;
}

PyObject *mod_json_text(PyObject *value)
{
    struct json_out json = {{0}, 0};
    PyObject *text = NULL;
    if (write_value(&json, value, 0) == 0) {
        text = json.out.failed ? PyErr_NoMemory()
                               : PyUnicode_DecodeASCII((const char *)json.out.data,
                                                       (Py_ssize_t)json.out.len, NULL);
    }
    json_fini(&json);
    return text;
}

static PyObject *core_json_text(PyObject *module, PyObject *value)
{
    (void)module;
    return mod_json_text(value);
}

static PyMethodDef functions[] = {
    {"read_json", core_read_json, METH_O, "The value of a JSON text, str or bytes; ValueError."},
    {"json_text", core_json_text, METH_O, "A value as JSON, in ASCII and without blanks."},
    {NULL, NULL, 0, NULL},
};

int mod_json_add(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
