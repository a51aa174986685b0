/* Why: an exception is many events, and a recording may have millions of exceptions. Only those
 * that may still go on are in memory.
 *
 *    lane of a thread:  recent[0] ... recent[n-1]      the story with the latest event is last
 *
 *    event with an exception
 *       |
 *       +-- begins_story() is false for the newest of `recent` that it can continue: add_event()
 *       +-- true for all: new_story(); recent[0] ends first where there are AT_ONCE
 *
 * An event continues a story if it has the same exception. With captured values that is decided by
 * address and type, without them by frames:
 *
 *    last event          continues with
 *    UNWIND from f       HANDLED or UNWIND in the caller of f; RAISE "again" in f
 *    RAISE, HANDLED in f UNWIND or HANDLED in f
 *    HANDLED by a `with` RAISE "earlier" in a frame that it called: the body of @contextmanager
 *
 * Not every recording has that HANDLED. 3.8 does not show where a `with` goes on. No version below
 * 3.12 shows it on the line of the raise. There is_passed_unseen() decides.
 *
 * Invariants: a story is in one lane, once. `ending` has the open frames of
 * Thread._bootstrap_inner, where the standard library catches what ends a thread. */
#include "stories.h"

#include <string.h>

#include "listed.h"

#include "value.h"

enum {
    AT_ONCE = 8, /* exceptions of a thread that may be on their way at once: clean-ups raise some */
};

struct lane {
    struct story *recent[AT_ONCE]; /* owned */
    size_t count;
};

struct pass {
    struct reader *reader;
    const struct stories_question *question;
    const struct story_hooks *hooks;
    const struct cursor *cursor; /* at the event; NULL = it is from an index */
    struct u64map lanes;         /* thread -> struct lane *, owned */
    struct u64map names;         /* open task -> string id of its name + 1 */
    struct u64map ending;        /* open frames of the function that catches what ends a thread */
    struct u64map ends;          /* code ids + 1 of that function */
    uint64_t count;
};

/* ---- reading an event ---- */

static int text_equals(struct text text, const char *wanted)
{
    return text.len == strlen(wanted) && memcmp(text.data, wanted, text.len) == 0;
}

int stories_same_text(const struct reader *reader, uint32_t a, uint32_t b)
{
    if (a == b || a == 0 || b == 0) {
        return a == b;
    }
    struct text x = reader_string(reader, a), y = reader_string(reader, b);
    return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

uint32_t stories_type(const struct story *story)
{
    return story->exc.is_captured ? story->exc.name.type : story->first.exc;
}

/* Returns whether the message of a SystemExit means success. */
static int is_clean_exit(const struct value *message)
{
    static const char *const texts[] = {"", "0", "None", "False"};
    switch (message->tag) {
    case RL_VALUE_NONE:
    case RL_VALUE_FALSE:
        return 1;
    case RL_VALUE_INT:
        return message->number == 0;
    case RL_VALUE_STR:
    case RL_VALUE_STR_ODD:
    case RL_VALUE_STR_CUT:
    case RL_VALUE_TEXT:
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            if (text_equals((struct text){(const char *)message->bytes, message->size}, texts[i])) {
                return 1;
            }
        }
        return 0;
    default:
        return 0;
    }
}

static int is_exit(const struct reader *reader, uint32_t type)
{
    static const char name[] = "SystemExit";
    struct text text = reader_string(reader, type);
    size_t len = sizeof name - 1;
    return text.len >= len && memcmp(text.data + text.len - len, name, len) == 0;
}

/* Reads the name of the next exception and skips its value. The name is 0 where the value is
 * none. */
static rl_status next_name(struct bytes_in *in, struct exc_name *name)
{
    struct bytes_in ahead = *in;
    struct value value;
    if (value_next(&ahead, &value) == RL_OK && value.tag == RL_VALUE_EXCEPTION &&
        value.identity != 0) {
        *name = (struct exc_name){value.identity, value.type};
    }
    return value_skip(in);
}

/* Reads an exception whose first node is `value`. */
static rl_status read_captured(const struct reader *reader, const struct value *value,
                               struct bytes_in *in, struct exc_captured *exc)
{
    struct bytes_in ahead = *in;
    struct value message;
    exc->is_captured = 1;
    exc->is_again = (value->flags & RL_EXCEPTION_AGAIN) != 0;
    exc->name = (struct exc_name){value->identity, value->type};
    exc->is_clean = is_exit(reader, value->type) && value_next(&ahead, &message) == RL_OK &&
                    is_clean_exit(&message);
    rl_status status = value_skip(in);
    for (int i = 0; i < 2 && status == RL_OK; i++) {
        status = next_name(in, &exc->chain[i]);
    }
    return status;
}

