#include "testing.h"

#include <fcntl.h>
#include <pthread.h>

#include "alloc.h"
#include "calls.h"
#include "calltree.h"
#include "check.h"
#include "recording.h"
#include "totals.h"

static uint8_t *file_bytes; /* owned: a small recording */
static size_t file_size;

static int make_file(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    write_calls(&lane, define(recorder, &lane, "work"), 9000);
    recorder_lane_end(&lane);
    close_recorder(recorder, &stats);
    FILE *file = fopen(path, "rb");
    file_bytes = malloc(1 << 20);
    file_size = fread(file_bytes, 1, 1 << 20, file);
    (void)fclose(file);
    (void)unlink(path);
    return file_size > 1000 ? 0 : -1;
}

static int drop_file(void **state)
{
    (void)state;
    free(file_bytes);
    return 0;
}

static const char *write_file(const uint8_t *bytes, size_t n)
{
    const char *path = fresh_path();
    FILE *file = fopen(path, "wb");
    (void)!fwrite(bytes, 1, n, file);
    (void)fclose(file);
    return path;
}

static void every_cut_is_answered(void **state)
{
    (void)state;
    long long best = 0;
    for (size_t cut = 0; cut < file_size; cut += cut < 200 ? 1 : 97) {
        const char *path = write_file(file_bytes, cut);
        int complete = 0;
        size_t problems;
        long long n = count_events(path, &complete, &problems);
        assert_true(n <= 18002);
        assert_false(complete && cut < file_size);
        best = n > best ? n : best;
        (void)unlink(path);
    }
    assert_true(best > 9000);
}

static void check_torn_end(const char *path, size_t size, long long events, int is_expected)
{
    uint8_t block[4096] = {0};
    block_header_put(block, &(struct block_header){.type = RL_BLOCK_CHUNK,
                                                   .prefix = RL_CHUNK_PREFIX_BYTES,
                                                   .raw = 9000,
                                                   .stored = sizeof block});
    for (size_t torn = 1; torn < sizeof block; torn += torn < 40 ? 1 : 999) {
        struct reader *reader = NULL;
        struct rl_err err;
        struct check_result result;
        FILE *file = fopen(path, "r+b");
        assert_int_equal(fseek(file, (long)size, SEEK_SET), 0);
        assert_int_equal(fwrite(block, 1, torn, file), torn);
        (void)fclose(file);
        assert_int_equal(reader_open(path, &reader, &err), RL_OK);
        assert_int_equal(check_file(reader, &result), RL_OK);
        assert_int_equal(reader->events, events);
        assert_int_equal(reader->problem_count == 0, is_expected);
        assert_true(!is_expected || reader->torn_bytes == torn);
        reader_close(reader);
        assert_int_equal(truncate(path, (off_t)size), 0);
    }
}

/* Returns the bytes of a recording of 601 events that was not closed. The caller frees them. */
static uint8_t *read_unclosed(size_t *size)
{
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    uint8_t *bytes = malloc(8 << 20);
    recorder_lane_begin(recorder, &lane, NULL, 1);
    write_calls(&lane, define(recorder, &lane, "work"), 300);
    recorder_settle(recorder); /* rows reach the file by themselves only where it is mapped */
    FILE *file = fopen(path, "rb");
    *size = fread(bytes, 1, 8 << 20, file);
    (void)fclose(file);
    close_recorder(recorder, &stats);
    (void)unlink(path);
    return bytes;
}

static void half_a_block_at_the_end_is_damage_only_in_a_closed_file(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = read_unclosed(&size);
    const char *unclosed = write_file(bytes, size);
    check_torn_end(unclosed, size, 601, 1);
    (void)unlink(unclosed);
    const char *closed = write_file(file_bytes, file_size);
    check_torn_end(closed, file_size, 18002, 0);
    (void)unlink(closed);
    free(bytes);
}

