/* The differences between CPython versions. This file and the frame headers that it includes are
 * the only ones that compare PY_VERSION_HEX. Other code tests a capability (HAS_..., CODE_HAS_...),
 * so support for a new version begins here. Include this file first: it comes before Python.h. */
#ifndef COMPAT_H
#define COMPAT_H

#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1 /* frame layouts; only inline functions and fields are used */
#include <Python.h>
#include <frameobject.h>
#include <structmember.h>

#if PY_VERSION_HEX < 0x03080000 || PY_VERSION_HEX >= 0x03100000
#error "Relive knows CPython 3.8 to 3.15"
#endif

/* The folder of the standard library below lib. */
#define COMPAT_LIBRARY_FOLDER                                                                      \
    "python" Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION)
/* Calls can be seen by sys.monitoring. */
#define HAS_MONITORING    (PY_VERSION_HEX >= 0x030c0000)
#define HAS_DICT_WATCHERS (PY_VERSION_HEX >= 0x030c0000)
/* A frame evaluator can be set without losing recursion depth or inlined calls for good. */
#define HAS_EVAL_HOOK           (PY_VERSION_HEX < 0x030c0000)
#define HOOK_TAKES_THREAD_STATE (PY_VERSION_HEX >= 0x03090000)
/* The evaluator is called once more when a generator is made, and not for nested inlined calls. */
#define HOOK_SEES_GENERATOR_CREATION (PY_VERSION_HEX >= 0x030b0000)
/* Python-to-Python calls use no C stack, unless an eval hook is set. */
#define CALLS_ARE_INLINED (PY_VERSION_HEX >= 0x030b0000)
/* What the interpreter spends on calling a profile or trace function, ns. */
#define TRACED_NS (PY_VERSION_HEX >= 0x030b0000 ? 40 : 10)
/* The bytecode format that src/cpython/rewrite handles; 0 where the debugger rewrites no code. */
#if PY_VERSION_HEX < 0x030a0000
#define BYTECODE_FORMAT 308
#elif PY_VERSION_HEX < 0x030b0000
#define BYTECODE_FORMAT 310
#elif PY_VERSION_HEX < 0x030c0000
#define BYTECODE_FORMAT 311
#else
#define BYTECODE_FORMAT 0
#endif
/* Line events of a trace function. TELLS_PROBES: the probe that begins a line has an event of its
 * own, before the event of the line. EXCEPTIONS_BEGIN_LINES: a handler that an exception reaches
 * has an event, even where the handler begins in the middle of its line. */
#define BYTECODE_TELLS_PROBES           (BYTECODE_FORMAT == 308)
#define BYTECODE_EXCEPTIONS_BEGIN_LINES (PY_VERSION_HEX >= 0x03090000)
#define BYTECODE_HAS_CALL_FINALLY       (PY_VERSION_HEX < 0x03090000)
/* Code objects tell their lines; before 3.10 a table has to be read. */
#define HAS_CODE_LINES    (PY_VERSION_HEX >= 0x030a0000)
#define CODE_HAS_QUALNAME (PY_VERSION_HEX >= 0x030b0000)
/* A profile or trace function can be set in another thread. */
#define HAS_SET_FOR_THREAD       (PY_VERSION_HEX >= 0x03090000)
#define HAS_SET_TRACE_FOR_THREAD (PY_VERSION_HEX >= 0x03090000 && PY_VERSION_HEX < 0x030d0000)
/* A closed generator may end without any event. */
#define GENERATOR_CLOSE_MAY_BE_UNSEEN (PY_VERSION_HEX >= 0x030d0000 && PY_VERSION_HEX < 0x030e0000)
#ifdef Py_GIL_DISABLED
#define IS_FREE_THREADED 1
#else
#define IS_FREE_THREADED 0
#endif

#if HAS_SET_FOR_THREAD
#include <internal/pycore_ceval.h>
#endif

/* The collector knows from 3.9 on that an instance holds its heap type. */
#if PY_VERSION_HEX >= 0x03090000
#define VISIT_TYPE(object) Py_VISIT(Py_TYPE(object))
#else
#define VISIT_TYPE(object) (void)0
#endif

