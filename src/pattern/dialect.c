/* Why: users write regexes in the syntax of Rust's `regex`, which filter files of other recorders
 * also use, while PCRE2 does the matching. The two agree on most syntax, but not on all.
 *
 *    same in both                   copied                  a|b  [a-z]  x{2,5}?  \d  \A
 *    written differently            translated              \w -> [...]  [:alpha:] -> A-Za-z
 *    unknown to one of them         refused by name         (?=x)  \K  \1  a**  [a&&b]
 *
 * Invariants: one pass from left to right, without recursion. Everything that the pass does not
 * know is refused, so that no pattern silently means something else. Groups become (?:...), because
 * a filter never refers to one.
 *
 *    dialect_regex() -> put_next_item() -+-> put_regex_escape()  \w, \pL, \x41
 *                                        +-> put_class()         [...]
 *                                        +-> put_group()         (...), (?i), (?P<name>...)
 *                                        +-> put_repetition()    *, +, ?, {2,5} */
#include "dialect.h"

#include <ctype.h>
#include <string.h>

#include "reading.h"

#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}"

/* ---- escapes ---- */

/* Translates a character number to \x{...}. It is in braces, or has exactly `digits` digits. */
static rl_status put_hex(struct reading *r, size_t digits)
{
    char number[16] = "";
    size_t n = 0;
    int is_braced = reading_peek(r, 0) == '{';
    r->at += (size_t)is_braced;
    while (n < 8 && reading_peek(r, 0) >= 0 && isxdigit(reading_peek(r, 0)) &&
           (is_braced || n < digits)) {
        number[n++] = r->text[r->at++];
    }
    if (n == 0 || (is_braced && reading_peek(r, 0) != '}') || (!is_braced && n != digits)) {
        return reading_refuse(r, "this is no character number such as \\x41 or \\u{1F600}");
    }
    r->at += (size_t)is_braced;
    reading_put(r, "\\x{");
    reading_put(r, number);
    reading_put(r, "}");
    return RL_OK;
}

/* Returns whether a name after \p is a general category or a property; all others are scripts. */
static int is_category(const char *name, size_t n)
{
    /* Each is between commas. A name has none, so one search finds it. */
    static const char categories[] =
        ",L,Lu,Ll,Lt,Lm,Lo,M,Mn,Mc,Me,N,Nd,Nl,No,P,Pc,Pd,Ps,Pe,Pi,Pf,Po,S,Sm,Sc,Sk,So,Z,Zs,Zl,Zp"
        ",C,Cc,Cf,Cn,Co,Cs,Alphabetic,Lowercase,Uppercase,White_Space,Emoji,Math,ID_Start"
        ",ID_Continue,XID_Start,XID_Continue,Join_Control,Dash,Hex_Digit,ASCII_Hex_Digit,Any,";
    for (const char *at = categories + 1; *at != 0; at += strcspn(at, ",") + 1) {
        if (strcspn(at, ",") == n && memcmp(at, name, n) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Translates \p or \P with the name of a category, property or script. The letter has been read. */
static rl_status put_property(struct reading *r, char letter)
{
    static const char *const longs[][2] = {
        {"Letter", "L"},
        {"Uppercase_Letter", "Lu"},
        {"Lowercase_Letter", "Ll"},
        {"Mark", "M"},
        {"Number", "N"},
        {"Decimal_Number", "Nd"},
        {"Punctuation", "P"},
        {"Symbol", "S"},
        {"Separator", "Z"},
        {"Space_Separator", "Zs"},
        {"Other", "C"},
        {"Control", "Cc"},
    };
    const char *name = r->text + r->at;
    size_t n = 1;
    if (reading_peek(r, 0) == '{') {
        const char *end = memchr(name, '}', r->len - r->at);
        name++;
        n = end != NULL ? (size_t)(end - name) : 0;
        r->at += n + 2;
    } else {
        r->at += 1;
    }
    n = r->at <= r->len ? n : 0;
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '_') {
            n = 0;
        }
    }
    if (n == 0 || n > 40) {
        return reading_refuse(r, "a property is written \\pL or \\p{Greek}");
    }
    reading_put_char(r, '\\');
    reading_put_char(r, letter);
    reading_put(r, "{");
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        if (strlen(longs[i][0]) == n && memcmp(longs[i][0], name, n) == 0) {
            reading_put(r, longs[i][1]);
            reading_put(r, "}");
            return RL_OK;
        }
    }
    reading_put(r, is_category(name, n) ? "" : "sc:");
    bytes_put(r->out, name, n);
    reading_put(r, "}");
    return RL_OK;
}

