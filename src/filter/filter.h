/* A filter decides which code is recorded, and which values never are.
 *
 *   build once, in the order of the chain of files
 *     filter_add_file() { filter_add_rule() { filter_add_pattern() } }
 *     filter_add_gate()                               --include, --exclude, --folder, ...
 *
 *   once per code object
 *     filter_decide(scope) -> verdict                 traced or not, level, limits, value set
 *
 *   once per name of a value, then from the set's memo
 *     filter_value(set, kind, name) -> allow, redact, drop, or "judge the value"
 *
 * A value set is the list of value patterns that apply to some code. All code with the same list
 * shares one set.
 *
 * Invariant: no failure lets anything through. Where memory or a limit of PCRE2 prevents a
 * decision, code is skipped, a value is redacted, and filter_undecided() counts it.
 *
 * Threads: one at a time per filter. */
#ifndef FILTER_H
#define FILTER_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "filter_kinds.h"
#include "secrets.h"

enum filter_exec { FILTER_EXEC_INHERIT, FILTER_TRACE, FILTER_SKIP };
/* What happens to a value. Rules contain only the first four; the others are answers of
 * filter_value(), where the name alone does not decide. */
enum filter_action {
    FILTER_INHERIT,
    FILTER_ALLOW,
    FILTER_REDACT,
    FILTER_DROP,
    FILTER_SECRET,      /* redact, unless the value is None, a bool, or a piece of code */
    FILTER_TOKEN,       /* redact where the value looks like a token */
    FILTER_CODE,        /* redact where the value looks like a one-time code or a token */
    FILTER_LOGIN,       /* redact pairs of user and password, and tokens */
    FILTER_LOOK_INSIDE, /* show, and redact what looks like a token inside */
    FILTER_NAMES,       /* show; the value under this key may name the value under FILTER_NAMED */
    FILTER_NAMED        /* see FILTER_NAMES: {"name": "DB_PASSWORD", "value": ...} */
};
enum filter_level {
    FILTER_LEVEL_NONE, /* the rule sets no level */
    FILTER_LEVEL_CALLS,
    FILTER_LEVEL_VALUES,
    FILTER_LEVEL_LINES
};

struct filter_file {
    unsigned version;
    int is_builtin;
    /* Folder from which file: selectors count: as named, and with its links resolved. */
    struct filter_text root, other_root;
    enum filter_exec exec;
    enum filter_action value;
    enum filter_level level;
};

struct filter_rule {
    struct filter_text selector;
    enum filter_exec exec;
    enum filter_action value;
    enum filter_level level;
    double sample;         /* < 1: only this share of the functions */
    uint32_t every;        /* > 1: call sampling, only each n-th call of a function */
    uint64_t min_duration; /* ns; rows of shorter calls are removed when the call returns */
    /* Capture limits; FILTER_NO_LIMIT where the rule sets none. */
    uint32_t max_str, max_items, max_depth, max_locals;
    int hides_source; /* texts of files of this code are not stored; pkg: and file: rules only */
};
#define FILTER_NO_LIMIT UINT32_MAX

/* A filter gate decides before any rule does: options such as --exclude app.*. */
enum filter_gate {
    FILTER_EXCLUDE,      /* glob over modules and functions: app, app.*, * */
    FILTER_INCLUDE,      /* glob, as FILTER_EXCLUDE */
    FILTER_EXCLUDE_RE,   /* regex over module::name */
    FILTER_INCLUDE_RE,   /* regex, as FILTER_EXCLUDE_RE */
    FILTER_EXCLUDE_FILE, /* regex over file names */
    FILTER_FOLDER,       /* only files below this resolved folder */
};

struct filter;
struct filter_set;

RL_CHECKED rl_status filter_new(struct filter **out, struct rl_err *err);
void filter_free(struct filter *filter);
/* A rule belongs to the file added last, a pattern to the rule added last. A failure leaves the
 * filter unchanged; err describes what is wrong with the selector. */
RL_CHECKED rl_status filter_add_file(struct filter *f, const struct filter_file *file,
                                     struct rl_err *err);
RL_CHECKED rl_status filter_add_rule(struct filter *f, const struct filter_rule *rule,
                                     struct rl_err *err);
RL_CHECKED rl_status filter_add_pattern(struct filter *f, struct filter_text selector,
                                        enum filter_action action, struct rl_err *err);
RL_CHECKED rl_status filter_add_gate(struct filter *f, enum filter_gate gate,
                                     struct filter_text text, struct rl_err *err);
/* Records only this share of all functions, in addition to the rules; 1 = all. A function is in
 * the sample of every run and every process, or of none. */
void filter_set_sample(struct filter *f, double sample);

