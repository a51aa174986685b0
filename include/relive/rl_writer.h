/* Writes a recording from C, for runtimes other than CPython.
 *
 * Each thread writes through its own rl_thread. Whatever a thread has written is in the file, even
 * if the process is killed afterwards.
 *
 *     rl_writer *writer = NULL;
 *     rl_writer_open("run.relive", &writer, &err);
 *     rl_thread *thread = rl_thread_begin(writer, 1);
 *     uint32_t code = rl_thread_code(thread, "module", "function", "file.x", 7);
 *     uint64_t frame = rl_thread_call(thread, code);
 *     rl_thread_return(thread, code, frame);
 *     rl_thread_end(thread);
 *     rl_writer_close(writer);
 *
 * Threads: any number may use a writer. An rl_thread is used by one thread at a time.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RL_WRITER_H
#define RL_WRITER_H

#include <stdint.h>

#include <relive/rl_format.h>
#include <relive/rl_status.h>

typedef struct rl_writer rl_writer;
typedef struct rl_thread rl_thread;

/* Creates the file, never in place of another one, and starts the thread that writes it. */
RL_CHECKED rl_status rl_writer_open(const char *path, rl_writer **out, struct rl_err *err);
/* Ends the recording, after rl_thread_end() of every thread. Returns how many events are in the
 * file. */
uint64_t rl_writer_close(rl_writer *writer);

/* Begins a thread; native_id is the system's number of it. Returns NULL without memory. */
rl_thread *rl_thread_begin(rl_writer *writer, uint64_t native_id);
void rl_thread_end(rl_thread *thread);
/* Returns the number of a function, the same for the same texts; 0 without memory. */
uint32_t rl_thread_code(rl_thread *thread, const char *module, const char *qualname,
                        const char *file, uint32_t line);
/* Record that a function begins, which gives its frame; that the frame returns; that an exception,
 * or the like, leaves the frame. */
uint64_t rl_thread_call(rl_thread *thread, uint32_t code);
void rl_thread_return(rl_thread *thread, uint32_t code, uint64_t frame);
void rl_thread_unwind(rl_thread *thread, uint32_t code, uint64_t frame);

#endif
