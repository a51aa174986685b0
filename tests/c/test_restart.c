#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "alloc.h"
#include "check.h"
#include "cut.h"
#include "forking.h"
#include "slots.h"
#include "source.h"

/* A ring that begins again, as for the tests of a run, and what is kept of one. */
enum { RING = 4 << 20, MANY = 100000 };

static struct recorder *open_ring(const char *path, int has_thread)
{
    os_fail_at(OS_FAULT_THREAD, has_thread ? 0 : 1, 1, EAGAIN);
    struct recorder *recorder = open_recorder(path, 0, RING, 0);
    os_fail_at(OS_FAULT_THREAD, 0, 0, 0);
    return recorder;
}

static void restart(struct recorder *recorder, struct lane *lane)
{
    recorder_make_room(recorder);
    recorder_restart(recorder, lane, 0);
}

/* A function "test<n>", which calls "common" n % 7 + 1 times. */
static void call_test(struct recorder *recorder, struct lane *lane, uint32_t common, uint32_t n)
{
    char name[40];
    (void)snprintf(name, sizeof name, "test%u", n);
    uint64_t frame = lane->next_frame++;
    uint32_t id = define(recorder, lane, name);
    (void)lane_put(lane, RL_EVENT_CALL, id, frame);
    for (uint32_t i = 0; i <= n % 7; i++) {
        uint64_t inner = lane->next_frame++;
        (void)lane_put(lane, RL_EVENT_CALL, common, inner);
        (void)lane_put(lane, RL_EVENT_RETURN, common, inner);
    }
    (void)lane_put(lane, RL_EVENT_RETURN, id, frame);
}

/* The file has events of one test alone, all named, numbered from 0. Returns how many. */
static long long expect_test(const char *path, uint32_t n)
{
    struct reader *reader = NULL;
    struct cursor *cursor = NULL;
    struct check_result result;
    struct event_out event;
    struct rl_err err;
    char name[40];
    long long events = 0;
    (void)snprintf(name, sizeof name, "test%u", n);
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(check_file(reader, &result), RL_OK);
    assert_int_equal(result.bad_blocks, 0);
    assert_int_equal(cursor_open(reader, &cursor), RL_OK);
    while (cursor_next(cursor, &event) == RL_OK) {
        struct text got = reader_code(reader, event.id).qualname;
        assert_int_equal(event.seq, events);
        assert_true((got.len == strlen(name) && memcmp(got.data, name, got.len) == 0) ||
                    (got.len == 6 && memcmp(got.data, "common", 6) == 0));
        events++;
    }
    assert_int_equal(reader->problem_count, 0);
    assert_int_equal(reader->losses[RL_LOSS_RING], 0);
    cursor_close(cursor);
    reader_close(reader);
    return events;
}

/* Begins a thread. Returns the function that all tests call. */
static uint32_t begin_lane(struct recorder *recorder, struct lane *lane)
{
    recorder_lane_begin(recorder, lane, NULL, 1);
    return define(recorder, lane, "common");
}

/* Runs so many tests, each in an empty recording. The last one is in the file then. */
static void run_some_tests(struct recorder *recorder, struct lane *lane, uint32_t count)
{
    uint32_t common = begin_lane(recorder, lane);
    for (uint32_t n = 0; n < count; n++) {
        restart(recorder, lane);
        call_test(recorder, lane, common, n);
    }
    recorder_settle(recorder);
}

static void each_test_begins_with_an_empty_recording(void **state)
{
    (void)state;
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        const char *path = fresh_path();
        struct recorder *recorder = open_ring(path, has_thread);
        struct recorder_stats stats;
        struct lane lane;
        uint32_t common = begin_lane(recorder, &lane);
        for (uint32_t n = 0; n < 3000; n++) {
            restart(recorder, &lane);
            call_test(recorder, &lane, common, n);
            if (n % 100 == 42) {
                assert_int_equal(expect_test(path, n), 2 * (n % 7 + 1) + 2);
            }
        }
        recorder_lane_end(&lane);
        close_recorder(recorder, &stats);
        assert_true(stats.is_closed_cleanly);
        assert_int_equal(stats.events, 2 * (2999 % 7 + 1) + 3); /* and thread_end */
        (void)unlink(path);
    }
}

