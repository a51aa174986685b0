/* Why: each fixed shape is written and read in one file, so that the two halves cannot drift apart.
 *
 * Invariant: a number that is read sizes nothing before it was compared with the bytes left. */
#include "header.h"

#include <string.h>

#include "block.h"
#include "status.h"

void file_header_put(uint8_t at[RL_FILE_HEADER_BYTES], const struct file_header *header)
{
    memset(at, 0, RL_FILE_HEADER_BYTES);
    memcpy(at, RL_MAGIC, RL_MAGIC_BYTES);
    put16(at + RL_FH_VERSION, RL_FORMAT_VERSION);
    put16(at + RL_FH_MINOR, RL_FORMAT_MINOR);
    put32(at + RL_FH_BYTE_ORDER, RL_BYTE_ORDER_MARK);
    memcpy(at + RL_FH_RUN_ID, header->run_id, sizeof header->run_id);
    put64(at + RL_FH_PID, header->pid);
    put64(at + RL_FH_START_MONO, header->start_mono);
    put64(at + RL_FH_START_REAL, header->start_real);
    put64(at + RL_FH_START_TICKS, header->start_ticks);
    put64(at + RL_FH_RUN_MONO, header->run_mono);
    put64(at + RL_FH_TICK_HZ, header->tick_hz);
    put32(at + RL_FH_CLOCK, header->clock);
    put32(at + RL_FH_FLAGS, header->flags);
    put64(at + RL_FH_PARENT_PID, header->parent_pid);
    put64(at + RL_FH_CHILD, header->child);
    put64(at + RL_FH_CHECK, block_checksum(at, RL_FH_CHECK));
}

rl_status file_header_get(const uint8_t *at, size_t len, struct file_header *header,
                          struct rl_err *err)
{
    if (len < RL_MAGIC_BYTES || memcmp(at, RL_MAGIC, RL_MAGIC_BYTES) != 0) {
        return status_set(err, RL_NOT_RECORDING, "not a Relive recording (it begins otherwise)");
    }
    if (len < RL_FILE_HEADER_BYTES) {
        return status_set(err, RL_DAMAGED, "cut inside the file header: %zu of %d bytes", len,
                          RL_FILE_HEADER_BYTES);
    }
    unsigned version = get16(at + RL_FH_VERSION);
    if (version > RL_FORMAT_VERSION) {
        return status_set(err, RL_NEWER,
                          "written in format %u, this Relive reads up to %d: use a newer Relive",
                          version, RL_FORMAT_VERSION);
    }
    if (!block_sum_matches(at, RL_FH_CHECK, get64(at + RL_FH_CHECK)) ||
        get32(at + RL_FH_BYTE_ORDER) != RL_BYTE_ORDER_MARK || version == 0) {
        return status_set(err, RL_DAMAGED, "the file header is damaged (its checksum is wrong)");
    }
    header->minor = get16(at + RL_FH_MINOR);
    memcpy(header->run_id, at + RL_FH_RUN_ID, sizeof header->run_id);
    header->pid = get64(at + RL_FH_PID);
    header->start_mono = get64(at + RL_FH_START_MONO);
    header->start_real = get64(at + RL_FH_START_REAL);
    header->start_ticks = get64(at + RL_FH_START_TICKS);
    header->run_mono = get64(at + RL_FH_RUN_MONO);
    header->tick_hz = get64(at + RL_FH_TICK_HZ);
    header->clock = get32(at + RL_FH_CLOCK);
    header->flags = get32(at + RL_FH_FLAGS);
    header->parent_pid = get64(at + RL_FH_PARENT_PID);
    header->child = get64(at + RL_FH_CHILD);
    return RL_OK;
}

void footer_put(uint8_t at[RL_FOOTER_BYTES], const struct footer *footer)
{
    memset(at, 0, RL_FOOTER_BYTES);
    put64(at + RL_FT_INDEX, footer->index);
    put64(at + RL_FT_SUMMARY, footer->summary);
    put64(at + RL_FT_EVENTS, footer->events);
    put64(at + RL_FT_CHUNKS, footer->chunks);
    put64(at + RL_FT_END_TICKS, footer->end_ticks);
    put64(at + RL_FT_END_MONO, footer->end_mono);
    put64(at + RL_FT_LOST, footer->lost);
    put64(at + RL_FT_MEMBERS, footer->members);
}

void footer_get(const uint8_t at[RL_FOOTER_BYTES], struct footer *footer)
{
    footer->index = get64(at + RL_FT_INDEX);
    footer->summary = get64(at + RL_FT_SUMMARY);
    footer->events = get64(at + RL_FT_EVENTS);
    footer->chunks = get64(at + RL_FT_CHUNKS);
    footer->end_ticks = get64(at + RL_FT_END_TICKS);
    footer->end_mono = get64(at + RL_FT_END_MONO);
    footer->lost = get64(at + RL_FT_LOST);
    footer->members = get64(at + RL_FT_MEMBERS);
}

