/* Times the steps of the writer thread over the slots of a ring's file: see writer.py.
 *
 *     writer FILE ROUNDS    one line: "events rows walk seal bytes", ns and bytes an event
 *
 * A slot's time is the least of all rounds, so other work on the machine is hardly in it. */
#include <stdio.h>
#include <stdlib.h>

#include "block.h"
#include "os.h"
#include "slot_walk.h"

enum step { ROWS, WALK, SEAL, STEPS };

struct held {
    struct chunk_info info;
    const uint8_t *rows;
    uint32_t used;
    uint64_t ns[STEPS];
};

struct making {
    struct chunk_maker maker;
    struct summary summary;
    struct block_coder *coder;
    struct bytes_out block;
    size_t events, bytes;
};

static struct held *held;
static size_t held_count;
static volatile uint64_t sink;

static void stop(const char *why)
{
    (void)fprintf(stderr, "writer: %s\n", why);
    exit(1);
}

/* Returns the file, and behind it room for what is read beyond a row. */
static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        stop("the file cannot be read");
    }
    *len = (size_t)ftell(file);
    uint8_t *data = calloc(1, *len + RL_PAGE);
    rewind(file);
    if (data == NULL || fread(data, 1, *len, file) != *len) {
        stop("the file cannot be read");
    }
    (void)fclose(file);
    return data;
}

/* Keeps the slots of a LIVE block that have rows. */
static void hold_slots(const uint8_t *live)
{
    uint32_t size = get32(live + RL_LV_SLOT_BYTES), count = get32(live + RL_LV_SLOTS);
    held = realloc(held, (held_count + count) * sizeof *held);
    for (uint32_t i = 0; i < count && held != NULL; i++) {
        const uint8_t *slot = live + RL_PAGE + (size_t)i * size;
        if (get32(slot + RL_SL_USED) != 0) {
            struct held *one = &held[held_count++];
            *one = (struct held){.rows = slot + RL_SLOT_HEADER_BYTES,
                                 .used = get32(slot + RL_SL_USED),
                                 .ns = {UINT64_MAX, UINT64_MAX, UINT64_MAX}};
            slot_info_get(slot, &one->info);
        }
    }
}

static int by_chunk(const void *a, const void *b)
{
    const struct chunk_info *x = &((const struct held *)a)->info,
                            *y = &((const struct held *)b)->info;
    return x->thread != y->thread ? (x->thread > y->thread) - (x->thread < y->thread)
                                  : (x->chunk > y->chunk) - (x->chunk < y->chunk);
}

static void take_least(struct held *one, enum step step, uint64_t *since)
{
    uint64_t now = os_mono_ns();
    one->ns[step] = now - *since < one->ns[step] ? now - *since : one->ns[step];
    *since = now;
}

static void do_steps(struct making *making, struct held *one)
{
    const uint8_t *data;
    size_t len;
    uint8_t prefix[RL_CHUNK_PREFIX_BYTES];
    struct chunk_info *info = &making->maker.info;
    uint64_t since = os_mono_ns(), sum = 0;
    for (uint32_t at = 0; at < one->used; at += RL_ROW_BYTES) {
        sum += get64(one->rows + at) ^ get64(one->rows + at + RL_ROW_FRAME);
    }
    sink = sum;
    take_least(one, ROWS, &since);
    if (slot_walk(&one->info, one->rows, one->used, &making->maker, &making->summary) != RL_OK) {
        stop("a slot cannot be walked");
    }
    take_least(one, WALK, &since);
    bytes_out_reset(&making->block);
    if (chunk_maker_end(&making->maker, &data, &len) != RL_OK) {
        stop("no memory");
    }
    chunk_info_put(prefix, info);
    const struct block_parts parts = {info->token_bytes, info->time_bytes, info->value_bytes};
    if (block_seal(making->coder, RL_BLOCK_CHUNK, prefix, sizeof prefix, data, &parts,
                   &making->block) != RL_OK) {
        stop("no memory");
    }
    take_least(one, SEAL, &since);
    making->events += info->events;
    making->bytes += making->block.len;
}

int main(int argc, char **argv)
{
    size_t len, events = 0, bytes = 0;
    if (argc != 3) {
        stop("usage: writer FILE ROUNDS");
    }
    uint8_t *file = read_file(argv[1], &len);
    struct block_header header;
    for (size_t at = RL_FILE_HEADER_BYTES;
         at + RL_BLOCK_HEADER_BYTES <= len && block_header_get(file + at, &header) == RL_OK;
         at += block_span(&header)) {
        if (header.type == RL_BLOCK_LIVE && at + block_span(&header) <= len) {
            hold_slots(file + at + RL_BLOCK_HEADER_BYTES);
        }
    }
    qsort(held, held_count, sizeof *held, by_chunk);
    for (int round = 0; round < atoi(argv[2]); round++) {
        struct making making = {.coder = block_coder_new()};
        for (size_t i = 0; i < held_count; i++) {
            do_steps(&making, &held[i]);
        }
        events = making.events;
        bytes = making.bytes;
        summary_fini(&making.summary);
        chunk_maker_fini(&making.maker);
        bytes_out_fini(&making.block);
        block_coder_free(making.coder);
    }
    (void)printf("%zu", events);
    for (int step = 0; step < STEPS; step++) {
        uint64_t ns = 0;
        for (size_t i = 0; i < held_count; i++) {
            ns += held[i].ns[step];
        }
        (void)printf(" %.2f", (double)ns / (double)events);
    }
    (void)printf(" %.3f\n", (double)bytes / (double)events);
    free(held);
    free(file);
    return 0;
}
