/* Why: readers and callbacks look up the same ids; see string_table.h.
 * Threads: a table belongs to one thread at a time. */
#include "string_table.h"

#include <string.h>

#include "alloc.h"

int strings_has(const struct strings *strings, uint32_t id)
{
    return u64map_get(&strings->by_id, id) != NULL;
}

int strings_add(struct strings *strings, uint32_t id, const char *data, size_t len)
{
    void *texts = strings->texts;
    if (rl_grow(&texts, &strings->cap, strings->count + 1, sizeof *strings->texts) != 0) {
        return -1;
    }
    strings->texts = texts;
    if (u64map_put(&strings->by_id, id, strings->count + 1) != 0) {
        return -1;
    }
    strings->texts[strings->count++] = (struct text){data, len};
    return 0;
}

struct text strings_get(const struct strings *strings, uint32_t id)
{
    const uint64_t *position = u64map_get(&strings->by_id, id);
    return position != NULL ? strings->texts[*position - 1] : (struct text){"?", 1};
}

void strings_fini(struct strings *strings)
{
    u64map_fini(&strings->by_id);
    rl_free(strings->texts);
    memset(strings, 0, sizeof *strings);
}
