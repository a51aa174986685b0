#include "testing.h"

#include "after_exception.h"
#include "alloc.h"
#include "block.h"
#include "header.h"
#include "rec.h"
#include "string_table.h"
#include "summary.h"
#include "value.h"

static uint64_t seed = 42;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* A stream that a thread could write, with generators, greenlet switches and lost frames. */
static size_t make_stream(struct rec *recs, size_t n)
{
    static const uint8_t values[16] = {RL_VALUE_NONE, RL_VALUE_SMALL_ZERO, RL_VALUE_TRUE};
    uint64_t stack[64], suspended[8] = {0}, next = RL_FRAME(3, 10), ticks = 1000;
    uint32_t ids[64];
    size_t depth = 0;
    for (size_t i = 0; i < n; i++) {
        struct rec *r = &recs[i];
        memset(r, 0, sizeof *r);
        ticks += random_below(100000);
        r->ticks = ticks;
        uint32_t what = random_below(15);
        if (what < 4 && depth < 60) {
            *r = (struct rec){.kind = RL_EVENT_CALL, .id = random_below(50), .frame = next++};
            stack[depth] = r->frame;
            ids[depth++] = r->id;
        } else if (what < 7 && depth > 0) {
            uint32_t at = what == 6 ? random_below((uint32_t)depth) : (uint32_t)depth - 1;
            r->kind = what == 5 ? RL_EVENT_UNWIND : RL_EVENT_RETURN;
            r->exc = what == 5 ? random_below(9) : 0;
            r->line = r->exc;
            r->frame = stack[at];
            r->id = ids[at];
            memmove(&stack[at], &stack[at + 1], (depth - at - 1) * sizeof *stack);
            memmove(&ids[at], &ids[at + 1], (depth - at - 1) * sizeof *ids);
            depth--;
        } else if (what == 7 && depth > 0) {
            *r = (struct rec){
                .kind = RL_EVENT_YIELD, .frame = stack[depth - 1], .id = ids[depth - 1]};
            suspended[random_below(8)] = r->frame;
            depth--;
        } else if (what == 8 && depth < 60 && suspended[0] != 0) {
            *r = (struct rec){.kind = RL_EVENT_RESUME, .frame = suspended[0], .id = 5};
            stack[depth] = r->frame;
            ids[depth++] = 5;
            suspended[0] = 0;
        } else if (what == 9 && depth > 0) {
            *r = (struct rec){.kind = (uint8_t)(RL_EVENT_C_CALL + random_below(3)),
                              .id = random_below(50),
                              .frame = stack[depth - 1]};
        } else if (what >= 12 && depth > 0) {
            uint32_t at = what == 14 ? random_below((uint32_t)depth) : (uint32_t)depth - 1;
            *r = (struct rec){.kind = what == 12 ? RL_EVENT_WRITE : RL_EVENT_LINE,
                              .id = ids[at],
                              .frame = stack[at],
                              .line = random_below(3000)};
        } else {
            *r = (struct rec){.kind = RL_EVENT_MARK, .id = 1, .frame = random_below(5)};
            r->has_switch = (uint8_t)random_below(2);
            r->switch_to = r->has_switch ? RL_FRAME(3, random_below(9)) : 0;
        }
        if (random_below(3) == 0) {
            r->data = values;
            r->data_len = 1 + random_below(sizeof values);
        }
        r->ticks = ticks;
    }
    return n;
}

static void tokens_give_back_every_record(void **state)
{
    (void)state;
    enum { N = 5000 };
    static struct rec recs[N];
    make_stream(recs, N);
    struct chunk_info info = {.thread = 3, .first_call = 10, .ticks0 = 900};
    struct chunk_maker maker = {0};
    const uint8_t *data;
    size_t len;
    chunk_maker_begin(&maker, &info);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(chunk_maker_add(&maker, &recs[i]), RL_OK);
    }
    assert_int_equal(chunk_maker_end(&maker, &data, &len), RL_OK);
    assert_int_equal(maker.info.events, N);
    struct tokens tokens = {0};
    struct rec rec;
    tokens_begin(&tokens, &maker.info, data);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(tokens_next(&tokens, &rec), RL_OK);
        assert_int_equal(rec.data_len, recs[i].data_len);
        if (rec.data_len != 0) {
            assert_memory_equal(rec.data, recs[i].data, rec.data_len);
        }
        rec.data = recs[i].data;
        assert_memory_equal(&rec, &recs[i], sizeof rec);
    }
    assert_int_equal(tokens_next(&tokens, &rec), RL_END);
    tokens_fini(&tokens);
    chunk_maker_fini(&maker);
}

