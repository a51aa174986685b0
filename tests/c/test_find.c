/* Every place of a value, on the golden files. A plain walk over all values must find the same
 * ones, at the same place of the same event. */
#include "testing.h"

#include <dirent.h>
#include <inttypes.h>

#include "alloc.h"
#include "find.h"
#include "map.h"
#include "recording.h"
#include "value.h"
#include "write_head.h"

enum { PLACES = 20000, TEXT = 120 };

/* A value that was met by the plain walk. */
struct met {
    uint64_t seq;
    uint32_t thread, name;
    size_t depth;
    struct find_step steps[FIND_DEPTH];
    uint8_t bytes[TEXT];
    size_t len;
    int is_written;
};

static struct {
    struct met *items;
    size_t count;
} met;

/* Where the plain walk is. */
struct walk {
    const struct reader *reader;
    const struct event_out *event;
    const struct write_head *head;
    struct find_step steps[FIND_DEPTH];
    uint32_t name;
    int is_exception; /* the value around this one is one: None says that it has no such part */
};

static int is_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Returns whether the value at this place is what a write has changed. */
static int is_change(const struct walk *walk, size_t depth)
{
    const struct write_head *head = walk->head;
    const struct find_step *step = &walk->steps[0];
    struct value key;
    if (head == NULL || head->key == NULL || depth == 0) {
        return head != NULL && head->key == NULL && depth == 0;
    }
    struct bytes_in in = bytes_in_of(head->key, head->key_len);
    assert_int_equal(value_next(&in, &key), RL_OK);
    if (step->what == FIND_ATTRIBUTE) {
        struct text name = reader_string(walk->reader, step->name);
        return is_same((const uint8_t *)name.data, name.len, key.bytes, key.size);
    }
    return step->what == FIND_ITEM ? key.tag == RL_VALUE_INT && (uint64_t)key.number == step->index
                                   : step->what == FIND_VALUE && is_same(step->key, step->key_len,
                                                                         head->key, head->key_len);
}

static void take(const struct walk *walk, size_t depth, const uint8_t *begin, size_t len)
{
    assert_true(met.count < PLACES);
    struct met *one = &met.items[met.count++];
    *one = (struct met){.seq = walk->event->seq,
                        .thread = walk->event->thread,
                        .name = walk->name,
                        .depth = depth,
                        .len = len,
                        .is_written = is_change(walk, depth)};
    memcpy(one->steps, walk->steps, depth * sizeof *walk->steps);
    memcpy(one->bytes, begin, len < TEXT ? len : TEXT);
}

/* Walks over one value and those inside it. */
static void walk_value(struct walk *walk, struct bytes_in *in, size_t depth)
{
    struct value value;
    const uint8_t *begin = in->at, *key = NULL;
    size_t key_len = 0;
    assert_int_equal(value_next(in, &value), RL_OK);
    uint64_t children = value_children(&value);
    if (children == 0 && !(walk->is_exception && value.tag == RL_VALUE_NONE)) {
        take(walk, depth, begin, (size_t)(in->at - begin));
    }
    for (uint64_t i = 0; i < children; i++) {
        struct find_step *step = &walk->steps[depth];
        *step = (struct find_step){.what = FIND_ITEM, .index = i};
        if (value.tag == RL_VALUE_OBJECT) {
            *step = (struct find_step){.what = FIND_ATTRIBUTE, .name = (uint32_t)bytes_varint(in)};
        } else if (value.tag == RL_VALUE_DICT) {
            *step = (struct find_step){
                .what = i % 2 == 0 ? FIND_KEY : FIND_VALUE, .key = key, .key_len = key_len};
        } else if (value.tag < RL_VALUE_LIST || value.tag > RL_VALUE_FROZENSET) {
            step->what = FIND_PART;
        }
        key = in->at;
        walk->is_exception = value.tag == RL_VALUE_EXCEPTION;
        walk_value(walk, in, depth + 1);
        key_len = (size_t)(in->at - key);
    }
}

