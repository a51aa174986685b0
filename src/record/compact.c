/* Why: while a process runs, its slots often take more space than its events. A closed file should
 * not. Overwriting and truncating work on every file system, so nothing else is used: the file
 * keeps its inode, links, locks and permissions. The bytes moved are at most those that the slots
 * had, however long the recording is.
 *
 *   LIVE [control | slots        ] A B C D        the slots are unmapped and empty
 *   LIVE [control | D C PAD      ] A B C D        claim, fill: readers skip the payload
 *   LIVE [control]  D C PAD        A B C D        shrink: one write of 32 bytes a hole
 *   LIVE [control]  D C PAD        A B            cut
 *
 * Invariants:
 *  1. After each write the file reads whole, for a reader that runs now and after a crash.
 *  2. Between fill and cut, some blocks are in the file twice. A reader counts a chunk once, by its
 *     thread and number; a definition that is read twice is the same.
 *  3. Moved blocks are the last ones of the file, without gaps, so that the cut frees their space.
 *
 * Threads: the writer's. */
#include "compact.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "os.h"

/* The space of one LIVE block. */
struct hole {
    struct block_header header; /* after shrink: of the control page, or empty padding */
    uint64_t at;                /* place of that header */
    uint64_t begin, end;        /* the free space behind it */
    uint64_t filled;            /* end of the blocks that were placed here */
};

/* A block at the end of the file that may move. */
struct movable {
    struct index_entry entry;
    uint64_t span;
    uint64_t to; /* its new place; 0 = it stays */
};

struct compaction {
    struct writer *writer;
    struct hole *holes; /* owned; by place */
    size_t hole_count;
    struct movable *blocks; /* owned; by place, the last of the file */
    size_t block_count, block_cap;
    size_t before;          /* entries of the index before the first of `blocks` */
    size_t first_moved;     /* index into blocks */
    struct bytes_out bytes; /* scratch */
};

static int read_bytes(const struct compaction *c, void *data, size_t len, uint64_t at)
{
    int os_errno;
    return os_pread(c->writer->fd, data, len, at, &os_errno) == 0;
}

static int write_bytes(const struct compaction *c, const void *data, size_t len, uint64_t at)
{
    int os_errno;
    return writer_is_sound(c->writer) && os_pwrite(c->writer->fd, data, len, at, &os_errno) == 0;
}

static int write_header(const struct compaction *c, const struct block_header *header, uint64_t at)
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    block_header_put(bytes, header);
    return write_bytes(c, bytes, sizeof bytes, at);
}

/* Returns the header of padding from `at` to `end`, itself included. */
static struct block_header padding_header(uint64_t at, uint64_t end)
{
    return (struct block_header){.type = RL_BLOCK_PAD,
                                 .stored = (uint32_t)(end - at - RL_BLOCK_HEADER_BYTES)};
}

/* ---- holes and blocks ---- */

/* Returns the hole that a LIVE block leaves. The first block keeps its control page, which holds
 * the losses. Of the others a PAD header remains. It is inside one page, so a crash leaves all of
 * it or none. */
static struct hole hole_of(const struct live *live)
{
    uint64_t at = live->offset - RL_BLOCK_HEADER_BYTES, end = live->offset + live->bytes;
    struct hole hole = {.header = {.type = RL_BLOCK_PAD}, .end = end};
    if (live->next == NULL) {
        hole.header =
            (struct block_header){.type = RL_BLOCK_LIVE, .raw = RL_PAGE, .stored = RL_PAGE};
    } else if (live->before % RL_PAGE <= RL_PAGE - RL_BLOCK_HEADER_BYTES) {
        at = live->before;
    }
    hole.at = at;
    hole.begin = hole.filled = at + RL_BLOCK_HEADER_BYTES + hole.header.stored;
    return hole;
}

