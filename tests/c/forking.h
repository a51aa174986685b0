/* Recorders in processes of their own, which tests kill. Not on Windows. */
#ifndef FORKING_H
#define FORKING_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recording.h"

/* A process of its own records n calls and is killed, once all of them are published. */
static inline void record_and_be_killed(const char *path, size_t buffer, size_t ring, uint32_t n)
{
    int pipes[2];
    char byte;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct lane lane;
        struct recorder *recorder = open_recorder(path, buffer, ring, 0);
        recorder_lane_begin(recorder, &lane, NULL, 1);
        write_calls(&lane, define(recorder, &lane, "work"), n);
        (void)!write(pipes[1], "x", 1);
        (void)pause();
    }
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

#endif
