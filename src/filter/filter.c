/* Why: builds a filter and checks all of its input. A decision then has nothing left to check, and
 * can fail only for memory or a limit of PCRE2. */
#include "filter_parts.h"

#include <string.h>

#include "alloc.h"
#include "status.h"

rl_status filter_new(struct filter **out, struct rl_err *err)
{
    struct filter *f = rl_zalloc(1, sizeof *f);
    if (f == NULL) {
        return status_set(err, RL_NOMEM, "no memory for a filter");
    }
    f->sample = 1;
    *out = f;
    return RL_OK;
}

static void free_sets(struct filter *f)
{
    while (f->sets != NULL) {
        struct filter_set *set = f->sets;
        f->sets = set->next;
        rl_free(set->patterns);
        strmap_fini(&set->memo);
        rl_free(set);
    }
}

void filter_free(struct filter *f)
{
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->file_count; i++) {
        rl_free((void *)f->files[i].spec.root.data);
        rl_free((void *)f->files[i].spec.other_root.data);
    }
    for (size_t i = 0; i < f->rule_count; i++) {
        selector_fini(&f->rules[i].selector);
    }
    for (size_t i = 0; i < f->pattern_count; i++) {
        selector_fini(&f->patterns[i].selector);
    }
    for (size_t i = 0; i < f->gate_count; i++) {
        rl_free(f->gates[i].text);
        pattern_free(f->gates[i].pattern);
        strmap_fini(&f->gates[i].files);
    }
    free_sets(f);
    rl_free(f->files);
    rl_free(f->rules);
    rl_free(f->patterns);
    rl_free(f->gates);
    rl_free(f);
}

/* Grows an array by one item. Returns its new place, or NULL without memory. */
static void *grow_by_one(void *items, size_t *cap, size_t count, size_t size)
{
    return rl_grow(&items, cap, count + 1, size) == 0 ? items : NULL;
}

/* Returns an owned copy with a final NUL, or NULL without memory. */
static char *copy_filter_text(struct filter_text text)
{
    char *made = rl_alloc(1, text.len + 1);
    if (made != NULL) {
        memcpy(made, text.data != NULL ? text.data : "", text.len);
        made[text.len] = 0;
    }
    return made;
}

/* Returns a path without the slashes at its end. */
static struct filter_text trim_slashes(struct filter_text root)
{
    while (root.len != 0 && root.data[root.len - 1] == '/') {
        root.len--;
    }
    return root;
}

rl_status filter_add_file(struct filter *f, const struct filter_file *file, struct rl_err *err)
{
    void *files = grow_by_one(f->files, &f->file_cap, f->file_count, sizeof *f->files);
    struct filter_file spec = *file;
    spec.root = trim_slashes(spec.root);
    spec.other_root = trim_slashes(spec.other_root);
    char *root = copy_filter_text(spec.root), *other = copy_filter_text(spec.other_root);
    if (files != NULL) {
        f->files = files;
    }
    if (files == NULL || root == NULL || other == NULL) {
        rl_free(root);
        rl_free(other);
        return status_set(err, RL_NOMEM, "no memory for a filter");
    }
    spec.root.data = root;
    spec.other_root.data = other;
    f->files[f->file_count++].spec = spec;
    return RL_OK;
}

/* Gives a thread: or task: rule its bit. Such a rule is evaluated on every call, so it may only set
 * exec: level, limits and sampling are decided once per code object. */
static rl_status add_moment_rule(struct filter *f, struct rule *rule, struct rl_err *err)
{
    const struct filter_rule *spec = &rule->spec;
    int is_plain = spec->value == FILTER_INHERIT && spec->level == FILTER_LEVEL_NONE &&
                   spec->sample >= 1 && spec->every <= 1 && spec->min_duration == 0;
    if (rule->selector.kind < FILTER_THREAD) {
        return RL_OK;
    }
    if (!is_plain) {
        return status_set(err, RL_USAGE, "a thread: or task: rule can only say exec");
    }
    if (f->moment_count == 64) {
        return status_set(err, RL_USAGE, "there are more than 64 thread: and task: rules");
    }
    rule->moment = UINT64_C(1) << f->moment_count++;
    *(rule->selector.kind == FILTER_THREAD ? &f->thread_rules : &f->task_rules) |= rule->moment;
    return RL_OK;
}

