/* Why: a failed test that is run again has to say whether what it shows is what had happened.
 *
 *   digest_threads()   one hash a thread, over the hashes of its steps
 *   pair_threads()     threads with equal hashes are alike; chance decides which one began first
 *      | the first threads that have no pair
 *      v
 *   part()             both step by step, up to the first step that differs
 *
 * Invariant: `open` has the frames that were entered while events were compared. So the end of a
 * frame counts exactly where its begin did. */
#include "paths.h"

#include <string.h>

#include "alike.h"
#include "alloc.h"
#include "os.h"

enum {
    STEPS = 1u << RL_EVENT_CALL | 1u << RL_EVENT_RETURN | 1u << RL_EVENT_YIELD |
            1u << RL_EVENT_RESUME | 1u << RL_EVENT_THROW | 1u << RL_EVENT_UNWIND
};

/* What is known of one thread. */
struct digest {
    uint32_t thread;
    uint64_t hash, steps, calls;
    int has_pair;
};

/* One recording. */
struct run {
    const struct path_side *side;
    struct alike alike;
    struct digest *digests; /* owned; one for each thread of the side */
};

/* A thread that is read. */
struct walk {
    struct run *run;
    struct cursor *cursor; /* owned */
    struct u64map open;    /* frame + 1 */
    uint64_t inside;       /* frame + 1 of a module's body; 0 = none */
    uint64_t calls;        /* that were given, with the next step */
    struct event_out event;
    uint64_t what; /* hash of the next step */
    int is_at_end;
};

static int is_body_of_module(const struct reader *reader, uint32_t id)
{
    static const char name[] = "<module>";
    struct text text = reader_code(reader, id).qualname;
    return text.len == sizeof name - 1 && memcmp(text.data, name, sizeof name - 1) == 0;
}

static int is_in_skip(const struct path_side *side, const struct event_out *event)
{
    for (size_t i = 0; i < side->skip_count; i++) {
        const struct path_skip *skip = &side->skips[i];
        if (skip->thread == event->thread && skip->from <= event->seq && event->seq < skip->until) {
            return 1;
        }
    }
    return 0;
}

/* Sets *is_step where the event is compared. RL_OK or RL_NOMEM. */
static rl_status judge_event(struct walk *walk, int *is_step)
{
    const struct event_out *event = &walk->event;
    uint64_t frame = event->frame + 1;
    *is_step = 0;
    if (walk->inside != 0) {
        walk->inside = walk->inside == frame && kind_ends(event->kind) ? 0 : walk->inside;
        return RL_OK;
    }
    if ((STEPS >> event->kind & 1) == 0 || is_in_skip(walk->run->side, event)) {
        return RL_OK;
    }
    if (!kind_enters(event->kind)) {
        *is_step = u64map_remove(&walk->open, frame, NULL);
        return RL_OK;
    }
    if (is_body_of_module(walk->run->side->reader, event->id)) {
        walk->inside = frame;
        return RL_OK;
    }
    *is_step = 1;
    return u64map_put(&walk->open, frame, 1) == 0 ? RL_OK : RL_NOMEM;
}

/* Goes on to the next step. RL_OK, also at the end, or RL_NOMEM. */
static rl_status walk_next(struct walk *walk)
{
    int is_step = 0;
    rl_status status = RL_OK;
    while (status == RL_OK && !is_step) {
        status = cursor_next(walk->cursor, &walk->event);
        status = status == RL_OK ? judge_event(walk, &is_step) : status;
    }
    walk->is_at_end = status != RL_OK;
    if (is_step) {
        walk->calls += walk->event.kind == RL_EVENT_CALL;
        walk->what = alike_step(&walk->run->alike, &walk->event);
    }
    return status == RL_NOMEM ? status : RL_OK;
}

/* Begins at the thread's first step. */
static rl_status walk_open(struct walk *walk, struct run *run, uint32_t thread)
{
    *walk = (struct walk){.run = run};
    rl_status status = cursor_open_thread(run->side->reader, thread, 0, &walk->cursor);
    return status == RL_OK ? walk_next(walk) : status;
}

