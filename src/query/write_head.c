#include "write_head.h"

#include "value.h"

int write_head_read(const struct reader *reader, const struct event_out *event,
                    struct write_head *out)
{
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    uint64_t word = bytes_varint(&in);
    *out = (struct write_head){0};
    if ((word & 3) == RL_WRITE_ITEM) {
        out->what = (unsigned)(word >> 3);
        out->key = in.at;
        if (value_skip(&in) != RL_OK) {
            return 0;
        }
        out->key_len = (size_t)(in.at - out->key);
        word = bytes_varint(&in);
    }
    out->scope = word & 3;
    out->name = (uint32_t)(word >> 3);
    if (out->scope == RL_WRITE_SLOT) {
        struct code_text code = reader_code(reader, event->id);
        out->name = word >> 3 < code.name_count ? code.names[word >> 3] : 0;
    }
    out->value = in.at;
    out->value_len = bytes_left(&in);
    return !in.bad && out->scope != RL_WRITE_ITEM && out->value_len != 0;
}
