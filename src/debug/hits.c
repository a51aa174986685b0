/* Why: hit conditions are typed by users and sent by editors, so errors name what is allowed. */
#include "hits.h"

#include <string.h>

#include "status.h"

static const struct {
    const char *text;
    enum hits_test test;
} tests[] = {
    /* the longer ones first */
    {"==", HITS_EQ}, {">=", HITS_GE},  {"<=", HITS_LE}, {">", HITS_GT},
    {"<", HITS_LT},  {"%", HITS_EACH}, {"=", HITS_EQ},
};

static size_t count_blanks(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && (text[n] == ' ' || text[n] == '\t')) {
        n++;
    }
    return n;
}

static rl_status refuse_hits(struct rl_err *err, const char *text, size_t len)
{
    return status_set(
        err, RL_USAGE,
        "'%.*s' is no hit condition; allowed are N, == N, > N, >= N, < N, <= N and %% N",
        (int)(len < 60 ? len : 60), text);
}

rl_status hits_parse(struct hits *hits, const char *text, size_t len, struct rl_err *err)
{
    struct hits made = {HITS_ALL, 0, 0};
    size_t at = count_blanks(text, len), digits = 0;
    if (at == len) {
        *hits = made;
        return RL_OK;
    }
    made.test = HITS_EQ;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        size_t n = strlen(tests[i].text);
        if (len - at >= n && memcmp(text + at, tests[i].text, n) == 0) {
            made.test = tests[i].test;
            at += n;
            break;
        }
    }
    at += count_blanks(text + at, len - at);
    for (; at < len && text[at] >= '0' && text[at] <= '9' && digits < 18; at++, digits++) {
        made.n = made.n * 10 + (uint64_t)(text[at] - '0');
    }
    at += count_blanks(text + at, len - at);
    if (digits == 0 || at != len || (made.test == HITS_EACH && made.n == 0)) {
        return refuse_hits(err, text, len);
    }
    *hits = made;
    return RL_OK;
}
