/* Why: see life.h. */
#include "life.h"

#include <string.h>

#include "activation.h"
#include "bounds.h"
#include "budget.h"
#include "codeinfo.h"
#include "codesource.h"
#include "codename.h"
#include "forks.h"
#include "gate.h"
#include "gc_pauses.h"
#include "generations.h"
#include "interpreters.h"
#include "last_word.h"
#include "lines.h"
#include "loops.h"
#include "moment.h"
#include "native_output.h"
#include "open_frames.h"
#include "output.h"
#include "policy.h"
#include "pyerror.h"
#include "state.h"
#include "tasks.h"
#include "thread_names.h"
#include "traced_threads.h"

#include "status.h"

/* The recorder is about to wait for the writer thread: other threads run meanwhile. */
static void *wait_begin(void)
{
    recording.outside++;
    recording.waiting++;
    return PyEval_SaveThread();
}

static void wait_end(void *token)
{
    PyEval_RestoreThread(token);
    recording.outside--;
    recording.waiting--;
}

/* Called under the GIL, which a thread gives away in the middle of an event only where `outside`
 * counts it. */
static int do_others_rest(void)
{
    return recording.outside == recording.waiting;
}

/* ---- one owner ---- */

int recording_claim_start(struct rl_err *err)
{
    if (recording.life == LIFE_ON || recording.recorder != NULL) {
        (void)status_set(err, RL_BUSY, "recording is on already in this process");
        return 0;
    }
    if (recording.life != LIFE_IDLE) {
        (void)status_set(err, RL_BUSY, "another thread starts or stops a recording just now");
        return 0;
    }
    recording.life = LIFE_STARTING;
    recording.owner = PyThread_get_thread_ident();
    return 1;
}

/* Until another thread has stopped; what it closes is closed by then. */
static void wait_for_owner(void)
{
    enum { MOST = 1000, MS = 5 }; /* the owner may wait for what this thread holds */
    unsigned long self = PyThread_get_thread_ident();
    for (int i = 0; i < MOST && recording.life == LIFE_STOPPING && recording.owner != self; i++) {
        Py_BEGIN_ALLOW_THREADS
        os_lock_mutex(&recording.file_lock);
        os_cond_wait_ms(&recording.settled, &recording.file_lock, MS);
        os_unlock_mutex(&recording.file_lock);
        Py_END_ALLOW_THREADS
    }
}

int recording_claim_stop(void)
{
    wait_for_owner();
    if ((recording.life != LIFE_ON && recording.life != LIFE_IDLE) ||
        (recording.recorder == NULL && recording.backend == NULL)) {
        return 0;
    }
    recording.life = LIFE_STOPPING;
    recording.owner = PyThread_get_thread_ident();
    return 1;
}

void recording_settle(void)
{
    recording.life = recording.recorder != NULL ? LIFE_ON : LIFE_IDLE;
    recording.owner = 0;
    os_cond_broadcast(&recording.settled);
}

/* ---- start and stop ---- */

int recording_init(void)
{
    static int is_done;
    if (is_done) {
        return 0;
    }
    recording.stamp = UINT64_C(1) << 32;
    codeinfo_begin();
    os_mutex_init(&recording.lock);
    os_mutex_init(&recording.file_lock);
    os_cond_init(&recording.settled);
    if (codeinfo_init() != 0 || codename_init() != 0) {
        return -1;
    }
    if (os_thread_value_init(threads_ended) != 0 || forks_init() != 0) {
        PyErr_SetString(PyExc_RuntimeError, "no thread key or fork handler left");
        return -1;
    }
    is_done = 1;
    return 0;
}

/* Whether the program has imported greenlet. */
static int has_greenlets(void)
{
    PyObject *modules = PyImport_GetModuleDict();
    return modules != NULL && PyDict_GetItemString(modules, "greenlet") != NULL;
}

/* The recorder hands a full slot over; a hook of struct recorder_hooks. */
static void slot_filled(void *owner, const uint8_t *rows, size_t len)
{
    thread_names_filled(owner);
    generations_filled(owner);
    budget_filled(owner, rows, len);
}

/* Into recording.pending, which no hook looks at: other threads run meanwhile. */
static rl_status open_recorder(const struct recording_options *options, struct rl_err *err)
{
    struct recorder_options recorder = options->recorder;
    rl_status status;
    recorder.hooks = (struct recorder_hooks){
        .wait_begin = wait_begin,
        .wait_end = wait_end,
        .top_frame = frames_top,
        .filled = slot_filled,
        .do_others_rest = do_others_rest,
        .clean_source = options->source_filter != NULL ? codesource_clean : NULL};
    Py_BEGIN_ALLOW_THREADS
    os_lock_mutex(&recording.file_lock);
    status = recorder_open(&recorder, &recording.pending, err);
    os_unlock_mutex(&recording.file_lock);
    Py_END_ALLOW_THREADS
    return status;
}

