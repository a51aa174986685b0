#include "testing.h"

#include "alloc.h"
#include "filter.h"
#include "keyed_hash.h"
#include "pattern.h"
#include "secrets.h"

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
    char hostile[65] = {0};
    memset(hostile, 'a', 63);
    hostile[63] = '!';
    assert_int_equal(pattern_search(pattern, hostile, 64), -1);
    pattern_free(pattern);
    /* About a million steps: PCRE2's own limit would let them run. */
    assert_int_equal(search(PATTERN_REGEX, "(?:a|aa)*[yz]", hostile + 37), -1);
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
    {"a\\p", "", REFUSED},
    {"a\\p{", "", REFUSED},
    {"a\\p{L", "", REFUSED},
    {"a\\x{41", "", REFUSED},
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
    struct pattern *pattern = NULL;
    struct rl_err err = {0};
    assert_int_equal(pattern_new(PATTERN_GLOB, "a{b", 3, &pattern, &err), RL_USAGE);
    assert_non_null(strstr(err.text, "a { is not closed"));
}

static struct filter_text text(const char *string)
{
    return (struct filter_text){string, strlen(string)};
}

static struct filter *new_filter(unsigned version)
{
    struct filter *f = NULL;
    struct rl_err err = {0};
    struct filter_file file = {
        .version = version, .root = {"/project/", 9}, .exec = FILTER_TRACE, .value = FILTER_ALLOW};
    assert_int_equal(filter_new(&f, &err), RL_OK);
    assert_int_equal(filter_add_file(f, &file, &err), RL_OK);
    return f;
}

static rl_status add_rule(struct filter *f, const char *selector, enum filter_exec exec)
{
    struct rl_err err = {0};
    struct filter_rule rule = {.selector = text(selector),
                               .exec = exec,
                               .sample = 1,
                               .max_str = FILTER_NO_LIMIT,
                               .max_items = FILTER_NO_LIMIT,
                               .max_depth = FILTER_NO_LIMIT,
                               .max_locals = FILTER_NO_LIMIT};
    return filter_add_rule(f, &rule, &err);
}

static struct filter_verdict decide(struct filter *f, const char *module, const char *qualname,
                                    const char *file)
{
    struct filter_verdict v;
    struct filter_scope scope = {text(module), text(qualname), text(qualname), text(file), 0};
    assert_int_equal(filter_decide(f, &scope, &v), RL_OK);
    return v;
}

static void selectors_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *selector;
        int is_good;
    } cases[] = {
        {"pkg:app", 1},
        {"pkg:glob:app.*", 1},
        {"pkg:regex:^a", 1},
        {"obj:literal:a:b", 1},
        {"file:src/**", 1},
        {"file:/project/a", 1},
        {"app", 0},
        {"pkg:", 0},
        {"pkg:fuzzy:app", 0},
        {"local:x", 0},
        {"ret:x", 0},
        {"PKG:a", 0},
        {"file:/other/a.py", 0},
        {"file:../a.py", 0},
        {"pkg:regex:(", 0},
        {":a", 0},
        {"obj:regex:a:b", 1},
        {"file:a/../../b.py", 0},
        {"", 0},
        {"pkg:glob:", 0},
    };
    struct filter *f = new_filter(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rl_status status = add_rule(f, cases[i].selector, FILTER_SKIP);
        if ((status == RL_OK) != cases[i].is_good) {
            fail_msg("%s: %d", cases[i].selector, (int)status);
        }
    }
    filter_free(f);
}

static void the_last_matching_rule_has_the_last_word(void **state)
{
    (void)state;
    struct filter *f = new_filter(1);
    assert_int_equal(add_rule(f, "pkg:app.*", FILTER_SKIP), RL_OK);
    assert_int_equal(add_rule(f, "obj:app.x.keep", FILTER_TRACE), RL_OK);
    assert_int_equal(add_rule(f, "file:gen/*.py", FILTER_SKIP), RL_OK);
    struct filter_verdict v = decide(f, "app.x", "keep", "/project/a.py");
    assert_true(v.is_traced && v.rule == 1);
    v = decide(f, "app.x", "other", "/project/a.py");
    assert_true(!v.is_traced && v.rule == 0);
    v = decide(f, "app.x", "keep", "/project/gen/a.py");
    assert_true(!v.is_traced && v.rule == 2);
    v = decide(f, "other", "f", "/project/a.py");
    assert_true(v.is_traced && v.rule == -1);
    filter_free(f);
}

