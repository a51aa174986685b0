/* Why: most secrets in texts have no name beside them, but a form that is hard to meet by chance.
 *
 *    find_at_mark() -> secret_url(), secret_scheme(), secret_private_key()   at a sign
 *    find_in_run()  -> secret_form(), secret_digits()                        in a long run
 *
 *    secret_form():
 *      S G .  -> match_sendgrid()    two parts of at least 16
 *      e y J  -> match_jwt()         header.payload.signature, the longest match wins
 *      else   -> match_prefixed()    forms[form_of[first byte]...]: prefix + at least n characters
 *
 *    secret_digits():
 *      digit           -> match_card_number()   issuer, length and Luhn sum
 *      two letters     -> match_iban()          length and remainder of 97
 *
 * Invariants: no function reads beyond t->len. forms[] is ordered by first byte, as form_of[]
 * needs. A form that the end of a cut text interrupts counts as complete. */
#include "secret_forms.h"

#include "ascii.h"
#include "secret_named.h"
#include "secret_values.h"

/* ---- tokens ---- */

/* A prefix, then at least `least` letters, digits, _ and -. Ordered by first byte. is_wordy:
 * ordinary names begin so too (npm_config_registry), hence a capital or a digit must follow. */
static const struct form {
    const char *prefix;
    unsigned least, is_wordy;
} forms[] = {
    {"1//0", 20, 0},        {"AGE-SECRET-KEY-1", 20, 0},
    {"AIDA", 16, 0},        {"AIza", 30, 0},
    {"AKIA", 16, 0},        {"AROA", 16, 0},
    {"ASIA", 16, 0},        {"ATATT3", 16, 0},
    {"EAAC", 20, 0},        {"GOCSPX-", 16, 0},
    {"PMAK-", 20, 0},       {"dckr_pat_", 20, 0},
    {"dop_v1_", 40, 0},     {"dp.ct.", 20, 0},
    {"dp.pt.", 20, 0},      {"dp.sa.", 20, 0},
    {"dp.st.", 20, 0},      {"eyJ", 12, 0},
    {"ghp_", 20, 0},        {"gho_", 20, 0},
    {"ghu_", 20, 0},        {"ghs_", 20, 0},
    {"ghr_", 20, 0},        {"glpat-", 16, 0},
    {"github_pat_", 20, 0}, {"gldt-", 16, 0},
    {"glrt-", 16, 0},       {"glsa_", 16, 0},
    {"gsk_", 20, 1},        {"hf_", 30, 1},
    {"hvs.", 20, 1},        {"lin_api_", 16, 1},
    {"npm_", 30, 1},        {"pypi-", 30, 1},
    {"r8_", 20, 1},         {"rk_live_", 10, 0},
    {"rubygems_", 20, 1},   {"sbp_", 20, 0},
    {"shpat_", 30, 0},      {"sk-", 20, 1},
    {"sk_live_", 10, 0},    {"sk_test_", 10, 0},
    {"sq0atp-", 16, 0},     {"sq0csp-", 16, 0},
    {"tskey-", 16, 1},      {"whsec_", 16, 1},
    {"xapp-", 10, 0},       {"xoxa-", 10, 0},
    {"xoxb-", 10, 0},       {"xoxe.", 20, 0},
    {"xoxp-", 10, 0},       {"xoxr-", 10, 0},
    {"xoxs-", 10, 0},       {"ya29.", 20, 0},
};
enum { FORMS = sizeof forms / sizeof *forms };

static uint8_t form_of[256]; /* 1 + index of the first form with this first byte; 0 = none */

void secret_forms_fill(void)
{
    for (size_t i = FORMS; i > 0; i--) {
        unsigned char first = (unsigned char)forms[i - 1].prefix[0];
        form_of[first] = (uint8_t)i;
        secret_classes[first] |= CLASS_FIRST;
    }
    secret_classes['S'] |= CLASS_FIRST; /* match_sendgrid() handles "SG." */
}

