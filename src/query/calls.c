/* Why: one pass over all events answers for a handful of calls. Its memory depends on the limit and
 * on the frames that are open, not on the length of the recording.
 *
 *    event CALL                             event RETURN, UNWIND ...
 *       v                                      v
 *    on_call_start()                        on_call_end()
 *       |  open: frame -> call_node            |  removes the frame from `open`
 *       |  new_call(), if the call matches     |  adds the end to its call
 *       v                                      v
 *    keep_call() at once                    keep_call() if the call lasted long enough (`least`)
 *       |
 *       v
 *    kept: an array until `limit` is reached, then a heap with the largest key on top
 *
 *    is_settled()   no frame that is open can have calls before the kept ones: the pass ends, and
 *                   find_ends() looks for the ends of kept calls from the other side
 *    keep_open()    calls that have no end count as long enough
 *    sort_calls()   puts each call below its caller
 *
 * A path is (thread; starts of the callers in the answer and in that thread; own start). Paths are
 * compared as texts are: first by what they begin with, and a caller comes before what it calls.
 * What comes behind another path, or before it, does so with all that it calls. Each node
 * remembers that, so few paths are compared in full.
 *
 *    main 1 ---- f 2 ---- g 3        after (1, 2): main, f before; g, h, k behind
 *           \--- h 5                 a heap that ends with (1, 2, 3): h and k are beyond it
 *                   \--- k 6
 *
 * Invariants: `kept` contains the calls with the smallest paths so far, at most `limit`. A node has
 * a reference from its open frame, from its kept call, and from each node below it. */
#include "calls.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "frame_end.h"
#include "skim.h"

enum { LOOK_FIRST = 64, LOOK_EVERY = 4096 }; /* events before a look whether it is settled */

struct call_node {
    struct call_node *parent; /* owned reference; NULL = no caller was seen */
    struct call *call;        /* borrowed; NULL = the call is not kept */
    struct call_node *above;  /* the last one of its path before it, or NULL; held by `parent` */
    uint64_t seq;
    uint32_t thread;
    uint32_t rank; /* number of nodes before it in its path */
    uint32_t refs;
    uint32_t level; /* UINT32_MAX = above the first of the wanted functions */
    int is_inside;
    int is_beyond; /* it and all that it calls come after the kept calls */
    int place;     /* enum place */
};

/* Where a node is, seen from the call that the answer begins behind. */
enum place { BEHIND, BEFORE, ON_ITS_PATH };

struct search {
    struct reader *reader;
    const struct calls_question *question;
    struct u64map open; /* frame -> its node */
    struct call_node *spare;
    uint64_t *path; /* owned; starts, of the call that the answer begins behind */
    uint32_t path_len;
    struct call **kept; /* owned */
    size_t count, cap;
    int is_heap;
    int is_settled;    /* no other calls will be kept */
    size_t unfinished; /* then: kept calls whose end is not known */
    uint64_t hidden;
};

/* Returns whether the path of `a` comes before that of `b`. */
static int node_comes_before(const struct call_node *a, const struct call_node *b)
{
    if (a->thread != b->thread) {
        return a->thread < b->thread;
    }
    const struct call_node *x = a, *y = b;
    while (x->rank > y->rank) {
        x = x->above;
    }
    while (y->rank > x->rank) {
        y = y->above;
    }
    if (x == y) {
        return a->rank < b->rank;
    }
    while (x->above != y->above) {
        x = x->above;
        y = y->above;
    }
    return x->seq < y->seq;
}

static int call_comes_before(const struct call *a, const struct call *b)
{
    return node_comes_before(a->node, b->node);
}

static int by_path(const void *a, const void *b)
{
    const struct call *const *x = a, *const *y = b;
    return call_comes_before(*x, *y) ? -1 : call_comes_before(*y, *x);
}

/* ---- nodes ---- */

static void drop_node(struct search *search, struct call_node *node)
{
    while (node != NULL && --node->refs == 0) {
        struct call_node *parent = node->parent;
        node->parent = search->spare;
        search->spare = node;
        node = parent;
    }
}

