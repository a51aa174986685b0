/* Why: the debugger, as relive.frame_eval and the prompt see it. What a breakpoint is made from is
 * checked here, once; past this door nothing is. */
#include "mod_debug.h"

#include <string.h>

#include "bytecode.h"
#include "debug_parts.h"
#include "eval_chain.h"
#include "loops.h"
#include "mod_filter.h"
#include "mod_reader.h"
#include "mod_watches.h"
#include "probes.h"
#include "refusal.h"
#include "traced_threads.h"

#include "alloc.h"

/* Raises an error of the engine as a refusal; always NULL. */
static PyObject *raise_error(const struct rl_err *err)
{
    return refusal_raise(err->status, err->text);
}

/* ---- breakpoints ---- */

/* Reads a constant of a condition; -1 with an exception where its type is not simple. */
static int read_constant(PyObject *o, struct condition_value *value)
{
    *value = (struct condition_value){.type = CONDITION_OTHER};
    debug_read_value(o, value);
    if (value->type == CONDITION_OTHER) {
        PyErr_SetString(PyExc_TypeError, "a constant of a condition is of no simple type");
    }
    return value->type == CONDITION_OTHER ? -1 : 0;
}

/* ([(step, operand), ...], (constant, ...)) */
static int read_program(PyObject *said, struct debug_point *point)
{
    PyObject *rows, *constants;
    struct rl_err err;
    if (!PyArg_ParseTuple(said, "O!O!", &PyList_Type, &rows, &PyTuple_Type, &constants)) {
        return -1;
    }
    Py_ssize_t row_count = PyList_GET_SIZE(rows), constant_count = PyTuple_GET_SIZE(constants);
    struct condition_row *r = rl_alloc((size_t)row_count + 1, sizeof *r);
    struct condition_value *c = rl_alloc((size_t)constant_count + 1, sizeof *c);
    int failed = r == NULL || c == NULL;
    for (Py_ssize_t i = 0; !failed && i < row_count; i++) {
        unsigned char step;
        unsigned short operand;
        failed = !PyArg_ParseTuple(PyList_GET_ITEM(rows, i), "bH", &step, &operand);
        r[i] = (struct condition_row){step, operand};
    }
    for (Py_ssize_t i = 0; !failed && i < constant_count; i++) {
        failed = read_constant(PyTuple_GET_ITEM(constants, i), &c[i]) != 0;
    }
    if (!failed && condition_init(&point->program, r, (size_t)row_count, c, (size_t)constant_count,
                                  (size_t)PyTuple_GET_SIZE(point->names), &err) != RL_OK) {
        (void)raise_error(&err);
        failed = 1;
    }
    point->has_program = !failed;
    rl_free(r);
    rl_free(c);
    if (failed && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return failed ? -1 : 0;
}

/* Returns a new reference, or NULL for None. */
static PyObject *own_unless_none(PyObject *o)
{
    if (o == Py_None) {
        return NULL;
    }
    Py_INCREF(o);
    return o;
}

/* (id, line, hits, expression, program, names, log, function, thread, task, data) */
static int read_point(PyObject *said, struct debug_point *point)
{
    const char *hits;
    Py_ssize_t hits_len;
    PyObject *expression, *program, *names, *log, *function, *task, *data;
    struct rl_err err;
    if (!PyTuple_Check(said)) {
        PyErr_SetString(PyExc_TypeError, "a breakpoint is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(said, "IIs#OOO!OOkOO", &point->id, &point->line, &hits, &hits_len,
                          &expression, &program, &PyTuple_Type, &names, &log, &function,
                          &point->thread, &task, &data)) {
        return -1;
    }
    if ((expression != Py_None && !PyUnicode_Check(expression)) ||
        (function != Py_None && !PyUnicode_Check(function)) ||
        (task != Py_None && !PyUnicode_Check(task))) {
        PyErr_SetString(PyExc_TypeError, "conditions and names are texts");
        return -1;
    }
    if (hits_parse(&point->hits, hits, (size_t)hits_len, &err) != RL_OK) {
        (void)raise_error(&err);
        return -1;
    }
    point->names = own_unless_none(names);
    point->expression = own_unless_none(expression);
    point->log = own_unless_none(log);
    point->function = own_unless_none(function);
    point->task = own_unless_none(task);
    if (data != Py_None && debug_data_set(point, data) != 0) {
        return -1;
    }
    return program != Py_None ? read_program(program, point) : 0;
}

/* debug_points(path or None, [breakpoint, ...]) -> how many code objects it met */
static PyObject *debug_points(PyObject *module, PyObject *args)
{
    const char *path;
    PyObject *list;
    (void)module;
    if (!PyArg_ParseTuple(args, "zO!", &path, &PyList_Type, &list)) {
        return NULL;
    }
    size_t count = (size_t)PyList_GET_SIZE(list), done = 0;
    struct debug_file *file = path != NULL ? debug_file_of(path) : debug_functions();
    struct debug_point *points = rl_zalloc(count + 1, sizeof *points);
    if (file == NULL || points == NULL) {
        rl_free(points);
        return PyErr_NoMemory();
    }
    for (; done < count; done++) {
        if (read_point(PyList_GET_ITEM(list, (Py_ssize_t)done), &points[done]) != 0) {
            debug_free_points(points, done + 1);
            return NULL;
        }
    }
    size_t met = debug_set_points(file, points, count);
    if (debugger.is_on && count != 0) {
        debug_engine.reach_running(0);
    }
    return PyLong_FromSize_t(met);
}

/* debug_hit_counts() -> {id: (reached, hits)} */
static PyObject *debug_hit_counts(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return debug_point_counts();
}

/* debug_hits(text): refuses what is no hit condition. */
static PyObject *debug_hits(PyObject *module, PyObject *text)
{
    Py_ssize_t len;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
    struct hits hits;
    struct rl_err err;
    (void)module;
    if (utf8 == NULL || hits_parse(&hits, utf8, (size_t)len, &err) != RL_OK) {
        return utf8 != NULL ? raise_error(&err) : NULL;
    }
    Py_RETURN_NONE;
}

/* debug_exceptions([(id, when, name or None), ...]) */
static PyObject *debug_exceptions(PyObject *module, PyObject *list)
{
    (void)module;
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "a list is wanted");
        return NULL;
    }
    if (debug_catches_set(list) != 0) {
        return NULL;
    }
    if (debugger.is_on && (debugger.catches & CATCH_RAISED)) {
        debug_engine.reach_running(1);
    }
    Py_RETURN_NONE;
}

