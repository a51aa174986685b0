/* Part of where.h: the text of an expression as nodes, by recursive descent. One function for
 * each line of the grammar (where.h):
 *
 *    parse_or -> parse_and -> parse_not -> parse_comparison -> parse_sum -> parse_product
 *             -> parse_signed -> parse_path -> parse_atom -> parse_or, in brackets
 *
 * Invariants: `depth` bounds the recursion, WHERE_NODES_MAX the memory. A refusal names the place
 * of what does not fit, and where somebody used to Python may have meant something else, what to
 * write.
 */
#include <string.h>

#include "alloc.h"
#include "ascii.h"
#include "status.h"
#include "where_parts.h"

struct parser {
    struct where *where;
    struct where_error *error;
    size_t at;
    unsigned depth;
};

static rl_status parse_or(struct parser *p, uint32_t *out);

/* ---- characters and words ---- */

static int peek(const struct parser *p)
{
    return p->at < p->where->len ? (unsigned char)p->where->text[p->at] : -1;
}

static void skip_blanks(struct parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t' || peek(p) == '\n' || peek(p) == '\r') {
        p->at++;
    }
}

static int begins_name(int c)
{
    return c == '_' || c >= 0x80 || (c >= 0 && (is_lower((char)c) || is_upper((char)c)));
}

/* Returns the length of the name at the place, 0 where none begins. */
static size_t name_length(const struct parser *p)
{
    const char *text = p->where->text;
    size_t n = 0;
    if (!begins_name(peek(p))) {
        return 0;
    }
    while (p->at + n < p->where->len &&
           (begins_name((unsigned char)text[p->at + n]) || is_digit(text[p->at + n]))) {
        n++;
    }
    return n;
}

static int looks_at(struct parser *p, const char *sign)
{
    size_t n = strlen(sign);
    skip_blanks(p);
    return p->where->len - p->at >= n && memcmp(p->where->text + p->at, sign, n) == 0;
}

static int take_sign(struct parser *p, const char *sign)
{
    if (!looks_at(p, sign)) {
        return 0;
    }
    p->at += strlen(sign);
    return 1;
}

static int take_word(struct parser *p, const char *word)
{
    skip_blanks(p);
    if (name_length(p) != strlen(word) || !looks_at(p, word)) {
        return 0;
    }
    p->at += strlen(word);
    return 1;
}

static rl_status refuse(const struct parser *p, const char *why)
{
    return where_refuse(p->error, RL_USAGE, p->at, "%s", why);
}

static rl_status expect(struct parser *p, const char *sign)
{
    if (take_sign(p, sign)) {
        return RL_OK;
    }
    return where_refuse(p->error, RL_USAGE, p->at, "%s is missing here", sign);
}

static rl_status enter(struct parser *p)
{
    return ++p->depth <= WHERE_DEPTH_MAX
               ? RL_OK
               : where_refuse(p->error, RL_LIMIT, p->at, "the expression is nested too deeply");
}

/* ---- nodes ---- */

static struct node *node_at(const struct parser *p, uint32_t number)
{
    return &p->where->nodes[number];
}

/* Adds a node with up to two children, which follow each other. */
static rl_status add_node(struct parser *p, enum node_op op, uint32_t first, uint32_t second,
                          uint32_t *out)
{
    struct where *w = p->where;
    void *nodes = w->nodes;
    if (w->node_count >= WHERE_NODES_MAX) {
        return where_refuse(p->error, RL_LIMIT, p->at, "the expression has too many parts");
    }
    if (rl_grow(&nodes, &w->node_cap, w->node_count + 1, sizeof *w->nodes) != 0) {
        return where_refuse(p->error, RL_NOMEM, p->at, "no memory");
    }
    w->nodes = nodes;
    struct node *node = &w->nodes[w->node_count];
    *node = (struct node){.op = (uint8_t)op, .first = first, .next = NO_NODE, .depth = 1};
    if (first != NO_NODE) {
        w->nodes[first].next = second;
    }
    for (uint32_t child = first; child != NO_NODE; child = w->nodes[child].next) {
        uint8_t depth = (uint8_t)(w->nodes[child].depth + 1);
        node->depth = depth > node->depth ? depth : node->depth;
        node->count++;
    }
    if (node->depth > WHERE_DEPTH_MAX) {
        return where_refuse(p->error, RL_LIMIT, p->at, "the expression is nested too deeply");
    }
    *out = (uint32_t)w->node_count++;
    return RL_OK;
}

/* Makes the nodes of a list the children of a new node. */
static rl_status add_list_node(struct parser *p, enum node_op op, uint32_t first, uint32_t *out)
{
    return add_node(p, op, first, first != NO_NODE ? node_at(p, first)->next : NO_NODE, out);
}

