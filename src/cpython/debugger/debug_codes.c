/* Part of debug_parts.h: which breakpoints are in which code object.
 *
 * Why: an engine must find the breakpoints of a line among those of one code object. So its sites
 * are computed once, when it is first met, and again when the breakpoints of its file change.
 *
 *   debug_file --points--> debug_point          debug_functions(): one more, for names of functions
 *                              ^
 *                              | point (borrowed)
 *   co_extra --> debug_code --sites--> debug_site (one for each point and line)
 *                     |
 *                     +--marks--> a bit for each instruction of such a line
 *
 * Invariants: a site never outlives its point: debug_set_points() computes the sites again before
 * it frees the old points. A debug_code is freed when its code object and the copies are freed. */
#include <stdlib.h>
#include <string.h>

#include "codename.h"
#include "codescope.h"
#include "copies.h"
#include "debug_parts.h"
#include "origin.h"
#include "probes.h"
#include "pyerror.h"
#include "pytext.h"

#include "alloc.h"
#include "map.h"
#include "os.h"

enum { PATH_BYTES = 4096 };

static struct debug_file **files; /* owned, each */
static size_t file_count, file_cap;
static struct strmap by_path, by_name; /* canonical path, co_filename -> number of the file + 1 */
static struct debug_file functions;

/* ---- files ---- */

struct debug_file *debug_functions(void)
{
    return &functions;
}

static struct debug_file *add_debug_file(const char *path, size_t len)
{
    struct debug_file *file = rl_zalloc(1, sizeof *file);
    char *copy = rl_alloc(1, len + 1);
    void *grown = files;
    if (file == NULL || copy == NULL ||
        rl_grow(&grown, &file_cap, file_count + 1, sizeof *files) != 0) {
        rl_free(file);
        rl_free(copy);
        return NULL;
    }
    files = grown;
    memcpy(copy, path, len + 1);
    file->path = copy;
    if (strmap_put(&by_path, path, len, (uint32_t)file_count + 1) != 0) {
        rl_free(file);
        rl_free(copy);
        return NULL;
    }
    files[file_count++] = file;
    return file;
}

struct debug_file *debug_file_of(const char *path)
{
    size_t len = strlen(path);
    const uint32_t *known = strmap_get(&by_path, path, len);
    return known != NULL ? files[*known - 1] : add_debug_file(path, len);
}

/* Returns the file of co_filename. Symbolic links are resolved once for each name. */
static struct debug_file *file_of_code(PyCodeObject *code)
{
    char name[PATH_BYTES], path[PATH_BYTES];
    size_t len = pytext_put(code->co_filename, (uint8_t *)name, sizeof name - 1);
    name[len] = 0;
    const uint32_t *known = strmap_get(&by_name, name, len);
    if (known != NULL) {
        return files[*known - 1];
    }
    if (os_real_path(name, path, sizeof path) != 0) {
        memcpy(path, name, len + 1);
    }
    struct debug_file *file = debug_file_of(path);
    const uint32_t *number = file != NULL ? strmap_get(&by_path, path, strlen(path)) : NULL;
    if (number != NULL) {
        (void)strmap_put(&by_name, name, len, *number); /* else it is looked up again */
    }
    return file;
}

/* ---- lines ---- */

/* The lines of a code object: ranges of its bytes. */
struct ranges {
    struct range {
        uint32_t begin, end, line; /* line 0: none */
    } *items;                      /* owned */
    size_t count, cap;
};

static void add_range(struct ranges *ranges, uint32_t begin, uint32_t end, uint32_t line)
{
    void *items = ranges->items;
    if (begin < end && line != 0 &&
        rl_grow(&items, &ranges->cap, ranges->count + 1, sizeof *ranges->items) == 0) {
        ranges->items = items;
        ranges->items[ranges->count++] = (struct range){begin, end, line};
    }
}

