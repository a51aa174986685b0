/* Names in a recording are UTF-8, with lone surrogates kept as three bytes (WTF-8). */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The longest prefix of at most `max` bytes that does not cut a character. */
size_t utf8_cut(const uint8_t *text, size_t len, size_t max);
/* Appends a code point (surrogates included) to p, which has room for 4 bytes. */
uint8_t *utf8_put(uint8_t *p, uint32_t c);
/* Length of the valid character at p (WTF-8), 0 where the bytes are none; *point is set. */
size_t utf8_get(const uint8_t *p, size_t left, uint32_t *point);
/* Writes a code point as Python's repr escapes it (`\n`, `\x1b`, `\u202e`), without a final NUL.
 * Returns the length. */
enum { UTF8_ESCAPE_MAX = 10 };
size_t utf8_put_escape(char out[UTF8_ESCAPE_MAX], uint32_t point);
/* Characters of valid text. */
size_t utf8_count(const uint8_t *text, size_t len);

#endif
