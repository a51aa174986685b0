/* Why: see secrets.h. Texts. By hand, since every captured one comes through here: most bytes are
 * passed over (see "one pass over the text"). */
#include "secrets.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "ascii.h"

struct text {
    const char *at;
    size_t len;
};

enum { DIGIT = 1, WORD = 2, BASE64 = 4, UPPER = 8, FIRST = 16, NUMBER = 32, MARK = 64 };

/* FIRST: a token may begin with this byte. NUMBER: card numbers and IBANs are of these. MARK: see
 * look_at_mark(). */
static uint8_t classes[256];

static void fill_classes(void)
{
    for (int c = 0; c < 256; c++) {
        uint8_t class = 0;
        if (c < 128 && isalnum(c)) {
            class |= WORD | BASE64;
        }
        class |= c < 128 && isdigit(c) ? DIGIT : 0;
        class |= c < 128 && isupper(c) ? UPPER : 0;
        class |= c == '_' || c == '-' ? WORD : 0;
        class |= c == '+' || c == '/' || c == '=' ? BASE64 : 0;
        class |= c != 0 && strchr("eAgxsrnphydS", c) != NULL ? FIRST : 0;
        class |= (c < 128 && (isdigit(c) || isupper(c))) || c == ' ' || c == '-' ? NUMBER : 0;
        class |= c != 0 && strchr(":=bB-", c) != NULL ? MARK : 0;
        classes[c] = class;
    }
}

static uint8_t class_at(const struct text *t, size_t i)
{
    return i < t->len ? classes[(unsigned char)t->at[i]] : 0;
}

/* How many bytes from i on are of the class. */
static size_t run(const struct text *t, size_t i, uint8_t class)
{
    size_t n = 0;
    while ((class_at(t, i + n) & class) != 0) {
        n++;
    }
    return n;
}

static int has(const struct text *t, size_t i, const char *word)
{
    size_t n = strlen(word);
    return t->len - i >= n && memcmp(t->at + i, word, n) == 0;
}

static int has_any_case(const struct text *t, size_t i, const char *word)
{
    size_t n = strlen(word);
    if (t->len - i < n) {
        return 0;
    }
    for (size_t k = 0; k < n; k++) {
        if (tolower((unsigned char)t->at[i + k]) != word[k]) {
            return 0;
        }
    }
    return 1;
}

/* A prefix, then at least so many letters, digits, _ and -. Where it ends, 0 = it is not there. */
static size_t prefixed(const struct text *t, size_t i)
{
    static const struct {
        const char *prefix;
        size_t least;
    } forms[] = {
        {"AKIA", 16},    {"ASIA", 16},        {"AROA", 16},      {"AIDA", 16},     {"AIza", 30},
        {"ghp_", 20},    {"gho_", 20},        {"ghu_", 20},      {"ghs_", 20},     {"ghr_", 20},
        {"glpat-", 16},  {"github_pat_", 20}, {"xoxb-", 10},     {"xoxp-", 10},    {"xoxa-", 10},
        {"xoxr-", 10},   {"xoxs-", 10},       {"sk_live_", 10},  {"sk_test_", 10}, {"rk_live_", 10},
        {"sk-", 20},     {"npm_", 30},        {"pypi-", 30},     {"hf_", 30},      {"ya29.", 20},
        {"dop_v1_", 40}, {"shpat_", 30},      {"dckr_pat_", 20}, {"glrt-", 16},    {"eyJ", 12},
    };
    static const char firsts[] = "AKASARAIghglgixoskrknppyhfyadoshdcey"; /* two of each */
    if (i + 2 > t->len || (i > 0 && (class_at(t, i - 1) & WORD) != 0)) {
        return 0;
    }
    size_t pair = 0;
    while (firsts[pair] != 0 && memcmp(t->at + i, firsts + pair, 2) != 0) {
        pair += 2;
    }
    for (size_t k = 0; firsts[pair] != 0 && k < sizeof forms / sizeof *forms; k++) {
        if (has(t, i, forms[k].prefix)) {
            size_t body = i + strlen(forms[k].prefix), n = run(t, body, WORD);
            if (n >= forms[k].least) {
                return body + n;
            }
        }
    }
    return 0;
}

/* Three parts: the first two are known by their beginnings. */
static size_t json_web_token(const struct text *t, size_t i)
{
    size_t first = has(t, i, "eyJ") ? run(t, i, WORD) : 0;
    if (first < 8 || i + first >= t->len || t->at[i + first] != '.') {
        return 0;
    }
    size_t at = i + first + 1, second = run(t, at, WORD);
    at += second;
    if (second >= 4 && at < t->len && t->at[at] == '.') {
        at += 1 + run(t, at + 1, WORD);
    }
    return second >= 4 ? at : 0;
}

