/* Patterns, selectors and texts that nobody vouches for. The input is "how pattern\nsubject": how
 * the pattern is read is the first byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "pattern.h"
#include "secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void search(enum pattern_type type, const char *text, size_t len, const char *subject,
                   size_t subject_len)
{
    struct pattern *pattern = NULL;
    struct rl_err err = {0};
    if (pattern_new(type, text, len, &pattern, &err) == RL_OK) {
        size_t begin = 0, end = 0;
        if (pattern_search(pattern, subject, subject_len) > 0) {
            pattern_found(pattern, &begin, &end);
            if (end > subject_len) {
                abort();
            }
        }
        pattern_free(pattern);
    }
}

static void decide(int is_scope, const char *text, size_t len, const char *subject, size_t n)
{
    struct filter *f = NULL;
    struct rl_err err = {0};
    struct filter_file file = {.version = 2,
                               .root = {"/p", 2},
                               .other_root = {"", 0},
                               .exec = FILTER_TRACE,
                               .value = FILTER_ALLOW};
    struct filter_rule rule = {.selector = {is_scope ? text : "pkg:**", is_scope ? len : 6},
                               .sample = 1};
    struct filter_scope scope = {{subject, n}, {subject, n}, {subject, n}, {subject, n}, 0};
    struct filter_verdict v;
    if (filter_new(&f, &err) != RL_OK) {
        return;
    }
    if (filter_add_file(f, &file, &err) == RL_OK && filter_add_rule(f, &rule, &err) == RL_OK) {
        if (!is_scope) {
            (void)(filter_add_pattern(f, (struct filter_text){text, len}, FILTER_REDACT, &err) ==
                   RL_OK);
        }
        if (filter_decide(f, &scope, &v) == RL_OK) {
            struct secret_part parts[SECRET_PARTS];
            int is_whole;
            (void)filter_value(f, v.set, FILTER_LOCAL, scope.name);
            (void)filter_content(f, v.set, scope.name, 0, parts, &is_whole);
        }
    }
    filter_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    const char *line = memchr(text, '\n', size - 1);
    size_t len = line != NULL ? (size_t)(line - text) : size - 1;
    const char *subject = line != NULL ? line + 1 : text;
    size_t n = line != NULL ? size - 2 - len : len;
    struct secret_part parts[SECRET_PARTS];
    n = n < 4000 ? n : 4000;
    if (data[0] % 4 < 2) {
        search(data[0] % 4 == 0 ? PATTERN_REGEX : PATTERN_GLOB, text, len, subject, n);
    } else {
        decide(data[0] % 4 == 2, text, len, subject, n);
    }
    size_t count = secret_parts(subject, n, data[0] >> 7, parts);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].begin >= parts[i].end || parts[i].end > n ||
            (i != 0 && parts[i].begin <= parts[i - 1].end)) {
            abort();
        }
    }
    (void)secret_name(subject, n);
    return 0;
}
