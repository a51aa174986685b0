/* Why: every captured text is searched, so the search must pass over harmless bytes fast.
 *
 *    survey_text()   64 bytes at a time: bits of marks and of possible runs
 *         |
 *         +-- nothing, or only marks that take little time (- % b B)     find_at_marks()
 *         +-- a sign (: = >), or a run of 13 letters or digits
 *                |
 *                +-- clean_texts.h knows the text: nothing
 *                +-- find_at_marks()     forms that a sign announces
 *                +-- find_in_runs()      forms without a sign, byte by byte
 *
 * Marks and runs have lists of parts of their own, which secret_merge() joins.
 *
 * Invariant: linear time. A found part is not searched again, and each form bounds how far it
 * looks. */
#include "secrets.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "clean_texts.h"
#include "secret_forms.h"
#include "secret_named.h"
#include "secret_text.h"

/* Fills the tables of bytes on first use. */
static void prepare_tables(void)
{
    if (secret_classes['0'] == 0) {
        secret_text_fill();
        secret_forms_fill();
    }
}

/* ---- parts ---- */

struct scan {
    struct text text;
    size_t until; /* everything before this place has been searched */
    size_t most, count;
    struct secret_part *parts;
};

/* Adds a part. The last one that has room extends to the end of the text. */
static void add_found_part(struct scan *s, size_t begin, size_t end)
{
    if (s->count == s->most - 1 && s->most > 1) {
        end = s->text.len;
    }
    s->parts[s->count++] = (struct secret_part){begin, end};
    s->until = end;
}

static int are_parts_full(const struct scan *s)
{
    return s->count == s->most;
}

/* ---- marks ---- */

/* Searches at a mark. Addresses and pairs have a colon or an equals sign, tags a bracket. Headers
 * and keys begin with a letter or a dash that is rare enough. */
static size_t find_at_mark(const struct text *t, size_t i, size_t *begin)
{
    *begin = i;
    switch (t->at[i]) {
    case ':':
        return has_word_at(t, i, "://") ? secret_url(t, i, begin) : secret_named(t, i, begin);
    case '=':
        return secret_named(t, i, begin);
    case '>':
        return secret_in_tag(t, i, begin);
    case '%':
        return secret_in_query(t, i, begin);
    case '-':
        if (has_word_at(t, i, "-----B")) {
            return secret_private_key(t, i);
        }
        return i > 0 && (class_at(t, i - 1) & CLASS_WORD) != 0 ? 0 : secret_option(t, i, begin);
    case 'b':
    case 'B': {
        char next = i + 1 < t->len ? (char)(t->at[i + 1] | 32) : 0;
        int is_inside = i > 0 && (class_at(t, i - 1) & CLASS_WORD) != 0; /* most letters are */
        return !is_inside && (next == 'e' || next == 'a') ? secret_scheme(t, i, begin) : 0;
    }
    default:
        return 0;
    }
}

static void find_at_marks(struct scan *s, size_t from, uint64_t marks)
{
    for (; marks != 0 && !are_parts_full(s); marks &= marks - 1) {
        size_t begin, i = from + (size_t)__builtin_ctzll(marks);
        size_t end = i >= s->until ? find_at_mark(&s->text, i, &begin) : 0;
        if (end != 0) {
            add_found_part(s, begin, end);
        }
    }
}

/* ---- runs ---- */

/* Every form without a mark has a run of at least RUN bytes of one class. Tokens have letters,
 * digits, _ and -; numbers have capitals, digits, blanks and -. */
enum { RUN = 13, BEFORE_RUN = 6 };

/* Searches one run, and a few bytes before it. */
static void find_in_run(struct scan *s, size_t begin, size_t end)
{
    const struct text *t = &s->text;
    /* The dot of SG. and ya29. is before the run but belongs to the form. */
    size_t i = begin > BEFORE_RUN ? begin - BEFORE_RUN : 0;
    i = i > s->until ? i : s->until;
    uint8_t before = i > 0 ? class_at(t, i - 1) : 0, here;
    for (; i < end && !are_parts_full(s); before = secret_classes[(unsigned char)t->at[i++]]) {
        here = secret_classes[(unsigned char)t->at[i]];
        if ((before & CLASS_WORD) != 0 && t->at[i] != 'e' && t->at[i] != 'S') {
            continue; /* inside a word only two forms begin */
        }
        size_t stop = (here & CLASS_FIRST) != 0 ? secret_form(t, i, i < begin ? 0 : end) : 0;
        if (stop == 0 && (here & (CLASS_DIGIT | CLASS_UPPER)) != 0) {
            stop = secret_digits(t, i);
        }
        if (stop != 0) {
            add_found_part(s, i, stop);
            i = stop - 1;
        }
    }
}

