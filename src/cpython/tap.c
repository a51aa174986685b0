/* Why: see tap.h. Values come out of the bytes that were captured: the listener gets None, bool,
 * int, float and str as they were, and text for all else. So no object of the program lives longer
 * for it, none of its code runs, and what filters have taken out is not there to be seen. */
#include "tap.h"

#include <string.h>

#include "alloc.h"
#include "policy.h"
#include "session.h"
#include "value.h"
#include "value_text.h"

enum { WANTS_LOCALS = 1, WANTS_EXCEPTIONS = 2 };

int tap_is_on;
/* Called as listener(row, raised); the row is (kind, code, its number, line, frame, ns, module,
 * values, locals, exception, caller, its line, task, its name), with None for what there is not. */
static PyObject *listener; /* owned */
static unsigned wants;

/* ---- names ---- */

static struct reader names; /* nothing but its strings: those of the running recording */
static uint32_t known;      /* so many of them had the recorder when it was asked last */

static void learn(uint32_t id, const void *utf8, size_t len)
{
    void *grown = names.texts;
    if (u64map_get(&names.strings, id) == NULL &&
        rl_grow(&grown, &names.text_cap, names.text_count + 1, sizeof *names.texts) == 0) {
        names.texts = grown;
        names.texts[names.text_count++] = (struct text){utf8, len};
        (void)u64map_put(&names.strings, id, names.text_count);
    }
}

void tap_forget_names(void)
{
    u64map_clear(&names.strings);
    names.text_count = 0;
    known = 0;
}

static PyObject *name_of(uint32_t id)
{
    known = recorder_each_string(session.recorder, known, learn);
    struct text text = reader_string(&names, id);
    return PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, "surrogatepass");
}

/* ---- values ---- */

/* A str that was cut bears a mark. */
static PyObject *text_of(const struct value *value)
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

/* What repr() would say, or the nearest thing, from the captured bytes. */
static PyObject *shown(struct bytes_in *in)
{
    struct bytes_out out = {0};
    known = recorder_each_string(session.recorder, known, learn);
    PyObject *text = NULL;
    if (value_text(&out, &names, in) == RL_OK) {
        text = PyUnicode_DecodeUTF8((const char *)out.data, (Py_ssize_t)out.len, "replace");
    }
    bytes_out_fini(&out);
    return text != NULL || PyErr_Occurred() ? text : PyUnicode_FromString("?");
}

/* One value, new; Ellipsis for a variable that is not bound, or was left out. */
static PyObject *take_value(struct bytes_in *in)
{
    struct bytes_in ahead = *in;
    struct value value;
    if (value_next(&ahead, &value) != RL_OK) {
        return NULL;
    }
    PyObject *found = NULL; /* borrowed */
    switch (value.tag) {
    case RL_VALUE_NONE:
        found = Py_None;
        break;
    case RL_VALUE_FALSE:
        found = Py_False;
        break;
    case RL_VALUE_TRUE:
        found = Py_True;
        break;
    case RL_VALUE_UNSET:
    case RL_VALUE_DROPPED:
        found = Py_Ellipsis;
        break;
    case RL_VALUE_INT:
        *in = ahead;
        return PyLong_FromLongLong(value.number);
    case RL_VALUE_FLOAT:
        *in = ahead;
        return PyFloat_FromDouble(value_float(value.bytes));
    case RL_VALUE_STR:
    case RL_VALUE_STR_CUT:
    case RL_VALUE_STR_ODD:
        *in = ahead;
        return text_of(&value);
    case RL_VALUE_BIG_INT:
        *in = ahead;
        PyObject *number = _PyLong_FromByteArray(value.bytes, value.size, 1, 0); /* owned */
        PyObject *signed_ = number != NULL && value.flags ? PyNumber_Negative(number) : NULL;
        if (signed_ != NULL) {
            Py_DECREF(number);
        }
        return signed_ != NULL ? signed_ : number;
    default:
        return shown(in);
    }
    *in = ahead;
    Py_INCREF(found);
    return found;
}

/* (type, message), new; NULL where there is none. */
static PyObject *take_exception(struct bytes_in in)
{
    struct value value;
    if (value_next(&in, &value) != RL_OK || value.tag != RL_VALUE_EXCEPTION) {
        return NULL;
    }
    PyObject *type = name_of(value.type), *message = take_value(&in);
    return Py_BuildValue("NN", type, message);
}

