/* Hit conditions, conditions without Python, and stepping: pure decisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "condition.h"
#include "hits.h"
#include "step.h"

static void expect_hits(const char *text, const char *stops)
{
    struct hits hits;
    struct rl_err err;
    assert_int_equal(hits_parse(&hits, text, strlen(text), &err), RL_OK);
    for (size_t i = 0; stops[i] != 0; i++) {
        assert_int_equal(hits_take(&hits), stops[i] == 'x');
    }
}

static void hit_conditions_count(void **state)
{
    (void)state;
    expect_hits("", "xxx");
    expect_hits("3", "..x...");
    expect_hits("== 3", "..x...");
    expect_hits(" >2 ", "..xxxx");
    expect_hits(">= 2", ".xxx");
    expect_hits("< 3", "xx..");
    expect_hits("<=3", "xxx.");
    expect_hits("% 2", ".x.x.x");
}

static void wrong_hit_conditions_are_refused(void **state)
{
    static const char *const wrong[] = {
        "x", "> ", "3 4", "% 0", "-1", ">> 2", "9999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct hits hits;
        struct rl_err err;
        assert_int_equal(hits_parse(&hits, wrong[i], strlen(wrong[i]), &err), RL_USAGE);
        assert_non_null(strstr(err.text, "% N"));
    }
}

static struct condition_value whole(int64_t n)
{
    return (struct condition_value){.type = CONDITION_INT, .integer = n};
}

static struct condition_value number(double n)
{
    return (struct condition_value){.type = CONDITION_FLOAT, .number = n};
}

static struct condition_value text(const char *s)
{
    return (struct condition_value){.type = CONDITION_TEXT, .width = 1, .text = {s, strlen(s)}};
}

static struct condition_value flag(int is_on)
{
    return (struct condition_value){.type = CONDITION_BOOL, .integer = is_on};
}

static const struct condition_value none = {.type = CONDITION_NONE};
static const struct condition_value other = {.type = CONDITION_OTHER};

static void load(void *context, size_t name, struct condition_value *value)
{
    *value = ((const struct condition_value *)context)[name];
}

static enum condition_answer ask(struct condition_value a, unsigned how, struct condition_value b)
{
    const struct condition_row rows[] = {
        {CONDITION_LOAD, 0}, {CONDITION_CONST, 0}, {CONDITION_COMPARE, (uint16_t)how}};
    struct condition condition;
    struct rl_err err;
    assert_int_equal(condition_init(&condition, rows, 3, &b, 1, 1, &err), RL_OK);
    enum condition_answer answer = condition_ask(&condition, load, &a);
    condition_fini(&condition);
    return answer;
}

static void comparing_means_what_it_means_in_python(void **state)
{
    (void)state;
    assert_int_equal(ask(whole(3), CONDITION_LT, whole(4)), CONDITION_YES);
    assert_int_equal(ask(whole(3), CONDITION_EQ, number(3.0)), CONDITION_YES);
    assert_int_equal(ask(flag(1), CONDITION_EQ, whole(1)), CONDITION_YES);
    assert_int_equal(ask(number(NAN), CONDITION_EQ, number(NAN)), CONDITION_NO);
    assert_int_equal(ask(number(NAN), CONDITION_NE, number(NAN)), CONDITION_YES);
    assert_int_equal(ask(whole(INT64_C(1) << 54), CONDITION_EQ, number(1e16)), CONDITION_UNKNOWN);
    assert_int_equal(ask(text("ab"), CONDITION_EQ, text("ab")), CONDITION_YES);
    assert_int_equal(ask(text("ab"), CONDITION_NE, text("abc")), CONDITION_YES);
    assert_int_equal(ask(text("ab"), CONDITION_LT, text("b")), CONDITION_UNKNOWN);
    assert_int_equal(ask(text("1"), CONDITION_EQ, whole(1)), CONDITION_NO);
    assert_int_equal(ask(text("1"), CONDITION_LT, whole(1)), CONDITION_UNKNOWN);
    assert_int_equal(ask(none, CONDITION_IS, none), CONDITION_YES);
    assert_int_equal(ask(whole(0), CONDITION_IS, none), CONDITION_NO);
    assert_int_equal(ask(whole(0), CONDITION_IS_NOT, none), CONDITION_YES);
    assert_int_equal(ask(flag(0), CONDITION_IS, flag(1)), CONDITION_NO);
    assert_int_equal(ask(whole(1), CONDITION_IS, whole(1)), CONDITION_UNKNOWN);
    assert_int_equal(ask(none, CONDITION_EQ, none), CONDITION_YES);
    assert_int_equal(ask(other, CONDITION_EQ, whole(1)), CONDITION_UNKNOWN);
}

/* a > 1 and not (b == 2 or c) */
static void conditions_are_joined(void **state)
{
    const struct condition_row rows[] = {{CONDITION_LOAD, 0},
                                         {CONDITION_CONST, 0},
                                         {CONDITION_COMPARE, CONDITION_GT},
                                         {CONDITION_JUMP_IF_FALSE, 10},
                                         {CONDITION_LOAD, 1},
                                         {CONDITION_CONST, 1},
                                         {CONDITION_COMPARE, CONDITION_EQ},
                                         {CONDITION_JUMP_IF_TRUE, 9},
                                         {CONDITION_LOAD, 2},
                                         {CONDITION_NOT, 0}};
    const struct condition_value constants[] = {whole(1), whole(2)};
    struct condition condition;
    struct rl_err err;
    (void)state;
    assert_int_equal(condition_init(&condition, rows, 10, constants, 2, 3, &err), RL_OK);
    for (int a = 0; a < 4; a++) {
        for (int b = 0; b < 4; b++) {
            for (int c = 0; c < 2; c++) {
                struct condition_value values[] = {whole(a), whole(b), flag(c)};
                enum condition_answer expected =
                    a > 1 && !(b == 2 || c) ? CONDITION_YES : CONDITION_NO;
                assert_int_equal(condition_ask(&condition, load, values), expected);
            }
        }
    }
    struct condition_value unknown[] = {whole(5), other, flag(0)};
    assert_int_equal(condition_ask(&condition, load, unknown), CONDITION_UNKNOWN);
    condition_fini(&condition);
}

