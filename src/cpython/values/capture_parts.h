/* What the files that put values together share: capture.c (containers, instances, frames),
 * capture_atoms.c, capture_exceptions.c, captured_types.c. Nobody else includes it. */
#ifndef CAPTURE_PARTS_H
#define CAPTURE_PARTS_H

#include "bytes.h"
#include "capture.h"
#include "secrets.h"
#include "typeinfo.h"

static inline void put_tag(struct capture *c, unsigned tag)
{
    *c->p++ = (uint8_t)tag;
}

static inline void capture_identity(struct capture *c, const void *object)
{
    put64(c->p, (uint64_t)(uintptr_t)object);
    c->p += RL_IDENTITY_BYTES;
}

static inline void put_number(struct capture *c, uint64_t number)
{
    c->p = put_varint(c->p, number);
}

/* A container whose items follow one by one; how many do is known at the end. */
struct open_list {
    uint8_t *shown_at;
    unsigned width;
};

/* At most `bound` of `length` items will be shown: how many says the width of their number. */
static inline struct open_list capture_open_items(struct capture *c, size_t length, size_t bound)
{
    size_t most = length < bound ? length : bound;
    uint8_t *p = put_varint(c->p, length);
    struct open_list list = {p, most < 128 ? 1 : 2};
    c->p = p + list.width;
    return list;
}

/* The beginning of what has an identity. */
static inline void capture_open(struct capture *c, unsigned tag, const void *object)
{
    c->p[0] = (uint8_t)tag;
    put64(c->p + 1, (uint64_t)(uintptr_t)object);
    c->p += 1 + RL_IDENTITY_BYTES;
}

static inline void capture_close_items(const struct open_list *list, size_t shown)
{
    list->shown_at[0] = (uint8_t)(list->width == 1 ? shown : shown | 0x80);
    if (list->width == 2) {
        list->shown_at[1] = (uint8_t)(shown >> 7);
    }
}

/* Whether one more is shown after so many. */
static inline int capture_has_room(const struct capture *c, size_t shown)
{
    return shown < c->items && c->p < c->soft;
}

/* The same for the fields of an instance. */
static inline int capture_has_field_room(const struct capture *c, size_t shown)
{
    return shown < c->limits->items && c->p < c->soft;
}

/* Atoms that are not the common case. */
void capture_big_int(struct capture *c, PyObject *o); /* of more than two digits */
void capture_complex(struct capture *c, PyObject *o);
void capture_wide_text(struct capture *c, PyObject *o); /* not ASCII */
void capture_bytes(struct capture *c, const void *data, size_t length);
/* A text that stands for the object. */
void capture_plain_text(struct capture *c, PyObject *object, uint32_t type, const void *text,
                        size_t len, unsigned flags);
/* The magnitude of an int, low byte first, at most `size` bytes; the bytes that it has. */
size_t capture_magnitude(PyObject *o, uint8_t *out, size_t size);

#define CAPTURE_AHEAD       64u
#define CAPTURE_CLEAN_BYTES (CAPTURE_BYTES_MAX + CAPTURE_AHEAD + 10 * SECRET_PARTS + 16)
#define CAPTURE_WHOLE       1u

/* What is looked at of a text of `length` bytes: some of what is cut off too. */
static inline size_t capture_seen(const struct capture *c, size_t length)
{
    size_t most = c->limits->bytes + CAPTURE_AHEAD;
    return length < most ? length : most;
}

/* The secrets in a text, which are noted. is_cut: it goes on behind `len`. */
size_t capture_find(struct capture *c, const void *text, size_t len, int is_cut,
                    struct secret_part *parts);
/* The parts of it that repeat an argument (repeats.h). */
size_t capture_known(const struct capture *c, const void *text, size_t len,
                     struct secret_part *parts);
/* Whether there is one. */
int capture_is_secret(struct capture *c, const void *text, size_t len);
/* The text without its secrets at `out`: its size, 0 where there are none; CAPTURE_WHOLE: all of it
 * is one, and capture_redacted() is to be called in its place. */
size_t capture_clean(struct capture *c, const void *text, size_t len, int is_cut, uint8_t *out);
/* The same as a value: of `seen` bytes of a text that has `length`. 0: there are none, nothing was
 * written. */
int capture_put_clean(struct capture *c, const void *text, size_t seen, size_t length, int is_str);
void capture_redacted(struct capture *c, PyTypeObject *type);

/* Whether the container is entered; if not, what stands for it was written. */
int capture_enter(struct capture *c, PyObject *o, size_t length);
void capture_leave(struct capture *c);
void capture_deep(struct capture *c, PyObject *o, uint32_t type, size_t length);
/* A list of what `next` gives: borrowed items, NULL at the end. */
void capture_items(struct capture *c, PyObject *o, size_t length, PyObject *(*next)(void *state),
                   void *state);

/* Instances and named tuples (captured_instances.c). */
void captured_instance(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_named_tuple(struct capture *c, PyObject *o, const struct typeinfo *info);
/* The items of a tuple, also of a subclass. */
void capture_tuple(struct capture *c, PyObject *o);
/* The type, before the built-in value that an instance of it holds. */
void capture_wrapped(struct capture *c, PyObject *o, const struct typeinfo *info);

#endif
