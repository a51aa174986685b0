/* Why: see mod_requests.h. It is C since it runs for each request, most often in a process that has
 * just slept. The caches are cold then, so it has to touch little.
 *
 *   begin_wsgi(environ), begin_asgi(scope) -> Request, whose session is the active one
 *   Request(...)    in place of start_response or send: sees what the application answers
 *   Request.end()   the answer is complete
 *
 *     run_wsgi() -> begin_request(), write_request() -> the application
 *                     note_answer_start(), count_piece() -> end_request(): write_answer()
 *
 * Invariants: what cannot be read in a request or an answer is left out. Such faults are for the
 * application or the server to report. Nothing here replaces the application's exception.
 * Threads: under the GIL. */
#include "mod_requests.h"

#include <stddef.h>
#include <string.h>

#include <relive/rl_format.h>

#include "context.h"
#include "http_headers.h"
#include "mod_filter.h"
#include "mod_sessions.h"
#include "notes.h"
#include "pyerror.h"

#include "os.h"

enum { PREVIEW_BYTES = 2000 };

static PyObject *shown; /* process-wide, owned: shown(body, headers, size): a preview, or None */
static unsigned long long exchanges;
static PyObject *request_names, *answer_names; /* process-wide, owned */
static PyTypeObject *request_type;             /* process-wide, owned */

/* The names that are looked up in a request and its environ. */
#define WORDS(X)                                                                                   \
    X(REQUEST_METHOD)                                                                              \
    X(SCRIPT_NAME)                                                                                 \
    X(PATH_INFO)                                                                                   \
    X(QUERY_STRING)                                                                                \
    X(HTTP_HOST)                                                                                   \
    X(HTTP_TRACEPARENT)                                                                            \
    X(HTTP_TRACESTATE)                                                                             \
    X(CONTENT_LENGTH)                                                                              \
    X(type)                                                                                        \
    X(method)                                                                                      \
    X(path)                                                                                        \
    X(scheme)                                                                                      \
    X(headers)                                                                                     \
    X(query_string)                                                                                \
    X(status)                                                                                      \
    X(body)                                                                                        \
    X(GET)                                                                                         \
    X(WEBSOCKET)                                                                                   \
    X(http)                                                                                        \
    X(server)
static struct {
#define WORD(name) PyObject *name;
    WORDS(WORD)
#undef WORD
    PyObject *url_scheme, *nothing;
} word; /* owned */

struct request {
    PyObject_HEAD
        /* owned, or NULL */
        struct session_object *session;
    PyObject *token;                    /* while the session is the active one */
    PyObject *next;                     /* start_response, or send */
    PyObject *status;                   /* an int */
    PyObject *headers;                  /* of the answer */
    PyObject *beginning;                /* a bytes object: of the answer's body */
    Py_ssize_t size;                    /* of that body, as far as it was seen */
    unsigned long long exchange, began; /* 0: the request was not written */
    int is_asgi;
};

/* ---- texts ---- */

/* Returns `o` where it is a str, else `otherwise`: borrowed. */
static PyObject *get_text_or(PyObject *o, PyObject *otherwise)
{
    return o != NULL && PyUnicode_Check(o) ? o : otherwise;
}

/* A text of a WSGI environ: bytes, each as one character. New, or NULL with an exception. */
static PyObject *decode_environ_text(PyObject *text)
{
    if (PyUnicode_IS_ASCII(text)) {
        Py_INCREF(text);
        return text;
    }
    PyObject *bytes = PyUnicode_AsEncodedString(text, "latin-1", "replace"); /* owned */
    PyObject *found = bytes == NULL ? NULL
                                    : PyUnicode_DecodeUTF8(PyBytes_AS_STRING(bytes),
                                                           PyBytes_GET_SIZE(bytes), "replace");
    Py_XDECREF(bytes);
    return found;
}

/* ---- a request ---- */

