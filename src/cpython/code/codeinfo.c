/* Why: the name of a code object and whether it is recorded are decided once, not at every event.
 *
 *     event --> word valid? --yes--> fast path
 *                 |no
 *                 v
 *     codeinfo_make(): word older than first_stamp    --> make_word(): name, filter, definition
 *                      word of this recording         --> keeps the decision, takes the new stamp
 *                      and older than `defined_from`  --> define_again(), for a new generation
 *
 * Invariants: a word with an id holds that id (policy_hold()) until the code object dies or gets
 * another word. A word that is just CODE_EXCLUDED is not valid, so the next event tries again.
 * Nothing here runs Python code: strings are transcoded from their own storage, and dictionaries
 * are searched only for exact strings. Threads: under the GIL. */
#include "codeinfo.h"

#include <string.h>

#include "activation.h"
#include "bounds.h"
#include "codename.h"
#include "codesource.h"
#include "copies.h"
#include "generated.h"
#include "lineinfo.h"
#include "loops.h"
#include "origin.h"
#include "policy.h"
#include "pyerror.h"
#include "pyframe.h"
#include "pytext.h"
#include "state.h"
#include "word.h"

#include "alloc.h"

static uint64_t first_stamp; /* words from here on are of this recording */

/* Releases the id that a word of this recording holds: its code dies, or gets another word. */
static void release_word(void *word)
{
    uint64_t info = (uintptr_t)word;
    lineinfo_forget(CODE_ID(info));
    if (info >= first_stamp && CODE_ID(info) != 0) {
        policy_release(CODE_ID(info));
    }
}

static void store_word(PyCodeObject *code, uint64_t info)
{
    if (CODE_ID(info) != 0) {
        policy_hold(CODE_ID(info));
    }
    if (compat_set_extra((PyObject *)code, codeinfo_index, (void *)(uintptr_t)info) != 0) {
        PyErr_Clear();
        release_word((void *)(uintptr_t)info);
    }
}

int codeinfo_init(void)
{
    codeinfo_index = compat_request_extra_index(release_word);
    if (codeinfo_index < 0) {
        PyErr_SetString(PyExc_RuntimeError, "no co_extra index left in this interpreter");
        return -1;
    }
    return 0;
}

static uint32_t define_name(struct lane *lane, PyObject *text)
{
    uint8_t bytes[RL_STRING_MAX];
    return recorder_name(recording.recorder, lane, bytes, pytext_put(text, bytes, sizeof bytes));
}

static uint32_t make_flags(const PyCodeObject *code)
{
    uint32_t flags = 0;
    flags |= code->co_flags & CO_GENERATOR ? RL_CODE_GENERATOR : 0;
    flags |= code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE) ? RL_CODE_COROUTINE : 0;
    flags |= code->co_flags & CO_ASYNC_GENERATOR ? RL_CODE_ASYNC_GENERATOR : 0;
    if (!(code->co_flags & CO_NEWLOCALS)) {
        flags |= RL_CODE_MODULE;
    }
    flags |= code->co_flags & CO_VARARGS ? RL_CODE_VARARGS : 0;
    flags |= code->co_flags & CO_VARKEYWORDS ? RL_CODE_VARKEYWORDS : 0;
    return flags;
}

/* The names of the variables, parameters first; how many, or NO_NAMES without memory. */
#define NO_NAMES UINT32_MAX
static uint32_t define_variables(PyCodeObject *code, struct lane *lane,
                                 uint32_t names[CODE_NAMES_MAX])
{
    uint32_t count = 0;
#if CELLS_SHARE_SLOTS
    PyObject *const rows[] = {code->co_localsplusnames};
#else
    PyObject *const rows[] = {code->co_varnames, code->co_cellvars, code->co_freevars};
#endif
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(rows[i]) && count < CODE_NAMES_MAX; k++) {
            names[count] = define_name(lane, PyTuple_GET_ITEM(rows[i], k));
            if (names[count++] == 0) {
                return NO_NAMES;
            }
        }
    }
    return count;
}

