/* Which functions of a recording a written name means.
 *
 *    price, Cart.price     a qualified name, or the last part of one
 *    shop:price            with its module, also shop.price
 *    shop                  the functions of a module
 *    shop.py:40            those of a file that begin at or above a line, nearest first
 *
 * A qualified name comes before a last part, and a last part before a module.
 *
 * Threads: pure functions of their arguments. */
#ifndef FUNCTION_NAMES_H
#define FUNCTION_NAMES_H

#include <relive/rl_status.h>

#include "reader.h"

struct functions_found {
    uint32_t *codes; /* owned; ids, by number but for FILE:LINE */
    size_t count;
    uint32_t line; /* of FILE:LINE; 0 for the others */
};

/* Gives all codes that a name can mean. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status function_names_all(const struct reader *reader, struct text name,
                                        struct functions_found *out);
/* Gives the codes of the one function that a name means. A module means its body, FILE:LINE the
 * function that begins nearest above. RL_NOT_FOUND, RL_USAGE where it means several, and
 * RL_UNSUPPORTED for a function written in C fill the error. */
RL_CHECKED rl_status function_names_one(const struct reader *reader, struct text name,
                                        struct functions_found *out, struct rl_err *err);
void functions_found_fini(struct functions_found *found);

#endif
