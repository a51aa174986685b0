/* Types whose storage has a layout of its own: how they are shown. Private layouts are read only
 * where the size of the type says that it is the one we know. */
#ifndef CAPTURED_TYPES_H
#define CAPTURED_TYPES_H

#include "capture_parts.h"
#include "typeinfo.h"

void captured_deque(struct capture *c, PyObject *o);
uint64_t captured_deque_word(PyObject *o);    /* for watch.h */
PyObject *captured_proxy_target(PyObject *o); /* borrowed */
PyObject *const *captured_range(PyObject *o); /* start, stop, step, borrowed */

/* What a name stands for (captured_names.c). */
void captured_function(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_method(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_builtin(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_class(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_module(struct capture *c, PyObject *o, const struct typeinfo *info);
void captured_code(struct capture *c, PyObject *o, const struct typeinfo *info);

#endif