static rl_status add_constant(struct parser *p, const struct operand *constant, uint32_t *out)
{
    struct where *w = p->where;
    void *constants = w->constants;
    if (rl_grow(&constants, &w->constant_cap, w->constant_count + 1, sizeof *w->constants) != 0) {
        rl_free((void *)(uintptr_t)constant->bytes);
        return where_refuse(p->error, RL_NOMEM, p->at, "no memory");
    }
    w->constants = constants;
    w->constants[w->constant_count++] = *constant; /* from here on the expression owns its bytes */
    rl_status status = add_node(p, NODE_CONSTANT, NO_NODE, NO_NODE, out);
    if (status == RL_OK) {
        node_at(p, *out)->number = (uint32_t)w->constant_count - 1;
    }
    return status;
}

/* Returns the number of a name, which is added where it is new; -1 without memory. */
static int64_t find_name(struct parser *p, size_t place, size_t n, int is_of_call)
{
    struct where *w = p->where;
    void *names = w->names;
    for (size_t i = 0; i < w->name_count; i++) {
        if (w->names[i].text.len == n && w->names[i].is_of_call == is_of_call &&
            memcmp(w->names[i].text.data, w->text + place, n) == 0) {
            return (int64_t)i;
        }
    }
    if (rl_grow(&names, &w->name_cap, w->name_count + 1, sizeof *w->names) != 0) {
        return -1;
    }
    w->names = names;
    w->names[w->name_count] = (struct where_name){{w->text + place, n}, place, is_of_call};
    return (int64_t)w->name_count++;
}

/* ---- atoms ---- */

/* Reads items up to the closing bracket. `is_tuple` where a comma follows the first. */
static rl_status parse_items(struct parser *p, const char *close, uint32_t *first, int *is_tuple)
{
    uint32_t last = NO_NODE, item = NO_NODE;
    rl_status status = RL_OK;
    *first = NO_NODE;
    *is_tuple = 0;
    while (status == RL_OK && !looks_at(p, close)) {
        status = parse_or(p, &item);
        if (status != RL_OK) {
            return status;
        }
        if (last == NO_NODE) {
            *first = item;
        } else {
            node_at(p, last)->next = item;
        }
        last = item;
        if (!take_sign(p, ",")) {
            break;
        }
        *is_tuple = 1;
    }
    return expect(p, close);
}

/* Reads (a), (a, b) or [a, b]. */
static rl_status parse_bracket(struct parser *p, uint32_t *out)
{
    int is_list = take_sign(p, "["), is_tuple = 0;
    uint32_t first = NO_NODE;
    p->at += !is_list;
    rl_status status = parse_items(p, is_list ? "]" : ")", &first, &is_tuple);
    if (status != RL_OK) {
        return status;
    }
    if (!is_list && !is_tuple && first != NO_NODE) {
        *out = first;
        return RL_OK;
    }
    status = add_list_node(p, is_list ? NODE_LIST : NODE_TUPLE, first, out);
    if (status == RL_OK) {
        node_at(p, *out)->number = (uint32_t)p->where->made_count;
        p->where->made_count += node_at(p, *out)->count;
    }
    return status;
}

/* Reads the rest of re(a, "pattern"), and compiles the pattern. */
static rl_status parse_match(struct parser *p, uint32_t subject, uint32_t *out)
{
    struct rl_err err = {0};
    struct pattern *pattern = NULL;
    uint32_t text = NO_NODE;
    rl_status status = expect(p, ",");
    if (status != RL_OK) {
        return status;
    }
    skip_blanks(p);
    size_t place = p->at;
    status = parse_or(p, &text);
    if (status != RL_OK) {
        return status;
    }
    const struct node *node = node_at(p, text);
    const struct operand *constant = &p->where->constants[node->number];
    if (node->op != NODE_CONSTANT || constant->kind != OPERAND_STR) {
        p->at = place;
        return refuse(p, "the pattern of re() is a text in quotes");
    }
    status =
        pattern_new(PATTERN_REGEX, (const char *)constant->bytes, constant->size, &pattern, &err);
    if (status != RL_OK) {
        return where_refuse(p->error, status, place, "the pattern is none: %s", err.text);
    }
    status = add_node(p, NODE_MATCH, subject, NO_NODE, out);
    if (status != RL_OK) {
        pattern_free(pattern);
        return status;
    }
    node_at(p, *out)->pattern = pattern;
    return RL_OK;
}

