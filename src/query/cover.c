/* Why: see cover.h. */
#include "cover.h"

#include "cursor.h"
#include "rec.h"

rl_status cover_read(struct reader *reader, const struct u64map *codes, struct u64map *hits)
{
    struct cursor *cursor = NULL;
    struct event_out event;
    rl_status status = cursor_open(reader, &cursor);
    while (status == RL_OK && (status = cursor_next(cursor, &event)) == RL_OK) {
        if (event.kind != RL_EVENT_LINE ||
            (codes != NULL && u64map_get(codes, (uint64_t)event.id + 1) == NULL)) {
            continue;
        }
        uint64_t key = cover_key(event.id, event.line);
        uint64_t *known = u64map_get(hits, key);
        if (known != NULL) {
            ++*known;
        } else if (u64map_put(hits, key, 1) != 0) {
            status = RL_NOMEM;
        }
    }
    cursor_close(cursor);
    return status == RL_END ? RL_OK : status;
}
