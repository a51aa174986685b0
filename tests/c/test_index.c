/* With an index, each answer is that of a reading without one. */
#include "testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "alloc.h"
#include "calls.h"
#include "calls_of.h"
#include "exceptions.h"
#include "index_build.h"
#include "lives.h"
#include "position.h"
#include "forking.h"
#include "skim.h"
#include "timeline.h"

static struct reader *open_reader(const char *path)
{
    struct reader *reader = NULL;
    struct rl_err err;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    return reader;
}

/* Makes an index, on top of the one that the reader has. Returns its path. */
static const char *build_index(struct reader *reader, uint64_t stretch)
{
    const char *path = fresh_path();
    struct index_builder *builder = NULL;
    rl_status status;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(index_builder_open(reader, reader->index, fd, 0, stretch, NULL, &builder),
                     RL_OK);
    while ((status = index_builder_step(builder, 1000)) == RL_OK) {
    }
    assert_int_equal(status, RL_END);
    index_builder_close(builder);
    (void)close(fd);
    return path;
}

/* Gives the reader an index; returns how many events it covers. */
static uint64_t use_index(struct reader *reader, const char *path)
{
    struct index *index = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    rl_status status = index_open(reader, fd, &index);
    assert_true(status == RL_OK || status == RL_DAMAGED);
    index_close(reader->index);
    reader->index = status == RL_OK ? index : NULL;
    return reader->index != NULL ? index->covered : 0;
}

static void close_reader(struct reader *reader)
{
    index_close(reader->index);
    reader_close(reader);
}

/* ---- comparing ---- */

static void assert_same_event(const struct event_out *a, const struct event_out *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->thread, b->thread);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->t, b->t);
    assert_int_equal(a->frame, b->frame);
    assert_int_equal(a->parent, b->parent);
    assert_int_equal(a->task, b->task);
    assert_int_equal(a->session, b->session);
}

static void compare_position(struct reader *plain, struct reader *indexed,
                             const struct position *position, const struct u64map *codes)
{
    struct position_found a, b;
    assert_int_equal(position_find(plain, position, codes, &a), RL_OK);
    assert_int_equal(position_find(indexed, position, codes, &b), RL_OK);
    assert_int_equal(a.is_found, b.is_found);
    assert_int_equal(a.is_lost, b.is_lost);
    assert_int_equal(a.has_losses, b.has_losses);
    assert_int_equal(a.counted, b.counted);
    assert_same_event(&a.event, &b.event);
}

static uint64_t random_below(uint64_t n)
{
    return ((uint64_t)rand() << 31 ^ (uint64_t)rand()) % (n + 1);
}

/* Puts some of the functions into a set. */
static struct u64map pick_codes(const struct reader *reader)
{
    struct u64map codes = {0};
    for (size_t i = 0; i < reader->codes.capacity; i++) {
        uint64_t id = reader->codes.entries[i].key;
        if (id != 0 && rand() % 4 == 0) {
            assert_int_equal(u64map_put(&codes, id + 1, 1), 0);
        }
    }
    return codes;
}

static void compare_positions(struct reader *plain, struct reader *indexed)
{
    uint64_t most = plain->events + 3, end = reader_time(plain, plain->end_ticks) + 1000;
    for (int i = 0; i < 12; i++) {
        struct u64map codes = pick_codes(plain);
        const struct position positions[] = {
            {.kind = POSITION_EVENT,
             .thread = (uint32_t)random_below(3) + 1,
             .number = random_below(most)},
            {.kind = POSITION_CALL, .number = random_below(i % 2 == 0 ? 30 : most)},
            {.kind = POSITION_LINE,
             .line = (uint32_t)random_below(60),
             .number = random_below(i % 2 == 0 ? 10 : most)},
            {.kind = POSITION_SHARE, .number = random_below(1000000)},
            {.kind = POSITION_TIME, .number = random_below(end)},
            {.kind = POSITION_START},
            {.kind = POSITION_END},
        };
        for (size_t p = 0; p < sizeof positions / sizeof *positions; p++) {
            compare_position(plain, indexed, &positions[p], &codes);
        }
        u64map_fini(&codes);
    }
}