/* Reads the rest of a call; `place` is that of the name. */
static rl_status parse_call(struct parser *p, size_t place, size_t n, uint32_t *out)
{
    static const struct {
        const char *name;
        enum node_op op;
    } functions[] = {{"len", NODE_LEN}, {"type", NODE_TYPE}, {"re", NODE_MATCH}};
    const char *name = p->where->text + place;
    uint32_t argument = NO_NODE;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strlen(functions[i].name) != n || memcmp(functions[i].name, name, n) != 0) {
            continue;
        }
        rl_status status = expect(p, "(");
        status = status == RL_OK ? parse_or(p, &argument) : status;
        if (status == RL_OK) {
            status = functions[i].op == NODE_MATCH
                         ? parse_match(p, argument, out)
                         : add_node(p, functions[i].op, argument, NO_NODE, out);
        }
        return status == RL_OK ? expect(p, ")") : status;
    }
    p->at = place;
    return refuse(p, "only len(), type() and re() can be called here");
}

/* Returns whether a word of Python has no use here, or another one. */
static int is_reserved(const char *name, size_t n)
{
    static const char *const words[] = {"and",  "or",  "not",    "in",    "is",    "if",
                                        "else", "for", "lambda", "await", "yield", "async"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == n && memcmp(words[i], name, n) == 0) {
            return 1;
        }
    }
    return 0;
}

static rl_status parse_name(struct parser *p, uint32_t *out)
{
    size_t place = p->at, n = name_length(p);
    int64_t number;
    p->at += n;
    if (looks_at(p, "(")) {
        return parse_call(p, place, n, out);
    }
    if (is_reserved(p->where->text + place, n)) {
        p->at = place;
        return refuse(p, "a value is missing before this word");
    }
    int is_of_call = n == 4 && memcmp(p->where->text + place, "call", 4) == 0 && looks_at(p, ".");
    if (is_of_call) {
        p->at++;
        skip_blanks(p);
        place = p->at;
        n = name_length(p);
        p->at += n;
        if (n == 0) {
            return refuse(p, "a name is missing here");
        }
    }
    rl_status status = add_node(p, NODE_NAME, NO_NODE, NO_NODE, out);
    if (status != RL_OK) {
        return status;
    }
    number = find_name(p, place, n, is_of_call);
    if (number < 0) {
        return where_refuse(p->error, RL_NOMEM, place, "no memory");
    }
    node_at(p, *out)->number = (uint32_t)number;
    return RL_OK;
}

/* Returns whether a text or bytes begin here, with or without letters before the quote. */
static int begins_text(const struct parser *p)
{
    const char *text = p->where->text + p->at;
    size_t n = strspn(text, "rbRB");
    return n <= 2 && (text[n] == '"' || text[n] == '\'');
}

static rl_status parse_atom(struct parser *p, uint32_t *out)
{
    static const char *const words[] = {"None", "False", "True"};
    struct operand constant;
    skip_blanks(p);
    int c = peek(p), next = c >= 0 ? (unsigned char)p->where->text[p->at + 1] : 0;
    if (begins_text(p) || (c >= '0' && c <= '9') || (c == '.' && next >= '0' && next <= '9')) {
        rl_status status =
            where_literal(p->where->text, p->where->len, &p->at, &constant, p->error);
        return status == RL_OK ? add_constant(p, &constant, out) : status;
    }
    for (int i = 0; i < 3; i++) {
        if (take_word(p, words[i])) {
            constant = i == 0 ? (struct operand){.kind = OPERAND_NONE} : operand_bool(i == 2);
            return add_constant(p, &constant, out);
        }
    }
    if (begins_name(c)) {
        return parse_name(p, out);
    }
    if (c != '(' && c != '[') {
        return refuse(p, c < 0 ? "a value is missing at the end" : "a value is missing here");
    }
    return parse_bracket(p, out);
}

/* Reads the names and indexes behind a value. */
static rl_status parse_path(struct parser *p, uint32_t *out)
{
    rl_status status = parse_atom(p, out);
    while (status == RL_OK) {
        if (take_sign(p, ".")) {
            skip_blanks(p);
            size_t n = name_length(p), place = p->at;
            if (n == 0) {
                return refuse(p, "a name is missing here");
            }
            status = add_node(p, NODE_ATTRIBUTE, *out, NO_NODE, out);
            if (status == RL_OK) {
                node_at(p, *out)->name = (struct text){p->where->text + place, n};
            }
            p->at += n;
            if (looks_at(p, "(")) {
                return refuse(p, "a method cannot be called here");
            }
        } else if (take_sign(p, "[")) {
            uint32_t index = NO_NODE, path = *out;
            status = parse_or(p, &index);
            if (status == RL_OK && looks_at(p, ":")) {
                return refuse(p, "a slice cannot be taken here");
            }
            status = status == RL_OK ? expect(p, "]") : status;
            status = status == RL_OK ? add_node(p, NODE_ITEM, path, index, out) : status;
        } else {
            if (looks_at(p, "(")) {
                return refuse(p, "only len(), type() and re() can be called here");
            }
            return RL_OK;
        }
    }
    return status;
}