/* Operations 0 call, 1 return and 5 in full, as docs/format.md writes them. */
static void an_exit_needs_an_open_frame(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        4 << 3 | RL_OP_CALL,
        5 << 3 | RL_OP_CALL,
        RL_EVENT_RETURN << 3 | RL_OP_EXPLICIT,
        4,
        0, /* the outer frame, which is left first: the frame of the chunk's first call */
        RL_OP_RETURN,
        RL_OP_RETURN,
        1,
        1,
        1,
        1,
        1, /* times */
    };
    const struct chunk_info info = {
        .thread = 3, .first_call = 10, .events = 5, .token_bytes = 7, .time_bytes = 5};
    const uint64_t frames[] = {RL_FRAME(3, 10), RL_FRAME(3, 11), RL_FRAME(3, 10), RL_FRAME(3, 11)};
    struct tokens tokens = {0};
    struct rec rec;
    tokens_begin(&tokens, &info, bytes);
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        assert_int_equal(tokens_next(&tokens, &rec), RL_OK);
        assert_true(rec.frame == frames[i]);
    }
    assert_int_equal(tokens_next(&tokens, &rec), RL_DAMAGED);
    tokens_fini(&tokens);
}

static void bytes_behind_the_last_event_are_damage(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {4 << 3 | RL_OP_CALL, 0, 0};
    struct chunk_info info = {.thread = 3, .events = 1, .token_bytes = 1, .time_bytes = 1};
    for (int extra = 0; extra <= 1; extra++) {
        struct tokens tokens = {0};
        struct rec rec;
        info.value_bytes = (uint32_t)extra;
        tokens_begin(&tokens, &info, bytes);
        assert_int_equal(tokens_next(&tokens, &rec), RL_OK);
        assert_int_equal(tokens_next(&tokens, &rec), extra ? RL_DAMAGED : RL_END);
        tokens_fini(&tokens);
    }
}

static void blocks_refuse_what_was_changed(void **state)
{
    (void)state;
    struct block_coder *coder = block_coder_new();
    struct bytes_out out = {0}, raw = {0};
    struct block_header header;
    const char text[] = "the same words again and again and again and again and again";
    const struct block_parts parts = {.first = sizeof text};
    assert_int_equal(block_seal(coder, RL_BLOCK_DICT, "pre", 3, text, &parts, &out), RL_OK);
    assert_int_equal(block_header_get(out.data, &header), RL_OK);
    assert_int_equal(block_span(&header), out.len);
    assert_int_equal(block_unpack(coder, &header, out.data + RL_BLOCK_HEADER_BYTES, &raw), RL_OK);
    assert_string_equal((const char *)raw.data, text);
    for (size_t i = 0; i < RL_BLOCK_HEADER_BYTES + header.stored; i++) {
        out.data[i] ^= 0x20;
        rl_status status = block_header_get(out.data, &header);
        if (status == RL_OK) {
            status = block_unpack(coder, &header, out.data + RL_BLOCK_HEADER_BYTES, &raw);
        }
        assert_int_equal(status, RL_DAMAGED);
        out.data[i] ^= 0x20;
        assert_int_equal(block_header_get(out.data, &header), RL_OK);
    }
    header.raw++; /* room for more than there is */
    assert_int_equal(block_unpack(coder, &header, out.data + RL_BLOCK_HEADER_BYTES, &raw),
                     RL_DAMAGED);
    bytes_out_fini(&out);
    bytes_out_fini(&raw);
    block_coder_free(coder);
}

/* Puts what repeats, or random bytes of 16 kinds. */
static void put_part(struct bytes_out *out, size_t len, int is_noise)
{
    uint32_t random = 1;
    for (size_t i = 0; i < len; i++) {
        random = random * 1664525u + 1013904223u;
        uint8_t byte = (uint8_t)(is_noise ? random >> 28 : i / 50);
        bytes_put(out, &byte, 1);
    }
}

