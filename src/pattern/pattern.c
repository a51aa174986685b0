/* Why: PCRE2 is used through one door, so that its options and limits are set in one place.
 *
 *    PATTERN_LITERAL   compared byte by byte; PCRE2 never sees it
 *    PATTERN_GLOB      dialect_glob()  -+-> compile_pattern() -> pcre2_match(), within the limits
 *    PATTERN_REGEX     dialect_regex() -+
 *
 * Invariant: what a subject holds never matters to the options. Bytes that are no UTF-8 match
 * nothing and are no error. */
#include "pattern.h"

#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "alloc.h"
#include "dialect.h"
#include "status.h"

struct pattern {
    char *literal; /* owned; NULL = `code` is used */
    size_t len;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

void pattern_free(struct pattern *pattern)
{
    if (pattern != NULL) {
        rl_free(pattern->literal);
        pcre2_code_free(pattern->code);
        pcre2_match_data_free(pattern->match);
        pcre2_match_context_free(pattern->limits);
        rl_free(pattern);
    }
}

/* Compiles translated text. DOLLAR_ENDONLY and ALT_CIRCUMFLEX make two
 * anchors behave as in dialect_regex(). `$` is the very end; `^` with the flag m also follows a
 * final newline. */
static rl_status compile_pattern(struct pattern *pattern, const struct bytes_out *text,
                                 struct rl_err *err)
{
    const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C |
                             PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX | PCRE2_MATCH_INVALID_UTF;
    int number = 0;
    PCRE2_SIZE place = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        return status_set(err, RL_NOMEM, "no memory for a pattern");
    }
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pattern->code = pcre2_compile(text->data != NULL ? text->data : (PCRE2_SPTR) "", text->len,
                                  options, &number, &place, context);
    pcre2_compile_context_free(context);
    if (pattern->code == NULL) {
        PCRE2_UCHAR why[128] = "";
        (void)pcre2_get_error_message(number, why, sizeof why);
        return status_set(err, RL_USAGE, "%s", (const char *)why);
    }
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (pattern->match == NULL || pattern->limits == NULL) {
        return status_set(err, RL_NOMEM, "no memory for a pattern");
    }
    (void)pcre2_set_match_limit(pattern->limits, PATTERN_MATCH_LIMIT);
    (void)pcre2_set_depth_limit(pattern->limits, PATTERN_DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(pattern->limits, PATTERN_HEAP_LIMIT_KB);
    return RL_OK;
}

/* Returns the number of characters of UTF-8 text. */
static size_t count_characters(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return n;
}

static rl_status build_pattern(struct pattern *pattern, enum pattern_type type, const char *text,
                               size_t len, struct rl_err *err)
{
    struct bytes_out translated = {0};
    rl_status status;
    if (type == PATTERN_LITERAL) {
        pattern->literal = rl_alloc(1, len + 1);
        if (pattern->literal == NULL) {
            return status_set(err, RL_NOMEM, "no memory for a pattern");
        }
        memcpy(pattern->literal, text, len);
        pattern->len = len;
        return RL_OK;
    }
    status = type == PATTERN_GLOB ? dialect_glob(text, len, &translated, err)
                                  : dialect_regex(text, len, &translated, err);
    if (status == RL_OK) {
        status = compile_pattern(pattern, &translated, err);
    }
    bytes_out_fini(&translated);
    return status;
}

rl_status pattern_new(enum pattern_type type, const char *text, size_t len, struct pattern **out,
                      struct rl_err *err)
{
    size_t count = count_characters(text, len);
    if (count > PATTERN_CHARS_MAX) {
        return status_set(err, RL_LIMIT, "the pattern has %zu characters, %d are allowed", count,
                          PATTERN_CHARS_MAX);
    }
    struct pattern *pattern = rl_zalloc(1, sizeof *pattern);
    if (pattern == NULL) {
        return status_set(err, RL_NOMEM, "no memory for a pattern");
    }
    rl_status status = build_pattern(pattern, type, text, len, err);
    if (status != RL_OK) {
        pattern_free(pattern);
        return status;
    }
    *out = pattern;
    return RL_OK;
}

int pattern_search(const struct pattern *pattern, const char *subject, size_t len)
{
    if (pattern->literal != NULL) {
        return len == pattern->len && memcmp(subject, pattern->literal, len) == 0;
    }
    int found =
        pcre2_match(pattern->code, (PCRE2_SPTR)subject, len, 0, 0, pattern->match, pattern->limits);
    return found >= 0 ? 1 : found == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

void pattern_found(const struct pattern *pattern, size_t *begin, size_t *end)
{
    *begin = 0;
    *end = pattern->len;
    if (pattern->literal == NULL) {
        const PCRE2_SIZE *places = pcre2_get_ovector_pointer(pattern->match);
        *begin = places[0];
        *end = places[1];
    }
}

void pattern_library_version(char *text, size_t size)
{
    char version[64] = "";
    (void)pcre2_config(PCRE2_CONFIG_VERSION, version);
    (void)snprintf(text, size, "%.*s", (int)strcspn(version, " "), version);
}