static long long space_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (long long)st.st_blocks * 512;
}

static void what_a_big_test_took_is_given_back(void **state)
{
    (void)state;
    enum { BIG = 16 << 20, CALLS = 600000 };
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        const char *path = fresh_path();
        os_fail_at(OS_FAULT_THREAD, has_thread ? 0 : 1, 1, EAGAIN);
        struct recorder *recorder = open_recorder(path, 0, BIG, 0);
        struct recorder_stats stats;
        struct lane lane;
        os_fail_at(OS_FAULT_THREAD, 0, 0, 0);
        uint32_t common = begin_lane(recorder, &lane);
        for (uint32_t n = 0; n < 3; n++) {
            restart(recorder, &lane);
            call_test(recorder, &lane, common, n);
            assert_int_equal(expect_test(path, n), 2 * (n % 7 + 1) + 2);
            assert_true(space_of(path) < 4 << 20);
            write_calls(&lane, common, CALLS);
            assert_true(space_of(path) > 10 << 20);
            recorder_restart(recorder, &lane, 0);
            recorder_settle(recorder);
        }
        call_test(recorder, &lane, common, 9);
        recorder_lane_end(&lane);
        close_recorder(recorder, &stats);
        assert_true(stats.is_closed_cleanly && stats.lost[RL_LOSS_RING] == 0);
        (void)unlink(path);
    }
}

/* ---- what is kept ---- */

static const char *kept_path(const char *path)
{
    static char kept[300];
    (void)snprintf(kept, sizeof kept, "%s.kept", path);
    (void)unlink(kept);
    return kept;
}

static rl_status keep(const char *path, const char *to, struct cut_result *result)
{
    const struct cut_question question = {.is_whole = 1, .path = to};
    struct reader *reader = NULL;
    struct rl_err err;
    rl_status status = reader_open(path, &reader, &err);
    if (status == RL_OK) {
        status = cut_write(reader, &question, result, &err);
    }
    reader_close(reader);
    return status;
}

static void a_kept_test_has_the_definitions_that_it_uses(void **state)
{
    (void)state;
    const char *path = fresh_path(), *to = kept_path(path);
    struct recorder *recorder = open_ring(path, 1);
    struct recorder_stats stats;
    struct cut_result result;
    struct reader *reader = NULL;
    struct rl_err err;
    struct lane lane;
    run_some_tests(recorder, &lane, 500);
    assert_int_equal(keep(path, to, &result), RL_OK);
    assert_int_equal(result.events, 2 * (499 % 7 + 1) + 2);
    assert_int_equal(expect_test(to, 499), (long long)result.events);
    assert_summary_counts_what_is_there(to);
    assert_int_equal(reader_open(to, &reader, &err), RL_OK);
    assert_true(reader->is_complete);
    assert_int_equal(reader->code_count, 2);
    reader_close(reader);
    assert_int_equal(keep(path, to, &result), RL_EXISTS);
    close_recorder(recorder, &stats);
    (void)unlink(path);
    (void)unlink(to);
}

static void a_recording_that_cannot_be_kept_leaves_no_file(void **state)
{
    (void)state;
    const char *path = fresh_path(), *to = kept_path(path);
    struct recorder *recorder = open_ring(path, 1);
    struct recorder_stats stats;
    struct cut_result result;
    struct lane lane;
    int is_done = 0;
    call_test(recorder, &lane, begin_lane(recorder, &lane), 3);
    recorder_settle(recorder);
    for (unsigned long nth = 1; nth < 200 && !is_done; nth++) {
        (void)rl_alloc_fail_at(nth, 0);
        rl_status status = keep(path, to, &result);
        is_done = rl_alloc_fail_at(0, 0) < nth;
        assert_true(status == RL_OK || status == RL_NOMEM);
        assert_int_equal(access(to, F_OK) == 0, status == RL_OK);
        (void)unlink(to);
    }
    os_fail_at(OS_FAULT_WRITE, 1, 0, ENOSPC);
    assert_int_equal(keep(path, to, &result), RL_LIMIT);
    no_faults();
    assert_int_not_equal(access(to, F_OK), 0);
    close_recorder(recorder, &stats);
    (void)unlink(path);
}

