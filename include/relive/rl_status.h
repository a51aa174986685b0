/* The error table of the C library, and the struct for the detail of an error.
 *
 * Every function that can fail returns rl_status. Its result goes to the last out-parameter, which
 * is untouched on failure. Detail, such as the file and the place in it, goes into the caller's
 * rl_err.
 *
 *     struct rl_err err;
 *     if (rl_reader_open(path, &reader, &err) != RL_OK) {
 *         fprintf(stderr, "%s\n", err.text);
 *     }
 *
 * Numbers and codes never change their meaning. New ones are added at the end.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RL_STATUS_H
#define RL_STATUS_H

/* X(name, number, stable code, one-line meaning) */
#define RL_STATUS_TABLE(X)                                                                         \
    X(OK, 0, "OK", "no error")                                                                     \
    X(NOMEM, 1, "ERR_NO_MEMORY", "out of memory")                                                  \
    X(IO, 2, "ERR_IO", "the operating system refused a read or a write")                           \
    X(EXISTS, 3, "ERR_FILE_EXISTS", "the file exists already")                                     \
    X(NOT_FOUND, 4, "ERR_NOT_FOUND", "there is no such file")                                      \
    X(NOT_RECORDING, 5, "ERR_NOT_A_RECORDING", "the file is not a Relive recording")               \
    X(NEWER, 6, "ERR_NEWER_FORMAT", "the file was written by a newer Relive")                      \
    X(DAMAGED, 7, "ERR_DAMAGED", "the file is damaged")                                            \
    X(LIMIT, 8, "ERR_LIMIT", "a bound of this program was reached")                                \
    X(BUSY, 9, "ERR_BUSY", "somebody else is using it")                                            \
    X(USAGE, 10, "ERR_USAGE", "a call or option that makes no sense")                              \
    X(UNSUPPORTED, 11, "ERR_UNSUPPORTED", "not possible on this interpreter or system")            \
    X(END, 12, "ERR_END", "no more items")

typedef enum rl_status {
#define RL_STATUS_ENUM(name, number, code, meaning) RL_##name = number,
    RL_STATUS_TABLE(RL_STATUS_ENUM)
#undef RL_STATUS_ENUM
} rl_status;

#define RL_CHECKED __attribute__((warn_unused_result))

/* Filled only by a function that fails. `text` always ends with a NUL. */
struct rl_err {
    rl_status status;
    int os_errno; /* 0 where no system call failed */
    char text[400];
};

#endif
