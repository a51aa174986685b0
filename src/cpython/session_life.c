/* Why: start and stop of the session (session.h). */
#include "session.h"

#include <string.h>

#include "activation.h"
#include "budget.h"
#include "collections.h"
#include "forks.h"
#include "generations.h"
#include "interpreters.h"
#include "native_output.h"
#include "output.h"
#include "policy.h"
#include "status.h"
#include "told_names.h"

static void *wait_begin(void)
{
    session.outside++;
    return PyEval_SaveThread();
}

static void wait_end(void *token)
{
    PyEval_RestoreThread(token);
    session.outside--;
}

/* ---- one owner ---- */

int session_claim_start(struct rl_err *err)
{
    if (session.life == LIFE_ON || session.recorder != NULL) {
        (void)status_set(err, RL_BUSY, "recording is on already in this process");
        return 0;
    }
    if (session.life != LIFE_IDLE) {
        (void)status_set(err, RL_BUSY, "another thread starts or stops a recording just now");
        return 0;
    }
    session.life = LIFE_STARTING;
    session.owner = PyThread_get_thread_ident();
    return 1;
}

/* Until another thread has stopped; what it closes is closed by then. */
static void wait_for_owner(void)
{
    enum { MOST = 1000, MS = 5 }; /* the owner may wait for what this thread holds */
    unsigned long self = PyThread_get_thread_ident();
    for (int i = 0; i < MOST && session.life == LIFE_STOPPING && session.owner != self; i++) {
        Py_BEGIN_ALLOW_THREADS os_lock_mutex(&session.file_lock);
        os_cond_wait_ms(&session.settled, &session.file_lock, MS);
        os_unlock_mutex(&session.file_lock);
        Py_END_ALLOW_THREADS
    }
}

int session_claim_stop(void)
{
    wait_for_owner();
    if ((session.life != LIFE_ON && session.life != LIFE_IDLE) ||
        (session.recorder == NULL && session.backend == NULL)) {
        return 0;
    }
    session.life = LIFE_STOPPING;
    session.owner = PyThread_get_thread_ident();
    return 1;
}

void session_settle(void)
{
    session.life = session.recorder != NULL ? LIFE_ON : LIFE_IDLE;
    session.owner = 0;
    os_cond_broadcast(&session.settled);
}

/* ---- start and stop ---- */

int session_init(void)
{
    static int is_done;
    if (is_done) {
        return 0;
    }
    session.stamp = UINT64_C(1) << 32;
    codeinfo_begin();
    os_mutex_init(&session.lock);
    os_mutex_init(&session.file_lock);
    os_cond_init(&session.settled);
    if (codeinfo_init() != 0 || codename_init() != 0) {
        return -1;
    }
    if (os_thread_value_init(thread_ended) != 0 || forks_init() != 0) {
        PyErr_SetString(PyExc_RuntimeError, "no thread key or fork handler left");
        return -1;
    }
    is_done = 1;
    return 0;
}

static int has_greenlets(void)
{
    PyObject *modules = PyImport_GetModuleDict();
    return modules != NULL && PyDict_GetItemString(modules, "greenlet") != NULL;
}

static void slot_filled(void *owner, const uint8_t *rows, size_t len)
{
    thread_names_filled(owner);
    generations_filled(owner);
    budget_filled(owner, rows, len);
}

/* Into session.pending, which no hook looks at: other threads run meanwhile. */
static rl_status open_recorder(const struct session_options *options, struct rl_err *err)
{
    struct recorder_options recorder = options->recorder;
    rl_status status;
    recorder.hooks = (struct recorder_hooks){wait_begin, wait_end, thread_top_frame, slot_filled};
    Py_BEGIN_ALLOW_THREADS os_lock_mutex(&session.file_lock);
    status = recorder_open(&recorder, &session.pending, err);
    os_unlock_mutex(&session.file_lock);
    Py_END_ALLOW_THREADS return status;
}

/* All that running threads can see, the recorder last: a hook that finds one finds the rest. */
static void publish(const struct session_options *options, const struct backend *backend,
                    int is_waiting)
{
    session.stamp += UINT64_C(1) << 32;
    codeinfo_begin();
    session.is_forked = 0;
    session.c_calls = options->start.c_calls;
    session.base_level = options->level;
    session.level = options->rule_level > options->level ? options->rule_level : options->level;
    capture_limits = options->limits;
    policy_begin(options->filter);
    budget_begin(options->budget);
    activation_begin(options->activation[0], options->activation[1]);
    session.needs_resync = has_greenlets();
    tasks_look_for_loops();
    tasks_forget();
    session.library_lines = options->library_lines;
    u64map_clear(&session.generators);
    session.globals = options->globals;
    lines_forget(&session.snapshots);
    lines_forget(&session.modules);
    session.is_waiting = is_waiting && !activation_is_set();
    session.backend = backend;
    session.recorder = session.pending;
    session.pending = NULL;
    interpreters_begin();
}

