/* Why: interpreters tell that an exception was met by a handler, and not of which kind that is. It
 * is read from the bytecode as it was compiled, without what the interpreter has put in since.
 * Invariant: nothing outside of the code's bytes is read; what is not recognised is an except. */
#include "handlers.h"

#include <opcode.h>

enum { UNIT = sizeof(_Py_CODEUNIT), INSTRUCTIONS_MOST = 1024 };

/* The bytes of a code object, an instruction at a time. */
struct reading {
    PyCodeObject *code;
    const uint8_t *bytes;
    Py_ssize_t size, at;
};

static unsigned op_at(const struct reading *r, Py_ssize_t at)
{
    return at >= 0 && at < r->size ? r->bytes[at] : 0;
}

static int line_at(const struct reading *r, Py_ssize_t at)
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

#ifdef PUSH_EXC_INFO /* handlers stand apart, in a table; each begins with this */

enum { OF_WITH = WITH_EXCEPT_START, DISCARDS = POP_EXCEPT };

/* What is asked of the exception: this is an except, as are those that begin by dropping it. */
static int asks_type(unsigned op)
{
    return op == CHECK_EXC_MATCH || op == CHECK_EG_MATCH;
}

static int is_discard(const struct reading *r)
{
    return op_at(r, r->at) == POP_EXCEPT && op_at(r, r->at + UNIT) != RERAISE;
}

static int ends_finally(unsigned op)
{
    return op == RERAISE || op == PUSH_EXC_INFO;
}

static int is_nested(unsigned op)
{
    (void)op; /* handlers inside of it stand behind it */
    return 0;
}

static Py_ssize_t body_of(Py_ssize_t handler)
{
    return handler + UNIT;
}

static int line_of_with(const struct reading *r, Py_ssize_t handler)
{
    return line_at(r, body_of(handler));
}

static unsigned table_number(const uint8_t **p, const uint8_t *end)
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

/* Of the instruction at this offset; -1 where it has none. */
static Py_ssize_t table_find(PyCodeObject *code, Py_ssize_t offset)
{
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(code->co_exceptiontable);
    const uint8_t *end = p + PyBytes_GET_SIZE(code->co_exceptiontable);
    while (p < end) {
        Py_ssize_t begin = (Py_ssize_t)table_number(&p, end) * UNIT;
        Py_ssize_t size = (Py_ssize_t)table_number(&p, end) * UNIT;
        Py_ssize_t target = (Py_ssize_t)table_number(&p, end) * UNIT;
        (void)table_number(&p, end);
        if (offset >= begin && offset < begin + size) {
            return target;
        }
    }
    return -1;
}

/* Where a clean-up of the compiler's, which begins here, raises the exception once more. */
static Py_ssize_t raises_again(const struct reading *r, Py_ssize_t at)
{
    while (at < r->size && op_at(r, at) != RERAISE) {
        at += UNIT;
    }
    return at;
}

static Py_ssize_t find(const struct reading *r, native_frame *frame)
{
    Py_ssize_t at = native_byte_offset(frame);
    for (int turns = 0; turns < 20; turns++) {
        at = table_find(r->code, at);
        if (at < 0 || op_at(r, at) == PUSH_EXC_INFO) {
            return at;
        }
        at = raises_again(r, at);
    }
    return -1;
}

static Py_ssize_t entered(const struct reading *r, native_frame *frame)
{
    Py_ssize_t at = native_byte_offset(frame);
    return op_at(r, at) == PUSH_EXC_INFO          ? at
           : op_at(r, at - UNIT) == PUSH_EXC_INFO ? at - UNIT
                                                  : -1;
}

#else /* blocks on the frame's own stack; an except begins by taking the exception apart */

#ifdef WITH_CLEANUP_START
enum { OF_WITH = WITH_CLEANUP_START, DISCARDS = POP_FINALLY };
#else
enum { OF_WITH = WITH_EXCEPT_START, DISCARDS = POP_EXCEPT };
#endif

static int asks_type(unsigned op)
{
    return op == DUP_TOP;
}

