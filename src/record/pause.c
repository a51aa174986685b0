/* Why: a program that forks must have the threads that it has begun itself, and no others: its
 * child could inherit what a thread of ours holds, and Python 3.12 and later warn of every fork
 * beside other threads. So the writer thread ends before fork(2), and is begun again when there is
 * something to do (the states are in recorder_state.h).
 *
 * A thread that has ended has lost its descriptor table. Its descriptor waits behind a door for the
 * next one (os.h); it is the same open file all the time, so that its lock is never given up.
 * Threads: under the recorder's lock, which whoever forks holds from before the fork until after
 * it. Lock order: session.lock, recorder->lock. */
#include "recorder_state.h"

int recorder_must_leave(struct recorder *recorder)
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

/* Anybody could have sent it: a file that is not ours is noticed before the first write to it. */
void recorder_take_file(struct recorder *recorder)
{
    int fd = os_door_take(&recorder->door);
    os_door_close(&recorder->door);
    recorder_writer(recorder)->fd = recorder->has_private_table ? fd : os_move_high(fd);
}

void recorder_take_over(struct recorder *recorder)
{
    if (recorder->has_private_table) {
        recorder->has_private_table = 0;
        recorder_take_file(recorder);
    }
}

static void pause_writer(struct recorder *recorder)
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

void recorder_before_fork(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    while (recorder->writer_is == WRITER_STARTS) {
        os_cond_wait(&recorder->room, &recorder->lock);
    }
    if (recorder->has_thread && recorder->writer_is == WRITER_RUNS && !recorder->is_stopping) {
        pause_writer(recorder);
    }
}

void recorder_after_fork(struct recorder *recorder, int may_start)
{
    if (may_start || recorder->waiting != 0) {
        recorder_need_writer(recorder);
    }
    os_unlock_mutex(&recorder->lock);
}

void recorder_resume(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    recorder_need_writer(recorder);
    os_unlock_mutex(&recorder->lock);
}

/* There is no thread for it: from now on whoever holds the lock writes. */
static void do_without_thread(struct recorder *recorder)
{
    recorder_take_over(recorder);
    recorder->writer_is = WRITER_RUNS;
    recorder_tick(recorder);
    recorder->wants_tick = 0;
    os_cond_broadcast(&recorder->room);
}

void recorder_need_writer(struct recorder *recorder)
{
    if (recorder->writer_is != WRITER_PAUSED || recorder->is_stopping) {
        return;
    }
    recorder->writer_is = WRITER_STARTS;
    if (recorder_start_writer(recorder) != 0) {
        do_without_thread(recorder);
        return;
    }
    while (!recorder->has_begun) {
        os_cond_wait(&recorder->room, &recorder->lock);
    }
    os_door_close(&recorder->door); /* in this table, too */
    recorder->writer_is = WRITER_RUNS;
    os_cond_broadcast(&recorder->room);
}

void recorder_wait(struct recorder *recorder)
{
    recorder_need_writer(recorder);
    if (recorder->has_thread) {
        recorder->waiting++;
        os_cond_wait(&recorder->room, &recorder->lock);
        recorder->waiting--;
    }
}