static void unsound_programs_are_refused(void **state)
{
    static const struct condition_row wrong[][3] = {
        {{CONDITION_COMPARE, 0}, {CONDITION_LOAD, 0}, {CONDITION_LOAD, 0}},
        {{CONDITION_LOAD, 0}, {CONDITION_LOAD, 0}, {CONDITION_NOT, 0}},
        {{CONDITION_LOAD, 9}, {CONDITION_NOT, 0}, {CONDITION_NOT, 0}},
        {{CONDITION_LOAD, 0}, {CONDITION_JUMP_IF_TRUE, 0}, {CONDITION_LOAD, 0}},
        {{CONDITION_LOAD, 0}, {CONDITION_JUMP_IF_TRUE, 3}, {CONDITION_NOT, 0}},
        {{CONDITION_LOAD, 0}, {77, 0}, {CONDITION_NOT, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct condition condition;
        struct rl_err err;
        assert_int_equal(condition_init(&condition, wrong[i], 3, NULL, 0, 1, &err), RL_USAGE);
    }
}

static int at(struct step *step, enum step_event event, uintptr_t frame, uintptr_t caller,
              uint32_t line)
{
    struct step_place place = {.frame = frame, .caller = caller, .line = line, .is_users = 1};
    return step_take(step, event, &place);
}

static void a_step_over_stays_in_its_frame_and_then_goes_up(void **state)
{
    struct step step = {.mode = STEP_OVER, .frame = 2};
    (void)state;
    assert_false(at(&step, STEP_LINE, 3, 2, 10));
    assert_false(at(&step, STEP_RETURN, 3, 2, 11));
    assert_false(at(&step, STEP_RETURN, 2, 1, 5));
    assert_false(at(&step, STEP_LINE, 4, 1, 20));
    assert_true(at(&step, STEP_LINE, 1, 0, 6));
    assert_int_equal(step.mode, STEP_NONE);
}

static void a_step_out_stops_in_the_caller(void **state)
{
    struct step step = {.mode = STEP_OUT, .frame = 2};
    (void)state;
    assert_false(at(&step, STEP_LINE, 2, 1, 10));
    assert_false(at(&step, STEP_UNWIND, 2, 1, 11));
    assert_true(at(&step, STEP_LINE, 1, 0, 4));
}

static void a_generator_is_left_by_a_yield_and_a_coroutine_is_not(void **state)
{
    struct step step = {.mode = STEP_OVER, .frame = 2};
    struct step_place waits = {.frame = 2, .caller = 1, .is_users = 1, .is_coroutine = 1};
    (void)state;
    assert_false(step_take(&step, STEP_YIELD, &waits));
    assert_false(at(&step, STEP_LINE, 1, 0, 4));
    assert_true(at(&step, STEP_LINE, 2, 1, 5));
    step = (struct step){.mode = STEP_OVER, .frame = 2};
    assert_false(at(&step, STEP_YIELD, 2, 1, 4));
    assert_true(at(&step, STEP_LINE, 1, 0, 4));
}

static void a_step_of_the_thread_goes_on_where_a_coroutine_waits(void **state)
{
    struct step step = {.mode = STEP_OVER, .frame = 2, .in_thread = 1};
    struct step_place waits = {.frame = 2, .is_users = 1, .is_coroutine = 1};
    (void)state;
    assert_false(step_take(&step, STEP_YIELD, &waits));
    assert_true(at(&step, STEP_LINE, 9, 1, 4));
    assert_int_equal(step.mode, STEP_NONE);
}

static void a_step_in_stays_in_its_task_and_in_the_users_code(void **state)
{
    struct step step = {.mode = STEP_IN, .frame = 2, .task = 7};
    struct step_place place = {.frame = 9, .caller = 2, .task = 8, .is_users = 1};
    (void)state;
    assert_false(step_take(&step, STEP_LINE, &place));
    place.task = 7;
    place.is_users = 0;
    assert_false(step_take(&step, STEP_LINE, &place));
    place.is_users = 1;
    assert_true(step_take(&step, STEP_LINE, &place));
}

static int follows(struct step *step, enum step_event event, uintptr_t frame, uint32_t line)
{
    struct step_place place = {.frame = frame, .line = line, .is_users = frame < 50};
    return step_follows(step, event, &place);
}

static void who_follows_stops_where_bdb_does(void **state)
{
    struct step step = {.mode = STEP_FOLLOW};
    (void)state;
    assert_true(follows(&step, STEP_CALL, 3, 1));
    assert_true(follows(&step, STEP_LINE, 3, 2));
    assert_true(follows(&step, STEP_RAISE, 3, 2));
    assert_true(follows(&step, STEP_RETURN, 3, 2));
    assert_false(follows(&step, STEP_LINE, 60, 2)); /* a library's */
    step.origin = 60;
    assert_true(follows(&step, STEP_LINE, 60, 2));
    step = (struct step){.mode = STEP_FOLLOW, .frame = 2, .line = 10};
    assert_false(follows(&step, STEP_CALL, 3, 12));
    assert_false(follows(&step, STEP_LINE, 2, 9));
    assert_true(follows(&step, STEP_LINE, 2, 10));
    step = (struct step){.mode = STEP_FOLLOW, .frame = 1, .returns = 2};
    assert_false(follows(&step, STEP_LINE, 2, 4));
    assert_true(follows(&step, STEP_RETURN, 2, 4));
    step = (struct step){.mode = STEP_FOLLOW, .frame = 2, .is_never = 1};
    assert_false(follows(&step, STEP_LINE, 2, 4));
    assert_false(at(&step, STEP_RETURN, 2, 1, 4));
    assert_true(follows(&step, STEP_LINE, 1, 5)); /* it has ended: its caller */
}

static void who_follows_does_not_stop_in_the_library_behind_a_task(void **state)
{
    struct step_place end = {
        .frame = 2, .caller = 60, .task = 9, .is_users = 1, .is_coroutine = 1, .is_generator = 1};
    struct step step = {.mode = STEP_FOLLOW, .frame = 2, .origin = 2, .returns = 2};
    (void)state;
    end.is_callers_library = 1;
    assert_false(step_take(&step, STEP_YIELD, &end));
    assert_true(step.frame == 2 && step.origin == 2); /* it goes on later */
    assert_false(step_take(&step, STEP_RETURN, &end));
    assert_true(step.origin == 0 && step.returns == 0); /* another frame may be there now */
    assert_false(follows(&step, STEP_LINE, 60, 1) || follows(&step, STEP_RETURN, 60, 1));
    assert_false(follows(&step, STEP_CALL, 3, 1));
    assert_true(follows(&step, STEP_LINE, 3, 2));
    step = (struct step){.mode = STEP_FOLLOW, .frame = 2, .origin = 60};
    assert_false(step_take(&step, STEP_RETURN, &end));
    assert_true(follows(&step, STEP_LINE, 60, 1)); /* the user was there before */
    step = (struct step){.mode = STEP_FOLLOW, .task = 9};
    end.ends_task = 1;
    assert_false(step_take(&step, STEP_YIELD, &end));
    assert_false(follows(&step, STEP_LINE, 3, 2)); /* of no task */
    assert_false(step_take(&step, STEP_RETURN, &end));
    assert_true(follows(&step, STEP_LINE, 3, 2));
    step = (struct step){.mode = STEP_FOLLOW, .task = 8}; /* another task has ended */
    assert_false(step_take(&step, STEP_RETURN, &end));
    assert_int_equal(step.task, 8);
}

static void a_step_into_a_call_awaits_its_instructions(void **state)
{
    struct step_call call = {
        .code = 7, .from = {4, 20}, .to = {6, 22}, .count = 2, .first = 10, .last = 12};
    struct step step = {.mode = STEP_FOLLOW, .frame = 2, .into = call};
    (void)state;
    assert_false(step_awaits(&step, 7, 3) || step_awaits(&step, 7, 6) || step_awaits(&step, 8, 4));
    assert_true(step_awaits(&step, 7, 5) && step_awaits(&step, 7, 20));
    assert_false(follows(&step, STEP_LINE, 2, 12));
    assert_true(follows(&step, STEP_LINE, 2, 13));
    step_enter(&step, 3);
    assert_false(step_awaits(&step, 7, 5) || follows(&step, STEP_CALL, 3, 1));
    assert_true(follows(&step, STEP_LINE, 3, 2) && !follows(&step, STEP_LINE, 2, 13));
}

static void set_trace_waits_for_its_frame(void **state)
{
    struct step step = {.mode = STEP_FOLLOW, .begin = 2, .instruction = 1};
    (void)state;
    assert_false(follows(&step, STEP_RETURN, 3, 4));
    assert_true(follows(&step, STEP_INSTRUCTION, 2, 4));
    assert_true(follows(&step, STEP_LINE, 3, 4));
}

static void until_goes_forward(void **state)
{
    struct step step = {.mode = STEP_UNTIL, .frame = 2, .line = 10};
    (void)state;
    assert_false(at(&step, STEP_LINE, 2, 1, 8));
    assert_false(at(&step, STEP_LINE, 3, 2, 12));
    assert_true(at(&step, STEP_LINE, 2, 1, 10));
}

static void a_step_ends_with_the_last_frame_of_its_thread(void **state)
{
    static const enum step_mode modes[] = {STEP_IN, STEP_OVER, STEP_OUT, STEP_UNTIL};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct step step = {.mode = modes[i], .frame = 2, .line = 1};
        struct step_place inner = {.frame = 2, .caller = 1}, outer = {.frame = 1};
        assert_false(step_take(&step, STEP_RETURN, &inner));
        assert_true(step_take(&step, STEP_UNWIND, &outer));
        assert_int_equal(step.mode, STEP_NONE);
    }
    struct step waits = {.mode = STEP_OVER, .frame = 1};
    struct step_place coroutine = {.frame = 1, .is_coroutine = 1};
    assert_false(step_take(&waits, STEP_YIELD, &coroutine));
    assert_int_equal(waits.mode, STEP_OVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hit_conditions_count),
        cmocka_unit_test(wrong_hit_conditions_are_refused),
        cmocka_unit_test(comparing_means_what_it_means_in_python),
        cmocka_unit_test(conditions_are_joined),
        cmocka_unit_test(unsound_programs_are_refused),
        cmocka_unit_test(a_step_over_stays_in_its_frame_and_then_goes_up),
        cmocka_unit_test(a_step_out_stops_in_the_caller),
        cmocka_unit_test(a_generator_is_left_by_a_yield_and_a_coroutine_is_not),
        cmocka_unit_test(a_step_of_the_thread_goes_on_where_a_coroutine_waits),
        cmocka_unit_test(a_step_in_stays_in_its_task_and_in_the_users_code),
        cmocka_unit_test(who_follows_stops_where_bdb_does),
        cmocka_unit_test(who_follows_does_not_stop_in_the_library_behind_a_task),
        cmocka_unit_test(a_step_into_a_call_awaits_its_instructions),
        cmocka_unit_test(set_trace_waits_for_its_frame),
        cmocka_unit_test(until_goes_forward),
        cmocka_unit_test(a_step_ends_with_the_last_frame_of_its_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
