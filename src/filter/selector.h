/* A selector, written kind:pattern or kind:match:pattern, in compiled form.
 *
 *   pkg:app.models          kind pkg,  match glob (the default), pattern app.models
 *   arg:regex:^(card|pan)$  kind arg,  match regex
 *   file:literal:run.py     kind file, match literal
 *
 * Threads: one at a time per selector, as for its pattern. */
#ifndef SELECTOR_H
#define SELECTOR_H

#include <relive/rl_status.h>

#include "filter_kinds.h"
#include "pattern.h"

struct selector {
    enum filter_kind kind;
    char *text;              /* owned: as the user wrote it, for explaining */
    struct pattern *pattern; /* owned */
};

/* Where a selector was written, which decides what it may contain. */
struct selector_context {
    int is_scope;            /* 1: selects code, threads or tasks; 0: selects values */
    unsigned version;        /* of the filter file */
    struct filter_text root; /* folder from which file: selectors count; empty = none */
};

/* Compiles a selector. A failure leaves *selector untouched; err says what is wrong. */
RL_CHECKED rl_status selector_init(struct selector *selector, struct filter_text text,
                                   const struct selector_context *context, struct rl_err *err);
void selector_fini(struct selector *selector);

#endif
