/* Why: see shelf.h.
 *
 * Invariants:
 *  1. After each write the file reads whole, because a crash or a reader may come at any time.
 *  2. A block's header is written last, when its bytes and the padding behind it are in place. A
 *     block is removed by one write: a PAD header over its own.
 *  3. A header is inside one page (STEP), so a crash leaves all of it or none.
 *  4. The newest block is removed first: a code object is never on the shelf without the strings
 *     that it names, which were put there before it. */
#include "shelf.h"

#include <string.h>

#include "alloc.h"
#include "os.h"
#include "writer.h"

/* Every piece begins at a multiple of STEP, and a header fits into one. */
enum { STEP = 64 };
_Static_assert(STEP >= RL_BLOCK_HEADER_BYTES && RL_PAGE % STEP == 0, "a header is inside one page");

struct shelf_piece {
    uint64_t at, bytes;
    uint64_t number;     /* order of arrival, from 1 */
    uint32_t generation; /* 0 = free */
};

static rl_status write_to_shelf(struct writer *writer, const void *data, size_t len, uint64_t at)
{
    int os_errno;
    return writer_is_sound(writer) && os_pwrite(writer->fd, data, len, at, &os_errno) == 0 ? RL_OK
                                                                                           : RL_IO;
}

static rl_status write_padding(struct writer *writer, uint64_t at, uint64_t bytes)
{
    uint8_t header[RL_BLOCK_HEADER_BYTES];
    block_header_put(header,
                     &(struct block_header){.type = RL_BLOCK_PAD,
                                            .stored = (uint32_t)(bytes - RL_BLOCK_HEADER_BYTES)});
    return write_to_shelf(writer, header, sizeof header, at);
}

/* Reserves disk space, or at least lengthens the file where the file system cannot reserve. Returns
 * 0 where the disk is full. */
static int reserve_space(struct writer *writer, uint64_t at, uint64_t bytes)
{
    static const uint8_t zero = 0;
    int os_errno;
    return os_reserve(writer->fd, at, bytes, &os_errno) == 0 ||
           (!os_is_full(os_errno) &&
            os_pwrite(writer->fd, &zero, 1, at + bytes - 1, &os_errno) == 0);
}

void shelf_make(struct shelf *shelf, struct writer *writer, uint64_t bytes)
{
    struct shelf_piece all = {.at = writer->offset, .bytes = bytes / STEP * STEP};
    void *pieces = NULL;
    if (all.at % STEP != 0 || rl_grow(&pieces, &shelf->cap, 1, sizeof all) != 0) {
        return;
    }
    shelf->pieces = pieces;
    if (!reserve_space(writer, all.at, all.bytes) ||
        write_padding(writer, all.at, all.bytes) != RL_OK) {
        (void)os_truncate(writer->fd, writer->offset);
        shelf_fini(shelf);
        return;
    }
    shelf->pieces[0] = all;
    shelf->count = 1;
    shelf->bytes = all.bytes;
    writer->offset += all.bytes;
}

/* Returns how many free pieces follow each other from `first` on; *bytes is their size together. */
static size_t free_pieces(const struct shelf *shelf, size_t first, uint64_t *bytes)
{
    size_t n = 0;
    *bytes = 0;
    while (first + n < shelf->count && shelf->pieces[first + n].generation == 0) {
        *bytes += shelf->pieces[first + n++].bytes;
    }
    return n;
}

static void remove_pieces(struct shelf *shelf, size_t first, size_t n)
{
    memmove(&shelf->pieces[first], &shelf->pieces[first + n],
            (shelf->count - first - n) * sizeof *shelf->pieces);
    shelf->count -= n;
}

/* Joins free pieces to the first place that has `wanted` bytes. Returns its index, or SIZE_MAX. */
static size_t find_room(struct shelf *shelf, struct writer *writer, uint64_t wanted)
{
    uint64_t bytes;
    for (size_t i = 0; i < shelf->count; i++) {
        size_t n = free_pieces(shelf, i, &bytes);
        if (n == 0 || bytes < wanted) {
            i += n;
            continue;
        }
        if (n > 1 && write_padding(writer, shelf->pieces[i].at, bytes) != RL_OK) {
            return SIZE_MAX;
        }
        remove_pieces(shelf, i + 1, n - 1);
        shelf->pieces[i].bytes = bytes;
        return i;
    }
    return SIZE_MAX;
}

