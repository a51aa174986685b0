/* Capture: what an object is, as bytes (docs/format.md, "Values"), without running a line of the
 * program's code. There is no repr, no len, no hash and no attribute look-up.
 *
 *    object                        captured as
 *    exact built-in type           its value, walked in C within bounds
 *    instance                      the fields in its storage (captured_instances.c)
 *    known layout: date, path ...  a text that is made from storage (captured_types.c)
 *    function, class, module       its name (captured_names.c)
 *    anything else                 its type
 *
 * Invariants: nothing here raises, and no reference is kept. A registered preview is the only code
 * of the program that runs (previews.h).
 *
 * Threads: under the GIL, inside a hook; each thread has its own struct capture. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "bounds.h"
#include "policy.h"

#include <stdint.h>

#include <relive/rl_format.h>

struct lane;
struct remembered;
struct parts;

#define CAPTURE_CHAIN 4u /* causes and contexts of an exception */

#define CAPTURE_SECRETS 4u /* secrets of one event; bytes that are kept of each */
#define CAPTURE_SECRET  128u
#define CAPTURE_KNOWN   64u

/* A part of the event that is not a value itself: a reference, or the number of an object that is
 * remembered (remembered.h). */
#define CAPTURE_MARKS 8u
struct capture_mark {
    uint16_t at;         /* in capture.bytes */
    uint16_t bytes;      /* of the showing that it means; 0 = it is a number */
    uint32_t first_byte; /* where these are */
    uint16_t size;
};

/* Collects the values of one event. Each traced thread has its own. */
#define CAPTURE_SOFT 6144u /* beyond it no value begins; the rest is marked as cut */
struct capture {
    uint8_t *p, *soft;
    struct lane *lane;                 /* receives definitions of names */
    const struct policy *policy;       /* of the code that owns the values; NULL = no filter */
    const struct value_limits *limits; /* of that policy */
    size_t least;                      /* length from which a text is searched for secrets */
    uint8_t *values;                   /* where the values begin in `bytes` */
    int is_reviewed;                   /* capture_review() must look at the values again */
    unsigned secret_count;             /* secrets found in this event */
    struct {
        size_t len;
        char text[CAPTURE_SECRET];
    } secrets[CAPTURE_SECRETS];
    unsigned key_lines;   /* lines that may follow of a private key that is captured line by line */
    unsigned suspect;     /* enum secret_class of the name that the value is under */
    unsigned known_count; /* redacted arguments of open frames, while an exception is captured */
    struct {
        const char *text; /* borrowed for that time */
        size_t len;
    } known[CAPTURE_KNOWN];
    unsigned depth, instances;
    unsigned inside;     /* number of instances around the value */
    unsigned items;      /* bound for one container at this depth */
    PyObject *hidden;    /* compared only: an exception that a rule hides, also inside a chain */
    unsigned hidden_how; /* enum filter_action */
    struct remembered *remembered; /* owned; NULL until something is shown again */
    int refers;                    /* values may be references */
    unsigned mark_count;
    struct capture_mark marks[CAPTURE_MARKS];
    struct parts *parts; /* of the instance that is remembered, while they are noted; or NULL */
    unsigned previews;   /* number of previews that ran: each may have changed anything */
    PyObject *path[CAPTURE_DEPTH_MAX + CAPTURE_CHAIN +
                   2]; /* borrowed: the containers around the current value */
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
    c->instances = 8; /* instances that are opened in one event */
    c->policy = NULL;
    c->least = SIZE_MAX;
    c->inside = 0;
    capture_limit(c, &value_limits);
    c->values = c->bytes;
    c->is_reviewed = 0;
    c->secret_count = 0;
    c->hidden = NULL;
    c->refers = 0;
    c->parts = NULL;
    c->mark_count = 0;
}

/* Makes the policy of the values that follow. */
static inline void capture_use(struct capture *c, const struct policy *policy)
{
    c->policy = policy;
    capture_limit(c, &policy->limits);
    c->least = c->key_lines == 0 ? policy->least : 1;
    c->values = c->p;
    c->is_reviewed = policy_looks_at_values(policy);
}

/* Makes references into what they mean (remembered.h). */
void remembered_undo(struct capture *c);
/* Looks at all captured values again. Removes numbers that a pattern matches, and secrets that were
 * captured before they were recognised. */
void capture_review(struct capture *c);

/* Returns the size of all that was captured. Called after the last value. */
static inline uint32_t capture_size(struct capture *c)
{
    if (__builtin_expect(c->is_reviewed, 0)) {
        if (c->mark_count != 0) {
            remembered_undo(c);
        }
        capture_review(c);
    }
    return (uint32_t)(c->p - c->bytes);
}

/* Appends one value; NULL is a variable that is not bound. */
void capture_value(struct capture *c, PyObject *object);
/* Appends a dictionary of two: fields of ours, under the policy so far, and fields of the program,
 * under `policy`. */
void capture_fields(struct capture *c, PyObject *ours, PyObject *given,
                    const struct policy *policy);
/* Appends a value as an action of the filter demands: the value, or what replaces it. */
void capture_filtered(struct capture *c, PyObject *object, unsigned action);
/* Appends the parameters of a frame that begins. has_cells: its cells exist already. */
void capture_arguments(struct capture *c, PyCodeObject *code, native_frame *frame, int has_cells);
/* Appends an exception: type, message, cause, context. Where `exc` is a type, `raw` is what its
 * instance will be made from. flags: RL_EXCEPTION_AGAIN, or 0. */
void capture_exception(struct capture *c, PyObject *exc, PyObject *raw, unsigned flags);

/* Return string ids in the running recording. */
uint32_t capture_name_id(struct lane *lane, PyObject *name);
uint32_t capture_type_id(struct lane *lane, PyTypeObject *type);

#endif
