/* Values that are shown again: numbers become the bytes that they mean, or stay as they are. */
#include "testing.h"

#include "alloc.h"
#include "shown_again.h"
#include "value.h"

#define GIVE(number)       RL_VALUE_REMEMBERED, number
#define AGAIN(number)      RL_VALUE_AGAIN, number
#define CHANGED(number, n) RL_VALUE_CHANGED, number, n
#define FUNCTION           RL_VALUE_LABEL, 1, 2, 3, 4, 5, 6, 7, 8
#define SET                RL_VALUE_SET, 6, 5, 4, 3, 2, 1, 2, 2, RL_VALUE_TRUE, RL_VALUE_SMALL_ZERO
#define OBJECT(a, ...)     RL_VALUE_OBJECT, 1, 2, 3, 4, 5, 6, 9, 3, 2, 11, a, 12, __VA_ARGS__
#define INT(n)             RL_VALUE_INT, n
#define TEXT               RL_VALUE_STR, 2, RL_VALUE_REMEMBERED, RL_VALUE_AGAIN
#define BYTES(...)         ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

/* The values of an event of this kind have this meaning. */
static void expect_of(struct shown_again *shown, unsigned kind, const uint8_t *values, size_t size,
                      const uint8_t *meant, size_t meant_size)
{
    struct rec rec = {.kind = (uint8_t)kind, .data = values, .data_len = (uint32_t)size};
    assert_int_equal(shown_again_put(shown, &rec), RL_OK);
    assert_int_equal(rec.data_len, meant_size);
    if (meant_size != 0) {
        assert_memory_equal(rec.data, meant, meant_size);
    }
}

static void expect(struct shown_again *shown, const uint8_t *values, size_t size,
                   const uint8_t *meant, size_t meant_size)
{
    expect_of(shown, RL_EVENT_CALL, values, size, meant, meant_size);
}

/* The values stay as they are: readers say that they are damaged. */
static void expect_damaged(struct shown_again *shown, const uint8_t *values, size_t size)
{
    struct bytes_in in = bytes_in_of(values, size);
    rl_status status = RL_OK;
    expect(shown, values, size, values, size);
    while (status == RL_OK && bytes_left(&in) != 0) {
        status = value_skip(&in);
    }
    assert_int_equal(status, RL_DAMAGED);
}

static void numbers_become_what_they_mean(void **state)
{
    (void)state;
    struct shown_again shown = {0};
    expect(&shown, BYTES(GIVE(7), SET), BYTES(SET));
    expect(&shown, BYTES(AGAIN(7)), BYTES(SET));
    expect(&shown, BYTES(TEXT, GIVE(8), FUNCTION, AGAIN(7)), BYTES(TEXT, FUNCTION, SET));
    expect(&shown, BYTES(AGAIN(8), AGAIN(8), TEXT), BYTES(FUNCTION, FUNCTION, TEXT));
    expect(&shown, BYTES(GIVE(0xff), 3, FUNCTION, AGAIN(0xff), 3), BYTES(FUNCTION, FUNCTION));
    expect(&shown, BYTES(TEXT, SET), BYTES(TEXT, SET));
    expect(&shown, NULL, 0, NULL, 0);
    shown_again_fini(&shown);
}

static void a_number_is_given_again(void **state)
{
    (void)state;
    struct shown_again shown = {0};
    expect(&shown, BYTES(GIVE(7), SET, AGAIN(7), GIVE(7), FUNCTION, AGAIN(7)),
           BYTES(SET, SET, FUNCTION, FUNCTION));
    expect(&shown, BYTES(AGAIN(7)), BYTES(FUNCTION));
    shown_again_fini(&shown);
}

static void fields_of_an_object_change(void **state)
{
    (void)state;
    struct shown_again shown = {0};
    expect(&shown, BYTES(GIVE(7), OBJECT(1, 2)), BYTES(OBJECT(1, 2)));
    expect(&shown, BYTES(CHANGED(7, 1), 0, SET),
           BYTES(RL_VALUE_OBJECT, 1, 2, 3, 4, 5, 6, 9, 3, 2, 11, SET, 12, 2));
    expect(&shown, BYTES(AGAIN(7), CHANGED(7, 2), 0, 3, 1, INT(9), AGAIN(7), TEXT),
           BYTES(RL_VALUE_OBJECT, 1, 2, 3, 4, 5, 6, 9, 3, 2, 11, SET, 12, 2, OBJECT(3, INT(9)),
                 OBJECT(3, INT(9)), TEXT));
    expect(&shown, BYTES(CHANGED(7, 1), 1, 2), BYTES(OBJECT(3, 2)));
    expect(&shown, BYTES(CHANGED(7, 0)), BYTES(OBJECT(3, 2)));
    expect(&shown, BYTES(GIVE(7), OBJECT(4, 4), CHANGED(7, 1), 1, 5),
           BYTES(OBJECT(4, 4), OBJECT(4, 5)));
    shown_again_begin(&shown);
    expect_damaged(&shown, BYTES(CHANGED(7, 1), 1, 2));
    expect(&shown, BYTES(GIVE(7), OBJECT(1, 2)), BYTES(OBJECT(1, 2)));
    expect(&shown, BYTES(AGAIN(7)), BYTES(OBJECT(1, 2)));
    shown_again_fini(&shown);
}

