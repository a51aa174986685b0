/* Part of bytecode.h: the format of CPython 3.11.
 *
 * Why: arguments of jumps count code units, forward or back by the opcode. Caches follow some
 * instructions. co_linetable has locations, not only lines, and co_exceptiontable has the handlers:
 *
 *   location    +-+------+---------+------------------------+
 *               |1| kind | units-1 | line, columns, by kind |   kind: 4 bits, units: 3 bits;
 *               +-+------+---------+------------------------+   numbers: 6 bits a byte, low first
 *
 *   handler     +-+--------------------------------+
 *               |1| first, length, target, depth   |            numbers: 6 bits a byte, high first
 *               +-+--------------------------------+
 *
 * Bit 128 marks the first byte of an entry. Bit 64 of a number's byte means that more bytes follow.
 *
 * Invariants: probes have no location, so tracebacks and tracing see only the old lines. A probe is
 * covered by the handler of the instruction in struct placed (`covered`). Handlers ascend and
 * do not overlap. */
#define NEED_OPCODE_TABLES /* how many caches follow an opcode */
#include "bytecode.h"

#if BYTECODE_FORMAT == 311

#include <internal/pycore_opcode.h>

#include "alloc.h"
#include "status.h"

enum { UNIT = sizeof(_Py_CODEUNIT), NOWHERE = 15, LINE_ONLY = 13, LONG = 14 };

static struct rewrite_rules rules_311 = {
    .ops =
        {
            [FOR_ITER] = {.jump = JUMP_AHEAD},
            [SEND] = {.jump = JUMP_AHEAD, .goes_on = 1},
            [JUMP_FORWARD] = {.jump = JUMP_AHEAD, .ends = 1},
            [JUMP_BACKWARD] = {.jump = JUMP_BACK, .ends = 1, .turned = JUMP_FORWARD},
            [JUMP_BACKWARD_NO_INTERRUPT] = {.jump = JUMP_BACK, .ends = 1, .turned = JUMP_FORWARD},
            [JUMP_IF_FALSE_OR_POP] = {.jump = JUMP_AHEAD},
            [JUMP_IF_TRUE_OR_POP] = {.jump = JUMP_AHEAD},
            [POP_JUMP_FORWARD_IF_FALSE] = {.jump = JUMP_AHEAD},
            [POP_JUMP_FORWARD_IF_TRUE] = {.jump = JUMP_AHEAD},
            [POP_JUMP_FORWARD_IF_NONE] = {.jump = JUMP_AHEAD},
            [POP_JUMP_FORWARD_IF_NOT_NONE] = {.jump = JUMP_AHEAD},
            [POP_JUMP_BACKWARD_IF_FALSE] = {.jump = JUMP_BACK, .turned = POP_JUMP_FORWARD_IF_FALSE},
            [POP_JUMP_BACKWARD_IF_TRUE] = {.jump = JUMP_BACK, .turned = POP_JUMP_FORWARD_IF_TRUE},
            [POP_JUMP_BACKWARD_IF_NONE] = {.jump = JUMP_BACK, .turned = POP_JUMP_FORWARD_IF_NONE},
            [POP_JUMP_BACKWARD_IF_NOT_NONE] = {.jump = JUMP_BACK,
                                               .turned = POP_JUMP_FORWARD_IF_NOT_NONE},
            [RETURN_VALUE] = {.ends = 1},
            [RAISE_VARARGS] = {.ends = 1},
            [RERAISE] = {.ends = 1},
        },
    .jump_unit = UNIT,
    .extended = EXTENDED_ARG,
    .load = LOAD_CONST,
    .test = POP_JUMP_FORWARD_IF_TRUE,
    .back = JUMP_BACKWARD,
};

/* Returns the change of depth. Behind RETURN_GENERATOR the stack of a resumed generator has the
 * value that was sent. */
static int stack_effect_311(int op, int arg, int jumps)
{
    return op == RETURN_GENERATOR ? 1 : PyCompile_OpcodeStackEffectWithJump(op, arg, jumps);
}

/* Returns the rules. The first call completes them with the interpreter's own table of caches. */
static const struct rewrite_rules *get_rules_311(void)
{
    if (rules_311.effect == NULL) {
        for (size_t op = 0; op < 256; op++) {
            rules_311.ops[op].caches = _PyOpcode_Caches[op];
        }
        rules_311.effect = stack_effect_311;
    }
    return &rules_311;
}

/* ---- locations ---- */

struct location {
    int32_t line, end_line, column, end_column; /* -1: not known */
};

/* A table while it is read. Reads at its end return 0. */
struct reading {
    const uint8_t *at, *end;
};

