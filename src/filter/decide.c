/* Why: what a filter says of one code object, and of one name (filter.h).
 *
 *   gates (exclude, include, file, folder, sample) -> defaults of the files -> rules, each in
 * order, the last word counts -> the set of value patterns
 *
 * Patterns: those of a matching version 1 rule replace what was there; those of a version 2 rule
 * are put before it. Under all of them lie the names and forms of secrets. */
#include <string.h>

#include "alloc.h"
#include "filter_parts.h"
#include "secrets.h"
#include "status.h"

enum { NAME_MAX_BYTES = 4200 };

/* The subjects of one decision. */
struct decision {
    struct filter *f;
    const struct filter_scope *scope;
    char object[NAME_MAX_BYTES]; /* module.qualname */
    struct filter_text object_text;
    struct filter_text file; /* from the deepest root that holds it */
    int is_undecided;
};

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

static struct filter_text path_below_root(const struct filter *f, struct filter_text file)
{
    struct filter_text below = filter_below_root(f, file);
    size_t skip = file.len != 0 && file.data[0] == '/';
    return below.len != 0 ? below : (struct filter_text){file.data + skip, file.len - skip};
}

static int search_pattern(struct decision *d, const struct pattern *pattern,
                          struct filter_text text)
{
    int found = pattern_search(pattern, text.data, text.len);
    d->is_undecided |= found < 0;
    return found > 0;
}

static int matches_rule(struct decision *d, const struct rule *rule)
{
    switch (rule->selector.kind) {
    case FILTER_PKG:
        return search_pattern(d, rule->selector.pattern, d->scope->module);
    case FILTER_FILE:
        return search_pattern(d, rule->selector.pattern, d->file);
    case FILTER_THREAD:
    case FILTER_TASK:
        return 1; /* it may, at a call */
    default:
        return search_pattern(d, rule->selector.pattern, d->object_text);
    }
}

/* ---- gates ---- */

/* app matches app and what is in it by exact name; app.* matches app and everything below. */
static int matches_name_gate(struct decision *d, const struct gate *gate)
{
    struct filter_text module = d->scope->module;
    if (search_pattern(d, gate->pattern, module) ||
        search_pattern(d, gate->pattern, d->object_text)) {
        return 1;
    }
    return gate->len > 2 && memcmp(gate->text + gate->len - 2, ".*", 2) == 0 &&
           module.len == gate->len - 2 && memcmp(module.data, gate->text, module.len) == 0;
}

static int matches_regex_gate(struct decision *d, const struct gate *gate)
{
    char text[NAME_MAX_BYTES];
    return search_pattern(d, gate->pattern,
                          join_names(text, d->scope->module, "::", d->scope->name)) ||
           search_pattern(d, gate->pattern,
                          join_names(text, d->scope->module, "::", d->scope->qualname));
}

static int matches_gate(struct decision *d, struct gate *gate)
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

static int is_gate_of(const struct gate *gate, enum filter_gate one, enum filter_gate other)
{
    return gate->type == one || gate->type == other;
}

/* Whether the code passes; *is_included: because an include names it. */
static int passes_gates(struct decision *d, int *is_included)
{
    const struct filter *f = d->f;
    int includes = 0, folders = 0, in_folder = 0;
    *is_included = 0;
    for (size_t i = 0; i < f->gate_count; i++) {
        struct gate *gate = &f->gates[i];
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

/* The same functions in every run and process. */
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

/* ---- sets ---- */

struct list {
    uint32_t *items;
    size_t count, cap;
};

static rl_status put_patterns(struct list *list, const struct filter *f, const struct rule *rule)
{
    if (f->files[rule->file].spec.version < 2) {
        list->count = 0;
    }
    void *items = list->items;
    if (rl_grow(&items, &list->cap, list->count + rule->pattern_count + 1, sizeof *list->items)) {
        return RL_NOMEM;
    }
    list->items = items;
    memmove(list->items + rule->pattern_count, list->items, list->count * sizeof *list->items);
    for (uint32_t i = 0; i < rule->pattern_count; i++) {
        list->items[i] = rule->first_pattern + i;
    }
    list->count += rule->pattern_count;
    return RL_OK;
}

/* What drops by default forgets the patterns of files before the one that says so. */
static void forget_before(struct list *list, const struct filter *f, uint32_t file)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (f->patterns[list->items[i]].file >= file) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static struct filter_set *intern_set(struct filter *f, const struct list *list,
                                     enum filter_action value)
{
    for (struct filter_set *set = f->sets; set != NULL; set = set->next) {
        if (set->value == value && set->count == list->count &&
            (list->count == 0 ||
             memcmp(set->patterns, list->items, list->count * sizeof *list->items) == 0)) {
            return set;
        }
    }
    struct filter_set *set = rl_zalloc(1, sizeof *set);
    uint32_t *patterns = rl_alloc(list->count + 1, sizeof *patterns);
    if (set == NULL || patterns == NULL) {
        rl_free(set);
        rl_free(patterns);
        return NULL;
    }
    if (list->count != 0) {
        memcpy(patterns, list->items, list->count * sizeof *patterns);
    }
    set->patterns = patterns;
    set->count = list->count;
    set->value = value;
    for (size_t i = 0; i < list->count; i++) {
        set->has_content |= f->patterns[patterns[i]].selector.kind == FILTER_VALUE;
    }
    set->next = f->sets;
    f->sets = set;
    return set;
}

int filter_has_patterns(const struct filter_set *set)
{
    return set->has_content;
}

size_t filter_least(const struct filter_set *set)
{
    return set->has_content ? 1 : SECRET_LEAST;
}

const struct filter_set *filter_default_set(struct filter *f)
{
    const struct list none = {0};
    return intern_set(f, &none, FILTER_ALLOW);
}

/* ---- the decision ---- */

static void take_limit(uint32_t *limit, uint32_t spec)
{
    *limit = spec != FILTER_NO_LIMIT ? spec : *limit;
}

/* Who runs `-m json.tool` has named it, wherever it lies. */
static int is_program(const struct filter_scope *scope)
{
    static const char name[] = "__main__";
    return scope->module.len == sizeof name - 1 &&
           memcmp(scope->module.data, name, sizeof name - 1) == 0;
}

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
            return; /* a thread is not meant to bring the standard library in */
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
        v->asks = v->asks_traced = 0; /* rules before it */
    }
    v->level = spec->level != FILTER_LEVEL_NONE ? spec->level : v->level;
    v->every = spec->every > 1 ? spec->every : v->every;
    v->min_duration = spec->min_duration != 0 ? spec->min_duration : v->min_duration;
    take_limit(&v->max_str, spec->max_str);
    take_limit(&v->max_items, spec->max_items);
    take_limit(&v->max_depth, spec->max_depth);
    take_limit(&v->max_locals, spec->max_locals);
}

