/* Why: the recorder as the public header has it, for runtimes other than CPython. */
#include <relive/rl_writer.h>

#include <string.h>

#include "alloc.h"
#include "recorder.h"

struct rl_writer {
    struct recorder *recorder; /* owned */
};

struct rl_thread {
    struct lane lane; /* first: the recorder knows it by address */
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
    rl_writer *self = rl_zalloc(1, sizeof *self);
    if (self == NULL) {
        struct recorder_stats stats;
        recorder_close(recorder, &stats);
        return RL_NOMEM;
    }
    self->recorder = recorder;
    *out = self;
    return RL_OK;
}

uint64_t rl_writer_close(rl_writer *self)
{
    struct recorder_stats stats;
    recorder_end_lanes(self->recorder);
    recorder_close(self->recorder, &stats);
    rl_free(self);
    return stats.events;
}

rl_thread *rl_thread_begin(rl_writer *writer, uint64_t native_id)
{
    rl_thread *self = rl_zalloc_apart(1, sizeof *self);
    if (self != NULL) {
        self->recorder = writer->recorder;
        recorder_lane_begin(writer->recorder, &self->lane, NULL, native_id);
    }
    return self;
}

void rl_thread_end(rl_thread *self)
{
    recorder_lane_end(&self->lane);
    rl_free(self);
}

static uint32_t define_string(rl_thread *self, const char *text)
{
    return recorder_string(self->recorder, &self->lane, text, strlen(text));
}

uint32_t rl_thread_code(rl_thread *self, const char *module, const char *qualname, const char *file,
                        uint32_t line)
{
    struct code_def def = {
        .module = define_string(self, module),
        .qualname = define_string(self, qualname),
        .file = define_string(self, file),
        .line = line,
    };
    return recorder_code(self->recorder, &self->lane, &def);
}

uint64_t rl_thread_call(rl_thread *self, uint32_t code)
{
    uint64_t frame = self->lane.next_frame++;
    (void)lane_put(&self->lane, RL_EVENT_CALL, code, frame);
    return frame;
}

void rl_thread_return(rl_thread *self, uint32_t code, uint64_t frame)
{
    (void)lane_put(&self->lane, RL_EVENT_RETURN, code, frame);
}

void rl_thread_unwind(rl_thread *self, uint32_t code, uint64_t frame)
{
    (void)lane_put(&self->lane, RL_EVENT_UNWIND, code, frame);
}
