#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "check.h"
#include "forking.h"
#include "totals.h"

/* Without a writer thread the buffer grows before anything is written, so that slots of every size
 * are between the blocks. */
enum { CALLS = 24000, EVENTS = 2 * CALLS + 2, FEW = 9 };

static struct recorder *record(const char *path, uint32_t calls, int has_thread)
{
    os_fail_at(OS_FAULT_THREAD, has_thread ? 0 : 1, 1, EAGAIN);
    struct recorder *recorder = open_recorder(path, 512u << 10, 0, 0);
    os_fail_at(OS_FAULT_THREAD, 0, 0, 0);
    struct lane lane;
    assert_non_null(recorder);
    recorder_lane_begin(recorder, &lane, NULL, 1);
    write_calls(&lane, define(recorder, &lane, "work"), calls);
    recorder_lane_end(&lane);
    return recorder;
}

/* Reads the file as a user does, and block by block; it must be whole. */
static void expect_events(const char *path, long long events, int must_be_complete)
{
    int complete;
    size_t problems;
    struct reader *reader = NULL;
    struct check_result result;
    struct rl_err err;
    assert_int_equal(count_events(path, &complete, &problems), events);
    assert_int_equal(problems, 0);
    assert_true(complete || !must_be_complete);
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(reader->events, events);
    assert_int_equal(check_file(reader, &result), RL_OK);
    assert_int_equal(result.events, events);
    assert_int_equal(result.bad_blocks, 0);
    assert_int_equal(result.missing_events, 0);
    assert_int_equal(reader->problem_count, 0);
    struct code_text code = reader_code(reader, 1);
    assert_int_equal(code.qualname.len, 4);
    reader_close(reader);
}

static void a_closed_file_has_no_holes(void **state)
{
    (void)state;
    const uint32_t loads[] = {0, FEW, 3000, CALLS, 600000};
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        for (int has_thread = 0; has_thread < 2; has_thread++) {
            const char *path = fresh_path();
            struct recorder_stats stats;
            struct stat st;
            close_recorder(record(path, loads[i], has_thread), &stats);
            assert_true(stats.is_closed_cleanly);
            assert_int_equal(stat(path, &st), 0);
            assert_int_equal(st.st_size, stats.bytes);
            assert_true(st.st_blocks * 512 >= st.st_size);
            assert_true((double)st.st_size < 2 * loads[i] * 2.5 + 60000);
            assert_true(loads[i] > FEW || st.st_size < 10000);
            expect_events(path, 2 * (long long)loads[i] + 2, 1);
            (void)unlink(path);
        }
    }
}

static void a_file_that_cannot_be_mapped_has_none_either(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder_stats stats;
    struct stat st;
    os_fail_at(OS_FAULT_SHARED_MAP, 1, 1, ENODEV);
    close_recorder(record(path, FEW, 1), &stats);
    no_faults();
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size < 10000 && st.st_size == (off_t)stats.bytes);
    expect_events(path, 2 * FEW + 2, 1);
    (void)unlink(path);
}

/* Closes a recording in a process of its own, which gets the signal before its nth write since
 * then. 0 when it needed fewer. */
static int close_and_get(int signo, unsigned long nth, const char *path, int has_thread, pid_t *pid)
{
    int status;
    *pid = fork();
    if (*pid == 0) {
        struct recorder_stats stats;
        struct recorder *recorder = record(path, CALLS, has_thread);
        os_fail_at(OS_FAULT_WRITE, nth, 0, -signo);
        close_recorder(recorder, &stats);
        _exit(stats.is_closed_cleanly ? 0 : 1);
    }
    assert_int_equal(waitpid(*pid, &status, WUNTRACED), *pid);
    assert_true(WIFSTOPPED(status) || WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSTOPPED(status) || WIFSIGNALED(status);
}

static void killed_between_any_two_steps_the_file_reads_whole(void **state)
{
    (void)state;
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        unsigned long nth = 1;
        pid_t pid;
        for (int is_killed = 1; is_killed; nth++) {
            const char *path = fresh_path();
            is_killed = close_and_get(SIGKILL, nth, path, has_thread, &pid);
            expect_events(path, EVENTS, !is_killed);
            (void)unlink(path);
        }
        assert_true(nth > 12);
    }
}

