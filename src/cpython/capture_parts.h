/* What the files that put values together share: capture.c (containers, instances, frames),
 * capture_atoms.c, capture_exceptions.c, captured_types.c. Nobody else includes it. */
#ifndef CAPTURE_PARTS_H
#define CAPTURE_PARTS_H

#include "bytes.h"
#include "capture.h"

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

/* Whether the text, which stands at `at` and is `len` bytes long, must not be written; notes the
 * secret in it. Then capture_redacted() is to be called in its place. */
int capture_is_secret(struct capture *c, const void *text, size_t len);
void capture_redacted(struct capture *c, PyTypeObject *type);

/* Whether the container is entered; if not, what stands for it was written. */
int capture_enter(struct capture *c, PyObject *o, size_t length);
void capture_leave(struct capture *c);
void capture_deep(struct capture *c, PyObject *o, uint32_t type, size_t length);
/* A list of what `next` gives: borrowed items, NULL at the end. */
void capture_items(struct capture *c, PyObject *o, size_t length, PyObject *(*next)(void *state),
                   void *state);

#endif
