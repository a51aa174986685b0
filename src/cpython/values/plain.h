/* Plain values: None, bools, floats, and ints of up to two digits. Filters never look into them,
 * and most arguments and results are plain. So they have a path of their own into their rows. How
 * they are encoded is defined here alone. */
#ifndef PLAIN_H
#define PLAIN_H

#include "compat.h"

#include <string.h>

#include <relive/rl_format.h>

#include "bytes.h"

#define PLAIN_BYTES 11 /* of one value at most */

static inline uint8_t *put_plain_int(uint8_t *p, int64_t value)
{
    if (value >= RL_VALUE_SMALL - RL_VALUE_SMALL_ZERO && value < 256 - RL_VALUE_SMALL_ZERO) {
        *p = (uint8_t)(value + RL_VALUE_SMALL_ZERO);
        return p + 1;
    }
    *p = RL_VALUE_INT;
    return put_varint(p + 1, zigzag(value));
}

static inline uint8_t *put_plain_float(uint8_t *p, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    *p = RL_VALUE_FLOAT;
    put64(p + 1, bits);
    return p + 9;
}

/* Writes an int, or an instance of a subclass. Returns NULL, and writes nothing, where it has more
 * digits. */
static inline uint8_t *put_plain_digits(uint8_t *p, PyObject *o)
{
    Py_ssize_t count = LONG_COUNT(o);
    const digit *digits = LONG_DIGITS(o);
    if (__builtin_expect(count > 2, 0)) {
        return NULL;
    }
    int64_t value = count == 0 ? 0 : (int64_t)digits[0];
    if (count == 2) {
        value |= (int64_t)digits[1] << PyLong_SHIFT;
    }
    return put_plain_int(p, LONG_IS_NEGATIVE(o) ? -value : value);
}

/* Writes a plain value at p and returns the place after it. Returns NULL, and writes nothing, for
 * other values. */
static inline uint8_t *put_plain(uint8_t *p, PyObject *o)
{
    if (o == NULL) {
        return NULL;
    }
    const PyTypeObject *type = Py_TYPE(o);
    if (type == &PyLong_Type) {
        return put_plain_digits(p, o);
    }
    if (o == Py_None || type == &PyBool_Type) {
        *p = o == Py_None ? RL_VALUE_NONE : o == Py_True ? RL_VALUE_TRUE : RL_VALUE_FALSE;
        return p + 1;
    }
    return type == &PyFloat_Type ? put_plain_float(p, PyFloat_AS_DOUBLE(o)) : NULL;
}

#endif
