/* A file that travels: a whole run in one file, smaller, with the rules of redaction applied once
 * more. `relive pack`.
 *
 *   | header | META | PAD | LIVE, no slots | DICT | SOURCE | CHUNK ... | MEMBER ... | INDEX ...
 *                                                                         each a whole recording
 *
 *   pack_collect()   of each recording: what the rules take out (texts.h)
 *   pack_write()     of each child: a recording of its own; then of the first one, with the others
 *                    inside
 *
 * Each recording keeps its state: one that was not closed gets no INDEX, SUMMARY and FOOTER, so it
 * is shown as it was. Events keep their numbers and times.
 *
 * Threads: as for the reader, one at a time. */
#ifndef PACK_H
#define PACK_H

#include <relive/rl_status.h>
#include <stdint.h>

#include "reader.h"
#include "texts.h"

/* Called between chunks; other than 0 ends the work with RL_END. */
typedef int (*pack_rest)(void);

struct pack_question {
    const char *path;    /* of a file that is not there yet */
    const uint8_t *meta; /* all entries of META, cleaned; borrowed */
    size_t meta_len;
    int hides_values;           /* all of them */
    int hides_sources;          /* texts of source files */
    const char *const *members; /* paths of recordings that it is to hold; borrowed */
    size_t member_count;
    pack_rest rest;
};

struct pack_result {
    uint64_t events;
    uint64_t changed;         /* values and texts that were taken out or replaced */
    uint64_t copied, encoded; /* chunks */
};

/* Remembers what the rules take out of a recording. RL_OK, RL_END or RL_NOMEM. */
RL_CHECKED rl_status pack_collect(struct reader *reader, struct texts *texts, int hides_values,
                                  pack_rest rest);
/* Writes a recording. RL_OK; RL_EXISTS, RL_LIMIT, RL_IO or RL_NOMEM with the reason in *err. Where
 * it fails, there is no file. Damaged chunks are left out and become problems of the reader. */
RL_CHECKED rl_status pack_write(struct reader *reader, struct texts *texts,
                                const struct pack_question *question, struct pack_result *result,
                                struct rl_err *err);

#endif
