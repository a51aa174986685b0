/* Why: see field_names.h. */
#include "field_names.h"

#include "bytes.h"
#include "policy.h"

_Static_assert(FIELD_NAMES == 1u << (64 - 53), "names_of_type() makes an index of this many bits");
_Static_assert(RL_ID_BITS <= 28, "an id is copied as eight bytes, and has fewer");

struct field_name field_names[FIELD_NAMES];

/* Keeps an answer. The name of a dropped value gets no id, because it must not be written. */
static const struct field_name *keep_answer(struct capture *c, struct field_name *at,
                                            struct field_name answer, uint32_t id)
{
    answer.set = c->policy != NULL ? c->policy->set : NULL;
    answer.stamp = recording.name_stamp;
    answer.size = (uint8_t)(put_varint(answer.id, id) - answer.id);
    if (id == 0 && answer.action != FILTER_DROP) {
        answer.stamp = 0; /* nothing was kept for want of memory: it is tried again */
    }
    *at = answer;
    return at;
}

const struct field_name *field_name_find(struct capture *c, struct field_name *at, PyObject *name)
{
    enum filter_action action =
        TEXT_IS_READY(name) ? policy_name(c->policy, FILTER_ATTR, name) : FILTER_ALLOW;
    uint32_t id = action != FILTER_DROP ? capture_name_id(c->lane, name) : 0;
    return keep_answer(c, at,
                       (struct field_name){.name = name,
                                           .hash = ((PyASCIIObject *)name)->hash,
                                           .length = PyUnicode_GET_LENGTH(name),
                                           .action = (uint8_t)action},
                       id);
}

const struct field_name *field_name_find_slot(struct capture *c, struct field_name *at,
                                              const struct field *field)
{
    enum filter_action action = policy_word(c->policy, FILTER_ATTR, field->word);
    return keep_answer(c, at,
                       (struct field_name){.hash = (Py_hash_t)field->name,
                                           .length = FIELD_OF_SLOT,
                                           .action = (uint8_t)action},
                       field->name);
}
