/* Why: equal code objects made a million times (exec, lambdas) must be one definition, and a
 * million different ones must not fill the memory. Invariant: an entry is pending or in a DICT
 * block before its number leaves this file. */
#include "dictionary.h"

#include <relive/rl_format.h>
#include <string.h>

#include "header.h"

void dictionary_fini(struct dictionary *dictionary)
{
    strmap_fini(&dictionary->kept);
    strmap_fini(&dictionary->recent);
    strmap_fini(&dictionary->older);
    bytes_out_fini(&dictionary->pending);
    bytes_out_fini(&dictionary->scratch);
}

static int remember(struct dictionary *dictionary, int is_kept, uint32_t number)
{
    const struct bytes_out *key = &dictionary->scratch;
    if (!is_kept && dictionary->recent.count >= DICTIONARY_RECENT) {
        strmap_fini(&dictionary->older);
        dictionary->older = dictionary->recent;
        memset(&dictionary->recent, 0, sizeof dictionary->recent);
    }
    return strmap_put(is_kept ? &dictionary->kept : &dictionary->recent, key->data, key->len,
                      number);
}

/* The number under which the key in `scratch` is known, 0 = none. */
static uint32_t recall(struct dictionary *dictionary, int is_kept)
{
    const struct bytes_out *key = &dictionary->scratch;
    const uint32_t *known = strmap_get(&dictionary->kept, key->data, key->len);
    if (known != NULL) {
        return *known;
    }
    int is_old = (known = strmap_get(&dictionary->recent, key->data, key->len)) == NULL;
    if (is_old && (known = strmap_get(&dictionary->older, key->data, key->len)) == NULL) {
        return 0;
    }
    uint32_t number = *known;
    if (is_old || is_kept) {
        (void)remember(dictionary, is_kept, number); /* without memory it is asked for once more */
    }
    return number;
}

uint32_t dictionary_number(struct dictionary *dictionary, unsigned kind, int is_kept,
                           const void *data, size_t len, int *is_new)
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
    uint32_t known = recall(dictionary, is_kept);
    if (known != 0) {
        return known;
    }
    uint32_t *next = kind == RL_ROW_DEF_STRING ? &dictionary->next_string : &dictionary->next_code;
    if (*next >= RL_CODE_OTHER - 1) {
        return 0;
    }
    size_t before = dictionary->pending.len;
    dict_entry_put(&dictionary->pending, kind, *next + 1, data, len);
    if (dictionary->pending.failed || remember(dictionary, is_kept, *next + 1) != 0) {
        dictionary->pending.len = before;
        dictionary->pending.failed = 0;
        return 0;
    }
    *is_new = 1;
    return ++*next;
}
