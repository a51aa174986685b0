/* Part of debugger.h: what the files of this room share with each other and with mod_debug.c. Not
 * for others. */
#ifndef DEBUG_PARTS_H
#define DEBUG_PARTS_H

#include "debugger.h"

/* Begins a step of this thread at a frame, or ends its step (STEP_NONE). */
void debugger_step_in(struct debug_code *code, native_frame *frame, enum step_mode mode,
                      uint32_t line);

/* Makes this thread follow (step.h). `line` -1: never in `stop` itself. */
struct debug_follow {
    PyFrameObject *stop, *returns, *begin; /* borrowed, or NULL */
    long line;
    int instruction;
    struct step_call into;
};
void debugger_follow(const struct debug_follow *wanted);
/* Returns whether this thread can step: no other tool's trace function is on where the engine needs
 * its own. */
int debugger_can_step(void);
/* Stops in a frame of this thread at once. Returns 0, or -1 with an exception. */
int debugger_stop_now(PyFrameObject *object);
/* Ends the step of this thread, if there is one. */
void debugger_end_step(void);

/* Stops the program: calls on_stop with `object`, and ends the thread's step. Takes `ids`. Returns
 * 0, or -1 with an exception. */
int debugger_stop(native_frame *frame, PyFrameObject *object, const char *why, PyObject *ids,
                  PyObject *exception);
/* Makes the calling thread the debugger's own, or the program's. Its own threads never stop and are
 * not recorded. */
void debugger_set_internal(int is_internal);

/* Stops a thread, by its identity, at its next line of the user's code; 0: whichever comes first.
 * A pause ends with its thread; one for a write becomes that of whichever comes first. Returns 1;
 * 0 where there is no such thread; or -1 with an exception. */
int debug_pause_add(unsigned long thread, int is_for_write);
/* Takes that back. Returns whether it was wanted. */
int debug_pause_remove(unsigned long thread);
void debug_pause_clear(void);
/* Returns whether a pause of that thread still waits. */
int debug_pause_waits(unsigned long thread);
/* Returns whether the calling thread is to stop. */
int debug_is_paused(void);
/* Calls a function that debug_interrupt() can end, under a number that no other such call has.
 * Returns its result, owned, or NULL with an exception. */
PyObject *debug_call_limited(unsigned long number, PyObject *function);
/* Raises an exception of a type in such a call. Returns whether it still runs. */
int debug_interrupt(unsigned long number, PyObject *type);
/* Returns whether a frame is on the stack of the calling thread. */
int debug_is_here(PyFrameObject *object);
/* Returns (how many, [(key or name, value), ...]): owned, or NULL with an exception. These are the
 * entries of a dictionary, or the attributes that an instance itself has. The list begins at
 * `start` and has `count` of them at most. No code of the program runs. */
PyObject *debug_entries(PyObject *o, Py_ssize_t start, Py_ssize_t count);

/* Sets the breakpoints on exceptions: [(id, when, name or None)]. Returns 0, or -1 with an
 * exception. */
int debug_catches_set(PyObject *list);
void debug_catches_clear(void);

/* Reads a value for a condition. Values of other types leave *value as it is. */
void debug_read_value(PyObject *o, struct condition_value *value);

/* Sets what a breakpoint on data follows. Returns 0, or -1 with an exception. */
int debug_data_set(struct debug_point *point, PyObject *names);
/* Returns whether the followed value has changed since the last look in this frame. The first look
 * returns 0. */
int debug_data_changed(const struct debug_site *site, native_frame *frame);
/* Moves what a breakpoint on data has seen to the one that replaces it, if both follow the same. */
void debug_data_keep(struct debug_point *point, struct debug_point *old);
void debug_data_free(struct debug_watch *watch);

/* Requests the co_extra index, once. Returns 0, or -1 with an exception. */
int debug_codes_init(void);
/* Returns the file of a canonical path, made on first use. NULL without memory. */
struct debug_file *debug_file_of(const char *path);
/* Returns the breakpoints on functions by name, which may be in any file. */
struct debug_file *debug_functions(void);
/* Replaces the breakpoints of a file. Takes `points` and frees the old ones. Returns the number of
 * known code objects of the file. */
size_t debug_set_points(struct debug_file *file, struct debug_point *points, size_t count);
/* Returns {id: (how often the line of a breakpoint began, how many hits, whether its code has been
 * met)}: owned, or NULL. */
PyObject *debug_point_counts(void);
void debug_free_points(struct debug_point *points, size_t count);
/* Looks up variables by name. Returns 0, or -1 with an exception. */
int debug_read_slots(struct debug_slots *slots, PyCodeObject *code, PyObject *names);
/* Returns the index of a variable in the frames of code, or -1. */
Py_ssize_t debug_slot(PyCodeObject *code, PyObject *name);
/* Writes one variable of a frame; `value` NULL unbinds it. Returns 1; 0 where the frame has no such
 * variable, or keeps its names in a dictionary; -1 with an exception. */
int debug_assign(PyFrameObject *object, PyObject *name, PyObject *value);
/* Decides again which known code is the user's: the debugger starts with other settings. */
void debug_codes_begin(void);
/* Removes all breakpoints. */
void debug_codes_clear(void);
size_t debug_code_count(void);

#endif
