/* Forks of the process: what is held meanwhile, how the writer thread is out of the way, and what a
 * child forgets. */
#ifndef FORKS_H
#define FORKS_H

/* The handlers round fork(2). -1 where the system takes none. */
int forks_init(void);
/* Puts our functions before os.fork and os.forkpty, in place. Idempotent. */
void forks_guard(void);

/* What a forked child does besides, without Python, before anything else runs there. At most four
 * functions; a further registration of one does nothing. */
void forks_in_child(void (*function)(void));

#endif
