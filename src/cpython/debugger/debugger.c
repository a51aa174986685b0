/* Why: debugger.h describes it. This file decides at a line whether to stop, for both engines.
 *
 * Invariants:
 * - Python runs with is_inside set: code of the debugger never stops and is not recorded.
 * - Python may set other breakpoints. Where debugger.revision has changed after a call, the sites
 *   and points from before may be freed and must not be used. */
#include "debugger.h"

#include <string.h>

#include "debug_changes.h"
#include "debug_parts.h"
#include "eval_chain.h"
#include "gate.h"
#include "loops.h"
#include "pyerror.h"
#include "pyframe.h"
#include "state.h"

#include "alloc.h"
#include "os.h"

struct debugger debugger = {.budget_ns = 100000000};
_Thread_local struct debug_thread debug_self;

/* Begins a part of this thread that is neither debugged nor recorded, nor traced by another tool.
 * Returns what leave_debugger() needs. */
static int enter_debugger(void)
{
    /* A thread without an event so far has no state yet. */
    struct thread *t = recording.recorder != NULL && debugger.own_thread != NULL
                           ? debugger.own_thread()
                           : thread_self;
    debug_self.is_inside++;
    debugger.inside++;
    if (t != NULL) {
        (void)gate_suppress(t);
    }
#if HAS_EVAL_HOOK
    return trace_pause(PyThreadState_Get(), eval_trace);
#else
    return 0;
#endif
}

static void leave_debugger(int was_paused)
{
    struct thread *t = thread_self;
#if HAS_EVAL_HOOK
    trace_resume(PyThreadState_Get(), was_paused);
#else
    (void)was_paused;
#endif
    debug_self.is_inside--;
    debugger.inside--;
    if (t != NULL) {
        gate_resume(t, GATE_CLOSED);
    }
}

void debugger_set_internal(int is_internal)
{
    if (is_internal && !debug_self.is_internal) {
        enter_debugger();
        debug_self.is_inside--;
        debugger.inside--;
    } else if (!is_internal && debug_self.is_internal && thread_self != NULL) {
        gate_resume(thread_self, GATE_CLOSED);
    }
    debug_self.is_internal = is_internal;
}

/* Calls a function of the debugger's Python side, which may stop the debugger. Takes `args`; the
 * result is owned. */
static PyObject *call_python(PyObject *function, PyObject *args)
{
    PyObject *result = NULL;
    if (function != NULL && args != NULL) {
        Py_INCREF(function);
        int was_paused = enter_debugger();
        result = PyObject_Call(function, args, NULL);
        leave_debugger(was_paused);
        Py_DECREF(function);
    }
    Py_XDECREF(args);
    return result;
}

void debugger_reason(const char *code, const char *context)
{
    struct pyerror error = pyerror_take();
    PyObject *done = call_python(debugger.on_reason, Py_BuildValue("ss", code, context));
    if (done == NULL && PyErr_Occurred()) {
        PyErr_WriteUnraisable(debugger.on_reason);
    }
    Py_XDECREF(done);
    pyerror_put_back(&error);
}

void debugger_report_bound(void)
{
    struct pyerror error = pyerror_take();
    debugger.has_bound = 0;
    PyObject *done = call_python(debugger.on_bound, PyTuple_New(0));
    if (done == NULL && PyErr_Occurred()) {
        PyErr_WriteUnraisable(debugger.on_bound);
    }
    Py_XDECREF(done);
    pyerror_put_back(&error);
}

/* ---- conditions ---- */

struct reading {
    const struct debug_site *site;
    native_frame *frame;
};

void debug_read_value(PyObject *o, struct condition_value *value)
{
    if (o == Py_None) {
        value->type = CONDITION_NONE;
    } else if (PyBool_Check(o)) {
        value->type = CONDITION_BOOL;
        value->integer = o == Py_True;
    } else if (PyLong_CheckExact(o)) {
        int is_large;
        value->integer = PyLong_AsLongLongAndOverflow(o, &is_large);
        value->type = is_large ? CONDITION_OTHER : CONDITION_INT;
    } else if (PyFloat_CheckExact(o)) {
        value->type = CONDITION_FLOAT;
        value->number = PyFloat_AS_DOUBLE(o);
    } else if (PyUnicode_CheckExact(o) && TEXT_IS_READY(o)) {
        value->type = CONDITION_TEXT;
        value->width = (int)PyUnicode_KIND(o);
        value->text.data = PyUnicode_DATA(o);
        value->text.len = (size_t)PyUnicode_GET_LENGTH(o);
    }
}