/* Returns a number as int, None where it is negative: new. */
static PyObject *number_or_none(long long number)
{
    if (number < 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromLongLong(number);
}

/* What a request contains, borrowed. */
struct asked {
    PyObject *method, *path, *traceparent, *tracestate;
    PyObject *scheme, *host, *query; /* query: NULL where there is none */
    PyObject *headers;               /* a dictionary, or NULL */
    long long size;
};

/* Begins a request and makes its session the active one: new, or NULL with an exception. */
static struct request *begin_request(const struct asked *a)
{
    struct request *r = PyObject_GC_New(struct request, request_type);
    if (r == NULL) {
        return NULL;
    }
    memset((char *)r + offsetof(struct request, session), 0,
           sizeof *r - offsetof(struct request, session));
    PyObject_GC_Track(r);
    PyObject *tag = PyUnicode_FromFormat("%U %U", a->method, a->path); /* owned */
    const struct session_wants wants = {
        .tag = tag, .traceparent = a->traceparent, .tracestate = a->tracestate};
    r->session = tag != NULL ? sessions_begin(&wants) : NULL;
    r->token = r->session != NULL ? sessions_enter(r->session) : NULL;
    Py_XDECREF(tag);
    if (r->token == NULL) {
        Py_DECREF(r);
        return NULL;
    }
    return r;
}

/* The request, into the recording. What goes wrong here is not the application's matter. */
static void write_request(struct request *r, const struct asked *a)
{
    r->exchange = ++exchanges;
    r->began = os_mono_ns();
    PyObject *url =
        a->query != NULL
            ? PyUnicode_FromFormat("%U://%U%U?%U", a->scheme, a->host, a->path, a->query)
            : PyUnicode_FromFormat("%U://%U%U", a->scheme, a->host, a->path); /* owned */
    PyObject *clean = url != NULL ? mod_filter_without_secrets(url) : NULL;   /* owned */
    PyObject *exchange = PyLong_FromUnsignedLongLong(r->exchange), /* owned, as are these */
        *began = PyLong_FromUnsignedLongLong(r->began), *size = number_or_none(a->size);
    if (clean != NULL && exchange != NULL && began != NULL && size != NULL) {
        PyObject *const values[] = {
            exchange,
            word.server,
            word.server,
            a->method,
            clean,
            began,
            a->headers != NULL && PyDict_GET_SIZE(a->headers) != 0 ? a->headers : Py_None,
            size};
        (void)notes_put(RL_EVENT_HTTP_REQUEST, sessions_number(r->session), request_names, values);
    }
    PyErr_Clear();
    Py_XDECREF(url);
    Py_XDECREF(clean);
    Py_XDECREF(exchange);
    Py_XDECREF(began);
    Py_XDECREF(size);
}

/* The answer, or what came in its place. */
static void write_answer(struct request *r, PyObject *error)
{
    unsigned long long now = os_mono_ns();
    PyObject *body = NULL; /* owned */
    if (r->beginning != NULL && notes_level() > 1 && shown != NULL) {
        body = PyObject_CallFunction(shown, "OOn", r->beginning,
                                     r->headers != NULL ? r->headers : Py_None, r->size);
        PyErr_Clear();
    }
    PyObject *headers = headers_selected(r->headers), /* owned, as are these */
        *exchange = PyLong_FromUnsignedLongLong(r->exchange),
             *at = PyLong_FromUnsignedLongLong(now),
             *took = PyLong_FromUnsignedLongLong(now - r->began),
             *size = PyLong_FromSsize_t(r->size);
    if (exchange != NULL && at != NULL && took != NULL && size != NULL) {
        PyObject *const values[] = {exchange,
                                    r->status != NULL ? r->status : Py_None,
                                    at,
                                    took,
                                    headers != NULL ? headers : Py_None,
                                    size,
                                    error != NULL ? error : Py_None,
                                    body != NULL ? body : Py_None};
        (void)notes_put(RL_EVENT_HTTP_RESPONSE, sessions_number(r->session), answer_names, values);
    }
    PyErr_Clear();
    Py_XDECREF(body);
    Py_XDECREF(headers);
    Py_XDECREF(exchange);
    Py_XDECREF(at);
    Py_XDECREF(took);
    Py_XDECREF(size);
}

/* Counts a piece of the answer's body, and keeps its beginning at level 2 or higher. */
static void count_piece(struct request *r, PyObject *data)
{
    Py_ssize_t n = PyBytes_Check(data) ? PyBytes_GET_SIZE(data) : PyObject_Size(data);
    if (n < 0) {
        PyErr_Clear();
        return;
    }
    r->size += n;
    if (n == 0 || notes_level() < 2) {
        return;
    }
    Py_ssize_t have = r->beginning != NULL ? PyBytes_GET_SIZE(r->beginning) : 0;
    PyObject *piece = have < PREVIEW_BYTES ? PySequence_GetSlice(data, 0, PREVIEW_BYTES - have)
                                           : NULL;                      /* owned */
    PyObject *bytes = piece != NULL ? PyBytes_FromObject(piece) : NULL; /* owned */
    if (bytes != NULL && r->beginning == NULL) {
        r->beginning = bytes;
        bytes = NULL;
    } else if (bytes != NULL) {
        PyBytes_Concat(&r->beginning, bytes);
    }
    Py_XDECREF(piece);
    Py_XDECREF(bytes);
    PyErr_Clear();
}

/* The status: "200 OK", or a number. */
static PyObject *read_status(PyObject *said)
{
    Py_ssize_t len = 0, n = 0;
    const char *text = header_plain(said, &len);
    if (text == NULL) {
        said = PyLong_CheckExact(said) ? said : Py_None;
        Py_INCREF(said);
        return said;
    }
    while (n < len && text[n] != ' ') {
        n++;
    }
    PyObject *code = PyBytes_FromStringAndSize(text, n); /* owned */
    PyObject *status = code != NULL ? number_or_none(header_number(code)) : NULL;
    Py_XDECREF(code);
    return status;
}

/* Keeps status and headers of the answer. */
static void note_answer_start(struct request *r, PyObject *status, PyObject *headers)
{
    if (status != NULL) {
        Py_XSETREF(r->status, read_status(status));
    }
    if (headers != NULL) {
        Py_INCREF(headers);
        Py_XSETREF(r->headers, headers);
    }
    PyErr_Clear();
}

/* The answer is complete, or the application has failed. The exception that is set stays so. */
static void end_request(struct request *r, PyObject *error)
{
    struct pyerror before = pyerror_take();
    if (r->session != NULL && sessions_is_open(r->session)) {
        if (r->exchange != 0) {
            write_answer(r, error);
        }
        PyObject *token = r->token; /* owned */
        r->token = NULL;
        if (sessions_finish(r->session, token, NULL) != 0) {
            PyErr_Clear();
        }
        Py_XDECREF(token);
    }
    pyerror_put_back(&before);
}

/* With the exception that is set, which stays so. */
static void end_failed_request(struct request *r)
{
    struct pyerror error = pyerror_take_instance();
    if (error.value != NULL && error.traceback != NULL) {
        (void)PyException_SetTraceback(error.value, error.traceback);
    }
    end_request(r, error.value);
    pyerror_put_back(&error);
}

/* ---- WSGI ---- */

/* Begins the request that a WSGI environ describes, and writes its event where notes are on. */
static struct request *begin_wsgi_request(PyObject *environ)
{
    PyObject *script = get_text_or(dict_get(environ, word.SCRIPT_NAME), word.nothing);
    PyObject *info = get_text_or(dict_get(environ, word.PATH_INFO), word.nothing);
    PyObject *query = dict_get(environ, word.QUERY_STRING), *whole = PyUnicode_Concat(script, info);
    PyObject *path = whole != NULL ? decode_environ_text(whole) : NULL; /* owned, as is whole */
    struct asked a = {.method = get_text_or(dict_get(environ, word.REQUEST_METHOD), word.GET),
                      .path = path,
                      .traceparent = dict_get(environ, word.HTTP_TRACEPARENT),
                      .tracestate = dict_get(environ, word.HTTP_TRACESTATE)};
    struct request *r = path != NULL ? begin_request(&a) : NULL;
    if (r != NULL && notes_level() != 0) {
        a.scheme = get_text_or(dict_get(environ, word.url_scheme), word.http);
        a.host = get_text_or(dict_get(environ, word.HTTP_HOST), word.nothing);
        a.query = query != NULL && PyUnicode_Check(query) && PyUnicode_GET_LENGTH(query) != 0
                      ? decode_environ_text(query)
                      : NULL;                    /* owned */
        a.headers = headers_of_environ(environ); /* owned */
        a.size = header_number(dict_get(environ, word.CONTENT_LENGTH));
        write_request(r, &a);
        Py_XDECREF(a.query);
        Py_XDECREF(a.headers);
    }
    Py_XDECREF(path);
    Py_XDECREF(whole);
    return r;
}

/* What start_response gave back, called by the application: (request, write) is self. */
static PyObject *write_piece(PyObject *self, PyObject *data)
{
    count_piece((struct request *)PyTuple_GET_ITEM(self, 0), data);
    return PyObject_CallFunctionObjArgs(PyTuple_GET_ITEM(self, 1), data, NULL);
}

static PyMethodDef write_method = {"write", write_piece, METH_O, "Sends a piece of the answer."};

/* start_response() for the application: keeps status and headers, and returns a write() that
 * counts. */
static PyObject *start_response(struct request *r, PyObject *args, PyObject *names)
{
    PyObject *status = PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0) : NULL;
    PyObject *headers = PyTuple_GET_SIZE(args) > 1 ? PyTuple_GET_ITEM(args, 1) : NULL;
    note_answer_start(r,
                      status != NULL  ? status
                      : names != NULL ? dict_get(names, word.status)
                                      : NULL,
                      headers != NULL ? headers
                      : names != NULL ? dict_get(names, word.headers)
                                      : NULL);
    PyObject *write = PyObject_Call(r->next, args, names); /* owned */
    PyObject *both = write != NULL ? PyTuple_Pack(2, r, write) : NULL;
    PyObject *writing = both != NULL ? PyCFunction_New(&write_method, both) : NULL;
    Py_XDECREF(both);
    Py_XDECREF(write);
    return writing;
}

