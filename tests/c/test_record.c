#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "alloc.h"
#include "os.h"
#include "recorder_state.h"
#include "forking.h"

static void one_thread_round_trip(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 8u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    int complete;
    size_t problems;
    assert_non_null(recorder);
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t id = define(recorder, &lane, "work");
    assert_int_equal(define(recorder, &lane, "work"), id);
    write_calls(&lane, id, 300000);
    recorder_lane_end(&lane);
    close_recorder(recorder, &stats);
    assert_true(stats.is_closed_cleanly);
    assert_int_equal(stats.events, 600002);
    assert_int_equal(count_events(path, &complete, &problems), 600002);
    assert_true(complete && problems == 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true((double)st.st_blocks * 512 < 600002 * 2.5 + 100000);
    (void)unlink(path);
}

static void many_threads_keep_every_event(void **state)
{
    (void)state;
    enum { N = 64 };
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 256u << 10, 0, 0);
    struct worker workers[N];
    struct recorder_stats stats;
    int complete;
    size_t problems;
    start_workers(workers, N, recorder, 30000);
    join_workers(workers, N);
    close_recorder(recorder, &stats);
    assert_int_equal(stats.events, N * 60002);
    assert_int_equal(count_events(path, &complete, &problems), N * 60002);
    assert_true(complete && problems == 0);
    (void)unlink(path);
}

static void ring_keeps_the_newest_and_counts_the_rest(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 8u << 20, 256u << 10, 0);
    struct lane lane;
    struct recorder_stats stats;
    int complete;
    size_t problems;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    write_calls(&lane, define(recorder, &lane, "work"), 300000);
    close_recorder(recorder, &stats);
    assert_true(stats.lost[RL_LOSS_RING] > 0);
    assert_int_equal(stats.events + stats.lost[RL_LOSS_RING], 600001);
    assert_int_equal(count_events(path, &complete, &problems), (long long)stats.events);
    assert_true(complete);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_blocks * 512 < (1 << 20));
    (void)unlink(path);
}

/* The LOSS events of a file, and all that they count. */
static uint64_t count_told_losses(const char *path)
{
    struct reader *reader = NULL;
    struct cursor *cursor = NULL;
    struct event_out event;
    struct rl_err err;
    uint64_t told = 0;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(cursor_open(reader, &cursor), RL_OK);
    while (cursor_next(cursor, &event) == RL_OK) {
        told += event.kind == RL_EVENT_LOSS ? event.frame : 0;
    }
    cursor_close(cursor);
    reader_close(reader);
    return told;
}

static void what_was_dropped_is_told_where_it_is_missing(void **state)
{
    (void)state;
    enum { ROUNDS = 3000 };
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 64u << 10, 0, 1);
    struct lane lane;
    struct recorder_stats stats;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t id = define(recorder, &lane, "work");
    for (int i = 0; i < ROUNDS && lane.dropped == 0; i++) {
        write_calls(&lane, id, 3000);
    }
    assert_true(lane.dropped != 0);
    for (int i = 0; i < ROUNDS && lane.dropped != 0; i++) {
        os_sleep_ms(1);
        (void)lane_put(&lane, RL_EVENT_CALL, id, lane.next_frame++);
    }
    assert_int_equal(lane.dropped, 0);
    close_recorder(recorder, &stats);
    assert_true(stats.lost[RL_LOSS_BUFFER_FULL] != 0);
    assert_int_equal(count_told_losses(path), stats.lost[RL_LOSS_BUFFER_FULL]);
    (void)unlink(path);
}

static void killed_process_leaves_every_published_event(void **state)
{
    (void)state;
    const char *path = fresh_path();
    int complete;
    size_t problems;
    record_and_be_killed(path, 8u << 20, 0, 99999);
    assert_int_equal(count_events(path, &complete, &problems), 199999);
    assert_false(complete);
    assert_int_equal(problems, 0);
    (void)unlink(path);
}

/* Records in a process that is killed once its nth write is done. Returns whether that was so;
 * *published becomes how many events the process had put until then. */
static int record_until_killed(const char *path, unsigned long nth, size_t ring, int is_mapped,
                               int *published)
{
    int *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        struct lane lane;
        struct recorder_stats stats;
        os_fail_at(OS_FAULT_SHARED_MAP, is_mapped ? 0 : 1, 1, ENODEV);
        os_fail_at(OS_FAULT_WRITTEN, nth, 0, -SIGKILL);
        struct recorder *recorder = open_recorder(path, 256u << 10, ring, 0);
        recorder_lane_begin(recorder, &lane, NULL, 1);
        *shared = 1; /* of recorder_lane_begin() */
        uint32_t id = define(recorder, &lane, "work");
        for (int i = 0; i < 60000; i++) {
            (void)lane_put(&lane, RL_EVENT_CALL, id, lane.next_frame++);
            (*shared)++;
        }
        close_recorder(recorder, &stats);
        _exit(0);
    }
    int ended;
    assert_int_equal(waitpid(pid, &ended, 0), pid);
    *published = *shared;
    (void)munmap(shared, sizeof *shared);
    return WIFSIGNALED(ended);
}

