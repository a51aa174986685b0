/* Why: see dialect.h. A glob is the whole of a name or path; it becomes an anchored expression. */
#include <ctype.h>

#include "dialect.h"
#include "reading.h"

static rl_status put_glob_class(struct reading *r)
{
    size_t began = r->at++;
    put(r, "[");
    if (peek(r, 0) == '!' || peek(r, 0) == '^') {
        r->at++;
        put(r, "^");
    }
    for (int is_first = 1; peek(r, 0) >= 0; is_first = 0) {
        int c = peek(r, 0);
        r->at++;
        if (c == ']' && !is_first) {
            put(r, "]");
            return RL_OK;
        }
        if (c == '\\' || c == '[' || c == ']' || c == '^') {
            put(r, "\\");
        }
        put_char(r, (char)c);
    }
    r->at = began;
    return refuse(r, "these brackets are not closed");
}

/* Two stars: whole parts of a path, any number of them. */
static void put_any_parts(struct reading *r)
{
    int begins = r->at == 0, after_slash = r->at > 0 && r->text[r->at - 1] == '/';
    int ends = peek(r, 2) < 0, before_slash = peek(r, 2) == '/';
    if (begins && ends) {
        put(r, ".*");
    } else if (begins && before_slash) {
        put(r, "(?:/?|.*/)");
        r->at++;
    } else if (after_slash && ends) {
        put(r, ".*"); /* the slash is there already */
    } else if (after_slash && before_slash) {
        put(r, "(?:|.*/)");
        r->at++;
    } else {
        put(r, "[^/]*");
    }
    r->at += 2;
}

rl_status dialect_glob(const char *text, size_t len, struct bytes_out *out, struct rl_err *err)
{
    struct reading r = {.text = text, .len = len, .out = out, .err = err};
    int depth = 0;
    rl_status status = RL_OK;
    put(&r, "\\A(?s:");
    while (r.at < r.len && status == RL_OK) {
        int c = peek(&r, 0);
        if (looks_at(&r, "**")) {
            put_any_parts(&r);
        } else if (c == '[') {
            status = put_glob_class(&r);
        } else {
            r.at++;
            if (c == '*' || c == '?') {
                put(&r, c == '*' ? "[^/]*" : "[^/]");
            } else if (c == '{') {
                depth++;
                put(&r, "(?:");
            } else if (c == '}' && depth > 0) {
                depth--;
                put(&r, ")");
            } else if (c == ',' && depth > 0) {
                put(&r, "|");
            } else if (c == '\\' && peek(&r, 0) >= 0) {
                put(&r, ispunct(peek(&r, 0)) && peek(&r, 0) < 128 ? "\\" : "");
                put_char(&r, r.text[r.at++]);
            } else {
                put(&r, c < 128 && ispunct(c) && c != '_' ? "\\" : "");
                put_char(&r, (char)c);
            }
        }
    }
    if (status == RL_OK && depth != 0) {
        status = refuse(&r, "a { is not closed");
    }
    put(&r, ")\\z");
    return status != RL_OK ? status
           : out->failed   ? status_set(err, RL_NOMEM, "no memory for a pattern")
                           : RL_OK;
}
