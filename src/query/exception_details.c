/* Why: a recording may have millions of exceptions while a page shows a few. What an exception
 * carried is read again, for those few alone.
 *
 *    place   0 1 2 | 3 4 5 6 7 | 8 ...       places by rank, then by number
 *                   ^ from    ^ to
 *    items          3 4 . 6                  those whose first event has been read
 *
 * Invariants: `items` has every wanted exception that has begun. Where they take more than ENOUGH
 * bytes, the later half is freed and `to` moves down. So the answer is complete from `from` to the
 * last item, and the caller continues behind it. */
#include "exception_details.h"

#include <stdlib.h>
#include <string.h>

#include "skim.h"

enum { ENOUGH = 24 << 20 };

struct search {
    struct reader *reader;
    const struct exceptions *of;
    struct exception_details *out;
    uint64_t from, to;                /* places, both included */
    uint64_t before[EXCEPTION_RANKS]; /* listed exceptions of lower ranks */
    uint64_t seen[EXCEPTION_RANKS];   /* listed exceptions that have begun */
    size_t cap, open_count;
    size_t bytes;       /* size of all items */
    size_t stacks_left; /* of exceptions that are from an index, at most */
};

static void free_detail(struct exception_detail *detail)
{
    if (detail->open != NULL) {
        detail->open->kept = NULL;
    }
    kept_event_fini(&detail->first);
    kept_event_fini(&detail->captured);
    rl_free(detail->stack);
    rl_free(detail->path);
    rl_free(detail);
}

static size_t detail_size(const struct exception_detail *detail)
{
    return sizeof *detail + detail->first.out.values_len + detail->captured.out.values_len +
           detail->depth * sizeof *detail->stack + detail->path_cap * sizeof *detail->path;
}

static int by_detail_place(const void *a, const void *b)
{
    const struct exception_detail *const *x = a, *const *y = b;
    return (*x)->place<(*y)->place ? -1 : (*x)->place>(*y)->place;
}

static void sort_items(struct exception_details *details)
{
    if (details->count != 0) {
        qsort(details->items, details->count, sizeof(struct exception_detail *), by_detail_place);
    }
}

/* Frees the later half of the items. */
static void shrink_details(struct search *search)
{
    struct exception_details *out = search->out;
    sort_items(out);
    while (out->count > 1 && search->bytes > ENOUGH / 2) {
        struct exception_detail *last = out->items[--out->count];
        search->to = last->place - 1;
        search->bytes -= detail_size(last);
        search->open_count -= last->open != NULL;
        free_detail(last);
    }
}

/* Copies the frames that are open at the cursor. */
static rl_status take_stack(struct exception_detail *detail, const struct cursor *cursor)
{
    const struct open_activation *stack = cursor_stack(cursor, &detail->depth);
    detail->stack = stack != NULL ? rl_alloc(detail->depth, sizeof *stack) : NULL;
    if (stack != NULL && detail->stack == NULL) {
        detail->depth = 0;
        return RL_NOMEM;
    }
    if (stack != NULL) {
        memcpy(detail->stack, stack, detail->depth * sizeof *stack);
    }
    return RL_OK;
}

static rl_status begin_detail(struct search *search, struct story *story,
                              const struct event_out *event, uint64_t place,
                              const struct cursor *cursor)
{
    struct exception_details *out = search->out;
    void *items = out->items;
    struct exception_detail *detail = rl_zalloc(1, sizeof *detail);
    if (detail == NULL || rl_grow(&items, &search->cap, out->count + 1, sizeof *out->items) != 0) {
        rl_free(detail);
        return RL_NOMEM;
    }
    out->items = items;
    if ((cursor != NULL && take_stack(detail, cursor) != RL_OK) ||
        kept_event_take(&detail->first, event) != 0) {
        free_detail(detail);
        return RL_NOMEM;
    }
    detail->has_no_stack = cursor == NULL;
    search->stacks_left += (size_t)detail->has_no_stack;
    detail->exception = story->number;
    detail->place = place;
    detail->open = story;
    story->kept = detail;
    out->items[out->count++] = detail;
    search->bytes += detail_size(detail);
    search->open_count++;
    return RL_OK;
}

/* Adds an event to a story that is shown whole. What a `with` calls on the exception's way, such as
 * a generator of @contextmanager, is no place that the exception came from. */