/* A code object, as filters see it. All texts are borrowed. */
struct filter_scope {
    struct filter_text module; /* its package name (docs/filters.md) */
    struct filter_text qualname;
    struct filter_text name;
    struct filter_text file;
    int is_generated; /* a library made the code at run time; `file` is that library's */
};

struct filter_verdict {
    int is_traced; /* what holds while no rule of `asks` matches */
    /* Bits of the thread: and task: rules that may decide otherwise at a call; of several that
     * match, the highest bit decides. */
    uint64_t asks;
    uint64_t asks_traced; /* the rules of `asks` with exec = trace */
    int is_undecided;     /* a limit was reached, so the code is skipped */
    int rule;             /* index of the rule that decided; -1 = a default, -2 = a filter gate */
    enum filter_level level;
    enum filter_action value;     /* for values that no pattern names */
    const struct filter_set *set; /* never NULL; valid until filter_free() */
    uint32_t every;
    uint64_t min_duration;
    uint32_t max_str, max_items, max_depth, max_locals;
    int hides_source; /* the text of its file is not stored */
};

/* Decides about a code object. After RL_NOMEM the verdict is valid too: it skips the code. */
RL_CHECKED rl_status filter_decide(struct filter *f, const struct filter_scope *scope,
                                   struct filter_verdict *verdict);

/* Decides about the text of a file, by the scope of its module. verdict->set also has what any obj:
 * rule redacts or drops, wherever its code is; verdict->value too. The other fields are as
 * filter_decide() has them. */
RL_CHECKED rl_status filter_decide_source(struct filter *f, const struct filter_scope *scope,
                                          struct filter_verdict *verdict);

/* Returns the bits of all thread: or all task: rules. */
uint64_t filter_moment_rules(const struct filter *f, enum filter_kind kind);
/* Returns the bits of those that match the name of a thread or task. Sets *is_undecided where a
 * limit was reached, and leaves it alone otherwise. */
uint64_t filter_moment(struct filter *f, enum filter_kind kind, struct filter_text name,
                       int *is_undecided);

/* Returns the part of a path below the deepest root of the filter's files that contains it. Empty
 * where no root does. */
struct filter_text filter_below_root(const struct filter *f, struct filter_text file);

/* Returns the action for a value whose name is a secret of this class. */
enum filter_action filter_action_of(enum secret_class class);
/* Decides about a value by its name. Patterns of the set give ALLOW, REDACT or DROP. Built-in names
 * of secrets give an action that judges the value; keys and attributes also NAMES and NAMED. */
enum filter_action filter_value(struct filter *f, const struct filter_set *set,
                                enum filter_kind kind, struct filter_text name);
/* Finds the parts of a text that are secrets, at most SECRET_PARTS, and returns how many there are.
 * Where a `value:` pattern of the set matches, the whole value is a secret: *is_whole is
 * set. All other parts have well-known forms (secrets.h). is_cut: the value goes on beyond `text`.
 */
size_t filter_content(struct filter *f, const struct filter_set *set, struct filter_text text,
                      int is_cut, struct secret_part *parts, int *is_whole);
/* Does the same for a filter that the writer thread alone uses; a part that a pattern matches hides
 * that part. */
size_t filter_content_apart(struct filter *f, const struct filter_set *set, struct filter_text text,
                            struct secret_part *parts);
/* Returns whether a `value:` pattern of the set matches a number, given as text. */
int filter_number(struct filter *f, const struct filter_set *set, struct filter_text text);
/* Returns whether the set has `value:` patterns, so that every text must be searched. */
int filter_has_patterns(const struct filter_set *set);
/* Returns the action for values that no pattern names. */
enum filter_action filter_default_action(const struct filter_set *set);
/* Returns the length below which a text cannot be a secret for this set. */
size_t filter_least(const struct filter_set *set);
/* Returns the set for values that belong to no code, or NULL without memory. */
const struct filter_set *filter_default_set(struct filter *f);
/* Returns how many decisions failed; each was decided against recording. */
uint64_t filter_undecided(const struct filter *f);

/* A rule as `relive filter explain` shows it. */
struct filter_rule_view {
    unsigned file;
    const char *selector;
    enum filter_exec exec;
    enum filter_action value;
    int matches; /* 1, 0, -1 = undecided, 2 = evaluated on every call */
};
/* Rules in the order of the chain. filter_rule_at() matches one against `scope`, unless that is
 * NULL. */
size_t filter_rule_count(const struct filter *f);
struct filter_rule_view filter_rule_at(const struct filter *f, size_t index,
                                       const struct filter_scope *scope);
/* Returns what decides about a name: the selector of a pattern, "built-in names of secrets ...", or
 * NULL for the default. Valid until filter_free(). */
const char *filter_why(struct filter *f, const struct filter_set *set, enum filter_kind kind,
                       struct filter_text name);

#endif
