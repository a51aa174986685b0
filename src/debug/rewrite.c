/* Why: below 3.12 a trace function slows down every line of a program; a probe costs only where it
 * is. See rewrite.h for what a probe is.
 *
 *    struct listing (old)               struct layout                       struct rewritten (new)
 *    instructions, targets  find_needs  items: instructions,  lead_jumps    bytes, and for each old
 *    are indexes of         ----------> probes, tail; targets ------------> instruction its new
 *    instructions           put_*       become items          settle, emit  offsets
 *
 *    needs[] of an instruction    meaning
 *    NEEDS_PROBE                  control that begins its line comes to it
 *    NEEDS_AT_HANDLER             an exception is among what begins its line
 *    IN_TAIL                      falling through begins no line, so its probe is in the tail
 *
 * Invariants:
 * 1. Instructions keep their order, so new offsets grow with old ones. The tail is behind them all.
 * 2. A jump goes to a probe exactly if that jump begins the line of its target.
 * 3. Arguments of jumps only grow while settle_arguments() repeats, so that it ends.
 * 4. A probe needs one place on the stack. Where there is none, the whole rewrite fails. */
#include "rewrite.h"

#include <string.h>

#include "alloc.h"
#include "status.h"

enum {
    UNIT = 2,
    PROBE = 2, /* instructions of a probe */
    EXTENDED_MAX = 3,
    UNKNOWN_EFFECT = 1000,
    PASSES = 64,
    NEEDS_PROBE = 1,
    NEEDS_AT_HANDLER = 2,
    IN_TAIL = 4,
};

/* ---- reading ---- */

/* Returns how many units must extend an argument. */
static uint32_t count_extended(uint32_t arg)
{
    return arg > 0xffffff ? 3 : arg > 0xffff ? 2 : arg > 0xff ? 1 : 0;
}

