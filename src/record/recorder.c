/* Why: the functions of recorder.h: each takes the lock, and leaves the work to the files below
 * (recorder_state.h names them).
 *
 * Threads: any; the writer in struct recorder_and_writer belongs to the writer thread until that
 * has ended. */
#include "recorder.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "last_word.h"
#include "recorder_state.h"
#include "snapshot.h"
#include "shrink.h"
#include "sources.h"
#include "status.h"
#include "work.h"
#include "writer_thread.h"

/* The next generation is due when one takes an eighth of the shelf. */
enum { SHELF_SHARE = 8 };
enum {
    RESTART_BYTES = 4096,  /* of definitions, that a restart puts into a slot */
    RESTART_ENOUGH = 1024, /* from so many on, the writer thread is woken to write them */
    SHRINK_ABOVE = 8 << 20 /* bytes of slots that a restarted ring keeps */
};

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
    source_asks_fini(&recorder->sources);
    os_cond_fini(&recorder->work);
    os_cond_fini(&recorder->room);
    os_mutex_fini(&recorder->lock);
    rl_free(recorder->path);
    rl_free(recorder->meta);
    rl_free(recorder);
}

/* Copies what the caller may free, and fills in the file header. */
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
    if (writer_thread_start(recorder) != 0) {
        work_open(recorder);
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

static void hand_over_all(struct recorder *recorder)
{
    while (recorder->filling.first != NULL) {
        lane_hand_over(recorder->filling.first);
    }
}

void recorder_end_lanes(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    hand_over_all(recorder);
    while (recorder->empty.first != NULL) {
        struct lane *lane = recorder->empty.first;
        lane_list_remove(&recorder->empty, lane);
        lane->recorder = NULL;
    }
    os_unlock_mutex(&recorder->lock);
}

void recorder_close(struct recorder *recorder, struct recorder_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    last_word_unwatch(recorder); /* its page is unmapped soon */
    os_lock_mutex(&recorder->lock);
    recorder->is_stopping = 1;
    recorder->closing_stats = stats;
    os_cond_broadcast(&recorder->work);
    os_cond_broadcast(&recorder->room);
    int is_writing = recorder->has_thread && recorder->writer_is != WRITER_PAUSED;
    if (!is_writing) {
        writer_thread_take_over(recorder);
        work_finish(recorder, stats);
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
    /* The writer thread is in the parent, and so is its descriptor if that was in a private table.
     * Close and unmap what is shared, so that nothing here can reach the parent's file. The heap
     * stays as it is: another thread may have been in the middle of a change. */
    last_word_unwatch(recorder);
    os_door_close(&recorder->door);
    if (!recorder->has_private_table) {
        os_close(recorder_writer(recorder)->fd);
    }
    for (struct live *live = recorder->lives; live != NULL; live = live->next) {
        live_unmap(live);
    }
}

/* ---- forks, exec, snapshots ---- */

void recorder_before_fork(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    while (recorder->writer_is == WRITER_STARTS) {
        os_cond_wait(&recorder->room, &recorder->lock);
    }
    if (recorder->has_thread && recorder->writer_is == WRITER_RUNS && !recorder->is_stopping) {
        writer_thread_pause(recorder);
    }
}

void recorder_after_fork(struct recorder *recorder, int may_start)
{
    if (may_start || recorder->waiting != 0) {
        writer_thread_need(recorder);
    }
    os_unlock_mutex(&recorder->lock);
}

void recorder_resume(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    writer_thread_need(recorder);
    os_unlock_mutex(&recorder->lock);
}

void recorder_before_exec(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    put32(recorder->control->memory + RL_LV_STATE, RL_LIVE_EXEC);
    recorder->wants_tick = recorder->has_thread;
    os_cond_signal(&recorder->work);
    while (recorder->wants_tick) {
        writer_thread_wait(recorder);
    }
    os_unlock_mutex(&recorder->lock);
}

void recorder_after_failed_exec(struct recorder *recorder)
{
    put32(recorder->control->memory + RL_LV_STATE, RL_LIVE_RUNNING);
}

/* Waits until everything that was handed over is written. The lock is held. */
static void settle_writer(struct recorder *recorder)
{
    do {
        recorder->wants_tick = recorder->has_thread;
        os_cond_signal(&recorder->work);
        while (recorder->wants_tick) {
            writer_thread_wait(recorder);
        }
        if (!recorder->has_thread) {
            work_drain(recorder);
            work_flush_definitions(recorder);
            sources_write_all(recorder);
        }
    } while (recorder->queue.count != 0 || recorder->in_work != 0 ||
             recorder->sources.first != NULL);
}

rl_status recorder_snapshot(struct recorder *recorder, const char *path, struct rl_err *err)
{
    os_lock_mutex(&recorder->lock);
    settle_writer(recorder);
    rl_status status =
        snapshot_copy(recorder->path, path, recorder->control->offset + RL_LV_STATE, err);
    os_unlock_mutex(&recorder->lock);
    return status;
}

void recorder_settle(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    settle_writer(recorder);
    os_unlock_mutex(&recorder->lock);
}

/* ---- lanes ---- */

void recorder_lane_begin(struct recorder *recorder, struct lane *lane, void *owner,
                         uint64_t native_thread)
{
    recorder_lane_begin_named(recorder, lane, owner, native_thread, NULL, 0);
}

void recorder_lane_begin_named(struct recorder *recorder, struct lane *lane, void *owner,
                               uint64_t native_thread, const uint8_t *name, size_t len)
{
    os_lock_mutex(&recorder->lock);
    *lane = (struct lane){.recorder = recorder, .owner = owner, .thread = ++recorder->threads};
    lane->next_frame = RL_FRAME(lane->thread, 1);
    lane_list_append(&recorder->empty, lane);
    os_unlock_mutex(&recorder->lock);
    if (len != 0) {
        recorder_lane_name(lane, recorder_string(recorder, lane, name, len));
    }
    (void)lane_put(lane, RL_EVENT_THREAD_START, lane->name, native_thread);
}

void recorder_lane_name(struct lane *lane, uint32_t name)
{
    struct recorder *recorder = lane->recorder;
    if (recorder == NULL) {
        return;
    }
    os_lock_mutex(&recorder->lock);
    lane->name = name;
    if (lane->slot != NULL) {
        uint8_t *start = lane->rows + RL_ROW_KIND;
        lane->slot->info.name = name;
        put32(lane->slot->memory + RL_SL_NAME, name);
        if (lane->chunk == 0 && lane->cur != lane->rows &&
            get32(start) == (uint32_t)RL_EVENT_THREAD_START << RL_ID_BITS) {
            put32(start, get32(start) | name); /* thread_start had no name: add it */
        }
    }
    os_unlock_mutex(&recorder->lock);
}

void recorder_lane_end(struct lane *lane)
{
    struct recorder *recorder = lane->recorder;
    if (recorder == NULL) {
        return;
    }
    os_lock_mutex(&recorder->lock);
    lane_finish(lane);
    lane_list_remove(&recorder->empty, lane);
    lane->recorder = NULL;
    os_unlock_mutex(&recorder->lock);
}

/* ---- definitions ---- */

/* Publishes a definition in the lane's slot, so that a crash leaves no id without a name. Without
 * room the definition is only in the dictionary, whose next DICT block has it. */
static void publish_definition(struct lane *lane, unsigned kind, uint32_t id, const void *data,
                               size_t len)
{
    uint32_t units = row_units(kind, (uint32_t)len);
    if (lane == NULL || !lane_reserve(lane, units, clock_ticks())) {
        return;
    }
    size_t room = (units - 1) * (size_t)RL_ROW_BYTES;
    lane_row(lane, (uint32_t)len, kind, id, 0);
    memcpy(lane->cur, data, len);
    memset(lane->cur + len, 0, room - len);
    lane->cur += room;
    lane->extras += units;
    lane_publish(lane);
}

/* Returns the id of some content and publishes its definition where it is new. `known` is the id
 * that the content has already, or 0. */
static uint32_t define_content(struct recorder *recorder, struct lane *lane, unsigned kind,
                               int is_kept, uint32_t known, const void *data, size_t len)
{
    int is_new = 0;
    if (recorder == NULL) {
        return 0; /* the recording stopped while the caller waited for room */
    }
    struct dictionary *dictionary = &recorder->dictionary;
    os_lock_mutex(&recorder->lock);
    uint32_t id = known != 0 ? dictionary_again(dictionary, kind, known, data, len, &is_new)
                             : dictionary_number(dictionary, kind, is_kept, data, len, &is_new);
    os_unlock_mutex(&recorder->lock);
    if (is_new) {
        publish_definition(lane, kind, id, data, len);
    } else if (id == 0) {
        state_count_loss(recorder, RL_LOSS_MEMORY, 1); /* counts the missing name */
    }
    return id;
}

uint32_t recorder_string(struct recorder *recorder, struct lane *lane, const void *utf8, size_t len)
{
    return define_content(recorder, lane, RL_ROW_DEF_STRING, 1, 0, utf8, len);
}

uint32_t recorder_name(struct recorder *recorder, struct lane *lane, const void *utf8, size_t len)
{
    return define_content(recorder, lane, RL_ROW_DEF_STRING, 0, 0, utf8, len);
}

uint32_t recorder_code(struct recorder *recorder, struct lane *lane, const struct code_def *def)
{
    uint8_t payload[CODE_DEF_MAX];
    size_t len = code_def_put(payload, def);
    return define_content(recorder, lane, RL_ROW_DEF_CODE, 0, 0, payload, len);
}

uint32_t recorder_code_again(struct recorder *recorder, struct lane *lane, uint32_t id,
                             const struct code_def *def)
{
    uint8_t payload[CODE_DEF_MAX];
    size_t len = code_def_put(payload, def);
    return define_content(recorder, lane, RL_ROW_DEF_CODE, 0, id, payload, len);
}

uint32_t recorder_each_string(struct recorder *recorder, uint32_t known,
                              void (*visit)(uint32_t id, const void *utf8, size_t len))
{
    os_lock_mutex(&recorder->lock);
    const struct strmap *ids = &recorder->dictionary.kept;
    uint32_t count = (uint32_t)ids->count;
    for (size_t i = 0; count != known && i < ids->capacity; i++) {
        const struct strmap_entry *entry = &ids->entries[i];
        if (entry->key != NULL && entry->key[0] == RL_ROW_DEF_STRING) {
            visit(entry->value, entry->key + 1, entry->len - 1);
        }
    }
    os_unlock_mutex(&recorder->lock);
    return count;
}

void recorder_source(struct recorder *recorder, const struct source_file *file)
{
    if (recorder != NULL && recorder->options.hooks.clean_source != NULL) {
        os_lock_mutex(&recorder->lock);
        sources_ask(recorder, file);
        os_unlock_mutex(&recorder->lock);
    }
}

/* ---- generations ---- */

int recorder_wants_generation(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    int is_due = dictionary_is_full(&recorder->dictionary) ||
                 (recorder->shelf.bytes != 0 &&
                  recorder->generation_bytes >= recorder->shelf.bytes / SHELF_SHARE);
    os_unlock_mutex(&recorder->lock);
    return is_due;
}

/* Defines the names of running threads in the new generation: slots name their thread. Every lane
 * has handed its slot over. */
static void define_names_again(struct recorder *recorder)
{
    struct u64map names = {0};
    for (const struct lane *lane = recorder->empty.first; lane != NULL; lane = lane->next) {
        if (lane->name != 0) {
            (void)u64map_put(&names, lane->name, 1); /* without memory the thread loses its name */
        }
    }
    dictionary_begin_again(&recorder->dictionary, &names);
    u64map_fini(&names);
}

int recorder_next_generation(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    int is_ring = state_is_ring(recorder);
    if (recorder->earlier.len != 0 && !recorder->has_thread) {
        work_flush_definitions(recorder);
    } else if (recorder->earlier.len != 0) {
        recorder->wants_tick = 1; /* the writer thread writes it */
        os_cond_signal(&recorder->work);
    }
    int may_begin = !is_ring || (recorder->inside == 0 && recorder->earlier.len == 0);
    if (!is_ring) {
        dictionary_forget(&recorder->dictionary);
    } else if (may_begin) {
        hand_over_all(recorder);
        recorder->earlier = recorder->dictionary.pending;
        memset(&recorder->dictionary.pending, 0, sizeof recorder->earlier);
        recorder->generation++;
        recorder->generation_bytes = 0;
        define_names_again(recorder);
    }
    os_unlock_mutex(&recorder->lock);
    return may_begin;
}

/* ---- a new beginning ---- */

/* Returns how many bytes of definitions are only in slots and in memory. */
static size_t undefined_bytes(const struct recorder *recorder)
{
    return recorder->cannot_define ? 0 : recorder->dictionary.pending.len + recorder->earlier.len;
}

void recorder_make_room(struct recorder *recorder)
{
    const struct recorder_hooks *hooks = &recorder->options.hooks;
    void *token = NULL;
    os_lock_mutex(&recorder->lock);
    recorder->inside++;
    while ((undefined_bytes(recorder) > RESTART_BYTES || recorder->is_defining) &&
           !recorder->is_stopping) {
        if (!recorder->has_thread) {
            work_flush_definitions(recorder);
            break;
        }
        if (token == NULL && hooks->wait_begin != NULL) {
            token = hooks->wait_begin();
        }
        recorder->wants_tick = 1;
        os_cond_signal(&recorder->work);
        writer_thread_wait(recorder);
    }
    recorder->inside--;
    if (recorder->is_stopping) {
        os_cond_broadcast(&recorder->room);
    }
    void (*wait_end)(void *) = hooks->wait_end;
    os_unlock_mutex(&recorder->lock);
    /* The recorder may be gone from here on. */
    if (token != NULL && wait_end != NULL) {
        wait_end(token);
    }
}

/* Publishes definitions that no block has yet: the slots that had them are empty. */
static void publish_again(struct lane *lane, const uint8_t *entries, size_t len)
{
    struct bytes_in in = bytes_in_of(entries, len);
    const uint8_t *data;
    unsigned kind;
    uint32_t id;
    size_t size;
    while (dict_entry_get(&in, &kind, &id, &data, &size)) {
        publish_definition(lane, kind, id, data, size);
    }
}

void recorder_restart(struct recorder *recorder, struct lane *own, int spares_others)
{
    uint8_t defined[RESTART_BYTES];
    struct lane *next;
    struct slot *slot;
    os_lock_mutex(&recorder->lock);
    int is_large = recorder->slot_bytes > SHRINK_ABOVE;
    while ((slot = slot_list_take(&recorder->kept)) != NULL) {
        state_free_slot(recorder, slot);
    }
    for (struct lane *lane = recorder->empty.first; lane != NULL; lane = lane->next) {
        lane_restart(lane, 0);
    }
    for (struct lane *lane = recorder->filling.first; lane != NULL; lane = next) {
        next = lane->next;
        if (lane == own || !spares_others) {
            lane_restart(lane, !is_large);
        }
    }
    recorder->kept_events = 0;
    memset(recorder->control->memory + RL_LV_LOSS, 0, 8 * (size_t)RL_LOSS_REASONS);
    if (is_large) {
        recorder->wants_shrink = 1;
        os_cond_signal(&recorder->work);
        if (!recorder->has_thread) {
            work_shrink(recorder);
        }
    }
    const struct bytes_out *pending = &recorder->dictionary.pending;
    size_t len = pending->len <= sizeof defined ? pending->len : 0;
    if (len != 0) {
        memcpy(defined, pending->data, len);
    }
    if (undefined_bytes(recorder) > RESTART_ENOUGH && recorder->has_thread) {
        recorder->wants_tick = 1; /* nobody waits for that */
        os_cond_signal(&recorder->work);
    }
    os_unlock_mutex(&recorder->lock);
    publish_again(own, defined, len);
}

/* ---- facts ---- */

int recorder_is_ring(const struct recorder *recorder)
{
    return state_is_ring(recorder);
}

void recorder_count_loss(struct recorder *recorder, enum rl_loss_reason reason, uint64_t n)
{
    state_count_loss(recorder, reason, n);
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

const uint8_t *recorder_run_id(const struct recorder *recorder)
{
    return recorder->options.header.run_id;
}
