/* Code with probes, in a bytecode of its own: which probe runs where, and that the check refuses
 * what is not the old code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "alloc.h"
#include "rewrite.h"

enum { PLAIN, LOAD, TEST, BACK, LEAVE, AHEAD, DROP, EXTENDED = 90, FIRST_CONSTANT = 5, STACK = 2 };

static int effect(int op, int arg, int jumps)
{
    (void)arg;
    (void)jumps;
    return op == LOAD                      ? 1
           : op == TEST || op == DROP      ? -1
           : op <= AHEAD || op == EXTENDED ? 0
                                           : 9999;
}

static const struct rewrite_rules rules = {
    .ops = {[TEST] = {.jump = JUMP_AHEAD},
            [BACK] = {.jump = JUMP_TO, .ends = 1},
            [LEAVE] = {.ends = 1},
            [AHEAD] = {.jump = JUMP_AHEAD}},
    .jump_unit = 2,
    .extended = EXTENDED,
    .load = LOAD,
    .test = TEST,
    .back = BACK,
    .effect = effect,
};

struct wanted {
    int32_t lines[4]; /* 0: none */
};

static int32_t constant(void *context, int32_t line)
{
    const struct wanted *wanted = context;
    for (int i = 0; i < 4; i++) {
        if (line > 0 && wanted->lines[i] == line) {
            return FIRST_CONSTANT + i;
        }
    }
    return -1;
}

static void read_code(struct listing *listing, const uint8_t *code, size_t len, const char *lines)
{
    struct rl_err err;
    assert_int_equal(rewrite_read(listing, &rules, code, len, &err), RL_OK);
    for (size_t i = 0; i < listing->count; i++) {
        listing->items[i].line = lines[i] == '.' ? -1 : lines[i] - '0';
    }
    assert_int_equal(rewrite_flow(listing, &rules, &err), RL_OK);
}

/* The lines of new code are those of the instructions that it has from the old. */
static void tell_lines(struct listing *after, const struct listing *before,
                       const struct rewritten *made)
{
    for (size_t i = 0; i < made->count; i++) {
        int32_t at = rewrite_at(after, made->placed[i].at), origin = made->placed[i].origin;
        assert_true(at >= 0);
        after->items[at].line = origin >= 0 ? before->items[origin].line : -1;
    }
}

static rl_status check(const struct listing *before, const struct rewritten *made,
                       const uint8_t *code)
{
    struct listing after;
    struct rl_err err;
    rl_status status = rewrite_read(&after, &rules, code, made->len, &err);
    if (status != RL_OK) {
        return status;
    }
    if (after.count == made->count) {
        for (size_t i = 0; i < made->count; i++) {
            int32_t at = rewrite_at(&after, made->placed[i].at), origin = made->placed[i].origin;
            if (at >= 0) {
                after.items[at].line = origin >= 0 ? before->items[origin].line : -1;
            }
        }
    }
    status = rewrite_check(before, &after, &rules, STACK, FIRST_CONSTANT, &err);
    rewrite_listing_fini(&after);
    return status;
}

/* The new code, each instruction a letter: what the old one had, L and T of probes, B of the tail.
 */
static void expect(const uint8_t *code, size_t len, const char *lines, struct wanted wanted,
                   const char *shape)
{
    struct listing before, after;
    struct rewritten made;
    struct rl_err err;
    char found[64] = {0};
    read_code(&before, code, len, lines);
    assert_int_equal(rewrite_probe(&made, &before, &rules, STACK, constant, &wanted, &err), RL_OK);
    for (size_t i = 0; i < made.count; i++) {
        found[i] = made.placed[i].origin >= 0 ? '-' : "?LTB"[made.code[made.placed[i].at]];
    }
    assert_string_equal(found, shape);
    assert_int_equal(rewrite_read(&after, &rules, made.code, made.len, &err), RL_OK);
    tell_lines(&after, &before, &made);
    assert_int_equal(rewrite_check(&before, &after, &rules, STACK, FIRST_CONSTANT, &err), RL_OK);
    rewrite_listing_fini(&after);
    rewrite_listing_fini(&before);
    rewrite_fini(&made);
}

static const uint8_t straight[] = {PLAIN, 1, PLAIN, 2, PLAIN, 3, LEAVE, 0};
/* line 1, then a loop whose head is in the middle of line 2 */
static const uint8_t loop[] = {PLAIN, 0, PLAIN, 0, PLAIN, 0, LOAD,  0,
                               TEST,  2, PLAIN, 0, BACK,  2, LEAVE, 0};

static void a_probe_lies_where_a_line_begins(void **state)
{
    (void)state;
    expect(straight, sizeof straight, "1122", (struct wanted){{0}}, "----");
    expect(straight, sizeof straight, "1122", (struct wanted){{2}}, "--LT--B");
    expect(straight, sizeof straight, "1122", (struct wanted){{1, 2}}, "LT--LT--BB");
    expect(straight, sizeof straight, "1.11", (struct wanted){{1}}, "LT--LT--BB");
    expect(straight, sizeof straight, "1234", (struct wanted){{9}}, "----");
}

static void a_jump_into_a_line_finds_its_probe_in_the_tail(void **state)
{
    (void)state;
    /* Falling into the second instruction begins line 2, and so does jumping back to the third. */
    expect(loop, sizeof loop, "12222223", (struct wanted){{2}}, "-LT-------BLTB");
    expect(loop, sizeof loop, "11222223", (struct wanted){{2}}, "--LT------B");
    expect(loop, sizeof loop, "22222223", (struct wanted){{2}}, "LT--------BLTB");
    expect(loop, sizeof loop, "22222223", (struct wanted){{3}}, "-------LT-B");
}

