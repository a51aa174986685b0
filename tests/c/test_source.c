#include "testing.h"

#include "filter.h"
#include "secrets.h"
#include "source_entry.h"
#include "source_text.h"

/* Returns the text without its secrets: static memory. */
static const char *clean(const char *text)
{
    static char result[4096];
    struct filter *f = NULL;
    struct filter_scope scope = {{"app", 3}, {"<module>", 8}, {"<module>", 8}, {"app.py", 6}, 0};
    struct filter_verdict verdict;
    struct clean_source made = {{0}, {0}, 0};
    size_t len = strlen(text);
    assert_int_equal(filter_new(&f, NULL), RL_OK);
    assert_int_equal(filter_decide_source(f, &scope, &verdict), RL_OK);
    assert_int_equal(source_clean(f, verdict.set, text, len, &made), RL_OK);
    assert_true(made.text.len < sizeof result);
    memcpy(result, made.text.len != 0 ? made.text.data : (const uint8_t *)"", made.text.len);
    result[made.text.len] = 0;
    struct source_entry entry = {.text = {result, made.text.len},
                                 .marks = {(const char *)made.marks.data, made.marks.len},
                                 .mark_count = made.mark_count};
    assert_true(source_is_text_of(&entry, (struct text){text, len}));
    clean_source_fini(&made);
    filter_free(f);
    return result;
}

#define R "<redacted>"

static void literals_obey_the_names_that_the_code_gives_them(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"password = 'x1'", "password = '" R "'"},
        {"password: str = b\"x1\"", "password: str = b\"" R "\""},
        {"a.password = user = 'x1'", "a.password = user = '" R "'"},
        {"f(1, password='x1', user='ada')", "f(1, password='" R "', user='ada')"},
        {"{'password': 'x1', 'user': 'ada'}", "{'password': '" R "', 'user': 'ada'}"},
        {"d['password'] = 'x1'", "d['password'] = '" R "'"},
        {"if password == 'x1': print('hi')", "if password == '" R "': print('hi')"},
        {"if 'x1' == a.password: pass", "if '" R "' == a.password: pass"},
        {"def password():\n    return 'x1'\ndef f():\n    return 'y'",
         "def password():\n    return '" R "'\ndef f():\n    return 'y'"},
        {"x = ('password', 'x1')", "x = ('password', '" R "')"},
        {"x = ['password', 'email', 'name']", "x = ['password', 'email', 'name']"},
        {"card_pin = 4711\nn = 4711", "card_pin = " R "\nn = 4711"},
        {"password = '''a\nb'''; x = 'c'", "password = '''" R "\n" R "'''; x = 'c'"},
        {"password = f'{d[\"k\"]}x1'", "password = f'" R "'"},
        {"token = '+'", "token = '+'"},
        {"password = ''", "password = ''"},
        {"raise E('no password given')", "raise E('no password given')"},
        {"password = other\nx = 'y'", "password = other\nx = 'y'"},
        {"{'name': 'DB_PASSWORD', 'value': 'x1'}", "{'name': 'DB_PASSWORD', 'value': '" R "'}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(clean(cases[i][0]), cases[i][1]);
    }
}

static void what_is_no_python_ends_too(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "'",
        "\"\"\"",
        "f'{",
        "f'{a['b']}",
        ")))]]}}",
        "((((((",
        "\\",
        "\\\n",
        "password = '",
        "password = \"x1\n'y",
        "\xff\xfe'",
        "0x",
        "1e+",
        "b'",
        "password =",
        "r",
        "f\"\"\"{\"\"\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        (void)clean(texts[i]);
    }
    char deep[400];
    memset(deep, '(', sizeof deep - 1);
    memcpy(deep + 380, "password='x1'", 14);
    assert_null(strstr(clean(deep), "x1"));
}

static int is_text(const char *recorded, const char *disk)
{
    struct clean_source made = {{0}, {0}, 0};
    struct filter *f = NULL;
    struct filter_scope scope = {{"app", 3}, {"<module>", 8}, {"<module>", 8}, {"app.py", 6}, 0};
    struct filter_verdict verdict;
    assert_int_equal(filter_new(&f, NULL), RL_OK);
    assert_int_equal(filter_decide_source(f, &scope, &verdict), RL_OK);
    assert_int_equal(source_clean(f, verdict.set, recorded, strlen(recorded), &made), RL_OK);
    struct source_entry entry = {.text = {(const char *)made.text.data, made.text.len},
                                 .marks = {(const char *)made.marks.data, made.marks.len},
                                 .mark_count = made.mark_count};
    int is = source_is_text_of(&entry, (struct text){disk, strlen(disk)});
    clean_source_fini(&made);
    filter_free(f);
    return is;
}

static void a_mark_fits_anything_in_its_line(void **state)
{
    (void)state;
    assert_true(is_text("password = 'a'\nx = 1\n", "password = 'bbb'\nx = 1\n"));
    assert_true(is_text("password = 'a'\nx = 1\n", "password = ''\nx = 1\n"));
    assert_false(is_text("password = 'a'\nx = 1\n", "password = 'a'\nx = 2\n"));
    assert_false(is_text("password = 'a'\nx = 1\n", "password = 'a'\nx = 1\n\n"));
    assert_false(is_text("password = 'a'\nx = 1\n", "password = 'a\n'\nx = 1\n"));
    assert_false(is_text("x = 1\n", "x = 1"));
    assert_true(is_text("x = '<redacted>'\n", "x = '<redacted>'\n"));
    assert_false(is_text("x = '<redacted>'\n", "x = 'a'\n"));
}

static void entries_are_read_back_and_damage_is_noticed(void **state)
{
    (void)state;
    struct bytes_out out = {0}, marks = {0};
    struct source_entry entry = {.name = {"a.py", 4}, .text = {"x = '<redacted>'", 16}}, read;
    bytes_put_varint(&marks, 5);
    entry.marks = (struct text){(const char *)marks.data, marks.len};
    entry.mark_count = 1;
    source_entry_put(&out, &entry);
    for (size_t len = 0; len <= out.len; len++) {
        struct bytes_in in = bytes_in_of(out.data, len);
        int is_there = source_entry_get(&in, &read);
        assert_int_equal(is_there, len == out.len);
        assert_int_equal(in.bad, len != 0 && len != out.len);
    }
    assert_int_equal(read.mark_count, 1);
    out.data[out.len - 1] = 4; /* a mark where none is */
    struct bytes_in in = bytes_in_of(out.data, out.len);
    assert_false(source_entry_get(&in, &read));
    bytes_out_fini(&out);
    bytes_out_fini(&marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_obey_the_names_that_the_code_gives_them),
        cmocka_unit_test(what_is_no_python_ends_too),
        cmocka_unit_test(a_mark_fits_anything_in_its_line),
        cmocka_unit_test(entries_are_read_back_and_damage_is_noticed),
    };
    secrets_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