/* Refuses an escape, with the reason for those that other dialects have. */
static rl_status refuse_escape(const struct reading *r, int c)
{
    static const struct {
        char letter;
        const char *why;
    } known[] = {
        {'K', "\\K is not supported"},
        {'C', "\\C is not supported"},
        {'R', "\\R is not supported: write (?:\\r\\n|\\n)"},
        {'X', "\\X is not supported"},
        {'G', "\\G is not supported"},
        {'N', "\\N is not supported: write [^\\n]"},
        {'Q', "\\Q is not supported: use literal:"},
        {'E', "\\E is not supported: use literal:"},
        {'Z', "\\Z is not supported: write \\z"},
        {'h', "\\h is not supported: write [ \\t]"},
        {'g', "back-references are not supported"},
        {'k', "back-references are not supported"},
        {'<', "\\< is not supported: write \\b"},
        {'>', "\\> is not supported: write \\b"},
    };
    if (c >= '0' && c <= '9') {
        return reading_refuse(r, "back-references and octal numbers are not supported");
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].letter == c) {
            return reading_refuse(r, known[i].why);
        }
    }
    return reading_refuse(r, "this escape has no meaning");
}

/* Translates an escape that means the same inside brackets and outside. The backslash has been
 * read. *is_done becomes 0 where the escape is another one, which is then still unread. */
static rl_status put_common_escape(struct reading *r, int *is_done)
{
    int c = reading_peek(r, 0);
    *is_done = 1;
    r->at++;
    switch (c) {
    case 't':
    case 'n':
    case 'r':
    case 'f':
    case 'a':
    case 'd':
    case 'D':
        reading_put_char(r, '\\');
        reading_put_char(r, (char)c);
        return RL_OK;
    case 'v':
        reading_put(r, "\\x{0B}");
        return RL_OK;
    case 's':
        reading_put(r, "\\p{White_Space}");
        return RL_OK;
    case 'S':
        reading_put(r, "\\P{White_Space}");
        return RL_OK;
    case 'x':
        return put_hex(r, 2);
    case 'u':
        return put_hex(r, 4);
    case 'U':
        return put_hex(r, 8);
    case 'p':
    case 'P':
        return put_property(r, (char)c);
    default:
        if (c >= 0 && c < 128 && ispunct(c) && c != '<' && c != '>') {
            reading_put_char(r, '\\');
            reading_put_char(r, (char)c);
            return RL_OK;
        }
        r->at--;
        *is_done = 0;
        return RL_OK;
    }
}

/* Translates an escape outside of brackets. The backslash has been read. */
static rl_status put_regex_escape(struct reading *r)
{
    int is_done;
    if (reading_peek(r, 0) < 0) {
        return reading_refuse(r, "a backslash ends the pattern");
    }
    rl_status status = put_common_escape(r, &is_done);
    if (status != RL_OK || is_done) {
        return status;
    }
    int c = reading_peek(r, 0);
    if ((c == 'b' || c == 'B') && reading_peek(r, 1) == '{') {
        return reading_refuse(r, "\\b{...} is not supported");
    }
    switch (c) {
    case 'w':
        reading_put(r, "[" WORD "]");
        break;
    case 'W':
        reading_put(r, "[^" WORD "]");
        break;
    case 'b':
        reading_put(r, "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))");
        break;
    case 'B':
        reading_put(r, "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))");
        break;
    case 'A':
    case 'z':
        reading_put_char(r, '\\');
        reading_put_char(r, (char)c);
        break;
    default:
        return refuse_escape(r, c);
    }
    r->at++;
    return RL_OK;
}

/* ---- brackets ---- */

/* Translates [:name:] and [:^name:]. Both are about ASCII alone, so the negated set spells out all
 * other characters. */