static void the_parts_of_a_block_come_back_as_one(void **state)
{
    (void)state;
    enum { PART = 9000, HALF = PART / 2, LITTLE = 1000 };
    struct block_coder *coder = block_coder_new();
    struct block_header header;
    for (unsigned full = 1; full < 8; full++) {
        const struct block_parts parts = {full & 1 ? PART : 0, full & 2 ? PART : 0,
                                          full & 4 ? PART : 0};
        struct bytes_out given = {0}, out = {0}, raw = {0};
        put_part(&given, parts.first, 0);
        put_part(&given, parts.noise, 1);
        put_part(&given, parts.last, 0);
        assert_int_equal(block_seal(coder, RL_BLOCK_CHUNK, NULL, 0, given.data, &parts, &out),
                         RL_OK);
        assert_int_equal(block_header_get(out.data, &header), RL_OK);
        assert_true(header.stored < (full & 2 ? HALF : 0) + LITTLE); /* a byte of 16 is 4 bits */
        assert_int_equal(block_unpack(coder, &header, out.data + RL_BLOCK_HEADER_BYTES, &raw),
                         RL_OK);
        assert_int_equal(raw.len, given.len);
        assert_memory_equal(raw.data, given.data, raw.len);
        bytes_out_fini(&given);
        bytes_out_fini(&out);
        bytes_out_fini(&raw);
    }
    block_coder_free(coder);
}

static void headers_name_what_is_wrong(void **state)
{
    (void)state;
    uint8_t bytes[RL_FILE_HEADER_BYTES];
    struct file_header header = {.pid = 77, .child = 3, .tick_hz = 1000000000}, back;
    struct rl_err err;
    file_header_put(bytes, &header);
    assert_int_equal(file_header_get(bytes, sizeof bytes, &back, &err), RL_OK);
    assert_true(back.pid == 77 && back.child == 3);
    assert_int_equal(file_header_get(bytes, 100, &back, &err), RL_DAMAGED);
    assert_int_equal(file_header_get(bytes, 3, &back, &err), RL_NOT_RECORDING);
    bytes[RL_FH_VERSION] = 9;
    assert_int_equal(file_header_get(bytes, sizeof bytes, &back, &err), RL_NEWER);
    assert_non_null(strstr(err.text, "format 9"));
    bytes[RL_FH_VERSION] = 1;
    bytes[RL_FH_PID] ^= 1;
    assert_int_equal(file_header_get(bytes, sizeof bytes, &back, &err), RL_DAMAGED);
}

static void prefixes_stay_within_their_blocks(void **state)
{
    (void)state;
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    struct block_header header = {.type = RL_BLOCK_META, .stored = 8, .prefix = 8}, back;
    block_header_put(bytes, &header);
    assert_int_equal(block_header_get(bytes, &back), RL_OK);
    header.prefix = 9;
    block_header_put(bytes, &header);
    assert_int_equal(block_header_get(bytes, &back), RL_DAMAGED);
}

/* Each event has at least a byte of tokens and one of times; threads count from 1. */
static void chunks_that_contradict_themselves_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[RL_CHUNK_PREFIX_BYTES];
    const struct chunk_info good = {.thread = 1, .events = 3, .token_bytes = 3, .time_bytes = 3};
    struct chunk_info changed[] = {good, good, good, good}, back;
    changed[0].thread = 0;
    changed[1].token_bytes = 2;
    changed[2].time_bytes = 2;
    changed[3].value_bytes = 1;
    chunk_info_put(bytes, &good);
    assert_int_equal(chunk_info_get(bytes, sizeof bytes, 6, &back), RL_OK);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        uint32_t raw = changed[i].token_bytes + changed[i].time_bytes;
        chunk_info_put(bytes, &changed[i]);
        assert_int_equal(chunk_info_get(bytes, sizeof bytes, raw, &back), RL_DAMAGED);
    }
}

static void definitions_keep_900_names(void **state)
{
    (void)state;
    static uint32_t names[CODE_NAMES_MAX];
    static uint8_t bytes[CODE_DEF_MAX];
    assert_int_equal(CODE_NAMES_MAX, 900); /* so many are kept */
    for (uint32_t i = 0; i < CODE_NAMES_MAX; i++) {
        names[i] = i + 1;
    }
    struct code_def def = {.module = 1, .args = 2, .name_count = CODE_NAMES_MAX, .names = names};
    struct code_def back;
    static uint32_t again[CODE_NAMES_MAX];
    size_t len = code_def_put(bytes, &def);
    assert_int_equal(code_def_get(bytes, len, again, &back), RL_OK);
    assert_int_equal(back.names[CODE_NAMES_MAX - 1], CODE_NAMES_MAX);
    def.name_count = 1; /* and two parameters */
    len = code_def_put(bytes, &def);
    assert_int_equal(code_def_get(bytes, len, again, &back), RL_DAMAGED);
}

