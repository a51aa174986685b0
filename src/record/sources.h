/* Texts of source files. A traced thread names the file of code that it meets first. The writer
 * thread reads the file, and the host takes the secrets out. Then a SOURCE block is appended.
 *
 *   sources_ask() -> source_asks.h -> read, decode, check, clean -> entries -> writer_source()
 *
 * Invariant: bounded. At most RL_SOURCE_FILES_MAX files are named, and RL_SOURCE_TEXT_MAX bytes of
 * text are written; in a ring, the blocks have at most ring_source_bytes(). What is left out is
 * counted on the control page.
 *
 * The recorder's lock is held in every function; it is released while a file is read and written.
 * Private to src/record. */
#ifndef SOURCES_H
#define SOURCES_H

#include "recorder_state.h"

/* Wants the text of a file, once by its name. */
void sources_ask(struct recorder *recorder, const struct source_file *file);
/* Handles the oldest file, and writes a block where it was the last one or enough have come. */
void sources_write_next(struct recorder *recorder);
/* Handles all files, unless the writer thread is to leave. */
void sources_write_all(struct recorder *recorder);

#endif