static int give_up(const char *what, const char *why, struct rl_err *err)
{
    struct recorder_stats stats;
    session_stop(&stats);
    (void)status_set(err, RL_UNSUPPORTED, "%s: %s", what, why);
    return -1;
}

int session_start(const struct session_options *options, struct rl_err *err)
{
    if (session.backend != NULL) {
        session.backend->stop(); /* a thread was starting or stopping it when we were forked */
    }
    session.is_hooked = 0;
    if (open_recorder(options, err) != RL_OK) {
        return -1;
    }
    publish(options, options->backend, options->is_waiting);
    if (options->gc && collections_start() != 0) {
        PyErr_Clear(); /* a program without the gc module's list has no collections to tell */
    }
    if (options->output && output_start() != 0) {
        PyErr_Clear(); /* streams that are not the interpreter's own are left alone */
    }
    const char *why = "it did not start";
    if (options->output > 1 && native_output_start(&why) != 0) {
        return give_up("what C code writes cannot be heard", why, err);
    }
    if (options->backend->start(&options->start) != 0) {
        return give_up(options->backend->name, why, err);
    }
    session.is_hooked = 1;
    return 0;
}

int session_start_child(const struct session_options *options, struct rl_err *err)
{
    if (open_recorder(options, err) != RL_OK) {
        return -1;
    }
    publish(options, session.backend, 0);
    if (session.backend->after_fork != NULL) {
        session.backend->after_fork();
    }
    return 0;
}

static struct recorder *detach(void)
{
    struct recorder *recorder = session.recorder;
    os_lock_mutex(&session.lock);
    if (recorder != NULL) {
        recorder_end_lanes(recorder);
    }
    session.recorder = NULL;
    session.pending = recorder;
    session.stamp += UINT64_C(1) << 32;
    codeinfo_begin();
    session.is_waiting = 0;
    os_unlock_mutex(&session.lock);
    return recorder;
}

void session_before_end(void)
{
    if (session.recorder == NULL || session.backend == NULL) {
        return;
    }
    budget_end();
    native_output_end();
    thread_names_end();
    policy_end();
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int taken = session.backend->taken();
    PyErr_Restore(type, value, traceback);
    if (taken > 0 && session.recorder != NULL) {
        recorder_count_loss(session.recorder, RL_LOSS_HOOK_TAKEN, (uint64_t)taken);
    }
}

rl_status session_snapshot(const char *path, struct rl_err *err)
{
    if (session.recorder == NULL) {
        return status_set(err, RL_USAGE, "nothing is being recorded");
    }
    os_lock_mutex(&session.lock); /* no thread ends; those that run wait for the GIL */
    rl_status status = recorder_snapshot(session.recorder, path, err);
    os_unlock_mutex(&session.lock);
    return status;
}

/* The backend is known as long as there is a recorder. */
void session_stop(struct recorder_stats *stats)
{
    int was_hooked = session.is_hooked || session.is_forked;
    int suppressed = session_lift();
    if (was_hooked) {
        session_before_end();
    }
    if (session.recorder != NULL) {
        native_output_end(); /* also where the backend did not start */
    }
    collections_stop();
    output_stop();
    session_lower(suppressed);
    session.is_hooked = 0;
    if (was_hooked && session.backend != NULL) {
        session.backend->stop();
    }
    memset(stats, 0, sizeof *stats);
    names_forget();
    struct recorder *recorder = detach();
    session.backend = NULL;
    if (recorder != NULL) {
        Py_BEGIN_ALLOW_THREADS os_lock_mutex(&session.file_lock);
        recorder_close(recorder, stats);
        session.pending = NULL;
        os_unlock_mutex(&session.file_lock);
        Py_END_ALLOW_THREADS
    }
}

void session_stop_at_exit(struct recorder_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    struct recorder *recorder = detach();
    if (recorder != NULL) {
        os_lock_mutex(&session.file_lock);
        recorder_close(recorder, stats);
        session.pending = NULL;
        os_unlock_mutex(&session.file_lock);
    }
}