/* Reads a number of a location: six bits a byte, low ones first. */
static uint32_t read_location_number(struct reading *r)
{
    uint32_t value = 0;
    for (unsigned shift = 0; r->at < r->end && shift < 32; shift += 6) {
        uint32_t byte = *r->at++;
        value |= (byte & 63) << shift;
        if (!(byte & 64)) {
            break;
        }
    }
    return value;
}

/* Reads a signed number: its lowest bit is the sign. */
static int32_t read_line_step(struct reading *r)
{
    uint32_t value = read_location_number(r);
    return value & 1 ? -(int32_t)(value >> 1) : (int32_t)(value >> 1);
}

static uint32_t read_byte(struct reading *r)
{
    return r->at < r->end ? *r->at++ : 0;
}

/* Reads the next entry and returns how many bytes of code it is of. `line` must be kept from entry
 * to entry. */
static uint32_t read_location(struct reading *r, int32_t *line, struct location *found)
{
    uint32_t first = read_byte(r), kind = first >> 3 & 15;
    *found = (struct location){-1, -1, -1, -1};
    if (kind == LONG) {
        *line += read_line_step(r);
        found->end_line = *line + (int32_t)read_location_number(r);
        found->column = (int32_t)read_location_number(r) - 1;
        found->end_column = (int32_t)read_location_number(r) - 1;
    } else if (kind == LINE_ONLY) {
        *line += read_line_step(r);
        found->end_line = *line;
    } else if (kind >= 10 && kind < LINE_ONLY) {
        *line += (int32_t)kind - 10;
        found->end_line = *line;
        found->column = (int32_t)read_byte(r);
        found->end_column = (int32_t)read_byte(r);
    } else if (kind < 10) {
        uint32_t columns = read_byte(r);
        found->end_line = *line;
        found->column = (int32_t)(kind << 3 | (columns >> 4 & 7));
        found->end_column = found->column + (int32_t)(columns & 15);
    }
    found->line = kind == NOWHERE ? -1 : *line;
    return ((first & 7) + 1) * UNIT;
}

/* Returns the location of every instruction: owned, NULL without memory. */
static struct location *read_locations(PyCodeObject *code, const struct listing *listing)
{
    struct location *all = rl_alloc(listing->count, sizeof *all);
    struct location now = {-1, -1, -1, -1};
    const uint8_t *row = (const uint8_t *)PyBytes_AS_STRING(code->co_linetable);
    struct reading r = {row, row + PyBytes_GET_SIZE(code->co_linetable)};
    int32_t line = code->co_firstlineno;
    uint32_t end = 0;
    for (size_t i = 0; all != NULL && i < listing->count; i++) {
        while (end <= listing->items[i].at && r.at < r.end) {
            end += read_location(&r, &line, &now);
        }
        all[i] = now;
    }
    return all;
}

static void put_location_number(struct row *row, uint32_t value)
{
    for (; value >= 64; value >>= 6) {
        row_put(row, 64 | (value & 63));
    }
    row_put(row, value);
}

static void put_line_step(struct row *row, int32_t step)
{
    put_location_number(row, step < 0 ? (uint32_t)-step << 1 | 1 : (uint32_t)step << 1);
}

/* Appends a location for so many code units, as several entries of up to eight units. */
static void put_location(struct row *row, uint32_t units, const struct location *at, int32_t *line)
{
    while (units > 0) {
        uint32_t now = units < 8 ? units : 8;
        int kind = at->line < 0 ? NOWHERE : at->column < 0 ? LINE_ONLY : LONG;
        row_put(row, 128 | (unsigned)kind << 3 | (now - 1));
        if (kind != NOWHERE) {
            put_line_step(row, at->line - *line);
            *line = at->line;
        }
        if (kind == LONG) {
            put_location_number(row, (uint32_t)(at->end_line - at->line));
            put_location_number(row, (uint32_t)(at->column + 1));
            put_location_number(row, (uint32_t)(at->end_column + 1));
        }
        units -= now;
    }
}

/* Returns co_linetable of the copy. */
static PyObject *write_locations(PyCodeObject *code, const struct listing *listing,
                                 const struct rewritten *made)
{
    const struct location nowhere = {-1, -1, -1, -1};
    struct location *all = read_locations(code, listing);
    struct row row = {.failed = all == NULL};
    int32_t line = code->co_firstlineno;
    for (size_t i = 0; all != NULL && i < made->count; i++) {
        const struct placed *placed = &made->placed[i];
        put_location(&row, (placed[1].at - placed->at) / UNIT,
                     placed->origin >= 0 ? &all[placed->origin] : &nowhere, &line);
    }
    rl_free(all);
    return row_take(&row);
}

