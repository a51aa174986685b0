/* Where two threads part: aligned steps, calls that differ inside, lost events, want of memory; and
 * whether two runs took the same path. */
#include "testing.h"

#include "align.h"
#include "alloc.h"
#include "diff.h"
#include "index_build.h"
#include "paths.h"
#include "recording.h"

enum { KINDS = 1u << RL_EVENT_CALL | 1u << RL_EVENT_RETURN };

/* Returns the best weight of all ways to pair the steps, tried one by one. */
static unsigned best(const struct align_step *a, size_t n, const struct align_step *b, size_t m)
{
    if (n == 0 || m == 0) {
        return 0;
    }
    unsigned skip_a = best(a + 1, n - 1, b, m), skip_b = best(a, n, b + 1, m - 1);
    unsigned most = skip_a > skip_b ? skip_a : skip_b;
    if (a->what == b->what) {
        unsigned with = best(a + 1, n - 1, b + 1, m - 1) + (a->whole == b->whole ? 8 : 1);
        most = with > most ? with : most;
    }
    return most;
}

static void pairs_are_in_order_and_weigh_most(void **state)
{
    (void)state;
    struct align_table table = {0};
    struct align_step steps[2][7];
    srand(7);
    for (int turn = 0; turn < 200; turn++) {
        size_t n = (size_t)rand() % 8, m = (size_t)rand() % 8;
        for (size_t i = 0; i < 14; i++) {
            uint64_t what = (uint64_t)(rand() % 3);
            steps[i / 7][i % 7] =
                (struct align_step){what, what * 2 + (uint64_t)(rand() % 2), i, 1, 0};
        }
        assert_int_equal(align_steps(&table, steps[0], n, steps[1], m), RL_OK);
        unsigned weight = 0;
        for (size_t k = 0; k < table.pair_count; k++) {
            struct align_pair pair = table.pairs[k];
            assert_true(pair.a < n && pair.b < m);
            assert_true(k == 0 || (pair.a > table.pairs[k - 1].a && pair.b > table.pairs[k - 1].b));
            assert_int_equal(steps[0][pair.a].what, steps[1][pair.b].what);
            weight += steps[0][pair.a].whole == steps[1][pair.b].whole ? 8 : 1;
        }
        assert_int_equal(weight, best(steps[0], n, steps[1], m));
    }
    align_fini(&table);
}

/* A recording of one thread. */
struct made {
    const char *path;
    struct recorder *recorder;
    struct lane lane;
    uint32_t codes[4];
};

static void begin(struct made *made)
{
    static const char *names[] = {"main", "load", "check", "save"};
    made->path = fresh_path();
    made->recorder = open_recorder(made->path, 1u << 20, 0, 0);
    recorder_lane_begin(made->recorder, &made->lane, NULL, 1);
    for (int i = 0; i < 4; i++) {
        made->codes[i] = define(made->recorder, &made->lane, names[i]);
    }
}

static uint64_t enter(struct made *made, int code)
{
    uint64_t frame = made->lane.next_frame++;
    (void)lane_put(&made->lane, RL_EVENT_CALL, made->codes[code], frame);
    return frame;
}

static void leave(struct made *made, int code, uint64_t frame)
{
    (void)lane_put(&made->lane, RL_EVENT_RETURN, made->codes[code], frame);
}

static struct reader *end(struct made *made)
{
    struct recorder_stats stats;
    struct reader *reader = NULL;
    struct rl_err err;
    recorder_lane_end(&made->lane);
    close_recorder(made->recorder, &stats);
    assert_int_equal(reader_open(made->path, &reader, &err), RL_OK);
    (void)unlink(made->path);
    return reader;
}

/* main calls load n times; where `changed`, the call with this number saves, too. */
static struct reader *write_main(int n, int changed)
{
    struct made made;
    begin(&made);
    uint64_t outer = enter(&made, 0);
    for (int i = 0; i < n; i++) {
        uint64_t inner = enter(&made, 1);
        for (int code = 2; code < (i == changed ? 4 : 3); code++) {
            leave(&made, code, enter(&made, code));
        }
        leave(&made, 1, inner);
    }
    leave(&made, 0, outer);
    return end(&made);
}

