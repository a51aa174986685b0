/* Why: a process that forks must show nothing of the recorder (writer_thread.c says why), and a
 * child must not write to the parent's file.
 *
 *   os.fork():  hooks of Python's        `before`
 *               fork(2): prepare_fork()   the writer thread ends
 *                        after_fork_parent(), after_fork_child()
 *               3.12 counts the threads, 3.13 and later do so below
 *               hooks of Python's        `after_in_parent`, `after_in_child`
 *   guarded_fork() returns:              the writer thread begins again
 *
 * Any other fork (subprocess with preexec_fn, C code) has the writer back in after_fork_parent():
 * nobody counts there.
 * Invariant: file_lock, recording.lock and the recorder's are held, in this order, while the
 * process is copied. So no thread is inside what they guard. */
#include "forks.h"

#include <assert.h>
#include <errno.h>

#include "codeinfo.h"
#include "methods.h"
#include "native_output.h"
#include "state.h"

static _Thread_local unsigned guarded;  /* calls of os.fork and os.forkpty that this thread is in */
static _Thread_local unsigned handlers; /* forks whose handlers it is in: they may fork, too */
static struct recorder *held;           /* between the handlers */

enum { CHILD_MOST = 4 };
static void (*in_child[CHILD_MOST])(void);
static size_t child_count;

void forks_in_child(void (*function)(void))
{
    for (size_t i = 0; i < child_count; i++) {
        if (in_child[i] == function) {
            return;
        }
    }
    assert(child_count < CHILD_MOST);
    in_child[child_count++] = function;
}

/* Takes the locks in their order; the writer thread ends. */
static void prepare_fork(void)
{
    if (handlers++ != 0) {
        return;
    }
    os_lock_mutex(&recording.file_lock);
    os_lock_mutex(&recording.lock);
    held = recording.recorder != NULL ? recording.recorder : recording.pending;
    if (held != NULL) {
        recorder_before_fork(held);
    }
}

/* Gives the locks back; after a fork by C code the writer begins again at once. */
static void after_fork_parent(void)
{
    int keep = errno; /* of a fork that failed */
    if (handlers == 0 || --handlers != 0) {
        return;
    }
    if (held != NULL) {
        recorder_after_fork(held, guarded == 0);
        held = NULL;
    }
    os_unlock_mutex(&recording.lock);
    os_unlock_mutex(&recording.file_lock);
    errno = keep;
}

/* Before anything else runs in a child: nothing of it may reach the parent's file. */
static void after_fork_child(void)
{
    handlers = 0;
    held = NULL;
    if (recording.pending != NULL) {
        recorder_abandon(recording.pending); /* another thread was about to use or to close it */
        recording.pending = NULL;
    }
    if (recording.recorder != NULL) {
        if (listener.forked != NULL) {
            listener.forked();
        }
        recorder_abandon(recording.recorder);
        recording.recorder = NULL;
        recording.is_forked = 1;
    }
    os_mutex_init(&recording.lock);
    os_mutex_init(&recording.file_lock);
    os_cond_init(&recording.settled);
    thread_self = NULL;
    native_output_forked();
    os_thread_value_set(NULL);
    for (size_t i = 0; i < child_count; i++) {
        in_child[i]();
    }
    recording.threads = NULL;
    recording.outside -= recording.waiting; /* threads that were waiting are not here */
    recording.waiting = 0;
    recording.stamp += UINT64_C(1) << 32;
    codeinfo_begin();
    recording.life = LIFE_IDLE; /* whoever was starting or stopping is not here */
    recording.owner = 0;
}

int forks_init(void)
{
    return os_at_fork(prepare_fork, after_fork_parent, after_fork_child);
}

/* Who holds file_lock opens a recording or closes it: neither needs a writer that was paused. */
static void resume_writer(void)
{
    if (os_try_lock_mutex(&recording.file_lock)) {
        struct recorder *recorder =
            recording.recorder != NULL ? recording.recorder : recording.pending;
        if (recorder != NULL) {
            recorder_resume(recorder);
        }
        os_unlock_mutex(&recording.file_lock);
    }
}

static PyCFunction original_fork, original_forkpty;

/* Forks, and begins the writer once the outermost guarded call has returned. */
static PyObject *call_guarded(PyCFunction original, PyObject *module)
{
    guarded++;
    PyObject *result = original(module, NULL);
    if (--guarded == 0) {
        resume_writer();
    }
    return result;
}

static PyObject *guarded_fork(PyObject *module, PyObject *ignored)
{
    (void)ignored;
    return call_guarded(original_fork, module);
}

static PyObject *guarded_forkpty(PyObject *module, PyObject *ignored)
{
    (void)ignored;
    return call_guarded(original_forkpty, module);
}

void forks_guard(void)
{
    PyObject *posix = PyImport_ImportModule("posix"); /* owned */
    if (posix == NULL ||
        methods_exchange(posix, "fork", METH_NOARGS, guarded_fork, &original_fork) != 0) {
        PyErr_Clear(); /* it forks as any C code does */
    }
    if (posix == NULL ||
        methods_exchange(posix, "forkpty", METH_NOARGS, guarded_forkpty, &original_forkpty) != 0) {
        PyErr_Clear();
    }
    Py_XDECREF(posix);
}
