/* What is open after each event, and which event a position names. tests/py/test_instant.py
 * compares the same with a plain reading. */
#include "testing.h"

#include <dirent.h>

#include "alloc.h"
#include "doubt.h"
#include "instant.h"
#include "position.h"
#include "recording.h"

enum { A, B, C }; /* variables of outer() */

/* States of its variables, in short. */
#define KNOWN   VARIABLE_KNOWN
#define MAY     VARIABLE_MAY_HAVE_CHANGED
#define GONE    VARIABLE_DELETED
#define HIDDEN  VARIABLE_REDACTED
#define NOTHING VARIABLE_NOT_RECORDED

/* A function outer(a, b) with a variable c, one line of which calls inner(). */
struct written_calls {
    struct recorder *recorder;
    struct lane lane;
    uint32_t outer, inner;
    uint64_t frame;
};

static uint32_t define_outer(struct written_calls *w)
{
    uint32_t names[3] = {recorder_string(w->recorder, &w->lane, "a", 1),
                         recorder_string(w->recorder, &w->lane, "b", 1),
                         recorder_string(w->recorder, &w->lane, "c", 1)};
    uint32_t text = recorder_string(w->recorder, &w->lane, "outer", 5);
    struct code_def def = {.module = text,
                           .qualname = text,
                           .file = text,
                           .line = 1,
                           .args = 2,
                           .names = names,
                           .name_count = 3};
    return recorder_code(w->recorder, &w->lane, &def);
}

static uint64_t at_line(uint64_t frame, uint32_t line)
{
    return (uint64_t)line << RL_FRAME_ORDINAL_BITS | (frame & RL_FRAME_ORDINAL_MASK);
}

static void put_line(struct written_calls *w, uint32_t line)
{
    (void)lane_put(&w->lane, RL_EVENT_LINE, w->outer, at_line(w->frame, line));
}

static void put_inner(struct written_calls *w)
{
    uint64_t frame = w->lane.next_frame++;
    (void)lane_put(&w->lane, RL_EVENT_CALL, w->inner, frame);
    (void)lane_put(&w->lane, RL_EVENT_RETURN, w->inner, frame);
}

/* A write of the variable with this index: one byte is its whole value. */
static void put_change(struct written_calls *w, unsigned index, uint32_t line, uint8_t value)
{
    uint8_t bytes[64] = {(uint8_t)(index << 3 | RL_WRITE_SLOT), value};
    (void)lane_put_values(&w->lane, RL_EVENT_WRITE, w->outer, at_line(w->frame, line), bytes, 2);
}

/* The values of a call: 1 and [2]. */
static uint32_t put_arguments(uint8_t *bytes)
{
    uint8_t *p = bytes;
    *p++ = RL_VALUE_SMALL_ZERO + 1;
    *p++ = RL_VALUE_LIST;
    memset(p, 1, RL_IDENTITY_BYTES);
    p += RL_IDENTITY_BYTES;
    *p++ = 1;
    *p++ = 1;
    *p++ = RL_VALUE_SMALL_ZERO + 2;
    return (uint32_t)(p - bytes);
}

static const char *write_calls_of_outer(void)
{
    const char *path = fresh_path();
    struct written_calls w = {.recorder = open_recorder(path, 1u << 20, 0, 0)};
    struct recorder_stats stats;
    uint8_t bytes[64];
    recorder_lane_begin(w.recorder, &w.lane, NULL, 1);
    w.outer = define_outer(&w);
    w.inner = define(w.recorder, &w.lane, "inner");
    w.frame = w.lane.next_frame++;
    uint32_t len = put_arguments(bytes);
    /* thread_start is event 0 */
    (void)lane_put_values(&w.lane, RL_EVENT_CALL, w.outer, w.frame, bytes, len); /* 1 */
    put_inner(&w);                                                               /* 2, 3 */
    put_line(&w, 10);                                                            /* 4 */
    put_inner(&w);                                                               /* 5, 6 */
    put_change(&w, C, 11, RL_VALUE_TRUE);                                        /* 7 */
    put_line(&w, 11);                                                            /* 8 */
    put_inner(&w);                                                               /* 9, 10 */
    put_change(&w, C, 12, RL_VALUE_UNSET);                                       /* 11 */
    put_change(&w, A, 12, RL_VALUE_REDACTED);                                    /* 12: damaged */
    put_line(&w, 12);                                                            /* 13 */
    (void)lane_put(&w.lane, RL_EVENT_YIELD, w.outer, w.frame);                   /* 14 */
    put_inner(&w);                                                               /* 15, 16 */
    (void)lane_put(&w.lane, RL_EVENT_RESUME, w.outer, w.frame);                  /* 17 */
    (void)lane_put(&w.lane, RL_EVENT_RETURN, w.outer, w.frame);                  /* 18 */
    bytes[0] = RL_VALUE_DROPPED;
    w.frame = w.lane.next_frame++;
    (void)lane_put_values(&w.lane, RL_EVENT_CALL, w.outer, w.frame, bytes, 1); /* 19 */
    recorder_lane_end(&w.lane);
    close_recorder(w.recorder, &stats);
    return path;
}