#if HAS_CODE_LINES
static void read_lines(PyCodeObject *code, struct ranges *ranges)
{
    PyObject *lines = PyObject_CallMethod((PyObject *)code, "co_lines", NULL); /* owned */
    PyObject *row;
    while (lines != NULL && (row = PyIter_Next(lines)) != NULL) {
        PyObject *line = PyTuple_GET_ITEM(row, 2);
        add_range(ranges, (uint32_t)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(row, 0)),
                  (uint32_t)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(row, 1)),
                  line != Py_None ? (uint32_t)PyLong_AsUnsignedLong(line) : 0);
        Py_DECREF(row);
    }
    Py_XDECREF(lines);
    PyErr_Clear();
}
#else
/* co_lnotab has pairs of bytes: a step in the code, and a signed step in lines. */
static void read_lines(PyCodeObject *code, struct ranges *ranges)
{
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(code->co_lnotab);
    const uint8_t *end = p + PyBytes_GET_SIZE(code->co_lnotab);
    int64_t line = code->co_firstlineno;
    uint32_t at = 0;
    for (; p + 1 < end; p += 2) {
        add_range(ranges, at, at + p[0], line > 0 ? (uint32_t)line : 0);
        at += p[0];
        line += (int8_t)p[1];
    }
    add_range(ranges, at, (uint32_t)PyBytes_GET_SIZE(code->co_code), line > 0 ? (uint32_t)line : 0);
}
#endif

static int has_line(const struct ranges *ranges, uint32_t line)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (ranges->items[i].line == line) {
            return 1;
        }
    }
    return 0;
}

/* Sets a bit for each instruction of a line with a site. */
static void mark_lines(struct debug_code *code, const struct ranges *ranges)
{
    uint32_t end = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        end = ranges->items[i].end > end ? ranges->items[i].end : end;
    }
    code->marks = rl_zalloc(end / 16 + 1, 1);
    code->mark_count = code->marks != NULL ? end / 2 : 0;
    for (size_t i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->items[i];
        int is_wanted = 0;
        for (uint32_t k = 0; k < code->site_count; k++) {
            is_wanted |= code->sites[k].line == range->line;
        }
        for (uint32_t at = range->begin / 2;
             is_wanted && at < code->mark_count && at < range->end / 2; at++) {
            code->marks[at / 8] |= (uint8_t)(1u << at % 8);
        }
    }
}

/* ---- sites ---- */

static void free_sites(struct debug_code *code)
{
    for (uint32_t i = 0; i < code->site_count; i++) {
        Py_XDECREF(code->sites[i].condition);
        rl_free(code->sites[i].reads.items);
        rl_free(code->sites[i].takes.items);
        rl_free(code->sites[i].watches.items);
    }
    rl_free(code->sites);
    rl_free(code->marks);
    code->sites = NULL;
    code->marks = NULL;
    code->site_count = code->mark_count = 0;
    code->site_cap = 0;
}

static Py_ssize_t index_in(PyObject *names, PyObject *name)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        if (PyUnicode_Compare(PyTuple_GET_ITEM(names, i), name) == 0) {
            return i;
        }
    }
    return -1;
}

Py_ssize_t debug_slot(PyCodeObject *code, PyObject *name)
{
#if CELLS_SHARE_SLOTS
    return index_in(code->co_localsplusnames, name);
#else
    Py_ssize_t at = index_in(code->co_varnames, name), before = code->co_nlocals;
    PyObject *const rows[] = {code->co_cellvars, code->co_freevars};
    for (size_t i = 0; i < 2; i++) {
        Py_ssize_t found = index_in(rows[i], name);
        if (found >= 0) {
            return before + found; /* a parameter that is a cell too lives in the cell */
        }
        before += PyTuple_GET_SIZE(rows[i]);
    }
    return at;
#endif
}

int debug_read_slots(struct debug_slots *slots, PyCodeObject *code, PyObject *names)
{
    Py_ssize_t count = PyTuple_Check(names) ? PyTuple_GET_SIZE(names) : 0;
    Py_ssize_t *items = rl_alloc((size_t)count + 1, sizeof *items);
    if (items == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        items[i] = PyUnicode_Check(name) ? debug_slot(code, name) : -1;
    }
    rl_free(slots->items);
    *slots = (struct debug_slots){items, count};
    return 0;
}

