#include "testing.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "check.h"
#include "dictionary.h"
#include "forking.h"
#include "slots.h"

/* Functions without end, each called once; one that goes on all the time; and the file, whose size
 * is that of the ring. */
enum { RING = 256 << 10, WARM = 9000, MANY = 60000 };
/* Which write fails matters to the file and not to threads: fewer of them where threads are
 * watched, which costs ten times as much. */
#ifdef __SANITIZE_THREAD__
enum { NEXT_WRITE = 5 };
#else
enum { NEXT_WRITE = 1 };
#endif

static void name_of(uint32_t i, char name[40])
{
    uint64_t mixed = map_mix(i + 1);
    (void)snprintf(name, 40, "f%u_%016llx", i, (unsigned long long)(mixed ^ mixed << 40));
}

static struct code_def definition(struct recorder *recorder, struct lane *lane, uint32_t i)
{
    char name[40];
    name_of(i, name);
    uint32_t text = recorder_name(recorder, lane, name, strlen(name));
    return (struct code_def){.module = text, .qualname = text, .file = text, .line = i + 1};
}

static void call_once(struct lane *lane, uint32_t id)
{
    uint64_t frame = lane->next_frame++;
    (void)lane_put(lane, RL_EVENT_CALL, id, frame);
    (void)lane_put(lane, RL_EVENT_RETURN, id, frame);
}

static struct recorder *open_ring(const char *path, int has_thread)
{
    os_fail_at(OS_FAULT_THREAD, has_thread ? 0 : 1, 1, EAGAIN);
    struct recorder *recorder = open_recorder(path, 0, RING, 0);
    os_fail_at(OS_FAULT_THREAD, 0, 0, 0);
    return recorder;
}

/* As the host does it: between two events the next generation begins, where it is due. The function
 * that goes on is named at its begin, and called later: so its name is in another block. */
static void call_each(struct recorder *recorder, struct lane *lane, uint32_t first, uint32_t last)
{
    enum { LATER = 700 };
    struct code_def always = definition(recorder, lane, 0);
    uint32_t id = recorder_code(recorder, lane, &always), since = LATER;
    for (uint32_t i = first; i < last; i++) {
        if (recorder_wants_generation(recorder) && recorder_next_generation(recorder)) {
            always = definition(recorder, lane, 0);
            since = 0;
        }
        struct code_def def = definition(recorder, lane, i);
        call_once(lane, recorder_code(recorder, lane, &def));
        if (++since == LATER) {
            assert_int_equal(recorder_code_again(recorder, lane, id, &always), id);
        }
        if (since >= LATER) {
            call_once(lane, id);
        }
    }
}

static void begin(struct recorder *recorder, struct lane *lane)
{
    recorder_lane_begin_named(recorder, lane, NULL, 1, (const uint8_t *)"reader", 6);
}

/* The file has its size, reads whole, and each event that it kept has its name. */
static void expect_names(const char *path, long long least)
{
    struct reader *reader = NULL;
    struct cursor *cursor = NULL;
    struct check_result result;
    struct event_out event;
    struct rl_err err;
    struct stat st;
    long long n = 0;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= RING + (256 << 10));
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(check_file(reader, &result), RL_OK);
    assert_int_equal(result.bad_blocks, 0);
    assert_int_equal(cursor_open(reader, &cursor), RL_OK);
    while (cursor_next(cursor, &event) == RL_OK) {
        if (event.kind == RL_EVENT_CALL) {
            char name[40];
            struct code_text code = reader_code(reader, event.id);
            name_of(code.line - 1, name);
            assert_int_equal(code.qualname.len, strlen(name));
            assert_memory_equal(code.qualname.data, name, code.qualname.len);
            assert_int_equal(code.module.len, strlen(name));
            n++;
        }
    }
    assert_true(n >= least);
    for (size_t i = 0; i < reader->chunk_count; i++) {
        struct text name = reader_string(reader, reader->chunks[i].info.name);
        assert_int_equal(name.len, 6);
    }
    assert_int_equal(reader->problem_count, 0);
    cursor_close(cursor);
    reader_close(reader);
}