/* All that running threads can see, the recorder last: a hook that finds one finds the rest. */
static void publish_recording(const struct recording_options *options,
                              const struct backend *backend, int is_waiting)
{
    recording.stamp += UINT64_C(1) << 32;
    codeinfo_begin();
    recording.is_forked = 0;
    recording.c_calls = options->start.c_calls;
    recording.base_level = options->level;
    recording.level = options->rule_level > options->level ? options->rule_level : options->level;
    value_limits = options->limits;
    policy_begin(options->filter);
    codesource_begin(options->source_filter);
    moment_begin(options->filter);
    budget_begin(options->budget);
    activation_begin(options->activation[0], options->activation[1]);
    recording.needs_resync = has_greenlets();
    loops_find();
    tasks_forget();
    recording.library_lines = options->library_lines;
    u64map_clear(&recording.generators);
    recording.globals = options->globals;
    lines_forget(&recording.snapshots);
    lines_forget(&recording.modules);
    recording.is_waiting = is_waiting && !activation_is_set();
    recording.backend = backend;
    recording.recorder = recording.pending;
    recording.pending = NULL;
    interpreters_begin();
}

/* Has deadly signals noted. Before the interpreter has read the actions of signals, they stay. */
static void watch_signals(void)
{
    PyObject *modules = PyImport_GetModuleDict();
    if (modules != NULL && PyDict_GetItemString(modules, "_signal") != NULL) {
        last_word_watch(recording.recorder);
    }
}

/* Undoes a start that has failed half way. */
static int refuse_start(const char *what, const char *why, struct rl_err *err)
{
    struct recorder_stats stats;
    recording_stop(&stats);
    (void)status_set(err, RL_UNSUPPORTED, "%s: %s", what, why);
    return -1;
}

int recording_start(const struct recording_options *options, struct rl_err *err)
{
    if (recording.backend != NULL) {
        recording.backend->stop(); /* a thread was starting or stopping it when we were forked */
    }
    recording.is_hooked = 0;
    if (open_recorder(options, err) != RL_OK) {
        return -1;
    }
    publish_recording(options, options->backend, options->is_waiting);
    if (options->gc && collections_start() != 0) {
        PyErr_Clear(); /* a program without the gc module's list has no collections to tell */
    }
    if (options->output && output_start() != 0) {
        PyErr_Clear(); /* streams that are not the interpreter's own are left alone */
    }
    const char *why = "it did not start";
    if (options->output > 1 && native_output_start(&why) != 0) {
        return refuse_start("what C code writes cannot be heard", why, err);
    }
    if (options->backend->start(&options->start) != 0) {
        return refuse_start(options->backend->name, why, err);
    }
    recording.is_hooked = 1;
    watch_signals();
    return 0;
}

int recording_start_child(const struct recording_options *options, struct rl_err *err)
{
    if (open_recorder(options, err) != RL_OK) {
        return -1;
    }
    publish_recording(options, recording.backend, 0);
    if (recording.backend->after_fork != NULL) {
        recording.backend->after_fork();
    }
    watch_signals();
    return 0;
}

/* Ends the recording for every thread at once. Returns its recorder, which is still to be closed.
 */
static struct recorder *detach_recorder(void)
{
    struct recorder *recorder = recording.recorder;
    os_lock_mutex(&recording.lock);
    if (recorder != NULL) {
        recorder_end_lanes(recorder);
    }
    recording.recorder = NULL;
    recording.pending = recorder;
    recording.stamp += UINT64_C(1) << 32;
    codeinfo_begin();
    recording.is_waiting = 0;
    os_unlock_mutex(&recording.lock);
    return recorder;
}

void recording_before_end(void)
{
    if (recording.recorder == NULL || recording.backend == NULL) {
        return;
    }
    budget_end();
    native_output_end();
    thread_names_end();
    policy_end();
    struct pyerror error = pyerror_take();
    int taken = recording.backend->taken();
    pyerror_put_back(&error);
    if (taken > 0 && recording.recorder != NULL) {
        recorder_count_loss(recording.recorder, RL_LOSS_HOOK_TAKEN, (uint64_t)taken);
    }
}

rl_status recording_snapshot(const char *path, struct rl_err *err)
{
    if (recording.recorder == NULL) {
        return status_set(err, RL_USAGE, "nothing is being recorded");
    }
    os_lock_mutex(&recording.lock); /* no thread ends; those that run wait for the GIL */
    rl_status status = recorder_snapshot(recording.recorder, path, err);
    os_unlock_mutex(&recording.lock);
    return status;
}

/* The backend is known as long as there is a recorder. */
void recording_stop(struct recorder_stats *stats)
{
    int was_hooked = recording.is_hooked || recording.is_forked;
    int suppressed = gate_lift();
    if (was_hooked) {
        recording_before_end();
    }
    if (recording.recorder != NULL) {
        native_output_end(); /* also where the backend did not start */
    }
    collections_stop();
    output_stop();
    gate_lower(suppressed);
    recording.is_hooked = 0;
    if (was_hooked && recording.backend != NULL) {
        recording.backend->stop();
    }
    memset(stats, 0, sizeof *stats);
    if (listener.forget != NULL) {
        listener.forget();
    }
    struct recorder *recorder = detach_recorder();
    recording.backend = NULL;
    if (recorder != NULL) {
        Py_BEGIN_ALLOW_THREADS
        os_lock_mutex(&recording.file_lock);
        recorder_close(recorder, stats);
        recording.pending = NULL;
        os_unlock_mutex(&recording.file_lock);
        Py_END_ALLOW_THREADS
    }
}

void recording_stop_at_exit(struct recorder_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    struct recorder *recorder = detach_recorder();
    if (recorder != NULL) {
        os_lock_mutex(&recording.file_lock);
        recorder_close(recorder, stats);
        recording.pending = NULL;
        os_unlock_mutex(&recording.file_lock);
    }
}
