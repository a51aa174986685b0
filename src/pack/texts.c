/* Why: see texts.h. A search for thousands of known values takes one step a byte: a table of bits
 * says where none of them can begin. */
#include "texts.h"

#include <relive/rl_filter.h>
#include <string.h>

#include "alloc.h"

void texts_fini(struct texts *texts)
{
    for (size_t i = 0; i < texts->known_count; i++) {
        rl_free((char *)(uintptr_t)texts->known[i].text.data);
    }
    rl_free(texts->known);
    strmap_fini(&texts->known_texts);
    u64map_fini(&texts->begins);
    bytes_out_fini(&texts->out);
    bytes_out_fini(&texts->before);
}

/* Returns the bit of a value's first bytes. */
static uint32_t begin_bit(uint32_t begin)
{
    return begin * UINT32_C(0x9e3779b1) >> 16;
}

rl_status texts_know(struct texts *texts, const void *data, size_t len)
{
    static const char mark[] = RL_REDACTED_TEXT;
    size_t kept = len < TEXTS_KNOWN_MOST ? len : TEXTS_KNOWN_MOST;
    void *known = texts->known;
    if (len < TEXTS_KNOWN_LEAST || texts->known_count == TEXTS_KNOWN_MOST ||
        memcmp(data, mark, TEXTS_KNOWN_LEAST) == 0 ||
        strmap_get(&texts->known_texts, data, kept) != NULL) {
        return RL_OK;
    }
    char *copy = rl_alloc(kept, 1);
    if (copy == NULL ||
        rl_grow(&known, &texts->known_cap, texts->known_count + 1, sizeof *texts->known) != 0) {
        rl_free(copy);
        return RL_NOMEM;
    }
    memcpy(copy, data, kept);
    texts->known = known;
    uint32_t begin = get32(data);
    const uint64_t *same = u64map_get(&texts->begins, begin + UINT64_C(1));
    texts->known[texts->known_count++] =
        (struct text_known){{copy, kept}, same != NULL ? (uint32_t)*same : 0};
    texts->may_begin[begin_bit(begin) >> 6] |= UINT64_C(1) << (begin_bit(begin) & 63);
    return u64map_put(&texts->begins, begin + UINT64_C(1), texts->known_count) == 0 &&
                   strmap_put(&texts->known_texts, copy, kept, 1) == 0
               ? RL_OK
               : RL_NOMEM;
}

/* Returns the length of the longest known value that begins here, 0 = none. */
static size_t known_at(const struct texts *texts, const char *at, size_t left)
{
    uint32_t begin = get32((const uint8_t *)at), bit = begin_bit(begin);
    size_t longest = 0;
    if (!(texts->may_begin[bit >> 6] >> (bit & 63) & 1)) {
        return 0;
    }
    const uint64_t *first = u64map_get(&texts->begins, begin + UINT64_C(1));
    for (uint64_t i = first != NULL ? *first : 0; i != 0; i = texts->known[i - 1].next) {
        const struct text *known = &texts->known[i - 1].text;
        if (known->len > longest && known->len <= left &&
            memcmp(at, known->data, known->len) == 0) {
            longest = known->len;
        }
    }
    return longest;
}

/* Finds the parts of a text that are known; the last possible one reaches to its end. */
static size_t find_known(const struct texts *texts, struct text text, struct secret_part *parts)
{
    size_t count = 0;
    for (size_t i = 0; texts->known_count != 0 && i + TEXTS_BEGIN <= text.len;) {
        size_t n = known_at(texts, text.data + i, text.len - i);
        if (n != 0 && count == SECRET_PARTS - 1) {
            parts[count++] = (struct secret_part){i, text.len};
            break;
        }
        if (n != 0) {
            parts[count++] = (struct secret_part){i, i + n};
        }
        i += n != 0 ? n : 1;
    }
    return count;
}

/* Puts a mark in the place of each part. */
static enum text_change replace_parts(struct texts *texts, const struct secret_part *parts,
                                      size_t count, struct text *text)
{
    static const char mark[] = RL_REDACTED_TEXT;
    if (count == 0) {
        return TEXT_SAME;
    }
    if (count == 1 && parts[0].begin == 0 && parts[0].end == text->len) {
        return TEXT_SECRET;
    }
    size_t room = text->len + count * sizeof mark;
    bytes_out_reset(&texts->out);
    uint8_t *at = bytes_room(&texts->out, room);
    if (at == NULL) {
        return TEXT_SECRET;
    }
    texts->out.len = secret_replace(text->data, text->len, parts, count, mark, (char *)at, room);
    *text = (struct text){(const char *)texts->out.data, texts->out.len};
    return TEXT_CHANGED;
}

