/* Why: see told_names.h. */
#include "told_names.h"

#include <string.h>

#include "alloc.h"
#include "session.h"

struct names {
    size_t shares;
    struct reader reader; /* nothing but its strings */
    uint32_t known;       /* so many had the recorder when it was asked last */
    uint8_t *block;       /* owned: the texts, once the recorder is gone; or NULL */
};

static struct names *names_now; /* a share of it; NULL: no event was told of this recording yet */

void names_drop(struct names *names)
{
    if (names != NULL && --names->shares == 0) {
        u64map_fini(&names->reader.strings);
        rl_free(names->reader.texts);
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

static void learn(uint32_t id, const void *utf8, size_t len)
{
    struct reader *r = &names_now->reader;
    void *grown = r->texts;
    if (u64map_get(&r->strings, id) == NULL &&
        rl_grow(&grown, &r->text_cap, r->text_count + 1, sizeof *r->texts) == 0) {
        r->texts = grown;
        r->texts[r->text_count++] = (struct text){utf8, len};
        (void)u64map_put(&r->strings, id, r->text_count);
    }
}

const struct reader *names_reader(struct names *names)
{
    if (names == names_now && session.recorder != NULL) {
        names->known = recorder_each_string(session.recorder, names->known, learn);
    }
    return &names->reader;
}

/* Takes the texts out of the recorder's memory. */
static void copy_texts(struct names *names)
{
    struct reader *r = &names->reader;
    size_t total = 0;
    for (size_t i = 0; i < r->text_count; i++) {
        total += r->texts[i].len;
    }
    uint8_t *p = names->block = rl_alloc(total + 1, 1);
    for (size_t i = 0; i < r->text_count; i++) {
        size_t len = r->texts[i].len;
        if (p == NULL) {
            r->texts[i] = (struct text){"", 0};
            continue;
        }
        memcpy(p, r->texts[i].data, len);
        r->texts[i].data = (const char *)p;
        p += len;
    }
}

void names_forget(void)
{
    if (names_now != NULL && names_now->shares > 1) {
        (void)names_reader(names_now);
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
