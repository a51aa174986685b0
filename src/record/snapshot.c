/* Why: a service keeps the last seconds in a ring, and wants them in a file of their own when
 * something has happened, while it goes on.
 *
 * The copy is of one moment: the host lets no thread write rows meanwhile, and the writer thread
 * waits for the lock, with everything written that was handed to it. */
#include "alloc.h"
#include "recorder_state.h"
#include "status.h"

/* Until the writer has nothing in hand; with the lock. */
static void settle(struct recorder *recorder)
{
    do {
        recorder->wants_tick = recorder->has_thread;
        os_cond_signal(&recorder->work);
        while (recorder->wants_tick) {
            recorder_wait(recorder);
        }
        if (!recorder->has_thread) {
            recorder_drain(recorder);
            recorder_flush_dictionary(recorder);
        }
    } while (recorder->queue.count != 0 || recorder->in_work != 0);
}

static rl_status copy(int from, int to, uint64_t size, int *os_errno)
{
    enum { PIECE = 1 << 20 };
    uint8_t *piece = rl_alloc(PIECE, 1);
    rl_status status = piece != NULL ? RL_OK : RL_NOMEM;
    for (uint64_t at = 0; status == RL_OK && at < size;) {
        size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
        if (os_pread(from, piece, n, at, os_errno) != 0 ||
            os_pwrite(to, piece, n, at, os_errno) != 0) {
            status = os_is_full(*os_errno) ? RL_LIMIT : RL_IO;
        }
        at += n;
    }
    rl_free(piece);
    return status;
}

static rl_status copy_to(struct recorder *recorder, const char *path, struct rl_err *err)
{
    int from = -1, to = -1, os_errno = 0;
    uint64_t size = 0;
    uint8_t state[4];
    char why[128];
    rl_status status = RL_IO;
    if (os_open_read(recorder->path, &from, &os_errno) != 0 || os_file_size(from, &size) != 0) {
        os_error_text(os_errno, why, sizeof why);
        status = status_set(err, RL_IO, "%s: %s", recorder->path, why);
        goto done;
    }
    if (os_create(path, &to, &os_errno) != 0) {
        status = status_set_not_created(err, path, os_errno);
        goto done;
    }
    put32(state, RL_LIVE_SNAPSHOT);
    status = copy(from, to, size, &os_errno);
    if (status == RL_OK && os_pwrite(to, state, sizeof state,
                                     recorder->control->offset + RL_LV_STATE, &os_errno) != 0) {
        status = RL_IO;
    }
    if (status != RL_OK) {
        int ignored;
        os_error_text(os_errno, why, sizeof why);
        (void)os_remove(path, &ignored);
        status = status_set(err, status, "%s: %s", path,
                            status == RL_NOMEM ? "no memory for the copy" : why);
    }
done:
    if (from >= 0) {
        os_close(from);
    }
    if (to >= 0) {
        os_close(to);
    }
    return status;
}

rl_status recorder_snapshot(struct recorder *recorder, const char *path, struct rl_err *err)
{
    os_lock_mutex(&recorder->lock);
    settle(recorder);
    rl_status status = copy_to(recorder, path, err);
    os_unlock_mutex(&recorder->lock);
    return status;
}
