/* Why: an exception is raised in a frame, leaves frames, and is caught in one; each is an event.
 * Invariant: a trace function's exception may be gone when its frame is left, so its bytes are kept
 * (pending), never the object. */

#include "exception_rows.h"

#include <string.h>

#include "budget.h"
#include "callers.h"
#include "capture.h"
#include "handlers.h"
#include "judge.h"
#include "lineinfo.h"
#include "lines.h"
#include "open_frames.h"
#include "policy.h"
#include "repeats.h"
#include "rows.h"
#include "state.h"
#include "word.h"

#include "map.h"
#include "utf8.h"

#define LOOKED_AT 64 /* entries of a traceback */

/* The name of a class that exceptions had, and its id. A class may get another name, or die and
 * leave its address to another. So the name's hash is compared, too; a class of C keeps its name.
 */
struct class_name {
    const PyTypeObject *type; /* compared only */
    Py_hash_t hash;           /* of its name; 0 for a class of C */
    uint32_t stamp;           /* recording.name_stamp */
    uint32_t id;
};

/* Returns the hash of a class's name, 0 for a class of C. -1: it was not computed yet. */
static inline Py_hash_t name_hash(const PyTypeObject *type)
{
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return 0;
    }
    return ((const PyASCIIObject *)((const PyHeapTypeObject *)type)->ht_name)->hash;
}

/* Defines the name of a class. Other threads may run meanwhile, so the name is copied first. */
static uint32_t define_class_name(struct thread *t, const PyTypeObject *type,
                                  struct class_name *known)
{
    struct class_name defined = {.type = type, .stamp = recording.name_stamp};
    const char *dot = strrchr(type->tp_name, '.');
    const char *name = dot != NULL ? dot + 1 : type->tp_name;
    uint8_t bytes[RL_STRING_MAX];
    size_t len = strlen(name);
    len = len < sizeof bytes ? len : utf8_cut((const uint8_t *)name, len, sizeof bytes);
    memcpy(bytes, name, len);
    defined.hash = name_hash(type);
    if (defined.hash == -1 && PyUnicode_CheckExact(((const PyHeapTypeObject *)type)->ht_name)) {
        defined.hash = PyObject_Hash(((const PyHeapTypeObject *)type)->ht_name);
    }
    defined.id = recorder_string(recording.recorder, &t->lane, bytes, len);
    if (defined.hash != -1 && defined.id != 0) {
        *known = defined;
    }
    return defined.id;
}

/* The id of its class's __name__. A static type of C has the name of its module before that. */
static inline uint32_t exception_id(struct thread *t, PyObject *exc)
{
    enum { CLASS_BITS = 6 };
    static struct class_name classes[1 << CLASS_BITS];
    if (exc == NULL || recording.recorder == NULL) {
        return 0;
    }
    const PyTypeObject *type = PyType_Check(exc) ? (PyTypeObject *)exc : Py_TYPE(exc);
    uint64_t key = (uint64_t)(uintptr_t)type * UINT64_C(0x9e3779b97f4a7c15);
    struct class_name *known = &classes[key >> (64 - CLASS_BITS)];
    return known->type == type && known->stamp == recording.name_stamp &&
                   known->hash == name_hash(type)
               ? known->id
               : define_class_name(t, type, known);
}

/* Whether it was raised here and now, and came from nowhere. */
static int is_fresh(const struct event *event)
{
    const PyTracebackObject *last = compat_traceback(event->arg);
    return last != NULL && last->tb_next == NULL && native_of(last->tb_frame) == event->frame;
}

/* Whether it comes up here once more, as where a task is awaited that it has ended: its traceback
 * holds another frame that is recorded. */
static int was_raised_before(const struct event *event)
{
    const PyTracebackObject *tb =
        event->arg != NULL && !PyType_Check(event->arg) ? compat_traceback(event->arg) : NULL;
    for (int i = 0; tb != NULL && i < LOOKED_AT; i++, tb = tb->tb_next) {
        native_frame *frame = native_of(tb->tb_frame);
        uint64_t info = frame != event->frame ? codeinfo_get(native_code(frame)) : 0;
        if (info != 0 && !(info & CODE_EXCLUDED)) {
            return 1;
        }
    }
    return 0;
}

