/* Why: every value of every recorded call comes through here. See capture.h for what is captured.
 *
 *    capture_value(o)
 *      capture_put_at(): plain values and short texts, with the place in a register
 *        | no
 *      capture_any() -> remembered_put() -> capture_by_type()
 *        +-- exact built-in types: put_list(), put_dict(), put_set(), put_text_value() ...
 *        +-- rare atoms: capture_atoms.c          exceptions: capture_exceptions.c
 *        +-- known layouts: captured_types.c      names: captured_names.c
 *        +-- instances: captured_instances.c      previews: previews.c
 *
 *    bytes of one event:   | values ...        | soft      | end
 *                           a value may begin    a value that has begun may still grow
 *
 * Invariants:
 * 1. No value begins beyond `soft`. What has begun before it fits behind it (_Static_assert below).
 * 2. Nothing here runs Python code, except a registered preview. That one counts `previews`. A
 * caller with a borrowed pointer into a container then stops using it.
 * 3. `path` has the open containers, so that a cycle ends. */
#include "capture.h"

#include <string.h>

#include "bounds.h"
#include "capture_parts.h"
#include "captured_types.h"
#include "judge.h"
#include "pairs.h"
#include "plain.h"
#include "policy.h"
#include "pyframe.h"
#include "pytext.h"
#include "remembered.h"
#include "state.h"
#include "typeinfo.h"

#include "secrets.h"

/* One text, the marks of parameters that were not begun, and the ends of open containers. */
_Static_assert(CAPTURE_SOFT + CAPTURE_BYTES_MAX + CODE_NAMES_MAX + 1000 < RL_VALUE_BYTES_MAX,
               "what is begun before the soft end must fit");

/* ---- common atoms; the others are in capture_atoms.c ---- */

/* Writes an int, or an instance of a subclass of int. */
static inline void put_int(struct capture *c, PyObject *o)
{
    uint8_t *p = put_plain_digits(c->p, o);
    if (__builtin_expect(p == NULL, 0)) {
        capture_big_int(c, o);
    } else {
        c->p = p;
    }
}

enum { SHORT_TEXT = 127 }; /* bytes; the length of the text takes one byte */

/* Copies a text of a few bytes. With a length unknown to the compiler, memcpy() would be a call. */
static inline void copy_short(uint8_t *p, const char *text, size_t n)
{
    if (n >= 8) {
        for (size_t at = 0; at + 8 < n; at += 8) {
            memcpy(p + at, text + at, 8);
        }
        memcpy(p + n - 8, text + n - 8, 8);
    } else if (n >= 4) {
        memcpy(p, text, 4);
        memcpy(p + n - 4, text + n - 4, 4);
    } else {
        for (size_t at = 0; at < n; at++) {
            p[at] = (uint8_t)text[at];
        }
    }
}

/* Writes an ASCII str that is kept whole. Returns NULL where it is not, or may contain a secret. */
uint8_t *capture_short_text(const struct capture *c, uint8_t *p, PyObject *o)
{
    size_t n = (size_t)PyUnicode_GET_LENGTH(o);
    if (n > SHORT_TEXT || n > c->limits->bytes || !TEXT_IS_READY(o) || !PyUnicode_IS_ASCII(o)) {
        return NULL;
    }
    const char *text = PyUnicode_DATA(o);
    if (n >= c->least && (c->least < SECRET_LEAST || secret_text(text, n))) {
        return NULL;
    }
    p[0] = RL_VALUE_STR;
    p[1] = (uint8_t)n;
    copy_short(p + 2, text, n);
    return p + 2 + n;
}

/* Writes a value at the cursor. */
static inline void put_object(struct capture *c, PyObject *o)
{
    c->p = capture_put_at(c, c->p, o);
}

