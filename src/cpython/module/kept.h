/* Values kept in the user's cache folder (os_store_read()) as JSON, under a kind and a key.
 *
 *     kind      key                       value
 *     record    all but files that the    the run that RELIVE_RECORD led to
 *               answer depends on
 *     filter    a checksum                a filter that is too long for RELIVE_RUN
 *
 * An entry is used only if it is whole and was made for this very key. Also, each file that it was
 * made from must be unchanged. */
#ifndef KEPT_H
#define KEPT_H

#include "compat.h"

/* The value of a key: a new dict; NULL without an exception where there is none. */
PyObject *kept_get(const char *kind, PyObject *key);
/* Keeps a dict; `files` of it, where it has them, are [[path, kept_file_state()], ...]. What cannot
 * be kept is not. */
void kept_put(const char *kind, PyObject *key, PyObject *value);
/* Returns a text that changes with the content of a file and with where it is: new, or NULL with an
 * exception. It is "unread" where the file cannot be read, and None where there is nothing. */
PyObject *kept_file_state(PyObject *path);
/* The key for a content: new, or NULL with an exception. */
PyObject *kept_digest(PyObject *text);

int kept_add(PyObject *module);

#endif
