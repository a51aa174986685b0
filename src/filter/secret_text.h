/* A text under search, and the classes of its bytes. Only the secret_*.c files include this.
 *
 * Threads: the table is written once by secret_text_fill(), under the GIL in the recorder. */
#ifndef SECRET_TEXT_H
#define SECRET_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *at;
    size_t len;
    int is_cut;   /* the text goes on beyond `len`: what reaches its end may be longer */
    int is_apart; /* searched beside the recorder's threads: nothing is remembered */
};

/* Bits of secret_classes. */
enum {
    CLASS_DIGIT = 1,
    CLASS_WORD = 2,   /* letters, digits, _ and - */
    CLASS_BASE64 = 4, /* letters, digits, +, / and = */
    CLASS_UPPER = 8,
    CLASS_FIRST = 16,  /* some token begins with this byte */
    CLASS_NUMBER = 32, /* card numbers and IBANs consist of these */
    CLASS_MARK = 64,   /* find_at_mark() of secrets.c handles this byte */
    CLASS_NAME = 128   /* letters, digits, _, - and all bytes from 128 on */
};
extern uint8_t secret_classes[256];

/* Fills the table, but for CLASS_FIRST: see secret_forms_fill(). */
void secret_text_fill(void);

static inline uint8_t class_at(const struct text *t, size_t i)
{
    return i < t->len ? secret_classes[(unsigned char)t->at[i]] : 0;
}

/* Returns how many bytes in a row, from i on, are of the class. */
static inline size_t run_length(const struct text *t, size_t i, uint8_t class)
{
    size_t n = 0;
    while ((class_at(t, i + n) & class) != 0) {
        n++;
    }
    return n;
}

static inline int has_word_at(const struct text *t, size_t i, const char *word)
{
    size_t n = strlen(word);
    return i <= t->len && t->len - i >= n && memcmp(t->at + i, word, n) == 0;
}

static inline int is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Returns the place of the first byte from i on that is neither a space nor a tab. */
static inline size_t after_blanks(const struct text *t, size_t i)
{
    while (i < t->len && (t->at[i] == ' ' || t->at[i] == '\t')) {
        i++;
    }
    return i;
}

#endif
