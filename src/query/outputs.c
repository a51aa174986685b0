/* Why: see outputs.h.
 *
 * Invariant: `lines` has the last line of each open frame that has begun one, so it is bounded by
 * the open frames. */
#include "outputs.h"

#include "alloc.h"
#include "map.h"
#include "rec.h"

struct outputs {
    struct cursor *cursor; /* owned */
    struct u64map lines;   /* frame -> line */
};

rl_status outputs_open(struct reader *reader, struct outputs **out)
{
    struct outputs *outputs = rl_zalloc(1, sizeof *outputs);
    if (outputs == NULL || cursor_open(reader, &outputs->cursor) != RL_OK) {
        rl_free(outputs);
        return RL_NOMEM;
    }
    *out = outputs;
    return RL_OK;
}

void outputs_close(struct outputs *outputs)
{
    if (outputs != NULL) {
        cursor_close(outputs->cursor);
        u64map_fini(&outputs->lines);
        rl_free(outputs);
    }
}

/* Returns the code of an open frame of the event's thread; 0 where it is not known. */
static uint32_t code_of_frame(const struct cursor *cursor, uint64_t frame)
{
    size_t depth;
    const struct open_activation *stack = cursor_stack(cursor, &depth);
    while (depth-- > 0) {
        if (stack[depth].frame == frame) {
            return stack[depth].code;
        }
    }
    return 0;
}

rl_status outputs_next(struct outputs *outputs, uint64_t *events, struct written *written,
                       int *is_found)
{
    struct event_out *event = &written->event;
    rl_status status = RL_OK;
    for (*is_found = 0; *events != 0 && status == RL_OK && !*is_found; --*events) {
        status = cursor_next(outputs->cursor, event);
        if (status != RL_OK) {
            break;
        }
        if (event->kind == RL_EVENT_LINE) {
            status = u64map_put(&outputs->lines, event->frame, event->line) == 0 ? RL_OK : RL_NOMEM;
        } else if (kind_ends(event->kind) && outputs->lines.count != 0) {
            (void)u64map_remove(&outputs->lines, event->frame, NULL);
        } else if (event->kind == RL_EVENT_OUTPUT) {
            const uint64_t *line =
                event->frame != 0 ? u64map_get(&outputs->lines, event->frame) : NULL;
            written->code = code_of_frame(outputs->cursor, event->frame);
            written->line = line != NULL ? (uint32_t)*line : 0;
            *is_found = 1;
        }
    }
    return status;
}
