/* Why: a list of whole names would be endless, so words are listed and combined by rules.
 *
 *    name -> may_be_secret() -> split_name() -> word_at() for each word -> the strictest class
 *               |                                 |
 *               +-> most names stop here          +-> alone, before "key", in a phrase, by value
 *
 * Invariant: a name whose last word is a policy ("length", "url") is never a secret. */
#include "secret_names.h"

#include <string.h>

#include "ascii.h"
#include "secret_words.h"

enum { WORDS_MAX = 12 };

struct words {
    char word[WORDS_MAX][WORD_BYTES]; /* lower case, cut to WORD_BYTES */
    unsigned is[WORDS_MAX];           /* bits of enum secret_word */
    int count;
};

/* Words that only together name a secret. */
static const struct phrase {
    const char *words[3];
    enum secret_class class;
} phrases[] = {
    {{"credit", "card"}, SECRET_ALWAYS},     {{"card", "number"}, SECRET_ALWAYS},
    {{"card", "no"}, SECRET_ALWAYS},         {{"card", "num"}, SECRET_ALWAYS},
    {{"cc", "number"}, SECRET_ALWAYS},       {{"cc", "num"}, SECRET_ALWAYS},
    {{"social", "security"}, SECRET_ALWAYS}, {{"seed", "phrase"}, SECRET_ALWAYS},
    {{"seed", "words"}, SECRET_ALWAYS},      {{"recovery", "phrase"}, SECRET_ALWAYS},
    {{"recovery", "code"}, SECRET_ALWAYS},   {{"recovery", "codes"}, SECRET_ALWAYS},
    {{"backup", "code"}, SECRET_ALWAYS},     {{"backup", "codes"}, SECRET_ALWAYS},
    {{"security", "answer"}, SECRET_ALWAYS}, {{"mot", "de", "passe"}, SECRET_ALWAYS},
    {{"private", "pem"}, SECRET_ALWAYS},     {{"pass", "word"}, SECRET_ALWAYS},
    {{"pass", "phrase"}, SECRET_ALWAYS},     {{"pass", "code"}, SECRET_ALWAYS},
    {{"auth", "header"}, SECRET_ALWAYS},     {{"auth", "headers"}, SECRET_ALWAYS},
    {{"auth", "string"}, SECRET_ALWAYS},     {{"mat", "khau"}, SECRET_ALWAYS},
    {{"verification", "code"}, SECRET_CODE}, {{"confirmation", "code"}, SECRET_CODE},
    {{"security", "code"}, SECRET_CODE},     {{"unlock", "code"}, SECRET_CODE},
    {{"sms", "code"}, SECRET_CODE},          {{"login", "code"}, SECRET_CODE},
    {{"auth", "code"}, SECRET_CODE},         {{"pin", "code"}, SECRET_CODE},
    {{"account", "number"}, SECRET_CODE},    {{"one", "time", "code"}, SECRET_CODE},
};

static int is_letter(char c)
{
    return is_upper(c) || is_lower(c) || ((unsigned char)c & 0x80) != 0;
}

/* Returns whether a word begins at i inside a run of letters: apiKey at K, HTTPSecret at S. */
static int begins_word(const char *name, size_t len, size_t i)
{
    return i > 0 && is_upper(name[i]) &&
           (is_lower(name[i - 1]) ||
            (is_upper(name[i - 1]) && i + 1 < len && is_lower(name[i + 1])));
}

/* Ends the current word. A word that is written as one of two (dbpassword) becomes two. */
static void end_word(struct words *w, size_t n)
{
    char *word = w->word[w->count];
    word[n] = 0;
    unsigned is = secret_word(word, n);
    size_t tail = is == 0 ? secret_word_tail(word, n) : 0;
    if (tail != 0 && w->count + 1 < WORDS_MAX) {
        memcpy(w->word[w->count + 1], word + tail, n - tail + 1);
        word[tail] = 0;
        w->is[w->count++] = secret_word(word, tail);
        word = w->word[w->count];
        is = secret_word(word, n - tail);
    }
    w->is[w->count++] = is;
}

/* Divides a name into words: at what is no letter, and where a capital letter begins a word. */
static void split_name(const char *name, size_t len, struct words *w)
{
    size_t n = 0;
    w->count = 0;
    for (size_t i = 0; i < len && w->count < WORDS_MAX; i++) {
        char c = name[i];
        if (n != 0 && (!is_letter(c) || begins_word(name, len, i))) {
            end_word(w, n);
            n = 0;
        }
        if (is_letter(c) && n + 1 < WORD_BYTES && w->count < WORDS_MAX) {
            w->word[w->count][n++] = is_upper(c) ? (char)(c + 32) : c;
        }
    }
    if (n != 0 && w->count < WORDS_MAX) {
        end_word(w, n);
    }
}

static int is_word_at(const struct words *w, int at, const char *word)
{
    return at >= 0 && at < w->count && strcmp(w->word[at], word) == 0;
}

/* Returns the bits of a word, or 0 where there is no such word. */
static unsigned bits_at(const struct words *w, int at)
{
    return at >= 0 && at < w->count ? w->is[at] : 0;
}

/* Returns the class of the phrase that begins at a word. */
static enum secret_class phrase_at(const struct words *w, int at)
{
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        const char *const *words = phrases[i].words;
        if (is_word_at(w, at, words[0]) && is_word_at(w, at + 1, words[1]) &&
            (words[2] == NULL || is_word_at(w, at + 2, words[2]))) {
            return phrases[i].class;
        }
    }
    return SECRET_NONE;
}

