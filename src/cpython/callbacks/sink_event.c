/* Why: see sink_event.h.
 *
 *   struct event_object | raw: values of the row | local variables | exception |
 *                         value_bytes              local_bytes       the rest
 *
 * Invariants: `values` is NULL until a field is used that get_field_at_hand() cannot make. Then it
 * is a tuple of all fields. An event that Python made (_fill) has `values` and no code. */
#include "sink_event.h"

#include <string.h>

#include "codename.h"

#include "alloc.h"
#include "clock.h"
#include "value.h"
#include "value_text.h"

/* ---- times ---- */

static struct clock_pair began;
static int64_t wall_offset; /* from monotonic ns to ns since 1970 */

void sink_clock_begin(void)
{
    (void)clock_init();
    began = clock_pair_now();
    wall_offset = (int64_t)(os_real_ns() - os_mono_ns());
}

static double get_ns_per_tick(void)
{
    struct clock_pair now = clock_pair_now();
    return now.ticks > began.ticks
               ? (double)(now.mono_ns - began.mono_ns) / (double)(now.ticks - began.ticks)
               : 1.0;
}

/* Events of before a later begin are kept, so their ticks may be lower. */
static uint64_t ns_of(uint64_t ticks)
{
    int64_t since = (int64_t)(ticks - began.ticks);
    return began.mono_ns + (uint64_t)(int64_t)((double)since * get_ns_per_tick());
}

double sink_seconds(uint64_t ticks)
{
    return (double)ticks * get_ns_per_tick() / 1e9;
}

/* ---- the object ---- */

struct event_object {
    PyObject_VAR_HEAD     /* bytes in `raw` */
        PyObject *values; /* owned: every field, once one was used that is not at hand */
    PyCodeObject *code;   /* owned; NULL where the values were given */
    PyCodeObject *caller; /* this and the next four: owned or NULL */
    PyObject *module, *task, *trace_id, *traceback;
    struct names *names; /* a share */
    uint64_t ticks, duration;
    unsigned long thread;
    int line, caller_line;
    uint32_t value_bytes, local_bytes; /* the rest of `raw` is an exception's */
    uint32_t max_repr;
    uint8_t kind, flags;
    uint8_t raw[];
};

enum {
    AT_TYPE,
    AT_WALL,
    AT_NS,
    AT_THREAD,
    AT_TRACE,
    AT_FUNCTION,
    AT_QUALIFIED,
    AT_MODULE,
    AT_FILE,
    AT_LINE,
    AT_ARGS,
    AT_KWARGS,
    AT_RETURN,
    AT_LOCALS,
    AT_EXC_TYPE,
    AT_EXC_MESSAGE,
    AT_EXC_TRACE,
    AT_ASYNC,
    AT_TASK,
    AT_CALLED_FROM,
    AT_DURATION,
    FIELDS
};

/* Returns a new reference to an object, or to None for NULL. */
static PyObject *incref_or_none(void *o)
{
    PyObject *found = o != NULL ? o : Py_None;
    Py_INCREF(found);
    return found;
}

static void *incref_if_any(void *o)
{
    Py_XINCREF((PyObject *)o);
    return o;
}

PyObject *sink_event_new(PyTypeObject *type, const struct sink_event *captured, struct names *names,
                         PyObject *trace_id, unsigned flags, uint32_t max_repr)
{
    size_t more = bytes_left(&captured->more), values = bytes_left(&captured->values);
    struct event_object *self =
        PyObject_GC_NewVar(struct event_object, type, (Py_ssize_t)(values + more));
    if (self == NULL) {
        names_drop(names);
        return NULL;
    }
    self->values = NULL;
    self->code = incref_if_any(captured->code);
    self->caller = incref_if_any(captured->caller);
    self->module = incref_if_any(captured->module);
    self->task = incref_if_any(captured->task);
    self->trace_id = incref_if_any(trace_id);
    self->traceback = incref_if_any(captured->traceback);
    self->names = names;
    self->ticks = captured->ticks;
    self->duration = captured->duration;
    self->thread = captured->ident;
    self->line = captured->line;
    self->caller_line = captured->caller_line;
    self->value_bytes = (uint32_t)values;
    self->local_bytes = (uint32_t)captured->local_bytes;
    self->max_repr = max_repr;
    self->kind = (uint8_t)captured->kind;
    self->flags = (uint8_t)(captured->has_locals ? flags : flags & ~(unsigned)SINK_LOCALS);
    if (values != 0) {
        memcpy(self->raw, captured->values.at, values);
    }
    if (more != 0) {
        memcpy(self->raw + values, captured->more.at, more);
    }
    return (PyObject *)self;
}

