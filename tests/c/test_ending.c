/* How a process ended: the words of the control page, who writes them, and when a file that nothing
 * closed is whole. */
#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "ending.h"
#include "last_word.h"
#include "forking.h"

static char path[64];

static int name_file(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/relive-ending-%d.relive", (int)getpid());
    (void)unlink(path);
    return 0;
}

static int drop_file(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

/* Every word either reads as what was written, or as not known, or is damage. */
static void test_words(void **state)
{
    static const struct {
        struct ending ending;
        rl_status status;
    } rows[] = {
        {{RL_ENDING_NONE, 0}, RL_OK},
        {{RL_ENDING_NONE, 1}, RL_DAMAGED},
        {{RL_ENDING_EXIT, 0}, RL_OK},
        {{RL_ENDING_EXIT, 255}, RL_OK},
        {{RL_ENDING_EXIT, 256}, RL_DAMAGED},
        {{RL_ENDING_OS_EXIT, 7}, RL_OK},
        {{RL_ENDING_OS_EXIT, UINT32_MAX}, RL_DAMAGED},
        {{RL_ENDING_SIGNAL, 0}, RL_DAMAGED},
        {{RL_ENDING_SIGNAL, 1}, RL_OK},
        {{RL_ENDING_SIGNAL, 64}, RL_OK},
        {{RL_ENDING_SIGNAL, 65}, RL_DAMAGED},
        {{RL_ENDING_STOPPED, 0}, RL_OK},
        {{RL_ENDING_STOPPED, 1}, RL_DAMAGED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ending found = {99, 99};
        assert_int_equal(ending_of(ending_word(rows[i].ending), &found), rows[i].status);
        if (rows[i].status == RL_OK) {
            assert_memory_equal(&found, &rows[i].ending, sizeof found);
        } else {
            assert_int_equal(found.how, 99); /* untouched */
        }
    }
    struct ending newer;
    assert_int_equal(ending_of(ending_word((struct ending){RL_ENDINGS, 12345}), &newer), RL_OK);
    assert_int_equal(newer.how, RL_ENDING_NONE);
}

static void test_both_words_together(void **state)
{
    static const struct ending none = {RL_ENDING_NONE, 0}, exit0 = {RL_ENDING_EXIT, 0},
                               quit3 = {RL_ENDING_OS_EXIT, 3}, killed = {RL_ENDING_SIGNAL, 9},
                               stopped = {RL_ENDING_STOPPED, 0};
    static const struct {
        struct ending own, waited, joined;
    } rows[] = {
        {none, none, none},      {exit0, none, exit0},       {none, killed, killed},
        {quit3, killed, killed}, {none, exit0, exit0},       {quit3, exit0, {RL_ENDING_OS_EXIT, 0}},
        {killed, exit0, exit0},  {stopped, killed, stopped},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ending joined = ending_join(rows[i].own, rows[i].waited);
        assert_memory_equal(&joined, &rows[i].joined, sizeof joined);
    }
}

static struct reader *open_file(void)
{
    struct reader *reader = NULL;
    struct rl_err err;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    return reader;
}

/* A child records, and ends by this signal; 0 = by _exit(). Returns its pid. */
static int end_child(int signo, int is_watched)
{
    int pid = fork(), status;
    if (pid == 0) {
        struct recorder *recorder = open_recorder(path, 1 << 20, 0, 0);
        struct lane lane = {0};
        recorder_lane_begin(recorder, &lane, NULL, 1);
        write_calls(&lane, define(recorder, &lane, "f"), 3000);
        (void)signal(signo != 0 ? signo : SIGTERM, SIG_DFL); /* cmocka handles some */
        if (is_watched) {
            last_word_watch(recorder);
        }
        if (signo != 0) {
            (void)raise(signo);
        }
        _exit(5);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, signo);
    return pid;
}

static void test_a_signal_is_noted_and_still_ends_the_process(void **state)
{
    static const int signals[] = {SIGTERM, SIGSEGV, SIGABRT, SIGHUP, SIGALRM, SIGUSR1, SIGSYS};
    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        (void)end_child(signals[i], 1);
        struct reader *reader = open_file();
        assert_int_equal(reader->own.how, RL_ENDING_SIGNAL);
        assert_int_equal(reader->own.value, signals[i]);
        assert_true(reader->is_whole && !reader->is_complete && !reader->is_running);
        assert_int_equal(reader->problem_count, 0);
        assert_int_equal(reader->events, 6001);
        reader_close(reader);
        (void)unlink(path);
    }
}

static void test_nobody_notes_what_nobody_watches(void **state)
{
    static const int signals[] = {SIGKILL, SIGTERM, 0};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)end_child(signals[i], signals[i] == SIGKILL);
        struct reader *reader = open_file();
        assert_int_equal(reader->own.how, RL_ENDING_NONE);
        assert_true(reader->is_whole);
        reader_close(reader);
        (void)unlink(path);
    }
}