/* Decisions about one file share the answers of pkg: and file: rules, those about others do not. */
static void answers_of_another_place_are_not_used(void **state)
{
    (void)state;
    struct filter *f = new_filter(1);
    assert_int_equal(add_rule(f, "pkg:app", FILTER_SKIP), RL_OK);
    assert_int_equal(add_rule(f, "file:gen/*.py", FILTER_TRACE), RL_OK);
    for (int i = 0; i < 3; i++) {
        assert_false(decide(f, "app", "f", "/project/a.py").is_traced);
        assert_false(decide(f, "app", "g", "/project/a.py").is_traced);
        assert_true(decide(f, "app", "f", "/project/gen/a.py").is_traced);
        assert_true(decide(f, "ap", "f", "p/project/a.py").is_traced);
        assert_true(decide(f, "", "f", "/project/a.py").is_traced);
        assert_int_equal(decide(f, "app", "f", "").rule, 0);
    }
    filter_free(f);
}

/* A star ends at a slash, and a name made by type() may have one. */
static void a_gate_of_a_package_holds_the_package_itself(void **state)
{
    (void)state;
    struct rl_err err = {0};
    struct filter *f = new_filter(2);
    assert_int_equal(filter_add_gate(f, FILTER_EXCLUDE, text("app.*"), &err), RL_OK);
    assert_false(decide(f, "app", "f", "/project/a.py").is_traced);
    assert_false(decide(f, "app", "a/b", "/project/a.py").is_traced);
    assert_false(decide(f, "app.views", "f", "/project/a.py").is_traced);
    assert_true(decide(f, "apple", "a/b", "/project/a.py").is_traced);
    filter_free(f);
}

static void an_exclude_gate_holds_against_an_include(void **state)
{
    (void)state;
    struct rl_err err = {0};
    struct filter *f = new_filter(2);
    assert_int_equal(filter_add_gate(f, FILTER_INCLUDE, text("app.*"), &err), RL_OK);
    assert_int_equal(filter_add_gate(f, FILTER_EXCLUDE, text("app.made"), &err), RL_OK);
    assert_true(decide(f, "app.views", "f", "/project/a.py").is_traced);
    assert_false(decide(f, "app.made", "f", "/project/a.py").is_traced);
    filter_free(f);
}

static void a_pattern_that_cannot_be_decided_redacts(void **state)
{
    (void)state;
    struct rl_err err = {0};
    struct filter *f = new_filter(2);
    char name[80] = {0};
    memset(name, 'a', sizeof name - 2);
    name[sizeof name - 2] = '!';
    assert_int_equal(add_rule(f, "pkg:app", FILTER_TRACE), RL_OK);
    assert_int_equal(filter_add_pattern(f, text("local:regex:(a+)+$"), FILTER_ALLOW, &err), RL_OK);
    struct filter_verdict v = decide(f, "app", "f", "/project/a.py");
    assert_int_equal(filter_value(f, v.set, FILTER_LOCAL, text("aa")), FILTER_ALLOW);
    assert_int_equal(filter_value(f, v.set, FILTER_LOCAL, text(name)), FILTER_REDACT);
    filter_free(f);
}

static void patterns_of_the_last_rule_come_first(void **state)
{
    (void)state;
    struct rl_err err = {0};
    struct filter *f = new_filter(2);
    assert_int_equal(add_rule(f, "pkg:app", FILTER_TRACE), RL_OK);
    assert_int_equal(filter_add_pattern(f, text("local:x"), FILTER_DROP, &err), RL_OK);
    assert_int_equal(filter_add_pattern(f, text("local:y"), FILTER_DROP, &err), RL_OK);
    assert_int_equal(add_rule(f, "obj:app.f", FILTER_TRACE), RL_OK);
    assert_int_equal(filter_add_pattern(f, text("local:x"), FILTER_REDACT, &err), RL_OK);
    struct filter_verdict f_of = decide(f, "app", "f", "/project/a.py");
    struct filter_verdict g_of = decide(f, "app", "g", "/project/a.py");
    assert_int_equal(filter_value(f, g_of.set, FILTER_LOCAL, text("x")), FILTER_DROP);
    assert_int_equal(filter_value(f, f_of.set, FILTER_LOCAL, text("x")), FILTER_REDACT);
    assert_int_equal(filter_value(f, f_of.set, FILTER_LOCAL, text("y")), FILTER_DROP);
    filter_free(f);
}

