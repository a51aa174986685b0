/* Why: a program may raise millions of exceptions, in a few ways. One pass numbers them and says
 * how each ended. What an ending means is decided once for all exceptions that share it.
 *
 *    event --> story (stories.h) --> on_story_event()      names, replacers
 *                   |
 *                   v story ends
 *              outcome_of() --> outcome_id() --> outcome_of[number], counts[outcome]
 *                   |
 *                   v after the pass
 *              add_later_facts()                           IS_AWAITED, IS_REPLACED
 *
 * An exception may be mentioned after its story has ended: a later one names it as its cause. For
 * that each name (address and type) has a link to the newest exception of that name:
 *
 *    by_address[id] -> link --trail--> story that is still open
 *                        |
 *                        +--more-----> found->more[]: what is kept after the end
 *                        +--other----> next link of the same address, another type
 *
 * Invariants:
 * 1. A link leads to the newest exception of its name. Addresses are reused, so there are as many
 * links as exceptions were alive at once, not as many as there were exceptions.
 * 2. A link has a trail while its story is open, then `more` or nothing.
 * 3. replacer is the first exception that names this one and comes to the frame of its last event.
 */
#include "exceptions.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024 };

/* What later exceptions may still reveal about one whose story is open. */
struct trail {
    int is_awaited;
    uint64_t replacer;
    size_t link; /* place + 1; 0 = a newer exception has the name */
};

struct link {
    struct exc_name name;
    uint64_t exception;
    uint64_t frame;      /* frame of its last event */
    uint64_t replacer;   /* number + 1 of the exception that came to this frame; 0 = none */
    struct trail *trail; /* owned by the story; NULL = the story has ended */
    size_t more;         /* then place + 1 in found->more; 0 = nothing is kept */
    size_t other;        /* place + 1 of a link with the same address and another type */
};

struct search {
    struct reader *reader;
    struct exceptions *found;
    size_t cap, starts_cap, outcome_cap, counts_cap, more_cap;
    int wants_starts;
    struct strmap ids; /* bytes of an outcome -> its place */
    struct link *links;
    size_t link_count, link_cap;
    struct u64map by_address; /* address -> place + 1 of its first link */
};

/* ---- outcomes ---- */

/* Finds or adds an outcome. Exceptions with equal outcomes share one. */
static rl_status outcome_id(struct search *search, const struct outcome *outcome, uint32_t *id)
{
    struct exceptions *found = search->found;
    const uint32_t *known = strmap_get(&search->ids, outcome, sizeof *outcome);
    void *outcomes = found->outcomes, *counts = found->counts;
    if (known != NULL) {
        *id = *known;
        return RL_OK;
    }
    size_t n = found->outcome_count;
    if (n == UINT32_MAX ||
        rl_grow(&outcomes, &search->outcome_cap, n + 1, sizeof *found->outcomes) != 0) {
        return RL_NOMEM;
    }
    found->outcomes = outcomes;
    if (rl_grow(&counts, &search->counts_cap, n + 1, sizeof *found->counts) != 0) {
        return RL_NOMEM;
    }
    found->counts = counts;
    if (strmap_put(&search->ids, outcome, sizeof *outcome, (uint32_t)n) != 0) {
        return RL_NOMEM;
    }
    found->outcomes[n] = *outcome;
    found->counts[n] = 0;
    found->outcome_count++;
    *id = (uint32_t)n;
    return RL_OK;
}

/* Builds the outcome of a story at its end. */
static struct outcome outcome_of(const struct story *story)
{
    const struct story_event *first = &story->first, *last = &story->last;
    struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    int is_top = last->kind == RL_EVENT_UNWIND && last->parent == 0;
    outcome.type = stories_type(story);
    outcome.first_code = first->code;
    outcome.first_line = first->line;
    outcome.last_code = last->code;
    outcome.last_line = last->line;
    outcome.kind = last->kind;
    outcome.handler = story->handler;
    outcome.handler_line = story->handler_line;
    outcome.facts =
        (story->is_outermost ? OUTCOME_OUTERMOST : 0u) |
        (last->parent == 0 ? OUTCOME_NO_PARENT : 0u) |
        (story->ends_thread ? OUTCOME_ENDS_THREAD : 0u) | (story->is_inside ? OUTCOME_INSIDE : 0u) |
        (story->exc.is_clean ? OUTCOME_CLEAN : 0u) | (story->has_task ? OUTCOME_HAS_TASK : 0u);
    if (is_top || story->is_outermost || story->ends_thread) {
        outcome.thread = story->thread;
    }
    return outcome;
}

/* ---- names of exceptions ---- */