int32_t rewrite_at(const struct listing *listing, uint32_t at)
{
    size_t low = 0, high = listing->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (listing->items[middle].at < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < listing->count && listing->items[low].at == at ? (int32_t)low : -1;
}

/* Reads one instruction, with its extensions and caches. */
static rl_status read_instruction(struct instruction *one, const struct rewrite_rules *rules,
                                  const uint8_t *code, size_t len, uint32_t at, struct rl_err *err)
{
    *one = (struct instruction){.at = at, .target = -1, .line = -1, .depth = -1};
    uint32_t arg = 0;
    for (;; at += UNIT) {
        if (at + UNIT > len) {
            return status_set(err, RL_DAMAGED, "the code ends within the instruction at %u",
                              one->at);
        }
        arg = arg << 8 | code[at + 1];
        if (code[at] != rules->extended) {
            break;
        }
        if (++one->extended > EXTENDED_MAX) {
            return status_set(err, RL_DAMAGED, "the argument at %u is too long", one->at);
        }
    }
    one->op = code[at];
    one->arg = arg;
    one->size = at + UNIT + (uint32_t)rules->ops[one->op].caches * UNIT - one->at;
    if (one->at + one->size > len) {
        return status_set(err, RL_DAMAGED, "the code ends within the instruction at %u", one->at);
    }
    if (rules->effect(one->op, (int)arg, 0) > UNKNOWN_EFFECT) {
        return status_set(err, RL_DAMAGED, "opcode %u at %u is not known", one->op, one->at);
    }
    return RL_OK;
}

/* Finds the target of each jump. A jump into the middle of an instruction is damage. */
static rl_status resolve_jumps(struct listing *listing, const struct rewrite_rules *rules,
                               struct rl_err *err)
{
    for (size_t i = 0; i < listing->count; i++) {
        struct instruction *one = &listing->items[i];
        uint64_t next = one->at + one->size, distance = (uint64_t)one->arg * rules->jump_unit;
        uint64_t to;
        switch (rules->ops[one->op].jump) {
        case JUMP_TO:
            to = distance;
            break;
        case JUMP_AHEAD:
            to = next + distance;
            break;
        case JUMP_BACK:
            to = next - distance;
            break;
        default:
            continue;
        }
        one->target = to < listing->bytes ? rewrite_at(listing, (uint32_t)to) : -1;
        if (one->target < 0) {
            return status_set(err, RL_DAMAGED, "the jump at %u leads to no instruction", one->at);
        }
    }
    return RL_OK;
}

rl_status rewrite_read(struct listing *listing, const struct rewrite_rules *rules,
                       const uint8_t *code, size_t len, struct rl_err *err)
{
    memset(listing, 0, sizeof *listing);
    if (len == 0 || len % UNIT != 0 || len > INT32_MAX) {
        return status_set(err, RL_DAMAGED, "the code has %zu bytes", len);
    }
    listing->items = rl_alloc(len / UNIT, sizeof *listing->items);
    if (listing->items == NULL) {
        return status_set(err, RL_NOMEM, "no memory for %zu bytes of code", len);
    }
    listing->bytes = (uint32_t)len;
    rl_status status = RL_OK;
    for (uint32_t at = 0; status == RL_OK && at < len;) {
        struct instruction *one = &listing->items[listing->count];
        status = read_instruction(one, rules, code, len, at, err);
        listing->count += status == RL_OK;
        at += one->size;
    }
    status = status == RL_OK ? resolve_jumps(listing, rules, err) : status;
    if (status != RL_OK) {
        rewrite_listing_fini(listing);
    }
    return status;
}

/* ---- depth of the stack ---- */

struct flow {
    struct listing *listing;
    int changed, failed;
};

/* Raises the depth at an instruction to what a path to it needs. */
static void reach_instruction(struct flow *flow, size_t at, int32_t depth)
{
    if (depth < 0 || depth > INT16_MAX || at >= flow->listing->count) {
        flow->failed = 1;
    } else if (flow->listing->items[at].depth < depth) {
        flow->listing->items[at].depth = depth;
        flow->changed = 1;
    }
}

/* Propagates the depth to all instructions that control reaches from here. */
static void flow_from_instruction(struct flow *flow, const struct rewrite_rules *rules, size_t i)
{
    const struct instruction *one = &flow->listing->items[i];
    const struct rewrite_op *op = &rules->ops[one->op];
    if (one->target >= 0 && !op->aside) {
        reach_instruction(flow, (size_t)one->target,
                          one->depth + rules->effect(one->op, (int)one->arg, 1));
    }
    if (!op->ends) {
        reach_instruction(flow, i + 1, one->depth + rules->effect(one->op, (int)one->arg, 0));
    }
}

rl_status rewrite_flow(struct listing *listing, const struct rewrite_rules *rules,
                       struct rl_err *err)
{
    struct flow flow = {listing, 1, 0};
    listing->items[0].depth = 0;
    for (size_t h = 0; h < listing->handler_count; h++) {
        const struct handler *handler = &listing->handlers[h];
        reach_instruction(&flow, handler->target,
                          (int32_t)(handler->depth + handler->pushes_place + 1));
    }
    for (int pass = 0; flow.changed && !flow.failed && pass < PASSES; pass++) {
        flow.changed = 0;
        for (size_t i = 0; i < listing->count; i++) {
            if (listing->items[i].depth >= 0) {
                flow_from_instruction(&flow, rules, i);
            }
        }
    }
    return flow.changed || flow.failed
               ? status_set(err, RL_UNSUPPORTED, "the depth of the stack is not known everywhere")
               : RL_OK;
}

/* ---- where probes are needed ---- */

struct item { /* of the new code */
    uint32_t arg, at;
    int32_t target;  /* index of an instruction until lead_jumps(), then of an item; -1 = no jump */
    int32_t origin;  /* index of an instruction; -1 = part of a probe */
    int32_t covered; /* index of the instruction whose handler covers it */
    uint8_t op, extended;
};

struct layout {
    const struct listing *listing;
    const struct rewrite_rules *rules;
    rewrite_constant *constant;
    void *context;
    struct item *items; /* owned */
    size_t count, cap;
    int32_t *own;   /* owned: for each instruction its item */
    int32_t *probe; /* owned: for each instruction the first item of its probe; -1 = none */
    uint8_t *needs; /* owned: bits for each instruction */
    uint32_t stack;
    size_t tail, probes;
    int is_deep;
};

/* Returns whether an exception can come to a handler from another line than the handler's own. It
 * is raised in [first, end). */
static int comes_from_elsewhere(const struct layout *layout, size_t first, size_t end, int32_t line)
{
    for (size_t i = first; i < end; i++) {
        const struct instruction *one = &layout->listing->items[i];
        const struct rewrite_op *op = &layout->rules->ops[one->op];
        if (one->line != line && (one->line >= 0 || (op->ends && op->jump == JUMP_NONE))) {
            return 1;
        }
    }
    return 0;
}

/* Returns where the block ends that an instruction sets up, at the latest its handler. */
static size_t find_block_end(const struct layout *layout, size_t setup, size_t handler)
{
    const struct rewrite_rules *rules = layout->rules;
    int depth = 1;
    for (size_t i = setup + 1; i < handler; i++) {
        uint8_t op = layout->listing->items[i].op;
        depth += rules->ops[op].sets_up - (op == rules->pop_block);
        if (depth == 0) {
            return i;
        }
    }
    return handler;
}

/* Returns whether control that goes from one instruction to another begins the other's line. */
static int begins_line(const struct layout *layout, size_t from, size_t to)
{
    const struct listing *listing = layout->listing;
    const struct instruction *a = &listing->items[from], *b = &listing->items[to];
    if (to <= from && a->target == (int32_t)to) {
        return !layout->rules->ops[b->op].goes_on || a->line != b->line;
    }
    int is_raised = layout->rules->ops[a->op].sets_up && a->target == (int32_t)to;
    if (layout->rules->at_entries) {
        return b->is_entry || (is_raised && layout->rules->exceptions_begin);
    }
    if (is_raised) {
        return comes_from_elsewhere(layout, from + 1, find_block_end(layout, from, to), b->line);
    }
    return a->line != b->line || to == listing->body;
}

/* Returns whether control can fall through to an instruction. */
static int is_fallen_into(const struct layout *layout, size_t to)
{
    return to > 0 && !layout->rules->ops[layout->listing->items[to - 1].op].ends;
}

/* Returns the constant of the probe of an instruction's line, or -1 where no probe is wanted. */
static int32_t wanted_constant(const struct layout *layout, size_t at)
{
    const struct instruction *one = &layout->listing->items[at];
    return one->line >= 0 && one->depth >= 0 && at >= layout->listing->body
               ? layout->constant(layout->context, one->line)
               : -1;
}

static rl_status put_item(struct layout *layout, struct item item, struct rl_err *err)
{
    void *grown = layout->items;
    if (rl_grow(&grown, &layout->cap, layout->count + 1, sizeof *layout->items) != 0) {
        return status_set(err, RL_NOMEM, "no memory for code");
    }
    layout->items = grown;
    layout->items[layout->count++] = item;
    return RL_OK;
}

/* Appends a probe for an instruction. Its jump leads behind the probe for now. */
static rl_status put_probe(struct layout *layout, size_t at, struct rl_err *err)
{
    const struct instruction *one = &layout->listing->items[at];
    const struct rewrite_rules *rules = layout->rules;
    struct item load = {.op = rules->load,
                        .arg = (uint32_t)wanted_constant(layout, at),
                        .target = -1,
                        .origin = -1,
                        .covered = (int32_t)at};
    struct item test = {.op = rules->test,
                        .target = (int32_t)layout->count + PROBE,
                        .origin = -1,
                        .covered = (int32_t)at};
    if ((uint32_t)one->depth + 1 > layout->stack) {
        layout->is_deep = 1;
        return status_set(err, RL_UNSUPPORTED,
                          "a call at line %d needs one more place on the stack", one->line);
    }
    layout->probes++;
    rl_status status = put_item(layout, load, err);
    return status == RL_OK ? put_item(layout, test, err) : status;
}

/* Appends the jump from the tail back to an instruction. */
static rl_status put_jump_back(struct layout *layout, size_t at, struct rl_err *err)
{
    return put_item(layout,
                    (struct item){.op = layout->rules->back,
                                  .origin = -1,
                                  .target = layout->own[at],
                                  .covered = (int32_t)at},
                    err);
}

/* Returns whether only jumps begin the line of an instruction. Falling through must then meet no
 * probe. */
static int is_begun_within(const struct layout *layout, size_t at)
{
    return is_fallen_into(layout, at) && !begins_line(layout, at - 1, at);
}

/* Marks the instructions whose line is begun: by jumps, by exceptions, by falling through. */
static void find_needs(struct layout *layout)
{
    const struct listing *listing = layout->listing;
    for (size_t i = 0; i < listing->count; i++) {
        int32_t to = listing->items[i].target;
        if (to >= 0 && listing->items[i].depth >= 0 && begins_line(layout, i, (size_t)to)) {
            layout->needs[to] |= NEEDS_PROBE;
        }
    }
    for (size_t h = 0; h < listing->handler_count; h++) {
        const struct handler *handler = &listing->handlers[h];
        int32_t line = listing->items[handler->target].line;
        if (comes_from_elsewhere(layout, handler->first, handler->end, line)) {
            layout->needs[handler->target] |= NEEDS_PROBE | NEEDS_AT_HANDLER;
        }
    }
    for (size_t i = 0; i < listing->count; i++) {
        if (i == listing->body || (is_fallen_into(layout, i) && begins_line(layout, i - 1, i))) {
            layout->needs[i] |= NEEDS_PROBE;
        }
        if (wanted_constant(layout, i) < 0) {
            layout->needs[i] = 0;
        } else if (is_begun_within(layout, i)) {
            layout->needs[i] |= IN_TAIL;
        }
    }
}

/* Returns whether an instruction needs a probe at this place: before it, or in the tail. */
static int needs_probe(const struct layout *layout, size_t at, int in_tail)
{
    return (layout->needs[at] & NEEDS_PROBE) && ((layout->needs[at] & IN_TAIL) != 0) == in_tail;
}

/* Appends all instructions, each after its probe where that is not in the tail. */
static rl_status put_instructions(struct layout *layout, struct rl_err *err)
{
    const struct listing *listing = layout->listing;
    rl_status status = RL_OK;
    for (size_t i = 0; status == RL_OK && i < listing->count; i++) {
        const struct instruction *one = &listing->items[i];
        struct item item = {.op = one->op,
                            .arg = one->arg,
                            .target = one->target,
                            .origin = (int32_t)i,
                            .covered = (int32_t)i,
                            .extended = one->extended};
        layout->probe[i] = -1;
        if (needs_probe(layout, i, 0)) {
            layout->probe[i] = (int32_t)layout->count;
            status = put_probe(layout, i, err);
        }
        layout->own[i] = (int32_t)layout->count;
        status = status == RL_OK ? put_item(layout, item, err) : status;
    }
    return status;
}

/* Appends the tail: for each probe a jump back, and the probes that jumps are led over. */
static rl_status put_tail(struct layout *layout, struct rl_err *err)
{
    rl_status status = RL_OK;
    layout->tail = layout->count;
    for (size_t i = 0; status == RL_OK && i < layout->listing->count; i++) {
        if (needs_probe(layout, i, 0)) {
            layout->items[layout->probe[i] + 1].target = (int32_t)layout->count;
            status = put_jump_back(layout, i, err);
        } else if (needs_probe(layout, i, 1)) {
            layout->probe[i] = (int32_t)layout->count;
            status = put_probe(layout, i, err);
            status = status == RL_OK ? put_jump_back(layout, i, err) : status;
        }
    }
    return status;
}

/* Turns targets from instructions into items: a jump that begins a line goes to the probe. A jump
 * back to a probe in the tail becomes a jump ahead. */
static void lead_jumps(struct layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        struct item *item = &layout->items[i];
        if (item->origin < 0 || item->target < 0) {
            continue;
        }
        size_t from = (size_t)item->origin, to = (size_t)item->target;
        int is_probed = layout->probe[to] >= 0 && begins_line(layout, from, to);
        item->target = is_probed ? layout->probe[to] : layout->own[to];
        const struct rewrite_op *op = &layout->rules->ops[item->op];
        if (op->jump == JUMP_BACK && item->target > (int32_t)i) {
            item->op = op->turned;
        }
    }
}

