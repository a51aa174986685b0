/* Types whose storage has a layout of its own: how they are shown. Private layouts are read only
 * where the size of the type says that it is the one we know. */
#ifndef CAPTURED_TYPES_H
#define CAPTURED_TYPES_H

#include "capture.h"
#include "typeinfo.h"

/* Parts of capture.c that special types are put together with. */
void capture_identity(struct capture *c, const void *object);
void capture_bytes(struct capture *c, const void *data, size_t length);
void capture_deep(struct capture *c, PyObject *o, uint32_t type, size_t length);
void capture_plain_text(struct capture *c, PyObject *object, uint32_t type, const void *text,
                        size_t len, unsigned flags);
size_t capture_magnitude(PyObject *o, uint8_t *out, size_t size);
/* A list of what `next` gives: borrowed items, NULL at the end. */
void capture_items(struct capture *c, PyObject *o, size_t length, PyObject *(*next)(void *state),
                   void *state);

void captured_deque(struct capture *c, PyObject *o);
uint64_t captured_deque_word(PyObject *o);    /* for watch.h */
PyObject *captured_proxy_target(PyObject *o); /* borrowed */
PyObject *const *captured_range(PyObject *o); /* start, stop, step, borrowed */

#endif