/* Returns the filter's action for an exception: that for what is thrown into the frame, or that for
 * what may leave it (<unwind>). The latter also holds when the exception is raised.
 *
 * An exception that a rule hides when it is thrown in stays hidden. It is known by its address,
 * which another exception may have later, once this one is raised elsewhere. */
static unsigned action_of(struct thread *t, const struct event *event, const struct policy *policy)
{
    if (event->kind == RL_EVENT_THROW) {
        unsigned action = policy != NULL ? policy->thrown : FILTER_ALLOW;
        if (action != FILTER_ALLOW) {
            t->hidden = event->arg;
            t->hidden_in = event->frame;
            t->hidden_how = action;
        }
        return event->arg == t->hidden ? t->hidden_how : action;
    }
    if (event->arg == t->hidden && event->frame != t->hidden_in && is_fresh(event)) {
        t->hidden = NULL;
    }
    unsigned action = policy != NULL ? policy->unwind : FILTER_ALLOW;
    return action == FILTER_ALLOW && event->arg == t->hidden ? t->hidden_how : action;
}

/* Puts the exception into the capture, or what the filter shows in its place. */
static void put_filtered(struct thread *t, struct capture *c, const struct event *event,
                         const struct policy *policy)
{
    unsigned action = action_of(t, event, policy);
    if (action != FILTER_ALLOW && event->arg != NULL) {
        action = judge((enum filter_action)action, event->arg);
    }
    if (action != FILTER_ALLOW) {
        policy_count(event->kind == RL_EVENT_THROW ? POLICY_ARGUMENT : POLICY_RETURN, action);
        capture_filtered(c, event->arg, action);
        return;
    }
    c->hidden = t->hidden;
    c->hidden_how = t->hidden_how;
    repeats_begin(c, t, event->arg);
    capture_exception(c, event->arg, event->raw, event->is_again ? RL_EXCEPTION_AGAIN : 0);
    repeats_end(c);
}

/* Whether the event comes without its exception, whose bytes were kept when it was reported. */
static int is_pending_here(const struct thread *t, const struct event *event)
{
    return event->arg == NULL && t->pending_in == event->frame;
}

/* Of an exception that leaves a frame: the line that its traceback names there. The frame itself
 * may be at a clause that did not match, or at the end of a finally. 0 = not known. */
INLINE uint32_t traceback_line(const struct event *event, unsigned kind, uint64_t info)
{
    const PyTracebackObject *first =
        kind == RL_EVENT_UNWIND && event->arg != NULL && !PyType_Check(event->arg)
            ? compat_traceback(event->arg)
            : NULL;
    if (first == NULL || native_of(first->tb_frame) != event->frame) {
        return 0;
    }
    return lineinfo_line(event->code, info, first->tb_lasti);
}

/* The line of the event in its own frame; 0 = not known. */
INLINE uint32_t line_of(const struct thread *t, const struct event *event, unsigned kind,
                        uint64_t info, uint32_t goes_on)
{
    uint32_t line = event->line != 0 ? event->line : goes_on;
    if (line == 0) {
        line = is_pending_here(t, event) ? t->pending_line : traceback_line(event, kind, info);
    }
    return line != 0 ? line : lineinfo_current(event->frame, info);
}

/* Nothing of an except: that is what most are. */
static uint8_t *put_handler(uint8_t *p, struct exc_handler handler)
{
    if (handler.kind != RL_HANDLER_EXCEPT) {
        p = put_varint(p, handler.kind);
        p = put_varint(p, handler.line < RL_LINE_MAX ? handler.line : 0);
    }
    return p;
}

/* Whether the lines of callers go with the event: it is raised, or leaves a frame. */
INLINE int begins_to_leave(unsigned kind)
{
    return kind == RL_EVENT_RAISE || kind == RL_EVENT_UNWIND;
}