/* ---- bytes ---- */

static uint32_t item_size(const struct layout *layout, const struct item *item)
{
    return (uint32_t)(item->extended + 1 + layout->rules->ops[item->op].caches) * UNIT;
}

/* Returns the argument of a jump, counted from the bytes behind it. */
static uint32_t jump_distance(const struct layout *layout, const struct item *item)
{
    uint32_t next = item->at + item_size(layout, item), to = layout->items[item->target].at;
    unsigned kind = layout->rules->ops[item->op].jump;
    uint32_t bytes = kind == JUMP_TO ? to : kind == JUMP_AHEAD ? to - next : next - to;
    return bytes / layout->rules->jump_unit;
}

/* Computes places and arguments until no argument needs another extension. */
static rl_status settle_arguments(struct layout *layout, struct rl_err *err)
{
    int changed = 1;
    for (int pass = 0; changed && pass < PASSES; pass++) {
        uint32_t at = 0;
        changed = 0;
        for (size_t i = 0; i < layout->count; i++) {
            layout->items[i].at = at;
            at += item_size(layout, &layout->items[i]);
        }
        for (size_t i = 0; i < layout->count; i++) {
            struct item *item = &layout->items[i];
            item->arg = item->target >= 0 ? jump_distance(layout, item) : item->arg;
            if (count_extended(item->arg) > item->extended) {
                item->extended = (uint8_t)count_extended(item->arg);
                changed = 1;
            }
        }
    }
    return changed ? status_set(err, RL_UNSUPPORTED, "the lengths of the jumps do not settle")
                   : RL_OK;
}

