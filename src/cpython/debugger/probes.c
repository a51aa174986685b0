/* Why: a probe must cost little. It is an object whose truth the copy tests. The interpreter calls
 * nb_bool without a frame, and needs one place on the stack for it. See probes.h. */
#include "probes.h"

#if BYTECODE_FORMAT

#include <stdlib.h>

#include "alloc.h"
#include "bytecode.h"
#include "copies.h"

struct probe {
    PyObject_HEAD struct debug_code *code; /* NULL: it does nothing */
    uint32_t line;
};

/* nb_bool of a probe: checks the breakpoints of its line. 1 = the copy jumps to the tail. */
static int probe_is_reached(PyObject *self)
{
    const struct probe *probe = (struct probe *)self;
    struct debug_code *code = probe->code;
    native_frame *frame = native_current(PyThreadState_Get());
    if (code == NULL || !debugger.is_on || debug_self.is_inside || debug_self.is_internal ||
        frame == NULL || native_code(frame) != code->copy) {
        return 0;
    }
    return engine_probe(code, frame, probe->line);
}

static PyNumberMethods number = {.nb_bool = probe_is_reached};

static PyTypeObject probe_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "relive._core.Probe",
    .tp_basicsize = sizeof(struct probe),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_as_number = &number,
    .tp_doc = "Checks the breakpoints of a line.",
};

int probes_init(void)
{
    return PyType_Ready(&probe_type);
}

static PyObject *new_probe(struct debug_code *code, uint32_t line)
{
    struct probe *probe = PyObject_New(struct probe, &probe_type);
    if (probe != NULL) {
        probe->code = code;
        probe->line = line;
    }
    return (PyObject *)probe;
}

/* Returns a probe for each line, owned; NULL without memory. */
static PyObject **new_probes(struct debug_code *code, const uint32_t *lines, size_t count)
{
    PyObject **probes = rl_zalloc(count + 1, sizeof(PyObject *));
    for (size_t i = 0; probes != NULL && i < count; i++) {
        probes[i] = new_probe(code, lines[i]);
        if (probes[i] == NULL) {
            PyErr_Clear();
            while (i > 0) {
                Py_DECREF(probes[--i]);
            }
            rl_free(probes);
            return NULL;
        }
    }
    return probes;
}

static int keep_probes(struct debug_code *code, PyObject **probes, size_t count)
{
    void *grown = code->probes;
    if (rl_grow(&grown, &code->probe_cap, code->probe_count + count, sizeof *code->probes) != 0) {
        return -1;
    }
    code->probes = grown;
    for (size_t i = 0; i < count; i++) {
        Py_INCREF(probes[i]);
        code->probes[code->probe_count++] = probes[i];
    }
    return 0;
}

/* Remembers and reports that the code cannot have a copy. */
static void refuse_copy(struct debug_code *code, const char *reason, const char *why)
{
    char text[600];
    PyObject *name = code->code->co_name;
    (void)PyOS_snprintf(text, sizeof text, "%s: %s", PyUnicode_AsUTF8(name), why);
    code->copy_state = COPY_REFUSED;
    debugger_reason(reason, text);
    debugger_reason("FALLBACK_TO_TRACE_DISPATCH", text);
}

static void make_copy(struct debug_code *code)
{
    struct bytecode_result result = {.reason = "BYTECODE_INJECTION_FAILED",
                                     .err.text = "no memory"};
    uint32_t *lines = rl_alloc(code->site_count, sizeof *lines);
    size_t count = 0;
    for (uint32_t i = 0; lines != NULL && i < code->site_count; i++) {
        lines[count++] = code->sites[i].line;
    }
    count = lines != NULL ? debugger_sort_lines(lines, count) : 0;
    PyObject **probes = lines != NULL ? new_probes(code, lines, count) : NULL;
    if (probes != NULL && keep_probes(code, probes, count) == 0) {
        bytecode_probe(code->code, lines, probes, count, &result);
    }
    void *extra = (void *)((uintptr_t)code | COPY_BIT);
    if (result.code != NULL &&
        compat_set_extra((PyObject *)result.code, copies_index, extra) != 0) {
        PyErr_Clear();
        Py_CLEAR(result.code);
    }
    if (result.code == NULL) {
        refuse_copy(code, result.reason, result.err.text);
    } else {
        code->holders++;
        code->copy = result.code;
        code->copy_state = COPY_MADE;
        code->copy_tail = result.tail;
        debugger.counts.bytecode_injections++;
    }
    for (size_t i = 0; probes != NULL && i < count; i++) {
        Py_DECREF(probes[i]);
    }
    rl_free(probes);
    rl_free(lines);
}