/* Meets all values of a file. */
static void meet_all(struct reader *reader)
{
    struct cursor *cursor = NULL;
    struct event_out event;
    met.count = 0;
    assert_int_equal(cursor_open(reader, &cursor), RL_OK);
    while (cursor_next(cursor, &event) == RL_OK) {
        struct walk walk = {.reader = reader, .event = &event};
        struct bytes_in in = bytes_in_of(event.values, event.values_len);
        struct write_head head;
        unsigned kind = event.kind;
        if (kind == RL_EVENT_WRITE) {
            assert_true(write_head_read(reader, &event, &head));
            in = bytes_in_of(head.value, head.value_len);
            walk.head = &head;
            walk.name = head.name;
            walk_value(&walk, &in, 0);
        } else if (kind_begins(kind)) {
            struct code_text code = reader_code(reader, event.id);
            for (uint32_t i = 0; i < code.args && bytes_left(&in) != 0; i++) {
                walk.name = code.names[i];
                walk_value(&walk, &in, 0);
            }
        } else if (event.values_len != 0 &&
                   ((kind >= RL_EVENT_RETURN && kind <= RL_EVENT_HANDLED) ||
                    (kind >= RL_EVENT_LOG && kind <= RL_EVENT_MARK))) {
            walk_value(&walk, &in, 0);
        }
    }
    cursor_close(cursor);
}

/* Writes a value as an expression has it; 0 for one that this test does not ask for. */
static int write_wanted(const struct met *one, char text[TEXT + 8])
{
    struct bytes_in in = bytes_in_of(one->bytes, one->len < TEXT ? one->len : 0);
    struct value value;
    if (one->len >= TEXT || value_next(&in, &value) != RL_OK) {
        return 0;
    }
    switch (value.tag) {
    case RL_VALUE_NONE:
        (void)strcpy(text, "None");
        return 1;
    case RL_VALUE_TRUE:
        (void)strcpy(text, "True");
        return 1;
    case RL_VALUE_INT:
        (void)snprintf(text, TEXT + 8, "%" PRId64, value.number);
        return 1;
    case RL_VALUE_STR:
        for (size_t i = 0; i < value.size; i++) {
            if (value.bytes[i] < 32 || value.bytes[i] > 126 || strchr("\"\\", value.bytes[i])) {
                return 0;
            }
        }
        (void)snprintf(text, TEXT + 8, "\"%.*s\"", (int)value.size, (const char *)value.bytes);
        return 1;
    default:
        return 0;
    }
}

static struct find *open_find(struct reader *reader, struct where *where, int only_writes,
                              uint64_t skip)
{
    struct find_question question = {where, 0, only_writes, skip};
    struct find *find = NULL;
    assert_int_equal(find_open(reader, &question, &find), RL_OK);
    return find;
}

static void assert_place(const struct find_place *place, const struct met *wanted)
{
    assert_int_equal(place->event->thread, wanted->thread);
    assert_int_equal(place->event->seq, wanted->seq);
    assert_int_equal(place->name, wanted->name);
    assert_int_equal(place->depth, wanted->depth);
    assert_int_equal(place->value_len, wanted->len);
    assert_memory_equal(place->value, wanted->bytes, wanted->len);
    for (size_t i = 0; i < wanted->depth; i++) {
        assert_int_equal(place->steps[i].what, wanted->steps[i].what);
        assert_int_equal(place->steps[i].name, wanted->steps[i].name);
        if (wanted->steps[i].what == FIND_ITEM || wanted->steps[i].what == FIND_PART) {
            assert_int_equal(place->steps[i].index, wanted->steps[i].index);
        }
        if (wanted->steps[i].what == FIND_VALUE) {
            assert_int_equal(place->steps[i].key_len, wanted->steps[i].key_len);
        }
    }
}

/* Asks for one value, `skip` places left out. Returns how many places it has. */
static size_t compare(struct reader *reader, const struct met *wanted, const char *text,
                      int only_writes, uint64_t skip)
{
    struct where *where = NULL;
    struct where_error error;
    const struct find_place *place = NULL;
    uint64_t events = UINT64_MAX;
    size_t found = 0;
    assert_int_equal(where_new(text, strlen(text), &where, &error), RL_OK);
    struct find *find = open_find(reader, where, only_writes, skip);
    for (size_t i = 0; i < met.count; i++) {
        const struct met *one = &met.items[i];
        if (!is_same(one->bytes, one->len, wanted->bytes, wanted->len) ||
            (only_writes && !one->is_written) || found++ < skip) {
            continue;
        }
        assert_int_equal(find_next(find, &events, &place), RL_OK);
        assert_non_null(place);
        assert_place(place, one);
    }
    assert_int_equal(find_next(find, &events, &place), RL_END);
    assert_int_equal(find_count(find), found);
    find_close(find);
    where_free(where);
    return found;
}

