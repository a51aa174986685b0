/* Why: see secrets.h. Names: in whole words, so that a tokenizer, a pinned tab and a compass are
 * none. Every name that values come with is asked, so what no list can hold goes a short way. */
#include "secrets.h"

#include <stdint.h>
#include <string.h>

#include "ascii.h"

enum { WORDS_MAX = 12, WORD_BYTES = 24 };

struct words {
    char word[WORDS_MAX][WORD_BYTES]; /* lower case, cut */
    int count;
};

/* Whether a word begins with the letter at i, in the middle of letters. */
static int begins_word(const char *name, size_t len, size_t i)
{
    return i > 0 && is_upper(name[i]) &&
           (is_lower(name[i - 1]) ||
            (is_upper(name[i - 1]) && i + 1 < len && is_lower(name[i + 1])));
}

/* db_passwd, apiKey, X-Api-Key, HTTPSecret2: at what is no letter, and where a capital begins. */
static void split(const char *name, size_t len, struct words *w)
{
    size_t n = 0;
    w->count = 0;
    for (size_t i = 0; i < len && w->count < WORDS_MAX; i++) {
        char c = name[i];
        int is_letter = is_upper(c) || is_lower(c) || (unsigned char)c >= 128;
        if (n != 0 && (!is_letter || begins_word(name, len, i))) {
            w->word[w->count++][n] = 0;
            n = 0;
        }
        if (is_letter && n + 1 < WORD_BYTES && w->count < WORDS_MAX) {
            w->word[w->count][n++] = is_upper(c) ? (char)(c + 32) : c;
        }
    }
    if (n != 0 && w->count < WORDS_MAX) {
        w->word[w->count++][n] = 0;
    }
}

static int is_one_of(const char *word, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (**list == *word && strcmp(word, *list) == 0) { /* mostly the first letter tells */
            return 1;
        }
    }
    return 0;
}

static const char *const always[] = {
    "password",     "passwords",  "passwd",    "passwds",       "pwd",         "passphrase",
    "passcode",     "secret",     "secrets",   "credential",    "credentials", "creds",
    "cred",         "bearer",     "ssn",       "cvv",           "cvc",         "iban",
    "jwt",          "apikey",     "apikeys",   "authorization", "cookie",      "cookies",
    "privatekey",   "secretkey",  "accesskey", "sshkey",        "authtoken",   "accesstoken",
    "refreshtoken", "sessionid",  "sessid",    "phpsessid",     "jsessionid",  "setcookie",
    "mfa",          "otp",        "totp",      "userpass",      "dbpass",      "authkey",
    "creditcard",   "cardnumber", "xsrf",      "csrf",          "passwort",    "passwrd",
    NULL,
};
/* Alone, at the end of a name, or before "value", "header", "string", "bytes", "hash", "b64". */
static const char *const at_end[] = {"token", "pass", "auth", "pin", "pan", "session", NULL};
static const char *const carriers[] = {"value", "header", "headers", "string", "str",  "bytes",
                                       "hash",  "b",      "raw",     "text",   "data", "code",
                                       "plain", "env",    "var",     "key",    "id",   NULL};
static const char *const key_kinds[] = {
    "api",   "private", "secret", "ssh",    "access",  "auth",    "signing", "encryption",
    "crypt", "master",  "client", "shared", "service", "session", "hmac",    "aes",
    "rsa",   "gpg",     "pgp",    "deploy", "license", NULL};

/* What "token", "pass" and so on are of, when they are secrets. "auth" and "session" alone say
 * little: a session of a library, a module of it. */
static int ends_secretly(const struct words *w, int at)
{
    const char *word = w->word[at];
    int is_last =
        at == w->count - 1 || (at == w->count - 2 && is_one_of(w->word[at + 1], carriers));
    if (!is_last || !is_one_of(word, at_end)) {
        return 0;
    }
    if (strcmp(word, "session") == 0) {
        return at + 1 < w->count; /* session_id, session_key */
    }
    if (strcmp(word, "pass") == 0) {
        return at > 0 || w->count == 1;
    }
    if (strcmp(word, "pin") == 0) {
        static const char *const of[] = {"card", "user", "security", "login", "account", NULL};
        return at > 0 && is_one_of(w->word[at - 1], of);
    }
    if (strcmp(word, "pan") == 0) {
        return w->count == 1 || (at > 0 && strcmp(w->word[at - 1], "card") == 0);
    }
    if (strcmp(word, "token") == 0 && at > 0) {
        static const char *const harmless[] = {
            "next", "last",  "prev", "previous", "current", "page",         "max",  "min", "num",
            "n",    "per",   "eos",  "bos",      "pad",     "unk",          "stop", "sep", "cls",
            "mask", "first", "end",  "start",    "peek",    "cancellation", NULL};
        return !is_one_of(w->word[at - 1], harmless);
    }
    return 1;
}

/* By first letter and length: which last letters the words have that all of the above hangs on. Of
 * nearly all names no word is among them, so that nothing else has to be asked. */
static uint32_t endings[26][WORD_BYTES];

static void add_ending(const char *word)
{
    size_t len = strlen(word);
    endings[word[0] - 'a'][len] |= 1u << (word[len - 1] - 'a');
}

static void fill_endings(void)
{
    static const char *const pairs[] = {"key", "keys", "card", NULL};
    const char *const *const lists[] = {always, at_end, pairs};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        for (const char *const *word = lists[k]; *word != NULL; word++) {
            add_ending(*word);
        }
    }
}

static int has_ending(char first, char last, size_t len)
{
    unsigned begin = (unsigned)(unsigned char)(first | 32) - 'a';
    unsigned end = (unsigned)(unsigned char)(last | 32) - 'a';
    return begin < 26 && end < 26 && len < WORD_BYTES && (endings[begin][len] >> end & 1) != 0;
}

/* Words as split() makes them, but nothing is copied. */
static int may_be_secret(const char *name, size_t len)
{
    size_t begin = 0, lower = 0;
    while (lower < len && is_lower(name[lower])) {
        lower++;
    }
    if (lower == len) { /* one word, as most names are */
        return has_ending(name[0], name[len - 1], len);
    }
    for (size_t i = 0; i <= len; i++) {
        char c = i < len ? name[i] : 0;
        int is_letter = is_upper(c) || is_lower(c) || (unsigned char)c >= 128;
        int ends = !is_letter || begins_word(name, len, i);
        if (ends && i > begin && has_ending(name[begin], name[i - 1], i - begin)) {
            return 1;
        }
        begin = is_letter ? (ends ? i : begin) : i + 1;
    }
    return 0;
}

int secret_name(const char *name, size_t len)
{
    struct words w;
    if (len < 3 || len > 200) {
        return 0;
    }
    if (endings['k' - 'a'][3] == 0) {
        fill_endings();
    }
    if (!may_be_secret(name, len)) {
        return 0;
    }
    split(name, len, &w);
    for (int i = 0; i < w.count; i++) {
        const char *next = i + 1 < w.count ? w.word[i + 1] : "";
        if (is_one_of(w.word[i], always) || ends_secretly(&w, i)) {
            return 1;
        }
        if ((strcmp(next, "key") == 0 || strcmp(next, "keys") == 0) &&
            is_one_of(w.word[i], key_kinds)) {
            return 1;
        }
        if ((strcmp(w.word[i], "credit") == 0 && strcmp(next, "card") == 0) ||
            (strcmp(w.word[i], "card") == 0 && strcmp(next, "number") == 0) ||
            (strcmp(w.word[i], "card") == 0 && strcmp(next, "no") == 0)) {
            return 1;
        }
    }
    return 0;
}
