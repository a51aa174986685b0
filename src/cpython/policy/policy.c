/* Why: see policy.h. Nothing here runs Python code. */
#include "policy.h"

#include <string.h>

#include "bounds.h"
#include "codescope.h"
#include "origin.h"
#include "pyframe.h"
#include "pytext.h"
#include "state.h"

#include "alloc.h"
#include "utf8.h"

/* Decisions for names that were met in values, found by the address of the str. */
enum { ENTRIES = 1024 };
static struct known {
    const void *name; /* compared only */
    const struct filter_set *set;
    Py_hash_t hash;
    uint32_t length;
    uint16_t kind, action;
} answers[ENTRIES];

/* Decisions for short texts, found by the text itself: objects come and go, their texts come back.
 * `kind` is that of a name, or NUMBER, or CONTENT for texts in which there is no secret. */
enum { SHORT = 52, NUMBER = 0xfffe, CONTENT = 0xffff };
static struct remembered {
    const struct filter_set *set;
    uint16_t kind;
    uint8_t len, action;
    char text[SHORT];
} remembered[ENTRIES];

static inline uint64_t load_word(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word;
}

/* Where an answer on a short text is, or is to be. */
static struct remembered *find_remembered(const struct filter_set *set, unsigned kind,
                                          const char *text, size_t len)
{
    uint64_t mixed = (uint64_t)(uintptr_t)set ^ kind ^ (uint64_t)len << 56, word = 0;
    for (size_t at = 0; at + 8 < len; at += 8) {
        mixed = (mixed ^ load_word(text + at)) * UINT64_C(0x9e3779b97f4a7c15);
        mixed ^= mixed >> 32;
    }
    if (len >= 8) {
        word = load_word(text + len - 8);
    } else {
        memcpy(&word, text, len);
    }
    return &remembered[(mixed ^ word) * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

/* Whether two texts are the same; by words, since a call of memcmp() would cost more. */
static inline int is_same_text(const char *a, const char *b, size_t len)
{
    if (len < 8) {
        return memcmp(a, b, len) == 0;
    }
    for (size_t at = 0; at + 8 < len; at += 8) {
        if (load_word(a + at) != load_word(b + at)) {
            return 0;
        }
    }
    return load_word(a + len - 8) == load_word(b + len - 8);
}

static inline int is_remembered(const struct remembered *r, const struct filter_set *set,
                                unsigned kind, const char *text, size_t len)
{
    return r->set == set && r->kind == kind && r->len == len && is_same_text(r->text, text, len);
}

static void store_remembered(struct remembered *r, const struct filter_set *set, unsigned kind,
                             const char *text, size_t len, unsigned action)
{
    *r = (struct remembered){
        .set = set, .kind = (uint16_t)kind, .len = (uint8_t)len, .action = (uint8_t)action};
    memcpy(r->text, text, len);
}

/* What is decided of functions is mostly the same; so one of each kind is kept, and functions
 * without end (exec) take no memory. Those with actions of their own or a count of calls have their
 * own. */
enum { SHARED = 16 };
static struct policy *shared[SHARED]; /* owned; NULL from the first free one on */

static struct policy *share_policy(struct policy *policy)
{
    if (policy->slots != NULL || policy->args != NULL || policy->every > 1) {
        return policy;
    }
    policy->is_shared = 1;
    for (int i = 0; i < SHARED; i++) {
        if (shared[i] == NULL) {
            shared[i] = policy;
            return policy;
        }
        if (memcmp(shared[i], policy, sizeof *policy) == 0) {
            rl_free(policy);
            return shared[i];
        }
    }
    policy->is_shared = 0;
    return policy;
}

void policy_free(struct policy *policy)
{
    if (policy != NULL && !policy->is_shared) {
        rl_free(policy->slots);
        rl_free(policy->args);
        rl_free(policy);
    }
}

static const struct filter_set *main_set; /* find_main_set(); NULL until somebody wants it */

/* Frees the policies of an earlier recording. A thread in the middle of an event may still hold
 * one. Then they all stay allocated; they are few. */
static void forget_all(void)
{
    if (recording.outside != 0) {
        return;
    }
    policy_table_forget();
    for (int i = 0; i < SHARED; i++) {
        rl_free(shared[i]);
    }
}

void policy_begin(struct filter *filter)
{
    forget_all();
    memset(shared, 0, sizeof shared);
    main_set = NULL;
    policies = (struct policies){.filter = filter};
    policy_stats = (struct policy_stats){0};
    memset(answers, 0, sizeof answers); /* another set may get the same address */
    memset(remembered, 0, sizeof remembered);
}

void policy_end(void)
{
    struct thread *t = thread_self;
    uint8_t bytes[(4 + 2 * POLICY_KINDS) * VARINT_MAX + 16], *p = bytes;
    if (policies.filter == NULL || !thread_is_recorded(t)) {
        return;
    }
    p = put_varint(p, policy_stats.scopes_skipped);
    p = put_varint(p, policy_stats.undecided);
    p = put_varint(p, policy_stats.secrets);
    for (int i = 0; i < POLICY_KINDS; i++) {
        p = put_varint(p, policy_stats.redactions[i]);
        p = put_varint(p, policy_stats.drops[i]);
    }
    (void)lane_put_values(&t->lane, RL_EVENT_FILTER, 0, t->stack[t->depth].frame, bytes,
                          (uint32_t)(p - bytes));
}

/* ---- decisions ---- */

static uint32_t limit_bound(uint32_t said, unsigned otherwise, unsigned most)
{
    uint32_t wanted = said != FILTER_NO_LIMIT ? said : otherwise;
    return wanted < most ? wanted : most;
}

static enum filter_action query_action(const struct policy *p, enum filter_kind kind,
                                       const char *name, size_t len)
{
    return filter_value(p->filter, p->set, kind, (struct filter_text){name, len});
}

static enum filter_action query_object(const struct policy *p, enum filter_kind kind,
                                       PyObject *name)
{
    char text[512];
    size_t n = pytext_put(name, (uint8_t *)text, sizeof text);
    return query_action(p, kind, text, n);
}

/* The actions of names, *count of them; *found is NULL where each is kept. -1 without memory. */
static int find_actions(const struct policy *p, enum filter_kind kind, PyObject *const *rows,
                        size_t row_count, uint32_t most, uint8_t **found, uint32_t *count)
{
    uint8_t *actions = rl_zalloc(most + 1, 1);
    int any = 0, names = 0, named = 0; /* f(key=..., value=...) */
    *count = 0;
    if (actions == NULL) {
        return -1;
    }
    for (size_t i = 0; i < row_count; i++) {
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(rows[i]) && *count < most; k++) {
            char text[512];
            size_t n = pytext_put(PyTuple_GET_ITEM(rows[i], k), (uint8_t *)text, sizeof text);
            enum filter_action action = query_action(p, kind, text, n);
            enum secret_role role = secret_role(text, n);
            if (*count >= p->max_locals) {
                action = FILTER_DROP;
            }
            any |= action != FILTER_ALLOW;
            names |= action == FILTER_ALLOW && role == SECRET_NAMES;
            named |= action == FILTER_ALLOW && role == SECRET_NAMED;
            actions[(*count)++] =
                (uint8_t)(action != FILTER_ALLOW || role == SECRET_NO_ROLE ? action
                          : role == SECRET_NAMES                           ? FILTER_NAMES
                                                                           : FILTER_NAMED);
        }
    }
    if (!any && !(names && named) && !filter_has_patterns(p->set)) {
        rl_free(actions);
        actions = NULL;
    }
    *found = actions;
    return 0;
}

/* 0, or -1 without memory. */
static int decide_values(struct policy *p, PyCodeObject *code, const struct code_scope *n)
{
    const char *yield = rl_sentinel_text(RL_SENTINEL_YIELD);
    const char *unwind = rl_sentinel_text(RL_SENTINEL_UNWIND);
    char object[2 * CODE_SCOPE_BYTES + 2];
    memcpy(object, n->scope.module.data, n->scope.module.len);
    object[n->scope.module.len] = '.';
    memcpy(object + n->scope.module.len + 1, n->scope.qualname.data, n->scope.qualname.len);
    p->ret = (uint8_t)query_action(p, FILTER_RET, object,
                                   n->scope.module.len + 1 + n->scope.qualname.len);
    p->yield = (uint8_t)query_action(p, FILTER_RET, yield, strlen(yield));
    p->unwind = (uint8_t)query_action(p, FILTER_RET, unwind, strlen(unwind));
    p->thrown = (uint8_t)query_action(p, FILTER_ARG, "exception", 9);
    /* A function that is named like a secret yields secrets. */
    p->yield = p->ret != FILTER_ALLOW && p->yield == FILTER_ALLOW ? p->ret : p->yield;
    p->has_result_actions = p->ret != FILTER_ALLOW || p->yield != FILTER_ALLOW ||
                            p->thrown != FILTER_ALLOW || filter_has_patterns(p->set);
#if CELLS_SHARE_SLOTS
    PyObject *const rows[] = {code->co_localsplusnames};
#else
    PyObject *const rows[] = {code->co_varnames, code->co_cellvars, code->co_freevars};
#endif
    size_t row_count = sizeof rows / sizeof *rows;
    int failed =
        find_actions(p, FILTER_ARG, rows, 1, code_parameters(code), &p->args, &p->arg_count);
    return failed != 0 ? failed
                       : find_actions(p, FILTER_LOCAL, rows, row_count, CODE_NAMES_MAX, &p->slots,
                                      &p->slot_count);
}

/* Without memory the event is left out, and counted. */
static struct policy *fail_decision(struct policy *p, struct code_scope *n)
{
    rl_free(n);
    policy_free(p);
    recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
    return NULL;
}

struct policy *policy_decide(PyCodeObject *code, PyObject *globals, PyObject *qualname,
                             int *is_traced)
{
    struct filter_verdict v;
    *is_traced = policies.filter == NULL;
    if (policies.filter == NULL) {
        return NULL;
    }
    struct policy *p = rl_zalloc(1, sizeof *p);
    struct code_scope *n = rl_alloc(1, sizeof *n); /* 4 KiB that need no zeros */
    if (p == NULL || n == NULL) {
        return fail_decision(p, n);
    }
    n->scope = (struct filter_scope){0};
    code_scope_read(n, policies.filter, code, pytext_module(globals), qualname);
    int has_file = n->scope.file.len != 0 && n->file[0] != '<';
    n->scope.file.len = origin_put_file(code, globals, (uint8_t *)n->file, sizeof n->file - 8);
    n->scope.is_generated = !has_file && n->scope.file.len != 0 && n->file[0] != '<';
    if (filter_decide(policies.filter, &n->scope, &v) != RL_OK) {
        return fail_decision(p, n);
    }
    *p = (struct policy){.filter = policies.filter,
                         .set = v.set,
                         .least = filter_least(v.set),
                         .is_traced = v.is_traced || v.asks_traced != 0,
                         .rule = v.rule,
                         .level = v.level == FILTER_LEVEL_CALLS    ? LEVEL_CALLS
                                  : v.level == FILTER_LEVEL_VALUES ? LEVEL_VALUES
                                  : v.level == FILTER_LEVEL_LINES  ? LEVEL_LINES
                                                                   : LEVEL_COUNTED,
                         .limits = {limit_bound(v.max_depth, value_limits.depth, CAPTURE_DEPTH_MAX),
                                    limit_bound(v.max_items, value_limits.items, CAPTURE_ITEMS_MAX),
                                    limit_bound(v.max_str, value_limits.bytes, CAPTURE_BYTES_MAX)},
                         .max_locals = v.max_locals,
                         .every = v.every,
                         .min_duration = v.min_duration,
                         .asks = v.asks,
                         .asks_traced = v.asks_traced,
                         .is_traced_else = v.is_traced};
    if (p->is_traced && recording.level > LEVEL_CALLS && decide_values(p, code, n) != 0) {
        return fail_decision(p, n);
    }
    *is_traced = p->is_traced;
    policy_stats.scopes_skipped += !p->is_traced;
    policy_stats.undecided += v.is_undecided != 0;
    rl_free(n);
    return share_policy(p);
}

static const struct policy *make_limited(struct policy *policy, const struct filter_set *set,
                                         const struct value_limits *limits)
{
    *policy = (struct policy){.filter = policies.filter,
                              .set = set,
                              .least = set != NULL ? filter_least(set) : 0,
                              .limits = *limits};
    return set != NULL ? policy : NULL;
}

/* The value patterns of the program's own module. */
static const struct filter_set *find_main_set(struct filter *filter)
{
    const struct filter_scope scope = {
        .module = {"__main__", 8}, .qualname = {"<module>", 8}, .name = {"<module>", 8}};
    struct filter_verdict verdict;
    if (main_set == NULL && filter_decide(filter, &scope, &verdict) == RL_OK) {
        main_set = verdict.set;
    }
    return main_set;
}

struct notes_policy policy_of_notes(uint32_t id, const struct value_limits *limits)
{
    static struct policy ours, given;
    struct filter *filter = policies.filter;
    const struct policy *known = policy_of(id);
    if (filter == NULL) {
        return (struct notes_policy){NULL, NULL};
    }
    const struct filter_set *set =
        known != NULL && known->filter == filter ? known->set : find_main_set(filter);
    return (struct notes_policy){make_limited(&ours, filter_default_set(filter), limits),
                                 make_limited(&given, set, limits)};
}

/* ---- names inside values ---- */

uint64_t policy_taken_out;

void policy_count(enum policy_kind kind, enum filter_action action)
{
    policy_taken_out += action == FILTER_REDACT || action == FILTER_DROP;
    policy_stats.redactions[kind] += action == FILTER_REDACT;
    policy_stats.drops[kind] += action == FILTER_DROP;
}

static struct known *find_known(const void *name, const struct policy *p)
{
    uint64_t mixed = (uint64_t)(uintptr_t)name ^ (uint64_t)(uintptr_t)p->set << 7;
    return &answers[mixed * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

static enum filter_action query_text(const struct policy *p, enum filter_kind kind,
                                     const char *text, size_t len, PyObject *name)
{
    struct remembered *r = find_remembered(p->set, kind, text, len);
    if (!is_remembered(r, p->set, kind, text, len)) {
        store_remembered(r, p->set, kind, text, len,
                         name != NULL ? query_object(p, kind, name)
                                      : query_action(p, kind, text, len));
    }
    return (enum filter_action)r->action;
}

static enum filter_action query_name(const struct policy *p, enum filter_kind kind, PyObject *name)
{
    size_t len = (size_t)PyUnicode_GET_LENGTH(name);
    return PyUnicode_IS_COMPACT_ASCII(name) && len <= SHORT
               ? query_text(p, kind, PyUnicode_DATA(name), len, name)
               : query_object(p, kind, name);
}

enum filter_action policy_bytes_name(const struct policy *p, enum filter_kind kind,
                                     const char *name, size_t len)
{
    if (p == NULL) {
        return FILTER_ALLOW;
    }
    return len <= SHORT ? query_text(p, kind, name, len, NULL) : query_action(p, kind, name, len);
}

enum filter_action policy_name(const struct policy *p, enum filter_kind kind, PyObject *name)
{
    if (p == NULL) {
        return FILTER_ALLOW;
    }
    Py_hash_t hash = ((PyASCIIObject *)name)->hash;
    uint32_t length = (uint32_t)PyUnicode_GET_LENGTH(name);
    struct known *known = find_known(name, p);
    if (known->name != name || known->set != p->set || known->hash != hash || hash == -1 ||
        known->length != length || known->kind != kind) {
        *known = (struct known){name,   p->set,         hash,
                                length, (uint16_t)kind, (uint16_t)query_name(p, kind, name)};
    }
    return (enum filter_action)known->action;
}

enum filter_action policy_word(const struct policy *p, enum filter_kind kind, const char *name)
{
    if (p == NULL || name == NULL) {
        return FILTER_ALLOW;
    }
    size_t len = strlen(name);
    return len <= SHORT ? query_text(p, kind, name, len, NULL) : query_action(p, kind, name, len);
}

size_t policy_secret(const struct policy *p, const char *text, size_t len, int is_cut,
                     struct secret_part *parts, int *is_whole)
{
    *is_whole = 0;
    if (p == NULL) {
        return 0;
    }
    /* Without patterns the search for secrets is faster than a look-up of an earlier decision. */
    struct remembered *r = len <= SHORT && filter_has_patterns(p->set)
                               ? find_remembered(p->set, CONTENT, text, len)
                               : NULL;
    if (r != NULL && is_remembered(r, p->set, CONTENT, text, len)) {
        return 0;
    }
    size_t count =
        filter_content(p->filter, p->set, (struct filter_text){text, len}, is_cut, parts, is_whole);
    if (r != NULL && count == 0) {
        store_remembered(r, p->set, CONTENT, text, len, FILTER_ALLOW);
    }
    return count;
}

int policy_number(const struct policy *p, const char *text, size_t len)
{
    struct remembered *r = len <= SHORT ? find_remembered(p->set, NUMBER, text, len) : NULL;
    if (r != NULL && is_remembered(r, p->set, NUMBER, text, len)) {
        return r->action == FILTER_REDACT;
    }
    int is_found = filter_number(p->filter, p->set, (struct filter_text){text, len});
    if (r != NULL) {
        store_remembered(r, p->set, NUMBER, text, len, is_found ? FILTER_REDACT : FILTER_ALLOW);
    }
    return is_found;
}

size_t policy_clean_name(PyObject *name, uint8_t *text, size_t size)
{
    uint8_t whole[512];
    size_t n = pytext_put(name, whole, sizeof whole);
    size_t left = policy_clean(NULL, whole, n, NULL, 0, text, size);
    if (left == 0) {
        memcpy(text, whole, n);
        left = n;
    }
    return left;
}

size_t policy_clean(const struct policy *p, const uint8_t *text, size_t len,
                    const struct secret_part *known, size_t known_count, uint8_t *out, size_t size)
{
    struct secret_part formed[SECRET_PARTS], parts[SECRET_PARTS];
    const struct filter_text all = {(const char *)text, len};
    struct filter *filter = p != NULL ? p->filter : policies.filter;
    const struct filter_set *set = filter == NULL ? NULL
                                   : p != NULL    ? p->set
                                                  : filter_default_set(filter);
    int is_whole;
    if (set == NULL) {
        return 0;
    }
    size_t count = filter_content(filter, set, all, 0, formed, &is_whole);
    count = secret_merge(formed, count, known, known_count, len, parts);
    policy_stats.secrets += count;
    return count == 0 ? 0
                      : secret_replace(all.data, len, parts, count,
                                       rl_sentinel_text(RL_SENTINEL_REDACTED), (char *)out, size);
}
