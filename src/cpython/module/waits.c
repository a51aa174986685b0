/* Why: a process that SIGKILL ends has no last word of its own. The process that waits for it gets
 * one from the system: subprocess, multiprocessing, asyncio and the masters of servers all call
 * these five functions.
 *
 *     os.waitpid(pid) --> the interpreter's own --> (pid, status) --> NAME.<pid>.<n>.relive
 *
 * Invariant: what a function returns is what the interpreter's own returned, and nothing here
 * raises. */
#include "waits.h"

#include <sys/wait.h>

#include "interpreters.h"
#include "last_word.h"
#include "methods.h"
#include "siblings.h"
#include "state.h"

enum { FILES_MAX = 64 }; /* of one process: each exec and each start of a recording makes one */

typedef PyObject *(*fast_function)(PyObject *, PyObject *const *, Py_ssize_t);
typedef PyObject *(*named_function)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

static PyCFunction original_wait, original_wait3, original_wait4, original_waitpid, original_waitid;

/* Writes how a process ended into each of its files. */
static void write_endings(PyObject *first, long pid, struct ending ending)
{
    struct last_word_of of = {
        .run_id = recorder_run_id(recording.recorder), .pid = (uint64_t)pid, .is_waited = 1};
    rl_status status = RL_OK;
    for (int n = 0; n < FILES_MAX && status != RL_NOT_FOUND; n++) {
        PyObject *path = sibling_path(first, pid, n); /* owned */
        PyObject *bytes = NULL;                       /* owned */
        if (path == NULL || !PyUnicode_FSConverter(path, &bytes)) {
            Py_XDECREF(path);
            break;
        }
        of.path = PyBytes_AS_STRING(bytes);
        status = last_word_write(&of, ending);
        Py_DECREF(bytes);
        Py_DECREF(path);
    }
    PyErr_Clear();
}

static PyObject *first_path; /* owned: of the first process of the run */

/* Somebody has waited for a process of ours; pid is not positive where none had ended. */
static void note_wait(long pid, struct ending ending)
{
    if (pid > 0 && ending.how != RL_ENDING_NONE && recording.recorder != NULL &&
        first_path != NULL && interpreter_is_main()) {
        write_endings(first_path, pid, ending);
    }
}

static struct ending ending_of_status(long status)
{
    int word = (int)status;
    if (WIFEXITED(word)) {
        return (struct ending){RL_ENDING_EXIT, (uint32_t)WEXITSTATUS(word)};
    }
    return WIFSIGNALED(word) ? (struct ending){RL_ENDING_SIGNAL, (uint32_t)WTERMSIG(word)}
                             : (struct ending){RL_ENDING_NONE, 0};
}

/* Looks at what one of the four returned that give a tuple: (pid, status, ...). */
static PyObject *look_at(PyObject *result)
{
    if (result != NULL && PyTuple_Check(result) && PyTuple_GET_SIZE(result) >= 2) {
        long pid = PyLong_AsLong(PyTuple_GET_ITEM(result, 0));
        long status = PyLong_AsLong(PyTuple_GET_ITEM(result, 1));
        if (PyErr_Occurred()) {
            PyErr_Clear();
        } else {
            note_wait(pid, ending_of_status(status));
        }
    }
    return result;
}

static PyObject *guarded_wait(PyObject *module, PyObject *ignored)
{
    return look_at(original_wait(module, ignored));
}

static PyObject *guarded_waitpid(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    return look_at(((fast_function)(void *)original_waitpid)(module, args, n));
}

static PyObject *guarded_wait3(PyObject *module, PyObject *const *args, Py_ssize_t n,
                               PyObject *names)
{
    return look_at(((named_function)(void *)original_wait3)(module, args, n, names));
}

static PyObject *guarded_wait4(PyObject *module, PyObject *const *args, Py_ssize_t n,
                               PyObject *names)
{
    return look_at(((named_function)(void *)original_wait4)(module, args, n, names));
}

/* A number of os.waitid()'s result; -1 where it is none. */
static long number_of(PyObject *result, const char *name)
{
    PyObject *found = PyObject_GetAttrString(result, name); /* owned */
    long number = found != NULL ? PyLong_AsLong(found) : -1;
    Py_XDECREF(found);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return -1;
    }
    return number;
}

static PyObject *guarded_waitid(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    PyObject *result = ((fast_function)(void *)original_waitid)(module, args, n);
    if (result != NULL && result != Py_None) {
        long code = number_of(result, "si_code"), value = number_of(result, "si_status");
        struct ending ending = {code == CLD_EXITED                         ? RL_ENDING_EXIT
                                : code == CLD_KILLED || code == CLD_DUMPED ? RL_ENDING_SIGNAL
                                                                           : RL_ENDING_NONE,
                                (uint32_t)value & 0xffu};
        note_wait(number_of(result, "si_pid"), ending);
    }
    return result;
}

/* Puts our functions in the place of the five. Where one is not as expected, it stays. */
static void guard_functions(PyObject *posix)
{
    const struct {
        const char *name;
        int flags;
        PyCFunction ours;
        PyCFunction *old;
    } functions[] = {
        {"wait", METH_NOARGS, guarded_wait, &original_wait},
        {"wait3", METH_FASTCALL | METH_KEYWORDS, (PyCFunction)(void *)guarded_wait3,
         &original_wait3},
        {"wait4", METH_FASTCALL | METH_KEYWORDS, (PyCFunction)(void *)guarded_wait4,
         &original_wait4},
        {"waitpid", METH_FASTCALL, (PyCFunction)(void *)guarded_waitpid, &original_waitpid},
        {"waitid", METH_FASTCALL, (PyCFunction)(void *)guarded_waitid, &original_waitid},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (methods_exchange(posix, functions[i].name, functions[i].flags, functions[i].ours,
                             functions[i].old) != 0) {
            PyErr_Clear();
        }
    }
}

void waits_begin(PyObject *path)
{
    PyObject *posix = PyImport_ImportModule("posix"); /* owned */
    if (posix != NULL) {
        guard_functions(posix);
        Py_DECREF(posix);
    }
    PyErr_Clear(); /* then how children end stays unknown */
    if (path != NULL && PyUnicode_Check(path)) {
        Py_INCREF(path);
        Py_XSETREF(first_path, path);
    }
}
