/* Why: equal code objects made a million times (exec, lambdas) must be one definition.
 * Invariant: an entry is pending or in a DICT block before its number leaves this file. */
#include "dictionary.h"

#include <relive/rl_format.h>

#include "header.h"

void dictionary_fini(struct dictionary *dictionary)
{
    strmap_fini(&dictionary->ids);
    bytes_out_fini(&dictionary->pending);
    bytes_out_fini(&dictionary->scratch);
}

uint32_t dictionary_number(struct dictionary *dictionary, unsigned kind, const void *data,
                           size_t len, int *is_new)
{
    struct bytes_out *key = &dictionary->scratch;
    uint8_t tag = (uint8_t)kind;
    bytes_out_reset(key);
    bytes_put(key, &tag, 1);
    bytes_put(key, data, len);
    if (key->failed) {
        return 0;
    }
    *is_new = 0;
    const uint32_t *known = strmap_get(&dictionary->ids, key->data, key->len);
    if (known != NULL) {
        return *known;
    }
    uint32_t *next = kind == RL_ROW_DEF_STRING ? &dictionary->next_string : &dictionary->next_code;
    if (*next >= RL_ID_MAX) {
        return 0;
    }
    size_t before = dictionary->pending.len;
    dict_entry_put(&dictionary->pending, kind, *next + 1, data, len);
    if (dictionary->pending.failed ||
        strmap_put(&dictionary->ids, key->data, key->len, *next + 1) != 0) {
        dictionary->pending.len = before;
        dictionary->pending.failed = 0;
        return 0;
    }
    *is_new = 1;
    return ++*next;
}
