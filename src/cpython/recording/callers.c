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

/* Goes from an open frame to the open frame that called it. */
struct walk {
    struct thread *t;
    native_frame *native;
    uint32_t callee, at; /* in the thread's stack */
};

/* Begins at the frame of the event, which may not be recorded itself. */
static struct walk walk_from(struct thread *t, const struct event *event)
{
    return (struct walk){t, event->frame, 0, frames_find(t, event->frame)};
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

/* One step, unless the line of the caller was written already; 0 where there is none. */
static int walk_out(struct walk *w)
{
    if (w->at <= 1 || w->t->stack[w->at].flags & FRAME_CALLER_KNOWN) {
        return 0;
    }
    native_frame *f = w->callee == 0 ? frames_caller(w->native) : native_caller(w->native);
    for (; f != NULL; f = native_caller(f)) {
        uint32_t at = find_below(w->t, w->at, f);
        if (at != 0) {
            *w = (struct walk){w->t, f, w->at, at};
            return 1;
        }
    }
    return 0;
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
    struct walk w = walk_from(t, event);
    while (walk_out(&w)) {
        struct event caller = {.code = native_code(w.native), .frame = w.native};
        lines_leave(t, &caller, t->stack[w.at].id);
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

uint8_t *callers_put(struct thread *t, const struct event *event, unsigned flags, uint8_t *p,
                     const uint8_t *end)
{
    forget_flags(t);
    struct walk w = walk_from(t, event);
    uint64_t before = t->stack[w.at].frame;
    if (event->kind == RL_EVENT_UNWIND && w.at <= 1 && is_outermost(event)) {
        flags |= RL_EXCEPTION_OUTERMOST;
    }
    uint8_t *begin = p;
    p = put_varint(p, flags);
    while (end - p >= 2 * VARINT_MAX && walk_out(&w)) {
        uint32_t line = lineinfo_current(w.native);
        uint64_t frame = t->stack[w.at].frame;
        t->stack[w.callee].flags |= FRAME_CALLER_KNOWN;
        p = put_varint(p, zigzag((int64_t)(frame - before)));
        p = put_varint(p, line < RL_LINE_MAX ? line : 0);
        before = frame;
    }
    return p - begin > 1 || flags != 0 ? p : begin;
}
