/* Why: see origin.h. */
#include "origin.h"

#include <string.h>

#include "pytext.h"

struct prefix {
    char text[1024];
    size_t len;
};

enum { PREFIXES = 16 };
struct prefixes {
    struct prefix of[PREFIXES];
    int count;
};
static struct prefixes excluded, libraries;

/* Adds a prefix once. One that is too long, or one too many, is left out. */
static void add_file_prefix(struct prefixes *list, const char *utf8)
{
    size_t len = strlen(utf8);
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->of[i].text, utf8) == 0) {
            return;
        }
    }
    struct prefix *prefix = &list->of[list->count];
    if (len != 0 && list->count < PREFIXES && len < sizeof prefix->text) {
        memcpy(prefix->text, utf8, len + 1);
        prefix->len = len;
        list->count++;
    }
}

void origin_exclude(const char *utf8)
{
    add_file_prefix(&excluded, utf8);
}

void origin_add_library(const char *utf8)
{
    add_file_prefix(&libraries, utf8);
}

static int begins_with_one(const struct prefixes *list, const uint8_t *text, size_t n)
{
    for (int i = 0; i < list->count; i++) {
        const struct prefix *prefix = &list->of[i];
        if (n >= prefix->len && memcmp(text, prefix->text, prefix->len) == 0) {
            return 1;
        }
    }
    return 0;
}

int origin_is_excluded(PyCodeObject *code)
{
    uint8_t text[1024];
    return code->co_filename != NULL &&
           begins_with_one(&excluded, text, pytext_put(code->co_filename, text, sizeof text));
}

size_t origin_put_file(PyCodeObject *code, PyObject *globals, uint8_t *out, size_t size)
{
    static PyObject *key; /* process-wide, interned */
    uint8_t home[1024];
    size_t n = pytext_put(code->co_filename, out, size);
    PyObject *file = n == 0 || out[0] == '<' ? pytext_global(globals, &key, "__file__") : NULL;
    size_t len = file != NULL ? pytext_put(file, home, sizeof home) : 0;
    if (len != 0 && len <= size && begins_with_one(&libraries, home, len)) {
        memcpy(out, home, len);
        n = len;
    }
    return n;
}

int origin_is_own(PyCodeObject *code, PyObject *globals)
{
    uint8_t text[1024];
    size_t n = origin_put_file(code, globals, text, sizeof text);
    return !begins_with_one(&libraries, text, n) && (n < 7 || memcmp(text, "<frozen", 7) != 0);
}