/* Subclasses made in Python take part in garbage collection, so their base must, too. The events of
 * sink_event_new() are never tracked: they refer to nothing that could refer back. */
static int event_traverse(struct event_object *self, visitproc visit, void *arg)
{
    VISIT_TYPE(self);
    Py_VISIT(self->values);
    Py_VISIT(self->code);
    Py_VISIT(self->caller);
    Py_VISIT(self->module);
    Py_VISIT(self->task);
    Py_VISIT(self->traceback);
    return 0;
}

static void event_dealloc(struct event_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->values);
    Py_XDECREF(self->code);
    Py_XDECREF(self->caller);
    Py_XDECREF(self->module);
    Py_XDECREF(self->task);
    Py_XDECREF(self->trace_id);
    Py_XDECREF(self->traceback);
    names_drop(self->names);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* ---- values ---- */

/* Returns a str; one that was cut when it was captured gets a mark. */
static PyObject *decode_text(const struct value *value)
{
    PyObject *text =
        PyUnicode_DecodeUTF8((const char *)value->bytes, (Py_ssize_t)value->size, "surrogatepass");
    if (text != NULL && (uint64_t)PyUnicode_GET_LENGTH(text) < value->len) {
        PyObject *marked = PyUnicode_FromFormat("%U...[TRUNCATED]", text);
        Py_DECREF(text);
        return marked;
    }
    return text;
}

/* Returns the text of a captured value: like its repr(), as far as the bytes go. */
static PyObject *render_value(struct event_object *self, struct bytes_in *in)
{
    struct bytes_out out = {0};
    PyObject *text = NULL;
    if (self->names != NULL && value_text(&out, names_strings(self->names), in) == RL_OK) {
        text = PyUnicode_DecodeUTF8((const char *)out.data, (Py_ssize_t)out.len, "replace");
    }
    bytes_out_fini(&out);
    return text != NULL || PyErr_Occurred() ? text : PyUnicode_FromString("?");
}

static PyObject *big_int(const struct value *value)
{
    PyObject *number = _PyLong_FromByteArray(value->bytes, value->size, 1, 0); /* owned */
    if (number == NULL || !value->flags) {
        return number;
    }
    PyObject *negative = PyNumber_Negative(number);
    Py_DECREF(number);
    return negative;
}

/* Reads one value: new, Ellipsis for a variable that is unbound or was dropped. */
static PyObject *take_value(struct event_object *self, struct bytes_in *in)
{
    struct bytes_in ahead = *in;
    struct value value;
    PyObject *found;
    if (value_next(&ahead, &value) != RL_OK) {
        return NULL;
    }
    switch (value.tag) {
    case RL_VALUE_NONE:
        found = incref_or_none(Py_None);
        break;
    case RL_VALUE_FALSE:
        found = incref_or_none(Py_False);
        break;
    case RL_VALUE_TRUE:
        found = incref_or_none(Py_True);
        break;
    case RL_VALUE_UNSET:
    case RL_VALUE_DROPPED:
        found = incref_or_none(Py_Ellipsis);
        break;
    case RL_VALUE_INT:
        found = PyLong_FromLongLong(value.number);
        break;
    case RL_VALUE_FLOAT:
        found = PyFloat_FromDouble(value_float(value.bytes));
        break;
    case RL_VALUE_STR:
    case RL_VALUE_STR_CUT:
    case RL_VALUE_STR_ODD:
        found = decode_text(&value);
        break;
    case RL_VALUE_BIG_INT:
        found = big_int(&value);
        break;
    default:
        return render_value(self, in);
    }
    *in = ahead;
    return found;
}