static void rows_of_no_kind_are_damage(void **state)
{
    (void)state;
    uint8_t row[RL_ROW_BYTES] = {0};
    const struct chunk_info info = {.thread = 1};
    struct rows rows = rows_of(&info, row, sizeof row);
    struct rec rec;
    assert_int_equal(rows_next(&rows, &rec), RL_DAMAGED);
}

/* A line has 24 bits for the ordinal of its frame, so a frame of another thread has its own row. */
static void a_line_in_a_frame_of_another_thread_has_that_frame(void **state)
{
    (void)state;
    uint8_t bytes[2 * RL_ROW_BYTES] = {0}, *line = bytes + RL_ROW_BYTES;
    const struct chunk_info info = {.thread = 1};
    const uint64_t foreign = RL_FRAME(9, 44);
    struct rec rec;
    put32(bytes + RL_ROW_KIND, (uint32_t)RL_ROW_FOREIGN << RL_ID_BITS);
    put64(bytes + RL_ROW_FRAME, foreign);
    put32(line + RL_ROW_KIND, (uint32_t)RL_EVENT_LINE << RL_ID_BITS | 5);
    put64(line + RL_ROW_FRAME, UINT64_C(70) << RL_FRAME_ORDINAL_BITS | 44);
    for (size_t skip = 0; skip <= RL_ROW_BYTES; skip += RL_ROW_BYTES) {
        struct rows rows = rows_of(&info, bytes + skip, sizeof bytes - skip);
        assert_int_equal(rows_next(&rows, &rec), RL_OK);
        assert_int_equal(rec.line, 70);
        assert_true(rec.frame == (skip ? RL_FRAME(1, 44) : foreign));
    }
}

static void a_handler_is_one_that_the_format_knows(void **state)
{
    (void)state;
    const uint8_t known[] = {RL_HANDLER_BREAK, 12}, unknown[] = {RL_HANDLER_BREAK + 1, 12};
    struct after_exception after =
        after_exception_rest(RL_EVENT_HANDLED, 0, bytes_in_of(known, sizeof known));
    assert_true(after.handler == RL_HANDLER_BREAK && after.handler_line == 12);
    after = after_exception_rest(RL_EVENT_HANDLED, 0, bytes_in_of(unknown, sizeof unknown));
    assert_true(after.handler == 0 && after.handler_line == 0);
}

static void rows_claim_no_more_bytes_than_are_left(void **state)
{
    (void)state;
    static const uint32_t kinds[] = {RL_ROW_DATA, RL_ROW_DEF_STRING, RL_ROW_DEF_CODE};
    static const uint32_t claims[] = {25, 100, 0x7fffffff, 0xfffffff8, 0xffffffff};
    uint8_t bytes[2 * RL_ROW_BYTES] = {0};
    const struct chunk_info info = {.thread = 1};
    struct rec rec;
    for (size_t k = 0; k < 3; k++) {
        put32(bytes + RL_ROW_KIND, kinds[k] << RL_ID_BITS | 1);
        for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
            put32(bytes + RL_ROW_TICKS, claims[i]);
            struct rows rows = rows_of(&info, bytes, sizeof bytes);
            assert_int_equal(rows_next(&rows, &rec), RL_DAMAGED);
        }
    }
    put32(bytes + RL_ROW_TICKS, RL_ROW_BYTES); /* a definition that fits */
    struct rows rows = rows_of(&info, bytes, sizeof bytes);
    assert_int_equal(rows_next(&rows, &rec), RL_OK);
    assert_int_equal(rec.data_len, RL_ROW_BYTES);
    assert_ptr_equal(rec.data, bytes + RL_ROW_BYTES);
    assert_int_equal(rows_next(&rows, &rec), RL_END);
}

static void strings_survive_every_failed_allocation(void **state)
{
    (void)state;
    struct strings strings = {0};
    assert_int_equal(strings_get(&strings, 7).len, 1); /* "?" */
    unsigned added = 0;
    for (unsigned nth = 1; added < 100; nth++) {
        rl_alloc_fail_at(nth % 3, 0);
        uint32_t id = 1000 - added;
        int failed = strings_add(&strings, id, "abcdef", added % 7) != 0;
        rl_alloc_fail_at(0, 0);
        assert_int_equal(strings_has(&strings, id), !failed);
        assert_int_equal(strings.count, strings.by_id.count);
        added += !failed;
    }
    for (unsigned i = 0; i < added; i++) {
        assert_int_equal(strings_get(&strings, 1000 - i).len, i % 7);
    }
    strings_fini(&strings);
    assert_false(strings_has(&strings, 1000));
}