static void sets_are_shared_and_secrets_lie_under_them(void **state)
{
    (void)state;
    struct rl_err err = {0};
    struct filter *f = new_filter(2);
    assert_int_equal(add_rule(f, "pkg:app", FILTER_TRACE), RL_OK);
    assert_int_equal(filter_add_pattern(f, text("local:x"), FILTER_DROP, &err), RL_OK);
    assert_int_equal(filter_add_pattern(f, text("value:regex:CUST-[0-9]+"), FILTER_REDACT, &err),
                     RL_OK);
    assert_int_equal(filter_add_pattern(f, text("pkg:x"), FILTER_REDACT, &err), RL_USAGE);
    struct filter_verdict one = decide(f, "app", "f", "/project/a.py");
    struct filter_verdict two = decide(f, "app", "g", "/project/b.py");
    struct filter_verdict other = decide(f, "b", "g", "/project/b.py");
    assert_ptr_equal(one.set, two.set);
    assert_ptr_not_equal(one.set, other.set);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(filter_value(f, one.set, FILTER_LOCAL, text("x")), FILTER_DROP);
        assert_int_equal(filter_value(f, one.set, FILTER_ARG, text("x")), FILTER_ALLOW);
        assert_int_equal(filter_value(f, other.set, FILTER_ARG, text("db_passwd")), FILTER_SECRET);
    }
    struct secret_part parts[SECRET_PARTS];
    int is_whole = 0;
    assert_int_equal(filter_content(f, one.set, text("of CUST-77, CUST-8."), 0, parts, &is_whole),
                     2);
    assert_true(is_whole);
    assert_int_equal(parts[0].begin, 3);
    assert_int_equal(parts[0].end, 10);
    assert_int_equal(parts[1].begin, 12);
    assert_int_equal(filter_content(f, other.set, text("of CUST-77."), 0, parts, &is_whole), 0);
    filter_free(f);
}

static void an_undecided_scope_is_skipped(void **state)
{
    (void)state;
    struct filter *f = new_filter(1);
    char name[80];
    memset(name, 'a', sizeof name);
    memcpy(name + sizeof name - 2, "!", 2);
    assert_int_equal(add_rule(f, "obj:regex:(a+)+$", FILTER_TRACE), RL_OK);
    struct filter_verdict v = decide(f, "m", name, "/project/a.py");
    assert_true(!v.is_traced && v.is_undecided);
    assert_int_equal(filter_undecided(f), 1);
    filter_free(f);
}

/* Every allocation of building and asking fails once: an error or a skip, never more. */
static void a_filter_survives_want_of_memory(void **state)
{
    (void)state;
    for (unsigned long nth = 1; nth < 60; nth++) {
        struct filter *f = NULL;
        struct rl_err err = {0};
        (void)rl_alloc_fail_at(nth, 0);
        if (filter_new(&f, &err) == RL_OK) {
            struct filter_file file = {.version = 2, .exec = FILTER_TRACE, .value = FILTER_ALLOW};
            struct filter_verdict v;
            struct filter_scope scope = {text("m"), text("f"), text("f"), text("/a.py"), 0};
            if (filter_add_file(f, &file, &err) == RL_OK &&
                add_rule(f, "pkg:regex:m+", FILTER_TRACE) == RL_OK &&
                filter_add_pattern(f, text("local:x*"), FILTER_DROP, &err) == RL_OK &&
                filter_add_gate(f, FILTER_EXCLUDE, text("b.*"), &err) == RL_OK &&
                filter_decide(f, &scope, &v) == RL_OK) {
                assert_int_equal(filter_value(f, v.set, FILTER_LOCAL, text("xy")), FILTER_DROP);
            }
        }
        filter_free(f);
        (void)rl_alloc_fail_at(0, 0);
    }
}

