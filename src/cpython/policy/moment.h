/* Rules that look at the moment, not at the code: thread: and task: selectors. Asked at the calls
 * of the code whose decision they may change (gate.c), and of no other. Under the GIL. */
#ifndef MOMENT_H
#define MOMENT_H

#include "policy.h"

struct thread;

/* A recording begins. */
void moment_begin(struct filter *filter);
/* Whether a call of code with this policy is recorded in the thread now. Runs no Python code. */
int moment_allows(struct thread *thread, const struct policy *policy);

#endif
