/* Why: see activation.h. */
#include "activation.h"

#include <string.h>

#include "codename.h"
#include "pytext.h"
#include "state.h"

static struct {
    enum { EVERYTHING, OF_FILE, OF_FUNCTION } kind;
    char files[2][1024];
    char module[512], qualname[512];
    const char *name; /* the last part of it */
    int is_on;        /* of a file: it was entered */
} activation;

static void copy_cut(char *out, size_t size, const char *text, size_t len)
{
    len = len < size - 1 ? len : size - 1;
    memcpy(out, text, len);
    out[len] = 0;
}

void activation_begin(const char *text, const char *other)
{
    const char *colon = strchr(text, ':');
    memset(&activation, 0, sizeof activation);
    if (text[0] == '/') {
        activation.kind = OF_FILE;
        copy_cut(activation.files[0], sizeof activation.files[0], text, strlen(text));
        copy_cut(activation.files[1], sizeof activation.files[1], other, strlen(other));
    } else if (colon != NULL) {
        activation.kind = OF_FUNCTION;
        copy_cut(activation.module, sizeof activation.module, text, (size_t)(colon - text));
        copy_cut(activation.qualname, sizeof activation.qualname, colon + 1, strlen(colon + 1));
        const char *dot = strrchr(activation.qualname, '.');
        activation.name = dot != NULL ? dot + 1 : activation.qualname;
    }
}

int activation_is_set(void)
{
    return activation.kind == OF_FUNCTION || (activation.kind == OF_FILE && !activation.is_on);
}

int activation_is_function(void)
{
    return activation.kind == OF_FUNCTION;
}

static int is_equal_text(PyObject *object, const char *text)
{
    char found[1024];
    size_t n = pytext_put(object, (uint8_t *)found, sizeof found - 4);
    return n == strlen(text) && memcmp(found, text, n) == 0;
}

int activation_is_code(PyCodeObject *code, PyObject *globals)
{
    char module[512];
    if (activation.kind != OF_FUNCTION || !is_equal_text(code->co_name, activation.name)) {
        return 0;
    }
    codename_learn(code);
    PyObject *qualname = codename_get(code, globals); /* owned */
    pytext_module_name(globals, module, sizeof module);
    int is_it = strcmp(module, activation.module) == 0 &&
                is_equal_text(qualname != NULL ? qualname : code->co_name, activation.qualname);
    Py_XDECREF(qualname);
    return is_it;
}

int activation_has(const struct thread *t, const struct event *event)
{
    if (activation.kind == OF_FUNCTION) {
        return (t != NULL && t->stamp == recording.stamp && t->active_in != NULL) ||
               (kind_enters(event->kind) &&
                activation_is_code(event->code, native_globals(event->frame)));
    }
    if (event->kind == RL_EVENT_CALL &&
        (is_equal_text(event->code->co_filename, activation.files[0]) ||
         is_equal_text(event->code->co_filename, activation.files[1]))) {
        activation.is_on = 1;
    }
    return activation.is_on;
}