static void a_ring_has_its_size_however_much_is_defined(void **state)
{
    (void)state;
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        const char *path = fresh_path();
        struct recorder *recorder = open_ring(path, has_thread);
        struct recorder_stats stats;
        struct lane lane;
        begin(recorder, &lane);
        call_each(recorder, &lane, 1, MANY);
        expect_names(path, 500);
        recorder_lane_end(&lane);
        close_recorder(recorder, &stats);
        assert_true(stats.is_closed_cleanly);
        expect_names(path, 500);
        (void)unlink(path);
    }
}

static void threads_of_a_ring_begin_a_generation_together(void **state)
{
    (void)state;
    enum { LANES = 3 };
    const char *path = fresh_path();
    struct recorder *recorder = open_ring(path, 1);
    struct recorder_stats stats;
    struct lane lanes[LANES];
    for (int i = 0; i < LANES; i++) {
        begin(recorder, &lanes[i]);
    }
    for (uint32_t i = 1; i < MANY; i += 10) {
        int is_rare = i % 20000 == 1; /* the last one has most of the time nothing to say */
        call_each(recorder, &lanes[is_rare ? LANES - 1 : i % (LANES - 1)], i, i + 10);
    }
    for (int i = 0; i < LANES; i++) {
        recorder_lane_end(&lanes[i]);
    }
    close_recorder(recorder, &stats);
    expect_names(path, 300);
    (void)unlink(path);
}

/* A process of its own is killed before the nth write since its ring was full. */
static int record_and_get_killed(const char *path, unsigned long nth, int has_thread)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct recorder *recorder = open_ring(path, has_thread);
        struct recorder_stats stats;
        struct lane lane;
        begin(recorder, &lane);
        call_each(recorder, &lane, 1, WARM);
        os_fail_at(OS_FAULT_WRITE, nth, 0, -SIGKILL);
        call_each(recorder, &lane, WARM, 2 * WARM);
        recorder_lane_end(&lane);
        close_recorder(recorder, &stats);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status);
}

static void killed_between_any_two_steps_a_ring_has_its_names(void **state)
{
    (void)state;
    enum { MOST = 170 };
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        unsigned long nth = 1;
        unsigned long most = has_thread ? MOST / 6 : MOST;
        for (int is_killed = 1; is_killed && nth < most; nth += NEXT_WRITE) {
            const char *path = fresh_path();
            is_killed = record_and_get_killed(path, nth, has_thread);
            expect_names(path, 300);
            (void)unlink(path);
        }
        assert_true(nth > 20);
    }
}

static void a_ring_that_cannot_write_keeps_reading_whole(void **state)
{
    (void)state;
    for (unsigned long nth = 1; nth < 30; nth += NEXT_WRITE) {
        const char *path = fresh_path();
        struct recorder *recorder = open_ring(path, 0);
        struct recorder_stats stats;
        struct lane lane;
        begin(recorder, &lane);
        call_each(recorder, &lane, 1, WARM);
        os_fail_at(OS_FAULT_WRITE, nth, 0, nth % 2 ? EIO : ENOSPC);
        call_each(recorder, &lane, WARM, 2 * WARM);
        no_faults();
        recorder_lane_end(&lane);
        close_recorder(recorder, &stats);
        expect_names(path, 300);
        (void)unlink(path);
    }
}

/* ---- more threads than slots ---- */

/* A host with a global lock, as the GIL is one. */
static struct os_mutex host_lock;
static int waiting, outside; /* threads between wait_begin and wait_end, or inside a callback */
static int begun;            /* threads that have a lane */

static void *give_host_lock(void)
{
    static int token;
    waiting++;
    os_unlock_mutex(&host_lock);
    return &token;
}

static void take_host_lock(void *token)
{
    (void)token;
    os_lock_mutex(&host_lock);
    waiting--;
}

static int do_others_rest(void)
{
    return outside == 0;
}