/* Takes a reference to a value and returns one: to the value, or to a text cut at max_repr. */
static PyObject *cut_text(const struct event_object *self, PyObject *value)
{
    static const char mark[] = "...[TRUNCATED]";
    const Py_ssize_t most = (Py_ssize_t)self->max_repr, more = sizeof mark - 1;
    if (value == NULL || !PyUnicode_CheckExact(value) || PyUnicode_GET_LENGTH(value) <= most) {
        return value;
    }
    Py_ssize_t len = PyUnicode_GET_LENGTH(value);
    PyObject *begin = NULL, *tail = PyUnicode_Substring(value, len - more, len); /* owned */
    int is_marked = tail != NULL && PyUnicode_CompareWithASCIIString(tail, mark) == 0;
    Py_XDECREF(tail);
    if (is_marked && len <= most + more) {
        return value;
    }
    begin = PyUnicode_Substring(value, 0, most);
    Py_DECREF(value);
    PyObject *found = begin != NULL ? PyUnicode_FromFormat("%U%s", begin, mark) : NULL;
    Py_XDECREF(begin);
    return found;
}

static PyObject *name_of_slot(const PyCodeObject *code, Py_ssize_t slot) /* borrowed or NULL */
{
#if CELLS_SHARE_SLOTS
    PyObject *const rows[] = {code->co_localsplusnames};
#else
    PyObject *const rows[] = {code->co_varnames, code->co_cellvars, code->co_freevars};
#endif
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        if (slot < PyTuple_GET_SIZE(rows[row])) {
            return PyTuple_GET_ITEM(rows[row], slot);
        }
        slot -= PyTuple_GET_SIZE(rows[row]);
    }
    return NULL;
}