/* Returns a local, else a global of the frame: borrowed or NULL. */
static PyObject *find_variable(const struct debug_site *site, native_frame *frame, Py_ssize_t i)
{
    Py_ssize_t slot = site->reads.items[i];
    if (slot >= 0) {
        return frame_variable(native_code(frame), frame, slot);
    }
    PyObject *name = PyTuple_GET_ITEM(site->point->names, i);
    PyObject *space = native_namespace(frame);
    PyObject *found =
        space != NULL && PyDict_CheckExact(space) ? PyDict_GetItem(space, name) : NULL;
    return found != NULL ? found : PyDict_GetItem(native_globals(frame), name);
}

static void load_variable(void *context, size_t name, struct condition_value *value)
{
    const struct reading *reading = context;
    PyObject *o = find_variable(reading->site, reading->frame, (Py_ssize_t)name);
    if (o != NULL) {
        debug_read_value(o, value);
    }
}

/* Makes the condition's function for this code, again if the globals differ. */
static int make_condition(struct debug_site *site, native_frame *frame)
{
    if (site->condition != NULL && site->globals == native_globals(frame)) {
        return 0;
    }
    Py_CLEAR(site->condition);
    PyObject *made =
        call_python(debugger.make_condition,
                    Py_BuildValue("OOO", site->point->expression, (PyObject *)native_code(frame),
                                  native_globals(frame))); /* owned */
    if (made == NULL) {
        return -1;
    }
    int failed = !PyTuple_Check(made) || PyTuple_GET_SIZE(made) != 2 ||
                 debug_read_slots(&site->takes, native_code(frame), PyTuple_GET_ITEM(made, 1)) != 0;
    if (!failed) {
        site->condition = PyTuple_GET_ITEM(made, 0);
        Py_INCREF(site->condition);
        site->globals = native_globals(frame);
    }
    Py_DECREF(made);
    return failed ? -1 : 0;
}

/* Evaluates the condition in Python: 1, 0, or -1 with an exception. */
static int evaluate_condition(struct debug_site *site, native_frame *frame)
{
    if (make_condition(site, frame) != 0) {
        return -1;
    }
    PyObject *function = site->condition;
    Py_ssize_t count = site->takes.count;
    PyObject *packed = PyTuple_New(count); /* owned */
    for (Py_ssize_t i = 0; packed != NULL && i < count; i++) {
        PyObject *arg = frame_variable(native_code(frame), frame, site->takes.items[i]);
        if (arg == NULL) {
            PyErr_SetString(PyExc_NameError, "a variable of the condition has no value yet");
            Py_CLEAR(packed);
            break;
        }
        Py_INCREF(arg);
        PyTuple_SET_ITEM(packed, i, arg);
    }
    Py_INCREF(function);
    PyObject *result = packed != NULL ? PyObject_CallObject(function, packed) : NULL;
    int is_true = result != NULL ? PyObject_IsTrue(result) : -1;
    Py_XDECREF(result);
    Py_DECREF(function);
    Py_XDECREF(packed);
    return is_true;
}

/* Reports the error of a condition. The program stops there. */
static void condition_failed(const struct debug_point *point)
{
    struct pyerror error = pyerror_take_instance();
    PyObject *text = error.value != NULL ? PyObject_Str(error.value) : NULL; /* owned */
    PyObject *message = PyUnicode_FromFormat(
        "breakpoint %u: %U: %s: %U", point->id, point->expression,
        error.type != NULL ? ((PyTypeObject *)error.type)->tp_name : "an error",
        text != NULL ? text : point->expression);
    PyErr_Clear();
    debugger_reason("CONDITION_ERROR", message != NULL ? PyUnicode_AsUTF8(message) : "");
    PyErr_Clear();
    Py_XDECREF(message);
    Py_XDECREF(text);
    pyerror_drop(&error);
}

/* Returns whether the site's condition holds: in C if possible, else in Python. */
static int condition_holds(struct debug_site *site, native_frame *frame)
{
    struct debug_point *point = site->point;
    if (point->expression == NULL) {
        return 1;
    }
    debugger.counts.condition_evaluations++;
    if (point->has_program && !point->is_slow) {
        struct reading reading = {site, frame};
        enum condition_answer answer = condition_ask(&point->program, load_variable, &reading);
        if (answer != CONDITION_UNKNOWN) {
            debugger.counts.conditions_in_c++;
            return answer == CONDITION_YES;
        }
    }
    uint64_t began = os_mono_ns(), revision = debugger.revision;
    int was_paused = enter_debugger();
    int is_true = evaluate_condition(site, frame);
    leave_debugger(was_paused);
    if (revision != debugger.revision) {
        PyErr_Clear();
        return 0; /* the condition has changed the breakpoints */
    }
    if (is_true < 0) {
        condition_failed(point);
        return 1;
    }
    if (os_mono_ns() - began > debugger.budget_ns && !point->is_slow) {
        point->is_slow = 1;
        debugger_reason("CONDITION_BUDGET_EXCEEDED", PyUnicode_AsUTF8(point->expression));
    }
    return is_true;
}