/* Where the attributes of an instance of a Python class are stored, if not in a dictionary:
 *
 *     3.11     VALUES_POINTER   a pointer before the object leads to an array of values
 *     3.12     TAGGED_VALUES    the same pointer leads to the values or to the dictionary
 *     3.13+    INLINE_VALUES    the values are part of the object */
#if PY_VERSION_HEX >= 0x030d0000
#define HAS_INLINE_VALUES 1
#elif PY_VERSION_HEX >= 0x030c0000
#define HAS_TAGGED_VALUES 1
#elif PY_VERSION_HEX >= 0x030b0000
#define HAS_VALUES_POINTER 1
#endif
#ifndef HAS_INLINE_VALUES
#define HAS_INLINE_VALUES 0
#endif
#ifndef HAS_TAGGED_VALUES
#define HAS_TAGGED_VALUES 0
#endif
#ifndef HAS_VALUES_POINTER
#define HAS_VALUES_POINTER 0
#endif
#define HAS_MANAGED_DICT (HAS_INLINE_VALUES || HAS_TAGGED_VALUES || HAS_VALUES_POINTER)
#if HAS_MANAGED_DICT
#include <internal/pycore_dict.h>
#include <internal/pycore_object.h>
#endif

/* A dictionary has a number that changes with its content. On 3.13 the number does not cover a
 * dictionary whose values are in an array of their own (a split one). */
#define DICT_HAS_VERSION         (PY_VERSION_HEX < 0x030e0000)
#define DICT_VERSION_SKIPS_SPLIT (PY_VERSION_HEX >= 0x030d0000 && PY_VERSION_HEX < 0x030e0000)
#define DICT_VERSION(dict)       ((dict)->ma_version_tag)

/* An object that is never freed. */
#if PY_VERSION_HEX >= 0x030c0000
#define OBJECT_IS_IMMORTAL(o) _Py_IsImmortal(o)
#else
#define OBJECT_IS_IMMORTAL(o) 0
#endif

/* A type has a number that no other type has, and that changes with each change of the type. */
#define VERSION_IS_ENOUGH (PY_VERSION_HEX >= 0x030d0000) /* else a flag says if it still holds */
#if VERSION_IS_ENOUGH
#define TYPE_HAS_VERSION(type) ((type)->tp_version_tag != 0)
#else
#define TYPE_HAS_VERSION(type)                                                                     \
    ((type)->tp_version_tag != 0 && ((type)->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG) != 0)
#endif

/* The digits of an int, low first, PyLong_SHIFT bits each. */
#if PY_VERSION_HEX >= 0x030c0000
#define LONG_DIGITS(o)        (((PyLongObject *)(o))->long_value.ob_digit)
#define LONG_COUNT(o)         ((Py_ssize_t)(((PyLongObject *)(o))->long_value.lv_tag >> 3))
#define LONG_IS_NEGATIVE(o)   ((((PyLongObject *)(o))->long_value.lv_tag & 3) == 2)
#define LONG_SIZE_AND_SIGN(o) (((PyLongObject *)(o))->long_value.lv_tag)
#define LONG_SIZE_PLACE(o)    (&((PyLongObject *)(o))->long_value.lv_tag)
#else
#if PY_VERSION_HEX < 0x030b0000
#include <longintrepr.h>
#endif
#define LONG_DIGITS(o)        (((PyLongObject *)(o))->ob_digit)
#define LONG_COUNT(o)         (Py_SIZE(o) < 0 ? -Py_SIZE(o) : Py_SIZE(o))
#define LONG_IS_NEGATIVE(o)   (Py_SIZE(o) < 0)
#define LONG_SIZE_AND_SIGN(o) Py_SIZE(o)
#define LONG_SIZE_PLACE(o)    (&((PyVarObject *)(o))->ob_size)
#endif

/* A str may be in a legacy form that has no characters yet. */
#if PY_VERSION_HEX < 0x030c0000
#define TEXT_IS_READY(o) PyUnicode_IS_READY(o)
#else
#define TEXT_IS_READY(o) 1
#endif

/* Made by C, not by a class statement: a heap type that a C module made knows its module. */
#if PY_VERSION_HEX >= 0x03090000
#define TYPE_IS_NATIVE(type)                                                                       \
    (!((type)->tp_flags & Py_TPFLAGS_HEAPTYPE) || ((PyHeapTypeObject *)(type))->ht_module != NULL)