/* Decides about "token" and "pass" by the word before: access_token and smtp_pass are secrets,
 * next_token is none. */
static enum secret_class token_at(const struct words *w, int at, int is_last)
{
    unsigned before = bits_at(w, at - 1);
    if ((before & WORD_OF_TOKEN) != 0 && is_last) {
        return SECRET_ALWAYS;
    }
    if (is_word_at(w, at, "tokens") || (before & WORD_NOT_TOKEN) != 0 || !is_last) {
        return SECRET_NONE;
    }
    return SECRET_TOKEN;
}

/* Decides about words that are secrets only in some places: at the end of a name, or before a
 * carrier. "session" alone is usually an object of a library. */
static enum secret_class by_value_at(const struct words *w, int at)
{
    int is_last = at == w->count - 1 || (at == w->count - 2 && (w->is[at + 1] & WORD_CARRIER) != 0);
    if (is_word_at(w, at, "token") || is_word_at(w, at, "tok") || is_word_at(w, at, "tokens")) {
        return token_at(w, at, is_last);
    }
    if ((w->is[at] & WORD_BY_VALUE) == 0) {
        return SECRET_NONE;
    }
    if (is_word_at(w, at, "cookie") || is_word_at(w, at, "cookies")) {
        return SECRET_TOKEN;
    }
    if (!is_last) {
        return SECRET_NONE;
    }
    if (is_word_at(w, at, "session")) {
        return at + 1 < w->count ? SECRET_TOKEN : SECRET_NONE; /* as in session_id */
    }
    if (is_word_at(w, at, "pass")) {
        return token_at(w, at, is_last);
    }
    if (is_word_at(w, at, "pin")) {
        return is_word_at(w, at - 1, "card") || is_word_at(w, at - 1, "user") ||
                       is_word_at(w, at - 1, "login") || is_word_at(w, at - 1, "security") ||
                       is_word_at(w, at - 1, "account")
                   ? SECRET_CODE
                   : SECRET_NONE;
    }
    if (is_word_at(w, at, "pan")) {
        return w->count == 1 || is_word_at(w, at - 1, "card") ? SECRET_TOKEN : SECRET_NONE;
    }
    return is_word_at(w, at, "auth") ? SECRET_LOGIN : SECRET_TOKEN;
}

/* Returns the class that a word gives its name. */
static enum secret_class word_at(const struct words *w, int at)
{
    if ((w->is[at] & WORD_ALWAYS) != 0) {
        return SECRET_ALWAYS;
    }
    if ((w->is[at] & WORD_KEY) != 0 &&
        (is_word_at(w, at + 1, "key") || is_word_at(w, at + 1, "keys"))) {
        return SECRET_ALWAYS;
    }
    enum secret_class class = phrase_at(w, at);
    if (class == SECRET_NONE && (w->is[at] & WORD_CODE) != 0) {
        class = SECRET_CODE;
    }
    return class != SECRET_NONE ? class : by_value_at(w, at);
}

/* Returns whether any word of a name may have bits. Finds words as split_name() does, without
 * copying them. */
static int may_be_secret(const char *name, size_t len)
{
    size_t begin = 0, lower = 0;
    while (lower < len && is_lower(name[lower])) {
        lower++;
    }
    if (lower == len) { /* most names are one word */
        return secret_word_may_be(name[0], name[len - 2], name[len - 1], len);
    }
    for (size_t i = 0; i <= len; i++) {
        int letter = i < len && is_letter(name[i]);
        int ends = !letter || begins_word(name, len, i);
        if (ends && i > begin + 1 &&
            secret_word_may_be(name[begin], name[i - 2], name[i - 1], i - begin)) {
            return 1;
        }
        begin = letter ? (ends ? i : begin) : i + 1;
    }
    return 0;
}

enum secret_role secret_role(const char *name, size_t len)
{
    static const char *const names[] = {"name",   "key",    "Name",     "Key",        "k", "var",
                                        "header", "option", "variable", "field_name", NULL};
    static const char *const values[] = {"value", "Value", "v", "val", "field_value", NULL};
    const char *const *const lists[] = {names, values};
    for (int i = 0; i < 2 && len < 12; i++) {
        for (const char *const *word = lists[i]; *word != NULL; word++) {
            if (strlen(*word) == len && memcmp(*word, name, len) == 0) {
                return i == 0 ? SECRET_NAMES : SECRET_NAMED;
            }
        }
    }
    return SECRET_NO_ROLE;
}

enum secret_class secret_name(const char *name, size_t len)
{
    struct words w;
    enum secret_class found = SECRET_NONE;
    if (len < 2 || len > 200 || !may_be_secret(name, len)) {
        return SECRET_NONE;
    }
    split_name(name, len, &w);
    if (w.count > 1 && (w.is[w.count - 1] & WORD_POLICY) != 0) {
        return SECRET_NONE; /* as in password_min_length */
    }
    for (int i = 0; i < w.count && found != SECRET_ALWAYS; i++) {
        enum secret_class class = word_at(&w, i);
        if (class == SECRET_ALWAYS || found == SECRET_NONE ||
            (class == SECRET_CODE && found == SECRET_TOKEN)) {
            found = class != SECRET_NONE ? class : found;
        }
    }
    return found;
}
