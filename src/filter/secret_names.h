/* Names of secrets: whether a name alone makes its value a secret, or the value has to decide.
 *
 * A name is divided into words first, so that `tokenizer`, `pinned_tab` and `compass` are no
 * secrets:
 *
 *   db_passwd   apiKey    X-Api-Key   HTTPSecret2   dbpassword     password_min_length
 *   db passwd   api key   x api key   http secret   db password    password min length
 *      ALWAYS   ALWAYS    ALWAYS           ALWAYS      ALWAYS      none: "length" is a policy
 *
 * Every name of a captured value comes through here. A check of few letters rejects most names
 * before any word is looked up (secret_words.h).
 *
 * Threads: one at a time, under the GIL in the recorder; the table of words is filled on first
 * use. */
#ifndef SECRET_NAMES_H
#define SECRET_NAMES_H

#include <stddef.h>

/* The classes A, B and C of docs/security.md, and what a value must look like to be redacted. */
enum secret_class {
    SECRET_NONE,
    SECRET_ALWAYS, /* A: password; any value */
    SECRET_TOKEN,  /* B: token; a value that looks like a token */
    SECRET_CODE,   /* C: otp; 3 to 12 digits, or what B redacts */
    SECRET_LOGIN,  /* B: auth; also every pair (user, password) */
};

/* Returns the class of a name in UTF-8. */
enum secret_class secret_name(const char *name, size_t len);

/* In {"name": "DB_PASSWORD", "value": "x"}, the value under NAMES is the name of the value under
 * NAMED. */
enum secret_role { SECRET_NO_ROLE, SECRET_NAMES, SECRET_NAMED };
enum secret_role secret_role(const char *name, size_t len);

#endif