static int is_discard(const struct reading *r)
{
    return op_at(r, r->at) == DISCARDS;
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

static Py_ssize_t body_of(Py_ssize_t handler)
{
    return handler;
}

/* The instruction that names this handler; -1 = none does. */
static Py_ssize_t find_setup(const struct reading *r, Py_ssize_t handler)
{
    Py_ssize_t argument = 0;
    for (Py_ssize_t at = 0; at < handler; at += UNIT) {
        unsigned op = op_at(r, at);
        argument = argument << 8 | op_at(r, at + 1);
        if (is_nested(op) && at + UNIT + argument * NATIVE_JUMP_BYTES == handler) {
            return at;
        }
        argument = op == EXTENDED_ARG ? argument : 0;
    }
    return -1;
}

/* The handler has no line of its own in all versions. */
static int line_of_with(const struct reading *r, Py_ssize_t handler)
{
    Py_ssize_t at = find_setup(r, handler);
    return at >= 0 ? line_at(r, at) : 0;
}

/* `except X as e` deletes e when its body is left, also by an exception. */
static int is_cleanup(const struct reading *r, Py_ssize_t at)
{
    unsigned last = op_at(r, at + 2 * UNIT);
    return op_at(r, at) == LOAD_CONST &&
           (last == DELETE_FAST || last == DELETE_NAME || last == DELETE_DEREF ||
            last == DELETE_GLOBAL) &&
           op_at(r, at + 2 * UNIT + 1) == op_at(r, at + UNIT + 1) &&
           ends_finally(op_at(r, at + 3 * UNIT));
}

static Py_ssize_t find(const struct reading *r, native_frame *frame)
{
    for (int i = frame->f_iblock; i-- > 0;) {
        Py_ssize_t at = (Py_ssize_t)frame->f_blockstack[i].b_handler * NATIVE_JUMP_BYTES;
        if (frame->f_blockstack[i].b_type == SETUP_FINALLY && !is_cleanup(r, at)) {
            return at;
        }
    }
    return -1;
}

/* The exception's type lies on the stack then; the body of a finally is reached without, too. */
static Py_ssize_t entered(const struct reading *r, native_frame *frame)
{
    Py_ssize_t at = native_byte_offset(frame);
    PyObject *top = native_sent(frame);
    return top != NULL && PyExceptionClass_Check(top) && find_setup(r, at) >= 0 ? at : -1;
}

#endif

/* How the frame goes on behind what discards the exception: that has one line. */
static enum rl_handler kind_of_exit(const struct reading *r, int line)
{
    for (Py_ssize_t at = r->at + UNIT; at < r->size; at += UNIT) {
        unsigned op = op_at(r, at);
        if (is_return(op)) {
            return RL_HANDLER_RETURN;
        }
        int now = line_at(r, at);
        if (is_jump(op) || (now > 0 && now != line)) {
            break;
        }
    }
    return RL_HANDLER_BREAK;
}

/* Of what may be a finally: how it is left without the exception, if there is one way. */
static struct exc_handler look_at_finally(struct reading *r)
{
    struct exc_handler found = {RL_HANDLER_FINALLY, 0}, exit = found;
    unsigned exits = 0;
    int first = -1;
    for (int n = 0; r->at < r->size && n < INSTRUCTIONS_MOST; n++, r->at += UNIT) {
        unsigned op = op_at(r, r->at);
        int line = first > 0 && op != DISCARDS ? first : line_at(r, r->at);
        if (asks_type(op)) {
            return (struct exc_handler){RL_HANDLER_EXCEPT, 0};
        }
        first = first > 0 ? first : line;
        if (is_discard(r)) {
            exit = (struct exc_handler){kind_of_exit(r, line), line > 0 ? (uint32_t)line : 0};
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

/* An except without a type begins by dropping the exception; so does a finally that begins with
 * what leaves it, and that is all of one line. */
static int is_bare_except(const struct reading *r)
{
    struct reading ahead = *r;
    while (op_at(&ahead, ahead.at) == POP_TOP) {
        ahead.at += UNIT;
    }
    return ahead.at != r->at && (!is_discard(&ahead) || line_at(r, ahead.at) != line_at(r, r->at));
}

static int begin(struct reading *r, PyCodeObject *code, PyObject **owner)
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
    if (offset < 0 || begin(&r, code, &bytes) != 0) {
        return found;
    }
    r.at = body_of(offset);
    unsigned op = op_at(&r, r.at);
    if (op == OF_WITH) {
        int line = line_of_with(&r, offset);
        found = (struct exc_handler){RL_HANDLER_WITH, line > 0 ? (uint32_t)line : 0};
    } else if (r.at < r.size && !is_bare_except(&r)) {
        found = look_at_finally(&r);
    }
    Py_DECREF(bytes);
    return found;
}

static Py_ssize_t ask(native_frame *frame,
                      Py_ssize_t (*question)(const struct reading *, native_frame *))
{
    struct reading r;
    PyObject *bytes; /* owned */
    if (begin(&r, native_code(frame), &bytes) != 0) {
        return -1;
    }
    Py_ssize_t found = question(&r, frame);
    Py_DECREF(bytes);
    return found;
}

Py_ssize_t handlers_find(native_frame *frame)
{
    return ask(frame, find);
}

Py_ssize_t handlers_entered(native_frame *frame)
{
    return ask(frame, entered);
}
