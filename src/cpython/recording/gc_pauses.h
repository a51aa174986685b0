/* Garbage collections as events (--gc). Visible to the program as one more entry of gc.callbacks,
 * so it is off unless asked for. */
#ifndef COLLECTIONS_H
#define COLLECTIONS_H

/* 0, or -1 with an exception. */
int collections_start(void);
void collections_stop(void);

#endif
