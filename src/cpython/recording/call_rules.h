/* Code whose every call is decided apart: counted only, sampled, too short, or by thread and task.
 * Under the GIL. */
#ifndef CALL_RULES_H
#define CALL_RULES_H

#include "state.h"

/* An event of code whose word says CODE_EXCLUDED and has an id. */
enum verdict call_rules_event(struct thread *thread, const struct event *event, uint64_t info);

#endif
