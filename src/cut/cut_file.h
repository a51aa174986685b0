/* The file that a cut is written to.
 *
 *   | header | META | PAD | LIVE, no slots | DICT | SOURCE | CHUNK ... | INDEX | BEFORE | SUMMARY |
 *   | FOOTER |
 *
 * Where only used definitions are wanted, DICT and SOURCE come behind the chunks.
 *
 * The header is that of the original, so all times mean what they meant. */
#ifndef CUT_FILE_H
#define CUT_FILE_H

#include "block.h"
#include "header.h"
#include "reader.h"
#include "rec.h"
#include "used.h"

struct cut_file {
    int fd;
    int os_errno;         /* of the write that failed */
    uint64_t written;     /* bytes in the file */
    struct bytes_out out; /* what follows them */
    struct bytes_out index;
    struct index_coder index_coder;
    struct block_coder *coder; /* owned */
    uint64_t events, chunks;
};

/* Creates the file, and appends a header. *file is zeroed first. */
RL_CHECKED rl_status cut_file_create(struct cut_file *file, const char *path,
                                     const struct file_header *header, struct rl_err *err);
/* Appends a block of one part; INDEX names it where `is_indexed`. */
RL_CHECKED rl_status cut_file_block(struct cut_file *file, enum rl_block_type type, const void *raw,
                                    size_t raw_len, int is_indexed);
/* Appends PAD and a LIVE block without slots, in this state: its control page has what was lost. */
RL_CHECKED rl_status cut_file_control(struct cut_file *file, const struct reader *reader,
                                      uint32_t state);
/* Appends bytes of a block that is sealed already. */
RL_CHECKED rl_status cut_file_raw(struct cut_file *file, const void *data, size_t len);
/* Appends the FOOTER. */
RL_CHECKED rl_status cut_file_footer(struct cut_file *file, const uint8_t payload[RL_FOOTER_BYTES]);
/* Returns the place of the next block. */
uint64_t cut_file_end(const struct cut_file *file);
/* Writes what was appended. */
RL_CHECKED rl_status cut_file_flush(struct cut_file *file);
/* Creates the file, and writes what comes before definitions and chunks. */
RL_CHECKED rl_status cut_file_open(struct cut_file *file, struct reader *reader, const char *path,
                                   const uint8_t *meta, size_t meta_len, struct rl_err *err);
/* Appends definitions and texts of source files: all, or those that are used. */
RL_CHECKED rl_status cut_file_definitions(struct cut_file *file, struct reader *reader,
                                          const struct used *used);
/* Appends a chunk: three streams of decoded bytes. */
RL_CHECKED rl_status cut_file_chunk(struct cut_file *file, const struct chunk_info *info,
                                    const uint8_t *data);
/* Appends a chunk as it is stored, with the number of `info`. `stored` begins with its prefix,
 * which is changed. */
RL_CHECKED rl_status cut_file_copy(struct cut_file *file, const struct block_header *header,
                                   const struct chunk_info *info, uint8_t *stored);
/* Appends INDEX, BEFORE and SUMMARY where they are not empty, and FOOTER. */
RL_CHECKED rl_status cut_file_finish(struct cut_file *file, const struct reader *reader,
                                     uint64_t end_ticks, const struct bytes_out *summary,
                                     const struct bytes_out *before);
/* Closes the file and frees the memory. */
void cut_file_close(struct cut_file *file);

#endif
