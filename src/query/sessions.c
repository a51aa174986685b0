/* Why: a thread is in one session at a time, as its rows say. So calls are counted thread by
 * thread, without merging the events of threads by time.
 *
 * Invariant: one exception counts once per thread, however many functions it leaves. An address
 * alone does not identify an exception, since it is reused; `newest` bounds the frames it may have
 * left. */
#include "sessions.h"

#include <string.h>

#include "alloc.h"
#include "map.h"
#include "value.h"
#include "walk.h"

struct lane {
    uint32_t session;
    uint64_t exception; /* address of the exception that left a frame last; 0 = not known */
    uint64_t called;    /* newest frame of the thread */
    uint64_t newest;    /* newest frame when an exception was counted; later frames belong to later
                           exceptions */
    int is_leaving;     /* the event before left a frame */
    int is_counted;     /* `exception` has been counted */
};

struct counting {
    const struct reader *reader;
    const struct u64map *codes;
    struct session_totals *totals;
    struct u64map index; /* session -> place in totals + 1 */
    struct u64map lanes; /* thread -> struct lane *, owned */
    struct lane *lane;
    int failed;
};

static void begin_counted_chunk(void *self, const struct chunk_info *info)
{
    struct counting *c = self;
    const uint64_t *known = u64map_get(&c->lanes, info->thread);
    c->lane = known != NULL ? (struct lane *)(uintptr_t)*known : NULL;
    if (c->lane != NULL) {
        return;
    }
    c->lane = rl_zalloc(1, sizeof *c->lane);
    if (c->lane == NULL || u64map_put(&c->lanes, info->thread, (uint64_t)(uintptr_t)c->lane) != 0) {
        rl_free(c->lane);
        c->lane = NULL;
        c->failed = 1;
    }
}

static struct session_total *total_of(struct counting *c, uint32_t session)
{
    struct session_totals *totals = c->totals;
    const uint64_t *known = u64map_get(&c->index, session);
    void *items = totals->items;
    if (known != NULL) {
        return &totals->items[*known - 1];
    }
    if (rl_grow(&items, &totals->cap, totals->count + 1, sizeof *totals->items) != 0) {
        c->failed = 1;
        return NULL;
    }
    totals->items = items;
    if (u64map_put(&c->index, session, totals->count + 1) != 0) {
        c->failed = 1;
        return NULL;
    }
    totals->items[totals->count] = (struct session_total){.session = session};
    return &totals->items[totals->count++];
}

/* Returns the address of an event's exception; 0 where the values do not contain it. */
static uint64_t exception_of(const struct rec *rec)
{
    struct bytes_in in = bytes_in_of(rec->data, rec->data_len);
    struct value value;
    return rec->data_len != 0 && value_next(&in, &value) == RL_OK ? value.identity : 0;
}

/* Returns whether an exception type only ends an iteration. */
static int ends_iteration(const struct counting *c, uint32_t exception_type)
{
    static const char *const names[] = {"StopIteration", "StopAsyncIteration", "GeneratorExit"};
    struct text type = reader_string(c->reader, exception_type);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (type.len == strlen(names[i]) && memcmp(type.data, names[i], type.len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Finds the exception that ended a session. Returns whether there is one. */
static int exception_left_by(const struct rec *rec, struct value *exception)
{
    struct bytes_in in = bytes_in_of(rec->data, rec->data_len);
    struct value fields, name;
    if (value_next(&in, &fields) != RL_OK || fields.tag != RL_VALUE_DICT) {
        return 0;
    }
    for (uint64_t k = fields.shown; k > 0 && value_next(&in, &name) == RL_OK; k--) {
        if (name.tag == RL_VALUE_STR && name.size == 5 && memcmp(name.bytes, "error", 5) == 0) {
            return value_next(&in, exception) == RL_OK;
        }
        if (value_skip(&in) != RL_OK) {
            return 0;
        }
    }
    return 0;
}

/* Counts the exception of a session's end, unless it was counted when it left a function. */
static void count_end(struct counting *c, const struct rec *rec)
{
    struct value exception;
    const struct lane *lane = c->lane;
    if (!exception_left_by(rec, &exception) || ends_iteration(c, exception.type)) {
        return;
    }
    int is_same = lane->exception != 0 ? exception.identity == lane->exception : lane->is_leaving;
    if (is_same && lane->is_counted) {
        return;
    }
    struct session_total *total = total_of(c, rec->id);
    if (total != NULL) {
        total->errors++;
    }
}

static void count_event(void *self, const struct rec *rec)
{
    struct counting *c = self;
    struct lane *lane = c->lane;
    if (lane == NULL) {
        return;
    }
    if (kind_switches_session(rec->kind, rec->data_len)) {
        lane->session = rec->id;
        return;
    }
    if (rec->kind == RL_EVENT_SESSION_START) {
        lane->is_counted = 0; /* addresses are reused: those before belong to other exceptions */
    } else if (rec->kind == RL_EVENT_SESSION_END) {
        count_end(c, rec);
    }
    int was_leaving = lane->is_leaving;
    lane->is_leaving = rec->kind == RL_EVENT_UNWIND;
    struct session_total *total = NULL;
    lane->called = rec->kind == RL_EVENT_CALL ? rec->frame : lane->called;
    if (lane->session != 0 && (rec->kind == RL_EVENT_CALL || rec->kind == RL_EVENT_UNWIND)) {
        total = total_of(c, lane->session);
    }
    if (total != NULL && rec->kind == RL_EVENT_CALL) {
        total->calls++;
    } else if (total != NULL) {
        uint64_t exception = exception_of(rec);
        int is_same = (exception != 0 ? exception == lane->exception : was_leaving) &&
                      rec->frame <= lane->newest;
        lane->exception = exception;
        lane->is_counted = is_same && lane->is_counted;
        if (!lane->is_counted && u64map_get(c->codes, (uint64_t)rec->id + 1) != NULL) {
            lane->is_counted = 1;
            lane->newest = lane->called;
            total->errors += !ends_iteration(c, rec->exc);
        }
    }
}

rl_status sessions_count(struct reader *reader, const struct u64map *codes,
                         struct session_totals *totals)
{
    *totals = (struct session_totals){0};
    struct counting counting = {.reader = reader, .codes = codes, .totals = totals};
    const struct walk walk = {&counting, begin_counted_chunk, count_event};
    rl_status status = walk_chunks(reader, &walk);
    for (size_t i = 0; i < counting.lanes.capacity; i++) {
        if (counting.lanes.entries[i].key != 0) {
            rl_free((void *)(uintptr_t)counting.lanes.entries[i].value);
        }
    }
    u64map_fini(&counting.lanes);
    u64map_fini(&counting.index);
    if (status != RL_OK || counting.failed) {
        sessions_fini(totals);
        return RL_NOMEM;
    }
    return RL_OK;
}

void sessions_fini(struct session_totals *totals)
{
    rl_free(totals->items);
    *totals = (struct session_totals){0};
}
