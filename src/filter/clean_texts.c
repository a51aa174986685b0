/* Why: a long search goes byte by byte. The hash takes 16 bytes with seven instructions, so a text
 * that never comes again costs hardly more (docs/performance.md).
 *
 * Invariant: a length of 0 is that of no text here, so that an empty entry matches nothing. */
#include "clean_texts.h"

#include "os.h"

enum { ENTRIES = 4096, KEY_PART = 256, KEY_UNKNOWN = 0, KEY_RANDOM, KEY_NONE };

static struct clean_text known[ENTRIES];
static struct hash_key key;
static int key_state; /* KEY_* */

/* Makes the key. The system gives at most 256 bytes whole when a signal comes. */
static int make_key(void)
{
    for (size_t at = 0; at < sizeof key; at += KEY_PART) {
        if (!os_random((char *)&key + at, KEY_PART)) {
            return KEY_NONE;
        }
    }
    return KEY_RANDOM;
}
_Static_assert(sizeof key % KEY_PART == 0, "the key consists of whole parts");

/* Returns the place of a text. The middle of a product depends on all bits of its factors. */
static struct clean_text *place_of(const struct clean_text *entry)
{
    return &known[(entry->hash.low >> 48) % ENTRIES];
}

int clean_text_is_known(const char *text, size_t len, int is_cut, struct clean_text *entry)
{
    if (__builtin_expect(key_state != KEY_RANDOM, 0) && key_state == KEY_UNKNOWN) {
        key_state = make_key();
    }
    if (key_state != KEY_RANDOM || len < HASH_LEAST || len > HASH_MOST) {
        entry->length = 0;
        return 0;
    }
    entry->hash = keyed_hash(&key, text, len);
    entry->length = (uint64_t)len << 1 | (is_cut != 0);
    const struct clean_text *at = place_of(entry);
    return at->hash.low == entry->hash.low && at->hash.high == entry->hash.high &&
           at->length == entry->length;
}

void clean_text_remember(const struct clean_text *entry)
{
    if (entry->length != 0) {
        *place_of(entry) = *entry;
    }
}