static PyObject *take_all(struct bytes_in in)
{
    PyObject *list = PyList_New(0), *tuple = NULL; /* owned */
    while (list != NULL && bytes_left(&in) != 0) {
        PyObject *value = take_value(&in);
        if (value == NULL || PyList_Append(list, value) != 0) {
            Py_XDECREF(value);
            break;
        }
        Py_DECREF(value);
    }
    tuple = list != NULL && !PyErr_Occurred() ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

/* ---- rows ---- */

struct told {
    unsigned kind;
    uint64_t frame;
    struct bytes_in values;
};

static int is_told(unsigned kind)
{
    return (kind >= RL_EVENT_CALL && kind <= RL_EVENT_LINE) || kind == RL_EVENT_RUNNING;
}

/* The last event of these rows that a listener is told of. */
static int find_told(const uint8_t *row, const uint8_t *end, struct told *told)
{
    struct bytes_in values = {0};
    int is_found = 0;
    while (row < end) {
        uint32_t first = get32(row + RL_ROW_TICKS);
        unsigned kind = get32(row + RL_ROW_KIND) >> RL_ID_BITS;
        uint32_t units = 1;
        if (kind == RL_ROW_DATA) {
            units = lane_data_units(first);
            values = bytes_in_of(row + RL_ROW_FRAME, first);
        } else if (kind == RL_ROW_DEF_STRING || kind == RL_ROW_DEF_CODE) {
            units = 1 + (first + RL_ROW_BYTES - 1) / RL_ROW_BYTES;
        } else if (kind < RL_EVENT_KINDS) {
            if (is_told(kind)) {
                /* a generator that was suspended before the recording goes on */
                kind = kind == RL_EVENT_RUNNING ? RL_EVENT_RESUME : kind;
                *told = (struct told){kind, get64(row + RL_ROW_FRAME), values};
                is_found = 1;
            }
            values = (struct bytes_in){0};
        }
        row += (size_t)units * RL_ROW_BYTES;
    }
    return is_found;
}

/* ---- what is not in the rows ---- */

/* The variables of the frame as the filter has them, new; None where it has none of its own. */
static PyObject *locals_of(struct thread *t, const struct event *event)
{
    PyCodeObject *code = event->code;
    const struct policy *policy = policy_of(CODE_ID(codeinfo_get(code)));
    if (!(code->co_flags & CO_OPTIMIZED)) {
        Py_RETURN_NONE;
    }
#if CELLS_SHARE_SLOTS
    PyObject *const rows[] = {code->co_localsplusnames};
#else
    PyObject *const rows[] = {code->co_varnames, code->co_cellvars, code->co_freevars};
#endif
    PyObject *dict = PyDict_New(); /* owned */
    Py_ssize_t slot = 0;
    for (size_t row = 0; dict != NULL && row < sizeof rows / sizeof *rows; row++) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(rows[row]); i++, slot++) {
            PyObject *value = capture_variable(code, event->frame, slot); /* borrowed */
            struct capture *c = value != NULL ? session_capture(t, policy) : NULL;
            if (c == NULL) {
                continue;
            }
            unsigned action = policy != NULL && policy->slots != NULL && slot < policy->slot_count
                                  ? policy->slots[slot]
                                  : FILTER_ALLOW;
            capture_filtered(c, value, action);
            struct bytes_in in = bytes_in_of(c->bytes, capture_size(c));
            PyObject *made = take_value(&in);
            if (made != NULL && made != Py_Ellipsis) {
                (void)PyDict_SetItem(dict, PyTuple_GET_ITEM(rows[row], i), made);
            }
            Py_XDECREF(made);
        }
    }
    return dict;
}

/* What the row of an exception that goes on through its frames leaves out. */
static PyObject *exception_of(struct thread *t, const struct event *event, const struct told *told)
{
    PyObject *found = take_exception(told->values);
    if (found == NULL && !PyErr_Occurred() && event->arg != NULL && told->kind != RL_EVENT_CALL) {
        struct capture *c = session_capture(t, policy_of(CODE_ID(codeinfo_get(event->code))));
        if (c != NULL) {
            capture_exception(c, event->arg, event->raw, 0);
            found = take_exception(bytes_in_of(c->bytes, capture_size(c)));
        }
    }
    return found;
}

static int is_exception(unsigned kind)
{
    return kind == RL_EVENT_UNWIND || kind == RL_EVENT_RAISE || kind == RL_EVENT_HANDLED ||
           kind == RL_EVENT_THROW;
}

static PyObject *number(unsigned long long n)
{
    return PyLong_FromUnsignedLongLong(n);
}

static PyObject *kept(void *o)
{
    Py_XINCREF((PyObject *)o);
    return o;
}