static void values_show_no_more_than_they_have(void **state)
{
    (void)state;
    uint8_t list[12] = {[0] = RL_VALUE_LIST, [7] = 1, [8] = 2, [9] = RL_VALUE_NONE};
    list[10] = RL_VALUE_NONE;
    struct bytes_in in = bytes_in_of(list, sizeof list);
    assert_int_equal(value_skip(&in), RL_DAMAGED);
    list[7] = 2;
    in = bytes_in_of(list, sizeof list);
    assert_int_equal(value_skip(&in), RL_OK);
}

static void meta_gives_whole_entries(void **state)
{
    (void)state;
    struct bytes_out out = {0};
    struct meta_entry entry;
    meta_entry_put(&out, "key", "value", 5);
    meta_entry_put(&out, "other", "", 0);
    struct bytes_in in = bytes_in_of(out.data, out.len);
    assert_true(meta_entry_get(&in, &entry) && entry.key_len == 3 && entry.value_len == 5);
    assert_true(meta_entry_get(&in, &entry) && entry.key_len == 5 && entry.value_len == 0);
    assert_false(meta_entry_get(&in, &entry) || in.bad);
    in = bytes_in_of(out.data, out.len - 1);
    assert_true(meta_entry_get(&in, &entry));
    assert_false(meta_entry_get(&in, &entry));
    assert_true(in.bad);
    bytes_out_fini(&out);
}

/* Whatever the bytes are, a value ends within them or is refused. */
static void values_stay_within_their_bytes(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t whole = 0;
    for (int round = 0; round < 200000; round++) {
        size_t len = 1 + random_below(sizeof bytes);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)random_below(random_below(2) != 0 ? 32 : 256);
        }
        struct bytes_in in = bytes_in_of(bytes, len);
        rl_status status = RL_OK;
        while ((status = value_skip(&in)) == RL_OK) {
            whole++;
            assert_true(in.at <= bytes + len);
        }
        assert_true(status == RL_END || status == RL_DAMAGED);
    }
    assert_true(whole > 1000);
    /* Nesting without an end: a list in a list in a list. */
    uint8_t nested[1000];
    for (size_t i = 0; i + 9 <= sizeof nested; i += 9) {
        memset(nested + i, 0, 9);
        nested[i] = RL_VALUE_LIST;
        nested[i + 7] = nested[i + 8] = 1;
    }
    struct bytes_in in = bytes_in_of(nested, sizeof nested / 9 * 9);
    assert_int_equal(value_skip(&in), RL_DAMAGED);
    /* With an end, the deepest that a reader takes and one more. */
    for (size_t depth = RL_VALUE_DEPTH_MAX; depth <= RL_VALUE_DEPTH_MAX + 1; depth++) {
        nested[depth * 9] = RL_VALUE_NONE;
        in = bytes_in_of(nested, depth * 9 + 1);
        assert_int_equal(value_skip(&in), depth == RL_VALUE_DEPTH_MAX ? RL_OK : RL_DAMAGED);
        nested[depth * 9] = RL_VALUE_LIST;
    }
}

static void summary_survives_its_bytes(void **state)
{
    (void)state;
    enum { N = 3000 };
    static struct rec recs[N];
    make_stream(recs, N);
    struct summary one = {0}, two = {0};
    struct chunk_info info = {.thread = 3, .first_call = 10};
    struct summary_lane *lane = summary_begin_chunk(&one, &info);
    for (size_t i = 0; i < N; i++) {
        summary_add(&one, lane, &recs[i]);
    }
    struct bytes_out out = {0}, again = {0};
    summary_end(&one, recs[N - 1].ticks + 1);
    summary_put(&out, &one);
    struct bytes_in in = bytes_in_of(out.data, out.len);
    assert_int_equal(summary_get(&in, &two), RL_OK);
    summary_put(&again, &two);
    assert_int_equal(out.len, again.len);
    assert_memory_equal(out.data, again.data, out.len);
    for (size_t cut = 0; cut < out.len; cut += 7) {
        struct summary part = {0};
        in = bytes_in_of(out.data, cut);
        assert_int_not_equal(summary_get(&in, &part), RL_OK);
        summary_fini(&part);
    }
    bytes_out_fini(&out);
    bytes_out_fini(&again);
    summary_fini(&one);
    summary_fini(&two);
}

