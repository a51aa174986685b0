/* The shelf is the part of a ring's file that holds definitions. It has a fixed size. Blocks are
 * put into it and taken out of it, and free space is PAD. The file therefore does not grow, however
 * much a program defines.
 *
 *   PAD .....................................    nothing is defined yet
 *   DICT 1 | DICT 1 | DICT 2 | PAD ..........    the number is the generation that needs the block
 *   PAD ............| DICT 2 | DICT 3 | PAD .    no slot of generation 1 is left
 *
 * Threads: belongs to the writer. */
#ifndef SHELF_H
#define SHELF_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

struct writer;

struct shelf {
    struct shelf_piece *pieces; /* owned; by place, without gaps; NULL = no shelf */
    size_t count, cap;
    uint64_t bytes; /* its whole size */
    uint64_t last;  /* number of the newest block */
};

/* Appends an empty shelf of `bytes` to the file, behind a LIVE block. On failure there is no shelf.
 */
void shelf_make(struct shelf *shelf, struct writer *writer, uint64_t bytes);
/* Puts a block of definitions on the shelf; *bytes becomes what it takes. RL_LIMIT where no free
 * place is large enough. */
RL_CHECKED rl_status shelf_put(struct shelf *shelf, struct writer *writer, uint32_t generation,
                               const uint8_t *entries, size_t len, uint64_t *bytes);
/* Turns the blocks of all generations before `oldest` into PAD. */
void shelf_clear(struct shelf *shelf, struct writer *writer, uint32_t oldest);
void shelf_fini(struct shelf *shelf);

#endif
