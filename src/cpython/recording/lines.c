/* Why: see lines.h.
 * Invariants: a snapshot belongs to one frame and is freed when that ends; a suspended frame's
 * waits in recording.snapshots; comparing runs nothing of the program. */
#include "lines.h"

#include <string.h>

#include "capture.h"
#include "captured_types.h"
#include "fingerprint.h"
#include "items.h"
#include "judge.h"
#include "pairs.h"
#include "policy.h"
#include "pyframe.h"
#include "rows.h"
#include "state.h"
#include "typeinfo.h"

#include "alloc.h"

/* How a change of an object of one type is found. FIXED: no variable, or an object that is there
 * for ever, so that its address says all. */
enum watch { WATCH_FIXED, WATCH_NOTHING, WATCH_INT, WATCH_STR, WATCH_FLOAT, WATCH_CONTAINER };

struct seen {
    PyObject *object; /* compared only, as is its type */
    PyTypeObject *type;
    uint64_t word;
    uint16_t watch;      /* enum watch, what the type says */
    uint16_t is_cell;    /* the slot holds a cell with the variable in it */
    struct items *items; /* owned; of a container, at the last look */
};

struct seen_name {
    PyObject *key;   /* compared only */
    uint32_t id;     /* its string, 0 = not looked up yet */
    uint32_t action; /* enum filter_action: of the code that looked at a change last */
    struct seen seen;
};

struct snapshot {
    uint32_t count;          /* of slots; 0 where the frame has a namespace */
    uint32_t has_cells;      /* some of them */
    uint32_t next;           /* container that is looked at first at the next line */
    struct seen_name *names; /* owned; of a namespace, by order */
    uint32_t name_count, name_cap;
    uint32_t name_stamp; /* recording.name_stamp that the numbers of the names are of */
    struct seen slots[];
};

enum { CONTAINERS_A_LINE = 8, NAMES_MAX = 400 };

/* One comparison of all variables of a frame. */
struct look {
    struct thread *t;
    const struct event *event;
    const struct policy *policy;
    uint64_t frame;
    uint64_t ticks;
    uint32_t id;
    uint32_t line;       /* about to run; 0 = the frame is left */
    unsigned scope;      /* RL_WRITE_*, of the names that are compared */
    uint32_t containers; /* met so far */
    uint32_t first, looked;
    int item; /* of the container that differs: the one that does, -1 = not known */
};

void lines_free(struct snapshot *snapshot)
{
    if (snapshot != NULL) {
        for (uint32_t i = 0; i < snapshot->count; i++) {
            rl_free(snapshot->slots[i].items);
        }
        for (uint32_t i = 0; i < snapshot->name_count; i++) {
            rl_free(snapshot->names[i].seen.items);
        }
        rl_free(snapshot->names);
        rl_free(snapshot);
    }
}

/* ---- rows ---- */

/* A row whose frame field holds the line; the frame of another thread is named before it. */
static void put_row(const struct look *look, unsigned kind, const uint8_t *data, uint32_t len)
{
    struct lane *lane = &look->t->lane;
    uint32_t line = look->line < RL_LINE_MAX ? look->line : RL_LINE_MAX;
    int is_foreign = look->frame >> RL_FRAME_ORDINAL_BITS != lane->thread;
    uint32_t units = (len != 0 ? lane_data_units(len) : 0) + 1 + (uint32_t)is_foreign;
    if (!lane_reserve(lane, units, look->ticks)) {
        return;
    }
    if (is_foreign) {
        lane_row(lane, 0, RL_ROW_FOREIGN, 0, look->frame);
        lane->extras++;
    }
    if (len != 0) {
        lane_data(lane, data, len);
    }
    uint64_t since = look->ticks > lane->base ? look->ticks - lane->base : 0;
    lane_row(lane, (uint32_t)since, kind, look->id,
             (uint64_t)line << RL_FRAME_ORDINAL_BITS | (look->frame & RL_FRAME_ORDINAL_MASK));
    lane_publish(lane);
}

