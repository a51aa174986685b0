/* The debugger: where a program stops. One for the process.
 *
 *   interpreter -> engine (engine_monitoring.c, engine_hook.c) -> debugger_line(), debugger_left()
 *     -> the sites of the code object: thread, condition, hit count, log   (src/debug decides)
 *     -> the thread's step                                                 (src/debug decides)
 *     -> debugger.on_stop(frame, why, breakpoints), in Python: a prompt, a protocol
 *
 * The record of a code object (struct debug_code) is its co_extra, and is freed with it. What code
 * without breakpoints costs depends on the engine (docs/debug-engine.md).
 *
 * Threads: everything is under the GIL; debug_self is the calling thread's own. */
#ifndef DEBUGGER_H
#define DEBUGGER_H

#include "compat.h"
#include "copies.h"

#include <stddef.h>

#include <stdint.h>

#include "condition.h"
#include "hits.h"
#include "step.h"
#include "thread_local.h"

/* A breakpoint. */
struct debug_point {
    uint32_t id;
    uint32_t line; /* 0: where the functions of this name begin */
    struct hits hits;
    int has_program; /* the condition can be evaluated without Python */
    struct condition program;
    PyObject *names;      /* owned tuple: what the program reads */
    PyObject *expression; /* owned str or NULL: the condition */
    PyObject *log;        /* owned or NULL: not a stop; given to on_log */
    PyObject *function;   /* owned str or NULL: a name, of the point's file where it has one */
    unsigned long thread; /* its identity; 0: any */
    PyObject *task;       /* owned str or NULL: the name of a task */
    PyObject *data;       /* owned tuple or NULL: a local and attributes; stops when they change */
    struct debug_watch *watch; /* owned, with data */
    int is_slow;               /* was over the budget once, which was reported */
    int is_bound;              /* code has been met that it is in */
    uint64_t reached;          /* how often its line began, whatever the condition says */
};

/* Indexes of variables in the frames of a code object; -1 = no variable of that code. */
struct debug_slots {
    Py_ssize_t *items; /* owned */
    Py_ssize_t count;
};

/* A breakpoint in one code object. */
struct debug_site {
    uint32_t line;
    struct debug_point *point;  /* borrowed from the file */
    struct debug_slots reads;   /* of the names of the point's program */
    struct debug_slots watches; /* of the local that the point's data begins with */
    PyObject *condition;        /* owned: a function of the variables in `takes`, or NULL yet */
    struct debug_slots takes;
    PyObject *globals; /* compared only: what the function was made for */
};

struct debug_file {
    char *path; /* owned; canonical */
    struct debug_point *points;
    size_t point_count;
};

enum copy_state { COPY_NONE, COPY_MADE, COPY_REFUSED };

struct debug_code {
    PyCodeObject *code; /* borrowed, first (copies.h): it owns this; NULL: it is gone */
    int holders;
    PyCodeObject *copy; /* owned: with probes for the sites (probes.h), or NULL */
    enum copy_state copy_state;
    uint32_t copy_tail; /* its first instruction that is none of the code's */
    PyObject **probes;  /* owned, each */
    size_t probe_count, probe_cap;
    struct debug_code *next, *previous;
    struct debug_file *file;  /* borrowed; NULL: none could be named */
    PyObject *module;         /* owned str or NULL */
    struct debug_site *sites; /* owned */
    uint32_t site_count;
    size_t site_cap;
    uint8_t *marks; /* owned; a bit for each instruction of a line with a site */
    uint32_t mark_count;
    int is_users;    /* stepped through (debugger.filter) */
    int has_data;    /* has sites of breakpoints on data, on every line */
    int is_one_line; /* has sites on the line that the function begins with */
    int is_main;     /* the program's first code, where that is waited for */
};

_Static_assert(offsetof(struct debug_code, code) == 0, "it begins as a struct code_copied");

struct debug_thread {
    int is_inside;   /* the debugger itself runs here */
    int is_internal; /* a thread of the debugger's own */
    uint64_t run;    /* the start of the debugger that `step` is of */
    struct step step;
    native_frame *frame; /* where it has stopped */
    uintptr_t origin;    /* identity of the frame that counts as the user's from this stop on */
    PyObject *pending;   /* owned: a probe's breakpoints, which stop where the next line begins */
    uintptr_t pending_in;
    uintptr_t stopped_next; /* the frame that the exception unwinds next; it has stopped already */
};
extern QUICK_THREAD_LOCAL struct debug_thread debug_self;