/* ---- stops ---- */

static int is_suspendable(const PyCodeObject *code)
{
    return (code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0;
}

static struct step_place get_step_place(native_frame *frame, uint32_t line, int is_users)
{
    const PyCodeObject *code = native_code(frame);
    return (struct step_place){
        .frame = (uintptr_t)frame,
        .caller = (uintptr_t)native_caller(frame),
        .line = line,
        .is_users = is_users,
        .is_coroutine =
            (code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR)) != 0,
        .is_generator = is_suspendable(code),
        .task = debugger_step()->task != 0 ? loops_task_identity() : 0,
    };
}

static void end_step(void)
{
    debugger.follows -= debugger_step()->mode == STEP_FOLLOW;
    *debugger_step() = (struct step){0};
    debugger.steps--;
    debug_engine.refresh();
}

/* Returns the frame that counts as the user's from a stop on. In a function of the user's it stays
 * the library's frame that the thread stepped from: that may have called this function. `frame` is
 * NULL where all have ended. */
static uintptr_t origin_of_stop(native_frame *frame)
{
    const struct step *step = debugger_step();
    const struct debug_code *here = frame != NULL ? debugger_code_of(frame) : NULL;
    int is_users = here != NULL && here->is_users;
    return is_users && step->mode == STEP_FOLLOW && step->origin != 0 ? step->origin
                                                                      : (uintptr_t)frame;
}

int debugger_stop(native_frame *frame, PyFrameObject *object, const char *why, PyObject *ids,
                  PyObject *exception)
{
    PyObject *result = NULL;
    debug_self.origin = origin_of_stop(frame);
    if (debugger_step()->mode != STEP_NONE) {
        end_step();
    }
    debug_self.frame = frame;
    (void)debug_pause_remove(0);
    (void)debug_pause_remove(PyThread_get_thread_ident());
    debugger.counts.stops++;
    if (ids != NULL && object != NULL) {
        result =
            call_python(debugger.on_stop, Py_BuildValue("OsOO", (PyObject *)object, why, ids,
                                                        exception != NULL ? exception : Py_None));
    }
    debug_self.frame = NULL;
    debug_self.origin = 0;
    Py_XDECREF(ids);
    Py_XDECREF(result);
    return PyErr_Occurred() ? -1 : 0;
}

static int stop_here(native_frame *frame, const char *why, PyObject *ids)
{
    return debugger_stop(frame, compat_frame_object(frame), why, ids, NULL);
}

static void call_on_log(const struct debug_point *point, native_frame *frame)
{
    debugger.counts.logs++;
    PyObject *done = call_python(
        debugger.on_log, Py_BuildValue("OIO", compat_frame_object(frame), point->id, point->log));
    if (done == NULL && PyErr_Occurred()) {
        PyErr_WriteUnraisable(debugger.on_log);
    }
    Py_XDECREF(done);
}

static int is_in_task(const struct debug_point *point)
{
    struct pyerror error = pyerror_take();
    PyObject *name = loops_task_identity() != 0 ? loops_task_name(thread_self) : NULL; /* owned */
    int is_it = name != NULL && PyUnicode_Compare(name, point->task) == 0;
    Py_XDECREF(name);
    pyerror_put_back(&error);
    return is_it;
}

/* Returns whether a site must be checked: its line begins, or the frame of a site on data is left.
 * The sites of one point are neighbours; when a frame is left, the first stands for all. */
static int is_due(const struct debug_code *code, uint32_t i, uint32_t line)
{
    const struct debug_site *site = &code->sites[i];
    int is_first = i == 0 || code->sites[i - 1].point != site->point;
    return line == LINE_LEFT ? site->point->data != NULL && is_first : site->line == line;
}

