/* What is known of a type: its name's id and how its instances are shown. Found out once a type and
 * recording; kept in a table by address, checked against what else identifies the type, so that no
 * reference is held. */
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
    SHOW_SPECIAL /* by its own function, which makes a text */
};

struct capture;
struct lane;

struct field {
    uint32_t name;
    uint32_t offset;
    const char *word; /* the type's own */
};

struct typeinfo {
    PyTypeObject *type;
    const char *tp_name;
    PyObject *dict;
    unsigned version; /* tp_version_tag */
    uint32_t stamp;   /* recording.name_stamp */
    uint32_t id;      /* of "module.qualname" */
    enum show show;
    int is_wrapped; /* the type is said beside the built-in value that it holds */
    int has_dict;   /* its instances have one, or inline values */
    void (*special)(struct capture *c, PyObject *object, const struct typeinfo *info);
    uint32_t field_count;
    struct field *fields; /* owned: slots and members, by offset */
};

/* Never NULL; valid until the next call. */
const struct typeinfo *typeinfo_get(struct lane *lane, PyTypeObject *type);

/* What previews say has changed: every type is looked at again. */
void typeinfo_forget(void);

/* Decides how types with a layout of their own are shown; NULL for all others. */
typedef void (*special_show)(struct capture *c, PyObject *object, const struct typeinfo *info);
special_show special_for(PyTypeObject *type);

#endif
