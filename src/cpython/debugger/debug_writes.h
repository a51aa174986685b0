/* Keys of dictionaries whose every write is seen, from CPython 3.12 on: globals of a module, items,
 * attributes that an instance keeps in a dictionary.
 *
 * Why: comparing values where lines begin costs at every line, and sees a change late. The
 * interpreter calls a watcher before it changes a watched dictionary, and the rest costs nothing.
 *
 *   dictionary changes --on_change()--> debug_change_note(), and the thread is to stop
 *
 * Invariants: a watched dictionary is not kept alive; the end of one ends what watched it. No code
 * of the program runs here. Under the GIL. */
#ifndef DEBUG_WRITES_H
#define DEBUG_WRITES_H

#include "compat.h"

/* Watches a key. Number 0 counts only; other numbers stop. Returns 0; -1 with an exception: the
 * interpreter has no such watchers, or none left. */
int debug_writes_add(unsigned number, PyObject *dict, PyObject *key);
/* Ends that. Returns how often the key was written, or -1 where nothing had this number. */
long debug_writes_remove(unsigned number);
/* Ends all, and forgets all changes. */
void debug_writes_clear(void);

#endif
