/* What is a secret by itself: well-known names, in whole words, values that such names give away,
 * and well-known forms of text. docs/security.md lists all of them.
 *
 *   secret_words.c   what single words say             secret_names.c   what a name says
 *   secret_values.c  what a value of such a name says  secret_named.c   names and values in a text
 *   secret_forms.c   forms that need no name           secrets.c        one pass over a text
 *
 * All is by hand and goes once over its text, since every captured one comes through here. */
#ifndef SECRETS_H
#define SECRETS_H

#include <stddef.h>
#include <stdint.h>

/* No form is shorter. */
#define SECRET_LEAST 6u

/* What a name makes of its value. */
enum secret_class {
    SECRET_NONE,
    SECRET_ALWAYS, /* A: password */
    SECRET_TOKEN,  /* B: token; where the value looks like one */
    SECRET_CODE,   /* C: otp; 3 to 12 digits, and what B hides */
    SECRET_LOGIN,  /* B: auth; of a pair (user, password) always */
};

enum secret_class secret_name(const char *name, size_t len);

/* {"name": "DB_PASSWORD", "value": ...}: what one of two values says of the other. */
enum secret_role { SECRET_NO_ROLE, SECRET_NAMES, SECRET_NAMED };
enum secret_role secret_role(const char *name, size_t len);

/* Whether a text under such a name is to be hidden. */
int secret_value(enum secret_class class, const char *text, size_t len);
/* The same of an int. */
int secret_number(enum secret_class class, int64_t number);

/* The parts of a text that are secrets, in order, at most SECRET_PARTS; what comes behind the last
 * one is then part of it. is_cut: the text goes on beyond what is seen, and what may be a form that
 * ends there is one. */
#define SECRET_PARTS 32u
struct secret_part {
    size_t begin, end;
};
size_t secret_parts(const char *text, size_t len, int is_cut, struct secret_part *parts);
/* Of two lists in order, one, at `out`; what overlaps becomes one part. len: of the text. */
size_t secret_merge(const struct secret_part *a, size_t a_count, const struct secret_part *b,
                    size_t b_count, size_t len, struct secret_part *out);
/* The text with `mark` in the place of its parts, as far as there is room: its size. */
size_t secret_replace(const char *text, size_t len, const struct secret_part *parts, size_t count,
                      const char *mark, char *out, size_t size);
/* Whether there is one. */
int secret_text(const char *text, size_t len);

#endif