static long long read_on(struct reader *reader)
{
    struct cursor *cursor = NULL;
    struct event_out event;
    long long n = 0;
    assert_int_equal(cursor_open(reader, &cursor), RL_OK);
    while (cursor_next(cursor, &event) == RL_OK) {
        assert_true(event.kind != RL_EVENT_CALL || reader_code(reader, event.id).line == 7);
        n++;
    }
    cursor_close(cursor);
    assert_int_equal(reader->problem_count, 0);
    return n;
}

static void a_reader_that_has_the_file_open_goes_on(void **state)
{
    (void)state;
    unsigned long nth = 1;
    for (int is_stopped = 1; is_stopped; nth++) {
        const char *path = fresh_path();
        struct reader *reader = NULL;
        struct summary summary;
        struct rl_err err;
        pid_t pid;
        int status;
        is_stopped = close_and_get(SIGSTOP, nth, path, 0, &pid);
        assert_int_equal(reader_open(path, &reader, &err), RL_OK);
        if (is_stopped) {
            (void)kill(pid, SIGCONT);
            assert_int_equal(waitpid(pid, &status, 0), pid);
        }
        assert_int_equal(read_on(reader), EVENTS);
        assert_int_equal(totals_summary(reader, 0, &summary), RL_OK);
        assert_int_equal(summary.threads[0].calls, CALLS);
        summary_fini(&summary);
        reader_close(reader);
        (void)unlink(path);
    }
    assert_true(nth > 12);
}

/* It was opened while rows lay in slots, which the recorder then used for others. */
static void a_reader_finds_the_block_that_a_slot_became(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 256u << 10, 0, 0);
    struct recorder_stats stats;
    struct reader *reader = NULL;
    struct rl_err err;
    struct lane lane;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t id = define(recorder, &lane, "work");
    write_calls(&lane, id, FEW);
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_true(reader->chunks[0].row_bytes != 0);
    write_calls(&lane, define(recorder, &lane, "later"), CALLS);
    assert_true(read_on(reader) > 2 * FEW);
    recorder_lane_end(&lane);
    close_recorder(recorder, &stats);
    assert_true(read_on(reader) > 2 * FEW);
    reader_close(reader);
    expect_events(path, 2 * FEW + EVENTS, 1);
    (void)unlink(path);
}

static void what_cannot_be_written_leaves_the_file_whole(void **state)
{
    (void)state;
    int is_closed = 0;
    for (unsigned long nth = 1; nth < 200 && !is_closed; nth++) {
        for (int stays = 0; stays < 2; stays++) {
            const char *path = fresh_path();
            struct recorder_stats stats;
            struct recorder *recorder = record(path, CALLS, 0);
            os_fail_at(OS_FAULT_WRITE, nth, stays, nth % 2 ? EIO : ENOSPC);
            close_recorder(recorder, &stats);
            no_faults();
            is_closed = stays && stats.is_closed_cleanly;
            uint64_t lost = 0;
            for (int i = 0; i < RL_LOSS_REASONS; i++) {
                lost += stats.lost[i];
            }
            assert_int_equal(stats.events + lost, EVENTS);
            if (lost == 0) {
                expect_events(path, EVENTS, stats.is_closed_cleanly);
            }
            (void)unlink(path);
        }
    }
    assert_true(is_closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_file_has_no_holes),
        cmocka_unit_test(a_file_that_cannot_be_mapped_has_none_either),
        cmocka_unit_test(killed_between_any_two_steps_the_file_reads_whole),
        cmocka_unit_test(a_reader_that_has_the_file_open_goes_on),
        cmocka_unit_test(a_reader_finds_the_block_that_a_slot_became),
        cmocka_unit_test(what_cannot_be_written_leaves_the_file_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
