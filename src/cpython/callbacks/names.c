/* Why: see names.h. */
#include "names.h"

#include <string.h>

#include "state.h"

#include "alloc.h"

struct names {
    size_t shares;
    struct strings strings;
    uint32_t known; /* entries that the recorder had at the last call of names_strings() */
    uint8_t *block; /* owned: the texts, once the recorder is gone; or NULL */
};

static struct names *names_now; /* one share; NULL: no event of this recording was delivered yet */

void names_drop(struct names *names)
{
    if (names != NULL && --names->shares == 0) {
        strings_fini(&names->strings);
        rl_free(names->block);
        rl_free(names);
    }
}

struct names *names_share(void)
{
    if (names_now == NULL && (names_now = rl_zalloc(1, sizeof *names_now)) != NULL) {
        names_now->shares = 1;
    }
    if (names_now != NULL) {
        names_now->shares++;
    }
    return names_now;
}

/* Adds a string of the recorder (recorder_each_string). */
static void learn_string(uint32_t id, const void *utf8, size_t len)
{
    struct strings *strings = &names_now->strings;
    if (!strings_has(strings, id)) {
        (void)strings_add(strings, id, utf8, len); /* without memory it has no name */
    }
}

const struct strings *names_strings(struct names *names)
{
    if (names == names_now && recording.recorder != NULL) {
        names->known = recorder_each_string(recording.recorder, names->known, learn_string);
    }
    return &names->strings;
}

/* Moves the texts from the recorder's memory into one block. Without memory they become empty. */
static void copy_texts(struct names *names)
{
    struct strings *strings = &names->strings;
    size_t total = 0;
    for (size_t i = 0; i < strings->count; i++) {
        total += strings->texts[i].len;
    }
    uint8_t *p = names->block = rl_alloc(total + 1, 1);
    for (size_t i = 0; i < strings->count; i++) {
        size_t len = strings->texts[i].len;
        if (p == NULL) {
            strings->texts[i] = (struct text){"", 0};
            continue;
        }
        memcpy(p, strings->texts[i].data, len);
        strings->texts[i].data = (const char *)p;
        p += len;
    }
}

void names_forget(void)
{
    if (names_now != NULL && names_now->shares > 1) {
        (void)names_strings(names_now);
        copy_texts(names_now);
    }
    names_drop(names_now);
    names_now = NULL;
}

void names_forked(void)
{
    names_drop(names_now);
    names_now = NULL;
}
