/* Why: see step_search.h.
 *
 * Forwards, the search reads on from the place. Backwards it reads pieces, each from a saved place
 * of travel.h to the begin of the piece before, the last piece first:
 *
 *    saved            saved            place
 *    |--- piece 2 ----|---- piece 1 ---|        the last match of the first piece that has one
 *
 * Whether a begun call has lines shows at the next event of its thread. Until then the match waits:
 *
 *    CALL f   LINE of f           the match, if any, is at the line
 *    CALL f   anything else       f has no lines: the match is at the call
 *
 * Invariant: `best` is the right answer among all events that were read, but for those that wait.
 */
#include "step_search.h"

#include "alloc.h"
#include "instant_parts.h"

/* The last event of a thread that entered a frame, as long as nothing followed. */
struct entered {
    uint32_t thread;
    uint64_t frame;          /* 0 = something followed */
    struct step_found match; /* STEP_NOT_YET = none */
};

struct step_search {
    struct reader *reader; /* borrowed */
    struct travel *travel; /* borrowed */
    struct step_question question;
    int with_callees; /* GO_OVER: the frame has no lines, so its calls are steps */
    int has_begun;
    uint64_t piece, end; /* backwards: the piece is after the first place, up to the second */
    uint64_t limit;      /* backwards: only places before this one count */
    uint64_t caller;     /* backwards: of the frame, where `begin` is not 0 */
    uint64_t begin;      /* backwards: place at which the frame began; 0 = not seen */
    int caller_has_lines;
    struct step_found best;
    struct entered *entered; /* owned; one of each thread */
    size_t entered_count, entered_cap;
    struct stops *stops; /* owned */
};

rl_status step_search_new(struct reader *reader, struct travel *travel,
                          const struct step_question *question, struct step_search **out)
{
    struct step_search *search = rl_zalloc(1, sizeof *search);
    if (search == NULL) {
        return RL_NOMEM;
    }
    *search = (struct step_search){.reader = reader, .travel = travel, .question = *question};
    search->limit = question->place;
    search->end = question->place;
    if (stops_new(reader, question->stops, question->stop_count, question->sees_raises,
                  &search->stops) != RL_OK) {
        rl_free(search);
        return RL_NOMEM;
    }
    *out = search;
    return RL_OK;
}

void step_search_free(struct step_search *search)
{
    if (search != NULL) {
        stops_free(search->stops);
        rl_free(search->entered);
        rl_free(search);
    }
}

uint64_t step_search_unknown(const struct step_search *search)
{
    return stops_unknown(search->stops);
}

/* ---- matches ---- */

static struct step_found make_found(const struct step_search *search, enum step_reason reason,
                                    size_t stop)
{
    const struct event_out *event = travel_event(search->travel);
    return (struct step_found){reason, travel_place(search->travel), event->thread, event->seq,
                               stop};
}

/* Takes a match: forwards the first one counts, backwards the last one before the limit. At one
 * place a condition says more than the step. */
static void consider(struct step_search *search, const struct step_found *match)
{
    struct step_found *best = &search->best;
    int is_backwards = search->question.is_backwards;
    if (match->reason == STEP_NOT_YET || (is_backwards && match->place >= search->limit)) {
        return;
    }
    int is_nearer = is_backwards ? match->place > best->place : match->place < best->place;
    int says_more = match->place == best->place && best->reason == STEP_DONE;
    if (best->reason == STEP_NOT_YET || is_nearer || says_more) {
        *best = *match;
    }
}

/* Returns what is kept of a thread, made where there is nothing; NULL without memory. */
static struct entered *entered_of(struct step_search *search, uint32_t thread)
{
    for (size_t i = 0; i < search->entered_count; i++) {
        if (search->entered[i].thread == thread) {
            return &search->entered[i];
        }
    }
    void *all = search->entered;
    if (rl_grow(&all, &search->entered_cap, search->entered_count + 1, sizeof *search->entered) !=
        0) {
        return NULL;
    }
    search->entered = all;
    search->entered[search->entered_count] = (struct entered){.thread = thread};
    return &search->entered[search->entered_count++];
}

/* Returns whether a match waits that may be better than the best one. */
static int is_waiting(const struct step_search *search)
{
    for (size_t i = 0; i < search->entered_count; i++) {
        const struct step_found *match = &search->entered[i].match;
        if (match->reason != STEP_NOT_YET &&
            (search->question.is_backwards
                 ? match->place < search->limit
                 : search->best.reason == STEP_NOT_YET || match->place < search->best.place)) {
            return 1;
        }
    }
    return 0;
}

/* The recording has no event that decides: a begun call without any line is a stop. */
static void settle_waiting(struct step_search *search)
{
    for (size_t i = 0; i < search->entered_count; i++) {
        consider(search, &search->entered[i].match);
        search->entered[i].match.reason = STEP_NOT_YET;
    }
}

