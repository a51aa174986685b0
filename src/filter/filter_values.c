/* Why: decides about values: about a name once per set, about a text each time. Part of filter.h.
 *
 *    filter_value(name)     patterns of the set -> built-in names of secrets -> default of the set
 *    filter_content(text)   `value:` patterns of the set -> well-known forms (secrets.h)
 *
 * Invariant: a pattern that reaches a limit redacts, and is counted as undecided. */
#include <string.h>

#include "filter_parts.h"
#include "secrets.h"

/* Returns a function's own name, from module.qualname. */
static struct filter_text last_name_part(struct filter_text name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1] == '.') {
            return (struct filter_text){name.data + i, name.len - i};
        }
    }
    return name;
}

enum filter_action filter_action_of(enum secret_class class)
{
    switch (class) {
    case SECRET_NONE:
        return FILTER_ALLOW;
    case SECRET_TOKEN:
        return FILTER_TOKEN;
    case SECRET_CODE:
        return FILTER_CODE;
    case SECRET_LOGIN:
        return FILTER_LOGIN;
    default:
        return FILTER_SECRET;
    }
}

/* Decides about a name. *why becomes the selector that decided, or NULL for the default. */
static enum filter_action decide_name(struct filter *f, const struct filter_set *set,
                                      enum filter_kind kind, struct filter_text name,
                                      const char **why)
{
    *why = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct value_pattern *pattern = &f->patterns[set->patterns[i]];
        if (pattern->selector.kind != kind) {
            continue;
        }
        int found = pattern_search(pattern->selector.pattern, name.data, name.len);
        if (found < 0) {
            f->undecided++;
        }
        if (found != 0) {
            *why = pattern->selector.text;
            return found > 0 ? pattern->action : FILTER_REDACT;
        }
    }
    struct filter_text own = kind == FILTER_RET ? last_name_part(name) : name;
    enum secret_class class = secret_name(own.data, own.len);
    if (class != SECRET_NONE) {
        *why = class == SECRET_ALWAYS ? "built-in names of secrets"
               : class == SECRET_CODE
                   ? "built-in names of secrets, where the value looks like a code"
                   : "built-in names of secrets, where the value looks like a token";
        return set->value != FILTER_ALLOW ? set->value : filter_action_of(class);
    }
    if (set->value == FILTER_ALLOW && (kind == FILTER_KEY || kind == FILTER_ATTR)) {
        enum secret_role role = secret_role(own.data, own.len);
        return role == SECRET_NAMES   ? FILTER_NAMES
               : role == SECRET_NAMED ? FILTER_NAMED
                                      : FILTER_ALLOW;
    }
    return set->value;
}

enum filter_action filter_value(struct filter *f, const struct filter_set *set,
                                enum filter_kind kind, struct filter_text name)
{
    enum { KEPT = 128, MANY = 10000 };
    char key[KEPT + 1];
    const char *why;
    if (name.len > KEPT) {
        return decide_name(f, set, kind, name, &why);
    }
    key[0] = (char)kind;
    memcpy(key + 1, name.data, name.len);
    const uint32_t *known = strmap_get(&set->memo, key, name.len + 1);
    if (known != NULL) {
        return (enum filter_action) * known;
    }
    enum filter_action action = decide_name(f, set, kind, name, &why);
    if (set->memo.count < MANY) {
        (void)strmap_put(&((struct filter_set *)set)->memo, key, name.len + 1, (uint32_t)action);
    }
    return action;
}

const char *filter_why(struct filter *f, const struct filter_set *set, enum filter_kind kind,
                       struct filter_text name)
{
    const char *why;
    (void)decide_name(f, set, kind, name, &why);
    return why;
}

/* Finds all matches of a pattern. Returns how many there are, or -1 where a limit was reached. */
static int find_all_parts(const struct pattern *pattern, struct filter_text text,
                          struct secret_part *parts)
{
    size_t at = 0, count = 0, begin, end;
    while (count < SECRET_PARTS && at <= text.len) {
        int found = pattern_search(pattern, text.data + at, text.len - at);
        if (found <= 0) {
            return found < 0 ? -1 : (int)count;
        }
        pattern_found(pattern, &begin, &end);
        end = end > begin
                  ? end
                  : begin + 1; /* an empty match hides one character, so that the search moves on */
        if (at + begin >= text.len && text.len != 0) {
            break;
        }
        parts[count++] = (struct secret_part){at + begin, at + end};
        at += end;
    }
    if (count == SECRET_PARTS || text.len == 0) {
        parts[count - 1].end = text.len;
    }
    return (int)count;
}

/* Applies the first `value:` pattern that matches. Returns how many parts it hides; 0 = it allows
 * the text; -1 = none matches. */
static int search_content(struct filter *f, const struct filter_set *set, struct filter_text text,
                          struct secret_part *parts)
{
    for (size_t i = 0; set->has_content && i < set->count; i++) {
        const struct value_pattern *pattern = &f->patterns[set->patterns[i]];
        if (pattern->selector.kind != FILTER_VALUE) {
            continue;
        }
        int found = find_all_parts(pattern->selector.pattern, text, parts);
        if (found < 0) {
            f->undecided++;
            parts[0] = (struct secret_part){0, text.len};
            return 1;
        }
        if (found > 0) {
            return pattern->action != FILTER_ALLOW ? found : 0;
        }
    }
    return -1;
}

size_t filter_content(struct filter *f, const struct filter_set *set, struct filter_text text,
                      int is_cut, struct secret_part *parts, int *is_whole)
{
    struct secret_part own[SECRET_PARTS], forms[SECRET_PARTS];
    int found = search_content(f, set, text, own);
    *is_whole = found > 0;
    if (found == 0) {
        return 0;
    }
    size_t count = secret_parts(text.data, text.len, is_cut, found > 0 ? forms : parts);
    return found > 0 ? secret_merge(own, (size_t)found, forms, count, text.len, parts) : count;
}

size_t filter_content_apart(struct filter *f, const struct filter_set *set, struct filter_text text,
                            struct secret_part *parts)
{
    struct secret_part own[SECRET_PARTS], forms[SECRET_PARTS];
    int found = search_content(f, set, text, own);
    size_t count = found != 0 ? secret_parts_apart(text.data, text.len, forms) : 0;
    return secret_merge(own, found > 0 ? (size_t)found : 0, forms, count, text.len, parts);
}

int filter_number(struct filter *f, const struct filter_set *set, struct filter_text text)
{
    struct secret_part parts[SECRET_PARTS];
    return search_content(f, set, text, parts) > 0;
}
