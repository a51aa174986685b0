/* Why: the row code and the token code, side by side, so that they change together; rec.h draws
 * both.
 *
 * Invariants:
 *  1. put_event_token() and tokens_next() advance token_state alike: each branch of the one has its
 *     branch in the other, and both call token_after_explicit() for events written in full.
 *  2. A decoder allocates at most one stack entry a token. Its memory is bounded by the file's
 * size.
 *  3. Ids are checked against RL_ID_MAX here, and against the definitions by whoever looks them up.
 *
 * The same three events in both encodings, where code 7 calls code 9 and nothing else happens:
 *
 *   rows    12 CALL id=9 frame=41      16 bytes       tokens   9 << 3 | 0    1 byte, time 12
 *           30 RETURN id=9 frame=41    16 bytes                0 << 3 | 1    1 byte, time 18
 *           44 RETURN id=7 frame=40    16 bytes                0 << 3 | 1    1 byte, time 14
 *
 * A token names neither frame nor code where both follow from the stack. Where they do not (frames
 * of other threads, generators, frames from before the chunk), RL_OP_EXPLICIT and RL_OP_RESUME say
 * all.
 *
 * Threads: each struct belongs to one thread. */
#include "rec.h"

#include "alloc.h"
#include "token_parts.h"

const char *kind_name(unsigned kind)
{
    switch (kind) {
#define CASE(name, number, text, meaning)                                                          \
    case number:                                                                                   \
        return text;
        RL_EVENT_TABLE(CASE)
#undef CASE
    }
    return "unknown";
}

const char *rl_sentinel_text(enum rl_sentinel sentinel)
{
    static const char *const texts[] = {
#define TEXT(name, text, meaning) text,
        RL_SENTINEL_TABLE(TEXT)
#undef TEXT
    };
    return texts[sentinel];
}

const char *loss_name(unsigned reason)
{
    switch (reason) {
#define CASE(name, number, text, meaning)                                                          \
    case number:                                                                                   \
        return text;
        RL_LOSS_TABLE(CASE)
#undef CASE
    }
    return "unknown";
}

void chunk_info_put(uint8_t at[RL_CHUNK_PREFIX_BYTES], const struct chunk_info *info)
{
    memset(at, 0, RL_CHUNK_PREFIX_BYTES);
    put32(at + RL_CH_THREAD, info->thread);
    put32(at + RL_CH_EVENTS, info->events);
    put64(at + RL_CH_CHUNK, info->chunk);
    put64(at + RL_CH_FIRST_SEQ, info->first_seq);
    put64(at + RL_CH_FIRST_CALL, info->first_call);
    put64(at + RL_CH_TICKS0, info->ticks0);
    put64(at + RL_CH_MONO0, info->mono0);
    put64(at + RL_CH_TICKS1, info->ticks1);
    put64(at + RL_CH_MONO1, info->mono1);
    put64(at + RL_CH_TOP, info->top);
    put32(at + RL_CH_TOKEN_BYTES, info->token_bytes);
    put32(at + RL_CH_TIME_BYTES, info->time_bytes);
    put32(at + RL_CH_VALUE_BYTES, info->value_bytes);
    put32(at + RL_CH_NAME, info->name);
}

rl_status chunk_info_get(const uint8_t *at, size_t len, uint32_t raw, struct chunk_info *info)
{
    if (len < RL_CHUNK_PREFIX_BYTES) {
        return RL_DAMAGED;
    }
    struct chunk_info i = {
        .thread = get32(at + RL_CH_THREAD),
        .events = get32(at + RL_CH_EVENTS),
        .chunk = get64(at + RL_CH_CHUNK),
        .first_seq = get64(at + RL_CH_FIRST_SEQ),
        .first_call = get64(at + RL_CH_FIRST_CALL),
        .ticks0 = get64(at + RL_CH_TICKS0),
        .mono0 = get64(at + RL_CH_MONO0),
        .ticks1 = get64(at + RL_CH_TICKS1),
        .mono1 = get64(at + RL_CH_MONO1),
        .top = get64(at + RL_CH_TOP),
        .token_bytes = get32(at + RL_CH_TOKEN_BYTES),
        .time_bytes = get32(at + RL_CH_TIME_BYTES),
        .value_bytes = get32(at + RL_CH_VALUE_BYTES),
        .name = get32(at + RL_CH_NAME),
    };
    if ((uint64_t)i.token_bytes + i.time_bytes + i.value_bytes != raw || i.events > i.time_bytes ||
        i.events > i.token_bytes || i.thread == 0) {
        return RL_DAMAGED;
    }
    *info = i;
    return RL_OK;
}