/* Generators that go on below another caller, switches, recursion, frames that never end, a gap. */
static void times_add_up_whatever_the_order_of_events(void **state)
{
    (void)state;
    enum { N = 3000, ROUNDS = 40 };
    static struct rec recs[N];
    for (int round = 0; round < ROUNDS; round++) {
        make_stream(recs, N);
        struct summary summary = {0};
        struct chunk_info info = {.thread = 3, .events = N / 2, .ticks0 = 900};
        uint64_t end = recs[N - 1].ticks + 12345, selves = 0, most = end - info.ticks0;
        struct summary_lane *lane = NULL;
        for (size_t i = 0; i < N; i++) {
            if (i % (N / 2) == 0) {
                info.first_seq = i + (i != 0 && round % 2 == 1);
                lane = summary_begin_chunk(&summary, &info);
            }
            recs[i].id %= 5; /* few functions, so that each is often open more than once */
            summary_add(&summary, lane, &recs[i]);
        }
        summary_end(&summary, end);
        int is_open = summary.threads[0].last_ticks == end;
        assert_int_equal(summary.nodes[0].total, summary.threads[0].last_ticks - info.ticks0);
        for (size_t i = 0; i < summary.node_count; i++) {
            assert_true(summary.nodes[i].total >= summary.nodes[i].self);
            assert_true(summary.nodes[i].total <= most);
            assert_true(summary.details[i].open == 0 || is_open);
            selves += summary.nodes[i].self;
        }
        assert_int_equal(selves, summary.nodes[0].total);
        uint64_t own[64] = {0};
        for (size_t i = 1; i < summary.node_count; i++) {
            own[summary.nodes[i].function] += summary.nodes[i].self;
        }
        for (size_t i = 0; i < summary.function_count; i++) {
            assert_true(summary.functions[i].total >= own[i]);
            assert_true(summary.functions[i].total <= most);
        }
        summary_fini(&summary);
    }
}

static void open_frames_count_until_the_end_or_that_of_their_thread(void **state)
{
    (void)state;
    struct summary summary = {0};
    struct chunk_info info = {.thread = 1, .events = 2, .ticks0 = 100};
    struct rec call = {.kind = RL_EVENT_CALL, .id = 1, .frame = RL_FRAME(1, 1), .ticks = 110};
    struct summary_lane *lane = summary_begin_chunk(&summary, &info);
    summary_add(&summary, lane, &call);
    call.frame++;
    call.ticks = 120;
    summary_add(&summary, lane, &call); /* recursion: the outermost counts */
    info.thread = 2;
    lane = summary_begin_chunk(&summary, &info);
    call.frame = RL_FRAME(2, 1);
    summary_add(&summary, lane, &call);
    struct rec ended = {.kind = RL_EVENT_THREAD_END, .ticks = 150};
    summary_add(&summary, lane, &ended);
    summary_end(&summary, 1000);
    assert_int_equal(summary.nodes[1].total, 890);
    assert_int_equal(summary.nodes[1].self, 890);
    assert_int_equal(summary.details[1].open, 2);
    assert_int_equal(summary.nodes[3].total, 30);
    assert_int_equal(summary.details[3].open, 1);
    assert_int_equal(summary.functions[0].total, 920);
    assert_int_equal(summary.threads[0].last_ticks, 1000);
    assert_int_equal(summary.threads[1].last_ticks, 150);
    summary_fini(&summary);
}

