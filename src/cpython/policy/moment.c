/* Why: see moment.h.
 *
 * Invariants: names are read again at each call, since a program may change them. Which rules a
 * name matches is kept for the last name of each kind. While a name is undecided (its rule ran out
 * of steps), no call is recorded. Threads: under the GIL. */
#include "moment.h"

#include "loops.h"
#include "policy.h"
#include "pyerror.h"
#include "pytext.h"
#include "state.h"
#include "threadname.h"

#include "filter.h"

/* The rules that the last name matched; the name is compared by its address and hash. */
static struct answer {
    const void *name; /* compared only */
    Py_hash_t hash;
    uint64_t rules;
    int is_undecided;
} threads, tasks;

static struct filter *filter; /* borrowed from the recording */

void moment_begin(struct filter *asked)
{
    filter = asked;
    threads = tasks = (struct answer){0};
}

static const struct answer *get_answer(struct answer *known, enum filter_kind kind, PyObject *name)
{
    uint8_t text[512];
    Py_hash_t hash = PyObject_Hash(name); /* of an exact str */
    if (known->name != name || known->hash != hash) {
        size_t n = pytext_put(name, text, sizeof text);
        known->is_undecided = 0;
        known->rules = filter_moment(filter, kind, (struct filter_text){(const char *)text, n},
                                     &known->is_undecided);
        known->name = name;
        known->hash = hash;
    }
    return known;
}

int moment_allows(struct thread *t, const struct policy *policy)
{
    uint64_t matching = 0;
    int is_undecided = 0;
    struct pyerror error = pyerror_take();
    PyObject *name =
        policy->asks & filter_moment_rules(filter, FILTER_THREAD) ? threadname_now() : NULL;
    if (name != NULL) {
        const struct answer *answer = get_answer(&threads, FILTER_THREAD, name);
        matching |= answer->rules;
        is_undecided |= answer->is_undecided;
    }
    if (recording.has_loops && (policy->asks & filter_moment_rules(filter, FILTER_TASK))) {
        PyObject *task = loops_task_name(t); /* owned */
        if (task != NULL) {
            const struct answer *answer = get_answer(&tasks, FILTER_TASK, task);
            matching |= answer->rules;
            is_undecided |= answer->is_undecided;
        }
        Py_XDECREF(task);
    }
    pyerror_put_back(&error);
    matching &= policy->asks;
    if (is_undecided) {
        policy_stats.undecided++;
        return 0;
    }
    if (matching == 0) {
        return policy->is_traced_else;
    }
    return (policy->asks_traced >> (63 - __builtin_clzll(matching)) & 1) != 0;
}