static void compare_calls(struct reader *plain, struct reader *indexed)
{
    for (int i = 0; i < 12; i++) {
        struct u64map codes = pick_codes(plain);
        struct calls_of_question question = {
            .codes = &codes, .number = i % 3 == 0 ? random_below(40) : 0, .only_last = i % 4 == 1};
        struct calls_of *a = NULL, *b = NULL;
        struct call_found *x, *y;
        uint64_t many = UINT64_MAX;
        assert_int_equal(calls_of_open(plain, &question, &a), RL_OK);
        assert_int_equal(calls_of_open(indexed, &question, &b), RL_OK);
        do {
            rl_status status = calls_of_next(a, &many, &x);
            assert_int_equal(calls_of_next(b, &many, &y), status);
            assert_int_equal(x != NULL, y != NULL);
            if (x != NULL) {
                assert_same_event(&x->start.out, &y->start.out);
                assert_same_event(&x->end.out, &y->end.out);
                assert_int_equal(x->number, y->number);
                assert_int_equal(x->caller, y->caller);
                assert_int_equal(x->caller_line, y->caller_line);
                assert_int_equal(x->self, y->self);
            }
            call_found_free(y);
            call_found_free(x);
        } while (x != NULL);
        if (question.number == 0) {
            assert_int_equal(calls_of_counts(a)->calls, calls_of_counts(b)->calls);
            assert_int_equal(calls_of_counts(a)->raised, calls_of_counts(b)->raised);
        }
        calls_of_close(a);
        calls_of_close(b);
        u64map_fini(&codes);
    }
}

/* Compares what is counted of all calls, from the first one and behind some. */
static void compare_call_counts(struct reader *plain, struct reader *indexed)
{
    for (int i = 0; i < 12; i++) {
        struct u64map codes = pick_codes(plain);
        const struct calls_of_question question = {.codes = &codes, .only_counts = i % 3 == 0};
        struct reader *const readers[2] = {plain, indexed};
        struct calls_of_counts counts[2];
        uint64_t rows = random_below(40);
        for (int r = 0; r < 2; r++) {
            struct calls_of *calls = NULL;
            struct call_found *call = NULL;
            uint64_t given = 0, many = UINT64_MAX;
            rl_status status;
            assert_int_equal(calls_of_open(readers[r], &question, &calls), RL_OK);
            while ((status = calls_of_next(calls, &many, &call)) == RL_OK) {
                call_found_free(call);
                if (++given >= rows) {
                    calls_of_only_count(calls);
                }
            }
            assert_int_equal(status, RL_END);
            counts[r] = *calls_of_counts(calls);
            calls_of_close(calls);
        }
        assert_int_equal(counts[0].calls, counts[1].calls);
        assert_int_equal(counts[0].passed, counts[1].passed);
        assert_int_equal(counts[0].raised, counts[1].raised);
        assert_int_equal(counts[0].open, counts[1].open);
        u64map_fini(&codes);
    }
}

static void compare_lives_of(const struct life *a, const struct life *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(&a[i].first, &b[i].first, sizeof a[i].first);
        assert_memory_equal(&a[i].last, &b[i].last, sizeof a[i].last);
        assert_memory_equal(&a[i].end, &b[i].end, sizeof a[i].end);
        assert_memory_equal(&a[i].wait, &b[i].wait, sizeof a[i].wait);
        assert_int_equal(a[i].number, b[i].number);
        assert_int_equal(a[i].name, b[i].name);
        assert_int_equal(a[i].parent, b[i].parent);
        assert_int_equal(a[i].maker, b[i].maker);
        assert_int_equal(a[i].maker_line, b[i].maker_line);
        assert_int_equal(a[i].root, b[i].root);
        assert_int_equal(a[i].root_code, b[i].root_code);
        assert_int_equal(a[i].events, b[i].events);
        assert_int_equal(a[i].calls, b[i].calls);
        assert_int_equal(a[i].open, b[i].open);
        assert_int_equal(a[i].has_ended, b[i].has_ended);
    }
}

