/* Why: decides whether code is recorded, once per code object. Part of filter.h.
 *
 *    defaults of the files           start_verdict()   a later file overrides an earlier one
 *       v
 *    rules, in the order of          apply_rule()      a later rule overrides an earlier one; each
 *    the chain                                         may add value patterns to the list
 *       v
 *    filter gates, samples,          decide_scope()    any of them skips the code, whatever the
 *    code without a file                               rules decided: rule = -2
 *       v
 *    filter_set_intern()                               the list of patterns becomes a shared set
 *
 * thread: and task: rules decide later, on every call. Here only their bits are collected. A plain
 * rule that decides afterwards clears the bits, since the last rule wins.
 *
 * Invariant: where anything fails, the verdict skips the code (filter_decide()). */
#include <string.h>

#include "alloc.h"
#include "filter_parts.h"
#include "secrets.h"
#include "status.h"

enum { NAME_MAX_BYTES = 4200 };

/* The texts that patterns are matched against in one decision. About 4 KiB, hence on the heap. */
struct decision {
    struct filter *f;
    const struct filter_scope *scope;
    char object[NAME_MAX_BYTES]; /* module.qualname, for obj: rules */
    struct filter_text object_text;
    struct filter_text file; /* relative to the deepest root that contains it */
    int is_undecided;
    int uses_recent; /* the scope's module and file are those of f->recent */
};

/* Joins two names in `out`. The result is empty where they are too long. */
static struct filter_text join_names(char *out, struct filter_text a, const char *between,
                                     struct filter_text b)
{
    size_t n = strlen(between), have = 0;
    if (a.len + n + b.len <= NAME_MAX_BYTES) {
        memcpy(out, a.data, a.len);
        memcpy(out + a.len, between, n);
        memcpy(out + a.len + n, b.data, b.len);
        have = a.len + n + b.len;
    }
    return (struct filter_text){out, have};
}

struct filter_text filter_below_root(const struct filter *f, struct filter_text file)
{
    size_t deepest = 0;
    for (size_t i = 0; i < f->file_count; i++) {
        const struct filter_file *spec = &f->files[i].spec;
        if (filter_is_below(file, spec->root) && spec->root.len > deepest) {
            deepest = spec->root.len;
        }
        if (filter_is_below(file, spec->other_root) && spec->other_root.len > deepest) {
            deepest = spec->other_root.len;
        }
    }
    size_t skip = deepest != 0 ? deepest + 1 : file.len;
    return (struct filter_text){file.data + skip, file.len - skip};
}

/* Returns the path that file: rules are matched against; without a root, the path itself. */
static struct filter_text path_below_root(const struct filter *f, struct filter_text file)
{
    struct filter_text below = filter_below_root(f, file);
    size_t skip = file.len != 0 && file.data[0] == '/';
    return below.len != 0 ? below : (struct filter_text){file.data + skip, file.len - skip};
}

/* Returns whether a pattern matches. Where a limit was reached, the decision becomes undecided. */
static int search_pattern(struct decision *d, const struct pattern *pattern,
                          struct filter_text text)
{
    int found = pattern_search(pattern, text.data, text.len);
    d->is_undecided |= found < 0;
    return found > 0;
}

static int is_text(const char *kept, size_t len, struct filter_text text)
{
    return len == text.len && (len == 0 || memcmp(kept, text.data, len) == 0);
}

/* Makes the scope's module and file the recent ones, where they are short enough. */
static void use_recent(struct decision *d)
{
    struct recent *recent = &d->f->recent;
    struct filter_text module = d->scope->module, file = d->scope->file;
    if (module.len + file.len == 0 || module.len > sizeof recent->texts ||
        file.len > sizeof recent->texts - module.len) {
        return;
    }
    d->uses_recent = 1;
    if (is_text(recent->texts, recent->module_len, module) &&
        is_text(recent->texts + module.len, recent->file_len, file)) {
        return;
    }
    if (module.len != 0) {
        memcpy(recent->texts, module.data, module.len);
    }
    if (file.len != 0) {
        memcpy(recent->texts + module.len, file.data, file.len);
    }
    recent->module_len = module.len;
    recent->file_len = file.len;
    for (size_t i = 0; i < d->f->rule_count; i++) {
        d->f->rules[i].recent = MATCH_UNKNOWN;
    }
}

