/* The fixed shapes of a recording (docs/format.md has their bytes):
 *
 *   file header   128 bytes at offset 0: who recorded, when, by which clock
 *   META entry    key, value                                  facts about the run
 *   DICT entry    kind, id, payload                           a string, or a code object (code_def)
 *   INDEX entry   place, thread, events, ticks                a chunk or a dictionary
 *   footer        64 bytes, the last of a closed file: places of INDEX and SUMMARY, totals
 *
 * Functions named _put write and trust their argument. Functions named _get read untrusted bytes
 * and check them. */
#ifndef HEADER_H
#define HEADER_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stdint.h>

#include "bytes.h"

struct file_header {
    uint32_t minor; /* of a file that is read; file_header_put() writes RL_FORMAT_MINOR */
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
/* Reads a file header. RL_NOT_RECORDING, RL_NEWER or RL_DAMAGED with the reason in *err. */
RL_CHECKED rl_status file_header_get(const uint8_t *at, size_t len, struct file_header *header,
                                     struct rl_err *err);

/* The last 96 bytes of a closed file are the FOOTER block: its header and this. A reader that finds
 * it there opens the file by the index; without it, the file is read block by block. */
struct footer {
    uint64_t index, summary, events, chunks, end_ticks, end_mono, lost, members;
};

/* Write and read the payload of FOOTER. The block's sum is compared before footer_get(). */
void footer_put(uint8_t at[RL_FOOTER_BYTES], const struct footer *footer);
void footer_get(const uint8_t at[RL_FOOTER_BYTES], struct footer *footer);

/* One entry of the INDEX: a chunk (thread != 0) or a dictionary (thread == 0). */
struct index_entry {
    uint64_t offset;
    uint32_t thread;
    uint32_t events;
    uint64_t chunk;
    uint64_t first_seq;
    uint64_t ticks0, ticks1;
};

/* Entries are differences to the one before; the coder holds that one. Begins zeroed. */
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
    uint32_t args; /* how many of the names are parameters; they come first */
    uint32_t name_count;
    const uint32_t *names; /* string ids of its variables, in the order of their slots; borrowed */
    uint32_t rule; /* RL_CODE_SKIPPED: 2 + its index in the chain; 1 a default, 0 a skip rule */
};

#define CODE_NAMES_MAX 900u /* further names are not kept */
#define CODE_DEF_MAX   ((8 + CODE_NAMES_MAX / 2) * VARINT_MAX)
/* Writes a definition; returns its length. */
size_t code_def_put(uint8_t at[CODE_DEF_MAX], const struct code_def *def);
/* Reads a definition. def->names becomes `names`, the caller's memory. */
RL_CHECKED rl_status code_def_get(const uint8_t *data, size_t len, uint32_t names[CODE_NAMES_MAX],
                                  struct code_def *def);

/* Appends an entry of a dictionary: kind (RL_ROW_DEF_*), id, payload. */
void dict_entry_put(struct bytes_out *out, unsigned kind, uint32_t id, const void *data,
                    size_t len);
/* Returns 1 and the next entry, or 0 at the end; in->bad then says whether there was damage. *data
 * is borrowed from the input. */
int dict_entry_get(struct bytes_in *in, unsigned *kind, uint32_t *id, const uint8_t **data,
                   size_t *len);

/* Appends an entry of META: key and value, each after its length. */
void meta_entry_put(struct bytes_out *out, const char *key, const char *value, size_t len);
/* A fact about the run, such as the command line or the version of the interpreter. */
struct meta_entry {
    const char *key, *value; /* UTF-8, borrowed from the input */
    size_t key_len, value_len;
};
/* Returns 1 and the next entry, or 0 at the end; in->bad then says whether an entry was cut. */
int meta_entry_get(struct bytes_in *in, struct meta_entry *entry);

#endif