/* Counters of what the debugger did; docs/debug-engine.md describes each. */
#define DEBUG_COUNTERS(X)                                                                          \
    X(frames_evaluated)                                                                            \
    X(fast_path_hits)                                                                              \
    X(cache_hits)                                                                                  \
    X(cache_misses)                                                                                \
    X(line_callbacks)                                                                              \
    X(line_hits)                                                                                   \
    X(line_disabled)                                                                               \
    X(py_start_callbacks)                                                                          \
    X(py_return_callbacks)                                                                         \
    X(condition_evaluations)                                                                       \
    X(condition_skips)                                                                             \
    X(conditions_in_c)                                                                             \
    X(frames_traced)                                                                               \
    X(bytecode_injections)                                                                         \
    X(deep_frames)                                                                                 \
    X(scoped_trace_installs)                                                                       \
    X(invalidations)                                                                               \
    X(stops)                                                                                       \
    X(logs)

struct debug_engine {
    const char *name;
    /* Returns 0, or -1 with an exception. */
    int (*start)(void);
    void (*stop)(void);
    /* Called when the sites of code have changed, or when a step needs its lines. */
    void (*arm)(struct debug_code *code);
    /* Makes the next instruction of code report itself; NULL where there is no such event. */
    void (*arm_instruction)(struct debug_code *code);
    /* Makes running frames report lines: those whose code has sites, or all of the user's code. */
    void (*reach_running)(int all);
    /* Called when steps, a pause or breakpoints on exceptions change: other events are needed. */
    void (*refresh)(void);
};
extern const struct debug_engine debug_engine;

enum debug_catch { CATCH_RAISED = 1, CATCH_UNCAUGHT = 2, CATCH_UNHANDLED = 4 };

struct debugger {
    int is_on;
    uint64_t run; /* counts starts and stops */
    int waits_for_main;
    int pause_wanted;    /* a thread stops at its next line (debug_threads.c) */
    int steps_in_thread; /* steps go on in whichever task of their thread */
    size_t points;       /* breakpoints in files and functions */
    size_t watches;      /* those on data */
    int steps;           /* threads that step */
    int follows;         /* those that follow: they need calls, returns and exceptions */
    int inside;          /* threads that the debugger itself runs in */
    int has_bound;       /* breakpoints have met their code since the last on_bound */
    int rewrites;        /* code may be copied with probes */
    unsigned catches;    /* enum debug_catch */
    uint64_t budget_ns;  /* of one condition */
    uint64_t revision;   /* changes with the breakpoints */
    struct thread *(*own_thread)(void); /* makes the state of the calling thread */
    PyObject *on_stop, *on_log, *on_reason, *on_bound, *make_condition; /* owned */
    PyObject *filter;     /* owned _core.Filter, or NULL */
    struct filter *rules; /* in it: what code is the user's; NULL: all but Relive's own */
    struct debug_code *codes;
#define FIELD(name) uint64_t name;
    struct {
        DEBUG_COUNTERS(FIELD)
    } counts;
#undef FIELD
};
extern struct debugger debugger;

/* Returns the record of code, or NULL if the code was not met yet. */
static inline struct debug_code *debugger_known(PyCodeObject *code)
{
    return copies_record(copies_extra(code));
}

/* Returns this thread's step. Clears one that an earlier run of the debugger left behind. */
static inline struct step *debugger_step(void)
{
    if (__builtin_expect(debug_self.run != debugger.run, 0)) {
        debug_self.run = debugger.run;
        debug_self.step = (struct step){0};
    }
    return &debug_self.step;
}

/* Makes the record of code that was not met yet. NULL without memory, and for Relive's own code. */
struct debug_code *debugger_code(PyCodeObject *code, PyObject *globals);
static inline struct debug_code *debugger_code_of(native_frame *frame)
{
    struct debug_code *known = debugger_known(native_code(frame));
    return known != NULL ? known : debugger_code(native_code(frame), native_globals(frame));
}

/* Calls on_bound where breakpoints have met the code that they are in. Where Python may run. */
void debugger_report_bound(void);
static inline void debugger_check_bound(void)
{
    if (__builtin_expect(debugger.has_bound, 0) && !debug_self.is_inside) {
        debugger_report_bound();
    }
}

/* Sorts lines and removes duplicates. Returns how many are left. */
size_t debugger_sort_lines(uint32_t *lines, size_t count);

