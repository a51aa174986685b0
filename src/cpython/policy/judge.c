/* Why: see judge.h. */
#include "judge.h"

#include <string.h>

#include "policy.h"
#include "pytext.h"

#include "secrets.h"

enum { TEXT_MOST = 1024, NAME_MOST = 64, BLANKS_MOST = 3 };

const char *judge_text(PyObject *value, char *buffer, size_t size, size_t *len)
{
    if (PyUnicode_Check(value) && TEXT_IS_READY(value)) {
        if (!PyUnicode_IS_ASCII(value)) {
            *len = pytext_put(value, (uint8_t *)buffer, size);
            return buffer;
        }
        *len = (size_t)PyUnicode_GET_LENGTH(value);
        return PyUnicode_DATA(value);
    }
    if (PyBytes_Check(value)) {
        *len = (size_t)PyBytes_GET_SIZE(value);
        return PyBytes_AS_STRING(value);
    }
    if (PyByteArray_Check(value)) {
        *len = (size_t)PyByteArray_GET_SIZE(value);
        return PyByteArray_AS_STRING(value);
    }
    return NULL;
}

/* What the program is made of is no secret: the module `secrets`, a function `password`. */
static int is_code(PyObject *value)
{
    return PyModule_Check(value) || PyFunction_Check(value) || PyType_Check(value) ||
           PyMethod_Check(value) || PyCFunction_Check(value) || Py_TYPE(value) == &PyProperty_Type;
}

static enum secret_class get_secret_class(enum filter_action action)
{
    return action == FILTER_SECRET  ? SECRET_ALWAYS
           : action == FILTER_CODE  ? SECRET_CODE
           : action == FILTER_LOGIN ? SECRET_LOGIN
           : action == FILTER_TOKEN ? SECRET_TOKEN
                                    : SECRET_NONE;
}

static int is_secret_int(enum secret_class class, PyObject *value)
{
    const digit *digits = LONG_DIGITS(value);
    Py_ssize_t count = LONG_COUNT(value);
    int64_t number = count > 0 ? (int64_t)digits[0] : 0;
    if (count > 1) {
        number |= (int64_t)digits[1] << PyLong_SHIFT;
    }
    return count > 2 || secret_number(class, number);
}

enum filter_action judge_value(enum filter_action action, PyObject *value)
{
    char buffer[TEXT_MOST];
    size_t len = 0;
    enum secret_class class = get_secret_class(action);
    if (class == SECRET_NONE || value == NULL || value == Py_None || PyBool_Check(value) ||
        is_code(value)) {
        return FILTER_ALLOW;
    }
    if (class == SECRET_ALWAYS) {
        return FILTER_REDACT;
    }
    if (PyLong_Check(value)) {
        return is_secret_int(class, value) ? FILTER_REDACT : FILTER_ALLOW;
    }
    const char *text = judge_text(value, buffer, sizeof buffer, &len);
    if (text != NULL) {
        return secret_value(class, text, len < TEXT_MOST ? len : TEXT_MOST) ? FILTER_REDACT
                                                                            : FILTER_ALLOW;
    }
    int is_pair = (PyTuple_Check(value) || PyList_Check(value)) && Py_SIZE(value) == 2;
    return class == SECRET_LOGIN && is_pair ? FILTER_REDACT : FILTER_LOOK_INSIDE;
}

/* Whether a text is a name, of a header or an option, and no sentence with one in it. */
static int is_plain_name(const char *text, size_t len)
{
    size_t blanks = 0;
    for (size_t i = 0; i < len; i++) {
        if (strchr("=,;?!\"'()\n", text[i]) != NULL) {
            return 0;
        }
        blanks += text[i] == ' ';
    }
    return len <= NAME_MOST && blanks <= BLANKS_MOST;
}

enum filter_action judge_named(const struct policy *policy, PyObject *name)
{
    char buffer[NAME_MOST + 8];
    size_t len = 0;
    const char *text = name != NULL && (PyUnicode_Check(name) || PyBytes_Check(name))
                           ? judge_text(name, buffer, sizeof buffer, &len)
                           : NULL;
    if (text == NULL || !is_plain_name(text, len)) {
        return FILTER_ALLOW;
    }
    return PyUnicode_Check(name) ? policy_name(policy, FILTER_KEY, name)
                                 : policy_bytes_name(policy, FILTER_KEY, text, len);
}
