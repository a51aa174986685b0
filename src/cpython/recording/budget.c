/* Why: see budget.h.
 * The cost of an event has two parts. One was measured for its kind, by 16-byte units written: a
 * call with large arguments writes more. The other is the interpreter's own, for the callback. The
 * program's own time is the CPU time of its threads less these costs. */
#include "budget.h"

#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "codeinfo.h"
#include "gate.h"
#include "lines.h"
#include "state.h"

#include "alloc.h"

enum { ENTER, LEAVE, LINE, CLASSES };
enum { SAMPLES = 12, COLD = 4 }; /* after each slot; the first ones find nothing in the caches */
enum { WINDOW_NS = 20000000 };   /* of CPU time, between two decisions */
enum { STEPS_MAX = 64 };         /* of one decision */

struct rate {
    double ticks, units; /* of the samples, older ones weighing less */
};

struct cost {
    uint32_t calls; /* ns in this window: of entering and leaving it */
    uint32_t lines;
};

static struct {
    unsigned percent; /* 0 = off */
    struct rate rates[CLASSES];
    uint64_t clock_cost; /* ticks between two readings of the clock */
    struct clock_pair began;
    struct cost *costs; /* owned; by code id, as many as level_limits has */
    /* this window */
    uint64_t cpu_ns;
    double spent_ns;
    /* the last one */
    double overhead;
} budget;

void budget_begin(unsigned percent)
{
    /* Ticks a unit, until something was measured. */
    static const struct rate first[CLASSES] = {{40, 1}, {40, 1}, {60, 1}};
    budget.percent = percent;
    budget.cpu_ns = 0;
    budget.spent_ns = budget.overhead = 0;
    for (int i = 0; i < CLASSES; i++) {
        budget.rates[i] = first[i];
    }
    rl_free(budget.costs);
    rl_free(level_limits.of);
    budget.costs = NULL;
    level_limits = (struct level_limits){NULL, 0};
    budget.clock_cost = UINT64_MAX;
    for (int i = 0; percent != 0 && i < 64; i++) {
        uint64_t before = clock_ticks(), took = clock_ticks() - before;
        budget.clock_cost = took < budget.clock_cost ? took : budget.clock_cost;
    }
    budget.began = clock_pair_now();
}

static double measure_ns_per_tick(void)
{
    struct clock_pair now = clock_pair_now();
    uint64_t ticks = now.ticks - budget.began.ticks;
    return ticks != 0 ? (double)(now.mono_ns - budget.began.mono_ns) / (double)ticks : 1;
}

/* Grows both tables, by the same count. 0, or -1 without memory. */
static int grow_tables(uint32_t id)
{
    void *costs = budget.costs, *limits = level_limits.of;
    size_t count = level_limits.count, cap = count, limits_cap = count;
    if (rl_grow(&costs, &cap, (size_t)id + 1, sizeof *budget.costs) != 0) {
        return -1;
    }
    budget.costs = costs;
    if (rl_grow(&limits, &limits_cap, (size_t)id + 1, sizeof *level_limits.of) != 0) {
        return -1;
    }
    level_limits.of = limits;
    cap = limits_cap < cap ? limits_cap : cap;
    memset(budget.costs + count, 0, (cap - count) * sizeof *budget.costs);
    memset(level_limits.of + count, LEVEL_LINES, cap - count);
    level_limits.count = cap;
    return 0;
}

/* Returns the costs of a code id, made where there are none; NULL without memory. */
static struct cost *cost_of(uint32_t id)
{
    return id < level_limits.count || grow_tables(id) == 0 ? &budget.costs[id] : NULL;
}

/* ---- measuring ---- */

static int cost_class(unsigned kind)
{
    return kind_enters(kind) ? ENTER : kind_leaves(kind) ? LEAVE : LINE;
}

/* Whether the id of a row is that of a code object. */
static int is_row_of_code(unsigned kind)
{
    return kind <= RL_EVENT_LINE || kind == RL_EVENT_RUNNING;
}

