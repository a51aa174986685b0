/* What is kept in the user's cache folder (os_store_read()) as JSON, under a kind and a key: the
 * settings that RELIVE_RECORD found, and filters too long for a variable. An entry counts only
 * where it is whole, was made for this very key, and each file that it was made from is as it was.
 */
#ifndef KEPT_H
#define KEPT_H

#include "compat.h"

/* The value of a key: a new dict; NULL without an exception where there is none. */
PyObject *kept_get(const char *kind, PyObject *key);
/* Keeps a dict; `files` of it, where it has them, are [[path, kept_file_state()], ...]. What cannot
 * be kept is not. */
void kept_put(const char *kind, PyObject *key, PyObject *value);
/* A text that changes with the content of a file and with where it is, "unread" where it cannot be
 * read: new; None where there is nothing; NULL with an exception. */
PyObject *kept_file_state(PyObject *path);
/* The key for a content: new, or NULL with an exception. */
PyObject *kept_digest(PyObject *text);

int kept_add(PyObject *module);

#endif
