/* Why: a name and its value are in one text here, as code. So each literal is judged as a value
 * of the names that the code gives it.
 *
 *   statement        a . b [ "key" ] = f ( name = LITERAL , "token" , LITERAL )
 *   level 0          candidates: b key |  names: b key
 *   level 1                              ( candidates: name | names: name    pair: token
 *
 * Each open bracket is a level. A sign (= == : in or) makes the names before it, its candidates,
 * the names of what follows on the level and inside deeper brackets. A comma ends that in brackets.
 *
 * Invariants: linear time, but for a look ahead of at most LOOK_AHEAD bytes. Where the text is no
 * Python, or nests too deep, more is hidden rather than less. */
#include "source_text.h"

#include <relive/rl_filter.h>
#include <string.h>

#include "ascii.h"
#include "secrets.h"
#include "source_tokens.h"

enum {
    NAMES = 6,
    LEVELS = 48,
    FUNCTIONS = 16,
    PAIR_NAME_MAX = 64,
    NAME_MAX_BYTES = 200, /* of a longer name its begin is judged */
    LOOK_AHEAD = 512
};

struct span {
    size_t begin, end;
};

/* A few names; the oldest is given up for a new one. */
struct names {
    struct span of[NAMES];
    unsigned count;
};

struct level {
    char open;   /* the bracket; 0 for statements */
    int is_call; /* its bracket follows a name or a bracket: a call or an item */
    struct names candidates, names;
    unsigned item;     /* number of the item that is being read */
    unsigned parts;    /* tokens of the item so far */
    struct span text;  /* its last string */
    struct span pair;  /* the string that was the whole item before; empty = it was none */
    struct span named; /* in {"name": "x", "value": ...}: x */
    int key_role;      /* enum secret_role of the last key */
};

struct cleaning {
    struct filter *f;
    const struct filter_set *set;
    struct source_tokens tokens;
    struct clean_source *clean;
    size_t copied; /* bytes of the text that are in the result, or redacted */
    size_t marked; /* bytes of the result up to the last mark's end */
    struct level levels[LEVELS];
    unsigned depth; /* of brackets; deeper ones share the last level */
    struct function {
        size_t indent; /* of its line */
        struct span name;
    } functions[FUNCTIONS];
    unsigned function_count;
    size_t line;     /* where the line began, by the last NEWLINE */
    size_t indent;   /* of the statement's line */
    int is_line;     /* nothing but blanks in the line so far */
    int is_begin;    /* of a statement */
    int is_compound; /* its colon ends it: if, while, def ... */
    int is_def;      /* the next name is a function's */
    int is_key_text; /* inside a private key that goes on in the next literal */
    struct token before;
};

/* ---- the result ---- */

static void copy_until(struct cleaning *c, size_t end)
{
    if (end > c->copied) {
        bytes_put(&c->clean->text, c->tokens.text + c->copied, end - c->copied);
        c->copied = end;
    }
}

static void put_mark(struct cleaning *c)
{
    struct clean_source *clean = c->clean;
    bytes_put_varint(&clean->marks, clean->text.len - c->marked);
    bytes_put(&clean->text, RL_REDACTED_TEXT, sizeof RL_REDACTED_TEXT - 1);
    c->marked = clean->text.len;
    clean->mark_count++;
}

/* Puts a mark in the place of each line of [begin, end). */
static void hide_span(struct cleaning *c, size_t begin, size_t end)
{
    const char *text = c->tokens.text;
    copy_until(c, begin);
    for (size_t at = c->copied; at < end;) {
        size_t stop = at;
        while (stop < end && text[stop] != '\n' && text[stop] != '\r') {
            stop++;
        }
        if (stop != at) {
            put_mark(c);
        }
        for (; stop < end && (text[stop] == '\n' || text[stop] == '\r'); stop++) {
            bytes_put(&c->clean->text, text + stop, 1);
        }
        at = c->copied = stop;
    }
}

/* ---- names ---- */

