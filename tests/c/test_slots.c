/* Full slots wait for each other before the writer thread is woken, and a warm thread gets large
 * ones. What waits is lost by nothing. */
#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "os.h"
#include "recorder_state.h"
#include "forking.h"

enum { BUFFER = 8 << 20, SLOT_CALLS = 600 }; /* calls that fill a small slot, with their returns */

static struct recorder *begin(const char *path, size_t buffer, struct lane *lane, uint32_t *id)
{
    struct recorder *recorder = open_recorder(path, buffer, 0, 0);
    assert_non_null(recorder);
    recorder_lane_begin(recorder, lane, NULL, 1);
    *id = define(recorder, lane, "work");
    return recorder;
}

static size_t count_waiting(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    size_t n = recorder->queue.count + recorder->in_work;
    os_unlock_mutex(&recorder->lock);
    return n;
}

/* All events are in the file, which is closed. */
static void expect_whole(const char *path, struct recorder *recorder, long long events)
{
    struct recorder_stats stats;
    int complete;
    size_t problems;
    close_recorder(recorder, &stats);
    assert_true(stats.is_closed_cleanly);
    assert_int_equal(stats.events, events);
    assert_int_equal(count_events(path, &complete, &problems), events);
    assert_true(complete && problems == 0);
    (void)unlink(path);
}

static void a_full_slot_waits_until_the_next_tick(void **state)
{
    (void)state;
    enum { TRIES = 20, PATIENCE = 5 };
    int has_waited = 0;
    for (int i = 0; i < TRIES && !has_waited; i++) {
        const char *path = fresh_path();
        struct lane lane;
        uint32_t id;
        struct recorder *recorder = begin(path, BUFFER, &lane, &id);
        write_calls(&lane, id, SLOT_CALLS);
        os_sleep_ms(PATIENCE); /* a tick may come just now: then it is tried again */
        has_waited = count_waiting(recorder) == 1;
        while (count_waiting(recorder) != 0) {
            os_sleep_ms(PATIENCE);
        }
        recorder_lane_end(&lane);
        expect_whole(path, recorder, 2 * SLOT_CALLS + 2);
    }
    assert_true(has_waited);
}

static void a_warm_thread_gets_large_slots_while_small_ones_are_free(void **state)
{
    (void)state;
    enum { ROUNDS = 5 };
    const char *path = fresh_path();
    struct lane lane;
    uint32_t id;
    struct recorder *recorder = begin(path, BUFFER, &lane, &id);
    for (int i = 0; i < ROUNDS; i++) {
        write_calls(&lane, id, 2 * SLOT_CALLS);
        while (count_waiting(recorder) != 0) {
            os_sleep_ms(1);
        }
    }
    os_lock_mutex(&recorder->lock);
    assert_int_equal(lane.slot->size, SLOT_LARGE);
    os_unlock_mutex(&recorder->lock);
    recorder_lane_end(&lane);
    expect_whole(path, recorder, (long long)ROUNDS * 4 * SLOT_CALLS + 2);
}

/* Returns the largest size of a slot that the lane fills while it writes `slots` small slots'
 * calls. */
