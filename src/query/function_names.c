/* Why: a name is looked for among all definitions without a Python object for each of them. */
#include "function_names.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "status.h"

void functions_found_fini(struct functions_found *found)
{
    rl_free(found->codes);
    *found = (struct functions_found){0};
}

static int is_same(struct text a, struct text b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static int ends_with(struct text text, struct text end)
{
    return text.len >= end.len && memcmp(text.data + (text.len - end.len), end.data, end.len) == 0;
}

static struct text skip(struct text text, size_t len)
{
    return (struct text){text.data + len, text.len - len};
}

/* Returns whether a name is MODULE:QUALNAME or MODULE.QUALNAME. */
static int is_with_module(const struct code_text *code, struct text name)
{
    size_t at = code->module.len;
    return name.len > at && memcmp(name.data, code->module.data, at) == 0 &&
           (name.data[at] == ':' || name.data[at] == '.') &&
           is_same(skip(name, at + 1), code->qualname);
}

static int is_qualified(const struct code_text *code, struct text name)
{
    return is_same(code->qualname, name) || is_with_module(code, name);
}

static int is_last_part(const struct code_text *code, struct text name)
{
    size_t before = code->qualname.len - name.len;
    return ends_with(code->qualname, name) && memchr(name.data, '.', name.len) == NULL &&
           (before == 0 || code->qualname.data[before - 1] == '.');
}

static int is_module(const struct code_text *code, struct text name)
{
    return is_same(code->module, name);
}

/* Returns whether a file is the one that was written, or ends in it after a slash. */
static int is_file(struct text file, struct text written)
{
    if (is_same(file, written)) {
        return 1;
    }
    while (written.len > 0 && (written.data[0] == '.' || written.data[0] == '/')) {
        written = skip(written, 1);
    }
    return file.len > written.len && ends_with(file, written) &&
           file.data[file.len - written.len - 1] == '/';
}

/* Takes FILE:LINE apart. */
static int take_line(struct text name, struct text *file, uint32_t *line)
{
    size_t colon = name.len;
    uint64_t number = 0;
    while (colon > 0 && name.data[colon - 1] >= '0' && name.data[colon - 1] <= '9') {
        colon--;
    }
    if (colon < 2 || colon == name.len || name.data[colon - 1] != ':') {
        return 0;
    }
    for (size_t i = colon; i < name.len && number <= UINT32_MAX; i++) {
        number = number * 10 + (uint64_t)(name.data[i] - '0');
    }
    *file = (struct text){name.data, colon - 1};
    *line = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
    return 1;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Lists all functions of which calls can be recorded, by number. RL_OK or RL_NOMEM. */
static rl_status list_codes(const struct reader *reader, struct functions_found *out)
{
    out->codes = rl_zalloc(reader->codes.count + 1, sizeof *out->codes);
    if (out->codes == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < reader->codes.capacity; i++) {
        uint32_t id = (uint32_t)reader->codes.entries[i].key;
        if (id != 0 && (reader_code(reader, id).flags & RL_CODE_SKIPPED) == 0) {
            out->codes[out->count++] = id;
        }
    }
    qsort(out->codes, out->count, sizeof *out->codes, by_number);
    return RL_OK;
}

/* A function, and how near to a line it begins. */
struct near {
    uint32_t id, line;
    int is_module;
};

/* Sorts the function that begins last first. A function comes before the module whose body begins
 * on the same line. */
static int by_nearness(const void *a, const void *b)
{
    const struct near *x = a, *y = b;
    if (x->line != y->line) {
        return x->line > y->line ? -1 : 1;
    }
    if (x->is_module != y->is_module) {
        return x->is_module - y->is_module;
    }
    return by_number(&x->id, &y->id);
}

/* Keeps the functions of a file that begin at or above found->line, nearest first. */
static rl_status keep_near(const struct reader *reader, struct text file,
                           struct functions_found *found)
{
    struct near *rows = rl_zalloc(found->count + 1, sizeof *rows);
    size_t count = 0;
    if (rows == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < found->count; i++) {
        struct code_text code = reader_code(reader, found->codes[i]);
        if (code.line <= found->line && is_file(code.file, file)) {
            rows[count++] =
                (struct near){found->codes[i], code.line, (code.flags & RL_CODE_MODULE) != 0};
        }
    }
    qsort(rows, count, sizeof *rows, by_nearness);
    for (size_t i = 0; i < count; i++) {
        found->codes[i] = rows[i].id;
    }
    found->count = count;
    rl_free(rows);
    return RL_OK;
}

/* Keeps those that the name means, in the first way in which it means any. */
static void keep_named(const struct reader *reader, struct text name, struct functions_found *found)
{
    static int (*const means[])(const struct code_text *code,
                                struct text name) = {is_qualified, is_last_part, is_module};
    size_t kept = 0;
    for (size_t way = 0; way < sizeof means / sizeof *means && kept == 0; way++) {
        for (size_t i = 0; i < found->count; i++) {
            struct code_text code = reader_code(reader, found->codes[i]);
            if (means[way](&code, name)) {
                found->codes[kept++] = found->codes[i];
            }
        }
    }
    found->count = kept;
}

rl_status function_names_all(const struct reader *reader, struct text name,
                             struct functions_found *out)
{
    struct functions_found found = {NULL, 0, 0};
    struct text file;
    rl_status status = list_codes(reader, &found);
    if (status == RL_OK && take_line(name, &file, &found.line)) {
        status = keep_near(reader, file, &found);
    } else if (status == RL_OK) {
        keep_named(reader, name, &found);
    }
    if (status != RL_OK) {
        functions_found_fini(&found);
        return status;
    }
    *out = found;
    return RL_OK;
}

/* Returns whether two definitions are of one function: a function beyond those that the recorder
 * remembers is defined again. */
static int is_same_function(const struct code_text *a, const struct code_text *b)
{
    return is_same(a->module, b->module) && is_same(a->qualname, b->qualname) &&
           is_same(a->file, b->file) && a->line == b->line;
}

static int is_body(const struct code_text *first, const struct code_text *code)
{
    (void)first;
    return (code->flags & RL_CODE_MODULE) != 0;
}

static int is_python(const struct code_text *first, const struct code_text *code)
{
    (void)first;
    return (code->flags & RL_CODE_NATIVE) == 0;
}

/* Keeps the codes that are so, where any is. */
static void keep(const struct reader *reader, struct functions_found *found,
                 int (*is_so)(const struct code_text *first, const struct code_text *code))
{
    struct code_text first = reader_code(reader, found->codes[0]);
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct code_text code = reader_code(reader, found->codes[i]);
        if (is_so(&first, &code)) {
            found->codes[kept++] = found->codes[i];
        }
    }
    found->count = kept != 0 ? kept : found->count;
}

/* Says why the codes are not one function; RL_OK where they are. */
static rl_status refuse(const struct reader *reader, struct text name,
                        const struct functions_found *found, struct rl_err *err)
{
    if (found->count == 0) {
        return status_set(err, RL_NOT_FOUND, "nothing of %.*s was recorded", (int)name.len,
                          name.data);
    }
    struct code_text first = reader_code(reader, found->codes[0]);
    for (size_t i = 1; i < found->count; i++) {
        struct code_text code = reader_code(reader, found->codes[i]);
        if (!is_same(first.module, code.module) || !is_same(first.qualname, code.qualname)) {
            return status_set(err, RL_USAGE,
                              "%.*s is several functions, such as %.*s:%.*s and %.*s:%.*s",
                              (int)name.len, name.data, (int)first.module.len, first.module.data,
                              (int)first.qualname.len, first.qualname.data, (int)code.module.len,
                              code.module.data, (int)code.qualname.len, code.qualname.data);
        }
    }
    if ((first.flags & RL_CODE_NATIVE) != 0) {
        return status_set(err, RL_UNSUPPORTED,
                          "%.*s is written in C: its calls have no frames and no numbers",
                          (int)name.len, name.data);
    }
    return RL_OK;
}

rl_status function_names_one(const struct reader *reader, struct text name,
                             struct functions_found *out, struct rl_err *err)
{
    struct functions_found found;
    rl_status status = function_names_all(reader, name, &found);
    if (status != RL_OK) {
        return status_set(err, status, "no memory to look for a function");
    }
    if (found.count != 0) {
        if (found.line != 0) {
            keep(reader, &found, is_same_function);
        }
        keep(reader, &found, is_body);
        keep(reader, &found, is_python);
    }
    status = refuse(reader, name, &found, err);
    if (status != RL_OK) {
        functions_found_fini(&found);
        return status;
    }
    *out = found;
    return RL_OK;
}
