/* The steps to the origin of a value, on the golden files. Each answer must be that of a plain
 * reading of all events. tests/py/test_origin.py has whole ways. */
#include "testing.h"

#include <dirent.h>

#include "alloc.h"
#include "kept_event.h"
#include "operand.h"
#include "origin_back.h"
#include "origin_steps.h"
#include "recording.h"
#include "value.h"
#include "where.h"
#include "write_head.h"

/* All events of a file, in the order of the cursor. */
struct all {
    struct reader *reader;
    struct kept_event *events;
    size_t count, cap;
};

static struct all read_all(const char *path)
{
    struct all all = {0};
    struct cursor *cursor = NULL;
    struct event_out event;
    struct rl_err err;
    if (reader_open(path, &all.reader, &err) != RL_OK) {
        return all;
    }
    assert_int_equal(cursor_open(all.reader, &cursor), RL_OK);
    while (cursor_next(cursor, &event) == RL_OK) {
        void *events = all.events;
        assert_int_equal(rl_grow(&events, &all.cap, all.count + 1, sizeof *all.events), 0);
        all.events = events;
        all.events[all.count] = (struct kept_event){0};
        assert_int_equal(kept_event_take(&all.events[all.count++], &event), 0);
    }
    cursor_close(cursor);
    return all;
}

static void free_all(struct all *all)
{
    for (size_t i = 0; i < all->count; i++) {
        kept_event_fini(&all->events[i]);
    }
    rl_free(all->events);
    reader_close(all->reader);
}

static const struct event_out *at(const struct all *all, size_t i)
{
    return &all->events[i].out;
}

static struct origin_from from_event(const struct all *all, size_t i)
{
    return (struct origin_from){all->reader, at(all, i)->thread, at(all, i)->seq, 0, 0};
}

/* Calls a check for each golden file that can be opened. */
static void for_golden(void (*check)(const struct all *all), int least)
{
    static const char *const folders[] = {"good", "old"};
    char path[4200];
    int files = 0;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        char folder[4096];
        const struct dirent *entry;
        (void)snprintf(folder, sizeof folder, "%s/../%s", getenv("GOLDEN"), folders[f]);
        DIR *dir = opendir(folder);
        assert_non_null(dir);
        while ((entry = readdir(dir)) != NULL) {
            (void)snprintf(path, sizeof path, "%.3900s/%.250s", folder, entry->d_name);
            struct all all = read_all(path);
            if (all.reader != NULL && all.count != 0) {
                check(&all);
                files++;
            }
            free_all(&all);
        }
        (void)closedir(dir);
    }
    assert_true(files >= least);
}

static void assert_event(const struct event_out *found, const struct event_out *wanted)
{
    if (wanted == NULL) {
        assert_int_equal(found->kind, 0);
        return;
    }
    assert_int_equal(found->kind, wanted->kind);
    assert_int_equal(found->thread, wanted->thread);
    assert_int_equal(found->seq, wanted->seq);
    assert_int_equal(found->frame, wanted->frame);
}

static int is_of_function(const struct event_out *event)
{
    return event->frame != 0 &&
           ((event->kind >= RL_EVENT_CALL && event->kind <= RL_EVENT_C_RAISE) ||
            event->kind == RL_EVENT_RUNNING || event->kind == RL_EVENT_CLOSED);
}

/* ---- events from a place back ---- */

static void check_back(const struct all *all)
{
    for (size_t n = 0; n < 40; n++) {
        size_t place = (size_t)rand() % all->count;
        for (int is_alone = 0; is_alone < 2; is_alone++) {
            struct back *back = NULL;
            struct event_out event;
            const struct event_out *first = at(all, place);
            assert_int_equal(back_open(all->reader, first->thread, first->seq, is_alone, &back),
                             RL_OK);
            for (size_t i = place + 1; i-- > 0;) {
                const struct event_out *wanted = at(all, i);
                if (is_alone && wanted->thread != first->thread) {
                    continue;
                }
                assert_int_equal(back_prev(back, &event), RL_OK);
                assert_event(&event, wanted);
                assert_int_equal(event.t, wanted->t);
                assert_int_equal(event.line, wanted->line);
                assert_int_equal(event.task, wanted->task);
                assert_int_equal(event.values_len, wanted->values_len);
                assert_true(event.values_len == 0 ||
                            memcmp(event.values, wanted->values, event.values_len) == 0);
            }
            assert_int_equal(back_prev(back, &event), RL_END);
            back_close(back);
        }
    }
}

static void events_come_back_in_the_order_of_the_cursor(void **state)
{
    (void)state;
    srand(3);
    for_golden(check_back, 10);
}

/* ---- frames ---- */