/* Writes a str of any kind. */
static inline void put_text_value(struct capture *c, PyObject *o)
{
    if (__builtin_expect(!TEXT_IS_READY(o), 0)) {
        capture_put_tag(c, RL_VALUE_CUT);
        return;
    }
    if (!PyUnicode_IS_ASCII(o)) {
        capture_wide_text(c, o);
        return;
    }
    size_t length = (size_t)PyUnicode_GET_LENGTH(o);
    size_t n = length <= c->limits->bytes ? length : c->limits->bytes;
    if (length >= c->least &&
        capture_put_clean(c, PyUnicode_DATA(o), capture_seen(c, length), length, 1)) {
        return;
    }
    capture_put_tag(c, n == length ? RL_VALUE_STR : RL_VALUE_STR_CUT);
    if (n != length) {
        capture_put_number(c, length);
    }
    capture_put_number(c, n);
    memcpy(c->p, PyUnicode_DATA(o), n);
    c->p += n;
}

/* ---- containers ---- */

/* Writes only the type and the length of a container that is not opened. */
void capture_deep(struct capture *c, PyObject *o, uint32_t type, size_t length)
{
    capture_put_tag(c, RL_VALUE_DEEP);
    capture_identity(c, o);
    capture_put_number(c, type);
    capture_put_number(c, length);
}

/* Opens a container. Returns 0 where it is too deep, or contains itself; its replacement has been
 * written then. */
static inline int enter_container(struct capture *c, PyObject *o, size_t length)
{
    for (unsigned i = 0; i < c->depth; i++) {
        if (c->path[i] == o) {
            capture_put_tag(c, RL_VALUE_CYCLE);
            capture_identity(c, o);
            return 0;
        }
    }
    if (c->depth >= c->limits->depth && length != 0) {
        capture_deep(c, o, capture_type_id(c->lane, Py_TYPE(o)), length);
        return 0;
    }
    /* A reference is held: a preview of something inside may remove the container. */
    Py_INCREF(o);
    c->path[c->depth++] = o;
    return 1;
}

/* Closes the container that was opened last. */
static inline void leave_container(struct capture *c)
{
    Py_DECREF(c->path[--c->depth]);
}

/* Out of line, for the other files of this room. */
int capture_enter(struct capture *c, PyObject *o, size_t length)
{
    return enter_container(c, o, length);
}

void capture_leave(struct capture *c)
{
    leave_container(c);
}

/* Writes a list or a tuple. Each item is read from the container again, since a preview may have
 * changed a list. */
static inline __attribute__((always_inline)) void put_row(struct capture *c, PyObject *o,
                                                          int is_list)
{
    size_t length = (size_t)Py_SIZE(o), shown = 0;
    if (!enter_container(c, o, length)) {
        return;
    }
    capture_open(c, is_list ? RL_VALUE_LIST : RL_VALUE_TUPLE, o);
    struct open_list list = capture_open_items(c, length, c->items);
    size_t most = length < c->items ? length : c->items;
    enum filter_action next = FILTER_ALLOW; /* decided by an option for the item after it */
    uint8_t *p = c->p;
    for (; shown < most && p < c->soft; shown++) {
        uint8_t *at = p;
        if (is_list && shown >= (size_t)Py_SIZE(o)) {
            break;
        }
        PyObject *const *items =
            is_list ? ((PyListObject *)o)->ob_item : ((PyTupleObject *)o)->ob_item;
        if (__builtin_expect((shown == 1 && length == 2) ||
                                 (shown == 2 && length == 3 && PyBytes_CheckExact(items[1])),
                             0)) {
            c->p = p;
            pairs_put_last(c, items, length, is_list);
            p = c->p;
        } else if (__builtin_expect(next != FILTER_ALLOW, 0)) {
            c->p = p;
            pairs_put(c, items[shown], next);
            p = c->p;
            next = FILTER_ALLOW;
        } else {
            p = capture_put_at(c, p, items[shown]);
            if (__builtin_expect(at[0] == RL_VALUE_STR && at[2] == '-' && at[1] > 1, 0)) {
                struct said_by_option said = pairs_option(c, items, shown, length);
                next = said.next;
                if (said.own != FILTER_ALLOW) {
                    c->p = at; /* replaces what was written */
                    pairs_put(c, items[shown], said.own);
                    p = c->p;
                }
            }
        }
    }
    c->p = p;
    capture_close_items(&list, shown);
    leave_container(c);
}

static void put_list(struct capture *c, PyObject *o)
{
    put_row(c, o, 1);
}

