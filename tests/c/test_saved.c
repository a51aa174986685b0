/* An instant that is saved, loaded and goes on gives what it gives without that. */
#include "testing.h"

#include <dirent.h>

#include "alloc.h"
#include "instant.h"
#include "recording.h"

/* ---- all that an instant answers, as bytes ---- */

static void put_number(struct bytes_out *out, uint64_t number)
{
    bytes_put_varint(out, number);
}

static void put_text(struct bytes_out *out, const uint8_t *bytes, size_t len)
{
    bytes_put_varint(out, len);
    bytes_put(out, bytes, len);
}

static void put_event(struct bytes_out *out, const struct event_out *event)
{
    const uint64_t numbers[] = {event->kind,
                                event->thread,
                                event->id,
                                event->exc,
                                event->line,
                                event->seq,
                                event->t,
                                event->frame,
                                event->parent,
                                (uint64_t)event->parent_is_known,
                                (uint64_t)event->is_after_gap,
                                event->task,
                                event->session};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        put_number(out, numbers[i]);
    }
    put_text(out, event->values, event->values_len);
}

static void put_variables(struct bytes_out *out, struct instant *instant,
                          const struct instant_frame *frame)
{
    struct variables variables;
    assert_int_equal(instant_variables(instant, frame, &variables), RL_OK);
    for (size_t i = 0; i < variables.count; i++) {
        const struct variable *v = &variables.items[i];
        put_number(out, v->name);
        put_number(out, v->scope);
        put_number(out, v->state);
        put_number(out, v->is_parameter);
        put_text(out, v->bytes, v->len);
        put_text(out, v->at_call, v->at_call_len);
        put_number(out, v->thread);
        put_number(out, v->seq);
    }
    variables_fini(&variables);
}

static void put_instant(struct bytes_out *out, struct instant *instant)
{
    struct instant_frames frames;
    struct instant_threads threads;
    struct instant_tasks tasks;
    assert_int_equal(instant_frames(instant, &frames), RL_OK);
    for (size_t i = 0; i < frames.count; i++) {
        const struct instant_frame *f = &frames.items[i];
        const uint64_t numbers[] = {f->frame, f->caller, f->thread, f->task,
                                    f->code,  f->line,   f->state};
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            put_number(out, numbers[n]);
        }
        put_variables(out, instant, f);
    }
    instant_frames_fini(&frames);
    assert_int_equal(instant_threads(instant, &threads), RL_OK);
    for (size_t i = 0; i < threads.count; i++) {
        put_number(out, threads.items[i].thread);
        put_number(out, threads.items[i].seq);
        put_number(out, threads.items[i].t);
        put_number(out, threads.items[i].kind);
    }
    rl_free(threads.items);
    assert_int_equal(instant_tasks(instant, &tasks), RL_OK);
    for (size_t i = 0; i < tasks.count; i++) {
        put_number(out, tasks.items[i].task);
        put_number(out, tasks.items[i].name);
    }
    rl_free(tasks.items);
}

/* Returns a sum of an event and of what is open after it. */
static uint64_t sum_of(struct instant *instant, const struct event_out *event)
{
    struct bytes_out out = {0};
    put_event(&out, event);
    put_instant(&out, instant);
    assert_false(out.failed);
    uint64_t sum = block_checksum(out.data, out.len);
    bytes_out_fini(&out);
    return sum;
}

/* The sums after each event. */
struct sums {
    uint64_t *items; /* owned */
    size_t count, cap;
};

static struct sums sum_all(struct reader *reader)
{
    struct sums sums = {0};
    struct instant *instant = NULL;
    struct event_out event;
    assert_int_equal(instant_open(reader, &instant), RL_OK);
    while (instant_next(instant, &event) == RL_OK) {
        void *items = sums.items;
        assert_int_equal(rl_grow(&items, &sums.cap, sums.count + 1, sizeof *sums.items), 0);
        sums.items = items;
        sums.items[sums.count++] = sum_of(instant, &event);
    }
    instant_close(instant);
    return sums;
}

/* ---- saving ---- */

static struct reader *open_reader(const char *path)
{
    struct reader *reader = NULL;
    struct rl_err err;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    return reader;
}

/* Saves the instant after so many events. */
static struct bytes_out save_after(struct reader *reader, size_t events)
{
    struct bytes_out out = {0};
    struct instant *instant = NULL;
    struct event_out event;
    assert_int_equal(instant_open(reader, &instant), RL_OK);
    for (size_t i = 0; i < events; i++) {
        assert_int_equal(instant_next(instant, &event), RL_OK);
    }
    instant_save(instant, &out);
    assert_false(out.failed);
    instant_close(instant);
    return out;
}