/* Writes the bytes, and the new offsets of all old instructions. */
static rl_status emit_code(struct rewritten *made, const struct layout *layout, struct rl_err *err)
{
    const struct item *last = &layout->items[layout->count - 1];
    size_t count = layout->listing->count;
    made->len = last->at + item_size(layout, last);
    made->count = layout->count;
    made->probes = layout->probes;
    made->code = rl_zalloc(made->len, 1);
    made->placed = rl_alloc(layout->count + 1, sizeof *made->placed);
    made->moved = rl_alloc(count + 1, sizeof *made->moved);
    made->begun = rl_alloc(count + 1, sizeof *made->begun);
    made->entered = rl_alloc(count + 1, sizeof *made->entered);
    if (made->code == NULL || made->placed == NULL || made->moved == NULL || made->begun == NULL ||
        made->entered == NULL) {
        return status_set(err, RL_NOMEM, "no memory for code");
    }
    for (size_t i = 0; i < layout->count; i++) {
        const struct item *item = &layout->items[i];
        uint8_t *p = made->code + item->at;
        for (unsigned k = item->extended; k > 0; k--) {
            *p++ = layout->rules->extended;
            *p++ = (uint8_t)(item->arg >> (8 * k));
        }
        *p++ = item->op;
        *p = (uint8_t)item->arg;
        made->placed[i] = (struct placed){item->at, item->origin, item->covered};
        if (item->origin >= 0) {
            int32_t probe = layout->probe[item->origin];
            unsigned needs = layout->needs[item->origin];
            uint32_t begin = probe >= 0 ? layout->items[probe].at : item->at;
            made->moved[item->origin] = item->at;
            made->begun[item->origin] = needs & IN_TAIL ? item->at : begin;
            made->entered[item->origin] = needs & NEEDS_AT_HANDLER ? begin : item->at;
        }
    }
    made->placed[layout->count] = (struct placed){made->len, -1, -1};
    made->moved[count] = layout->tail < layout->count ? layout->items[layout->tail].at : made->len;
    return RL_OK;
}