static void add_site(struct debug_code *code, struct debug_point *point, uint32_t line)
{
    void *grown = code->sites;
    if (rl_grow(&grown, &code->site_cap, code->site_count + 1, sizeof *code->sites) != 0) {
        return;
    }
    code->sites = grown;
    struct debug_site *site = &code->sites[code->site_count];
    *site = (struct debug_site){.line = line, .point = point};
    if ((point->has_program && debug_read_slots(&site->reads, code->code, point->names) != 0) ||
        (point->data != NULL && debug_read_slots(&site->watches, code->code, point->data) != 0)) {
        PyErr_Clear();
        rl_free(site->reads.items);
        return;
    }
    code->site_count++;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

size_t debugger_sort_lines(uint32_t *lines, size_t count)
{
    size_t used = 0;
    qsort(lines, count, sizeof *lines, by_number);
    for (size_t i = 0; i < count; i++) {
        if (used == 0 || lines[used - 1] != lines[i]) {
            lines[used++] = lines[i];
        }
    }
    return used;
}

/* Adds a site on every line: a change by one line is noticed where the next line begins. */
static void add_data_sites(struct debug_code *code, struct debug_point *point,
                           const struct ranges *ranges)
{
    uint32_t *lines = rl_alloc(ranges->count + 1, sizeof *lines);
    for (size_t i = 0; lines != NULL && i < ranges->count; i++) {
        lines[i] = ranges->items[i].line;
    }
    size_t count = lines != NULL ? debugger_sort_lines(lines, ranges->count) : 0;
    for (size_t i = 0; i < count; i++) {
        add_site(code, point, lines[i]);
    }
    rl_free(lines);
    code->has_data = 1;
}

/* "*" names all code of the user's, "MODULE.*" that of a module. */
static int names_function(const struct debug_point *point, const struct debug_code *code,
                          PyObject *qualname)
{
    PyObject *wanted = point->function;
    Py_ssize_t len = PyUnicode_GET_LENGTH(wanted);
    if (len != 0 && PyUnicode_READ_CHAR(wanted, len - 1) == '*') {
        Py_ssize_t module = code->module != NULL ? PyUnicode_GET_LENGTH(code->module) : -1;
        return len == 1 ? code->is_users
                        : module == len - 2 &&
                              PyUnicode_Tailmatch(wanted, code->module, 0, module, -1) == 1;
    }
    return PyUnicode_Compare(wanted, code->code->co_name) == 0 ||
           (qualname != NULL && PyUnicode_Compare(wanted, qualname) == 0);
}

/* Adds the sites of a breakpoint that names the function. */
static void add_sites_of_function(struct debug_code *code, struct debug_point *point,
                                  const struct ranges *ranges)
{
    if (point->data != NULL) {
        add_data_sites(code, point, ranges);
    } else {
        add_site(code, point, native_first_line(code->code));
    }
}

/* Computes the sites of a code object from the breakpoints that there are now. */
static void find_sites(struct debug_code *code, PyObject *qualname)
{
    const struct debug_file *file = code->file;
    struct ranges ranges = {0};
    free_sites(code);
    probes_drop(code);
    code->has_data = 0;
    if (functions.point_count + (file != NULL ? file->point_count : 0) == 0) {
        return;
    }
    read_lines(code->code, &ranges);
    for (size_t i = 0; file != NULL && i < file->point_count; i++) {
        struct debug_point *point = &file->points[i];
        if (point->function == NULL && has_line(&ranges, point->line)) {
            add_site(code, point, point->line);
        } else if (point->function != NULL && names_function(point, code, qualname)) {
            add_sites_of_function(code, point, &ranges);
        }
    }
    for (size_t i = 0; i < functions.point_count; i++) {
        if (names_function(&functions.points[i], code, qualname)) {
            add_sites_of_function(code, &functions.points[i], &ranges);
        }
    }
    code->is_one_line = 0;
    for (uint32_t i = 0; i < code->site_count; i++) {
        struct debug_point *point = code->sites[i].point;
        if (!point->is_bound) {
            point->is_bound = 1;
            debugger.has_bound = 1;
        }
        code->is_one_line |= code->sites[i].line == (uint32_t)code->code->co_firstlineno;
    }
    if (code->site_count != 0) {
        mark_lines(code, &ranges);
    }
    rl_free(ranges.items);
    PyErr_Clear();
}

/* ---- code objects ---- */

static void release_record(struct debug_code *code)
{
    if (--code->holders == 0) {
        probes_forget(code);
        rl_free(code);
    }
}

/* Called by the interpreter when a code object is freed: the program's, or a copy. */
static void forget_code(void *known)
{
    struct debug_code *code = copies_record((uintptr_t)known);
    if (code == NULL) {
        return;
    }
    if ((uintptr_t)known & COPY_BIT) {
        release_record(code);
        return;
    }
    code->code = NULL;
    if (code->previous != NULL) {
        code->previous->next = code->next;
    } else {
        debugger.codes = code->next;
    }
    if (code->next != NULL) {
        code->next->previous = code->previous;
    }
    free_sites(code);
    probes_drop(code);
    Py_CLEAR(code->module);
    release_record(code);
}

int debug_codes_init(void)
{
    if (probes_init() != 0) {
        return -1;
    }
    if (copies_index < 0) {
        copies_index = compat_request_extra_index(forget_code);
        if (copies_index < 0) {
            PyErr_SetString(PyExc_RuntimeError, "no co_extra index left in this interpreter");
        }
    }
    return copies_index < 0 ? -1 : 0;
}

static int is_main(PyCodeObject *code, PyObject *globals)
{
    char name[16];
    if (PyUnicode_CompareWithASCIIString(code->co_name, "<module>") != 0) {
        return 0;
    }
    pytext_module_name(globals, name, sizeof name);
    return strcmp(name, "__main__") == 0;
}

/* Returns whether steps stop in this code. Without a decision of the filter they do. */
static int is_users(PyCodeObject *code, PyObject *module, PyObject *qualname)
{
    struct filter *filter = debugger.rules;
    struct filter_verdict verdict;
    if (filter == NULL) {
        return 1;
    }
    struct code_scope *n = rl_zalloc(1, sizeof *n);
    int is_it = 1;
    if (n != NULL) {
        code_scope_read(n, filter, code, module, qualname);
        is_it = filter_decide(filter, &n->scope, &verdict) != RL_OK || verdict.is_traced ||
                verdict.asks_traced != 0;
    }
    rl_free(n);
    return is_it;
}

struct debug_code *debugger_code(PyCodeObject *code, PyObject *globals)
{
    struct debug_code *made = origin_is_excluded(code) ? NULL : rl_zalloc(1, sizeof *made);
    if (made == NULL) {
        return NULL; /* our own, or no memory */
    }
    struct pyerror error = pyerror_take();
    debugger.counts.cache_misses++;
    codename_learn(code);
    PyObject *qualname = codename_get(code, globals); /* owned */
    made->code = code;
    made->holders = 1;
    made->file = file_of_code(code);
    made->module = pytext_module(globals);
    Py_XINCREF(made->module);
    made->is_users = is_users(code, made->module, qualname);
    made->is_main = debugger.waits_for_main && is_main(code, globals);
    find_sites(made, qualname);
    Py_XDECREF(qualname);
    if (compat_set_extra((PyObject *)code, copies_index, made) != 0) {
        PyErr_Clear();
        free_sites(made);
        Py_XDECREF(made->module);
        rl_free(made);
        made = NULL;
    } else {
        made->next = debugger.codes;
        if (made->next != NULL) {
            made->next->previous = made;
        }
        debugger.codes = made;
    }
    pyerror_put_back(&error);
    return made;
}

void debug_codes_begin(void)
{
    for (struct debug_code *code = debugger.codes; code != NULL; code = code->next) {
        PyObject *qualname = codename_get(code->code, NULL); /* owned */
        code->is_users = is_users(code->code, code->module, qualname);
        code->is_main = 0; /* it has begun */
        Py_XDECREF(qualname);
    }
}

size_t debug_code_count(void)
{
    size_t count = 0;
    for (const struct debug_code *code = debugger.codes; code != NULL; code = code->next) {
        count++;
    }
    return count;
}

/* ---- changes ---- */

void debug_free_points(struct debug_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        condition_fini(&points[i].program);
        Py_XDECREF(points[i].names);
        Py_XDECREF(points[i].expression);
        Py_XDECREF(points[i].log);
        Py_XDECREF(points[i].function);
        Py_XDECREF(points[i].task);
        Py_XDECREF(points[i].data);
        debug_data_free(points[i].watch);
    }
    rl_free(points);
}

