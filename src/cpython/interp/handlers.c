/* Why: interpreters report that an exception has reached a handler, but not which kind of handler.
 * The kind is read from the bytecode as it was compiled, without what the interpreter has put in
 * since. What a handler begins with decides:
 *
 *     WITH_EXCEPT_START, WITH_CLEANUP_START      with
 *     a test of the exception's type             except
 *     POP_TOP, which drops the exception         except without a type
 *     other code                                 finally; how it ends is searched for
 *
 * Invariants: nothing outside of the code's bytes is read. What is not recognised is an except.
 * Threads: under the GIL. */
#include "handlers.h"

#include <opcode.h>

enum { UNIT = sizeof(_Py_CODEUNIT), INSTRUCTIONS_MOST = 1024 };

/* The bytes of a code object, an instruction at a time. */
struct reading {
    PyCodeObject *code;
    const uint8_t *bytes;
    Py_ssize_t size, at;
};

static unsigned read_op(const struct reading *r, Py_ssize_t at)
{
    return at >= 0 && at < r->size ? r->bytes[at] : 0;
}

static int find_line(const struct reading *r, Py_ssize_t at)
{
    return PyCode_Addr2Line(r->code, (int)at);
}

static int is_return(unsigned op)
{
#ifdef RETURN_CONST
    if (op == RETURN_CONST) {
        return 1;
    }
#endif
    return op == RETURN_VALUE;
}

static int is_jump(unsigned op)
{
#ifdef JUMP_ABSOLUTE
    return op == JUMP_ABSOLUTE || op == JUMP_FORWARD;
#else
    return op == JUMP_FORWARD || op == JUMP_BACKWARD || op == JUMP_BACKWARD_NO_INTERRUPT;
#endif
}

#ifdef PUSH_EXC_INFO /* handlers are listed in a table; each begins with this */

enum { OF_WITH = WITH_EXCEPT_START, DISCARDS = POP_EXCEPT };

/* Returns whether the instruction tests the exception's type: then the handler is an except. */
static int is_type_test(unsigned op)
{
    return op == CHECK_EXC_MATCH || op == CHECK_EG_MATCH;
}

static int is_discard(const struct reading *r)
{
    return read_op(r, r->at) == POP_EXCEPT && read_op(r, r->at + UNIT) != RERAISE;
}

static int ends_finally(unsigned op)
{
    return op == RERAISE || op == PUSH_EXC_INFO;
}

static int is_nested(unsigned op)
{
    (void)op; /* the code of inner handlers follows it */
    return 0;
}

static Py_ssize_t skip_entry(Py_ssize_t handler)
{
    return handler + UNIT;
}

static int find_with_line(const struct reading *r, Py_ssize_t handler)
{
    return find_line(r, skip_entry(handler));
}

static unsigned read_table_number(const uint8_t **p, const uint8_t *end)
{
    unsigned number = 0;
    while (*p < end) {
        uint8_t byte = *(*p)++;
        number = number << 6 | (byte & 63);
        if ((byte & 64) == 0) {
            break;
        }
    }
    return number;
}

/* Returns the handler of the instruction at this offset; -1 where it has none. */
static Py_ssize_t find_table_target(PyCodeObject *code, Py_ssize_t offset)
{
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(code->co_exceptiontable);
    const uint8_t *end = p + PyBytes_GET_SIZE(code->co_exceptiontable);
    while (p < end) {
        Py_ssize_t begin = (Py_ssize_t)read_table_number(&p, end) * UNIT;
        Py_ssize_t size = (Py_ssize_t)read_table_number(&p, end) * UNIT;
        Py_ssize_t target = (Py_ssize_t)read_table_number(&p, end) * UNIT;
        (void)read_table_number(&p, end);
        if (offset >= begin && offset < begin + size) {
            return target;
        }
    }
    return -1;
}