void slot_info_put(uint8_t at[RL_SLOT_HEADER_BYTES], const struct chunk_info *info)
{
    put32(at + RL_SL_THREAD, info->thread);
    put64(at + RL_SL_CHUNK, info->chunk);
    put64(at + RL_SL_FIRST_SEQ, info->first_seq);
    put64(at + RL_SL_FIRST_CALL, info->first_call);
    put64(at + RL_SL_TICKS, info->ticks0);
    put64(at + RL_SL_MONO, info->mono0);
    put64(at + RL_SL_TOP, info->top);
    put64(at + RL_SL_NAME, info->name);
}

void slot_info_get(const uint8_t *at, struct chunk_info *info)
{
    memset(info, 0, sizeof *info);
    info->thread = get32(at + RL_SL_THREAD);
    info->chunk = get64(at + RL_SL_CHUNK);
    info->first_seq = get64(at + RL_SL_FIRST_SEQ);
    info->first_call = get64(at + RL_SL_FIRST_CALL);
    info->ticks0 = get64(at + RL_SL_TICKS);
    info->mono0 = get64(at + RL_SL_MONO);
    info->top = get64(at + RL_SL_TOP);
    info->name = get32(at + RL_SL_NAME);
}

/* Takes the payload of a row whose first unit was taken. That of a DATA row begins in the row
 * itself, at its frame field. */
static rl_status take_payload(struct rows *rows, const uint8_t *row, uint32_t len, struct rec *rec)
{
    if (len > bytes_left(&rows->in) + RL_ROW_BYTES ||
        bytes_take(&rows->in, (row_units(rec->kind, len) - 1) * (size_t)RL_ROW_BYTES) == NULL) {
        return RL_DAMAGED;
    }
    rec->data = row + (rec->kind == RL_ROW_DATA ? RL_ROW_FRAME : RL_ROW_BYTES);
    rec->data_len = len;
    return RL_OK;
}

/* Completes a record by an event's row. The prefixes before it are taken. */
static rl_status take_event_row(struct rows *rows, struct rec *rec, uint32_t ticks, uint64_t frame,
                                uint64_t foreign)
{
    rec->ticks = rows->base + ticks;
    rec->frame = frame;
    rec->has_switch = (uint8_t)rows->has_switch;
    rec->switch_to = rows->switch_to;
    rows->has_switch = 0;
    rows->switch_to = 0;
    if (kind_has_line(rec->kind)) {
        rec->line = (uint32_t)(frame >> RL_FRAME_ORDINAL_BITS);
        rec->frame = foreign != 0 ? foreign : RL_FRAME(rows->thread, frame & RL_FRAME_ORDINAL_MASK);
    }
    return rec->kind != 0 && rec->kind < RL_EVENT_KINDS ? RL_OK : RL_DAMAGED;
}

rl_status rows_next(struct rows *rows, struct rec *rec)
{
    uint64_t foreign = 0;
    memset(rec, 0, sizeof *rec);
    for (;;) {
        if (bytes_left(&rows->in) == 0) {
            return RL_END;
        }
        const uint8_t *row = bytes_take(&rows->in, RL_ROW_BYTES);
        if (row == NULL) {
            return RL_DAMAGED;
        }
        uint32_t ticks = get32(row + RL_ROW_TICKS);
        uint32_t word = get32(row + RL_ROW_KIND);
        uint64_t frame = get64(row + RL_ROW_FRAME);
        rec->kind = (uint8_t)(word >> RL_ID_BITS);
        rec->id = word & RL_ID_MAX;
        switch (rec->kind) {
        case RL_ROW_TIME:
            rows->base = frame;
            continue;
        case RL_ROW_SWITCH:
            rows->has_switch = 1;
            rows->switch_to = frame;
            continue;
        case RL_ROW_EXC:
            rec->exc = rec->id;
            rec->line = ticks;
            continue;
        case RL_ROW_FOREIGN:
            foreign = frame;
            continue;
        case RL_ROW_DATA:
            if (ticks == 0 || take_payload(rows, row, ticks, rec) != RL_OK) {
                return RL_DAMAGED;
            }
            continue;
        case RL_ROW_DEF_STRING:
        case RL_ROW_DEF_CODE:
            return take_payload(rows, row, ticks, rec);
        default:
            return take_event_row(rows, rec, ticks, frame, foreign);
        }
    }
}