static struct level *level_of(struct cleaning *c)
{
    return &c->levels[c->depth < LEVELS ? c->depth : LEVELS - 1];
}

static void add_name(struct names *names, struct span name)
{
    name.end = name.end - name.begin <= NAME_MAX_BYTES ? name.end : name.begin + NAME_MAX_BYTES;
    if (names->count == NAMES) {
        memmove(names->of, names->of + 1, (NAMES - 1) * sizeof *names->of);
        names->count--;
    }
    names->of[names->count++] = name;
}

static void add_names(struct names *names, const struct names *more)
{
    for (unsigned i = 0; i < more->count; i++) {
        add_name(names, more->of[i]);
    }
}

static int is_word(const struct cleaning *c, const struct token *token, const char *word)
{
    size_t len = strlen(word);
    return token->kind == TOKEN_NAME && token->end - token->begin == len &&
           memcmp(c->tokens.text + token->begin, word, len) == 0;
}

static int is_one_of(const struct cleaning *c, const struct token *token, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (is_word(c, token, *words)) {
            return 1;
        }
    }
    return 0;
}

/* Returns whether a text can be the name of a value beside it: of a header, an option, a key. */
static int is_pair_name(const struct cleaning *c, struct span name)
{
    for (size_t i = name.begin; i < name.end; i++) {
        if (strchr("=,;?!\"'()\n\\/", c->tokens.text[i]) != NULL) {
            return 0;
        }
    }
    return name.end > name.begin && name.end - name.begin <= PAIR_NAME_MAX;
}

/* ---- judgement ---- */

enum judgement { SHOWN, HIDDEN };

static enum secret_class class_of(enum filter_action action)
{
    return action == FILTER_SECRET  ? SECRET_ALWAYS
           : action == FILTER_CODE  ? SECRET_CODE
           : action == FILTER_LOGIN ? SECRET_LOGIN
           : action == FILTER_TOKEN ? SECRET_TOKEN
                                    : SECRET_NONE;
}

/* Returns the number that a token says, 0 where it is none that fits. */
static int64_t number_of(const struct cleaning *c, const struct token *token)
{
    int64_t number = 0;
    for (size_t i = token->begin; i < token->end; i++) {
        char byte = c->tokens.text[i];
        if (byte != '_' && (!is_digit(byte) || number > INT64_MAX / 10 - 10)) {
            return number > 0 ? number : 0;
        }
        number = byte == '_' ? number : 10 * number + (byte - '0');
    }
    return number;
}

/* Lets one name judge a literal, whichever kind of variable it is. */
static enum judgement judge_by(struct cleaning *c, struct span name, const struct token *token)
{
    static const enum filter_kind kinds[] = {FILTER_LOCAL, FILTER_GLOBAL, FILTER_ARG, FILTER_ATTR,
                                             FILTER_KEY};
    const char *text = c->tokens.text;
    while (name.begin < name.end && text[name.begin] == '-') {
        name.begin++; /* of an option */
    }
    struct filter_text word = {text + name.begin, name.end - name.begin};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && word.len != 0; i++) {
        enum filter_action action = filter_value(c->f, c->set, kinds[i], word);
        enum secret_class class = class_of(action);
        if (action == FILTER_REDACT || action == FILTER_DROP) {
            return HIDDEN;
        }
        if (class == SECRET_NONE) {
            continue;
        }
        if (token->kind == TOKEN_NUMBER
                ? secret_number(class, number_of(c, token))
                : secret_value(class, text + token->inner, token->inner_end - token->inner)) {
            return HIDDEN;
        }
    }
    return SHOWN;
}

static enum judgement judge_names(struct cleaning *c, const struct names *names,
                                  const struct token *token)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (judge_by(c, names->of[i], token) == HIDDEN) {
            return HIDDEN;
        }
    }
    return SHOWN;
}

/* Returns the first token from here on that is neither a comment nor the end of a line. */
static struct token next_code(struct source_tokens *ahead, size_t most)
{
    struct token token;
    do {
        token = source_next(ahead);
    } while ((token.kind == TOKEN_COMMENT || token.kind == TOKEN_NEWLINE) && ahead->at < most);
    return token;
}

