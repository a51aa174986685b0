/* What one word of a name says (secret_words.c). For secret_names.c only. */
#ifndef SECRET_WORDS_H
#define SECRET_WORDS_H

#include <stddef.h>

enum secret_word {
    WORD_ALWAYS = 1,      /* password */
    WORD_CODE = 2,        /* otp */
    WORD_KEY = 4,         /* "stripe", before "key" */
    WORD_OF_TOKEN = 8,    /* "access", before "token" and "pass" */
    WORD_NOT_TOKEN = 16,  /* "eof", before "token" */
    WORD_CARRIER = 32,    /* "value", behind "token" */
    WORD_POLICY = 64,     /* "length", at the end */
    WORD_BY_VALUE = 128,  /* "token" */
    WORD_PHRASE = 256,    /* "seed", which a phrase begins with */
    WORD_TAIL = 512,      /* what words that are written as one end in */
    WORD_TAIL_ANY = 1024, /* the same, whatever comes before */
};

enum { WORD_BYTES = 40 };

/* The bits of a word in lower case, also of its plural; 0 = it says nothing. */
unsigned secret_word(const char *word, size_t len);
/* Where a word that is written as one has its second part (dbpassword: 2); 0 = it is none. */
size_t secret_word_tail(const char *word, size_t len);
/* Whether a word may be one that names are looked at for, by two of its letters and its length;
 * upper case is fine. */
int secret_word_may_be(char first, char before_last, char last, size_t len);

#endif
