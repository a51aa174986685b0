/* Why: one failed test of thousands is a file of its own. It needs a hundred of the definitions of
 * the whole run, and the texts of two of its source files.
 *
 * Invariant: no string that the part names is left out; a few are kept that it does not name. Which
 * numbers in the bytes of a value are strings is only known by a look into each value. So every
 * number that begins at any byte of them counts as one. Texts and numbers keep some strings by
 * chance.
 *
 * Threads: as for the cut, one at a time. */
#include "used.h"

#include <string.h>

#include "alloc.h"

/* Adds an id. */
static void add(struct used *used, struct id_set *set, uint64_t id)
{
    size_t at = (size_t)(id / 8);
    void *bits = set->bits;
    size_t before = set->bytes;
    if (id == 0 || id > RL_CODE_OTHER) {
        return;
    }
    if (at >= before) {
        if (rl_grow(&bits, &set->bytes, at + 1, 1) != 0) {
            used->failed = 1;
            return;
        }
        set->bits = bits;
        memset(set->bits + before, 0, set->bytes - before);
    }
    set->bits[at] |= (uint8_t)(1u << id % 8);
}

int used_has(const struct id_set *set, uint64_t id)
{
    size_t at = (size_t)(id / 8);
    return at < set->bytes && (set->bits[at] >> id % 8 & 1) != 0;
}

void used_string(struct used *used, uint32_t id)
{
    add(used, &used->strings, id);
}

/* Returns whether the id of such an event is a code's. */
static int names_code(unsigned kind)
{
    return kind <= RL_EVENT_C_RAISE || kind == RL_EVENT_RUNNING || kind == RL_EVENT_CLOSED ||
           kind == RL_EVENT_BUDGET;
}

void used_event(struct used *used, const struct rec *rec)
{
    if (names_code(rec->kind)) {
        add(used, &used->codes, rec->id);
    } else if (rec->kind == RL_EVENT_THREAD_START || rec->kind == RL_EVENT_TASK_START) {
        add(used, &used->strings, rec->id);
    }
    add(used, &used->strings, rec->exc);
    for (uint32_t at = 0; at < rec->data_len; at++) {
        struct bytes_in in = bytes_in_of(rec->data + at, rec->data_len - at);
        uint64_t number = bytes_varint(&in);
        if (!in.bad) {
            add(used, &used->strings, number);
            if (rec->kind == RL_EVENT_WRITE) {
                add(used, &used->strings, number >> 3); /* enum rl_write_scope is below it */
            }
        }
    }
}

void used_finish(struct used *used, const struct reader *reader)
{
    for (size_t i = 0; i < reader->codes.capacity; i++) {
        const struct u64map_entry *entry = &reader->codes.entries[i];
        if (entry->key != 0 && used_has(&used->codes, entry->key)) {
            const struct code_def *def = &reader->code_defs[entry->value - 1];
            used_string(used, def->module);
            used_string(used, def->qualname);
            used_string(used, def->file);
            for (uint32_t k = 0; k < def->name_count; k++) {
                used_string(used, def->names[k]);
            }
        }
    }
}

void used_fini(struct used *used)
{
    rl_free(used->strings.bits);
    rl_free(used->codes.bits);
    *used = (struct used){0};
}
