/* A filter: what is recorded of which code, and which values never are. Built once from the files
 * of a chain; asked once a code object, and once a name of a value.
 *
 *   filter_add_file() { filter_add_rule() { filter_add_pattern() } }   in the order of the chain
 *   filter_add_gate()                                                  include, exclude, ...
 *   filter_decide(code) -> verdict { traced or not, level, its value set }
 *   filter_value(set, kind, name) -> allow, redact, drop
 *
 * A set is the list of value patterns that apply to some code, shared by all code with the same
 * list; its answers are kept by name. Whatever cannot be decided is skipped or redacted, and
 * counted: nothing is let through by a failure. Threads: one at a time. */
#ifndef FILTER_H
#define FILTER_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "secrets.h"

enum filter_kind {
    FILTER_PKG,
    FILTER_FILE,
    FILTER_OBJ, /* up to here: of scopes */
    FILTER_LOCAL,
    FILTER_GLOBAL,
    FILTER_ARG,
    FILTER_RET,
    FILTER_ATTR,
    FILTER_KEY,    /* version 2: the key of a dict */
    FILTER_VALUE,  /* version 2: captured text */
    FILTER_THREAD, /* version 2, of scopes, but asked at each call: the name of the thread */
    FILTER_TASK,   /* the same: the name of the task */
    FILTER_KINDS
};
const char *filter_kind_name(enum filter_kind kind);

enum filter_exec { FILTER_EXEC_INHERIT, FILTER_TRACE, FILTER_SKIP };
enum filter_action {
    FILTER_INHERIT,
    FILTER_ALLOW,
    FILTER_REDACT,
    FILTER_DROP, /* up to here: of rules; the others are answers only, judged by the value */
    FILTER_SECRET,
    FILTER_TOKEN,
    FILTER_CODE,
    FILTER_LOGIN,
    FILTER_LOOK_INSIDE, /* shown, but for what looks like a token in it */
    FILTER_NAMES,       /* shown; the key of a dict whose value may name that of FILTER_NAMED */
    FILTER_NAMED
};
/* As in the rules; 0 = not said. */
enum filter_level {
    FILTER_LEVEL_NONE,
    FILTER_LEVEL_CALLS,
    FILTER_LEVEL_VALUES,
    FILTER_LEVEL_LINES
};

struct filter_text {
    const char *data;
    size_t len;
};

struct filter_file {
    unsigned version;
    int is_builtin;
    struct filter_text root, other_root; /* what file selectors count from; the second resolved */
    enum filter_exec exec;
    enum filter_action value;
    enum filter_level level;
};

struct filter_rule {
    struct filter_text selector;
    enum filter_exec exec;
    enum filter_action value;
    enum filter_level level;
    double sample;                                      /* < 1: that part of the functions */
    uint32_t every;                                     /* > 1: each n-th call */
    uint64_t min_duration;                              /* ns: shorter calls are taken back */
    uint32_t max_str, max_items, max_depth, max_locals; /* FILTER_NO_LIMIT = not said */
};
#define FILTER_NO_LIMIT UINT32_MAX

enum filter_gate {
    FILTER_EXCLUDE,      /* glob over modules and functions: app, app.*, * */
    FILTER_INCLUDE,      /* the same */
    FILTER_EXCLUDE_RE,   /* regex over module::name */
    FILTER_INCLUDE_RE,   /* the same */
    FILTER_EXCLUDE_FILE, /* regex over file names */
    FILTER_FOLDER,       /* only files below this folder */
};

struct filter;
struct filter_set;

RL_CHECKED rl_status filter_new(struct filter **out, struct rl_err *err);
void filter_free(struct filter *filter);
/* Each rule belongs to the last file, each pattern to the last rule. A failure leaves the filter as
 * it was; err says what is wrong with the selector. */
RL_CHECKED rl_status filter_add_file(struct filter *f, const struct filter_file *file,
                                     struct rl_err *err);