/* Returns whether the bytes [begin, end) contain a digit or a capital letter. */
static int has_digit_or_capital(const struct text *t, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        if (is_digit(t->at[i]) || is_upper(t->at[i])) {
            return 1;
        }
    }
    return 0;
}

/* Matches the forms with a known prefix. */
static size_t match_prefixed(const struct text *t, size_t i)
{
    if (i > 0 && (class_at(t, i - 1) & CLASS_WORD) != 0) {
        return 0;
    }
    for (size_t k = form_of[(unsigned char)t->at[i]];
         k != 0 && k <= FORMS && forms[k - 1].prefix[0] == t->at[i]; k++) {
        const char *prefix = forms[k - 1].prefix;
        if (i + 1 < t->len && t->at[i + 1] == prefix[1] && has_word_at(t, i, prefix)) {
            size_t body = i + strlen(prefix), end = body + run_length(t, body, CLASS_WORD);
            int is_open = t->is_cut && end == t->len;
            if ((end - body >= forms[k - 1].least &&
                 (!forms[k - 1].is_wordy || has_digit_or_capital(t, body, end))) ||
                is_open) {
                return end;
            }
        }
    }
    return 0;
}

/* Matches a JSON web token: three parts, of which the first two begin with "eyJ" or have a minimum
 * length. `end` is the end of the first part. */
static size_t match_jwt(const struct text *t, size_t i, size_t end)
{
    enum { FIRST_LEAST = 8, SECOND_LEAST = 4 };
    if (!has_word_at(t, i, "eyJ") || end - i < FIRST_LEAST) {
        return 0;
    }
    if (end >= t->len || t->at[end] != '.') {
        return t->is_cut && end == t->len ? end : 0;
    }
    size_t second = run_length(t, end + 1, CLASS_WORD), at = end + 1 + second;
    if (second < SECOND_LEAST) {
        return t->is_cut && at == t->len ? at : 0;
    }
    return at < t->len && t->at[at] == '.' ? at + 1 + run_length(t, at + 1, CLASS_WORD) : at;
}

/* Matches SG.part.part. */
static size_t match_sendgrid(const struct text *t, size_t i)
{
    enum { PART_LEAST = 16 };
    size_t dot = has_word_at(t, i, "SG.") ? i + 3 + run_length(t, i + 3, CLASS_WORD) : 0;
    if (dot < i + 3 + PART_LEAST || dot >= t->len || t->at[dot] != '.') {
        return 0;
    }
    size_t end = dot + 1 + run_length(t, dot + 1, CLASS_WORD);
    return end - dot > PART_LEAST ? end : 0;
}

size_t secret_form(const struct text *t, size_t i, size_t end)
{
    size_t stop = match_prefixed(t, i);
    if (t->at[i] == 'e' && end > i) {
        size_t jwt = match_jwt(t, i, end);
        stop = jwt > stop ? jwt : stop;
    }
    return stop == 0 && t->at[i] == 'S' ? match_sendgrid(t, i) : stop;
}

/* ---- keys, headers, addresses ---- */

/* Reaches to the end of the key, or of the text where the key has none. */
size_t secret_private_key(const struct text *t, size_t i)
{
    enum { KIND_MOST = 60 };
    size_t k = i + 11;
    if (!has_word_at(t, i, "-----BEGIN ")) {
        return 0;
    }
    while (k < t->len && k < i + KIND_MOST && !has_word_at(t, k, "PRIVATE KEY")) {
        k++;
    }
    if (!has_word_at(t, k, "PRIVATE KEY")) {
        return 0;
    }
    for (; k < t->len; k++) {
        if (t->at[k] == '-' && has_word_at(t, k, "-----END ")) {
            size_t end = k + 9;
            while (end < t->len && t->at[end] != '-') {
                end++;
            }
            return end + run_length(t, end, CLASS_WORD);
        }
    }
    return t->len;
}