/* Reads **kwargs, which comes next, and stores its items by name. Skips it if it is no dict. */
static void take_keywords(struct event_object *self, struct bytes_in *in, PyObject *into)
{
    struct bytes_in ahead = *in;
    struct value dict;
    if (value_next(&ahead, &dict) != RL_OK || dict.tag != RL_VALUE_DICT) {
        Py_XDECREF(take_value(self, in));
        return;
    }
    *in = ahead;
    for (uint64_t k = dict.shown; k > 0; k--) {
        PyObject *name = take_value(self, in),
                 *value = cut_text(self, take_value(self, in)); /* owned */
        if (name != NULL && value != NULL) {
            (void)PyDict_SetItem(into, name, value);
        }
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
}

/* Reads all values by slot: positional ones into into[0], others into into[1]. */
static void take_named(struct event_object *self, struct bytes_in in, PyObject *const into[2])
{
    const PyCodeObject *code = self->code;
    Py_ssize_t varargs = code->co_argcount + code->co_kwonlyargcount;
    int has_keywords = into[0] != into[1] && (code->co_flags & CO_VARKEYWORDS) != 0;
    Py_ssize_t keywords =
        has_keywords ? varargs + ((code->co_flags & CO_VARARGS) != 0) : PY_SSIZE_T_MAX;
    for (Py_ssize_t slot = 0; bytes_left(&in) != 0; slot++) {
        if (slot == keywords) {
            take_keywords(self, &in, into[1]);
            continue;
        }
        PyObject *name = name_of_slot(code, slot), *value = take_value(self, &in); /* owned */
        int is_positional =
            slot < code->co_argcount || (slot == varargs && (code->co_flags & CO_VARARGS) != 0);
        value = value != Py_Ellipsis ? cut_text(self, value) : value;
        if (value == NULL || name == NULL) {
            Py_XDECREF(value);
            return;
        }
        if (value != Py_Ellipsis) {
            (void)PyDict_SetItem(into[is_positional ? 0 : 1], name, value);
        }
        Py_DECREF(value);
    }
}

static void take_arguments(struct event_object *self, PyObject **fields)
{
    PyObject *into[2] = {PyDict_New(), PyDict_New()};
    if (into[0] != NULL && into[1] != NULL) {
        take_named(self, bytes_in_of(self->raw, self->value_bytes), into);
    }
    fields[AT_ARGS] = into[0];
    fields[AT_KWARGS] = into[1];
}

static void take_locals(struct event_object *self, PyObject **fields)
{
    PyObject *dict = PyDict_New();
    if (dict != NULL) {
        PyObject *into[2] = {dict, dict};
        struct bytes_in in =
            self->local_bytes != 0 || self->kind != RL_EVENT_CALL
                ? bytes_in_of(self->raw + self->value_bytes, self->local_bytes)
                : bytes_in_of(self->raw,
                              self->value_bytes); /* parameters are all locals of a call */
        take_named(self, in, into);
    }
    fields[AT_LOCALS] = dict;
}

static void take_exception(struct event_object *self, PyObject **fields)
{
    size_t before = self->value_bytes + self->local_bytes, n = (size_t)Py_SIZE(self) - before;
    struct bytes_in rows[] = {bytes_in_of(self->raw + before, n),
                              bytes_in_of(self->raw, self->value_bytes)};
    struct value value;
    for (int i = 0; i < 2; i++) {
        if (bytes_left(&rows[i]) != 0 && value_next(&rows[i], &value) == RL_OK &&
            value.tag == RL_VALUE_EXCEPTION && self->names != NULL) {
            struct text type = strings_get(names_strings(self->names), value.type);
            fields[AT_EXC_TYPE] =
                PyUnicode_DecodeUTF8(type.data, (Py_ssize_t)type.len, "surrogatepass");
            fields[AT_EXC_MESSAGE] = cut_text(self, take_value(self, &rows[i]));
            return;
        }
    }
}

static int line_in(PyCodeObject *code, int line)
{
    return line > 0 ? line : PyCode_Addr2Line(code, -line);
}

/* Returns the qualified name that was found when the code was first recorded: new. */
static PyObject *qualified_name(PyCodeObject *code)
{
    PyObject *name = codename_get(code, NULL);
    return name != NULL ? name : incref_or_none(code->co_name);
}

/* Returns a field that needs no captured value: new, or NULL for the other fields. */
static PyObject *get_field_at_hand(struct event_object *self, int field)
{
    static PyObject *types[RL_EVENT_LINE + 1]; /* process-wide, owned */
    static const char *const words[] = {"",      "call",      "return", "yield",   "resume",
                                        "throw", "exception", "raise",  "handled", "line"};
    const int awaits = CO_COROUTINE | CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR;
    PyCodeObject *code = self->code;
    switch (field) {
    case AT_TYPE:
        if (types[self->kind] == NULL) {
            types[self->kind] = PyUnicode_InternFromString(words[self->kind]);
        }
        return incref_or_none(types[self->kind]);
    case AT_WALL:
        return PyLong_FromLongLong((int64_t)ns_of(self->ticks) + wall_offset);
    case AT_NS:
        return PyLong_FromUnsignedLongLong(ns_of(self->ticks));
    case AT_THREAD:
        return PyLong_FromUnsignedLong(self->thread);
    case AT_TRACE:
        return incref_or_none(self->trace_id);
    case AT_FUNCTION:
        return incref_or_none(code->co_name);
    case AT_QUALIFIED:
        return qualified_name(code);
    case AT_MODULE:
        return incref_or_none(self->module);
    case AT_FILE:
        return incref_or_none(code->co_filename);
    case AT_LINE:
        return PyLong_FromLong(line_in(code, self->line));
    case AT_EXC_TRACE:
        return incref_or_none(self->traceback);
    case AT_ASYNC:
        return PyBool_FromLong((code->co_flags & awaits) != 0);
    case AT_TASK:
        return incref_or_none(self->task);
    case AT_DURATION:
        return self->duration != SINK_NO_DURATION ? PyFloat_FromDouble(sink_seconds(self->duration))
                                                  : incref_or_none(NULL);
    default:
        return NULL;
    }
}

/* Makes every field, once. Returns the tuple, borrowed, None for an empty event, or NULL with an
 * exception. */
static PyObject *make_all_fields(struct event_object *self)
{
    if (self->values != NULL || self->code == NULL) {
        return self->values != NULL ? self->values : Py_None;
    }
    PyObject *fields[FIELDS] = {NULL};
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = get_field_at_hand(self, i);
    }
    if (self->kind == RL_EVENT_CALL && self->flags & SINK_ARGS && self->value_bytes != 0) {
        take_arguments(self, fields);
    } else if (self->kind == RL_EVENT_CALL && self->flags & SINK_ARGS) {
        fields[AT_ARGS] = PyDict_New();
        fields[AT_KWARGS] = PyDict_New();
    } else if (!sink_kind_is_exception(self->kind) && self->kind != RL_EVENT_CALL &&
               self->flags & SINK_RETURNS && self->value_bytes != 0) {
        struct bytes_in in = bytes_in_of(self->raw, self->value_bytes);
        fields[AT_RETURN] = cut_text(self, take_value(self, &in));
    } else if (sink_kind_is_exception(self->kind)) {
        take_exception(self, fields);
    }
    if (self->flags & SINK_LOCALS) {
        take_locals(self, fields);
    }
    if (self->caller != NULL) {
        fields[AT_CALLED_FROM] =
            PyUnicode_FromFormat("%U:%d %U", self->caller->co_filename,
                                 line_in(self->caller, self->caller_line), self->caller->co_name);
    }
    PyErr_Clear();
    PyObject *tuple = PyTuple_New(FIELDS);
    for (int i = 0; i < FIELDS; i++) {
        if (tuple != NULL) {
            PyTuple_SET_ITEM(tuple, i, fields[i] != NULL ? fields[i] : incref_or_none(NULL));
        } else {
            Py_XDECREF(fields[i]);
        }
    }
    return self->values = tuple;
}

