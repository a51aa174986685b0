/* Why: a long search goes byte by byte; a hash takes eight bytes at once (docs/performance.md).
 *
 * Invariant: a length of 0 is that of no text here, so that an empty entry matches nothing. */
#include "clean_texts.h"

#include "os.h"
#include "siphash.h"

enum { ENTRIES = 4096, KEY_UNKNOWN = 0, KEY_RANDOM, KEY_NONE };

static struct clean_text known[ENTRIES];
static struct siphash_key key;
static int key_state; /* KEY_* */

struct clean_text clean_text_of(const char *text, size_t len, int is_cut)
{
    if (__builtin_expect(key_state != KEY_RANDOM, 0)) {
        if (key_state == KEY_UNKNOWN) {
            key_state = os_random(&key, sizeof key) ? KEY_RANDOM : KEY_NONE;
        }
        if (key_state == KEY_NONE) {
            return (struct clean_text){0, 0};
        }
    }
    return (struct clean_text){siphash(&key, text, len), (uint64_t)len << 1 | (is_cut != 0)};
}

int clean_text_is_known(const struct clean_text *text)
{
    const struct clean_text *at = &known[text->hash % ENTRIES];
    return at->hash == text->hash && at->length == text->length && text->length != 0;
}

void clean_text_remember(const struct clean_text *text)
{
    known[text->hash % ENTRIES] = *text;
}
