/* Part of capture.h: what the files share that put values together. Only files of this room
 * include it.
 *
 *    capture.c              containers, arguments, the choice by type
 *    capture_atoms.c        rare atoms
 *    capture_secrets.c      secrets inside texts
 *    captured_instances.c   instances and named tuples
 *
 * A container is written front to back, and its number of items at the end:
 *
 *    tag | identity | length | shown | items ...
 *                              ^ one or two bytes, which capture_close_items() fills in */
#ifndef CAPTURE_PARTS_H
#define CAPTURE_PARTS_H

#include "bytes.h"
#include "capture.h"
#include "parts.h"
#include "plain.h"
#include "secrets.h"
#include "typeinfo.h"

static inline void capture_put_tag(struct capture *c, unsigned tag)
{
    *c->p++ = (uint8_t)tag;
}

static inline void capture_identity(struct capture *c, const void *object)
{
    put64(c->p, (uint64_t)(uintptr_t)object);
    c->p += RL_IDENTITY_BYTES;
}

static inline void capture_put_number(struct capture *c, uint64_t number)
{
    c->p = put_varint(c->p, number);
}

/* A container that is being written. `shown_at` is where the number of its items goes. */
struct open_list {
    uint8_t *shown_at;
    unsigned width;
};

/* Begins the items of a container. At most `bound` of `length` are shown, which decides the width
 * of their number. */
static inline struct open_list capture_open_items(struct capture *c, size_t length, size_t bound)
{
    size_t most = length < bound ? length : bound;
    uint8_t *p = put_varint(c->p, length);
    struct open_list list = {p, most < 128 ? 1 : 2};
    c->p = p + list.width;
    return list;
}

/* Writes the tag and the identity of an object. */
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

/* Returns whether another item is shown after `shown` others. */
static inline int capture_has_room(const struct capture *c, size_t shown)
{
    return shown < c->items && c->p < c->soft;
}

/* Returns the same for the fields of an instance. */
static inline int capture_has_field_room(const struct capture *c, size_t shown)
{
    return shown < c->limits->items && c->p < c->soft;
}

/* Writes a value that is not plain, or has no room. */
void capture_any(struct capture *c, PyObject *o);
/* Writes a value of an exact built-in type, or of a type that typeinfo.h knows. */
void capture_by_type(struct capture *c, PyObject *o);
/* Writes an ASCII str that is kept whole. Returns NULL where it is not, or may contain a secret. */
uint8_t *capture_short_text(const struct capture *c, uint8_t *p, PyObject *o);

/* Writes a value at p and returns the place after it. Fast path: the cursor stays in a register,
 * because storing and reloading c->p costs a store-forwarding stall per value. */
static inline uint8_t *capture_put_at(struct capture *c, uint8_t *p, PyObject *o)
{
    if (__builtin_expect(p < c->soft, 1)) {
        uint8_t *end = put_plain(p, o);
        if (end == NULL && o != NULL && Py_TYPE(o) == &PyUnicode_Type) {
            end = capture_short_text(c, p, o);
        }
        if (end != NULL) {
            return end;
        }
    }
    c->p = p;
    capture_any(c, o);
    return c->p;
}

/* Write atoms that are not common. */
void capture_big_int(struct capture *c, PyObject *o); /* of more than two digits */
void capture_complex(struct capture *c, PyObject *o);
void capture_wide_text(struct capture *c, PyObject *o); /* not ASCII */
void capture_bytes(struct capture *c, const void *data, size_t length);
/* Writes a text that represents the object. */
void capture_plain_text(struct capture *c, PyObject *object, uint32_t type, const void *text,
                        size_t len, unsigned flags);
/* Writes the magnitude of an int, low byte first, at most `size` bytes. Returns how many bytes it
 * has. */
size_t capture_magnitude(PyObject *o, uint8_t *out, size_t size);

#define CAPTURE_AHEAD       64u
#define CAPTURE_CLEAN_BYTES (CAPTURE_BYTES_MAX + CAPTURE_AHEAD + 10 * SECRET_PARTS + 16)
#define CAPTURE_WHOLE       1u

/* Returns how much of a text is searched for secrets: also some of what is cut off. */
static inline size_t capture_seen(const struct capture *c, size_t length)
{
    size_t most = c->limits->bytes + CAPTURE_AHEAD;
    return length < most ? length : most;
}

/* Finds the secrets in a text and notes them. is_cut: the text goes on after `len`. */
size_t capture_find(struct capture *c, const void *text, size_t len, int is_cut,
                    struct secret_part *parts);
/* Finds the parts that repeat a redacted argument (repeats.h). */
size_t capture_known(const struct capture *c, const void *text, size_t len,
                     struct secret_part *parts);
/* Returns whether a text contains a secret. */
int capture_is_secret(struct capture *c, const void *text, size_t len);
/* Copies a text without its secrets to `out`. Returns its size; 0 = there are none. CAPTURE_WHOLE:
 * the whole text is one, and the caller writes capture_redacted(). */
size_t capture_clean(struct capture *c, const void *text, size_t len, int is_cut, uint8_t *out);
/* Writes a text without its secrets as a value: `seen` bytes of a text of `length`. Returns 0 where
 * there are none; then nothing is written. */
int capture_put_clean(struct capture *c, const void *text, size_t seen, size_t length, int is_str);
void capture_redacted(struct capture *c, PyTypeObject *type);

/* Enters a container. Returns 0 where it must not be entered; then its replacement has been
 * written. */
int capture_enter(struct capture *c, PyObject *o, size_t length);
void capture_leave(struct capture *c);
void capture_deep(struct capture *c, PyObject *o, uint32_t type, size_t length);
/* Writes a list of what `next` returns: borrowed items, NULL at the end. */
void capture_items(struct capture *c, PyObject *o, size_t length, PyObject *(*next)(void *state),
                   void *state);

/* Instances and named tuples (captured_instances.c). */
void captured_instance(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_named_tuple(struct capture *c, PyObject *o, const struct typeinfo *info);
/* Begin and end the fields of an instance of which only some are written. The first returns 0 where
 * it may not be entered. Between them, captured_field() writes a value under the action of its name
 * at p, and returns the place after it. */
int captured_enter_fields(struct capture *c, PyObject *o);
uint8_t *captured_field(struct capture *c, uint8_t *p, PyObject *value, unsigned action);
void captured_leave_fields(struct capture *c);
/* Writes the items of a tuple, or of an instance of a subclass. */
void capture_tuple(struct capture *c, PyObject *o);
/* Writes the type that goes before a built-in value, for an instance of a subclass. */
void capture_wrapped(struct capture *c, PyObject *o, const struct typeinfo *info);

#endif
