/* Why: texts are cut on character boundaries, and Python strings may contain lone surrogates. */
#include "utf8.h"

size_t utf8_cut(const uint8_t *text, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    while (max > 0 && (text[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}

uint8_t *utf8_put(uint8_t *p, uint32_t c)
{
    if (c < 0x80) {
        *p++ = (uint8_t)c;
    } else if (c < 0x800) {
        *p++ = (uint8_t)(0xc0 | (c >> 6));
        *p++ = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *p++ = (uint8_t)(0xe0 | (c >> 12));
        *p++ = (uint8_t)(0x80 | ((c >> 6) & 0x3f));
        *p++ = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        *p++ = (uint8_t)(0xf0 | (c >> 18));
        *p++ = (uint8_t)(0x80 | ((c >> 12) & 0x3f));
        *p++ = (uint8_t)(0x80 | ((c >> 6) & 0x3f));
        *p++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    return p;
}

/* Rejects overlong forms, code points beyond 10ffff and cut characters. */
size_t utf8_get(const uint8_t *p, size_t left, uint32_t *point)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (left == 0) {
        return 0;
    }
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n > left || p[0] > 0xf4) {
        return 0;
    }
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = (c << 6) | (p[i] & 0x3fu);
    }
    if (n > 1 && (c < least[n] || c > 0x10ffff)) {
        return 0;
    }
    *point = c;
    return n;
}

size_t utf8_count(const uint8_t *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += (text[i] & 0xc0) != 0x80;
    }
    return count;
}

size_t utf8_put_escape(char out[UTF8_ESCAPE_MAX], uint32_t point)
{
    char named = point == '\n' ? 'n' : point == '\r' ? 'r' : point == '\t' ? 't' : '\0';
    size_t digits = named != '\0' ? 0 : point < 0x100 ? 2 : point < 0x10000 ? 4 : 8;
    out[0] = '\\';
    out[1] = named != '\0' ? named : digits == 2 ? 'x' : digits == 4 ? 'u' : 'U';
    for (size_t i = 0; i < digits; i++) {
        out[2 + i] = "0123456789abcdef"[point >> 4 * (digits - 1 - i) & 15];
    }
    return 2 + digits;
}
