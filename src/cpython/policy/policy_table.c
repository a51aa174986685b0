/* Part of policy.h.
 * Why: a program may make functions without end. The last code object that has an id frees the
 * policy of that id, and the last id of a page frees the page.
 *
 *     pages[id / 1024] --> page: of[id % 1024] --> policy
 *                                holders[id % 1024]   code objects with that id
 *
 * Invariant: a word in a code object's co_extra is one holder of its id (codeinfo.c). Running code
 * is alive, and so is its policy. Threads: under the GIL. */
#include <string.h>

#include "policy.h"

#include "alloc.h"

struct policies policies;
struct policy_stats policy_stats;

static struct policy_page *make_page(uint32_t id)
{
    void *pages = policies.pages;
    size_t at = id / POLICY_PAGE, cap = policies.page_count;
    if (at >= cap) {
        if (rl_grow(&pages, &cap, at + 1, sizeof *policies.pages) != 0) {
            return NULL;
        }
        policies.pages = pages;
        memset(policies.pages + policies.page_count, 0,
               (cap - policies.page_count) * sizeof *policies.pages);
        policies.page_count = cap;
    }
    if (policies.pages[at] == NULL) {
        policies.pages[at] = rl_zalloc(1, sizeof *policies.pages[at]);
    }
    policies.newest = at > policies.newest ? at : policies.newest;
    return policies.pages[at];
}

int policy_keep(uint32_t id, struct policy *policy)
{
    struct policy_page *page = make_page(id);
    struct policy **place = page != NULL ? &page->of[id % POLICY_PAGE] : NULL;
    if (place == NULL) {
        policy_free(policy);
        return policy != NULL ? -1 : 0;
    }
    if (*place != policy) {
        policy_free(*place);
    }
    *place = policy;
    return 0;
}

void policy_hold(uint32_t id)
{
    struct policy_page *page = make_page(id);
    if (page != NULL) {
        page->held += page->holders[id % POLICY_PAGE]++ == 0;
    }
}

void policy_release(uint32_t id)
{
    size_t at = id / POLICY_PAGE, i = id % POLICY_PAGE;
    struct policy_page *page = at < policies.page_count ? policies.pages[at] : NULL;
    if (page == NULL || page->holders[i] == 0 || --page->holders[i] != 0) {
        return;
    }
    policy_free(page->of[i]);
    page->of[i] = NULL;
    if (--page->held == 0 && at != policies.newest) {
        rl_free(page);
        policies.pages[at] = NULL;
    }
}

void policy_table_forget(void)
{
    for (size_t at = 0; at < policies.page_count; at++) {
        struct policy_page *page = policies.pages[at];
        for (size_t i = 0; page != NULL && i < POLICY_PAGE; i++) {
            policy_free(page->of[i]);
        }
        rl_free(page);
    }
    rl_free(policies.pages);
}