/* Only the ends of a container that long are watched. */
static int is_long(PyObject *o)
{
    if (o == NULL) {
        return 0;
    }
    if (PyList_CheckExact(o)) {
        return Py_SIZE(o) > 2 * WATCH_ENDS;
    }
    if (PyAnySet_CheckExact(o)) {
        return ((PySetObject *)o)->mask >= 2 * WATCH_ENDS;
    }
    return !DICT_HAS_VERSION && PyDict_CheckExact(o) &&
           ((PyDictObject *)o)->ma_used > 2 * WATCH_ENDS;
}

/* Writes the row of a variable that has changed. */
static void put_write(const struct look *look, unsigned scope, uint64_t number, PyObject *value,
                      unsigned action)
{
    if (__builtin_expect(action != FILTER_ALLOW, 0)) {
        action = scope == RL_WRITE_SLOT
                     ? pairs_slot(look->policy, look->policy->slots, (uint32_t)number,
                                  look->event->code, look->event->frame, value)
                     : judge((enum filter_action)action, value);
        policy_count(scope == RL_WRITE_GLOBAL ? POLICY_GLOBAL : POLICY_LOCAL, action);
        if (action == FILTER_DROP) {
            return;
        }
    }
    struct capture *c = rows_capture(look->t, look->policy);
    if (c == NULL) {
        recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
        return;
    }
    if (look->item >= 0 && value != NULL && action == FILTER_ALLOW) {
        items_put(c, value, typeinfo_get(&look->t->lane, Py_TYPE(value)), look->item);
    }
    c->p = put_varint(c->p, number << 3 | (is_long(value) ? RL_WRITE_WATCHED : 0) | scope);
    c->values = c->p;
    capture_filtered(c, value, action);
    put_row(look, RL_EVENT_WRITE, c->bytes, capture_size(c));
}

/* ---- comparing ---- */

/* Returns the fingerprint of a container, and finds the item that differs from the last look. */
static uint64_t container_word(struct look *look, PyObject *o)
{
    const PyTypeObject *type = Py_TYPE(o);
    if (type == &PyList_Type) {
        return watch_list(o);
    }
    if (type == &PyDict_Type) {
        return watch_dict(o);
    }
    if (type == &PySet_Type) {
        return watch_set(o);
    }
    const struct typeinfo *info = typeinfo_get(&look->t->lane, Py_TYPE(o));
    uint64_t sum = 1;
    switch (info->show) {
    case SHOW_LIST:
        sum = watch_list(o);
        break;
    case SHOW_DICT:
        sum = watch_dict(o);
        break;
    case SHOW_SET:
        sum = watch_set(o);
        break;
    case SHOW_BYTEARRAY: {
        size_t n = (size_t)PyByteArray_GET_SIZE(o);
        const uint8_t *bytes = (const uint8_t *)PyByteArray_AS_STRING(o);
        sum = n;
        for (size_t i = 0; i < n; i++) {
            sum = watch_mix(sum, bytes[i]);
            i = i == 4 * WATCH_ENDS && n > 8 * WATCH_ENDS ? n - 4 * WATCH_ENDS : i;
        }
        break;
    }
    case SHOW_DEQUE:
        sum = captured_deque_word(o);
        break;
    case SHOW_FIELDS:
        for (uint32_t i = 0; i < info->field_count; i++) {
            const char *at = (const char *)o + info->fields[i].offset;
            PyObject *value = *(PyObject *const *)(const void *)at;
            sum = watch_mix(sum, (uint64_t)(uintptr_t)value);
            sum = value != NULL ? sum ^ watch_atom(value) : sum;
        }
        sum = info->has_dict ? watch_attributes(sum, o) : sum;
        break;
    default:
        return 0;
    }
    return info->has_dict && info->show != SHOW_FIELDS ? watch_attributes(sum, o) : sum;
}