static void compare_lives(struct reader *plain, struct reader *indexed)
{
    struct lives a, b;
    assert_int_equal(lives_read(plain, &a), RL_OK);
    assert_int_equal(lives_read(indexed, &b), RL_OK);
    assert_int_equal(a.thread_count, b.thread_count);
    assert_int_equal(a.task_count, b.task_count);
    assert_int_equal(a.unlisted, b.unlisted);
    compare_lives_of(a.threads, b.threads, a.thread_count);
    compare_lives_of(a.tasks, b.tasks, a.task_count);
    lives_fini(&a);
    lives_fini(&b);
}

static struct timeline_border random_border(struct reader *reader, int how)
{
    struct timeline_border border = {.is_set = how != 0};
    border.t = random_below(reader_time(reader, reader->end_ticks));
    if (how == 2) {
        struct position_found found;
        const struct position place = {.kind = POSITION_SHARE, .number = random_below(1000000)};
        assert_int_equal(position_find(reader, &place, NULL, &found), RL_OK);
        border = (struct timeline_border){found.is_found, found.event.thread, found.event.seq,
                                          found.event.t};
    }
    return border;
}

/* Compares rows, then counts, between two random places. */
static void compare_timelines(struct reader *plain, struct reader *indexed)
{
    for (int i = 0; i < 18; i++) {
        struct u64map codes = pick_codes(plain);
        const struct timeline_question question = {.codes = i % 2 == 0 ? &codes : NULL,
                                                   .kinds = i % 4 < 2 ? 0 : 0x6e,
                                                   .thread = i % 5 == 4,
                                                   .from = random_border(plain, i % 3),
                                                   .to = random_border(plain, i / 3 % 3),
                                                   .only_counts = i % 7 == 6};
        struct timeline *a = NULL, *b = NULL;
        uint64_t many = UINT64_MAX, rows = random_below(30);
        struct timeline_row x, y;
        int is_row, other_is_row;
        rl_status status;
        assert_int_equal(timeline_open(plain, &question, &a), RL_OK);
        assert_int_equal(timeline_open(indexed, &question, &b), RL_OK);
        while ((status = timeline_next(a, &many, &x, &is_row)) == RL_OK && is_row) {
            assert_int_equal(timeline_next(b, &many, &y, &other_is_row), RL_OK);
            assert_true(other_is_row);
            assert_same_event(&x.event, &y.event);
            assert_int_equal(x.number, y.number);
            assert_int_equal(x.began, y.began);
            assert_int_equal(x.depth, y.depth);
            if (rows-- == 0) {
                timeline_only_count(a);
                timeline_only_count(b);
            }
        }
        assert_int_equal(status, RL_END);
        assert_int_equal(timeline_next(b, &many, &y, &other_is_row), RL_END);
        assert_int_equal(timeline_counts(a)->events, timeline_counts(b)->events);
        assert_int_equal(timeline_counts(a)->passed, timeline_counts(b)->passed);
        timeline_close(a);
        timeline_close(b);
        u64map_fini(&codes);
    }
}