/* Checks that an instant that was saved after `at` events goes on as `sums` does. */
static void check_from(struct reader *reader, const struct bytes_out *saved,
                       const struct sums *sums, size_t at)
{
    enum { NEAR = 300, FAR = 50 }; /* all of the next events, then each 50th */
    struct instant *instant = NULL;
    struct event_out event;
    uint8_t *exact = malloc(saved->len); /* so that a sanitizer sees each read behind the end */
    assert_non_null(exact);
    memcpy(exact, saved->data, saved->len);
    assert_int_equal(instant_load(reader, exact, saved->len, &event, &instant), RL_OK);
    free(exact);
    if (at != 0) {
        assert_int_equal(sum_of(instant, &event), sums->items[at - 1]);
    } else {
        assert_int_equal(event.kind, 0);
    }
    for (size_t i = 0; instant_next(instant, &event) == RL_OK; i++, at++) {
        assert_true(at < sums->count);
        if (i < NEAR || i % FAR == 0) {
            assert_int_equal(sum_of(instant, &event), sums->items[at]);
        }
    }
    assert_int_equal(at, sums->count);
    instant_close(instant);
}

/* Checks some places of a file, and those where something is most likely to be missed. */
static void check_file(const char *path)
{
    enum { PLACES = 6 };
    struct reader *reader = open_reader(path);
    struct sums sums = sum_all(reader);
    for (size_t i = 0; i < PLACES + 4; i++) {
        size_t at = i < PLACES ? (size_t)rand() % (sums.count + 1) : i - PLACES;
        at = i == PLACES + 3 ? sums.count : at;
        at = at < sums.count ? at : sums.count;
        struct bytes_out saved = save_after(reader, at);
        check_from(reader, &saved, &sums, at);
        if (!reader->is_being_written) { /* its clock is still adjusted then */
            struct reader *other = open_reader(path);
            check_from(other, &saved, &sums, at);
            reader_close(other);
        }
        bytes_out_fini(&saved);
    }
    rl_free(sums.items);
    reader_close(reader);
}

/* Calls a function with each golden file of a folder, which is named as seen from the good ones.
 * Returns how many there are. */
static int for_golden(const char *folder, void (*check)(const char *path))
{
    char path[600];
    const struct dirent *entry;
    int count = 0;
    (void)snprintf(path, sizeof path, "%s/%s", getenv("GOLDEN"), folder);
    DIR *files = opendir(path);
    assert_non_null(files);
    while ((entry = readdir(files)) != NULL) {
        struct reader *reader = NULL;
        struct rl_err err;
        (void)snprintf(path, sizeof path, "%s/%s/%s", getenv("GOLDEN"), folder, entry->d_name);
        if (strstr(entry->d_name, ".relive") == NULL || reader_open(path, &reader, &err) != RL_OK) {
            continue;
        }
        reader_close(reader);
        check(path);
        count++;
    }
    (void)closedir(files);
    return count;
}

static void golden_files_go_on_from_any_place(void **state)
{
    (void)state;
    if (getenv("GOLDEN") == NULL) {
        skip();
    }
    assert_true(for_golden(".", check_file) > 3);
    assert_true(for_golden("../old", check_file) > 0);
    assert_true(for_golden("../bad", check_file) > 3);
}

static void threads_go_on_from_any_place(void **state)
{
    enum { THREADS = 4, CALLS = 3000 };
    struct worker workers[THREADS];
    struct recorder_stats stats;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    (void)state;
    start_workers(workers, THREADS, recorder, CALLS);
    join_workers(workers, THREADS);
    check_file(path); /* its events are in slots */
    close_recorder(recorder, &stats);
    check_file(path);
    (void)unlink(path);
}

/* ---- a file that grows ---- */

/* Two threads that write by turns into small slots. */
static void write_turns(struct lane lanes[2], uint32_t id, int turns)
{
    for (int i = 0; i < turns; i++) {
        write_calls(&lanes[i % 2], id, 30);
    }
}