static struct call_node *new_node(struct search *search, struct call_node *parent)
{
    struct call_node *node = search->spare;
    if (node != NULL) {
        search->spare = node->parent;
    } else if ((node = rl_alloc(1, sizeof *node)) == NULL) {
        return NULL;
    }
    *node = (struct call_node){.parent = parent, .refs = 1};
    if (parent != NULL) {
        parent->refs++;
    }
    return node;
}

/* Returns where a node is, seen from the call that the answer begins behind. */
static enum place place_of(const struct search *search, const struct call_node *node)
{
    const struct call_node *above = node->above;
    if (search->path == NULL) {
        return BEHIND;
    }
    if (above == NULL && node->thread != search->question->after_thread) {
        return node->thread < search->question->after_thread ? BEFORE : BEHIND;
    }
    if (above != NULL && above->place != ON_ITS_PATH) {
        return (enum place)above->place;
    }
    if (node->rank == search->path_len || node->seq > search->path[node->rank]) {
        return BEHIND;
    }
    return node->seq < search->path[node->rank] ? BEFORE : ON_ITS_PATH;
}

/* Fills in what a new node has from its event. */
static void describe_node(const struct search *search, struct call_node *node,
                          const struct event_out *event)
{
    const struct calls_question *question = search->question;
    struct call_node *parent = node->parent;
    node->seq = event->seq;
    node->thread = event->thread;
    node->is_inside = !question->has_codes || (parent != NULL && parent->is_inside) ||
                      u64map_get(&question->codes, (uint64_t)event->id + 1) != NULL;
    node->level = (parent != NULL ? parent->level : UINT32_MAX) + (uint32_t)node->is_inside;
    while (parent != NULL && parent->is_inside && parent->thread != node->thread) {
        parent = parent->parent;
    }
    if (parent != NULL && parent->is_inside) {
        node->above = parent;
        node->rank = parent->rank + 1;
        node->is_beyond = parent->is_beyond;
    }
    node->place = place_of(search, node);
}

/* Returns the node of an open frame, or NULL. */
static struct call_node *find_node(const struct search *search, uint64_t frame)
{
    const uint64_t *found = frame != 0 ? u64map_get(&search->open, frame) : NULL;
    return found != NULL ? (struct call_node *)(uintptr_t)*found : NULL;
}

/* ---- calls ---- */

static void free_call(struct search *search, struct call *call)
{
    if (call->node != NULL) {
        call->node->call = NULL;
        drop_node(search, call->node);
    }
    kept_event_fini(&call->start);
    kept_event_fini(&call->end);
    rl_free(call);
}

