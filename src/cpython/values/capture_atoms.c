/* Part of capture_parts.h. Why: long ints, text that is not ASCII, and bytes are rare, and would
 * slow down the common atoms beside them. Invariant: nothing here writes more than c->limits->bytes
 * and a few bytes around them. */
#include <string.h>

#include "bounds.h"
#include "capture.h"
#include "capture_parts.h"

#include "utf8.h"

size_t capture_magnitude(PyObject *o, uint8_t *out, size_t size)
{
    Py_ssize_t count = LONG_COUNT(o);
    uint64_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        bits |= (uint64_t)LONG_DIGITS(o)[i] << have;
        have += PyLong_SHIFT;
        while (have >= 8 && n < size) {
            out[n++] = (uint8_t)bits;
            bits >>= 8;
            have -= 8;
        }
    }
    while (bits != 0 && n < size) {
        out[n++] = (uint8_t)bits;
        bits >>= 8;
    }
    while (n != 0 && out[n - 1] == 0) {
        n--;
    }
    return n;
}

/* Writes an int of more than two digits; beyond the bound only its number of bits. */
void capture_big_int(struct capture *c, PyObject *o)
{
    Py_ssize_t count = LONG_COUNT(o);
    unsigned top_bits = 0;
    for (digit top = LONG_DIGITS(o)[count - 1]; top != 0; top >>= 1) {
        top_bits++;
    }
    uint64_t bits = (uint64_t)(count - 1) * PyLong_SHIFT + top_bits;
    int is_whole = (bits + 7) / 8 <= c->limits->bytes;
    capture_put_tag(c, is_whole ? RL_VALUE_BIG_INT : RL_VALUE_BIG_INT_CUT);
    capture_put_number(c, LONG_IS_NEGATIVE(o));
    if (!is_whole) {
        capture_put_number(c, bits);
        return;
    }
    uint8_t magnitude[CAPTURE_BYTES_MAX];
    size_t n = capture_magnitude(o, magnitude, sizeof magnitude);
    capture_put_number(c, n);
    memcpy(c->p, magnitude, n);
    c->p += n;
}

void capture_complex(struct capture *c, PyObject *o)
{
    Py_complex number = ((PyComplexObject *)o)->cval;
    uint64_t bits[2];
    memcpy(&bits[0], &number.real, 8);
    memcpy(&bits[1], &number.imag, 8);
    capture_put_tag(c, RL_VALUE_COMPLEX);
    put64(c->p, bits[0]);
    put64(c->p + 8, bits[1]);
    c->p += 16;
}

/* A text as UTF-8, as far as it is kept. */
struct wide {
    uint8_t *end;     /* of the bytes */
    Py_ssize_t count; /* characters in the bytes */
    uint32_t odd_count;
    uint16_t odd[CAPTURE_CLEAN_BYTES]; /* indexes of those from 128 on that repr() would escape */
    uint8_t text[CAPTURE_CLEAN_BYTES];
};

/* Encodes characters below 256. For these, the code point alone decides what repr() does. */
static void encode_latin1(struct wide *w, const uint8_t *data, Py_ssize_t length, size_t limit)
{
    uint8_t *p = w->text, *stop = w->text + limit;
    Py_ssize_t i = 0;
    for (; i < length && p < stop; i++) {
        unsigned ch = data[i];
        if (ch < 0x80) {
            *p++ = (uint8_t)ch;
            continue;
        }
        if (p + 1 == stop) {
            break;
        }
        *p++ = (uint8_t)(0xc0 | ch >> 6);
        *p++ = (uint8_t)(0x80 | (ch & 0x3f));
        if (ch <= 0xa0 || ch == 0xad) { /* controls, the no-break space, the soft hyphen */
            w->odd[w->odd_count++] = (uint16_t)i;
        }
    }
    w->end = p;
    w->count = i;
}

/* Encodes a text as UTF-8, and collects the characters that repr() would escape. */
static void encode_wide(struct wide *w, PyObject *o, Py_ssize_t length, size_t limit)
{
    int kind = PyUnicode_KIND(o);
    const void *data = PyUnicode_DATA(o);
    uint8_t *p = w->text;
    Py_ssize_t i = 0;
    for (; i < length; i++) {
        Py_UCS4 ch = PyUnicode_READ(kind, data, i);
        uint8_t *next = utf8_put(p, ch);
        if ((size_t)(next - w->text) > limit) {
            break;
        }
        p = next;
        if (ch >= 128 && !Py_UNICODE_ISPRINTABLE(ch)) {
            w->odd[w->odd_count++] = (uint16_t)i;
        }
    }
    w->end = p;
    w->count = i;
}