/* Which write it is matters to the file and not to threads: fewer where threads are watched. */
#ifdef __SANITIZE_THREAD__
enum { DENSE = 6 };
#else
enum { DENSE = 40 };
#endif

/* The file is whole after each write: a reader finds what was published, and no damage. */
static void killed_after_each_write_the_file_is_whole(void **state)
{
    (void)state;
    for (int mode = 0; mode < 3; mode++) {
        int is_ring = mode == 1, is_mapped = mode != 2, was_killed = 1;
        for (unsigned long nth = 1; was_killed; nth += 1 + nth / DENSE) {
            const char *path = fresh_path();
            int published, complete;
            size_t problems;
            was_killed =
                record_until_killed(path, nth, is_ring ? 256u << 10 : 0, is_mapped, &published);
            long long found = count_events(path, &complete, &problems);
            assert_int_equal(problems, 0);
            assert_true(found <= published + 1);
            assert_true(found >= published || is_ring || !is_mapped);
            (void)unlink(path);
        }
    }
}

/* Where the file cannot be mapped the slots are written every tick. */
static void without_a_mapping_a_killed_process_leaves_all_but_the_last_tick(void **state)
{
    (void)state;
    const char *path = fresh_path();
    int pipes[2], complete;
    size_t problems;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct lane lane;
        os_fail_at(OS_FAULT_SHARED_MAP, 1, 1, ENODEV);
        struct recorder *recorder = open_recorder(path, 8u << 20, 0, 0);
        recorder_lane_begin(recorder, &lane, NULL, 1);
        uint32_t id = define(recorder, &lane, "work");
        write_calls(&lane, id, 9999);
        int is_private = strcmp(recorder_live_mode(recorder), "mapped") != 0;
        (void)!write(pipes[1], is_private ? "x" : "m", 1);
        (void)pause();
    }
    char byte;
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    /* The writer's next tick writes all of it. How soon that is depends on the machine. */
    for (int i = 0; i < 6000 && count_events(path, &complete, &problems) < 19999; i++) {
        os_sleep_ms(10);
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    assert_int_equal(byte, 'x');
    assert_int_equal(count_events(path, &complete, &problems), 19999);
    assert_false(complete);
    assert_int_equal(problems, 0);
    (void)unlink(path);
}

static void without_a_mapping_a_closed_file_is_whole(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder_stats stats;
    struct lane lane;
    int complete;
    size_t problems;
    os_fail_at(OS_FAULT_SHARED_MAP, 1, 1, ENODEV);
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    no_faults();
    recorder_lane_begin(recorder, &lane, NULL, 1);
    write_calls(&lane, define(recorder, &lane, "work"), 300000);
    close_recorder(recorder, &stats);
    assert_int_equal(count_events(path, &complete, &problems), 600001);
    assert_true(complete && problems == 0);
    (void)unlink(path);
}

static void truncated_file_is_no_signal_but_a_count(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 8u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t id = define(recorder, &lane, "work");
    write_calls(&lane, id, 9000);
    assert_int_equal(truncate(path, 0), 0);
    write_calls(&lane, id, 300000);
    close_recorder(recorder, &stats);
    assert_false(stats.is_closed_cleanly);
    (void)unlink(path);
}

static void a_second_recorder_is_refused(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 8u << 20, 0, 0), *second = NULL;
    struct recorder_options options = {.path = path, .buffer_bytes = 1 << 20};
    struct rl_err err;
    struct recorder_stats stats;
    assert_int_equal(recorder_open(&options, &second, &err), RL_EXISTS);
    assert_non_null(strstr(err.text, "exists already"));
    assert_null(strstr(err.text, "force")); /* the door says how */
    options.path = "/nonexistent/folder/x.relive";
    assert_int_equal(recorder_open(&options, &second, &err), RL_IO);
    assert_int_equal(err.os_errno, ENOENT);
    close_recorder(recorder, &stats);
    (void)unlink(path);
}