static size_t sendgrid(const struct text *t, size_t i)
{
    size_t n = has(t, i, "SG.") ? run(t, i + 3, WORD) : 0;
    return n >= 16 && i + 3 + n < t->len && t->at[i + 3 + n] == '.' && run(t, i + 4 + n, WORD) >= 16
               ? i + 4 + n + run(t, i + 4 + n, WORD)
               : 0;
}

static size_t private_key(const struct text *t, size_t i)
{
    if (!has(t, i, "-----BEGIN ")) {
        return 0;
    }
    for (size_t k = i + 11; k < t->len && k < i + 60; k++) {
        if (has(t, k, "PRIVATE KEY")) {
            return t->len; /* and all that follows */
        }
    }
    return 0;
}

static size_t after_blanks(const struct text *t, size_t i)
{
    while (i < t->len && (t->at[i] == ' ' || t->at[i] == '\t')) {
        i++;
    }
    return i;
}

/* Whether base64 hides "name:password". */
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

static size_t header_scheme(const struct text *t, size_t i)
{
    if (i > 0 && (class_at(t, i - 1) & WORD) != 0) {
        return 0;
    }
    if (has_any_case(t, i, "bearer ")) {
        size_t at = after_blanks(t, i + 7), n = 0, digits = 0;
        while (at + n < t->len && ((class_at(t, at + n) & (WORD | BASE64)) != 0 ||
                                   t->at[at + n] == '.' || t->at[at + n] == '~')) {
            digits += (class_at(t, at + n) & DIGIT) != 0;
            n++;
        }
        return n >= 8 && digits != 0 ? at + n : n >= 20 ? at + n : 0;
    }
    if (has_any_case(t, i, "basic ")) {
        size_t at = after_blanks(t, i + 6), n = run(t, at, BASE64);
        return n >= 6 && is_basic(t, at, n) ? at + n : 0;
    }
    return 0;
}

/* scheme://user:password@host, from its colon. *begin: of the user. */
static size_t url_credentials(const struct text *t, size_t i, size_t *begin)
{
    if (!has(t, i, "://") || i == 0 || (class_at(t, i - 1) & WORD) == 0) {
        return 0;
    }
    size_t at = i + 3, colon = 0;
    for (; at < t->len; at++) {
        char c = t->at[at];
        if (c == '@') {
            *begin = i + 3;
            return colon != 0 && at > colon + 1 ? at : 0;
        }
        if (c == '/' || c == '?' || c == '#' || c == '"' || c == '\'' ||
            isspace((unsigned char)c)) {
            return 0;
        }
        colon = c == ':' && colon == 0 ? at : colon;
    }
    return 0;
}

/* password=..., "token": "...", a header's line: from the = or the colon on. */
static size_t named_value(const struct text *t, size_t i, size_t *begin)
{
    size_t end = i, value = i + 1;
    char quote = end > 0 ? t->at[end - 1] : 0;
    int is_quoted = quote == '"' || quote == '\'';
    end -= (size_t)is_quoted;
    if (is_quoted && end > 0 && t->at[end - 1] == '\\') {
        end--; /* JSON within JSON */
    }
    size_t from = end;
    while (from > 0 && (classes[(unsigned char)t->at[from - 1]] & WORD) != 0) {
        from--;
    }
    if (from == end || !secret_name(t->at + from, end - from)) {
        return 0;
    }
    int is_header = (from == 0 || t->at[from - 1] == '\n') && end - from > 5;
    if (t->at[i] == ':' && !is_quoted && !is_header) {
        return 0;
    }
    value = after_blanks(t, value);
    if ((t->at[i] == '=' && value != i + 1) || (value < t->len && t->at[value] == '<')) {
        return 0; /* prose, or something that stands for a value */
    }
    size_t stop = value;
    while (stop < t->len && t->at[stop] != '\n' && t->at[stop] != '&' && t->at[stop] != ';' &&
           t->at[stop] != ',' && (t->at[i] == ':' || !isspace((unsigned char)t->at[stop]))) {
        stop++;
    }
    *begin = value;
    return stop > value ? stop : 0;
}

/* ---- numbers with check digits ---- */

