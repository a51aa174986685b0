/* Texts without what must not travel: secrets, and the paths of a machine.
 *
 *   1. what the rules find now          filter.h: forms, patterns
 *   2. what the rules found elsewhere   `known`: a value that was taken out in one place of the
 *                                       run is taken out wherever it is, at any name
 *   3. paths                            what is below the program's folder, or the user's, stays
 *
 * The first pass over a run collects what is known, the second one writes.
 *
 * Invariant: bytes are only replaced, so nothing that was redacted before comes back.
 *
 * Threads: one at a time. */
#ifndef TEXTS_H
#define TEXTS_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "filter.h"
#include "map.h"
#include "string_table.h"

enum {
    TEXTS_KNOWN_LEAST = SECRET_LEAST, /* bytes; a shorter one is a word of many texts */
    TEXTS_KNOWN_MOST = 4096,          /* values that are remembered, and bytes of each */
    TEXTS_BEGIN = 4,                  /* bytes that a search compares first */
};

struct text_known {
    struct text text; /* owned */
    uint32_t next;    /* the next one that begins alike, plus 1 */
};

struct text_path {
    struct text from, to; /* borrowed */
};

struct texts {
    struct filter *filter;         /* borrowed */
    const struct text_path *paths; /* borrowed; the longest first */
    size_t path_count;
    int collects;             /* the first pass */
    struct text_known *known; /* owned */
    size_t known_count, known_cap;
    struct strmap known_texts;    /* text -> 1 */
    struct u64map begins;         /* their first TEXTS_BEGIN bytes -> the last of them, plus 1 */
    uint64_t may_begin[1 << 10];  /* a bit for each hash of such bytes */
    struct bytes_out out, before; /* owned; `out` has the last text that was changed */
};

void texts_fini(struct texts *texts);
/* Remembers a value that was taken out. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status texts_know(struct texts *texts, const void *data, size_t len);
/* What texts_clean() did. */
enum text_change { TEXT_SAME, TEXT_CHANGED, TEXT_SECRET };
/* Cleans a text by the patterns of a set (NULL: by its form alone). TEXT_CHANGED: *text is borrowed
 * from `texts` now, until the next call. TEXT_SECRET: all of it is to be hidden. is_cut: it goes on
 * behind its end. Without memory, all is hidden. */
enum text_change texts_clean(struct texts *texts, const struct filter_set *set, int is_cut,
                             struct text *text);

/* Does the same with what is known and with paths alone. */
enum text_change texts_clean_known(struct texts *texts, struct text *text);

#endif