void token_state_fini(struct token_state *state)
{
    rl_free(state->stack.items);
    memset(state, 0, sizeof *state);
}

/* Begins a chunk: no frame is open, and all distances count from what its prefix says. */
static void token_state_begin(struct token_state *state, const struct chunk_info *info)
{
    state->stack.count = 0;
    state->thread = info->thread;
    state->next_frame = RL_FRAME(info->thread, info->first_call);
    state->last_frame = state->next_frame;
    state->last_ticks = info->ticks0;
}

/* Makes room for one more frame. Returns -1 without memory. */
static int frame_stack_grow(struct frame_stack *stack)
{
    void *items = stack->items;
    if (rl_grow(&items, &stack->cap, stack->count + 1, sizeof *stack->items) != 0) {
        return -1;
    }
    stack->items = items;
    return 0;
}

/* Takes a frame out of the stack, wherever it is. Frames above it stay: a switch may have moved it.
 */
static void frame_stack_remove(struct frame_stack *stack, uint64_t frame)
{
    for (size_t i = stack->count; i-- > 0;) {
        if (stack->items[i].frame == frame) {
            memmove(&stack->items[i], &stack->items[i + 1],
                    (stack->count - i - 1) * sizeof *stack->items);
            stack->count--;
            return;
        }
    }
}

static int frame_stack_push(struct frame_stack *stack, uint64_t frame, uint32_t id)
{
    if (stack->count == stack->cap && frame_stack_grow(stack) != 0) {
        return -1;
    }
    stack->items[stack->count++] = (struct frame_ref){frame, id, 0};
    return 0;
}

/* Returns whether the innermost frame is this one, so that an exit need not name it. */
static int frame_stack_top_is(const struct frame_stack *stack, uint64_t frame, uint32_t id)
{
    return stack->count != 0 && stack->items[stack->count - 1].frame == frame &&
           stack->items[stack->count - 1].id == id;
}

/* Advances the state by an event that is written in full. Encoder and decoder both call this. */
static int token_after_explicit(struct token_state *state, const struct rec *rec)
{
    state->last_frame = rec->frame;
    if (kind_begins(rec->kind) && rec->frame == state->next_frame) {
        state->next_frame++;
    }
    if (kind_enters(rec->kind)) {
        return frame_stack_push(&state->stack, rec->frame, rec->id);
    }
    if (kind_leaves(rec->kind)) {
        frame_stack_remove(&state->stack, rec->frame);
    }
    return 0;
}

void chunk_maker_fini(struct chunk_maker *maker)
{
    token_state_fini(&maker->state);
    bytes_out_fini(&maker->tokens);
    bytes_out_fini(&maker->times);
    bytes_out_fini(&maker->values);
}

void chunk_maker_begin(struct chunk_maker *maker, const struct chunk_info *info)
{
    maker->info = *info;
    maker->info.events = 0;
    bytes_out_reset(&maker->tokens);
    bytes_out_reset(&maker->times);
    bytes_out_reset(&maker->values);
    token_state_begin(&maker->state, info);
}

/* Writes the token of an event at *at, and moves *at behind it. Returns nonzero without memory. */
static int put_event_token(uint8_t **at, struct token_state *state, const struct rec *rec)
{
    uint8_t *p = *at;
    int failed = 0;
    if (rec->has_switch) {
        p = put_token(p, RL_OP_PREFIX, 0);
        p = put_frame(p, state->last_frame, rec->switch_to);
        state->last_frame = rec->switch_to;
    }
    p = put_prefixes(p, rec);
    if (rec->kind == RL_EVENT_CALL && rec->frame == state->next_frame) {
        p = put_token(p, RL_OP_CALL, rec->id);
        state->next_frame++;
        failed = frame_stack_push(&state->stack, rec->frame, rec->id);
    } else if ((rec->kind == RL_EVENT_RETURN || rec->kind == RL_EVENT_YIELD ||
                rec->kind == RL_EVENT_UNWIND) &&
               frame_stack_top_is(&state->stack, rec->frame, rec->id)) {
        p = put_token(p,
                      rec->kind == RL_EVENT_RETURN  ? RL_OP_RETURN
                      : rec->kind == RL_EVENT_YIELD ? RL_OP_YIELD
                                                    : RL_OP_UNWIND,
                      0);
        state->stack.count--;
    } else if (rec->kind == RL_EVENT_RESUME) {
        p = put_token(p, RL_OP_RESUME, rec->id);
        p = put_frame(p, state->last_frame, rec->frame);
        failed = token_after_explicit(state, rec);
    } else if (rec->kind >= RL_EVENT_C_CALL && rec->kind <= RL_EVENT_C_RAISE &&
               state->stack.count != 0 &&
               state->stack.items[state->stack.count - 1].frame == rec->frame) {
        p = put_native_token(p, rec);
    } else if (kind_has_line(rec->kind) && frame_stack_top_is(&state->stack, rec->frame, rec->id)) {
        p = put_line_token(p, &state->stack.items[state->stack.count - 1], rec);
    } else {
        p = put_explicit(p, state->last_frame, rec);
        failed = token_after_explicit(state, rec);
    }
    *at = p;
    return failed;
}

