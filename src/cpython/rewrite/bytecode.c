/* Why: bytecode.h describes it. This file has what all formats share: constants, assembly, proof.
 *
 *   co_consts of the copy:  [ the old constants ... | probe of lines[0] | probe of lines[1] | ... ]
 *                             0                       wanted.first        wanted.first + 1
 *
 * Invariants: probes are constants behind the old ones, so no argument of an old instruction
 * changes. The proof reads the finished code object, not the data that it was made from. So a
 * mistake of a format's writer is found before the copy runs. */
#include "bytecode.h"

#include "pyerror.h"

#if BYTECODE_FORMAT

#include <string.h>

#include "alloc.h"
#include "status.h"

void row_put(struct row *row, unsigned byte)
{
    void *grown = row->items;
    if (row->failed || rl_grow(&grown, &row->cap, row->used + 1, 1) != 0) {
        row->failed = 1;
        return;
    }
    row->items = grown;
    row->items[row->used++] = (uint8_t)byte;
}

PyObject *row_take(struct row *row)
{
    PyObject *bytes =
        row->failed ? PyErr_NoMemory()
                    : PyBytes_FromStringAndSize((const char *)row->items, (Py_ssize_t)row->used);
    rl_free(row->items);
    return bytes;
}

PyObject *bytecode_no_handlers(const struct listing *listing, const struct rewritten *made)
{
    (void)listing;
    (void)made;
    return PyBytes_FromStringAndSize("", 0);
}

struct wanted {
    const uint32_t *lines; /* ascending */
    size_t count;
    int32_t first; /* index of the first probe in co_consts */
};

/* Returns the index of the constant that is the probe of a line, or -1. */
static int32_t find_constant(void *context, int32_t line)
{
    const struct wanted *wanted = context;
    size_t low = 0, high = wanted->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (wanted->lines[middle] < (uint32_t)line) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    int is_wanted = low < wanted->count && wanted->lines[low] == (uint32_t)line;
    return is_wanted ? wanted->first + (int32_t)low : -1;
}

/* Reads a code object completely: instructions, tables and depths of the stack. The caller must
 * call rewrite_listing_fini() in any case. */
static rl_status list_code(struct listing *listing, PyCodeObject *code, struct rl_err *err)
{
    const struct rewrite_rules *rules = bytecode_format.rules();
    PyObject *bytes = compat_code_bytes(code);
    memset(listing, 0, sizeof *listing);
    if (bytes == NULL) {
        PyErr_Clear();
        return status_set(err, RL_NOMEM, "no memory for the code");
    }
    rl_status status = rewrite_read(listing, rules, (const uint8_t *)PyBytes_AS_STRING(bytes),
                                    (size_t)PyBytes_GET_SIZE(bytes), err);
    Py_DECREF(bytes);
    status = status == RL_OK ? bytecode_format.read_tables(listing, code, err) : status;
    return status == RL_OK ? rewrite_flow(listing, rules, err) : status;
}

/* Returns a new tuple: the code's constants, then the probes. NULL with an exception. */
static PyObject *append_probes(PyCodeObject *code, PyObject *const *probes, size_t count)
{
    Py_ssize_t before = PyTuple_GET_SIZE(code->co_consts);
    PyObject *all = PyTuple_New(before + (Py_ssize_t)count);
    for (Py_ssize_t i = 0; all != NULL && i < before + (Py_ssize_t)count; i++) {
        PyObject *item = i < before ? PyTuple_GET_ITEM(code->co_consts, i) : probes[i - before];
        Py_INCREF(item);
        PyTuple_SET_ITEM(all, i, item);
    }
    return all;
}

/* Returns a new code object with these parts, all borrowed. Returns NULL if one of them is NULL or
 * the interpreter fails. */
