/* Where-expressions without Python: answers for recorded bytes, bounds, memory that fails, bytes
 * that are no values. tests/py/test_where.py compares with Python. */
#include "testing.h"

#include "alloc.h"
#include "calls_of.h"
#include "value.h"
#include "where.h"

/* x is the first value, y the second. */
struct row {
    const char *values;
    size_t size;
};

static struct operand load_value(void *self, uint32_t name, struct operand_scope *scope)
{
    const struct row *row = self;
    struct bytes_in in = bytes_in_of(row->values, row->size);
    if (name != 0 && value_skip(&in) != RL_OK) {
        return operand_unknown(OPERAND_NOT_RECORDED);
    }
    return operand_take(&in, scope);
}

static enum where_answer ask_row(const char *text, const struct row *row, unsigned *reason)
{
    struct where *where = NULL;
    struct where_error error;
    struct strings strings = {0};
    struct where_row names = {(void *)(uintptr_t)row, load_value, &strings};
    assert_int_equal(where_new(text, strlen(text), &where, &error), RL_OK);
    struct operand result = where_run(where, &names);
    *reason = result.reason;
    enum where_answer answer = where_answer(&result);
    where_free(where);
    return answer;
}

/* Bytes of values. INT(n): -16 to 111. STR: up to 127 characters. */
#define INT(n) (char)(144 + (n))
#define STR(n) RL_VALUE_STR, n
#define ID     0, 0, 0, 0, 0, 7
#define ANSWER(wanted, text, ...)                                                                  \
    do {                                                                                           \
        static const char bytes[] = {__VA_ARGS__};                                                 \
        const struct row row = {bytes, sizeof bytes};                                              \
        unsigned reason;                                                                           \
        if (ask_row(text, &row, &reason) != (wanted)) {                                            \
            fail_msg("%s: another answer than %s", text, #wanted);                                 \
        }                                                                                          \
    } while (0)

static void test_answers(void **state)
{
    (void)state;
    ANSWER(WHERE_YES, "x < 5", INT(4));
    ANSWER(WHERE_NO, "x < 5", INT(5));
    ANSWER(WHERE_YES, "0 < x < y", INT(1), INT(2));
    ANSWER(WHERE_RAISES, "x < 'a'", INT(1));
    ANSWER(WHERE_RAISES, "x / 0", INT(1));
    ANSWER(WHERE_YES, "x == 'ab' and len(x) == 2", STR(2), 'a', 'b');
    ANSWER(WHERE_YES, "x[-1] == 'b' and 'a' in x", STR(2), 'a', 'b');
    ANSWER(WHERE_YES, "x[1] in (3, 'b')", RL_VALUE_LIST, ID, 2, 2, INT(1), INT(3));
    ANSWER(WHERE_YES, "x['k'] == 3", RL_VALUE_DICT, ID, 1, 1, STR(1), 'k', INT(3));
    ANSWER(WHERE_RAISES, "x['z'] == 3", RL_VALUE_DICT, ID, 1, 1, STR(1), 'k', INT(3));
    ANSWER(WHERE_YES, "re(x, '^a.$') and type(x) == 'str'", STR(2), 'a', 'b');
    ANSWER(WHERE_YES, "x > 2ms - 1 and x == 2000000", RL_VALUE_INT, (char)0x80, (char)0x92,
           (char)0xf4, 1);
}

static void test_what_is_not_known(void **state)
{
    (void)state;
    static const char *const compared[] = {"x == 'a'",    "x != 'a'",   "x < 'b'",       "'a' in x",
                                           "x in ('a',)", "re(x, 'a')", "not (x == 'a')"};
    static const char *const values[] = {"\x1d\0", "\x20", "\x1f",
                                         "\x0c\x05\x01"
                                         "a"};
    static const size_t sizes[] = {2, 1, 1, 4}; /* redacted, dropped, cut, a text that was cut */
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            const struct row row = {values[k], sizes[k]};
            unsigned reason;
            assert_int_equal(ask_row(compared[i], &row, &reason), WHERE_UNKNOWN);
            assert_int_equal(reason, k == 0   ? OPERAND_REDACTED
                                     : k == 1 ? OPERAND_DROPPED
                                              : OPERAND_CUT);
        }
    }
    ANSWER(WHERE_YES, "x == 1 or True", RL_VALUE_CUT);
    ANSWER(WHERE_NO, "x == 1 and False", RL_VALUE_CUT);
    ANSWER(WHERE_UNKNOWN, "x == 1 or False", RL_VALUE_CUT);
    ANSWER(WHERE_UNKNOWN, "x == 1 or 1 / 0", RL_VALUE_CUT);
    ANSWER(WHERE_YES, "len(x) == 5", RL_VALUE_STR_CUT, 5, 1, 'a');
    ANSWER(WHERE_UNKNOWN, "x[3] == 1", RL_VALUE_LIST, ID, 9, 1, INT(1));
    ANSWER(WHERE_UNKNOWN, "x[0] == x[1]", RL_VALUE_LIST, ID, 2, 2, RL_VALUE_CUT, INT(1));
    ANSWER(WHERE_YES, "x != (1, 2)", RL_VALUE_TUPLE, ID, 2, 2, RL_VALUE_CUT, INT(1));
}