/* Searches every run of the text. */
static void find_in_runs(struct scan *s)
{
    size_t words = 0, numbers = 0; /* bytes of the class in a row */
    for (size_t i = 0; i <= s->text.len && !are_parts_full(s); i++) {
        uint8_t class = class_at(&s->text, i);
        if ((class & CLASS_WORD) != 0) {
            words++;
        } else {
            if (words >= RUN) {
                find_in_run(s, i - words, i);
            }
            words = 0;
        }
        if ((class & CLASS_NUMBER) != 0) {
            numbers++;
        } else {
            if (numbers >= RUN) {
                find_in_run(s, i - numbers, i);
            }
            numbers = 0;
        }
    }
}

/* ---- one pass over the text ---- */

/* One bit for each of 64 bytes, the first byte lowest: marks, and bytes that runs may consist of.
 *
 *         o k e n = a b 1 2 ...
 *  marks  0 0 0 0 1 0 0 0 0
 *  words  1 1 1 1 1 1 1 1 1      order alone decides: every byte from '0' on, and - and %
 *
 * The bits of runs may be set for a few other bytes. find_in_runs() then decides exactly. */
struct window {
    uint64_t signs, others, words, numbers; /* signs and others: all marks */
};

enum { BLOCK = 16, WINDOW = 64, WORDS_FROM = '0', NUMBERS_TO = 'Z' };

#ifdef __SSE2__
/* Adds the bits of 16 bytes, at `shift`. Bytes from 128 on are negative here, so they count as
 * numbers. */
static inline void add_window_block(struct window *w, __m128i bytes, size_t shift)
{
#define IS(of, c) _mm_cmpeq_epi8(of, _mm_set1_epi8(c))
#define BITS(of)  ((uint64_t)(unsigned)_mm_movemask_epi8(of) << shift)
    /* : and > differ in one bit, and so do % and - */
    __m128i signs = IS(_mm_or_si128(bytes, _mm_set1_epi8(':' ^ '>')), '>');
    signs = _mm_or_si128(signs, IS(bytes, '='));
    __m128i dashes = IS(_mm_or_si128(bytes, _mm_set1_epi8('%' ^ '-')), '-');
    __m128i begins = IS(_mm_or_si128(bytes, _mm_set1_epi8(32)), 'b');
    __m128i words = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(WORDS_FROM - 1));
    __m128i numbers = _mm_cmplt_epi8(bytes, _mm_set1_epi8(NUMBERS_TO + 1));
    w->signs |= BITS(signs);
    w->others |= BITS(_mm_or_si128(begins, dashes));
    w->words |= BITS(_mm_or_si128(words, dashes));
    w->numbers |= BITS(numbers);
#undef IS
#undef BITS
}

static inline __m128i load_half_block(const char *at)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)at);
}

/* Adds the bits of n bytes. The rest at the end is read as a block that overlaps the one before. */
static inline void add_window_bytes(struct window *w, const char *at, size_t n)
{
    for (size_t i = 0; i + BLOCK <= n; i += BLOCK) {
        add_window_block(w, _mm_loadu_si128((const __m128i *)(const void *)(at + i)), i);
    }
    if (n >= BLOCK && n % BLOCK != 0) {
        add_window_block(w, _mm_loadu_si128((const __m128i *)(const void *)(at + n - BLOCK)),
                         n - BLOCK);
    } else if (n < BLOCK) {
        add_window_block(w, load_half_block(at), 0);
        add_window_block(w, load_half_block(at + n - BLOCK / 2), n - BLOCK / 2);
        w->numbers &= ~(~UINT64_C(0) << n); /* half blocks end in zeros */
    }
}
_Static_assert(RUN - 1 >= BLOCK / 2, "a window has half a block");
#else
static inline void add_window_bytes(struct window *w, const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const signed char byte = (signed char)at[i];
        const int is_sign = at[i] == ':' || at[i] == '=' || at[i] == '>';
        const int is_mark = (secret_classes[(unsigned char)at[i]] & CLASS_MARK) != 0;
        w->signs |= (uint64_t)is_sign << i;
        w->others |= (uint64_t)(is_mark && !is_sign) << i;
        w->words |= (uint64_t)(byte >= WORDS_FROM || byte == '-' || byte == '%') << i;
        w->numbers |= (uint64_t)(byte <= NUMBERS_TO) << i;
    }
}
#endif

static struct window window_at(const struct text *t, size_t from)
{
    struct window w = {0, 0, 0, 0};
    add_window_bytes(&w, t->at + from, t->len - from < WINDOW ? t->len - from : WINDOW);
    return w;
}

/* Returns whether RUN bits in a row are set. */
static int has_run(uint64_t bits)
{
    bits &= bits >> 1;
    bits &= bits >> 2;
    bits &= bits >> 4;
    return (bits & bits >> (RUN - 8)) != 0;
}
_Static_assert(RUN > 8 && RUN <= 16, "has_run() doubles to 8 and goes on to at most 16");

