#include "testing.h"

#include "pattern.h"

static int search(enum pattern_type type, const char *text, const char *subject)
{
    struct pattern *pattern = NULL;
    struct rl_err err = {0};
    if (pattern_new(type, text, strlen(text), &pattern, &err) != RL_OK) {
        return -2;
    }
    int found = pattern_search(pattern, subject, strlen(subject));
    pattern_free(pattern);
    return found;
}

static void patterns_are_bounded(void **state)
{
    (void)state;
    struct pattern *pattern = NULL;
    struct rl_err err = {0};
    char many[600];
    memset(many, 'a', sizeof many);
    assert_int_equal(pattern_new(PATTERN_REGEX, many, 513, &pattern, &err), RL_LIMIT);
    assert_int_equal(pattern_new(PATTERN_REGEX, many, 512, &pattern, &err), RL_OK);
    pattern_free(pattern);
    assert_int_equal(pattern_new(PATTERN_REGEX, "a(b", 3, &pattern, &err), RL_USAGE);
    assert_int_equal(pattern_new(PATTERN_REGEX, "(a+)+$", 6, &pattern, &err), RL_OK);
    assert_int_equal(pattern_search(pattern, "aaab", 4), 0);
    char hostile[64];
    memset(hostile, 'a', sizeof hostile);
    hostile[63] = '!';
    assert_int_equal(pattern_search(pattern, hostile, sizeof hostile), -1);
    pattern_free(pattern);
}

enum { NO = 0, YES = 1, REFUSED = -2 };
static const struct {
    const char *pattern, *subject;
    int expected;
} regexes[] = {
    /* what both read alike */
    {"abc", "xabcx", YES},
    {"^abc$", "abc", YES},
    {"a|b", "b", YES},
    {"a{2,3}", "aa", YES},
    {"a{2,}", "a", NO},
    {"a{3}", "aaa", YES},
    {"a+?b", "aab", YES},
    {"[a-c]", "b", YES},
    {"[^a-c]", "b", NO},
    {"[]a]", "]", YES},
    {"[a\\]]", "]", YES},
    {"(?i)ABC", "abc", YES},
    {"(?i:A)b", "aB", NO},
    {"(?s)a.b", "a\nb", YES},
    {"a.b", "a\nb", NO},
    {"a.b", "a\rb", YES},
    {"(?P<n>a)b", "ab", YES},
    {"(?<n>a)b", "ab", YES},
    {"(?m)^b$", "a\nb\nc", YES},
    {"\\Aab\\z", "ab", YES},
    {"\\.\\-\\/", ".-/", YES},
    {"\\x41\\x{42}", "AB", YES},
    {"(?U)a+", "aa", YES},
    {"(?x) a b # end", "ab", YES},
    {"\\t\\n\\r\\f\\a", "\t\n\r\f\a", YES},
    {"\xc3\xa9+", "\xc3\xa9\xc3\xa9", YES},
    /* what they would read differently: translated */
    {"b$", "b\n", NO},
    {"(?m)^$", "a\n", YES},
    {"\\v", "\n", NO},
    {"\\v", "\x0b", YES},
    {"\\w", "\xc3\xa9", YES},
    {"\\w", "\xcc\x81", YES}, /* a combining accent */
    {"\\W", "\xcc\x81", NO},
    {"[\\w-]", "\xe2\x80\xbf", YES}, /* a connector */
    {"a\\b", "a\xcc\x81", NO},
    {"a\\B", "a\xcc\x81", YES},
    {"\\bab\\b", "x ab y", YES},
    {"\\d", "\xd9\xa3", YES}, /* an Arabic digit */
    {"\\s", "\xe2\x80\xa8", YES},
    {"\\S", "\xc2\x85", NO},
    {"[[:alpha:]]", "\xc3\xa9", NO},
    {"[[:alpha:]]", "e", YES},
    {"[[:^alpha:]]", "\xc3\xa9", YES},
    {"[[:^digit:]]", "5", NO},
    {"[[:punct:]x]", "!", YES},
    {"\\u0041\\U00000042", "AB", YES},
    {"\\u{1F600}", "\xf0\x9f\x98\x80", YES},
    {"\\p{Greek}", "\xce\xb1", YES},
    {"\\p{Greek}", "a", NO},
    {"\\p{Letter}\\pN", "a1", YES},
    {"\\P{Lu}", "A", NO},
    {"(a)(b)", "ab", YES},
    /* refused by name */
    {"(?=a)", "", REFUSED},
    {"(?!a)", "", REFUSED},
    {"(?<=a)", "", REFUSED},
    {"(?<!a)", "", REFUSED},
    {"(a)\\1", "", REFUSED},
    {"(?P<n>a)(?P=n)", "", REFUSED},
    {"\\k<n>", "", REFUSED},
    {"\\g{1}", "", REFUSED},
    {"(?R)", "", REFUSED},
    {"(?1)", "", REFUSED},
    {"(?&n)", "", REFUSED},
    {"(?P>n)", "", REFUSED},
    {"(?(1)a|b)", "", REFUSED},
    {"(?C1)", "", REFUSED},
    {"(?>a)", "", REFUSED},
    {"(?|a)", "", REFUSED},
    {"(?#a)", "", REFUSED},
    {"(?'n'a)", "", REFUSED},
    {"(*UTF)a", "", REFUSED},
    {"(*LIMIT_MATCH=1)a", "", REFUSED},
    {"(*F)", "", REFUSED},
    {"\\Ka", "", REFUSED},
    {"\\C", "", REFUSED},
    {"\\R", "", REFUSED},
    {"\\X", "", REFUSED},
    {"\\Qa\\E", "", REFUSED},
    {"\\Z", "", REFUSED},
    {"\\h", "", REFUSED},
    {"\\e", "", REFUSED},
    {"\\ca", "", REFUSED},
    {"\\012", "", REFUSED},
    {"\\y", "", REFUSED},
    {"a*+", "", REFUSED},
    {"a**", "", REFUSED},
    {"*a", "", REFUSED},
    {"a{", "", REFUSED},
    {"a{,3}", "", REFUSED},
    {"[a[b]]", "", REFUSED},
    {"[a&&b]", "", REFUSED},
    {"[a--b]", "", REFUSED},
    {"[\\W]", "", REFUSED},
    {"[a", "", REFUSED},
    {"[[:what:]]", "", REFUSED},
    {"(a", "", REFUSED},
    {"a)", "", REFUSED},
    {"a\\", "", REFUSED},
    {"(?-u)a", "", REFUSED},
    {"(?z)a", "", REFUSED},
    {"\\p{Klingon}", "", REFUSED},
    {"\\p{^Lu}", "", REFUSED},
    {"\\xZZ", "", REFUSED},
    {"\\b{start}", "", REFUSED},
    {"(?x)[ a]", "", REFUSED},
};

