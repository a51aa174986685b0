/* Why: some code is decided at each call. It is only counted (--budget), or sampled (`every`), or
 * recorded if it lasts (`min_duration`), or recorded in some threads or tasks; or it is not
 * recorded but makes tasks. Its word says CODE_EXCLUDED and has an id, so all other code pays
 * nothing.
 *
 * A call that turns out too short is taken back while its row is the last one of the slot. That is
 * so where nothing below it was kept and the slot was not handed on. Otherwise the call stays. */
#include "call_rules.h"

#include "bounds.h"
#include "budget.h"
#include "exception_rows.h"
#include "lines.h"
#include "moment.h"
#include "open_frames.h"
#include "policy.h"
#include "remembered.h"
#include "stack.h"
#include "state.h"
#include "tasks.h"
#include "word.h"

/* Counts events that a rule has kept out. */
static void count_filtered(uint64_t n)
{
    recorder_count_loss(recording.recorder, RL_LOSS_FILTER, n);
}

/* ---- short calls ---- */

/* Enters the frame, and remembers where its row is, in case the call turns out too short. */
static void enter_timed(struct thread *t, const struct event *event, uint64_t info,
                        const struct policy *policy)
{
    struct short_call call = {.before = t->lane.cur,
                              .chunk = t->lane.chunk,
                              .extras = t->lane.extras,
                              .began = policy->min_duration != 0 ? os_mono_ns() : 0};
    stack_enter(t, event, info);
    call.frame = t->stack[t->depth].frame;
    call.after = t->lane.cur;
    int is_same_slot = call.before != NULL && call.chunk == t->lane.chunk;
    if (policy->min_duration != 0 && is_same_slot && t->short_count < SHORT_CALLS &&
        t->stack[t->depth].key == event->frame) {
        t->shorts[t->short_count++] = call;
    }
}

/* Whether the call was taken back. */
static int take_back(struct thread *t, const struct event *event, const struct policy *policy)
{
    const struct open_frame *top = &t->stack[t->depth];
    if (t->short_count == 0 || t->shorts[t->short_count - 1].frame != top->frame ||
        top->key != event->frame || event->kind == RL_EVENT_YIELD) {
        return 0;
    }
    const struct short_call *call = &t->shorts[--t->short_count];
    struct lane *lane = &t->lane;
    if (lane->cur != call->after || lane->chunk != call->chunk ||
        os_mono_ns() - call->began >= policy->min_duration) {
        return 0;
    }
    lane->cur = call->before;
    lane->extras = call->extras;
    if (lane->next_frame == top->frame + 1) {
        lane->next_frame--;
    }
    lane_publish(lane);
    if (t->capture != NULL) {
        remembered_forget(t->capture);
    }
    lines_free(top->snapshot);
    t->depth--;
    count_filtered(2);
    return 1;
}

/* ---- each event ---- */

/* An event of code with rules for each call. `is_known`: its frame was recorded when it began. */
static enum verdict apply_rules(struct thread *t, const struct event *event, uint64_t info,
                                struct policy *policy, int is_known)
{
    enum verdict verdict = info & CODE_LINES ? VERDICT_LINES : VERDICT_CONTINUE;
    if (event->kind == RL_EVENT_CALL) {
        if (policy->asks != 0 && !moment_allows(t, policy)) {
            count_filtered(1);
            return VERDICT_CONTINUE;
        }
        if (policy->every > 1 && policy->calls++ % policy->every != 0) {
            count_filtered(1);
            return VERDICT_CONTINUE;
        }
        enter_timed(t, event, info, policy);
        return verdict;
    }
    if (!is_known) {
        if (event->kind != RL_EVENT_LINE) {
            count_filtered(1);
        }
        return VERDICT_CONTINUE;
    }
    if (event->kind == RL_EVENT_LINE) {
        lines_put(t, event, CODE_ID(info));
    } else if (event->kind == RL_EVENT_RAISE || event->kind == RL_EVENT_HANDLED) {
        exception_event(t, event, info);
    } else if (kind_enters(event->kind)) {
        stack_enter(t, event, info);
    } else if (!take_back(t, event, policy)) {
        stack_leave(t, event, info);
    }
    return verdict;
}

/* Only counted: but what was recorded when it began is ended. */
static enum verdict count_ruled_event(struct thread *t, const struct event *event, uint64_t info,
                                      int is_known)
{
    if (event->kind == RL_EVENT_LINE) {
        return VERDICT_DISABLE;
    }
    if (kind_leaves(event->kind) && is_known) {
        stack_leave(t, event, info);
    } else if (event->kind != RL_EVENT_CALL && kind_enters(event->kind) && is_known) {
        stack_enter(t, event, info);
    } else if (event->kind == RL_EVENT_RAISE || event->kind == RL_EVENT_HANDLED) {
        exception_event(t, event, info);
    } else {
        budget_count();
    }
    return VERDICT_CONTINUE;
}

enum verdict call_rules_event(struct thread *t, const struct event *event, uint64_t info)
{
    struct policy *policy = policy_of(CODE_ID(info));
    if (policy != NULL && !policy->is_traced) {
        if (event->kind == RL_EVENT_CALL) {
            tasks_made(t, event); /* of code that is not recorded, this is all that is looked at */
        }
        return VERDICT_CONTINUE;
    }
    uint64_t key = (uint64_t)(uintptr_t)event->frame;
    int is_known =
        frames_find(t, event->frame) != 0 || u64map_get(&recording.generators, key) != NULL;
    info &= ~(uint64_t)CODE_EXCLUDED;
    if (policy == NULL || level_is_counted(CODE_ID(info))) {
        return count_ruled_event(t, event, info, is_known);
    }
    return apply_rules(t, event, info, policy, is_known);
}