/* Checks the states of a, b and c, and the line, of outer after an event. */
static void check_after(struct instant *instant, uint64_t frame, const enum variable_state want[3],
                        uint32_t line)
{
    struct instant_frames frames;
    struct variables variables;
    int is_there = 0;
    assert_int_equal(instant_frames(instant, &frames), RL_OK);
    for (size_t i = 0; i < frames.count; i++) {
        if (frames.items[i].frame != frame) {
            continue;
        }
        is_there = 1;
        assert_int_equal(frames.items[i].line, line);
        assert_int_equal(instant_variables(instant, &frames.items[i], &variables), RL_OK);
        assert_int_equal(variables.count, 3);
        for (size_t v = 0; v < 3; v++) {
            assert_int_equal(variables.items[v].state, want[v]);
        }
        variables_fini(&variables);
    }
    assert_true(is_there);
    instant_frames_fini(&frames);
}

static void each_state_of_a_variable_is_distinct(void **state)
{
    static const struct {
        uint64_t seq;
        enum variable_state states[3];
        uint32_t line;
    } cases[] = {
        {1, {KNOWN, KNOWN, NOTHING}, 0},  {2, {MAY, MAY, NOTHING}, 0},
        {4, {KNOWN, KNOWN, NOTHING}, 10}, {5, {KNOWN, MAY, NOTHING}, 10},
        {7, {MAY, MAY, KNOWN}, 10},       {8, {KNOWN, KNOWN, KNOWN}, 11},
        {9, {KNOWN, MAY, KNOWN}, 11},     {11, {MAY, MAY, GONE}, 11},
        {13, {HIDDEN, KNOWN, GONE}, 12},  {14, {HIDDEN, KNOWN, GONE}, 12},
        {15, {HIDDEN, MAY, GONE}, 12},    {17, {HIDDEN, MAY, GONE}, 12},
        {18, {HIDDEN, KNOWN, GONE}, 12},
    };
    (void)state;
    const char *path = write_calls_of_outer();
    struct reader *reader = NULL;
    struct instant *instant = NULL;
    struct event_out event;
    struct rl_err err;
    size_t done = 0;
    uint64_t frame = 0;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(instant_open(reader, &instant), RL_OK);
    while (instant_next(instant, &event) == RL_OK) {
        frame = frame == 0 && event.kind == RL_EVENT_CALL ? event.frame : frame;
        if (done < sizeof cases / sizeof *cases && event.seq == cases[done].seq) {
            check_after(instant, frame, cases[done].states, cases[done].line);
            done++;
        }
        if (event.seq == 19) {
            check_after(instant, event.frame,
                        (const enum variable_state[]){VARIABLE_DROPPED, VARIABLE_CUT, NOTHING}, 0);
            done++;
        }
    }
    assert_int_equal(done, sizeof cases / sizeof *cases + 1);
    instant_close(instant);
    reader_close(reader);
    (void)unlink(path);
}

/* ---- positions ---- */

static void texts_are_one_kind_of_position_or_none(void **state)
{
    static const struct {
        const char *text;
        enum position_kind kind;
        uint64_t process, number;
        uint32_t thread, line;
    } good[] = {
        {"T1@48213", POSITION_EVENT, 0, 48213, 1, 0},
        {"P12:T3@0", POSITION_EVENT, 12, 0, 3, 0},
        {"price#118", POSITION_CALL, 0, 118, 0, 0},
        {"app:A.price#last", POSITION_CALL, 0, 0, 0, 0},
        {"shop.py:40#3", POSITION_LINE, 0, 3, 0, 40},
        {"P7:a/b.py:1#last", POSITION_LINE, 7, 0, 0, 1},
        {"42%", POSITION_SHARE, 0, 420000, 0, 0},
        {"0.5%", POSITION_SHARE, 0, 5000, 0, 0},
        {"+3ms", POSITION_TIME, 0, 3000000, 0, 0},
        {"+1.5us", POSITION_TIME, 0, 1500, 0, 0},
        {"exc:3", POSITION_EXCEPTION, 0, 3, 0, 0},
        {"exc:last", POSITION_EXCEPTION, 0, 0, 0, 0},
        {"start", POSITION_START, 0, 0, 0, 0},
        {"P1:end", POSITION_END, 1, 0, 0, 0},
    };
    static const char *const bad[] = {
        "",
        "T",
        "T1",
        "T1@",
        "T0@1",
        "T1@1x",
        "T99999999999@1",
        "price",
        "#1",
        "a#0",
        "a#",
        "a#1x",
        "101%",
        "%",
        "4 2%",
        "+3",
        "+ms",
        "+3min",
        "exc:",
        "exc:0",
        "exc:x",
        "startx",
        "ends",
        "P1:",
        "P:end",
        "-1%",
        "shop:40",
        "a#-1",
        "a#18446744073709551616",
    };
    struct position position;
    struct rl_err err;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(position_parse(good[i].text, strlen(good[i].text), &position, &err),
                         RL_OK);
        assert_int_equal(position.kind, good[i].kind);
        assert_int_equal(position.process, good[i].process);
        assert_int_equal(position.number, good[i].number);
        assert_int_equal(position.thread, good[i].thread);
        assert_int_equal(position.line, good[i].line);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(position_parse(bad[i], strlen(bad[i]), &position, &err), RL_USAGE);
        assert_non_null(strstr(err.text, "is no position"));
    }
}

