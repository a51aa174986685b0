/* UTF-8 with lone surrogates as three bytes (WTF-8), as all names in a recording are stored.
 *
 *    code point          bytes
 *    0000 .. 007f        0xxxxxxx
 *    0080 .. 07ff        110xxxxx 10xxxxxx
 *    0800 .. ffff        1110xxxx 10xxxxxx 10xxxxxx      surrogates d800 .. dfff too
 *    10000 .. 10ffff     11110xxx 10xxxxxx 10xxxxxx 10xxxxxx
 *
 * Threads: pure functions of their arguments. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Returns the length of the longest prefix of at most `max` bytes that cuts no character. */
size_t utf8_cut(const uint8_t *text, size_t len, size_t max);
/* Writes a code point, surrogates included, at p, which has room for 4 bytes. Returns the place
 * after it. */
uint8_t *utf8_put(uint8_t *p, uint32_t c);
/* Reads a character. Returns its length and sets *point; 0 where the bytes are no WTF-8. */
size_t utf8_get(const uint8_t *p, size_t left, uint32_t *point);
/* Writes a code point as Python's repr escapes it (`\n`, `\x1b`, `\u202e`), without a final NUL.
 * Returns the length. */
enum { UTF8_ESCAPE_MAX = 10 };
size_t utf8_put_escape(char out[UTF8_ESCAPE_MAX], uint32_t point);
/* Returns the number of characters of valid text. */
size_t utf8_count(const uint8_t *text, size_t len);

#endif