/* Returns whether the item that the last token begins is the last one in its bracket. */
static int is_last_item(const struct cleaning *c)
{
    struct source_tokens ahead = c->tokens;
    size_t most = ahead.at + LOOK_AHEAD;
    unsigned depth = 0;
    while (ahead.at < most) {
        struct token token = next_code(&ahead, most);
        if (token.kind == TOKEN_END) {
            return 1;
        }
        if (token.kind != TOKEN_SIGN) {
            continue;
        }
        if (strchr("([{", token.sign) != NULL) {
            depth++;
        } else if (strchr(")]}", token.sign) != NULL && depth-- == 0) {
            return 1;
        } else if (token.sign == ',' && depth == 0) {
            token = next_code(&ahead, most);
            return token.kind == TOKEN_SIGN && strchr(")]", token.sign) != NULL;
        }
    }
    return 1;
}

/* Lets the item before judge: ("token", LITERAL), f(x, "password", LITERAL), ["--password", ...].
 */
static enum judgement judge_by_pair(struct cleaning *c, const struct level *level,
                                    const struct token *token)
{
    if (level->open == 0 || level->open == '{' || !is_pair_name(c, level->pair) ||
        judge_by(c, level->pair, token) == SHOWN) {
        return SHOWN;
    }
    int is_option = c->tokens.text[level->pair.begin] == '-';
    int is_second = level->is_call || level->item == 1;
    return is_option || (is_second && is_last_item(c)) ? HIDDEN : SHOWN;
}

/* Lets the name behind a comparison judge: "hunter2" == password. */
static enum judgement judge_by_next(struct cleaning *c, const struct token *token)
{
    struct source_tokens ahead = c->tokens;
    struct token next = source_next(&ahead);
    if (next.kind != TOKEN_SIGN || next.sign != '~') {
        return SHOWN;
    }
    struct span name = {0, 0};
    for (next = source_next(&ahead);
         next.kind == TOKEN_NAME || (next.kind == TOKEN_SIGN && next.sign == '.');
         next = source_next(&ahead)) {
        name = next.kind == TOKEN_NAME ? (struct span){next.begin, next.end} : name;
    }
    return judge_by(c, name, token);
}

/* Returns whether all names that are given to a literal let it be shown. A number obeys those of
 * its own level: most numbers inside a call are no secret. */
static enum judgement judge_literal(struct cleaning *c, const struct token *token)
{
    const struct level *level = level_of(c);
    if (filter_default_action(c->set) != FILTER_ALLOW) {
        return HIDDEN;
    }
    if (token->kind == TOKEN_NUMBER) {
        struct filter_text text = {c->tokens.text + token->begin, token->end - token->begin};
        return judge_names(c, &level->names, token) == HIDDEN || filter_number(c->f, c->set, text)
                   ? HIDDEN
                   : SHOWN;
    }
    for (unsigned i = 0; i <= c->depth && i < LEVELS; i++) {
        if (judge_names(c, &c->levels[i].names, token) == HIDDEN) {
            return HIDDEN;
        }
    }
    return judge_by_pair(c, level, token) == HIDDEN ? HIDDEN : judge_by_next(c, token);
}

/* ---- literals and comments ---- */

