/* Generations of definitions: a recording defines names for ever, and the recorder's memory must
 * not grow with it. So from time to time the recorder forgets all strings. In a ring it also
 * forgets the definitions of functions, which can then leave the file. Whoever keeps a number looks
 * it up again. A function keeps its number. */
#ifndef GENERATIONS_H
#define GENERATIONS_H

struct thread;

/* A slot of this thread is full: looks whether the next generation is due. */
void generations_filled(struct thread *thread);
/* Between two events of the calling thread: begins it. Where another thread is in the middle of
 * one, a ring waits for it, for moments; else it is tried again at the next event. */
void generations_next(void);

#endif
