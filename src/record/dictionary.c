/* Why: equal code objects made a million times (exec, lambdas) must be one definition, and a
 * million different ones must not fill the memory.
 *
 * Invariant: an entry is pending or in a DICT block before its number leaves this file. */
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

/* Stores the key in `scratch` under its number. Where `recent` is full, it becomes `older`. */
static int remember_key(struct dictionary *dictionary, int is_kept, uint32_t number)
{
    const struct bytes_out *key = &dictionary->scratch;
    if (!is_kept && dictionary->recent.count >= DICTIONARY_RECENT) {
        strmap_fini(&dictionary->older);
        dictionary->older = dictionary->recent;
        memset(&dictionary->recent, 0, sizeof dictionary->recent);
    }
    dictionary->kept_bytes += is_kept ? key->len : 0;
    return strmap_put(is_kept ? &dictionary->kept : &dictionary->recent, key->data, key->len,
                      number);
}

/* Returns the number of the key in `scratch`, 0 where it is not known. A key found in `older` moves
 * to `recent`. */
static uint32_t recall_key(struct dictionary *dictionary, int is_kept)
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
        (void)remember_key(dictionary, is_kept, number); /* without memory it is forgotten sooner */
    }
    return number;
}

/* Puts kind and payload into `scratch`, as one key. */
static int put_key(struct dictionary *dictionary, unsigned kind, const void *data, size_t len)
{
    struct bytes_out *key = &dictionary->scratch;
    uint8_t tag = (uint8_t)kind;
    bytes_out_reset(key);
    bytes_put(key, &tag, 1);
    bytes_put(key, data, len);
    return key->failed ? -1 : 0;
}

/* Adds the definition of the key in `scratch` to `pending`, and remembers it. On failure nothing is
 * defined. */
static int define_key(struct dictionary *dictionary, int is_kept, uint32_t number)
{
    const struct bytes_out *key = &dictionary->scratch;
    size_t before = dictionary->pending.len;
    dict_entry_put(&dictionary->pending, key->data[0], number, key->data + 1, key->len - 1);
    if (dictionary->pending.failed || remember_key(dictionary, is_kept, number) != 0) {
        dictionary->pending.len = before;
        dictionary->pending.failed = 0;
        return -1;
    }
    return 0;
}

uint32_t dictionary_number(struct dictionary *dictionary, unsigned kind, int is_kept,
                           const void *data, size_t len, int *is_new)
{
    *is_new = 0;
    if (put_key(dictionary, kind, data, len) != 0) {
        return 0;
    }
    uint32_t known = recall_key(dictionary, is_kept);
    if (known != 0) {
        return known;
    }
    uint32_t *next = kind == RL_ROW_DEF_STRING ? &dictionary->next_string : &dictionary->next_code;
    if (*next >= RL_CODE_OTHER - 1 || define_key(dictionary, is_kept, *next + 1) != 0) {
        return 0;
    }
    *is_new = 1;
    return ++*next;
}

uint32_t dictionary_again(struct dictionary *dictionary, unsigned kind, uint32_t number,
                          const void *data, size_t len, int *is_new)
{
    *is_new = put_key(dictionary, kind, data, len) == 0 && recall_key(dictionary, 0) != number &&
              define_key(dictionary, 0, number) == 0;
    return number;
}

int dictionary_is_full(const struct dictionary *dictionary)
{
    return dictionary->kept.count >= DICTIONARY_KEPT ||
           dictionary->kept_bytes >= DICTIONARY_KEPT_BYTES;
}

void dictionary_forget(struct dictionary *dictionary)
{
    strmap_fini(&dictionary->kept);
    dictionary->kept_bytes = 0;
}

void dictionary_begin_again(struct dictionary *dictionary, const struct u64map *still_used)
{
    struct strmap before = dictionary->kept;
    memset(&dictionary->kept, 0, sizeof dictionary->kept);
    dictionary->kept_bytes = 0;
    strmap_fini(&dictionary->recent);
    strmap_fini(&dictionary->older);
    for (size_t i = 0; i < before.capacity; i++) {
        const struct strmap_entry *entry = &before.entries[i];
        if (entry->key != NULL && entry->key[0] == RL_ROW_DEF_STRING &&
            u64map_get(still_used, entry->value) != NULL &&
            put_key(dictionary, RL_ROW_DEF_STRING, entry->key + 1, entry->len - 1) == 0) {
            (void)define_key(dictionary, 1,
                             entry->value); /* without memory the thread loses its name */
        }
    }
    strmap_fini(&before);
}