/* ---- for Python ---- */

static PyObject *get_field(struct event_object *self, void *number)
{
    int field = (int)(intptr_t)number;
    PyObject *found =
        self->values == NULL && self->code != NULL ? get_field_at_hand(self, field) : NULL;
    if (found != NULL || PyErr_Occurred()) {
        return found;
    }
    PyObject *values = make_all_fields(self);
    return values == NULL || values == Py_None ? values == NULL ? NULL : incref_or_none(NULL)
                                               : incref_or_none(PyTuple_GET_ITEM(values, field));
}

static PyObject *event_all(struct event_object *self, PyObject *ignored)
{
    (void)ignored;
    PyObject *values = make_all_fields(self);
    return values != NULL ? incref_or_none(values) : NULL;
}

static PyObject *event_fill(struct event_object *self, PyObject *values)
{
    if (!PyTuple_CheckExact(values) || PyTuple_GET_SIZE(values) != FIELDS || self->code != NULL ||
        self->values != NULL) {
        PyErr_SetString(PyExc_AttributeError, "an event is filled once, with all of its fields");
        return NULL;
    }
    self->values = incref_or_none(values);
    Py_RETURN_NONE;
}

static PyObject *event_make(PyTypeObject *type, PyObject *args, PyObject *names)
{
    (void)args;
    (void)names;
    return type->tp_alloc(type, 0); /* all zeros; the constructor in Python fills it */
}

static PyMethodDef methods[] = {
    {"_all", (PyCFunction)event_all, METH_NOARGS, "Returns every field, in order."},
    {"_fill", (PyCFunction)event_fill, METH_O, "Sets every field of a new event."},
    {NULL, NULL, 0, NULL},
};

#define FIELD(name, number) {name, (getter)get_field, NULL, NULL, (void *)(intptr_t)(number)}
static PyGetSetDef fields_of_event[] = {
    FIELD("event_type", AT_TYPE),
    FIELD("monotonic_ns", AT_NS),
    FIELD("thread_id", AT_THREAD),
    FIELD("trace_id", AT_TRACE),
    FIELD("function_name", AT_FUNCTION),
    FIELD("qualified_name", AT_QUALIFIED),
    FIELD("module_name", AT_MODULE),
    FIELD("file_path", AT_FILE),
    FIELD("line_number", AT_LINE),
    FIELD("args", AT_ARGS),
    FIELD("kwargs", AT_KWARGS),
    FIELD("return_value", AT_RETURN),
    FIELD("local_vars", AT_LOCALS),
    FIELD("exception_type", AT_EXC_TYPE),
    FIELD("exception_message", AT_EXC_MESSAGE),
    FIELD("exception_traceback", AT_EXC_TRACE),
    FIELD("is_async", AT_ASYNC),
    FIELD("task", AT_TASK),
    FIELD("called_from", AT_CALLED_FROM),
    FIELD("duration", AT_DURATION),
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, event_make},
    {Py_tp_dealloc, event_dealloc},
    {Py_tp_traverse, event_traverse},
    {Py_tp_methods, methods},
    {Py_tp_getset, fields_of_event},
    {Py_tp_doc, "One event, the argument of a callback."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "relive._core.Event",
    .basicsize = offsetof(struct event_object, raw),
    .itemsize = 1,
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int sink_event_add(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    if (type == NULL || PyModule_AddObject(module, "Event", type) != 0) {
        Py_XDECREF(type);
        return -1;
    }
    return 0;
}