static const struct event_out *last_line(const struct all *all, size_t before, uint64_t frame)
{
    for (size_t i = before; i-- > 0;) {
        if (at(all, i)->frame == frame && is_of_function(at(all, i))) {
            if (at(all, i)->kind == RL_EVENT_LINE) {
                return at(all, i);
            }
            if (kind_begins(at(all, i)->kind)) {
                return NULL;
            }
        }
    }
    return NULL;
}

static size_t callers;

static void check_frames(const struct all *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct event_out *event = at(all, i), *wanted = NULL;
        struct origin_from from = from_event(all, i);
        struct origin_caller caller;
        struct event_out found;
        if (kind_begins(event->kind) && event->frame != 0 && event->parent_is_known) {
            assert_int_equal(origin_caller(&from, &caller), RL_OK);
            assert_int_equal(caller.frame, event->parent);
            assert_event(&caller.line,
                         event->parent != 0 ? last_line(all, i, event->parent) : NULL);
            callers += caller.line.kind != 0;
            for (size_t k = i; k < all->count && wanted == NULL; k++) {
                int is_end = at(all, k)->frame == event->frame && kind_ends(at(all, k)->kind);
                wanted = is_end && at(all, k)->thread == event->thread ? at(all, k) : NULL;
            }
            assert_int_equal(origin_end(&from, event->frame, &found), RL_OK);
            assert_event(&found, wanted);
        }
        wanted = NULL;
        for (size_t k = i + 1; k-- > 0 && wanted == NULL;) {
            int is_c = at(all, k)->kind >= RL_EVENT_C_CALL && at(all, k)->kind <= RL_EVENT_C_RAISE;
            int fits = at(all, k)->thread == event->thread && is_of_function(at(all, k)) && !is_c;
            wanted = fits ? at(all, k) : NULL;
        }
        assert_int_equal(origin_nearest(&from, &found), RL_OK);
        assert_event(&found, wanted);
    }
}

static void callers_and_ends_are_those_of_the_cursor(void **state)
{
    (void)state;
    for_golden(check_frames, 10);
    assert_true(callers > 30);
}

/* ---- what a frame called since its line began ---- */

enum { MOST_CALLED = 1000 };

static size_t called;

/* Compares what a frame called before it was left by event `last`. */
static void check_calls_before(const struct all *all, size_t last)
{
    const struct event_out *leaves = at(all, last);
    size_t first = last, depth = 0, count = 0;
    const struct event_out *begins[MOST_CALLED], *ends[MOST_CALLED], *begin = NULL;
    int is_away = 0;
    for (size_t i = last; i-- > 0 && first == last;) {
        int is_own = at(all, i)->frame == leaves->frame && at(all, i)->thread == leaves->thread;
        first = is_own && (at(all, i)->kind == RL_EVENT_LINE || kind_begins(at(all, i)->kind))
                    ? i
                    : first;
    }
    for (size_t i = first + 1; i < last && count < MOST_CALLED; i++) {
        const struct event_out *event = at(all, i);
        if (event->thread != leaves->thread || !is_of_function(event)) {
            continue;
        }
        if (event->frame == leaves->frame) {
            is_away = kind_leaves(event->kind) || (is_away && !kind_enters(event->kind));
        } else if (!is_away && kind_enters(event->kind) && depth++ == 0) {
            begin = event;
        } else if (!is_away && kind_leaves(event->kind) && --depth == 0) {
            begins[count] = begin;
            ends[count++] = event;
        }
    }
    struct origin_calls calls;
    struct origin_from from = {all->reader, leaves->thread, leaves->seq - 1, 0, 0};
    assert_int_equal(origin_calls(&from, leaves->frame, 0, 0, MOST_CALLED, &calls), RL_OK);
    if (first != last) {
        assert_event(&calls.line, at(all, first));
        assert_int_equal(calls.count, count);
        for (size_t n = 0; n < count; n++) {
            assert_event(&calls.items[n].end.out, ends[count - 1 - n]);
            assert_event(&calls.items[n].begin, begins[count - 1 - n]);
        }
        called += count;
    }
    origin_calls_fini(&calls);
}

static void check_calls(const struct all *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (at(all, i)->frame != 0 && kind_leaves(at(all, i)->kind)) {
            check_calls_before(all, i);
        }
    }
}

static void calls_are_those_between_the_line_and_the_place(void **state)
{
    (void)state;
    for_golden(check_calls, 10);
    assert_true(called > 30);
}

/* ---- what bound a name ---- */

static uint64_t identity_of(struct text value)
{
    struct bytes_in in = bytes_in_of(value.data, value.len);
    struct value one;
    return value.data != NULL && value_next(&in, &one) == RL_OK ? one.identity : 0;
}

static size_t bindings, changes;

