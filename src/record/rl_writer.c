/* Why: the recorder behind the public header rl_writer.h, for runtimes other than CPython. The
 * public types wrap a recorder and a lane; everything else is done there. */
#include <relive/rl_writer.h>

#include <string.h>

#include "alloc.h"
#include "recorder.h"

struct rl_writer {
    struct recorder *recorder; /* owned */
};

struct rl_thread {
    struct lane lane; /* the recorder keeps its address: a thread is not moved in memory */
    struct recorder *recorder;
};

rl_status rl_writer_open(const char *path, rl_writer **out, struct rl_err *err)
{
    struct recorder_options options = {.path = path, .buffer_bytes = 8u << 20};
    struct recorder *recorder = NULL;
    rl_status status = recorder_open(&options, &recorder, err);
    if (status != RL_OK) {
        return status;
    }
    rl_writer *writer = rl_zalloc(1, sizeof *writer);
    if (writer == NULL) {
        struct recorder_stats stats;
        recorder_close(recorder, &stats);
        return RL_NOMEM;
    }
    writer->recorder = recorder;
    *out = writer;
    return RL_OK;
}

uint64_t rl_writer_close(rl_writer *writer)
{
    struct recorder_stats stats;
    recorder_end_lanes(writer->recorder);
    recorder_close(writer->recorder, &stats);
    rl_free(writer);
    return stats.events;
}

rl_thread *rl_thread_begin(rl_writer *writer, uint64_t native_id)
{
    rl_thread *thread = rl_zalloc_apart(1, sizeof *thread);
    if (thread != NULL) {
        thread->recorder = writer->recorder;
        recorder_lane_begin(writer->recorder, &thread->lane, NULL, native_id);
    }
    return thread;
}

void rl_thread_end(rl_thread *thread)
{
    recorder_lane_end(&thread->lane);
    rl_free(thread);
}

static uint32_t define_string(rl_thread *thread, const char *text)
{
    return recorder_string(thread->recorder, &thread->lane, text, strlen(text));
}

uint32_t rl_thread_code(rl_thread *thread, const char *module, const char *qualname,
                        const char *file, uint32_t line)
{
    struct code_def def = {
        .module = define_string(thread, module),
        .qualname = define_string(thread, qualname),
        .file = define_string(thread, file),
        .line = line,
    };
    return recorder_code(thread->recorder, &thread->lane, &def);
}

uint64_t rl_thread_call(rl_thread *thread, uint32_t code)
{
    uint64_t frame = thread->lane.next_frame++;
    (void)lane_put(&thread->lane, RL_EVENT_CALL, code, frame);
    return frame;
}

void rl_thread_return(rl_thread *thread, uint32_t code, uint64_t frame)
{
    (void)lane_put(&thread->lane, RL_EVENT_RETURN, code, frame);
}

void rl_thread_unwind(rl_thread *thread, uint32_t code, uint64_t frame)
{
    (void)lane_put(&thread->lane, RL_EVENT_UNWIND, code, frame);
}