/* Values that nest too deep where they are put. */
static void a_field_that_is_too_deep_is_damage(void **state)
{
    (void)state;
    enum { LIST = 9, LEVELS = RL_VALUE_DEPTH_MAX };
    static const uint8_t list[LIST] = {RL_VALUE_LIST, 6, 5, 4, 3, 2, 1, 1, 1};
    struct shown_again shown = {0};
    uint8_t values[4 + LIST * (LEVELS + 1) + 1] = {CHANGED(7, 1), 0};
    for (int levels = LEVELS - 1; levels <= LEVELS; levels++) {
        for (int i = 0; i < levels; i++) {
            memcpy(values + 4 + LIST * i, list, LIST);
        }
        values[4 + LIST * levels] = RL_VALUE_TRUE;
        expect(&shown, BYTES(GIVE(7), OBJECT(1, 2)), BYTES(OBJECT(1, 2)));
        struct rec rec = {.kind = RL_EVENT_CALL, .data = values};
        rec.data_len = (uint32_t)(4 + LIST * levels + 1);
        assert_int_equal(shown_again_put(&shown, &rec), RL_OK);
        assert_int_equal(rec.data == values, levels == LEVELS);
    }
    shown_again_fini(&shown);
}

static void events_of_four_kinds_have_numbers(void **state)
{
    (void)state;
    static const struct {
        unsigned kind;
        int has_numbers;
    } kinds[] = {
        {RL_EVENT_CALL, 1},  {RL_EVENT_RETURN, 1}, {RL_EVENT_YIELD, 1},   {RL_EVENT_RESUME, 1},
        {RL_EVENT_THROW, 0}, {RL_EVENT_UNWIND, 0}, {RL_EVENT_RAISE, 0},   {RL_EVENT_HANDLED, 0},
        {RL_EVENT_LINE, 0},  {RL_EVENT_WRITE, 0},  {RL_EVENT_RUNNING, 0}, {RL_EVENT_LOG, 0},
        {RL_EVENT_MARK, 0},  {RL_EVENT_OUTPUT, 0}, {RL_EVENT_FILTER, 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct shown_again shown = {0};
        expect(&shown, BYTES(GIVE(7), SET), BYTES(SET));
        if (kinds[i].has_numbers) {
            expect_of(&shown, kinds[i].kind, BYTES(AGAIN(7)), BYTES(SET));
        } else {
            expect_of(&shown, kinds[i].kind, BYTES(AGAIN(7)), BYTES(AGAIN(7)));
        }
        shown_again_fini(&shown);
    }
}

static void a_chunk_begins_without_numbers(void **state)
{
    (void)state;
    struct shown_again shown = {0};
    shown_again_begin(&shown);
    expect(&shown, BYTES(GIVE(7), SET), BYTES(SET));
    shown_again_begin(&shown);
    expect_damaged(&shown, BYTES(AGAIN(7)));
    expect(&shown, BYTES(GIVE(7), FUNCTION), BYTES(FUNCTION));
    expect(&shown, BYTES(AGAIN(7)), BYTES(FUNCTION));
    shown_again_fini(&shown);
}

static void what_has_no_meaning_is_damage(void **state)
{
    (void)state;
    const struct {
        const uint8_t *values;
        size_t size;
    } wrong[] = {
        {BYTES(AGAIN(8))},                                           /* given to nothing */
        {BYTES(SET, AGAIN(8))},                                      /* behind a whole value */
        {BYTES(AGAIN(0x80), 4)},                                     /* 512 */
        {BYTES(GIVE(0x80), 4, SET)},                                 /* 512 */
        {BYTES(AGAIN(0xff), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)}, /* too large to be right */
        {BYTES(RL_VALUE_AGAIN)},                                     /* without a number */
        {BYTES(AGAIN(0x87))},                                        /* with half a number */
        {BYTES(GIVE(8))},                                            /* without a value */
        {BYTES(GIVE(8), RL_VALUE_STR, 9, 'x')},                      /* with half a value */
        {BYTES(GIVE(8), AGAIN(7))},                                  /* given to a number */
        {BYTES(GIVE(8), GIVE(9), SET)},                              /* given twice */
        {BYTES(RL_VALUE_LIST, 6, 5, 4, 3, 2, 1, 1, 1, AGAIN(7))},    /* inside a value */
        {BYTES(RL_VALUE_LIST, 6, 5, 4, 3, 2, 1, 1, 1, GIVE(9), SET)},
        {BYTES(CHANGED(8, 1), 0, 1)},                               /* given to nothing */
        {BYTES(CHANGED(7, 1), 0, 1)},                               /* given to no object */
        {BYTES(GIVE(9), OBJECT(1, 2), CHANGED(9, 1), 2, 1)},        /* a field that is not shown */
        {BYTES(GIVE(9), OBJECT(1, 2), CHANGED(9, 2), 1, 1, 0, 1)},  /* out of order */
        {BYTES(GIVE(9), OBJECT(1, 2), CHANGED(9, 2), 1, 1, 1, 1)},  /* twice */
        {BYTES(GIVE(9), OBJECT(1, 2), CHANGED(9, 2), 1, 1)},        /* fewer than it says */
        {BYTES(GIVE(9), OBJECT(1, 2), CHANGED(9, 1), 1)},           /* without a value */
        {BYTES(GIVE(9), OBJECT(1, 2), CHANGED(9, 1), 1, AGAIN(7))}, /* a number in a field */
        {BYTES(GIVE(9), OBJECT(1, 2), RL_VALUE_CHANGED, 9)},        /* without a count */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct shown_again shown = {0};
        expect(&shown, BYTES(GIVE(7), SET), BYTES(SET));
        expect_damaged(&shown, wrong[i].values, wrong[i].size);
        shown_again_fini(&shown);
    }
}

/* An event that cannot be read may have given a number again, so that the older value is wrong. */
static void behind_damage_no_number_is_known(void **state)
{
    (void)state;
    struct shown_again shown = {0};
    expect(&shown, BYTES(GIVE(7), SET), BYTES(SET));
    expect_damaged(&shown, BYTES(TEXT, RL_VALUE_STR, 9, GIVE(7), FUNCTION));
    expect_damaged(&shown, BYTES(AGAIN(7)));
    expect(&shown, BYTES(GIVE(7), SET), BYTES(SET));
    expect(&shown, BYTES(AGAIN(7)), BYTES(SET));
    shown_again_fini(&shown);
}

/* A file of a few bytes must not mean a gigabyte. */
static void values_have_a_largest_size(void **state)
{
    (void)state;
    enum { LONG = 3000, FITS = RL_VALUE_BYTES_MAX / LONG };
    struct shown_again shown = {0};
    uint8_t text[LONG] = {RL_VALUE_STR, ((LONG - 3) & 127) | 128, (LONG - 3) >> 7};
    uint8_t given[LONG + 2] = {GIVE(7)}, again[2 * (FITS + 1)];
    memset(text + 3, 'x', LONG - 3);
    memcpy(given + 2, text, LONG);
    expect(&shown, given, sizeof given, text, LONG);
    for (int i = 0; i <= FITS; i++) {
        memcpy(again + 2 * i, BYTES(AGAIN(7)));
    }
    struct rec rec = {.kind = RL_EVENT_RETURN, .data = again, .data_len = 2 * FITS};
    assert_int_equal(shown_again_put(&shown, &rec), RL_OK);
    assert_int_equal(rec.data_len, FITS * LONG);
    expect_damaged(&shown, again, sizeof again);
    shown_again_fini(&shown);
}

static void every_failed_allocation_is_answered(void **state)
{
    (void)state;
    rl_status status = RL_NOMEM;
    unsigned long n;
    for (n = 1; status == RL_NOMEM; n++) {
        struct shown_again shown = {0};
        struct rec rec = {.kind = RL_EVENT_CALL};
        static const uint8_t values[] = {GIVE(7), OBJECT(1, 2), AGAIN(7), CHANGED(7, 1), 1, SET};
        rec.data = values;
        rec.data_len = sizeof values;
        (void)rl_alloc_fail_at(n, 1);
        status = shown_again_put(&shown, &rec);
        (void)rl_alloc_fail_at(0, 0);
        assert_true(status == RL_OK || rec.data == values);
        shown_again_fini(&shown);
    }
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_become_what_they_mean),
        cmocka_unit_test(a_number_is_given_again),
        cmocka_unit_test(fields_of_an_object_change),
        cmocka_unit_test(a_field_that_is_too_deep_is_damage),
        cmocka_unit_test(events_of_four_kinds_have_numbers),
        cmocka_unit_test(a_chunk_begins_without_numbers),
        cmocka_unit_test(what_has_no_meaning_is_damage),
        cmocka_unit_test(behind_damage_no_number_is_known),
        cmocka_unit_test(values_have_a_largest_size),
        cmocka_unit_test(every_failed_allocation_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
