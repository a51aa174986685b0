/* Why: what a code object is called and whether it is wanted is decided once, not at every event.
 * Threads: under the GIL. Nothing here runs Python code: strings are transcoded from their own
 * storage, dictionaries are asked only with exact strings. */
#include "codeinfo.h"

#include <string.h>

#include "activation.h"
#include "alloc.h"
#include "budget.h"
#include "debugger.h"
#include "generated.h"
#include "policy.h"
#include "session.h"
#include "utf8.h"

Py_ssize_t codeinfo_index = -1;

struct prefix {
    char text[1024];
    size_t len;
};

enum { PREFIXES = 16 };
struct prefixes {
    struct prefix of[PREFIXES];
    int count;
};
static struct prefixes excluded, libraries;
static uint64_t first_stamp; /* words from here on are of this recording */

/* A code object dies, or gets another word: of this recording, it has held its id. */
static void release_word(void *word)
{
    uint64_t info = (uintptr_t)word;
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

/* Once each; what is too long or too much is left out. */
static void add_prefix(struct prefixes *list, const char *utf8)
{
    size_t len = strlen(utf8);
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->of[i].text, utf8) == 0) {
            return;
        }
    }
    struct prefix *prefix = &list->of[list->count];
    if (len != 0 && list->count < PREFIXES && len < sizeof prefix->text) {
        memcpy(prefix->text, utf8, len + 1);
        prefix->len = len;
        list->count++;
    }
}

void codeinfo_exclude_prefix(const char *utf8)
{
    add_prefix(&excluded, utf8);
}

void codeinfo_add_library(const char *utf8)
{
    add_prefix(&libraries, utf8);
}

size_t codeinfo_put_text(PyObject *text, uint8_t *out, size_t size)
{
    if (text == NULL || !PyUnicode_Check(text)) {
        out[0] = '?';
        return 1;
    }
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    uint8_t *p = out;
    for (Py_ssize_t i = 0; i < length && (size_t)(p - out) + 4 <= size; i++) {
        p = utf8_put(p, PyUnicode_READ(kind, data, i));
    }
    return (size_t)(p - out);
}

static uint32_t string_id(struct lane *lane, PyObject *text)
{
    uint8_t bytes[RL_STRING_MAX];
    return recorder_name(session.recorder, lane, bytes,
                         codeinfo_put_text(text, bytes, sizeof bytes));
}

/* A string in a module's globals: borrowed, NULL where there is none. `*key` is interned once and
 * lives as long as the process. */
static PyObject *global_text(PyObject *globals, PyObject **key, const char *name)
{
    if (*key == NULL && (*key = PyUnicode_InternFromString(name)) == NULL) {
        PyErr_Clear();
        return NULL;
    }
    if (globals == NULL || !PyDict_Check(globals)) {
        return NULL;
    }
    PyObject *text = PyDict_GetItemWithError(globals, *key);
    if (text == NULL) {
        PyErr_Clear();
    }
    return text != NULL && PyUnicode_Check(text) ? text : NULL;
}

PyObject *codeinfo_module(PyObject *globals)
{
    static PyObject *key;
    return global_text(globals, &key, "__name__");
}

void codeinfo_module_name(PyObject *globals, char *text, size_t size)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    size_t n = codeinfo_put_text(codeinfo_module(globals), (uint8_t *)text, size - 1);
    text[n] = 0;
    PyErr_Restore(type, value, traceback);
}

static uint32_t code_flags(const PyCodeObject *code)
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
static uint32_t variable_names(PyCodeObject *code, struct lane *lane,
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
            names[count] = string_id(lane, PyTuple_GET_ITEM(rows[i], k));
            if (names[count++] == 0) {
                return NO_NAMES;
            }
        }
    }
    return count;
}

uint32_t codeinfo_args(const PyCodeObject *code)
{
    uint32_t n = (uint32_t)(code->co_argcount + code->co_kwonlyargcount) +
                 ((code->co_flags & CO_VARARGS) != 0) + ((code->co_flags & CO_VARKEYWORDS) != 0);
    return n < CODE_NAMES_MAX ? n : CODE_NAMES_MAX;
}

static int begins_with_one(const struct prefixes *list, const uint8_t *text, size_t n)
{
    for (int i = 0; i < list->count; i++) {
        const struct prefix *prefix = &list->of[i];
        if (n >= prefix->len && memcmp(text, prefix->text, prefix->len) == 0) {
            return 1;
        }
    }
    return 0;
}

