/* Previews: functions of the program that say how instances of a type are shown. They run inside
 * the hook, with recording suppressed in their thread, and nothing that they do reaches the
 * program: errors and slowness are counted and shown as `<preview failed: ...>`. Under the GIL. */
#ifndef PREVIEWS_H
#define PREVIEWS_H

#include "capture.h"
#include "typeinfo.h"

/* Holds the type and the function until they are replaced; function None takes the preview away. 0,
 * or -1 with an exception. */
int previews_set(PyTypeObject *type, PyObject *function, int with_subclasses);
/* Whether instances of the type have a preview. */
int previews_has(PyTypeObject *type);
void previews_show(struct capture *c, PyObject *object, const struct typeinfo *info);
/* [(type, calls, failures, ns, is_off)], owned; NULL with an exception. */
PyObject *previews_list(void);

#endif
