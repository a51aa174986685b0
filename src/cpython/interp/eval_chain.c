/* Why: see eval_chain.h. */
#include "eval_chain.h"

#include <stddef.h>

#include "os.h"

#if HAS_EVAL_HOOK

struct eval_hook eval_hooks[EVAL_PLACES];
_Thread_local uintptr_t eval_floor;
_Thread_local struct eval_wants eval_wants;
Py_tracefunc eval_own_profile;

static int aside; /* frames that eval_deep() runs; until they end, no hook is inserted */

static struct eval_hook *find_eval_hook(_PyFrameEvalFunction function)
{
    for (size_t i = 0; i < EVAL_PLACES; i++) {
        if (eval_hooks[i].is_in && eval_hooks[i].ours == function) {
            return &eval_hooks[i];
        }
    }
    return NULL;
}

/* Removes our hooks that are no longer wanted: those on top, and an inner one below a wanted one.
 */
static void remove_unwanted_hooks(void)
{
    struct eval_hook *top = find_eval_hook(compat_get_eval());
    for (; top != NULL && !top->is_wanted; top = find_eval_hook(compat_get_eval())) {
        top->is_in = 0;
        compat_set_eval(top->previous);
    }
    struct eval_hook *outer = find_eval_hook(compat_get_eval());
    struct eval_hook *inner = outer != NULL ? find_eval_hook(outer->previous) : NULL;
    if (inner != NULL && !inner->is_wanted) {
        inner->is_in = 0;
        outer->previous = inner->previous;
    }
}

static void insert_eval_hook(enum eval_place place)
{
    struct eval_hook *hook = &eval_hooks[place];
    _PyFrameEvalFunction top = compat_get_eval();
    if (top == _PyEval_EvalFrameDefault) { /* another tool has removed every hook */
        for (size_t i = 0; i < EVAL_PLACES; i++) {
            eval_hooks[i].is_in = 0;
        }
    }
    if (hook->is_in) {
        return;
    }
    struct eval_hook *outer = place == EVAL_DEBUGGER ? find_eval_hook(top) : NULL;
    if (outer != NULL) {
        hook->previous = outer->previous;
        outer->previous = hook->ours;
    } else {
        hook->previous = top;
        compat_set_eval(hook->ours);
    }
    hook->is_in = 1;
}

void eval_chain_put(enum eval_place place, const struct eval_user *user)
{
    eval_hooks[place].user = user;
    eval_hooks[place].ours = user->evaluate;
    eval_hooks[place].is_wanted = 1;
    if (aside == 0) {
        insert_eval_hook(place);
    }
}

void eval_chain_take(enum eval_place place)
{
    eval_hooks[place].is_wanted = 0;
    remove_unwanted_hooks();
}

int eval_chain_is_covered(void)
{
    return find_eval_hook(compat_get_eval()) == NULL;
}

int eval_chain_is_set(int *is_ours)
{
    *is_ours = !eval_chain_is_covered();
    return compat_get_eval() != _PyEval_EvalFrameDefault;
}

int eval_trace(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
{
    const struct eval_user *recorder = eval_hooks[EVAL_RECORDER].user;
    const struct eval_user *debugger = eval_hooks[EVAL_DEBUGGER].user;
    (void)self;
    if (what == PyTrace_LINE && debugger != NULL && debugger->is_between(frame)) {
        return 0;
    }
    if (eval_wants.for_recorder && recorder != NULL) {
        (void)recorder->trace(frame, what, arg);
    }
    return eval_hooks[EVAL_DEBUGGER].is_wanted ? debugger->trace(frame, what, arg) : 0;
}

void eval_find_floor(void)
{
    size_t size;
    uintptr_t low = os_stack_low(&size);
    eval_floor = low != 0 ? low + size / 2 : 1;
}

PyObject *eval_deep(enum eval_place place, HOOK_ARGS)
{
    _PyFrameEvalFunction top = compat_get_eval(), below = _PyEval_EvalFrameDefault;
    compat_set_eval(below);
    aside++;
    PyObject *result = eval_below(place, HOOK_PASS);
    aside--;
    if (compat_get_eval() == below) {
        compat_set_eval(top);
        remove_unwanted_hooks();
    }
    for (int i = 0; i < EVAL_PLACES && aside == 0; i++) {
        if (eval_hooks[i].is_wanted) {
            insert_eval_hook((enum eval_place)i); /* enabled while the frame ran */
        }
    }
    return result;
}

#endif