static rl_status add_to_detail(struct search *search, const struct story *story,
                               const struct event_out *event, int is_captured)
{
    struct exception_detail *detail = story->kept;
    void *path = detail->path;
    size_t before = detail_size(detail);
    if (is_captured) {
        kept_event_fini(&detail->captured);
        detail->has_captured = 1;
        if (kept_event_take(&detail->captured, event) != 0) {
            return RL_NOMEM;
        }
    }
    if (event->kind != RL_EVENT_HANDLED && story->with == 0) {
        if (rl_grow(&path, &detail->path_cap, detail->path_count + 1, sizeof *detail->path) != 0) {
            return RL_NOMEM;
        }
        detail->path = path;
        detail->path[detail->path_count++] =
            (struct path_step){event->frame, event->line, event->id};
    }
    search->bytes += detail_size(detail) - before;
    return RL_OK;
}

static rl_status on_detail_event(void *self, struct story *story, const struct event_out *event,
                                 const struct exc_captured *captured, const struct cursor *cursor)
{
    struct search *search = self;
    rl_status status = RL_OK;
    int is_first = story->first.seq == event->seq;
    if (is_first && story->number < search->of->count) {
        const struct judgement *judged = exceptions_judgement(search->of, story->number);
        if (!judged->is_listed) {
            return RL_OK;
        }
        uint64_t place = search->before[judged->rank] + search->seen[judged->rank]++;
        if (place < search->from || place > search->to) {
            return RL_OK;
        }
        status = begin_detail(search, story, event, place, cursor);
    }
    if (status == RL_OK && story->kept != NULL) {
        status = add_to_detail(search, story, event, captured->is_captured && !is_first);
    }
    if (status == RL_OK && search->bytes > ENOUGH) {
        shrink_details(search);
    }
    return status;
}

static rl_status on_detail_end(void *self, struct story *story)
{
    struct search *search = self;
    struct exception_detail *detail = story->kept;
    if (detail != NULL) {
        detail->open = NULL;
        search->open_count--;
    }
    return RL_OK;
}

static int is_batch_done(void *self)
{
    const struct search *search = self;
    return search->open_count == 0 && search->out->count == search->to - search->from + 1;
}

static uint64_t key_of(uint32_t thread, uint64_t seq)
{
    return ((uint64_t)thread << RL_FRAME_ORDINAL_BITS | (seq & RL_FRAME_ORDINAL_MASK)) + 1;
}

/* Reads around the first events of exceptions that are from an index, for the frames that were open
 * there. */
static rl_status read_stacks(struct search *search)
{
    struct u64map wanted = {0};
    struct skim skim = {0};
    struct event_out event;
    const struct index_wanted near = {.events = &wanted};
    rl_status status = RL_OK;
    for (size_t i = 0; i < search->out->count && status == RL_OK; i++) {
        const struct exception_detail *detail = search->out->items[i];
        uint64_t key = key_of(detail->first.out.thread, detail->first.out.seq);
        if (detail->has_no_stack && u64map_put(&wanted, key, i) != 0) {
            status = RL_NOMEM;
        }
    }
    size_t left = wanted.count;
    if (status == RL_OK && left != 0) {
        status = skim_open(search->reader, 0, 0, NULL, &skim);
    }
    while (status == RL_OK && left != 0 && (status = skim_next(&skim, &near, &event)) == RL_OK) {
        const uint64_t *place = u64map_get(&wanted, key_of(event.thread, event.seq));
        if (place != NULL) {
            struct exception_detail *detail = search->out->items[*place];
            status = take_stack(detail, skim.cursor);
            search->bytes += detail->depth * sizeof *detail->stack;
            left--;
        }
    }
    skim_close(&skim);
    u64map_fini(&wanted);
    return status == RL_END ? RL_OK : status;
}

rl_status exception_details_read(struct reader *reader, const struct stories_question *question,
                                 const struct exceptions *exceptions, uint64_t from, uint64_t to,
                                 struct exception_details *out)
{
    struct search search = {.reader = reader, .of = exceptions, .out = out, .from = from, .to = to};
    struct story_hooks hooks = {&search, on_detail_event, on_detail_end, is_batch_done};
    uint64_t listed = 0;
    *out = (struct exception_details){0};
    for (unsigned rank = 0; rank < EXCEPTION_RANKS; rank++) {
        search.before[rank] = listed;
        listed += exceptions->listed[rank];
    }
    if (from >= listed || to < from) {
        return RL_OK;
    }
    search.to = to < listed ? to : listed - 1;
    rl_status status = stories_read(reader, question, &hooks);
    status = status == RL_OK && search.stacks_left != 0 ? read_stacks(&search) : status;
    if (status == RL_OK && search.bytes > ENOUGH) {
        shrink_details(&search);
    }
    if (status != RL_OK) {
        exception_details_fini(out);
        return status;
    }
    sort_items(out);
    return RL_OK;
}

void exception_details_fini(struct exception_details *details)
{
    for (size_t i = 0; i < details->count; i++) {
        free_detail(details->items[i]);
    }
    rl_free(details->items);
    *details = (struct exception_details){0};
}
