/* The walk over a slot against two slow walks (slow_walk.h): the bytes of each chunk, and those of
 * the summary. A chunk that did not get into the file leaves no trace in the summary. */
#include "slow_walk.h"

#include <dirent.h>

#include "reader_open.h"
#include "slot_walk.h"
#include "walk.h"

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* ---- both walks side by side ---- */

struct both {
    struct chunk_maker maker;
    struct summary summary;
    struct slow_chunk chunk;
    struct slow_summary slow;
    uint64_t end;       /* ticks behind all events */
    size_t chunk_count; /* chunks that count */
};

/* Walks a slot in both ways. The chunk counts where it is_kept. */
static void walk_slot(struct both *both, const struct chunk_info *info,
                      const struct bytes_out *rows, int is_kept)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    rl_status expected = slow_chunk_make(&both->chunk, info, rows->data, rows->len);
    rl_status status = slot_walk(info, rows->data, rows->len, &both->maker, &both->summary);
    assert_int_equal(status, expected == RL_END ? RL_OK : expected);
    if (status == RL_OK) {
        const struct slow_chunk *chunk = &both->chunk;
        assert_int_equal(chunk_maker_end(&both->maker, &data, &len), RL_OK);
        assert_int_equal(both->maker.info.events, chunk->events);
        assert_int_equal(len, chunk->tokens.len + chunk->times.len + chunk->values.len);
        assert_memory_equal(data, chunk->tokens.data, chunk->tokens.len);
        assert_memory_equal(data + chunk->tokens.len, chunk->times.data, chunk->times.len);
        assert_memory_equal(data + len - chunk->values.len, chunk->values.data, chunk->values.len);
    }
    if (status != RL_OK || both->chunk.events == 0 || !is_kept) {
        summary_take_back(&both->summary);
        return;
    }
    slow_count(&both->slow, info, both->chunk.events, rows->data, rows->len);
    both->end = both->chunk.last_ticks > both->end ? both->chunk.last_ticks : both->end;
    both->chunk_count++;
}

/* Compares the summaries and frees all. */
static void end_both(struct both *both)
{
    struct bytes_out made = {0}, expected = {0};
    assert_false(both->summary.failed);
    summary_end(&both->summary, both->end + 77);
    summary_put(&made, &both->summary);
    slow_end(&both->slow, both->end + 77, &expected);
    assert_int_equal(made.len, expected.len);
    assert_memory_equal(made.data, expected.data, made.len);
    bytes_out_fini(&made);
    bytes_out_fini(&expected);
    summary_fini(&both->summary);
    chunk_maker_fini(&both->maker);
    slow_chunk_fini(&both->chunk);
    slow_fini(&both->slow);
}

/* ---- rows ---- */

static void put_row(struct bytes_out *rows, uint32_t first, unsigned kind, uint32_t id,
                    uint64_t frame)
{
    uint8_t row[RL_ROW_BYTES];
    put32(row + RL_ROW_TICKS, first);
    put32(row + RL_ROW_KIND, (uint32_t)kind << RL_ID_BITS | id);
    put64(row + RL_ROW_FRAME, frame);
    bytes_put(rows, row, sizeof row);
}

/* Puts a row with a payload of `len` bytes: values, or a definition. */
static void put_payload(struct bytes_out *rows, unsigned kind, uint32_t id, const uint8_t *data,
                        uint32_t len)
{
    size_t end = rows->len + row_units(kind, len) * (size_t)RL_ROW_BYTES;
    put_row(rows, len, kind, id, 0);
    if (kind == RL_ROW_DATA) {
        rows->len -= RL_ROW_BYTES - RL_ROW_FRAME;
    }
    bytes_put(rows, data, len);
    while (rows->len < end) {
        bytes_put(rows, "", 1);
    }
}