/* Writes an event to the room. Nonzero without memory: the chunk is lost then. */
static int put_event(struct chunk_maker *maker, struct token_room *room, const struct rec *rec)
{
    if (put_event_token(&room->token, &maker->state, rec) != 0) {
        return -1;
    }
    if (rec->data_len != 0) {
        put_values(&maker->values, rec->data, rec->data_len);
    }
    room->time = put_number(room->time, rec->ticks - maker->state.last_ticks);
    maker->state.last_ticks = rec->ticks;
    return 0;
}

rl_status chunk_maker_add(struct chunk_maker *maker, const struct rec *rec)
{
    struct token_room room;
    if (rec->kind >= RL_EVENT_KINDS) {
        return RL_OK;
    }
    if (chunk_maker_room(maker, 1, &room) != 0 || put_event(maker, &room, rec) != 0) {
        return RL_NOMEM;
    }
    chunk_maker_fill(maker, &room, 1);
    return RL_OK;
}

rl_status chunk_maker_end(struct chunk_maker *maker, const uint8_t **data, size_t *len)
{
    maker->info.token_bytes = (uint32_t)maker->tokens.len;
    maker->info.time_bytes = (uint32_t)maker->times.len;
    maker->info.value_bytes = (uint32_t)maker->values.len;
    bytes_put(&maker->tokens, maker->times.data, maker->times.len);
    bytes_put(&maker->tokens, maker->values.data, maker->values.len);
    if (maker->tokens.failed || maker->times.failed || maker->values.failed) {
        return RL_NOMEM;
    }
    *data = maker->tokens.data;
    *len = maker->tokens.len;
    return RL_OK;
}

void tokens_fini(struct tokens *tokens)
{
    token_state_fini(&tokens->state);
}

void tokens_begin(struct tokens *tokens, const struct chunk_info *info, const uint8_t *data)
{
    tokens->tokens = bytes_in_of(data, info->token_bytes);
    tokens->times = bytes_in_of(data + info->token_bytes, info->time_bytes);
    tokens->values = bytes_in_of(data + info->token_bytes + info->time_bytes, info->value_bytes);
    tokens->left = info->events;
    token_state_begin(&tokens->state, info);
}

/* Reads a frame that put_frame() wrote. */
static uint64_t take_frame(struct tokens *tokens)
{
    uint64_t delta = bytes_varint(&tokens->tokens);
    return tokens->state.last_frame + (uint64_t)unzigzag(delta);
}

/* Returns the id, or sets `bad`, which ends the chunk, where no recorder writes such an id. */
static uint32_t take_id(struct tokens *tokens, uint64_t value)
{
    if (value > RL_ID_MAX) {
        tokens->tokens.bad = 1;
        return 0;
    }
    return (uint32_t)value;
}

/* Decodes operation 7, a prefix of the next event. */
static void take_prefix(struct tokens *tokens, struct rec *rec, uint64_t which)
{
    if (which == 0) {
        rec->has_switch = 1;
        rec->switch_to = take_frame(tokens);
        tokens->state.last_frame = rec->switch_to;
    } else if (which == 1) {
        rec->exc = take_id(tokens, bytes_varint(&tokens->tokens));
        rec->line = (uint32_t)bytes_varint(&tokens->tokens);
    } else if (which == 2) {
        uint64_t len = bytes_varint(&tokens->values);
        rec->data =
            len <= bytes_left(&tokens->values) ? bytes_take(&tokens->values, (size_t)len) : NULL;
        rec->data_len = (uint32_t)len;
        tokens->tokens.bad |= rec->data == NULL || len == 0;
    } else {
        tokens->tokens.bad = 1;
    }
}

