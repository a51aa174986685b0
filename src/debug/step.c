/* Why: the rules of stepping are tested from C, without a program that is debugged. */
#include "step.h"

/* Returns whether the step stops at a line. */
static int stops_at_line(const struct step *step, const struct step_place *place)
{
    int is_here = step->frame == 0 || step->frame == place->frame;
    if (!place->is_users) {
        return 0;
    }
    switch (step->mode) {
    case STEP_IN:
        return step->task == 0 || step->task == place->task;
    case STEP_OVER:
        return is_here;
    case STEP_UNTIL:
        return is_here && place->line >= step->line;
    default:
        return 0;
    }
}

int step_awaits(const struct step *step, uintptr_t code, uint32_t at)
{
    const struct step_call *into = &step->into;
    for (uint32_t i = 0; into->code == code && i < into->count; i++) {
        if (at >= into->from[i] && at < into->to[i]) {
            return code != 0;
        }
    }
    return 0;
}

void step_enter(struct step *step, uintptr_t frame)
{
    *step = (struct step){
        .mode = STEP_FOLLOW, .frame = frame, .has_left = 1, .in_thread = step->in_thread};
}

int step_follows(struct step *step, enum step_event event, const struct step_place *place)
{
    if (step->begin != 0 && step->begin != place->frame) {
        return 0;
    }
    step->begin = 0;
    int is_named = place->frame == step->frame || place->frame == step->returns ||
                   place->frame == step->origin;
    if ((!place->is_users && !is_named) || (step->task != 0 && step->task != place->task)) {
        return 0;
    }
    int is_here = step->frame == 0 ||
                  (step->frame == place->frame && !step->is_never && place->line >= step->line);
    int is_quiet = step->frame != 0 && place->is_generator;
    int is_within =
        step->into.code != 0 && place->line >= step->into.first && place->line <= step->into.last;
    switch (event) {
    case STEP_INSTRUCTION:
        return step->instruction;
    case STEP_LINE:
        return is_here && !is_within;
    case STEP_CALL:
        return is_here && !is_quiet && !step->has_left;
    case STEP_RAISE:
        return is_here;
    default:
        return (is_here || step->returns == place->frame) && !is_quiet;
    }
}

/* A frame is left that the thread follows. What was to stop in it stops in its caller, or at the
 * next line of the user where that is a library. The frame's identity may come again. */
static void follow_on(struct step *step, enum step_event event, const struct step_place *place)
{
    if (event == STEP_YIELD) {
        return;
    }
    step->origin = step->origin != place->frame ? step->origin : 0;
    step->returns = step->returns != place->frame ? step->returns : 0;
    if (place->ends_task && place->task == step->task) {
        step->task = 0;
    }
    if (step->frame == place->frame) {
        int is_in_library = place->is_callers_library && place->caller != step->origin;
        step->frame = is_in_library ? 0 : place->caller;
        step->has_left = 1;
        step->is_never = 0;
        step->line = 0;
        step->into.code = 0;
    }
}

int step_take(struct step *step, enum step_event event, const struct step_place *place)
{
    if (event == STEP_LINE) {
        if (!stops_at_line(step, place)) {
            return 0;
        }
        step->mode = STEP_NONE;
        return 1;
    }
    int waits = event == STEP_YIELD && place->is_coroutine;
    if (place->caller == 0 && !waits) {
        step->mode = STEP_NONE;
        return 1;
    }
    if (step->mode == STEP_FOLLOW) {
        follow_on(step, event, place);
        return 0;
    }
    int is_followed = step->mode == STEP_OVER || step->mode == STEP_OUT || step->mode == STEP_UNTIL;
    if (!is_followed || step->frame != place->frame) {
        return 0;
    }
    if (!waits) {
        step->mode = STEP_OVER;
        step->frame = place->caller;
    } else if (step->in_thread) {
        *step = (struct step){.mode = STEP_IN, .in_thread = 1};
    }
    return 0;
}