/* Entries come in order of place, so differences are short; ticks go back where threads alternate.
 */
void index_entry_put(struct bytes_out *out, struct index_coder *coder,
                     const struct index_entry *entry)
{
    bytes_put_varint(out, entry->thread);
    bytes_put_varint(out, entry->offset - coder->offset);
    coder->offset = entry->offset;
    if (entry->thread != 0) {
        bytes_put_varint(out, entry->events);
        bytes_put_varint(out, entry->chunk);
        bytes_put_varint(out, entry->first_seq);
        bytes_put_varint(out, zigzag((int64_t)(entry->ticks0 - coder->ticks)));
        bytes_put_varint(out, entry->ticks1 - entry->ticks0);
        coder->ticks = entry->ticks0;
    }
}

void index_entry_get(struct bytes_in *in, struct index_coder *coder, struct index_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    entry->thread = (uint32_t)bytes_varint(in);
    coder->offset += bytes_varint(in);
    entry->offset = coder->offset;
    if (entry->thread != 0) {
        entry->events = (uint32_t)bytes_varint(in);
        entry->chunk = bytes_varint(in);
        entry->first_seq = bytes_varint(in);
        coder->ticks += (uint64_t)unzigzag(bytes_varint(in));
        entry->ticks0 = coder->ticks;
        entry->ticks1 = entry->ticks0 + bytes_varint(in);
    }
}

size_t code_def_put(uint8_t at[CODE_DEF_MAX], const struct code_def *def)
{
    uint8_t *p = put_varint(at, def->module);
    p = put_varint(p, def->qualname);
    p = put_varint(p, def->file);
    p = put_varint(p, def->line);
    p = put_varint(p, def->flags);
    p = put_varint(p, def->args);
    p = put_varint(p, def->name_count);
    for (uint32_t i = 0; i < def->name_count; i++) {
        p = put_varint(p, def->names[i]);
    }
    if (def->flags & RL_CODE_SKIPPED) {
        p = put_varint(p, def->rule);
    }
    return (size_t)(p - at);
}

rl_status code_def_get(const uint8_t *data, size_t len, uint32_t names[CODE_NAMES_MAX],
                       struct code_def *def)
{
    struct bytes_in in = bytes_in_of(data, len);
    def->module = (uint32_t)bytes_varint(&in);
    def->qualname = (uint32_t)bytes_varint(&in);
    def->file = (uint32_t)bytes_varint(&in);
    def->line = (uint32_t)bytes_varint(&in);
    def->flags = (uint32_t)bytes_varint(&in);
    def->args = (uint32_t)bytes_varint(&in);
    uint64_t count = bytes_varint(&in);
    if (count > CODE_NAMES_MAX || def->args > count) {
        return RL_DAMAGED;
    }
    def->name_count = (uint32_t)count;
    def->names = names;
    for (uint32_t i = 0; i < def->name_count; i++) {
        names[i] = (uint32_t)bytes_varint(&in);
    }
    def->rule = def->flags & RL_CODE_SKIPPED ? (uint32_t)bytes_varint(&in) : 0;
    return in.bad ? RL_DAMAGED : RL_OK;
}

void dict_entry_put(struct bytes_out *out, unsigned kind, uint32_t id, const void *data, size_t len)
{
    bytes_put_varint(out, kind);
    bytes_put_varint(out, id);
    bytes_put_varint(out, len);
    bytes_put(out, data, len);
}

int dict_entry_get(struct bytes_in *in, unsigned *kind, uint32_t *id, const uint8_t **data,
                   size_t *len)
{
    if (bytes_left(in) == 0 || in->bad) {
        return 0;
    }
    *kind = (unsigned)bytes_varint(in);
    uint64_t number = bytes_varint(in);
    uint64_t size = bytes_varint(in);
    if (number > RL_ID_MAX || size > bytes_left(in)) {
        in->bad = 1;
        return 0;
    }
    *id = (uint32_t)number;
    *len = (size_t)size;
    *data = bytes_take(in, *len);
    return !in->bad;
}

void meta_entry_put(struct bytes_out *out, const char *key, const char *value, size_t len)
{
    bytes_put_varint(out, strlen(key));
    bytes_put(out, key, strlen(key));
    bytes_put_varint(out, len);
    bytes_put(out, value, len);
}

/* Reads a length and as many bytes. */
static const char *take_text(struct bytes_in *in, size_t *len)
{
    uint64_t size = bytes_varint(in);
    in->bad |= size > bytes_left(in);
    *len = in->bad ? 0 : (size_t)size;
    return (const char *)bytes_take(in, *len);
}

int meta_entry_get(struct bytes_in *in, struct meta_entry *entry)
{
    if (bytes_left(in) == 0 || in->bad) {
        return 0;
    }
    entry->key = take_text(in, &entry->key_len);
    entry->value = take_text(in, &entry->value_len);
    return !in->bad;
}
