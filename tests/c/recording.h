/* Makes recordings without Python: threads that call, return, and sometimes raise. */
#ifndef RECORDING_H
#define RECORDING_H

#include <pthread.h>
#include <unistd.h>

#include "cursor.h"
#include "lane.h"
#include "os.h"
#include "reader_open.h"
#include "recorder.h"
#include "totals.h"

/* What ThreadSanitizer must not report. It keeps one record for each number of a descriptor. The
 * writer thread has a descriptor table of its own, so its number 3 is another file than the number
 * 3 of a test. One side of each such report opens or closes a descriptor, so those calls are
 * enough. They write no memory that threads share, so no race of memory is hidden. A stack names
 * them with the sanitizer's prefix, which a report leaves out; so no pattern here begins with ^. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race_top:open64$\nrace_top:close$\nrace_top:opendir$\nrace_top:closedir$\n"
           "race_top:socket$\nrace_top:recvmsg$\n";
}

static inline struct recorder *open_recorder(const char *path, size_t buffer, size_t ring, int drop)
{
    struct recorder_options options = {
        .path = path, .buffer_bytes = buffer, .ring_bytes = ring, .may_drop = drop};
    struct recorder *recorder = NULL;
    struct rl_err err;
    rl_status status = recorder_open(&options, &recorder, &err);
    return status == RL_OK ? recorder : NULL;
}

static inline uint32_t define(struct recorder *recorder, struct lane *lane, const char *name)
{
    uint32_t text = recorder_string(recorder, lane, name, strlen(name));
    struct code_def def = {.module = text, .qualname = text, .file = text, .line = 7};
    return recorder_code(recorder, lane, &def);
}

/* n calls and returns, nested three deep. */
static inline void write_calls(struct lane *lane, uint32_t id, uint32_t n)
{
    uint64_t frames[3];
    for (uint32_t i = 0; i < n; i++) {
        frames[i % 3] = lane->next_frame++;
        (void)lane_put(lane, RL_EVENT_CALL, id, frames[i % 3]);
        if (i % 3 == 2) {
            for (int j = 2; j >= 0; j--) {
                (void)lane_put(lane, RL_EVENT_RETURN, id, frames[j]);
            }
        }
    }
}

/* Threads that write calls into one recorder. */
struct worker {
    struct recorder *recorder;
    uint32_t calls;
    pthread_t thread;
};

static inline void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct lane lane;
    recorder_lane_begin(worker->recorder, &lane, NULL, 1);
    uint32_t id = define(worker->recorder, &lane, "work");
    write_calls(&lane, id, worker->calls);
    recorder_lane_end(&lane);
    return NULL;
}

static inline void start_workers(struct worker *workers, int count, struct recorder *recorder,
                                 uint32_t calls)
{
    for (int i = 0; i < count; i++) {
        workers[i].recorder = recorder;
        workers[i].calls = calls;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
    }
}

static inline void join_workers(struct worker *workers, int count)
{
    for (int i = 0; i < count; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
}

/* Ends all faults: no call of the system fails any more. */
static inline void no_faults(void)
{
    for (int i = 0; i < OS_FAULTS; i++) {
        os_fail_at((enum os_fault)i, 0, 0, 0);
    }
}

static inline void close_recorder(struct recorder *recorder, struct recorder_stats *stats)
{
    recorder_end_lanes(recorder);
    recorder_close(recorder, stats);
}

/* Events that a reader gives, or -1 where the file cannot be opened. */
static inline long long count_events(const char *path, int *is_complete, size_t *problems)
{
    struct reader *reader = NULL;
    struct rl_err err;
    struct cursor *cursor = NULL;
    struct event_out event;
    long long n = 0;
    *is_complete = 0;
    *problems = 0;
    if (reader_open(path, &reader, &err) != RL_OK) {
        return -1;
    }
    *is_complete = reader->is_complete;
    if (cursor_open(reader, &cursor) == RL_OK) {
        while (cursor_next(cursor, &event) == RL_OK) {
            n++;
        }
    }
    cursor_close(cursor);
    *problems = reader->problem_count;
    reader_close(reader);
    return n;
}

/* The summary of a closed file is that of the events in the file. */
static inline void assert_summary_counts_what_is_there(const char *path)
{
    struct reader *reader = NULL;
    struct rl_err err;
    struct bytes_out bytes[2] = {{0}};
    assert_int_equal(reader_open(path, &reader, &err), RL_OK);
    for (int i = 0; i < 2; i++) {
        struct summary summary;
        assert_int_equal(totals_summary(reader, 0, &summary), RL_OK);
        summary_put(&bytes[i], &summary);
        summary_fini(&summary);
        reader->footer.summary = 0; /* the second one is made from the events */
    }
    assert_int_equal(bytes[0].len, bytes[1].len);
    assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].len);
    bytes_out_fini(&bytes[0]);
    bytes_out_fini(&bytes[1]);
    reader_close(reader);
}

#endif
