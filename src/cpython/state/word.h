/* What is known of a code object, in one word kept in its co_extra:
 *
 *   63      40 39  32 31              6 5        0
 *   | stamp            | id (26 bits)  | flags   |
 *
 * The stamp names the recording; codeinfo_make() replaces the word of another one. 0 = not looked
 * at yet. */
#ifndef WORD_H
#define WORD_H

#include "compat.h"

#include <stdint.h>

/* Least first. COUNTED: a call is not recorded, only counted. */
enum level { LEVEL_COUNTED, LEVEL_CALLS, LEVEL_VALUES, LEVEL_LINES };

#define CODE_WATCHED  1u  /* makes tasks, or --activate is on during it: its calls are looked at */
#define CODE_EXCLUDED 2u  /* nothing of it is recorded; counted where it has an id */
#define CODE_SUSPENDS 4u  /* generator, coroutine, asynchronous generator */
#define CODE_VALUES   8u  /* what it returns and yields is captured */
#define CODE_ARGS     16u /* it has parameters to capture */
#define CODE_LINES    32u /* its lines are wanted */
#define CODE_ID(info) ((uint32_t)(info) >> 6)

/* A word of co_extra that belongs to no recording: a library has run the text that made this. */
#define CODE_OF_LIBRARY UINT64_C(1)

/* The co_extra index of the word. */
extern Py_ssize_t codeinfo_index;

/* The word in co_extra, read directly: 0 when there is none. */
static inline uint64_t codeinfo_get(PyCodeObject *code)
{
    return (uintptr_t)compat_extra(code, codeinfo_index);
}

#endif
