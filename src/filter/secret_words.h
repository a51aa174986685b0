/* What single words mean inside a name. Only secret_names.c includes this.
 *
 * Threads: one at a time; the table is filled by the first call of secret_word_may_be(), which
 * every user calls before the other functions. */
#ifndef SECRET_WORDS_H
#define SECRET_WORDS_H

#include <stddef.h>

/* Bits: a word can have several meanings. */
enum secret_word {
    WORD_ALWAYS = 1,      /* "password": the name is a secret */
    WORD_CODE = 2,        /* "otp": the value must look like a code */
    WORD_KEY = 4,         /* "stripe": a secret where "key" follows */
    WORD_OF_TOKEN = 8,    /* "access": a secret where "token" or "pass" follows */
    WORD_NOT_TOKEN = 16,  /* "eof": no secret where "token" follows */
    WORD_CARRIER = 32,    /* "value": may follow "token" without changing its meaning */
    WORD_POLICY = 64,     /* "length": as the last word, the name is only about a secret */
    WORD_BY_VALUE = 128,  /* "token": the value must look like a token */
    WORD_PHRASE = 256,    /* "seed": begins or ends a phrase of secret_names.c */
    WORD_TAIL = 512,      /* "key": may end a word that is written as one, as in masterkey */
    WORD_TAIL_ANY = 1024, /* "password": as WORD_TAIL, whatever the first part is */
};

enum { WORD_BYTES = 40 };

/* Returns the bits of a lower-case word, or of the word whose plural it is; 0 = none. */
unsigned secret_word(const char *word, size_t len);
/* Returns where the second part of a word that is written as one begins (dbpassword: 2), or 0. */
size_t secret_word_tail(const char *word, size_t len);
/* Returns whether a word can have bits for which a name is looked at. Three letters and the length
 * decide, in any case, so a few harmless words pass too. */
int secret_word_may_be(char first, char before_last, char last, size_t len);

#endif