static struct link *find_link(const struct search *search, const struct exc_name *name)
{
    const uint64_t *place = u64map_get(&search->by_address, name->id);
    for (size_t i = place != NULL ? (size_t)*place : 0; i != 0; i = search->links[i - 1].other) {
        if (stories_same_text(search->reader, search->links[i - 1].name.type, name->type)) {
            return &search->links[i - 1];
        }
    }
    return NULL;
}

static struct link *new_link(struct search *search, const struct exc_name *name)
{
    void *links = search->links;
    const uint64_t *place = u64map_get(&search->by_address, name->id);
    size_t other = place != NULL ? (size_t)*place : 0;
    if (rl_grow(&links, &search->link_cap, search->link_count + 1, sizeof *search->links) != 0) {
        return NULL;
    }
    search->links = links;
    if (u64map_put(&search->by_address, name->id, search->link_count + 1) != 0) {
        return NULL;
    }
    struct link *link = &search->links[search->link_count++];
    *link = (struct link){.name = *name, .other = other};
    return link;
}

/* Ends the use of a name: a new exception has it now. The old one came up again only where the
 * recording says that the new one was raised before. */
static void settle_link(struct search *search, const struct link *link, int is_earlier)
{
    if (link->trail != NULL) {
        *link->trail = (struct trail){is_earlier, link->replacer, 0};
    } else if (link->more != 0) {
        struct exception_more *more = &search->found->more[link->more - 1];
        more->is_awaited = is_earlier;
        more->replacer = link->replacer;
    }
}

/* Makes a story the newest one of its name, unless a newer one has it. */
static rl_status take_name(struct search *search, struct story *story)
{
    struct trail *trail = story->kept;
    struct link *link = find_link(search, &story->exc.name);
    if (link == NULL) {
        link = new_link(search, &story->exc.name);
        if (link == NULL) {
            return RL_NOMEM;
        }
    } else if (link->exception >= story->number) {
        return RL_OK;
    } else {
        settle_link(search, link, story->is_earlier);
    }
    link->exception = story->number;
    link->replacer = 0;
    link->trail = trail;
    link->more = 0;
    trail->link = (size_t)(link - search->links) + 1;
    return RL_OK;
}

/* Notes that a story replaces the exception which it names as its cause or context. It must come to
 * the frame of that exception's last event. */
static void name_replacer(struct search *search, const struct story *story)
{
    const struct exc_name *const chains[2] = {story->began_with, story->exc.chain};
    for (size_t i = 0; i < 4; i++) {
        const struct exc_name *name = &chains[i / 2][i % 2];
        struct link *link = name->id != 0 ? find_link(search, name) : NULL;
        if (link != NULL && link->exception < story->number && link->frame == story->last.frame &&
            (link->replacer == 0 || story->number + 1 < link->replacer)) {
            link->replacer = story->number + 1;
        }
    }
}

/* Moves the link of a story to the frame of its last event. What came to the frame before replaced
 * nothing, since the exception went on. */
static void follow_story(struct search *search, const struct story *story)
{
    const struct trail *trail = story->kept;
    struct link *link = trail->link != 0 ? &search->links[trail->link - 1] : NULL;
    if (link != NULL && link->frame != story->last.frame) {
        link->frame = story->last.frame;
        link->replacer = 0;
    }
}

/* ---- the pass ---- */

static rl_status grow_numbers(struct search *search, uint64_t count)
{
    struct exceptions *found = search->found;
    void *outcome_of = found->outcome_of, *starts = found->starts;
    if (rl_grow(&outcome_of, &search->cap, count, sizeof *found->outcome_of) != 0) {
        return RL_NOMEM;
    }
    found->outcome_of = outcome_of;
    if (search->wants_starts &&
        rl_grow(&starts, &search->starts_cap, count, sizeof *found->starts) != 0) {
        return RL_NOMEM;
    }
    found->starts = starts;
    return RL_OK;
}

static rl_status on_story_event(void *self, struct story *story, const struct event_out *event,
                                const struct exc_captured *captured, const struct cursor *cursor)
{
    struct search *search = self;
    (void)cursor;
    if (story->kept == NULL) {
        story->kept = rl_zalloc(1, sizeof(struct trail));
        if (story->kept == NULL || grow_numbers(search, story->number + 1) != RL_OK) {
            return RL_NOMEM;
        }
        search->found->count = story->number + 1;
        if (search->wants_starts) {
            search->found->starts[story->number] = event->t;
        }
    }
    rl_status status = captured->name.id != 0 ? take_name(search, story) : RL_OK;
    if (status == RL_OK) {
        follow_story(search, story);
        name_replacer(search, story);
    }
    return status;
}