PyObject *debugger_sites(struct debug_code *code, native_frame *frame, uint32_t line)
{
    PyObject *ids = NULL;
    if (debug_self.is_inside || debug_self.is_internal || !debugger.is_on) {
        return NULL;
    }
    for (uint32_t i = 0; i < code->site_count; i++) {
        struct debug_site *site = &code->sites[i];
        struct debug_point *point = site->point;
        uint64_t revision = debugger.revision;
        if (!is_due(code, i, line) ||
            (point->thread != 0 && point->thread != PyThread_get_thread_ident()) ||
            (point->task != NULL && !is_in_task(point)) ||
            (point->data != NULL && !debug_data_changed(site, frame))) {
            continue;
        }
        point->reached++;
        size_t stops = ids != NULL ? (size_t)PyList_GET_SIZE(ids) : 0;
        if (!condition_holds(site, frame)) {
            debugger.counts.condition_skips++;
        } else if (revision == debugger.revision && hits_take(&point->hits)) {
            debugger.counts.line_hits++;
            PyObject *id = point->log == NULL ? PyLong_FromUnsignedLong(point->id) : NULL;
            if (point->log != NULL) {
                call_on_log(point, frame);
            } else if (id == NULL || (ids == NULL && (ids = PyList_New(0)) == NULL) ||
                       PyList_Append(ids, id) != 0) {
                PyErr_Clear();
            }
            Py_XDECREF(id);
        }
        if (revision != debugger.revision) {
            break;
        }
        if (point->data != NULL && (ids == NULL || (size_t)PyList_GET_SIZE(ids) == stops)) {
            debug_changes_forget(point->id); /* it does not stop, so nobody takes the change */
        }
    }
    return ids;
}

int debugger_line(struct debug_code *code, native_frame *frame, uint32_t line, PyObject *ids)
{
    const struct debug_thread *t = &debug_self;
    const struct step *current = debugger_step();
    if (t->is_inside || t->is_internal || !debugger.is_on) {
        Py_XDECREF(ids);
        return 0;
    }
    int is_paused = debugger.pause_wanted && code->is_users && debug_is_paused();
    if (ids == NULL && current->mode == STEP_NONE && !is_paused) {
        return 0;
    }
    struct step_place place = get_step_place(frame, line, code->is_users);
    if (ids != NULL) {
        return stop_here(frame, "breakpoint", ids);
    }
    if (is_paused) {
        return stop_here(frame, "pause", PyList_New(0));
    }
    if (current->mode == STEP_FOLLOW) {
        int has_left = current->has_left;
        return step_follows(debugger_step(), STEP_LINE, &place)
                   ? stop_here(frame, has_left ? "step" : "line", PyList_New(0))
                   : 0;
    }
    struct step step = *current;
    return step_take(&step, STEP_LINE, &place) ? stop_here(frame, "step", PyList_New(0)) : 0;
}

int debugger_event(native_frame *frame, enum step_event how, PyObject *value)
{
    static const char *const names[] = {
        [STEP_CALL] = "call",     [STEP_RETURN] = "return", [STEP_YIELD] = "return",
        [STEP_UNWIND] = "return", [STEP_RAISE] = "raise",   [STEP_INSTRUCTION] = "opcode"};
    const struct debug_code *code = debugger_follows() ? debugger_code_of(frame) : NULL;
    if (code == NULL || debug_self.is_inside || debug_self.is_internal || !debugger.is_on) {
        return 0;
    }
    int line = native_line(frame);
    if (how == STEP_INSTRUCTION && line <= 0) {
        return 0; /* a prompt has nothing to show there: the next one stops */
    }
    struct step_place place = get_step_place(frame, line > 0 ? (uint32_t)line : 0, code->is_users);
    if (!step_follows(debugger_step(), how, &place)) {
        return 0;
    }
    struct pyerror error = pyerror_take();
    if (debugger_stop(frame, compat_frame_object(frame), names[how], PyList_New(0), value) != 0) {
        pyerror_drop(&error);
        return -1;
    }
    pyerror_put_back(&error);
    return 0;
}

int debugger_data_left(struct debug_code *code, native_frame *frame)
{
    PyObject *ids = debugger_sites(code, frame, LINE_LEFT); /* owned */
    return ids != NULL ? stop_here(frame, "breakpoint", ids) : 0;
}

void debugger_entered(struct debug_code *code, native_frame *frame, native_frame *caller)
{
    struct step *step = debugger_step();
    if (caller == NULL || step->frame == 0 ||
        !step_awaits(step, (uintptr_t)native_code(caller), native_instruction(caller))) {
        return;
    }
    /* A comprehension's own frame may make the call. A recursion makes it in other frames, too. */
    native_frame *wanted = (native_frame *)step->frame;
    while (caller != NULL && caller != wanted && native_code(caller) != native_code(wanted)) {
        caller = native_caller(caller);
    }
    if (caller == wanted) {
        step_enter(step, (uintptr_t)frame);
        debug_engine.arm(code);
    }
}