/* The interpreter's own cost of an event. */
static double callback_ns(void)
{
    return recording.backend != NULL ? recording.backend->empty_callback_ns : 0;
}

void budget_filled(void *owner, const uint8_t *rows, size_t len)
{
    struct thread *t = owner;
    if (budget.percent == 0) {
        return;
    }
    uint64_t cpu = os_thread_cpu_ns();
    double tick = measure_ns_per_tick(), ns[CLASSES];
    size_t units = 0;
    for (int i = 0; i < CLASSES; i++) {
        ns[i] = budget.rates[i].ticks / budget.rates[i].units * tick;
    }
    for (size_t at = 0; at + RL_ROW_BYTES <= len; at += RL_ROW_BYTES) {
        uint64_t word = get64(rows + at);
        uint32_t head = (uint32_t)(word >> 32), id = head & RL_ID_MAX;
        unsigned kind = head >> RL_ID_BITS;
        uint32_t taken = row_units(kind, (uint32_t)word);
        at += (taken - 1) * (size_t)RL_ROW_BYTES;
        units += taken;
        if (kind >= RL_EVENT_KINDS || kind == RL_EVENT_WRITE) {
            continue; /* its cost is a part of the next event's */
        }
        double spent = ns[cost_class(kind)] * (double)units + callback_ns();
        struct cost *cost = is_row_of_code(kind) ? cost_of(id) : NULL;
        if (cost != NULL) {
            *(kind == RL_EVENT_LINE ? &cost->lines : &cost->calls) += (uint32_t)spent;
        }
        budget.spent_ns += spent;
        units = 0;
    }
    if (t->cpu_ns != 0) {
        budget.cpu_ns += cpu - t->cpu_ns;
    }
    t->cpu_ns = cpu;
    t->samples = SAMPLES;
    gate_close(t);
    budget.spent_ns += (double)(os_thread_cpu_ns() - cpu);
}

void budget_count(void)
{
    recorder_count_loss(recording.recorder, RL_LOSS_BUDGET, 1);
    budget.spent_ns += callback_ns() + 5;
}

/* Takes one timed event into the rate of its kind. Older samples weigh less and less. */
static void learn_rate(struct rate *rate, uint64_t ticks, size_t units)
{
    ticks = ticks > budget.clock_cost ? ticks - budget.clock_cost : 1;
    /* What lasted far too long was interrupted. */
    double most = 20 * rate->ticks / rate->units * (double)units + 5000;
    rate->ticks = rate->ticks * 0.98 + ((double)ticks < most ? (double)ticks : most);
    rate->units = rate->units * 0.98 + (double)units;
}

/* ---- deciding ---- */

/* The level that the code was recorded at. */
static unsigned level_recorded(uint32_t id)
{
    unsigned most = budget.costs[id].lines != 0 ? LEVEL_LINES : LEVEL_VALUES;
    most = recording.level < most ? recording.level : most;
    return level_limits.of[id] < most ? level_limits.of[id] : most;
}

/* What a step down would save of what the code cost: lines all, values a half. */
static double saving_of(const struct cost *cost)
{
    return cost->lines != 0 ? (double)cost->lines : (double)cost->calls / 2;
}

static int by_saving(const void *a, const void *b)
{
    double x = saving_of(&budget.costs[*(const uint32_t *)a]);
    double y = saving_of(&budget.costs[*(const uint32_t *)b]);
    return (x < y) - (x > y);
}

/* Writes the event of a step: levels before and after, the overhead, and what the code took of it.
 */
static void put_step(struct thread *t, uint32_t id, unsigned from, unsigned to, double share)
{
    uint8_t bytes[4 * VARINT_MAX + 16], *p = bytes;
    p = put_varint(p, from);
    p = put_varint(p, to);
    p = put_varint(p, (uint64_t)(budget.overhead * 1000));
    p = put_varint(p, (uint64_t)(share * 1000));
    (void)lane_put_values(&t->lane, RL_EVENT_BUDGET, id, t->stack[t->depth].frame, bytes,
                          (uint32_t)(p - bytes));
}