/* Keeps what few exceptions have: a task, or a handler that may replace it. */
static rl_status keep_more(struct search *search, const struct story *story,
                           const struct trail *trail)
{
    struct exceptions *found = search->found;
    void *more = found->more;
    if (rl_grow(&more, &search->more_cap, found->more_count + 1, sizeof *found->more) != 0) {
        return RL_NOMEM;
    }
    found->more = more;
    found->more[found->more_count++] = (struct exception_more){
        .exception = story->number,
        .replacer = trail->replacer,
        .task = story->task,
        .task_name = story->task_name,
        .is_awaited = trail->is_awaited,
    };
    return RL_OK;
}

static rl_status on_story_end(void *self, struct story *story)
{
    struct search *search = self;
    struct trail *trail = story->kept;
    struct outcome outcome = outcome_of(story);
    uint32_t id;
    if (trail == NULL ||
        search->found->count <= story->number) { /* the first event failed for memory */
        rl_free(trail);
        return RL_NOMEM;
    }
    int has_more = story->has_task || outcome.handler != RL_HANDLER_EXCEPT;
    rl_status status = outcome_id(search, &outcome, &id);
    if (status == RL_OK) {
        search->found->outcome_of[story->number] = id;
        search->found->counts[id]++;
        status = has_more ? keep_more(search, story, trail) : RL_OK;
    }
    if (trail->link != 0) {
        struct link *link = &search->links[trail->link - 1];
        link->trail = NULL;
        link->more = has_more && status == RL_OK ? search->found->more_count : 0;
    }
    rl_free(trail);
    return status;
}

static int by_exception(const void *a, const void *b)
{
    const struct exception_more *x = a, *y = b;
    return x->exception < y->exception ? -1 : x->exception > y->exception;
}

/* Adds to the outcomes what became known after the stories had ended. */
static rl_status add_later_facts(struct search *search)
{
    struct exceptions *found = search->found;
    for (size_t i = 0; i < search->link_count; i++) {
        const struct link *link = &search->links[i];
        if (link->more != 0) {
            found->more[link->more - 1].replacer = link->replacer;
        }
    }
    for (size_t i = 0; i < found->more_count; i++) {
        const struct exception_more *more = &found->more[i];
        uint32_t *id = &found->outcome_of[more->exception], now;
        struct outcome outcome = found->outcomes[*id];
        if (more->is_awaited && outcome.facts & OUTCOME_HAS_TASK) {
            outcome.facts |= OUTCOME_IS_AWAITED;
        }
        if (more->replacer != 0 && outcome.handler != RL_HANDLER_EXCEPT) {
            outcome.facts |= OUTCOME_IS_REPLACED;
        }
        rl_status status = outcome_id(search, &outcome, &now);
        if (status != RL_OK) {
            return status;
        }
        found->counts[*id]--;
        found->counts[now]++;
        *id = now;
    }
    if (found->more_count != 0) {
        qsort(found->more, found->more_count, sizeof *found->more, by_exception);
    }
    return RL_OK;
}

rl_status exceptions_read(struct reader *reader, const struct stories_question *question,
                          int wants_starts, struct exceptions *out)
{
    *out = (struct exceptions){0};
    struct search search = {.reader = reader, .found = out, .wants_starts = wants_starts};
    struct story_hooks hooks = {.self = &search, .event = on_story_event, .end = on_story_end};
    rl_status status = stories_read(reader, question, &hooks);
    if (status == RL_OK) {
        status = add_later_facts(&search);
    }
    strmap_fini(&search.ids);
    u64map_fini(&search.by_address);
    rl_free(search.links);
    if (status != RL_OK) {
        exceptions_fini(out);
    }
    return status;
}

void exceptions_fini(struct exceptions *exceptions)
{
    rl_free(exceptions->outcome_of);
    rl_free(exceptions->starts);
    rl_free(exceptions->outcomes);
    rl_free(exceptions->counts);
    rl_free(exceptions->more);
    rl_free(exceptions->judged);
    rl_free(exceptions->listed_before);
    *exceptions = (struct exceptions){0};
}

/* ---- judgements ---- */

rl_status exceptions_judge(struct exceptions *exceptions, struct judgement *judged)
{
    uint64_t *blocks = rl_alloc(exceptions->count / BLOCK + 1, EXCEPTION_RANKS * sizeof *blocks);
    rl_free(exceptions->judged);
    exceptions->judged = judged;
    if (blocks == NULL) {
        return RL_NOMEM;
    }
    rl_free(exceptions->listed_before);
    exceptions->listed_before = blocks;
    memset(exceptions->listed, 0, sizeof exceptions->listed);
    for (uint64_t i = 0; i < exceptions->count; i++) {
        if (i % BLOCK == 0) {
            memcpy(blocks + i / BLOCK * EXCEPTION_RANKS, exceptions->listed,
                   sizeof exceptions->listed);
        }
        const struct judgement *own = exceptions_judgement(exceptions, i);
        exceptions->listed[own->rank] += own->is_listed;
    }
    return RL_OK;
}