static void regexes_mean_what_they_do_in_rust(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof regexes / sizeof *regexes; i++) {
        int found = search(PATTERN_REGEX, regexes[i].pattern, regexes[i].subject);
        if (found != regexes[i].expected) {
            fail_msg("%s on %s: %d", regexes[i].pattern, regexes[i].subject, found);
        }
    }
}

static const struct {
    const char *pattern, *subject;
    int expected;
} globs[] = {
    {"app.*", "app.views.index", YES},
    {"app.*", "app", NO},
    {"app.*", "myapp.views", NO},
    {"*", "a.b.c", YES},
    {"*", "a/b", NO},
    {"**", "a/b", YES},
    {"src/*.py", "src/a.py", YES},
    {"src/*.py", "src/a/b.py", NO},
    {"src/**/*.py", "src/a/b.py", YES},
    {"src/**/*.py", "src/b.py", YES},
    {"src/**", "src/a/b.py", YES},
    {"src/**", "src", NO},
    {"**/test_*.py", "a/b/test_x.py", YES},
    {"**/test_*.py", "test_x.py", YES},
    {"?at", "cat", YES},
    {"?at", "/at", NO},
    {"[bc]at", "cat", YES},
    {"[!bc]at", "cat", NO},
    {"[a-c]x", "bx", YES},
    {"{a,b}.py", "b.py", YES},
    {"{a,b*}.py", "bcd.py", YES},
    {"a.b", "axb", NO},
    {"a+b(c)", "a+b(c)", YES},
    {"\\*", "*", YES},
    {"\\*", "x", NO},
    {"<lambda>", "<lambda>", YES},
    {"App", "app", NO},
    {"[a", "", REFUSED},
    {"{a", "", REFUSED},
    {"\xc3\xa9?", "\xc3\xa9\xc3\xa9", YES},
};

static void globs_match_whole_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof globs / sizeof *globs; i++) {
        int found = search(PATTERN_GLOB, globs[i].pattern, globs[i].subject);
        if (found != globs[i].expected) {
            fail_msg("%s on %s: %d", globs[i].pattern, globs[i].subject, found);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_bounded),
        cmocka_unit_test(regexes_mean_what_they_do_in_rust),
        cmocka_unit_test(globs_match_whole_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