rl_status rewrite_probe(struct rewritten *made, const struct listing *listing,
                        const struct rewrite_rules *rules, uint32_t stack,
                        rewrite_constant *constant, void *context, struct rl_err *err)
{
    struct layout layout = {.listing = listing,
                            .rules = rules,
                            .constant = constant,
                            .context = context,
                            .stack = stack,
                            .own = rl_alloc(listing->count, sizeof *layout.own),
                            .probe = rl_alloc(listing->count, sizeof *layout.probe),
                            .needs = rl_zalloc(listing->count, 1)};
    memset(made, 0, sizeof *made);
    rl_status status = RL_OK;
    if (layout.own == NULL || layout.probe == NULL || layout.needs == NULL) {
        status = status_set(err, RL_NOMEM, "no memory for code");
    } else {
        find_needs(&layout);
        status = put_instructions(&layout, err);
    }
    status = status == RL_OK ? put_tail(&layout, err) : status;
    if (status == RL_OK) {
        lead_jumps(&layout);
        status = settle_arguments(&layout, err);
    }
    status = status == RL_OK ? emit_code(made, &layout, err) : status;
    rl_free(layout.items);
    rl_free(layout.own);
    rl_free(layout.probe);
    rl_free(layout.needs);
    if (status != RL_OK) {
        rewrite_fini(made);
        made->is_deep = layout.is_deep;
    }
    return status;
}

void rewrite_listing_fini(struct listing *listing)
{
    rl_free(listing->items);
    rl_free(listing->handlers);
    memset(listing, 0, sizeof *listing);
}

void rewrite_fini(struct rewritten *made)
{
    rl_free(made->code);
    rl_free(made->placed);
    rl_free(made->moved);
    rl_free(made->begun);
    rl_free(made->entered);
    memset(made, 0, sizeof *made);
}
