/* The only file that asks which CPython this is. Everything else asks for a capability, named for
 * what the interpreter does. Include it first: it comes before Python.h. */
#ifndef COMPAT_H
#define COMPAT_H

#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1 /* frame layouts; only inline functions and fields are used */
#include <Python.h>
#include <frameobject.h>

#if PY_VERSION_HEX < 0x03080000 || PY_VERSION_HEX >= 0x03100000
#error "Relive knows CPython 3.8 to 3.15"
#endif

/* Calls can be seen by sys.monitoring. */
#define HAS_MONITORING (PY_VERSION_HEX >= 0x030c0000)
/* A frame evaluator can be set without losing recursion depth or inlined calls for good. */
#define HAS_EVAL_HOOK           (PY_VERSION_HEX < 0x030c0000)
#define HOOK_TAKES_THREAD_STATE (PY_VERSION_HEX >= 0x03090000)
/* The evaluator is called once more when a generator is made, and not for nested inlined calls. */
#define HOOK_SEES_GENERATOR_CREATION (PY_VERSION_HEX >= 0x030b0000)
/* Python-to-Python calls use no C stack, unless an eval hook is set. */
#define CALLS_ARE_INLINED (PY_VERSION_HEX >= 0x030b0000)
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

static inline PyObject *compat_qualname(PyCodeObject *code) /* borrowed; NULL before 3.11 */
{
#if CODE_HAS_QUALNAME
    return code->co_qualname;
#else
    (void)code;
    return NULL;
#endif
}

#if HAS_EVAL_HOOK
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

/* A trace or profile function is told None, not NULL, where an exception leaves a frame. */
#define UNWIND_LOOKS_LIKE_NONE (PY_VERSION_HEX >= 0x030c0000 && PY_VERSION_HEX < 0x030d0000)

/* The own frame of a traced thread's callback argument. */
static inline native_frame *native_of(PyFrameObject *frame)
{
#if CALLS_ARE_INLINED
    return frame->f_frame;
#else
    return frame;
#endif
}

#endif