static void secrets_are_known(void **state)
{
    (void)state;
    static const char *const names[] = {"password", "apiKey", "dbpasswd", "contraseña", "jwts"};
    static const char *const harmless[] = {"author", "company", "bypass", "password_min_length",
                                           "tokens"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(secret_name(names[i], strlen(names[i])), SECRET_ALWAYS);
        assert_int_equal(secret_name(harmless[i], strlen(harmless[i])), SECRET_NONE);
    }
    assert_int_equal(secret_name("token", 5), SECRET_TOKEN);
    assert_int_equal(secret_name("otp_code", 8), SECRET_CODE);
    assert_true(secret_value(SECRET_TOKEN, "abc123", 6));
    assert_false(secret_value(SECRET_TOKEN, "lambda", 6));
    assert_true(secret_value(SECRET_CODE, "123 456", 7));
    assert_false(secret_number(SECRET_CODE, 42));
    assert_false(secret_number(SECRET_TOKEN, 999)); /* a number of tokens */
    assert_true(secret_number(SECRET_TOKEN, 1000));
}

/* What is found in a text of so many bytes, each in a buffer of its own size. */
static size_t parts_of(const char *text, size_t len, int is_cut, struct secret_part *parts)
{
    char *exact = rl_alloc(len + 1, 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    size_t count = secret_parts(exact, len, is_cut, parts);
    for (size_t i = 0; i < count; i++) {
        assert_true(parts[i].begin < parts[i].end && parts[i].end <= len);
        assert_true(i == 0 || parts[i].begin > parts[i - 1].end);
    }
    assert_true(is_cut || secret_text(exact, len) == (count != 0));
    rl_free(exact);
    return count;
}

/* A text that was found clean says nothing about the same text that goes on, nor about one that
 * differs in a byte. */
static void only_the_very_text_is_known_as_clean(void **state)
{
    (void)state;
    struct secret_part parts[SECRET_PARTS];
    const char *whole = "ghp_0123456789abcdefghijABCDEFGHIJ0123456789",
               *part = "ghp_0123456789abcdefg";
    char clean[64] = "gxp_0123456789abcdefghijABCDEFGHIJ0123456789";
    for (int i = 0; i < 3; i++) {
        assert_int_equal(parts_of(clean, strlen(clean), 0, parts), 0);
        assert_int_equal(parts_of(whole, strlen(whole), 0, parts), 1);
        assert_int_equal(parts_of(part, strlen(part), 0, parts), 0);
        assert_int_equal(parts_of(part, strlen(part), 1, parts), 1);
    }
    clean[1] = 'h';
    assert_int_equal(parts_of(clean, strlen(clean), 0, parts), 1);
}

/* Without a key two texts have one hash where the halves of 16 bytes change places. So a text with
 * a secret could have the hash of a clean one. */
static void a_text_with_the_hash_of_a_clean_one_under_another_key_is_searched(void **state)
{
    (void)state;
    static const struct hash_key zero;
    static const char secret[] = "ghp_0123456789abcdefghijABCDEFGHIJ0123456789abcd";
    enum { LEN = sizeof secret - 1, HALF = 8, PAIR = 2 * HALF };
    struct secret_part parts[SECRET_PARTS];
    char clean[LEN + 1] = "";
    for (size_t at = 0; at < LEN; at += HALF) {
        memcpy(clean + at, secret + (at ^ HALF), HALF);
    }
    struct hash128 a = keyed_hash(&zero, secret, LEN), b = keyed_hash(&zero, clean, LEN);
    assert_true(LEN % PAIR == 0 && a.low == b.low && a.high == b.high);
    assert_int_equal(parts_of(clean, LEN, 0, parts), 0);
    assert_int_equal(parts_of(clean, LEN, 0, parts), 0);
    assert_int_equal(parts_of(secret, LEN, 0, parts), 1);
}

/* 64 bytes are looked at together, and the first of them are looked at once. */
static void a_secret_is_found_at_every_place(void **state)
{
    (void)state;
    static const char *const secrets[] = {"ghp_0123456789abcdefghij", "4111 1111 1111 1111",
                                          "password=hunter2x"};
    struct secret_part parts[SECRET_PARTS];
    for (size_t kind = 0; kind < 3; kind++) {
        const size_t n = strlen(secrets[kind]), shown = kind == 2 ? strlen("password=") : 0;
        for (size_t at = 0; at < 2300; at += at % 64 == 5 ? 35 : 1) {
            char text[2400];
            memset(text, ' ', sizeof text);
            memcpy(text + at, secrets[kind], n);
            size_t len = at % 2 == 0 ? at + n : sizeof text;
            assert_int_equal(parts_of(text, len, 0, parts), 1);
            assert_int_equal(parts[0].begin, at + shown);
            assert_int_equal(parts[0].end, at + n);
        }
    }
}

static void only_the_secret_of_a_text_is_taken(void **state)
{
    (void)state;
    struct secret_part parts[SECRET_PARTS];
    const char *url = "see https://ada:pw@example.org/";
    assert_int_equal(parts_of(url, strlen(url), 0, parts), 1);
    assert_int_equal(parts[0].begin, 16);
    assert_int_equal(parts[0].end, 18);
    const char *open = "a text that goes on with sk-abcdefghijklm";
    assert_int_equal(parts_of(open, strlen(open), 0, parts), 0);
    assert_int_equal(parts_of(open, strlen(open), 1, parts), 1);
    assert_int_equal(parts[0].end, strlen(open));
}

/* 64 KiB of what a scan could be made to go over again and again; each ends at once. */
static void hostile_texts_are_linear(void **state)
{
    (void)state;
    enum { SIZE = 64 << 10 };
    static const char *const pieces[] = {
        "password=",   "token=",     "token=token!",
        "token: ",     "cookie: ",   "\"token\":\"",
        "'\"",         "password=[", "password={'",
        "eyJ",         "eyJa.",      "SG.",
        "-----BEGIN ", "://",        "a://b:",
        "<token ",     "<password>", "token%3D",
        " -p",         " -u",        "mysql -p",
        "curl -u ",    "--token ",   "Bearer ",
        "Basic ",      "4",          "DE12",
        "%3D",         "\\",         "\\\"token\\\":",
        "\xff",        "\xe2\x82",   "\xf0\x9f",
        ",",           "token=,",    ";",
        "b",           "-",          "=",
        ":",           ">",
    };
    struct secret_part parts[SECRET_PARTS];
    char *text = rl_alloc(SIZE, 1);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t n = strlen(pieces[i]);
        for (size_t at = 0; at < SIZE; at++) {
            text[at] = pieces[i][at % n];
        }
        (void)parts_of(text, SIZE, 0, parts);
        (void)secret_name(text, SIZE);
        (void)secret_value(SECRET_TOKEN, text, SIZE);
    }
    rl_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_bounded),
        cmocka_unit_test(regexes_mean_what_they_do_in_rust),
        cmocka_unit_test(globs_match_whole_names),
        cmocka_unit_test(selectors_are_parsed),
        cmocka_unit_test(the_last_matching_rule_has_the_last_word),
        cmocka_unit_test(answers_of_another_place_are_not_used),
        cmocka_unit_test(a_gate_of_a_package_holds_the_package_itself),
        cmocka_unit_test(an_exclude_gate_holds_against_an_include),
        cmocka_unit_test(a_pattern_that_cannot_be_decided_redacts),
        cmocka_unit_test(patterns_of_the_last_rule_come_first),
        cmocka_unit_test(sets_are_shared_and_secrets_lie_under_them),
        cmocka_unit_test(an_undecided_scope_is_skipped),
        cmocka_unit_test(a_filter_survives_want_of_memory),
        cmocka_unit_test(secrets_are_known),
        cmocka_unit_test(only_the_very_text_is_known_as_clean),
        cmocka_unit_test(a_text_with_the_hash_of_a_clean_one_under_another_key_is_searched),
        cmocka_unit_test(a_secret_is_found_at_every_place),
        cmocka_unit_test(only_the_secret_of_a_text_is_taken),
        cmocka_unit_test(hostile_texts_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