/* Captures the exception, or takes the bytes that were kept of it. Returns their size. */
static uint32_t put_exception(struct thread *t, const struct event *event, uint64_t info)
{
    struct capture *c = t->capture;
    if (is_pending_here(t, event)) {
        memcpy(c->bytes, t->pending, t->pending_len);
        return t->pending_len;
    }
    if (event->arg == NULL || !(info & CODE_VALUES)) {
        return 0;
    }
    const struct policy *policy = policy_of(CODE_ID(info));
    put_filtered(t, rows_capture_always(t, policy), event, policy);
    return capture_size(c);
}

/* Puts what follows the exception, whose value took `len` bytes, into the capture. Returns the size
 * of both in bytes. */
INLINE uint32_t put_places(struct thread *t, const struct event *event, unsigned kind, uint32_t len,
                           struct exc_handler handler)
{
    struct capture *c = t->capture;
    uint8_t *begin = c->bytes + len + (len == 0), *p = begin;
    if (begins_to_leave(kind)) {
        unsigned flags = event->is_again && len == 0 ? RL_EXCEPTION_ONCE_MORE : 0;
        if (kind == RL_EVENT_RAISE && !event->is_again && was_raised_before(event)) {
            flags |= RL_EXCEPTION_EARLIER;
        }
        if (flags != 0 || !callers_are_known(t, event)) {
            p = callers_put(t, event, flags, begin, c->bytes + RL_VALUE_BYTES_MAX);
        }
    } else if (event->handler != 0) {
        p = put_handler(begin, handler);
    }
    if (p == begin) {
        return len;
    }
    c->bytes[0] = len == 0 ? RL_VALUE_UNSET : c->bytes[0];
    return (uint32_t)(p - c->bytes);
}

/* At level lines: what the variables are when it comes up, here and above. */
static void put_variables(struct thread *t, const struct event *event, uint64_t info)
{
    if (event->kind == RL_EVENT_RAISE && info & CODE_LINES) {
        lines_leave(t, event, CODE_ID(info));
    }
    if (begins_to_leave(event->kind)) {
        callers_look(t, event);
    }
}

/* Whether its row has no value of it, and its place is known now. So it is at level `calls`. */
INLINE int is_bare(const struct event *event)
{
    return recording.level == LEVEL_CALLS && event->arg != NULL;
}

/* Writes the row. Callers at level `calls` give constants as `kind`, which is that of the event,
 * and as is_bare. Each pair has code of its own, without the branches of the others. */
INLINE void put_row(struct thread *t, const struct event *event, unsigned kind, uint64_t info,
                    uint64_t frame, int is_bare)
{
    uint32_t exc =
        !is_bare && is_pending_here(t, event) ? t->pending_type : exception_id(t, event->arg);
    struct handler_place met = {{0}, 0};
    if (kind == RL_EVENT_HANDLED && event->handler != 0) {
        met = lineinfo_handler(event->code, info, event->handler - 1);
    }
    uint32_t len = 0;
    if (rows_buffer(t) != NULL) {
        len = is_bare ? 0 : put_exception(t, event, info);
        len = put_places(t, event, kind, len, met.handler);
    }
    uint32_t line = line_of(t, event, kind, info, met.goes_on);
    uint64_t ticks = clock_ticks();
    if (!lane_reserve(&t->lane, (len != 0 ? lane_data_units(len) : 0) + 2, ticks)) {
        frames_forget_lines(t);
        return;
    }
    rows_put_prefix(t, RL_ROW_EXC, line, exc, 0);
    if (len != 0) {
        lane_data(&t->lane, t->capture->bytes, len);
    }
    lane_event(&t->lane, ticks, kind, CODE_ID(info), frame);
}

void exception_put(struct thread *t, const struct event *event, uint64_t info, uint64_t frame)
{
    if (recording.level == LEVEL_LINES) {
        put_variables(t, event, info);
    }
    put_row(t, event, event->kind, info, frame, 0);
}

void exception_leaves(struct thread *t, const struct event *event, uint64_t info, uint64_t frame)
{
    if (is_bare(event)) {
        put_row(t, event, RL_EVENT_UNWIND, info, frame, 1);
    } else {
        exception_put(t, event, info, frame);
    }
    t->leaving = event->arg == NULL && t->pending_in == event->frame ? t->pending_exc : event->arg;
    t->left_untraced = event->arg != NULL && compat_traceback(event->arg) == NULL;
    t->left_at = lane_next_event(&t->lane);
}