/* Returns whether a pkg: or file: rule matches. An answer that a limit prevented is not kept. */
static int matches_place(struct decision *d, struct rule *rule, struct filter_text text)
{
    if (!d->uses_recent) {
        return search_pattern(d, rule->selector.pattern, text);
    }
    if (rule->recent == MATCH_UNKNOWN) {
        int found = pattern_search(rule->selector.pattern, text.data, text.len);
        if (found < 0) {
            d->is_undecided = 1;
            return 0;
        }
        rule->recent = found ? MATCH_YES : MATCH_NO;
    }
    return rule->recent == MATCH_YES;
}

static int matches_rule(struct decision *d, struct rule *rule)
{
    switch (rule->selector.kind) {
    case FILTER_PKG:
        return matches_place(d, rule, d->scope->module);
    case FILTER_FILE:
        return matches_place(d, rule, d->file);
    case FILTER_THREAD:
    case FILTER_TASK:
        return 1; /* only the name of a thread or task can tell */
    default:
        return search_pattern(d, rule->selector.pattern, d->object_text);
    }
}

/* ---- filter gates ---- */

/* Returns whether a name matches: `app` is app itself, `app.*` is app and everything below it. */
static int matches_name_gate(struct decision *d, const struct gate_pattern *gate)
{
    struct filter_text module = d->scope->module;
    if (search_pattern(d, gate->pattern, module) ||
        search_pattern(d, gate->pattern, d->object_text)) {
        return 1;
    }
    return gate->len > 2 && memcmp(gate->text + gate->len - 2, ".*", 2) == 0 &&
           module.len == gate->len - 2 && memcmp(module.data, gate->text, module.len) == 0;
}

/* Returns whether the expression matches module::name or module::qualname. */
static int matches_regex_gate(struct decision *d, const struct gate_pattern *gate)
{
    char text[NAME_MAX_BYTES];
    return search_pattern(d, gate->pattern,
                          join_names(text, d->scope->module, "::", d->scope->name)) ||
           search_pattern(d, gate->pattern,
                          join_names(text, d->scope->module, "::", d->scope->qualname));
}

static int matches_gate(struct decision *d, struct gate_pattern *gate)
{
    switch (gate->type) {
    case FILTER_EXCLUDE:
    case FILTER_INCLUDE:
        return matches_name_gate(d, gate);
    case FILTER_EXCLUDE_RE:
    case FILTER_INCLUDE_RE:
        return matches_regex_gate(d, gate);
    case FILTER_EXCLUDE_FILE:
        return search_pattern(d, gate->pattern, d->scope->file);
    default:
        return filter_folder_holds(gate, d->scope->file);
    }
}

static int is_gate_of(const struct gate_pattern *gate, enum filter_gate one, enum filter_gate other)
{
    return gate->type == one || gate->type == other;
}

/* Returns whether all filter gates let the code pass. *is_included: an include gate names the
 * code. */
static int passes_gates(struct decision *d, int *is_included)
{
    const struct filter *f = d->f;
    int includes = 0, folders = 0, in_folder = 0;
    *is_included = 0;
    for (size_t i = 0; i < f->gate_count; i++) {
        struct gate_pattern *gate = &f->gates[i];
        int matches = matches_gate(d, gate);
        if (matches && (is_gate_of(gate, FILTER_EXCLUDE, FILTER_EXCLUDE_RE) ||
                        gate->type == FILTER_EXCLUDE_FILE)) {
            return 0;
        }
        if (is_gate_of(gate, FILTER_INCLUDE, FILTER_INCLUDE_RE)) {
            includes = 1;
            *is_included |= matches;
        } else if (gate->type == FILTER_FOLDER) {
            folders = 1;
            in_folder |= matches;
        }
    }
    if (includes && !*is_included) {
        return 0;
    }
    return !folders || in_folder || includes;
}

/* Returns whether code is in the sample. The hash of its name decides, so that every process and
 * every run takes the same functions. */
static int is_sampled(const struct decision *d, double sample)
{
    char text[NAME_MAX_BYTES];
    if (sample >= 1) {
        return 1;
    }
    struct filter_text name = join_names(text, d->scope->module, "::", d->scope->qualname);
    uint64_t hash = map_mix(map_hash_bytes(name.data, name.len));
    return (double)(hash >> 11) / (double)(UINT64_C(1) << 53) < sample;
}

/* ---- the decision ---- */

static void take_limit(uint32_t *limit, uint32_t spec)
{
    *limit = spec != FILTER_NO_LIMIT ? spec : *limit;
}

/* Returns whether the code is the program itself. A user who runs `-m json.tool` wants to see it,
 * although it is part of the standard library. */
