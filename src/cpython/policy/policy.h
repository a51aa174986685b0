/* The filter's decision for each code object, kept by code id: which of its values are written and
 * within which limits. It also has the rules that each call evaluates.
 *
 * Names inside values (attributes, keys, names of modules) are decided when they are met, and the
 * decisions are kept:
 *
 *     code object, met first --policy_decide()--> struct policy --policy_keep()--> table, by code
 * id value of the code ------policy_of(id)------> action of the variable name inside it
 * -------policy_name()------> cache, else the filter
 *
 * Under the GIL. */
#ifndef POLICY_H
#define POLICY_H

#include "bounds.h"

#include "filter.h"
#include "secrets.h"

struct policy {
    struct filter *filter; /* borrowed; by which it was decided: another may be in use by now */
    const struct filter_set *set;
    size_t least; /* filter_least() */
    int is_traced;
    int rule;                           /* that decided on tracing; -1 a default, -2 a gate */
    unsigned level;                     /* enum level */
    uint8_t ret, yield, unwind, thrown; /* enum filter_action */
    uint8_t has_result_actions;         /* some of them is not ALLOW, or patterns look at values */
    uint8_t *slots; /* owned: action of each variable; NULL: all are kept, whatever they are */
    uint8_t *args;  /* owned: the same of each parameter */
    uint32_t slot_count, arg_count;
    struct value_limits limits;
    uint32_t max_locals;
    uint32_t every, calls; /* each n-th call is recorded; calls seen */
    uint64_t min_duration; /* ns */
    uint64_t asks;         /* thread: and task: rules that each call evaluates (moment.h) */
    uint64_t asks_traced;  /* those of them that say trace */
    int is_traced_else;    /* where none of them matches */
    int is_shared;         /* policy.c's own: many functions have it */
};

/* Whether patterns of the code's set look at its values, besides what is a secret by its form. */
static inline int policy_looks_at_values(const struct policy *policy)
{
    return policy->least < SECRET_LEAST;
}

enum policy_kind {
    POLICY_ARGUMENT,
    POLICY_LOCAL,
    POLICY_GLOBAL,
    POLICY_RETURN,
    POLICY_ATTRIBUTE,
    POLICY_KINDS
};

struct policy_stats {
    uint64_t scopes_skipped, undecided;
    uint64_t redactions[POLICY_KINDS], drops[POLICY_KINDS];
    uint64_t secrets; /* texts taken out for their content */
};
extern struct policy_stats policy_stats;
/* Counts whatever was left out or redacted. */
extern uint64_t policy_taken_out;

/* Prepares for a new recording. The filter is borrowed until the next one; NULL filters nothing. */
void policy_begin(struct filter *filter);
/* Writes the counts of what was left out and redacted, where a filter was in use. */
void policy_end(void);
/* Decides for code that is met first; code that a library has generated counts to the library's
 * file. Returns NULL without a filter or without memory; `*is_traced` then decides. The result is
 * owned until it is given to policy_keep(). */
struct policy *policy_decide(PyCodeObject *code, PyObject *globals, PyObject *qualname,
                             int *is_traced);
/* Puts the policy into the table, which owns it. Returns -1 without memory; the policy is freed. */
int policy_keep(uint32_t id, struct policy *policy);
void policy_free(struct policy *policy);
/* Counts the code objects that have the id. When the last one is gone, its policy is freed. */
void policy_hold(uint32_t id);
void policy_release(uint32_t id);
/* Frees the table; policy_begin() makes a new one. */
void policy_table_forget(void);

#define POLICY_PAGE 1024u
struct policy_page {
    struct policy *of[POLICY_PAGE]; /* owned, by code id */
    uint32_t holders[POLICY_PAGE];  /* code objects with that id */
    uint32_t held;                  /* ids that have some */
};
extern struct policies {
    struct filter *filter;      /* policy.c's own */
    struct policy_page **pages; /* owned; NULL where no id of a page is held */
    size_t page_count, newest;
} policies;

/* Returns the policy of a code id, or NULL. */
static inline struct policy *policy_of(uint32_t id)
{
    size_t at = id / POLICY_PAGE;
    const struct policy_page *page = at < policies.page_count ? policies.pages[at] : NULL;
    return page != NULL ? page->of[id % POLICY_PAGE] : NULL;
}

/* Of what the program itself has written (notes.c), within these limits; NULL without a filter.
 * `ours`: of the fields that we fill in, where no pattern applies. `given`: of what the program has
 * given, as it is for the code with this id, or where that is not known for its `__main__`. */
struct notes_policy {
    const struct policy *ours, *given;
};
struct notes_policy policy_of_notes(uint32_t id, const struct value_limits *limits);

/* Returns this code's action for a name met in a value. */
enum filter_action policy_name(const struct policy *policy, enum filter_kind kind, PyObject *name);
enum filter_action policy_word(const struct policy *policy, enum filter_kind kind,
                               const char *name);
/* The same of a name in bytes: the fields of HTTP headers are such. */
enum filter_action policy_bytes_name(const struct policy *policy, enum filter_kind kind,
                                     const char *name, size_t len);
/* Counts one value that was redacted or dropped. */
void policy_count(enum policy_kind kind, enum filter_action action);
/* The parts of a text that are secrets; *is_whole: all of the value is to be hidden for them. */
size_t policy_secret(const struct policy *policy, const char *text, size_t len, int is_cut,
                     struct secret_part *parts, int *is_whole);
/* Whether a number must not be written, by its text. */
int policy_number(const struct policy *policy, const char *text, size_t len);
/* Writes the text without its secrets, and without the `known` parts, into `out`. Returns the size
 * of what was written, or 0 where there was nothing to take out. policy may be NULL. */
size_t policy_clean(const struct policy *policy, const uint8_t *text, size_t len,
                    const struct secret_part *known, size_t known_count, uint8_t *out, size_t size);
/* Writes the name of a task or thread without the secrets in it, and returns its length. Programs
 * make such names from anything. */
#define POLICY_NAME_MAX 1024
size_t policy_clean_name(PyObject *name, uint8_t *text, size_t size);

#endif
