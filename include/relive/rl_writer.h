/* Writing a recording from C: for runtimes other than CPython. A thread writes through its own
 * rl_thread; everything it has written is in the file even if the process is killed.
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
 * SPDX-License-Identifier: MIT */
#ifndef RL_WRITER_H
#define RL_WRITER_H

#include <stdint.h>

#include <relive/rl_format.h>
#include <relive/rl_status.h>

typedef struct rl_writer rl_writer;
typedef struct rl_thread rl_thread;

/* Creates the file, never over another one, and starts the thread that writes it. */
RL_CHECKED rl_status rl_writer_open(const char *path, rl_writer **out, struct rl_err *err);
/* After every thread's end. Returns how many events are in the file. */
uint64_t rl_writer_close(rl_writer *writer);

/* NULL where there is no memory. native_id is the system's number of the thread. */
rl_thread *rl_thread_begin(rl_writer *writer, uint64_t native_id);
void rl_thread_end(rl_thread *thread);
/* The number of a function, the same for the same words; 0 where there is no memory. */
uint32_t rl_thread_code(rl_thread *thread, const char *module, const char *qualname,
                        const char *file, uint32_t line);
/* A function begins: its activation. It returns; or an exception (or the like) leaves it. */
uint64_t rl_thread_call(rl_thread *thread, uint32_t code);
void rl_thread_return(rl_thread *thread, uint32_t code, uint64_t frame);
void rl_thread_unwind(rl_thread *thread, uint32_t code, uint64_t frame);

#endif