static rl_status put_posix(struct reading *r)
{
    static const struct {
        const char *name, *inside, *outside;
    } sets[] = {
        {"alnum", "0-9A-Za-z", "\\x00-/:-@\\[-`{-\\x{10FFFF}"},
        {"alpha", "A-Za-z", "\\x00-@\\[-`{-\\x{10FFFF}"},
        {"ascii", "\\x00-\\x7F", "\\x{80}-\\x{10FFFF}"},
        {"blank", "\\t ", "\\x00-\\x08\\x0A-\\x1F!-\\x{10FFFF}"},
        {"cntrl", "\\x00-\\x1F\\x7F", " -~\\x{80}-\\x{10FFFF}"},
        {"digit", "0-9", "\\x00-/:-\\x{10FFFF}"},
        {"graph", "!-~", "\\x00- \\x7F-\\x{10FFFF}"},
        {"lower", "a-z", "\\x00-`{-\\x{10FFFF}"},
        {"print", " -~", "\\x00-\\x1F\\x7F-\\x{10FFFF}"},
        {"punct", "!-/:-@\\[-`{-~", "\\x00- 0-9A-Za-z\\x7F-\\x{10FFFF}"},
        {"space", "\\t-\\r ", "\\x00-\\x08\\x0E-\\x1F!-\\x{10FFFF}"},
        {"upper", "A-Z", "\\x00-@\\[-\\x{10FFFF}"},
        {"word", "0-9A-Za-z_", "\\x00-/:-@\\[-^`{-\\x{10FFFF}"},
        {"xdigit", "0-9A-Fa-f", "\\x00-/:-@G-`g-\\x{10FFFF}"},
    };
    int is_negated = reading_peek(r, 2) == '^';
    const char *name = r->text + r->at + 2 + is_negated;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        size_t n = strlen(sets[i].name);
        if ((size_t)(r->text + r->len - name) >= n + 2 && memcmp(name, sets[i].name, n) == 0 &&
            memcmp(name + n, ":]", 2) == 0) {
            reading_put(r, is_negated ? sets[i].outside : sets[i].inside);
            r->at += n + 4 + (size_t)is_negated;
            return RL_OK;
        }
    }
    return reading_refuse(
        r, "there is no class of this name; known are [:alpha:], [:digit:] and so on");
}

/* Translates one item between brackets. */
static rl_status put_class_item(struct reading *r)
{
    int c = reading_peek(r, 0), is_done;
    if (reading_looks_at(r, "[:")) {
        return put_posix(r);
    }
    if (c == '[') {
        return reading_refuse(
            r, "brackets inside brackets are not supported: write \\[ for the character");
    }
    if (reading_looks_at(r, "&&") || reading_looks_at(r, "--") || reading_looks_at(r, "~~")) {
        return reading_refuse(r, "&&, -- and ~~ inside brackets are not supported");
    }
    if (r->has_x && (c == '#' || (c >= 0 && c < 128 && isspace(c)))) {
        return reading_refuse(r, "with the flag x, write blanks inside brackets as escapes");
    }
    r->at++;
    if (c != '\\') {
        reading_put_char(r, (char)c);
        return RL_OK;
    }
    if (reading_peek(r, 0) < 0) {
        return reading_refuse(r, "a backslash ends the pattern");
    }
    rl_status status = put_common_escape(r, &is_done);
    if (status != RL_OK || is_done) {
        return status;
    }
    if (reading_peek(r, 0) == 'w') {
        r->at++;
        reading_put(r, WORD);
        return RL_OK;
    }
    if (reading_peek(r, 0) == 'W') {
        return reading_refuse(r, "\\W inside brackets is not supported: write [^\\w...]");
    }
    return refuse_escape(r, reading_peek(r, 0));
}

/* Translates a set in brackets. Rust allows a first `]` only as a literal. */
static rl_status put_class(struct reading *r)
{
    size_t began = r->at++;
    reading_put(r, "[");
    if (reading_peek(r, 0) == '^') {
        r->at++;
        reading_put(r, "^");
    }
    int is_first = 1;
    for (; reading_peek(r, 0) >= 0; is_first = 0) {
        if (reading_peek(r, 0) == ']' && !is_first) {
            r->at++;
            reading_put(r, "]");
            return RL_OK;
        }
        if (is_first && reading_peek(r, 0) == ']') {
            reading_put(r, "\\]");
            r->at++;
            continue;
        }
        rl_status status = put_class_item(r);
        if (status != RL_OK) {
            return status;
        }
    }
    r->at = began;
    return reading_refuse(r, "these brackets are not closed");
}

/* ---- groups and repetition ---- */

/* Translates a group that sets flags: (?i) or (?i:...). */
static rl_status put_regex_flags(struct reading *r)
{
    reading_put(r, "(?");
    r->at += 2;
    int is_off = 0, count = 0;
    for (;; r->at++) {
        int c = reading_peek(r, 0);
        if (c == ')' || c == ':') {
            break;
        }
        if (c == '-' && !is_off) {
            is_off = 1;
            reading_put(r, "-");
            continue;
        }
        if (c == 'u' && is_off) {
            return reading_refuse(r, "Unicode cannot be switched off");
        }
        if (c == 'u') {
            count++;
            continue;
        }
        if (c < 0 || strchr("imsUx", c) == NULL) {
            return reading_refuse(r, "there is no such group or flag");
        }
        r->has_x |= c == 'x' && !is_off;
        reading_put_char(r, (char)c);
        count++;
    }
    if (count == 0 && reading_peek(r, 0) != ':') {
        return reading_refuse(r, "no flag is named here");
    }
    r->can_repeat = 0;
    reading_put_char(r, r->text[r->at++]);
    return RL_OK;
}

