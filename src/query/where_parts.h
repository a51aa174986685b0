/* Part of where.h: a compiled expression, as nodes in one array, children before their parent.
 * Private to where*.c.
 *
 *    0 < x < 5        node 3: COMPARE   first = 0
 *                     node 0: CONSTANT 0   next = 1
 *                     node 1: NAME x       next = 2, link = WHERE_LESS
 *                     node 2: CONSTANT 5   next = NO_NODE, link = WHERE_LESS
 *
 * Invariants: the children of a node form one list, and a node is in one list at most. No node is
 * deeper than WHERE_DEPTH_MAX. So evaluation needs no checks. */
#ifndef WHERE_PARTS_H
#define WHERE_PARTS_H

#include "pattern.h"
#include "where.h"

#define NO_NODE UINT32_MAX

enum node_op {
    NODE_CONSTANT,
    NODE_NAME,
    NODE_TUPLE,
    NODE_LIST,
    NODE_OR,
    NODE_AND,
    NODE_NOT,
    NODE_COMPARE,
    NODE_COMPUTE, /* detail: enum operand_arithmetic */
    NODE_NEGATE,
    NODE_PLUS,
    NODE_ATTRIBUTE,
    NODE_ITEM,
    NODE_LEN,
    NODE_TYPE,
    NODE_MATCH
};

/* How an operand of NODE_COMPARE is compared with the one before. */
enum where_link {
    WHERE_LESS, /* the first four as enum operand_order */
    WHERE_LESS_EQUAL,
    WHERE_GREATER,
    WHERE_GREATER_EQUAL,
    WHERE_EQUAL,
    WHERE_NOT_EQUAL,
    WHERE_IN,
    WHERE_NOT_IN,
    WHERE_IS,
    WHERE_IS_NOT
};

struct node {
    uint8_t op, detail, link, depth;
    uint32_t first, next;    /* its first child; the next child of its parent */
    uint32_t number;         /* of a name; of a constant; of a tuple's first operand in `made` */
    uint32_t count;          /* of children */
    struct text name;        /* of an attribute; borrowed from `text` */
    struct pattern *pattern; /* owned */
};

struct where {
    char *text; /* owned, with a final NUL; names are a part of it */
    size_t len;
    struct node *nodes; /* owned */
    uint32_t root;
    size_t node_count, node_cap;
    struct operand *constants; /* owned, and their bytes */
    size_t constant_count, constant_cap;
    struct where_name *names; /* owned */
    size_t name_count, name_cap;
    struct operand *made; /* owned; items of tuples and lists, filled by each run */
    size_t made_count;
};

/* Reads a literal at text[*at]: a number, a text or bytes. On success *at is behind it, and
 * constant->bytes is owned by the caller. Nothing else than the bytes is allocated. */
RL_CHECKED rl_status where_literal(const char *text, size_t len, size_t *at,
                                   struct operand *constant, struct where_error *error);
/* Fills an error, and returns the status. */
rl_status where_refuse(struct where_error *error, rl_status status, size_t place,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
