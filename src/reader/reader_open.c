/* Why: one way in for every kind of file: closed, being written, killed, cut, damaged.
 *
 *   header --> scan_file(): index, or block by block --> sort chunks --> clock --> end
 *
 * The clock maps ticks to nanoseconds by a straight line. The header's tick rate was estimated in
 * a few milliseconds. The line therefore goes through the two clock pairs that are furthest apart.
 */
#include "reader_open.h"

#include <string.h>

#include "alloc.h"
#include "chunks.h"
#include "follow.h"
#include "members.h"
#include "os.h"
#include "scan.h"
#include "status.h"

enum { TRIES = 10, WAIT_MS = 5 };

/* Sets ns_per_tick by the header and the newest clock pair: of the footer, a heartbeat or a chunk.
 * The heartbeat of a copy is the pair of its whole, so both have the same times to the ns.
 * A slope that no clock has is ignored: the pairs are untrusted. */
static void set_clock(struct reader *reader)
{
    const struct file_header *h = &reader->header;
    uint64_t ticks = reader->footer.end_ticks, mono = reader->footer.end_mono;
    int has_end = reader->is_complete;
    if (reader->heartbeat.ticks != 0 && (reader->is_copy || !has_end)) {
        ticks = reader->heartbeat.ticks;
        mono = reader->heartbeat.mono_ns;
        has_end |= reader->is_copy;
    }
    for (size_t i = 0; !has_end && i < reader->chunk_count; i++) {
        const struct chunk_info *info = &reader->chunks[i].info;
        uint64_t chunk_mono = info->mono1 != 0 ? info->mono1 : info->mono0;
        if (chunk_mono > mono) {
            ticks = info->ticks1 != 0 ? info->ticks1 : info->ticks0;
            mono = chunk_mono;
        }
    }
    reader->ns_per_tick = 1.0;
    if (h->clock == RL_CLOCK_NS) {
        return;
    }
    if (h->tick_hz > 1000000 && h->tick_hz < UINT64_C(100000000000)) {
        reader->ns_per_tick = 1e9 / (double)h->tick_hz;
    }
    double span_ns = (double)(int64_t)(mono - h->start_mono);
    double span_ticks = (double)(int64_t)(ticks - h->start_ticks);
    if (span_ns > 1e6 && span_ticks > 0) {
        double slope = span_ns / span_ticks;
        if (slope > 0.01 && slope < 1000) {
            reader->ns_per_tick = slope;
            reader->clock_end = (struct heartbeat){mono, ticks};
        }
    }
}

/* Returns the ticks of the last heartbeat; 0 where its time cannot be of this recording. */
static uint64_t heartbeat_ticks(const struct reader *reader)
{
    const uint64_t longest_ns = UINT64_C(1) << 57; /* four years */
    uint64_t since = reader->heartbeat.mono_ns - reader->header.start_mono;
    if (since > longest_ns) {
        return 0;
    }
    return reader->heartbeat.ticks != 0
               ? reader->heartbeat.ticks
               : reader->header.start_ticks + (uint64_t)((double)since / reader->ns_per_tick);
}

/* Sets end_ticks, until which open frames count: the last sign of life of the process. */
static void set_end(struct reader *reader)
{
    uint64_t end = reader->last_ticks, beat = heartbeat_ticks(reader);
    for (size_t i = 0; i < reader->chunk_count; i++) {
        uint64_t ticks = reader->chunks[i].info.ticks1;
        end = ticks > end ? ticks : end;
    }
    end = beat > end ? beat : end;
    reader->end_ticks = reader->is_complete ? reader->footer.end_ticks : end;
}

/* Returns whether each thread's chunks follow each other, but for events that are counted as lost.
 * A ring keeps the newest events of its threads alone, so it has nothing to compare. */
static int has_no_gap(const struct reader *reader)
{
    uint64_t missing = 0, counted = 0;
    for (size_t i = 0; i < reader->chunk_count; i++) {
        const struct chunk_info *info = &reader->chunks[i].info;
        int is_first = i == 0 || reader->chunks[i - 1].info.thread != info->thread;
        const struct chunk_info *before = is_first ? NULL : &reader->chunks[i - 1].info;
        uint64_t seq = is_first ? 0 : before->first_seq + before->events;
        missing += info->first_seq > seq ? info->first_seq - seq : 0;
    }
    for (size_t i = 0; i < RL_LOSS_REASONS; i++) {
        counted += reader->losses[i];
    }
    return missing <= counted;
}

/* Sets is_whole and is_running. A killed process leaves every row in memory that is shared with the
 * file. So a recording that nothing closed need not miss anything. */
