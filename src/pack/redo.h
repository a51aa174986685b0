/* The values of events, with the rules of redaction applied once more.
 *
 *   event --redo_event()--> what its kind has (docs/format.md, "Values of an event")
 *                              |
 *                              v for each value, with the action that its name gets
 *                           redo_value(): judged by name and content, and what is inside it, too
 *
 * The rules are those of the recorder (filter.h); what they say is applied to bytes here, and to
 * objects there (src/cpython/values).
 *
 * Invariants:
 *  1. Rules can only remove more: what was redacted, dropped or cut stays so.
 *  2. Events keep their number, kind, frame and time. Exceptions keep identity and type, by which
 *     events are joined.
 *  3. Values that are damaged are left out.
 *
 * Threads: one at a time. */
#ifndef REDO_H
#define REDO_H

#include "before.h"
#include "reader.h"
#include "rec.h"
#include "texts.h"
#include "value.h"

/* X(word): types that a value has without saying so; each needs a string id where it is redacted.
 */
#define REDO_TYPE_TABLE(X)                                                                         \
    X(int)                                                                                         \
    X(float)                                                                                       \
    X(complex)                                                                                     \
    X(str)                                                                                         \
    X(bytes)                                                                                       \
    X(list)                                                                                        \
    X(tuple)                                                                                       \
    X(set)                                                                                         \
    X(frozenset)                                                                                   \
    X(dict)                                                                                        \
    X(range)                                                                                       \
    X(slice)                                                                                       \
    X(bool)                                                                                        \
    X(NoneType)                                                                                    \
    X(ellipsis)                                                                                    \
    X(NotImplementedType)

enum redo_type {
#define REDO_TYPE_ENUM(word) REDO_##word,
    REDO_TYPE_TABLE(REDO_TYPE_ENUM)
#undef REDO_TYPE_ENUM
        REDO_TYPES
};

struct redo {
    struct texts *texts;              /* borrowed */
    struct reader *reader;            /* borrowed */
    int hides_values;                 /* all of them */
    uint32_t types[REDO_TYPES];       /* string ids */
    struct u64map sets;               /* code id + 1 -> index in `set_of`, plus 1 */
    const struct filter_set **set_of; /* owned */
    size_t set_count, set_cap;
    const struct filter_set *set; /* of the event */
    const struct filter_set *own; /* for what is of no code */
    struct bytes_in in;           /* values of the event */
    struct bytes_out out;         /* what becomes of them */
    uint64_t changed;             /* values and texts that were taken out */
    rl_status status;             /* RL_NOMEM once memory was missing */
};

/* Prepares for a recording: `first_id` is a string id from which on none is used. */
RL_CHECKED rl_status redo_begin(struct redo *redo, struct texts *texts, struct reader *reader,
                                int hides_values, uint32_t first_id);
void redo_fini(struct redo *redo);
/* Returns the word of a type. */
struct text redo_type_name(enum redo_type type);
/* Replaces the values of an event: borrowed until the next call. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status redo_event(struct redo *redo, struct rec *rec);

/* Appends what was before a part (before.h), its values replaced as those of events. RL_OK or
 * RL_NOMEM. */
RL_CHECKED rl_status redo_before(struct redo *redo, const struct before *before,
                                 struct bytes_out *out);

/* Replaces the value of a variable, which is that of an event without its head: as redo_event().
 * `name` is a string id, `scope` an enum rl_write_scope. Private to src/pack. */
RL_CHECKED rl_status redo_variable(struct redo *redo, uint32_t name, unsigned scope,
                                   struct rec *rec);
/* Copies the next value from `in` to `out`, as the action says that its name has. Private to
 * src/pack. RL_DAMAGED where it is none. */
RL_CHECKED rl_status redo_value(struct redo *redo, enum filter_action action);
/* Copies an exception; with `is_hidden`, without its messages. */
RL_CHECKED rl_status redo_exception(struct redo *redo, int is_hidden);

#endif
