/* The session: between the interpreter's hooks and the recorder.
 *
 *   backend -> session_event() -> word of the code object -> this thread's lane
 *
 * Every thread keeps the frames that are open in it, innermost last, keyed by the interpreter's own
 * frame: an exit is matched by key, so greenlets and frames that moved are told right. Generators
 * and coroutines keep their identity in one table while they are suspended.
 *
 * All of it runs under the GIL, but for the end of a thread, which takes session.lock. */
#ifndef SESSION_H
#define SESSION_H

#include "backend.h"
#include "capture.h"
#include "codeinfo.h"
#include "handlers.h"
#include "lines.h"
#include "tasks.h"
#include "thread_names.h"

#include "map.h"
#include "os.h"
#include "rec.h"
#include "recorder.h"

struct open_frame {
    native_frame *key;
    uint64_t frame;
    uint32_t id;
    uint32_t flags;
    struct snapshot *snapshot; /* owned; of its variables, where its lines are recorded */
};
#define FRAME_RUNNING      1u /* ran before the recording; its end may not be seen */
#define FRAME_SUSPENDS     2u /* a generator's */
#define FRAME_AWAITS       4u /* of a coroutine or an asynchronous generator */
#define FRAME_CALLER_KNOWN 8u /* the line of its caller was written since it was entered */

/* A call that is taken back if it ends soon. */
struct short_call {
    uint64_t frame, began, chunk;
    uint8_t *before, *after; /* in the slot: its row, and what follows that */
    uint32_t extras;
};
#define SHORT_CALLS 16

#define PENDING_MOST 1024u

struct thread {
    struct lane lane;    /* first: the hot part */
    uint64_t gate;       /* session.stamp, or: */
#define GATE_CLOSED 0u   /* every event goes the slow way, until all has been looked at anew */
#define GATE_TAP    1u   /* to those who want to be told of all of them (tap.c) */
#define GATE_FOLLOW 3u   /* past what follows the program's context (context.c) */
#define GATE_BUSY   2u   /* they are being told of one */
    uint64_t stamp;      /* of the recording that the lane is of */
    int is_suppressed;   /* a preview runs here */
    int is_hidden;       /* context.h: nothing that begins now is recorded */
    uint32_t in_session; /* the session that was told last */
    uint64_t context_ver, context_chunk; /* when that was looked up */
    native_frame *active_in;             /* compared only: the call that --activate is on during */
    uint32_t samples;                    /* --budget: so many of the next events are timed */
    struct open_frame *stack;            /* owned; [0] is a sentinel with key NULL */
    uint32_t depth;                      /* index of the innermost open frame; 0 = none */
    uint32_t cap;
    struct capture *capture;  /* owned; NULL at level calls, and where there was no memory */
    PyObject *leaving;        /* compared only: the exception that has just left a frame, and */
    const uint8_t *left_at;   /* where the row that said so ends */
    PyObject *caught;         /* compared only: the one that was caught last */
    PyObject *pending_exc;    /* compared only */
    native_frame *pending_in; /* where a trace function has told of an exception last */
    int is_pending;           /* and neither left that frame nor saw it go on */
    uint32_t pending_type, pending_len, pending_line;
    Py_ssize_t pending_handler;         /* that it goes to there, at level lines; -1 = none */
    uint8_t pending[PENDING_MOST + 32]; /* its value: it may be gone when it is caught */
    PyObject *hidden;        /* compared only: an exception that was thrown in, and a rule hides */
    native_frame *hidden_in; /* there */
    unsigned hidden_how;     /* enum filter_action */
    uint64_t callers_chunk;  /* the chunk that FRAME_CALLER_KNOWN is of */
    uint32_t task_count;
    struct running_task tasks[TASKS_NESTED];
    uint32_t short_count;
    struct short_call shorts[SHORT_CALLS];
    struct bytes_out told_values; /* of the row that callbacks are told of (tap.c) */
    struct bytes_out told;        /* what callbacks want captured besides the rows (tap.c) */
    int was_exception;            /* the last event that they were told of was one's */
    struct queued_output *queued; /* owned; what C code wrote, not yet in the lane; or NULL */
    uint64_t cpu_ns;              /* --budget: of this thread, when its last slot was full */
    unsigned long ident;          /* as the program knows it */
    uint64_t native_id;           /* as the system does */
    PyObject *name;               /* compared only: its name when that was looked at last */
    Py_hash_t name_hash;
    uint32_t name_looks; /* while it had none */
    uint32_t emptied;    /* so often its outermost frame has ended */
    struct thread *next, *previous;
};

/* One thread at a time begins or ends a recording: the owner, from when it takes the state under
 * the GIL until it gives it back, although it lets other threads run meanwhile. */
enum life { LIFE_IDLE, LIFE_STARTING, LIFE_ON, LIFE_STOPPING };

