/* Why: see work.h.
 *
 * Invariants:
 *  1. Definitions are written before the chunk that names them.
 *  2. A slot is in one list at a time; while its rows are written it is in none (in_work).
 *  3. A failed write is a counted loss, never an error of the program that is recorded. */
#include "work.h"

#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "compact.h"
#include "ring.h"
#include "sources.h"
#include "status.h"

enum { FIRST_SMALL = 4 };

/* Slots of the first block of each size, and of the largest. */
static const struct {
    uint32_t first, most;
} blocks[SLOT_SIZES] = {{FIRST_SMALL, 1024}, {4, 128}, {2, 32}};

/* Writes the size of the file to the control page: it shows a reader whether the end of a copy is
 * missing. */
static void write_end(struct recorder *recorder)
{
    if (recorder->control != NULL) {
        put64(recorder->control->memory + RL_LV_END, recorder_writer(recorder)->offset);
    }
}

/* Appends a LIVE block; its slots are free. */
static rl_status add_live(struct recorder *recorder, enum slot_size size, uint32_t count)
{
    struct supply *supply = &recorder->supplies[size];
    struct live *live = rl_zalloc(1, sizeof *live);
    if (live == NULL) {
        return RL_NOMEM;
    }
    state_begin_writing(recorder); /* reserving space may take a while */
    rl_status status = writer_live(recorder_writer(recorder), slot_bytes(size), count, live);
    state_end_writing(recorder);
    if (status == RL_OK && live_init(live, size, &supply->free) != 0) {
        status = RL_NOMEM;
    }
    if (status != RL_OK) {
        live_fini(live);
        rl_free(live);
        return status;
    }
    /* Its control page is in the file before any event: the process may be killed at any time. */
    writer_sync_live(recorder_writer(recorder), live);
    live->next = recorder->lives;
    recorder->lives = live;
    recorder->slot_bytes += (size_t)slot_bytes(size) * count;
    supply->slots += count;
    if (recorder->control == NULL) {
        recorder->control = live;
    }
    write_end(recorder);
    return RL_OK;
}

/* Reduces number and size of wanted slots to what the buffer has room for. First slots of threads
 * are small and beyond its limit: a few at a time, more where many threads run. */
static void fit_buffer(const struct recorder *recorder, enum slot_size *size, uint32_t *count)
{
    size_t most = recorder->options.buffer_bytes, taken = recorder->slot_bytes;
    size_t left = taken < most ? most - taken : 0;
    size_t beyond = *size == SLOT_SMALL ? FIRST_SMALL + recorder->filling.count / 2 : 0;
    while (*size != SLOT_SMALL && left < slot_bytes(*size)) {
        (*size)--;
    }
    size_t fitting = left < SLOT_SMALL_BYTES ? left != 0 : left / slot_bytes(*size);
    fitting = left != 0 ? fitting : beyond;
    *count = *count < fitting ? *count : (uint32_t)fitting;
}

/* Adds a block with twice as many slots as the last one of that size: few blocks serve any load. */
static rl_status add_slots(struct recorder *recorder, enum slot_size size)
{
    struct supply *supply = &recorder->supplies[size];
    uint32_t count = supply->newest != 0 ? supply->newest * 2 : blocks[size].first;
    count = supply->newest = count < blocks[size].most ? count : blocks[size].most;
    if (state_is_ring(recorder)) {
        ring_fit(recorder, &size, &count);
    } else {
        fit_buffer(recorder, &size, &count);
    }
    return count != 0 ? add_live(recorder, size, count) : RL_OK;
}

void work_grow(struct recorder *recorder)
{
    rl_status status = RL_OK;
    for (enum slot_size size = SLOT_SMALL; size < SLOT_SIZES; size++) {
        if (recorder->supplies[size].is_wanted && status == RL_OK) {
            status = add_slots(recorder, size);
        }
        recorder->supplies[size].is_wanted = 0;
    }
    recorder->cannot_grow = status != RL_OK;
    os_cond_broadcast(&recorder->room);
}

/* Returns the reason of a loss that a failed write caused. */
static enum rl_loss_reason reason_for(const struct writer *writer, rl_status status)
{
    return writer->is_gone      ? RL_LOSS_FILE_GONE
           : status == RL_LIMIT ? RL_LOSS_DISK_FULL
           : status == RL_NOMEM ? RL_LOSS_MEMORY
                                : RL_LOSS_IO_ERROR;
}

/* Writes the definitions in *from, which are of one generation, and empties it. */
static rl_status write_definitions(struct recorder *recorder, struct bytes_out *from,
                                   uint32_t generation)
{
    struct bytes_out taken = *from;
    if (taken.len == 0) {
        return RL_OK;
    }
    memset(from, 0, sizeof taken);
    recorder->is_defining = 1;
    rl_status status;
    if (state_is_ring(recorder)) {
        status = ring_define(recorder, generation, taken.data, taken.len);
    } else {
        state_begin_writing(recorder);
        status = writer_dict(recorder_writer(recorder), taken.data, taken.len);
        state_end_writing(recorder);
    }
    recorder->is_defining = 0;
    recorder->cannot_define = status != RL_OK;
    if (status != RL_OK && !recorder_writer(recorder)->is_gone) {
        /* Not written: they stay pending, before what was defined meanwhile. */
        bytes_put(&taken, from->data, from->len);
        struct bytes_out newer = *from;
        *from = taken;
        taken = newer;
    }
    bytes_out_fini(&taken);
    return status;
}

