#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "alloc.h"
#include "os.h"
#include "forking.h"
#include "sessions.h"
#include "totals.h"

static const char *copy_path(const char *original)
{
    static char path[300];
    (void)snprintf(path, sizeof path, "%s.copy", original);
    (void)unlink(path);
    return path;
}

static int names_are_known(const char *path)
{
    struct reader *reader = NULL;
    struct rl_err err;
    struct cursor *cursor = NULL;
    struct event_out event;
    int all = 1;
    if (reader_open(path, &reader, &err) != RL_OK) {
        return 0;
    }
    if (cursor_open(reader, &cursor) == RL_OK) {
        while (cursor_next(cursor, &event) == RL_OK) {
            if (kind_begins(event.kind) || kind_leaves(event.kind)) {
                struct text name = reader_code(reader, event.id).qualname;
                all = all && name.len == 4 && memcmp(name.data, "work", 4) == 0;
            }
        }
    }
    cursor_close(cursor);
    reader_close(reader);
    return all;
}

static void a_snapshot_has_all_until_then(void **state)
{
    (void)state;
    for (size_t ring = 0; ring <= 256u << 10; ring += 256u << 10) {
        const char *path = fresh_path(), *copy = copy_path(path);
        struct recorder *recorder = open_recorder(path, 1u << 20, ring, 0);
        struct lane lane;
        struct recorder_stats stats;
        struct rl_err err;
        int complete;
        size_t problems;
        recorder_lane_begin(recorder, &lane, NULL, 1);
        uint32_t id = define(recorder, &lane, "work");
        write_calls(&lane, id, 30000);
        assert_int_equal(recorder_snapshot(recorder, copy, &err), RL_OK);
        assert_int_equal(recorder_snapshot(recorder, copy, &err), RL_EXISTS);
        write_calls(&lane, id, 3000);
        recorder_lane_end(&lane);
        close_recorder(recorder, &stats);
        long long copied = count_events(copy, &complete, &problems);
        assert_int_equal(problems, 0);
        assert_true(ring != 0 ? copied > 1000 && copied < 60001 : copied == 60001);
        assert_true(names_are_known(copy) && names_are_known(path));
        assert_int_equal(count_events(path, &complete, &problems), (long long)stats.events);
        assert_true(complete && problems == 0);
        (void)unlink(path);
        (void)unlink(copy);
    }
}

static void what_fails_leaves_no_copy_and_the_recording_as_it_is(void **state)
{
    (void)state;
    int succeeded = 0;
    for (unsigned long nth = 1; nth < 12 && !succeeded; nth++) {
        for (int kind = 0; kind < 3; kind++) {
            const char *path = fresh_path(), *copy = copy_path(path);
            struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
            struct lane lane;
            struct recorder_stats stats;
            struct rl_err err = {0};
            int complete;
            size_t problems;
            recorder_lane_begin(recorder, &lane, NULL, 1);
            uint32_t id = define(recorder, &lane, "work");
            write_calls(&lane, id, 3000);
            assert_int_equal(recorder_snapshot(recorder, "/no/such/folder/x", &err), RL_IO);
            if (kind == 2) {
                (void)rl_alloc_fail_at(nth, 0);
            } else {
                os_fail_at(kind == 0 ? OS_FAULT_WRITE : OS_FAULT_OPEN, nth, 1, ENOSPC);
            }
            rl_status status = recorder_snapshot(recorder, copy, &err);
            no_faults();
            (void)rl_alloc_fail_at(0, 0);
            assert_true(status == RL_OK || (err.text[0] != 0 && access(copy, F_OK) != 0));
            succeeded += status == RL_OK && kind == 0;
            write_calls(&lane, id, 3000);
            recorder_lane_end(&lane);
            close_recorder(recorder, &stats);
            uint64_t all = stats.events;
            for (int i = 0; i < RL_LOSS_REASONS; i++) {
                all += stats.lost[i];
            }
            assert_int_equal(all, 12002);
            assert_int_equal(count_events(path, &complete, &problems), (long long)stats.events);
            (void)unlink(path);
            (void)unlink(copy);
        }
    }
    assert_true(succeeded);
}

static void a_ring_keeps_its_definitions_however_fast_it_turns(void **state)
{
    (void)state;
    const char *path = fresh_path();
    int complete;
    size_t problems;
    record_and_be_killed(path, 1u << 20, 64u << 10, 30000);
    assert_true(count_events(path, &complete, &problems) > 1000);
    assert_int_equal(problems, 0);
    assert_true(names_are_known(path));
    (void)unlink(path);
}

/* ---- sessions ---- */

static void calls_are_counted_by_the_session_that_their_thread_is_in(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t id = define(recorder, &lane, "work");
    write_calls(&lane, id, 3);
    for (uint32_t session = 1; session <= 2; session++) {
        (void)lane_put(&lane, RL_EVENT_SESSION_START, session, 0);
        write_calls(&lane, id, 30 * session);
    }
    (void)lane_put(&lane, RL_EVENT_SESSION_START, 0, 0);
    write_calls(&lane, id, 3);
    recorder_lane_end(&lane);
    close_recorder(recorder, &stats);

    struct reader *reader = NULL;
    struct rl_err err;
    struct session_totals totals;
    struct summary summary;
    struct u64map codes = {0};
    struct cursor *cursor = NULL;
    struct event_out event;
    uint64_t seen[3] = {0}, next = 0;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(sessions_count(reader, &codes, &totals), RL_OK);
    assert_int_equal(totals.count, 2);
    assert_int_equal(totals.items[0].calls, 30);
    assert_int_equal(totals.items[1].calls, 60);
    assert_int_equal(totals.items[1].errors, 0);
    sessions_fini(&totals);
    assert_int_equal(totals_summary(reader, 2, &summary), RL_OK);
    assert_int_equal(summary.threads[0].calls, 60);
    summary_fini(&summary);
    assert_int_equal(totals_summary(reader, 0, &summary), RL_OK);
    assert_int_equal(summary.kinds[RL_EVENT_SESSION_START], 0); /* a switch is no event */
    summary_fini(&summary);
    assert_int_equal(cursor_open(reader, &cursor), RL_OK);
    while (cursor_next(cursor, &event) == RL_OK) {
        assert_int_not_equal(event.kind, RL_EVENT_SESSION_START);
        assert_true(event.seq >= next);
        next = event.seq + 1;
        seen[event.session] += event.kind == RL_EVENT_CALL;
    }
    cursor_close(cursor);
    assert_true(seen[0] == 6 && seen[1] == 30 && seen[2] == 60);
    for (unsigned long nth = 1; nth < 30; nth++) {
        (void)rl_alloc_fail_at(nth, 0);
        rl_status status = sessions_count(reader, &codes, &totals);
        (void)rl_alloc_fail_at(0, 0);
        assert_true(status == RL_OK || status == RL_NOMEM);
        if (status == RL_OK) {
            sessions_fini(&totals);
        }
    }
    reader_close(reader);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_has_all_until_then),
        cmocka_unit_test(what_fails_leaves_no_copy_and_the_recording_as_it_is),
        cmocka_unit_test(a_ring_keeps_its_definitions_however_fast_it_turns),
        cmocka_unit_test(calls_are_counted_by_the_session_that_their_thread_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