/* ---- ASGI ---- */

/* Returns the query of an ASGI scope as text: new; NULL where there is none. */
static PyObject *read_query(PyObject *scope)
{
    PyObject *query = dict_get(scope, word.query_string);
    if (query == NULL || !PyBytes_Check(query) || PyBytes_GET_SIZE(query) == 0) {
        return NULL;
    }
    return PyUnicode_DecodeUTF8(PyBytes_AS_STRING(query), PyBytes_GET_SIZE(query), "replace");
}

/* Begins the request that an ASGI scope describes, and writes its event where notes are on. */
static struct request *begin_asgi_request(PyObject *scope)
{
    PyObject *kind = get_text_or(dict_get(scope, word.type), word.http);
    int is_http = PyUnicode_CompareWithASCIIString(kind, "http") == 0;
    PyObject *rows = headers_rows(dict_get(scope, word.headers)); /* owned, as are these */
    PyObject *traceparent = headers_first(rows, "traceparent"),
             *tracestate = headers_first(rows, "tracestate");
    struct asked a = {.method = is_http ? get_text_or(dict_get(scope, word.method), word.GET)
                                        : word.WEBSOCKET,
                      .path = get_text_or(dict_get(scope, word.path), word.nothing),
                      .traceparent = traceparent,
                      .tracestate = tracestate};
    struct request *r = begin_request(&a);
    if (r != NULL) {
        r->is_asgi = 1;
    }
    if (r != NULL && notes_level() != 0) {
        PyObject *host = headers_first(rows, "host"),
                 *length = headers_first(rows, "content-length");
        a.scheme = get_text_or(dict_get(scope, word.scheme), word.http);
        a.host = host != NULL ? host : word.nothing;
        a.query = read_query(scope);
        a.headers = headers_selected(rows);
        a.size = header_number(length);
        write_request(r, &a);
        Py_XDECREF(host);
        Py_XDECREF(length);
        Py_XDECREF(a.query);
        Py_XDECREF(a.headers);
    }
    Py_XDECREF(rows);
    Py_XDECREF(traceparent);
    Py_XDECREF(tracestate);
    return r;
}

