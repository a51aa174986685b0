/* Reads any bytes as a file, and calls everything of the reader that a verb would call.
 * Memory and time are bounded by the size of the input. */
#include <stdint.h>

#include "alloc.h"
#include "calltree.h"
#include "check.h"
#include "cursor.h"
#include "dump.h"
#include "exception_details.h"
#include "exception_list.h"
#include "recording.h"
#include "source.h"
#include "totals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All exceptions, in a list of three ranks; what some of them carried. */
static void ask_exceptions(struct reader *reader)
{
    static const struct stories_question question = {.sees_raise = 1};
    struct exceptions found;
    struct exception_rows rows;
    struct exception_details details;
    if (exceptions_read(reader, &question, 1, &found) != RL_OK) {
        return;
    }
    struct judgement *judged = rl_zalloc(found.outcome_count + 1, sizeof *judged);
    for (uint32_t i = 0; judged != NULL && i < found.outcome_count; i++) {
        judged[i] =
            (struct judgement){i / 2, i % 5 != 0, (uint8_t)(i % 3), i % 2, i % 2, i % 7 == 0};
    }
    struct exceptions *one = &found;
    struct exception_list list = {&one, &reader, 1};
    if (judged != NULL && exceptions_judge(&found, judged) == RL_OK &&
        exception_list_rows(&list, 50, 2, &rows) == RL_OK) {
        exception_rows_fini(&rows);
        if (exception_details_read(reader, &question, &found, 0, 50, &details) == RL_OK) {
            exception_details_fini(&details);
        }
    }
    exceptions_fini(&found);
}

/* All source texts: their lines, and whether each can be the text of another. */
static void ask_sources(struct reader *reader)
{
    struct source *all = NULL, *found = NULL;
    size_t count = 0;
    if (source_all(reader, &all, &count) != RL_OK) {
        return;
    }
    for (size_t i = 0; i < count && i < 50; i++) {
        for (uint32_t line = 0; line < all[i].line_count + 2 && line < 1000; line++) {
            (void)source_line(&all[i], line);
        }
        (void)source_is_text_of(&all[i].entry, all[count - 1 - i].entry.text);
        (void)!source_find(reader, all[i].entry.name, &found);
    }
}

static void ask(struct reader *reader)
{
    struct summary summary;
    struct function_totals totals;
    struct check_result result;
    struct cursor *cursor = NULL;
    struct event_out event;
    struct json_out json = {{0}, 0};
    if (totals_summary(reader, 0, &summary) == RL_OK) {
        if (calltree_functions(&summary, &totals) == RL_OK) {
            calltree_functions_fini(&totals);
        }
        summary_fini(&summary);
    }
    if (cursor_open(reader, &cursor) == RL_OK) {
        for (int i = 0; i < 20000 && cursor_next(cursor, &event) == RL_OK; i++) {
            bytes_out_reset(&json.out);
            dump_event(&json, reader, &event);
        }
    }
    cursor_close(cursor);
    json_fini(&json);
    ask_exceptions(reader);
    ask_sources(reader);
    (void)!check_file(reader, &result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_recording(data, size, ask);
}