static void descriptors_closed_by_the_program_are_not_ours(void **state)
{
    (void)state;
    const char *path = fresh_path();
    char user[300], byte;
    int complete;
    size_t problems;
    (void)snprintf(user, sizeof user, "%s.user", path);
    struct recorder *recorder = open_recorder(path, 8u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t id = define(recorder, &lane, "work");
    for (int fd = 3; fd < 1024; fd++) {
        (void)close(fd);
    }
    int theirs = open(user, O_RDWR | O_CREAT | O_TRUNC, 0600);
    write_calls(&lane, id, 300000);
    close_recorder(recorder, &stats);
    assert_true(stats.is_closed_cleanly);
    assert_int_equal(read(theirs, &byte, 1), 0);
    assert_int_equal(count_events(path, &complete, &problems), 600001);
    (void)close(theirs);
    (void)unlink(user);
    (void)unlink(path);
}

/* Records something small; whatever fails must leave counts that add up, or a refusal. */
static void record_something(const char *path, int *refused)
{
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    int complete;
    size_t problems;
    *refused = recorder == NULL;
    if (recorder == NULL) {
        return;
    }
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t id = define(recorder, &lane, "work");
    write_calls(&lane, id, 30000);
    recorder_lane_end(&lane);
    close_recorder(recorder, &stats);
    no_faults();
    uint64_t all = stats.events;
    for (int i = 0; i < RL_LOSS_REASONS; i++) {
        all += stats.lost[i];
    }
    assert_in_range(all, 59999, 60002);
    long long found = count_events(path, &complete, &problems);
    assert_true(found >= 0 || !stats.is_closed_cleanly);
    if (stats.is_closed_cleanly) {
        assert_int_equal(found, (long long)stats.events);
        assert_summary_counts_what_is_there(path);
    }
}

static void every_failed_write_is_counted(void **state)
{
    (void)state;
    int refused = 1, succeeded = 0;
    for (unsigned long nth = 1; nth < 60 && succeeded < 3; nth++) {
        for (int stays = 0; stays < 2; stays++) {
            const char *path = fresh_path();
            os_fail_at(OS_FAULT_WRITE, nth, stays, nth % 2 ? ENOSPC : EIO);
            record_something(path, &refused);
            no_faults();
            succeeded += !refused && stays;
            (void)unlink(path);
        }
    }
    assert_false(refused);
}

/* What is not a write: open, mmap and pthread_create. Each alone, and the thread's with each. */
static void every_refusal_of_the_system_is_survived(void **state)
{
    (void)state;
    int refused;
    for (int without_thread = 0; without_thread < 2; without_thread++) {
        for (int kind = OS_FAULT_OPEN; kind <= OS_FAULT_SHARED_MAP; kind++) {
            for (unsigned long nth = 1; nth < 8; nth++) {
                const char *path = fresh_path();
                os_fail_at(OS_FAULT_THREAD, (unsigned long)without_thread, 1, EAGAIN);
                os_fail_at((enum os_fault)kind, nth, nth % 2,
                           kind == OS_FAULT_OPEN ? EMFILE : ENOMEM);
                record_something(path, &refused);
                no_faults();
                assert_true(!refused || access(path, F_OK) != 0);
                (void)unlink(path);
            }
        }
    }
    assert_false(refused);
}

static void without_a_thread_nothing_is_lost(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder_stats stats;
    struct lane lane;
    int complete;
    size_t problems;
    os_fail_at(OS_FAULT_THREAD, 1, 1, EAGAIN);
    struct recorder *recorder = open_recorder(path, 256u << 10, 0, 0);
    os_fail_at(OS_FAULT_THREAD, 0, 0, 0);
    assert_non_null(recorder);
    recorder_lane_begin(recorder, &lane, NULL, 1);
    write_calls(&lane, define(recorder, &lane, "work"), 300000);
    close_recorder(recorder, &stats);
    assert_int_equal(stats.events, 600001);
    assert_int_equal(count_events(path, &complete, &problems), 600001);
    assert_true(complete && problems == 0);
    (void)unlink(path);
}

static void without_a_thread_the_callers_write_one_at_a_time(void **state)
{
    (void)state;
    enum { N = 8 };
    const char *path = fresh_path();
    struct worker workers[N];
    struct recorder_stats stats;
    int complete;
    size_t problems;
    os_fail_at(OS_FAULT_THREAD, 1, 1, EAGAIN);
    struct recorder *recorder = open_recorder(path, 256u << 10, 0, 0);
    os_fail_at(OS_FAULT_THREAD, 0, 0, 0);
    start_workers(workers, N, recorder, 30000);
    join_workers(workers, N);
    close_recorder(recorder, &stats);
    assert_int_equal(stats.events, N * 60002);
    assert_int_equal(count_events(path, &complete, &problems), N * 60002);
    assert_true(complete && problems == 0);
    (void)unlink(path);
}

static struct {
    struct recorder *recorder;
    sem_t is_held, may_go;
    atomic_int is_closed;
} late;

/* Writes calls until the recording is closed: as few as that takes, since under an emulator each
 * one takes a microsecond. */
static void *write_until_closed(void *arg)
{
    struct lane lane;
    recorder_lane_begin(arg, &lane, NULL, 1);
    uint32_t id = define(arg, &lane, "work");
    while (!atomic_load_explicit(&late.is_closed, memory_order_relaxed)) {
        write_calls(&lane, id, 3000);
    }
    recorder_lane_end(&lane);
    return NULL;
}

/* Holds the thread back where it waits for room, without the lock. */
static void hold_back(int signal)
{
    (void)signal;
    int keep = errno;
    struct recorder *recorder = late.recorder;
    if (recorder != NULL && recorder->waiting != 0 && os_try_lock_mutex(&recorder->lock)) {
        os_unlock_mutex(&recorder->lock);
        (void)sem_post(&late.is_held);
        while (sem_wait(&late.may_go) != 0) {
        }
        late.recorder = NULL;
    }
    errno = keep;
}

static void *close_late(void *arg)
{
    struct recorder_stats stats;
    recorder_end_lanes(arg);
    recorder_close(arg, &stats);
    atomic_store_explicit(&late.is_closed, 1, memory_order_relaxed);
    return NULL;
}

static void a_recording_is_closed_once_the_last_thread_has_come_out(void **state)
{
    (void)state;
    enum { TIME_TO_REACH_THE_WAIT_US = 100000, TOO_LONG_S = 100 };
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 256u << 10, 0, 0);
    pthread_t worker, closer;
    (void)sem_init(&late.is_held, 0, 0);
    (void)sem_init(&late.may_go, 0, 0);
    late.recorder = recorder;
    (void)signal(SIGUSR1, hold_back);
    (void)alarm(TOO_LONG_S);
    assert_int_equal(pthread_create(&worker, NULL, write_until_closed, recorder), 0);
    while (sem_trywait(&late.is_held) != 0) {
        (void)pthread_kill(worker, SIGUSR1);
        (void)usleep(50);
    }
    assert_int_equal(pthread_create(&closer, NULL, close_late, recorder), 0);
    (void)usleep(TIME_TO_REACH_THE_WAIT_US);
    (void)sem_post(&late.may_go);
    (void)pthread_join(worker, NULL);
    (void)pthread_join(closer, NULL);
    (void)alarm(0);
    (void)unlink(path);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    int refused;
    for (unsigned long nth = 1; nth < 120; nth++) {
        const char *path = fresh_path();
        rl_alloc_fail_at(nth, nth % 2 == 0);
        struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
        if (recorder != NULL) {
            struct lane lane;
            struct recorder_stats stats;
            recorder_lane_begin(recorder, &lane, NULL, 1);
            write_calls(&lane, define(recorder, &lane, "work"), 3000);
            recorder_lane_end(&lane);
            close_recorder(recorder, &stats);
        }
        rl_alloc_fail_at(0, 0);
        (void)unlink(path);
    }
    const char *path = fresh_path();
    record_something(path, &refused);
    assert_false(refused);
    (void)unlink(path);
}

