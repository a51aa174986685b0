/* What is known of a code object, in one word kept in its co_extra:
 *
 *   63      40 39  32 31              6 5        0
 *   | stamp            | id (26 bits)  | flags   |
 *
 * The stamp names the recording; a word of another one is made anew. 0 = not looked at yet. */
#ifndef CODEINFO_H
#define CODEINFO_H

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

/* Takes the co_extra index; once a process. -1 with an exception when there is none left. */
int codeinfo_init(void);
extern Py_ssize_t codeinfo_index;

/* The word in co_extra, read directly: 0 when there is none. */
static inline uint64_t codeinfo_get(PyCodeObject *code)
{
    return (uintptr_t)compat_extra(code, codeinfo_index);
}

/* Defines the code that `frame` runs in the running recording and stores the word. Never raises;
 * the pending exception is kept. Without a recording, or without memory: a word that says
 * CODE_EXCLUDED and is not valid, so that the next event of the code tries once more. */
uint64_t codeinfo_make(PyCodeObject *code, native_frame *frame);

/* Words of earlier recordings are void from here on. */
void codeinfo_begin(void);
/* Strings, and of a ring all functions, are to be defined once more when they are met next. */
void codeinfo_next_generation(int is_ring);
/* Every decision is made anew when its code is met next. */
void codeinfo_decide_anew(void);

/* How many parameters are captured; they are the first slots. */
uint32_t codeinfo_args(const PyCodeObject *code);

/* Id of a function written in C, defined on first sight; 0 for a Python function. */
uint32_t codeinfo_native(PyObject *callable);

/* Code of these files is never recorded: our own. The prefix is copied. */
void codeinfo_exclude_prefix(const char *utf8);
/* Code below this folder is a library's: its lines are recorded only where asked for. */
void codeinfo_add_library(const char *utf8);

/* Whether the code is the program's own: not of a library folder, nor frozen into the interpreter.
 */
int codeinfo_is_own(PyCodeObject *code, PyObject *globals);
/* Whether code is our own. */
int codeinfo_is_excluded(PyCodeObject *code);

/* Transcodes a str into at most `size` bytes, cut on a character; "?" for what is no str. */
size_t codeinfo_put_text(PyObject *text, uint8_t *out, size_t size);

/* The file that the code counts to: its own, or that of the library that has generated it
 * (`<string>`, with globals of a module in a library folder). */
size_t codeinfo_put_file(PyCodeObject *code, PyObject *globals, uint8_t *out, size_t size);

/* The `__name__` of a globals dictionary: borrowed, NULL where it is no string; as UTF-8 in text,
 * "?" where there is none. */
PyObject *codeinfo_module(PyObject *globals);
void codeinfo_module_name(PyObject *globals, char *text, size_t size);

/* Before 3.11 a code object does not know its qualified name: the bytecode that makes the function
 * does. Stores the names of the functions that `code` makes. No-ops where code knows. */
void codename_learn(PyCodeObject *code);
PyObject *codename_get(PyCodeObject *code, PyObject *globals); /* owned; NULL = unknown */
/* The code is called so from now on. */
void codename_keep(PyCodeObject *code, PyObject *name);
int codename_init(void);

#endif