static int is_program(const struct filter_scope *scope)
{
    static const char name[] = "__main__";
    return scope->module.len == sizeof name - 1 &&
           memcmp(scope->module.data, name, sizeof name - 1) == 0;
}

/* Lets a matching rule change the verdict. An include gate, or being the program, overrides the
 * built-in rules that skip libraries. */
static void apply_rule(struct filter_verdict *v, const struct decision *d, const struct rule *rule,
                       size_t index, int is_included)
{
    const struct filter_rule *spec = &rule->spec;
    enum filter_exec exec = spec->exec;
    if (!is_sampled(d, spec->sample)) {
        exec = FILTER_SKIP;
    }
    if (rule->moment != 0) {
        const struct filter *f = d->f;
        if (!v->is_traced && v->rule >= 0 && f->files[f->rules[v->rule].file].spec.is_builtin) {
            return; /* a thread: rule is not meant to add the standard library */
        }
        v->asks |= exec != FILTER_EXEC_INHERIT ? rule->moment : 0;
        v->asks_traced |= exec == FILTER_TRACE ? rule->moment : 0;
        return;
    }
    int is_reopened = exec == FILTER_SKIP && d->f->files[rule->file].spec.is_builtin &&
                      (is_included || is_program(d->scope));
    if (exec != FILTER_EXEC_INHERIT && !is_reopened) {
        v->is_traced = exec == FILTER_TRACE;
        v->rule = (int)index;
        v->asks = v->asks_traced = 0; /* of earlier rules */
    }
    v->level = spec->level != FILTER_LEVEL_NONE ? spec->level : v->level;
    v->every = spec->every > 1 ? spec->every : v->every;
    v->min_duration = spec->min_duration != 0 ? spec->min_duration : v->min_duration;
    take_limit(&v->max_str, spec->max_str);
    take_limit(&v->max_items, spec->max_items);
    take_limit(&v->max_depth, spec->max_depth);
    take_limit(&v->max_locals, spec->max_locals);
    v->hides_source |= spec->hides_source;
}

/* Begins a verdict with the defaults of all files. Returns the file whose default for values
 * holds. */
static uint32_t start_verdict(struct filter_verdict *v, const struct filter *f)
{
    uint32_t value_file = 0;
    *v = (struct filter_verdict){.is_traced = 1,
                                 .rule = -1,
                                 .value = FILTER_ALLOW,
                                 .max_str = FILTER_NO_LIMIT,
                                 .max_items = FILTER_NO_LIMIT,
                                 .max_depth = FILTER_NO_LIMIT,
                                 .max_locals = FILTER_NO_LIMIT};
    for (size_t i = 0; i < f->file_count; i++) {
        const struct filter_file *spec = &f->files[i].spec;
        if (spec->exec != FILTER_EXEC_INHERIT) {
            v->is_traced = spec->exec == FILTER_TRACE;
        }
        if (spec->value != FILTER_INHERIT) {
            v->value = spec->value;
            value_file = (uint32_t)i;
        }
        v->level = spec->level != FILTER_LEVEL_NONE ? spec->level : v->level;
    }
    return value_file;
}

/* Returns whether the code has no file of its own. Version 1 filters never record such code. */
static int is_synthetic(const struct decision *d)
{
    struct filter_text file = d->scope->file;
    int has_old = 0;
    for (size_t i = 0; i < d->f->file_count; i++) {
        const struct filter_file *spec = &d->f->files[i].spec;
        has_old |= spec->version < 2 && !spec->is_builtin;
    }
    return has_old && (d->scope->is_generated ||
                       (file.len > 1 && file.data[0] == '<' && file.data[file.len - 1] == '>'));
}

/* Prepares the texts of a decision. */
static void begin_decision(struct decision *d, struct filter *f, const struct filter_scope *scope)
{
    d->f = f;
    d->scope = scope;
    d->uses_recent = d->is_undecided = 0;
    d->object_text = join_names(d->object, scope->module, ".", scope->qualname);
    d->file = path_below_root(f, scope->file);
}

