/* Why: the life of a recording: open, drain, close; see recorder.h for the states of a slot.
 * Threads: the writer thread runs writer_main(); `writer` belongs to it until it has ended. */
#include "recorder.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "compact.h"
#include "recorder_state.h"
#include "status.h"

enum { TICK_MS = 100, FIRST_SMALL = 4, FIRST_LARGE = 2 };

static void recorder_free(struct recorder *recorder)
{
    writer_close(recorder_writer(recorder));
    while (recorder->lives != NULL) {
        struct live *live = recorder->lives;
        recorder->lives = live->next;
        live_fini(live);
        rl_free(live);
    }
    dictionary_fini(&recorder->dictionary);
    bytes_out_fini(&recorder->earlier);
    shelf_fini(&recorder->shelf);
    os_cond_fini(&recorder->work);
    os_cond_fini(&recorder->room);
    os_mutex_fini(&recorder->lock);
    rl_free(recorder->path);
    rl_free(recorder->meta);
    rl_free(recorder);
}

/* Nobody waits for the lock while the writer thread writes. Without that thread the lock is what
 * keeps the writer to one caller. */
static void begin_writing(struct recorder *recorder)
{
    if (recorder->has_thread) {
        os_unlock_mutex(&recorder->lock);
    }
}

static void end_writing(struct recorder *recorder)
{
    if (recorder->has_thread) {
        os_lock_mutex(&recorder->lock);
    }
}

static rl_status add_live(struct recorder *recorder, uint32_t slot_size, uint32_t count,
                          struct slot_list *list)
{
    struct live *live = rl_zalloc(1, sizeof *live);
    if (live == NULL) {
        return RL_NOMEM;
    }
    begin_writing(recorder); /* reserving space may take a while */
    rl_status status = writer_live(recorder_writer(recorder), slot_size, count, live);
    end_writing(recorder);
    if (status == RL_OK && live_init(live, slot_size, list) != 0) {
        status = RL_NOMEM;
    }
    if (status != RL_OK) {
        live_fini(live);
        rl_free(live);
        return status;
    }
    writer_sync_live(recorder_writer(recorder),
                     live); /* its control page, before anything ends us */
    live->next = recorder->lives;
    recorder->lives = live;
    recorder->slot_bytes += (size_t)slot_size * count;
    if (recorder->control == NULL) {
        recorder->control = live;
    }
    return RL_OK;
}

/* Twice as many slots as the last time. */
static rl_status grow(struct recorder *recorder, uint32_t slot_size)
{
    int is_large = slot_size == SLOT_LARGE;
    uint32_t *last = is_large ? &recorder->large_count : &recorder->small_count;
    uint32_t first = is_large ? FIRST_LARGE : FIRST_SMALL, most = is_large ? 128 : 1024;
    uint32_t count = *last != 0 ? *last * 2 : first;
    count = *last = count < most ? count : most;
    if (recorder_is_ring(recorder)) {
        ring_fit(recorder, &slot_size, &count);
    }
    return add_live(recorder, slot_size, count,
                    slot_size == SLOT_LARGE ? &recorder->free_large : &recorder->free_small);
}

void recorder_grow(struct recorder *recorder)
{
    rl_status status = recorder->wants_small ? grow(recorder, SLOT_SMALL) : RL_OK;
    if (recorder->wants_large && status == RL_OK) {
        status = grow(recorder, SLOT_LARGE);
    }
    recorder->wants_small = recorder->wants_large = 0;
    recorder->cannot_grow = status != RL_OK;
    os_cond_broadcast(&recorder->room);
}

static enum rl_loss_reason reason_for(const struct writer *writer, rl_status status)
{
    return writer->is_gone      ? RL_LOSS_FILE_GONE
           : status == RL_LIMIT ? RL_LOSS_DISK_FULL
           : status == RL_NOMEM ? RL_LOSS_MEMORY
                                : RL_LOSS_IO_ERROR;
}