void capture_tuple(struct capture *c, PyObject *o)
{
    put_row(c, o, 0);
}

/* Writes entries of a dictionary, after `shown` others. Returns how many are shown then. */
static inline __attribute__((always_inline)) size_t put_entries(struct capture *c, PyObject *o,
                                                                size_t shown)
{
    size_t length = shown + (size_t)((PyDictObject *)o)->ma_used;
    enum filter_action named = FILTER_INHERIT;
    PyObject *key, *value;
    Py_ssize_t at = 0;
    uint8_t *p = c->p;
    while (shown < length && shown < c->items && p < c->soft && PyDict_Next(o, &at, &key, &value)) {
        unsigned previews = c->previews;
        enum filter_action action = PyUnicode_CheckExact(key) && TEXT_IS_READY(key)
                                        ? policy_name(c->policy, FILTER_KEY, key)
                                        : judge_named(c->policy, key);
        if (__builtin_expect(action != FILTER_ALLOW, 0)) {
            action = pairs_in_dict(c, o, value, action, &named);
        }
        if (__builtin_expect(action == FILTER_DROP, 0)) {
            continue;
        }
        p = capture_put_at(c, p, key);
        value = previews == c->previews ? value : NULL;
        if (__builtin_expect(action != FILTER_ALLOW, 0)) {
            c->p = p;
            policy_count(POLICY_ATTRIBUTE, action);
            capture_filtered(c, value, action);
            p = c->p;
        } else {
            p = capture_put_at(c, p, value);
        }
        shown++;
    }
    c->p = p;
    return shown;
}

static void put_dict(struct capture *c, PyObject *o)
{
    size_t length = (size_t)((PyDictObject *)o)->ma_used;
    if (!enter_container(c, o, length)) {
        return;
    }
    capture_open(c, RL_VALUE_DICT, o);
    struct open_list list = capture_open_items(c, length, c->items);
    capture_close_items(&list, put_entries(c, o, 0));
    leave_container(c);
}

void capture_fields(struct capture *c, PyObject *ours, PyObject *given, const struct policy *policy)
{
    if (!enter_container(c, ours, 1)) {
        return;
    }
    capture_open(c, RL_VALUE_DICT, ours);
    struct open_list list =
        capture_open_items(c, (size_t)(PyDict_Size(ours) + PyDict_Size(given)), c->items);
    size_t shown = put_entries(c, ours, 0);
    capture_use(c, policy);
    capture_close_items(&list, put_entries(c, given, shown));
    leave_container(c);
}

/* Writes a set or frozenset. Its table is walked directly, in the order of its slots. */
static void put_set(struct capture *c, PyObject *o)
{
    const PySetObject *set = (PySetObject *)o;
    size_t length = (size_t)set->used;
    if (!enter_container(c, o, length)) {
        return;
    }
    capture_put_tag(c, PyFrozenSet_Check(o) ? RL_VALUE_FROZENSET : RL_VALUE_SET);
    capture_identity(c, o);
    struct open_list list = capture_open_items(c, length, c->items);
    size_t shown = 0;
    for (Py_ssize_t i = 0; i <= set->mask && shown < length && capture_has_room(c, shown); i++) {
        const setentry *entry = &set->table[i];
        if (entry->key != NULL && entry->hash != -1) {
            put_object(c, entry->key);
            shown++;
        }
    }
    capture_close_items(&list, shown);
    leave_container(c);
}

void capture_wrapped(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    capture_put_tag(c, RL_VALUE_WRAPPED);
    capture_identity(c, o);
    capture_put_number(c, info->id);
}

/* ---- any object ---- */

/* Writes the three parts of a range or slice. */
static void put_triple(struct capture *c, PyObject *o, unsigned tag, PyObject *const parts[3])
{
    if (capture_enter(c, o, 1)) {
        capture_put_tag(c, tag);
        put_object(c, parts[0]);
        put_object(c, parts[1]);
        put_object(c, parts[2]);
        capture_leave(c);
    }
}

static void put_slice(struct capture *c, PySliceObject *slice)
{
    PyObject *const parts[] = {slice->start, slice->stop, slice->step};
    put_triple(c, (PyObject *)slice, RL_VALUE_SLICE, parts);
}