/* The composed defaults; the file that said what becomes of values. */
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

/* Code without a file of its own is nothing to the rules of version 1. */
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

static void begin_decision(struct decision *d, struct filter *f, const struct filter_scope *scope)
{
    d->f = f;
    d->scope = scope;
    d->is_undecided = 0;
    d->object_text = join_names(d->object, scope->module, ".", scope->qualname);
    d->file = path_below_root(f, scope->file);
}

static rl_status decide_scope(struct decision *d, struct list *list, struct filter_verdict *v)
{
    struct filter *f = d->f;
    int is_included = 0;
    rl_status status = RL_OK;
    uint32_t value_file = start_verdict(v, f);
    int passes = passes_gates(d, &is_included);
    for (size_t i = 0; i < f->rule_count && status == RL_OK; i++) {
        const struct rule *rule = &f->rules[i];
        if (matches_rule(d, rule)) {
            apply_rule(v, d, rule, i, is_included);
            if (rule->spec.value != FILTER_INHERIT) {
                v->value = rule->spec.value;
                value_file = rule->file;
            }
            status = put_patterns(list, f, rule);
        }
    }
    if (!passes || !is_sampled(d, f->sample) || is_synthetic(d)) {
        v->is_traced = 0;
        v->rule = -2;
        v->asks = v->asks_traced = 0;
    }
    uint64_t turning = v->is_traced ? v->asks & ~v->asks_traced : v->asks_traced;
    if (turning == 0) {
        v->asks = v->asks_traced = 0; /* they change nothing */
    }
    if (v->value == FILTER_DROP) {
        forget_before(list, f, value_file);
    }
    return status;
}

rl_status filter_decide(struct filter *f, const struct filter_scope *scope,
                        struct filter_verdict *verdict)
{
    struct decision *d = rl_alloc(1, sizeof *d);
    struct list list = {0};
    rl_status status = RL_NOMEM;
    if (d != NULL) {
        begin_decision(d, f, scope);
        status = decide_scope(d, &list, verdict);
        verdict->is_undecided = d->is_undecided;
    }
    if (status == RL_OK) {
        verdict->set = intern_set(f, &list, verdict->value);
        status = verdict->set != NULL ? RL_OK : RL_NOMEM;
    }
    if (status != RL_OK || verdict->is_undecided) {
        verdict->is_traced = 0;
        verdict->asks = verdict->asks_traced = 0;
        verdict->is_undecided = 1;
        f->undecided++;
    }
    rl_free(list.items);
    rl_free(d);
    return status;
}

struct filter_rule_view filter_rule_at(const struct filter *f, size_t index,
                                       const struct filter_scope *scope)
{
    const struct rule *rule = &f->rules[index];
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

/* ---- moments ---- */

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

/* ---- names ---- */

/* A function's own name, of module.qualname. */
static struct filter_text last_name_part(struct filter_text name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1] == '.') {
            return (struct filter_text){name.data + i, name.len - i};
        }
    }
    return name;
}

enum filter_action filter_action_of(enum secret_class class)
{
    switch (class) {
    case SECRET_NONE:
        return FILTER_ALLOW;
    case SECRET_TOKEN:
        return FILTER_TOKEN;
    case SECRET_CODE:
        return FILTER_CODE;
    case SECRET_LOGIN:
        return FILTER_LOGIN;
    default:
        return FILTER_SECRET;
    }
}