static int has_text(const struct cleaning *c, const struct token *token, const char *wanted)
{
    size_t len = strlen(wanted);
    for (size_t i = token->inner; i + len <= token->inner_end; i++) {
        const char *at = memchr(c->tokens.text + i, wanted[0], token->inner_end - len - i + 1);
        if (at == NULL) {
            return 0;
        }
        i = (size_t)(at - c->tokens.text);
        if (memcmp(at, wanted, len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Hides the parts of a literal or comment that are secrets by their form, or by a pattern. */
static void clean_content(struct cleaning *c, const struct token *token)
{
    struct secret_part parts[SECRET_PARTS];
    struct filter_text text = {c->tokens.text + token->inner, token->inner_end - token->inner};
    size_t count = filter_content_apart(c->f, c->set, text, parts);
    for (size_t i = 0; i < count; i++) {
        hide_span(c, token->inner + parts[i].begin, token->inner + parts[i].end);
    }
}

static void clean_string(struct cleaning *c, const struct token *token)
{
    if (token->inner == token->inner_end) {
        return;
    }
    if (c->is_key_text || judge_literal(c, token) == HIDDEN) {
        hide_span(c, token->inner, token->inner_end);
    } else {
        clean_content(c, token);
    }
    if (has_text(c, token, "-----BEGIN ")) {
        c->is_key_text = has_text(c, token, "PRIVATE KEY");
    }
    if (c->is_key_text && has_text(c, token, "-----END ")) {
        c->is_key_text = 0;
    }
}

/* ---- statements and brackets ---- */

static void begin_item(struct level *level)
{
    struct span whole = level->parts == 1 ? level->text : (struct span){0, 0};
    level->pair = whole;
    level->text = (struct span){0, 0};
    level->candidates.count = level->names.count = level->parts = 0;
    level->item++;
}

static void begin_statement(struct cleaning *c)
{
    c->levels[0] = (struct level){0};
    c->is_begin = 1;
    c->is_compound = c->is_def = c->is_key_text = 0;
}

static void open_bracket(struct cleaning *c, char sign)
{
    int is_call = c->before.kind == TOKEN_NAME ||
                  (c->before.kind == TOKEN_SIGN && strchr(")]", c->before.sign) != NULL);
    level_of(c)->parts++;
    c->depth++;
    if (c->depth < LEVELS) {
        c->levels[c->depth] = (struct level){.open = sign, .is_call = is_call};
    }
}

/* Closes a bracket. d["password"] and get("password") give the level around a candidate. */
static void close_bracket(struct cleaning *c)
{
    const struct level *closed = level_of(c);
    struct span name = closed->item == 0 && closed->parts == 1 ? closed->text : closed->pair;
    int is_name = closed->is_call && closed->item <= 1 && is_pair_name(c, name);
    if (c->depth == 0) {
        return;
    }
    c->depth--;
    if (is_name) {
        add_name(&level_of(c)->candidates, name);
    }
}

/* Keeps the pair {"name": "DB_PASSWORD", "value": LITERAL}: the one names the other. */
static void note_role(struct cleaning *c, struct level *level)
{
    const struct names *names = &level->names;
    struct span key = names->count != 0 ? names->of[names->count - 1] : (struct span){0, 0};
    level->key_role = (int)secret_role(c->tokens.text + key.begin, key.end - key.begin);
    if (level->key_role == SECRET_NAMED && level->named.end != level->named.begin) {
        add_name(&level->names, level->named);
    }
}

/* The names before a sign become those of what follows. */
static void name_what_follows(struct cleaning *c, struct level *level, char sign)
{
    if (sign == '~' && level->candidates.count > 1) { /* the nearest alone is compared */
        level->candidates.of[0] = level->candidates.of[level->candidates.count - 1];
        level->candidates.count = 1;
    }
    if (level->open == '{' && level->parts == 1 && level->text.end != level->text.begin) {
        add_name(&level->candidates, level->text);
    }
    add_names(&level->names, &level->candidates);
    level->candidates.count = 0;
    if (level->open != 0 && sign != '~') {
        note_role(c, level);
    }
}

static void handle_sign(struct cleaning *c, const struct token *token)
{
    struct level *level = level_of(c);
    switch (token->sign) {
    case '(':
    case '[':
    case '{':
        open_bracket(c, token->sign);
        return;
    case ')':
    case ']':
    case '}':
        close_bracket(c);
        return;
    case ',':
        if (c->depth != 0) {
            begin_item(level);
        }
        return;
    case ';':
        if (c->depth == 0) {
            begin_statement(c);
        }
        return;
    case ':':
        if (c->depth == 0 && c->is_compound) {
            begin_statement(c);
        } else if (level->open == '{') {
            name_what_follows(c, level, ':');
        }
        return;
    case '=':
    case '~':
        name_what_follows(c, level, token->sign);
        return;
    default:
        level->parts++;
    }
}

/* ---- names ---- */

/* A statement begins with a word: it may end functions, or be compound, or return. */
static void handle_first_word(struct cleaning *c, const struct token *token)
{
    static const char *const compound[] = {"if",      "elif",  "else",  "while", "for",
                                           "def",     "class", "with",  "try",   "except",
                                           "finally", "async", "match", "case",  NULL};
    static const char *const giving[] = {"return", "yield", NULL};
    if (c->is_line) {
        c->indent = token->begin - c->line;
    }
    while (c->is_line && c->function_count != 0 &&
           c->functions[c->function_count - 1].indent >= c->indent) {
        c->function_count--;
    }
    c->is_compound = is_one_of(c, token, compound);
    if (is_one_of(c, token, giving) && c->function_count != 0) {
        add_name(&c->levels[0].names, c->functions[c->function_count - 1].name);
    }
}

static void handle_name(struct cleaning *c, const struct token *token)
{
    static const char *const naming[] = {"in", "or", "is", NULL};
    struct level *level = level_of(c);
    struct span name = {token->begin, token->end};
    if (c->is_begin && c->depth == 0) {
        handle_first_word(c, token);
    }
    if (is_word(c, token, "def")) {
        c->is_def = 1;
        return;
    }
    if (c->is_def) {
        c->is_def = 0;
        if (c->function_count == FUNCTIONS) {
            memmove(c->functions, c->functions + 1, (FUNCTIONS - 1) * sizeof *c->functions);
            c->function_count--;
        }
        c->functions[c->function_count++] = (struct function){c->indent, name};
        return;
    }
    level->parts++;
    if (is_one_of(c, token, naming)) {
        name_what_follows(c, level, '~');
    } else {
        add_name(&level->candidates, name);
    }
}

static void handle_string(struct cleaning *c, const struct token *token)
{
    struct level *level = level_of(c);
    clean_string(c, token);
    level->parts++;
    level->text = (struct span){token->inner, token->inner_end};
    if (level->key_role == SECRET_NAMES && level->names.count != 0) {
        level->named = level->text;
        level->key_role = SECRET_NO_ROLE;
    }
}

static void handle_token(struct cleaning *c, const struct token *token)
{
    switch (token->kind) {
    case TOKEN_NEWLINE:
        c->line = token->end;
        c->is_line = 1;
        if (c->depth == 0) {
            begin_statement(c);
        }
        return;
    case TOKEN_COMMENT:
        clean_content(c, token);
        return;
    case TOKEN_NAME:
        handle_name(c, token);
        c->is_begin = 0;
        break;
    case TOKEN_STRING:
        c->is_begin = 0;
        handle_string(c, token);
        break;
    case TOKEN_NUMBER:
        if (judge_literal(c, token) == HIDDEN) {
            hide_span(c, token->begin, token->end);
        }
        level_of(c)->parts++;
        c->is_begin = 0;
        break;
    default:
        c->is_begin = 0;
        handle_sign(c, token);
    }
    c->is_line = 0;
    c->before = *token;
}

rl_status source_clean(struct filter *f, const struct filter_set *set, const char *text, size_t len,
                       struct clean_source *clean)
{
    struct cleaning c = {
        .f = f, .set = set, .tokens = {text, len, 0}, .clean = clean, .is_line = 1, .is_begin = 1};
    struct token token;
    while ((token = source_next(&c.tokens)).kind != TOKEN_END) {
        handle_token(&c, &token);
    }
    copy_until(&c, len);
    return clean->text.failed || clean->marks.failed ? RL_NOMEM : RL_OK;
}

void clean_source_fini(struct clean_source *clean)
{
    bytes_out_fini(&clean->text);
    bytes_out_fini(&clean->marks);
}