void work_flush_definitions(struct recorder *recorder)
{
    if (write_definitions(recorder, &recorder->earlier, recorder->generation - 1) == RL_OK) {
        (void)write_definitions(recorder, &recorder->dictionary.pending, recorder->generation);
    }
}

void work_drain(struct recorder *recorder)
{
    struct writer *writer = recorder_writer(recorder);
    struct slot *slot;
    while (recorder->writer_is != WRITER_ASKED &&
           (slot = slot_list_take(&recorder->queue)) != NULL) {
        recorder->in_work++;
        work_flush_definitions(recorder);
        state_begin_writing(recorder);
        rl_status status = slot->used != 0 ? writer_chunk(writer, slot) : RL_OK;
        state_end_writing(recorder);
        if (status != RL_OK) {
            state_count_loss(recorder, reason_for(writer, status), slot->events);
        }
        recorder->in_work--;
        write_end(recorder);
        state_free_slot(recorder, slot);
        os_cond_broadcast(&recorder->room);
        if (state_wants_slots(recorder)) {
            work_grow(recorder);
        }
    }
}

/* Writes the time to the control page. A reader of a killed process's file ends open frames there.
 */
static void write_heartbeat(struct recorder *recorder)
{
    if (recorder->control != NULL) {
        uint8_t *control = recorder->control->memory;
        struct clock_pair now = clock_pair_now();
        put64(control + RL_LV_BEAT_MONO, now.mono_ns);
        put64(control + RL_LV_BEAT_TICKS, now.ticks);
        put64(control + RL_LV_BEAT_CHECK, now.mono_ns ^ now.ticks);
        write_end(recorder);
    }
}

void work_tick(struct recorder *recorder)
{
    struct writer *writer = recorder_writer(recorder);
    if (!state_is_ring(recorder) || recorder->wants_tick) {
        work_flush_definitions(
            recorder); /* a ring keeps them in its slots until those are reused */
    }
    if (recorder->wants_tick) {
        sources_write_all(recorder);
    }
    write_heartbeat(recorder);
    (void)writer_is_sound(writer);
    if (!writer->is_mapped) {
        for (struct live *live = recorder->lives; live != NULL; live = live->next) {
            writer_sync_live(writer, live);
        }
    }
}

/* Reads the losses by reason from the control page; returns their sum. */
static uint64_t sum_losses(const struct recorder *recorder, uint64_t lost[RL_LOSS_REASONS])
{
    uint64_t all = 0;
    for (int i = 0; i < RL_LOSS_REASONS; i++) {
        lost[i] = get64(recorder->control->memory + RL_LV_LOSS + 8 * (size_t)i);
        all += lost[i];
    }
    return all;
}

/* Unmaps all LIVE blocks: every slot is written and no lane has one. */
static void give_up_slots(struct recorder *recorder)
{
    recorder->control = NULL;
    for (struct live *live = recorder->lives; live != NULL; live = live->next) {
        live_unmap(live);
    }
}

/* All lanes have ended: the rest of the file. */
void work_finish(struct recorder *recorder, struct recorder_stats *stats)
{
    struct writer *writer = recorder_writer(recorder);
    int is_ring = state_is_ring(recorder);
    work_drain(recorder);
    work_flush_definitions(recorder);
    sources_write_all(recorder);
    write_heartbeat(recorder);
    stats->events = is_ring ? recorder->kept_events : writer->events;
    uint64_t lost = sum_losses(recorder, stats->lost);
    const struct live *first = recorder->control;
    for (struct live *live = recorder->lives; live != NULL; live = live->next) {
        writer_sync_live(writer, live);
    }
    if (is_ring) {
        bytes_out_reset(&writer->index); /* blocks of the shelf have moved; readers scan a ring */
    } else {
        give_up_slots(recorder);
        writer_forget_end(writer, first);
        compact_file(writer, recorder->lives);
    }
    writer->events = stats->events;
    stats->is_closed_cleanly = writer_finish(writer, lost, !is_ring, first) == RL_OK;
    stats->bytes = writer->offset;
    stats->threads = recorder->threads;
}

void work_open(struct recorder *recorder)
{
    struct writer *writer = recorder_writer(recorder);
    rl_status status = writer_open(writer, recorder->path, &recorder->options.header,
                                   recorder->meta, recorder->options.meta_len, &recorder->open_err);
    int was_created = writer->fd >= 0;
    if (status == RL_OK) {
        if (!recorder->has_private_table) {
            writer->fd = os_move_high(writer->fd);
        }
        recorder->supplies[SLOT_SMALL].newest = FIRST_SMALL;
        status = add_live(recorder, SLOT_SMALL, FIRST_SMALL);
        if (status == RL_OK && state_is_ring(recorder)) {
            ring_make_shelf(recorder);
        }
        write_heartbeat(recorder);
        if (recorder->control != NULL) {
            put64(recorder->control->memory + RL_LV_BIRTH, os_process_birth(os_pid()));
        }
        if (status != RL_OK) {
            (void)status_set(&recorder->open_err, status, "cannot reserve space for %s: %s",
                             recorder->path,
                             status == RL_LIMIT ? "no space left, or a limit on the size of files"
                                                : status_code(status));
        }
    }
    if (status != RL_OK && was_created) {
        int ignored;
        (void)os_remove(recorder->path, &ignored);
    }
    recorder->open_status = status;
    recorder->is_open = 1;
}
