/* A code object's word (word.h), made once. Its name and whether it is recorded are decided when
 * the code is met first, not at every event. Under the GIL. */
#ifndef CODEINFO_H
#define CODEINFO_H

#include "state.h"

/* Takes the co_extra index; once a process. -1 with an exception when there is none left. */
int codeinfo_init(void);

/* Defines the code that `frame` runs in the current recording, and stores and returns its word.
 * Never raises; the pending exception is kept. Without a recording or memory the word is
 * CODE_EXCLUDED and not valid, so the next event of the code tries again. */
uint64_t codeinfo_make(PyCodeObject *code, native_frame *frame);
/* The word of a frame that is on the interpreter's stack, made where it is not valid. */
static inline uint64_t codeinfo_of_frame(native_frame *frame)
{
    uint64_t info = codeinfo_get(native_code(frame));
    return codeinfo_is_valid(info) ? info : codeinfo_make(native_code(frame), frame);
}

/* Makes the words of earlier recordings void. */
void codeinfo_begin(void);
/* Makes strings be defined again when they are met next; in a ring, all functions too. */
void codeinfo_next_generation(int is_ring);
/* Makes every word be looked at again when its code is met next. */
void codeinfo_decide_again(void);

/* Id of a function written in C, defined on first sight; 0 for a Python function. */
uint32_t codeinfo_native(PyObject *callable);

#endif