static void walk_close(struct walk *walk)
{
    cursor_close(walk->cursor);
    u64map_fini(&walk->open);
}

/* Reads each thread once. */
static rl_status digest_threads(struct run *run)
{
    rl_status status = RL_OK;
    for (size_t i = 0; i < run->side->thread_count && status == RL_OK; i++) {
        struct digest *digest = &run->digests[i];
        struct walk walk;
        digest->thread = run->side->threads[i];
        status = walk_open(&walk, run, digest->thread);
        for (; status == RL_OK && !walk.is_at_end; status = walk_next(&walk)) {
            digest->hash = alike_add(&run->alike, digest->hash, walk.what);
            digest->steps++;
        }
        digest->calls = walk.calls;
        walk_close(&walk);
    }
    return status;
}

/* Pairs the threads that took the same path. */
static void pair_threads(struct run *a, struct run *b)
{
    for (size_t i = 0; i < a->side->thread_count; i++) {
        struct digest *one = &a->digests[i];
        for (size_t j = 0; j < b->side->thread_count && !one->has_pair; j++) {
            struct digest *other = &b->digests[j];
            if (!other->has_pair && one->steps == other->steps && one->hash == other->hash) {
                one->has_pair = other->has_pair = 1;
            }
        }
    }
}

/* Returns the first thread with steps that has no pair; 0 = there is none. */
static uint32_t find_lone_thread(const struct run *run)
{
    for (size_t i = 0; i < run->side->thread_count; i++) {
        if (!run->digests[i].has_pair && run->digests[i].steps != 0) {
            return run->digests[i].thread;
        }
    }
    return 0;
}

/* Finds the first step that differs. A thread 0 has none. */
static rl_status part(struct run runs[2], const uint32_t threads[2], struct path_answer *answer)
{
    struct walk walks[2] = {{.is_at_end = 1}, {.is_at_end = 1}};
    rl_status status = RL_OK;
    for (int i = 0; i < 2 && status == RL_OK; i++) {
        status = threads[i] != 0 ? walk_open(&walks[i], &runs[i], threads[i]) : RL_OK;
    }
    while (status == RL_OK && !walks[0].is_at_end && !walks[1].is_at_end &&
           walks[0].what == walks[1].what) {
        status = walk_next(&walks[0]);
        status = status == RL_OK ? walk_next(&walks[1]) : status;
    }
    for (int i = 0; i < 2; i++) {
        const struct walk *walk = &walks[i];
        answer->places[i] = (struct path_place){!walk->is_at_end, threads[i], walk->event.seq};
        answer->call = answer->call < walk->calls ? walk->calls : answer->call;
        walk_close(&walks[i]);
    }
    return status;
}

rl_status paths_compare(const struct path_side sides[2], struct path_answer *answer)
{
    struct run runs[2] = {{.side = &sides[0]}, {.side = &sides[1]}};
    struct siphash_key key;
    rl_status status = RL_OK;
    *answer = (struct path_answer){0};
    (void)os_random(&key, sizeof key);
    for (int i = 0; i < 2 && status == RL_OK; i++) {
        alike_init(&runs[i].alike, sides[i].reader, &key);
        runs[i].digests = rl_zalloc(sides[i].thread_count + 1, sizeof *runs[i].digests);
        status = runs[i].digests != NULL ? digest_threads(&runs[i]) : RL_NOMEM;
    }
    if (status == RL_OK) {
        for (size_t i = 0; i < sides[0].thread_count; i++) {
            answer->calls += runs[0].digests[i].calls;
        }
        pair_threads(&runs[0], &runs[1]);
        uint32_t lone[2] = {find_lone_thread(&runs[0]), find_lone_thread(&runs[1])};
        answer->is_same = lone[0] == 0 && lone[1] == 0;
        status = answer->is_same ? RL_OK : part(runs, lone, answer);
    }
    for (int i = 0; i < 2; i++) {
        alike_fini(&runs[i].alike);
        rl_free(runs[i].digests);
    }
    return status;
}
