/* A text that is looked at, and what its bytes are. For the secret_*.c only. */
#ifndef SECRET_TEXT_H
#define SECRET_TEXT_H

#include <string.h>

#include "secrets.h"

struct text {
    const char *at;
    size_t len;
    int is_cut; /* it goes on: what reaches the end may be longer */
};

/* FIRST: a token may begin with this byte. NUMBER: card numbers and IBANs are of these. MARK: see
 * look_at_mark() in secrets.c. NAME: a name in a text is of these; bytes from 128 on are letters.
 */
enum {
    CLASS_DIGIT = 1,
    CLASS_WORD = 2,
    CLASS_BASE64 = 4,
    CLASS_UPPER = 8,
    CLASS_FIRST = 16,
    CLASS_NUMBER = 32,
    CLASS_MARK = 64,
    CLASS_NAME = 128
};
extern uint8_t secret_classes[256];

static inline uint8_t class_at(const struct text *t, size_t i)
{
    return i < t->len ? secret_classes[(unsigned char)t->at[i]] : 0;
}

/* How many bytes from i on are of the class. */
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

static inline size_t after_blanks(const struct text *t, size_t i)
{
    while (i < t->len && (t->at[i] == ' ' || t->at[i] == '\t')) {
        i++;
    }
    return i;
}

/* Each gives where the secret ends, and in *begin where it begins; 0 = there is none. */

/* secret_named.c, each at the byte that gives it away: name=value and name: value; <name>value<;
 * name%3Dvalue; --name value, curl -u user:value, mysql -pvalue. */
size_t secret_named(const struct text *t, size_t i, size_t *begin);
size_t secret_in_tag(const struct text *t, size_t i, size_t *begin);
size_t secret_in_query(const struct text *t, size_t i, size_t *begin);
size_t secret_option(const struct text *t, size_t i, size_t *begin);
/* Whether the value that begins here stands for one, or says that there is none. */
int secret_is_harmless(const struct text *t, size_t i);

/* secret_forms.c */
size_t secret_url(const struct text *t, size_t i, size_t *begin); /* at "://" */
size_t secret_scheme(const struct text *t, size_t i,
                     size_t *begin);                       /* Bearer, Basic: where a word begins */
size_t secret_private_key(const struct text *t, size_t i); /* at its BEGIN */
/* A form that begins at i; the word round it ends at `end`. */
size_t secret_form(const struct text *t, size_t i, size_t end);
size_t secret_digits(const struct text *t, size_t i); /* card numbers, IBANs */
/* Fills in CLASS_FIRST. */
void secret_forms_fill(void);

#endif
