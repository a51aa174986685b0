/* Rules that look at the moment, not at the code: thread: and task: selectors. They are evaluated
 * at calls of the code whose decision they may change (recording/call_rules.c), and at no other
 * calls. Under the GIL. */
#ifndef MOMENT_H
#define MOMENT_H

#include "policy.h"

struct thread;

/* Prepares for a new recording; the filter is borrowed until the next one. */
void moment_begin(struct filter *filter);
/* Whether a call of code with this policy is recorded in the thread now. Runs no Python code. */
int moment_allows(struct thread *thread, const struct policy *policy);

#endif