static struct recorder *open_shared_ring(const char *path, int has_thread)
{
    struct recorder_options options = {.path = path, .ring_bytes = RING};
    struct recorder *recorder = NULL;
    struct rl_err err;
    os_mutex_init(&host_lock);
    waiting = outside = begun = 0;
    options.hooks.wait_begin = give_host_lock;
    options.hooks.wait_end = take_host_lock;
    options.hooks.do_others_rest = do_others_rest;
    os_fail_at(OS_FAULT_THREAD, has_thread ? 0 : 1, 1, EAGAIN);
    assert_int_equal(recorder_open(&options, &recorder, &err), RL_OK);
    os_fail_at(OS_FAULT_THREAD, 0, 0, 0);
    return recorder;
}

/* Many lanes with few rows each: the newest rows are kept, and the file has its size. */
static void lanes_share_the_slots_of_a_ring(void **state)
{
    (void)state;
    enum { LANES = 200, ROUNDS = 5 };
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        const char *path = fresh_path();
        struct recorder *recorder = open_shared_ring(path, has_thread);
        struct recorder_stats stats;
        struct lane lanes[LANES];
        os_lock_mutex(&host_lock);
        for (int i = 0; i < LANES; i++) {
            begin(recorder, &lanes[i]);
        }
        for (int i = 0; i < ROUNDS * LANES; i++) {
            struct code_def def = definition(recorder, &lanes[i % LANES], (uint32_t)i);
            call_once(&lanes[i % LANES], recorder_code(recorder, &lanes[i % LANES], &def));
        }
        expect_names(path, 10);
        for (int i = 0; i < LANES; i++) {
            assert_int_equal(lanes[i].dropped, 0);
            recorder_lane_end(&lanes[i]);
        }
        os_unlock_mutex(&host_lock);
        close_recorder(recorder, &stats);
        assert_true(stats.is_closed_cleanly);
        assert_int_equal(stats.lost[RL_LOSS_BUFFER_FULL], 0);
        /* Each lane began, called ROUNDS times, and ended. */
        assert_int_equal(stats.events + stats.lost[RL_LOSS_RING], LANES * (2 * ROUNDS + 2));
        expect_names(path, 10);
        (void)unlink(path);
    }
}

/* Lanes that say nothing any more leave the ring to the one that goes on. */
static void idle_lanes_leave_the_ring_to_others(void **state)
{
    (void)state;
    enum { IDLE = 13, CALLS = 20000, LEAST = 5 * SLOT_SMALL_BYTES / RL_ROW_BYTES };
    const char *path = fresh_path();
    struct recorder *recorder = open_shared_ring(path, 1);
    struct recorder_stats stats;
    struct lane idle[IDLE], lane;
    os_lock_mutex(&host_lock);
    for (int i = 0; i < IDLE; i++) {
        begin(recorder, &idle[i]);
    }
    begin(recorder, &lane);
    struct code_def def = definition(recorder, &lane, 1);
    uint32_t id = recorder_code(recorder, &lane, &def);
    for (int i = 0; i < CALLS; i++) {
        call_once(&lane, id);
    }
    os_unlock_mutex(&host_lock);
    close_recorder(recorder, &stats);
    assert_true(stats.events >= LEAST);
    expect_names(path, LEAST / 2);
    (void)unlink(path);
}

/* A row before its event, or a thread in the middle of one: the slot stays with its lane. */
static void a_slot_in_use_is_not_shared(void **state)
{
    (void)state;
    enum { LANES = 40 };
    for (int in_callback = 0; in_callback < 2; in_callback++) {
        const char *path = fresh_path();
        struct recorder *recorder = open_shared_ring(path, 1);
        struct recorder_stats stats;
        struct lane lanes[LANES];
        os_lock_mutex(&host_lock);
        outside = in_callback;
        for (int i = 0; i < LANES; i++) {
            begin(recorder, &lanes[i]);
            if (!in_callback) {
                assert_true(lane_reserve(&lanes[i], 2, clock_ticks()));
                lane_row(&lanes[i], 0, RL_ROW_SWITCH, 0, 0);
                lanes[i].extras++;
            }
        }
        for (int i = 0; i < LANES; i++) {
            assert_non_null(lanes[i].slot);
            (void)lane_put(&lanes[i], RL_EVENT_SESSION_START, 1, 0);
        }
        os_unlock_mutex(&host_lock);
        close_recorder(recorder, &stats);
        assert_int_equal(stats.events, 2 * LANES);
        (void)unlink(path);
    }
}