/* Puts definitions of one generation into the file. */
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
    if (recorder_is_ring(recorder)) {
        status = ring_define(recorder, generation, taken.data, taken.len);
    } else {
        begin_writing(recorder);
        status = writer_dict(recorder_writer(recorder), taken.data, taken.len);
        end_writing(recorder);
    }
    recorder->is_defining = 0;
    recorder->cannot_define = status != RL_OK;
    if (status != RL_OK && !recorder_writer(recorder)->is_gone) {
        /* Not written: they stay pending, before what came meanwhile. */
        bytes_put(&taken, from->data, from->len);
        struct bytes_out newer = *from;
        *from = taken;
        taken = newer;
    }
    bytes_out_fini(&taken);
    return status;
}

void recorder_flush_dictionary(struct recorder *recorder)
{
    if (write_definitions(recorder, &recorder->earlier, recorder->generation - 1) == RL_OK) {
        (void)write_definitions(recorder, &recorder->dictionary.pending, recorder->generation);
    }
}

void recorder_drain(struct recorder *recorder)
{
    struct writer *writer = recorder_writer(recorder);
    struct slot *slot;
    while (recorder->writer_is != WRITER_ASKED &&
           (slot = slot_list_take(&recorder->queue)) != NULL) {
        recorder->in_work++;
        recorder_flush_dictionary(recorder);
        begin_writing(recorder);
        rl_status status = slot->used != 0 ? writer_chunk(writer, slot) : RL_OK;
        end_writing(recorder);
        if (status != RL_OK) {
            recorder_count_loss(recorder, reason_for(writer, status), slot->events);
        }
        atomic_store_explicit((_Atomic uint32_t *)(void *)(slot->memory + RL_SL_USED), 0,
                              memory_order_release);
        recorder->in_work--;
        slot_list_append(slot->size == SLOT_LARGE ? &recorder->free_large : &recorder->free_small,
                         slot);
        os_cond_broadcast(&recorder->room);
        if (recorder->wants_small || recorder->wants_large) {
            recorder_grow(recorder);
        }
    }
}

/* The process is alive: what it has open goes on until now at least. */
static void beat(struct recorder *recorder)
{
    if (recorder->control != NULL) {
        uint8_t *control = recorder->control->memory;
        struct clock_pair now = clock_pair_now();
        put64(control + RL_LV_BEAT_MONO, now.mono_ns);
        put64(control + RL_LV_BEAT_TICKS, now.ticks);
        put64(control + RL_LV_BEAT_CHECK, now.mono_ns ^ now.ticks);
    }
}

void recorder_tick(struct recorder *recorder)
{
    struct writer *writer = recorder_writer(recorder);
    if (!recorder_is_ring(recorder) || recorder->wants_tick) {
        recorder_flush_dictionary(recorder); /* a ring has them in its slots */
    }
    beat(recorder);
    (void)writer_is_sound(writer);
    if (!writer->is_mapped) {
        for (struct live *live = recorder->lives; live != NULL; live = live->next) {
            writer_sync_live(writer, live);
        }
    }
}

static uint64_t sum_losses(const struct recorder *recorder, uint64_t lost[RL_LOSS_REASONS])
{
    uint64_t all = 0;
    for (int i = 0; i < RL_LOSS_REASONS; i++) {
        lost[i] = get64(recorder->control->memory + RL_LV_LOSS + 8 * (size_t)i);
        all += lost[i];
    }
    return all;
}

/* Every slot was written, and no lane has one any more. */
static void give_up_slots(struct recorder *recorder)
{
    recorder->control = NULL;
    for (struct live *live = recorder->lives; live != NULL; live = live->next) {
        live_unmap(live);
    }
}

/* All lanes have ended: the rest of the file. */
static void finish(struct recorder *recorder, struct recorder_stats *stats)
{
    struct writer *writer = recorder_writer(recorder);
    int is_ring = recorder_is_ring(recorder);
    recorder_drain(recorder);
    recorder_flush_dictionary(recorder);
    beat(recorder);
    stats->events = is_ring ? recorder->kept_events : writer->events;
    uint64_t lost = sum_losses(recorder, stats->lost);
    const struct live *first = recorder->control;
    for (struct live *live = recorder->lives; live != NULL; live = live->next) {
        writer_sync_live(writer, live);
    }
    if (is_ring) {
        bytes_out_reset(&writer->index); /* its blocks have changed places */
    } else {
        give_up_slots(recorder);
        compact_file(writer, recorder->lives);
    }
    writer->events = stats->events;
    stats->is_closed_cleanly = writer_finish(writer, lost, !is_ring, first) == RL_OK;
    stats->bytes = writer->offset;
    stats->threads = recorder->threads;
}

