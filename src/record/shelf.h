/* The shelf: where a ring keeps its definitions. A part of the file, as long as it is made, that
 * blocks are put into and taken out of; what is free is PAD. So the file does not grow, however
 * much a program defines.
 *
 *   PAD .....................................    nothing is defined yet
 *   DICT 1 | DICT 1 | DICT 2 | PAD ..........    the number: the generation that needs the block
 *   PAD ............| DICT 2 | DICT 3 | PAD .    no slot of generation 1 is left
 *
 * Belongs to the writer. */
#ifndef SHELF_H
#define SHELF_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

struct writer;

struct shelf {
    struct shelf_piece *pieces; /* owned; by place, without gaps; NULL: there is no shelf */
    size_t count, cap;
    uint64_t bytes; /* of all of it */
    uint64_t last;  /* number of the block that was put there last */
};

/* Appends an empty one of so many bytes to the file, behind a LIVE block; where that cannot be,
 * there is none. */
void shelf_make(struct shelf *shelf, struct writer *writer, uint64_t bytes);
/* Puts a block of definitions there, in *bytes how much it takes. RL_LIMIT: there is no room. */
RL_CHECKED rl_status shelf_put(struct shelf *shelf, struct writer *writer, uint32_t generation,
                               const uint8_t *entries, size_t len, uint64_t *bytes);
/* Takes the blocks of all generations before `oldest` away. */
void shelf_clear(struct shelf *shelf, struct writer *writer, uint32_t oldest);
void shelf_fini(struct shelf *shelf);

#endif