rl_status filter_add_rule(struct filter *f, const struct filter_rule *rule, struct rl_err *err)
{
    if (f->file_count == 0) {
        return status_set(err, RL_USAGE, "a rule needs a file");
    }
    const struct filter_file *file = &f->files[f->file_count - 1].spec;
    struct selector_context context = {1, file->version, file->root};
    struct rule made = {.spec = *rule,
                        .file = (uint32_t)(f->file_count - 1),
                        .first_pattern = (uint32_t)f->pattern_count};
    void *rules = grow_by_one(f->rules, &f->rule_cap, f->rule_count, sizeof *f->rules);
    if (rules == NULL) {
        return status_set(err, RL_NOMEM, "no memory for a rule");
    }
    f->rules = rules;
    rl_status status = selector_init(&made.selector, rule->selector, &context, err);
    if (status == RL_OK && rule->hides_source && made.selector.kind != FILTER_PKG &&
        made.selector.kind != FILTER_FILE) {
        selector_fini(&made.selector);
        status = status_set(err, RL_USAGE, "only a pkg: or file: rule can say source");
    }
    if (status == RL_OK && (status = add_moment_rule(f, &made, err)) != RL_OK) {
        selector_fini(&made.selector);
    }
    if (status == RL_OK) {
        f->rules[f->rule_count++] = made;
    }
    return status;
}

rl_status filter_add_pattern(struct filter *f, struct filter_text selector,
                             enum filter_action action, struct rl_err *err)
{
    if (f->rule_count == 0 || action == FILTER_INHERIT) {
        return status_set(err, RL_USAGE, "a value pattern needs a rule and an action");
    }
    struct rule *rule = &f->rules[f->rule_count - 1];
    if (rule->moment != 0) {
        return status_set(err, RL_USAGE, "a thread: or task: rule can only say exec");
    }
    struct selector_context context = {0, f->files[rule->file].spec.version, {"", 0}};
    struct value_pattern made = {.action = action, .file = rule->file};
    void *patterns =
        grow_by_one(f->patterns, &f->pattern_cap, f->pattern_count, sizeof *f->patterns);
    if (patterns == NULL) {
        return status_set(err, RL_NOMEM, "no memory for a value pattern");
    }
    f->patterns = patterns;
    rl_status status = selector_init(&made.selector, selector, &context, err);
    if (status == RL_OK) {
        f->patterns[f->pattern_count++] = made;
        rule->pattern_count++;
    }
    return status;
}

rl_status filter_add_gate(struct filter *f, enum filter_gate type, struct filter_text text,
                          struct rl_err *err)
{
    struct gate_pattern made = {.type = type};
    rl_status status = RL_OK;
    if (type == FILTER_FOLDER) {
        text = trim_slashes(text);
    }
    if (type != FILTER_FOLDER) {
        int is_glob = type == FILTER_EXCLUDE || type == FILTER_INCLUDE;
        status = pattern_new(is_glob ? PATTERN_GLOB : PATTERN_REGEX, text.data, text.len,
                             &made.pattern, err);
    }
    void *gates = grow_by_one(f->gates, &f->gate_cap, f->gate_count, sizeof *f->gates);
    if (gates != NULL) {
        f->gates = gates;
    }
    made.text = copy_filter_text(text);
    made.len = text.len;
    if (status == RL_OK && (gates == NULL || made.text == NULL)) {
        status = status_set(err, RL_NOMEM, "no memory for a pattern");
    }
    if (status != RL_OK) {
        rl_free(made.text);
        pattern_free(made.pattern);
        return status;
    }
    f->gates[f->gate_count++] = made;
    return RL_OK;
}

void filter_set_sample(struct filter *f, double sample)
{
    f->sample = sample;
}

uint64_t filter_undecided(const struct filter *f)
{
    return f->undecided;
}

size_t filter_rule_count(const struct filter *f)
{
    return f->rule_count;
}
