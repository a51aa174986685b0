/* kind:[match:]pattern, compiled. */
#ifndef SELECTOR_H
#define SELECTOR_H

#include "filter.h"
#include "pattern.h"

struct selector {
    enum filter_kind kind;
    char *text;              /* owned: as it was written */
    struct pattern *pattern; /* owned */
};

/* Of scopes or of values; of which version; paths of file selectors count from `root`. */
struct selector_context {
    int is_scope;
    unsigned version;
    struct filter_text root;
};

RL_CHECKED rl_status selector_init(struct selector *selector, struct filter_text text,
                                   const struct selector_context *context, struct rl_err *err);
void selector_fini(struct selector *selector);

#endif