/* Puts an event as a traced thread does: its prefixes, then its own row. */
static void put_rec(struct bytes_out *rows, struct chunk_info *info, const struct rec *rec)
{
    uint64_t frame = rec->frame;
    uint64_t ticks = rec->ticks - info->mono0; /* mono0: the base that rows count from */
    if (ticks > UINT32_MAX) {
        put_row(rows, 0, RL_ROW_TIME, 0, info->mono0 = rec->ticks);
        ticks = 0;
    }
    if (rec->has_switch) {
        put_row(rows, 0, RL_ROW_SWITCH, 0, rec->switch_to);
    }
    if (!kind_has_line(rec->kind) && (rec->exc != 0 || rec->line != 0)) {
        put_row(rows, rec->line, RL_ROW_EXC, rec->exc, 0);
    }
    if (kind_has_line(rec->kind)) {
        if (frame >> RL_FRAME_ORDINAL_BITS != info->thread) {
            put_row(rows, 0, RL_ROW_FOREIGN, 0, frame);
        }
        frame = (uint64_t)rec->line << RL_FRAME_ORDINAL_BITS | (frame & RL_FRAME_ORDINAL_MASK);
    }
    if (rec->data_len != 0) {
        put_payload(rows, RL_ROW_DATA, 0, rec->data, rec->data_len);
    }
    put_row(rows, (uint32_t)ticks, rec->kind, rec->id, frame);
}

/* ---- programs that a seed makes ---- */

enum { THREADS = 3, DEEPEST = 40, SLEEPING = 6 };

/* What a thread of such a program has open. */
struct program {
    struct chunk_info info; /* of its next chunk */
    struct {
        uint64_t frame;
        uint32_t id;
    } stack[DEEPEST], asleep[SLEEPING];
    size_t depth;
    uint64_t next, ticks, seq;
};

static const uint8_t payload[40] = {RL_VALUE_NONE, RL_VALUE_TRUE, RL_VALUE_SMALL_ZERO};

static void begin_program(struct program *program, uint32_t thread)
{
    memset(program, 0, sizeof *program);
    program->info.thread = thread;
    program->next = 10;
    program->ticks = 1000 + thread;
}

static void open_frame(struct program *program, struct rec *rec)
{
    program->stack[program->depth].frame = rec->frame;
    program->stack[program->depth++].id = rec->id;
}

static void close_frame(struct program *program, struct rec *rec, size_t at)
{
    rec->frame = program->stack[at].frame;
    rec->id = program->stack[at].id;
    memmove(&program->stack[at], &program->stack[at + 1],
            (program->depth - at - 1) * sizeof program->stack[0]);
    program->depth--;
}

/* Fills an event that needs no open frame, or is about the innermost one. */
static void make_other(struct program *program, struct rec *rec)
{
    static const uint8_t kinds[] = {RL_EVENT_RAISE,         RL_EVENT_HANDLED,    RL_EVENT_LINE,
                                    RL_EVENT_WRITE,         RL_EVENT_C_CALL,     RL_EVENT_C_RETURN,
                                    RL_EVENT_C_RAISE,       RL_EVENT_MARK,       RL_EVENT_GC,
                                    RL_EVENT_SESSION_START, RL_EVENT_TASK_SWITCH};
    size_t at = program->depth - 1 - (program->depth > 1 && random_below(9) == 0);
    rec->kind = kinds[random_below(sizeof kinds)];
    rec->id = random_below(20);
    if (program->depth != 0) {
        rec->frame = program->stack[at].frame;
        rec->id = kind_has_line(rec->kind) ? program->stack[at].id : rec->id;
    }
    rec->line = kind_has_line(rec->kind) ? random_below(3000) : 0;
    if (rec->kind == RL_EVENT_RAISE || rec->kind == RL_EVENT_HANDLED) {
        rec->exc = random_below(5);
        rec->line = random_below(200);
    }
}

/* Fills an event that opens or closes a frame. Returns whether there is one. */
static int make_frame_event(struct program *program, struct rec *rec, uint32_t codes)
{
    uint32_t what = random_below(20);
    size_t sleeper = random_below(SLEEPING);
    if (what < 8 && program->depth < DEEPEST) {
        rec->kind = what == 0 ? RL_EVENT_RUNNING : RL_EVENT_CALL;
        rec->id = 1 + random_below(codes);
        rec->frame = RL_FRAME(program->info.thread, program->next++);
        open_frame(program, rec);
    } else if (what < 16 && program->depth != 0) {
        static const uint8_t ends[] = {RL_EVENT_RETURN, RL_EVENT_RETURN, RL_EVENT_RETURN,
                                       RL_EVENT_UNWIND, RL_EVENT_YIELD,  RL_EVENT_CLOSED};
        rec->kind = ends[random_below(sizeof ends)];
        close_frame(program, rec,
                    random_below(30) == 0 ? random_below((uint32_t)program->depth)
                                          : program->depth - 1);
        if (rec->kind == RL_EVENT_YIELD) {
            program->asleep[sleeper].frame = rec->frame;
            program->asleep[sleeper].id = rec->id;
        }
        rec->exc = rec->kind == RL_EVENT_UNWIND ? random_below(9) : 0;
        rec->line = rec->exc * 7;
    } else if (what >= 16 && program->asleep[sleeper].frame != 0 && program->depth < DEEPEST) {
        rec->kind = what == 16 ? RL_EVENT_THROW : RL_EVENT_RESUME;
        rec->frame = program->asleep[sleeper].frame;
        rec->id = program->asleep[sleeper].id;
        program->asleep[sleeper].frame = 0;
        open_frame(program, rec);
    } else {
        return 0;
    }
    return 1;
}

