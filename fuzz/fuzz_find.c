/* Any bytes as a recording, in which values are looked for. What is found must be inside the event
 * that it is found in. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "recording.h"

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

static void ask_for(struct reader *reader, const char *text, int is_about_x, int only_writes)
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

/* Two questions an input; which ones depends on its size. */
static void ask(struct reader *reader)
{
    for (size_t i = reader->size % TURNS; i < sizeof questions / sizeof *questions; i += TURNS) {
        ask_for(reader, questions[i].text, questions[i].is_about_x, questions[i].only_writes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_recording(data, size, ask);
}
