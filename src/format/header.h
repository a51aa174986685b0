/* File header, footer, index and dictionary entries: the fixed shapes of a recording. */
#ifndef HEADER_H
#define HEADER_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stdint.h>

#include "bytes.h"

struct file_header {
    uint32_t minor; /* of a file that is read; what is written has RL_FORMAT_MINOR */
    uint8_t run_id[16];
    uint64_t pid;
    uint64_t start_mono, start_real, start_ticks;
    uint64_t run_mono;
    uint64_t tick_hz;
    uint32_t clock;
    uint32_t flags;
    uint64_t parent_pid;
    uint64_t child;
};

void file_header_put(uint8_t at[RL_FILE_HEADER_BYTES], const struct file_header *header);
/* RL_NOT_RECORDING, RL_NEWER or RL_DAMAGED with the reason in err. */
RL_CHECKED rl_status file_header_get(const uint8_t *at, size_t len, struct file_header *header,
                                     struct rl_err *err);

struct footer {
    uint64_t index, summary, events, chunks, end_ticks, end_mono, lost;
};

void footer_put(uint8_t at[RL_FOOTER_BYTES], const struct footer *footer);
void footer_get(const uint8_t at[RL_FOOTER_BYTES], struct footer *footer);

/* One line of the INDEX: a chunk (thread != 0) or a dictionary (thread == 0). */
struct index_entry {
    uint64_t offset;
    uint32_t thread;
    uint32_t events;
    uint64_t chunk;
    uint64_t first_seq;
    uint64_t ticks0, ticks1;
};

struct index_coder {
    uint64_t offset, ticks;
};

void index_entry_put(struct bytes_out *out, struct index_coder *coder,
                     const struct index_entry *entry);
void index_entry_get(struct bytes_in *in, struct index_coder *coder, struct index_entry *entry);

/* A code definition; the strings are ids of string definitions. */
struct code_def {
    uint32_t module, qualname, file;
    uint32_t line;
    uint32_t flags;
    uint32_t args; /* of the names, so many are parameters; they come first */
    uint32_t name_count;
    const uint32_t *names; /* of variables, in the order of their slots; borrowed */
    uint32_t rule;         /* RL_CODE_SKIPPED: 2 + its index in the chain; 1 a default, 0 a gate */
};

#define CODE_NAMES_MAX 900u /* further names are not kept */
#define CODE_DEF_MAX   ((8 + CODE_NAMES_MAX / 2) * VARINT_MAX)
size_t code_def_put(uint8_t at[CODE_DEF_MAX], const struct code_def *def);
/* def->names is `names`. */
RL_CHECKED rl_status code_def_get(const uint8_t *data, size_t len, uint32_t names[CODE_NAMES_MAX],
                                  struct code_def *def);

/* A dictionary is a row of these: kind (RL_ROW_DEF_*), id, payload. */
void dict_entry_put(struct bytes_out *out, unsigned kind, uint32_t id, const void *data,
                    size_t len);
/* 1 and the entry, 0 at the end; in->bad where it is damaged. data is borrowed from in. */
int dict_entry_get(struct bytes_in *in, unsigned *kind, uint32_t *id, const uint8_t **data,
                   size_t *len);

/* META is a row of (key, value) strings, each with its length as varint. */
void meta_entry_put(struct bytes_out *out, const char *key, const char *value, size_t len);
struct meta_entry {
    const char *key, *value; /* UTF-8, borrowed from the input */
    size_t key_len, value_len;
};
/* 1, or 0 at the end; `bad` where an entry is cut. */
int meta_entry_get(struct bytes_in *in, struct meta_entry *entry);

#endif