/* Translates the beginning of a group. */
static rl_status put_group(struct reading *r)
{
    static const struct {
        const char *begin, *why;
    } refused[] = {
        {"(?=", "look-ahead is not supported"},
        {"(?!", "look-ahead is not supported"},
        {"(?<=", "look-behind is not supported"},
        {"(?<!", "look-behind is not supported"},
        {"(?>", "atomic groups are not supported"},
        {"(?(", "conditions are not supported"},
        {"(?|", "(?| is not supported"},
        {"(?#", "comments are not supported"},
        {"(?C", "callouts are not supported"},
        {"(?&", "recursion is not supported"},
        {"(?R", "recursion is not supported"},
        {"(?P>", "recursion is not supported"},
        {"(?P=", "back-references are not supported"},
        {"(?+", "recursion is not supported"},
        {"(?'", "names are written (?<name>"},
        {"(*", "(*...) is not supported"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (reading_looks_at(r, refused[i].begin)) {
            return reading_refuse(r, refused[i].why);
        }
    }
    if (reading_looks_at(r, "(?") && isdigit(reading_peek(r, 2))) {
        return reading_refuse(r, "recursion is not supported");
    }
    r->can_repeat = 0;
    if (reading_looks_at(r, "(?P<") || reading_looks_at(r, "(?<")) {
        const char *end = memchr(r->text + r->at, '>', r->len - r->at);
        if (end == NULL) {
            return reading_refuse(r, "the name of this group is not closed");
        }
        reading_put(r, "(?:"); /* a filter never refers to a group */
        r->at = (size_t)(end - r->text) + 1;
        return RL_OK;
    }
    if (reading_looks_at(r, "(?")) {
        return put_regex_flags(r);
    }
    reading_put(r, "(?:");
    r->at++;
    return RL_OK;
}

/* Returns the length of {n}, {n,} or {n,m}, or 0 where the text is none of them. */
static size_t repetition_length(const struct reading *r)
{
    size_t i = 1, digits = 0, commas = 0;
    for (; reading_peek(r, i) >= 0 && reading_peek(r, i) != '}'; i++) {
        if (isdigit(reading_peek(r, i))) {
            digits++;
        } else if (reading_peek(r, i) == ',' && digits != 0 && commas == 0) {
            commas++;
        } else {
            return 0;
        }
    }
    return reading_peek(r, i) == '}' && digits != 0 && digits < 9 ? i + 1 : 0;
}

/* Translates a quantifier. PCRE2 would read a second one (a*+) as possessive, so that is
 * refused. */
static rl_status put_repetition(struct reading *r)
{
    size_t n = reading_peek(r, 0) == '{' ? repetition_length(r) : 1;
    if (n == 0) {
        return reading_refuse(r,
                              "a repetition is written {2}, {2,} or {2,5}; the character is \\{");
    }
    if (!r->can_repeat) {
        return reading_refuse(r, "there is nothing to repeat");
    }
    if (r->was_repeated) {
        return reading_refuse(r, "a repetition of a repetition needs brackets: (?:a*)+");
    }
    bytes_put(r->out, r->text + r->at, n);
    r->at += n;
    if (reading_peek(r, 0) == '?') {
        reading_put(r, "?");
        r->at++;
    }
    r->was_repeated = 1;
    return RL_OK;
}

static int is_repetition(int c)
{
    return c == '*' || c == '+' || c == '?' || c == '{';
}

static rl_status put_next_item(struct reading *r)
{
    int c = reading_peek(r, 0);
    if (is_repetition(c)) {
        return put_repetition(r);
    }
    r->can_repeat = 1;
    r->was_repeated = 0;
    switch (c) {
    case '\\':
        r->at++;
        return put_regex_escape(r);
    case '[':
        return put_class(r);
    case '(':
        return put_group(r);
    case '|':
        r->can_repeat = 0;
        break;
    default:
        break;
    }
    reading_put_char(r, (char)c);
    r->at++;
    return RL_OK;
}

rl_status dialect_regex(const char *text, size_t len, struct bytes_out *out, struct rl_err *err)
{
    struct reading r = {.text = text, .len = len, .out = out, .err = err};
    if (memchr(text, 0, len) != NULL) {
        return reading_refuse(&r, "a pattern holds no NUL character");
    }
    while (r.at < r.len) {
        rl_status status = put_next_item(&r);
        if (status != RL_OK) {
            return status;
        }
    }
    return out->failed ? status_set(err, RL_NOMEM, "no memory for a pattern") : RL_OK;
}
