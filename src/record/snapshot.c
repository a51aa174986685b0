/* Why: a service records its last seconds in a ring. When something has happened, it wants them in
 * a file of their own while it goes on.
 *
 * The copy shows one moment. The host keeps threads from recording, and the caller holds the
 * recorder's lock, after everything that was handed over is written. */
#include "snapshot.h"

#include <relive/rl_format.h>

#include "alloc.h"
#include "bytes.h"
#include "os.h"
#include "status.h"

/* Copies `size` bytes between two descriptors, a MiB at a time. */
static rl_status copy_bytes(int from, int to, uint64_t size, int *os_errno)
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

rl_status snapshot_copy(const char *source, const char *path, uint64_t state_at, struct rl_err *err)
{
    int from = -1, to = -1, os_errno = 0;
    uint64_t size = 0;
    uint8_t state[4];
    char why[128];
    rl_status status = RL_IO;
    if (os_open_read(source, &from, &os_errno) != 0 || os_file_size(from, &size) != 0) {
        os_error_text(os_errno, why, sizeof why);
        status = status_set(err, RL_IO, "%s: %s", source, why);
        goto done;
    }
    if (os_create(path, &to, &os_errno) != 0) {
        status = status_set_not_created(err, path, os_errno);
        goto done;
    }
    put32(state, RL_LIVE_SNAPSHOT);
    status = copy_bytes(from, to, size, &os_errno);
    if (status == RL_OK && os_pwrite(to, state, sizeof state, state_at, &os_errno) != 0) {
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