/* Measures a text that is UTF-8 already, of which `limit` bytes are kept. */
static void measure_wide(struct wide *w, size_t limit)
{
    size_t n = utf8_cut(w->text, (size_t)(w->end - w->text), limit);
    w->end = w->text + n;
    w->count = 0;
    w->odd_count = 0;
    for (size_t at = 0, step; at < n; at += step, w->count++) {
        uint32_t ch = '?';
        step = utf8_get(w->text + at, n - at, &ch);
        step += step == 0;
        if (ch >= 128 && !Py_UNICODE_ISPRINTABLE(ch)) {
            w->odd[w->odd_count++] = (uint16_t)w->count;
        }
    }
}

/* Removes the secrets. CAPTURE_WHOLE: the whole text is one. *length becomes that of the text that
 * remains. */
static size_t clean_wide(struct capture *c, struct wide *w, Py_ssize_t *length)
{
    uint8_t text[CAPTURE_CLEAN_BYTES];
    Py_ssize_t before = w->count;
    size_t n = capture_clean(c, w->text, (size_t)(w->end - w->text), w->count < *length, text);
    if (n > CAPTURE_WHOLE) {
        memcpy(w->text, text, n);
        w->end = w->text + n;
        *length += (Py_ssize_t)utf8_count(text, n) - before;
    }
    if ((size_t)(w->end - w->text) > c->limits->bytes || n > CAPTURE_WHOLE) {
        measure_wide(w, c->limits->bytes);
    }
    return n;
}

/* Writes a str that is not ASCII. */
void capture_wide_text(struct capture *c, PyObject *o)
{
    struct wide w;
    Py_ssize_t length = PyUnicode_GET_LENGTH(o);
    size_t limit = c->limits->bytes + CAPTURE_AHEAD;
    w.odd_count = 0;
    if (PyUnicode_KIND(o) == PyUnicode_1BYTE_KIND) {
        encode_latin1(&w, PyUnicode_DATA(o), length, limit);
    } else {
        encode_wide(&w, o, length, limit);
    }
    if (clean_wide(c, &w, &length) == CAPTURE_WHOLE) {
        capture_redacted(c, &PyUnicode_Type);
        return;
    }
    size_t n = (size_t)(w.end - w.text);
    capture_put_tag(c, w.odd_count != 0    ? RL_VALUE_STR_ODD
                       : w.count == length ? RL_VALUE_STR
                                           : RL_VALUE_STR_CUT);
    if (w.odd_count != 0 || w.count != length) {
        capture_put_number(c, (uint64_t)length);
    }
    capture_put_number(c, n);
    memcpy(c->p, w.text, n);
    c->p += n;
    if (w.odd_count != 0) {
        /* The indexes may need more room than the text, so a long text has only the first ones. */
        uint32_t most = w.odd_count < 400 ? w.odd_count : 400;
        capture_put_number(c, most);
        for (uint32_t i = 0; i < most; i++) {
            capture_put_number(c, w.odd[i]);
        }
    }
}

/* Writes bytes, without the secrets in them. */
void capture_bytes(struct capture *c, const void *data, size_t length)
{
    size_t n = length <= c->limits->bytes ? length : c->limits->bytes;
    if (capture_put_clean(c, data, capture_seen(c, length), length, 0)) {
        return;
    }
    capture_put_tag(c, n == length ? RL_VALUE_BYTES : RL_VALUE_BYTES_CUT);
    if (n != length) {
        capture_put_number(c, length);
    }
    capture_put_number(c, n);
    memcpy(c->p, data, n);
    c->p += n;
}

void capture_plain_text(struct capture *c, PyObject *object, uint32_t type, const void *text,
                        size_t len, unsigned flags)
{
    uint8_t cleaned[CAPTURE_CLEAN_BYTES];
    size_t n = utf8_cut(text, len, CAPTURE_BYTES_MAX);
    size_t left = capture_clean(c, text, n, n < len, cleaned);
    if (left == CAPTURE_WHOLE) {
        capture_put_tag(c, RL_VALUE_REDACTED);
        capture_put_number(c, type);
        return;
    }
    if (left != 0) {
        text = cleaned;
        len = len - n + left;
        n = utf8_cut(cleaned, left, CAPTURE_BYTES_MAX);
    }
    capture_put_tag(c, RL_VALUE_TEXT);
    capture_identity(c, object);
    capture_put_number(c, type);
    capture_put_number(c, flags | (n < len ? RL_TEXT_IS_CUT : 0));
    capture_put_number(c, n);
    memcpy(c->p, text, n);
    c->p += n;
}