static int find_holes(struct compaction *c, const struct live *lives)
{
    for (const struct live *live = lives; live != NULL; live = live->next) {
        c->hole_count++;
    }
    c->holes = rl_alloc(c->hole_count, sizeof *c->holes);
    size_t i = c->hole_count;
    for (const struct live *live = lives; c->holes != NULL && live != NULL; live = live->next) {
        c->holes[--i] = hole_of(live);
    }
    return c->holes != NULL && c->hole_count != 0;
}

static int add_block(struct compaction *c, const struct index_entry *entry)
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    struct block_header header;
    void *blocks = c->blocks;
    if (!read_bytes(c, bytes, sizeof bytes, entry->offset) ||
        block_header_get(bytes, &header) != RL_OK ||
        rl_grow(&blocks, &c->block_cap, c->block_count + 1, sizeof *c->blocks) != 0) {
        return 0;
    }
    c->blocks = blocks;
    c->blocks[c->block_count++] = (struct movable){*entry, block_span(&header), 0};
    return 1;
}

/* Collects the blocks that may move before the holes are full. Those are in the last bytes of the
 * file: as many as the holes have, and as many again for holes between the blocks. */
static int find_blocks(struct compaction *c)
{
    uint64_t reach = 0;
    for (size_t i = 0; i < c->hole_count; i++) {
        reach += 2 * (c->holes[i].end - c->holes[i].at);
    }
    struct bytes_in in = bytes_in_of(c->writer->index.data, c->writer->index.len);
    struct index_coder coder = {0};
    while (bytes_left(&in) != 0) {
        struct index_entry entry;
        index_entry_get(&in, &coder, &entry);
        if (c->writer->offset - entry.offset > reach) {
            c->before++;
        } else if (!add_block(c, &entry)) {
            return 0;
        }
    }
    return !in.bad;
}

/* ---- the plan ---- */

/* Returns whether a block fits and leaves either nothing or room for a PAD header. */
static int fits_hole(const struct hole *hole, uint64_t span)
{
    uint64_t left = hole->end - hole->filled;
    return span == left || span + RL_BLOCK_HEADER_BYTES <= left;
}

/* Gives a block a place in the first hole before it that it fits. Returns 0 where there is none. */
static int place_block(struct compaction *c, struct movable *block)
{
    for (size_t i = 0; i < c->hole_count && c->holes[i].at < block->entry.offset; i++) {
        struct hole *hole = &c->holes[i];
        if (fits_hole(hole, block->span)) {
            block->to = hole->filled;
            hole->filled += block->span;
            return 1;
        }
    }
    return 0;
}

/* Places blocks from the last one on, until one fits nowhere: what moves is the end of the file. */
static void plan_moves(struct compaction *c)
{
    size_t least = c->before != 0; /* the first one stays: the end of the block before is unknown */
    c->first_moved = c->block_count;
    while (c->first_moved > least && place_block(c, &c->blocks[c->first_moved - 1])) {
        c->first_moved--;
    }
}

/* Returns where the file ends after the cut. */
static uint64_t end_of(const struct compaction *c)
{
    uint64_t end = c->holes[0].begin;
    if (c->first_moved != 0) {
        const struct movable *last = &c->blocks[c->first_moved - 1];
        end = last->entry.offset + last->span;
    }
    for (size_t i = 0; i < c->hole_count; i++) {
        const struct hole *hole = &c->holes[i];
        end = hole->filled != hole->begin && hole->filled > end ? hole->filled : end;
    }
    return end;
}

/* ---- the steps ---- */

/* Makes readers skip the payload of a LIVE block: it says that it has no slots, or becomes PAD. */
static int claim_hole(const struct compaction *c, const struct hole *hole)
{
    static const uint8_t no_slots[4];
    if (hole->header.type == RL_BLOCK_LIVE) {
        return write_bytes(c, no_slots, sizeof no_slots,
                           hole->at + RL_BLOCK_HEADER_BYTES + RL_LV_SLOTS);
    }
    struct block_header all = padding_header(hole->at, hole->end);
    return write_header(c, &all, hole->at);
}