static void positions_find_their_events(void **state)
{
    static const struct {
        struct position position;
        uint64_t seq;
    } cases[] = {
        {{.kind = POSITION_START}, 0},
        {{.kind = POSITION_EVENT, .thread = 1, .number = 7}, 7},
        {{.kind = POSITION_CALL, .number = 2}, 19},
        {{.kind = POSITION_CALL, .number = 0}, 19},
        {{.kind = POSITION_LINE, .line = 11, .number = 1}, 8},
        {{.kind = POSITION_SHARE, .number = 500000}, 9},
        {{.kind = POSITION_SHARE, .number = 0}, 0},
        {{.kind = POSITION_TIME, .number = UINT64_MAX}, 20},
        {{.kind = POSITION_END}, 20},
    };
    static const struct position missing[] = {
        {.kind = POSITION_EVENT, .thread = 1, .number = 21},
        {.kind = POSITION_EVENT, .thread = 2, .number = 1},
        {.kind = POSITION_CALL, .number = 3},
        {.kind = POSITION_LINE, .line = 99, .number = 1},
    };
    (void)state;
    const char *path = write_calls_of_outer();
    struct reader *reader = NULL;
    struct position_found found;
    struct u64map codes = {0};
    struct rl_err err;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    for (size_t i = 0; i < reader->codes.capacity; i++) {
        uint32_t id = (uint32_t)reader->codes.entries[i].key;
        if (id != 0 && reader_code(reader, id).args == 2) {
            assert_int_equal(u64map_put(&codes, (uint64_t)id + 1, 1), 0);
        }
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(position_find(reader, &cases[i].position, &codes, &found), RL_OK);
        assert_true(found.is_found);
        assert_int_equal(found.event.seq, cases[i].seq);
    }
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        assert_int_equal(position_find(reader, &missing[i], &codes, &found), RL_OK);
        assert_false(found.is_found);
    }
    u64map_fini(&codes);
    reader_close(reader);
    (void)unlink(path);
}

/* ---- files ---- */

/* Takes all events, and asks for everything after each of them. */
static rl_status ask_everything(struct reader *reader)
{
    struct instant *instant = NULL;
    struct event_out event;
    rl_status status = instant_open(reader, &instant);
    while (status == RL_OK && (status = instant_next(instant, &event)) == RL_OK) {
        struct instant_frames frames = {0};
        struct instant_threads threads = {0};
        struct instant_tasks tasks = {0};
        status = instant_frames(instant, &frames);
        for (size_t i = 0; status == RL_OK && i < frames.count; i++) {
            struct variables variables;
            status = instant_variables(instant, &frames.items[i], &variables);
            if (status == RL_OK) {
                variables_fini(&variables);
            }
        }
        instant_frames_fini(&frames);
        if (status == RL_OK && (status = instant_threads(instant, &threads)) == RL_OK) {
            assert_true(threads.count != 0);
            rl_free(threads.items);
        }
        if (status == RL_OK && (status = instant_tasks(instant, &tasks)) == RL_OK) {
            rl_free(tasks.items);
        }
    }
    instant_close(instant);
    return status == RL_END ? RL_OK : status;
}

static void golden_files_are_answered(void **state)
{
    const char *folder = getenv("GOLDEN");
    (void)state;
    if (folder == NULL) {
        skip();
    }
    DIR *files = opendir(folder);
    assert_non_null(files);
    const struct dirent *entry;
    int count = 0;
    while ((entry = readdir(files)) != NULL) {
        char path[600];
        struct reader *reader = NULL;
        struct rl_err err;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (strstr(entry->d_name, ".relive") == NULL) {
            continue;
        }
        assert_int_equal(reader_open(path, &reader, &err), RL_OK);
        assert_int_equal(ask_everything(reader), RL_OK);
        reader_close(reader);
        count++;
    }
    (void)closedir(files);
    assert_true(count > 3);
}

static void every_failed_allocation_is_answered(void **state)
{
    (void)state;
    const char *path = write_calls_of_outer();
    struct reader *reader = NULL;
    struct rl_err err;
    int failed = 0;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    for (unsigned long nth = 1; nth < 400; nth++) {
        rl_alloc_fail_at(nth, 0);
        rl_status status = ask_everything(reader);
        rl_alloc_fail_at(0, 0);
        assert_true(status == RL_OK || status == RL_NOMEM);
        failed += status != RL_OK;
    }
    assert_true(failed > 60);
    assert_int_equal(ask_everything(reader), RL_OK);
    reader_close(reader);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_of_a_variable_is_distinct),
        cmocka_unit_test(texts_are_one_kind_of_position_or_none),
        cmocka_unit_test(positions_find_their_events),
        cmocka_unit_test(golden_files_are_answered),
        cmocka_unit_test(every_failed_allocation_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
