/* Exceptions of a recording, in one list: what is counted, numbered and read again. */
#include "testing.h"

#include "alloc.h"
#include "exception_details.h"
#include "exception_list.h"
#include "recording.h"

enum { TURNS = 600 };

static uint8_t *put_exception(uint8_t *p, uint64_t address, uint32_t type, uint64_t context,
                              uint32_t context_type)
{
    *p++ = RL_VALUE_EXCEPTION;
    put64(p, address);
    p = put_varint(p + RL_IDENTITY_BYTES, type);
    p = put_varint(p, 0);
    *p++ = RL_VALUE_STR;
    p = put_varint(p, 0);
    *p++ = RL_VALUE_NONE;
    if (context != 0) {
        return put_exception(p, context, context_type, 0, 0);
    }
    *p++ = RL_VALUE_NONE;
    return p;
}

/* A call that an exception leaves and its caller catches, or discards in a `finally` since another
 * one takes its place, which ends a task. */
static void write_turn(struct lane *lane, uint32_t code, const uint32_t types[2], uint32_t i)
{
    uint8_t bytes[200];
    uint64_t outer = lane->next_frame++, inner = lane->next_frame++;
    int is_replaced = i % 3 == 0;
    uint64_t address = 4096 + (i % 7) * 64, other = address + 32;
    uint8_t *end = put_exception(bytes, address, types[0], 0, 0);
    (void)lane_put(lane, RL_EVENT_CALL, code, outer);
    (void)lane_put(lane, RL_EVENT_CALL, code, inner);
    (void)lane_put_values(lane, RL_EVENT_RAISE, code, inner, bytes, (uint32_t)(end - bytes));
    (void)lane_put_values(lane, RL_EVENT_UNWIND, code, inner, bytes, (uint32_t)(end - bytes));
    end = is_replaced ? put_varint(put_varint(end, RL_HANDLER_FINALLY), 3) : end;
    (void)lane_put_values(lane, RL_EVENT_HANDLED, code, outer, bytes, (uint32_t)(end - bytes));
    if (!is_replaced) {
        (void)lane_put(lane, RL_EVENT_RETURN, code, outer);
        return;
    }
    end = put_exception(bytes, other, types[1], address, types[0]);
    (void)lane_put(lane, RL_EVENT_TASK_START, types[i % 2], i + 1);
    (void)lane_put_values(lane, RL_EVENT_RAISE, code, outer, bytes, (uint32_t)(end - bytes));
    (void)lane_put_values(lane, RL_EVENT_UNWIND, code, outer, bytes, (uint32_t)(end - bytes));
    (void)lane_put(lane, RL_EVENT_TASK_END, 0, i + 1);
}

static const char *write_recording(void)
{
    const char *path = fresh_path();
    struct recorder *recorder = open_recorder(path, 1u << 20, 0, 0);
    struct lane lane;
    struct recorder_stats stats;
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t code = define(recorder, &lane, "work");
    uint32_t types[2] = {recorder_string(recorder, &lane, "KeyError", 8),
                         recorder_string(recorder, &lane, "ValueError", 10)};
    for (uint32_t i = 0; i < TURNS; i++) {
        write_turn(&lane, code, types, i);
    }
    recorder_lane_end(&lane);
    close_recorder(recorder, &stats);
    return path;
}

/* Those that ended a task come first. */
static rl_status judge(struct exceptions *found)
{
    struct judgement *judged = rl_zalloc(found->outcome_count + 1, sizeof *judged);
    if (judged == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < found->outcome_count; i++) {
        int has_task = (found->outcomes[i].facts & OUTCOME_HAS_TASK) != 0;
        judged[i] = (struct judgement){.likeness = (uint32_t)i,
                                       .is_listed = 1,
                                       .rank = has_task ? 1 : 2,
                                       .names_task = (uint8_t)has_task,
                                       .names_replacer = found->outcomes[i].handler != 0};
    }
    return exceptions_judge(found, judged);
}

