/* Why: `relive line` and `relive history` want a handful of events among millions. */
#include "select.h"

#include <string.h>

#include "bytes.h"
#include "value.h"

void select_fini(struct select *select)
{
    u64map_fini(&select->codes);
    u64map_fini(&select->frames);
    memset(select, 0, sizeof *select);
}

struct index_wanted select_wanted(const struct select *select)
{
    return (struct index_wanted){.kinds = select->kinds,
                                 .line = select->line,
                                 .thread = select->thread,
                                 .codes = select->has_codes ? &select->codes : NULL};
}

/* Returns whether an event writes the variable, or calls a function that has it as a parameter. */
static int is_about_name(const struct select *select, const struct reader *reader,
                         const struct event_out *event)
{
    struct code_text code = reader_code(reader, event->id);
    if (event->kind == RL_EVENT_WRITE) {
        struct bytes_in in = bytes_in_of(event->values, event->values_len);
        uint64_t word = bytes_varint(&in);
        if ((word & 3) == RL_WRITE_ITEM && value_skip(&in) == RL_OK) {
            word = bytes_varint(&in);
        }
        uint64_t number = word >> 3;
        if ((word & 3) == RL_WRITE_SLOT) {
            number = number < code.name_count ? code.names[number] : 0;
        }
        return number == select->name;
    }
    for (uint32_t i = 0; event->kind == RL_EVENT_CALL && i < code.args; i++) {
        if (code.names[i] == select->name) {
            return 1;
        }
    }
    return 0;
}

/* Returns whether an event is of one of the frames, or of a call that one of them makes. */
static int is_of_frames(const struct select *select, const struct event_out *event)
{
    if (u64map_get(&select->frames, event->frame + 1) != NULL) {
        return 1;
    }
    return select->with_callees && (kind_begins(event->kind) || kind_ends(event->kind)) &&
           event->parent_is_known && u64map_get(&select->frames, event->parent + 1) != NULL;
}

int select_matches(const struct select *select, const struct reader *reader,
                   const struct event_out *event)
{
    if (select->kinds != 0 && (select->kinds >> event->kind & 1) == 0) {
        return 0;
    }
    if (select->thread != 0 && event->thread != select->thread) {
        return 0;
    }
    if (select->session != 0 && event->session != select->session) {
        return 0;
    }
    if (select->line != 0 && event->line != select->line) {
        return 0;
    }
    if (select->has_frames && !is_of_frames(select, event)) {
        return 0;
    }
    if (select->has_codes && u64map_get(&select->codes, (uint64_t)event->id + 1) == NULL) {
        return 0;
    }
    return select->name == 0 || is_about_name(select, reader, event);
}

uint32_t select_string_id(const struct reader *reader, const char *utf8, size_t len)
{
    for (size_t i = 0; i < reader->strings.by_id.capacity; i++) {
        const struct u64map_entry *entry = &reader->strings.by_id.entries[i];
        if (entry->key == 0) {
            continue;
        }
        struct text text = reader_string(reader, (uint32_t)entry->key);
        if (text.len == len && memcmp(text.data, utf8, len) == 0) {
            return (uint32_t)entry->key;
        }
    }
    return 0;
}
