/* Why: a recording says how its process ended also where nothing of the recorder ran at the end.
 *
 * Invariant: a word is written by one store of 8 bytes, or one write, so it is whole or not there.
 */
#include "last_word.h"

#include <stdatomic.h>
#include <string.h>

#include "block.h"
#include "header.h"
#include "os.h"
#include "recorder_state.h"

enum { FRONT_BLOCKS = 16 }; /* before the first LIVE block: META and PAD */

/* The word of the watched recording; NULL = none. A signal handler reads it. */
static _Atomic(_Atomic uint64_t *) watched;

static _Atomic uint64_t *own_word(const struct recorder *recorder)
{
    return recorder != NULL && recorder->control != NULL && recorder->control->memory != NULL
               ? (_Atomic uint64_t *)(void *)(recorder->control->memory + RL_LV_ENDING)
               : NULL;
}

void last_word_set(struct recorder *recorder, struct ending ending)
{
    _Atomic uint64_t *word = own_word(recorder);
    if (word != NULL) {
        atomic_store_explicit(word, ending_word(ending), memory_order_relaxed);
    }
}

/* Runs in a signal handler. */
static void note_signal(int signo)
{
    _Atomic uint64_t *word = atomic_load_explicit(&watched, memory_order_acquire);
    struct ending ending = {RL_ENDING_SIGNAL, (uint32_t)signo};
    if (word != NULL) {
        atomic_store_explicit(word, ending_word(ending), memory_order_relaxed);
    }
}

void last_word_watch(struct recorder *recorder)
{
    /* release: the page is mapped before a handler finds it */
    atomic_store_explicit(&watched, own_word(recorder), memory_order_release);
    os_watch_deadly(note_signal);
}

void last_word_unwatch(const struct recorder *recorder)
{
    _Atomic uint64_t *word = own_word(recorder);
    if (word != NULL && atomic_load_explicit(&watched, memory_order_relaxed) == word) {
        os_unwatch_deadly();
        atomic_store_explicit(&watched, NULL, memory_order_release);
    }
}

/* Finds the control page of a file: its place and its first words. */
static rl_status find_control(int fd, uint64_t *place, uint8_t page[RL_LV_BIRTH])
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    struct block_header header;
    uint64_t at = RL_FILE_HEADER_BYTES;
    int os_errno;
    for (int i = 0; i < FRONT_BLOCKS; i++) {
        if (os_pread(fd, bytes, sizeof bytes, at, &os_errno) != 0 ||
            block_header_get(bytes, &header) != RL_OK) {
            return RL_DAMAGED;
        }
        if (header.type == RL_BLOCK_LIVE) {
            *place = at + RL_BLOCK_HEADER_BYTES;
            return os_pread(fd, page, RL_LV_BIRTH, *place, &os_errno) == 0 &&
                           get32(page + RL_LV_MAGIC) == RL_LIVE_MAGIC
                       ? RL_OK
                       : RL_DAMAGED;
        }
        at += block_span(&header);
    }
    return RL_DAMAGED;
}

/* Returns whether the file is the one that is meant. */
static int is_of(int fd, const struct last_word_of *of)
{
    uint8_t bytes[RL_FILE_HEADER_BYTES];
    struct file_header header;
    struct rl_err err;
    int os_errno;
    return os_pread(fd, bytes, sizeof bytes, 0, &os_errno) == 0 &&
           file_header_get(bytes, sizeof bytes, &header, &err) == RL_OK && header.pid == of->pid &&
           header.minor >= 6 &&
           (of->run_id == NULL || memcmp(header.run_id, of->run_id, sizeof header.run_id) == 0);
}

rl_status last_word_write(const struct last_word_of *of, struct ending ending)
{
    uint8_t page[RL_LV_BIRTH], word[8];
    uint64_t place = 0;
    int fd = -1, os_errno = 0;
    if (os_open_change(of->path, &fd, &os_errno) != 0) {
        return RL_NOT_FOUND;
    }
    rl_status status = is_of(fd, of) ? find_control(fd, &place, page) : RL_USAGE;
    if (status == RL_OK && (get32(page + RL_LV_STATE) == RL_LIVE_EXEC ||
                            get32(page + RL_LV_ENDING) == RL_ENDING_STOPPED)) {
        status = RL_USAGE;
    }
    if (status == RL_OK) {
        put64(word, ending_word(ending));
        place += of->is_waited ? RL_LV_WAITED : RL_LV_ENDING;
        status = os_pwrite(fd, word, sizeof word, place, &os_errno) == 0 ? RL_OK : RL_IO;
    }
    os_close(fd);
    return status;
}
