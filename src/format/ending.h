/* How a process ended, as a word of the control page says it (docs/format.md, "LIVE"):
 *
 *   0                    32                  64
 *   | enum rl_ending     | value             |     one store, so a reader never sees half of it
 *
 * The process writes its own word. A recorded process that waits for another one writes the second
 * word, into the file of that one. */
#ifndef ENDING_H
#define ENDING_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stdint.h>

struct ending {
    uint32_t how;   /* enum rl_ending */
    uint32_t value; /* the exit status, or the signal; 0 for the others */
};

uint64_t ending_word(struct ending ending);
/* Reads a word from a file. RL_DAMAGED where it cannot be one. What only a newer Relive knows reads
 * as not known. */
RL_CHECKED rl_status ending_of(uint64_t word, struct ending *ending);
/* Returns what both words say together: whoever waited knows the status, the process its reason. */
struct ending ending_join(struct ending own, struct ending waited);

#endif
