/* Why: each interpreter has other mechanisms, and not each of them sees everything.
 *
 *     --backend NAME    choose_named(): refuses, with the reason and a way out
 *     auto              choose_best(): the first that works; the reason names those before it
 *
 * Invariants: the reason goes into the header of the recording. A probe leaves no
 * exception behind. Threads: under the GIL. */
#include "choice.h"

#include <stdio.h>
#include <string.h>

#include "backends.h"
#include "fields.h"
#include "refusal.h"

#include "bytes.h"

enum { WHY_MAX = 300 };

const struct backend *const backends[BACKENDS] = {&backend_monitoring, &backend_evalhook,
                                                  &backend_setprofile, &backend_settrace};

int choice_works(const struct backend *backend, char *why, size_t size)
{
    why[0] = '\0';
    if (IS_FREE_THREADED) {
        (void)snprintf(why, size, "free-threaded builds are not supported yet");
        return 0;
    }
    int works = backend->probe(why, size);
    PyErr_Clear();
    return works;
}

/* What a recording wants and a backend may not see. */
struct wants {
    int c_calls, lines;
};

/* What it does not see, with the way out; NULL: nothing. */
static const char *find_missing(const struct backend *backend, struct wants wants,
                                const char **way_out)
{
    if (wants.c_calls && (backend->capabilities & SEES_C_CALLS) == 0) {
        *way_out = "without --c-calls it works";
        return "does not see functions written in C";
    }
    if (wants.lines && (backend->capabilities & SEES_LINES) == 0) {
        *way_out = "at --level values it works";
        return "does not see lines";
    }
    return NULL;
}

/* Appends a text to a reason. */
static void put_reason(struct bytes_out *out, const char *text)
{
    bytes_put(out, text, strlen(text));
}

/* Returns the backend that the settings name; NULL with an exception where it cannot work here. */
static const struct backend *choose_named(const char *name, struct wants wants,
                                          struct bytes_out *reason)
{
    char why[WHY_MAX];
    const char *way_out = "";
    for (int i = 0; i < BACKENDS; i++) {
        if (strcmp(backends[i]->name, name) != 0) {
            continue;
        }
        if (!choice_works(backends[i], why, sizeof why)) {
            return refuse(RL_UNSUPPORTED, "backend %s cannot work here: %s", name, why);
        }
        const char *lack = find_missing(backends[i], wants, &way_out);
        if (lack != NULL) {
            return refuse(RL_UNSUPPORTED, "backend %s %s; %s", name, lack, way_out);
        }
        put_reason(reason, "asked for");
        return backends[i];
    }
    return refuse(RL_USAGE, "there is no backend %s", name);
}

/* Why the best one is the best, and why not those that are better. */
static const struct backend *choose_best(struct wants wants, struct bytes_out *reason)
{
    struct bytes_out refused = {0};
    const struct backend *found = NULL;
    char why[WHY_MAX];
    for (int i = 0; found == NULL && i < BACKENDS; i++) {
        const char *way_out = "", *lack = NULL;
        int works = choice_works(backends[i], why, sizeof why);
        lack = works ? find_missing(backends[i], wants, &way_out) : NULL;
        if (works && lack == NULL) {
            found = backends[i];
            break;
        }
        put_reason(&refused, "; not ");
        put_reason(&refused, backends[i]->name);
        put_reason(&refused, ": ");
        put_reason(&refused, works ? lack : why);
    }
    if (found != NULL) {
        put_reason(reason, why);
        bytes_put(reason, refused.data, refused.len);
    } else {
        (void)refuse(RL_UNSUPPORTED, "no backend works here%.*s", (int)refused.len,
                     (const char *)refused.data);
    }
    bytes_out_fini(&refused);
    return found;
}

const struct backend *choice_make(PyObject *config, const char *level, struct bytes_out *reason)
{
    struct fields fields = {config, 0};
    struct wants wants = {fields_flag(&fields, "c_calls"), strcmp(level, "lines") == 0};
    const char *name = fields_utf8(&fields, "backend");
    if (fields.failed) {
        return NULL;
    }
    return strcmp(name, "auto") == 0 ? choose_best(wants, reason)
                                     : choose_named(name, wants, reason);
}

PyObject *choice_abilities(const struct backend *backend)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {SEES_THROW, "throw"},
        {SEES_C_CALLS, "c_calls"},
        {SEES_RUNNING_END, "running_frames"},
        {SEES_RUNNING_THREADS, "running_threads"},
        {SEES_EXC_TYPE, "exc_type"},
        {SEES_RAISE, "raise"},
        {SEES_LINES, "lines"},
    };
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < sizeof names / sizeof *names; i++) {
        PyObject *name =
            backend->capabilities & names[i].bit ? PyUnicode_FromString(names[i].name) : NULL;
        if (name != NULL && PyList_Append(list, name) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(name);
    }
    return list;
}