static void a_growing_file_goes_on(void **state)
{
    struct lane lanes[2], late;
    struct recorder_stats stats;
    struct bytes_out saved[3];
    size_t at[3];
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    (void)state;
    recorder_lane_begin(recorder, &lanes[0], NULL, 1);
    recorder_lane_begin(recorder, &lanes[1], NULL, 1);
    uint32_t id = define(recorder, &lanes[0], "work");
    for (int i = 0; i < 3; i++) {
        write_turns(lanes, id, i == 1 ? 400 : 7);
        recorder_settle(recorder); /* rows reach the file by themselves only where it is mapped */
        struct reader *reader = open_reader(path);
        at[i] = (size_t)reader->events;
        saved[i] = save_after(reader, at[i]);
        reader_close(reader);
    }
    write_turns(lanes, id, 400);
    recorder_lane_begin(recorder, &late, NULL, 1);
    write_calls(&late, id, 60);
    recorder_lane_end(&late);
    recorder_settle(recorder);
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        struct reader *reader = open_reader(path);
        struct sums sums = sum_all(reader);
        for (int i = 0; i < 3; i++) {
            check_from(reader, &saved[i], &sums, at[i]);
        }
        rl_free(sums.items);
        reader_close(reader);
        if (!is_closed) {
            recorder_lane_end(&lanes[0]);
            recorder_lane_end(&lanes[1]);
            close_recorder(recorder, &stats);
        }
    }
    for (int i = 0; i < 3; i++) {
        bytes_out_fini(&saved[i]);
    }
    (void)unlink(path);
}

/* What was saved from a file that lacks a thread is void where that thread has earlier events. */
static void a_place_before_which_events_were_missing_is_void(void **state)
{
    struct lane lanes[2];
    struct recorder_stats stats;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    struct instant *instant = NULL;
    struct event_out event;
    (void)state;
    recorder_lane_begin(recorder, &lanes[0], NULL, 1);
    recorder_lane_begin(recorder, &lanes[1], NULL, 1);
    uint32_t id = define(recorder, &lanes[0], "work");
    write_turns(lanes, id, 8);
    recorder_lane_end(&lanes[0]);
    recorder_lane_end(&lanes[1]);
    close_recorder(recorder, &stats);
    struct reader *reader = open_reader(path);
    struct reader *whole = open_reader(path);
    assert_int_equal(reader->chunks[reader->chunk_count - 1].info.thread, 2);
    reader->chunk_count--; /* as if the scan had come before the thread's slot was there */
    struct bytes_out saved = save_after(reader, 100);
    assert_int_equal(instant_load(whole, saved.data, saved.len, &event, &instant), RL_DAMAGED);
    bytes_out_fini(&saved);
    reader_close(reader);
    reader_close(whole);
    (void)unlink(path);
}

/* ---- bytes that nobody vouches for ---- */

/* Loads bytes and asks for everything; nothing is promised but that this ends. */
static rl_status load_and_ask(struct reader *reader, const uint8_t *bytes, size_t len)
{
    enum { EVENTS = 50 };
    struct instant *instant = NULL;
    struct event_out event;
    uint8_t *exact = malloc(len + (len == 0));
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    rl_status status = instant_load(reader, exact, len, &event, &instant);
    free(exact);
    if (status != RL_OK) {
        return status;
    }
    (void)sum_of(instant, &event);
    for (int i = 0; i < EVENTS && instant_next(instant, &event) == RL_OK; i++) {
        (void)sum_of(instant, &event);
    }
    instant_close(instant);
    return status;
}

static void check_hostile(const char *path)
{
    enum { CHANGES = 200 };
    struct reader *reader = open_reader(path);
    struct bytes_out saved = save_after(reader, (size_t)reader->events / 2);
    for (size_t len = 0; len < saved.len; len += 1 + saved.len / 500) {
        assert_int_equal(load_and_ask(reader, saved.data, len), RL_DAMAGED);
    }
    for (int i = 0; i < CHANGES; i++) {
        size_t at = (size_t)rand() % saved.len;
        uint8_t before = saved.data[at];
        saved.data[at] = (uint8_t)rand();
        rl_status status = load_and_ask(reader, saved.data, saved.len);
        assert_true(status == RL_OK || status == RL_DAMAGED);
        saved.data[at] = before;
    }
    for (unsigned long nth = 1; nth < 100; nth++) {
        struct instant *instant = NULL;
        struct event_out event;
        rl_alloc_fail_at(nth, 0);
        rl_status status = instant_load(reader, saved.data, saved.len, &event, &instant);
        rl_alloc_fail_at(0, 0);
        assert_true(status == RL_OK || status == RL_NOMEM);
        if (status == RL_OK) {
            instant_close(instant);
        }
    }
    bytes_out_fini(&saved);
    reader_close(reader);
}

static void hostile_bytes_are_refused(void **state)
{
    (void)state;
    if (getenv("GOLDEN") == NULL) {
        skip();
    }
    assert_true(for_golden(".", check_hostile) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files_go_on_from_any_place),
        cmocka_unit_test(threads_go_on_from_any_place),
        cmocka_unit_test(a_growing_file_goes_on),
        cmocka_unit_test(a_place_before_which_events_were_missing_is_void),
        cmocka_unit_test(hostile_bytes_are_refused),
    };
    srand(20);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