/* One object that is written again has only changed inside: what bound it came before. */
static void check_write(const struct all *all, size_t place, struct text name)
{
    const struct event_out *write = at(all, place), *bound = write, *line = NULL;
    uint64_t identity = identity_of(origin_value(all->reader, write, name));
    int has_older = 0, is_done = 0;
    for (size_t i = place; i-- > 0 && !is_done;) {
        const struct event_out *event = at(all, i);
        if (event->frame != write->frame) {
            continue;
        }
        if (event->kind == RL_EVENT_LINE) {
            line = line == NULL ? event : line;
            is_done = identity == 0;
            continue;
        }
        struct text value = origin_value(all->reader, event, name);
        is_done = kind_begins(event->kind);
        if (value.data == NULL || (event->kind != RL_EVENT_WRITE && !kind_begins(event->kind))) {
            continue;
        }
        if (identity == 0 || identity_of(value) != identity) {
            break;
        }
        bound = event;
        line = NULL;
        has_older = 1;
    }
    struct u64map none = {0};
    struct origin_name wanted = {name, write->frame, &none, &none, 0};
    struct origin_from from = from_event(all, place);
    struct origin_bound found;
    assert_int_equal(origin_bound(&from, &wanted, &found), RL_OK);
    assert_event(&found.event.out, bound);
    assert_event(&found.change.out, has_older ? write : NULL);
    assert_event(&found.line, line);
    assert_int_equal(found.is_unseen | found.is_cut_off, 0);
    bindings++;
    changes += has_older != 0;
    origin_bound_fini(&found);
}

static void check_bindings(const struct all *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct write_head head;
        if (at(all, i)->kind == RL_EVENT_WRITE && at(all, i)->frame != 0 &&
            write_head_read(all->reader, at(all, i), &head) && head.name != 0) {
            check_write(all, i, reader_string(all->reader, head.name));
        }
    }
}

static void a_name_is_bound_by_the_oldest_write_of_its_object(void **state)
{
    (void)state;
    for_golden(check_bindings, 10);
    assert_true(bindings > 30 && changes > 0);
}

/* ---- since when a part of an object has its value ---- */

/* Returns the object with this identity among the values of an event themselves. */
static struct text shown_object(const struct all *all, const struct event_out *event, uint64_t id)
{
    struct text none = {NULL, 0}, value = none;
    struct write_head head;
    struct code_text code = reader_code(all->reader, event->id);
    if (event->kind == RL_EVENT_WRITE && write_head_read(all->reader, event, &head)) {
        value = (struct text){(const char *)head.value, head.value_len};
    } else if (kind_begins(event->kind)) {
        for (uint32_t i = 0; i < code.args; i++) {
            value = origin_value(all->reader, event, reader_string(all->reader, code.names[i]));
            if (identity_of(value) == id) {
                break;
            }
        }
    } else if (event->kind == RL_EVENT_RETURN || event->kind == RL_EVENT_YIELD) {
        value = origin_value(all->reader, event, none);
    }
    return identity_of(value) == id && id != 0 ? value : none;
}

/* Returns whether an event shows the object without attributes, or in front of its __init__. */
static int is_born(const struct all *all, const struct event_out *event, struct text object)
{
    struct bytes_in in = bytes_in_of(object.data, object.len);
    struct value value;
    if (kind_begins(event->kind)) {
        struct text name = reader_code(all->reader, event->id).qualname;
        return name.len > 9 && memcmp(name.data + name.len - 9, ".__init__", 9) == 0 &&
               (const uint8_t *)object.data == event->values;
    }
    return value_next(&in, &value) == RL_OK && value.tag == RL_VALUE_OBJECT && value.len == 0;
}

static size_t parts;

static void check_part(const struct all *all, size_t place, uint64_t id, const char *path)
{
    struct where *where = NULL;
    struct where_error error;
    struct bytes_out present = {0};
    const struct event_out *since = NULL, *before = NULL;
    int is_known = 0;
    assert_int_equal(where_new(path, strlen(path), &where, &error), RL_OK);
    for (size_t i = place + 1; i-- > 0 && before == NULL;) {
        struct text object = shown_object(all, at(all, i), id);
        struct operand one = origin_evaluate(all->reader, where, object);
        int is_missing =
            one.kind == OPERAND_RAISES || (object.data != NULL && is_born(all, at(all, i), object));
        if (object.data == NULL || (one.kind == OPERAND_UNKNOWN && !is_missing)) {
            continue;
        }
        size_t len = is_missing ? 0 : (size_t)(one.end - one.begin);
        if (!is_known) {
            is_known = 1;
            bytes_put(&present, one.begin, len);
        }
        if (len != 0 && len == present.len && memcmp(one.begin, present.data, len) == 0) {
            since = at(all, i);
        } else {
            before = at(all, i);
        }
    }
    struct origin_from from = from_event(all, place);
    struct origin_changed found;
    assert_int_equal(origin_changed(&from, id, where, &found), RL_OK);
    assert_event(&found.event.out, since);
    assert_event(&found.before.out, before);
    parts += since != NULL;
    origin_changed_fini(&found);
    bytes_out_fini(&present);
    where_free(where);
}