#else
#define TYPE_IS_NATIVE(type) (!((type)->tp_flags & Py_TPFLAGS_HEAPTYPE))
#endif

/* _asyncio.current_task() is there; before, a dictionary of loops and their tasks. */
#define HAS_NATIVE_CURRENT_TASK (PY_VERSION_HEX >= 0x030c0000)

/* frame.f_locals of a function writes to the frame itself. */
#define LOCALS_WRITE_THROUGH (PY_VERSION_HEX >= 0x030d0000)
/* The compiler may have proved that a local is bound, and reads it without a look. */
#define LOCALS_STAY_BOUND (PY_VERSION_HEX >= 0x030c0000)

/* Cells are among the slots of the locals, which they take over when the frame begins. */
#define CELLS_SHARE_SLOTS (PY_VERSION_HEX >= 0x030b0000)

#if PY_VERSION_HEX < 0x03090000
#include "frame_308.h"
#elif PY_VERSION_HEX < 0x030a0000
#include "frame_309.h"
#elif PY_VERSION_HEX < 0x030b0000
#include "frame_310.h"
#elif PY_VERSION_HEX < 0x030c0000
#include "frame_311.h"
#elif PY_VERSION_HEX < 0x030d0000
#include "frame_312.h"
#elif PY_VERSION_HEX < 0x030e0000
#include "frame_313.h"
#elif PY_VERSION_HEX < 0x030f0000
#include "frame_314.h"
#else
#include "frame_315.h"
#endif

#if PY_VERSION_HEX < 0x030d0000
#define PyThreadState_GetUnchecked _PyThreadState_UncheckedGet
#endif

#if PY_VERSION_HEX < 0x030c0000
#define compat_request_extra_index _PyEval_RequestCodeExtraIndex
#define compat_set_extra           _PyCode_SetExtra
#define compat_get_extra           _PyCode_GetExtra
#else
#define compat_request_extra_index PyUnstable_Eval_RequestCodeExtraIndex
#define compat_set_extra           PyUnstable_Code_SetExtra
#define compat_get_extra           PyUnstable_Code_GetExtra
#endif

/* Returns the value at an index of a code object's co_extra, read directly, or NULL. */
static inline void *compat_extra(PyCodeObject *code, Py_ssize_t index)
{
    struct extra {
        Py_ssize_t size;
        void *values[1];
    };
    const struct extra *extra = code->co_extra;
    return extra != NULL && extra->size > index ? extra->values[index] : NULL;
}

/* The object of the frame that runs in this thread now: borrowed. */
static inline PyFrameObject *compat_frame_object(native_frame *current)
{
#if CALLS_ARE_INLINED
    (void)current;
    return PyEval_GetFrame();
#else
    return current;
#endif
}

/* What a weak reference refers to, to be compared only; NULL where it is gone. */
static inline PyObject *compat_referent(PyObject *reference)
{
#if PY_VERSION_HEX >= 0x030d0000
    PyObject *found = NULL;
    (void)PyWeakref_GetRef(reference, &found);
    Py_XDECREF(found);
    return found;
#else
    PyObject *found = PyWeakref_GET_OBJECT(reference);
    return found != Py_None ? found : NULL;
#endif
}

/* Where an exception that is on its way has been so far: borrowed, or NULL. with_traceback(None)
 * stores None before 3.12. */
static inline PyTracebackObject *compat_traceback(PyObject *exc)
{
    PyObject *found =
        PyExceptionInstance_Check(exc) ? ((PyBaseExceptionObject *)exc)->traceback : NULL;
#if !HAS_MONITORING
    const PyThreadState *ts = PyThreadState_Get();
    if (ts->curexc_traceback != NULL && ts->curexc_value == exc) {
        found = ts->curexc_traceback;
    }
#endif
    return found != NULL && PyTraceBack_Check(found) ? (PyTracebackObject *)found : NULL;
}

/* The bytecode as it was compiled: owned, NULL with an exception. */
static inline PyObject *compat_code_bytes(PyCodeObject *code)
{
#if CALLS_ARE_INLINED
    return PyCode_GetCode(code);
#else
    Py_INCREF(code->co_code);
    return code->co_code;
#endif
}