/* Returns the level that the filter sets, else the recording's; lines only for the program's own
 * code. */
static unsigned choose_code_level(PyCodeObject *code, PyObject *globals,
                                  const struct policy *policy)
{
    unsigned level = policy != NULL ? policy->level : LEVEL_COUNTED;
    if (level == LEVEL_COUNTED) {
        level = recording.base_level;
        if (level == LEVEL_LINES && !recording.library_lines && !origin_is_own(code, globals)) {
            level = LEVEL_VALUES;
        }
    }
    return level == LEVEL_LINES && !recording_can(SEES_LINES) ? LEVEL_VALUES : level;
}

/* Returns what every definition of a code object contains; defines the strings. */
static struct code_def describe_code(PyCodeObject *code, PyObject *module, PyObject *qualname,
                                     struct lane *lane)
{
    return (struct code_def){
        .module = define_name(lane, module),
        .qualname = define_name(lane, qualname != NULL ? qualname : code->co_name),
        .file = define_name(lane, code->co_filename),
        .line = code->co_firstlineno > 0 ? (uint32_t)code->co_firstlineno : 0,
        .flags = make_flags(code) | codesource_flag(code),
    };
}

/* Stores the policy and returns whether the decision may be used.
 *
 * Naming the code may have waited for room, and another thread may have stopped the recording
 * meanwhile; the decision belongs to the old recording then. Without memory it may not be used
 * either, since values that the filter hides would be written. */
static int keep_policy(uint64_t stamp, uint32_t id, struct policy *policy)
{
    int is_same = recording.stamp == stamp;
    if (!is_same || id == 0) {
        policy_free(policy);
    } else if (policy_keep(id, policy) != 0) {
        recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
        return 0;
    }
    return is_same;
}

/* Owned, or NULL. */
static PyObject *get_qualname(PyCodeObject *code, const struct code_home *home)
{
    if (home->qualname == NULL) {
        return codename_get(code, home->globals);
    }
    codename_keep(code, home->qualname);
    return home->qualname;
}

/* Defines code of which something is recorded; `known` is the id that it has already, or 0. The id,
 * 0 without memory, which was counted. */
static uint32_t define_traced(PyCodeObject *code, PyObject *globals, PyObject *qualname,
                              unsigned level, struct lane *lane, uint32_t known)
{
    uint32_t names[CODE_NAMES_MAX];
    struct code_def def = describe_code(code, pytext_module(globals), qualname, lane);
    if (level >= LEVEL_VALUES) {
        def.args = code_parameters(code);
        def.name_count = define_variables(code, lane, names);
    }
    def.names = names;
    if (def.module == 0 || def.qualname == 0 || def.file == 0 || def.name_count == NO_NAMES) {
        return 0;
    }
    return known != 0 ? recorder_code_again(recording.recorder, lane, known, &def)
                      : recorder_code(recording.recorder, lane, &def);
}

/* Defines code in a new generation; its policy and its word stay. */
static void define_again(PyCodeObject *code, native_frame *frame, struct lane *lane, uint32_t id)
{
    const struct policy *policy = policy_of(id);
    if (id != 0 && (policy == NULL || policy->is_traced)) {
        struct code_home home = generated_home(code, frame);
        PyObject *qualname = get_qualname(code, &home); /* owned */
        unsigned level = choose_code_level(code, home.globals, policy);
        (void)define_traced(code, home.globals, qualname, level, lane, id);
        Py_XDECREF(qualname);
    }
}

