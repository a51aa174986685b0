/* Asks a recording from C. Questions are: which event a position names, what was open there with
 * which values, and which calls a function had. docs/query.md explains the words.
 *
 *     rl_query *query = NULL;
 *     struct rl_err err;
 *     struct rl_call call;
 *     if (rl_query_open("run.relive", &query, &err) == RL_OK &&
 *         rl_query_calls(query, "price", "ret < 0", &err) == RL_OK) {
 *         while (rl_query_next_call(query, &call) == RL_OK) { ... }
 *     }
 *     rl_query_close(query);
 *
 * Texts and structs are lent by the query. They are valid until the same function, rl_query_go() or
 * rl_query_close() is called.
 *
 * Threads: one at a time per query.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RL_QUERY_H
#define RL_QUERY_H

#include <relive/rl_reader.h>

typedef struct rl_query rl_query;

RL_CHECKED rl_status rl_query_open(const char *path, rl_query **out, struct rl_err *err);
/* NULL is allowed. */
void rl_query_close(rl_query *query);

/* Goes to a position: "price#118", "shop.py:40#3", "T1@48213", "42%", "+3ms", "start", "end".
 * *event is the event that it names. RL_USAGE where the text is no position, RL_NOT_FOUND where the
 * recording has no such event, RL_UNSUPPORTED for "exc:3": `relive exc` numbers those. */
RL_CHECKED rl_status rl_query_go(rl_query *query, const char *position, struct rl_event *event,
                                 struct rl_err *err);

enum rl_frame_state {
    RL_FRAME_OPEN,
    RL_FRAME_LEFT,     /* the event of the position has left it */
    RL_FRAME_WAITS,    /* it delegates to one into which an exception was thrown */
    RL_FRAME_SUSPENDED /* a generator or coroutine; `thread` is where it ran last */
};

struct rl_frame {
    uint64_t frame;
    uint64_t caller; /* 0 = none, or not known */
    uint32_t thread, task;
    struct rl_text module, qualname, file;
    uint32_t line; /* 0 = not known */
    enum rl_frame_state state;
};

/* Gives frame `index` of the position: thread by thread, outermost first, then the suspended ones.
 * RL_END behind the last one; RL_USAGE before rl_query_go(). */
RL_CHECKED rl_status rl_query_frame(rl_query *query, size_t index, struct rl_frame *frame);

enum rl_variable_state {
    RL_VARIABLE_KNOWN,
    RL_VARIABLE_MAY_HAVE_CHANGED,
    RL_VARIABLE_DELETED,
    RL_VARIABLE_CUT,
    RL_VARIABLE_REDACTED,
    RL_VARIABLE_DROPPED,
    RL_VARIABLE_NOT_RECORDED
};

struct rl_variable {
    struct rl_text name;
    enum rl_variable_state state;
    int is_parameter;
    struct rl_text text; /* the value as text; empty where there is none */
    struct rl_text json; /* the value as JSON (docs/format.md); empty where there is none */
    uint32_t thread;     /* of the event that recorded it, 0 = none did */
    uint64_t seq;
};

/* Gives variable `index` of frame `frame`. RL_END behind the last one. */
RL_CHECKED rl_status rl_query_variable(rl_query *query, size_t frame, size_t index,
                                       struct rl_variable *variable);

struct rl_call {
    uint64_t number; /* the position of its begin is FUNC#number */
    uint32_t thread;
    uint64_t seq, t; /* of its begin */
    int has_end;
    uint64_t end_seq, total, self; /* where has_end: ns to its end, and ns in it alone */
    struct rl_text caller;         /* qualified name of the function that called it, or empty */
    uint32_t caller_line;
};

/* Begins to list the calls of a function, in order of begin: those for which the where-expression
 * is true, or all where it is NULL. RL_NOT_FOUND and RL_USAGE say what is wrong with either. */
RL_CHECKED rl_status rl_query_calls(rl_query *query, const char *function, const char *where,
                                    struct rl_err *err);
/* Gives the next one. RL_END behind the last. */
RL_CHECKED rl_status rl_query_next_call(rl_query *query, struct rl_call *call);
/* Returns of how many calls the expression could not be decided, so far. */
uint64_t rl_query_unknown_calls(const rl_query *query);

#endif
