/* Exceptions as stories: where each began, which frames it left, and how it ended. Events are
 * joined as they come. A story ends when its thread has eight newer ones, or ends itself.
 *
 * Threads: as for the reader, one at a time. */
#ifndef STORIES_H
#define STORIES_H

#include "after_exception.h"
#include "kept_event.h"

/* The name of an exception while it is alive: address and type. id 0 = not known. */
struct exc_name {
    uint64_t id;
    uint32_t type;
};

/* What one event has captured of its exception. */
struct exc_captured {
    int is_captured; /* 0: all other fields are 0, except is_clean */
    int is_again;    /* raised again by the handler that had caught it */
    int is_clean;    /* an exit without an error */
    struct exc_name name;
    struct exc_name chain[2]; /* names of its cause and its context */
    struct bytes_in rest;     /* the bytes after the exception; borrowed until the next event */
};

struct story_event {
    uint64_t t, seq, frame, parent;
    uint32_t code, line, exc;
    uint8_t kind;
};

struct story {
    uint64_t number; /* from 0, in the order in which stories began */
    uint32_t thread;
    struct exc_captured exc;       /* the newest captured state */
    struct exc_name began_with[2]; /* the chain at the first event */
    int is_earlier;                /* the exception was raised before, in another story */
    struct story_event first, last;
    int is_outermost;        /* the last event says that nothing called the frame */
    enum rl_handler handler; /* what handled it at the last event */
    uint32_t handler_line;
    uint64_t with;   /* the frame whose `with` has it since it came there; 0 = none */
    int ends_thread; /* it reached the library function that catches what ends a thread */
    int is_inside;   /* it never left the libraries */
    int has_task;    /* it ended the task with this number and name */
    uint32_t task, task_name;
    struct kept_event began; /* the first event with its values */
    void *kept;              /* borrowed; free for the use of whoever reads the stories */
};

struct stories_question {
    int sees_raise;               /* the recording contains raise and handled events */
    const struct text *libraries; /* prefixes of the file names of libraries */
    size_t library_count;
};

struct story_hooks {
    void *self;
    /* Called after each event of a story, the first one included. `cursor` is at that event; NULL
     * where the event is from an index. */
    rl_status (*event)(void *self, struct story *story, const struct event_out *event,
                       const struct exc_captured *captured, const struct cursor *cursor);
    rl_status (*end)(void *self,
                     struct story *story); /* the last call for a story, which is freed then */
    int (*is_done)(void *self);            /* returns whether no more is wanted; may be NULL */
};

/* Reads all events once. Damage becomes a problem of the reader. */
RL_CHECKED rl_status stories_read(struct reader *reader, const struct stories_question *question,
                                  const struct story_hooks *hooks);
/* Finds the functions in which the standard library catches what ends a thread: code ids + 1. */
RL_CHECKED rl_status stories_find_enders(const struct reader *reader, struct u64map *enders);
/* Returns whether an event has a meaning for stories_read(). */
int stories_use(const struct event_out *event, const struct u64map *enders);
/* Returns whether two string ids have the same text. 0 equals only 0. */
int stories_same_text(const struct reader *reader, uint32_t a, uint32_t b);
/* Returns the string id of the exception's type; 0 = not known. */
uint32_t stories_type(const struct story *story);

#endif
