/* Why: logs, headers, JSON and command lines give values with their names. See secret_named.h for
 * the forms, and for the bounds that keep a search linear. */
#include "secret_named.h"

#include "ascii.h"
#include "secret_names.h"
#include "secret_values.h"

enum { LOOK_BACK = 200, LOOK_AHEAD = 1024, ESCAPES_MOST = 15 };

static int is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

/* Returns the byte at i, or 0 behind the end. */
static char char_at(const struct text *t, size_t i)
{
    return i < t->len ? t->at[i] : 0;
}

/* ---- values that are no secrets ---- */

/* Returns whether a word is a type, a placeholder, or how prose goes on after "password:". */
static int is_harmless_word(const char *word, size_t len)
{
    static const char *const words[] = {
        "bool",       "bytes",    "int",       "str",      "string",  "secretstr", "none",
        "null",       "nil",      "undefined", "true",     "false",   "yes",       "no",
        "ok",         "on",       "off",       "any",      "empty",   "unset",     "missing",
        "required",   "optional", "needed",    "unknown",  "invalid", "valid",     "incorrect",
        "wrong",      "bad",      "weak",      "short",    "long",    "expired",   "expires",
        "unexpected", "changed",  "removed",   "redacted", "masked",  "hidden",    "denied",
        "failed",     "error",    "enabled",   "disabled", "default", "set",       "see",
        "enter",      "use",      "please",    "must",     "should",  "may",       "can",
        "cannot",     "will",     "not",       "is",       "are",     "was",       "be",
        "has",        "have",     "too",       "header",
    };
    char lower[16];
    if (len == 0 || len >= sizeof lower) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        lower[i] = is_upper(word[i]) ? (char)(word[i] + 32) : word[i];
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == len && memcmp(words[i], lower, len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Returns whether a value is code: get_password(, os.environ[, or again the name of a secret, as in
 * connect(password=self.password). */
static int is_code_expression(const struct text *t, size_t i)
{
    size_t end = i, last = i, digits = 0;
    for (; end < t->len && end < i + LOOK_BACK; end++) {
        uint8_t class = class_at(t, end);
        if (t->at[end] == '.') {
            last = end + 1;
        } else if ((class & CLASS_NAME) == 0 || t->at[end] == '-') {
            break;
        }
        digits += (class & CLASS_DIGIT) != 0;
    }
    if (end == i || is_digit(t->at[i])) {
        return 0;
    }
    char next = char_at(t, end);
    return next == '(' || next == '[' ||
           (digits == 0 && secret_name(t->at + last, end - last) != SECRET_NONE);
}

/* Returns whether a value is a placeholder: {name}, {{ name }}, ${name}, %(name)s, %s, $NAME,
 * :name, ?, ***, <name>. */
static int is_placeholder(const struct text *t, size_t i)
{
    char c = char_at(t, i), next = char_at(t, i + 1);
    size_t at = i + 1;
    switch (c) {
    case '%':
        return next == '(' || next == 's' || next == 'r' || next == 'd' || next == 'v';
    case '?':
        return at >= t->len || is_white(next) || next == ')' || next == ',' || next == ';';
    case '*':
        return next == '*' || at >= t->len || is_white(next);
    case '.':
        return next == '.';
    case '$':
    case ':':
        at += next == '{' || next == '(';
        return (class_at(t, at) & CLASS_NAME) != 0 && !is_digit(char_at(t, at)) &&
               (next == '{' || next == '(' ||
                !is_digit(char_at(t, at + run_length(t, at, CLASS_WORD) - 1)));
    case '{':
        while (at < t->len && (t->at[at] == '{' || t->at[at] == ' ')) {
            at++;
        }
        at += run_length(t, at, CLASS_NAME);
        at = after_blanks(t, at);
        return char_at(t, at) == '}' || char_at(t, at) == '!' || char_at(t, at) == '.';
    case '[':
        return next == ']' || has_word_at(t, i, "[redacted") || has_word_at(t, i, "[REDACTED");
    case '<':
        return 1;
    default:
        return 0;
    }
}

int secret_is_harmless(const struct text *t, size_t i)
{
    size_t n = run_length(t, i, CLASS_NAME);
    char next = char_at(t, i + n);
    int ends = i + n >= t->len || is_white(next) || is_quote(next) ||
               (next != 0 && strchr(",;&)]}<>|.:\\", next) != NULL);
    return is_placeholder(t, i) || (ends && is_harmless_word(t->at + i, n));
}

/* ---- where a value ends ---- */

/* Returns whether another name with its value begins after a comma or the like. Then the value
 * before the comma is complete. */
static int begins_next_pair(const struct text *t, size_t i)
{
    i = after_blanks(t, i);
    if (i >= t->len || t->at[i] == '\n' || t->at[i] == '\r') {
        return 1;
    }
    size_t n = run_length(t, i, CLASS_NAME);
    char next = char_at(t, i + n);
    return n != 0 && n < LOOK_BACK && (next == '=' || next == ':' || next == '%');
}

/* Finds the end of an unquoted value: a blank, or a sign after which the next pair begins. */
static size_t find_bare_end(const struct text *t, size_t i, size_t most)
{
    size_t end = i;
    for (; end < t->len && end - i < most && !is_white(t->at[end]) && !is_quote(t->at[end]) &&
           t->at[end] != '<';
         end++) {
        char c = t->at[end];
        if ((c == ',' || c == ';' || c == '&') &&
            (begins_next_pair(t, end + 1) || is_white(char_at(t, end + 1)))) {
            break;
        }
    }
    while (end > i && (t->at[end - 1] == ')' || t->at[end - 1] == ']' || t->at[end - 1] == '}' ||
                       t->at[end - 1] == '\\')) {
        end--;
    }
    return end;
}

/* Finds the end of a value that fills its line. It is the line's end, the quote around the whole
 * line, or a comma after which the next pair begins. */
static size_t find_line_end(const struct text *t, size_t i, char quote, size_t most)
{
    for (; i < t->len && most > 0 && t->at[i] != '\n' && t->at[i] != '\r'; i++, most--) {
        char c = t->at[i];
        if ((quote != 0 && c == quote) || (c == ',' && begins_next_pair(t, i + 1)) ||
            (c == '\\' && (char_at(t, i + 1) == 'n' || char_at(t, i + 1) == 'r'))) {
            break;
        }
    }
    return i;
}

/* Finds the quote that ends a value which begins at i. `escapes` is the number of backslashes
 * before that quote, where the text is itself quoted inside another text. */
static size_t find_quoted_end(const struct text *t, size_t i, char quote, size_t escapes,
                              size_t most)
{
    size_t before = 0; /* backslashes in a row */
    for (; i < t->len && most > 0; i++, most--) {
        if (t->at[i] == quote && (escapes == 0 ? before % 2 == 0 : before <= escapes)) {
            return i - (escapes == 0 ? 0 : before);
        }
        before = t->at[i] == '\\' ? before + 1 : 0;
    }
    return i;
}

/* Finds the bracket that closes a list or an object. Brackets in quotes do not count. */
static size_t find_bracket_end(const struct text *t, size_t i)
{
    size_t depth = 0;
    char quote = 0;
    for (; i < t->len; i++) {
        char c = t->at[i];
        if (c == '\\') {
            i++;
        } else if (quote != 0 || is_quote(c)) {
            quote = quote == 0 ? c : quote == c ? 0 : quote;
        } else if (c == '[' || c == '{' || c == '(') {
            depth++;
        } else if ((c == ']' || c == '}' || c == ')') && --depth == 0) {
            return i + 1;
        }
    }
    return t->len;
}

/* ---- name and value ---- */

struct named {
    size_t from, end; /* of the name */
    char quote;       /* after the name */
    enum secret_class class;
};

static size_t find_name_begin(const struct text *t, size_t end)
{
    const char *first = t->at + (end > LOOK_BACK ? end - LOOK_BACK : 0), *from = t->at + end;
    while (from > first && (secret_classes[(unsigned char)from[-1]] & CLASS_NAME) != 0) {
        from--;
    }
    return (size_t)(from - t->at);
}

/* Extends a name to the left, where only several words together name a secret: "API key", "client
 * secret". */
static void look_at_words(const struct text *t, struct named *n)
{
    size_t from = n->from;
    for (int words = 1; words < 3 && n->class == SECRET_NONE; words++) {
        if (from < 2 || t->at[from - 1] != ' ') {
            return;
        }
        size_t before = find_name_begin(t, from - 1);
        if (before == from - 1) {
            return;
        }
        from = before;
        n->class = secret_name(t->at + from, n->end - from);
    }
    n->from = n->class != SECRET_NONE ? from : n->from;
}

/* Finds the name that ends before i. */
static struct named find_name_before(const struct text *t, size_t i)
{
    struct named n = {.end = i};
    while (n.end > 0 && i - n.end < 3 && t->at[n.end - 1] == ' ') {
        n.end--; /* as in password = x */
    }
    n.end -= n.end > 1 && t->at[n.end - 1] == ']' && is_quote(t->at[n.end - 2]);
    if (n.end > 0 && is_quote(t->at[n.end - 1])) {
        n.quote = t->at[--n.end];
        while (n.end > 0 && i - n.end < ESCAPES_MOST && t->at[n.end - 1] == '\\') {
            n.end--;
        }
    }
    n.from = find_name_begin(t, n.end);
    n.class = n.end > n.from ? secret_name(t->at + n.from, n.end - n.from) : SECRET_NONE;
    if (n.class == SECRET_NONE && n.end > n.from) {
        look_at_words(t, &n);
    }
    return n;
}

/* Returns whether the name is a signature's, in the query of an address: ?sig=...,
 * &X-Amz-Signature=... */
static int is_signature(const struct text *t, const struct named *n)
{
    static const char *const names[] = {
        "sig", "Signature", "signature", "X-Amz-Signature", "X-Goog-Signature", "AWSAccessKeyId"};
    char before = n->from > 0 ? t->at[n->from - 1] : 0;
    for (size_t i = 0; (before == '?' || before == '&') && i < sizeof names / sizeof *names; i++) {
        if (n->end - n->from == strlen(names[i]) && has_word_at(t, n->from, names[i])) {
            return 1;
        }
    }
    return 0;
}

/* Returns the class of a pair such as {"name": "password", "value": "x"}. `n` is the name
 * "value". */
static enum secret_class class_of_pair(const struct text *t, const struct named *n)
{
    static const char *const names[] = {"name", "key", "Name", "Key", "header"};
    size_t at = n->from;
    if (n->quote == 0 || n->end - n->from != 5 ||
        (!has_word_at(t, at, "value") && !has_word_at(t, at, "Value"))) {
        return SECRET_NONE;
    }
    /* Goes back over quotes, commas and blanks: to the name's value, then to its own name. */
    struct named parts[2] = {{0}};
    for (int i = 0; i < 2; i++) {
        size_t stop = at;
        while (at > 0 && stop - at < 12 && strchr("\"'\\,: \n", t->at[at - 1]) != NULL) {
            at--;
        }
        parts[i].end = at;
        at = parts[i].from = find_name_begin(t, at);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (parts[1].end - parts[1].from == strlen(names[i]) &&
            has_word_at(t, parts[1].from, names[i])) {
            return secret_name(t->at + parts[0].from, parts[0].end - parts[0].from);
        }
    }
    return SECRET_NONE;
}

/* Lets the class judge the bytes [begin, end). Returns `end` where they are a secret, else 0. */
static size_t judge_span(const struct text *t, enum secret_class class, size_t begin, size_t end)
{
    size_t n = end - begin;
    if (n == 0 || (class == SECRET_ALWAYS && n == 1 && t->at[begin] == '*')) {
        return 0;
    }
    int is_open = t->is_cut && end == t->len && class != SECRET_ALWAYS && n < 16;
    return is_open || secret_value(class, t->at + begin, n < LOOK_AHEAD ? n : LOOK_AHEAD) ? end : 0;
}

/* Returns whether a whole quoted text is no secret: "null", "%s", "${PASSWORD}". */
static int is_quoted_harmless(const struct text *t, size_t begin, size_t end)
{
    int has_blank = 0;
    for (size_t i = begin; i < end; i++) {
        has_blank |= is_white(t->at[i]);
    }
    return is_harmless_word(t->at + begin, end - begin) ||
           (is_placeholder(t, begin) && (!has_blank || t->at[begin] == '{'));
}

/* Matches a value in quotes, which may be escaped. */
static size_t match_quoted_value(const struct text *t, enum secret_class class, size_t value,
                                 size_t *begin)
{
    size_t at = value, end;
    while (char_at(t, at) == '\\' && at - value < ESCAPES_MOST) {
        at++;
    }
    size_t escapes = at - value;
    char quote = char_at(t, at++);
    *begin = at;
    end = find_quoted_end(t, at, quote, escapes, LOOK_AHEAD);
    if ((end - at < LOOK_BACK && is_quoted_harmless(t, at, end)) ||
        judge_span(t, class, at, end) == 0) {
        return 0;
    }
    return end - at < LOOK_AHEAD ? end : find_quoted_end(t, at, quote, escapes, t->len);
}

/* Returns whether values of this name contain blanks: cookies, headers, phrases. */
static int is_long_value(const struct text *t, const struct named *n)
{
    static const char *const words[] = {"ookie",        "uthorization", "OOKIE",
                                        "UTHORIZATION", "phrase",       "nemonic"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        for (size_t at = n->from; at + len <= n->end; at++) {
            if (memcmp(t->at + at, words[i], len) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

/* Matches an unquoted value. The class sees at most LOOK_AHEAD bytes, the secret may be longer. */
static size_t match_bare_value(const struct text *t, enum secret_class class, size_t value)
{
    size_t end = find_bare_end(t, value, LOOK_AHEAD);
    if (judge_span(t, class, value, end) == 0) {
        return 0;
    }
    return end - value < LOOK_AHEAD ? end : find_bare_end(t, value, t->len);
}

/* Matches an unquoted value after a colon: the rest of a header's line, or one word. */
static size_t match_line_value(const struct text *t, const struct named *n, size_t value)
{
    char before = n->from > 0 ? t->at[n->from - 1] : '\n';
    char quote = is_quote(before) ? before : 0;
    int is_long = is_long_value(t, n);
    int is_line = before == '\n' || before == '\r' || quote != 0 || is_long;
    if (is_line && (n->class == SECRET_ALWAYS || is_long)) {
        size_t end = find_line_end(t, value, quote, LOOK_AHEAD);
        return judge_span(t, n->class, value, end) != 0 ? find_line_end(t, value, quote, t->len)
                                                        : 0;
    }
    return match_bare_value(t, n->class, value);
}

size_t secret_named(const struct text *t, size_t i, size_t *begin)
{
    struct named n = find_name_before(t, i);
    char sign = t->at[i];
    size_t value = i + 1;
    if (n.class == SECRET_NONE && n.end > n.from) {
        n.class = sign == '=' && is_signature(t, &n) ? SECRET_ALWAYS : class_of_pair(t, &n);
    }
    if (n.class == SECRET_NONE || (sign == '=' && char_at(t, value) == '=')) {
        return 0;
    }
    value += (sign == '=' && char_at(t, value) == '>') || (sign == ':' && char_at(t, value) == '=');
    value = after_blanks(t, value);
    /* a prefix of Python: b'...' */
    value += char_at(t, value) != 0 && strchr("burf", char_at(t, value)) != NULL &&
             (char_at(t, value + 1) == '"' || char_at(t, value + 1) == '\'');
    *begin = value;
    char c = char_at(t, value);
    if (is_quote(c) ||
        (c == '\\' && (char_at(t, value + 1) == '\\' || is_quote(char_at(t, value + 1))))) {
        return match_quoted_value(t, n.class, value, begin);
    }
    if (value >= t->len || is_white(c) || secret_is_harmless(t, value) ||
        (sign == '=' && is_code_expression(t, value))) {
        return 0;
    }
    if (c == '[' || c == '{' || c == '(') {
        int is_hidden = n.class == SECRET_ALWAYS || (n.class == SECRET_LOGIN && c != '{');
        return is_hidden ? find_bracket_end(t, value) : 0;
    }
    if (sign == ':' && n.quote == 0) {
        return match_line_value(t, &n, value);
    }
    return match_bare_value(t, n.class, value);
}

/* ---- tags, queries and options ---- */

/* At the bracket that ends an opening tag. */
size_t secret_in_tag(const struct text *t, size_t i, size_t *begin)
{
    size_t open = i;
    while (open > 0 && i - open < LOOK_BACK && t->at[open - 1] != '<' && t->at[open - 1] != '>') {
        open--;
    }
    size_t n = run_length(t, open, CLASS_NAME);
    if (open == 0 || t->at[open - 1] != '<' || n == 0) {
        return 0;
    }
    if (char_at(t, open + n) == ':') { /* a prefix such as soap: */
        open += n + 1;
        n = run_length(t, open, CLASS_NAME);
    }
    enum secret_class class = secret_name(t->at + open, n);
    size_t end = i + 1;
    if (class == SECRET_NONE || open + n > i) {
        return 0;
    }
    while (end < t->len && t->at[end] != '<') {
        end++;
    }
    *begin = i + 1;
    return secret_is_harmless(t, i + 1) ? 0 : judge_span(t, class, i + 1, end);
}

/* At the % of an encoded = or :. */
size_t secret_in_query(const struct text *t, size_t i, size_t *begin)
{
    char digit = (char)(char_at(t, i + 2) | 32);
    if (char_at(t, i + 1) != '3' || (digit != 'd' && digit != 'a')) {
        return 0;
    }
    size_t end = i, value = i + 3, stop;
    end -= end >= 3 && has_word_at(t, end - 3, "%22") ? 3 : 0;
    size_t from = find_name_begin(t, end);
    enum secret_class class = secret_name(t->at + from, end - from);
    if (class == SECRET_NONE) {
        return 0;
    }
    while (has_word_at(t, value, "%20")) {
        value += 3;
    }
    value += has_word_at(t, value, "%22") ? 3 : 0;
    for (stop = value;
         stop < t->len && !is_white(t->at[stop]) && !is_quote(t->at[stop]) && t->at[stop] != '&' &&
         !has_word_at(t, stop, "%26") && !has_word_at(t, stop, "%22");
         stop++) {
    }
    *begin = value;
    return secret_is_harmless(t, value) ? 0 : judge_span(t, class, value, stop);
}

/* Returns whether the command before an option contains the word. */
static int is_option_of(const struct text *t, size_t i, const char *word)
{
    size_t n = strlen(word);
    for (size_t at = i; at > 0 && i - at < LOOK_BACK && t->at[at - 1] != '\n'; at--) {
        if (has_word_at(t, at - 1, word) && at - 1 + n <= i) {
            return 1;
        }
    }
    return 0;
}

/* Returns whether a value is a placeholder of a usage line: TOKEN, PASSWORD]. */
static int is_meta_variable(const struct text *t, size_t i)
{
    size_t n = 0;
    while (is_upper(char_at(t, i + n)) || char_at(t, i + n) == '_') {
        n++;
    }
    char next = char_at(t, i + n);
    return n > 1 && (i + n >= t->len || is_white(next) || next == ']' || next == ')');
}

/* Matches --name value. */
static size_t match_long_option(const struct text *t, size_t i, size_t *begin)
{
    size_t n = run_length(t, i + 2, CLASS_NAME), value = after_blanks(t, i + 2 + n);
    enum secret_class class = n != 0 ? secret_name(t->at + i + 2, n) : SECRET_NONE;
    if (class == SECRET_NONE || value == i + 2 + n || char_at(t, value) == '-') {
        return 0;
    }
    *begin = value;
    if (is_quote(char_at(t, value))) {
        return match_quoted_value(t, class, value, begin);
    }
    if (secret_is_harmless(t, value) || is_meta_variable(t, value)) {
        return 0;
    }
    return match_bare_value(t, class, value);
}

/* At the first dash of an option. */
size_t secret_option(const struct text *t, size_t i, size_t *begin)
{
    char before = i > 0 ? t->at[i - 1] : ' ', next = char_at(t, i + 1);
    if (!is_white(before) && !is_quote(before) && before != '[') {
        return 0;
    }
    if (next == '-') {
        size_t stop = has_word_at(t, i, "--user ") && is_option_of(t, i, "curl")
                          ? 0
                          : match_long_option(t, i, begin);
        if (stop != 0 || !has_word_at(t, i, "--user ")) {
            return stop;
        }
    }
    if (next == 'p' && is_option_of(t, i, "mysql")) {
        size_t end = find_bare_end(t, i + 2, t->len);
        *begin = i + 2;
        return end > i + 2 ? end : 0;
    }
    if ((next == 'u' || next == '-') && is_option_of(t, i, "curl")) {
        size_t value = after_blanks(t, i + (next == 'u' ? 2 : 7)), end;
        value += (size_t)is_quote(char_at(t, value));
        end = find_bare_end(t, value, LOOK_AHEAD);
        for (; value < end && t->at[value] != ':'; value++) {
        }
        *begin = value + 1;
        return value + 1 < end && !secret_is_harmless(t, value + 1) ? end : 0;
    }
    return 0;
}