static uint64_t make_word(PyCodeObject *code, native_frame *frame, struct lane *lane)
{
    uint64_t info = recording.code_stamp, stamp = recording.stamp;
    if (origin_is_excluded(code)) {
        return info | CODE_EXCLUDED;
    }
    codename_learn(code);
    struct code_home home = generated_home(code, frame);
    PyObject *globals = home.globals;
    PyObject *qualname = get_qualname(code, &home); /* owned */
    PyObject *module = pytext_module(globals);
    int is_traced, makes_tasks = loops_make_tasks(code, module);
    struct policy *policy = policy_decide(code, globals, qualname, &is_traced);
    if (!is_traced && policy == NULL) {
        Py_XDECREF(qualname);
        return CODE_EXCLUDED; /* there was no memory to decide */
    }
    if (!is_traced) {
        /* It is defined all the same, so that a reader can show what was left out. */
        struct code_def def = describe_code(code, module, qualname, lane);
        def.flags |= RL_CODE_SKIPPED;
        def.rule = (uint32_t)(policy->rule + 2);
        uint32_t skipped = recorder_code(recording.recorder, lane, &def);
        Py_XDECREF(qualname);
        /* With an id call_rules_event() still gets to see it. */
        uint32_t id = makes_tasks ? skipped : 0;
        if (!keep_policy(stamp, id, policy)) {
            return CODE_EXCLUDED;
        }
        return info | CODE_EXCLUDED | (makes_tasks ? CODE_WATCHED | (uint64_t)id << 6 : 0);
    }
    unsigned level = choose_code_level(code, globals, policy);
    codesource_ask(code, frame);
    uint32_t id = define_traced(code, globals, qualname, level, lane, 0);
    Py_XDECREF(qualname);
    if (!keep_policy(stamp, id, policy) || id == 0) {
        return CODE_EXCLUDED;
    }
    if (code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) {
        info |= CODE_SUSPENDS;
    }
    if (level >= LEVEL_VALUES) {
        info |= CODE_VALUES | (code_parameters(code) != 0 ? CODE_ARGS : 0);
    }
    info |= makes_tasks || activation_is_code(code, globals) ? CODE_WATCHED : 0;
    if (policy != NULL && (policy->every > 1 || policy->min_duration != 0 || policy->asks != 0)) {
        info |= CODE_EXCLUDED; /* call_rules_event() decides at each call */
    }
    if (level == LEVEL_LINES) {
        info |= CODE_LINES;
        if (recording.backend != NULL && recording.backend->want_lines != NULL) {
            recording.backend->want_lines(code);
        }
    }
    return level_limited(info | (uint64_t)id << 6);
}

void codeinfo_begin(void)
{
    codeinfo_decide_again();
    first_stamp = recording.defined_from = recording.code_stamp;
    recording.name_stamp++;
}

void codeinfo_next_generation(int is_ring)
{
    recording.name_stamp++;
    if (is_ring) {
        codeinfo_decide_again();
        recording.defined_from = recording.code_stamp;
    }
}

void codeinfo_decide_again(void)
{
    recording.code_stamp += UINT64_C(1) << 32;
}

uint64_t codeinfo_make(PyCodeObject *code, native_frame *frame)
{
    struct thread *t = thread_self;
    if (recording.recorder == NULL) {
        return CODE_EXCLUDED;
    }
    struct pyerror error = pyerror_take();
    /* A lane of an earlier recording has no slot; definitions then go to the dictionary alone. */
    struct lane *lane = t != NULL && t->stamp == recording.stamp ? &t->lane : NULL;
    PyCodeObject *original = copies_original(code); /* what is decided of it is decided of copies */
    uint64_t known = codeinfo_get(original);
    uint64_t info;
    if (known < first_stamp) {
        info = make_word(original, frame, lane);
    } else {
        info = (uint32_t)level_limited(known) | recording.code_stamp;
        if (known < recording.defined_from) {
            define_again(original, frame, lane, CODE_ID(known));
        }
    }
    for (PyCodeObject *c = code; c != NULL; c = c != original ? original : NULL) {
        store_word(c, info);
    }
    if (!recording.needs_resync && code->co_name != NULL &&
        PyUnicode_CompareWithASCIIString(code->co_name, "<module>") == 0) {
        char name[16];
        pytext_module_name(native_globals(frame), name, sizeof name);
        recording.needs_resync = strcmp(name, "greenlet") == 0;
    }
    if (code->co_flags & CO_COROUTINE) {
        loops_find(); /* whoever makes tasks has a coroutine to run in them */
    }
    pyerror_put_back(&error);
    return info;
}