static size_t asked, written;

static void check_file(struct reader *reader)
{
    struct strmap done = {0};
    meet_all(reader);
    for (size_t i = 0; i < met.count; i++) {
        char text[TEXT + 8];
        if (write_wanted(&met.items[i], text) && strmap_get(&done, text, strlen(text)) == NULL) {
            assert_int_equal(strmap_put(&done, text, strlen(text), 1), 0);
            size_t places = compare(reader, &met.items[i], text, 0, 0);
            (void)compare(reader, &met.items[i], text, 0, places / 2);
            written += compare(reader, &met.items[i], text, 1, 0);
            asked++;
        }
    }
    strmap_fini(&done);
}

static void every_place_is_that_of_a_plain_walk(void **state)
{
    char path[4200];
    const struct dirent *entry;
    (void)state;
    met.items = rl_alloc(PLACES, sizeof *met.items);
    assert_non_null(met.items);
    DIR *files = opendir(getenv("GOLDEN"));
    assert_non_null(files);
    while ((entry = readdir(files)) != NULL) {
        struct reader *reader = NULL;
        struct rl_err err;
        (void)snprintf(path, sizeof path, "%.3900s/%.250s", getenv("GOLDEN"), entry->d_name);
        if (strstr(entry->d_name, ".relive") != NULL && reader_open(path, &reader, &err) == RL_OK) {
            check_file(reader);
        }
        reader_close(reader);
    }
    (void)closedir(files);
    rl_free(met.items);
    assert_true(asked > 50 && written > 50);
}

/* A walk may stop after any number of events, and goes on where it was. */
static void an_answer_in_pieces_is_the_same(void **state)
{
    char path[4096];
    struct reader *reader = NULL;
    struct where *where = NULL;
    struct where_error error;
    struct rl_err err;
    size_t counts[2] = {0, 0};
    (void)state;
    (void)snprintf(path, sizeof path, "%s/verbs-1.relive", getenv("GOLDEN"));
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(where_new("re(x, \"e\")", 10, &where, &error), RL_OK);
    for (int is_whole = 0; is_whole < 2; is_whole++) {
        struct find_question question = {where, 1, 0, 0};
        struct find *find = NULL;
        const struct find_place *place;
        rl_status status = find_open(reader, &question, &find);
        while (status == RL_OK) {
            uint64_t events = is_whole ? UINT64_MAX : 1;
            status = find_next(find, &events, &place);
            counts[is_whole] += place != NULL;
        }
        assert_int_equal(status, RL_END);
        find_close(find);
    }
    assert_true(counts[0] > 5);
    assert_int_equal(counts[0], counts[1]);
    where_free(where);
    reader_close(reader);
}

static void each_allocation_may_fail(void **state)
{
    char path[4096];
    struct reader *reader = NULL;
    struct where *where = NULL;
    struct where_error error;
    struct rl_err err;
    size_t failed = 0, right = 0;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/verbs-1.relive", getenv("GOLDEN"));
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    assert_int_equal(where_new("1", 1, &where, &error), RL_OK);
    for (unsigned long nth = 0; nth < 200; nth++) {
        struct find_question question = {where, 0, 0, 0};
        struct find *find = NULL;
        const struct find_place *place;
        uint64_t events = UINT64_MAX;
        (void)rl_alloc_fail_at(nth, 0);
        rl_status status = find_open(reader, &question, &find);
        while (status == RL_OK) {
            status = find_next(find, &events, &place);
        }
        (void)rl_alloc_fail_at(0, 0);
        assert_true(status == RL_END || status == RL_NOMEM);
        right = nth == 0 ? (size_t)find_count(find) : right;
        assert_true(status == RL_NOMEM || find_count(find) == right);
        failed += status == RL_NOMEM;
        find_close(find);
    }
    assert_true(right > 0 && failed > 10);
    where_free(where);
    reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_is_that_of_a_plain_walk),
        cmocka_unit_test(an_answer_in_pieces_is_the_same),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