/* Puts one event of the program, and sometimes a definition before it. */
static void run_program(struct program *program, struct bytes_out *rows, uint32_t codes,
                        int may_switch)
{
    struct rec rec = {0};
    program->ticks +=
        random_below(50) == 0 ? (uint64_t)random_below(UINT32_MAX) * 3 : random_below(300);
    if (random_below(3) == 0 || !make_frame_event(program, &rec, codes)) {
        make_other(program, &rec);
    }
    if (may_switch && random_below(15) == 0) {
        rec.has_switch = 1;
        rec.switch_to = program->depth == 0 || random_below(4) == 0
                            ? 0
                            : program->stack[random_below((uint32_t)program->depth)].frame;
    }
    if (random_below(4) == 0) {
        rec.data = payload;
        rec.data_len = 1 + random_below(sizeof payload);
    }
    if (random_below(40) == 0) {
        put_payload(rows, random_below(2) != 0 ? RL_ROW_DEF_CODE : RL_ROW_DEF_STRING, 3, payload,
                    random_below(sizeof payload));
    }
    rec.ticks = program->ticks;
    put_rec(rows, &program->info, &rec);
    program->seq++;
}

/* Begins a chunk where the last one ended. Sometimes events between them are missing. */
static struct chunk_info begin_slot(struct program *program)
{
    if (random_below(20) == 0) {
        program->seq++;
    }
    program->info.first_seq = program->seq;
    program->info.first_call = random_below(10) != 0 ? program->next : program->next - 1;
    program->info.ticks0 = program->info.mono0 = program->ticks;
    program->info.name = random_below(5) == 0 ? 1 + random_below(9) : 0;
    return program->info;
}

static void a_walk_makes_the_bytes_of_two_slow_walks(void **state)
{
    (void)state;
    struct bytes_out rows = {0};
    for (seed = 0; seed < 400;) {
        struct both both = {0};
        struct program programs[THREADS];
        uint64_t now = seed;
        int may_switch = now % 3 == 0;
        seed = now * 7919 + 1;
        for (uint32_t i = 0; i < THREADS; i++) {
            begin_program(&programs[i], i + 1);
        }
        for (int slot = 0; slot < 14; slot++) {
            struct program *program = &programs[random_below(now % 2 == 0 ? 1 : THREADS)];
            struct chunk_info info = begin_slot(program);
            bytes_out_reset(&rows);
            for (uint32_t left = random_below(250); left != 0; left--) {
                run_program(program, &rows, now % 5 == 0 ? 300 : 6, may_switch);
            }
            if (random_below(25) == 0) {
                put_rec(&rows, &program->info,
                        &(struct rec){.kind = random_below(2) != 0 ? RL_EVENT_THREAD_END
                                                                   : RL_EVENT_THREAD_START,
                                      .ticks = program->ticks,
                                      .id = random_below(3),
                                      .frame = 4711});
                program->seq++;
            }
            walk_slot(&both, &info, &rows, random_below(4) != 0);
        }
        end_both(&both);
        seed = now + 1;
    }
    bytes_out_fini(&rows);
}

