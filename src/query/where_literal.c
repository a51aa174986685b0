/* Part of where.h: numbers, texts and bytes, written as in Python.
 *
 *    12  1_000  0x1f  0b1  0o7     an int of any length up to MAGNITUDE_MAX bytes
 *    1.5  .5  1e3                  a float
 *    2ms  1.5s                     a time, as an int of nanoseconds
 *    "a\n"  'a'  r"\d"  b"\x00"    escapes as in Python, but \N{...} */
#define _GNU_SOURCE /* strtod_l() */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ascii.h"
#include "utf8.h"
#include "where_parts.h"

enum { MAGNITUDE_MAX = 256, FLOAT_MAX = 400 };

rl_status where_refuse(struct where_error *error, rl_status status, size_t place,
                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->place = place;
    return status;
}

struct literal {
    const char *text;
    size_t len, at;
    struct where_error *error;
};

static int peek_char(const struct literal *l, size_t ahead)
{
    return l->at + ahead < l->len ? (unsigned char)l->text[l->at + ahead] : -1;
}

static int digit_value(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

static int is_name_char(int c)
{
    return c == '_' || c >= 0x80 ||
           (c >= 0 && (is_digit((char)c) || is_lower((char)c) || is_upper((char)c)));
}

/* ---- numbers ---- */

/* Multiplies a magnitude by the base and adds a digit. Returns 0, or -1 where it is too long. */
static int add_digit(uint8_t magnitude[MAGNITUDE_MAX], unsigned base, unsigned digit)
{
    unsigned carry = digit;
    for (size_t i = 0; i < MAGNITUDE_MAX; i++) {
        carry += magnitude[i] * base;
        magnitude[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return carry == 0 ? 0 : -1;
}

/* Returns how many characters from `from` on are digits of the base or single _ between them. */
static size_t digits_length(const struct literal *l, size_t from, int base)
{
    size_t n = 0;
    while (digit_value(peek_char(l, from + n)) < base ||
           (n != 0 && peek_char(l, from + n) == '_' &&
            digit_value(peek_char(l, from + n + 1)) < base)) {
        n++;
    }
    return n;
}

static rl_status take_magnitude(struct literal *l, size_t n, int base, struct operand *constant)
{
    uint8_t magnitude[MAGNITUDE_MAX] = {0};
    for (size_t i = 0; i < n; i++) {
        int c = peek_char(l, i);
        if (c != '_' && add_digit(magnitude, (unsigned)base, (unsigned)digit_value(c)) != 0) {
            return where_refuse(l->error, RL_LIMIT, l->at, "the number is too long");
        }
    }
    l->at += n;
    *constant = operand_big_integer(magnitude, sizeof magnitude, 0);
    if (constant->kind == OPERAND_BIG_INT) {
        uint8_t *copy = rl_alloc(1, constant->size);
        if (copy == NULL) {
            *constant = (struct operand){0};
            return where_refuse(l->error, RL_NOMEM, l->at, "no memory");
        }
        memcpy(copy, magnitude, constant->size);
        constant->bytes = copy;
    }
    return RL_OK;
}

/* Returns the length of a number as a float has it; 0 where it is an int. */
static size_t float_length(const struct literal *l)
{
    size_t n = digits_length(l, 0, 10), whole = n;
    if (peek_char(l, n) == '.') {
        n += 1 + digits_length(l, n + 1, 10);
    }
    if ((peek_char(l, n) | 0x20) == 'e') {
        size_t sign = peek_char(l, n + 1) == '+' || peek_char(l, n + 1) == '-';
        size_t digits = digits_length(l, n + 1 + sign, 10);
        n += digits != 0 ? 1 + sign + digits : 0;
    }
    return n > whole ? n : 0;
}

/* Reads a float as in the C locale, whichever the process has. */
static rl_status take_float(struct literal *l, size_t n, double *number)
{
    char digits[FLOAT_MAX];
    size_t size = 0;
    if (n >= sizeof digits) {
        return where_refuse(l->error, RL_LIMIT, l->at, "the number is too long");
    }
    for (size_t i = 0; i < n; i++) {
        if (peek_char(l, i) != '_') {
            digits[size++] = l->text[l->at + i];
        }
    }
    digits[size] = 0;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return where_refuse(l->error, RL_NOMEM, l->at, "no memory");
    }
    *number = strtod_l(digits, NULL, plain);
    freelocale(plain);
    l->at += n;
    return RL_OK;
}

/* Takes a unit behind a number, which then is a time in nanoseconds. */
static rl_status take_unit(struct literal *l, struct operand *constant)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    size_t n = 0;
    while (is_name_char(peek_char(l, n))) {
        n++;
    }
    if (n == 0) {
        return RL_OK;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].name) == n && memcmp(units[i].name, l->text + l->at, n) == 0 &&
            constant->kind != OPERAND_BIG_INT) {
            double ns = units[i].ns * (constant->kind == OPERAND_INT ? (double)constant->integer
                                                                     : constant->number);
            *constant = ns < 9e18 && ns == (double)(int64_t)ns ? operand_integer((int64_t)ns)
                                                               : operand_float(ns);
            l->at += n;
            return RL_OK;
        }
    }
    return where_refuse(l->error, RL_USAGE, l->at,
                        "this follows a number (units are ns, us, ms, s)");
}