static void one_more_call_deep_inside_is_the_only_difference(void **state)
{
    (void)state;
    struct reader *a = write_main(9000, 5000), *b = write_main(9000, -1);
    struct diff_question question = {
        .sides = {{.reader = a, .thread = 1, .seq = 0}, {.reader = b, .thread = 1, .seq = 0}},
        .is_call = 0,
        .kinds = KINDS,
        .has_values = 1,
        .limit = 10};
    struct diff_answer answer;
    assert_int_equal(diff_read(&question, &answer), RL_OK);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.items[0].kind, DIFF_STEPS);
    assert_int_equal(answer.items[0].seq[0], 1 + 1 + 5000 * 4 + 3);
    assert_int_equal(answer.items[0].events[0], 2);
    assert_int_equal(answer.items[0].events[1], 0);
    assert_int_equal(answer.items[0].seq[1], 1 + 1 + 5000 * 4 + 2);
    assert_int_equal(answer.items[0].depth, 2);
    assert_int_equal(answer.same, 9000 * 4 + 2);
    diff_fini(&answer);
    reader_close(a);
    reader_close(b);
}

/* main saves and checks while it does, where `saves`; then it loads three times. */
static struct reader *write_loads(int saves)
{
    struct made made;
    begin(&made);
    uint64_t outer = enter(&made, 0);
    if (saves) {
        uint64_t save = enter(&made, 3);
        leave(&made, 2, enter(&made, 2));
        leave(&made, 2, enter(&made, 2));
        leave(&made, 3, save);
    }
    for (int i = 0; i < 3; i++) {
        uint64_t inner = enter(&made, 1);
        leave(&made, 2, enter(&made, 2));
        leave(&made, 1, inner);
    }
    leave(&made, 0, outer);
    return end(&made);
}

/* Both sides go on at the begin of the call behind it, not inside. */
static void a_call_that_calls_is_one_difference(void **state)
{
    (void)state;
    struct reader *a = write_loads(1), *b = write_loads(0);
    struct diff_question question = {
        .sides = {{.reader = a, .thread = 1, .seq = 0}, {.reader = b, .thread = 1, .seq = 0}},
        .is_call = 0,
        .kinds = KINDS,
        .has_values = 1,
        .limit = 10};
    struct diff_answer answer;
    assert_int_equal(diff_read(&question, &answer), RL_OK);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.items[0].kind, DIFF_STEPS);
    assert_int_equal(answer.items[0].seq[0], 1 + 1);
    assert_int_equal(answer.items[0].events[0], 6);
    assert_int_equal(answer.items[0].events[1], 0);
    assert_int_equal(answer.same, 3 * 4 + 2);
    diff_fini(&answer);
    reader_close(a);
    reader_close(b);
}

/* More steps in one call than a window has, none of them equal: the question ends all the same. */
static void long_calls_without_a_pair_are_counted_whole(void **state)
{
    (void)state;
    struct made made;
    struct reader *readers[2];
    for (int side = 0; side < 2; side++) {
        begin(&made);
        uint64_t outer = enter(&made, 0);
        for (int i = 0; i < 3 * ALIGN_MAX; i++) {
            leave(&made, 1 + side, enter(&made, 1 + side));
        }
        leave(&made, 0, outer);
        readers[side] = end(&made);
    }
    struct diff_question question = {.sides = {{.reader = readers[0], .thread = 1, .seq = 0},
                                               {.reader = readers[1], .thread = 1, .seq = 0}},
                                     .is_call = 0,
                                     .kinds = KINDS,
                                     .has_values = 1,
                                     .limit = 100};
    struct diff_answer answer;
    uint64_t events[2] = {0, 0};
    assert_int_equal(diff_read(&question, &answer), RL_OK);
    for (size_t i = 0; i < answer.count; i++) {
        events[0] += answer.items[i].events[0];
        events[1] += answer.items[i].events[1];
    }
    assert_int_equal(events[0], 6 * ALIGN_MAX);
    assert_int_equal(events[1], 6 * ALIGN_MAX);
    assert_int_equal(answer.same, 2);
    diff_fini(&answer);
    reader_close(readers[0]);
    reader_close(readers[1]);
}

static void two_calls_of_one_recording_are_compared(void **state)
{
    (void)state;
    struct reader *reader = write_main(100, 50);
    struct diff_question question = {
        .sides = {{.reader = reader, .thread = 1, .seq = 1 + 1},
                  {.reader = reader, .thread = 1, .seq = 1 + 1 + 50 * 4}},
        .is_call = 1,
        .kinds = KINDS,
        .has_values = 1,
        .limit = 10};
    struct diff_answer answer;
    assert_int_equal(diff_read(&question, &answer), RL_OK);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.items[0].events[0], 0);
    assert_int_equal(answer.items[0].events[1], 2);
    assert_int_equal(answer.same, 4);
    diff_fini(&answer);
    reader_close(reader);
}

/* ---- with landmarks ---- */

static const struct landmarks_plan plan = {{11, 12}, 50};