/* Rows of any kind, in any order, about few frames, and cut off in the middle. */
static void rows_without_sense_are_walked_alike(void **state)
{
    (void)state;
    struct bytes_out rows = {0};
    for (uint64_t now = 0; now < 600; now++) {
        struct both both = {0};
        uint64_t seq = 0;
        seed = now * 104729 + 3;
        for (int slot = 0; slot < 10; slot++) {
            struct chunk_info info = {.thread = 1 + random_below(2),
                                      .first_seq = seq,
                                      .first_call = random_below(4),
                                      .ticks0 = random_below(1000)};
            bytes_out_reset(&rows);
            for (uint32_t left = random_below(120); left != 0; left--) {
                uint32_t kind = random_below(60) == 0 ? random_below(64) : 1 + random_below(12);
                kind = random_below(6) == 0 ? RL_ROW_TIME + random_below(7) : kind;
                uint64_t frame = RL_FRAME(1 + random_below(2), random_below(5));
                frame = random_below(9) == 0 ? 0 : frame;
                if (kind >= RL_ROW_DEF_STRING && kind <= RL_ROW_FOREIGN && kind != RL_ROW_FOREIGN &&
                    random_below(50) != 0) {
                    put_payload(&rows, kind, random_below(5), payload,
                                1 + random_below(sizeof payload - 1));
                } else {
                    uint32_t first = random_below(5) == 0 ? 0 : random_below(4000);
                    if (random_below(40) == 0) { /* values of no bytes */
                        put_row(&rows, 0, RL_ROW_DATA, 0, 0);
                    }
                    put_row(&rows, first, kind, random_below(6), frame);
                }
            }
            rows.len -= random_below(10) == 0 && rows.len != 0 ? random_below(16) : 0;
            walk_slot(&both, &info, &rows, random_below(4) != 0);
            seq += both.chunk.events;
        }
        end_both(&both);
    }
    bytes_out_fini(&rows);
}

/* More nodes, functions and threads than are kept apart. Beyond the bounds, chunks are taken back
 * as before. */
static void the_bounds_of_a_summary_hold_in_both_walks(void **state)
{
    (void)state;
    struct both both = {0};
    struct bytes_out rows = {0};
    struct program program;
    seed = 5;
    begin_program(&program, 1);
    for (int slot = 0; slot < 90; slot++) {
        struct chunk_info info = begin_slot(&program);
        bytes_out_reset(&rows);
        for (int i = 0; i < 4000; i++) {
            run_program(&program, &rows, slot < 30 ? 120 : 20000, 0);
        }
        walk_slot(&both, &info, &rows, slot % 8 != 3);
    }
    for (uint32_t thread = 2; thread < SUMMARY_THREADS_MAX + 30; thread++) {
        struct chunk_info info = {.thread = thread, .ticks0 = program.ticks};
        bytes_out_reset(&rows);
        put_row(&rows, 5, RL_EVENT_CALL, 7, RL_FRAME(thread, 0));
        put_row(&rows, 9, RL_EVENT_CALL, 8, RL_FRAME(thread, 1));
        walk_slot(&both, &info, &rows, thread % 9 != 0 || thread > SUMMARY_THREADS_MAX);
    }
    assert_true(both.summary.is_folded_flat);
    assert_true(both.summary.function_count > SUMMARY_FUNCTIONS_MAX);
    end_both(&both);
    bytes_out_fini(&rows);
}

/* The number of a chunk goes round after 65,535. What is called once in each round is saved in
 * each. */
static void chunks_are_taken_back_however_many_there_were(void **state)
{
    (void)state;
    enum { ROUND = 65535, SEEN_AGAIN = 300 };
    struct both both = {0};
    struct bytes_out rows = {0};
    struct chunk_info info = {.thread = 1, .ticks0 = 100};
    put_row(&rows, 1, RL_EVENT_CALL, 1, RL_FRAME(1, 0));
    walk_slot(&both, &info, &rows, 1);
    for (uint32_t i = 1; i < ROUND + SEEN_AGAIN; i++) {
        uint32_t id = i % ROUND < SEEN_AGAIN ? 2 + i % ROUND : 1000;
        info.first_seq = info.first_call = 2 * both.chunk_count - 1;
        info.ticks0 += 10;
        bytes_out_reset(&rows);
        put_row(&rows, 1, RL_EVENT_CALL, id, RL_FRAME(1, info.first_call));
        put_row(&rows, 3, id % 2 == 0 ? RL_EVENT_RETURN : RL_EVENT_UNWIND, id,
                RL_FRAME(1, info.first_call));
        walk_slot(&both, &info, &rows, i < SEEN_AGAIN || i % 100 == 0);
    }
    end_both(&both);
    bytes_out_fini(&rows);
}