static void arguments_grow_with_the_code(void **state)
{
    enum { MANY = 300 };
    static uint8_t code[MANY * 2 + 6];
    static char lines[MANY + 4];
    (void)state;
    code[0] = LOAD;
    code[2] = TEST;
    code[3] = 250; /* to an instruction in the middle */
    for (size_t i = 4; i < sizeof code - 2; i += 2) {
        code[i] = PLAIN;
    }
    code[sizeof code - 2] = LEAVE;
    memset(lines, '1', sizeof code / 2);
    lines[40] = '2';
    lines[41] = '3';
    lines[60] = '2';
    struct listing before;
    struct rewritten made;
    struct rl_err err;
    struct wanted wanted = {{1, 2, 3}};
    read_code(&before, code, sizeof code, lines);
    assert_int_equal(rewrite_probe(&made, &before, &rules, STACK, constant, &wanted, &err), RL_OK);
    assert_int_equal(made.probes, 6);
    assert_int_equal(made.code[made.moved[1]], EXTENDED);
    assert_int_equal(check(&before, &made, made.code), RL_OK);
    rewrite_listing_fini(&before);
    rewrite_fini(&made);
}

static void what_is_not_the_old_code_is_refused(void **state)
{
    struct listing before;
    struct rewritten made;
    struct rl_err err;
    struct wanted wanted = {{1, 2, 3}};
    uint8_t changed[128];
    size_t taken = 0;
    (void)state;
    read_code(&before, loop, sizeof loop, "12222223");
    assert_int_equal(rewrite_probe(&made, &before, &rules, STACK, constant, &wanted, &err), RL_OK);
    for (size_t i = 0; i < made.len; i++) {
        for (unsigned delta = 1; delta < 256; delta++) {
            memcpy(changed, made.code, made.len);
            changed[i] = (uint8_t)(changed[i] + delta);
            /* Another constant of a probe, and a detour through one, are code of the same meaning.
             */
            taken += check(&before, &made, changed) == RL_OK;
        }
    }
    size_t probes = made.probes;
    assert_true(taken <= probes * (255 - FIRST_CONSTANT) + 2);
    rewrite_listing_fini(&before);
    rewrite_fini(&made);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const uint8_t deep[] = {LOAD, 0, LOAD, 0, PLAIN, 0, DROP, 0, DROP, 0, LEAVE, 0};
    static const struct {
        uint8_t code[8];
        size_t len;
    } wrong[] = {
        {{PLAIN}, 1},                          /* half a unit */
        {{EXTENDED, 1}, 2},                    /* nothing behind */
        {{50, 0}, 2},                          /* not known */
        {{AHEAD, 9, LEAVE, 0}, 4},             /* to nowhere */
        {{BACK, 1, EXTENDED, 0, LEAVE, 0}, 6}, /* fine: to what extends */
    };
    struct listing listing;
    struct rewritten made;
    struct rl_err err;
    struct wanted wanted = {{2}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rl_status status = rewrite_read(&listing, &rules, wrong[i].code, wrong[i].len, &err);
        assert_int_equal(status == RL_OK, i == 4);
        rewrite_listing_fini(&listing);
    }
    read_code(&listing, deep, sizeof deep, "112233");
    assert_int_equal(rewrite_probe(&made, &listing, &rules, STACK, constant, &wanted, &err),
                     RL_UNSUPPORTED);
    assert_true(made.is_deep);
    assert_non_null(strstr(err.text, "line 2"));
    rewrite_listing_fini(&listing);
}

static void a_probe_needs_room_on_the_stack(void **state)
{
    struct listing before, after;
    struct rewritten made;
    struct rl_err err;
    struct wanted wanted = {{2}};
    (void)state;
    read_code(&before, straight, sizeof straight, "1233");
    assert_int_equal(rewrite_probe(&made, &before, &rules, STACK, constant, &wanted, &err), RL_OK);
    for (uint32_t stack = 0; stack <= 1; stack++) {
        assert_int_equal(rewrite_read(&after, &rules, made.code, made.len, &err), RL_OK);
        tell_lines(&after, &before, &made);
        rl_status status = rewrite_check(&before, &after, &rules, stack, FIRST_CONSTANT, &err);
        assert_int_equal(status, stack == 0 ? RL_DAMAGED : RL_OK);
        rewrite_listing_fini(&after);
    }
    rewrite_listing_fini(&before);
    rewrite_fini(&made);
}

static void no_memory_is_an_error(void **state)
{
    struct listing before;
    struct rewritten made;
    struct rl_err err;
    struct wanted wanted = {{2}};
    int failed = 0;
    (void)state;
    for (unsigned long nth = 1;; nth++) {
        rl_alloc_fail_at(nth, 0);
        rl_status status = rewrite_read(&before, &rules, loop, sizeof loop, &err);
        if (status == RL_OK) {
            memset(&made, 0, sizeof made);
            for (size_t i = 0; i < before.count; i++) {
                before.items[i].line = 2;
            }
            (void)!rewrite_flow(&before, &rules, &err);
            status = rewrite_probe(&made, &before, &rules, STACK, constant, &wanted, &err);
            status = status == RL_OK ? check(&before, &made, made.code) : status;
            rewrite_fini(&made);
            rewrite_listing_fini(&before);
        }
        rl_alloc_fail_at(0, 0);
        if (status == RL_OK) {
            break;
        }
        assert_int_equal(status, RL_NOMEM);
        failed++;
    }
    assert_true(failed > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_probe_lies_where_a_line_begins),
        cmocka_unit_test(a_jump_into_a_line_finds_its_probe_in_the_tail),
        cmocka_unit_test(arguments_grow_with_the_code),
        cmocka_unit_test(what_is_not_the_old_code_is_refused),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_probe_needs_room_on_the_stack),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