/* 13 to 19 digits in groups, by Luhn. */
static size_t card_number(const struct text *t, size_t i)
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
    if (n < 13 || n > 19 || digits[0] < '2' || digits[0] > '6' ||
        (class_at(t, at) & (WORD | DIGIT)) != 0 || (at < t->len && t->at[at] == '.')) {
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

/* Two letters, two check digits, 11 to 30 more, by the remainder of 97; blanks between groups. */
static size_t iban(const struct text *t, size_t i)
{
    char all[40];
    size_t n = 0, at = i;
    for (; at < t->len && n < 36; at++) {
        if ((class_at(t, at) & (DIGIT | UPPER)) != 0) {
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

static size_t numbers(const struct text *t, size_t i)
{
    if (i > 0 && (class_at(t, i - 1) & WORD) != 0) {
        return 0;
    }
    if ((class_at(t, i) & DIGIT) != 0) {
        return card_number(t, i);
    }
    return (class_at(t, i + 1) & UPPER) != 0 && (class_at(t, i + 2) & DIGIT) != 0 &&
                   (class_at(t, i + 3) & DIGIT) != 0
               ? iban(t, i)
               : 0;
}

/* ---- where to look ---- */

struct found {
    size_t begin, end;
};

/* Keeps the first of two. */
static void keep(struct found *found, size_t begin, size_t end)
{
    if (end != 0 && (found->end == 0 || begin < found->begin)) {
        *found = (struct found){begin, end};
    }
}

/* The forms that a mark may be in: URLs and values that say what they are have a colon or an equals
 * sign, headers and keys begin with a letter or a dash that is rare enough. */
static size_t look_at_mark(const struct text *t, size_t i, size_t *begin)
{
    size_t stop = 0;
    *begin = i;
    switch (t->at[i]) {
    case ':':
        stop = url_credentials(t, i, begin);
        return stop != 0 ? stop : named_value(t, i, begin);
    case '=':
        return named_value(t, i, begin);
    case '-':
        return private_key(t, i);
    default:
        return header_scheme(t, i);
    }
}

static size_t token_at(const struct text *t, size_t i)
{
    size_t stop = prefixed(t, i);
    stop = stop == 0 && t->at[i] == 'e' ? json_web_token(t, i) : stop;
    return stop == 0 && t->at[i] == 'S' ? sendgrid(t, i) : stop;
}

/* Every form that is left has a run of at least RUN bytes of one class: letters, digits, _ and -
 * for tokens; capitals, digits, blanks and - for numbers. */
enum { RUN = 13 };

static void look_at_run(const struct text *t, size_t begin, size_t end, struct found *found)
{
    /* What comes before the run may belong to it: the dot of SG. and ya29. */
    size_t i = begin > 6 ? begin - 6 : 0;
    uint8_t before = i > 0 ? class_at(t, i - 1) : 0, here;
    for (size_t stop = 0; i < end && stop == 0; i++, before = here) {
        here = classes[(unsigned char)t->at[i]];
        if ((before & WORD) != 0 && t->at[i] != 'e' && t->at[i] != 'S') {
            continue; /* in the middle of a word only two forms begin */
        }
        stop = (here & FIRST) != 0 ? token_at(t, i) : 0;
        if (stop == 0 && (here & (DIGIT | UPPER)) != 0) {
            stop = numbers(t, i);
        }
        keep(found, i, stop);
    }
}

static void look_at_runs(const struct text *t, struct found *found)
{
    size_t words = 0, numbers = 0; /* bytes of the class, up to here */
    for (size_t i = 0; i <= t->len; i++) {
        uint8_t class = class_at(t, i);
        if ((class & WORD) != 0) {
            words++;
        } else {
            if (words >= RUN) {
                look_at_run(t, i - words, i, found);
            }
            words = 0;
        }
        if ((class & NUMBER) != 0) {
            numbers++;
        } else {
            if (numbers >= RUN) {
                look_at_run(t, i - numbers, i, found);
            }
            numbers = 0;
        }
    }
}

/* ---- one pass over the text ---- */

/* Of 64 bytes in a row a bit each, the first one lowest: marks, and bytes that runs may be of.
 * Those are told by their order alone, so some are taken for letters or capitals that are neither:
 * where a run seems to be, look_at_runs() looks closely. */
struct window {
    uint64_t marks, words, numbers;
};

enum { BLOCK = 16, WINDOW = 64, WORDS_FROM = '0', NUMBERS_TO = 'Z' };

#ifdef __SSE2__
/* The bits of 16 bytes, at `shift`. Bytes from 128 on are negative: numbers, by the above. */
static inline void add_bytes(struct window *w, __m128i bytes, size_t shift)
{
#define IS(of, c) _mm_cmpeq_epi8(of, _mm_set1_epi8(c))
#define BITS(of)  ((uint64_t)(unsigned)_mm_movemask_epi8(of) << shift)
    __m128i dashes = IS(bytes, '-'), signs = _mm_or_si128(IS(bytes, ':'), IS(bytes, '='));
    __m128i begins = IS(_mm_or_si128(bytes, _mm_set1_epi8(32)), 'b');
    __m128i words = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(WORDS_FROM - 1));
    __m128i numbers = _mm_cmplt_epi8(bytes, _mm_set1_epi8(NUMBERS_TO + 1));
    w->marks |= BITS(_mm_or_si128(_mm_or_si128(signs, begins), dashes));
    w->words |= BITS(_mm_or_si128(words, dashes));
    w->numbers |= BITS(numbers);
#undef IS
#undef BITS
}

static inline __m128i half_block(const char *at)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)at);
}