/* Returns whether a lower-case word is at i, in any case. */
static int has_any_case(const struct text *t, size_t i, const char *word)
{
    for (; *word != 0; word++, i++) {
        if (i >= t->len || (t->at[i] | 32) != *word) {
            return 0;
        }
    }
    return 1;
}

/* Returns whether base64 text decodes to printable characters with a colon: name:password. */
static int is_basic(const struct text *t, size_t i, size_t n)
{
    uint32_t bits = 0, have = 0;
    int has_colon = 0;
    for (size_t k = 0; k < n && t->at[i + k] != '='; k++) {
        char c = t->at[i + k];
        uint32_t six = is_upper(c)   ? (uint32_t)(c - 'A')
                       : is_lower(c) ? (uint32_t)(c - 'a' + 26)
                       : is_digit(c) ? (uint32_t)(c - '0' + 52)
                       : c == '+'    ? 62u
                                     : 63u;
        bits = bits << 6 | six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            unsigned char byte = (unsigned char)(bits >> have);
            if (byte < 32 || byte == 127) {
                return 0;
            }
            has_colon |= byte == ':';
        }
    }
    return has_colon;
}

size_t secret_scheme(const struct text *t, size_t i, size_t *begin)
{
    enum { BEARER_LEAST = 8, BEARER_LONG = 20, BASIC_LEAST = 6 };
    if (has_any_case(t, i, "bearer ")) {
        size_t at = after_blanks(t, i + 7), end = at, digits = 0;
        while (end < t->len && ((class_at(t, end) & (CLASS_WORD | CLASS_BASE64)) != 0 ||
                                t->at[end] == '.' || t->at[end] == '~')) {
            digits += (class_at(t, end) & CLASS_DIGIT) != 0;
            end++;
        }
        *begin = at;
        int is_open = t->is_cut && end == t->len && end > at;
        return (end - at >= BEARER_LEAST && digits != 0) || end - at >= BEARER_LONG || is_open ? end
                                                                                               : 0;
    }
    if (has_any_case(t, i, "basic ")) {
        size_t at = after_blanks(t, i + 6), n = run_length(t, at, CLASS_BASE64);
        *begin = at;
        return n >= BASIC_LEAST && (is_basic(t, at, n) || (t->is_cut && at + n == t->len)) ? at + n
                                                                                           : 0;
    }
    return 0;
}

/* Returns whether a character cannot be in the user part of an address. */
static int ends_user(char c)
{
    return c == '/' || c == '?' || c == '#' || c == '"' || c == '\'' || c == '<' || is_white(c);
}

/* Matches the path of a web hook's address: whoever knows it can post. */
static size_t match_web_hook(const struct text *t, size_t at, size_t *begin)
{
    static const char host[] = "hooks.slack.com/services/";
    if (!has_word_at(t, at, host)) {
        return 0;
    }
    size_t end = *begin = at + sizeof host - 1;
    while (end < t->len && (t->at[end] == '/' || (class_at(t, end) & CLASS_WORD) != 0)) {
        end++;
    }
    return end > *begin ? end : 0;
}

/* Matches scheme://user:password@host and scheme://token@host. */
size_t secret_url(const struct text *t, size_t i, size_t *begin)
{
    size_t first = i + 3, at = first, colon = 0;
    if (i == 0 || (class_at(t, i - 1) & CLASS_WORD) == 0) {
        return 0;
    }
    for (; at < t->len && t->at[at] != '@' && !ends_user(t->at[at]); at++) {
        colon = t->at[at] == ':' && colon == 0 ? at : colon;
    }
    int is_open = t->is_cut && at == t->len;
    if (at >= t->len ? !is_open : t->at[at] != '@') {
        return match_web_hook(t, first, begin);
    }
    size_t user_end = colon != 0 ? colon : at;
    int user_is_token = secret_value(SECRET_TOKEN, t->at + first, user_end - first);
    if (colon == 0 || (user_is_token && user_end - first >= 16)) {
        *begin = first;
        return user_is_token ? at : 0;
    }
    *begin = colon + 1;
    return at > colon + 1 && !secret_is_harmless(t, colon + 1) ? at : 0;
}