static void a_generator_goes_on_where_it_was_suspended(void **state)
{
    (void)state;
    static const struct rec recs[] = {
        {.kind = RL_EVENT_CALL, .id = 1, .frame = RL_FRAME(1, 1), .ticks = 110},
        {.kind = RL_EVENT_CALL, .id = 2, .frame = RL_FRAME(1, 2), .ticks = 120},
        {.kind = RL_EVENT_YIELD, .id = 2, .frame = RL_FRAME(1, 2), .ticks = 130},
        {.kind = RL_EVENT_CALL, .id = 3, .frame = RL_FRAME(1, 3), .ticks = 140},
        {.kind = RL_EVENT_RESUME, .id = 2, .frame = RL_FRAME(1, 2), .ticks = 150},
        {.kind = RL_EVENT_RETURN, .id = 2, .frame = RL_FRAME(1, 2), .ticks = 170},
    };
    struct summary summary = {0};
    const struct chunk_info info = {.thread = 1, .events = 6, .ticks0 = 100};
    struct summary_lane *lane = summary_begin_chunk(&summary, &info);
    for (size_t i = 0; i < sizeof recs / sizeof *recs; i++) {
        summary_add(&summary, lane, &recs[i]);
    }
    summary_end(&summary, 200);
    assert_int_equal(summary.node_count, 4); /* the thread and three functions */
    assert_int_equal(summary.nodes[2].parent, 1);
    assert_int_equal(summary.nodes[2].self, 30); /* both parts, below the first caller */
    summary_fini(&summary);
}

static void after_a_gap_nobody_knows_which_frames_are_open(void **state)
{
    (void)state;
    struct summary summary = {0};
    struct chunk_info info = {.thread = 1, .events = 1, .ticks0 = 100};
    struct rec call = {.kind = RL_EVENT_CALL, .id = 1, .frame = RL_FRAME(1, 1), .ticks = 110};
    summary_add(&summary, summary_begin_chunk(&summary, &info), &call);
    info.first_seq = 7; /* six events are missing */
    info.chunk = 1;
    info.ticks0 = 200;
    call = (struct rec){.kind = RL_EVENT_CALL, .id = 2, .frame = RL_FRAME(1, 4), .ticks = 210};
    summary_add(&summary, summary_begin_chunk(&summary, &info), &call);
    summary_end(&summary, 300);
    assert_int_equal(summary.node_count, 3);
    assert_int_equal(summary.nodes[1].parent, 0);
    assert_int_equal(summary.nodes[2].parent, 0); /* not below the first one */
    assert_int_equal(summary.details[1].open, 0);
    assert_int_equal(summary.details[2].open, 1);
    summary_fini(&summary);
}

static void events_after_the_end_of_a_thread_are_harmless(void **state)
{
    (void)state;
    struct summary summary = {0};
    struct chunk_info info = {.thread = 3, .first_call = 10};
    struct rec end = {.kind = RL_EVENT_THREAD_END};
    struct rec call = {.kind = RL_EVENT_CALL, .id = 1, .frame = RL_FRAME(3, 10)};
    struct summary_lane *lane = summary_begin_chunk(&summary, &info);
    summary_add(&summary, lane, &end);
    summary_add(&summary, lane, &call);
    summary_add(&summary, lane, &end);
    info.chunk = 1;
    lane = summary_begin_chunk(&summary, &info);
    summary_add(&summary, lane, &call);
    assert_int_equal(summary.kinds[RL_EVENT_CALL], 2);
    summary_fini(&summary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_give_back_every_record),
        cmocka_unit_test(an_exit_needs_an_open_frame),
        cmocka_unit_test(bytes_behind_the_last_event_are_damage),
        cmocka_unit_test(blocks_refuse_what_was_changed),
        cmocka_unit_test(the_parts_of_a_block_come_back_as_one),
        cmocka_unit_test(headers_name_what_is_wrong),
        cmocka_unit_test(prefixes_stay_within_their_blocks),
        cmocka_unit_test(chunks_that_contradict_themselves_are_refused),
        cmocka_unit_test(definitions_keep_900_names),
        cmocka_unit_test(rows_of_no_kind_are_damage),
        cmocka_unit_test(a_line_in_a_frame_of_another_thread_has_that_frame),
        cmocka_unit_test(a_handler_is_one_that_the_format_knows),
        cmocka_unit_test(rows_claim_no_more_bytes_than_are_left),
        cmocka_unit_test(strings_survive_every_failed_allocation),
        cmocka_unit_test(values_show_no_more_than_they_have),
        cmocka_unit_test(meta_gives_whole_entries),
        cmocka_unit_test(values_stay_within_their_bytes),
        cmocka_unit_test(summary_survives_its_bytes),
        cmocka_unit_test(times_add_up_whatever_the_order_of_events),
        cmocka_unit_test(open_frames_count_until_the_end_or_that_of_their_thread),
        cmocka_unit_test(a_generator_goes_on_where_it_was_suspended),
        cmocka_unit_test(after_a_gap_nobody_knows_which_frames_are_open),
        cmocka_unit_test(events_after_the_end_of_a_thread_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