/* How a change of an object of this type is found. */
static enum watch watch_of(const PyTypeObject *type)
{
    static const PyTypeObject *const still[] = {
        &PyTuple_Type,     &PyBytes_Type,  &PyFunction_Type,
        &PyCFunction_Type, &PyModule_Type, &PyType_Type,
    };
    if (type == &_PyNone_Type || type == &PyBool_Type) {
        return WATCH_FIXED;
    }
    if (type == &PyLong_Type) {
        return WATCH_INT;
    }
    if (type == &PyUnicode_Type) {
        return WATCH_STR;
    }
    if (type == &PyFloat_Type) {
        return WATCH_FLOAT;
    }
    for (size_t i = 0; i < sizeof still / sizeof *still; i++) {
        if (type == still[i]) {
            return WATCH_NOTHING;
        }
    }
    return WATCH_CONTAINER;
}

/* Keeps what the items are now; which one differs from before. */
static void look_at_items(struct look *look, struct seen *seen, PyObject *now, int is_new)
{
    struct items items;
    items_look(now, typeinfo_get(&look->t->lane, Py_TYPE(now)), &items);
    if (seen->items == NULL && (seen->items = rl_alloc(1, sizeof *seen->items)) == NULL) {
        return;
    }
    look->item = is_new ? -1 : items_difference(seen->items, &items);
    *seen->items = items;
}

/* Whether it is this container's turn, and its content differs. A new object always has its turn.
 */
static int container_differs(struct look *look, struct seen *seen, PyObject *now, int is_new)
{
    uint32_t nth = look->containers++;
    if (!is_new && look->line != 0 && (nth < look->first || look->looked >= CONTAINERS_A_LINE)) {
        return 0;
    }
    look->looked++;
    uint64_t word = container_word(look, now);
    int differs = word != seen->word;
    seen->word = word;
    if (differs || is_new) {
        look_at_items(look, seen, now, is_new);
    }
    return differs;
}

/* The word of an object that has no items. */
static inline uint64_t atom_word(unsigned watch, PyObject *o)
{
    return watch == WATCH_INT     ? watch_int(o)
           : watch == WATCH_FLOAT ? watch_float(o)
                                  : (uint64_t)PyUnicode_GET_LENGTH(o);
}

/* The common case, kept short: nothing of the variable is different. */
static inline int is_same_atom(const struct seen *seen, PyObject *now)
{
    if (now != seen->object) {
        return 0;
    }
    return seen->watch == WATCH_FIXED ||
           (Py_TYPE(now) == seen->type &&
            (seen->watch == WATCH_NOTHING ||
             (seen->watch <= WATCH_FLOAT && seen->word == atom_word(seen->watch, now))));
}

/* Whether the variable differs from what was seen, which is updated. */
static __attribute__((noinline)) int has_changed(struct look *look, struct seen *seen,
                                                 PyObject *now)
{
    int is_new = now != seen->object || (now != NULL && Py_TYPE(now) != seen->type);
    look->item = -1;
    seen->object = now;
    if (now == NULL) {
        seen->watch = WATCH_FIXED;
        return is_new;
    }
    if (is_new) {
        seen->type = Py_TYPE(now);
        seen->watch = (uint16_t)watch_of(seen->type);
    }
    if (seen->watch == WATCH_CONTAINER) {
        return container_differs(look, seen, now, is_new) || is_new;
    }
    uint64_t word = seen->watch > WATCH_NOTHING ? atom_word(seen->watch, now) : 0;
    is_new |= word != seen->word;
    seen->word = word;
    return is_new;
}

/* With more containers than a line may look at, each line goes on where the one before ended. */
static void take_turns(struct look *look, struct snapshot *snapshot)
{
    uint32_t reached = look->first + CONTAINERS_A_LINE;
    snapshot->next =
        look->containers > CONTAINERS_A_LINE && reached < look->containers ? reached : 0;
}

