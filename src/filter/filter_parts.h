/* Part of filter.h: the structs that its .c files share, and what they call of each other.
 *
 *   filter.c          builds a filter and frees it; checks all input
 *   filter_decide.c   verdict about a code object; thread: and task: rules
 *   filter_folder.c   the FILTER_FOLDER gate
 *   filter_sets.c     lists of value patterns, and the sets that share them
 *   filter_values.c   decision about a name, and about the content of a text */
#ifndef FILTER_PARTS_H
#define FILTER_PARTS_H

#include <string.h>

#include "filter.h"
#include "map.h"
#include "selector.h"

struct file {
    struct filter_file spec; /* its texts are owned copies, without slashes at their ends */
};

struct rule {
    struct filter_rule spec; /* spec.selector is not used: see `selector` */
    struct selector selector;
    uint32_t file;
    uint32_t first_pattern, pattern_count;
    uint64_t moment; /* the bit of a thread: or task: rule; 0 for all other rules */
    enum { MATCH_UNKNOWN, MATCH_NO, MATCH_YES } recent; /* a pkg: or file: rule, of filter.recent */
};

struct value_pattern {
    struct selector selector;
    enum filter_action action;
    uint32_t file;
};

struct gate_pattern {
    enum filter_gate type;
    char *text; /* owned */
    size_t len;
    struct pattern *pattern; /* owned; NULL for FILTER_FOLDER */
    struct strmap files;     /* FILTER_FOLDER: file -> whether the folder contains it */
};

struct filter_set {
    uint32_t *patterns; /* owned; indexes into filter.patterns, in the order of evaluation */
    size_t count;
    enum filter_action value; /* for names that no pattern matches */
    int has_content;          /* a `value:` pattern is among them */
    struct strmap memo;       /* kind and name -> enum filter_action */
    struct filter_set *next;  /* owned */
};

/* The pattern list of one decision, before a set exists for it. */
struct filter_list {
    uint32_t *items; /* owned */
    size_t count, cap;
};

/* The module and file of the last decision. The next one is often about code of the same file,
 * where pkg: and file: rules match as before. */
struct recent {
    char texts[512]; /* one after the other; longer ones are not remembered */
    size_t module_len, file_len;
};

/* Every pointer is owned. Nothing but the sets, `undecided` and what is recent changes after
 * building. */
struct filter {
    struct file *files;
    size_t file_count, file_cap;
    struct rule *rules;
    size_t rule_count, rule_cap;
    struct value_pattern *patterns;
    size_t pattern_count, pattern_cap;
    struct gate_pattern *gates;
    size_t gate_count, gate_cap;
    struct filter_set *sets;
    double sample;
    unsigned moment_count;
    uint64_t thread_rules, task_rules;
    uint64_t undecided;
    struct recent recent;
};

/* Returns whether a path is below a folder, by their texts alone. */
static inline int filter_is_below(struct filter_text file, struct filter_text folder)
{
    return folder.len != 0 && file.len > folder.len &&
           memcmp(file.data, folder.data, folder.len) == 0 && file.data[folder.len] == '/';
}

/* Returns whether a file is below the folder of a FILTER_FOLDER gate, through whatever links and
 * ".." its name leads there. */
int filter_folder_holds(struct gate_pattern *gate, struct filter_text file);

/* Adds the patterns of a matching rule: version 1 replaces the list, version 2 goes before it. */
RL_CHECKED rl_status filter_list_put(struct filter_list *list, const struct filter *f,
                                     const struct rule *rule);
/* Adds those patterns of a rule that redact or drop, before all others. */
RL_CHECKED rl_status filter_list_put_hiding(struct filter_list *list, const struct filter *f,
                                            const struct rule *rule);
/* Removes the patterns of all files before `file`. */
void filter_list_forget(struct filter_list *list, const struct filter *f, uint32_t file);
/* Returns the set for a list and a default, which is made where there is none yet. NULL without
 * memory. Valid until filter_free(). */
struct filter_set *filter_set_intern(struct filter *f, const struct filter_list *list,
                                     enum filter_action value);

#endif