struct session {
    uint64_t stamp;            /* number of the recording << 32; changes at start, stop and fork */
    uint64_t code_stamp;       /* what the words of code objects must bear; changes also in between,
                                  when decisions are made anew */
    uint64_t defined_from;     /* older words name functions that are to be defined once more */
    uint32_t name_stamp;       /* what kept numbers of strings must bear (generations.h); not 0 */
    int wants_generation;      /* and how long others are waited for then (generations.c) */
    struct recorder *recorder; /* NULL = not recording */
    const struct backend *backend; /* NULL = no hook is set */
    int needs_resync;              /* greenlets: the caller of a new frame must be looked up */
    int has_loops;                 /* asyncio or trio: coroutines may belong to tasks */
    int is_waiting;                /* for the main program's first frame */
    int c_calls;
    enum level level;         /* the highest that any code may have */
    enum level base_level;    /* of code of which no rule says another */
    int library_lines;        /* level lines also for code of the library folders */
    int globals;              /* at level lines, also names of modules that functions change */
    int is_forked;            /* a child whose recording was not started yet */
    struct u64map generators; /* frame address -> frame identity */
    struct u64map modules;    /* globals dictionary -> its struct snapshot * */
    struct u64map snapshots;  /* identity of a suspended frame -> its struct snapshot * */
    struct os_mutex lock;     /* threads, against threads that end without the GIL */
    enum life life;
    unsigned long owner;       /* the thread that starts or stops */
    int is_hooked;             /* the backend has been started */
    unsigned outside;          /* threads that gave the GIL away in the middle of an event */
    struct os_mutex file_lock; /* held while a file is opened or closed: no fork comes between */
    struct os_cond settled;    /* session_settle() was called */
    struct recorder *pending;  /* opened and not yet published, or taken back and not yet closed */
    struct thread *threads;
};

extern struct session session;
/* The calling thread's; NULL before its first event and after a fork. */
extern _Thread_local struct thread *thread_self __attribute__((tls_model("initial-exec")));

/* Whoever begins or ends a recording is suppressed meanwhile; what the recorder itself has to say
 * is written between these two. */
int session_lift(void);
void session_lower(int suppressed);

/* Whether what happens in the thread now belongs into the recording; t may be NULL. */
static inline int thread_is_recorded(const struct thread *t)
{
    return t != NULL && t->stamp == session.stamp && !t->is_suppressed && session.recorder != NULL;
}

static inline int session_can(unsigned capability)
{
    return session.backend != NULL && (session.backend->capabilities & capability) != 0;
}

static inline int codeinfo_is_valid(uint64_t info)
{
    return (info ^ session.code_stamp) >> 32 == 0;
}

/* Between a prefix and its event no refill may come: reserves room for both. */
static inline int session_reserve(struct thread *t, uint32_t units)
{
    return lane_reserve(&t->lane, units, clock_ticks());
}

static inline void session_put_prefix(struct thread *t, unsigned kind, uint32_t first, uint32_t id,
                                      uint64_t frame)
{
    lane_row(&t->lane, first, kind, id, frame);
    t->lane.extras++;
}

/* Slow halves of session_event(). */
enum verdict session_event_slow(const struct event *event);
/* Of code whose word says CODE_EXCLUDED and has an id: each call is decided anew (gate.c). */
enum verdict session_gate(struct thread *thread, const struct event *event, uint64_t info);
/* Who called a frame that is being entered, or has just been left. */
native_frame *session_caller(native_frame *frame);
/* The word of a frame that is on the interpreter's stack. */
uint64_t session_info_of(native_frame *frame);
/* Each thread looks at everything anew at its next event. */
void session_look_anew(void);
/* The calling thread's, made where it has none; NULL without memory. */
struct thread *session_own_thread(void);
/* Where the frame lies in the thread's stack, 0 = it is not open there. */
uint32_t session_find(const struct thread *thread, const native_frame *key);
struct thread *session_thread(const struct event *event);
/* The calling thread's open frames are written now, not when its next event comes. */
void session_join_here(void);
void session_enter_slow(struct thread *thread, const struct event *event, uint64_t info);
void session_leave_slow(struct thread *thread, const struct event *event, uint64_t info);
/* One row of a call, return or yield with its values. */
void session_put_arguments(struct thread *thread, const struct event *event, uint32_t id,
                           uint64_t frame);
void session_put_value(struct thread *thread, unsigned kind, uint32_t id, uint64_t frame,
                       PyObject *value);
/* The thread's place to put values together, emptied; NULL where the level wants none. */
struct capture *session_capture(struct thread *thread, const struct policy *policy);
/* The same at every level. */
struct capture *session_capture_always(struct thread *thread, const struct policy *policy);
/* An event that comes with an exception: told with it, or kept since a trace function told it. */
void session_put_exception(struct thread *thread, const struct event *event, uint64_t info,
                           uint64_t frame);
/* A trace function tells of an exception in a frame, and later of lines there: a handler has met
 * it. */
void session_keep_pending(struct thread *thread, const struct event *event);
void session_put_pending(struct thread *thread, const struct event *event);
/* An exception that was raised or caught in a frame. */
void session_exception(struct thread *thread, const struct event *event, uint64_t info);

/* Whether the thread is in the context that was looked up last, and is recorded in it (context.h).
 */