/* Returns where a clean-up of the compiler's, which begins at `at`, raises the exception again. */
static Py_ssize_t find_reraise(const struct reading *r, Py_ssize_t at)
{
    while (at < r->size && read_op(r, at) != RERAISE) {
        at += UNIT;
    }
    return at;
}

static Py_ssize_t find_handler(const struct reading *r, native_frame *frame)
{
    Py_ssize_t at = native_byte_offset(frame);
    for (int turns = 0; turns < 20; turns++) {
        at = find_table_target(r->code, at);
        if (at < 0 || read_op(r, at) == PUSH_EXC_INFO) {
            return at;
        }
        at = find_reraise(r, at);
    }
    return -1;
}

static Py_ssize_t find_entered_handler(const struct reading *r, native_frame *frame)
{
    Py_ssize_t at = native_byte_offset(frame);
    return read_op(r, at) == PUSH_EXC_INFO          ? at
           : read_op(r, at - UNIT) == PUSH_EXC_INFO ? at - UNIT
                                                    : -1;
}

#else /* blocks on the frame's own stack; an except begins by taking the exception apart */

#ifdef WITH_CLEANUP_START
enum { OF_WITH = WITH_CLEANUP_START, DISCARDS = POP_FINALLY };
#else
enum { OF_WITH = WITH_EXCEPT_START, DISCARDS = POP_EXCEPT };
#endif

static int is_type_test(unsigned op)
{
    return op == DUP_TOP;
}

static int is_discard(const struct reading *r)
{
    return read_op(r, r->at) == DISCARDS;
}

static int ends_finally(unsigned op)
{
#ifdef END_FINALLY
    return op == END_FINALLY;
#else
    return op == RERAISE;
#endif
}

static int is_nested(unsigned op)
{
    return op == SETUP_FINALLY || op == SETUP_WITH || op == SETUP_ASYNC_WITH;
}

static Py_ssize_t skip_entry(Py_ssize_t handler)
{
    return handler;
}

/* The instruction that names this handler; -1 = none does. */
static Py_ssize_t find_setup(const struct reading *r, Py_ssize_t handler)
{
    Py_ssize_t argument = 0;
    for (Py_ssize_t at = 0; at < handler; at += UNIT) {
        unsigned op = read_op(r, at);
        argument = argument << 8 | read_op(r, at + 1);
        if (is_nested(op) && at + UNIT + argument * NATIVE_JUMP_BYTES == handler) {
            return at;
        }
        argument = op == EXTENDED_ARG ? argument : 0;
    }
    return -1;
}

/* The handler has no line of its own in all versions. */
static int find_with_line(const struct reading *r, Py_ssize_t handler)
{
    Py_ssize_t at = find_setup(r, handler);
    return at >= 0 ? find_line(r, at) : 0;
}

/* `except X as e` deletes e when its body is left, also by an exception. */
static int is_cleanup(const struct reading *r, Py_ssize_t at)
{
    unsigned last = read_op(r, at + 2 * UNIT);
    return read_op(r, at) == LOAD_CONST &&
           (last == DELETE_FAST || last == DELETE_NAME || last == DELETE_DEREF ||
            last == DELETE_GLOBAL) &&
           read_op(r, at + 2 * UNIT + 1) == read_op(r, at + UNIT + 1) &&
           ends_finally(read_op(r, at + 3 * UNIT));
}

static Py_ssize_t find_handler(const struct reading *r, native_frame *frame)
{
    for (int i = frame->f_iblock; i-- > 0;) {
        Py_ssize_t at = (Py_ssize_t)frame->f_blockstack[i].b_handler * NATIVE_JUMP_BYTES;
        if (frame->f_blockstack[i].b_type == SETUP_FINALLY && !is_cleanup(r, at)) {
            return at;
        }
    }
    return -1;
}

/* On entry the exception's type is on top of the stack. Without an exception the body of a finally
 * is reached too, and then the type is not there. */
static Py_ssize_t find_entered_handler(const struct reading *r, native_frame *frame)
{
    Py_ssize_t at = native_byte_offset(frame);
    PyObject *top = native_sent(frame);
    return top != NULL && PyExceptionClass_Check(top) && find_setup(r, at) >= 0 ? at : -1;
}

