/* Part of lives.h: lives as bytes, for the index. docs/index-format.md has them.
 *
 * What is read back is bounded by the bytes that are there. */
#include "alloc.h"
#include "lives.h"

enum { HAS_ENDED = 1 };

static void put_place(const struct life_event *event, struct bytes_out *out)
{
    bytes_put_varint(out, event->thread);
    if (event->thread != 0) {
        bytes_put_varint(out, event->kind);
        bytes_put_varint(out, event->seq);
        bytes_put_varint(out, event->ticks);
    }
}

static void put_lives(const struct life *lives, size_t count, struct bytes_out *out)
{
    bytes_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        const struct life *life = &lives[i];
        bytes_put_varint(out, life->number);
        bytes_put_varint(out, life->name);
        bytes_put_varint(out, life->parent);
        bytes_put_varint(out, life->maker);
        bytes_put_varint(out, life->maker_line);
        bytes_put_varint(out, life->root);
        bytes_put_varint(out, life->root_code);
        bytes_put_varint(out, life->events);
        bytes_put_varint(out, life->calls);
        bytes_put_varint(out, life->has_ended ? HAS_ENDED : 0);
        put_place(&life->first, out);
        put_place(&life->last, out);
        put_place(&life->end, out);
        put_place(&life->wait, out);
    }
}

void lives_pass_put(const struct lives_pass *pass, struct bytes_out *out)
{
    bytes_put_varint(out, pass->last.kind);
    bytes_put_varint(out, pass->last.thread);
    bytes_put_varint(out, pass->last.frame);
    bytes_put_varint(out, pass->out.unlisted);
    put_lives(pass->out.threads, pass->out.thread_count, out);
    put_lives(pass->out.tasks, pass->out.task_count, out);
}

static struct life_event take_place(struct bytes_in *in)
{
    struct life_event event = {.thread = bytes_varint32(in)};
    if (event.thread != 0) {
        event.kind = bytes_varint32(in);
        event.seq = bytes_varint(in);
        event.ticks = bytes_varint(in);
        in->bad |= event.kind >= RL_EVENT_KINDS;
    }
    return event;
}

static struct life take_life(struct bytes_in *in)
{
    struct life life = {.number = bytes_varint32(in)};
    life.name = bytes_varint32(in);
    life.parent = bytes_varint32(in);
    life.maker = bytes_varint(in);
    life.maker_line = bytes_varint32(in);
    life.root = bytes_varint(in);
    life.root_code = bytes_varint32(in);
    life.events = bytes_varint(in);
    life.calls = bytes_varint(in);
    life.has_ended = (bytes_varint(in) & HAS_ENDED) != 0;
    life.first = take_place(in);
    life.last = take_place(in);
    life.end = take_place(in);
    life.wait = take_place(in);
    return life;
}

static rl_status take_lives(struct bytes_in *in, struct life **lives, size_t *count, size_t *cap,
                            struct u64map *places)
{
    size_t wanted = bytes_count(in);
    for (size_t i = 0; i < wanted && !in->bad; i++) {
        struct life life = take_life(in);
        void *grown = *lives;
        if (in->bad || u64map_get(places, (uint64_t)life.number + 1) != NULL) {
            return RL_DAMAGED;
        }
        if (rl_grow(&grown, cap, *count + 1, sizeof **lives) != 0) {
            return RL_NOMEM;
        }
        *lives = grown;
        if (u64map_put(places, (uint64_t)life.number + 1, *count) != 0) {
            return RL_NOMEM;
        }
        (*lives)[(*count)++] = life;
    }
    return in->bad ? RL_DAMAGED : RL_OK;
}

rl_status lives_pass_load(struct lives_pass *pass, const uint8_t *bytes, size_t len)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    struct lives *out = &pass->out;
    pass->last.kind = bytes_varint32(&in);
    pass->last.thread = bytes_varint32(&in);
    pass->last.frame = bytes_varint(&in);
    out->unlisted = bytes_varint(&in);
    rl_status status =
        take_lives(&in, &out->threads, &out->thread_count, &out->thread_cap, &pass->threads);
    if (status == RL_OK) {
        status = take_lives(&in, &out->tasks, &out->task_count, &out->task_cap, &pass->tasks);
    }
    status = status == RL_OK && bytes_left(&in) != 0 ? RL_DAMAGED : status;
    if (status != RL_OK) {
        lives_pass_fini(pass);
    }
    return status;
}