/* ---- life ---- */

/* Releases what debug_start() was given. */
static void drop_callbacks(void)
{
    Py_CLEAR(debugger.on_stop);
    Py_CLEAR(debugger.on_log);
    Py_CLEAR(debugger.on_reason);
    Py_CLEAR(debugger.on_bound);
    Py_CLEAR(debugger.make_condition);
    debugger.rules = NULL;
    Py_CLEAR(debugger.filter);
}

/* debug_start(on_stop, on_log, on_reason, make_condition, waits_for_main, filter or None, rewrites,
 *             steps_in_thread, budget_s, on_bound): the filter says what code is the user's; None:
 * all. */
static PyObject *debug_start(PyObject *module, PyObject *args)
{
    PyObject *on_stop, *on_log, *on_reason, *on_bound, *make_condition, *filter;
    int waits, rewrites, in_thread;
    double budget;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOpOppdO", &on_stop, &on_log, &on_reason, &make_condition,
                          &waits, &filter, &rewrites, &in_thread, &budget, &on_bound) ||
        (filter != Py_None && mod_filter_get(filter) == NULL)) {
        return NULL;
    }
    if (debugger.is_on) {
        PyErr_SetString(PyExc_RuntimeError, "the debugger is on already in this process");
        return NULL;
    }
    if (debug_codes_init() != 0 || debug_engine.start() != 0) {
        return NULL;
    }
    drop_callbacks();
    debugger.on_stop = own_unless_none(on_stop);
    debugger.on_log = own_unless_none(on_log);
    debugger.on_reason = own_unless_none(on_reason);
    debugger.on_bound = own_unless_none(on_bound);
    debugger.make_condition = own_unless_none(make_condition);
    debugger.run++;
    debugger.own_thread = threads_own;
    debugger.waits_for_main = waits;
    debugger.filter = own_unless_none(filter);
    debugger.rules = debugger.filter != NULL ? mod_filter_get(debugger.filter) : NULL;
    debugger.steps_in_thread = in_thread;
    debugger.rewrites = rewrites;
    debugger.budget_ns = budget > 0 && budget < 1e9 ? (uint64_t)(budget * 1e9) : 0;
    debugger.is_on = 1;
    debug_codes_begin();
    for (struct debug_code *code = debugger.codes; code != NULL; code = code->next) {
        debug_engine.arm(code);
    }
    debug_engine.refresh(); /* the program's first line may be waited for */
    debug_engine.reach_running(0);
    return PyUnicode_FromString(debug_engine.name);
}

