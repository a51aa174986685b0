/* Previews: functions of the program that show instances of a type. They run inside the hook, with
 * recording suppressed in their thread. Nothing that they do reaches the program: errors and slow
 * calls are counted, and shown as `<preview failed: ...>`.
 *
 * Threads: under the GIL. */
#ifndef PREVIEWS_H
#define PREVIEWS_H

#include "capture.h"
#include "typeinfo.h"

/* Sets the preview of a type; None removes it. Keeps references to both until they are replaced.
 * Returns 0, or -1 with an exception. */
int previews_set(PyTypeObject *type, PyObject *function, int with_subclasses);
/* Returns whether instances of the type have a preview. */
int previews_has(PyTypeObject *type);
void previews_show(struct capture *c, PyObject *object, const struct typeinfo *info);
/* Returns [(type, calls, failures, ns, is_off)], owned, or NULL with an exception. */
PyObject *previews_list(void);

#endif
