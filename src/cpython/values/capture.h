/* Capture: what an object is, as bytes (docs/format.md, "Values"), without running a line of the
 * program's code: no repr, no len, no hash, no attribute look-up. Exact built-in types are walked
 * in C within bounds; instances show the fields that lie in their storage; others show their type.
 *
 * All of it runs under the GIL, inside a hook, and never raises. No reference is kept. The one
 * exception is a preview that the program has registered (previews.h). */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "bounds.h"
#include "policy.h"

#include <stdint.h>

#include <relive/rl_format.h>

struct lane;

#define CAPTURE_CHAIN 4u /* causes and contexts of an exception */

#define CAPTURE_SECRETS 4u /* of one event, and so many bytes of each */
#define CAPTURE_SECRET  128u
#define CAPTURE_KNOWN   64u

/* Where one event's values are put together: the traced thread's own. */
#define CAPTURE_SOFT 6144u /* beyond it nothing more is begun: what is left is marked as cut */
struct capture {
    uint8_t *p, *soft;
    struct lane *lane;                 /* definitions of names go there */
    const struct policy *policy;       /* of the code whose values they are; NULL = no filter */
    const struct value_limits *limits; /* of it */
    size_t least;                      /* bytes of the shortest text that is asked about */
    uint8_t *values;                   /* where the values begin in `bytes` */
    int is_reviewed;                   /* the values are looked at once more, at the end */
    unsigned secret_count;             /* secrets met in this event */
    struct {
        size_t len;
        char text[CAPTURE_SECRET];
    } secrets[CAPTURE_SECRETS];
    unsigned key_lines;   /* of a private key that is read line by line: so many may follow */
    unsigned suspect;     /* enum secret_class: of the name that what is captured is under */
    unsigned known_count; /* redacted arguments of open frames, while an exception is captured */
    struct {
        const char *text; /* borrowed, for that long */
        size_t len;
    } known[CAPTURE_KNOWN];
    unsigned depth, instances;
    unsigned inside;     /* so many instances */
    unsigned items;      /* of one container, here */
    PyObject *hidden;    /* compared only: an exception that a rule hides, also in a chain */
    unsigned hidden_how; /* enum filter_action */
    unsigned previews;   /* counts previews that ran: anything may have changed since */
    PyObject *path[CAPTURE_DEPTH_MAX + CAPTURE_CHAIN +
                   2]; /* borrowed: the containers round the current value */
    uint8_t bytes[RL_VALUE_BYTES_MAX + 16];
};

static inline void capture_limit(struct capture *c, const struct value_limits *limits)
{
    c->limits = limits;
    c->items = limits->items;
}

static inline void capture_begin(struct capture *c, struct lane *lane)
{
    c->p = c->bytes;
    c->soft = c->bytes + CAPTURE_SOFT;
    c->lane = lane;
    c->depth = 0;
    c->previews = 0;
    c->instances = 8; /* so many are opened in one event */
    c->policy = NULL;
    c->least = SIZE_MAX;
    c->inside = 0;
    capture_limit(c, &value_limits);
    c->values = c->bytes;
    c->is_reviewed = 0;
    c->secret_count = 0;
    c->hidden = NULL;
}

/* What is captured from here on is as this policy has it. */
static inline void capture_use(struct capture *c, const struct policy *policy)
{
    c->policy = policy;
    capture_limit(c, &policy->limits);
    c->least = c->key_lines == 0 ? policy->least : 1;
    c->values = c->p;
    c->is_reviewed = policy_looks_at_values(policy);
}

/* Takes out of what was captured the numbers that a pattern finds, and what has a secret of this
 * event in it and was captured before that was met. */
void capture_review(struct capture *c);

/* The size of all that was captured; after the last value. */
static inline uint32_t capture_size(struct capture *c)
{
    if (__builtin_expect(c->is_reviewed, 0)) {
        capture_review(c);
    }
    return (uint32_t)(c->p - c->bytes);
}

/* Appends one value; NULL is a variable that is not bound. */
void capture_value(struct capture *c, PyObject *object);
/* Appends a dictionary of two: fields of ours, as the policy so far has them, and what the program
 * has given, as this one has it. */
void capture_fields(struct capture *c, PyObject *ours, PyObject *given,
                    const struct policy *policy);
/* The same as an action of the filter has it: the value, or what stands for it. */
void capture_filtered(struct capture *c, PyObject *object, unsigned action);
/* Appends the parameters of a frame that begins. has_cells: its cells are made already. */
void capture_arguments(struct capture *c, PyCodeObject *code, native_frame *frame, int has_cells);
/* Appends an exception: type, message, cause, context. `exc` may be a type, of which `raw` then
 * says what the instance will be made from. flags: RL_EXCEPTION_AGAIN, or 0. */
void capture_exception(struct capture *c, PyObject *exc, PyObject *raw, unsigned flags);

/* String ids, in the running recording. */
uint32_t capture_name_id(struct lane *lane, PyObject *name);
uint32_t capture_type_id(struct lane *lane, PyTypeObject *type);

#endif