static inline PyObject *compat_qualname(PyCodeObject *code) /* borrowed; NULL before 3.11 */
{
#if CODE_HAS_QUALNAME
    return code->co_qualname;
#else
    (void)code;
    return NULL;
#endif
}

/* A frame evaluator may switch the trace function on for one frame alone. On 3.8 and 3.9 it sets
 * and clears the function. On 3.10 and 3.11 it also writes `use_tracing`, a word of the
 * thread's current `cframe`.
 *
 *     before = trace_switch(state, ours, 1);
 *     result = ...                               the frame runs with line events
 *     trace_switch_restore(state, ours, before);
 *
 * trace_switch() returns -1 and does nothing where the trace function is another tool's. */
#if HAS_EVAL_HOOK
#if PY_VERSION_HEX < 0x030a0000
static inline void trace_switch_put(PyThreadState *ts, Py_tracefunc function)
{
#if PY_VERSION_HEX < 0x03090000
    int *possible = &_PyRuntime.ceval.tracing_possible;
#else
    int *possible = &ts->interp->ceval.tracing_possible;
#endif
    *possible += (function != NULL) - (ts->c_tracefunc != NULL);
    ts->c_tracefunc = function;
    ts->use_tracing = function != NULL || ts->c_profilefunc != NULL;
}

static inline int trace_switch(PyThreadState *ts, Py_tracefunc ours, int is_on)
{
    int was_on = ts->c_tracefunc == ours;
    if (ts->c_tracefunc != NULL && !was_on) {
        return -1;
    }
    if (was_on != is_on) {
        trace_switch_put(ts, is_on ? ours : NULL);
    }
    return was_on;
}

static inline void trace_switch_restore(PyThreadState *ts, Py_tracefunc ours, int was_on)
{
    if (was_on >= 0 && (ts->c_tracefunc == NULL || ts->c_tracefunc == ours) &&
        was_on != (ts->c_tracefunc == ours)) {
        trace_switch_put(ts, was_on ? ours : NULL);
    }
}

static inline int trace_switch_is_on(const PyThreadState *ts, Py_tracefunc ours)
{
    return ts->c_tracefunc == ours;
}

/* Within the trace function: it is not to be called for this frame again. */
static inline void trace_switch_leave(PyThreadState *ts, Py_tracefunc ours)
{
    (void)trace_switch(ts, ours, 0);
}

/* Switches it on for frames that run already: 0, or -1 where it is somebody else's. */
static inline int trace_switch_reach(PyThreadState *ts, Py_tracefunc ours)
{
    return trace_switch(ts, ours, 1) < 0 ? -1 : 0;
}
#else
static inline int trace_switch_is_on(const PyThreadState *ts, Py_tracefunc ours)
{
    return ts->cframe->use_tracing != 0 && ts->c_tracefunc == ours;
}

static inline int trace_switch_reach(PyThreadState *ts, Py_tracefunc ours)
{
    if (ts->c_tracefunc != NULL && ts->c_tracefunc != ours) {
        return -1;
    }
    ts->c_tracefunc = ours;
    for (__typeof__(ts->cframe) c = ts->cframe; c != &ts->root_cframe; c = c->previous) {
        c->use_tracing = 255;
    }
    return 0;
}

static inline int trace_switch(PyThreadState *ts, Py_tracefunc ours, int is_on)
{
    int before = ts->c_tracefunc == ours && ts->cframe->use_tracing != 0;
    if ((ts->c_tracefunc != NULL && ts->c_tracefunc != ours) || ts->tracing != 0) {
        return -1; /* within a trace function nothing is traced, and the word is off for the time */
    }
    /* Both, since the interpreter computes the word again from whether there is a function. */
    ts->c_tracefunc = is_on ? ours : NULL;
    ts->cframe->use_tracing = is_on || ts->c_profilefunc != NULL ? 255 : 0;
    return before;
}

static inline void trace_switch_restore(PyThreadState *ts, Py_tracefunc ours, int before)
{
    if (before >= 0) {
        (void)trace_switch(ts, ours, before);
    }
}

static inline void trace_switch_put(PyThreadState *ts, Py_tracefunc function)
{
    ts->c_tracefunc = function;
}

