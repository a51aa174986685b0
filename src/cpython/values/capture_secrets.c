/* Part of capture_parts.h. Why: a text may contain secrets. The text is written with a mark in the
 * place of each.
 *
 *    source                            found by
 *    filter: forms, names, patterns    filter_content()
 *    a name around the text            `suspect`
 *    a private key, line by line       `key_lines`
 *    a redacted argument, repeated     `known` (repeats.c)
 *
 * Invariant: text behind the bound is searched before it is cut off. So no cut turns a secret into
 * something that no longer looks like one. */
#include <string.h>

#include "capture.h"
#include "capture_parts.h"
#include "policy.h"

#include "rec.h"

enum { KEY_LINES = 200, KEY_LINE_LEAST = 40, KEY_LINE_MOST = 76, NOTED_LEAST = 4 };

/* Returns the place of a part in a text, or NULL. */
static const char *find_part(const char *text, size_t len, const char *part, size_t part_len)
{
    const char *end = text + len;
    for (; (size_t)(end - text) >= part_len &&
           (text = memchr(text, part[0], (size_t)(end - text) - part_len + 1)) != NULL;
         text++) {
        if (memcmp(text, part, part_len) == 0) {
            return text;
        }
    }
    return NULL;
}

static int has_word(const char *text, size_t len, const char *word)
{
    return find_part(text, len, word, strlen(word)) != NULL;
}

/* Returns whether a text is a line of base64, with or without its end. */
static int is_key_line(const char *text, size_t len)
{
    while (len != 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') && c != '+' &&
            c != '/' && c != '=') {
            return 0;
        }
    }
    return len >= KEY_LINE_LEAST && len <= KEY_LINE_MOST;
}

/* Returns whether a text is part of a private key that comes line by line. */
static int is_of_key(struct capture *c, const char *text, size_t len)
{
    if (c->key_lines != 0 && is_key_line(text, len)) {
        c->key_lines--;
        return 1;
    }
    if (c->key_lines != 0 && has_word(text, len, "-----END ")) {
        c->key_lines = 0;
    }
    return 0;
}

size_t capture_known(const struct capture *c, const void *data, size_t len,
                     struct secret_part *parts)
{
    const char *text = data;
    struct secret_part own[SECRET_PARTS], before[SECRET_PARTS];
    size_t count = 0;
    for (unsigned i = 0; i < c->known_count; i++) {
        const char *at = text, *known = c->known[i].text;
        size_t n = 0, known_len = c->known[i].len;
        while (n < SECRET_PARTS &&
               (at = find_part(at, len - (size_t)(at - text), known, known_len)) != NULL) {
            own[n++] = (struct secret_part){(size_t)(at - text), (size_t)(at - text) + known_len};
            at += known_len;
        }
        if (n == SECRET_PARTS) {
            own[n - 1].end = len;
        }
        memcpy(before, parts, count * sizeof *before);
        count = secret_merge(own, n, before, count, len, parts);
    }
    return count;
}

/* Remembers a secret of this event, so that capture_review() finds it in other texts too. */
static void note_secret(struct capture *c, const char *text, size_t len)
{
    if (c->secret_count < CAPTURE_SECRETS && len >= NOTED_LEAST) {
        size_t n = len < CAPTURE_SECRET ? len : CAPTURE_SECRET;
        memcpy(c->secrets[c->secret_count].text, text, n);
        c->secrets[c->secret_count++].len = n;
        c->is_reviewed = 1;
    }
}

/* Where the whole text is a secret, there is one part. */
size_t capture_find(struct capture *c, const void *data, size_t len, int is_cut,
                    struct secret_part *parts)
{
    const char *text = data;
    struct secret_part formed[SECRET_PARTS], known[SECRET_PARTS];
    int is_whole = 0;
    size_t count = policy_secret(c->policy, text, len, is_cut, formed, &is_whole);
    size_t known_count = c->known_count != 0 ? capture_known(c, text, len, known) : 0;
    count = secret_merge(formed, count, known, known_count, len, parts);
    for (size_t i = 0; i < count; i++) {
        note_secret(c, text + parts[i].begin, parts[i].end - parts[i].begin);
    }
    if (count != 0 && has_word(text, len, "PRIVATE KEY-----") &&
        !has_word(text, len, "-----END ")) {
        c->key_lines = KEY_LINES;
        c->least = 1; /* from now on, every text is searched */
    } else if ((c->suspect != 0 && secret_value(c->suspect, text, len)) ||
               is_of_key(c, text, len)) {
        is_whole = 1;
    }
    if (is_whole) {
        count = 1;
        parts[0] = (struct secret_part){0, len};
    }
    policy_stats.secrets += count != 0;
    policy_taken_out += count != 0;
    return count;
}

int capture_is_secret(struct capture *c, const void *text, size_t len)
{
    struct secret_part parts[SECRET_PARTS];
    return len >= c->least && capture_find(c, text, len, 0, parts) != 0;
}

size_t capture_clean(struct capture *c, const void *text, size_t len, int is_cut, uint8_t *out)
{
    struct secret_part parts[SECRET_PARTS];
    size_t count = len >= c->least ? capture_find(c, text, len, is_cut, parts) : 0;
    if (count == 0 || (count == 1 && parts[0].begin == 0 && parts[0].end == len)) {
        return count;
    }
    return secret_replace(text, len, parts, count, rl_sentinel_text(RL_SENTINEL_REDACTED),
                          (char *)out, CAPTURE_CLEAN_BYTES);
}

int capture_put_clean(struct capture *c, const void *text, size_t seen, size_t length, int is_str)
{
    uint8_t clean[CAPTURE_CLEAN_BYTES];
    size_t n = capture_clean(c, text, seen, seen < length, clean);
    if (n <= CAPTURE_WHOLE) {
        if (n == CAPTURE_WHOLE) {
            capture_redacted(c, is_str ? &PyUnicode_Type : &PyBytes_Type);
        }
        return n != 0;
    }
    size_t all = length - seen + n, kept = n < c->limits->bytes ? n : c->limits->bytes;
    if (kept < all) {
        capture_put_tag(c, is_str ? RL_VALUE_STR_CUT : RL_VALUE_BYTES_CUT);
        capture_put_number(c, all);
    } else {
        capture_put_tag(c, is_str ? RL_VALUE_STR : RL_VALUE_BYTES);
    }
    capture_put_number(c, kept);
    memcpy(c->p, clean, kept);
    c->p += kept;
    return 1;
}