static void open_file(struct recorder *recorder)
{
    struct writer *writer = recorder_writer(recorder);
    rl_status status = writer_open(writer, recorder->path, &recorder->options.header,
                                   recorder->meta, recorder->options.meta_len, &recorder->open_err);
    int was_created = writer->fd >= 0;
    if (status == RL_OK) {
        if (!recorder->has_private_table) {
            writer->fd = os_move_high(writer->fd);
        }
        recorder->small_count = FIRST_SMALL;
        status = add_live(recorder, SLOT_SMALL, FIRST_SMALL, &recorder->free_small);
        if (status == RL_OK && recorder_is_ring(recorder)) {
            ring_make_shelf(recorder);
        }
        beat(recorder);
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

/* Until the recording stops, or a pause begins. */
static void write_what_comes(struct recorder *recorder)
{
    uint64_t last_tick = os_mono_ns();
    while (!recorder->is_stopping && !recorder_must_leave(recorder)) {
        if (recorder->wants_small || recorder->wants_large) {
            recorder_grow(recorder);
        }
        recorder_drain(recorder);
        uint64_t now = os_mono_ns();
        if (recorder->wants_tick || now - last_tick >= TICK_MS * UINT64_C(1000000)) {
            last_tick = now;
            recorder_tick(recorder);
            recorder->wants_tick = 0;
            os_cond_broadcast(&recorder->room);
        }
        if (recorder->queue.count == 0 && !recorder->wants_small && !recorder->wants_large &&
            !recorder->is_stopping && recorder->writer_is != WRITER_ASKED) {
            os_cond_wait_ms(&recorder->work, &recorder->lock, TICK_MS);
        }
    }
}

static void writer_main(void *arg)
{
    struct recorder *recorder = arg;
    struct writer *writer = recorder_writer(recorder);
    os_lock_mutex(&recorder->lock);
    recorder->thread_id = os_thread_id();
    if (!recorder->is_open) {
        recorder->has_private_table = os_private_descriptors(-1) == 0;
        open_file(recorder);
    } else if (recorder->has_private_table) {
        recorder->has_private_table = os_private_descriptors(recorder->door.fd) == 0;
        recorder_take_file(recorder);
    }
    recorder->has_begun = 1;
    os_cond_broadcast(&recorder->room);
    if (recorder->open_status == RL_OK) {
        write_what_comes(recorder);
    }
    if (recorder->open_status == RL_OK && recorder->writer_is != WRITER_LEAVES) {
        /* Here, not in recorder_close(): the descriptor exists in this thread only. */
        finish(recorder, recorder->closing_stats);
    }
    /* The same number may be the program's own file in every other thread: closed here. */
    if (recorder->writer_is != WRITER_LEAVES || recorder->has_private_table) {
        os_close(writer->fd);
        writer->fd = -1;
    }
    os_unlock_mutex(&recorder->lock);
}

int recorder_start_writer(struct recorder *recorder)
{
    /* Set before the thread runs, which reads it: it decides who unlocks what. */
    recorder->has_thread = 1;
    recorder->has_begun = 0;
    if (os_thread_start(&recorder->thread, writer_main, recorder) != 0) {
        recorder->has_thread = 0;
        return -1;
    }
    return 0;
}

static int copy_options(struct recorder *recorder, const struct recorder_options *options)
{
    recorder->options = *options;
    recorder->path = rl_alloc(strlen(options->path) + 1, 1);
    recorder->meta = rl_alloc(options->meta_len, 1);
    if (recorder->path == NULL || recorder->meta == NULL) {
        return -1;
    }
    memcpy(recorder->path, options->path, strlen(options->path) + 1);
    if (options->meta_len != 0) {
        memcpy(recorder->meta, options->meta, options->meta_len);
    }
    struct file_header *header = &recorder->options.header;
    header->clock = (uint32_t)clock_init();
    struct clock_pair now = clock_pair_now();
    header->pid = os_pid();
    header->start_ticks = now.ticks;
    header->start_mono = now.mono_ns;
    header->start_real = os_real_ns();
    header->run_mono = header->run_mono != 0 ? header->run_mono : now.mono_ns;
    header->flags = options->ring_bytes != 0 ? RL_FLAG_RING : 0;
    return 0;
}

rl_status recorder_open(const struct recorder_options *options, struct recorder **out,
                        struct rl_err *err)
{
    struct recorder_and_writer *owned = rl_zalloc_apart(1, sizeof *owned);
    if (owned == NULL) {
        return status_set(err, RL_NOMEM, "no memory for the recorder");
    }
    struct recorder *recorder = &owned->recorder;
    owned->writer.fd = recorder->door.fd = -1;
    recorder->generation = 1;
    os_mutex_init(&recorder->lock);
    os_cond_init(&recorder->work);
    os_cond_init(&recorder->room);
    if (copy_options(recorder, options) != 0) {
        recorder_free(recorder);
        return status_set(err, RL_NOMEM, "no memory for the recorder");
    }
    os_lock_mutex(&recorder->lock);
    if (recorder_start_writer(recorder) != 0) {
        open_file(recorder);
    }
    while (!recorder->is_open) {
        os_cond_wait(&recorder->room, &recorder->lock);
    }
    rl_status status = recorder->open_status;
    os_unlock_mutex(&recorder->lock);
    if (status != RL_OK) {
        if (err != NULL) {
            *err = recorder->open_err;
        }
        if (recorder->has_thread) {
            os_thread_join(&recorder->thread);
        }
        recorder_free(recorder);
        return status;
    }
    *out = recorder;
    return RL_OK;
}

void recorder_end_lanes(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    while (recorder->lanes != NULL) {
        struct lane *lane = recorder->lanes;
        recorder->lanes = lane->next;
        lane_hand_over(lane);
        lane->recorder = NULL;
        lane->next = lane->previous = NULL;
    }
    os_unlock_mutex(&recorder->lock);
}

void recorder_close(struct recorder *recorder, struct recorder_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    os_lock_mutex(&recorder->lock);
    recorder->is_stopping = 1;
    recorder->closing_stats = stats;
    os_cond_broadcast(&recorder->work);
    os_cond_broadcast(&recorder->room);
    int is_writing = recorder->has_thread && recorder->writer_is != WRITER_PAUSED;
    if (!is_writing) {
        recorder_take_over(recorder);
        finish(recorder, stats);
    }
    os_unlock_mutex(&recorder->lock);
    if (is_writing) {
        os_thread_join(&recorder->thread);
        os_thread_await_gone(recorder->thread_id); /* the program may fork next */
    }
    os_lock_mutex(&recorder->lock);
    while (recorder->inside != 0) {
        os_cond_wait(&recorder->room, &recorder->lock);
    }
    os_unlock_mutex(&recorder->lock);
    recorder_free(recorder);
}

void recorder_abandon(struct recorder *recorder)
{
    /* The writer thread stayed in the parent, and its descriptor if that was in a table of its own.
     * What is shared must go, so that nothing here can reach the parent's file; the heap is left as
     * it is. */
    os_door_close(&recorder->door);
    if (!recorder->has_private_table) {
        os_close(recorder_writer(recorder)->fd);
    }
    for (struct live *live = recorder->lives; live != NULL; live = live->next) {
        live_unmap(live);
    }
}

void recorder_before_exec(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    put32(recorder->control->memory + RL_LV_STATE, RL_LIVE_EXEC);
    recorder->wants_tick = recorder->has_thread;
    os_cond_signal(&recorder->work);
    while (recorder->wants_tick) {
        recorder_wait(recorder);
    }
    os_unlock_mutex(&recorder->lock);
}

void recorder_after_failed_exec(struct recorder *recorder)
{
    put32(recorder->control->memory + RL_LV_STATE, RL_LIVE_RUNNING);
}

const char *recorder_live_mode(const struct recorder *recorder)
{
    const struct writer *writer =
        &((const struct recorder_and_writer *)(const void *)recorder)->writer;
    return writer->is_mapped ? "mapped" : writer->why_unmapped;
}

const char *recorder_path(const struct recorder *recorder)
{
    return recorder->path;
}
