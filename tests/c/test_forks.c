/* The writer thread is out of the way while the process forks, and nothing is lost by that. */
#include "testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

#include "os.h"
#include "forking.h"

static unsigned count_entries(const char *folder)
{
    unsigned n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        n += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    return n;
}

static unsigned of_sanitizer; /* threads that a sanitizer has */

static unsigned count_threads(void)
{
    return count_entries("/proc/self/task") - of_sanitizer;
}

static unsigned count_descriptors(void)
{
    return count_entries("/proc/self/fd");
}

static int is_locked(const char *path)
{
    int fd = -1, os_errno;
    assert_int_equal(os_open_read(path, &fd, &os_errno), 0);
    int locked = os_is_locked(fd);
    os_close(fd);
    return locked;
}

struct recording {
    const char *path;
    struct recorder *recorder;
    struct lane lane;
    uint32_t id;
    uint64_t calls;
};

static void begin(struct recording *r, size_t buffer, size_t ring)
{
    *r = (struct recording){.path = fresh_path()};
    r->recorder = open_recorder(r->path, buffer, ring, 0);
    assert_non_null(r->recorder);
    recorder_lane_begin(r->recorder, &r->lane, NULL, 1);
    r->id = define(r->recorder, &r->lane, "work");
}

static void call(struct recording *r, uint32_t n)
{
    write_calls(&r->lane, r->id, n);
    r->calls += n;
}

/* Every call and return is in the file; calls are made in multiples of three. */
static void end(struct recording *r)
{
    struct recorder_stats stats;
    int complete;
    size_t problems;
    close_recorder(r->recorder, &stats);
    assert_true(stats.is_closed_cleanly);
    assert_int_equal(count_events(r->path, &complete, &problems), 2 * r->calls + 1);
    assert_true(complete && problems == 0);
    (void)unlink(r->path);
}

static void no_thread_is_there_from_before_a_fork_until_it_is_begun_again(void **state)
{
    (void)state;
    struct recording r;
    begin(&r, 8u << 20, 0);
    call(&r, 3000);
    unsigned descriptors = count_descriptors();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(count_threads(), 2);
        recorder_before_fork(r.recorder);
        assert_int_equal(count_threads(), 1);
        assert_true(is_locked(r.path));
        recorder_after_fork(r.recorder, i % 2);
        assert_int_equal(count_threads(), 1 + i % 2);
        call(&r, 3);
        recorder_resume(r.recorder);
        assert_int_equal(count_threads(), 2);
        assert_int_equal(count_descriptors(), descriptors);
        assert_true(is_locked(r.path));
        call(&r, 3);
    }
    end(&r);
}

static void a_recording_is_closed_while_its_writer_is_paused(void **state)
{
    (void)state;
    struct recording r;
    begin(&r, 8u << 20, 0);
    call(&r, 30000);
    recorder_before_fork(r.recorder);
    recorder_after_fork(r.recorder, 0);
    call(&r, 3000);
    end(&r);
    assert_int_equal(count_threads(), 1);
}

static void full_slots_bring_the_writer_back(void **state)
{
    (void)state;
    for (int is_ring = 0; is_ring < 2; is_ring++) {
        struct recording r;
        struct recorder_stats stats;
        begin(&r, 256u << 10, is_ring ? 256u << 10 : 0);
        recorder_before_fork(r.recorder);
        recorder_after_fork(r.recorder, 0);
        call(&r, 300000);
        assert_int_equal(count_threads(), 2);
        if (is_ring) {
            close_recorder(r.recorder, &stats);
            assert_int_equal(stats.events + stats.lost[RL_LOSS_RING], 600001);
            (void)unlink(r.path);
        } else {
            end(&r);
        }
    }
}

static void a_snapshot_and_an_exec_bring_the_writer_back(void **state)
{
    (void)state;
    struct recording r;
    char copy[300];
    struct rl_err err;
    int complete;
    size_t problems;
    begin(&r, 8u << 20, 0);
    (void)snprintf(copy, sizeof copy, "%s.copy", r.path);
    call(&r, 3000);
    recorder_before_fork(r.recorder);
    recorder_after_fork(r.recorder, 0);
    assert_int_equal(recorder_snapshot(r.recorder, copy, &err), RL_OK);
    assert_int_equal(count_events(copy, &complete, &problems), 6001);
    assert_int_equal(problems, 0);
    recorder_before_fork(r.recorder);
    recorder_after_fork(r.recorder, 0);
    recorder_before_exec(r.recorder);
    recorder_after_failed_exec(r.recorder);
    assert_int_equal(count_threads(), 2);
    end(&r);
    (void)unlink(copy);
}