enum {
    LINE_LEFT = 0
}; /* in place of a line: the frame is left, so changes by its last line count */
/* Returns the breakpoints that stop at a line that is about to run: a new list, NULL for none.
 * Checks thread, task, data, condition and hit count; writes logs. */
PyObject *debugger_sites(struct debug_code *code, native_frame *frame, uint32_t line);
/* Stops at a line that is about to run, for a breakpoint, a step or a pause. Takes `ids`, the
 * result of debugger_sites(). Returns 0, or -1 with an exception for the program. */
int debugger_line(struct debug_code *code, native_frame *frame, uint32_t line, PyObject *ids);
/* Stops where an exception is raised, if a breakpoint wants it. Returns 0, or -1 with an exception
 * that replaces it. */
int debugger_raised(native_frame *frame, PyObject *exception);
/* The same where an exception has left a frame of `code`, after debugger_leaves() returned 1.
 * `object` still has the frame's variables. */
int debugger_unwound(PyCodeObject *code, native_frame *caller, PyFrameObject *object,
                     PyObject *exception);
/* Returns whether an exception that leaves a frame also leaves the user's code, and did not stop
 * already. */
static inline int debugger_leaves(uintptr_t frame, native_frame *caller)
{
    if (debug_self.stopped_next == frame) {
        debug_self.stopped_next = (uintptr_t)caller;
        return 0;
    }
    const struct debug_code *above = caller != NULL ? debugger_known(native_code(caller)) : NULL;
    return above == NULL || !above->is_users;
}
/* Called when a frame of code with breakpoints on data begins. Forgets what was seen in an earlier
 * frame at the same address. */
void debug_data_begins(const struct debug_code *code, native_frame *frame);
/* Sees what breakpoints on data follow in a frame that runs already, where nothing was seen yet.
 * The change by its present line is the first. */
void debug_data_meets(const struct debug_code *code, native_frame *frame);
/* Called when such a frame returns or is unwound: checks what its last line has changed. Returns 0,
 * or -1 with an exception for the program. */
int debugger_data_left(struct debug_code *code, native_frame *frame);
/* Stops at a call, a return or an exception, if the thread follows and its rules stop there.
 * `value` is what is returned, or the exception's (type, value, traceback). Returns 0, or -1 with
 * an exception for the program. */
int debugger_event(native_frame *frame, enum step_event how, PyObject *value);
static inline int debugger_follows(void)
{
    return debugger.follows != 0 && debugger_step()->mode == STEP_FOLLOW;
}
/* Called when a frame begins or goes on: where the thread's step waits for this call, it moves on
 * into the frame. */
void debugger_entered(struct debug_code *code, native_frame *frame, native_frame *caller);
static inline void debugger_enters(struct debug_code *code, native_frame *frame,
                                   native_frame *caller)
{
    if (debugger_follows() && debugger_step()->into.code != 0) {
        debugger_entered(code, frame, caller);
    }
}
/* Called when a frame returns, yields, or is unwound: moves the thread's step on. */
void debugger_left(native_frame *frame, enum step_event how);
/* Returns whether only sites matter: no thread steps, no pause is wanted, no Python of the debugger
 * runs, and the program has begun. */
static inline int debugger_is_quiet(void)
{
    return (debugger.steps | debugger.inside | debugger.pause_wanted | debugger.waits_for_main) ==
           0;
}
/* Returns whether an instruction, by its index, belongs to a line with a site. */
static inline int debugger_is_marked(const struct debug_code *code, uint32_t at)
{
    return at < code->mark_count && (code->marks[at / 8] >> at % 8 & 1) != 0;
}
/* Returns whether this thread stops in whatever frame comes next. */
static inline int debugger_steps_in(void)
{
    const struct step *step = debugger_step();
    return step->mode == STEP_IN || (step->mode == STEP_FOLLOW && step->frame == 0);
}
/* Returns whether this thread needs all lines of a frame that begins now. */
static inline int debugger_wants_all(const struct debug_code *code)
{
    return code->is_users &&
           ((debugger.catches & CATCH_RAISED) || debugger.pause_wanted || debugger_steps_in());
}
/* Returns whether this thread needs any line of it. */
static inline int debugger_wants(const struct debug_code *code)
{
    return code->site_count != 0 || debugger_wants_all(code);
}
/* Called when the program's first code begins: stops at its first line. */
void debugger_main_begins(struct debug_code *code, native_frame *frame);
/* Reports that something slower, or nothing, replaced what was wanted: a reason code, and details.
 */
void debugger_reason(const char *code, const char *context);

#endif