static inline void trace_switch_leave(PyThreadState *ts, Py_tracefunc ours)
{
    (void)ours;
    ts->c_tracefunc = NULL; /* the interpreter puts its word back by whether there is one */
}
#endif

/* Returns whether another tool's trace function is on in the thread. */
static inline int trace_is_foreign(const PyThreadState *ts, Py_tracefunc ours)
{
    return ts->c_tracefunc != NULL && ts->c_tracefunc != ours;
}

/* Returns whether another tool's profile function sees what the thread runs: not what that function
 * runs itself, nor a trace function. */
static inline int profile_is_foreign(const PyThreadState *ts, Py_tracefunc ours)
{
    return ts->c_profilefunc != NULL && ts->c_profilefunc != ours && ts->tracing == 0;
}

static inline void trace_allow(PyThreadState *ts, int is_allowed)
{
    ts->tracing += is_allowed ? -1 : 1;
    int has = ts->tracing == 0 && (ts->c_tracefunc != NULL || ts->c_profilefunc != NULL);
#if PY_VERSION_HEX < 0x030a0000
    ts->use_tracing = has;
#else
    ts->cframe->use_tracing = has ? 255 : 0;
#endif
}

/* Until trace_resume(), another tool's trace function is not called, as within itself. Returns what
 * trace_resume() needs: whether there is one. */
static inline int trace_pause(PyThreadState *ts, Py_tracefunc ours)
{
    int is_foreign = trace_is_foreign(ts, ours);
    if (is_foreign) {
        trace_allow(ts, 0);
    }
    return is_foreign;
}

static inline void trace_resume(PyThreadState *ts, int was_paused)
{
    if (was_paused) {
        trace_allow(ts, 1);
    }
}

/* The evaluator's signature changed twice; these hide it. */
#if HOOK_TAKES_THREAD_STATE
#define HOOK_ARGS PyThreadState *ts, native_frame *frame, int is_throw
#define HOOK_PASS ts, frame, is_throw
#else
#define HOOK_ARGS native_frame *frame, int is_throw
#define HOOK_PASS frame, is_throw
#endif

static inline _PyFrameEvalFunction compat_get_eval(void)
{
#if PY_VERSION_HEX < 0x03090000
    return PyThreadState_Get()->interp->eval_frame;
#else
    return _PyInterpreterState_GetEvalFrameFunc(PyInterpreterState_Main());
#endif
}

static inline void compat_set_eval(_PyFrameEvalFunction eval)
{
#if PY_VERSION_HEX < 0x03090000
    PyThreadState_Get()->interp->eval_frame = eval;
#else
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Main(), eval);
#endif
}
#endif

/* The interpreter keeps the functions of `atexit`. Before 3.10 the module keeps them, so a second
 * import of the module would begin without them. */
#define EXIT_FUNCTIONS_ARE_THE_INTERPRETERS (PY_VERSION_HEX >= 0x030a0000)

/* Daemon threads that wait for the GIL get it after the interpreter's state is gone, and crash, if
 * the process goes on for 5 ms. What takes time has to be before that. */
#define DAEMONS_OUTLIVE_THE_INTERPRETER (PY_VERSION_HEX >> 16 == 0x030a)

/* A trace or profile function gets None, not NULL, where an exception leaves a frame. */
#define UNWIND_LOOKS_LIKE_NONE (PY_VERSION_HEX >= 0x030c0000 && PY_VERSION_HEX < 0x030d0000)

/* Returns sys.modules, borrowed, or NULL once the interpreter ends. PyImport_GetModuleDict() aborts
 * the process after the interpreter has released its modules, and generators may be closed later
 * than that. */
static inline PyObject *compat_modules(void)
{
#if PY_VERSION_HEX >= 0x030d0000
    int is_ending = Py_IsFinalizing();
#else
    int is_ending = _Py_IsFinalizing();
#endif
    return is_ending ? NULL : PyImport_GetModuleDict();
}

/* Returns the interpreter's frame behind the frame object that a trace function receives. */
static inline native_frame *native_of(PyFrameObject *frame)
{
#if CALLS_ARE_INLINED
    return frame->f_frame;
#else
    return frame;
#endif
}

#endif