/* The filter's action for a variable in a slot. */
static inline unsigned slot_action(const struct look *look, uint32_t slot)
{
    const struct policy *policy = look->policy;
    return policy == NULL || policy->slots == NULL || slot >= policy->slot_count
               ? FILTER_ALLOW
               : policy->slots[slot];
}

/* The filter's action for a name of a namespace. */
static unsigned name_action(const struct look *look, PyObject *name)
{
    enum filter_kind kind = look->scope == RL_WRITE_GLOBAL ? FILTER_GLOBAL : FILTER_LOCAL;
    return policy_name(look->policy, kind, name);
}

/* Compares the variables that have slots, and writes those that differ. */
static void compare_slots(struct look *look, struct snapshot *snapshot)
{
    native_frame *frame = look->event->frame;
    struct seen *seen = snapshot->slots;
    uint32_t count = snapshot->count;
    for (uint32_t i = 0; i < count; i++, seen++) {
        PyObject *now = native_slot(frame, (Py_ssize_t)i);
        if (__builtin_expect(seen->is_cell, 0) && now != NULL && PyCell_Check(now)) {
            now = PyCell_GET(now);
        }
        if (!is_same_atom(seen, now) && has_changed(look, seen, now)) {
            put_write(look, RL_WRITE_SLOT, i, now, slot_action(look, i));
        }
    }
}

/* Whether a name is __such__: these are not compared in a namespace. */
static int is_dunder(PyObject *name)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(name);
    return n > 4 && PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_' &&
           PyUnicode_READ_CHAR(name, n - 1) == '_' && PyUnicode_READ_CHAR(name, n - 2) == '_';
}

/* The i-th name of the snapshot, made where there is none; NULL without memory. */
static struct seen_name *name_at(struct snapshot *snapshot, uint32_t i)
{
    void *names = snapshot->names;
    if (i >= snapshot->name_cap) {
        size_t cap = snapshot->name_cap;
        if (rl_grow(&names, &cap, i + 1, sizeof *snapshot->names) != 0) {
            return NULL;
        }
        memset((struct seen_name *)names + snapshot->name_cap, 0,
               (cap - snapshot->name_cap) * sizeof *snapshot->names);
        snapshot->names = names;
        snapshot->name_cap = (uint32_t)cap;
    }
    return &snapshot->names[i];
}

/* Numbers of an earlier generation name nothing any more. */
static void renew_names(struct snapshot *snapshot)
{
    for (uint32_t i = 0; snapshot->name_stamp != recording.name_stamp && i < snapshot->name_count;
         i++) {
        snapshot->names[i].id = 0;
    }
    snapshot->name_stamp = recording.name_stamp;
}

/* The name at i is gone, or was added again behind the others. Where its number is gone too,
 * nothing can be written of it. */
static void forget_name(struct look *look, struct snapshot *snapshot, uint32_t i)
{
    const struct seen_name *name = &snapshot->names[i];
    if (name->id != 0) {
        put_write(look, look->scope, name->id, NULL, name->action);
    }
    rl_free(snapshot->names[i].seen.items);
    memmove(&snapshot->names[i], &snapshot->names[i + 1],
            (snapshot->name_count - i - 1) * sizeof *snapshot->names);
    snapshot->name_count--;
}

/* A dictionary keeps the order of its names: a name that is no longer at its place is gone. */
static void compare_names(struct look *look, struct snapshot *snapshot, PyObject *names,
                          int is_first)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    uint32_t count = 0;
    renew_names(snapshot);
    while (count < NAMES_MAX && PyDict_Next(names, &at, &key, &value)) {
        if (!PyUnicode_CheckExact(key) || !TEXT_IS_READY(key) || is_dunder(key)) {
            continue;
        }
        while (count < snapshot->name_count && snapshot->names[count].key != key) {
            forget_name(look, snapshot, count);
        }
        struct seen_name *name = name_at(snapshot, count);
        if (name == NULL) {
            return;
        }
        if (count == snapshot->name_count) {
            *name = (struct seen_name){key, 0, name_action(look, key), {0}};
            snapshot->name_count++;
        }
        if (name->id == 0) {
            name->id = capture_name_id(&look->t->lane, key);
        }
        if (has_changed(look, &name->seen, value) && !is_first) {
            /* A module's names are shared by its body and its functions; each has its own rules. */
            name->action = name_action(look, key);
            put_write(look, look->scope, name->id, value, name->action);
        }
        count++;
    }
    while (count < NAMES_MAX && snapshot->name_count > count) {
        forget_name(look, snapshot, count);
    }
}