static void without_a_free_descriptor_the_thread_stays(void **state)
{
    (void)state;
    struct recording r;
    struct rlimit before, none;
    begin(&r, 8u << 20, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    recorder_before_fork(r.recorder);
    recorder_after_fork(r.recorder, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(count_threads(), 2);
    call(&r, 30000);
    end(&r);
}

static void without_a_second_thread_the_caller_writes(void **state)
{
    (void)state;
    struct recording r;
    begin(&r, 256u << 10, 0);
    recorder_before_fork(r.recorder);
    os_fail_at(OS_FAULT_THREAD, 1, 1, EAGAIN);
    recorder_after_fork(r.recorder, 1);
    call(&r, 300000);
    recorder_before_fork(r.recorder);
    recorder_after_fork(r.recorder, 1);
    call(&r, 300000);
    no_faults();
    assert_int_equal(count_threads(), 1);
    end(&r);
}

static void a_recording_without_a_thread_of_its_own_forks(void **state)
{
    (void)state;
    struct recording r;
    os_fail_at(OS_FAULT_THREAD, 1, 1, EAGAIN);
    begin(&r, 256u << 10, 0);
    no_faults();
    unsigned descriptors = count_descriptors();
    recorder_before_fork(r.recorder);
    pid_t pid = fork();
    if (pid == 0) {
        recorder_abandon(r.recorder); /* the file is open in the shared table, so here too */
        _exit(count_descriptors() != descriptors - 1);
    }
    int status = 0;
    (void)waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    recorder_after_fork(r.recorder, 1);
    recorder_resume(r.recorder);
    call(&r, 300000);
    end(&r);
}

static void a_child_gives_up_the_file_at_once(void **state)
{
    (void)state;
    struct recording r;
    int status;
    begin(&r, 8u << 20, 0);
    unsigned descriptors = count_descriptors();
    for (int i = 0; i < 20; i++) {
        call(&r, 300);
        recorder_before_fork(r.recorder);
        pid_t pid = fork();
        if (pid == 0) {
            recorder_abandon(r.recorder);
            _exit(count_descriptors() != descriptors);
        }
        recorder_after_fork(r.recorder, i % 2);
        (void)waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
    }
    end(&r);
}

static void threads_that_write_while_others_fork_lose_nothing(void **state)
{
    (void)state;
    enum { N = 6 };
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 256u << 10, 0, 0);
    struct worker workers[N];
    struct recorder_stats stats;
    int complete;
    size_t problems;
    start_workers(workers, N, recorder, 60000);
    for (int i = 0; i < 300; i++) {
        recorder_before_fork(recorder);
        recorder_after_fork(recorder, i % 3 == 0);
        if (i % 3 == 1) {
            recorder_resume(recorder);
        }
    }
    join_workers(workers, N);
    close_recorder(recorder, &stats);
    assert_int_equal(count_events(path, &complete, &problems), N * 120002);
    assert_true(complete && problems == 0);
    (void)unlink(path);
}

static void *nothing(void *arg)
{
    return arg;
}

static void count_own_threads(void)
{
    pthread_t thread; /* a sanitizer begins its own beside the first one */
    assert_int_equal(pthread_create(&thread, NULL, nothing, NULL), 0);
    (void)pthread_join(thread, NULL);
    for (int i = 0; i < 100 && count_entries("/proc/self/task") > 1; i++) {
        (void)usleep(1000);
    }
    of_sanitizer = count_entries("/proc/self/task") - 1;
}

int main(void)
{
    count_own_threads();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_thread_is_there_from_before_a_fork_until_it_is_begun_again),
        cmocka_unit_test(a_recording_is_closed_while_its_writer_is_paused),
        cmocka_unit_test(full_slots_bring_the_writer_back),
        cmocka_unit_test(a_snapshot_and_an_exec_bring_the_writer_back),
        cmocka_unit_test(without_a_free_descriptor_the_thread_stays),
        cmocka_unit_test(without_a_second_thread_the_caller_writes),
        cmocka_unit_test(a_recording_without_a_thread_of_its_own_forks),
        cmocka_unit_test(a_child_gives_up_the_file_at_once),
        cmocka_unit_test(threads_that_write_while_others_fork_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