/* ---- the step ---- */

static int has_lines(const struct step_search *search, uint64_t frame)
{
    const struct record *record = instant_record(travel_instant(search->travel), frame);
    return record != NULL && record->has_lines;
}

/* Returns whether a kind begins a frame or goes on with one, now. */
static int is_entry(unsigned kind)
{
    return kind_enters(kind) && kind != RL_EVENT_RUNNING;
}

/* Returns whether GO_OVER or GO_UNTIL ends at an event. */
static int ends_over(const struct step_search *search, const struct event_out *event)
{
    const struct step_question *question = &search->question;
    if (event->frame == question->frame && event->frame != 0) {
        if (event->kind == RL_EVENT_LINE) {
            return question->how != GO_UNTIL || event->line >= question->line;
        }
        return kind_ends(event->kind) ||
               ((event->kind == RL_EVENT_YIELD || is_entry(event->kind)) &&
                !has_lines(search, event->frame));
    }
    return search->with_callees && event->parent_is_known && event->parent == question->frame &&
           event->kind != RL_EVENT_CLOSED &&
           (question->is_backwards ? kind_leaves(event->kind) : is_entry(event->kind));
}

/* Returns whether the step itself ends at an event, apart from conditions. */
static int ends_step(const struct step_search *search, const struct event_out *event)
{
    const struct step_question *question = &search->question;
    switch (question->how) {
    case GO_INTO:
        return event->thread == question->thread && event->kind != RL_EVENT_CLOSED &&
               (event->kind == RL_EVENT_LINE || is_entry(event->kind) || kind_leaves(event->kind));
    case GO_OVER:
    case GO_UNTIL:
        return ends_over(search, event);
    case GO_OUT:
        return event->frame == question->frame && event->frame != 0 &&
               (question->is_backwards ? kind_begins(event->kind) : kind_ends(event->kind));
    default:
        return 0;
    }
}

/* ---- events ---- */

/* The thread goes on after it entered a frame: now it shows whether the frame has lines. */
static void settle_entered(struct step_search *search, struct entered *entered,
                           const struct event_out *event)
{
    int is_line = event->kind == RL_EVENT_LINE && event->frame == entered->frame;
    if (entered->frame == 0 || event->kind == RL_EVENT_WRITE || event->kind == RL_EVENT_GC) {
        return;
    }
    if (is_line && entered->match.reason != STEP_NOT_YET) {
        entered->match = make_found(search, entered->match.reason, entered->match.stop);
    }
    consider(search, &entered->match);
    entered->match.reason = STEP_NOT_YET;
    entered->frame = 0;
}

/* Notes the begin of the frame, and what is known of its caller. */
static void note_begin(struct step_search *search, const struct event_out *event)
{
    const struct step_question *question = &search->question;
    if (question->is_backwards && question->how != GO_ON && question->how != GO_INTO &&
        event->frame == question->frame && event->frame != 0 && kind_begins(event->kind) &&
        travel_place(search->travel) <= search->limit) {
        search->begin = travel_place(search->travel);
        search->caller = event->parent;
        search->caller_has_lines = has_lines(search, event->parent);
        search->best = (struct step_found){0}; /* what was before is for a step of the caller */
        for (size_t i = 0; i < search->entered_count; i++) {
            search->entered[i].match.reason = STEP_NOT_YET;
        }
    }
}

static rl_status take_event(struct step_search *search, const struct event_out *event)
{
    const struct step_question *question = &search->question;
    struct entered *entered = entered_of(search, event->thread);
    struct step_found match = {.reason = STEP_NOT_YET};
    size_t stop;
    if (entered == NULL) {
        return RL_NOMEM;
    }
    settle_entered(search, entered, event);
    note_begin(search, event);
    rl_status status = stops_check(search->stops, travel_instant(search->travel), event, &stop);
    if (status != RL_OK) {
        return status;
    }
    if (stop != 0) {
        match = make_found(search, STEP_STOP, stop - 1);
    } else if (ends_step(search, event)) {
        match = make_found(search, STEP_DONE, 0);
    }
    if (question->how != GO_ON && event->thread == question->thread && event->is_after_gap &&
        (match.reason == STEP_NOT_YET || match.reason == STEP_DONE)) {
        match = make_found(search, STEP_LOST, 0);
    }
    int is_begin = question->how == GO_OUT && match.reason == STEP_DONE;
    /* A frame that goes on in the middle of a line is at no new place. */
    if (event->kind != RL_EVENT_CALL && is_entry(event->kind) && match.reason == STEP_DONE &&
        has_lines(search, event->frame)) {
        match.reason = STEP_NOT_YET;
    }
    if (is_entry(event->kind) && !is_begin && match.reason != STEP_LOST) {
        entered->frame = event->frame;
        entered->match = match;
    } else {
        consider(search, &match);
    }
    return RL_OK;
}

/* ---- passes ---- */

