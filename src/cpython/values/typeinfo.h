/* What is known of a type: the id of its name, and how its instances are shown. Found out once per
 * type and recording. The table holds no reference; an entry is checked at each use.
 *
 * Threads: under the GIL. */
#ifndef TYPEINFO_H
#define TYPEINFO_H

#include "compat.h"

#include <stdint.h>

enum show {
    SHOW_OPAQUE,
    SHOW_INT,
    SHOW_STR,
    SHOW_FLOAT,
    SHOW_COMPLEX,
    SHOW_BYTES,
    SHOW_BYTEARRAY,
    SHOW_LIST,
    SHOW_TUPLE,
    SHOW_NAMED_TUPLE,
    SHOW_DICT,
    SHOW_SET,
    SHOW_DEQUE,
    SHOW_PROXY,
    SHOW_RANGE,
    SHOW_SLICE,
    SHOW_FIELDS,
    SHOW_EXCEPTION,
    SHOW_SPECIAL /* by its own function, which writes a text */
};

struct capture;
struct lane;
struct typeinfo;

#define TYPEINFO_FIELDS 64u /* slots of one type that are known */

struct field {
    uint32_t name;
    uint32_t offset;
    const char *word; /* owned by the type */
};

/* Writes an instance of a type that has a function of its own. */
typedef void (*special_show)(struct capture *c, PyObject *object, const struct typeinfo *info);

struct typeinfo {
    PyTypeObject *type;
    const void *name; /* compared only: its qualified name */
    PyObject *dict;
    unsigned version; /* tp_version_tag */
    uint32_t stamp;   /* recording.name_stamp */
    uint32_t id;      /* of "module.qualname" */
    enum show show;
    int is_wrapped; /* the type is written before the built-in value of its instance */
    int has_dict;   /* its instances have a dictionary or inline values */
    special_show special;
    uint32_t field_count;
    struct field *fields; /* owned: slots and members, by offset */
};

/* Returns the entry of a type, never NULL; valid until the next call. */
const struct typeinfo *typeinfo_get(struct lane *lane, PyTypeObject *type);

/* Changes when instances of a type may be shown in another way from now on. */
extern uint32_t typeinfo_changes;
/* Forgets all types, because a preview was set or removed. */
void typeinfo_forget(void);

#endif
