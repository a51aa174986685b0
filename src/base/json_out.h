/* A streaming JSON writer into memory; commas and nesting are kept by the writer.
 * Output is ASCII: anything else becomes \u escapes, broken bytes become \ufffd. */
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
void json_key(struct json_out *json, const char *key);
void json_string(struct json_out *json, const void *utf8, size_t len);
void json_text(struct json_out *json, const char *text);
void json_u64(struct json_out *json, uint64_t value);
void json_null(struct json_out *json);
void json_bool(struct json_out *json, int value);
/* A place to go back to: what was written since then is taken away. */
struct json_mark {
    size_t len;
    int needs_comma;
};
struct json_mark json_mark(const struct json_out *json);
void json_rollback(struct json_out *json, struct json_mark mark);
void json_number(struct json_out *json, const char *digits, size_t len);
void json_newline(struct json_out *json); /* ends one NDJSON line */

#endif