/* What the application sends: {"type": ...}. */
static PyObject *send_message(struct request *r, PyObject *args, PyObject *names)
{
    PyObject *message = PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : NULL;
    PyObject *kind = message != NULL ? dict_get(message, word.type) : NULL;
    if (kind != NULL && PyUnicode_Check(kind)) {
        PyObject *body = dict_get(message, word.body), *headers = dict_get(message, word.headers);
        if (PyUnicode_CompareWithASCIIString(kind, "http.response.start") == 0) {
            note_answer_start(r, dict_get(message, word.status), headers);
        } else if (PyUnicode_CompareWithASCIIString(kind, "http.response.body") == 0) {
            if (body != NULL) {
                count_piece(r, body);
            }
        } else if (PyUnicode_CompareWithASCIIString(kind, "websocket.accept") == 0) {
            PyObject *status = PyLong_FromLong(101); /* owned */
            note_answer_start(r, status, headers);
            Py_XDECREF(status);
        }
    }
    return PyObject_Call(r->next, args, names);
}

/* ---- for Python ---- */

/* The request, called as start_response or send. */
static PyObject *request_call(struct request *r, PyObject *args, PyObject *names)
{
    if (r->next == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this request was not begun by a server");
        return NULL;
    }
    return r->is_asgi ? send_message(r, args, names) : start_response(r, args, names);
}

