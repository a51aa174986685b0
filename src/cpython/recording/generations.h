/* Generations of definitions: a recording names things for ever, and what it has to remember of
 * them must not grow with it. From time to time the recorder forgets all strings (and in a ring,
 * what defines functions too, so that it can leave the file); whoever keeps a number asks for it
 * once more. A function keeps its number. */
#ifndef GENERATIONS_H
#define GENERATIONS_H

struct thread;

/* A slot of this thread is full: looks whether the next generation is due. */
void generations_filled(struct thread *thread);
/* Between two events of the calling thread: begins it. Where another thread is in the middle of
 * one, a ring waits for it, for moments; else it is tried again at the next event. */
void generations_next(void);

#endif
