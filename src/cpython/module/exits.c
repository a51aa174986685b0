/* Why: children made by fork end with os._exit, and a program may replace itself; both would leave
 * a recording that was not closed. Nothing is lost then either, but its reader has to find the end.
 */
#include "exits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "interpreters.h"
#include "last_word.h"
#include "life.h"
#include "methods.h"
#include "os.h"
#include "safe_text.h"
#include "state.h"

#include "rec.h"

enum { COUNT_BYTES = 32, SHOWN_BYTES = 8192, COMMAND_BYTES = 1024 };

static char command[COMMAND_BYTES]; /* how its reader types `relive`; "": no report is wanted */
static int ended_by_exception;      /* one that nothing caught; not by Ctrl-C */
static char begun_in[4096];         /* the folder in which whoever reads the report is */
static char ended_path[4096];       /* the recording that the end of the interpreter has closed */

void exits_forked(void)
{
    command[0] = '\0';
    ended_path[0] = '\0';
}

void exits_want_report(const char *words)
{
    safe_text(command, sizeof command, words);
    if (command[0] != '\0' && getcwd(begun_in, sizeof begun_in) == NULL) {
        begun_in[0] = '\0';
    }
}

/* As the reader would type it. */
static const char *shorten_path(const char *path)
{
    size_t len = strlen(begun_in);
    int is_below = len > 1 && strncmp(path, begun_in, len) == 0 && path[len] == '/';
    return is_below && path[len + 1] != '-' ? path + len + 1 : path;
}

/* As every verb shows a number (common.count): text ends where the caller's buffer of COUNT_BYTES
 * does. */
static const char *put_count(char text[COUNT_BYTES], uint64_t number)
{
    char *p = text + COUNT_BYTES - 1;
    *p = '\0';
    for (int digits = 0; digits == 0 || number != 0; digits++, number /= 10) {
        if (digits != 0 && digits % 3 == 0) {
            *--p = ',';
        }
        *--p = (char)('0' + number % 10);
    }
    return p;
}

/* As every verb shows a size (common.size). */
static void put_size(char *text, size_t size, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB"};
    char number[COUNT_BYTES];
    unsigned unit = 0;
    while (bytes >= 10000 && unit < 3) {
        bytes /= 1000;
        unit++;
    }
    (void)snprintf(text, size, "%s %s", put_count(number, bytes), units[unit]);
}

/* Returns what a loss of this kind means to the reader. */
static const char *describe_loss(int reason)
{
    return reason == RL_LOSS_HOOK_TAKEN     ? "threads with a gap"
           : reason == RL_LOSS_INTERPRETERS ? "not recorded"
           : reason == RL_LOSS_SESSIONS     ? "forgotten"
                                            : "not kept";
}

void exits_report(const struct recorder_stats *stats, const char *path)
{
    char size[32], losses[200] = "nothing lost", number[COUNT_BYTES], shown[SHOWN_BYTES];
    size_t used = 0;
    if (command[0] == '\0') {
        return;
    }
    safe_text(shown, sizeof shown, shorten_path(path));
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        fprintf(stderr, "relive: %s is not there any more: the program moved or removed it\n",
                shown);
        (void)fflush(stderr);
        return;
    }
    put_size(size, sizeof size, stats->bytes);
    for (int i = 0; i < RL_LOSS_REASONS; i++) {
        if (stats->lost[i] != 0 && used < sizeof losses) {
            int n = snprintf(losses + used, sizeof losses - used, "%s%s %s (%s)",
                             used != 0 ? ", " : "", put_count(number, stats->lost[i]),
                             describe_loss(i), loss_name((unsigned)i));
            used += n > 0 ? (size_t)n : 0;
        }
    }
    fprintf(stderr, "relive: %s events, %s, %s%s. Next: %s %s %s\n",
            put_count(number, stats->events), size, losses,
            stats->is_closed_cleanly ? "" : ", not closed cleanly", command,
            ended_by_exception ? "exc" : "tree", shown);
    (void)fflush(stderr);
}

/* Keeps the path beyond the recorder's life. */
static void copy_path(char *path, size_t size)
{
    (void)snprintf(path, size, "%s",
                   recording.recorder != NULL ? recorder_path(recording.recorder) : "");
}

/* Stops the recording at the end of the interpreter; Python can no longer run here. */
static void stop_at_exit(void)
{
    struct recorder_stats stats;
    char path[4096];
    if (recording.recorder == NULL) {
        return;
    }
    copy_path(path, sizeof path);
    recording_stop_at_exit(&stats);
    memcpy(ended_path, path, sizeof path);
    exits_report(&stats, path);
}

/* Runs in exit(3), after the interpreter's end: writes the exit status. */
static void note_status(int status)
{
    struct ending ending = {RL_ENDING_EXIT, (uint32_t)status};
    struct last_word_of of = {.path = ended_path, .pid = os_pid()};
    if (ended_path[0] != '\0') {
        rl_status ignored = last_word_write(&of, ending); /* its file may be gone */
        (void)ignored;
    } else {
        last_word_set(recording.recorder, ending);
    }
}

/* Runs among the functions of the atexit module, while Python code can still run. */
static PyObject *check_hook(PyObject *self, PyObject *ignored)
{
    (void)self;
    (void)ignored;
    PyObject *type = PySys_GetObject("last_type"); /* borrowed: of what was printed last */
    ended_by_exception = type != NULL && type != PyExc_KeyboardInterrupt;
    if (recording.life == LIFE_ON) {
        recording_before_end();
    }
    Py_RETURN_NONE;
}