/* saw(data): a piece of the answer. */
static PyObject *request_saw(struct request *r, PyObject *data)
{
    count_piece(r, data);
    Py_RETURN_NONE;
}

/* pause(): the request's session is not the active one. */
static PyObject *request_pause(struct request *r, PyObject *ignored)
{
    (void)ignored;
    PyObject *token = r->token; /* owned */
    r->token = NULL;
    if (token != NULL) {
        context_leave(token);
        Py_DECREF(token);
    }
    Py_RETURN_NONE;
}

/* go_on(): the request's session is the active one again. */
static PyObject *request_go_on(struct request *r, PyObject *ignored)
{
    (void)ignored;
    Py_XSETREF(r->token, sessions_enter(r->session));
    if (r->token == NULL) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* end(error=None): the answer is complete, or an exception came in its place. */
static PyObject *request_end(struct request *r, PyObject *args)
{
    PyObject *error = NULL;
    if (!PyArg_ParseTuple(args, "|O", &error)) {
        return NULL;
    }
    end_request(r, error != Py_None ? error : NULL);
    Py_RETURN_NONE;
}

/* run_wsgi(app, environ, start_response, wrap): what the server is given. wrap(request, pieces) is
 * for answers that are made while they are sent. */
static PyObject *run_wsgi(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != 4 || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "a WSGI application takes a dict and start_response");
        return NULL;
    }
    PyObject *environ = args[1], *result = NULL;                            /* owned */
    struct request *r = begin_wsgi_request(environ);                        /* owned */
    PyObject *wrapper = PyDict_GetItemString(environ, "wsgi.file_wrapper"); /* borrowed */
    if (r == NULL) {
        return NULL;
    }
    Py_INCREF(args[2]);
    r->next = args[2];
    result = PyObject_CallFunctionObjArgs(args[0], environ, r, NULL);
    if (result != NULL && (PyList_CheckExact(result) || PyTuple_CheckExact(result))) {
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(result); i++) {
            count_piece(r, PySequence_Fast_GET_ITEM(result, i));
        }
        end_request(r, NULL);
    } else if (result != NULL && wrapper != NULL && PyType_Check(wrapper) &&
               PyObject_TypeCheck(result, (PyTypeObject *)wrapper)) {
        end_request(r, NULL); /* the server sends the file itself */
    } else if (result != NULL) {
        PyObject *done = request_pause(r, NULL);
        Py_XDECREF(done);
        Py_XSETREF(result, PyObject_CallFunctionObjArgs(args[3], r, result, NULL));
    }
    if (result == NULL) {
        end_failed_request(r);
    }
    Py_DECREF(r);
    return result;
}

