/* Why: see codescope.h. */
#include "codescope.h"

#include <string.h>
#include <unistd.h>

#include "pytext.h"

static struct filter_text read_text_into(PyObject *object, char *out)
{
    size_t n = pytext_put(object, (uint8_t *)out, CODE_SCOPE_BYTES - 8);
    return (struct filter_text){out, n};
}

/* A dotted name of ASCII letters, digits and _. */
static int is_module_name(struct filter_text text)
{
    int begins = 1;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        int is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        int is_digit = c >= '0' && c <= '9';
        if (!(is_letter || (is_digit && !begins) || (c == '.' && !begins))) {
            return 0;
        }
        begins = c == '.';
    }
    return text.len != 0 && !begins;
}

static int is_package(const char *folder, size_t len)
{
    char path[CODE_SCOPE_BYTES + 16];
    memcpy(path, folder, len);
    memcpy(path + len, "/__init__.py", 13);
    return access(path, F_OK) == 0;
}

/* Returns the dotted name of the file's module: its path below the filter's root, or from the
 * outermost folder that is a package. */
static struct filter_text find_module_of_path(const struct filter *filter, struct filter_text file,
                                              char *out)
{
    size_t end = file.len, begin = file.len;
    if (end > 3 && memcmp(file.data + end - 3, ".py", 3) == 0) {
        end -= 3;
    }
    struct filter_text below = filter_below_root(filter, file);
    if (below.len != 0) {
        begin = file.len - below.len;
    } else {
        while (begin > 0 && file.data[begin - 1] != '/') {
            begin--;
        }
        while (begin > 1 && is_package(file.data, begin - 1)) {
            begin--;
            while (begin > 0 && file.data[begin - 1] != '/') {
                begin--;
            }
        }
    }
    if (end >= begin + 9 && memcmp(file.data + end - 9, "/__init__", 9) == 0) {
        end -= 9;
    }
    size_t n = end > begin ? end - begin : 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = file.data[begin + i] == '/' ? '.' : file.data[begin + i];
    }
    return (struct filter_text){out, n};
}

void code_scope_read(struct code_scope *n, const struct filter *filter, PyCodeObject *code,
                     PyObject *module, PyObject *qualname)
{
    n->scope.file = read_text_into(code->co_filename, n->file);
    n->scope.name = read_text_into(code->co_name, n->name);
    n->scope.qualname = read_text_into(qualname != NULL ? qualname : code->co_name, n->qualname);
    n->scope.module = read_text_into(module, n->module);
    if (module == NULL || !is_module_name(n->scope.module)) {
        n->scope.module = find_module_of_path(filter, n->scope.file, n->module);
    }
}
