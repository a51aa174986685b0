/* What debugger.c, debug_codes.c and mod_debug.c share. Not for others. */
#ifndef DEBUG_PARTS_H
#define DEBUG_PARTS_H

#include "debugger.h"

/* The thread, which is at this frame, begins a step there. */
void debugger_step_in(struct debug_code *code, native_frame *frame, enum step_mode mode,
                      uint32_t line);

/* Gives the program to Python, which is shown `object`. `ids` is taken. 0, or -1 with an exception.
 */
int debugger_stop(native_frame *frame, PyFrameObject *object, const char *why, PyObject *ids,
                  PyObject *exception);
/* [(id, when, name or None)]. 0, or -1 with an exception. */
int debug_catches_set(PyObject *list);
void debug_catches_clear(void);

/* A value as conditions have it; left alone where it is of another type, or too large. */
void debug_read_value(PyObject *o, struct condition_value *value);

/* A breakpoint on data: what it follows, owned by the point; whether that has changed in a frame
 * since the last look there; a frame begins. */
int debug_data_set(struct debug_point *point, PyObject *names);
int debug_data_changed(const struct debug_site *site, native_frame *frame);

/* Takes the co_extra index, once. 0, or -1 with an exception. */
int debug_codes_init(void);
/* The file of this canonical path; made where it is not known. NULL without memory. */
struct debug_file *debug_file_of(const char *path);
/* Breakpoints of functions, which may be in any file. */
struct debug_file *debug_functions(void);
/* Puts other breakpoints in the place of a file's, taking `points`; how many code objects it met.
 * The old ones are freed. */
size_t debug_set_points(struct debug_file *file, struct debug_point *points, size_t count);
void debug_free_points(struct debug_point *points, size_t count);
/* Of the variables of these names. 0, or -1 with an exception. */
int debug_read_slots(struct debug_slots *slots, PyCodeObject *code, PyObject *names);
/* The debugger starts with other settings: what they decide of known code is decided anew. */
void debug_codes_begin(void);
/* Forgets all breakpoints. */
void debug_codes_clear(void);
size_t debug_code_count(void);

#endif