/* ---- frames ---- */

/* Makes the snapshot of a frame in which nothing was seen yet; NULL without memory. */
static struct snapshot *new_snapshot(const struct event *event)
{
    int has_names = native_namespace(event->frame) != NULL;
    uint32_t count = has_names ? 0 : (uint32_t)native_slots(event->code);
    count = count < CODE_NAMES_MAX ? count : CODE_NAMES_MAX;
    struct snapshot *s = rl_zalloc_apart(1, sizeof *s + count * sizeof *s->slots);
    for (uint32_t i = 0; s != NULL && i < count; i++) {
        s->slots[i].is_cell = native_is_cell(event->code, (Py_ssize_t)i) != 0;
        s->has_cells |= s->slots[i].is_cell;
    }
    if (s != NULL) {
        s->count = count;
    }
    return s;
}

/* The row of the call has the parameters. */
static void see_parameters(struct look *look, struct snapshot *snapshot)
{
    uint32_t args = code_parameters(look->event->code);
    for (uint32_t i = 0; i < args && i < snapshot->count; i++) {
        Py_ssize_t slot = native_parameter_slot(look->event->code, look->event->frame, i);
        PyObject *now = frame_variable(look->event->code, look->event->frame, slot);
        if ((uint32_t)slot < snapshot->count) {
            (void)has_changed(look, &snapshot->slots[slot], now);
        }
    }
    look->containers = look->looked = 0;
}

/* The names of a module, kept once for all frames that may change them; NULL where there is no
 * memory. *is_first: nothing was seen of it yet. */
static struct snapshot *module_snapshot(PyObject *names, int *is_first)
{
    uint64_t key = (uint64_t)(uintptr_t)names;
    const uint64_t *known = u64map_get(&recording.modules, key);
    *is_first = known == NULL;
    if (known != NULL) {
        return (struct snapshot *)(uintptr_t)*known;
    }
    struct snapshot *s = rl_zalloc_apart(1, sizeof *s);
    if (s != NULL && u64map_put(&recording.modules, key, (uint64_t)(uintptr_t)s) != 0) {
        rl_free(s);
        s = NULL;
    }
    return s;
}

/* Names of a module or class body that runs, or (--globals) of the module that a function is of. */
static void compare_namespace(struct look *look, struct snapshot *own, PyObject *names,
                              int is_first)
{
    PyObject *globals = native_globals(look->event->frame);
    if (names != NULL && (names != globals || !recording.globals)) {
        look->scope = RL_WRITE_NAMESPACE;
        if (PyDict_Check(names)) {
            compare_names(look, own, names, is_first);
            take_turns(look, own);
        }
    } else if (recording.globals && PyDict_Check(globals)) {
        struct snapshot *shared = module_snapshot(globals, &is_first);
        look->scope = names != NULL ? RL_WRITE_NAMESPACE : RL_WRITE_GLOBAL;
        if (shared != NULL) {
            look->first = shared->next;
            look->containers = look->looked = 0;
            compare_names(look, shared, globals, is_first);
            take_turns(look, shared);
        }
    }
}

/* Compares all variables of the frame with the snapshot. is_first: nothing was seen before. */
static void compare_all(struct look *look, struct snapshot *snapshot, int is_first)
{
    PyObject *names = native_namespace(look->event->frame);
    look->first = snapshot->next;
    if (names == NULL) {
        if (is_first) {
            see_parameters(look, snapshot);
        }
        compare_slots(look, snapshot);
        take_turns(look, snapshot);
    }
    if (names != NULL || recording.globals) {
        compare_namespace(look, snapshot, names, is_first);
    }
}