void capture_by_type(struct capture *c, PyObject *o)
{
    const struct typeinfo *info = typeinfo_get(c->lane, Py_TYPE(o));
    if (info->is_wrapped) {
        capture_wrapped(c, o, info);
    }
    switch (info->show) {
    case SHOW_INT:
        put_int(c, o);
        break;
    case SHOW_STR:
        put_text_value(c, o);
        break;
    case SHOW_FLOAT:
        c->p = put_plain_float(c->p, PyFloat_AS_DOUBLE(o));
        break;
    case SHOW_COMPLEX:
        capture_complex(c, o);
        break;
    case SHOW_BYTES:
        capture_bytes(c, PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o));
        break;
    case SHOW_BYTEARRAY:
        capture_bytes(c, PyByteArray_AS_STRING(o), (size_t)PyByteArray_GET_SIZE(o));
        break;
    case SHOW_LIST:
        put_list(c, o);
        break;
    case SHOW_TUPLE:
        capture_tuple(c, o);
        break;
    case SHOW_NAMED_TUPLE:
        captured_named_tuple(c, o, info);
        break;
    case SHOW_DICT:
        put_dict(c, o);
        break;
    case SHOW_SET:
        put_set(c, o);
        break;
    case SHOW_DEQUE:
        captured_deque(c, o);
        break;
    case SHOW_PROXY:
        if (capture_enter(c, o, 1)) {
            put_object(c, captured_proxy_target(o));
            capture_leave(c);
        }
        break;
    case SHOW_RANGE:
        put_triple(c, o, RL_VALUE_RANGE, captured_range(o));
        break;
    case SHOW_SLICE:
        put_slice(c, (PySliceObject *)o);
        break;
    case SHOW_FIELDS:
        captured_instance(c, o, info);
        break;
    case SHOW_EXCEPTION:
        capture_exception(c, o, NULL, 0);
        break;
    case SHOW_SPECIAL:
        info->special(c, o, info);
        break;
    case SHOW_OPAQUE:
    default:
        capture_put_tag(c, RL_VALUE_OPAQUE);
        capture_identity(c, o);
        capture_put_number(c, info->id);
        break;
    }
}

/* Writes a value that is not plain, or has no room. */
void capture_any(struct capture *c, PyObject *o)
{
    if (__builtin_expect(c->p >= c->soft, 0)) {
        capture_put_tag(c, RL_VALUE_CUT);
        return;
    }
    if (o == NULL) {
        capture_put_tag(c, RL_VALUE_UNSET);
        return;
    }
    const PyTypeObject *type = Py_TYPE(o);
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE && c->refers && c->depth == 0) {
        remembered_put(c, o); /* most objects of the program, before the built-in types */
    } else if (type == &PyUnicode_Type) {
        put_text_value(c, o);
    } else if (type == &PyLong_Type) {
        put_int(c, o);
    } else if (type == &PyList_Type) {
        put_list(c, o);
    } else if (type == &PyTuple_Type) {
        capture_tuple(c, o);
    } else if (type == &PyDict_Type) {
        put_dict(c, o);
    } else if (o == Py_Ellipsis || o == Py_NotImplemented) {
        capture_put_tag(c, o == Py_Ellipsis ? RL_VALUE_ELLIPSIS : RL_VALUE_NOT_IMPLEMENTED);
    } else if (c->refers && c->depth == 0) {
        remembered_put(c, o);
    } else {
        capture_by_type(c, o);
    }
}

void capture_value(struct capture *c, PyObject *object)
{
    put_object(c, object);
}

/* ---- what the filter removes ---- */

/* Writes what replaces a value that a filter takes out. */
void capture_redacted(struct capture *c, PyTypeObject *type)
{
    capture_put_tag(c, RL_VALUE_REDACTED);
    capture_put_number(c, capture_type_id(c->lane, type));
}

/* Writes a value without what looks like a token in it. */
static void put_suspect(struct capture *c, PyObject *object)
{
    unsigned before = c->suspect;
    size_t least = c->least;
    c->suspect = SECRET_TOKEN;
    c->least = 1;
    put_object(c, object);
    c->suspect = before;
    c->least = least;
}

