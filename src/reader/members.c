/* Why: a pack is one file of a whole run, and each of its recordings is read like a loose one.
 *
 *   pack     | header | blocks of the first recording ... | MEMBER | MEMBER | MEMBER | INDEX ...
 *                                                          1, at 0  1, at 16M  2, at 0
 *
 * Any block of a member says where the others are, so one that is damaged costs no other.
 *
 * Invariants:
 *  1. Only reads follow from what a block says: no name and no path is taken from it.
 *  2. A member has no members. */
#include "members.h"

#include "alloc.h"
#include "blocks.h"

enum { STRIDE = RL_BLOCK_HEADER_BYTES + RL_MEMBER_PREFIX_BYTES + RL_MEMBER_PIECE };

/* Returns whether a block may be the piece at `at` of `size` bytes. */
static int is_piece(const struct block_header *header, uint64_t at, uint64_t size)
{
    uint64_t left = size - at;
    uint64_t wanted = left < RL_MEMBER_PIECE ? left : RL_MEMBER_PIECE;
    return at < size && at % RL_MEMBER_PIECE == 0 && header->codec == RL_CODEC_RAW &&
           header->prefix == RL_MEMBER_PREFIX_BYTES && header->stored - header->prefix == wanted;
}

rl_status members_note(struct reader *reader, uint64_t offset, const struct block_header *header)
{
    uint8_t prefix[RL_MEMBER_PREFIX_BYTES];
    int os_errno;
    if (reader->member.place != 0) {
        reader_problem(reader, "a recording inside another one holds a third: it is not read");
        return RL_OK;
    }
    int is_read =
        reader_pread(reader, prefix, sizeof prefix, offset + RL_BLOCK_HEADER_BYTES, &os_errno) == 0;
    uint32_t number = is_read ? get32(prefix + RL_MB_NUMBER) : 0;
    uint64_t at = get64(prefix + RL_MB_OFFSET), size = get64(prefix + RL_MB_SIZE);
    if (number == 0 || number > RL_MEMBERS_MAX || !is_piece(header, at, size) ||
        at / RL_MEMBER_PIECE > offset / STRIDE) {
        reader_problem(reader, "the recording at byte %llu is damaged", (unsigned long long)offset);
        return RL_OK;
    }
    void *members = reader->members;
    if (rl_grow(&members, &reader->member_cap, number, sizeof *reader->members) != 0) {
        return RL_NOMEM;
    }
    reader->members = members;
    while (reader->member_count < number) {
        reader->members[reader->member_count++] = (struct member){0};
    }
    const struct member found = {offset - at / RL_MEMBER_PIECE * STRIDE, size};
    struct member *known = &reader->members[number - 1];
    if (known->place != 0 && (known->place != found.place || known->size != found.size)) {
        reader_problem(reader, "two recordings have the number %u", number);
    } else {
        *known = found;
    }
    if (block_span(header) > reader->size - offset) {
        reader_problem(reader, "recording %u is cut", number);
    }
    return RL_OK;
}

rl_status members_read(struct reader *reader)
{
    uint64_t at = reader->footer.members, offset;
    struct block_header header;
    rl_status status = RL_OK;
    if (at == 0) {
        return RL_OK;
    }
    if (at >= reader->size || at % 8 != 0) {
        reader_problem(reader, "the footer names no place of recordings: they are not found");
        return RL_OK;
    }
    while (status == RL_OK && blocks_next(reader, &at, &offset, &header) == RL_OK &&
           header.type == RL_BLOCK_MEMBER) {
        status = members_note(reader, offset, &header);
    }
    return status;
}

uint64_t members_left(const struct member *member, uint64_t file_size)
{
    uint64_t left = file_size > member->place ? file_size - member->place : 0;
    uint64_t rest = left % STRIDE, head = STRIDE - RL_MEMBER_PIECE;
    uint64_t bytes = left / STRIDE * RL_MEMBER_PIECE + (rest > head ? rest - head : 0);
    return bytes < member->size ? bytes : member->size;
}