/* Rows behind the end of a slot are another slot's, or none. */
static void a_slot_has_no_more_rows_than_room(void **state)
{
    (void)state;
    size_t size, control = 0;
    uint8_t *bytes = read_unclosed(&size);
    while (get32(bytes + control) != RL_LIVE_MAGIC) {
        control += 8;
    }
    const char *whole = write_file(bytes, size);
    struct reader *reader = NULL;
    struct rl_err err;
    assert_int_equal(reader_open(whole, &reader, &err), RL_OK);
    assert_int_equal(reader->chunk_count, 1);
    uint32_t room = get32(bytes + control + RL_LV_SLOT_BYTES) - RL_SLOT_HEADER_BYTES;
    put32(bytes + reader->chunks[0].offset + RL_SL_USED, room + RL_ROW_BYTES);
    reader_close(reader);
    (void)unlink(whole);
    const char *changed = write_file(bytes, size);
    assert_int_equal(reader_open(changed, &reader, &err), RL_OK);
    assert_int_equal(reader->events, 0);
    assert_int_equal(reader->problem_count, 1);
    reader_close(reader);
    (void)unlink(changed);
    free(bytes);
}

static void every_changed_byte_is_answered(void **state)
{
    (void)state;
    for (size_t at = 0; at < file_size; at += 13) {
        file_bytes[at] ^= 0x55;
        const char *path = write_file(file_bytes, file_size);
        struct reader *reader = NULL;
        struct rl_err err;
        struct check_result result;
        if (reader_open(path, &reader, &err) == RL_OK) {
            assert_int_equal(check_file(reader, &result), RL_OK);
            reader_close(reader);
        }
        file_bytes[at] ^= 0x55;
        (void)unlink(path);
    }
}

static void every_failed_allocation_is_answered(void **state)
{
    (void)state;
    const char *path = write_file(file_bytes, file_size);
    int complete, failed = 0;
    size_t problems;
    for (unsigned long nth = 1; nth < 400; nth++) {
        rl_alloc_fail_at(nth, 0);
        struct reader *reader = NULL;
        struct rl_err err;
        struct summary summary;
        struct function_totals totals;
        if (reader_open(path, &reader, &err) == RL_OK) {
            if (totals_summary(reader, 0, &summary) == RL_OK) {
                if (calltree_functions(&summary, &totals) == RL_OK) {
                    calltree_functions_fini(&totals);
                }
                summary_fini(&summary);
            }
            struct calls_question question = {.least = nth % 3, .limit = nth % 5 * 40};
            struct calls_answer answer;
            if (calls_read(reader, &question, &answer) == RL_OK) {
                assert_true(answer.count <= question.limit);
                calls_fini(&answer);
            }
            reader_close(reader);
        } else {
            failed++;
        }
        rl_alloc_fail_at(0, 0);
    }
    assert_true(failed > 5);
    assert_int_equal(count_events(path, &complete, &problems), 18002);
    (void)unlink(path);
}

static void folded_tree_counts_every_call(void **state)
{
    (void)state;
    const char *path = write_file(file_bytes, file_size);
    struct reader *reader = NULL;
    struct rl_err err;
    struct summary stored, scanned;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(totals_summary(reader, 0, &stored), RL_OK);
    reader->footer.summary = 0; /* as if the file had not been closed */
    assert_int_equal(totals_summary(reader, 0, &scanned), RL_OK);
    assert_int_equal(stored.node_count, scanned.node_count);
    for (size_t i = 0; i < stored.node_count; i++) {
        assert_true(stored.nodes[i].calls == scanned.nodes[i].calls);
        assert_true(stored.nodes[i].total == scanned.nodes[i].total);
        assert_true(stored.nodes[i].self == scanned.nodes[i].self);
    }
    assert_int_equal(stored.nodes[1].calls, 9000);
    assert_int_equal(stored.details[1].max_depth, 3);
    summary_fini(&stored);
    summary_fini(&scanned);
    reader_close(reader);
    (void)unlink(path);
}