static enum slot_size largest_size(struct lane *lane, uint32_t id, int slots)
{
    enum slot_size largest = SLOT_SMALL;
    for (int i = 0; i < slots; i++) {
        write_calls(lane, id, SLOT_CALLS);
        enum slot_size size = lane->slot->size;
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* Huge slots are for few lanes with much to record, and for a buffer that has room for them. */
static void who_gets_huge_slots(void **state)
{
    (void)state;
    enum { LONG = 400, MANY = 8 };
    static const struct {
        int lanes;
        size_t buffer, ring;
        int has_thread;
        enum slot_size size;
    } cases[] = {
        {1, BUFFER, 0, 1, SLOT_HUGE},
        {1, BUFFER, 0, 0, SLOT_HUGE},
        {4, BUFFER, 0, 1, SLOT_HUGE},
        {MANY, BUFFER, 0, 1, SLOT_LARGE},
        {1, 1 << 20, 0, 1, SLOT_LARGE},
        {1, 64 << 10, 0, 1, SLOT_SMALL},
        {1, BUFFER, (size_t)BUFFER, 1, SLOT_LARGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = fresh_path();
        struct lane lanes[MANY];
        uint32_t id;
        os_fail_at(OS_FAULT_THREAD, cases[i].has_thread ? 0 : 1, 1, EAGAIN);
        struct recorder *recorder = open_recorder(path, cases[i].buffer, cases[i].ring, 0);
        no_faults();
        assert_non_null(recorder);
        recorder_lane_begin(recorder, &lanes[0], NULL, 1);
        id = define(recorder, &lanes[0], "work");
        for (int k = 1; k < cases[i].lanes; k++) {
            recorder_lane_begin(recorder, &lanes[k], NULL, 1);
            write_calls(&lanes[k], id, 3);
        }
        assert_int_equal(largest_size(&lanes[0], id, LONG), cases[i].size);
        os_lock_mutex(&recorder->lock);
        size_t most = cases[i].buffer + (size_t)cases[i].lanes * SLOT_SMALL_BYTES;
        assert_true(cases[i].ring != 0 || recorder->slot_bytes <= most);
        os_unlock_mutex(&recorder->lock);
        for (int k = 0; k < cases[i].lanes; k++) {
            recorder_lane_end(&lanes[k]);
        }
        if (cases[i].ring == 0) {
            long long calls = (long long)LONG * SLOT_CALLS + 3 * (cases[i].lanes - 1);
            expect_whole(path, recorder, 2 * calls + 2 * cases[i].lanes);
        } else {
            struct recorder_stats stats;
            close_recorder(recorder, &stats);
            assert_true(stats.is_closed_cleanly);
            (void)unlink(path);
        }
    }
}

/* The buffer keeps its limit. */
static void warm_threads_share_the_buffer(void **state)
{
    (void)state;
    enum { LANES = 6, ROUNDS = 20, SMALL_BUFFER = 1 << 20 };
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        const char *path = fresh_path();
        struct lane lanes[LANES];
        uint32_t id;
        os_fail_at(OS_FAULT_THREAD, has_thread ? 0 : 1, 1, EAGAIN);
        struct recorder *recorder = begin(path, SMALL_BUFFER, &lanes[0], &id);
        no_faults();
        write_calls(&lanes[0], id, 30 * SLOT_CALLS);
        os_lock_mutex(&recorder->lock);
        assert_true(recorder->supplies[SLOT_LARGE].slots >= 2);
        os_unlock_mutex(&recorder->lock);
        for (int i = 1; i < LANES; i++) {
            recorder_lane_begin(recorder, &lanes[i], NULL, 1);
        }
        for (int i = 1; i < LANES * ROUNDS; i++) {
            write_calls(&lanes[i % LANES], id, SLOT_CALLS);
        }
        os_lock_mutex(&recorder->lock);
        assert_true(recorder->slot_bytes <= SMALL_BUFFER + 2 * LANES * SLOT_SMALL_BYTES);
        os_unlock_mutex(&recorder->lock);
        for (int i = 0; i < LANES; i++) {
            recorder_lane_end(&lanes[i]);
        }
        expect_whole(path, recorder,
                     2 * SLOT_CALLS * (30 + LANES * ROUNDS - 1) + (long long)2 * LANES);
    }
}

/* The writer thread gets no turn between the last rows and the end of the process. */
static void killed_while_slots_wait(void **state)
{
    (void)state;
    for (uint32_t slots = 1; slots <= 256; slots *= 4) {
        const char *path = fresh_path();
        int complete, status;
        size_t problems;
        pid_t pid = fork();
        if (pid == 0) {
            struct lane lanes[2];
            uint32_t id;
            struct recorder *recorder = begin(path, BUFFER, &lanes[0], &id);
            recorder_lane_begin(recorder, &lanes[1], NULL, 1);
            write_calls(&lanes[0], id, slots * SLOT_CALLS);
            write_calls(&lanes[1], id, slots * SLOT_CALLS);
            recorder_lane_end(&lanes[0]); /* its slots wait, and its thread is gone */
            (void)raise(SIGKILL);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(count_events(path, &complete, &problems), 4 * slots * SLOT_CALLS + 3);
        assert_int_equal(problems, 0);
        (void)unlink(path);
    }
}

/* Returns how many events the folded call tree of a closed file counts. */
static uint64_t count_folded(const char *path)
{
    struct reader *reader = NULL;
    struct summary summary;
    struct rl_err err;
    uint64_t events = 0;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_true(reader->is_complete);
    assert_int_equal(totals_summary(reader, 0, &summary), RL_OK);
    for (size_t i = 0; i < RL_EVENT_KINDS; i++) {
        events += summary.kinds[i];
    }
    summary_fini(&summary);
    reader_close(reader);
    return events;
}

/* A disk that is full between two wakes: each event of the slots that waited is counted as lost,
 * and not in the folded tree. */
static void the_disk_is_full_while_slots_wait(void **state)
{
    (void)state;
    for (uint32_t slots = 1; slots <= 16; slots *= 2) {
        const char *path = fresh_path();
        struct lane lane;
        uint32_t id;
        int complete;
        size_t problems;
        struct recorder *recorder = begin(path, BUFFER, &lane, &id);
        struct recorder_stats stats;
        while (count_waiting(recorder) != 0) {
            os_sleep_ms(1);
        }
        os_fail_at(OS_FAULT_WRITE, 1, 1, ENOSPC);
        write_calls(&lane, id, slots * SLOT_CALLS);
        recorder_lane_end(&lane);
        recorder_end_lanes(recorder);
        while (count_waiting(recorder) != 0) {
            os_sleep_ms(5);
        }
        no_faults();
        recorder_close(recorder, &stats);
        assert_true(stats.lost[RL_LOSS_DISK_FULL] != 0);
        assert_int_equal(stats.events + stats.lost[RL_LOSS_DISK_FULL], 2 * slots * SLOT_CALLS + 2);
        assert_int_equal(count_events(path, &complete, &problems), stats.events);
        assert_int_equal(problems, 0);
        assert_int_equal(count_folded(path), stats.events);
        (void)unlink(path);
    }
}

static void a_fork_while_slots_wait(void **state)
{
    (void)state;
    for (int may_start = 0; may_start < 2; may_start++) {
        const char *path = fresh_path();
        struct lane lane;
        uint32_t id;
        int status;
        struct recorder *recorder = begin(path, BUFFER, &lane, &id);
        write_calls(&lane, id, 2 * SLOT_CALLS);
        recorder_before_fork(recorder);
        pid_t pid = fork();
        if (pid == 0) {
            recorder_abandon(recorder);
            _exit(0);
        }
        recorder_after_fork(recorder, may_start);
        write_calls(&lane, id,
                    20 * SLOT_CALLS); /* where it may not start: until a slot is needed */
        assert_int_equal(waitpid(pid, &status, 0), pid);
        recorder_resume(recorder);
        while (count_waiting(recorder) != 0) {
            os_sleep_ms(5);
        }
        write_calls(&lane, id, 2 * SLOT_CALLS);
        recorder_before_fork(recorder); /* closed without a writer thread, while slots wait */
        recorder_after_fork(recorder, 0);
        recorder_lane_end(&lane);
        expect_whole(path, recorder, 2 * 24 * SLOT_CALLS + 2);
    }
}

static void a_snapshot_while_slots_wait(void **state)
{
    (void)state;
    for (uint32_t slots = 1; slots <= 16; slots *= 2) {
        const char *path = fresh_path();
        char copy[300];
        struct lane lane;
        struct rl_err err;
        uint32_t id;
        int complete;
        size_t problems;
        struct recorder *recorder = begin(path, BUFFER, &lane, &id);
        (void)snprintf(copy, sizeof copy, "%s.copy", path);
        write_calls(&lane, id, slots * SLOT_CALLS);
        assert_int_equal(recorder_snapshot(recorder, copy, &err), RL_OK);
        assert_int_equal(count_waiting(recorder), 0);
        assert_int_equal(count_events(copy, &complete, &problems), 2 * slots * SLOT_CALLS + 1);
        assert_int_equal(problems, 0);
        (void)unlink(copy);
        recorder_lane_end(&lane);
        expect_whole(path, recorder, 2 * slots * SLOT_CALLS + 2);
    }
}

/* The program writes faster than the writer thread: it waits, and the buffer keeps its limit. */
static void a_writer_that_is_slower_than_the_program(void **state)
{
    (void)state;
    enum { THREADS = 4, CALLS = 60000, SMALL_BUFFER = 512 << 10 };
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, SMALL_BUFFER, 0, 0);
    struct worker workers[THREADS];
    start_workers(workers, THREADS, recorder, CALLS);
    join_workers(workers, THREADS);
    assert_true(recorder->slot_bytes <= 2 * SMALL_BUFFER);
    expect_whole(path, recorder, (long long)THREADS * (2 * CALLS + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_slot_waits_until_the_next_tick),
        cmocka_unit_test(a_warm_thread_gets_large_slots_while_small_ones_are_free),
        cmocka_unit_test(who_gets_huge_slots),
        cmocka_unit_test(warm_threads_share_the_buffer),
        cmocka_unit_test(killed_while_slots_wait),
        cmocka_unit_test(the_disk_is_full_while_slots_wait),
        cmocka_unit_test(a_fork_while_slots_wait),
        cmocka_unit_test(a_snapshot_while_slots_wait),
        cmocka_unit_test(a_writer_that_is_slower_than_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