/* Seals a block in writer->block, with padding up to the next multiple of STEP. */
static rl_status seal_padded(struct writer *writer, const uint8_t *entries, size_t len)
{
    struct bytes_out *block = &writer->block;
    bytes_out_reset(block);
    const struct block_parts parts = {.first = len};
    rl_status status = block_seal(writer->coder, RL_BLOCK_DICT, NULL, 0, entries, &parts, block);
    size_t rest = status == RL_OK ? (STEP - block->len % STEP) % STEP : 0;
    rest += rest != 0 && rest < RL_BLOCK_HEADER_BYTES ? STEP : 0;
    uint8_t *padding = rest != 0 ? bytes_room(block, rest) : NULL;
    if (padding != NULL) {
        memset(padding, 0, rest);
        block_header_put(
            padding, &(struct block_header){.type = RL_BLOCK_PAD,
                                            .stored = (uint32_t)(rest - RL_BLOCK_HEADER_BYTES)});
        block->len += rest;
    }
    return status == RL_OK && block->failed ? RL_NOMEM : status;
}

/* Writes the sealed block into a free piece. The rest of the piece becomes a piece of its own. */
static rl_status fill_piece(struct shelf *shelf, struct writer *writer, size_t place,
                            uint32_t generation)
{
    struct shelf_piece *piece = &shelf->pieces[place];
    const uint8_t *block = writer->block.data;
    size_t len = writer->block.len;
    struct shelf_piece rest = {.at = piece->at + len, .bytes = piece->bytes - len};
    rl_status status = rest.bytes != 0 ? write_padding(writer, rest.at, rest.bytes) : RL_OK;
    if (status == RL_OK) {
        status = write_to_shelf(writer, block + RL_BLOCK_HEADER_BYTES, len - RL_BLOCK_HEADER_BYTES,
                                piece->at + RL_BLOCK_HEADER_BYTES);
    }
    if (status == RL_OK) {
        status = write_to_shelf(writer, block, RL_BLOCK_HEADER_BYTES, piece->at);
    }
    if (status != RL_OK) {
        return status;
    }
    *piece = (struct shelf_piece){piece->at, len, ++shelf->last, generation};
    if (rest.bytes != 0) {
        memmove(piece + 2, piece + 1, (shelf->count - place - 1) * sizeof *piece);
        piece[1] = rest;
        shelf->count++;
    }
    return RL_OK;
}

rl_status shelf_put(struct shelf *shelf, struct writer *writer, uint32_t generation,
                    const uint8_t *entries, size_t len, uint64_t *bytes)
{
    void *pieces = shelf->pieces;
    if (pieces == NULL) {
        return RL_LIMIT;
    }
    rl_status status = seal_padded(writer, entries, len);
    if (status == RL_OK &&
        rl_grow(&pieces, &shelf->cap, shelf->count + 1, sizeof *shelf->pieces) != 0) {
        status = RL_NOMEM;
    }
    shelf->pieces = pieces;
    size_t place = status == RL_OK ? find_room(shelf, writer, writer->block.len) : SIZE_MAX;
    if (status != RL_OK || place == SIZE_MAX) {
        return status != RL_OK ? status : RL_LIMIT;
    }
    *bytes = writer->block.len;
    return fill_piece(shelf, writer, place, generation);
}

/* Returns the newest block of a generation before `oldest`, or NULL. */
static struct shelf_piece *last_before(const struct shelf *shelf, uint32_t oldest)
{
    struct shelf_piece *last = NULL;
    for (size_t i = 0; i < shelf->count; i++) {
        struct shelf_piece *piece = &shelf->pieces[i];
        if (piece->generation != 0 && piece->generation < oldest &&
            (last == NULL || piece->number > last->number)) {
            last = piece;
        }
    }
    return last;
}

void shelf_clear(struct shelf *shelf, struct writer *writer, uint32_t oldest)
{
    struct shelf_piece *piece;
    while ((piece = last_before(shelf, oldest)) != NULL &&
           write_padding(writer, piece->at, piece->bytes) == RL_OK) {
        piece->generation = 0;
    }
}

void shelf_fini(struct shelf *shelf)
{
    rl_free(shelf->pieces);
    memset(shelf, 0, sizeof *shelf);
}
