/* Why: see callers.h.
 * Invariants: a frame of the interpreter and an open frame are the same if address and code are.
 * The flags are of the thread's current chunk, since a ring may have lost every other one. */
#include "callers.h"

#include <string.h>

#include "codeinfo.h"
#include "lineinfo.h"
#include "lines.h"
#include "open_frames.h"
#include "pytext.h"
#include "state.h"
#include "word.h"

/* Goes from an open frame to the open frame that called it. Where an exception was thrown into a
 * generator, those that delegate to it come before that: they are linked, but not entered. */
struct walk {
    native_frame *native; /* NULL: the walk has not begun */
    uint64_t word;        /* of its code */
    uint64_t frame;       /* its identity */
    uint32_t at;          /* in the thread's stack; of a frame that waits, that of the one above */
    int is_open;          /* `native` is at `at` */
};

/* Returns the index of the event's frame; 0: it is not recorded. */
static inline uint32_t find_frame(const struct thread *t, const struct event *event)
{
    return t->stack[t->depth].key == event->frame ? t->depth : frames_find(t, event->frame);
}

/* Begins at the frame of the event. */
static inline struct walk walk_from(const struct thread *t, uint32_t at)
{
    return (struct walk){NULL, 0, t->stack[at].frame, at, 1};
}

/* Returns whether the line of the caller was written already, or nobody knows the caller. */
static inline int is_done(const struct thread *t, uint32_t at)
{
    return at == 0 || (t->stack[at].flags & FRAME_CALLER_KNOWN) != 0;
}

/* Returns the index of the interpreter's frame below `top`; 0 = it is not recorded. */
static uint32_t find_below(const struct thread *t, uint32_t top, native_frame *frame)
{
    uint64_t info = codeinfo_of_frame(frame);
    for (uint32_t i = top - 1; i > 0 && CODE_ID(info) != 0; i--) {
        if (t->stack[i].key == frame) {
            return t->stack[i].id == CODE_ID(info) ? i : 0;
        }
    }
    return 0;
}

/* Returns the identity of a recorded generator that is not entered; 0: it is another frame. */
static uint64_t find_waiting(const struct thread *t, native_frame *frame)
{
    if (native_generator(frame) == NULL) {
        return 0;
    }
    uint64_t info = codeinfo_get(native_code(frame));
    const uint64_t *known = u64map_get(&recording.generators, (uint64_t)(uintptr_t)frame);
    return known != NULL && codeinfo_is_valid(info) && !(info & CODE_EXCLUDED) &&
                   frames_find(t, frame) == 0
               ? *known
               : 0;
}

/* Takes a step from the frame at `top` to `f` or what is above it, whoever it is. */
static int walk_far(const struct thread *t, native_frame *f, uint32_t top, struct walk *w)
{
    for (; f != NULL; f = native_caller(f)) {
        uint32_t at = top > 1 ? find_below(t, top, f) : 0;
        uint64_t frame = at != 0 ? t->stack[at].frame : find_waiting(t, f);
        if (frame != 0) {
            uint64_t word = codeinfo_get(native_code(f));
            *w = (struct walk){f, word, frame, at != 0 ? at : top, at != 0};
            return 1;
        }
    }
    return 0;
}

/* Takes one step. Returns 0 where there is none, or is_done(). Mostly the open frame below is that
 * of the caller. */
static inline int walk_out(const struct thread *t, const struct event *event, struct walk *w)
{
    if (is_done(t, w->at)) {
        return 0;
    }
    native_frame *f = w->native != NULL ? native_caller(w->native) : frames_caller(event->frame);
    const struct open_frame *below = &t->stack[w->at - 1];
    if (f != NULL && below->key == f) {
        uint64_t word = codeinfo_get(native_code(f));
        if (codeinfo_is_valid(word) && CODE_ID(word) == below->id && below->id != 0) {
            *w = (struct walk){f, word, below->frame, w->at - 1, 1};
            return 1;
        }
    }
    return walk_far(t, f, w->at, w);
}

/* In a new chunk no line of a caller has been written yet. */
static void forget_flags(struct thread *t)
{
    if (t->callers_chunk != t->lane.chunk) {
        for (uint32_t i = 1; i <= t->depth; i++) {
            t->stack[i].flags &= ~FRAME_CALLER_KNOWN;
        }
        t->callers_chunk = t->lane.chunk;
    }
}

void callers_look(struct thread *t, const struct event *event)
{
    forget_flags(t);
    struct walk w = walk_from(t, find_frame(t, event));
    while (walk_out(t, event, &w)) {
        struct event caller = {.code = native_code(w.native), .frame = w.native};
        if (w.is_open) {
            lines_leave(t, &caller, t->stack[w.at].id);
        }
    }
}

/* Frames of the standard library that let an exception through, or end the thread by it. */
static int is_end_of_thread(native_frame *frame)
{
    static const char *const names[][2] = {
        {"runpy", "_run_code"},      {"runpy", "_run_module_as_main"},
        {"threading", "run"},        {"threading", "_bootstrap_inner"},
        {"threading", "_bootstrap"},
    };
    char module[16];
    PyObject *name = native_code(frame)->co_name;
    pytext_module_name(native_globals(frame), module, sizeof module);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(module, names[i][0]) == 0 &&
            PyUnicode_CompareWithASCIIString(name, names[i][1]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Whether nothing of the program is left to catch what leaves the frame. */
static int is_outermost(const struct event *event)
{
    native_frame *f = frames_caller(event->frame);
    while (f != NULL && is_end_of_thread(f)) {
        f = native_caller(f);
    }
    return f == NULL;
}

/* Appends identity and line of each caller whose line was not written yet. */
static uint8_t *put_lines(struct thread *t, const struct event *event, uint32_t at, uint8_t *p,
                          const uint8_t *end)
{
    struct walk w = walk_from(t, at);
    uint64_t before = w.frame;
    for (uint32_t callee = at; end - p >= 2 * VARINT_MAX; callee = w.at) {
        int is_there = walk_out(t, event, &w);
        if (!is_there || w.is_open) {
            t->stack[callee].flags |= FRAME_CALLER_KNOWN; /* also where it has none */
        }
        if (!is_there) {
            break;
        }
        uint32_t line = lineinfo_current(w.native, w.word);
        p = put_varint(p, zigzag((int64_t)(w.frame - before)));
        p = put_varint(p, line < RL_LINE_MAX ? line : 0);
        before = w.frame;
    }
    return p;
}

uint8_t *callers_put(struct thread *t, const struct event *event, unsigned flags, uint8_t *p,
                     const uint8_t *end)
{
    forget_flags(t);
    uint32_t at = find_frame(t, event);
    if (event->kind == RL_EVENT_UNWIND && at <= 1 && is_outermost(event)) {
        flags |= RL_EXCEPTION_OUTERMOST;
    }
    uint8_t *lines = put_varint(p, flags);
    uint8_t *last = is_done(t, at) ? lines : put_lines(t, event, at, lines, end);
    return last > lines || flags != 0 ? last : p;
}
