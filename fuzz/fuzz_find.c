/* Any bytes as a recording, in which values are looked for. What is found must be inside the event
 * that it is found in. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "find.h"
#include "reader_open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS = 2000, PLACES = 1000, TURNS = 4 };

/* What is looked for: values that have one recorded form, others, and expressions about x. */
static const struct {
    const char *text;
    int is_about_x, only_writes;
} questions[] = {
    {"1", 0, 0},   {"None", 0, 0}, {"\"a\"", 0, 1},         {"(1, 2)", 0, 0},
    {"[1]", 0, 1}, {"1.5", 0, 0},  {"re(x, \"^.\")", 1, 0}, {"\"o\" in x", 1, 1},
};

static void check_place(const struct find_place *place)
{
    const uint8_t *begin = place->event->values;
    const uint8_t *end = begin + place->event->values_len;
    if (place->depth > FIND_DEPTH || place->value < begin || place->value > end ||
        place->value_len > (size_t)(end - place->value)) {
        abort();
    }
    for (size_t i = 0; i < place->depth; i++) {
        const struct find_step *step = &place->steps[i];
        if (step->what == FIND_VALUE && (step->key < begin || step->key + step->key_len > end)) {
            abort();
        }
    }
}

static void ask(struct reader *reader, const char *text, int is_about_x, int only_writes)
{
    struct where *where = NULL;
    struct where_error error;
    if (where_new(text, strlen(text), &where, &error) != RL_OK) {
        abort();
    }
    struct find_question question = {where, is_about_x, only_writes, 1};
    struct find *find = NULL;
    const struct find_place *place;
    uint64_t events = EVENTS;
    if (find_open(reader, &question, &find) == RL_OK) {
        for (int i = 0; i < PLACES && find_next(find, &events, &place) == RL_OK && place != NULL;
             i++) {
            check_place(place);
        }
    }
    find_close(find);
    where_free(where);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[64];
    struct reader *reader = NULL;
    struct rl_err err;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (reader_open(path, &reader, &err) == RL_OK) {
        size_t turn = 0; /* two questions an input; which ones depends on its bytes */
        for (size_t i = 0; i < size; i++) {
            turn += data[i];
        }
        for (size_t i = turn % TURNS; i < sizeof questions / sizeof *questions; i += TURNS) {
            ask(reader, questions[i].text, questions[i].is_about_x, questions[i].only_writes);
        }
        reader_close(reader);
    }
    return 0;
}