static PyCodeObject *assemble_code(PyCodeObject *c, PyObject *bytes, PyObject *constants,
                                   PyObject *lines, PyObject *handlers)
{
    if (bytes == NULL || constants == NULL || lines == NULL || handlers == NULL) {
        return NULL;
    }
#if CALLS_ARE_INLINED
    PyObject *varnames = PyCode_GetVarnames(c), *freevars = PyCode_GetFreevars(c);
    PyObject *cellvars = PyCode_GetCellvars(c);
    PyCodeObject *copy = NULL;
    if (varnames != NULL && freevars != NULL && cellvars != NULL) {
        copy = PyCode_NewWithPosOnlyArgs(c->co_argcount, c->co_posonlyargcount,
                                         c->co_kwonlyargcount, c->co_nlocals, c->co_stacksize,
                                         c->co_flags, bytes, constants, c->co_names, varnames,
                                         freevars, cellvars, c->co_filename, c->co_name,
                                         c->co_qualname, c->co_firstlineno, lines, handlers);
    }
    Py_XDECREF(varnames);
    Py_XDECREF(freevars);
    Py_XDECREF(cellvars);
    return copy;
#else
    return PyCode_NewWithPosOnlyArgs(c->co_argcount, c->co_posonlyargcount, c->co_kwonlyargcount,
                                     c->co_nlocals, c->co_stacksize, c->co_flags, bytes, constants,
                                     c->co_names, c->co_varnames, c->co_freevars, c->co_cellvars,
                                     c->co_filename, c->co_name, c->co_firstlineno, lines);
#endif
}

/* Returns RL_OK if `copy` is the listed code with probes and nothing else. */
static rl_status check_copy(PyCodeObject *code, const struct listing *listing, PyCodeObject *copy,
                            struct rl_err *err)
{
    struct listing again;
    if (copy->co_flags != code->co_flags || copy->co_stacksize != code->co_stacksize ||
        copy->co_names != code->co_names || copy->co_firstlineno != code->co_firstlineno) {
        return status_set(err, RL_DAMAGED, "flags, names or the size of the stack have changed");
    }
    rl_status status = list_code(&again, copy, err);
    if (status == RL_OK) {
        status =
            rewrite_check(listing, &again, bytecode_format.rules(), (uint32_t)code->co_stacksize,
                          (uint32_t)PyTuple_GET_SIZE(code->co_consts), err);
    }
    rewrite_listing_fini(&again);
    return status;
}

rl_status bytecode_check(PyCodeObject *code, PyCodeObject *copy, struct rl_err *err)
{
    struct listing listing;
    rl_status status = list_code(&listing, code, err);
    status = status == RL_OK ? check_copy(code, &listing, copy, err) : status;
    rewrite_listing_fini(&listing);
    return status;
}

/* Makes a code object of the layout, proves it and puts it into the result. */
static rl_status build_copy(PyCodeObject *code, const struct listing *listing,
                            const struct rewritten *made, PyObject *const *probes, size_t count,
                            struct bytecode_result *result)
{
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)made->code, made->len);
    PyObject *constants = append_probes(code, probes, count);
    PyObject *lines = bytecode_format.write_lines(code, listing, made);
    PyObject *handlers = bytecode_format.write_handlers(listing, made);
    PyCodeObject *copy = assemble_code(code, bytes, constants, lines, handlers); /* owned */
    Py_XDECREF(bytes);
    Py_XDECREF(constants);
    Py_XDECREF(lines);
    Py_XDECREF(handlers);
    if (copy == NULL) {
        PyErr_Clear();
        return status_set(&result->err, RL_NOMEM, "the interpreter refused the code");
    }
    rl_status status = check_copy(code, listing, copy, &result->err);
    if (status != RL_OK) {
        Py_DECREF(copy);
        return status;
    }
    result->code = copy;
    result->probes = made->probes;
    result->tail = made->moved[listing->count] / (uint32_t)sizeof(_Py_CODEUNIT);
    return RL_OK;
}

void bytecode_probe(PyCodeObject *code, const uint32_t *lines, PyObject *const *probes,
                    size_t count, struct bytecode_result *result)
{
    struct listing listing;
    struct rewritten made = {0};
    struct wanted wanted = {lines, count, (int32_t)PyTuple_GET_SIZE(code->co_consts)};
    *result = (struct bytecode_result){.reason = "BYTECODE_INJECTION_FAILED"};
    struct pyerror error = pyerror_take();
    rl_status status = list_code(&listing, code, &result->err);
    if (status == RL_OK) {
        status = rewrite_probe(&made, &listing, bytecode_format.rules(),
                               (uint32_t)code->co_stacksize, find_constant, &wanted, &result->err);
    }
    if (status == RL_OK) {
        (void)build_copy(code, &listing, &made, probes, count, result);
    } else if (made.is_deep) {
        int suspends = code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR);
        result->reason = suspends ? "GENERATOR_NOT_SWAPPABLE" : "STACKSIZE_GROWTH_REFUSED";
    }
    rewrite_fini(&made);
    rewrite_listing_fini(&listing);
    pyerror_put_back(&error);
}

#endif