static rl_status take_number(struct literal *l, struct operand *constant)
{
    static const struct {
        char letter;
        uint8_t base;
    } bases[] = {{'x', 16}, {'o', 8}, {'b', 2}};
    rl_status status;
    for (size_t i = 0; peek_char(l, 0) == '0' && i < sizeof bases / sizeof *bases; i++) {
        if ((peek_char(l, 1) | 0x20) == bases[i].letter) {
            size_t n = digits_length(l, 2, bases[i].base);
            if (n == 0 || is_name_char(peek_char(l, 2 + n))) {
                return where_refuse(l->error, RL_USAGE, l->at + 2 + n, "this is no such digit");
            }
            l->at += 2;
            return take_magnitude(l, n, bases[i].base, constant);
        }
    }
    size_t begin = l->at, n = float_length(l);
    if (n != 0) {
        double number = 0;
        status = take_float(l, n, &number);
        *constant = operand_float(number);
    } else {
        n = digits_length(l, 0, 10);
        status = take_magnitude(l, n, 10, constant);
        int is_zero = constant->kind == OPERAND_INT && constant->integer == 0;
        if (status == RL_OK && l->text[begin] == '0' && !is_zero) {
            status = where_refuse(l->error, RL_USAGE, begin, "an int does not begin with 0");
        }
    }
    return status == RL_OK ? take_unit(l, constant) : status;
}

/* ---- texts ---- */

struct quoted {
    char quote;
    int is_raw, is_bytes;
};

/* Writes a character, or a byte, at the end of a text. */
static uint8_t *put_point(uint8_t *out, uint32_t point, const struct quoted *how)
{
    if (how->is_bytes) {
        *out = (uint8_t)point;
        return out + 1;
    }
    return utf8_put(out, point);
}

/* Takes \x41, \u0041, \U00000041 or \101; `first` is the place of the first digit. */
static rl_status take_code(struct literal *l, size_t first, size_t most, int base, int is_exact,
                           uint32_t *point)
{
    size_t n = 0;
    uint32_t code = 0;
    while (n < most && digit_value(peek_char(l, first + n)) < base) {
        code = code * (uint32_t)base + (uint32_t)digit_value(peek_char(l, first + n));
        n++;
    }
    if ((is_exact && n != most) || code > 0x10ffff) {
        return where_refuse(l->error, RL_USAGE, l->at, "this is no character number");
    }
    l->at += first + n;
    *point = code;
    return RL_OK;
}

