/* Why: "what was printed when" is half of what a person knows of a run.
 * Invariants: recorded are the objects that are sys.stdout or sys.stderr now, their buffers, and
 * os.write to 1 and 2. A text that passes on to its buffer is recorded once. */
#include "output.h"

#include "native_output.h"
#include "output_rows.h"
#include "state.h"

#include "thread_local.h"
#include "utf8.h"

typedef PyObject *(*fast_function)(PyObject *, PyObject *const *, Py_ssize_t);
typedef PyObject *(*class_function)(PyObject *, PyTypeObject *, PyObject *const *, Py_ssize_t,
                                    PyObject *);

static struct {
    PyCFunction text_original, flush_original, buffer_original, file_original, os_original;
    PyObject *buffers[2]; /* compared only: those of stdout and stderr when recording began */
    int is_on;
} hooks;

/* This thread is inside a text stream, which writes to its buffer. */
static QUICK_THREAD_LOCAL int is_inside;

enum { PIECE = OUTPUT_PIECE };

/* Writes one event, where the thread is recorded. */
static void record_piece(unsigned stream, const uint8_t *bytes, size_t len)
{
    struct thread *t = thread_self;
    if (len != 0 && thread_is_recorded(t)) {
        native_output_flush(t); /* what C code wrote came before it */
        output_row(t, stream, bytes, len);
    }
}

/* Writes bytes in pieces of at most PIECE. */
static void record_bytes(unsigned stream, const char *data, Py_ssize_t len)
{
    uint8_t piece[PIECE + 16];
    for (Py_ssize_t at = 0; at < len; at += PIECE) {
        size_t n = (size_t)(len - at < PIECE ? len - at : PIECE);
        memcpy(piece, data + at, n);
        record_piece(stream, piece, n);
    }
}

/* Writes a str as UTF-8, in pieces that end on a character. */
static void record_text(unsigned stream, PyObject *text)
{
    uint8_t piece[PIECE + 16], *p = piece;
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text); i++) {
        p = utf8_put(p, PyUnicode_READ(kind, data, i));
        if (p - piece > PIECE - 4) {
            record_piece(stream, piece, (size_t)(p - piece));
            p = piece;
        }
    }
    record_piece(stream, piece, (size_t)(p - piece));
}

/* 1 for sys.stdout as it is now, 2 for sys.stderr, 0 for any other file. */
static unsigned stream_of(PyObject *file)
{
    return file == PySys_GetObject("stdout") ? 1 : file == PySys_GetObject("stderr") ? 2 : 0;
}

/* In the place of TextIOWrapper.write. */
static PyObject *text_write(PyObject *self, PyObject *text)
{
    unsigned stream = hooks.is_on && recording.recorder != NULL ? stream_of(self) : 0;
    is_inside++;
    PyObject *result = hooks.text_original(self, text);
    is_inside--;
    if (stream != 0 && result != NULL && PyUnicode_Check(text) && TEXT_IS_READY(text)) {
        record_text(stream, text);
    }
    return result;
}

/* Passes on text that was recorded when it was written. */
static PyObject *text_flush(PyObject *self, PyObject *ignored)
{
    is_inside++;
    PyObject *result = hooks.flush_original(self, ignored);
    is_inside--;
    return result;
}

/* The program wrote to the layer below a stream: a buffer, or (python -u) the file itself. */
static PyObject *tell_bytes(PyObject *self, PyObject *data, PyObject *result)
{
    if (hooks.is_on && !is_inside && result != NULL && PyBytes_CheckExact(data) &&
        (self == hooks.buffers[0] || self == hooks.buffers[1])) {
        record_bytes(self == hooks.buffers[0] ? 1 : 2, PyBytes_AS_STRING(data),
                     PyBytes_GET_SIZE(data));
    }
    return result;
}

/* In the place of BufferedWriter.write. */
static PyObject *buffer_write(PyObject *self, PyObject *data)
{
    return tell_bytes(self, data, hooks.buffer_original(self, data));
}

/* In the place of FileIO.write. */
static PyObject *file_write(PyObject *self, PyObject *data)
{
    return tell_bytes(self, data, hooks.file_original(self, data));
}