/* What is left at the end goes by a block that overlaps the one before. */
static inline void add_all(struct window *w, const char *at, size_t n)
{
    for (size_t i = 0; i + BLOCK <= n; i += BLOCK) {
        add_bytes(w, _mm_loadu_si128((const __m128i *)(const void *)(at + i)), i);
    }
    if (n >= BLOCK && n % BLOCK != 0) {
        add_bytes(w, _mm_loadu_si128((const __m128i *)(const void *)(at + n - BLOCK)), n - BLOCK);
    } else if (n < BLOCK) {
        add_bytes(w, half_block(at), 0);
        add_bytes(w, half_block(at + n - BLOCK / 2), n - BLOCK / 2);
        w->numbers &= ~(~UINT64_C(0) << n); /* halves end in zeros */
    }
}
_Static_assert(RUN - 1 >= BLOCK / 2, "a window has half a block");
#else
static inline void add_all(struct window *w, const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const signed char byte = (signed char)at[i];
        w->marks |= (uint64_t)((classes[(unsigned char)at[i]] & MARK) != 0) << i;
        w->words |= (uint64_t)(byte >= WORDS_FROM || byte == '-') << i;
        w->numbers |= (uint64_t)(byte <= NUMBERS_TO) << i;
    }
}
#endif

static struct window window_at(const struct text *t, size_t from)
{
    struct window w = {0, 0, 0};
    add_all(&w, t->at + from, t->len - from < WINDOW ? t->len - from : WINDOW);
    return w;
}

/* Whether RUN bits in a row are set. */
static int has_run(uint64_t bits)
{
    bits &= bits >> 1;
    bits &= bits >> 2;
    bits &= bits >> 4;
    return (bits & bits >> (RUN - 8)) != 0;
}
_Static_assert(RUN > 8 && RUN <= 16, "has_run() doubles to 8 and goes on to at most 16");

/* What hangs on the marks of a window: the first of them in the text. */
static void look_at_marks(const struct text *t, size_t from, uint64_t marks, struct found *found)
{
    for (; marks != 0 && found->end == 0; marks &= marks - 1) {
        size_t begin, stop = look_at_mark(t, from + (size_t)__builtin_ctzll(marks), &begin);
        keep(found, begin, stop);
    }
}

int secret_text(const char *text, size_t len, size_t *begin, size_t *end)
{
    struct text t = {text, len};
    struct found found = {0, 0};
    int is_run = 0;
    if (len < SECRET_LEAST) {
        return 0;
    }
    if (classes['0'] == 0) {
        fill_classes();
    }
    if (len < RUN) { /* too short for a run, and for more than one look at each byte */
        for (size_t i = 0; i < len && found.end == 0; i++) {
            if ((classes[(unsigned char)text[i]] & MARK) != 0) {
                look_at_marks(&t, i, 1, &found);
            }
        }
    }
    /* Windows share RUN - 1 bytes, so that a run lies whole in one of them. */
    for (size_t from = 0, seen = 0; len >= RUN && seen < len; from = seen - (RUN - 1)) {
        struct window w = window_at(&t, from);
        is_run |= has_run(w.words) || has_run(w.numbers);
        look_at_marks(&t, from, w.marks & ~UINT64_C(0) << (seen - from), &found);
        seen = from + WINDOW;
    }
    if (is_run) {
        struct found run = {0, 0};
        look_at_runs(&t, &run);
        keep(&found, run.begin, run.end);
    }
    if (found.end != 0) {
        *begin = found.begin;
        *end = found.end;
    }
    return found.end != 0;
}
