/* Part of instant.h: what taking events (instant.c) and answering (instant_view.c) share. */
#ifndef INSTANT_PARTS_H
#define INSTANT_PARTS_H

#include "instant.h"
#include "map.h"

/* The last write of a variable. */
struct written {
    uint32_t name;       /* string id */
    uint8_t scope;       /* enum rl_write_scope */
    uint32_t after_line; /* that had been about to run when it changed; 0 = not known */
    uint32_t thread;     /* of the event, as is `seq` */
    uint64_t seq;
    uint8_t *bytes; /* owned; one value */
    size_t len;
};

/* What is kept of one frame. */
struct record {
    uint64_t frame; /* 0 = free */
    uint32_t code, line;
    uint32_t ran;          /* line of its last LINE; 0 = none */
    uint32_t thread, task; /* where it ran last */
    uint8_t has_lines;     /* each change of its variables has an event */
    uint8_t is_suspended;
    uint8_t *call; /* owned; values of its CALL */
    size_t call_len, call_cap;
    uint32_t call_thread; /* of the CALL, as is `call_seq` */
    uint64_t call_seq;
    struct written *written; /* owned */
    size_t written_count, written_cap;
};

/* The last event of one thread. */
struct lane_state {
    uint32_t thread, line;
    uint64_t seq, ticks, frame;
    uint64_t fresh_from; /* number of the first write of those right before it, or its own */
    uint8_t kind;
};

struct instant {
    struct reader *reader;
    struct cursor *cursor;  /* owned */
    struct record *records; /* owned */
    size_t record_count, record_cap;
    size_t *free_records; /* owned; indexes of free ones, room for all */
    size_t free_count, free_cap;
    struct u64map record_of;  /* frame -> index */
    struct lane_state *lanes; /* owned */
    size_t lane_count, lane_cap, last_lane;
    struct u64map lane_of; /* thread + 1 -> index */
    struct u64map tasks;   /* task + 1 -> string id of its name */
    uint64_t ending;       /* frame that the last event has ended */
    struct event_out last; /* its values are the cursor's, or last_values */
    uint8_t *last_values;  /* owned; of an instant that was loaded */
};

/* Appends an event with its values. */
void instant_put_event(const struct event_out *event, struct bytes_out *out);
/* Takes one; its values are borrowed from the bytes. RL_OK or RL_DAMAGED. */
RL_CHECKED rl_status instant_take_event(const struct reader *reader, struct bytes_in *in,
                                        struct event_out *event);
/* Opens the cursor of an instant that was saved. *lines, where it is not NULL, becomes frame ->
 * line of its last LINE. As instant_load(). */
RL_CHECKED rl_status instant_load_cursor(struct reader *reader, const uint8_t *bytes, size_t len,
                                         struct u64map *lines, struct cursor **out);
/* Adds the lines of frames that were known before a part. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status instant_lines_before(const struct reader *reader, struct u64map *lines);
/* Begins with the values that were known before a part. RL_OK, RL_NOMEM or RL_DAMAGED. */
RL_CHECKED rl_status instant_load_before(struct instant *instant);
/* Frees what is kept of a frame. */
void instant_drop_record(struct instant *instant, uint64_t frame);
/* Returns a record of a frame that has none, or NULL without memory. */
struct record *instant_add_record(struct instant *instant, uint64_t frame);
/* Returns the state of a thread, made where there is none; NULL without memory. */
struct lane_state *instant_add_lane(struct instant *instant, uint32_t thread);
/* Return what is kept of a frame, a variable (by scope and string id) or a thread, or NULL. */
struct record *instant_record(const struct instant *instant, uint64_t frame);
struct written *instant_written(const struct record *record, unsigned scope, uint32_t name);
struct lane_state *instant_lane(const struct instant *instant, uint32_t thread);

#endif