/* Reads what an event has captured. Damaged bytes become a problem of the reader. */
static struct exc_captured captured_of(struct reader *reader, const struct event_out *event)
{
    struct exc_captured exc = {.is_clean = 1};
    struct bytes_in in = bytes_in_of(event->values, event->values_len), before = in;
    struct value value;
    rl_status status = event->values_len != 0 ? value_next(&in, &value) : RL_END;
    if (status == RL_OK && value.tag == RL_VALUE_EXCEPTION) {
        status = read_captured(reader, &value, &in, &exc);
    } else if (status == RL_OK && value.tag != RL_VALUE_UNSET) {
        in = before;
        status = after_exception_may_follow(value.tag) ? value_skip(&in) : RL_DAMAGED;
        exc.is_clean = value.tag == RL_VALUE_NONE;
    }
    if (status == RL_OK) {
        exc.rest = in;
    } else if (event->values_len != 0) {
        reader_value_problem(reader, event->thread, event->seq);
        exc = (struct exc_captured){.is_clean = 1};
    }
    return exc;
}

/* Returns whether code belongs to a library or is frozen. */
static int is_library(const struct pass *pass, uint32_t code)
{
    struct text file = reader_code(pass->reader, code).file;
    static const char frozen[] = "<frozen";
    if (file.len >= sizeof frozen - 1 && memcmp(file.data, frozen, sizeof frozen - 1) == 0) {
        return 1;
    }
    for (size_t i = 0; i < pass->question->library_count; i++) {
        const struct text *folder = &pass->question->libraries[i];
        if (file.len >= folder->len && memcmp(file.data, folder->data, folder->len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* ---- which story an event belongs to ---- */

/* Returns whether the exception is raised into the coroutine that waited for the one it left.
 * Cancellation does that. */
static int is_thrown_to_waiter(const struct story_event *last, const struct event_out *event,
                               const struct exc_captured *now)
{
    struct after_exception after = after_exception_rest(event->kind, event->frame, now->rest);
    return after.is_earlier && last->kind == RL_EVENT_UNWIND && event->frame == last->parent;
}

/* Returns whether the event is in something that `frame` has called. */
static int is_called_by(uint64_t frame, const struct event_out *event,
                        const struct exc_captured *now)
{
    struct after_exception after = after_exception_rest(event->kind, event->frame, now->rest);
    uint64_t caller;
    uint32_t line;
    int is_inside = event->parent == frame;
    while (!is_inside && after_exception_caller(&after, &caller, &line)) {
        is_inside = caller == frame;
    }
    return frame != 0 && is_inside;
}

/* Returns whether something that `frame` has called raises an exception that was raised before. */
static int is_earlier_inside(uint64_t frame, const struct event_out *event,
                             const struct exc_captured *now)
{
    struct after_exception after = after_exception_rest(event->kind, event->frame, now->rest);
    return after.is_earlier && is_called_by(frame, event, now);
}

/* Returns whether a `with` that the exception has reached passes it on to a frame that it called.
 * @contextmanager throws it into its generator, and goes on with it where that does not catch it.
 */
static int is_passed_on(const struct story *story, const struct event_out *event,
                        const struct exc_captured *now)
{
    return story->last.kind == RL_EVENT_HANDLED && story->handler == RL_HANDLER_WITH &&
           is_earlier_inside(story->last.frame, event, now);
}

/* Returns the frame that the exception has come to, if nothing there has handled it; 0 = none. */
static uint64_t reached_frame(const struct story_event *last)
{
    switch (last->kind) {
    case RL_EVENT_RAISE:
        return last->frame;
    case RL_EVENT_UNWIND:
        return last->parent;
    default:
        return 0;
    }
}

/* Returns whether a frame of a thread began before another one of it. */
static int began_before(uint64_t frame, uint64_t other)
{
    return ((frame ^ other) & ~RL_FRAME_ORDINAL_MASK) == 0 &&
           (frame & RL_FRAME_ORDINAL_MASK) < (other & RL_FRAME_ORDINAL_MASK);
}

/* Does the same where the recording does not show that the `with` was reached. The events must have
 * one address and type. Another exception there would have begun a story of its own: an "earlier"
 * one was raised in a recorded frame before.
 *
 * The generator of a `with` began before what its body calls, and before that of a `with` inside.
 * What ended a task is raised again by its await, not by a `with`. */
static int is_passed_unseen(const struct story *story, const struct event_out *event,
                            const struct exc_captured *now)
{
    int was_there =
        story->last.kind == RL_EVENT_RAISE || began_before(event->frame, story->last.frame);
    return was_there && !story->has_task && event->frame != story->last.frame &&
           is_earlier_inside(reached_frame(&story->last), event, now);
}

/* Returns whether a RAISE goes on with the exception of a story, in another frame. */
static int is_thrown(const struct story *story, const struct event_out *event,
                     const struct exc_captured *now)
{
    return is_thrown_to_waiter(&story->last, event, now) || is_passed_on(story, event, now);
}

/* Returns whether an event continues a story, where only frames can tell. */
static int continues_by_frame(const struct story *story, const struct event_out *event,
                              const struct exc_captured *now)
{
    const struct story_event *last = &story->last;
    if (event->kind == RL_EVENT_RAISE) {
        struct after_exception after = after_exception_rest(event->kind, event->frame, now->rest);
        return (after.is_again && event->frame == last->frame) || is_thrown(story, event, now);
    }
    return event->frame == (last->kind == RL_EVENT_UNWIND ? last->parent : last->frame);
}

/* Returns whether a frame may be one that the exception came to next. Addresses are reused, so a
 * frame that began later has another exception. */
static int may_be_outside(uint64_t frame, const struct story *story)
{
    const struct story_event *last = &story->last;
    const struct event_out *began = &story->began.out;
    uint64_t caller;
    uint32_t line;
    if (frame == last->frame || frame == last->parent) {
        return 1;
    }
    struct after_exception after =
        after_exception_of(began->kind, began->frame, began->values, began->values_len);
    while (after_exception_caller(&after, &caller, &line)) {
        if (caller == frame) {
            return 1;
        }
    }
    return (frame & RL_FRAME_ORDINAL_MASK) < (last->frame & RL_FRAME_ORDINAL_MASK);
}

/* Returns whether an event begins a new story instead of continuing this one. */
static int begins_story(const struct pass *pass, const struct story *story,
                        const struct event_out *event, const struct exc_captured *now,
                        int is_latest)
{
    const struct exc_name *before = &story->exc.name;
    if (now->name.id == 0 || before->id == 0) {
        int is_same =
            event->exc == 0 || stories_same_text(pass->reader, event->exc, story->first.exc);
        return !(is_latest && is_same && continues_by_frame(story, event, now));
    }
    if (now->name.id != before->id ||
        !stories_same_text(pass->reader, now->name.type, before->type)) {
        return 1;
    }
    if (event->kind == RL_EVENT_RAISE) {
        return !now->is_again && !is_thrown(story, event, now) &&
               !is_passed_unseen(story, event, now);
    }
    return !pass->question->sees_raise && !may_be_outside(event->frame, story);
}

/* ---- stories ---- */

static void free_story(struct story *story)
{
    kept_event_fini(&story->began);
    rl_free(story);
}

/* Ends the oldest stories of a thread, until `left` remain. */
static rl_status end_oldest(struct pass *pass, struct lane *lane, size_t left)
{
    rl_status status = RL_OK;
    while (lane->count > left) {
        struct story *story = lane->recent[0];
        memmove(lane->recent, lane->recent + 1, --lane->count * sizeof *lane->recent);
        rl_status ended = pass->hooks->end(pass->hooks->self, story);
        status = status == RL_OK ? ended : status;
        free_story(story);
    }
    return status;
}

static struct lane *lane_of_thread(struct pass *pass, uint32_t thread)
{
    const uint64_t *known = u64map_get(&pass->lanes, (uint64_t)thread + 1);
    if (known != NULL) {
        return (struct lane *)(uintptr_t)*known;
    }
    struct lane *lane = rl_zalloc(1, sizeof *lane);
    if (lane != NULL &&
        u64map_put(&pass->lanes, (uint64_t)thread + 1, (uint64_t)(uintptr_t)lane) != 0) {
        rl_free(lane);
        lane = NULL;
    }
    return lane;
}

/* Removes the story that an event continues from its lane. NULL = the event begins a story. */
static struct story *take_story(struct pass *pass, struct lane *lane, const struct event_out *event,
                                const struct exc_captured *captured)
{
    for (size_t i = lane->count; i-- > 0;) {
        struct story *story = lane->recent[i];
        if (!begins_story(pass, story, event, captured, i == lane->count - 1)) {
            memmove(&lane->recent[i], &lane->recent[i + 1],
                    (--lane->count - i) * sizeof *lane->recent);
            return story;
        }
    }
    return NULL;
}

static struct story *new_story(struct pass *pass, const struct event_out *event)
{
    struct story *story = rl_zalloc(1, sizeof *story);
    if (story == NULL || kept_event_take(&story->began, event) != 0) {
        rl_free(story);
        return NULL;
    }
    story->number = pass->count++;
    story->thread = event->thread;
    story->is_inside = 1;
    return story;
}

/* Returns the frame whose `with` has the exception after an event; 0 = none. It has it until an
 * event of its own: what it calls may raise the exception, or be left by it. */
static uint64_t with_frame(const struct story *story, const struct event_out *event,
                           const struct exc_captured *now)
{
    uint64_t reached = reached_frame(&story->last);
    if (story->with != 0 && event->frame != story->with) {
        return story->with;
    }
    if (event->kind == RL_EVENT_HANDLED) {
        struct after_exception after = after_exception_rest(event->kind, event->frame, now->rest);
        return after.handler == RL_HANDLER_WITH ? event->frame : 0;
    }
    int is_elsewhere = event->frame != reached && event->frame != story->last.frame;
    return is_elsewhere && is_called_by(reached, event, now) ? reached : 0;
}

/* Applies an event to its story. */
static void add_event(struct pass *pass, struct story *story, const struct event_out *event,
                      const struct exc_captured *captured, int is_first)
{
    story->with = with_frame(story, event, captured);
    story->last = (struct story_event){event->t,  event->seq,  event->frame, event->parent,
                                       event->id, event->line, event->exc,   event->kind};
    if (is_first || captured->is_captured) {
        story->exc = *captured;
        story->exc.rest = bytes_in_of(NULL, 0);
    }
    struct after_exception after = after_exception_rest(event->kind, event->frame, captured->rest);
    if (is_first) {
        story->first = story->last;
        story->is_earlier = after.is_earlier;
        memcpy(story->began_with, captured->chain, sizeof story->began_with);
    }
    story->is_outermost = after.is_outermost;
    story->handler = after.handler;
    story->handler_line = after.handler_line;
    uint64_t where = event->kind == RL_EVENT_HANDLED ? event->frame : event->parent;
    story->ends_thread = where != 0 && u64map_get(&pass->ending, where) != NULL;
    story->is_inside = story->is_inside && is_library(pass, event->id);
}

/* Adds an event to the story that it continues. Where it continues none, it may begin one. */
static rl_status on_exception(struct pass *pass, const struct event_out *event, int may_begin)
{
    struct exc_captured captured = captured_of(pass->reader, event);
    struct lane *lane = lane_of_thread(pass, event->thread);
    if (lane == NULL) {
        return RL_NOMEM;
    }
    struct story *story = take_story(pass, lane, event, &captured);
    int is_first = story == NULL;
    if (is_first && !may_begin) {
        return RL_OK;
    }
    if (is_first) {
        rl_status status = end_oldest(pass, lane, AT_ONCE - 1);
        story = status == RL_OK ? new_story(pass, event) : NULL;
        if (story == NULL) {
            return status == RL_OK ? RL_NOMEM : status;
        }
    }
    add_event(pass, story, event, &captured, is_first);
    lane->recent[lane->count++] = story;
    return pass->hooks->event(pass->hooks->self, story, event, &captured, pass->cursor);
}

/* ---- tasks and threads ---- */

/* Remembers the name of a task until the task ends. */
static rl_status on_task_start(struct pass *pass, const struct event_out *event)
{
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    if (event->values_len != 0 && event->values[0] != RL_VALUE_UNSET && value_skip(&in) != RL_OK) {
        reader_value_problem(pass->reader, event->thread, event->seq);
    }
    return u64map_put(&pass->names, (uint64_t)event->task + 1, (uint64_t)event->id + 1) == 0
               ? RL_OK
               : RL_NOMEM;
}

static rl_status on_task_end(struct pass *pass, const struct event_out *event)
{
    struct lane *lane = lane_of_thread(pass, event->thread);
    uint64_t name = 0;
    if (lane == NULL) {
        return RL_NOMEM;
    }
    (void)u64map_remove(&pass->names, (uint64_t)event->task + 1, &name);
    struct story *latest = lane->count != 0 ? lane->recent[lane->count - 1] : NULL;
    if (latest != NULL && latest->last.seq + 1 == event->seq) {
        latest->has_task = 1;
        latest->task = event->task;
        latest->task_name = name != 0 ? (uint32_t)(name - 1) : 0;
    }
    return RL_OK;
}

static rl_status on_thread_end(struct pass *pass, const struct event_out *event)
{
    uint64_t known;
    if (!u64map_remove(&pass->lanes, (uint64_t)event->thread + 1, &known)) {
        return RL_OK;
    }
    struct lane *lane = (struct lane *)(uintptr_t)known;
    rl_status status = end_oldest(pass, lane, 0);
    rl_free(lane);
    return status;
}

/* ---- the pass ---- */

static rl_status dispatch_event(struct pass *pass, const struct event_out *event)
{
    rl_status status = RL_OK;
    switch (event->kind) {
    case RL_EVENT_CALL:
    case RL_EVENT_RUNNING:
        if (pass->ends.count != 0 && u64map_get(&pass->ends, (uint64_t)event->id + 1) != NULL &&
            event->frame != 0 && u64map_put(&pass->ending, event->frame, 1) != 0) {
            status = RL_NOMEM;
        }
        return status;
    case RL_EVENT_CLOSED: {
        struct event_out unseen = *event;
        unseen.kind = RL_EVENT_UNWIND;
        unseen.exc = unseen.line = unseen.values_len = 0;
        if (!pass->question->sees_raise) { /* otherwise no exception has ended that frame */
            status = on_exception(pass, &unseen, 0);
        }
        break;
    }
    case RL_EVENT_UNWIND:
    case RL_EVENT_RAISE:
    case RL_EVENT_HANDLED:
        status = on_exception(pass, event, 1);
        break;
    case RL_EVENT_TASK_START:
        return on_task_start(pass, event);
    case RL_EVENT_TASK_END:
        return on_task_end(pass, event);
    case RL_EVENT_THREAD_END:
        return on_thread_end(pass, event);
    default:
        break;
    }
    if (pass->ending.count != 0 && event->frame != 0 && kind_ends(event->kind)) {
        (void)u64map_remove(&pass->ending, event->frame, NULL);
    }
    return status;
}

rl_status stories_find_enders(const struct reader *reader, struct u64map *enders)
{
    const struct u64map *codes = &reader->codes;
    for (size_t i = 0; i < codes->capacity; i++) {
        uint64_t key = codes->entries[i].key;
        if (key == 0) {
            continue;
        }
        struct code_text code = reader_code(reader, (uint32_t)key);
        if (text_equals(code.module, "threading") &&
            text_equals(code.qualname, "Thread._bootstrap_inner") &&
            u64map_put(enders, key + 1, 1) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

int stories_use(const struct event_out *event, const struct u64map *enders)
{
    switch (event->kind) {
    case RL_EVENT_CLOSED:
    case RL_EVENT_UNWIND:
    case RL_EVENT_RAISE:
    case RL_EVENT_HANDLED:
    case RL_EVENT_TASK_START:
    case RL_EVENT_TASK_END:
    case RL_EVENT_THREAD_END:
        return 1;
    default:
        return enders->count != 0 && (kind_begins(event->kind) || kind_ends(event->kind)) &&
               u64map_get(enders, (uint64_t)event->id + 1) != NULL;
    }
}

static rl_status end_all_stories(struct pass *pass)
{
    rl_status status = RL_OK;
    for (size_t i = 0; i < pass->lanes.capacity; i++) {
        if (pass->lanes.entries[i].key == 0) {
            continue;
        }
        struct lane *lane = (struct lane *)(uintptr_t)pass->lanes.entries[i].value;
        rl_status ended = end_oldest(pass, lane, 0);
        status = status == RL_OK ? ended : status;
        rl_free(lane);
    }
    return status;
}

rl_status stories_read(struct reader *reader, const struct stories_question *question,
                       const struct story_hooks *hooks)
{
    struct pass pass = {.reader = reader, .question = question, .hooks = hooks};
    struct event_out event;
    struct listed listed;
    rl_status status = stories_find_enders(reader, &pass.ends);
    const struct index_wanted wanted = {
        .kinds = UINT32_C(1) << RL_EVENT_CLOSED | UINT32_C(1) << RL_EVENT_UNWIND |
                 UINT32_C(1) << RL_EVENT_RAISE | UINT32_C(1) << RL_EVENT_HANDLED |
                 UINT32_C(1) << RL_EVENT_TASK_START | UINT32_C(1) << RL_EVENT_TASK_END |
                 UINT32_C(1) << RL_EVENT_THREAD_END,
        .begins = &pass.ends};
    listed_open(reader, &wanted, &listed);
    while (status == RL_OK && (hooks->is_done == NULL || !hooks->is_done(hooks->self)) &&
           (status = listed_next(&listed, &event, &pass.cursor)) == RL_OK) {
        status = dispatch_event(&pass, &event);
    }
    rl_status ended = end_all_stories(&pass);
    listed_close(&listed);
    u64map_fini(&pass.lanes);
    u64map_fini(&pass.names);
    u64map_fini(&pass.ending);
    u64map_fini(&pass.ends);
    return status == RL_OK || status == RL_END ? ended : status;
}