static inline int context_is_same(const struct thread *t)
{
    return t->context_ver == PyThreadState_GetUnchecked()->context_ver &&
           t->context_chunk == t->lane.chunk && !t->is_hidden;
}

static inline __attribute__((always_inline)) enum verdict session_event(const struct event *event)
{
    /* The thread first: what codeinfo_make() defines must stand in its slot before it is used. */
    struct thread *t = thread_self;
    if (__builtin_expect(t == NULL || t->gate != session.stamp, 0) &&
        !(t != NULL && t->gate == GATE_FOLLOW && thread_is_recorded(t) && context_is_same(t))) {
        return session_event_slow(event);
    }
    uint64_t info = codeinfo_get(event->code);
    if (__builtin_expect(!codeinfo_is_valid(info), 0)) {
        info = codeinfo_make(event->code, event->frame);
    }
    if (info & CODE_EXCLUDED) {
        return CODE_ID(info) != 0        ? session_gate(t, event, info)
               : codeinfo_is_valid(info) ? VERDICT_DISABLE
                                         : VERDICT_CONTINUE;
    }
    struct open_frame *top = &t->stack[t->depth];
    uint32_t id = CODE_ID(info);
    if (event->kind == RL_EVENT_CALL) {
        if (__builtin_expect((info & (CODE_SUSPENDS | CODE_WATCHED)) != 0 ||
                                 (top->flags & FRAME_RUNNING) != 0 || session.needs_resync ||
                                 t->depth + 1 >= t->cap,
                             0)) {
            session_enter_slow(t, event, info);
            return info & CODE_LINES ? VERDICT_LINES : VERDICT_CONTINUE;
        }
        uint64_t frame = t->lane.next_frame++;
        if (info & CODE_ARGS) {
            session_put_arguments(t, event, id, frame);
        } else {
            (void)lane_put(&t->lane, RL_EVENT_CALL, id, frame);
        }
        top = &t->stack[++t->depth];
        top->key = event->frame;
        top->frame = frame;
        top->id = id;
        top->flags = 0;
        top->snapshot = NULL;
    } else if (event->kind == RL_EVENT_RETURN && top->key == event->frame &&
               (info & (CODE_SUSPENDS | CODE_LINES | CODE_WATCHED)) == 0) {
        if (info & CODE_VALUES) {
            session_put_value(t, RL_EVENT_RETURN, top->id, top->frame, event->arg);
        } else {
            (void)lane_put(&t->lane, RL_EVENT_RETURN, top->id, top->frame);
        }
        if (__builtin_expect(--t->depth == 0, 0)) {
            thread_names_emptied(t);
        }
    } else if (event->kind == RL_EVENT_LINE) {
        if ((info & CODE_LINES) == 0) {
            return VERDICT_DISABLE;
        }
        lines_put(t, event, id);
    } else if (event->kind == RL_EVENT_RAISE || event->kind == RL_EVENT_HANDLED) {
        session_exception(t, event, info);
    } else if (event->kind == RL_EVENT_RESUME || event->kind == RL_EVENT_THROW) {
        session_enter_slow(t, event, info);
    } else {
        session_leave_slow(t, event, info);
    }
    return info & CODE_LINES ? VERDICT_LINES : VERDICT_CONTINUE;
}

/* A call of, return from, or exception out of a function written in C. */
void session_native(unsigned kind, PyObject *callable, native_frame *caller);

/* A thread of the last recording, or one that ends: forgets its open frames. */
void thread_forget_stack(struct thread *thread);
/* What the system calls when a thread ends, without the GIL. */
void thread_ended(void *thread);
uint64_t thread_top_frame(void *thread);

/* Life. All return 0, or -1 with a Python exception. */
struct session_options {
    struct recorder_options recorder;
    struct backend_start start;
    const struct backend *backend;
    int is_waiting;
    enum level level;
    int library_lines;
    int globals;
    int gc;
    int output;                /* 2: what C code writes, too */
    unsigned budget;           /* percent; 0 = none */
    const char *activation[2]; /* activation_begin() */
    struct filter *filter;     /* borrowed; NULL = none */
    enum level rule_level;     /* the highest that a rule of it wants */
    struct capture_limits limits;
};
int session_init(void);
/* Takes the state, to start or to stop; 0 where it cannot be had. Who wants to stop waits while
 * another thread does. session_settle() gives it back. */
int session_claim_start(struct rl_err *err);
int session_claim_stop(void);
void session_settle(void);
int session_start(const struct session_options *options, struct rl_err *err);
/* The hook stays set; opens a forked child's own file. */
int session_start_child(const struct session_options *options, struct rl_err *err);
/* Writes what is known at the end: what budget and filter have done, and a gap where the program
 * has taken the hook. Called while Python can still be asked: by session_stop(), and before the
 * interpreter is torn down. */
void session_before_end(void);
/* Copies the recording that is on, as it is now. */
rl_status session_snapshot(const char *path, struct rl_err *err);
/* By whoever has claimed the state. */
void session_stop(struct recorder_stats *stats);
/* Without a GIL and without Python: the very end of the process. */
void session_stop_at_exit(struct recorder_stats *stats);

#endif
