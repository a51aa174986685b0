/* Why: every captured text is searched, so the search must pass over harmless bytes fast.
 *
 *    survey_text()   64 bytes at a time: bits of marks and of possible runs
 *         |
 *         +-- nothing, or only what takes little time (- % b B ://)     find_at_marks()
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

/* Returns whether one of the two forms that begin inside a word may begin at i: eyJ and SG. */
static int may_begin_inside(const struct text *t, size_t i)
{
    char c = t->at[i];
    return (c == 'e' || c == 'S') && i + 1 < t->len && t->at[i + 1] == (c == 'e' ? 'y' : 'G');
}

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
        if ((before & CLASS_WORD) != 0 && !may_begin_inside(t, i)) {
            continue;
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

/* Searches the runs in [from, to). */
static void find_in_runs(struct scan *s, size_t from, size_t to)
{
    const struct text t = s->text;
    size_t word = from, number = from; /* where the runs begin */
    uint8_t before = 0;
    for (size_t i = from; i <= to; i++) {
        const uint8_t class = class_at(&t, i), ended = before & (uint8_t)~class;
        const uint8_t began = class & (uint8_t)~before;
        before = class & (CLASS_WORD | CLASS_NUMBER);
        if (((began | ended) & (CLASS_WORD | CLASS_NUMBER)) == 0) {
            continue;
        }
        if ((ended & CLASS_WORD) != 0 && i - word >= RUN && !are_parts_full(s)) {
            find_in_run(s, word, i);
        }
        if ((ended & CLASS_NUMBER) != 0 && i - number >= RUN && !are_parts_full(s)) {
            find_in_run(s, number, i);
        }
        word = (began & CLASS_WORD) != 0 ? i : word;
        number = (began & CLASS_NUMBER) != 0 ? i : number;
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

enum { BLOCK = 16, WINDOW = 64, WINDOWS_KEPT = 32, WORDS_FROM = '0', NUMBERS_TO = 'Z' };

#ifdef __SSE2__
/* The bits of 16 bytes. Bytes from 128 on are negative here, so they count as numbers. */
static inline struct window window_of_block(__m128i bytes)
{
#define IS(of, c) _mm_cmpeq_epi8(of, _mm_set1_epi8(c))
#define BITS(of)  ((unsigned)_mm_movemask_epi8(of))
    /* : and > differ in one bit, and so do % and - */
    __m128i signs = IS(_mm_or_si128(bytes, _mm_set1_epi8(':' ^ '>')), '>');
    signs = _mm_or_si128(signs, IS(bytes, '='));
    __m128i dashes = IS(_mm_or_si128(bytes, _mm_set1_epi8('%' ^ '-')), '-');
    __m128i begins = IS(_mm_or_si128(bytes, _mm_set1_epi8(32)), 'b');
    __m128i words = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(WORDS_FROM - 1));
    __m128i numbers = _mm_cmplt_epi8(bytes, _mm_set1_epi8(NUMBERS_TO + 1));
    return (struct window){BITS(signs), BITS(_mm_or_si128(begins, dashes)),
                           BITS(_mm_or_si128(words, dashes)), BITS(numbers)};
#undef IS
#undef BITS
}

/* Adds the bits of the 16 bytes at at[shift]. */
static inline void add_block(struct window *w, const char *at, size_t shift)
{
    struct window block = window_of_block(_mm_loadu_si128((const void *)(at + shift)));
    w->signs |= block.signs << shift;
    w->others |= block.others << shift;
    w->words |= block.words << shift;
    w->numbers |= block.numbers << shift;
}

/* Sets the bits of the last n bytes, less than a block. */
static inline void set_rest(struct window *w, const char *at, size_t n)
{
    struct window block = window_of_block(_mm_loadu_si128((const void *)(at + n - BLOCK)));
    size_t before = BLOCK - n;
    *w = (struct window){block.signs >> before, block.others >> before, block.words >> before,
                         block.numbers >> before};
}

/* Sets the bits of a text of half a block to a block. */
static inline void set_halves(struct window *w, const char *at, size_t n)
{
    const size_t shift = n - BLOCK / 2;
    struct window block = window_of_block(_mm_unpacklo_epi64(
        _mm_loadl_epi64((const void *)at), _mm_loadl_epi64((const void *)(at + shift))));
#define JOIN(bits) ((bits & 0xff) | bits >> BLOCK / 2 << shift)
    *w = (struct window){JOIN(block.signs), JOIN(block.others), JOIN(block.words),
                         JOIN(block.numbers)};
#undef JOIN
}

/* Adds the bits of n bytes, at most a window, which end a text of len bytes. Blocks may overlap. */
static inline void add_last_window(struct window *w, const char *at, size_t n, size_t len)
{
    if (n >= BLOCK) {
        for (size_t i = 0; i + BLOCK < n; i += BLOCK) {
            add_block(w, at, i);
        }
        add_block(w, at, n - BLOCK);
    } else if (len >= BLOCK) {
        set_rest(w, at, n);
    } else {
        set_halves(w, at, n);
    }
}

static inline void add_whole_window(struct window *w, const char *at)
{
    for (size_t i = 0; i < WINDOW; i += BLOCK) {
        add_block(w, at, i);
    }
}
#else
static inline void add_last_window(struct window *w, const char *at, size_t n, size_t len)
{
    (void)len;
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

static inline void add_whole_window(struct window *w, const char *at)
{
    add_last_window(w, at, WINDOW, WINDOW);
}
#endif

static inline struct window window_at(const struct text *t, size_t from)
{
    struct window w = {0, 0, 0, 0};
    if (t->len - from >= WINDOW) {
        add_whole_window(&w, t->at + from);
    } else {
        add_last_window(&w, t->at + from, t->len - from, t->len);
    }
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

/* Returns whether a run begins in the window before and ends in this one. */
static int has_run_across(uint64_t before, uint64_t bits)
{
    return __builtin_clzll(~before | 1) + __builtin_ctzll(~bits | UINT64_C(1) << 63) >= RUN;
}

/* What a text has. All runs are in [runs_from, runs_to). */
struct survey {
    uint64_t signs, others; /* not 0: the text has some */
    size_t runs_from, runs_to;
    uint64_t marks[WINDOWS_KEPT]; /* of the first windows */
};

/* Notes that a run ends in the window at `from`. */
static void note_run(struct survey *s, const struct text *t, size_t from)
{
    if (s->runs_to == 0) {
        s->runs_from = from > RUN ? from - RUN : 0;
    }
    s->runs_to = t->len - from > WINDOW ? from + WINDOW : t->len;
}

static void survey_text(const struct text *t, struct survey *s)
{
    struct window w = window_at(t, 0);
    s->signs = w.signs;
    s->others = w.others;
    s->marks[0] = w.signs | w.others;
    s->runs_to = 0;
    if (has_run(w.words) || has_run(w.numbers)) {
        note_run(s, t, 0);
    }
    for (size_t from = WINDOW; from < t->len; from += WINDOW) {
        const uint64_t words = w.words, numbers = w.numbers;
        w = window_at(t, from);
        s->signs |= w.signs;
        s->others |= w.others;
        if (from / WINDOW < WINDOWS_KEPT) {
            s->marks[from / WINDOW] = w.signs | w.others;
        }
        if (has_run(w.words) || has_run(w.numbers) || has_run_across(words, w.words) ||
            has_run_across(numbers, w.numbers)) {
            note_run(s, t, from);
        }
    }
}

/* Searches at all marks. */
static void find_at_all_marks(struct scan *s, const struct survey *survey)
{
    const struct text *t = &s->text;
    for (size_t from = 0; from < t->len; from += WINDOW) {
        if (from / WINDOW < WINDOWS_KEPT) {
            find_at_marks(s, from, survey->marks[from / WINDOW]);
        } else {
            struct window w = window_at(t, from);
            find_at_marks(s, from, w.signs | w.others);
        }
    }
}

/* Searches a text that is too short for a window and for a run. */
static void search_short_text(struct scan *s)
{
    for (size_t i = 0; i < s->text.len && !are_parts_full(s); i++) {
        if ((class_at(&s->text, i) & CLASS_MARK) != 0) {
            find_at_marks(s, i, 1);
        }
    }
}
_Static_assert(RUN >= BLOCK / 2, "a window has half a block, a run does not fit into less");

/* Returns whether a search takes longer than the hash of the text. One address in a window does
 * not. */
static int takes_long(const struct text *t, const struct survey *s)
{
    const int has_one = t->len <= WINDOW && (s->signs & (s->signs - 1)) == 0;
    if (s->runs_to == 0 && s->signs != 0 && has_one) {
        return !has_word_at(t, (size_t)__builtin_ctzll(s->signs), "://");
    }
    return s->runs_to != 0 || s->signs != 0;
}

/* Searches a text whole: parts at marks go to the one list, parts in runs to the other. */
static void search_text(struct scan *by_mark, struct scan *by_run)
{
    prepare_tables();
    const struct text *t = &by_mark->text;
    if (t->len < BLOCK / 2) {
        search_short_text(by_mark);
        return;
    }
    struct survey survey;
    survey_text(t, &survey);
    int is_long = !t->is_apart && takes_long(t, &survey); /* only then it is remembered */
    struct clean_text clean;
    if (is_long && clean_text_is_known(t->at, t->len, t->is_cut, &clean)) {
        return;
    }
    if ((survey.signs | survey.others) != 0) {
        find_at_all_marks(by_mark, &survey);
    }
    if (survey.runs_to != 0 && !are_parts_full(by_run)) {
        find_in_runs(by_run, survey.runs_from, survey.runs_to);
    }
    if (is_long && by_mark->count == 0 && by_run->count == 0) {
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

static size_t find_parts(const struct text *text, struct secret_part *parts)
{
    struct secret_part marked[SECRET_PARTS], runs[SECRET_PARTS];
    struct scan by_mark = {*text, 0, SECRET_PARTS, 0, marked}, by_run = by_mark;
    if (text->len < SECRET_LEAST) {
        return 0;
    }
    by_run.parts = runs;
    search_text(&by_mark, &by_run);
    return by_mark.count + by_run.count == 0
               ? 0
               : secret_merge(marked, by_mark.count, runs, by_run.count, text->len, parts);
}

size_t secret_parts(const char *text, size_t len, int is_cut, struct secret_part *parts)
{
    return find_parts(&(struct text){text, len, is_cut, 0}, parts);
}

size_t secret_parts_apart(const char *text, size_t len, struct secret_part *parts)
{
    return find_parts(&(struct text){text, len, 0, 1}, parts);
}

void secrets_prepare(void)
{
    prepare_tables();
    (void)secret_name("password", sizeof "password" - 1); /* fills the table of words */
}

int secret_text(const char *text, size_t len)
{
    struct secret_part part;
    struct scan scan = {{text, len, 0, 0}, 0, 1, 0, &part};
    if (len < SECRET_LEAST) {
        return 0;
    }
    search_text(&scan, &scan);
    return scan.count != 0;
}