/* Adds so many events to the reader's index. */
static void add_to_index(struct reader *reader, uint64_t events)
{
    const char *path = fresh_path();
    struct index_builder *builder = NULL;
    struct index *index = NULL;
    int fd, os_errno;
    assert_int_equal(os_create(path, &fd, &os_errno), 0);
    assert_int_equal(index_builder_open(reader, reader->index, fd, 0, 700, &plan, &builder), RL_OK);
    rl_status status = index_builder_step(builder, events);
    assert_true(status == RL_OK || status == RL_END);
    index_builder_close(builder);
    index_close(reader->index);
    assert_int_equal(index_open(reader, fd, &index), RL_OK);
    reader->index = index;
    (void)unlink(path);
}

static void close_with_index(struct reader *reader)
{
    index_close(reader->index);
    reader_close(reader);
}

/* Compares without landmarks and with them. Returns how many steps these left out. */
static uint64_t compare_with_landmarks(struct reader *a, struct reader *b, uint32_t kinds)
{
    struct diff_question question = {
        .sides = {{.reader = a, .thread = 1, .seq = 0}, {.reader = b, .thread = 1, .seq = 0}},
        .kinds = kinds,
        .has_values = 1,
        .limit = 100,
        .key = plan.key};
    struct diff_answer plain, quick;
    assert_int_equal(diff_read(&question, &plain), RL_OK);
    question.has_key = 1;
    assert_int_equal(diff_read(&question, &quick), RL_OK);
    assert_int_equal(plain.count, quick.count);
    assert_int_equal(plain.same, quick.same);
    assert_int_equal(plain.own, quick.own);
    assert_memory_equal(plain.found, quick.found, sizeof plain.found);
    for (size_t i = 0; i < plain.count; i++) {
        const struct difference *one = &plain.items[i], *other = &quick.items[i];
        assert_memory_equal(one->seq, other->seq, sizeof one->seq);
        assert_memory_equal(one->events, other->events, sizeof one->events);
        assert_int_equal(one->depth, other->depth);
        assert_memory_equal(one->stack, other->stack, one->depth * sizeof *one->stack);
    }
    assert_int_equal(plain.skipped, 0);
    uint64_t skipped = quick.skipped;
    diff_fini(&plain);
    diff_fini(&quick);
    return skipped;
}

static void landmarks_leave_out_what_is_equal(void **state)
{
    (void)state;
    struct reader *a = write_main(9000, 5000), *b = write_main(9000, -1);
    assert_int_equal(compare_with_landmarks(a, b, KINDS), 0);
    add_to_index(a, 1000000);
    assert_int_equal(compare_with_landmarks(a, b, KINDS), 0);
    add_to_index(b, 1000000);
    assert_true(compare_with_landmarks(a, b, KINDS) > 30000);
    assert_int_equal(compare_with_landmarks(a, b, 1u << RL_EVENT_CALL), 0);
    close_with_index(a);
    close_with_index(b);
}

/* Where an index was extended, nothing is known of the stretch around that place. */
static void an_index_that_was_extended_is_not_believed_there(void **state)
{
    (void)state;
    for (int changed = 170; changed < 190; changed++) {
        struct reader *a = write_main(600, changed), *b = write_main(600, -1);
        for (int i = 0; i < 2; i++) {
            add_to_index(i == 0 ? a : b, 700);
            add_to_index(i == 0 ? a : b, 1000000);
        }
        assert_true(compare_with_landmarks(a, b, KINDS) > 500);
        close_with_index(a);
        close_with_index(b);
    }
}

/* Asks as often as there are allocations, of which another one fails each time. */
static void fail_each_allocation(const struct diff_question *question, unsigned long most)
{
    struct diff_answer answer;
    int failed = 0;
    for (unsigned long nth = 1; nth < most; nth++) {
        (void)rl_alloc_fail_at(nth, 0);
        rl_status status = diff_read(question, &answer);
        (void)rl_alloc_fail_at(0, 0);
        assert_true(status == RL_NOMEM || answer.count <= 2);
        failed += status == RL_NOMEM;
        diff_fini(&answer);
    }
    assert_true(failed > 10);
}

static void each_allocation_with_landmarks_may_fail(void **state)
{
    (void)state;
    struct reader *a = write_main(300, 5), *b = write_main(300, 200);
    add_to_index(a, 1000000);
    add_to_index(b, 1000000);
    struct diff_question question = {
        .sides = {{.reader = a, .thread = 1, .seq = 0}, {.reader = b, .thread = 1, .seq = 0}},
        .kinds = KINDS,
        .limit = 10,
        .has_key = 1,
        .key = plan.key};
    fail_each_allocation(&question, 300);
    close_with_index(a);
    close_with_index(b);
}