/* The word of whoever waits goes into the file of that process and run alone. */
static void test_a_word_for_another_process(void **state)
{
    static const uint8_t other_run[16] = {1};
    uint64_t pid = (uint64_t)end_child(SIGKILL, 1);
    struct ending killed = {RL_ENDING_SIGNAL, SIGKILL};
    struct last_word_of of = {.path = path, .pid = pid + 1, .is_waited = 1};
    (void)state;
    assert_int_equal(last_word_write(&of, killed), RL_USAGE);
    of = (struct last_word_of){.path = path, .run_id = other_run, .pid = pid, .is_waited = 1};
    assert_int_equal(last_word_write(&of, killed), RL_USAGE);
    of = (struct last_word_of){.path = "/tmp/relive-ending-none", .pid = pid, .is_waited = 1};
    assert_int_equal(last_word_write(&of, killed), RL_NOT_FOUND);
    struct reader *reader = open_file();
    assert_int_equal(reader->waited.how, RL_ENDING_NONE);
    reader_close(reader);
    of.path = path;
    assert_int_equal(last_word_write(&of, killed), RL_OK);
    reader = open_file();
    assert_int_equal(reader->own.how, RL_ENDING_NONE);
    assert_int_equal(reader->waited.how, RL_ENDING_SIGNAL);
    assert_int_equal(reader->waited.value, SIGKILL);
    reader_close(reader);
}

/* A file without room for a control page, or with another text in it, stays as it is. */
static void test_files_that_are_no_recordings_stay(void **state)
{
    char bytes[512], after[512];
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    for (size_t size = 0; size <= sizeof bytes; size += 64) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        struct last_word_of of = {.path = path, .pid = os_pid()};
        assert_int_equal(last_word_write(&of, (struct ending){RL_ENDING_EXIT, 1}), RL_USAGE);
        file = fopen(path, "rb");
        assert_int_equal(fread(after, 1, sizeof after, file), size);
        assert_memory_equal(after, bytes, size);
        assert_int_equal(fclose(file), 0);
    }
}

/* Closes a recording with a word; then the exit status is added. */
static void test_a_word_of_a_closed_file(void **state)
{
    (void)state;
    for (int stops = 0; stops < 2; stops++) {
        struct recorder *recorder = open_recorder(path, 1 << 20, 0, 0);
        struct recorder_stats stats;
        struct lane lane = {0};
        recorder_lane_begin(recorder, &lane, NULL, 1);
        write_calls(&lane, define(recorder, &lane, "f"), 300);
        recorder_lane_end(&lane);
        if (stops) {
            last_word_set(recorder, (struct ending){RL_ENDING_STOPPED, 0});
        }
        recorder_end_lanes(recorder);
        recorder_close(recorder, &stats);
        struct last_word_of of = {.path = path, .pid = os_pid()};
        assert_int_equal(last_word_write(&of, (struct ending){RL_ENDING_EXIT, 3}),
                         stops ? RL_USAGE : RL_OK);
        struct reader *reader = open_file();
        assert_true(reader->is_complete && reader->is_whole && reader->birth != 0);
        assert_int_equal(reader->end, 0);
        assert_int_equal(reader->own.how, stops ? RL_ENDING_STOPPED : RL_ENDING_EXIT);
        assert_int_equal(reader->own.value, stops ? 0 : 3);
        reader_close(reader);
        (void)unlink(path);
    }
}

/* Whatever length a copy is cut to, it is whole only where every event is there. */
static void test_a_cut_copy_is_not_whole(void **state)
{
    (void)state;
    (void)end_child(SIGKILL, 1);
    struct reader *reader = open_file();
    uint64_t size = reader->size, events = reader->events;
    reader_close(reader);
    for (int eighth = 7; eighth > 0; eighth--) {
        assert_int_equal(truncate(path, (off_t)(size / 8 * (uint64_t)eighth)), 0);
        struct rl_err err;
        reader = NULL;
        if (reader_open(path, &reader, &err) == RL_OK) {
            assert_true(!reader->is_whole || reader->events == events);
            assert_false(reader->is_whole);
            reader_close(reader);
        }
    }
}

/* The handler and the page are given up with the recording. */
static void test_a_closed_recording_is_not_watched(void **state)
{
    struct sigaction now;
    struct recorder_stats stats;
    struct recorder *recorder = open_recorder(path, 1 << 20, 0, 0);
    (void)state;
    last_word_watch(recorder);
    assert_int_equal(sigaction(SIGTERM, NULL, &now), 0);
    assert_true(now.sa_handler != SIG_DFL);
    recorder_end_lanes(recorder);
    recorder_close(recorder, &stats);
    assert_int_equal(sigaction(SIGTERM, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
    (void)signal(SIGTERM, SIG_IGN);
    recorder = open_recorder("/tmp/relive-ending-2.relive", 1 << 20, 0, 0);
    last_word_watch(recorder);
    assert_int_equal(sigaction(SIGTERM, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_IGN); /* the program's own action stays */
    recorder_end_lanes(recorder);
    recorder_close(recorder, &stats);
    assert_int_equal(sigaction(SIGTERM, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    (void)unlink("/tmp/relive-ending-2.relive");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_both_words_together),
        cmocka_unit_test_setup(test_a_signal_is_noted_and_still_ends_the_process, name_file),
        cmocka_unit_test_setup(test_nobody_notes_what_nobody_watches, name_file),
        cmocka_unit_test_setup(test_a_word_for_another_process, name_file),
        cmocka_unit_test_setup(test_files_that_are_no_recordings_stay, name_file),
        cmocka_unit_test_setup(test_a_word_of_a_closed_file, name_file),
        cmocka_unit_test_setup(test_a_cut_copy_is_not_whole, name_file),
        cmocka_unit_test_setup(test_a_closed_recording_is_not_watched, name_file),
    };
    return cmocka_run_group_tests(tests, name_file, drop_file);
}