/* With and without a reading to the end, an answer of nested calls has the same calls. */
static void compare_nested(struct reader *plain, struct reader *indexed)
{
    for (size_t limit = 0; limit < 6; limit++) {
        struct calls_question question = {.limit = limit * limit};
        struct calls_answer a, b;
        assert_int_equal(calls_read(plain, &question, &a), RL_OK);
        question.may_cut = 1;
        assert_int_equal(calls_read(indexed, &question, &b), RL_OK);
        assert_int_equal(a.count, b.count);
        assert_true(b.is_cut ? a.hidden != 0 : a.hidden == b.hidden);
        for (size_t i = 0; i < a.count; i++) {
            assert_same_event(&a.calls[i]->start.out, &b.calls[i]->start.out);
            assert_int_equal(a.calls[i]->has_end, b.calls[i]->has_end);
            assert_int_equal(a.calls[i]->end.out.seq, b.calls[i]->end.out.seq);
            assert_int_equal(a.calls[i]->end.out.kind, b.calls[i]->end.out.kind);
        }
        calls_fini(&a);
        calls_fini(&b);
    }
}

static void compare_exceptions(struct reader *plain, struct reader *indexed)
{
    const struct stories_question question = {.sees_raise = 1};
    struct exceptions a, b;
    assert_int_equal(exceptions_read(plain, &question, 1, &a), RL_OK);
    assert_int_equal(exceptions_read(indexed, &question, 1, &b), RL_OK);
    assert_int_equal(a.count, b.count);
    assert_int_equal(a.outcome_count, b.outcome_count);
    for (size_t i = 0; i < a.outcome_count; i++) {
        assert_memory_equal(&a.outcomes[i], &b.outcomes[i], sizeof *a.outcomes);
        assert_int_equal(a.counts[i], b.counts[i]);
    }
    for (uint64_t i = 0; i < a.count; i++) {
        assert_int_equal(a.outcome_of[i], b.outcome_of[i]);
        assert_int_equal(a.starts[i], b.starts[i]);
    }
    exceptions_fini(&a);
    exceptions_fini(&b);
}

/* Compares what is open at random events. test_saved.c does so for variables. */
static void compare_states(struct reader *plain, struct reader *indexed)
{
    for (int i = 0; i < 10; i++) {
        uint32_t thread = (uint32_t)random_below(2) + 1;
        uint64_t seq = random_below(plain->events);
        struct reader *const readers[2] = {plain, indexed};
        struct instant_frames frames[2];
        rl_status status[2];
        for (int r = 0; r < 2; r++) {
            const struct index_wanted wanted = {.thread = thread};
            struct skim skim = {0};
            struct event_out event = {0};
            size_t from = skim_stretch_of_event(readers[r], thread, seq);
            assert_int_equal(skim_open(readers[r], 1, from, NULL, &skim), RL_OK);
            while ((status[r] = skim_next(&skim, &wanted, &event)) == RL_OK &&
                   (event.thread != thread || event.seq != seq)) {
            }
            assert_int_equal(instant_frames(skim.instant, &frames[r]), RL_OK);
            skim_close(&skim);
        }
        assert_int_equal(status[0], status[1]);
        if (status[0] == RL_OK) {
            assert_int_equal(frames[0].count, frames[1].count);
            for (size_t f = 0; f < frames[0].count; f++) {
                assert_int_equal(frames[0].items[f].frame, frames[1].items[f].frame);
                assert_int_equal(frames[0].items[f].line, frames[1].items[f].line);
                assert_int_equal(frames[0].items[f].state, frames[1].items[f].state);
            }
        }
        instant_frames_fini(&frames[0]);
        instant_frames_fini(&frames[1]);
    }
}

static void compare_all(struct reader *plain, struct reader *indexed)
{
    compare_positions(plain, indexed);
    compare_calls(plain, indexed);
    compare_call_counts(plain, indexed);
    compare_lives(plain, indexed);
    compare_timelines(plain, indexed);
    compare_nested(plain, indexed);
    compare_exceptions(plain, indexed);
    compare_states(plain, indexed);
}

/* ---- whole files ---- */