/* Takes what a backslash begins. An escape that Python does not know stays as it is written. */
static rl_status take_escape(struct literal *l, const struct quoted *how, uint8_t **out)
{
    static const char names[] = "abfnrtv\\'\"";
    static const char meanings[] = "\a\b\f\n\r\t\v\\'\"";
    int c = peek_char(l, 1);
    const char *simple = c > 0 ? strchr(names, c) : NULL;
    uint32_t point = 0;
    rl_status status = RL_OK;
    if (simple != NULL) {
        l->at += 2;
        point = (uint32_t)meanings[simple - names];
    } else if (c == '\n') {
        l->at += 2;
        return RL_OK;
    } else if (c >= '0' && c <= '7') {
        status = take_code(l, 1, 3, 8, 0, &point);
    } else if (c == 'x') {
        status = take_code(l, 2, 2, 16, 1, &point);
    } else if (!how->is_bytes && (c == 'u' || c == 'U')) {
        status = take_code(l, 2, c == 'u' ? 4 : 8, 16, 1, &point);
    } else if (!how->is_bytes && c == 'N') {
        return where_refuse(l->error, RL_USAGE, l->at, "\\N{...} is not known here: use \\u");
    } else {
        point = '\\';
        l->at++;
    }
    *out = status == RL_OK ? put_point(*out, point, how) : *out;
    return status;
}

/* Takes the text between quotes; l->at is behind the first one. */
static rl_status take_inside(struct literal *l, const struct quoted *how, uint8_t **out)
{
    size_t begin = l->at - 1;
    for (;;) {
        int c = peek_char(l, 0);
        if (c < 0 || c == '\n') {
            return where_refuse(l->error, RL_USAGE, begin, "this text is not closed");
        }
        if (c == how->quote) {
            l->at++;
            return RL_OK;
        }
        if (c >= 0x80 && how->is_bytes) {
            return where_refuse(l->error, RL_USAGE, l->at, "bytes have ASCII characters only");
        }
        if (c == '\\' && peek_char(l, 1) >= 0 && how->is_raw) {
            *(*out)++ = '\\';
            *(*out)++ = (uint8_t)l->text[l->at + 1];
            l->at += 2;
        } else if (c == '\\' && peek_char(l, 1) >= 0) {
            rl_status status = take_escape(l, how, out);
            if (status != RL_OK) {
                return status;
            }
        } else {
            *(*out)++ = (uint8_t)c;
            l->at++;
        }
    }
}

static rl_status take_text(struct literal *l, struct operand *constant)
{
    struct quoted how = {0};
    for (int c = peek_char(l, 0); c != '"' && c != '\''; c = peek_char(l, 0)) {
        how.is_raw |= (c | 0x20) == 'r';
        how.is_bytes |= (c | 0x20) == 'b';
        l->at++;
    }
    how.quote = l->text[l->at++];
    if (peek_char(l, 0) == how.quote && peek_char(l, 1) == how.quote) {
        return where_refuse(l->error, RL_USAGE, l->at - 1, "use one quote, not three");
    }
    /* No character is longer than what it is written as. */
    uint8_t *bytes = rl_alloc(1, l->len - l->at + 1), *end = bytes;
    if (bytes == NULL) {
        return where_refuse(l->error, RL_NOMEM, l->at, "no memory");
    }
    rl_status status = take_inside(l, &how, &end);
    if (status != RL_OK) {
        rl_free(bytes);
        return status;
    }
    *constant = (struct operand){.kind = how.is_bytes ? OPERAND_BYTES : OPERAND_STR,
                                 .bytes = bytes,
                                 .size = (size_t)(end - bytes)};
    constant->len = how.is_bytes ? constant->size : utf8_count(bytes, constant->size);
    return RL_OK;
}

rl_status where_literal(const char *text, size_t len, size_t *at, struct operand *constant,
                        struct where_error *error)
{
    struct literal l = {text, len, *at, error};
    int c = peek_char(&l, 0), is_number = c == '.' || (c >= '0' && c <= '9');
    *constant = (struct operand){0};
    rl_status status = is_number ? take_number(&l, constant) : take_text(&l, constant);
    if (status != RL_OK && constant->kind == OPERAND_BIG_INT) {
        rl_free((void *)(uintptr_t)constant->bytes);
    }
    *at = l.at;
    return status;
}