static rl_status decide_scope(struct decision *d, struct filter_list *list,
                              struct filter_verdict *v)
{
    struct filter *f = d->f;
    int is_included = 0;
    rl_status status = RL_OK;
    uint32_t value_file = start_verdict(v, f);
    int passes = passes_gates(d, &is_included);
    for (size_t i = 0; i < f->rule_count && status == RL_OK; i++) {
        struct rule *rule = &f->rules[i];
        if (matches_rule(d, rule)) {
            apply_rule(v, d, rule, i, is_included);
            if (rule->spec.value != FILTER_INHERIT) {
                v->value = rule->spec.value;
                value_file = rule->file;
            }
            status = filter_list_put(list, f, rule);
        }
    }
    if (!passes || !is_sampled(d, f->sample) || is_synthetic(d)) {
        v->is_traced = 0;
        v->rule = -2;
        v->asks = v->asks_traced = 0;
    }
    uint64_t turning = v->is_traced ? v->asks & ~v->asks_traced : v->asks_traced;
    if (turning == 0) {
        v->asks = v->asks_traced = 0; /* no bit can change the verdict */
    }
    if (v->value == FILTER_DROP) {
        filter_list_forget(list, f, value_file);
    }
    return status;
}

/* Decides about a scope. The caller frees the list's items, also where it fails. */
static rl_status decide_list(struct filter *f, const struct filter_scope *scope,
                             struct filter_list *list, struct filter_verdict *verdict)
{
    struct decision *d = rl_alloc(1, sizeof *d);
    if (d == NULL) {
        return RL_NOMEM;
    }
    begin_decision(d, f, scope);
    use_recent(d);
    rl_status status = decide_scope(d, list, verdict);
    verdict->is_undecided = d->is_undecided;
    rl_free(d);
    return status;
}

rl_status filter_decide(struct filter *f, const struct filter_scope *scope,
                        struct filter_verdict *verdict)
{
    struct filter_list list = {0};
    rl_status status = decide_list(f, scope, &list, verdict);
    if (status == RL_OK) {
        verdict->set = filter_set_intern(f, &list, verdict->value);
        status = verdict->set != NULL ? RL_OK : RL_NOMEM;
    }
    if (status != RL_OK || verdict->is_undecided) {
        verdict->is_traced = 0;
        verdict->asks = verdict->asks_traced = 0;
        verdict->is_undecided = 1;
        f->undecided++;
    }
    rl_free(list.items);
    return status;
}

/* Adds what obj: rules hide: which part of the text is their code is not known. */
static rl_status add_hiding(struct filter *f, struct filter_list *list, struct filter_verdict *v)
{
    rl_status status = RL_OK;
    for (size_t i = 0; i < f->rule_count && status == RL_OK; i++) {
        const struct rule *rule = &f->rules[i];
        if (rule->selector.kind == FILTER_OBJ) {
            status = filter_list_put_hiding(list, f, rule);
            v->value = rule->spec.value > FILTER_ALLOW ? rule->spec.value : v->value;
        }
    }
    return status;
}

rl_status filter_decide_source(struct filter *f, const struct filter_scope *scope,
                               struct filter_verdict *verdict)
{
    struct filter_list list = {0};
    rl_status status = decide_list(f, scope, &list, verdict);
    if (status == RL_OK && (status = add_hiding(f, &list, verdict)) == RL_OK) {
        verdict->set = filter_set_intern(f, &list, verdict->value);
        status = verdict->set != NULL ? RL_OK : RL_NOMEM;
    }
    rl_free(list.items);
    return status;
}

struct filter_rule_view filter_rule_at(const struct filter *f, size_t index,
                                       const struct filter_scope *scope)
{
    struct rule *rule = &f->rules[index];
    struct filter_rule_view view = {rule->file, rule->selector.text, rule->spec.exec,
                                    rule->spec.value, -1};
    struct decision *d = scope != NULL ? rl_alloc(1, sizeof *d) : NULL;
    if (d != NULL) {
        begin_decision(d, (struct filter *)f, scope);
        int matches = rule->moment != 0 ? 2 : matches_rule(d, rule);
        view.matches = d->is_undecided ? -1 : matches;
        rl_free(d);
    }
    return view;
}

/* ---- thread: and task: rules ---- */

uint64_t filter_moment_rules(const struct filter *f, enum filter_kind kind)
{
    return kind == FILTER_THREAD ? f->thread_rules : f->task_rules;
}

uint64_t filter_moment(struct filter *f, enum filter_kind kind, struct filter_text name,
                       int *is_undecided)
{
    uint64_t matching = 0;
    for (size_t i = 0; i < f->rule_count; i++) {
        const struct rule *rule = &f->rules[i];
        if (rule->moment != 0 && rule->selector.kind == kind) {
            int found = pattern_search(rule->selector.pattern, name.data, name.len);
            matching |= found > 0 ? rule->moment : 0;
            *is_undecided |= found < 0;
        }
    }
    f->undecided += *is_undecided != 0;
    return matching;
}