static void set_whole(struct reader *reader)
{
    const struct file_header *header = &reader->header;
    int is_ring = (header->flags & RL_FLAG_RING) != 0;
    reader->is_running = !reader->is_complete && !reader->is_being_written &&
                         reader->member.place == 0 && reader->live_state == RL_LIVE_RUNNING &&
                         reader->birth != 0 && os_process_birth(header->pid) == reader->birth;
    int has_ended =
        (reader->live_state == RL_LIVE_RUNNING && (header->flags & RL_FLAG_LIVE_MAPPED) != 0) ||
        reader->live_state == RL_LIVE_EXEC;
    int is_left = has_ended && !reader->is_being_written && !reader->is_running &&
                  reader->problem_count == 0 &&
                  (is_ring || (reader->size >= reader->end && has_no_gap(reader)));
    reader->is_whole = reader->is_complete || is_left || reader->live_state == RL_LIVE_SNAPSHOT;
}

/* Opens the file. Pipes and devices are refused: they have no size, and cannot be read twice. */
static rl_status open_fd(struct reader *reader, const char *path, struct rl_err *err)
{
    int os_errno = 0;
    if (os_open_read(path, &reader->fd, &os_errno) != 0) {
        return status_set_errno(err, RL_NOT_FOUND, os_errno, "cannot open %s", path);
    }
    if (!os_is_regular(reader->fd)) {
        return status_set(err, RL_NOT_RECORDING, "%s is not a regular file", path);
    }
    if (os_file_size(reader->fd, &reader->size) != 0) {
        return status_set(err, RL_IO, "cannot read the size of %s", path);
    }
    return RL_OK;
}

/* Reads the file header; a reason names the file. */
static rl_status read_header(struct reader *reader, const char *path, struct rl_err *err)
{
    uint8_t bytes[RL_FILE_HEADER_BYTES];
    struct rl_err detail;
    int os_errno = 0;
    size_t n = reader->size < sizeof bytes ? (size_t)reader->size : sizeof bytes;
    if (reader_pread(reader, bytes, n, 0, &os_errno) != 0) {
        return status_set_errno(err, RL_IO, os_errno, "cannot read %s", path);
    }
    rl_status status = file_header_get(bytes, n, &reader->header, &detail);
    return status == RL_OK ? RL_OK : status_set(err, status, "%s: %s", path, detail.text);
}

/* Opens the file, or a member of it, as it is at this moment. */
static rl_status open_once(const char *path, struct member member, struct reader **out,
                           struct rl_err *err)
{
    struct reader *reader = rl_zalloc(1, sizeof *reader);
    if (reader == NULL) {
        return status_set(err, RL_NOMEM, "no memory to read %s", path);
    }
    reader->fd = -1;
    reader->coder = block_coder_new();
    reader->problems = rl_zalloc(READER_PROBLEMS_MAX, sizeof *reader->problems);
    reader->path = rl_alloc(strlen(path) + 1, 1);
    rl_status status = RL_NOMEM;
    if (reader->coder == NULL || reader->problems == NULL || reader->path == NULL) {
        (void)status_set(err, RL_NOMEM, "no memory to read %s", path);
        goto done;
    }
    memcpy(reader->path, path, strlen(path) + 1);
    if ((status = open_fd(reader, path, err)) == RL_OK && member.place != 0) {
        reader->member = member;
        reader->size = members_left(&member, reader->size);
    }
    if (status != RL_OK || (status = read_header(reader, path, err)) != RL_OK) {
        goto done;
    }
    reader->is_being_written = member.place == 0 && os_is_locked(reader->fd);
    status = scan_file(reader);
    if (status != RL_OK) {
        (void)status_set(err, status, "%s: %s", path,
                         status == RL_NOMEM ? "no memory for its index" : "cannot be read");
        goto done;
    }
    chunks_sort(reader);
    if (reader->is_being_written && !reader->is_complete &&
        !(reader->header.flags & RL_FLAG_RING)) {
        chunks_drop_ahead(reader);
    }
    set_clock(reader);
    set_end(reader);
    set_whole(reader);
done:
    if (status != RL_OK) {
        reader_close(reader);
        return status;
    }
    *out = reader;
    return RL_OK;
}

rl_status reader_open(const char *path, struct reader **out, struct rl_err *err)
{
    struct reader *reader = NULL;
    for (int i = 0;; i++) {
        rl_status status = open_once(path, (struct member){0}, &reader, err);
        if (status != RL_OK) {
            return status;
        }
        if (i == TRIES || !follow_is_moving(reader)) {
            *out = reader;
            return RL_OK;
        }
        reader_close(reader);
        os_sleep_ms(WAIT_MS);
    }
}

rl_status reader_open_member(const char *path, uint32_t member, struct reader **out,
                             struct rl_err *err)
{
    struct reader *whole = NULL;
    rl_status status = reader_open(path, &whole, err);
    if (status != RL_OK || whole == NULL) {
        return status;
    }
    if (member == 0) {
        *out = whole;
        return RL_OK;
    }
    if (member > whole->member_count || whole->members[member - 1].place == 0) {
        status = status_set(err, RL_NOT_FOUND, "%s holds no recording %u", path, member);
    } else {
        status = open_once(path, whole->members[member - 1], out, err);
    }
    reader_close(whole);
    return status;
}