/* ---- handlers ---- */

/* Reads a number of the table of handlers: six bits a byte, high ones first. */
static uint32_t read_high_first(struct reading *r)
{
    uint32_t byte = read_byte(r), value = byte & 63;
    while (byte & 64) {
        byte = read_byte(r);
        value = value << 6 | (byte & 63);
    }
    return value;
}

/* Appends such a number. `mark` is 128 for the first number of an entry, else 0. */
static void put_high_first(struct row *row, uint32_t value, unsigned mark)
{
    int shift = 30;
    while (shift > 0 && value >> shift == 0) {
        shift -= 6;
    }
    for (; shift >= 0; shift -= 6) {
        row_put(row, mark | (shift > 0 ? 64u : 0u) | (value >> shift & 63));
        mark = 0;
    }
}

/* Reads co_exceptiontable. Offsets in it count code units; the listing has indexes. */
static rl_status read_handlers(struct listing *listing, PyCodeObject *code, struct rl_err *err)
{
    const uint8_t *table = (const uint8_t *)PyBytes_AS_STRING(code->co_exceptiontable);
    Py_ssize_t size = PyBytes_GET_SIZE(code->co_exceptiontable);
    struct reading r = {table, table + size};
    listing->handlers = rl_alloc((size_t)size / 4 + 1, sizeof *listing->handlers);
    if (listing->handlers == NULL) {
        return status_set(err, RL_NOMEM, "no memory for handlers");
    }
    while (r.at + 4 <= r.end) {
        uint32_t first = read_high_first(&r) * UNIT, end = first + read_high_first(&r) * UNIT;
        uint32_t target = read_high_first(&r) * UNIT, depth = read_high_first(&r);
        int32_t a = rewrite_at(listing, first), b = rewrite_at(listing, end);
        int32_t t = rewrite_at(listing, target);
        b = end == listing->bytes ? (int32_t)listing->count : b;
        if (a < 0 || b < a || t < 0) {
            return status_set(err, RL_DAMAGED, "a handler at %u covers no instructions", target);
        }
        listing->handlers[listing->handler_count++] =
            (struct handler){(uint32_t)a, (uint32_t)b, (uint32_t)t, depth >> 1, depth & 1};
    }
    return RL_OK;
}

/* Returns the handler that covers an instruction, or NULL. Handlers ascend and do not overlap. */
static const struct handler *handler_of(const struct listing *listing, int32_t at)
{
    size_t low = 0, high = listing->handler_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (listing->handlers[middle].end <= (uint32_t)at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct handler *found = &listing->handlers[low];
    return low < listing->handler_count && found->first <= (uint32_t)at ? found : NULL;
}

/* Returns co_exceptiontable of the copy: neighbours of one handler are one entry. */
static PyObject *write_handler_table(const struct listing *listing, const struct rewritten *made)
{
    struct row row = {0};
    for (size_t i = 0, k; i < made->count; i = k) {
        const struct handler *now = handler_of(listing, made->placed[i].covered);
        for (k = i + 1; k < made->count; k++) {
            int32_t at = made->placed[k].covered;
            if (now != NULL ? (uint32_t)at < now->first || (uint32_t)at >= now->end
                            : handler_of(listing, at) != NULL) {
                break;
            }
        }
        if (now != NULL) {
            put_high_first(&row, made->placed[i].at / UNIT, 128);
            put_high_first(&row, (made->placed[k].at - made->placed[i].at) / UNIT, 0);
            put_high_first(&row, made->entered[now->target] / UNIT, 0);
            put_high_first(&row, now->depth << 1 | now->pushes_place, 0);
        }
    }
    return row_take(&row);
}

/* ---- the format ---- */

/* Gives each instruction its line and reads the handlers. The body begins behind the first RESUME.
 */
static rl_status read_code_tables(struct listing *listing, PyCodeObject *code, struct rl_err *err)
{
    struct location *all = read_locations(code, listing);
    if (all == NULL) {
        return status_set(err, RL_NOMEM, "no memory for lines");
    }
    for (size_t i = 0; i < listing->count; i++) {
        listing->items[i].line = all[i].line;
    }
    rl_free(all);
    int32_t resume = rewrite_at(listing, (uint32_t)code->_co_firsttraceable * UNIT);
    listing->body = resume >= 0 ? (uint32_t)resume + 1 : 0;
    return read_handlers(listing, code, err);
}

const struct bytecode_format bytecode_format = {get_rules_311, read_code_tables, write_locations,
                                                write_handler_table};

#endif
