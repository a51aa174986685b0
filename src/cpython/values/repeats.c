/* Why: see repeats.h. Invariant: no reference is kept. The texts belong to arguments, which their
 * frames hold; they are forgotten before any code of the program runs. */
#include "repeats.h"

#include "capture.h"
#include "capture_parts.h"
#include "judge.h"
#include "policy.h"
#include "pyframe.h"
#include "state.h"
#include "word.h"

enum { FRAMES = 256, CHAIN = 8, LEAST = 4 };

/* Adds an argument, if its action redacts it and it is long enough to be found. */
static void add_known(struct capture *c, PyObject *value, unsigned action)
{
    size_t len = 0;
    const char *text;
    if (value == NULL || action == FILTER_ALLOW || c->known_count == CAPTURE_KNOWN ||
        (PyUnicode_Check(value) && !PyUnicode_IS_ASCII(value)) ||
        judge((enum filter_action)action, value) != FILTER_REDACT) {
        return;
    }
    text = judge_text(value, NULL, 0, &len);
    if (text != NULL && len >= LEAST) {
        c->known[c->known_count].text = text;
        c->known[c->known_count++].len = len;
    }
}

/* Adds the arguments of a frame. */
static void add_frame(struct capture *c, native_frame *frame, const struct policy *policy)
{
    if (policy == NULL || policy->args == NULL) {
        return;
    }
    PyCodeObject *code = native_code(frame);
    for (uint32_t i = 0; i < policy->arg_count; i++) {
        Py_ssize_t slot = native_parameter_slot(code, frame, i);
        add_known(c, frame_variable(code, frame, slot), policy->args[i]);
    }
}

/* Adds the arguments of the frames of a traceback. */
static void add_traceback(struct capture *c, PyObject *traceback)
{
    for (int left = FRAMES; left > 0 && traceback != NULL && PyTraceBack_Check(traceback); left--) {
        native_frame *frame = native_of(((PyTracebackObject *)traceback)->tb_frame);
        uint64_t info = frame != NULL ? codeinfo_get(native_code(frame)) : 0;
        if (codeinfo_is_valid(info)) {
            add_frame(c, frame, policy_of(CODE_ID(info)));
        }
        traceback = (PyObject *)((PyTracebackObject *)traceback)->tb_next;
    }
}

/* Collects from the traceback of an exception, and of what it came from. */
static void add_exception(struct capture *c, PyObject *exc)
{
    for (int left = CHAIN; left > 0 && exc != NULL && PyExceptionInstance_Check(exc); left--) {
        const PyBaseExceptionObject *e = (PyBaseExceptionObject *)exc;
        add_traceback(c, e->traceback);
        exc = e->cause != NULL ? e->cause : e->context;
    }
}

/* Lowers the length from which texts are searched. */
static void search_all_texts(struct capture *c)
{
    c->least = c->known_count != 0 ? 1 : c->least; /* every text is searched */
}

void repeats_begin(struct capture *c, const struct thread *t, PyObject *exc)
{
    for (uint32_t i = t->depth; i > 0 && t->depth - i < FRAMES; i--) {
        add_frame(c, t->stack[i].key, policy_of(t->stack[i].id));
    }
    add_exception(c, exc);
    search_all_texts(c);
}

void repeats_begin_output(struct capture *c, const struct thread *t)
{
    const _PyErr_StackItem *handled = PyThreadState_GET()->exc_info;
    for (int left = CHAIN; handled != NULL && left > 0; left--) {
        add_exception(c, handled->exc_value);
        handled = handled->previous_item;
    }
    if (t->depth == 0) {
        add_exception(c, PySys_GetObject("last_value")); /* borrowed */
    }
}

/* Forgets the arguments, whose texts may be freed from here on. */
void repeats_end(struct capture *c)
{
    c->known_count = 0;
}
