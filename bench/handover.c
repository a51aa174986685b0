/* Times what a thread pays for handing over a full slot and taking another: see handover.py.
 *
 *     handover FILE EVENTS NS    an event each NS nanoseconds; one line: "slots cpu wall event"
 *
 * The first two times are medians of the hand-overs, in us. The last is the CPU time of all of them
 * over all events, in ns. */
#include <stdio.h>
#include <stdlib.h>

#include "lane.h"
#include "os.h"
#include "recorder.h"

struct handovers {
    uint64_t *cpu, *wall; /* ns of each */
    size_t count, cap;
    uint64_t sum;
};

static void stop(const char *why)
{
    (void)fprintf(stderr, "handover: %s\n", why);
    exit(1);
}

/* Returns what reading the clock twice takes. */
static uint64_t least_cpu(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t since = os_thread_cpu_ns(), took = os_thread_cpu_ns() - since;
        least = took < least ? took : least;
    }
    return least;
}

static void keep(struct handovers *all, uint64_t cpu, uint64_t wall)
{
    if (all->count == all->cap) {
        all->cap = all->cap != 0 ? 2 * all->cap : 1024;
        all->cpu = realloc(all->cpu, all->cap * sizeof *all->cpu);
        all->wall = realloc(all->wall, all->cap * sizeof *all->wall);
    }
    if (all->cpu == NULL || all->wall == NULL) {
        stop("no memory");
    }
    all->cpu[all->count] = cpu;
    all->wall[all->count++] = wall;
    all->sum += cpu;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double median_us(uint64_t *times, size_t count)
{
    qsort(times, count, sizeof *times, by_size);
    return count != 0 ? (double)times[count / 2] / 1e3 : 0;
}

/* Writes an event, and times it where it is the first of a slot that follows another. */
static void put(struct lane *lane, unsigned kind, uint32_t id, uint64_t frame,
                struct handovers *all, uint64_t clock)
{
    if (lane->slot == NULL || lane->end - lane->cur >= RL_ROW_BYTES) {
        (void)lane_put(lane, kind, id, frame);
        return;
    }
    uint64_t wall = os_mono_ns(), cpu = os_thread_cpu_ns();
    (void)lane_put(lane, kind, id, frame);
    cpu = os_thread_cpu_ns() - cpu;
    keep(all, cpu > clock ? cpu - clock : 0, os_mono_ns() - wall);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        stop("usage: handover FILE EVENTS NS");
    }
    uint64_t events = strtoull(argv[2], NULL, 10), pace = strtoull(argv[3], NULL, 10);
    const struct recorder_options options = {.path = argv[1], .buffer_bytes = (size_t)8 << 20};
    struct recorder *recorder = NULL;
    struct recorder_stats stats;
    struct rl_err err;
    static struct lane lane;
    struct handovers all = {0};
    if (recorder_open(&options, &recorder, &err) != RL_OK) {
        stop("the file cannot be made");
    }
    recorder_lane_begin(recorder, &lane, NULL, 1);
    uint32_t name = recorder_string(recorder, &lane, "work", 4);
    const struct code_def def = {.module = name, .qualname = name, .file = name, .line = 7};
    uint32_t id = recorder_code(recorder, &lane, &def);
    uint64_t clock = least_cpu(), next = os_mono_ns(), frame = 0;
    for (uint64_t i = 0; i < events; i++) {
        for (next += pace; os_mono_ns() < next;) {
        }
        frame = i % 2 == 0 ? lane.next_frame++ : frame;
        put(&lane, i % 2 == 0 ? RL_EVENT_CALL : RL_EVENT_RETURN, id, frame, &all, clock);
    }
    recorder_lane_end(&lane);
    recorder_end_lanes(recorder);
    recorder_close(recorder, &stats);
    (void)printf("%zu %.2f %.2f %.2f\n", all.count, median_us(all.cpu, all.count),
                 median_us(all.wall, all.count), (double)all.sum / (double)events);
    free(all.cpu);
    free(all.wall);
    return 0;
}
