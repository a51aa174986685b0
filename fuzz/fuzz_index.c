/* An index that nobody vouches for, beside a recording that is right, or a part of one. Sums are
 * not compared when a fuzzer builds this, so each state and each count may be wrong. Every question
 * ends, within its memory; what it answers does not matter here.
 *
 * FUZZ_RECORDINGS is the folder of the recordings. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls_of.h"
#include "diff.h"
#include "exceptions.h"
#include "index.h"
#include "landmarks.h"
#include "lives.h"
#include "position.h"
#include "reader_open.h"
#include "skim.h"
#include "timeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS = 300 };

/* Opens the bytes as the index of a reader. */
static void use_bytes(struct reader *reader, const uint8_t *data, size_t size)
{
    struct index *index = NULL;
    int fd = memfd_create("index", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    if (index_open(reader, fd, &index) == RL_OK) {
        reader->index = index;
    }
}

static void ask_positions(struct reader *reader, const struct u64map *codes)
{
    static const struct position positions[] = {
        {.kind = POSITION_EVENT, .thread = 1, .number = 400},
        {.kind = POSITION_CALL, .number = 7},
        {.kind = POSITION_LINE, .line = 9, .number = 3},
        {.kind = POSITION_SHARE, .number = 700000},
        {.kind = POSITION_TIME, .number = 2000000},
        {.kind = POSITION_END},
    };
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
        struct position_found found;
        (void)!position_find(reader, &positions[i], codes, &found);
    }
}

/* Asks for all that is open, at each state and shortly after. */
static void ask_states(struct reader *reader)
{
    for (size_t i = 0; reader->index != NULL && i <= reader->index->count; i++) {
        struct skim skim = {0};
        struct event_out event;
        if (skim_open(reader, 1, i, NULL, &skim) != RL_OK) {
            continue;
        }
        for (int n = 0; n < EVENTS && skim_next(&skim, NULL, &event) == RL_OK; n++) {
            struct instant_frames frames;
            if (n % 50 != 0 || instant_frames(skim.instant, &frames) != RL_OK) {
                continue;
            }
            for (size_t f = 0; f < frames.count && f < EVENTS; f++) {
                struct variables variables;
                if (instant_variables(skim.instant, &frames.items[f], &variables) == RL_OK) {
                    variables_fini(&variables);
                }
            }
            instant_frames_fini(&frames);
        }
        skim_close(&skim);
    }
}

static void ask_calls(struct reader *reader, const struct u64map *codes)
{
    const struct calls_of_question question = {.codes = codes};
    struct calls_of *calls = NULL;
    struct call_found *call = NULL;
    uint64_t many = UINT64_MAX;
    if (calls_of_open(reader, &question, &calls) != RL_OK) {
        return;
    }
    while (calls_of_next(calls, &many, &call) == RL_OK && call != NULL) {
        call_found_free(call);
    }
    calls_of_close(calls);
}

/* Counts from the index what can be. */
static void ask_counts(struct reader *reader, const struct u64map *codes)
{
    const struct calls_of_question question = {.codes = codes, .only_counts = 1};
    struct calls_of *calls = NULL;
    struct call_found *call = NULL;
    struct lives lives;
    uint64_t many = UINT64_MAX;
    if (calls_of_open(reader, &question, &calls) == RL_OK) {
        (void)!calls_of_next(calls, &many, &call);
    }
    calls_of_close(calls);
    if (lives_read(reader, &lives) == RL_OK) {
        lives_fini(&lives);
    }
}

/* Begins in the middle, and counts to the end. */
static void ask_timeline(struct reader *reader, const struct u64map *codes)
{
    const struct timeline_question question = {.codes = codes, .from = {1, 1, 300, 0}};
    struct timeline *timeline = NULL;
    struct timeline_row row;
    uint64_t many = UINT64_MAX;
    int is_row = 1;
    if (timeline_open(reader, &question, &timeline) != RL_OK) {
        return;
    }
    for (int n = 0; is_row && timeline_next(timeline, &many, &row, &is_row) == RL_OK; n++) {
        if (n == 20) {
            timeline_only_count(timeline);
        }
    }
    timeline_close(timeline);
}

/* Compares a thread with itself and with another one. The seeds' landmarks have a key of zeros. */
static void ask_diff(struct reader *reader)
{
    for (uint32_t other = 1; other <= 2; other++) {
        const struct diff_question question = {
            .sides = {{.reader = reader, .thread = 1}, {.reader = reader, .thread = other}},
            .kinds = LANDMARK_KINDS,
            .has_values = 1,
            .limit = 3,
            .has_key = 1};
        struct diff_answer answer;
        (void)!diff_read(&question, &answer);
        diff_fini(&answer);
    }
}

/* Asks everything of a recording with the bytes as its index. A part is read where they pass for an
 * index of it. */
static void ask_all(const char *path, const uint8_t *data, size_t size, int is_part)
{
    struct reader *reader = NULL;
    struct u64map codes = {0};
    struct rl_err err;
    const struct stories_question question = {.sees_raise = 1};
    struct exceptions exceptions;
    if (reader_open(path, &reader, &err) != RL_OK) {
        abort();
    }
    use_bytes(reader, data, size);
    if (is_part && reader->index == NULL) {
        reader_close(reader);
        return;
    }
    for (size_t i = 0; i < reader->codes.capacity; i++) {
        if (reader->codes.entries[i].key % 3 == 1) {
            (void)u64map_put(&codes, reader->codes.entries[i].key + 1, 1);
        }
    }
    ask_positions(reader, &codes);
    ask_states(reader);
    ask_calls(reader, &codes);
    ask_counts(reader, &codes);
    ask_timeline(reader, &codes);
    ask_diff(reader);
    if (exceptions_read(reader, &question, 1, &exceptions) == RL_OK) {
        exceptions_fini(&exceptions);
    }
    u64map_fini(&codes);
    index_close(reader->index);
    reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ask_all(FUZZ_RECORDINGS "/lines-1.relive", data, size, 0);
    ask_all(FUZZ_RECORDINGS "/part-1.relive", data, size, 1);
    return 0;
}