/* begin_asgi(scope, send) */
static PyObject *begin_asgi(PyObject *module, PyObject *args)
{
    PyObject *scope, *next;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &scope, &next)) {
        return NULL;
    }
    struct request *r = begin_asgi_request(scope);
    if (r != NULL) {
        Py_INCREF(next);
        r->next = next;
    }
    return (PyObject *)r;
}

/* keep_headers([(name, key in a WSGI environ), ...], shown) */
static PyObject *keep_headers(PyObject *module, PyObject *args)
{
    PyObject *rows, *preview;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O", &PyList_Type, &rows, &preview)) {
        return NULL;
    }
    if (headers_keep(rows) != 0) {
        return NULL;
    }
    Py_INCREF(preview);
    Py_XSETREF(shown, preview);
    Py_RETURN_NONE;
}

/* next_exchange() -> a number for a request and its answer */
static PyObject *next_exchange(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyLong_FromUnsignedLongLong(++exchanges);
}

static int request_traverse(struct request *r, visitproc visit, void *arg)
{
    VISIT_TYPE(r);
    Py_VISIT((PyObject *)r->session);
    Py_VISIT(r->next);
    Py_VISIT(r->headers);
    Py_VISIT(r->token);
    return 0;
}

static int request_clear(struct request *r)
{
    Py_CLEAR(r->session);
    Py_CLEAR(r->token);
    Py_CLEAR(r->next);
    Py_CLEAR(r->status);
    Py_CLEAR(r->headers);
    Py_CLEAR(r->beginning);
    return 0;
}

static void request_dealloc(struct request *r)
{
    PyTypeObject *type = Py_TYPE(r);
    PyObject_GC_UnTrack(r);
    (void)request_clear(r);
    PyObject_GC_Del(r);
    Py_DECREF(type);
}

static PyMethodDef request_methods[] = {
    {"saw", (PyCFunction)request_saw, METH_O, "A piece of the answer."},
    {"pause", (PyCFunction)request_pause, METH_NOARGS, "Its session is not the active one."},
    {"go_on", (PyCFunction)request_go_on, METH_NOARGS, "It is again."},
    {"end", (PyCFunction)request_end, METH_VARARGS,
     "The answer is complete; or an exception came in its place."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, request_dealloc},
    {Py_tp_traverse, request_traverse},
    {Py_tp_clear, request_clear},
    {Py_tp_call, request_call},
    {Py_tp_methods, request_methods},
    {Py_tp_doc, "A request that came in, to be called as start_response or send."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "relive._core.Request",
    .basicsize = sizeof(struct request),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyMethodDef methods[] = {
    {"run_wsgi", (PyCFunction)(void (*)(void))run_wsgi, METH_FASTCALL,
     "(app, environ, start_response, wrap): the answer, in a session of its own."},
    {"begin_asgi", begin_asgi, METH_VARARGS, "(scope, send) -> Request, to be given as send."},
    {"keep_headers", keep_headers, METH_VARARGS, "Which headers are kept; how bodies are shown."},
    {"next_exchange", next_exchange, METH_NOARGS, "A number for a request and its answer."},
    {NULL, NULL, 0, NULL},
};

int mod_requests_add(PyObject *module)
{
    static const char *const request[] = {"exchange", "client", "side",    "method",
                                          "url",      "t0_ns",  "headers", "bytes_out"};
    static const char *const answer[] = {"exchange", "status",   "t1_ns", "dt_ns",
                                         "headers",  "bytes_in", "error", "body"};
    request_names = sessions_names(request, 8);
    answer_names = sessions_names(answer, 8);
#define WORD(name) word.name = PyUnicode_InternFromString(#name);
    WORDS(WORD)
#undef WORD
    word.url_scheme = PyUnicode_InternFromString("wsgi.url_scheme");
    word.nothing = PyUnicode_InternFromString("");
    request_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (request_names == NULL || answer_names == NULL || request_type == NULL || PyErr_Occurred()) {
        return -1;
    }
    Py_INCREF(request_type);
    if (PyModule_AddObject(module, "Request", (PyObject *)request_type) != 0) {
        Py_DECREF(request_type);
        return -1;
    }
    return PyModule_AddFunctions(module, methods);
}