#endif

/* How the frame goes on behind what discards the exception: that has one line. */
static enum rl_handler classify_exit(const struct reading *r, int line)
{
    for (Py_ssize_t at = r->at + UNIT; at < r->size; at += UNIT) {
        unsigned op = read_op(r, at);
        if (is_return(op)) {
            return RL_HANDLER_RETURN;
        }
        int now = find_line(r, at);
        if (is_jump(op) || (now > 0 && now != line)) {
            break;
        }
    }
    return RL_HANDLER_BREAK;
}

/* Of what may be a finally: how it is left without the exception, if there is one way. */
static struct exc_handler classify_finally(struct reading *r)
{
    struct exc_handler found = {RL_HANDLER_FINALLY, 0}, exit = found;
    unsigned exits = 0;
    int first = -1;
    for (int n = 0; r->at < r->size && n < INSTRUCTIONS_MOST; n++, r->at += UNIT) {
        unsigned op = read_op(r, r->at);
        int line = first > 0 && op != DISCARDS ? first : find_line(r, r->at);
        if (is_type_test(op)) {
            return (struct exc_handler){RL_HANDLER_EXCEPT, 0};
        }
        first = first > 0 ? first : line;
        if (is_discard(r)) {
            exit = (struct exc_handler){classify_exit(r, line), line > 0 ? (uint32_t)line : 0};
            exits++;
        }
        if (is_nested(op)) {
            exits = 0;
            break;
        }
        if (ends_finally(op)) {
            break;
        }
    }
    found.line = first > 0 ? (uint32_t)first : 0;
    return exits == 1 ? exit : found;
}

/* An except without a type begins by dropping the exception. So does a finally that begins with
 * return, break or continue, and that statement is all on one line. */
static int is_bare_except(const struct reading *r)
{
    struct reading ahead = *r;
    while (read_op(&ahead, ahead.at) == POP_TOP) {
        ahead.at += UNIT;
    }
    return ahead.at != r->at &&
           (!is_discard(&ahead) || find_line(r, ahead.at) != find_line(r, r->at));
}

static int begin_reading(struct reading *r, PyCodeObject *code, PyObject **owner)
{
    *owner = compat_code_bytes(code);
    if (*owner == NULL) {
        PyErr_Clear();
        return -1;
    }
    *r = (struct reading){code, (const uint8_t *)PyBytes_AS_STRING(*owner),
                          PyBytes_GET_SIZE(*owner), 0};
    return 0;
}

struct exc_handler handlers_look(PyCodeObject *code, Py_ssize_t offset)
{
    struct exc_handler found = {RL_HANDLER_EXCEPT, 0};
    struct reading r;
    PyObject *bytes; /* owned */
    if (offset < 0 || begin_reading(&r, code, &bytes) != 0) {
        return found;
    }
    r.at = skip_entry(offset);
    unsigned op = read_op(&r, r.at);
    if (op == OF_WITH) {
        int line = find_with_line(&r, offset);
        found = (struct exc_handler){RL_HANDLER_WITH, line > 0 ? (uint32_t)line : 0};
    } else if (r.at < r.size && !is_bare_except(&r)) {
        found = classify_finally(&r);
    }
    Py_DECREF(bytes);
    return found;
}

static Py_ssize_t query_handler(native_frame *frame,
                                Py_ssize_t (*question)(const struct reading *, native_frame *))
{
    struct reading r;
    PyObject *bytes; /* owned */
    if (begin_reading(&r, native_code(frame), &bytes) != 0) {
        return -1;
    }
    Py_ssize_t found = question(&r, frame);
    Py_DECREF(bytes);
    return found;
}

Py_ssize_t handlers_find(native_frame *frame)
{
    return query_handler(frame, find_handler);
}

Py_ssize_t handlers_entered(native_frame *frame)
{
    return query_handler(frame, find_entered_handler);
}
