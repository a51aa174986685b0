/* Asks for the text of each file of which code is recorded (record/sources.h), and takes the
 * secrets out of it. Under the GIL, but for codesource_clean(). */
#ifndef CODESOURCE_H
#define CODESOURCE_H

#include "state.h"

struct filter;

/* Prepares for a recording whose writer thread alone uses `filter`; NULL: no texts are stored. It
 * is borrowed until the next call. */
void codesource_begin(struct filter *filter);
/* Asks for the file of code that is defined for the first time, and runs in `frame`. */
void codesource_ask(PyCodeObject *code, native_frame *frame);
/* Returns RL_CODE_COMMAND where the code's text is that of the command, or standard input. */
uint32_t codesource_flag(PyCodeObject *code);
/* The hook of struct recorder_hooks; in the writer thread. */
rl_status codesource_clean(void *host, const struct source_file *file, struct text text,
                           struct source_entry *entry);

#endif