int codeinfo_is_excluded(PyCodeObject *code)
{
    uint8_t text[1024];
    return code->co_filename != NULL &&
           begins_with_one(&excluded, text,
                           codeinfo_put_text(code->co_filename, text, sizeof text));
}

size_t codeinfo_put_file(PyCodeObject *code, PyObject *globals, uint8_t *out, size_t size)
{
    static PyObject *key;
    uint8_t home[1024];
    size_t n = codeinfo_put_text(code->co_filename, out, size);
    PyObject *file = n == 0 || out[0] == '<' ? global_text(globals, &key, "__file__") : NULL;
    size_t len = file != NULL ? codeinfo_put_text(file, home, sizeof home) : 0;
    if (len != 0 && len <= size && begins_with_one(&libraries, home, len)) {
        memcpy(out, home, len);
        n = len;
    }
    return n;
}

int codeinfo_is_own(PyCodeObject *code, PyObject *globals)
{
    uint8_t text[1024];
    size_t n = codeinfo_put_file(code, globals, text, sizeof text);
    return !begins_with_one(&libraries, text, n) && (n < 7 || memcmp(text, "<frozen", 7) != 0);
}

/* What the filter says of the level, else what was asked for; lines only of the program's own. */
static unsigned level_of(PyCodeObject *code, PyObject *globals, const struct policy *policy)
{
    unsigned level = policy != NULL ? policy->level : LEVEL_COUNTED;
    if (level == LEVEL_COUNTED) {
        level = session.base_level;
        if (level == LEVEL_LINES && !session.library_lines && !codeinfo_is_own(code, globals)) {
            level = LEVEL_VALUES;
        }
    }
    return level == LEVEL_LINES && !session_can(SEES_LINES) ? LEVEL_VALUES : level;
}

/* What every definition says of a code object. */
static struct code_def describe(PyCodeObject *code, PyObject *module, PyObject *qualname,
                                struct lane *lane)
{
    return (struct code_def){
        .module = string_id(lane, module),
        .qualname = string_id(lane, qualname != NULL ? qualname : code->co_name),
        .file = string_id(lane, code->co_filename),
        .line = code->co_firstlineno > 0 ? (uint32_t)code->co_firstlineno : 0,
        .flags = code_flags(code),
    };
}

/* What was decided belongs to the recording that it was decided for: naming the code may have
 * waited for room, and another thread may have stopped it meanwhile. Whether it can be gone by;
 * without memory it cannot, since what the filter hides would be written. */
static int keep_policy(uint64_t stamp, uint32_t id, struct policy *policy)
{
    int is_same = session.stamp == stamp;
    if (!is_same || id == 0) {
        policy_free(policy);
    } else if (policy_keep(id, policy) != 0) {
        recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
        return 0;
    }
    return is_same;
}

/* Owned, or NULL. */
static PyObject *qualname_of(PyCodeObject *code, const struct code_home *home)
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
    struct code_def def = describe(code, codeinfo_module(globals), qualname, lane);
    if (level >= LEVEL_VALUES) {
        def.args = codeinfo_args(code);
        def.name_count = variable_names(code, lane, names);
    }
    def.names = names;
    if (def.module == 0 || def.qualname == 0 || def.file == 0 || def.name_count == NO_NAMES) {
        return 0;
    }
    return known != 0 ? recorder_code_again(session.recorder, lane, known, &def)
                      : recorder_code(session.recorder, lane, &def);
}

/* Defines code in a new generation; its policy and its word stay. */
static void define_again(PyCodeObject *code, native_frame *frame, struct lane *lane, uint32_t id)
{
    const struct policy *policy = policy_of(id);
    if (id != 0 && (policy == NULL || policy->is_traced)) {
        struct code_home home = generated_home(code, frame);
        PyObject *qualname = qualname_of(code, &home); /* owned */
        unsigned level = level_of(code, home.globals, policy);
        (void)define_traced(code, home.globals, qualname, level, lane, id);
        Py_XDECREF(qualname);
    }
}