PyCodeObject *probes_copy(struct debug_code *code)
{
    if (code->copy_state == COPY_NONE && code->code != NULL) {
        make_copy(code);
    }
    return code->copy;
}

int probes_is_at(const struct debug_code *code, uint32_t at)
{
    PyObject *bytes = compat_code_bytes(code->copy); /* owned */
    PyObject *constants = code->copy->co_consts;
    const uint8_t *p = bytes != NULL ? (const uint8_t *)PyBytes_AS_STRING(bytes) + 2 * at : NULL;
    uint32_t arg = p != NULL ? p[1] : 0;
    for (; p != NULL && p[0] == EXTENDED_ARG; p += 2) {
        arg = arg << 8 | p[3];
    }
    int is_it = p != NULL && p[0] == LOAD_CONST && arg < PyTuple_GET_SIZE(constants) &&
                Py_TYPE(PyTuple_GET_ITEM(constants, arg)) == &probe_type;
    Py_XDECREF(bytes);
    return is_it;
}

void probes_drop(struct debug_code *code)
{
    size_t used = 0;
    code->copy_state = COPY_NONE;
    Py_CLEAR(code->copy);
    for (size_t i = 0; i < code->probe_count; i++) {
        if (Py_REFCNT(code->probes[i]) == 1) {
            Py_DECREF(code->probes[i]);
        } else {
            code->probes[used++] = code->probes[i]; /* used by a copy that a frame still runs */
        }
    }
    code->probe_count = used;
}

void probes_forget(struct debug_code *code)
{
    for (size_t i = 0; i < code->probe_count; i++) {
        ((struct probe *)code->probes[i])->code = NULL;
        Py_DECREF(code->probes[i]);
    }
    rl_free(code->probes);
}

/* ---- for tests ---- */

static uint32_t *lines_of(PyObject *given, size_t *count)
{
    PyObject *row = PySequence_Fast(given, "lines are a list of ints"); /* owned */
    size_t most = row != NULL ? (size_t)PySequence_Fast_GET_SIZE(row) : 0;
    uint32_t *lines = row != NULL ? rl_alloc(most + 1, sizeof *lines) : NULL;
    for (size_t i = 0; lines != NULL && i < most; i++) {
        unsigned long line = PyLong_AsUnsignedLong(PySequence_Fast_GET_ITEM(row, (Py_ssize_t)i));
        lines[i] = (uint32_t)line;
    }
    Py_XDECREF(row);
    if (lines != NULL && PyErr_Occurred()) {
        rl_free(lines);
        lines = NULL;
    }
    *count = lines != NULL ? debugger_sort_lines(lines, most) : 0;
    return lines;
}

PyObject *probes_rewrite(PyCodeObject *code, PyObject *given)
{
    size_t count;
    struct bytecode_result result = {.reason = "BYTECODE_INJECTION_FAILED",
                                     .err.text = "no memory"};
    uint32_t *lines = lines_of(given, &count);
    PyObject **probes = lines != NULL ? new_probes(NULL, lines, count) : NULL;
    if (probes != NULL) {
        bytecode_probe(code, lines, probes, count, &result);
        for (size_t i = 0; i < count; i++) {
            Py_DECREF(probes[i]);
        }
    }
    rl_free(probes);
    rl_free(lines);
    if (result.code == NULL) {
        return PyErr_Occurred() ? NULL
                                : Py_BuildValue("(Oss)", Py_None, result.reason, result.err.text);
    }
    return Py_BuildValue("(NnO)", (PyObject *)result.code, (Py_ssize_t)result.probes, Py_None);
}

#endif