/* ---- operators ---- */

static rl_status parse_signed(struct parser *p, uint32_t *out)
{
    skip_blanks(p);
    int is_minus = peek(p) == '-';
    if (!is_minus && peek(p) != '+') {
        rl_status status = parse_path(p, out);
        if (status == RL_OK && looks_at(p, "**")) {
            return refuse(p, "** is not known here");
        }
        return status;
    }
    uint32_t inner = NO_NODE;
    p->at++;
    rl_status status = enter(p);
    status = status == RL_OK ? parse_signed(p, &inner) : status;
    p->depth--;
    return status == RL_OK ? add_node(p, is_minus ? NODE_NEGATE : NODE_PLUS, inner, NO_NODE, out)
                           : status;
}

struct sign {
    const char *text;
    enum operand_arithmetic how;
};

/* Reads operands with signs between them, the left ones first. */
static rl_status parse_chain(struct parser *p, const struct sign *signs, size_t count,
                             rl_status (*parse)(struct parser *, uint32_t *), uint32_t *out)
{
    rl_status status = parse(p, out);
    while (status == RL_OK) {
        size_t i = 0;
        while (i < count && !take_sign(p, signs[i].text)) {
            i++;
        }
        if (i == count) {
            return RL_OK;
        }
        uint32_t left = *out, right = NO_NODE;
        status = parse(p, &right);
        status = status == RL_OK ? add_node(p, NODE_COMPUTE, left, right, out) : status;
        if (status == RL_OK) {
            node_at(p, *out)->detail = (uint8_t)signs[i].how;
        }
    }
    return status;
}

static rl_status parse_product(struct parser *p, uint32_t *out)
{
    static const struct sign signs[] = {{"*", OPERAND_MULTIPLY},
                                        {"//", OPERAND_FLOOR_DIVIDE},
                                        {"/", OPERAND_DIVIDE},
                                        {"%", OPERAND_REMAINDER}};
    return parse_chain(p, signs, 4, parse_signed, out);
}

static rl_status parse_sum(struct parser *p, uint32_t *out)
{
    static const struct sign signs[] = {{"+", OPERAND_ADD}, {"-", OPERAND_SUBTRACT}};
    return parse_chain(p, signs, 2, parse_product, out);
}

/* Takes what compares two operands, and returns it; -1 where nothing does. */
static int take_link(struct parser *p)
{
    static const char *const signs[] = {"<=", "<", ">=", ">", "==", "!="};
    static const uint8_t links[] = {WHERE_LESS_EQUAL, WHERE_LESS,  WHERE_GREATER_EQUAL,
                                    WHERE_GREATER,    WHERE_EQUAL, WHERE_NOT_EQUAL};
    size_t before = p->at;
    for (size_t i = 0; i < sizeof links; i++) {
        if (take_sign(p, signs[i])) {
            return links[i];
        }
    }
    if (take_word(p, "in")) {
        return WHERE_IN;
    }
    if (take_word(p, "is")) {
        return take_word(p, "not") ? WHERE_IS_NOT : WHERE_IS;
    }
    if (take_word(p, "not")) {
        if (take_word(p, "in")) {
            return WHERE_NOT_IN;
        }
        p->at = before;
    }
    return -1;
}

/* `is` compares with None, True and False alone: of other objects the identity says little. */
static int is_singleton(const struct parser *p, uint32_t number)
{
    const struct node *node = node_at(p, number);
    if (node->op != NODE_CONSTANT) {
        return 0;
    }
    unsigned kind = p->where->constants[node->number].kind;
    return kind == OPERAND_NONE || kind == OPERAND_BOOL;
}

static rl_status parse_comparison(struct parser *p, uint32_t *out)
{
    uint32_t first = NO_NODE, last, operand = NO_NODE;
    rl_status status = parse_sum(p, &first);
    last = *out = first;
    while (status == RL_OK) {
        int link = take_link(p);
        if (link < 0) {
            break;
        }
        skip_blanks(p);
        size_t place = p->at;
        status = parse_sum(p, &operand);
        if (status == RL_OK && link >= WHERE_IS && !is_singleton(p, operand)) {
            p->at = place;
            return refuse(p, "is compares with None, True or False; of a type, write"
                             " type(x) == \"Name\"");
        }
        if (status == RL_OK) {
            node_at(p, operand)->link = (uint8_t)link;
            node_at(p, last)->next = operand;
            last = operand;
        }
    }
    return status == RL_OK && last != first ? add_list_node(p, NODE_COMPARE, first, out) : status;
}

