/* Why: see dialect.h. Part of dialect.h: globs. A glob matches a whole name or path, so its
 * translation is anchored: \A(?s:...)\z.
 *
 *    glob      regex           matches
 *    *         [^/]*           part of a name
 *    **        put_any_parts()   any number of path parts, where it is one itself
 *    ?         [^/]            one character of a name
 *    [!a-z]    [^a-z]          one character; what a regex would read otherwise is escaped */
#include "dialect.h"

#include <ctype.h>

#include "reading.h"

/* Translates [...] and [!...]. */
static rl_status put_glob_class(struct reading *r)
{
    size_t began = r->at++;
    reading_put(r, "[");
    if (reading_peek(r, 0) == '!' || reading_peek(r, 0) == '^') {
        r->at++;
        reading_put(r, "^");
    }
    for (int is_first = 1; reading_peek(r, 0) >= 0; is_first = 0) {
        int c = reading_peek(r, 0);
        r->at++;
        if (c == ']' && !is_first) {
            reading_put(r, "]");
            return RL_OK;
        }
        if (c == '\\' || c == '[' || c == ']' || c == '^') {
            reading_put(r, "\\");
        }
        reading_put_char(r, (char)c);
    }
    r->at = began;
    return reading_refuse(r, "these brackets are not closed");
}

/* Translates two stars. With a slash, or an end of the pattern, on each side they stand for any
 * number of whole path parts, also for none. Elsewhere, as in a**b, they are one star. */
static void put_any_parts(struct reading *r)
{
    int begins = r->at == 0, after_slash = r->at > 0 && r->text[r->at - 1] == '/';
    int ends = reading_peek(r, 2) < 0, before_slash = reading_peek(r, 2) == '/';
    if (ends && (begins || after_slash)) {
        reading_put(r, ".*"); /* a slash before it is there already */
    } else if (begins && before_slash) {
        reading_put(r, "(?:/?|.*/)");
        r->at++;
    } else if (after_slash && before_slash) {
        reading_put(r, "(?:|.*/)");
        r->at++;
    } else {
        reading_put(r, "[^/]*");
    }
    r->at += 2;
}

rl_status dialect_glob(const char *text, size_t len, struct bytes_out *out, struct rl_err *err)
{
    struct reading r = {.text = text, .len = len, .out = out, .err = err};
    int depth = 0;
    rl_status status = RL_OK;
    reading_put(&r, "\\A(?s:");
    while (r.at < r.len && status == RL_OK) {
        int c = reading_peek(&r, 0);
        if (reading_looks_at(&r, "**")) {
            put_any_parts(&r);
        } else if (c == '[') {
            status = put_glob_class(&r);
        } else {
            r.at++;
            if (c == '*' || c == '?') {
                reading_put(&r, c == '*' ? "[^/]*" : "[^/]");
            } else if (c == '{') {
                depth++;
                reading_put(&r, "(?:");
            } else if (c == '}' && depth > 0) {
                depth--;
                reading_put(&r, ")");
            } else if (c == ',' && depth > 0) {
                reading_put(&r, "|");
            } else if (c == '\\' && reading_peek(&r, 0) >= 0) {
                reading_put(&r,
                            ispunct(reading_peek(&r, 0)) && reading_peek(&r, 0) < 128 ? "\\" : "");
                reading_put_char(&r, r.text[r.at++]);
            } else {
                reading_put(&r, c < 128 && ispunct(c) && c != '_' ? "\\" : "");
                reading_put_char(&r, (char)c);
            }
        }
    }
    if (status == RL_OK && depth != 0) {
        status = reading_refuse(&r, "a { is not closed");
    }
    reading_put(&r, ")\\z");
    return status != RL_OK ? status
           : out->failed   ? status_set(err, RL_NOMEM, "no memory for a pattern")
                           : RL_OK;
}