/* ---- numbers with check digits ---- */

/* Returns whether the first digits name an issuer whose cards have n digits. So 15 digits that
 * begin with 35 are the number of a device. */
static int is_issued(const char *digits, size_t n)
{
    switch (digits[0]) {
    case '2':
    case '5':
        return n == 16;
    case '3':
        return digits[1] == '4' || digits[1] == '7'   ? n == 15
               : digits[1] == '5'                     ? n == 16
               : digits[1] == '0' || digits[1] == '6' ? n == 14
                                                      : n == 14 && digits[1] >= '8';
    case '4':
        return n == 13 || n == 16 || n == 19;
    case '6':
        return n >= 16 && n <= 19;
    default:
        return 0;
    }
}

/* Matches 13 to 19 digits, alone or in groups, with a right Luhn sum. */
static size_t match_card_number(const struct text *t, size_t i)
{
    char digits[20];
    size_t n = 0, at = i;
    for (; at < t->len && n < 20; at++) {
        if (is_digit(t->at[at])) {
            digits[n++] = t->at[at];
        } else if (n == 0 || !(t->at[at] == ' ' || t->at[at] == '-') || at + 1 >= t->len ||
                   !is_digit(t->at[at + 1])) {
            break;
        }
    }
    if (!is_issued(digits, n) || (class_at(t, at) & (CLASS_WORD | CLASS_DIGIT)) != 0 ||
        (at < t->len && t->at[at] == '.')) {
        return 0;
    }
    unsigned sum = 0, differ = 0;
    for (size_t k = 0; k < n; k++) {
        unsigned digit = (unsigned)(digits[n - 1 - k] - '0');
        differ |= digits[k] != digits[0];
        digit *= k % 2 != 0 ? 2 : 1;
        sum += digit > 9 ? digit - 9 : digit;
    }
    return differ && sum % 10 == 0 ? at : 0;
}

/* Matches two letters, two check digits and 11 to 30 more characters, in groups of four, whose
 * remainder by 97 is 1. */
static size_t match_iban(const struct text *t, size_t i)
{
    char all[40];
    size_t n = 0, at = i;
    for (; at < t->len && n < 36; at++) {
        if ((class_at(t, at) & (CLASS_DIGIT | CLASS_UPPER)) != 0) {
            all[n++] = t->at[at];
        } else if (t->at[at] != ' ' || n % 4 != 0) {
            break;
        }
    }
    while (at > i && t->at[at - 1] == ' ') {
        at--;
    }
    if (n < 15 || n > 34 || is_lower(at < t->len ? t->at[at] : ' ')) {
        return 0;
    }
    unsigned rest = 0;
    for (size_t k = 0; k < n; k++) {
        char c = all[(k + 4) % n];
        rest = is_digit(c) ? (rest * 10 + (unsigned)(c - '0')) % 97
                           : (rest * 100 + (unsigned)(c - 'A' + 10)) % 97;
    }
    return rest == 1 ? at : 0;
}

size_t secret_digits(const struct text *t, size_t i)
{
    if (i > 0 && (class_at(t, i - 1) & CLASS_WORD) != 0) {
        return 0;
    }
    if ((class_at(t, i) & CLASS_DIGIT) != 0) {
        return match_card_number(t, i);
    }
    return (class_at(t, i + 1) & CLASS_UPPER) != 0 && (class_at(t, i + 2) & CLASS_DIGIT) != 0 &&
                   (class_at(t, i + 3) & CLASS_DIGIT) != 0
               ? match_iban(t, i)
               : 0;
}