/* debug_stop(): stops the debugger and forgets all breakpoints. */
static PyObject *debug_stop(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    if (debugger.is_on) {
        debugger.is_on = 0;
        debugger.run++; /* whoever steps does so no more */
        debugger.steps = 0;
        debugger.waits_for_main = 0;
        debug_pause_clear();
        mod_watches_clear();
        debug_engine.stop();
        debug_codes_clear();
        drop_callbacks();
    }
    Py_RETURN_NONE;
}

/* ---- stepping ---- */

/* debug_step(mode, line, frame or None): of this thread, which has stopped, or is at that frame.
 * Returns False, and does nothing, where the frame is not on the stack of this thread. */
static PyObject *debug_step(PyObject *module, PyObject *args)
{
    int mode;
    unsigned line;
    PyObject *object;
    (void)module;
    if (!PyArg_ParseTuple(args, "iIO", &mode, &line, &object)) {
        return NULL;
    }
    if (mode < STEP_NONE || mode > STEP_UNTIL || (object != Py_None && !PyFrame_Check(object))) {
        PyErr_SetString(PyExc_ValueError, "no such step");
        return NULL;
    }
    native_frame *frame = object != Py_None ? native_of((PyFrameObject *)object) : debug_self.frame;
    struct debug_code *code = frame != NULL && debugger.is_on ? debugger_code_of(frame) : NULL;
    if (code == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this thread has not stopped");
        return NULL;
    }
    if (object != Py_None && frame != debug_self.frame && !debug_is_here((PyFrameObject *)object)) {
        Py_RETURN_FALSE;
    }
    debugger_step_in(code, frame, (enum step_mode)mode, line);
    Py_RETURN_TRUE;
}

/* Reads (code, ((from, to), ...), first line, last line), or None. Returns 0, or -1 with an
 * exception. */
static int read_call(PyObject *o, struct step_call *call)
{
    PyObject *code, *ranges;
    if (o == Py_None) {
        return 0;
    }
    if (!PyArg_ParseTuple(o, "O!O!II", &PyCode_Type, &code, &PyTuple_Type, &ranges, &call->first,
                          &call->last)) {
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(ranges);
    for (Py_ssize_t i = 0; i < count && i < STEP_CALLS; i++) {
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(ranges, i), "II", &call->from[i], &call->to[i])) {
            return -1;
        }
        call->count++;
    }
    call->code = (uintptr_t)code;
    return 0;
}

/* debug_follow(stop, returns, line, begin, instruction, into): frames or None; the thread goes on
 * by bdb's rules. `into` is a call of `stop`, as read_call() takes it. */
static PyObject *debug_follow(PyObject *module, PyObject *args)
{
    PyObject *frames[3], *into = Py_None;
    struct debug_follow wanted = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "OOlOp|O", &frames[0], &frames[1], &wanted.line, &frames[2],
                          &wanted.instruction, &into) ||
        read_call(into, &wanted.into) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < 3; i++) {
        if (frames[i] != Py_None && !PyFrame_Check(frames[i])) {
            PyErr_SetString(PyExc_TypeError, "a frame or None is wanted");
            return NULL;
        }
    }
    if (!debugger.is_on) {
        PyErr_SetString(PyExc_RuntimeError, "the debugger is not on");
        return NULL;
    }
    PyFrameObject **const places[] = {&wanted.stop, &wanted.returns, &wanted.begin};
    for (size_t i = 0; i < 3; i++) {
        *places[i] = frames[i] != Py_None ? (PyFrameObject *)frames[i] : NULL;
    }
    debugger_follow(&wanted);
    Py_RETURN_NONE;
}

/* debug_can_step() -> whether this thread can step. */
static PyObject *debug_can_step(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyBool_FromLong(debugger_can_step());
}