static rl_status parse_not(struct parser *p, uint32_t *out)
{
    if (!take_word(p, "not")) {
        return parse_comparison(p, out);
    }
    uint32_t inner = NO_NODE;
    rl_status status = enter(p);
    status = status == RL_OK ? parse_not(p, &inner) : status;
    p->depth--;
    return status == RL_OK ? add_node(p, NODE_NOT, inner, NO_NODE, out) : status;
}

/* Reads operands with a word between them, as the children of one node. */
static rl_status parse_words(struct parser *p, const char *word, enum node_op op,
                             rl_status (*parse)(struct parser *, uint32_t *), uint32_t *out)
{
    uint32_t first = NO_NODE, last, operand = NO_NODE;
    rl_status status = parse(p, &first);
    last = *out = first;
    while (status == RL_OK && take_word(p, word)) {
        status = parse(p, &operand);
        if (status == RL_OK) {
            node_at(p, last)->next = operand;
            last = operand;
        }
    }
    return status == RL_OK && last != first ? add_list_node(p, op, first, out) : status;
}

static rl_status parse_and(struct parser *p, uint32_t *out)
{
    return parse_words(p, "and", NODE_AND, parse_not, out);
}

static rl_status parse_or(struct parser *p, uint32_t *out)
{
    rl_status status = enter(p);
    status = status == RL_OK ? parse_words(p, "or", NODE_OR, parse_and, out) : status;
    p->depth--;
    return status;
}

/* ---- the whole ---- */

/* Refuses what follows the expression. */
static rl_status refuse_rest(struct parser *p)
{
    static const char *const meant[][2] = {
        {"=", "= assigns in Python: use == to compare"},
        {"&&", "write and"},
        {"||", "write or"},
        {"!", "write not"},
        {"~", "write re(value, \"pattern\")"},
        {"&", "write and"},
        {"|", "write or"},
        {"if", "if cannot be used here: write and, or"},
        {"for", "for cannot be used here"},
    };
    for (size_t i = 0; i < sizeof meant / sizeof *meant; i++) {
        if (looks_at(p, meant[i][0])) {
            return refuse(p, meant[i][1]);
        }
    }
    return refuse(p, "an operator such as and, or, == is missing before this");
}

/* Parses the whole text; the root is the last node. */
static rl_status parse_where(struct parser *p)
{
    uint32_t root = NO_NODE;
    struct where *w = p->where;
    rl_status status = parse_or(p, &root);
    skip_blanks(p);
    if (status == RL_OK && p->at != w->len) {
        status = refuse_rest(p);
    }
    if (status != RL_OK) {
        return status;
    }
    w->root = root;
    w->made = rl_zalloc(w->made_count + 1, sizeof *w->made);
    return w->made != NULL ? RL_OK : where_refuse(p->error, RL_NOMEM, 0, "no memory");
}

rl_status where_new(const char *text, size_t len, struct where **out, struct where_error *error)
{
    if (len > WHERE_BYTES_MAX) {
        return where_refuse(error, RL_LIMIT, WHERE_BYTES_MAX,
                            "the expression has more than %d bytes", WHERE_BYTES_MAX);
    }
    struct where *w = rl_zalloc(1, sizeof *w);
    if (w == NULL || (w->text = rl_zalloc(len + 1, 1)) == NULL) {
        rl_free(w);
        return where_refuse(error, RL_NOMEM, 0, "no memory");
    }
    memcpy(w->text, text, len);
    w->len = len;
    struct parser parser = {.where = w, .error = error};
    rl_status status = parse_where(&parser);
    if (status != RL_OK) {
        where_free(w);
        return status;
    }
    *out = w;
    return RL_OK;
}

void where_free(struct where *where)
{
    if (where == NULL) {
        return;
    }
    for (size_t i = 0; i < where->node_count; i++) {
        pattern_free(where->nodes[i].pattern);
    }
    for (size_t i = 0; i < where->constant_count; i++) {
        rl_free((void *)(uintptr_t)where->constants[i].bytes);
    }
    rl_free(where->nodes);
    rl_free(where->constants);
    rl_free(where->names);
    rl_free(where->made);
    rl_free(where->text);
    rl_free(where);
}

const struct where_name *where_names(const struct where *where, size_t *count)
{
    *count = where->name_count;
    return where->names;
}