static void check_file(const char *path, uint64_t stretch, int may_be_damaged)
{
    struct reader *builder = open_reader(path), *plain = open_reader(path);
    struct reader *indexed = open_reader(path);
    const char *index = build_index(builder, stretch);
    uint64_t covered = use_index(indexed, index);
    assert_true(may_be_damaged || covered + 2 * stretch > plain->events);
    compare_all(plain, indexed);
    (void)unlink(index);
    close_reader(indexed);
    close_reader(plain);
    close_reader(builder);
}

static int for_golden(const char *folder, uint64_t stretch)
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
        check_file(path, stretch, strcmp(folder, ".") != 0);
        count++;
    }
    (void)closedir(files);
    return count;
}

static void golden_files_are_answered_alike(void **state)
{
    (void)state;
    if (getenv("GOLDEN") == NULL) {
        skip();
    }
    assert_true(for_golden(".", 25) > 3);
    assert_true(for_golden(".", 400) > 3);
    assert_true(for_golden("../old", 25) > 0);
    assert_true(for_golden("../bad", 25) > 3);
}

static void threads_are_answered_alike(void **state)
{
    enum { THREADS = 3, CALLS = 3000 };
    struct worker workers[THREADS];
    struct recorder_stats stats;
    char path[256];
    (void)state;
    (void)strcpy(path, fresh_path());
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    start_workers(workers, THREADS, recorder, CALLS);
    join_workers(workers, THREADS);
    close_recorder(recorder, &stats);
    check_file(path, 200, 0);
    (void)unlink(path);
}

/* ---- a file that grows ---- */

static void a_growing_file_extends_it(void **state)
{
    struct lane lanes[2];
    struct recorder_stats stats;
    char path[256], index[256] = "";
    uint64_t before = 0;
    (void)state;
    (void)strcpy(path, fresh_path());
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    recorder_lane_begin(recorder, &lanes[0], NULL, 1);
    recorder_lane_begin(recorder, &lanes[1], NULL, 1);
    uint32_t id = define(recorder, &lanes[0], "work");
    for (int i = 0; i < 5; i++) {
        for (int turn = 0; turn < 150 && i < 4; turn++) {
            write_calls(&lanes[turn % 2], id, 30);
        }
        if (i == 4) {
            recorder_lane_end(&lanes[0]);
            recorder_lane_end(&lanes[1]);
            close_recorder(recorder, &stats);
        }
        struct reader *plain = open_reader(path), *indexed = open_reader(path);
        indexed->ns_per_tick = plain->ns_per_tick; /* a heartbeat may have come between them */
        if (i != 0) {
            assert_int_equal(use_index(indexed, index), before);
            compare_all(plain, indexed);
        }
        const char *next = build_index(indexed, 500);
        uint64_t covered = use_index(indexed, next);
        assert_true(covered >= before && covered + 1000 > plain->events);
        compare_all(plain, indexed);
        close_reader(indexed);
        close_reader(plain);
        (void)unlink(index);
        (void)strcpy(index, next);
        before = covered;
    }
    (void)unlink(index);
    (void)unlink(path);
}

/* ---- what is no index of this recording ---- */

static void write_recording(const char *path, uint32_t calls)
{
    struct recorder_stats stats;
    struct lane lane;
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    recorder_lane_begin(recorder, &lane, NULL, 1);
    write_calls(&lane, define(recorder, &lane, "work"), calls);
    recorder_lane_end(&lane);
    close_recorder(recorder, &stats);
}

static void another_recording_is_refused(void **state)
{
    char one[256], other[256];
    (void)state;
    (void)strcpy(one, fresh_path());
    (void)strcpy(other, fresh_path());
    write_recording(one, 3000);
    write_recording(other, 3000);
    struct reader *reader = open_reader(one), *second = open_reader(other);
    const char *index = build_index(reader, 300);
    assert_int_equal(use_index(second, index), 0);
    assert_true(use_index(reader, index) > 5000);
    (void)unlink(index);
    close_reader(reader);
    close_reader(second);
    (void)unlink(one);
    (void)unlink(other);
}