/* debug_stop_now(frame): stops in a frame of this thread. */
static PyObject *debug_stop_now(PyObject *module, PyObject *frame)
{
    (void)module;
    if (!PyFrame_Check(frame)) {
        PyErr_SetString(PyExc_TypeError, "a frame is wanted");
        return NULL;
    }
    if (debugger.is_on && debugger_stop_now((PyFrameObject *)frame) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* debug_unfollow(): this thread steps no more. */
static PyObject *debug_unfollow(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    debugger_end_step();
    Py_RETURN_NONE;
}

/* debug_assign(frame, name[, value]) -> whether the frame has such a variable; it has the value
 * now, or none. */
static PyObject *debug_assign_name(PyObject *module, PyObject *args)
{
    PyObject *object, *name, *value = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!U|O", &PyFrame_Type, &object, &name, &value)) {
        return NULL;
    }
    int done = debug_assign((PyFrameObject *)object, name, value);
    return done < 0 ? NULL : PyBool_FromLong(done);
}

/* debug_pause(thread or 0) -> whether there is such a thread. It stops at its next line of the
 * user's code; 0: any. */
static PyObject *debug_pause(PyObject *module, PyObject *thread)
{
    unsigned long wanted = PyLong_AsUnsignedLong(thread);
    (void)module;
    if (PyErr_Occurred()) {
        return NULL;
    }
    int found = debugger.is_on ? debug_pause_add(wanted, 0) : 1;
    if (found > 0 && debugger.is_on) {
        debug_engine.refresh();
        debug_engine.reach_running(1);
    }
    return found < 0 ? NULL : PyBool_FromLong(found);
}

/* debug_pause_waits(thread or 0) -> whether its pause is still to come */
static PyObject *pause_waits(PyObject *module, PyObject *thread)
{
    unsigned long wanted = PyLong_AsUnsignedLong(thread);
    (void)module;
    return PyErr_Occurred() ? NULL : PyBool_FromLong(debug_pause_waits(wanted));
}

/* debug_unpause(thread or 0) -> whether its pause was still to come */
static PyObject *debug_unpause(PyObject *module, PyObject *thread)
{
    unsigned long wanted = PyLong_AsUnsignedLong(thread);
    (void)module;
    if (PyErr_Occurred()) {
        return NULL;
    }
    int was_wanted = debug_pause_remove(wanted);
    if (was_wanted && debugger.is_on) {
        debug_engine.refresh();
    }
    return PyBool_FromLong(was_wanted);
}

/* debug_stop_at(frame): stops this thread, which runs a signal handler, in a frame of it. Returns
 * False where the debugger does not stop there. */
static PyObject *debug_stop_at(PyObject *module, PyObject *object)
{
    (void)module;
    if (!PyFrame_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "a frame is wanted");
        return NULL;
    }
    PyFrameObject *frame = (PyFrameObject *)object;
    if (!debugger.is_on || debug_self.is_inside || debug_self.is_internal ||
        !debug_is_here(frame)) {
        Py_RETURN_FALSE;
    }
    if (debugger_stop(native_of(frame), frame, "interrupt", PyList_New(0), NULL) != 0) {
        return NULL;
    }
    Py_RETURN_TRUE;
}

/* debug_limited(number, function) -> what it returns; debug_interrupt() ends it. */
static PyObject *debug_limited(PyObject *module, PyObject *args)
{
    unsigned long number;
    PyObject *function;
    (void)module;
    if (!PyArg_ParseTuple(args, "kO", &number, &function)) {
        return NULL;
    }
    return debug_call_limited(number, function);
}

/* debug_interrupt(number, type) -> whether the call still runs */
static PyObject *interrupt_limited(PyObject *module, PyObject *args)
{
    unsigned long number;
    PyObject *type;
    (void)module;
    if (!PyArg_ParseTuple(args, "kO", &number, &type)) {
        return NULL;
    }
    return PyBool_FromLong(debug_interrupt(number, type));
}

/* debug_is_stepping() -> whether this thread steps */
static PyObject *debug_is_stepping(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyBool_FromLong(debugger_step()->mode != STEP_NONE);
}

/* debug_task() -> the name of the task that this thread runs, or None */
static PyObject *debug_task(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *name = loops_task_identity() != 0 ? loops_task_name(thread_self) : NULL; /* owned */
    PyErr_Clear();
    if (name == NULL) {
        Py_RETURN_NONE;
    }
    return name;
}