uint64_t exceptions_listed_before(const struct exceptions *exceptions, unsigned rank,
                                  uint64_t exception)
{
    if (exception >= exceptions->count) {
        return exceptions->listed[rank];
    }
    uint64_t n = exceptions->listed_before[exception / BLOCK * EXCEPTION_RANKS + rank];
    for (uint64_t i = exception / BLOCK * BLOCK; i < exception; i++) {
        const struct judgement *own = exceptions_judgement(exceptions, i);
        n += own->is_listed && own->rank == rank;
    }
    return n;
}

uint64_t exceptions_place(const struct exceptions *exceptions, uint64_t exception)
{
    unsigned rank = exceptions_judgement(exceptions, exception)->rank;
    uint64_t place = exceptions_listed_before(exceptions, rank, exception);
    while (rank-- > 0) {
        place += exceptions->listed[rank];
    }
    return place;
}

const struct exception_more *exceptions_more(const struct exceptions *exceptions,
                                             uint64_t exception)
{
    struct exception_more wanted = {.exception = exception};
    return exceptions->more_count == 0 ? NULL
                                       : bsearch(&wanted, exceptions->more, exceptions->more_count,
                                                 sizeof *exceptions->more, by_exception);
}

/* ---- finding one ---- */

struct hunt {
    struct reader *reader;
    const struct exceptions *of;
    uint64_t until;
    struct exception_sought *sought;
    size_t count;
};

/* Does nothing: only the ends of stories matter here. */
static rl_status ignore_event(void *self, struct story *story, const struct event_out *event,
                              const struct exc_captured *captured, const struct cursor *cursor)
{
    (void)self;
    (void)story;
    (void)event;
    (void)captured;
    (void)cursor;
    return RL_OK;
}

/* Compares a story with the exceptions that are sought. */
static rl_status match_sought(void *self, struct story *story)
{
    const struct hunt *hunt = self;
    const struct exc_name *name = &story->exc.name;
    if (story->number > hunt->until || story->number >= hunt->of->count || name->id == 0) {
        return RL_OK;
    }
    for (size_t i = 0; i < hunt->count; i++) {
        struct exception_sought *sought = &hunt->sought[i];
        struct text type = reader_string(hunt->reader, name->type);
        if (sought->id == name->id && sought->found <= story->number &&
            sought->type.len == type.len && memcmp(sought->type.data, type.data, type.len) == 0) {
            sought->found = story->number + 1;
        }
    }
    return RL_OK;
}

rl_status exceptions_find(struct reader *reader, const struct stories_question *question,
                          const struct exceptions *exceptions, uint64_t until,
                          struct exception_sought *sought, size_t count)
{
    struct hunt hunt = {reader, exceptions, until, sought, count};
    struct story_hooks hooks = {&hunt, ignore_event, match_sought, NULL};
    return stories_read(reader, question, &hooks);
}

struct frames_hunt {
    const struct stories_question *question;
    const struct exceptions *of;
    uint64_t until;
    const uint64_t *frames;
    size_t count;
    uint64_t *found;
};

/* Notes a story that one of the frames caught. A recording without HANDLED events has the last
 * frame that the exception left: the caller caught it. */
static rl_status match_caught(void *self, struct story *story)
{
    const struct frames_hunt *hunt = self;
    int is_handled = story->last.kind == RL_EVENT_HANDLED;
    uint64_t frame = is_handled ? story->last.frame : story->last.parent;
    if (story->number >= hunt->until || story->number >= hunt->of->count ||
        story->number + 1 < *hunt->found || frame == 0 || story->handler != RL_HANDLER_EXCEPT ||
        (!is_handled && hunt->question->sees_raise) ||
        exceptions_judgement(hunt->of, story->number)->is_quiet) {
        return RL_OK;
    }
    for (size_t i = 0; i < hunt->count; i++) {
        if (hunt->frames[i] == frame) {
            *hunt->found = story->number + 1;
        }
    }
    return RL_OK;
}

rl_status exceptions_caught(struct reader *reader, const struct stories_question *question,
                            const struct exceptions *exceptions, uint64_t until,
                            const uint64_t *frames, size_t count, uint64_t *found)
{
    *found = 0;
    struct frames_hunt hunt = {question, exceptions, until, frames, count, found};
    struct story_hooks hooks = {&hunt, ignore_event, match_caught, NULL};
    return stories_read(reader, question, &hooks);
}
