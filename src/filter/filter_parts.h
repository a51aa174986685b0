/* What filter.c builds and decide.c asks. Not for others. */
#ifndef FILTER_PARTS_H
#define FILTER_PARTS_H

#include <string.h>

#include "filter.h"
#include "map.h"
#include "selector.h"

struct file {
    struct filter_file spec; /* its texts are owned copies */
};

struct rule {
    struct filter_rule spec; /* but the selector's text */
    struct selector selector;
    uint32_t file;
    uint32_t first_pattern, pattern_count;
    uint64_t moment; /* the bit of a thread: or task: rule; 0 = of another */
};

struct value_pattern {
    struct selector selector;
    enum filter_action action;
    uint32_t file;
};

struct gate {
    enum filter_gate type;
    char *text; /* owned */
    size_t len;
    struct pattern *pattern; /* owned; NULL for FILTER_FOLDER */
    struct strmap files;     /* of FILTER_FOLDER: file -> whether it lies there */
};

struct filter_set {
    uint32_t *patterns; /* owned; indexes, the first asked first */
    size_t count;
    enum filter_action value;
    int has_content;    /* a `value:` pattern among them */
    struct strmap memo; /* kind and name -> enum filter_action */
    struct filter_set *next;
};

struct filter {
    struct file *files;
    size_t file_count, file_cap;
    struct rule *rules;
    size_t rule_count, rule_cap;
    struct value_pattern *patterns;
    size_t pattern_count, pattern_cap;
    struct gate *gates;
    size_t gate_count, gate_cap;
    struct filter_set *sets;
    double sample;
    unsigned moment_count;
    uint64_t thread_rules, task_rules;
    uint64_t undecided;
};

static inline int filter_is_below(struct filter_text file, struct filter_text folder)
{
    return folder.len != 0 && file.len > folder.len &&
           memcmp(file.data, folder.data, folder.len) == 0 && file.data[folder.len] == '/';
}

/* Whether a file lies in the folder of a gate, by whatever way its name leads there. */
int filter_folder_holds(struct gate *gate, struct filter_text file);

#endif