static void forked_child_does_not_touch_the_file(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 8u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    int complete, status;
    size_t problems;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t id = define(recorder, &lane, "work");
    write_calls(&lane, id, 3000);
    pid_t pid = fork();
    if (pid == 0) {
        recorder_abandon(recorder);
        _exit(0);
    }
    (void)waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    write_calls(&lane, id, 3000);
    close_recorder(recorder, &stats);
    assert_int_equal(count_events(path, &complete, &problems), 12001);
    assert_true(complete && problems == 0);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_round_trip),
        cmocka_unit_test(many_threads_keep_every_event),
        cmocka_unit_test(ring_keeps_the_newest_and_counts_the_rest),
        cmocka_unit_test(what_was_dropped_is_told_where_it_is_missing),
        cmocka_unit_test(killed_process_leaves_every_published_event),
        cmocka_unit_test(killed_after_each_write_the_file_is_whole),
        cmocka_unit_test(without_a_mapping_a_killed_process_leaves_all_but_the_last_tick),
        cmocka_unit_test(without_a_mapping_a_closed_file_is_whole),
        cmocka_unit_test(truncated_file_is_no_signal_but_a_count),
        cmocka_unit_test(a_second_recorder_is_refused),
        cmocka_unit_test(descriptors_closed_by_the_program_are_not_ours),
        cmocka_unit_test(every_failed_write_is_counted),
        cmocka_unit_test(every_refusal_of_the_system_is_survived),
        cmocka_unit_test(without_a_thread_nothing_is_lost),
        cmocka_unit_test(without_a_thread_the_callers_write_one_at_a_time),
        cmocka_unit_test(a_recording_is_closed_once_the_last_thread_has_come_out),
        cmocka_unit_test(every_failed_allocation_is_survived),
        cmocka_unit_test(forked_child_does_not_touch_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