/* Returns whether a handler of the frame has caught this exception, and forgets it. */
static int take_caught(struct thread *t, const struct event *event)
{
    for (unsigned i = 0; i < CAUGHT_MOST; i++) {
        if (t->caught[i].exc == event->arg && t->caught[i].frame == event->frame) {
            t->caught[i].exc = NULL;
            t->caught[i].frame = NULL;
            return 1;
        }
    }
    return 0;
}

/* Keeps that a handler of the frame has caught it, also while the handler catches others. */
static void keep_caught(struct thread *t, const struct event *event)
{
    unsigned i = t->caught_next++ % CAUGHT_MOST;
    t->caught[i].exc = event->arg;
    t->caught[i].frame = event->frame;
}

void exception_event(struct thread *t, const struct event *event, uint64_t info)
{
    /* The interpreter tells a raise again in each frame that it passes through, and in clean-ups.
     */
    int has_left = t->leaving == event->arg && t->left_at == lane_next_event(&t->lane) &&
                   (t->left_untraced || !is_fresh(event));
    int was_caught = take_caught(t, event), is_handled = event->kind == RL_EVENT_HANDLED;
    int is_news = is_handled || (event->is_again ? was_caught : !has_left);
    const struct open_frame *top = &t->stack[t->depth];
    t->leaving = NULL;
    if (is_handled) {
        keep_caught(t, event);
    }
    if (is_news && top->key == event->frame) {
        if (!is_bare(event)) {
            exception_put(t, event, info, top->frame);
        } else if (event->kind == RL_EVENT_HANDLED) {
            put_row(t, event, RL_EVENT_HANDLED, info, top->frame, 1);
        } else {
            put_row(t, event, RL_EVENT_RAISE, info, top->frame, 1);
        }
    } else if (is_news && level_is_counted(CODE_ID(info))) {
        budget_count();
    }
}

void exception_keep_pending(struct thread *t, const struct event *event)
{
    uint64_t info = codeinfo_get(event->code);
    struct capture *c = info & CODE_VALUES ? rows_capture(t, policy_of(CODE_ID(info))) : NULL;
    t->pending_len = 0;
    if (c != NULL) {
        put_filtered(t, c, event, policy_of(CODE_ID(info)));
        if (capture_size(c) > PENDING_MOST) {
            PyObject *type =
                PyType_Check(event->arg) ? event->arg : (PyObject *)Py_TYPE(event->arg);
            c->p = c->values; /* too long: its type alone */
            capture_exception(c, type, NULL, 0);
        }
        t->pending_len = capture_size(c);
        memcpy(t->pending, c->bytes, t->pending_len);
    }
    t->pending_type = exception_id(t, event->arg);
    t->pending_line = lineinfo_current(event->frame, info);
    t->pending_handler = info & CODE_LINES ? handlers_find(event->frame) : -1;
    t->pending_exc = event->arg;
    t->is_pending = 1;
    t->pending_in = event->frame;
}

void exception_put_pending(struct thread *t, const struct event *event)
{
    uint64_t info = codeinfo_get(event->code);
    const struct open_frame *top = &t->stack[t->depth];
    Py_ssize_t entered = handlers_entered(event->frame);
    if (!t->is_pending && entered < 0) {
        return;
    }
    t->is_pending = 0;
    if (top->key != event->frame || t->pending_len == 0) {
        return;
    }
    struct exc_handler handler =
        lineinfo_handler(event->code, info, (int)(entered >= 0 ? entered : t->pending_handler))
            .handler;
    uint8_t *end = put_handler(t->pending + t->pending_len, handler);
    uint32_t len = (uint32_t)(end - t->pending);
    if (rows_reserve(t, lane_data_units(len) + 2)) {
        rows_put_prefix(t, RL_ROW_EXC, event->line, t->pending_type, 0);
        lane_data(&t->lane, t->pending, len);
        (void)lane_put(&t->lane, RL_EVENT_HANDLED, CODE_ID(info), top->frame);
    }
}
