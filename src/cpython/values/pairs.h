/* Values whose name is another value: the second of two, the third behind a name and its raw form,
 * the one behind an option of a command line, {"name": ..., "value": ...}, f(key=..., value=...).
 * Nothing here runs Python code. */
#ifndef PAIRS_H
#define PAIRS_H

#include "compat.h"

#include "filter.h"

struct capture;
struct policy;

/* Appends the last of two or three items, where the one before may name it. */
void pairs_put_last(struct capture *c, PyObject *const *items, size_t length, int is_list);
/* What an item that begins with a dash says of itself (`mysql -pX`) and of the next one
 * (`--password X`, `curl -u bob:X`). */
struct said_by_option {
    enum filter_action own, next;
};
struct said_by_option pairs_option(const struct capture *c, PyObject *const *items, size_t at,
                                   size_t length);
/* Appends a value as an action has it that a name gave. */
void pairs_put(struct capture *c, PyObject *value, enum filter_action action);
/* The action of an item of a dictionary, which its key gave; *named: that of "value", once "name"
 * was met. */
enum filter_action pairs_in_dict(const struct capture *c, PyObject *dict, PyObject *value,
                                 enum filter_action action, enum filter_action *named);
/* The same of a variable, by the actions of all of them: key and value, of f(key=..., value=...).
 */
enum filter_action pairs_slot(const struct policy *policy, const uint8_t *actions, uint32_t slot,
                              PyCodeObject *code, native_frame *frame, PyObject *value);

#endif
