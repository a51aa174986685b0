/* Why: the reader as the public header has it, on what all verbs use. */
#include <relive/rl_reader.h>

#include "alloc.h"
#include "cursor.h"
#include "dump.h"
#include "reader_open.h"
#include "status.h"

struct rl_reader {
    struct reader *reader; /* owned */
    struct cursor *cursor; /* owned */
    struct event_out event;
    struct json_out json;
};

static struct rl_text lend_text(struct text text)
{
    return (struct rl_text){text.data, text.len};
}

void rl_reader_close(rl_reader *self)
{
    if (self != NULL) {
        cursor_close(self->cursor);
        reader_close(self->reader);
        json_fini(&self->json);
        rl_free(self);
    }
}

rl_status rl_reader_open(const char *path, rl_reader **out, struct rl_err *err)
{
    rl_reader *self = rl_zalloc(1, sizeof *self);
    if (self == NULL) {
        return status_set(err, RL_NOMEM, "no memory to read %s", path);
    }
    rl_status status = reader_open(path, &self->reader, err);
    if (status == RL_OK && (status = cursor_open(self->reader, &self->cursor)) != RL_OK) {
        (void)status_set(err, status, "no memory to read %s", path);
    }
    if (status != RL_OK) {
        rl_reader_close(self);
        return status;
    }
    *out = self;
    return RL_OK;
}

rl_status rl_reader_next(rl_reader *self, struct rl_event *out)
{
    rl_status status = cursor_next(self->cursor, &self->event);
    if (status != RL_OK) {
        return status;
    }
    const struct event_out *e = &self->event;
    struct code_text code = reader_code(self->reader, e->id);
    *out = (struct rl_event){
        .kind = e->kind,
        .thread = e->thread,
        .seq = e->seq,
        .t = e->t,
        .frame = e->frame,
        .parent = e->parent,
        .module = lend_text(code.module),
        .qualname = lend_text(code.qualname),
        .file = lend_text(code.file),
        .line = kind_has_line(e->kind) ? e->line : code.line,
    };
    return RL_OK;
}

rl_status rl_reader_json(rl_reader *self, struct rl_text *line)
{
    bytes_out_reset(&self->json.out);
    self->json.needs_comma = 0;
    dump_event(&self->json, self->reader, &self->event);
    if (self->json.out.failed) {
        return RL_NOMEM;
    }
    *line = (struct rl_text){(const char *)self->json.out.data, self->json.out.len};
    return RL_OK;
}

int rl_reader_is_complete(const rl_reader *self)
{
    return self->reader->is_complete;
}

uint64_t rl_reader_events(const rl_reader *self)
{
    return self->reader->events;
}

uint64_t rl_reader_lost(const rl_reader *self)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < RL_LOSS_REASONS; i++) {
        lost += self->reader->losses[i];
    }
    return lost;
}
