/* Every place where a value is: arguments, results, variables, attributes, items, exceptions.
 *
 *    cursor --> event: has the bytes at all? --no--> next
 *                         |
 *                         '--> each value in it --equal--> struct find_place
 *
 * What is wanted is a value: equal values of the same type are found. Or it is an expression about
 * x, such as re(x, "^sku"): texts for which it is true are found.
 *
 * Threads: as for the reader, one at a time. */
#ifndef FIND_H
#define FIND_H

#include "cursor.h"
#include "operand.h"
#include "where.h"

#define FIND_DEPTH 33u /* steps of a path: values are nested at most 32 deep */

struct find_question {
    struct where *where; /* borrowed. Without the name x, its value is wanted */
    int is_about_x;      /* it is true for what is wanted */
    int only_writes;     /* only writes that give the value, or change the part that has it */
    uint64_t skip;       /* leaves out so many places */
};

/* One step of a path into a value. */
struct find_step {
    enum find_what { FIND_ITEM, FIND_KEY, FIND_VALUE, FIND_ATTRIBUTE, FIND_PART } what;
    uint64_t index;     /* ITEM; PART: 0 message, 1 cause, 2 context, or a bound of a range */
    uint32_t name;      /* ATTRIBUTE: string id */
    const uint8_t *key; /* VALUE: its key, borrowed until the next place; KEY is a key itself */
    size_t key_len;
};

/* One place. All is borrowed until the next one. */
struct find_place {
    const struct event_out *event;
    uint64_t number; /* of the call that the event is in; 0 = not known */
    uint32_t name;   /* string id of the parameter or variable, 0 = the result or another value */
    struct find_step steps[FIND_DEPTH];
    size_t depth;
    const uint8_t *value;
    size_t value_len;
};

struct find;
/* Begins. RL_OK, RL_NOMEM, or RL_USAGE where the expression has no value. */
RL_CHECKED rl_status find_open(struct reader *reader, const struct find_question *question,
                               struct find **out);
/* Gives the next place. Reads at most `*events` events and counts them down. RL_OK with *out NULL
 * where those are used up; RL_END, RL_NOMEM. */
RL_CHECKED rl_status find_next(struct find *find, uint64_t *events, const struct find_place **out);
/* Returns how many places were found, those that were left out included. */
uint64_t find_count(const struct find *find);
void find_close(struct find *find);

#endif