static void numbers_rows_and_details_agree(void **state)
{
    (void)state;
    const char *path = write_recording();
    struct stories_question question = {.sees_raise = 1};
    struct reader *reader = NULL;
    struct rl_err err;
    struct exceptions found;
    struct exception_rows rows;
    struct exception_details details;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(exceptions_read(reader, &question, 1, &found), RL_OK);
    assert_int_equal(found.count, TURNS + TURNS / 3);
    assert_int_equal(judge(&found), RL_OK);
    struct exceptions *one = &found;
    struct exception_list list = {&one, &reader, 1};
    uint64_t replaced = 0, listed = 0, next = 1;
    assert_int_equal(exception_list_rows(&list, SIZE_MAX, 1, &rows), RL_OK);
    for (size_t i = 0; i < rows.count; i++) {
        assert_int_equal(rows.rows[i].number, next);
        next += rows.rows[i].count;
    }
    assert_int_equal(next - 1, found.count);
    size_t all = rows.count;
    exception_rows_fini(&rows);
    assert_int_equal(exception_list_rows(&list, 7, 3, &rows), RL_OK);
    assert_int_equal(rows.count + rows.more, all);
    assert_int_equal(exception_list_number(&list, &rows.nth), 3);
    exception_rows_fini(&rows);
    while (exception_details_read(reader, &question, &found, listed, listed + 99, &details) ==
               RL_OK &&
           details.count != 0) {
        for (size_t i = 0; i < details.count; i++) {
            const struct exception_detail *detail = details.items[i];
            const struct exception_more *more = exceptions_more(&found, detail->exception);
            struct exception_place place = {0, detail->exception};
            assert_int_equal(detail->place, listed);
            assert_int_equal(exceptions_place(&found, detail->exception), listed);
            assert_int_equal(exception_list_number(&list, &place), ++listed);
            assert_int_equal(detail->path_count, 2);
            if (more != NULL && more->replacer != 0) {
                assert_int_equal(more->replacer - 1, detail->exception + 1);
                replaced++;
            }
        }
        exception_details_fini(&details);
    }
    assert_int_equal(listed, found.count);
    assert_int_equal(replaced, TURNS / 3);
    exceptions_fini(&found);
    reader_close(reader);
    (void)unlink(path);
}

static rl_status ask_all(struct reader *reader)
{
    struct stories_question question = {.sees_raise = 1};
    struct exceptions found;
    struct exception_rows rows;
    struct exception_details details;
    struct exception_sought sought = {{"KeyError", 8}, 4096, 0};
    rl_status status = exceptions_read(reader, &question, 1, &found);
    if (status != RL_OK) {
        return status;
    }
    struct exceptions *one = &found;
    struct exception_list list = {&one, &reader, 1};
    status = judge(&found);
    if (status == RL_OK && (status = exception_list_rows(&list, 9, 5, &rows)) == RL_OK) {
        exception_rows_fini(&rows);
    }
    if (status == RL_OK &&
        (status = exception_details_read(reader, &question, &found, 0, 9, &details)) == RL_OK) {
        exception_details_fini(&details);
    }
    if (status == RL_OK) {
        status = exceptions_find(reader, &question, &found, 20, &sought, 1);
        assert_true(status != RL_OK || sought.found != 0);
    }
    if (status == RL_OK) {
        const uint64_t frames[] = {1, UINT64_MAX};
        uint64_t caught = 7;
        status = exceptions_caught(reader, &question, &found, 20, frames, 2, &caught);
        assert_true(status != RL_OK || caught <= 20);
    }
    exceptions_fini(&found);
    return status;
}

static void every_failed_allocation_is_answered(void **state)
{
    (void)state;
    const char *path = write_recording();
    struct reader *reader = NULL;
    struct rl_err err;
    int failed = 0;
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    for (unsigned long nth = 1; nth < 3000; nth += nth < 60 ? 1 : 17) {
        rl_alloc_fail_at(nth, 0);
        rl_status status = ask_all(reader);
        rl_alloc_fail_at(0, 0);
        assert_true(status == RL_OK || status == RL_NOMEM);
        failed += status != RL_OK;
    }
    assert_true(failed > 60);
    assert_int_equal(ask_all(reader), RL_OK);
    reader_close(reader);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rows_and_details_agree),
        cmocka_unit_test(every_failed_allocation_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
