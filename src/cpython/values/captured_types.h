/* Types whose storage has its own layout, and how their instances are shown.
 *
 * Invariant: a private layout is read only where the size of the type is the one we know.
 *
 * Threads: under the GIL. */
#ifndef CAPTURED_TYPES_H
#define CAPTURED_TYPES_H

#include "capture_parts.h"
#include "typeinfo.h"

/* Returns how types with a layout of their own are shown; NULL for all others. */
special_show special_for(PyTypeObject *type);

void captured_deque(struct capture *c, PyObject *o);
uint64_t captured_deque_word(PyObject *o); /* for fingerprints */
/* Returns the memory that says where the items of a deque are; NULL where its layout is not known.
 */
const void *captured_deque_head(PyObject *o, size_t *bytes);
/* Returns the places of the first n items; NULL where they do not follow each other. */
PyObject *const *captured_deque_items(PyObject *o, size_t n);
PyObject *captured_proxy_target(PyObject *o); /* borrowed */
PyObject *const *captured_range(PyObject *o); /* start, stop, step; borrowed */

/* Objects that are known by their names (captured_names.c). */
void captured_function(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_method(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_builtin(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_class(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_module(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_code(struct capture *c, PyObject *o, const struct typeinfo *info);

#endif