/* Replaces secrets. */
static enum text_change clean_secrets(struct texts *texts, const struct filter_set *set, int is_cut,
                                      struct text *text)
{
    struct secret_part found[SECRET_PARTS], known[SECRET_PARTS], parts[SECRET_PARTS];
    size_t count = 0;
    int is_whole = 0;
    if (texts->filter != NULL && set != NULL && text->len >= filter_least(set)) {
        count = filter_content(texts->filter, set, (struct filter_text){text->data, text->len},
                               is_cut, found, &is_whole);
    } else if (text->len >= SECRET_LEAST) {
        count = secret_parts(text->data, text->len, is_cut, found);
    }
    for (size_t i = 0; texts->collects && i < count; i++) {
        if (texts_know(texts, text->data + found[i].begin, found[i].end - found[i].begin) !=
            RL_OK) {
            return TEXT_SECRET;
        }
    }
    if (is_whole) {
        return TEXT_SECRET;
    }
    count = secret_merge(found, count, known, find_known(texts, *text, known), text->len, parts);
    return replace_parts(texts, parts, count, text);
}

/* Returns whether a byte may be inside a name of a file. */
static int is_of_name(char c)
{
    return c == '_' || c == '-' || c == '.' || c == '~' || (c >= '0' && c <= '9') ||
           ((c | 32) >= 'a' && (c | 32) <= 'z') || (c & 0x80) != 0;
}

/* Returns the path that begins at a place, NULL where none does. */
static const struct text_path *path_at(const struct texts *texts, struct text text, size_t i)
{
    if (i != 0 && (is_of_name(text.data[i - 1]) || text.data[i - 1] == '/')) {
        return NULL;
    }
    for (size_t k = 0; k < texts->path_count; k++) {
        const struct text *from = &texts->paths[k].from;
        if (from->len <= text.len - i && memcmp(text.data + i, from->data, from->len) == 0 &&
            (from->len == text.len - i || !is_of_name(text.data[i + from->len]))) {
            return &texts->paths[k];
        }
    }
    return NULL;
}

/* Replaces paths. */
static enum text_change clean_paths(struct texts *texts, struct text *text)
{
    int is_changed = 0;
    bytes_out_reset(&texts->before);
    for (size_t i = 0, from = 0; i < text->len; i++) {
        const char *slash = memchr(text->data + i, '/', text->len - i);
        if (slash == NULL) {
            if (is_changed) {
                bytes_put(&texts->before, text->data + from, text->len - from);
            }
            break;
        }
        i = (size_t)(slash - text->data);
        const struct text_path *path = path_at(texts, *text, i);
        if (path != NULL) {
            bytes_put(&texts->before, text->data + from, i - from);
            bytes_put(&texts->before, path->to.data, path->to.len);
            from = i + path->from.len;
            i = from - 1;
            is_changed = 1;
        }
        if (is_changed && i + 1 >= text->len) {
            bytes_put(&texts->before, text->data + from, text->len - from);
        }
    }
    if (!is_changed) {
        return TEXT_SAME;
    }
    if (texts->before.failed) {
        return TEXT_SECRET;
    }
    struct bytes_out swap = texts->out;
    texts->out = texts->before;
    texts->before = swap;
    *text = (struct text){(const char *)texts->out.data, texts->out.len};
    return TEXT_CHANGED;
}

enum text_change texts_clean(struct texts *texts, const struct filter_set *set, int is_cut,
                             struct text *text)
{
    enum text_change change = clean_secrets(texts, set, is_cut, text);
    if (change == TEXT_SECRET || texts->path_count == 0 || texts->collects) {
        return change;
    }
    enum text_change moved = clean_paths(texts, text);
    return moved == TEXT_SAME ? change : moved;
}

enum text_change texts_clean_known(struct texts *texts, struct text *text)
{
    struct secret_part parts[SECRET_PARTS];
    size_t count = find_known(texts, *text, parts);
    enum text_change change = replace_parts(texts, parts, count, text);
    enum text_change moved = change == TEXT_SECRET ? change : clean_paths(texts, text);
    return moved == TEXT_SAME ? change : moved;
}
