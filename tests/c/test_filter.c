#include "testing.h"

#include "pattern.h"

static void patterns_are_bounded(void **state)
{
    (void)state;
    struct pattern *pattern = NULL;
    struct rl_err err = {0};
    char many[600];
    memset(many, 'a', sizeof many);
    assert_int_equal(pattern_new(many, sizeof many, &pattern, &err), RL_LIMIT);
    assert_int_equal(pattern_new("a(b", 3, &pattern, &err), RL_USAGE);
    assert_non_null(strstr(err.text, "at character"));
    assert_int_equal(pattern_new("(a+)+$", 6, &pattern, &err), RL_OK);
    assert_int_equal(pattern_search(pattern, "aaab", 4), 0);
    char hostile[64];
    memset(hostile, 'a', sizeof hostile);
    hostile[63] = '!';
    assert_int_equal(pattern_search(pattern, hostile, sizeof hostile), -1);
    pattern_free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(patterns_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