static void test_ints_beyond_64_bits(void **state)
{
    (void)state;
    ANSWER(WHERE_YES, "x == 9223372036854775808", RL_VALUE_BIG_INT, 0, 8, 0, 0, 0, 0, 0, 0, 0,
           (char)0x80);
    ANSWER(WHERE_YES, "x == 2.0 * 4611686018427387904", RL_VALUE_BIG_INT, 0, 8, 0, 0, 0, 0, 0, 0, 0,
           (char)0x80);
    ANSWER(WHERE_UNKNOWN, "x + 1 > 0", RL_VALUE_BIG_INT, 0, 8, 0, 0, 0, 0, 0, 0, 0, (char)0x80);
    ANSWER(WHERE_UNKNOWN, "x * 9223372036854775807 > 0", INT(2));
    ANSWER(WHERE_YES, "-9223372036854775808 // x == -9223372036854775808", INT(1));
    ANSWER(WHERE_UNKNOWN, "(-9223372036854775807 - 1) // x", INT(-1));
    ANSWER(WHERE_YES, "(-9223372036854775807 - 1) % x == 0", INT(-1));
}

static void test_bounds(void **state)
{
    (void)state;
    static char text[WHERE_BYTES_MAX + 2];
    struct where *where = NULL;
    struct where_error error;
    memset(text, '(', sizeof text);
    assert_int_equal(where_new(text, sizeof text, &where, &error), RL_LIMIT);
    assert_int_equal(where_new(text, 1000, &where, &error), RL_LIMIT);
    assert_int_equal(error.place, WHERE_DEPTH_MAX);
    memset(text, '-', sizeof text);
    assert_int_equal(where_new(text, 1000, &where, &error), RL_LIMIT);
    for (size_t i = 0; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, i == 0 ? "[1" : ",1", 2);
    }
    assert_int_equal(where_new(text, sizeof text - 2, &where, &error), RL_LIMIT);
    assert_null(where);
}

static void test_memory_that_fails(void **state)
{
    (void)state;
    static const char text[] = "x.a[0] == 'b' and re(y, 'c+') or x in (1, 123456789012345678901)";
    for (unsigned long nth = 1;; nth++) {
        struct where *where = NULL;
        struct where_error error;
        (void)rl_alloc_fail_at(nth, 0);
        rl_status status = where_new(text, sizeof text - 1, &where, &error);
        (void)rl_alloc_fail_at(0, 0);
        if (status == RL_OK) {
            where_free(where);
            assert_true(nth > 8);
            return;
        }
        assert_int_equal(status, RL_NOMEM);
        assert_null(where);
    }
}

/* Every beginning of a value, and every value of random bytes, has an answer. */
static void test_bytes_that_are_no_value(void **state)
{
    (void)state;
    static const char *const texts[] = {"x == y",         "x < y",      "x in y",
                                        "x[0] == y[0]",   "len(x) > 1", "x.a.b == 1",
                                        "type(x) == 'a'", "-x + y",     "x and not y"};
    char bytes[64];
    unsigned seed = 7, reason;
    for (int round = 0; round < 3000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1103515245 + 12345;
            bytes[i] = (char)(seed >> 16 & (round % 2 ? 0xff : 0x23));
        }
        const struct row row = {bytes, (size_t)(round % (int)sizeof bytes)};
        (void)ask_row(texts[round % 9], &row, &reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_ints_beyond_64_bits),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_memory_that_fails),
        cmocka_unit_test(test_bytes_that_are_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
