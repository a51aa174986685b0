/* Part of reader_object.h.
 * Why: the places where a value is, as Python objects, some at a time.
 *
 *     find(expression, ...) --> find_piece(most) --> find_piece(most) ... until it has ended
 *
 * A place is (thread, seq, ns, kind, frame, code, line, number of the call, name, path, value).
 *
 * Threads: the search runs without the GIL, all else under it. */
#include "reader_object.h"
#include "refusal.h"
#include "rests.h"

#include "alloc.h"
#include "find.h"
#include "value_json.h"
#include "value_text.h"

/* A search that is under way. */
struct found_places {
    struct where *where; /* owned */
    struct find *find;   /* owned */
};

void reader_find_end(struct reader_object *self)
{
    if (self->found != NULL) {
        find_close(self->found->find);
        where_free(self->found->where);
        rl_free(self->found);
        self->found = NULL;
    }
}

/* find(expression, is it about x, only writes, places to skip): begins with the first event. Raises
 * Error where the expression is none, or has no value. */
PyObject *reader_find(struct reader_object *self, PyObject *args)
{
    struct find_question question = {0};
    struct where_error error = {0};
    const char *text;
    Py_ssize_t len;
    unsigned long long skip;
    if (!PyArg_ParseTuple(args, "s#ppK", &text, &len, &question.is_about_x, &question.only_writes,
                          &skip) ||
        reader_enter(self) == NULL) {
        return NULL;
    }
    reader_find_end(self);
    question.skip = skip;
    self->found = rl_zalloc(1, sizeof *self->found);
    rl_status status = self->found != NULL ? RL_OK : RL_NOMEM;
    if (status == RL_OK) {
        status = where_new(text, (size_t)len, &self->found->where, &error);
    }
    if (status == RL_OK) {
        question.where = self->found->where;
        status = find_open(self->reader, &question, &self->found->find);
    }
    self->busy = 0;
    if (status != RL_OK) {
        reader_find_end(self);
        const char *why = error.text[0] != 0 ? error.text : "it has no value";
        return status == RL_NOMEM ? PyErr_NoMemory() : refusal_raise(status, why);
    }
    Py_RETURN_NONE;
}

/* Appends one step of a path: [3], ['key'], .name. */
static void put_step(struct bytes_out *out, const struct reader *reader,
                     const struct find_step *step, int is_exception)
{
    static const char *const parts[] = {".message", ".cause", ".context"};
    char number[32];
    struct bytes_in key = bytes_in_of(step->key, step->key_len);
    struct text name;
    int len;
    switch (step->what) {
    case FIND_ITEM:
        len = snprintf(number, sizeof number, "[%llu]", (unsigned long long)step->index);
        bytes_put(out, number, (size_t)len);
        break;
    case FIND_KEY:
        bytes_put(out, ".keys()", 7);
        break;
    case FIND_VALUE:
        bytes_put(out, "[", 1);
        if (value_text(out, &reader->strings, &key) != RL_OK) {
            bytes_put(out, "?", 1);
        }
        bytes_put(out, "]", 1);
        break;
    case FIND_ATTRIBUTE:
        name = reader_string(reader, step->name);
        bytes_put(out, ".", 1);
        bytes_put(out, name.data, name.len);
        break;
    case FIND_PART:
        if (is_exception && step->index < 3) {
            bytes_put(out, parts[step->index], strlen(parts[step->index]));
        }
        break;
    }
}

/* Returns the path of a place: new. */
static PyObject *make_path_text(const struct reader *reader, const struct find_place *place)
{
    struct bytes_out out = {0};
    unsigned kind = place->event->kind;
    int is_exception = kind >= RL_EVENT_THROW && kind <= RL_EVENT_HANDLED;
    for (size_t i = 0; i < place->depth; i++) {
        put_step(&out, reader, &place->steps[i], is_exception);
    }
    PyObject *text = out.failed ? PyErr_NoMemory()
                                : reader_safe_text((struct text){(const char *)out.data, out.len});
    bytes_out_fini(&out);
    return text;
}

/* Returns one place: new. */
static PyObject *make_place(const struct reader *reader, const struct find_place *place)
{
    const struct event_out *event = place->event;
    struct json_out json = {{0}, 0};
    struct bytes_in in = bytes_in_of(place->value, place->value_len);
    PyObject *name = Py_None, *path = make_path_text(reader, place), *value = NULL, *row = NULL;
    Py_INCREF(name);
    if (place->name != 0) {
        Py_DECREF(name);
        name = reader_safe_text(reader_string(reader, place->name));
    }
    if (value_json(&json, reader, &in) == RL_OK && !json.out.failed) {
        value = PyBytes_FromStringAndSize((const char *)json.out.data, (Py_ssize_t)json.out.len);
    }
    json_fini(&json);
    if (name != NULL && path != NULL && value != NULL) {
        row = Py_BuildValue("(IKKsKIIKOOO)", event->thread, (unsigned long long)event->seq,
                            (unsigned long long)event->t, kind_name(event->kind),
                            (unsigned long long)event->frame, event->id, event->line,
                            (unsigned long long)place->number, name, path, value);
    }
    Py_XDECREF(name);
    Py_XDECREF(path);
    Py_XDECREF(value);
    return row != NULL || PyErr_Occurred() ? row : PyErr_NoMemory();
}

/* find_piece(most): (places, how many were found so far, whether the recording has ended). At most
 * so many places; with 0 it only counts. It returns after some million events, so that Ctrl-C acts.
 */
PyObject *reader_find_piece(struct reader_object *self, PyObject *args)
{
    uint64_t events = 4000000;
    const struct find_place *place = NULL;
    unsigned long long most;
    rl_status status = RL_OK;
    if (!PyArg_ParseTuple(args, "K", &most)) {
        return NULL;
    }
    struct reader *reader = reader_enter(self);
    PyObject *list = reader != NULL ? PyList_New(0) : NULL;
    struct found_places *found = self->found;
    uint64_t count = 0;
    while (list != NULL && found != NULL && status == RL_OK) {
        struct rest rest;
        rest_begin(&rest, reader);
        do {
            status = find_next(found->find, &events, &place);
        } while (status == RL_OK && place != NULL && most == 0);
        status = rest_end(&rest, reader, status);
        if (status != RL_OK || place == NULL) {
            break;
        }
        PyObject *row = make_place(reader, place);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
        if (list != NULL && (unsigned long long)PyList_GET_SIZE(list) >= most) {
            break;
        }
    }
    count = found != NULL ? find_count(found->find) : 0;
    self->busy = reader != NULL ? 0 : self->busy;
    if (list == NULL || status == RL_NOMEM) {
        Py_XDECREF(list);
        return rest_failed();
    }
    return Py_BuildValue("(NKi)", list, (unsigned long long)count,
                         found == NULL || status == RL_END);
}