/* ---- the process is killed ---- */

/* A process of its own is killed before the nth write since its first test. Returns whether it was.
 */
static int run_and_get_killed(const char *path, unsigned long nth, int has_thread)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct recorder *recorder = open_ring(path, has_thread);
        struct recorder_stats stats;
        struct lane lane;
        uint32_t common = begin_lane(recorder, &lane);
        restart(recorder, &lane);
        os_fail_at(OS_FAULT_WRITE, nth, 0, -SIGKILL);
        for (uint32_t n = 0; n < 400; n++) {
            call_test(recorder, &lane, common, n);
            if (n % 100 == 99) {
                write_calls(&lane, common, MANY);
            }
            restart(recorder, &lane);
        }
        close_recorder(recorder, &stats);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status);
}

/* The recording reads whole, and all of its events are named. */
static void expect_named(const char *path)
{
    struct reader *reader = NULL;
    struct cursor *cursor = NULL;
    struct check_result result;
    struct event_out event;
    struct rl_err err;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(check_file(reader, &result), RL_OK);
    assert_int_equal(result.bad_blocks, 0);
    assert_int_equal(cursor_open(reader, &cursor), RL_OK);
    while (cursor_next(cursor, &event) == RL_OK) {
        if (kind_begins(event.kind)) {
            assert_true(reader_code(reader, event.id).qualname.len > 3);
        }
    }
    assert_int_equal(reader->problem_count, 0);
    cursor_close(cursor);
    reader_close(reader);
}

static void killed_between_any_two_writes_a_test_is_readable(void **state)
{
    (void)state;
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        unsigned long nth = 1;
        for (int is_killed = 1; is_killed && nth < (has_thread ? 40 : 120); nth++) {
            const char *path = fresh_path();
            is_killed = run_and_get_killed(path, nth, has_thread);
            expect_named(path);
            (void)unlink(path);
        }
        assert_true(nth > 10);
    }
}

/* Of a test's file, any number of bytes may be there. */
static void cut_at_any_byte_it_is_readable(void **state)
{
    (void)state;
    const char *path = fresh_path(), *to = kept_path(path);
    struct recorder *recorder = open_ring(path, 1);
    struct recorder_stats stats;
    struct cut_result result;
    struct lane lane;
    struct stat st;
    int complete;
    size_t problems;
    run_some_tests(recorder, &lane, 9);
    assert_int_equal(keep(path, to, &result), RL_OK);
    close_recorder(recorder, &stats);
    assert_int_equal(stat(to, &st), 0);
    long long before = (long long)result.events;
    for (off_t size = st.st_size - 1; size >= 128; size -= size > 8192 ? 1 : 331) {
        assert_int_equal(truncate(to, size), 0);
        long long events = count_events(to, &complete, &problems);
        assert_true(events >= 0 && events <= before && !complete);
        before = events;
    }
    (void)unlink(path);
    (void)unlink(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_test_begins_with_an_empty_recording),
        cmocka_unit_test(what_a_big_test_took_is_given_back),
        cmocka_unit_test(a_kept_test_has_the_definitions_that_it_uses),
        cmocka_unit_test(a_recording_that_cannot_be_kept_leaves_no_file),
        cmocka_unit_test(killed_between_any_two_writes_a_test_is_readable),
        cmocka_unit_test(cut_at_any_byte_it_is_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