static struct call *new_call(struct search *search, struct call_node *node,
                             const struct event_out *event)
{
    struct call *call = rl_zalloc(1, sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    call->level = node->level;
    call->node = node;
    node->call = call;
    node->refs++;
    if (kept_event_take(&call->start, event) != 0) {
        free_call(search, call);
        return NULL;
    }
    return call;
}

/* ---- kept calls ---- */

static void sift_call_down(struct call **heap, size_t count, size_t i)
{
    for (;;) {
        size_t last = i, left = 2 * i + 1, right = left + 1;
        if (left < count && call_comes_before(heap[last], heap[left])) {
            last = left;
        }
        if (right < count && call_comes_before(heap[last], heap[right])) {
            last = right;
        }
        if (last == i) {
            return;
        }
        struct call *swap = heap[i];
        heap[i] = heap[last];
        heap[last] = swap;
        i = last;
    }
}

/* Returns whether `limit` is reached. Makes the array a heap when it is, the first time. */
static int is_heap_full(struct search *search)
{
    if (search->count < search->question->limit) {
        return 0;
    }
    for (size_t i = search->count / 2 + 1; !search->is_heap && i-- > 0;) {
        sift_call_down(search->kept, search->count, i);
    }
    search->is_heap = 1;
    return 1;
}

/* Returns whether a call comes after all kept calls. */
static int is_beyond(struct search *search, struct call_node *node)
{
    if (!node->is_beyond && is_heap_full(search)) {
        node->is_beyond = search->count == 0 || node_comes_before(search->kept[0]->node, node);
    }
    return node->is_beyond;
}

/* Takes a call. One that no longer has room is counted and freed. */
static rl_status keep_call(struct search *search, struct call *call)
{
    if (is_beyond(search, call->node)) {
        search->hidden++;
        free_call(search, call);
        return RL_OK;
    }
    if (is_heap_full(search)) {
        search->hidden++;
        free_call(search, search->kept[0]);
        search->kept[0] = call;
        sift_call_down(search->kept, search->count, 0);
        return RL_OK;
    }
    void *kept = search->kept;
    if (rl_grow(&kept, &search->cap, search->count + 1, sizeof(struct call *)) != 0) {
        free_call(search, call);
        return RL_NOMEM;
    }
    search->kept = kept;
    search->kept[search->count++] = call;
    return RL_OK;
}

/* ---- the pass ---- */

/* Forgets a frame. A damaged recording may begin the same frame twice. */
static void forget_frame(struct search *search, uint64_t frame)
{
    struct call_node *node = find_node(search, frame);
    if (node == NULL) {
        return;
    }
    (void)u64map_remove(&search->open, frame, NULL);
    if (search->question->least != 0 && node->call != NULL) {
        free_call(search, node->call);
    }
    drop_node(search, node);
}

static int is_asked_for(const struct calls_question *question, const struct event_out *event)
{
    return (question->thread == 0 || event->thread == question->thread) &&
           (question->session == 0 || event->session == question->session);
}

static rl_status on_call_start(struct search *search, const struct event_out *event)
{
    const struct calls_question *question = search->question;
    if (event->frame == 0 || !is_asked_for(question, event)) {
        return RL_OK;
    }
    struct call_node *parent = find_node(search, event->parent);
    struct call_node *node = new_node(search, parent);
    if (node == NULL) {
        return RL_NOMEM;
    }
    forget_frame(search, event->frame);
    describe_node(search, node, event);
    if (u64map_put(&search->open, event->frame, (uint64_t)(uintptr_t)node) != 0) {
        drop_node(search, node);
        return RL_NOMEM;
    }
    if (!node->is_inside || (question->depth != 0 && node->level >= question->depth) ||
        node->place != BEHIND) {
        return RL_OK;
    }
    if (question->least == 0 && is_beyond(search, node)) {
        search->hidden++;
        return RL_OK;
    }
    struct call *call = new_call(search, node, event);
    if (call == NULL) {
        return RL_NOMEM;
    }
    return question->least == 0 ? keep_call(search, call) : RL_OK;
}

static rl_status on_call_end(struct search *search, const struct event_out *event)
{
    uint64_t value;
    if (event->frame == 0 || !u64map_remove(&search->open, event->frame, &value)) {
        return RL_OK;
    }
    struct call_node *node = (struct call_node *)(uintptr_t)value;
    struct call *call = node->call;
    rl_status status = RL_OK;
    search->unfinished -= search->is_settled && call != NULL && !call->has_end;
    if (call != NULL && search->question->least != 0 &&
        event->t - call->start.out.t < search->question->least) {
        free_call(search, call);
    } else if (call != NULL) {
        if (!call->has_end) { /* find_ends() may have it already */
            status = kept_event_take(&call->end, event) == 0 ? RL_OK : RL_NOMEM;
        }
        call->has_end = 1;
        if (search->question->least != 0 && status == RL_OK) {
            status = keep_call(search, call);
        } else if (search->question->least != 0) {
            free_call(search, call);
        }
    }
    drop_node(search, node);
    return status;
}

/* Keeps the calls whose end was not recorded, however long they took. */
static rl_status keep_open(struct search *search)
{
    rl_status status = RL_OK;
    for (size_t i = 0; i < search->open.capacity; i++) {
        if (search->open.entries[i].key == 0) {
            continue;
        }
        struct call_node *node = (struct call_node *)(uintptr_t)search->open.entries[i].value;
        if (search->question->least != 0 && node->call != NULL) {
            if (status == RL_OK) {
                status = keep_call(search, node->call);
            } else {
                free_call(search, node->call);
            }
        }
    }
    return status;
}

/* Finds the path of the call that the answer begins behind. */
static rl_status find_path(struct search *search)
{
    const struct calls_question *question = search->question;
    struct cursor *cursor = NULL;
    struct event_out event;
    rl_status status = cursor_open(search->reader, &cursor);
    while (status == RL_OK && (status = cursor_next(cursor, &event)) == RL_OK) {
        if (kind_ends(event.kind)) {
            forget_frame(search, event.frame);
            continue;
        }
        status = kind_begins(event.kind) ? on_call_start(search, &event) : RL_OK;
        if (event.thread == question->after_thread && event.seq >= question->after_seq) {
            break;
        }
    }
    cursor_close(cursor);
    const struct call_node *node = status == RL_OK ? find_node(search, event.frame) : NULL;
    if (status == RL_END || (status == RL_OK && (node == NULL || node->seq != question->after_seq ||
                                                 node->thread != question->after_thread))) {
        return RL_USAGE;
    }
    if (status == RL_OK &&
        (search->path = rl_alloc(node->rank + 1, sizeof *search->path)) != NULL) {
        search->path_len = node->rank + 1;
        for (; node != NULL; node = node->above) {
            search->path[node->rank] = node->seq;
        }
    }
    return status == RL_OK && search->path == NULL ? RL_NOMEM : status;
}

/* ---- when no more calls will be kept ---- */

/* Returns whether what a frame will call comes after the last kept call. */
static int is_behind_all(const struct call_node *last, const struct call_node *open)
{
    if (open->is_beyond) {
        return 1;
    }
    while (open != NULL && open->is_inside && open->thread != last->thread) {
        open = open->parent;
    }
    if (open == NULL || !open->is_inside || node_comes_before(last, open)) {
        return 1; /* new paths of the thread begin later */
    }
    while (last->rank > open->rank) {
        last = last->above;
    }
    return last == open; /* what it called already comes first */
}

/* Returns whether the answer has all its calls, and is known to leave some out. */
static int is_settled(struct search *search, const struct cursor *cursor)
{
    const struct calls_question *question = search->question;
    if (!question->may_cut || question->least != 0 || search->hidden == 0 ||
        !is_heap_full(search)) {
        return 0;
    }
    const struct call_node *last = search->count != 0 ? search->kept[0]->node : NULL;
    if (last == NULL) {
        return 1;
    }
    if (question->thread == 0 && cursor_has_more_below(cursor, last->thread)) {
        return 0;
    }
    for (size_t i = 0; i < search->open.capacity; i++) {
        if (search->open.entries[i].key != 0 &&
            !is_behind_all(last, (struct call_node *)(uintptr_t)search->open.entries[i].value)) {
            return 0;
        }
    }
    return 1;
}

/* Finds the ends of kept calls of one thread that are still open, and stay in it. */
static rl_status find_ends_in(struct search *search, uint32_t thread)
{
    enum { MOVES = RL_CODE_GENERATOR | RL_CODE_COROUTINE | RL_CODE_ASYNC_GENERATOR };
    struct frame_end *ends = rl_alloc(search->count, sizeof *ends);
    size_t count = 0;
    for (size_t i = 0; ends != NULL && i < search->count; i++) {
        struct call *call = search->kept[i];
        const struct event_out *start = &call->start.out;
        if (!call->has_end && start->thread == thread &&
            (reader_code(search->reader, start->id).flags & MOVES) == 0) {
            ends[count++] = (struct frame_end){start->seq, start->frame, &call->end};
        }
    }
    rl_status status = ends == NULL ? RL_NOMEM
                       : count != 0 ? frame_end_find(search->reader, thread, ends, count)
                                    : RL_OK;
    rl_free(ends);
    return status;
}

/* Finds the ends of kept calls that are still open. Those of others are read on for: *wanted
 * becomes their functions. */
static rl_status find_ends(struct search *search, struct u64map *wanted)
{
    struct u64map threads = {0};
    rl_status status = RL_OK;
    search->is_settled = 1;
    for (size_t i = 0; i < search->count && status == RL_OK; i++) {
        uint64_t thread = search->kept[i]->start.out.thread;
        if (!search->kept[i]->has_end && u64map_get(&threads, thread + 1) == NULL) {
            status = u64map_put(&threads, thread + 1, 1) == 0 ? RL_OK : RL_NOMEM;
            status = status == RL_OK ? find_ends_in(search, (uint32_t)thread) : status;
        }
    }
    for (size_t i = 0; i < search->count && status == RL_OK; i++) {
        struct call *call = search->kept[i];
        call->has_end |= call->end.out.kind != 0;
        if (!call->has_end) {
            search->unfinished++;
            status =
                u64map_put(wanted, (uint64_t)call->start.out.id + 1, 1) == 0 ? RL_OK : RL_NOMEM;
        }
    }
    u64map_fini(&threads);
    return status;
}

static rl_status read_call_events(struct search *search)
{
    struct skim skim;
    struct event_out event;
    struct u64map codes = {0};
    const struct index_wanted ends = {.kinds = UINT32_C(1) << RL_EVENT_RETURN |
                                               UINT32_C(1) << RL_EVENT_UNWIND |
                                               UINT32_C(1) << RL_EVENT_CLOSED,
                                      .codes = &codes};
    uint64_t look = LOOK_FIRST;
    rl_status status = skim_open(search->reader, 0, 0, NULL, &skim);
    if (status != RL_OK) {
        return status;
    }
    while (status == RL_OK && !(search->is_settled && search->unfinished == 0) &&
           (status = skim_next(&skim, search->is_settled ? &ends : NULL, &event)) == RL_OK) {
        if (kind_begins(event.kind)) {
            status = search->is_settled ? RL_OK : on_call_start(search, &event);
        } else if (kind_ends(event.kind)) {
            status = on_call_end(search, &event);
        }
        if (status == RL_OK && !search->is_settled && skim.given >= look) {
            look += look < LOOK_EVERY ? look : LOOK_EVERY + search->open.capacity;
            status = is_settled(search, skim.cursor) ? find_ends(search, &codes) : RL_OK;
        }
    }
    skim_close(&skim);
    u64map_fini(&codes);
    return status == RL_END ? RL_OK : status;
}

/* ---- the answer ---- */

static void forget_open(struct search *search)
{
    for (size_t i = 0; i < search->open.capacity; i++) {
        if (search->open.entries[i].key != 0) {
            struct call_node *node = (struct call_node *)(uintptr_t)search->open.entries[i].value;
            drop_node(search, node);
        }
    }
    u64map_clear(&search->open);
}

static void calls_search_fini(struct search *search)
{
    forget_open(search);
    u64map_fini(&search->open);
    rl_free(search->path);
    while (search->spare != NULL) {
        struct call_node *node = search->spare;
        search->spare = node->parent;
        rl_free(node);
    }
}

rl_status calls_read(struct reader *reader, const struct calls_question *question,
                     struct calls_answer *answer)
{
    struct search search = {.reader = reader, .question = question};
    rl_status status = RL_OK;
    if (question->after_thread != 0) {
        struct calls_question nothing = *question; /* only nodes */
        nothing.limit = 0;
        nothing.least = 0;
        search.question = &nothing;
        status = find_path(&search);
        forget_open(&search);
        search.question = question;
        search.hidden = 0;
        search.is_heap = 0;
    }
    if (status == RL_OK) {
        status = read_call_events(&search);
        rl_status kept = keep_open(&search);
        status = status == RL_OK ? kept : status;
    }
    if (status == RL_OK && search.count != 0) {
        qsort(search.kept, search.count, sizeof(struct call *), by_path);
    }
    *answer = (struct calls_answer){search.kept, search.count, search.hidden, search.is_settled};
    for (size_t i = 0; i < answer->count; i++) {
        drop_node(&search, answer->calls[i]->node);
        answer->calls[i]->node = NULL;
    }
    calls_search_fini(&search);
    if (status != RL_OK) {
        calls_fini(answer);
    }
    return status;
}

void calls_fini(struct calls_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        kept_event_fini(&answer->calls[i]->start);
        kept_event_fini(&answer->calls[i]->end);
        rl_free(answer->calls[i]);
    }
    rl_free(answer->calls);
    *answer = (struct calls_answer){0};
}
