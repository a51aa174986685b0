/* A streaming JSON writer into memory. It adds commas; the caller closes what it opened.
 *
 *    json_open('{'); json_key("a"); json_u64(1); json_key("b"); json_null(); json_close('}')
 *    {"a":1,"b":null}
 *
 * Invariants: the output is ASCII. All other characters become \u escapes, and bytes that are no
 * UTF-8 become \ufffd. A failed allocation sets out.failed and stops all output.
 *
 * Threads: one at a time per writer. */
#ifndef JSON_OUT_H
#define JSON_OUT_H

#include <stdint.h>

#include "bytes.h"

struct json_out {
    struct bytes_out out;
    int needs_comma;
};

void json_fini(struct json_out *json);
void json_open(struct json_out *json, char bracket);  /* '{' or '[' */
void json_close(struct json_out *json, char bracket); /* '}' or ']' */
/* Writes a key; the next value belongs to it. */
void json_key(struct json_out *json, const char *key);
void json_string(struct json_out *json, const void *utf8, size_t len);
void json_text(struct json_out *json, const char *text);
void json_u64(struct json_out *json, uint64_t value);
void json_null(struct json_out *json);
void json_bool(struct json_out *json, int value);
/* A place to return to: json_rollback() removes all that was written since json_mark(). */
struct json_mark {
    size_t len;
    int needs_comma;
};
struct json_mark json_mark(const struct json_out *json);
void json_rollback(struct json_out *json, struct json_mark mark);
/* Writes a number that the caller has formatted. */
void json_number(struct json_out *json, const char *digits, size_t len);
void json_newline(struct json_out *json); /* ends a line of NDJSON */

#endif