#ifdef METH_METHOD
/* The same where the interpreter passes the class along. */
static PyObject *file_write_of_class(PyObject *self, PyTypeObject *class, PyObject *const *args,
                                     Py_ssize_t n, PyObject *names)
{
    PyObject *result = ((class_function)(void *)hooks.file_original)(self, class, args, n, names);
    return PyVectorcall_NARGS((size_t)n) == 1 ? tell_bytes(self, args[0], result) : result;
}
#endif

/* In the place of os.write. */
static PyObject *os_write(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    PyObject *result = ((fast_function)(void *)hooks.os_original)(module, args, n);
    if (hooks.is_on && result != NULL && PyLong_CheckExact(result) && n == 2 &&
        PyLong_CheckExact(args[0]) && PyBytes_CheckExact(args[1]) && LONG_COUNT(args[0]) == 1) {
        unsigned fd = LONG_DIGITS(args[0])[0];
        Py_ssize_t written = PyLong_AsSsize_t(result);
        if ((fd == 1 || fd == 2) && !LONG_IS_NEGATIVE(args[0]) && written > 0 &&
            written <= PyBytes_GET_SIZE(args[1])) {
            record_bytes(fd, PyBytes_AS_STRING(args[1]), written);
        }
    }
    return result;
}

/* Puts our function in the place of the C function behind `write` of a type in `io`, where that is
 * called as we know it. */
static void wrap_method(PyMethodDef *method, int flags, PyCFunction ours, PyCFunction *original)
{
    if (method != NULL && method->ml_flags == flags && method->ml_meth != ours) {
        *original = method->ml_meth;
        method->ml_meth = ours;
    }
}

/* The definition of a method of a type in the module io; NULL where there is none. */
static PyMethodDef *method_of(PyObject *io, const char *type_name, const char *name)
{
    PyObject *type = PyObject_GetAttrString(io, type_name); /* owned; lives as long as io */
    PyObject *write = type != NULL ? PyObject_GetAttrString(type, name) : NULL; /* owned */
    PyMethodDef *method = NULL;
    if (write != NULL && Py_TYPE(write) == &PyMethodDescr_Type) {
        method = ((PyMethodDescrObject *)write)->d_method;
    }
    Py_XDECREF(write);
    Py_XDECREF(type);
    return method;
}

/* The buffer of a standard stream: borrowed, to be compared only; NULL where it has none. */
static PyObject *buffer_of(const char *name)
{
    PyObject *stream = PySys_GetObject(name);
    PyObject *buffer = stream != NULL ? PyObject_GetAttrString(stream, "buffer") : NULL;
    Py_XDECREF(buffer); /* the stream keeps it */
    PyErr_Clear();
    return buffer;
}

int output_start(void)
{
    PyObject *io = PyImport_ImportModule("_io"), *posix = PyImport_ImportModule("posix");
    if (io == NULL || posix == NULL) {
        Py_XDECREF(io);
        Py_XDECREF(posix);
        return -1;
    }
    PyMethodDef *file = method_of(io, "FileIO", "write");
    wrap_method(method_of(io, "TextIOWrapper", "write"), METH_O, text_write, &hooks.text_original);
    wrap_method(method_of(io, "TextIOWrapper", "flush"), METH_NOARGS, text_flush,
                &hooks.flush_original);
    wrap_method(method_of(io, "BufferedWriter", "write"), METH_O, buffer_write,
                &hooks.buffer_original);
    wrap_method(file, METH_O, file_write, &hooks.file_original);
#ifdef METH_METHOD
    wrap_method(file, METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
                (PyCFunction)(void *)file_write_of_class, &hooks.file_original);
#endif
    PyObject *write = PyObject_GetAttrString(posix, "write"); /* owned; the module keeps it too */
    if (write != NULL && PyCFunction_Check(write)) {
        wrap_method(((PyCFunctionObject *)write)->m_ml, METH_FASTCALL,
                    (PyCFunction)(void *)os_write, &hooks.os_original);
    }
    Py_XDECREF(write);
    PyErr_Clear();
    Py_DECREF(io);
    Py_DECREF(posix);
    hooks.buffers[0] = buffer_of("stdout");
    hooks.buffers[1] = buffer_of("stderr");
    hooks.is_on = 1;
    return 0;
}

/* The functions stay wrapped: somebody may be inside one. */
void output_stop(void)
{
    hooks.is_on = 0;
}
