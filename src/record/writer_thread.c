/* Why: no traced thread should wait for a disk, so one thread writes. A program that forks must not
 * notice it. A child could inherit a lock that the thread holds; Python 3.12 and later warn of a
 * fork beside other threads. So the thread ends before fork(2) and starts again when there is work.
 * recorder_state.h draws the states.
 *
 * A thread that ends loses its private descriptor table. Its descriptor waits in a socket, the door
 * (os.h), for the next thread. The open file is the same all the time, so its lock is never
 * released.
 *
 * Threads: under the recorder's lock, which whoever forks holds from before the fork until after
 * it. Lock order: the host's lock (recorder_before_fork() is called with it), then recorder->lock.
 */
#include "writer_thread.h"

#include "shrink.h"
#include "sources.h"
#include "work.h"

enum { TICK_MS = 100 };

/* Returns whether the thread must end for a fork; its descriptor is then behind the door. */
static int must_leave(struct recorder *recorder)
{
    if (recorder->writer_is != WRITER_ASKED) {
        return 0;
    }
    int is_passed = !recorder->has_private_table ||
                    os_door_pass(&recorder->door, recorder_writer(recorder)->fd) == 0;
    recorder->writer_is = is_passed ? WRITER_LEAVES : WRITER_RUNS;
    os_cond_broadcast(&recorder->room);
    return is_passed;
}

/* Takes the descriptor from the door. Another process could have put it there; writer_is_sound()
 * refuses a file that is not ours before the first write. */
static void take_file(struct recorder *recorder)
{
    int fd = os_door_take(&recorder->door);
    os_door_close(&recorder->door);
    recorder_writer(recorder)->fd = recorder->has_private_table ? fd : os_move_high(fd);
}

void writer_thread_take_over(struct recorder *recorder)
{
    if (recorder->has_private_table) {
        recorder->has_private_table = 0;
        take_file(recorder);
    }
}

/* Does the work as it comes, until the recording stops or a pause begins. */
static void write_what_comes(struct recorder *recorder)
{
    uint64_t last_tick = os_mono_ns();
    while (!recorder->is_stopping && !must_leave(recorder)) {
        if (state_wants_slots(recorder)) {
            work_grow(recorder);
        }
        work_drain(recorder);
        if (recorder->wants_shrink) {
            work_shrink(recorder);
        }
        sources_write_next(recorder);
        uint64_t now = os_mono_ns();
        if (recorder->wants_tick || now - last_tick >= TICK_MS * UINT64_C(1000000)) {
            last_tick = now;
            work_tick(recorder);
            recorder->wants_tick = 0;
            os_cond_broadcast(&recorder->room);
        }
        if (recorder->queue.count == 0 && !state_wants_slots(recorder) && !recorder->wants_shrink &&
            recorder->sources.first == NULL && !recorder->is_stopping &&
            recorder->writer_is != WRITER_ASKED) {
            os_cond_wait_ms(&recorder->work, &recorder->lock, TICK_MS);
        }
    }
}

/* The body of the thread: opens the file or takes it over, works, finishes the file or leaves. */
static void writer_main(void *arg)
{
    struct recorder *recorder = arg;
    struct writer *writer = recorder_writer(recorder);
    os_lock_mutex(&recorder->lock);
    recorder->thread_id = os_thread_id();
    if (!recorder->is_open) {
        recorder->has_private_table = os_private_descriptors(-1) == 0;
        work_open(recorder);
    } else if (recorder->has_private_table) {
        recorder->has_private_table = os_private_descriptors(recorder->door.fd) == 0;
        take_file(recorder);
    }
    recorder->has_begun = 1;
    os_cond_broadcast(&recorder->room);
    if (recorder->open_status == RL_OK) {
        write_what_comes(recorder);
    }
    if (recorder->open_status == RL_OK && recorder->writer_is != WRITER_LEAVES) {
        /* Here and not in recorder_close(): the descriptor exists in this thread alone. */
        work_finish(recorder, recorder->closing_stats);
    }
    /* Closed here: in other threads the same number may be a file of the program. */
    if (recorder->writer_is != WRITER_LEAVES || recorder->has_private_table) {
        os_close(writer->fd);
        writer->fd = -1;
    }
    os_unlock_mutex(&recorder->lock);
}

int writer_thread_start(struct recorder *recorder)
{
    /* Set before the thread runs, because the thread reads it: it decides who releases the lock. */
    recorder->has_thread = 1;
    recorder->has_begun = 0;
    if (os_thread_start(&recorder->thread, writer_main, recorder) != 0) {
        recorder->has_thread = 0;
        return -1;
    }
    return 0;
}

void writer_thread_pause(struct recorder *recorder)
{
    if (recorder->has_private_table && os_door_open(&recorder->door) != 0) {
        return;
    }
    recorder->writer_is = WRITER_ASKED;
    os_cond_signal(&recorder->work);
    while (recorder->writer_is == WRITER_ASKED) {
        os_cond_wait(&recorder->room, &recorder->lock);
    }
    if (recorder->writer_is == WRITER_LEAVES) {
        os_unlock_mutex(&recorder->lock);
        os_thread_join(&recorder->thread);
        os_thread_await_gone(recorder->thread_id);
        os_lock_mutex(&recorder->lock);
        recorder->writer_is = WRITER_PAUSED;
    } else {
        os_door_close(&recorder->door);
    }
}

/* The system refused a thread: from now on whoever holds the lock writes. */
static void do_without_thread(struct recorder *recorder)
{
    writer_thread_take_over(recorder);
    recorder->writer_is = WRITER_RUNS;
    work_tick(recorder);
    recorder->wants_tick = 0;
    os_cond_broadcast(&recorder->room);
}

void writer_thread_need(struct recorder *recorder)
{
    if (recorder->writer_is != WRITER_PAUSED || recorder->is_stopping) {
        return;
    }
    recorder->writer_is = WRITER_STARTS;
    if (writer_thread_start(recorder) != 0) {
        do_without_thread(recorder);
        return;
    }
    while (!recorder->has_begun) {
        os_cond_wait(&recorder->room, &recorder->lock);
    }
    os_door_close(&recorder->door); /* the door is open in this thread's table, too */
    recorder->writer_is = WRITER_RUNS;
    os_cond_broadcast(&recorder->room);
}

void writer_thread_wait(struct recorder *recorder)
{
    writer_thread_need(recorder);
    if (recorder->has_thread) {
        recorder->waiting++;
        os_cond_wait(&recorder->room, &recorder->lock);
        recorder->waiting--;
    }
}