/* Copies a block to its new place. */
static int copy_block(struct compaction *c, const struct movable *block)
{
    bytes_out_reset(&c->bytes);
    uint8_t *bytes = bytes_room(&c->bytes, (size_t)block->span);
    return bytes != NULL && read_bytes(c, bytes, (size_t)block->span, block->entry.offset) &&
           write_bytes(c, bytes, (size_t)block->span, block->to);
}

/* Copies all blocks, and puts padding behind the last one of each hole. */
static int fill_holes(struct compaction *c)
{
    int done = 1;
    for (size_t i = c->first_moved; done && i < c->block_count; i++) {
        done = copy_block(c, &c->blocks[i]);
    }
    for (size_t i = 0; done && i < c->hole_count; i++) {
        const struct hole *hole = &c->holes[i];
        if (hole->filled != hole->end) {
            struct block_header rest = padding_header(hole->filled, hole->end);
            done = write_header(c, &rest, hole->filled);
        }
    }
    return done;
}

static int each_hole(const struct compaction *c,
                     int (*step)(const struct compaction *c, const struct hole *hole))
{
    int done = 1;
    for (size_t i = 0; done && i < c->hole_count; i++) {
        done = step(c, &c->holes[i]);
    }
    return done;
}

/* Ends a LIVE block behind its control page: from here on the copies are blocks of the file. */
static int shrink_hole(const struct compaction *c, const struct hole *hole)
{
    return write_header(c, &hole->header, hole->at);
}

/* Truncates the file behind the last block that stayed. */
static int cut_file(const struct compaction *c, uint64_t end)
{
    if (!writer_is_sound(c->writer) || os_truncate(c->writer->fd, end) != 0) {
        return 0;
    }
    c->writer->offset = end;
    return 1;
}

/* ---- the index ---- */

static int by_place(const void *left, const void *right)
{
    const struct movable *a = left, *b = right;
    return a->to < b->to ? -1 : a->to > b->to;
}

/* Writes the index in order of place: the blocks that stayed, and between them those that moved. */
static int make_index(struct compaction *c, struct bytes_out *out)
{
    struct bytes_in in = bytes_in_of(c->writer->index.data, c->writer->index.len);
    struct index_coder from = {0}, to = {0};
    size_t kept = c->before + c->first_moved, next = c->first_moved;
    for (size_t i = c->first_moved; i < c->block_count; i++) {
        c->blocks[i].entry.offset = c->blocks[i].to;
    }
    if (next != c->block_count) {
        qsort(c->blocks + next, c->block_count - next, sizeof *c->blocks, by_place);
    }
    for (size_t i = 0; i <= kept; i++) {
        struct index_entry entry = {.offset = UINT64_MAX};
        if (i < kept) {
            index_entry_get(&in, &from, &entry);
        }
        while (next < c->block_count && c->blocks[next].to < entry.offset) {
            index_entry_put(out, &to, &c->blocks[next++].entry);
        }
        if (i < kept) {
            index_entry_put(out, &to, &entry);
        }
    }
    return !out->failed;
}

void compact_file(struct writer *writer, const struct live *lives)
{
    struct compaction c = {.writer = writer};
    struct bytes_out index = {0};
    int is_filled = 0;
    if (!writer->index.failed && find_holes(&c, lives) && find_blocks(&c)) {
        plan_moves(&c);
        uint64_t end = end_of(&c);
        is_filled = each_hole(&c, claim_hole) && fill_holes(&c) && make_index(&c, &index);
        if (is_filled && each_hole(&c, shrink_hole) && cut_file(&c, end)) {
            struct bytes_out before = writer->index;
            writer->index = index;
            index = before;
        }
    }
    for (const struct live *live = lives; !is_filled && live != NULL; live = live->next) {
        writer_punch_live(writer, live);
    }
    bytes_out_fini(&index);
    bytes_out_fini(&c.bytes);
    rl_free(c.holes);
    rl_free(c.blocks);
}