/* debug_entries(object, start, count) -> (how many, [(name or key, value), ...]) */
static PyObject *list_entries(PyObject *module, PyObject *args)
{
    PyObject *o;
    Py_ssize_t start, count;
    (void)module;
    if (!PyArg_ParseTuple(args, "Onn", &o, &start, &count)) {
        return NULL;
    }
    return debug_entries(o, start, count);
}

/* debug_nested(function) -> what it returns: during a stop, code is debugged again while it runs.
 * It is not recorded, as the rest of the stop is not. */
static PyObject *debug_nested(PyObject *module, PyObject *function)
{
    struct debug_thread *t = &debug_self;
    int was_inside = t->is_inside;
    native_frame *frame = t->frame;
    (void)module;
    t->is_inside = 0;
    t->frame = NULL;
    PyObject *result = PyObject_CallObject(function, NULL);
    debugger_end_step();
    t->is_inside = was_inside;
    t->frame = frame;
    return result;
}

/* debug_internal(flag or None) -> whether this thread was the debugger's own before. */
static PyObject *debug_internal(PyObject *module, PyObject *flag)
{
    int before = debug_self.is_internal;
    (void)module;
    if (flag != Py_None) {
        debugger_set_internal(PyObject_IsTrue(flag) == 1);
    }
    return PyBool_FromLong(before);
}

/* debug_counts() -> {name: count} of what the debugger has done. */
static PyObject *debug_counts(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    const struct {
        const char *name;
        uint64_t count;
    } rows[] = {
#define ROW(name) {#name, debugger.counts.name},
        DEBUG_COUNTERS(ROW)
#undef ROW
            {"code_objects", debug_code_count()},
        {"stepping_threads", (uint64_t)debugger.steps},
    };
    PyObject *counts = PyDict_New();
    for (size_t i = 0; counts != NULL && i < sizeof rows / sizeof *rows; i++) {
        PyObject *count = PyLong_FromUnsignedLongLong(rows[i].count);
        if (count == NULL || PyDict_SetItemString(counts, rows[i].name, count) != 0) {
            Py_CLEAR(counts);
        }
        Py_XDECREF(count);
    }
    return counts;
}

/* debug_rewrite(code, lines) -> (code with probes that do nothing, how many, None), or (None,
 * reason code, why) */
static PyObject *debug_rewrite(PyObject *module, PyObject *args)
{
    PyObject *code, *lines;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O", &PyCode_Type, &code, &lines)) {
        return NULL;
    }
#if BYTECODE_FORMAT
    return probes_init() == 0 ? probes_rewrite((PyCodeObject *)code, lines) : NULL;
#else
    return Py_BuildValue("(Oss)", Py_None, "MODIFIED_CODE_UNAVAILABLE",
                         "this version has no use for rewritten code: monitoring costs nothing");
#endif
}

/* debug_check(code, copy) -> None, or why the copy is not the code with probes alone */
static PyObject *debug_check(PyObject *module, PyObject *args)
{
    PyObject *code, *copy;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!", &PyCode_Type, &code, &PyCode_Type, &copy)) {
        return NULL;
    }
#if BYTECODE_FORMAT
    struct rl_err err;
    if (bytecode_check((PyCodeObject *)code, (PyCodeObject *)copy, &err) == RL_OK) {
        Py_RETURN_NONE;
    }
    return PyUnicode_FromString(err.text);
#else
    return PyUnicode_FromString("code is not rewritten on this version");
#endif
}

/* (path, [line, ...]) of what is known. `in_copy`: a frame of it has probes. */
static PyObject *make_decision(const struct debug_code *known, int in_copy)
{
    PyObject *lines = PyList_New(0);
    for (uint32_t i = 0; lines != NULL && i < known->site_count; i++) {
        PyObject *line = PyLong_FromUnsignedLong(known->sites[i].line);
        if (line == NULL || PyList_Append(lines, line) != 0) {
            Py_CLEAR(lines);
        }
        Py_XDECREF(line);
    }
    const char *path = known->site_count == 0 ? "skip" : in_copy ? "breakpointed" : "original";
    return lines != NULL ? Py_BuildValue("(sN)", path, lines) : NULL;
}