static uint64_t make(PyCodeObject *code, native_frame *frame, struct lane *lane)
{
    uint64_t info = session.code_stamp, stamp = session.stamp;
    if (codeinfo_is_excluded(code)) {
        return info | CODE_EXCLUDED;
    }
    codename_learn(code);
    struct code_home home = generated_home(code, frame);
    PyObject *globals = home.globals;
    PyObject *qualname = qualname_of(code, &home); /* owned */
    PyObject *module = codeinfo_module(globals);
    int is_traced, makes_tasks = tasks_are_made_by(code, module);
    struct policy *policy = policy_decide(code, globals, qualname, &is_traced);
    if (!is_traced && policy == NULL) {
        Py_XDECREF(qualname);
        return CODE_EXCLUDED; /* there was no memory to decide */
    }
    if (!is_traced) {
        /* It is named all the same, so that what was left out can be told. */
        struct code_def def = describe(code, module, qualname, lane);
        def.flags |= RL_CODE_SKIPPED;
        def.rule = (uint32_t)(policy->rule + 2);
        uint32_t skipped = recorder_code(session.recorder, lane, &def);
        Py_XDECREF(qualname);
        /* With an id session_gate() still gets to see it. */
        uint32_t id = makes_tasks ? skipped : 0;
        if (!keep_policy(stamp, id, policy)) {
            return CODE_EXCLUDED;
        }
        return info | CODE_EXCLUDED | (makes_tasks ? CODE_WATCHED | (uint64_t)id << 6 : 0);
    }
    unsigned level = level_of(code, globals, policy);
    uint32_t id = define_traced(code, globals, qualname, level, lane, 0);
    Py_XDECREF(qualname);
    if (!keep_policy(stamp, id, policy) || id == 0) {
        return CODE_EXCLUDED;
    }
    if (code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) {
        info |= CODE_SUSPENDS;
    }
    if (level >= LEVEL_VALUES) {
        info |= CODE_VALUES | (codeinfo_args(code) != 0 ? CODE_ARGS : 0);
    }
    info |= makes_tasks || activation_is_code(code, globals) ? CODE_WATCHED : 0;
    if (policy != NULL && (policy->every > 1 || policy->min_duration != 0 || policy->asks != 0)) {
        info |= CODE_EXCLUDED; /* session_gate() decides at each call */
    }
    if (level == LEVEL_LINES) {
        info |= CODE_LINES;
        if (session.backend != NULL && session.backend->want_lines != NULL) {
            session.backend->want_lines(code);
        }
    }
    return budget_limit(info | (uint64_t)id << 6);
}

void codeinfo_begin(void)
{
    codeinfo_decide_anew();
    first_stamp = session.defined_from = session.code_stamp;
    session.name_stamp++;
}

void codeinfo_next_generation(int is_ring)
{
    session.name_stamp++;
    if (is_ring) {
        codeinfo_decide_anew();
        session.defined_from = session.code_stamp;
    }
}

void codeinfo_decide_anew(void)
{
    session.code_stamp += UINT64_C(1) << 32;
}

uint64_t codeinfo_make(PyCodeObject *code, native_frame *frame)
{
    PyObject *type, *value, *traceback;
    struct thread *t = thread_self;
    if (session.recorder == NULL) {
        return CODE_EXCLUDED;
    }
    PyErr_Fetch(&type, &value, &traceback);
    /* A lane of an earlier recording has no slot; definitions then go to the dictionary alone. */
    struct lane *lane = t != NULL && t->stamp == session.stamp ? &t->lane : NULL;
    PyCodeObject *original =
        debugger_original(code); /* what is decided of it is decided of copies */
    uint64_t known = codeinfo_get(original);
    uint64_t info;
    if (known < first_stamp) {
        info = make(original, frame, lane);
    } else {
        info = (uint32_t)budget_limit(known) | session.code_stamp;
        if (known < session.defined_from) {
            define_again(original, frame, lane, CODE_ID(known));
        }
    }
    for (PyCodeObject *c = code; c != NULL; c = c != original ? original : NULL) {
        store_word(c, info);
    }
    if (!session.needs_resync && code->co_name != NULL &&
        PyUnicode_CompareWithASCIIString(code->co_name, "<module>") == 0) {
        char name[16];
        codeinfo_module_name(native_globals(frame), name, sizeof name);
        session.needs_resync = strcmp(name, "greenlet") == 0;
    }
    if (code->co_flags & CO_COROUTINE) {
        tasks_look_for_loops(); /* whoever makes tasks has a coroutine to run in them */
    }
    PyErr_Restore(type, value, traceback);
    return info;
}
