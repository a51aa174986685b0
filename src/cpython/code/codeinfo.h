/* A code object's word (word.h), made once: its name and whether it is recorded are decided when it
 * is met first, not at every event. Under the GIL. */
#ifndef CODEINFO_H
#define CODEINFO_H

#include "state.h"

/* Takes the co_extra index; once a process. -1 with an exception when there is none left. */
int codeinfo_init(void);

/* Defines the code that `frame` runs in the running recording and stores the word. Never raises;
 * the pending exception is kept. Without a recording, or without memory: a word that says
 * CODE_EXCLUDED and is not valid, so that the next event of the code tries once more. */
uint64_t codeinfo_make(PyCodeObject *code, native_frame *frame);
/* The word of a frame that is on the interpreter's stack, made where it is not valid. */
uint64_t codeinfo_of_frame(native_frame *frame);

/* Words of earlier recordings are void from here on. */
void codeinfo_begin(void);
/* Strings, and of a ring all functions, are to be defined once more when they are met next. */
void codeinfo_next_generation(int is_ring);
/* Every decision is made once more, when its code is met next. */
void codeinfo_decide_again(void);

/* Id of a function written in C, defined on first sight; 0 for a Python function. */
uint32_t codeinfo_native(PyObject *callable);

#endif