/* Recursion deeper than the node's count of open frames goes. */
static void a_deep_recursion_is_folded(void **state)
{
    (void)state;
    enum { DEEP = 70000, SLOT = 5000 };
    struct both both = {0};
    struct bytes_out rows = {0};
    struct chunk_info info = {.thread = 1};
    for (uint32_t i = 0; i < 2 * DEEP; i++) {
        uint32_t frame = i < DEEP ? i : 2 * DEEP - 1 - i;
        put_row(&rows, i, i < DEEP ? RL_EVENT_CALL : RL_EVENT_RETURN, 1, RL_FRAME(1, frame));
        if (i % SLOT == SLOT - 1) {
            info.first_seq = i + 1 - SLOT;
            info.first_call = info.first_seq < DEEP ? info.first_seq : DEEP;
            walk_slot(&both, &info, &rows, 0);
            walk_slot(&both, &info, &rows, 1);
            bytes_out_reset(&rows);
        }
    }
    end_both(&both);
    bytes_out_fini(&rows);
}

static void without_memory_a_summary_fails_and_the_walk_goes_on(void **state)
{
    (void)state;
    struct bytes_out rows = {0};
    int has_failed = 0;
    for (unsigned long nth = 1, made = nth; made >= nth; nth++) {
        struct chunk_maker maker = {0};
        struct summary summary = {0};
        struct program program;
        seed = 11;
        begin_program(&program, 1);
        (void)rl_alloc_fail_at(0, 0);
        bytes_out_fini(&rows);
        for (int slot = 0; slot < 6; slot++) {
            struct chunk_info info = begin_slot(&program);
            (void)rl_alloc_fail_at(0, 0);
            bytes_out_reset(&rows);
            for (int i = 0; i < 200; i++) {
                run_program(&program, &rows, 50, 1);
            }
            (void)rl_alloc_fail_at(nth, nth % 2 == 0);
            rl_status status = slot_walk(&info, rows.data, rows.len, &maker, &summary);
            made = rl_alloc_fail_at(0, 0);
            assert_true(status == RL_OK || status == RL_NOMEM);
            if (status != RL_OK || slot % 2 == 1) {
                summary_take_back(&summary);
            }
            has_failed |= summary.failed;
        }
        summary_end(&summary, program.ticks);
        summary_fini(&summary);
        chunk_maker_fini(&maker);
    }
    assert_true(has_failed);
    bytes_out_fini(&rows);
}

/* ---- recordings ---- */

struct replay {
    struct both both;
    struct chunk_info info, open;
    struct bytes_out rows;
};

static void end_replayed(struct replay *replay)
{
    if (replay->rows.len != 0) {
        walk_slot(&replay->both, &replay->info, &replay->rows, 0);
        walk_slot(&replay->both, &replay->info, &replay->rows, 1);
        bytes_out_reset(&replay->rows);
    }
}

static void replay_chunk(void *self, const struct chunk_info *info)
{
    struct replay *replay = self;
    end_replayed(replay);
    replay->info = replay->open = *info;
    replay->open.mono0 = info->ticks0;
}

static void replay_event(void *self, const struct rec *rec)
{
    struct replay *replay = self;
    put_rec(&replay->rows, &replay->open, rec);
}

static void recordings_are_walked_as_they_were_written(void **state)
{
    (void)state;
    const char *folder = getenv("GOLDEN");
    DIR *files = folder != NULL ? opendir(folder) : NULL;
    size_t chunks = 0;
    assert_non_null(files);
    for (struct dirent *file; (file = readdir(files)) != NULL;) {
        char path[1024];
        struct reader *reader = NULL;
        struct rl_err err;
        struct replay replay = {0};
        const struct walk walk = {&replay, replay_chunk, replay_event};
        (void)snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        if (file->d_name[0] == '.' || reader_open(path, &reader, &err) != RL_OK) {
            continue;
        }
        assert_int_equal(walk_chunks(reader, &walk), RL_OK);
        end_replayed(&replay);
        chunks += replay.both.chunk_count;
        end_both(&replay.both);
        bytes_out_fini(&replay.rows);
        reader_close(reader);
    }
    assert_true(chunks > 10);
    (void)closedir(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_makes_the_bytes_of_two_slow_walks),
        cmocka_unit_test(rows_without_sense_are_walked_alike),
        cmocka_unit_test(the_bounds_of_a_summary_hold_in_both_walks),
        cmocka_unit_test(chunks_are_taken_back_however_many_there_were),
        cmocka_unit_test(a_deep_recursion_is_folded),
        cmocka_unit_test(without_memory_a_summary_fails_and_the_walk_goes_on),
        cmocka_unit_test(recordings_are_walked_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