void debugger_left(native_frame *frame, enum step_event how)
{
    struct step *step = debugger_step();
    if (debug_self.is_inside || step->mode == STEP_NONE || step->begin != 0) {
        return;
    }
    struct step_place place = get_step_place(frame, 0, 1);
    native_frame *left_to = native_caller(frame);
    if (left_to != NULL && step->frame == place.frame) {
        const struct debug_code *callers = debugger_code_of(left_to);
        place.is_callers_library = callers != NULL && !callers->is_users;
    }
    place.ends_task =
        place.is_coroutine && (left_to == NULL || !is_suspendable(native_code(left_to)));
    uintptr_t before = step->frame;
    if (step_take(step, how, &place)) {
        end_step(); /* nothing of the thread is left to step in */
    } else if (step->frame == 0 && before != 0) {
        debug_engine.refresh();
    } else if (step->frame != before || (step->mode == STEP_FOLLOW && step->frame == 0)) {
        native_frame *next = (native_frame *)(step->frame != 0 ? step->frame : place.caller);
        struct debug_code *caller = debugger_code_of(next);
        if (caller != NULL) {
            debug_engine.arm(caller);
        }
    }
}

void debugger_main_begins(struct debug_code *code, native_frame *frame)
{
    code->is_main = 0;
    debugger.waits_for_main = 0;
    debugger_step_in(code, frame, STEP_OVER, 0);
}

void debugger_step_in(struct debug_code *code, native_frame *frame, enum step_mode mode,
                      uint32_t line)
{
    struct step *step = debugger_step();
    debugger.steps += (mode != STEP_NONE) - (step->mode != STEP_NONE);
    debugger.follows -= step->mode == STEP_FOLLOW;
    *step = (struct step){
        .mode = mode, .frame = mode != STEP_NONE ? (uintptr_t)frame : 0, .line = line};
    step->in_thread = debugger.steps_in_thread;
    if (mode == STEP_IN && !step->in_thread) {
        step->task = loops_task_identity();
    }
    debug_engine.refresh();
    if (mode != STEP_NONE) {
        debug_engine.arm(code);
    }
}

static uintptr_t identity_of(PyFrameObject *object)
{
    return object != NULL ? (uintptr_t)native_of(object) : 0;
}

int debugger_can_step(void)
{
#if HAS_EVAL_HOOK
    return !trace_is_foreign(PyThreadState_Get(), eval_trace);
#else
    return 1;
#endif
}

int debugger_stop_now(PyFrameObject *object)
{
    return debugger_stop(native_of(object), object, "step", PyList_New(0), NULL);
}

void debugger_follow(const struct debug_follow *wanted)
{
    struct step *step = debugger_step();
    PyFrameObject *named[] = {wanted->begin, wanted->stop, wanted->returns};
    debugger.steps += step->mode == STEP_NONE;
    debugger.follows += step->mode != STEP_FOLLOW;
    *step = (struct step){.mode = STEP_FOLLOW,
                          .frame = identity_of(wanted->stop),
                          .returns = identity_of(wanted->returns),
                          .begin = identity_of(wanted->begin),
                          .origin = debug_self.origin,
                          .line = wanted->line > 0 ? (uint32_t)wanted->line : 0,
                          .is_never = wanted->line < 0,
                          .instruction = wanted->instruction,
                          .into = wanted->into,
                          .in_thread = debugger.steps_in_thread};
    if (step->frame == 0 && !step->in_thread) {
        step->task = loops_task_identity();
    }
    debug_engine.refresh();
    struct debug_code *here = debug_self.frame != NULL ? debugger_code_of(debug_self.frame) : NULL;
    if (here != NULL) {
        debug_engine.arm(here);
    }
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        struct debug_code *code = named[i] != NULL ? debugger_code_of(native_of(named[i])) : NULL;
        if (code != NULL) {
            debug_engine.arm(code);
        }
    }
    if (wanted->instruction && debug_engine.arm_instruction != NULL) {
        struct debug_code *code =
            wanted->begin != NULL ? debugger_code_of(native_of(wanted->begin)) : here;
        if (code != NULL) {
            debug_engine.arm_instruction(code);
        }
    }
}

void debugger_end_step(void)
{
    if (debugger_step()->mode != STEP_NONE) {
        end_step();
    }
}
