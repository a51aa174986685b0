/* Values whose name is another value:
 *
 *    ("password", "x")                          the second of two
 *    (b"cookie", b"Cookie", b"x")               the third, after a name and its raw form
 *    ["curl", "-u", "bob:x"]                    the word after an option
 *    {"name": "password", "value": "x"}         the value of one key, by that of another
 *    f(key="password", value="x")               one parameter, by another
 *
 * Nothing here runs Python code. Threads: under the GIL. */
#ifndef PAIRS_H
#define PAIRS_H

#include "compat.h"

#include "filter.h"

struct capture;
struct policy;

/* Appends the last of two or three items, where the one before may be its name. */
void pairs_put_last(struct capture *c, PyObject *const *items, size_t length, int is_list);
/* What an option of a command line decides for itself (`mysql -pX`) and for the next item
 * (`--password X`, `curl -u bob:X`). */
struct said_by_option {
    enum filter_action own, next;
};
struct said_by_option pairs_option(const struct capture *c, PyObject *const *items, size_t at,
                                   size_t length);
/* Appends a value under the action that its name gave. */
void pairs_put(struct capture *c, PyObject *value, enum filter_action action);
/* Returns the action of an item of a dictionary. `action` is that of its key; *named becomes that
 * of "value", once "name" was met. */
enum filter_action pairs_in_dict(const struct capture *c, PyObject *dict, PyObject *value,
                                 enum filter_action action, enum filter_action *named);
/* Returns the action of a variable, by the actions of all variables: key and value in f(key=...,
 * value=...). */
enum filter_action pairs_slot(const struct policy *policy, const uint8_t *actions, uint32_t slot,
                              PyCodeObject *code, native_frame *frame, PyObject *value);

#endif