/* A byte that is changed anywhere costs a part of the index, and no answer. */
static void changed_bytes_are_noticed(void **state)
{
    char path[256], index[256];
    (void)state;
    (void)strcpy(path, fresh_path());
    write_recording(path, 6000);
    struct reader *plain = open_reader(path);
    (void)strcpy(index, build_index(plain, 300));
    struct stat found;
    assert_int_equal(stat(index, &found), 0);
    int fd = open(index, O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 60; i++) {
        off_t at = (off_t)random_below((uint64_t)found.st_size - 1);
        uint8_t before, changed;
        assert_int_equal(pread(fd, &before, 1, at), 1);
        changed = before ^ (uint8_t)(1 + random_below(254));
        assert_int_equal(pwrite(fd, &changed, 1, at), 1);
        struct reader *indexed = open_reader(path);
        (void)use_index(indexed, index);
        struct u64map codes = pick_codes(plain);
        struct position position = {
            .kind = POSITION_EVENT, .thread = 1, .number = random_below(plain->events)};
        compare_position(plain, indexed, &position, &codes);
        u64map_fini(&codes);
        close_reader(indexed);
        assert_int_equal(pwrite(fd, &before, 1, at), 1);
    }
    for (off_t size = 0; size < found.st_size; size += found.st_size / 20 + 1) {
        assert_int_equal(ftruncate(fd, found.st_size - size), 0);
        struct reader *indexed = open_reader(path);
        (void)use_index(indexed, index);
        compare_calls(plain, indexed);
        close_reader(indexed);
    }
    (void)close(fd);
    close_reader(plain);
    (void)unlink(index);
    (void)unlink(path);
}

/* An index is of no use for a recording that was cut behind it. */
static void a_cut_recording_is_noticed(void **state)
{
    char path[256];
    struct stat found;
    (void)state;
    (void)strcpy(path, fresh_path());
    record_and_be_killed(path, 1u << 20, 0, 60000);
    struct reader *reader = open_reader(path);
    const char *index = build_index(reader, 500);
    assert_true(use_index(reader, index) > 0);
    close_reader(reader);
    assert_int_equal(stat(path, &found), 0);
    for (int i = 1; i < 8; i++) {
        assert_int_equal(truncate(path, found.st_size * (8 - i) / 8), 0);
        struct reader *indexed = NULL;
        struct rl_err err;
        if (reader_open(path, &indexed, &err) == RL_OK) {
            struct reader *plain = open_reader(path);
            (void)use_index(indexed, index);
            compare_positions(plain, indexed);
            close_reader(plain);
            close_reader(indexed);
        }
    }
    (void)unlink(index);
    (void)unlink(path);
}

/* An index takes its share of the recording, and no more. */
static void the_share_is_kept(void **state)
{
    char path[256], index[256];
    struct index_builder *builder = NULL;
    struct stat found;
    (void)state;
    (void)strcpy(path, fresh_path());
    (void)strcpy(index, fresh_path());
    write_recording(path, 90000);
    struct reader *reader = open_reader(path);
    int fd = open(index, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(index_builder_open(reader, NULL, fd, 10, 50, NULL, &builder), RL_OK);
    while (index_builder_step(builder, 100000) == RL_OK) {
    }
    assert_true(index_builder_covered(builder) > reader->events / 2);
    assert_int_equal(fstat(fd, &found), 0);
    assert_true((uint64_t)found.st_size <= reader->size / 10);
    index_builder_close(builder);
    (void)close(fd);
    close_reader(reader);
    (void)unlink(index);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files_are_answered_alike),
        cmocka_unit_test(threads_are_answered_alike),
        cmocka_unit_test(a_growing_file_extends_it),
        cmocka_unit_test(another_recording_is_refused),
        cmocka_unit_test(changed_bytes_are_noticed),
        cmocka_unit_test(a_cut_recording_is_noticed),
        cmocka_unit_test(the_share_is_kept),
    };
    srand(20);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
