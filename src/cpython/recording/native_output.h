/* What compiled code writes to descriptors 1 and 2, as events (--native-output, with --output).
 *
 *   C code -> os_overhear -> heard() -+-> this thread's lane     with the GIL, room in the slot,
 *                                     |                           and not in a signal handler
 *                                     +-> the thread's queue -> its lane at its next event
 *
 * The queue exists since lanes are written under the GIL only, and code that calls printf() must
 * not have to wait for the GIL. */
#ifndef NATIVE_OUTPUT_H
#define NATIVE_OUTPUT_H

struct queued_output;
struct thread;

/* 0, or -1 and a reason. */
int native_output_start(const char **why);
/* Recording ends, under the GIL: what is queued is written, what cannot be is counted. */
void native_output_end(void);
/* At a slow event of the thread, and before it writes output of its own. */
void native_output_flush(struct thread *thread);
void native_output_forked(void);

#endif