static PyMethodDef check_method = {"relive", check_hook, METH_NOARGS, "Looks at the hook."};

/* Registers check_hook() with the atexit module. A program that did not import atexit finds it
 * as before. */
static int register_check(void)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    int was_there = PyDict_GetItemString(modules, "atexit") != NULL;
    PyObject *module = PyImport_ImportModule("atexit"); /* built in, imports nothing else */
    PyObject *check = PyCFunction_New(&check_method, NULL);
    PyObject *done = module != NULL && check != NULL
                         ? PyObject_CallMethod(module, "register", "O", check)
                         : NULL;
    int failed = done == NULL;
    if (EXIT_FUNCTIONS_ARE_THE_INTERPRETERS && !was_there && module != NULL) {
        failed |= PyDict_DelItemString(modules, "atexit"); /* as the program would find it */
    }
    Py_XDECREF(done);
    Py_XDECREF(check);
    Py_XDECREF(module);
    return failed ? -1 : 0;
}

#if DAEMONS_OUTLIVE_THE_INTERPRETER
static void stop_with_interpreter(PyObject *capsule)
{
    (void)capsule;
    stop_at_exit();
}

/* Stops the recording when the interpreter's own dictionary is cleared: its last step but one. */
static int register_early_stop(void)
{
    static char any;
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Main());        /* borrowed */
    PyObject *capsule = PyCapsule_New(&any, "relive.stop", stop_with_interpreter); /* owned */
    int failed =
        dict == NULL || capsule == NULL || PyDict_SetItemString(dict, "relive.stop", capsule) != 0;
    Py_XDECREF(capsule);
    return failed ? -1 : 0;
}
#else
static int register_early_stop(void)
{
    return 0;
}
#endif

int exits_register(void)
{
    static int is_done;
    if (!is_done && Py_AtExit(stop_at_exit) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "no place left among the interpreter's exit functions");
        return -1;
    }
    if (!is_done && (register_check() != 0 || register_early_stop() != 0)) {
        return -1;
    }
    if (!is_done) {
        (void)os_at_exit(note_status); /* otherwise the exit status stays unknown */
    }
    is_done = 1;
    return 0;
}

/* ---- os._exit, os.execv, os.execve ---- */

typedef PyObject *(*fast_function)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

static fast_function original_exit, original_execv, original_execve;

/* Writes the status of os._exit(), where it is one. */
static void set_exit_status(PyObject *status)
{
    int overflow = 0;
    long number = PyLong_Check(status) ? PyLong_AsLongAndOverflow(status, &overflow) : 0;
    if (PyLong_Check(status) && !overflow) {
        last_word_set(recording.recorder,
                      (struct ending){RL_ENDING_OS_EXIT, (uint32_t)number & 0xffu});
    }
}

/* os._exit(): stops the recording first, since nothing of the interpreter's end runs. */
static PyObject *guarded_exit(PyObject *module, PyObject *const *args, Py_ssize_t n,
                              PyObject *names)
{
    if ((recording.recorder != NULL || recording.life == LIFE_STOPPING) && interpreter_is_main() &&
        n + (names != NULL ? PyTuple_GET_SIZE(names) : 0) == 1) {
        struct recorder_stats stats;
        char path[4096];
        copy_path(path, sizeof path);
        if (recording_claim_stop()) {
            set_exit_status(args[0]);
            recording_stop(&stats);
            recording_settle();
            exits_report(&stats, path);
        }
    }
    return original_exit(module, args, n, names);
}

/* os.execv() and os.execve(): readies the recording for the end of this program, and takes that
 * back where the call fails. */
static PyObject *guarded_exec(fast_function original, PyObject *module, PyObject *const *args,
                              Py_ssize_t n, PyObject *names)
{
    struct recorder *recorder = interpreter_is_main() ? recording.recorder : NULL;
    if (recorder != NULL) {
        recorder_before_exec(recorder);
    }
    PyObject *result = original(module, args, n, names);
    if (recorder != NULL && recorder == recording.recorder) {
        recorder_after_failed_exec(recorder); /* it came back, so it failed */
    }
    return result;
}

/* os.execve(), called with positional arguments or names. */
static PyObject *guarded_execve(PyObject *module, PyObject *const *args, Py_ssize_t n,
                                PyObject *names)
{
    return guarded_exec(original_execve, module, args, n, names);
}

/* execv takes two positional arguments and no names, on all versions. */
static PyObject *guarded_execv(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    return guarded_exec(original_execv, module, args, n, NULL);
}

/* Puts `ours` in the place of a function of posix; *old receives the original. */
static int exchange_guard(PyObject *module, const char *name, int flags, void *ours,
                          fast_function *old)
{
    PyCFunction before = (PyCFunction)(void *)*old;
    int failed = methods_exchange(module, name, flags, (PyCFunction)ours, &before);
    *old = (fast_function)(void *)before;
    return failed;
}

int exits_guard(void)
{
    PyObject *posix = PyImport_ImportModule("posix");
    if (posix == NULL) {
        return -1;
    }
    int failed = exchange_guard(posix, "_exit", METH_FASTCALL | METH_KEYWORDS, (void *)guarded_exit,
                                &original_exit) != 0 ||
                 exchange_guard(posix, "execv", METH_FASTCALL, (void *)guarded_execv,
                                &original_execv) != 0 ||
                 exchange_guard(posix, "execve", METH_FASTCALL | METH_KEYWORDS,
                                (void *)guarded_execve, &original_execve) != 0;
    Py_DECREF(posix);
    return failed ? -1 : 0;
}
