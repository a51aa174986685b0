/* Why: gives programs in C the reader that all verbs use, through the public header alone.
 *
 *    rl_reader_next()   cursor_next() -> self->event -> struct rl_event
 *    rl_reader_json()   self->event -> dump_event() -> self->json, lent to the caller
 *
 * Invariants: everything lent belongs to the reader, the cursor or self->json, and is valid until
 * the next call. rl_reader_json() writes the event of the last rl_reader_next().
 *
 * Threads: one at a time per reader. */
#include <relive/rl_reader.h>

#include "alloc.h"
#include "cursor.h"
#include "dump.h"
#include "reader_open.h"
#include "status.h"

struct rl_reader {
    struct reader *file;   /* owned */
    struct cursor *cursor; /* owned */
    struct event_out event;
    struct json_out json;
};

/* Returns a text in the type of the public header. */
static struct rl_text lend_text(struct text text)
{
    return (struct rl_text){text.data, text.len};
}

/* Also closes a reader whose opening failed half way. */
void rl_reader_close(rl_reader *reader)
{
    if (reader != NULL) {
        cursor_close(reader->cursor);
        reader_close(reader->file);
        json_fini(&reader->json);
        rl_free(reader);
    }
}

rl_status rl_reader_open(const char *path, rl_reader **out, struct rl_err *err)
{
    rl_reader *reader = rl_zalloc(1, sizeof *reader);
    if (reader == NULL) {
        return status_set(err, RL_NOMEM, "no memory to read %s", path);
    }
    rl_status status = reader_open(path, &reader->file, err);
    if (status == RL_OK && (status = cursor_open(reader->file, &reader->cursor)) != RL_OK) {
        (void)status_set(err, status, "no memory to read %s", path);
    }
    if (status != RL_OK) {
        rl_reader_close(reader);
        return status;
    }
    *out = reader;
    return RL_OK;
}

rl_status rl_reader_next(rl_reader *reader, struct rl_event *event)
{
    rl_status status = cursor_next(reader->cursor, &reader->event);
    if (status != RL_OK) {
        return status;
    }
    const struct event_out *e = &reader->event;
    struct code_text code = reader_code(reader->file, e->id);
    *event = (struct rl_event){
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

rl_status rl_reader_json(rl_reader *reader, struct rl_text *line)
{
    bytes_out_reset(&reader->json.out);
    reader->json.needs_comma = 0;
    dump_event(&reader->json, reader->file, &reader->event);
    if (reader->json.out.failed) {
        return RL_NOMEM;
    }
    *line = (struct rl_text){(const char *)reader->json.out.data, reader->json.out.len};
    return RL_OK;
}

int rl_reader_is_complete(const rl_reader *reader)
{
    return reader->file->is_complete;
}

uint64_t rl_reader_events(const rl_reader *reader)
{
    return reader->file->events;
}

/* Adds up the losses of all reasons. */
uint64_t rl_reader_lost(const rl_reader *reader)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < RL_LOSS_REASONS; i++) {
        lost += reader->file->losses[i];
    }
    return lost;
}
