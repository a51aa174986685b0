/* Why: dumps have tens of millions of lines, and Python's json would be by far the slowest part. */
#include "json_out.h"

#include "utf8.h"

void json_fini(struct json_out *json)
{
    bytes_out_fini(&json->out);
}

/* Writes the comma before a value, unless the value is the first one or follows a key. */
static void put_comma(struct json_out *json)
{
    if (json->needs_comma) {
        bytes_put(&json->out, ",", 1);
    }
    json->needs_comma = 1;
}

void json_number(struct json_out *json, const char *digits, size_t len)
{
    put_comma(json);
    bytes_put(&json->out, digits, len);
}

void json_open(struct json_out *json, char bracket)
{
    put_comma(json);
    bytes_put(&json->out, &bracket, 1);
    json->needs_comma = 0;
}

void json_close(struct json_out *json, char bracket)
{
    bytes_put(&json->out, &bracket, 1);
    json->needs_comma = 1;
}

/* Writes a UTF-16 unit as \uXXXX. */
static uint8_t *put_json_escape(uint8_t *p, uint32_t unit)
{
    static const char hex[] = "0123456789abcdef";
    *p++ = '\\';
    *p++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) {
        *p++ = (uint8_t)hex[(unit >> shift) & 15];
    }
    return p;
}

/* Writes a character, escaped where it is not printable ASCII. */
static uint8_t *put_json_char(uint8_t *p, uint32_t c)
{
    if (c == '"' || c == '\\') {
        *p++ = '\\';
        *p++ = (uint8_t)c;
    } else if (c == '\n') {
        *p++ = '\\';
        *p++ = 'n';
    } else if (c >= 0x20 && c < 0x7f) {
        *p++ = (uint8_t)c;
    } else if (c < 0x10000) {
        p = put_json_escape(p, c);
    } else {
        p = put_json_escape(p, 0xd800 + ((c - 0x10000) >> 10));
        p = put_json_escape(p, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
    return p;
}

/* Writes a text in quotes. Bytes that are no UTF-8 become \ufffd one by one. */
static void put_json_quoted(struct json_out *json, const uint8_t *text, size_t len)
{
    /* One byte becomes at most 6, and a 4-byte character at most 12. */
    uint8_t *room = len < SIZE_MAX / 8 ? bytes_room(&json->out, len * 6 + 2) : NULL;
    if (room == NULL) {
        json->out.failed = 1;
        return;
    }
    uint8_t *p = room;
    *p++ = '"';
    while (len != 0) {
        uint32_t c = 0xfffd;
        size_t n = utf8_get(text, len, &c);
        p = put_json_char(p, n != 0 ? c : 0xfffd);
        n = n != 0 ? n : 1;
        text += n;
        len -= n;
    }
    *p++ = '"';
    json->out.len += (size_t)(p - room);
}

void json_key(struct json_out *json, const char *key)
{
    json_text(json, key);
    bytes_put(&json->out, ":", 1);
    json->needs_comma = 0;
}

void json_string(struct json_out *json, const void *utf8, size_t len)
{
    put_comma(json);
    put_json_quoted(json, utf8, len);
}

void json_text(struct json_out *json, const char *text)
{
    json_string(json, text, strlen(text));
}

void json_u64(struct json_out *json, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put_comma(json);
    bytes_put(&json->out, digits + at, sizeof digits - at);
}

void json_null(struct json_out *json)
{
    put_comma(json);
    bytes_put(&json->out, "null", 4);
}

void json_bool(struct json_out *json, int value)
{
    put_comma(json);
    bytes_put(&json->out, value ? "true" : "false", value ? 4 : 5);
}

struct json_mark json_mark(const struct json_out *json)
{
    return (struct json_mark){json->out.len, json->needs_comma};
}

void json_rollback(struct json_out *json, struct json_mark mark)
{
    json->out.len = mark.len;
    json->needs_comma = mark.needs_comma;
}

void json_newline(struct json_out *json)
{
    bytes_put(&json->out, "\n", 1);
    json->needs_comma = 0;
}
