/* Why: see kept.h.
 *
 *     file KIND-<checksum of the key>:   <checksum of the rest, 16 digits>{"key": ..., "value":
 * ...}
 *
 * Invariants: the key is compared whole, since two keys may have one checksum. A cache that cannot
 * be read or written costs time, never a recording; no exception is left behind. Threads: under the
 * GIL. */
#include "kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "mod_json.h"

#include "block.h"
#include "bytes.h"
#include "os.h"

enum { SUM_DIGITS = 16, NAME_MAX_BYTES = 80 };

/* Writes the checksum of the data as hexadecimal digits. */
static void put_sum(char digits[SUM_DIGITS + 1], const void *data, size_t len)
{
    (void)snprintf(digits, SUM_DIGITS + 1, "%016llx",
                   (unsigned long long)block_checksum(data, len));
}

/* KIND-<checksum of the key>. -1 with an exception. */
static int put_name(char name[NAME_MAX_BYTES], const char *kind, PyObject *key)
{
    char digits[SUM_DIGITS + 1];
    PyObject *bytes = PyUnicode_AsEncodedString(key, "utf-8", "surrogatepass"); /* owned */
    if (bytes == NULL) {
        return -1;
    }
    put_sum(digits, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    (void)snprintf(name, NAME_MAX_BYTES, "%.40s-%s", kind, digits);
    Py_DECREF(bytes);
    return 0;
}

/* The object in an entry: new; NULL where it is not whole. */
static PyObject *unpack_entry(const struct bytes_out *entry)
{
    char digits[SUM_DIGITS + 1];
    if (entry->len <= SUM_DIGITS) {
        return NULL;
    }
    const char *text = (const char *)entry->data + SUM_DIGITS;
    size_t len = entry->len - SUM_DIGITS;
    put_sum(digits, text, len);
    if (memcmp(digits, entry->data, SUM_DIGITS) != 0) {
        return NULL;
    }
    PyObject *json = PyUnicode_DecodeASCII(text, (Py_ssize_t)len, NULL); /* owned */
    PyObject *object = json != NULL ? mod_json_read(json) : NULL;
    Py_XDECREF(json);
    return object;
}

/* Returns whether a file is as it was: `pair` has its path and its kept_file_state() of then. */
static int is_same_file(PyObject *pair)
{
    PyObject *path, *then; /* borrowed */
    if (!PyList_Check(pair) || PyList_GET_SIZE(pair) != 2 ||
        !PyUnicode_Check(path = PyList_GET_ITEM(pair, 0))) {
        return 0;
    }
    then = PyList_GET_ITEM(pair, 1);
    PyObject *now = kept_file_state(path); /* owned */
    int is_same = now != NULL && PyObject_RichCompareBool(now, then, Py_EQ) == 1;
    Py_XDECREF(now);
    return is_same;
}

/* Returns whether every file that a value was made from is as it was. */
static int are_same_files(PyObject *value)
{
    struct fields fields = {value, 0};
    PyObject *files = fields_find(&fields, "files"); /* borrowed */
    if (files == NULL) {
        return 1;
    }
    int are_same = PyList_Check(files);
    for (Py_ssize_t i = 0; are_same && i < PyList_GET_SIZE(files); i++) {
        are_same = is_same_file(PyList_GET_ITEM(files, i));
    }
    return are_same;
}

PyObject *kept_get(const char *kind, PyObject *key)
{
    char name[NAME_MAX_BYTES];
    struct bytes_out entry = {0};
    PyObject *object = NULL, *value = NULL; /* object owned */
    if (put_name(name, kind, key) == 0 && os_store_read(name, &entry) == 0) {
        object = unpack_entry(&entry);
    }
    struct fields fields = {object, 0};
    PyObject *for_key = object != NULL ? fields_find(&fields, "key") : NULL; /* borrowed */
    if (for_key != NULL && PyObject_RichCompareBool(for_key, key, Py_EQ) == 1) {
        value = fields_dict(&fields, "value");
    }
    if (value != NULL && are_same_files(value)) {
        Py_INCREF(value);
    } else {
        value = NULL;
    }
    PyErr_Clear();
    Py_XDECREF(object);
    bytes_out_fini(&entry);
    return value;
}

void kept_put(const char *kind, PyObject *key, PyObject *value)
{
    char name[NAME_MAX_BYTES], digits[SUM_DIGITS + 1];
    struct bytes_out entry = {0};
    Py_ssize_t len = 0;
    PyObject *object = Py_BuildValue("{s:O,s:O}", "key", key, "value", value); /* owned */
    PyObject *json = object != NULL ? mod_json_text(object) : NULL;            /* owned */
    const char *text = json != NULL ? PyUnicode_AsUTF8AndSize(json, &len) : NULL;
    if (text != NULL && put_name(name, kind, key) == 0) {
        put_sum(digits, text, (size_t)len);
        bytes_put(&entry, digits, SUM_DIGITS);
        bytes_put(&entry, text, (size_t)len);
        if (!entry.failed) {
            (void)os_store_write(name, entry.data, entry.len);
        }
    }
    PyErr_Clear();
    bytes_out_fini(&entry);
    Py_XDECREF(json);
    Py_XDECREF(object);
}

/* The bytes of a regular file; -1 where there is none, or one that is too long. */
static int read_whole_file(const char *path, struct bytes_out *out)
{
    enum { MOST = 8 << 20 };
    int fd, os_errno, failed = -1;
    uint64_t size;
    if (os_open_read(path, &fd, &os_errno) != 0) {
        return -1;
    }
    if (os_is_regular(fd) && os_file_size(fd, &size) == 0 && size <= MOST) {
        uint8_t *at = bytes_room(out, (size_t)size + 1);
        failed = at == NULL || os_pread(fd, at, (size_t)size, 0, &os_errno) != 0;
        out->len += failed ? 0 : (size_t)size;
    }
    os_close(fd);
    return failed ? -1 : 0;
}

PyObject *kept_file_state(PyObject *path)
{
    char digits[SUM_DIGITS + 1], real[4096];
    struct bytes_out content = {0};
    PyObject *bytes, *state = NULL;
    if (!PyUnicode_FSConverter(path, &bytes)) {
        return NULL;
    }
    if (os_real_path(PyBytes_AS_STRING(bytes), real, sizeof real) != 0) {
        Py_INCREF(Py_None);
        state = Py_None;
    } else if (read_whole_file(PyBytes_AS_STRING(bytes), &content) != 0) {
        state = PyUnicode_FromString("unread");
    } else {
        put_sum(digits, content.data, content.len);
        PyObject *place = PyUnicode_DecodeFSDefault(real); /* owned */
        state =
            place != NULL ? PyUnicode_FromFormat("%s-%zu %U", digits, content.len, place) : NULL;
        Py_XDECREF(place);
    }
    bytes_out_fini(&content);
    Py_DECREF(bytes);
    return state;
}

PyObject *kept_digest(PyObject *text)
{
    char digits[SUM_DIGITS + 1];
    Py_ssize_t len = 0;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
    if (utf8 == NULL) {
        return NULL;
    }
    put_sum(digits, utf8, (size_t)len);
    return PyUnicode_FromFormat("%s-%zd", digits, len);
}

/* file_state(path): see kept_file_state(). */
static PyObject *core_file_state(PyObject *module, PyObject *path)
{
    (void)module;
    return kept_file_state(path);
}

static PyMethodDef functions[] = {
    {"file_state", core_file_state, METH_O,
     "A text that changes with a file; None: there is none."},
    {NULL, NULL, 0, NULL},
};

int kept_add(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
