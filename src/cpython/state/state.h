/* The state that the rooms above share, data only: threads, their open frames, and the recording.
 *
 * Every thread keeps the frames that are open in it, innermost last, keyed by the interpreter's own
 * frame. Generators and coroutines keep their identity in one table while they are suspended.
 *
 * All of it is read and written under the GIL, except by a thread that ends: it takes
 * recording.lock. */
#ifndef STATE_H
#define STATE_H

#include "backend.h"
#include "bounds.h"
#include "word.h"

#include "bytes.h"
#include "lane.h"
#include "map.h"
#include "open_sessions.h"
#include "os.h"
#include "rec.h"
#include "recorder.h"
#include "thread_local.h"

struct capture;
struct snapshot;

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
#define CAUGHT_MOST  8u

/* A task of asyncio or trio that the thread runs; tasks.c. */
#define TASKS_NESTED 8 /* eager tasks begin inside others */
struct running_task {
    uint64_t frame; /* its outermost */
    PyObject *task; /* compared only */
    uint32_t serial;
};

struct thread {
    struct lane lane;    /* first: the hot part */
    uint64_t gate;       /* gate.h: whether the fast path may be taken */
    uint64_t stamp;      /* recording.stamp of the recording that the lane belongs to */
    int is_suppressed;   /* gate.h: suppressions that have not ended */
    int is_hidden;       /* context.h: nothing that begins now is recorded */
    uint32_t in_session; /* the session that the last SESSION_START row names */
    uint64_t context_ver, context_chunk; /* when the session was looked up */
    native_frame *active_in;             /* compared only: the call that --activate is on during */
    uint32_t samples;                    /* --budget: so many of the next events are timed */
    struct open_frame *stack;            /* owned; [0] is a sentinel with key NULL */
    uint32_t depth;                      /* index of the innermost open frame; 0 = none */
    uint32_t cap;
    struct capture *capture; /* owned; NULL at level calls, and where there was no memory */
    PyObject *leaving;       /* compared only: the exception that has just left a frame, and */
    uint64_t left_at;        /* number of the event after the one that said so */
    int left_untraced;       /* it has left without a traceback: the program removed it */
    struct { /* compared only: exceptions that a handler or a clean-up has seen, in which frame */
        const native_frame *frame;
        PyObject *exc;
    } caught[CAUGHT_MOST];
    unsigned caught_next;     /* the place that is taken next */
    PyObject *pending_exc;    /* compared only */
    native_frame *pending_in; /* where a trace function has reported an exception last */
    int is_pending;           /* the exception has neither left that frame nor been caught there */
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
    struct bytes_out callback_values; /* the values of the event that callbacks get (tap.c) */
    struct bytes_out callback_more;   /* what callbacks want captured besides the rows (tap.c) */
    int was_exception;                /* the last event that callbacks got was an exception's */
    struct queued_output *queued;     /* owned; what C code wrote, not yet in the lane; or NULL */
    uint64_t cpu_ns;                  /* --budget: of this thread, when its last slot was full */
    unsigned long ident;              /* as the program knows it */
    uint64_t native_id;               /* as the system does */
    PyObject *name;                   /* compared only: its name when that was looked at last */
    Py_hash_t name_hash;
    uint32_t name_looks; /* while it had none */
    int name_is_due;     /* it has another one, which the next event writes */
    uint32_t emptied;    /* so often its outermost frame has ended */
    struct thread *next, *previous;
};

/* One thread at a time begins or ends a recording: the owner. It takes the state under the GIL, may
 * let other threads run meanwhile, and gives the state back (life.h).
 *
 *   IDLE -- claim_start --> STARTING -- settle --> ON -- claim_stop --> STOPPING -- settle --> IDLE
 */
enum life { LIFE_IDLE, LIFE_STARTING, LIFE_ON, LIFE_STOPPING };

struct recording {
    uint64_t stamp;            /* number of the recording << 32; changes at start, stop and fork */
    uint64_t code_stamp;       /* of valid words of code objects; also changes in between, when
                                  decisions are to be made again */
    uint64_t defined_from;     /* functions of older words are to be defined once more */
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
    unsigned waiting;          /* those of them that wait for the writer thread */
    struct os_mutex file_lock; /* held while a file is opened or closed: no fork comes between */
    struct os_cond settled;    /* recording_settle() was called */
    struct recorder *pending;  /* opened and not yet published, or taken back and not yet closed */
    struct thread *threads;
};

extern struct recording recording;
/* The calling thread's; NULL before its first event and after a fork. */
extern QUICK_THREAD_LOCAL struct thread *thread_self;
/* The sessions (requests) that have begun and not ended (relive/sessions). */
extern struct open_sessions sessions_all;

/* Who wants each event as it happens (callbacks/). The functions are set once, before a recording
 * can begin. */
struct listener {
    int is_on;
    enum verdict (*event)(struct thread *thread, const struct event *event);
    void (*forget)(void); /* numbers of strings are about to mean others */
    void (*forked)(void); /* in a forked child, before the recorder is abandoned */
};
extern struct listener listener;

/* Whether what happens in the thread now belongs into the recording; t may be NULL. */
static inline int thread_is_recorded(const struct thread *t)
{
    return t != NULL && t->stamp == recording.stamp && !t->is_suppressed &&
           recording.recorder != NULL;
}

static inline int recording_can(unsigned capability)
{
    return recording.backend != NULL && (recording.backend->capabilities & capability) != 0;
}

static inline int codeinfo_is_valid(uint64_t info)
{
    return (info ^ recording.code_stamp) >> 32 == 0;
}

#endif