/* The open frame of the event; NULL where it is not recorded. */
static struct open_frame *open_frame_of(struct thread *t, const struct event *event)
{
    struct open_frame *top = &t->stack[t->depth];
    for (uint32_t i = t->depth; top->key != event->frame && i > 0; i--) {
        top = &t->stack[i];
    }
    return top->key == event->frame ? top : NULL;
}

static inline struct look begin_look(struct thread *t, const struct event *event, uint64_t frame,
                                     uint32_t id)
{
    return (struct look){.t = t,
                         .event = event,
                         .policy = policy_of(id),
                         .frame = frame,
                         .ticks = clock_ticks(),
                         .id = id};
}

/* Returns whether each variable is what it was, without changing the snapshot. Containers, cells
 * and names are too costly to compare here: with one of them the answer is 0. */
static inline int is_same_frame(const struct snapshot *snapshot, native_frame *frame)
{
    uint32_t count = snapshot->count;
    if (count == 0 || snapshot->has_cells || recording.globals) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!is_same_atom(&snapshot->slots[i], native_slot(frame, (Py_ssize_t)i))) {
            return 0;
        }
    }
    return 1;
}

/* The line alone, of a frame of this thread. 0: this is not the place, nothing was done. */
static inline int put_same(struct thread *t, const struct event *event, uint32_t id)
{
    const struct open_frame *top = &t->stack[t->depth];
    if (top->key != event->frame || top->snapshot == NULL ||
        top->frame >> RL_FRAME_ORDINAL_BITS != t->lane.thread || event->line > RL_LINE_MAX ||
        !is_same_frame(top->snapshot, event->frame)) {
        return 0;
    }
    (void)lane_put(&t->lane, RL_EVENT_LINE, id,
                   (uint64_t)event->line << RL_FRAME_ORDINAL_BITS |
                       (top->frame & RL_FRAME_ORDINAL_MASK));
    return 1;
}

void lines_put(struct thread *t, const struct event *event, uint32_t id)
{
    if (__builtin_expect(put_same(t, event, id), 1)) {
        return;
    }
    struct open_frame *open = open_frame_of(t, event);
    if (open == NULL) {
        return;
    }
    int is_first = open->snapshot == NULL;
    if (is_first && (open->snapshot = new_snapshot(event)) == NULL) {
        recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
        return;
    }
    struct look look = begin_look(t, event, open->frame, id);
    look.line = event->line;
    compare_all(&look, open->snapshot, is_first);
    put_row(&look, RL_EVENT_LINE, NULL, 0);
}

void lines_leave(struct thread *t, const struct event *event, uint32_t id)
{
    const struct open_frame *open = open_frame_of(t, event);
    if (open == NULL || open->snapshot == NULL) {
        return;
    }
    struct look look = begin_look(t, event, open->frame, id);
    compare_all(&look, open->snapshot, 0);
}

/* ---- snapshots of suspended frames ---- */

void lines_keep(uint64_t frame, struct snapshot *snapshot)
{
    if (snapshot != NULL &&
        u64map_put(&recording.snapshots, frame, (uint64_t)(uintptr_t)snapshot) != 0) {
        lines_free(snapshot);
    }
}

struct snapshot *lines_take(uint64_t frame)
{
    uint64_t at = 0;
    (void)u64map_remove(&recording.snapshots, frame, &at);
    return (struct snapshot *)(uintptr_t)at;
}

void lines_forget(struct u64map *snapshots)
{
    /* A thread in the middle of an event may hold one: then they are left. */
    for (size_t i = 0; recording.outside == 0 && i < snapshots->capacity; i++) {
        if (snapshots->entries[i].key != 0) {
            lines_free((struct snapshot *)(uintptr_t)snapshots->entries[i].value);
        }
    }
    u64map_clear(snapshots);
}
