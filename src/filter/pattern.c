/* Why: one place that knows PCRE2 and its limits. Threads: a pattern may be searched by one thread
 * at a time (it owns its match data). */
#include "pattern.h"

#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "alloc.h"
#include "status.h"

struct pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

void pattern_free(struct pattern *pattern)
{
    if (pattern != NULL) {
        pcre2_code_free(pattern->code);
        pcre2_match_data_free(pattern->match);
        pcre2_match_context_free(pattern->limits);
        rl_free(pattern);
    }
}

rl_status pattern_new(const char *text, size_t len, struct pattern **out, struct rl_err *err)
{
    if (len > PATTERN_BYTES_MAX) {
        return status_set(err, RL_LIMIT, "the pattern has %zu bytes, %d are allowed", len,
                          PATTERN_BYTES_MAX);
    }
    struct pattern *pattern = rl_zalloc(1, sizeof *pattern);
    if (pattern == NULL) {
        return status_set(err, RL_NOMEM, "no memory for a pattern");
    }
    int number = 0;
    PCRE2_SIZE place = 0;
    pattern->code =
        pcre2_compile((PCRE2_SPTR)text, len, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                      &number, &place, NULL);
    if (pattern->code == NULL) {
        PCRE2_UCHAR why[128] = "";
        (void)pcre2_get_error_message(number, why, sizeof why);
        pattern_free(pattern);
        return status_set(err, RL_USAGE, "at character %zu: %s", place, (const char *)why);
    }
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (pattern->match == NULL || pattern->limits == NULL) {
        pattern_free(pattern);
        return status_set(err, RL_NOMEM, "no memory for a pattern");
    }
    (void)pcre2_set_match_limit(pattern->limits, PATTERN_MATCH_LIMIT);
    (void)pcre2_set_depth_limit(pattern->limits, PATTERN_DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(pattern->limits, PATTERN_HEAP_LIMIT_KB);
    *out = pattern;
    return RL_OK;
}

int pattern_search(const struct pattern *pattern, const char *subject, size_t len)
{
    int found =
        pcre2_match(pattern->code, (PCRE2_SPTR)subject, len, 0, 0, pattern->match, pattern->limits);
    return found >= 0 ? 1 : found == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

void pattern_library_version(char *text, size_t size)
{
    char version[64] = "";
    (void)pcre2_config(PCRE2_CONFIG_VERSION, version);
    (void)snprintf(text, size, "%.*s", (int)strcspn(version, " "), version);
}