static size_t count_data(const struct debug_point *points, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += points[i].data != NULL;
    }
    return found;
}

/* A breakpoint that is given again, because others of its file have changed, keeps its counts and
 * what it has seen. */
static void keep_counts(struct debug_point *points, size_t count, struct debug_point *old,
                        size_t old_count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < old_count; k++) {
            if (points[i].id != old[k].id) {
                continue;
            }
            debug_data_keep(&points[i], &old[k]);
            if (points[i].hits.test == old[k].hits.test && points[i].hits.n == old[k].hits.n) {
                points[i].hits.seen = old[k].hits.seen;
                points[i].reached = old[k].reached;
                points[i].is_bound = old[k].is_bound;
            }
        }
    }
}

static int put_counts(PyObject *counts, const struct debug_file *file)
{
    for (size_t i = 0; i < file->point_count; i++) {
        const struct debug_point *point = &file->points[i];
        PyObject *id = PyLong_FromUnsignedLong(point->id); /* owned */
        PyObject *pair =
            Py_BuildValue("(KKN)", (unsigned long long)point->reached,
                          (unsigned long long)point->hits.seen, PyBool_FromLong(point->is_bound));
        int failed = id == NULL || pair == NULL || PyDict_SetItem(counts, id, pair) != 0;
        Py_XDECREF(id);
        Py_XDECREF(pair);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

PyObject *debug_point_counts(void)
{
    PyObject *counts = PyDict_New(); /* owned */
    int failed = counts == NULL || put_counts(counts, &functions) != 0;
    for (size_t i = 0; !failed && i < file_count; i++) {
        failed = put_counts(counts, files[i]) != 0;
    }
    if (failed) {
        Py_CLEAR(counts);
    }
    return counts;
}

size_t debug_set_points(struct debug_file *file, struct debug_point *points, size_t count)
{
    struct debug_point *old = file->points;
    size_t old_count = file->point_count, met = 0;
    keep_counts(points, count, old, old_count);
    file->points = points;
    file->point_count = count;
    debugger.revision++;
    for (struct debug_code *code = debugger.codes; code != NULL; code = code->next) {
        if (file == &functions || code->file == file) {
            PyObject *qualname = codename_get(code->code, NULL); /* owned */
            find_sites(code, qualname);
            Py_XDECREF(qualname);
            met++;
        }
    }
    /* Arming may run other code, so a second loop does it. */
    for (struct debug_code *code = debugger.codes; code != NULL; code = code->next) {
        if (file == &functions || code->file == file) {
            debug_engine.arm(code);
        }
    }
    debugger.points += count - old_count;
    debugger.watches += count_data(points, count) - count_data(old, old_count);
    debug_engine.refresh();
    debugger.counts.invalidations += met;
    debug_free_points(old, old_count);
    return met;
}

void debug_codes_clear(void)
{
    debug_catches_clear();
    (void)debug_set_points(&functions, NULL, 0);
    for (size_t i = 0; i < file_count; i++) {
        if (files[i]->point_count != 0) {
            (void)debug_set_points(files[i], NULL, 0);
        }
    }
}