/* debug_decision(frame) -> (path, lines) */
static PyObject *debug_decision(PyObject *module, PyObject *object)
{
    (void)module;
    if (!PyFrame_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "a frame is wanted");
        return NULL;
    }
    native_frame *frame = native_of((PyFrameObject *)object);
    const struct debug_code *known = debug_codes_init() == 0 ? debugger_code_of(frame) : NULL;
    if (known == NULL) {
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    return make_decision(known, !BYTECODE_FORMAT || native_code(frame) == known->copy);
}

/* debug_code_info(code) -> None where it was not met, else (path, lines) */
static PyObject *debug_code_info(PyObject *module, PyObject *code)
{
    (void)module;
    const struct debug_code *known =
        PyCode_Check(code) ? debugger_known((PyCodeObject *)code) : NULL;
    if (known == NULL) {
        Py_RETURN_NONE;
    }
    return make_decision(known, !BYTECODE_FORMAT || known->copy_state == COPY_MADE);
}

/* Who evaluates frames: None is the interpreter itself. */
static PyObject *debug_evaluator(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
#if HAS_EVAL_HOOK
    int is_ours;
    if (eval_chain_is_set(&is_ours)) {
        return PyUnicode_FromString(is_ours ? "relive" : "another tool");
    }
#endif
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"debug_evaluator", debug_evaluator, METH_NOARGS, "Who evaluates frames; None: nobody else."},
    {"debug_start", debug_start, METH_VARARGS, "Starts the debugger; the name of its engine."},
    {"debug_stop", debug_stop, METH_NOARGS, "Stops it; all breakpoints are forgotten."},
    {"debug_points", debug_points, METH_VARARGS,
     "Sets the breakpoints of a file in place of all earlier ones."},
    {"debug_hit_counts", debug_hit_counts, METH_NOARGS, "How often each breakpoint was hit."},
    {"debug_hits", debug_hits, METH_O, "Refuses what is no hit condition."},
    {"debug_exceptions", debug_exceptions, METH_O,
     "Sets the breakpoints on exceptions in place of all earlier ones."},
    {"debug_step", debug_step, METH_VARARGS, "What this thread does next."},
    {"debug_follow", debug_follow, METH_VARARGS, "This thread goes on by bdb's rules."},
    {"debug_can_step", debug_can_step, METH_NOARGS, "Whether this thread can step."},
    {"debug_stop_now", debug_stop_now, METH_O, "Stops in a frame of this thread."},
    {"debug_unfollow", debug_unfollow, METH_NOARGS, "This thread steps no more."},
    {"debug_assign", debug_assign_name, METH_VARARGS, "Writes one variable of a frame."},
    {"debug_pause", debug_pause, METH_O, "The next line of the user's code stops."},
    {"debug_pause_waits", pause_waits, METH_O, "Returns whether a pause is still to come."},
    {"debug_unpause", debug_unpause, METH_O, "Takes a pause back."},
    {"debug_stop_at", debug_stop_at, METH_O, "Stops this thread in a frame, at once."},
    {"debug_limited", debug_limited, METH_VARARGS, "Calls a function that may be interrupted."},
    {"debug_interrupt", interrupt_limited, METH_VARARGS, "Raises an exception in such a call."},
    {"debug_is_stepping", debug_is_stepping, METH_NOARGS, "Whether this thread steps."},
    {"debug_task", debug_task, METH_NOARGS, "The name of the task of this thread, or None."},
    {"debug_entries", list_entries, METH_VARARGS, "Entries of a dictionary or an instance."},
    {"debug_nested", debug_nested, METH_O, "Calls a function that is debugged during a stop."},
    {"debug_internal", debug_internal, METH_O, "This thread is the debugger's own."},
    {"debug_rewrite", debug_rewrite, METH_VARARGS, "Code with probes that do nothing."},
    {"debug_check", debug_check, METH_VARARGS, "Whether code is other code with probes."},
    {"debug_decision", debug_decision, METH_O, "What becomes of a frame, and its lines."},
    {"debug_code_info", debug_code_info, METH_O, "The same of code; None: it was not met."},
    {"debug_counts", debug_counts, METH_NOARGS, "What was done so far, by name."},
    {NULL, NULL, 0, NULL},
};

int mod_debug_add(PyObject *module)
{
    return PyModule_AddFunctions(module, methods) == 0 ? mod_watches_add(module) : -1;
}