/* Asks for the first fields and items of each object that an event shows. */
static void check_parts(const struct all *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct event_out *event = at(all, i);
        struct write_head head;
        if (event->kind != RL_EVENT_WRITE || !write_head_read(all->reader, event, &head)) {
            continue;
        }
        struct bytes_in in = bytes_in_of(head.value, head.value_len);
        struct value value;
        assert_int_equal(value_next(&in, &value), RL_OK);
        if (value.tag == RL_VALUE_OBJECT && value.shown != 0) {
            struct text name = reader_string(all->reader, (uint32_t)bytes_varint(&in));
            char path[100];
            (void)snprintf(path, sizeof path, "x.%.*s", (int)name.len, name.data);
            check_part(all, i, value.identity, path);
        } else if (value.tag == RL_VALUE_LIST) {
            check_part(all, i, value.identity, "x[0]");
            check_part(all, i, value.identity, "x[1]");
        }
    }
}

static void a_part_has_its_value_since_the_first_event_that_shows_it(void **state)
{
    (void)state;
    for_golden(check_parts, 10);
    assert_true(parts > 10);
}

/* ---- many chunks, threads, want of memory ---- */

static void many_chunks_and_threads_are_answered_alike(void **state)
{
    enum { THREADS = 3, CALLS = 2000 };
    struct worker workers[THREADS];
    struct recorder_stats stats;
    char path[256];
    (void)state;
    srand(5);
    (void)strcpy(path, fresh_path());
    struct recorder *recorder = open_recorder(path, 1u << 18, 0, 0);
    start_workers(workers, THREADS, recorder, CALLS);
    join_workers(workers, THREADS);
    close_recorder(recorder, &stats);
    struct all all = read_all(path);
    assert_true(all.count > THREADS * CALLS && all.reader->chunk_count > THREADS);
    check_back(&all);
    for (size_t n = 0; n < 300; n++) {
        size_t i = (size_t)rand() % all.count;
        struct origin_from from = from_event(&all, i);
        struct origin_caller caller;
        if (kind_begins(at(&all, i)->kind)) {
            assert_int_equal(origin_caller(&from, &caller), RL_OK);
            assert_int_equal(caller.frame, at(&all, i)->parent);
        } else if (kind_leaves(at(&all, i)->kind)) {
            check_calls_before(&all, i);
        }
    }
    free_all(&all);
    (void)unlink(path);
}

/* Asks one of each question; the places it found, or RL_NOMEM. */
static rl_status ask_each(const struct all *all, size_t i, uint64_t found[4])
{
    struct u64map none = {0};
    struct text name = {"order", 5};
    struct origin_name wanted = {name, at(all, i)->frame, &none, &none, 0};
    struct origin_from from = from_event(all, i);
    struct origin_caller caller = {0};
    struct origin_bound bound = {0};
    struct origin_calls calls = {0};
    struct event_out nearest = {0};
    rl_status status = origin_caller(&from, &caller);
    status = status == RL_OK ? origin_bound(&from, &wanted, &bound) : status;
    status = status == RL_OK ? origin_calls(&from, at(all, i)->frame, 0, 0, 9, &calls) : status;
    status = status == RL_OK ? origin_nearest(&from, &nearest) : status;
    found[0] = caller.frame;
    found[1] = bound.event.out.seq;
    found[2] = calls.count;
    found[3] = nearest.seq;
    origin_bound_fini(&bound);
    origin_calls_fini(&calls);
    return status;
}

static void each_allocation_may_fail(void **state)
{
    char path[4096];
    uint64_t right[4], found[4];
    int failed = 0;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/verbs-1.relive", getenv("GOLDEN"));
    struct all all = read_all(path);
    for (size_t i = all.count / 3; i < all.count; i += all.count / 3) {
        assert_int_equal(ask_each(&all, i, right), RL_OK);
        for (unsigned long nth = 1; nth < 100; nth++) {
            (void)rl_alloc_fail_at(nth, 0);
            rl_status status = ask_each(&all, i, found);
            (void)rl_alloc_fail_at(0, 0);
            assert_true(status == RL_NOMEM || memcmp(found, right, sizeof right) == 0);
            failed += status == RL_NOMEM;
        }
    }
    assert_true(failed > 20);
    free_all(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_back_in_the_order_of_the_cursor),
        cmocka_unit_test(callers_and_ends_are_those_of_the_cursor),
        cmocka_unit_test(calls_are_those_between_the_line_and_the_place),
        cmocka_unit_test(a_name_is_bound_by_the_oldest_write_of_its_object),
        cmocka_unit_test(a_part_has_its_value_since_the_first_event_that_shows_it),
        cmocka_unit_test(many_chunks_and_threads_are_answered_alike),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
