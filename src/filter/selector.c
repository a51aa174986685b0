/* Why: what users write is checked once, here, with messages that name what is allowed. */
#include "selector.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "bytes.h"
#include "status.h"

void selector_fini(struct selector *selector)
{
    rl_free(selector->text);
    pattern_free(selector->pattern);
}

/* Returns whether a selector of this kind may be used here. */
static int is_allowed(enum filter_kind kind, const struct selector_context *context)
{
    int is_scope = kind <= FILTER_OBJ || kind >= FILTER_THREAD;
    return is_scope == context->is_scope && (context->version >= 2 || kind < FILTER_KEY);
}

static int is_selector_word(struct filter_text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* Finds the kind by its word. The error lists the kinds that are allowed here. */
static rl_status find_kind(struct filter_text word, const struct selector_context *context,
                           enum filter_kind *kind, struct rl_err *err)
{
    char allowed[100] = "";
    size_t used = 0;
    for (int i = 0; i < FILTER_KINDS; i++) {
        int fits = is_allowed((enum filter_kind)i, context);
        const char *kind_word = filter_kind_name((enum filter_kind)i);
        if (fits && is_selector_word(word, kind_word)) {
            *kind = (enum filter_kind)i;
            return RL_OK;
        }
        if (fits) {
            int n = snprintf(allowed + used, sizeof allowed - used, "%s%s", used != 0 ? ", " : "",
                             kind_word);
            used += n > 0 && (size_t)n < sizeof allowed - used ? (size_t)n : 0;
        }
    }
    return status_set(err, RL_USAGE, "the kind '%.*s' is not allowed here; allowed are %s",
                      (int)(word.len < 40 ? word.len : 40), word.data, allowed);
}

static rl_status find_type(struct filter_text word, enum pattern_type *type, struct rl_err *err)
{
    if (is_selector_word(word, "glob")) {
        *type = PATTERN_GLOB;
    } else if (is_selector_word(word, "regex")) {
        *type = PATTERN_REGEX;
    } else if (is_selector_word(word, "literal")) {
        *type = PATTERN_LITERAL;
    } else {
        return status_set(err, RL_USAGE,
                          "the match '%.*s' is not known; known are glob, regex, literal",
                          (int)(word.len < 40 ? word.len : 40), word.data);
    }
    return RL_OK;
}

/* Takes the text before the next colon out of *rest. Returns 0 where there is no colon. */
static int take_word(struct filter_text *rest, struct filter_text *word)
{
    const char *colon = memchr(rest->data, ':', rest->len);
    if (colon == NULL) {
        return 0;
    }
    *word = (struct filter_text){rest->data, (size_t)(colon - rest->data)};
    rest->data = colon + 1;
    rest->len -= word->len + 1;
    return 1;
}

/* Normalises a path: no empty parts, no ".", "x/.." removed, absolute paths relative to the
 * root. */
static rl_status clean_path(struct filter_text text, struct filter_text root, struct bytes_out *out,
                            struct rl_err *err)
{
    if (text.len != 0 && text.data[0] == '/') {
        if (root.len == 0 || text.len <= root.len || memcmp(text.data, root.data, root.len) != 0 ||
            text.data[root.len] != '/') {
            return status_set(err, RL_USAGE, "the path is outside the filter's root");
        }
        text.data += root.len;
        text.len -= root.len;
    }
    for (size_t at = 0; at <= text.len; at++) {
        const char *part = text.data + at;
        const char *end = memchr(part, '/', text.len - at);
        size_t n = end != NULL ? (size_t)(end - part) : text.len - at;
        at += n;
        if (n == 0 || (n == 1 && part[0] == '.')) {
            continue;
        }
        if (n == 2 && memcmp(part, "..", 2) == 0) {
            if (out->len == 0) {
                return status_set(err, RL_USAGE, "the path climbs out of the filter's root");
            }
            do {
                out->len--;
            } while (out->len != 0 && out->data[out->len] != '/');
            continue;
        }
        if (out->len != 0) {
            bytes_put(out, "/", 1);
        }
        bytes_put(out, part, n);
    }
    return out->failed ? status_set(err, RL_NOMEM, "no memory for a pattern") : RL_OK;
}

static rl_status compile_selector(struct selector *selector, enum pattern_type type,
                                  struct filter_text text, const struct selector_context *context,
                                  struct rl_err *err)
{
    struct bytes_out path = {0};
    rl_status status = RL_OK;
    if (selector->kind == FILTER_FILE) {
        status = clean_path(text, context->root, &path, err);
        text = (struct filter_text){path.data != NULL ? (const char *)path.data : "", path.len};
    }
    if (status == RL_OK) {
        status = pattern_new(type, text.data, text.len, &selector->pattern, err);
    }
    bytes_out_fini(&path);
    return status;
}

rl_status selector_init(struct selector *selector, struct filter_text text,
                        const struct selector_context *context, struct rl_err *err)
{
    struct filter_text rest = text, word;
    enum pattern_type type = PATTERN_GLOB;
    struct selector made = {0};
    rl_status status;
    if (!take_word(&rest, &word)) {
        return status_set(err, RL_USAGE,
                          "a selector is written kind:pattern or kind:match:pattern");
    }
    if ((status = find_kind(word, context, &made.kind, err)) != RL_OK) {
        return status;
    }
    if (take_word(&rest, &word) && (status = find_type(word, &type, err)) != RL_OK) {
        return status;
    }
    if (rest.len == 0) {
        return status_set(err, RL_USAGE, "the pattern is empty");
    }
    if ((status = compile_selector(&made, type, rest, context, err)) != RL_OK) {
        return status;
    }
    made.text = rl_alloc(1, text.len + 1);
    if (made.text == NULL) {
        selector_fini(&made);
        return status_set(err, RL_NOMEM, "no memory for a selector");
    }
    memcpy(made.text, text.data, text.len);
    made.text[text.len] = 0;
    *selector = made;
    return RL_OK;
}