/* f is entered and left n times; the last one with an exception where `fails`. A module's body is
 * around the second one where `imports`. */
static struct reader *write_path(int n, int fails, int imports)
{
    struct made made;
    begin(&made);
    uint32_t module = define(made.recorder, &made.lane, "<module>");
    for (int i = 0; i < n; i++) {
        uint64_t body = 0;
        if (imports && i == 1) {
            body = made.lane.next_frame++;
            (void)lane_put(&made.lane, RL_EVENT_CALL, module, body);
            leave(&made, 1, enter(&made, 1));
            (void)lane_put(&made.lane, RL_EVENT_RETURN, module, body);
        }
        uint64_t frame = enter(&made, 2);
        if (fails && i == n - 1) {
            (void)lane_put(&made.lane, RL_EVENT_UNWIND, made.codes[2], frame);
        } else {
            leave(&made, 2, frame);
        }
    }
    return end(&made);
}

/* Compares the only threads, and closes the readers. */
static struct path_answer compare_paths(struct reader *a, struct reader *b,
                                        const struct path_skip *skip)
{
    const uint32_t threads[] = {1};
    struct path_side sides[2] = {{a, threads, 1, skip, skip != NULL}, {b, threads, 1, NULL, 0}};
    struct path_answer answer;
    assert_int_equal(paths_compare(sides, &answer), RL_OK);
    reader_close(a);
    reader_close(b);
    return answer;
}

static void a_path_is_calls_and_their_ends(void **state)
{
    (void)state;
    struct path_answer answer = compare_paths(write_path(5, 1, 0), write_path(5, 1, 0), NULL);
    assert_true(answer.is_same && answer.calls == 5);
    answer = compare_paths(write_path(5, 0, 1), write_path(5, 0, 0), NULL);
    assert_true(answer.is_same && answer.calls == 5);
    answer = compare_paths(write_path(5, 1, 0), write_path(5, 0, 0), NULL);
    assert_false(answer.is_same);
    assert_true(answer.call == 5 && answer.places[0].seq == 10 && answer.places[1].seq == 10);
    answer = compare_paths(write_path(3, 0, 0), write_path(5, 0, 0), NULL);
    assert_false(answer.is_same);
    assert_true(answer.call == 4 && answer.places[1].seq == 7);
    assert_true(!answer.places[0].is_known && answer.places[1].is_known);
    struct path_skip skip = {1, 1, 5};
    answer = compare_paths(write_path(5, 0, 0), write_path(3, 0, 0), &skip);
    assert_true(answer.is_same && answer.calls == 3);
    skip.thread = 2;
    answer = compare_paths(write_path(5, 0, 0), write_path(3, 0, 0), &skip);
    assert_false(answer.is_same);
}

static void each_allocation_of_a_path_may_fail(void **state)
{
    (void)state;
    const uint32_t threads[] = {1};
    struct reader *a = write_path(60, 1, 1), *b = write_path(60, 0, 0);
    struct path_side sides[2] = {{a, threads, 1, NULL, 0}, {b, threads, 1, NULL, 0}};
    struct path_answer answer;
    int failed = 0;
    for (unsigned long nth = 1; nth < 300; nth++) {
        (void)rl_alloc_fail_at(nth, 0);
        rl_status status = paths_compare(sides, &answer);
        (void)rl_alloc_fail_at(0, 0);
        assert_true(status == RL_NOMEM || (!answer.is_same && answer.call == 60));
        failed += status == RL_NOMEM;
    }
    assert_true(failed > 5);
    reader_close(a);
    reader_close(b);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    struct reader *a = write_main(60, 5), *b = write_main(60, 40);
    struct diff_question question = {
        .sides = {{.reader = a, .thread = 1, .seq = 0}, {.reader = b, .thread = 1, .seq = 0}},
        .is_call = 0,
        .kinds = KINDS,
        .has_values = 1,
        .limit = 10};
    fail_each_allocation(&question, 500);
    reader_close(a);
    reader_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_in_order_and_weigh_most),
        cmocka_unit_test(one_more_call_deep_inside_is_the_only_difference),
        cmocka_unit_test(a_call_that_calls_is_one_difference),
        cmocka_unit_test(long_calls_without_a_pair_are_counted_whole),
        cmocka_unit_test(two_calls_of_one_recording_are_compared),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(landmarks_leave_out_what_is_equal),
        cmocka_unit_test(an_index_that_was_extended_is_not_believed_there),
        cmocka_unit_test(each_allocation_with_landmarks_may_fail),
        cmocka_unit_test(a_path_is_calls_and_their_ends),
        cmocka_unit_test(each_allocation_of_a_path_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
