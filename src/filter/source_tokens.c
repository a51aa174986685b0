/* Why: whether a word is a literal or code, only the tokens of the language decide.
 *
 *   prefix 'inner'      a single quote ends at its line's end at the latest
 *   f"{d["k"]}"         since 3.12 the braces of an f-string hold quotes of the same kind
 *
 * Invariant: a wrong guess about one string does not reach beyond its line, unless it has three
 * quotes. So the tokens of the rest of the file stay right. */
#include "source_tokens.h"

#include <string.h>

#include "ascii.h"

static int is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           (unsigned char)c >= 128;
}

static char byte_at(const struct source_tokens *t, size_t i)
{
    return i < t->len ? t->text[i] : 0;
}

static int is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Returns whether `width` quotes are at i. */
static int has_quotes(const struct source_tokens *t, size_t i, char quote, size_t width)
{
    for (size_t k = 0; k < width; k++) {
        if (byte_at(t, i + k) != quote) {
            return 0;
        }
    }
    return 1;
}

/* Returns the place of the closing quotes, the end of the line, or that of the text. In a format
 * string, quotes inside braces do not close it. */
static size_t find_string_end(const struct source_tokens *t, size_t i, size_t width, char quote,
                              int is_format)
{
    size_t depth = 0;
    char inner = 0; /* the quote of a string inside braces */
    for (; i < t->len; i++) {
        char c = t->text[i];
        if (width == 1 && is_line_end(c)) {
            return i;
        }
        if (c == '\\') {
            i += byte_at(t, i + 1) == '\r' && byte_at(t, i + 2) == '\n' ? 2 : 1;
        } else if (inner != 0) {
            inner = c == inner ? 0 : inner;
        } else if (depth == 0 && has_quotes(t, i, quote, width)) {
            return i;
        } else if (is_format && c == '{' && depth == 0 && byte_at(t, i + 1) == '{') {
            i++; /* {{ is a brace of the text */
        } else if (is_format && c == '{') {
            depth++;
        } else if (is_format && c == '}' && depth != 0) {
            depth--;
        } else if (depth != 0 && (c == '"' || c == '\'')) {
            inner = c;
        }
    }
    return t->len;
}

/* Reads a string whose quotes begin at `quotes`. A format string of which the braces do not fit is
 * read as a plain one. */
static struct token read_string(struct source_tokens *t, size_t begin, size_t quotes)
{
    char quote = t->text[quotes];
    size_t width = has_quotes(t, quotes, quote, 3) ? 3 : 1, inner = quotes + width;
    int is_format = 0;
    for (size_t i = begin; i < quotes; i++) {
        is_format |= strchr("fFtT", t->text[i]) != NULL;
    }
    size_t end = find_string_end(t, inner, width, quote, is_format);
    if (is_format && !has_quotes(t, end, quote, width)) {
        end = find_string_end(t, inner, width, quote, 0);
    }
    end = end < t->len ? end : t->len;
    t->at = has_quotes(t, end, quote, width) ? end + width : end;
    return (struct token){TOKEN_STRING, begin, t->at, inner < end ? inner : end, end, 0};
}

/* Returns the place of the quotes where a string begins at i, else i. A prefix has at most two
 * letters. */
static size_t find_quotes(const struct source_tokens *t, size_t i)
{
    size_t at = i;
    while (at < i + 2 && byte_at(t, at) != 0 && strchr("rRbBuUfFtT", byte_at(t, at)) != NULL) {
        at++;
    }
    char c = byte_at(t, at);
    return c == '"' || c == '\'' ? at : i;
}

static struct token read_run(struct source_tokens *t, enum token_kind kind, size_t begin,
                             size_t end)
{
    t->at = end;
    return (struct token){kind, begin, end, begin, end, 0};
}

static struct token read_number(struct source_tokens *t, size_t begin)
{
    size_t end = begin;
    while (is_name_byte(byte_at(t, end)) || byte_at(t, end) == '.' ||
           ((byte_at(t, end) == '-' || byte_at(t, end) == '+') &&
            (byte_at(t, end - 1) | 32) == 'e' && (byte_at(t, begin + 1) | 32) != 'x')) {
        end++;
    }
    return read_run(t, TOKEN_NUMBER, begin, end);
}

static struct token read_sign(struct source_tokens *t, size_t begin)
{
    char c = t->text[begin], next = byte_at(t, begin + 1);
    size_t end = begin + 1;
    char sign = c;
    if (next == '=' && (c == '=' || c == '!')) {
        sign = '~';
        end++;
    } else if (next == '=' && strchr(":+-*/%&|^@", c) != NULL) {
        sign = '=';
        end++;
    } else if ((next == '=' && (c == '<' || c == '>')) || (c == '-' && next == '>')) {
        sign = '<';
        end++;
    }
    struct token token = read_run(t, TOKEN_SIGN, begin, end);
    token.sign = sign;
    return token;
}

/* Skips what separates tokens: blanks, and a backslash at the end of a line. */
static void skip_blanks(struct source_tokens *t)
{
    for (; t->at < t->len; t->at++) {
        char c = t->text[t->at], next = byte_at(t, t->at + 1);
        if (c == '\\' && is_line_end(next)) {
            t->at += next == '\r' && byte_at(t, t->at + 2) == '\n' ? 2 : 1;
        } else if (c != ' ' && c != '\t' && c != '\f') {
            return;
        }
    }
}

struct token source_next(struct source_tokens *t)
{
    skip_blanks(t);
    size_t begin = t->at, end = begin;
    if (begin >= t->len) {
        return (struct token){TOKEN_END, t->len, t->len, t->len, t->len, 0};
    }
    char c = t->text[begin];
    size_t quotes = find_quotes(t, begin);
    if (c == '"' || c == '\'' || quotes != begin) {
        return read_string(t, begin, quotes);
    }
    if (is_line_end(c)) {
        end += c == '\r' && byte_at(t, begin + 1) == '\n' ? 2 : 1;
        return read_run(t, TOKEN_NEWLINE, begin, end);
    }
    if (c == '#') {
        while (end < t->len && !is_line_end(t->text[end])) {
            end++;
        }
        return read_run(t, TOKEN_COMMENT, begin, end);
    }
    if (is_digit(c) || (c == '.' && is_digit(byte_at(t, begin + 1)))) {
        return read_number(t, begin);
    }
    if (is_name_byte(c)) {
        while (is_name_byte(byte_at(t, end))) {
            end++;
        }
        return read_run(t, TOKEN_NAME, begin, end);
    }
    return read_sign(t, begin);
}