static int line_of(const struct event *event, unsigned kind)
{
    return kind == RL_EVENT_LINE   ? (int)event->line
           : kind == RL_EVENT_CALL ? event->code->co_firstlineno
                                   : native_line(event->frame);
}

/* What the listener is given to keep, new. */
static PyObject *row_of(struct thread *t, const struct event *event, const struct told *told)
{
    native_frame *caller = session_caller(event->frame);
    int is_raised = is_exception(told->kind), is_line = told->kind == RL_EVENT_LINE;
    uintptr_t task = tasks_identity_now();
    PyObject *const items[] = {
        number(told->kind),
        kept(event->code),
        number(CODE_ID(codeinfo_get(event->code))),
        PyLong_FromLong(line_of(event, told->kind)),
        number(is_line ? thread_top_frame(t) : told->frame),
        number(os_mono_ns()),
        kept(codeinfo_module(native_globals(event->frame))),
        is_raised ? NULL : take_all(told->values),
        wants & WANTS_LOCALS ? locals_of(t, event) : NULL,
        is_raised ? exception_of(t, event, told) : NULL,
        caller != NULL ? kept(native_code(caller)) : NULL,
        caller != NULL ? PyLong_FromLong(native_line(caller)) : NULL,
        task != 0 ? number(task) : NULL,
        task != 0 ? tasks_name_now(t) : NULL,
    };
    enum { COUNT = sizeof items / sizeof *items };
    PyErr_Clear();
    PyObject *row = PyTuple_New(COUNT);
    for (Py_ssize_t i = 0; i < COUNT; i++) {
        if (row == NULL) {
            Py_XDECREF(items[i]);
        } else {
            PyTuple_SET_ITEM(row, i, items[i] != NULL ? items[i] : kept(Py_None));
        }
    }
    return row;
}

/* ---- telling ---- */

static void tell(struct thread *t, const struct event *event, const struct told *told)
{
    PyObject *type, *value, *traceback, *done = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *function = listener;
    t->is_suppressed++;
    t->gate = 0;
    Py_INCREF(function);
    PyObject *row = row_of(t, event, told); /* owned */
    if (row != NULL) {
        PyObject *raised = is_exception(told->kind) && event->arg != NULL ? event->arg : Py_None;
        done = PyObject_CallFunctionObjArgs(function, row, raised, NULL);
        Py_DECREF(row);
    }
    if (done == NULL) {
        PyErr_WriteUnraisable(function);
    }
    Py_XDECREF(done);
    Py_DECREF(function);
    t->is_suppressed -= t->is_suppressed > 0;
    PyErr_Restore(type, value, traceback);
}

enum verdict tap_event(struct thread *t, const struct event *event)
{
    uint64_t chunk = t->lane.chunk;
    const uint8_t *cur = t->lane.cur;
    struct told told;
    Py_INCREF(event->code);
    enum verdict verdict = session_event(event);
    if (t->lane.recorder != NULL && t->lane.cur != NULL) {
        const uint8_t *begin = chunk == t->lane.chunk && cur != NULL ? cur : t->lane.rows;
        if (find_told(begin, t->lane.cur, &told)) {
            tell(t, event, &told);
        }
    }
    Py_DECREF(event->code);
    t->gate = 0; /* the next one comes here too */
    return verdict;
}

/* ---- for Python ---- */

static PyObject *tap(PyObject *module, PyObject *args)
{
    PyObject *function;
    unsigned bits;
    (void)module;
    if (!PyArg_ParseTuple(args, "OI", &function, &bits)) {
        return NULL;
    }
    Py_INCREF(function);
    Py_XDECREF(listener);
    listener = function;
    wants = bits;
    tap_is_on = function != Py_None;
    os_lock_mutex(&session.lock);
    for (struct thread *t = session.threads; t != NULL; t = t->next) {
        t->gate = 0; /* it looks anew at its next event */
    }
    os_unlock_mutex(&session.lock);
    Py_RETURN_NONE;
}

static PyObject *suppress(PyObject *module, PyObject *flag)
{
    struct thread *t = session_own_thread();
    int is_on = PyObject_IsTrue(flag);
    (void)module;
    if (t != NULL && (is_on == 1 || t->is_suppressed > 0)) {
        t->is_suppressed += is_on == 1 ? 1 : -1;
        t->gate = 0;
    }
    return PyBool_FromLong(t != NULL);
}

static PyMethodDef methods[] = {
    {"tap", tap, METH_VARARGS, "Sets the one listener and what it wants; None takes it away."},
    {"suppress", suppress, METH_O, "Nothing of this thread is recorded, until it is undone."},
    {NULL, NULL, 0, NULL},
};

int tap_add(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
