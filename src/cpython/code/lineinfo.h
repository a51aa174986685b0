/* What is known of places in code: the line of an instruction, and the handler that begins there.
 *
 * Each answer takes a walk through the tables of the code, so it is kept. It is the same as long as
 * the code object lives. Under the GIL. */
#ifndef LINEINFO_H
#define LINEINFO_H

#include "handlers.h"

/* Returns the line of the instruction at this offset (in bytes); 0: it has none. */
uint32_t lineinfo_line(PyCodeObject *code, int offset);
struct handler_place {
    struct exc_handler handler;
    uint32_t goes_on; /* the line of the instruction behind its entry; 0: it has none */
};
/* Returns the handler that begins at this offset. */
struct handler_place lineinfo_handler(PyCodeObject *code, int offset);
/* A code object with this id has died, or has another word: another may have its address. */
void lineinfo_forget(uint32_t id);

/* Returns the current line of a frame; 0: it has none. */
static inline uint32_t lineinfo_current(native_frame *frame)
{
    return lineinfo_line(native_code(frame), native_byte_offset(frame));
}

#endif
