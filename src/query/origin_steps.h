/* The steps by which the origin of a value is found: each is one search back from an event.
 *
 *    origin_bound()     what bound a name of a frame, or of a module
 *    origin_caller()    who called a frame, and at which line
 *    origin_calls()     what a frame called since its line began
 *    origin_changed()   since when an attribute or item of an object has its value
 *
 * Which step follows which is decided by relive/origins.py, from the source text.
 *
 * Threads: as for the reader, one at a time. */
#ifndef ORIGIN_STEPS_H
#define ORIGIN_STEPS_H

#include "kept_event.h"
#include "map.h"

#define ORIGIN_FAR 10u

/* Where a search begins: an event, which belongs to what is searched. */
struct origin_from {
    struct reader *reader;
    uint32_t thread;
    uint64_t seq;
    uint64_t most; /* events of what is searched; the way back is ORIGIN_FAR times as long at most.
                    * 0 = no bound */
    uint64_t since_t; /* origin_changed(): the object is no older than this, 0 = not known */
};

enum origin_line {
    ORIGIN_LINE_BINDS = 1,  /* binds the name if it runs as far as that */
    ORIGIN_LINE_ALWAYS = 2, /* binds it, unless an exception comes up */
    ORIGIN_LINE_BODY = 3    /* binds it where a line of its body follows, which ends at line
                             * `how` - ORIGIN_LINE_BODY: a `for` or `with` */
};

/* Whose name is wanted. */
struct origin_name {
    struct text text;
    uint64_t frame;             /* 0 = of any frame with these codes, so of a module */
    const struct u64map *codes; /* ids + 1 */
    const struct u64map *lines; /* line -> how, enum origin_line */
    int is_cell; /* of any frame: a variable that functions inside it share, so a parameter, too */
};

struct origin_bound {
    struct kept_event event;  /* has the value: WRITE, CALL, RUNNING; kind 0 = none was found */
    struct event_out line;    /* LINE that bound it, without values; kind 0 = none is known */
    struct event_out after;   /* is_unseen: the event of the frame behind `line`, without values */
    struct kept_event change; /* WRITE that changed the object since, the last one */
    int is_by_line;           /* `line` is one of those that bind the name */
    int is_unseen;            /* bound to an equal value again, so without an event of its own */
    int is_cut_off;           /* the search has ended at `most` */
};
/* Finds what bound a name, at or before the place. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status origin_bound(const struct origin_from *from, const struct origin_name *name,
                                  struct origin_bound *out);
void origin_bound_fini(struct origin_bound *bound);

struct origin_caller {
    uint64_t frame;        /* 0 = nothing that was recorded */
    uint32_t code;         /* 0 = not known */
    struct event_out line; /* LINE that was running, without values; kind 0 = not known */
};
/* Finds the caller of the frame that the event at the place begins. */
RL_CHECKED rl_status origin_caller(const struct origin_from *from, struct origin_caller *out);

/* Finds the last event of a function at or before the place; kind 0 = there is none. */
RL_CHECKED rl_status origin_nearest(const struct origin_from *from, struct event_out *out);

/* Finds the end of a frame, in the thread that it begins in; kind 0 = it has none there. */
RL_CHECKED rl_status origin_end(const struct origin_from *from, uint64_t frame,
                                struct event_out *out);

/* A call that a frame made, or a turn of a generator. */
struct origin_call {
    struct kept_event end;  /* RETURN, YIELD, UNWIND ... */
    struct event_out begin; /* CALL, RESUME ..., without values; kind 0 = not found */
};
struct origin_calls {
    struct origin_call *items; /* owned; the last one first */
    size_t count, cap;
    int has_more;
    struct event_out line; /* where the search has ended: LINE, or the begin of the frame */
};
/* Finds what a frame called between the place and the last LINE before it that is not in
 * [first, last]; with first = 0, any LINE. `most` bounds the calls. */
RL_CHECKED rl_status origin_calls(const struct origin_from *from, uint64_t frame, uint32_t first,
                                  uint32_t last, size_t most, struct origin_calls *out);
void origin_calls_fini(struct origin_calls *calls);

struct where;
struct origin_changed {
    struct kept_event event;  /* the first that shows the value since; kind 0 = none */
    struct event_out line;    /* LINE of its frame before it, where it is a WRITE */
    struct kept_event before; /* the last one that shows another value, or none; kind 0 = none */
};
/* Finds since when `path`, an expression about the name x, has its present value in the object with
 * that identity. */
RL_CHECKED rl_status origin_changed(const struct origin_from *from, uint64_t identity,
                                    struct where *path, struct origin_changed *out);
void origin_changed_fini(struct origin_changed *changed);

/* Returns the value that an event gives a name, or its result where the name is empty; data NULL
 * where it gives none. */
struct text origin_value(const struct reader *reader, const struct event_out *event,
                         struct text name);
/* Evaluates an expression about x for a value. What the result borrows is valid until the next
 * run. */
struct operand;
struct operand origin_evaluate(const struct reader *reader, struct where *path, struct text value);

#endif