/* Open frames of code whose lines are wanted no longer keep no snapshot. */
static void drop_snapshots(uint32_t id)
{
    for (struct thread *t = recording.threads; t != NULL; t = t->next) {
        for (uint32_t i = 1; t->stamp == recording.stamp && i <= t->depth; i++) {
            if (t->stack[i].id == id) {
                lines_free(t->stack[i].snapshot);
                t->stack[i].snapshot = NULL;
            }
        }
    }
}

/* Lowers the limit of a code object by one level. */
static void step_down(struct thread *t, uint32_t id)
{
    unsigned from = level_recorded(id);
    level_limits.of[id] = (uint8_t)(from - 1);
    if (from == LEVEL_LINES) {
        drop_snapshots(id);
    }
    put_step(t, id, from, from - 1, saving_of(&budget.costs[id]) / budget.spent_ns);
}

/* The codes that can go down and save at least a hundredth of the cost, the heaviest first; how
 * many. Owned, or NULL. */
static uint32_t *find_candidates(size_t *count)
{
    uint32_t *ids = rl_alloc(level_limits.count, sizeof *ids);
    *count = 0;
    for (size_t i = 1; ids != NULL && i < level_limits.count; i++) {
        if (saving_of(&budget.costs[i]) > budget.spent_ns / 100 &&
            level_limits.of[i] > LEVEL_COUNTED) {
            ids[(*count)++] = (uint32_t)i;
        }
    }
    if (ids != NULL) {
        qsort(ids, *count, sizeof *ids, by_saving);
    }
    return ids;
}

/* The overhead in this window; the program's own time in it, ns. */
static double measure_overhead(void)
{
    double cpu = (double)budget.cpu_ns, own = cpu - budget.spent_ns;
    own = own > cpu / 20 ? own : cpu / 20;
    budget.overhead = budget.spent_ns / own;
    return own;
}

/* The end of a window: takes the heaviest code down until the excess is saved. */
static void lower_levels(struct thread *t)
{
    double own = measure_overhead();
    double excess = budget.spent_ns - own * budget.percent / 100;
    size_t count = 0, steps = 0;
    uint32_t *ids = excess > 0 ? find_candidates(&count) : NULL;
    for (size_t i = 0; i < count && i < STEPS_MAX && excess > 0; i++, steps++) {
        excess -= saving_of(&budget.costs[ids[i]]);
        step_down(t, ids[i]);
    }
    rl_free(ids);
    if (steps != 0) {
        codeinfo_decide_again();
    }
    for (size_t i = 0; i < level_limits.count; i++) {
        budget.costs[i].calls = budget.costs[i].lines = 0;
    }
    budget.cpu_ns = 0;
    budget.spent_ns = 0;
}

struct budget_sample budget_sample_begin(struct thread *t)
{
    if (budget.cpu_ns >= WINDOW_NS) {
        lower_levels(t);
    }
    uint32_t left = --t->samples;
    return (struct budget_sample){t->lane.slot, t->lane.cur, left, clock_ticks()};
}

void budget_sample_end(struct thread *t, unsigned kind, const struct budget_sample *sample)
{
    uint64_t ticks = clock_ticks() - sample->began;
    int is_whole =
        sample->slot == t->lane.slot && t->lane.cur > sample->cur && t->samples == sample->left;
    if (is_whole && sample->left < SAMPLES - COLD) {
        learn_rate(&budget.rates[cost_class(kind)], ticks,
                   (size_t)(t->lane.cur - sample->cur) / RL_ROW_BYTES);
    }
    if (t->samples != 0) {
        gate_close_if_open(t);
    }
}

void budget_end(void)
{
    struct thread *t = thread_self;
    if (budget.percent != 0 && thread_is_recorded(t)) {
        budget.cpu_ns += t->cpu_ns != 0 ? os_thread_cpu_ns() - t->cpu_ns : 0;
        if (budget.cpu_ns >= WINDOW_NS) {
            (void)measure_overhead();
        }
        put_step(t, 0, 0, 0, 0);
    }
}