RL_CHECKED rl_status filter_add_rule(struct filter *f, const struct filter_rule *rule,
                                     struct rl_err *err);
RL_CHECKED rl_status filter_add_pattern(struct filter *f, struct filter_text selector,
                                        enum filter_action action, struct rl_err *err);
RL_CHECKED rl_status filter_add_gate(struct filter *f, enum filter_gate gate,
                                     struct filter_text text, struct rl_err *err);
/* Of all functions, beside what rules say; 1 = all. */
void filter_set_sample(struct filter *f, double sample);

/* What is asked of a code object. Texts are UTF-8. */
struct filter_scope {
    struct filter_text module; /* its package name (docs/filters.md) */
    struct filter_text qualname;
    struct filter_text name;
    struct filter_text file;
    int is_generated; /* the file is that of the library that has made the code */
};

struct filter_verdict {
    int is_traced; /* where no rule of `asks` matches at the call */
    uint64_t asks; /* thread: and task: rules that may decide otherwise; the highest bit counts */
    uint64_t asks_traced; /* those of them that say trace */
    int is_undecided;     /* a limit was reached: it is skipped for that */
    int rule; /* index of the rule that decided on tracing, -1 = a default, -2 = a gate */
    enum filter_level level;
    enum filter_action value;     /* of values that no pattern names */
    const struct filter_set *set; /* never NULL */
    uint32_t every;
    uint64_t min_duration;
    uint32_t max_str, max_items, max_depth, max_locals;
};

/* RL_NOMEM leaves a verdict that skips. */
RL_CHECKED rl_status filter_decide(struct filter *f, const struct filter_scope *scope,
                                   struct filter_verdict *verdict);

/* Which thread: or task: rules there are, and which of them match a name; *is_undecided becomes 1
 * where a limit was reached. */
uint64_t filter_moment_rules(const struct filter *f, enum filter_kind kind);
uint64_t filter_moment(struct filter *f, enum filter_kind kind, struct filter_text name,
                       int *is_undecided);

/* The part of a file's path below the deepest root that holds it; empty where none does. */
struct filter_text filter_below_root(const struct filter *f, struct filter_text file);

/* What a built-in name makes of its value. */
enum filter_action filter_action_of(enum secret_class class);
/* ALLOW, REDACT, DROP; by a built-in name what judges the value; of keys and attributes NAMES and
 * NAMED. */
enum filter_action filter_value(struct filter *f, const struct filter_set *set,
                                enum filter_kind kind, struct filter_text name);
/* The parts of a text that are secrets: of a `value:` pattern of the set, which takes the whole
 * value (*is_whole), and of well-known forms (secrets.h). */
size_t filter_content(struct filter *f, const struct filter_set *set, struct filter_text text,
                      int is_cut, struct secret_part *parts, int *is_whole);
/* Whether a `value:` pattern of the set finds this text of a number. */
int filter_number(struct filter *f, const struct filter_set *set, struct filter_text text);
/* Whether patterns of the set look at text, besides what is a secret by its form. */
int filter_has_patterns(const struct filter_set *set);
/* The shortest text that need be asked about: 1 where patterns of the set look at text. */
size_t filter_least(const struct filter_set *set);
/* The set of what belongs to no code; NULL without memory. */
const struct filter_set *filter_default_set(struct filter *f);
/* How many decisions failed, and were made against letting through. */
uint64_t filter_undecided(const struct filter *f);

/* Rules in order of the chain; for explaining. */
struct filter_rule_view {
    unsigned file;
    const char *selector;
    enum filter_exec exec;
    enum filter_action value;
    int matches; /* 1, 0, -1: undecided, 2: asked at each call */
};
size_t filter_rule_count(const struct filter *f);
struct filter_rule_view filter_rule_at(const struct filter *f, size_t index,
                                       const struct filter_scope *scope);
/* Which pattern decides about a name: its selector, or NULL; "built-in" for the secret names. */
const char *filter_why(struct filter *f, const struct filter_set *set, enum filter_kind kind,
                       struct filter_text name);

#endif