struct sharer {
    struct recorder *recorder;
    pthread_t thread;
    uint32_t first;
};

enum { SHARERS = 40 };

/* Calls functions that nobody called before, each under the host's lock, once every thread has
 * begun. */
static void *share_main(void *arg)
{
    enum { EACH = 50 };
    const struct sharer *sharer = arg;
    struct lane lane;
    os_lock_mutex(&host_lock);
    begin(sharer->recorder, &lane);
    for (begun++; begun != SHARERS;) {
        os_unlock_mutex(&host_lock);
        (void)sched_yield();
        os_lock_mutex(&host_lock);
    }
    for (uint32_t i = sharer->first; i < sharer->first + EACH; i++) {
        struct code_def def = definition(sharer->recorder, &lane, i);
        call_once(&lane, recorder_code(sharer->recorder, &lane, &def));
        os_unlock_mutex(&host_lock);
        (void)sched_yield();
        os_lock_mutex(&host_lock);
    }
    os_unlock_mutex(&host_lock);
    recorder_lane_end(&lane);
    return NULL;
}

static void threads_share_the_slots_of_a_ring(void **state)
{
    (void)state;
    enum { APART = 1000 };
    const char *path = fresh_path();
    struct recorder *recorder = open_shared_ring(path, 1);
    struct recorder_stats stats;
    struct sharer sharers[SHARERS];
    for (uint32_t i = 0; i < SHARERS; i++) {
        sharers[i] = (struct sharer){.recorder = recorder, .first = i * APART};
        assert_int_equal(pthread_create(&sharers[i].thread, NULL, share_main, &sharers[i]), 0);
    }
    for (int i = 0; i < SHARERS; i++) {
        (void)pthread_join(sharers[i].thread, NULL);
    }
    assert_int_equal(waiting, 0);
    close_recorder(recorder, &stats);
    assert_int_equal(stats.lost[RL_LOSS_BUFFER_FULL], 0);
    expect_names(path, 10);
    (void)unlink(path);
}

/* This holds as long as its number is looked up from time to time. */
static void a_definition_keeps_its_number_beside_many_others(void **state)
{
    (void)state;
    struct dictionary dictionary = {0};
    int is_new;
    uint32_t first = dictionary_number(&dictionary, RL_ROW_DEF_CODE, 0, "kept", 4, &is_new);
    assert_true(is_new);
    for (uint32_t i = 0; i < 5 * DICTIONARY_RECENT; i++) {
        assert_int_not_equal(
            dictionary_number(&dictionary, RL_ROW_DEF_CODE, 0, &i, sizeof i, &is_new), first);
        if (i % (DICTIONARY_RECENT - 100) == 0) {
            assert_int_equal(dictionary_number(&dictionary, RL_ROW_DEF_CODE, 0, "kept", 4, &is_new),
                             first);
            assert_false(is_new);
        }
    }
    dictionary_fini(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_has_its_size_however_much_is_defined),
        cmocka_unit_test(threads_of_a_ring_begin_a_generation_together),
        cmocka_unit_test(killed_between_any_two_steps_a_ring_has_its_names),
        cmocka_unit_test(a_definition_keeps_its_number_beside_many_others),
        cmocka_unit_test(a_ring_that_cannot_write_keeps_reading_whole),
        cmocka_unit_test(lanes_share_the_slots_of_a_ring),
        cmocka_unit_test(idle_lanes_leave_the_ring_to_others),
        cmocka_unit_test(a_slot_in_use_is_not_shared),
        cmocka_unit_test(threads_share_the_slots_of_a_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