/* Decodes operation 6: an event of C code, a line or a write in the innermost frame. */
static void take_in_frame(struct tokens *tokens, struct rec *rec, uint64_t value)
{
    struct frame_stack *stack = &tokens->state.stack;
    if (stack->count == 0) {
        tokens->tokens.bad = 1;
        return;
    }
    struct frame_ref *top = &stack->items[stack->count - 1];
    rec->frame = top->frame;
    if ((value & 3) != 3) {
        rec->kind = (uint8_t)(RL_EVENT_C_CALL + (value & 3));
        rec->id = take_id(tokens, value >> 2);
        return;
    }
    rec->kind = value & 4 ? RL_EVENT_WRITE : RL_EVENT_LINE;
    rec->id = top->id;
    top->line += (uint32_t)unzigzag(value >> 3);
    rec->line = top->line;
}

/* Decodes an exit of the innermost frame (operations 1 to 3). Never without memory: returns 0. */
static int take_implicit_exit(struct tokens *tokens, struct rec *rec, uint8_t kind)
{
    struct frame_stack *stack = &tokens->state.stack;
    if (stack->count == 0) {
        tokens->tokens.bad = 1;
        return 0;
    }
    rec->kind = kind;
    rec->frame = stack->items[stack->count - 1].frame;
    rec->id = stack->items[stack->count - 1].id;
    stack->count--;
    return 0;
}

/* Decodes everything of one event but its time. Returns nonzero without memory. */
static int take_event(struct tokens *tokens, struct rec *rec, unsigned op, uint64_t value)
{
    struct token_state *state = &tokens->state;
    switch (op) {
    case RL_OP_CALL:
        rec->kind = RL_EVENT_CALL;
        rec->id = take_id(tokens, value);
        rec->frame = state->next_frame++;
        return frame_stack_push(&state->stack, rec->frame, rec->id);
    case RL_OP_RETURN:
        return take_implicit_exit(tokens, rec, RL_EVENT_RETURN);
    case RL_OP_YIELD:
        return take_implicit_exit(tokens, rec, RL_EVENT_YIELD);
    case RL_OP_UNWIND:
        return take_implicit_exit(tokens, rec, RL_EVENT_UNWIND);
    case RL_OP_RESUME:
        rec->kind = RL_EVENT_RESUME;
        rec->id = take_id(tokens, value);
        rec->frame = take_frame(tokens);
        return token_after_explicit(state, rec);
    case RL_OP_NATIVE:
        take_in_frame(tokens, rec, value);
        return 0;
    default:
        if (value == 0 || value >= RL_EVENT_KINDS) {
            tokens->tokens.bad = 1;
            return 0;
        }
        rec->kind = (uint8_t)value;
        rec->id = take_id(tokens, bytes_varint(&tokens->tokens));
        rec->frame = take_frame(tokens);
        rec->line = kind_has_line(rec->kind) ? (uint32_t)bytes_varint(&tokens->tokens) : rec->line;
        return token_after_explicit(state, rec);
    }
}

rl_status tokens_next(struct tokens *tokens, struct rec *rec)
{
    if (tokens->left == 0) {
        return bytes_left(&tokens->tokens) == 0 && bytes_left(&tokens->times) == 0 &&
                       bytes_left(&tokens->values) == 0
                   ? RL_END
                   : RL_DAMAGED;
    }
    memset(rec, 0, sizeof *rec);
    uint64_t token = bytes_varint(&tokens->tokens);
    while ((token & 7) == RL_OP_PREFIX && !tokens->tokens.bad) {
        take_prefix(tokens, rec, token >> 3);
        token = bytes_varint(&tokens->tokens);
    }
    if (take_event(tokens, rec, (unsigned)(token & 7), token >> 3) != 0) {
        return RL_NOMEM;
    }
    rec->ticks = tokens->state.last_ticks + bytes_varint(&tokens->times);
    if (tokens->tokens.bad || tokens->times.bad) {
        return RL_DAMAGED;
    }
    tokens->state.last_ticks = rec->ticks;
    tokens->left--;
    return RL_OK;
}