/* *why: the selector that decided, NULL = the default. */
static enum filter_action decide_name(struct filter *f, const struct filter_set *set,
                                      enum filter_kind kind, struct filter_text name,
                                      const char **why)
{
    *why = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct value_pattern *pattern = &f->patterns[set->patterns[i]];
        if (pattern->selector.kind != kind) {
            continue;
        }
        int found = pattern_search(pattern->selector.pattern, name.data, name.len);
        if (found < 0) {
            f->undecided++;
        }
        if (found != 0) {
            *why = pattern->selector.text;
            return found > 0 ? pattern->action : FILTER_REDACT;
        }
    }
    struct filter_text own = kind == FILTER_RET ? last_name_part(name) : name;
    enum secret_class class = secret_name(own.data, own.len);
    if (class != SECRET_NONE) {
        *why = class == SECRET_ALWAYS ? "built-in names of secrets"
               : class == SECRET_CODE
                   ? "built-in names of secrets, where the value looks like a code"
                   : "built-in names of secrets, where the value looks like a token";
        return set->value != FILTER_ALLOW ? set->value : filter_action_of(class);
    }
    if (set->value == FILTER_ALLOW && (kind == FILTER_KEY || kind == FILTER_ATTR)) {
        enum secret_role role = secret_role(own.data, own.len);
        return role == SECRET_NAMES   ? FILTER_NAMES
               : role == SECRET_NAMED ? FILTER_NAMED
                                      : FILTER_ALLOW;
    }
    return set->value;
}

enum filter_action filter_value(struct filter *f, const struct filter_set *set,
                                enum filter_kind kind, struct filter_text name)
{
    enum { KEPT = 128, MANY = 10000 };
    char key[KEPT + 1];
    const char *why;
    if (name.len > KEPT) {
        return decide_name(f, set, kind, name, &why);
    }
    key[0] = (char)kind;
    memcpy(key + 1, name.data, name.len);
    const uint32_t *known = strmap_get(&set->memo, key, name.len + 1);
    if (known != NULL) {
        return (enum filter_action) * known;
    }
    enum filter_action action = decide_name(f, set, kind, name, &why);
    if (set->memo.count < MANY) {
        (void)strmap_put(&((struct filter_set *)set)->memo, key, name.len + 1, (uint32_t)action);
    }
    return action;
}

const char *filter_why(struct filter *f, const struct filter_set *set, enum filter_kind kind,
                       struct filter_text name)
{
    const char *why;
    (void)decide_name(f, set, kind, name, &why);
    return why;
}

/* All that a pattern finds; -1: undecided. */
static int find_all_parts(const struct pattern *pattern, struct filter_text text,
                          struct secret_part *parts)
{
    size_t at = 0, count = 0, begin, end;
    while (count < SECRET_PARTS && at <= text.len) {
        int found = pattern_search(pattern, text.data + at, text.len - at);
        if (found <= 0) {
            return found < 0 ? -1 : (int)count;
        }
        pattern_found(pattern, &begin, &end);
        end = end > begin ? end : begin + 1; /* it may find nothing at all, there */
        if (at + begin >= text.len && text.len != 0) {
            break;
        }
        parts[count++] = (struct secret_part){at + begin, at + end};
        at += end;
    }
    if (count == SECRET_PARTS || text.len == 0) {
        parts[count - 1].end = text.len;
    }
    return (int)count;
}

/* How much the first `value:` pattern finds that finds something; 0: it lets the text through;
 * -1: none does. */
static int search_content(struct filter *f, const struct filter_set *set, struct filter_text text,
                          struct secret_part *parts)
{
    for (size_t i = 0; set->has_content && i < set->count; i++) {
        const struct value_pattern *pattern = &f->patterns[set->patterns[i]];
        if (pattern->selector.kind != FILTER_VALUE) {
            continue;
        }
        int found = find_all_parts(pattern->selector.pattern, text, parts);
        if (found < 0) {
            f->undecided++;
            parts[0] = (struct secret_part){0, text.len};
            return 1;
        }
        if (found > 0) {
            return pattern->action != FILTER_ALLOW ? found : 0;
        }
    }
    return -1;
}

size_t filter_content(struct filter *f, const struct filter_set *set, struct filter_text text,
                      int is_cut, struct secret_part *parts, int *is_whole)
{
    struct secret_part own[SECRET_PARTS], forms[SECRET_PARTS];
    int found = search_content(f, set, text, own);
    *is_whole = found > 0;
    if (found == 0) {
        return 0;
    }
    size_t count = secret_parts(text.data, text.len, is_cut, found > 0 ? forms : parts);
    return found > 0 ? secret_merge(own, (size_t)found, forms, count, text.len, parts) : count;
}

int filter_number(struct filter *f, const struct filter_set *set, struct filter_text text)
{
    struct secret_part parts[SECRET_PARTS];
    return search_content(f, set, text, parts) > 0;
}