/* When an unclosed file whose writer was last alive then is taken to end. */
static uint64_t end_with_heartbeat(uint64_t mono_ns, uint64_t ticks, uint64_t check)
{
    size_t at = 0, size = file_size - RL_BLOCK_HEADER_BYTES - RL_FOOTER_BYTES;
    while (get32(file_bytes + at) != RL_LIVE_MAGIC) {
        at += 8;
    }
    uint8_t *control = file_bytes + at, before[RL_LV_LOSS];
    memcpy(before, control, sizeof before);
    put64(control + RL_LV_BEAT_MONO, mono_ns);
    put64(control + RL_LV_BEAT_TICKS, ticks);
    put64(control + RL_LV_BEAT_CHECK, check);
    const char *path = write_file(file_bytes, size);
    memcpy(control, before, sizeof before);
    struct reader *reader = NULL;
    struct rl_err err;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_false(reader->is_complete);
    uint64_t end = reader->end_ticks;
    reader_close(reader);
    (void)unlink(path);
    return end;
}

static void an_unclosed_file_ends_with_the_last_sign_of_life(void **state)
{
    (void)state;
    const uint64_t second = 1000000000, mono = get64(file_bytes + RL_FH_START_MONO),
                   start = get64(file_bytes + RL_FH_START_TICKS);
    uint64_t last = end_with_heartbeat(0, 0, 0);
    assert_true(last > start);
    /* with ticks of its own; without, or where they were being written, by the clock's rate */
    uint64_t beat = mono + 10 * second, ticks = start + 10 * (last - start) + 7;
    assert_int_equal(end_with_heartbeat(beat, ticks, beat ^ ticks), ticks);
    assert_true(end_with_heartbeat(beat, 0, 0) > last);
    assert_int_equal(end_with_heartbeat(beat, ticks, 0), end_with_heartbeat(beat, 0, 0));
    /* older than the last event; of no time at all */
    assert_int_equal(end_with_heartbeat(mono + 1, start + 1, (mono + 1) ^ (start + 1)), last);
    assert_int_equal(end_with_heartbeat(mono - 1, 0, 0), last);
    assert_int_equal(end_with_heartbeat(UINT64_MAX, 0, 0), last);
}

struct writing {
    struct recorder *recorder;
    _Atomic int is_over;
};

static void *write_on(void *arg)
{
    struct writing *writing = arg;
    struct lane lane;
    recorder_lane_begin(writing->recorder, &lane, NULL, 1);
    uint32_t id = define(writing->recorder, &lane, "work");
    for (int i = 0; i < 100 && !writing->is_over; i++) {
        write_calls(&lane, id, 3000);
        os_sleep_ms(1);
    }
    recorder_lane_end(&lane);
    return NULL;
}

/* Slots are filled, written and used again while the reader looks from one to the next. */
static void a_recording_that_grows_is_read_without_gaps(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct writing writing = {open_recorder(path, 256u << 10, 0, 0), 0};
    struct recorder_stats stats;
    struct check_result result;
    pthread_t thread;
    uint64_t before = 0;
    assert_int_equal(pthread_create(&thread, NULL, write_on, &writing), 0);
    for (int i = 0; i < 20; i++) {
        struct reader *reader = NULL;
        struct cursor *cursor = NULL;
        struct event_out event;
        struct rl_err err;
        uint64_t next = 0;
        assert_int_equal(reader_open(path, &reader, &err), RL_OK);
        assert_true(reader->events >= before);
        before = reader->events;
        assert_int_equal(cursor_open(reader, &cursor), RL_OK);
        while (cursor_next(cursor, &event) == RL_OK) {
            assert_int_equal(event.seq, next++);
        }
        assert_true(next >= before);
        cursor_close(cursor);
        assert_int_equal(check_file(reader, &result), RL_OK);
        assert_int_equal(result.missing_events, 0);
        assert_int_equal(reader->problem_count, 0);
        reader_close(reader);
    }
    writing.is_over = 1;
    (void)pthread_join(thread, NULL);
    close_recorder(writing.recorder, &stats);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unclosed_file_ends_with_the_last_sign_of_life),
        cmocka_unit_test(every_cut_is_answered),
        cmocka_unit_test(half_a_block_at_the_end_is_damage_only_in_a_closed_file),
        cmocka_unit_test(a_slot_has_no_more_rows_than_room),
        cmocka_unit_test(every_changed_byte_is_answered),
        cmocka_unit_test(every_failed_allocation_is_answered),
        cmocka_unit_test(folded_tree_counts_every_call),
        cmocka_unit_test(a_recording_that_grows_is_read_without_gaps),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
