/* Exceptions as stories: where each began, which frames it left, and what became of it. Events are
 * put together as they come; a story is over when its thread has eight newer ones, or ends. */
#ifndef STORIES_H
#define STORIES_H

#include "after_exception.h"
#include "kept_event.h"

/* Who an exception is, as long as it lives; id 0 = not known. */
struct exc_name {
    uint64_t id;
    uint32_t type;
};

/* What one event has captured of its exception. */
struct exc_captured {
    int is_captured; /* else the rest is 0, but for is_clean */
    int is_again;    /* raised once more by the handler that had caught it */
    int is_clean;    /* as an exit: without an error */
    struct exc_name name;
    struct exc_name chain[2]; /* its cause and its context */
    struct bytes_in rest;     /* the bytes behind it; borrowed until the next event */
};

struct story_event {
    uint64_t t, seq, frame, parent;
    uint32_t code, line, exc;
    uint8_t kind;
};

struct story {
    uint64_t number; /* from 0, in the order in which they began */
    uint32_t thread;
    struct exc_captured exc;       /* the newest that was captured */
    struct exc_name began_with[2]; /* the chain at the first event */
    int is_earlier;                /* it was raised before, in another story */
    struct story_event first, last;
    int is_outermost;        /* the last event says that nothing called the frame */
    enum rl_handler handler; /* what has met it at the last event */
    uint32_t handler_line;
    int ends_thread; /* it reached where the library catches what ends a thread */
    int is_inside;   /* it never left the libraries */
    int has_task;    /* it ended the task of this number and this name */
    uint32_t task, task_name;
    struct kept_event began; /* the first event with its values */
    void *kept;              /* borrowed; whoever reads the stories keeps it here */
};

struct stories_question {
    int sees_raise;               /* the recording has events of raise and handled */
    const struct text *libraries; /* beginnings of the names of their files */
    size_t library_count;
};

struct story_hooks {
    void *self;
    /* After each event of a story, the first one included; `cursor` is at it. */
    rl_status (*event)(void *self, struct story *story, const struct event_out *event,
                       const struct exc_captured *captured, const struct cursor *cursor);
    rl_status (*end)(void *self, struct story *story); /* nothing more comes; it is freed */
    int (*is_done)(void *self);                        /* no more is wanted; may be NULL */
};

/* One pass over all events. What is damaged becomes a problem of the reader. */
RL_CHECKED rl_status stories_read(struct reader *reader, const struct stories_question *question,
                                  const struct story_hooks *hooks);
/* Whether two string ids are of the same text; 0 is like 0 only. */
int stories_same_text(const struct reader *reader, uint32_t a, uint32_t b);
/* The id of the string that `exc` shows as its type; 0 = not known. */
uint32_t story_type(const struct story *story);

#endif