void capture_filtered(struct capture *c, PyObject *object, unsigned action)
{
    if (action > FILTER_DROP && action != FILTER_LOOK_INSIDE) {
        action = judge((enum filter_action)action, object);
    }
    if (object == NULL || action == FILTER_ALLOW) {
        put_object(c, object);
    } else if (action == FILTER_LOOK_INSIDE) {
        put_suspect(c, object);
    } else if (action == FILTER_DROP) {
        capture_put_tag(c, RL_VALUE_DROPPED);
    } else {
        capture_redacted(c, Py_TYPE(object));
    }
}

/* Serves containers whose layout only their own file knows, such as a deque. */
void capture_items(struct capture *c, PyObject *o, size_t length, PyObject *(*next)(void *state),
                   void *state)
{
    PyObject *item;
    if (!enter_container(c, o, length)) {
        return;
    }
    capture_put_tag(c, RL_VALUE_LIST);
    capture_identity(c, o);
    struct open_list list = capture_open_items(c, length, c->items);
    size_t shown = 0;
    unsigned previews = c->previews;
    while (capture_has_room(c, shown) && previews == c->previews && (item = next(state)) != NULL) {
        put_object(c, item);
        shown++;
    }
    capture_close_items(&list, shown);
    leave_container(c);
}

/* ---- frames ---- */

/* Parameters are marked as cut from the first one for which there is no room. */
void capture_arguments(struct capture *c, PyCodeObject *code, native_frame *frame, int has_cells)
{
    Py_ssize_t n = (Py_ssize_t)code_parameters(code);
    const struct policy *policy = c->policy;
    const uint8_t *actions = policy != NULL && policy->args != NULL ? policy->args : NULL;
    uint8_t *p = c->p;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *value = native_slot(frame, i);
        if (__builtin_expect(value == NULL || PyCell_Check(value), 0)) {
            Py_ssize_t slot = native_parameter_slot(code, frame, i);
            value = has_cells || !CELLS_SHARE_SLOTS ? frame_variable(code, frame, slot) : value;
        }
        if (__builtin_expect(actions != NULL && actions[i] != FILTER_ALLOW, 0)) {
            enum filter_action action =
                pairs_slot(policy, actions, (uint32_t)i, code, frame, value);
            policy_count(POLICY_ARGUMENT, action);
            c->p = p;
            capture_filtered(c, value, action);
            p = c->p;
            continue;
        }
        p = capture_put_at(c, p, value);
    }
    c->p = p;
}

/* ---- names ---- */

uint32_t capture_type_id(struct lane *lane, PyTypeObject *type)
{
    return typeinfo_get(lane, type)->id;
}

struct known_name {
    PyObject *name; /* compared only */
    Py_hash_t hash;
    Py_ssize_t length;
    uint32_t stamp, id;
};

static inline int is_known_name(const struct known_name *known, PyObject *name)
{
    return known->name == name && known->hash == ((PyASCIIObject *)name)->hash &&
           known->hash != -1 && known->length == PyUnicode_GET_LENGTH(name) &&
           known->stamp == recording.name_stamp;
}

/* Known names are found by the address, hash and length of the str, which is not kept alive. Two
 * names share each place, so that two hot names do not replace each other all the time. */
uint32_t capture_name_id(struct lane *lane, PyObject *name)
{
    enum { PLACES = 512 };
    static struct known_name known[PLACES][2];
    uint8_t text[512];
    if (!PyUnicode_Check(name) || recording.recorder == NULL) {
        return 0;
    }
    struct known_name *at = known[(uint64_t)(uintptr_t)name * UINT64_C(0x9e3779b97f4a7c15) >> 55];
    if (is_known_name(&at[0], name) || is_known_name(&at[1], name)) {
        return at[!is_known_name(&at[0], name)].id;
    }
    uint32_t id =
        recorder_string(recording.recorder, lane, text, pytext_put(name, text, sizeof text));
    at[1] = at[0];
    at[0] = (struct known_name){name, ((PyASCIIObject *)name)->hash, PyUnicode_GET_LENGTH(name),
                                recording.name_stamp, id};
    return id;
}