/* What a text has, by its windows. Windows share RUN - 1 bytes, so each run is complete in one of
 * them. The last window has half a block at least. */
struct survey {
    int has_signs, has_others, has_runs;
};

static struct survey survey_text(const struct text *t)
{
    struct survey found = {0, 0, 0};
    if (t->len < BLOCK / 2) { /* too short for a window: looked at byte by byte, below */
        return (struct survey){0, 1, 0};
    }
    for (size_t from = 0, seen = 0; seen < t->len; from = seen - (RUN - 1)) {
        struct window w = window_at(t, from);
        found.has_signs |= w.signs != 0;
        found.has_others |= w.others != 0;
        found.has_runs |= has_run(w.words) || has_run(w.numbers);
        seen = from + WINDOW;
    }
    return found;
}

/* Searches at all marks. */
static void find_at_all_marks(struct scan *s)
{
    const struct text *t = &s->text;
    if (t->len < BLOCK / 2) {
        for (size_t i = 0; i < t->len && !are_parts_full(s); i++) {
            if ((secret_classes[(unsigned char)t->at[i]] & CLASS_MARK) != 0) {
                find_at_marks(s, i, 1);
            }
        }
        return;
    }
    for (size_t from = 0, seen = 0; seen < t->len; from = seen - (RUN - 1)) {
        struct window w = window_at(t, from);
        find_at_marks(s, from, (w.signs | w.others) & ~UINT64_C(0) << (seen - from));
        seen = from + WINDOW;
    }
}

/* Searches a text whole: parts at marks go to the one list, parts in runs to the other. */
static void search_text(struct scan *by_mark, struct scan *by_run)
{
    prepare_tables();
    const struct text *t = &by_mark->text;
    struct survey survey = survey_text(t);
    int is_long_search = survey.has_signs || survey.has_runs;
    if (!is_long_search && !survey.has_others) {
        return;
    }
    struct clean_text clean = {0, 0};
    if (is_long_search) {
        clean = clean_text_of(t->at, t->len, t->is_cut);
        if (clean_text_is_known(&clean)) {
            return;
        }
    }
    find_at_all_marks(by_mark);
    if (survey.has_runs && !are_parts_full(by_run)) {
        find_in_runs(by_run);
    }
    if (is_long_search && by_mark->count == 0 && by_run->count == 0) {
        clean_text_remember(&clean);
    }
}

size_t secret_merge(const struct secret_part *a, size_t a_count, const struct secret_part *b,
                    size_t b_count, size_t len, struct secret_part *out)
{
    size_t n = 0, i = 0, k = 0;
    while (i < a_count || k < b_count) {
        int is_first = k == b_count || (i < a_count && a[i].begin <= b[k].begin);
        struct secret_part next = is_first ? a[i++] : b[k++];
        struct secret_part *last = n != 0 ? &out[n - 1] : NULL;
        if (last == NULL || (next.begin > last->end && n < SECRET_PARTS)) {
            out[n++] = next;
        } else {
            last->end = next.end > last->end ? next.end : last->end;
            last->end = n == SECRET_PARTS ? len : last->end;
        }
    }
    return n;
}

size_t secret_replace(const char *text, size_t len, const struct secret_part *parts, size_t count,
                      const char *mark, char *out, size_t size)
{
    size_t mark_len = strlen(mark), at = 0, n = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t stop = i < count ? parts[i].begin : len;
        size_t keep = stop - at < size - n ? stop - at : size - n;
        memcpy(out + n, text + at, keep);
        n += keep;
        if (i < count) {
            size_t marked = mark_len < size - n ? mark_len : size - n;
            memcpy(out + n, mark, marked);
            n += marked;
            at = parts[i].end;
        }
    }
    return n;
}

size_t secret_parts(const char *text, size_t len, int is_cut, struct secret_part *parts)
{
    struct secret_part marked[SECRET_PARTS], runs[SECRET_PARTS];
    struct scan by_mark = {{text, len, is_cut}, 0, SECRET_PARTS, 0, marked}, by_run = by_mark;
    if (len < SECRET_LEAST) {
        return 0;
    }
    by_run.parts = runs;
    search_text(&by_mark, &by_run);
    return by_mark.count + by_run.count == 0
               ? 0
               : secret_merge(marked, by_mark.count, runs, by_run.count, len, parts);
}

int secret_text(const char *text, size_t len)
{
    struct secret_part part;
    struct scan scan = {{text, len, 0}, 0, 1, 0, &part};
    if (len < SECRET_LEAST) {
        return 0;
    }
    search_text(&scan, &scan);
    return scan.count != 0;
}