/* Forwards, a step from a frame that the last event has left is one of its caller. */
static rl_status choose_frame(struct step_search *search)
{
    struct step_question *question = &search->question;
    struct instant_frames frames;
    int ends_only = question->how == GO_OUT;
    if (question->how == GO_ON || question->how == GO_INTO) {
        return RL_OK;
    }
    const struct event_out *last = travel_event(search->travel);
    int is_left = last->frame == question->frame &&
                  (ends_only ? kind_ends(last->kind) : kind_leaves(last->kind));
    if (is_left) {
        rl_status status = instant_frames(travel_instant(search->travel), &frames);
        if (status != RL_OK) {
            return status;
        }
        uint64_t below = 0;
        for (size_t i = 0; i < frames.count; i++) {
            if (frames.items[i].frame == question->frame && frames.items[i].state == INSTANT_LEFT) {
                below = i != 0 && frames.items[i - 1].thread == frames.items[i].thread
                            ? frames.items[i - 1].frame
                            : 0;
            }
        }
        instant_frames_fini(&frames);
        question->frame = below;
        search->with_callees = below != 0 && !ends_only && !has_lines(search, below);
    }
    if (question->frame == 0 && !ends_only) {
        question->how = GO_INTO;
    }
    return RL_OK;
}

static rl_status run_forwards(struct step_search *search, uint64_t *events,
                              struct step_found *found)
{
    struct event_out event;
    rl_status status = RL_OK;
    if (!search->has_begun) {
        status = travel_to(search->travel, search->question.place, events);
        if (status == RL_OK) {
            status = stops_begin(search->stops, travel_instant(search->travel));
            search->has_begun = 1;
        }
        if (status == RL_OK) {
            status = choose_frame(search);
        }
    }
    while (status == RL_OK && (search->best.reason == STEP_NOT_YET || is_waiting(search))) {
        if (*events == 0) {
            return RL_OK;
        }
        --*events;
        status = travel_next(search->travel, &event);
        if (status == RL_OK) {
            status = take_event(search, &event);
        }
    }
    if (status == RL_LIMIT) {
        return RL_OK;
    }
    if (status == RL_END) {
        settle_waiting(search);
        status = search->best.reason == STEP_NOT_YET ? RL_END : RL_OK;
    }
    if (status == RL_OK) {
        *found = search->best;
    }
    return status;
}

/* Begins to read the piece. RL_LIMIT where there is more to do for that. */
static rl_status begin_piece(struct step_search *search, uint64_t *events)
{
    rl_status status = travel_to(search->travel, search->piece, events);
    if (status != RL_OK) {
        return status;
    }
    search->entered_count = 0;
    search->best = (struct step_found){0};
    search->begin = 0;
    search->has_begun = 1;
    return stops_begin(search->stops, travel_instant(search->travel));
}

/* The piece has no match: chooses what to read next. RL_END where nothing is left. */
static rl_status choose_piece(struct step_search *search)
{
    struct step_question *question = &search->question;
    search->has_begun = 0;
    if (search->begin != 0) {
        search->limit = search->end = search->begin;
        question->frame = search->caller;
        search->with_callees = question->how != GO_OUT && !search->caller_has_lines;
        if (question->frame == 0 && question->how == GO_OUT) {
            return RL_END;
        }
        question->how = question->frame == 0 ? GO_INTO : question->how;
    } else if (search->piece == 0) {
        return RL_END;
    } else {
        search->end = search->piece;
    }
    search->piece = search->end != 0 ? travel_saved(search->travel, search->end - 1) : 0;
    return RL_OK;
}

static rl_status run_backwards(struct step_search *search, uint64_t *events,
                               struct step_found *found)
{
    struct event_out event;
    rl_status status = RL_OK;
    while (status == RL_OK) {
        if (!search->has_begun) {
            status = begin_piece(search, events);
            continue;
        }
        if (travel_place(search->travel) >= search->end && !is_waiting(search)) {
            if (search->best.reason != STEP_NOT_YET) {
                *found = search->best;
                return RL_OK;
            }
            status = choose_piece(search);
            continue;
        }
        if (*events == 0) {
            return RL_OK;
        }
        --*events;
        status = travel_next(search->travel, &event);
        if (status == RL_END) {
            settle_waiting(search);
            status = RL_OK;
            search->end = travel_place(search->travel);
        } else if (status == RL_OK) {
            status = take_event(search, &event);
        }
    }
    return status == RL_LIMIT ? RL_OK : status;
}

rl_status step_search_run(struct step_search *search, uint64_t *events, struct step_found *found)
{
    found->reason = STEP_NOT_YET;
    if (!search->question.is_backwards) {
        return run_forwards(search, events, found);
    }
    if (search->piece == 0 && !search->has_begun && search->end != 0) {
        search->piece = travel_saved(search->travel, search->end - 1);
    }
    return run_backwards(search, events, found);
}
