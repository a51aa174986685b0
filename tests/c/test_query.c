/* The public header of questions, on the golden files: what it gives is what the rooms below give,
 * and wrong words are refused. */
#include "testing.h"

#include <dirent.h>
#include <relive/rl_query.h>
#include <stdio.h>

#include "function_names.h"
#include "reader_open.h"

static char path[4096];

/* Opens a golden file by its name. */
static rl_query *open_golden(const char *name)
{
    rl_query *query = NULL;
    struct rl_err err;
    (void)snprintf(path, sizeof path, "%s/%s", getenv("GOLDEN"), name);
    assert_int_equal(rl_query_open(path, &query, &err), RL_OK);
    return query;
}

static void words_that_are_no_position_are_refused(void **state)
{
    static const struct {
        const char *text;
        rl_status status;
    } rows[] = {
        {"", RL_USAGE},
        {"42", RL_USAGE},
        {"nobody#1", RL_NOT_FOUND},
        {"T9@1", RL_NOT_FOUND},
        {"exc:1", RL_UNSUPPORTED},
        {"P1:start", RL_NOT_FOUND},
        {"nobody.py:3#1", RL_NOT_FOUND},
    };
    rl_query *query = open_golden("values-1.relive");
    struct rl_event event;
    struct rl_frame frame;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rl_err err = {RL_OK, 0, ""};
        assert_int_equal(rl_query_go(query, rows[i].text, &event, &err), rows[i].status);
        assert_true(err.text[0] != '\0');
        assert_int_equal(rl_query_frame(query, 0, &frame), RL_USAGE);
    }
    rl_query_close(query);
}

static void calls_without_a_beginning_are_refused(void **state)
{
    rl_query *query = open_golden("values-1.relive");
    struct rl_call call;
    struct rl_err err;
    (void)state;
    assert_int_equal(rl_query_next_call(query, &call), RL_USAGE);
    assert_int_equal(rl_query_calls(query, "nobody", NULL, &err), RL_NOT_FOUND);
    assert_int_equal(rl_query_next_call(query, &call), RL_USAGE);
    rl_query_close(query);
}

/* Asks for each function of a file, and adds up its calls: each begin of a frame is in one. */
static void ask_everything(const char *file, uint64_t *calls_seen)
{
    struct reader *reader = NULL;
    struct rl_err err;
    struct rl_event event;
    rl_query *query = open_golden(file);
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    for (size_t i = 0; i < reader->codes.capacity; i++) {
        uint32_t id = (uint32_t)reader->codes.entries[i].key;
        struct code_text code = reader_code(reader, id);
        char name[600];
        if (id == 0) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%.*s:%.*s", (int)code.module.len, code.module.data,
                       (int)code.qualname.len, code.qualname.data);
        rl_status status = rl_query_calls(query, name, NULL, &err);
        struct rl_call call;
        uint64_t number = 0;
        while (status == RL_OK && rl_query_next_call(query, &call) == RL_OK) {
            assert_true(call.number > number);
            number = call.number;
            *calls_seen += 1;
        }
        (void)snprintf(name + strlen(name), sizeof name - strlen(name), "#1");
        if (number == 1) {
            struct rl_frame frame;
            struct rl_variable variable;
            size_t frames = 0;
            assert_int_equal(rl_query_go(query, name, &event, &err), RL_OK);
            while (rl_query_frame(query, frames, &frame) == RL_OK) {
                for (size_t k = 0; rl_query_variable(query, frames, k, &variable) == RL_OK; k++) {
                    assert_true(variable.name.len != 0);
                }
                frames++;
            }
            assert_true(frames >= 1);
        }
    }
    reader_close(reader);
    rl_query_close(query);
}

static void every_golden_file_answers(void **state)
{
    DIR *folder = opendir(getenv("GOLDEN"));
    uint64_t calls = 0;
    struct dirent *entry;
    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (strstr(entry->d_name, ".relive") != NULL) {
            ask_everything(entry->d_name, &calls);
        }
    }
    (void)closedir(folder);
    assert_true(calls > 0);
}

/* Returns how many functions a name means. */
static size_t count_named(const struct reader *reader, const char *name)
{
    struct functions_found found;
    assert_int_equal(function_names_all(reader, (struct text){name, strlen(name)}, &found), RL_OK);
    size_t count = found.count;
    functions_found_fini(&found);
    return count;
}

static void a_name_means_what_it_says_first(void **state)
{
    rl_query *query = open_golden("values-1.relive");
    struct reader *reader = NULL;
    struct rl_err err;
    (void)state;
    rl_query_close(query);
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(count_named(reader, ""), 0);
    assert_int_equal(count_named(reader, "nobody"), 0);
    assert_int_equal(count_named(reader, ":7"), 0);
    assert_int_equal(count_named(reader, "nobody.py:99999999999999999999"), 0);
    reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_are_no_position_are_refused),
        cmocka_unit_test(calls_without_a_beginning_are_refused),
        cmocka_unit_test(every_golden_file_answers),
        cmocka_unit_test(a_name_means_what_it_says_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
