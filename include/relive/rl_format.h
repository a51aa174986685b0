/* The constants of a .relive file: docs/format.md, as C. No layout is the image of a struct.
 * Offsets are defined here, and the helpers of src/base move bytes in little-endian order.
 *
 *   file    header | blocks: META, LIVE, CHUNK, DICT ... | INDEX | SUMMARY | FOOTER
 *   block   header, 32 bytes | prefix, not coded | coded bytes
 *   LIVE    control page | slot | slot ...        what threads write while they run
 *   slot    header, 64 bytes | row | row ...      16 bytes a row; values follow their row
 *
 * SPDX-License-Identifier: MIT */
#ifndef RL_FORMAT_H
#define RL_FORMAT_H

#define RL_FORMAT_VERSION 1
/* 1: SUMMARY finds losses by event numbers and counts open frames; threads have names.
 * 2: values may name one that was shown before in the chunk.
 * 3: a file may hold other recordings of its run (MEMBER).
 * 4: values may be objects that were shown before, with other fields.
 * 5: a part of a recording has BEFORE. */
#define RL_FORMAT_MINOR 6
#define RL_MAGIC        "\x89RELIVE\n"
#define RL_MAGIC_BYTES  8

/* ---- file header: 128 bytes at offset 0 ---- */
#define RL_FILE_HEADER_BYTES 128
#define RL_FH_VERSION        8   /* u16 */
#define RL_FH_MINOR          10  /* u16: additions an old reader may ignore */
#define RL_FH_BYTE_ORDER     12  /* u32: RL_BYTE_ORDER_MARK */
#define RL_FH_RUN_ID         16  /* 16 bytes */
#define RL_FH_PID            32  /* u64 */
#define RL_FH_START_MONO     40  /* u64 ns, CLOCK_MONOTONIC */
#define RL_FH_START_REAL     48  /* u64 ns since 1970 */
#define RL_FH_START_TICKS    56  /* u64 */
#define RL_FH_RUN_MONO       64  /* u64 ns: moment t = 0 of the run, CLOCK_MONOTONIC */
#define RL_FH_TICK_HZ        72  /* u64: a first estimate; chunk pairs are better */
#define RL_FH_CLOCK          80  /* u32: enum rl_clock */
#define RL_FH_FLAGS          84  /* u32: RL_FLAG_* */
#define RL_FH_PARENT_PID     88  /* u64: 0 in the first process of a run */
#define RL_FH_CHILD          96  /* u64: n-th child, 0 in the first process */
#define RL_FH_CHECK          120 /* u64: XXH3 of bytes 0..119 */
#define RL_BYTE_ORDER_MARK   0x01020304u

enum rl_clock { RL_CLOCK_NS = 0, RL_CLOCK_TSC = 1 };

#define RL_FLAG_LIVE_MAPPED 1u /* LIVE blocks are shared memory; else written every 100 ms */
#define RL_FLAG_RING        2u /* events are in LIVE slots only; the oldest were dropped */
#define RL_FLAG_ADDRESS_IDS 4u /* object identities are addresses (reserved) */

/* ---- blocks ---- */
#define RL_BLOCK_HEADER_BYTES 32
#define RL_BLOCK_MAGIC        0x31424c52u  /* "RLB1" */
#define RL_BH_MAGIC           0            /* u32 */
#define RL_BH_TYPE            4            /* u16 */
#define RL_BH_CODEC           6            /* u16 */
#define RL_BH_RAW             8            /* u32: bytes after decoding, prefix not counted */
#define RL_BH_STORED          12           /* u32: bytes in the file, prefix counted */
#define RL_BH_SUM             16           /* u64: XXH3 of the stored bytes; 0 in LIVE and PAD */
#define RL_BH_PREFIX          24           /* u32: uncompressed bytes before the coded ones */
#define RL_BH_CHECK           28           /* u32: low half of XXH3 of bytes 0..27 */
#define RL_BLOCK_MAX          (256u << 20) /* no block is longer */
#define RL_BLOCK_RAW_MAX      (64u << 20)  /* no coded block decodes to more */

/* X(name, number, what it holds) */
#define RL_BLOCK_TABLE(X)                                                                          \
    X(PAD, 1, "nothing: aligns what follows")                                                      \
    X(META, 2, "key/value facts about the run")                                                    \
    X(LIVE, 3, "slots that threads write into while they run")                                     \
    X(CHUNK, 4, "events of one thread")                                                            \
    X(DICT, 5, "string and code definitions")                                                      \
    X(INDEX, 6, "where chunks and dictionaries are")                                               \
    X(SUMMARY, 7, "threads, counts, folded call tree")                                             \
    X(FOOTER, 8, "end of a cleanly closed file")                                                   \
    X(INPUT, 9, "reserved")                                                                        \
    X(SCHEDULE, 10, "reserved")                                                                    \
    X(DIVERGENCE, 11, "reserved")                                                                  \
    X(SOURCE, 12, "texts of source files")                                                         \
    X(MEMBER, 13, "a piece of another recording of the run, in a pack")                            \
    X(BEFORE, 14, "what was before the first event of a part")

enum rl_block_type {
#define RL_BLOCK_ENUM(name, number, text) RL_BLOCK_##name = number,
    RL_BLOCK_TABLE(RL_BLOCK_ENUM)
#undef RL_BLOCK_ENUM
};

enum rl_codec { RL_CODEC_RAW = 0, RL_CODEC_ZSTD = 1 };

/* ---- MEMBER: a prefix, then a piece of a recording. All but its last piece have this length. The
 * prefix moves a member's own blocks off the multiples of 8, so no search for blocks of the pack
 * finds one of them. ---- */
#define RL_MEMBER_PREFIX_BYTES 20
#define RL_MB_NUMBER           0  /* u32: from 1 */
#define RL_MB_OFFSET           4  /* u64: of the piece in the recording */
#define RL_MB_SIZE             12 /* u64: of the recording */
#define RL_MEMBER_PIECE        ((16u << 20) - RL_MEMBER_PREFIX_BYTES)
#define RL_MEMBERS_MAX         65536u

/* ---- LIVE payload: a control page, then slots ---- */
#define RL_PAGE          4096u
#define RL_LIVE_MAGIC    0x564c4c52u /* "RLLV" */
#define RL_LV_MAGIC      0           /* u32 */
#define RL_LV_SLOT_BYTES 4           /* u32 */
#define RL_LV_SLOTS      8           /* u32 */
#define RL_LV_STATE      12          /* u32: enum rl_live_state */
#define RL_LV_BEAT_MONO  16          /* u64 ns, CLOCK_MONOTONIC: the writer was alive then */
#define RL_LV_BEAT_TICKS 24          /* u64: taken together with it */
#define RL_LV_BEAT_CHECK 32          /* u64: the two XORed; else they were being written */
#define RL_LV_NO_TEXT    40  /* u64: files left out of SOURCE blocks, first LIVE block only */
#define RL_LV_ENDING     48  /* u64: how the process ended, by its own word (ending.h) */
#define RL_LV_WAITED     56  /* u64: the same, as a recorded process saw it that waited for it */
#define RL_LV_LOSS       64  /* u64[RL_LOSS_REASONS] lost events, first LIVE block only */
#define RL_LV_BIRTH      192 /* u64: start of the process, in clock ticks since boot; 0 = unknown */
#define RL_LV_END        200 /* u64: the file had this many bytes when the writer looked last */

enum rl_live_state {
    RL_LIVE_RUNNING = 1,
    RL_LIVE_CLOSED = 2,
    RL_LIVE_EXEC = 3,
    RL_LIVE_SNAPSHOT = 4 /* copied from a recording that went on */
};

/* How a process ended: the low half of RL_LV_ENDING or RL_LV_WAITED. The high half is the value. */
enum rl_ending {
    RL_ENDING_NONE = 0,    /* not known */
    RL_ENDING_EXIT = 1,    /* by exit(): the exit status */
    RL_ENDING_OS_EXIT = 2, /* by os._exit(): the exit status */
    RL_ENDING_SIGNAL = 3,  /* by this signal */
    RL_ENDING_STOPPED = 4  /* it had not: the recording was stopped before */
};
#define RL_ENDINGS 5

/* ---- slot header, 64 bytes; rows follow ---- */
#define RL_SLOT_HEADER_BYTES 64
#define RL_SL_USED           0  /* u32: published bytes of rows; 0 = the slot is empty */
#define RL_SL_THREAD         4  /* u32 */
#define RL_SL_CHUNK          8  /* u64: chunk sequence in this thread */
#define RL_SL_FIRST_SEQ      16 /* u64: sequence number of the first event */
#define RL_SL_FIRST_CALL     24 /* u64: ordinal of the first activation begun here */
#define RL_SL_TICKS          32 /* u64 */
#define RL_SL_MONO           40 /* u64 ns, taken together with ticks */
#define RL_SL_TOP            48 /* u64: innermost open frame before the first event, 0 = none */
#define RL_SL_NAME           56 /* u32: string id of the thread's name; 0 = not known */

/* ---- a row: 16 bytes ---- */
#define RL_ROW_BYTES 16u
#define RL_ROW_TICKS 0 /* u32: since the slot's ticks or the last TIME row */
#define RL_ROW_KIND  4 /* u32: kind << 26 | id */
#define RL_ROW_FRAME 8 /* u64 */
#define RL_ID_BITS   26
#define RL_ID_MAX    ((1u << RL_ID_BITS) - 1)
/* In a SUMMARY: all functions beyond the bound on their number. No definition has this id. */
#define RL_CODE_OTHER RL_ID_MAX

/* A frame is named by the thread that began it and its ordinal there, from 1. 0 = no frame. */
#define RL_FRAME_ORDINAL_BITS     40
#define RL_FRAME_ORDINAL_MASK     ((UINT64_C(1) << RL_FRAME_ORDINAL_BITS) - 1)
#define RL_FRAME(thread, ordinal) (((uint64_t)(thread) << RL_FRAME_ORDINAL_BITS) | (ordinal))

/* X(name, number, printed name, what happened). Numbers below 32 are events. */
#define RL_EVENT_TABLE(X)                                                                          \
    X(CALL, 1, "call", "a function, class body or module began")                                   \
    X(RETURN, 2, "return", "a frame returned a value")                                             \
    X(YIELD, 3, "yield", "a generator or coroutine was suspended")                                 \
    X(RESUME, 4, "resume", "a suspended frame goes on")                                            \
    X(THROW, 5, "throw", "an exception is thrown into a suspended frame")                          \
    X(UNWIND, 6, "unwind", "an exception left the frame")                                          \
    X(RAISE, 7, "raise", "an exception was raised")                                                \
    X(HANDLED, 8, "handled", "an exception was caught")                                            \
    X(LINE, 9, "line", "a line is about to run")                                                   \
    X(WRITE, 10, "write", "a variable changed")                                                    \
    X(C_CALL, 11, "c_call", "a function written in C was called")                                  \
    X(C_RETURN, 12, "c_return", "a function written in C returned")                                \
    X(C_RAISE, 13, "c_raise", "a function written in C raised")                                    \
    X(THREAD_START, 14, "thread_start", "the first event of a thread")                             \
    X(THREAD_END, 15, "thread_end", "the last event of a thread")                                  \
    X(TASK_START, 16, "task_start", "a task began")                                                \
    X(TASK_SWITCH, 17, "task_switch", "a task goes on")                                            \
    X(TASK_END, 18, "task_end", "a task ended")                                                    \
    X(GC, 19, "gc", "a garbage collection")                                                        \
    X(OUTPUT, 20, "output", "bytes written to stdout or stderr")                                   \
    X(LOG, 21, "log", "a log record")                                                              \
    X(SESSION_START, 22, "session_start", "a session began")                                       \
    X(SESSION_END, 23, "session_end", "a session ended")                                           \
    X(HTTP_REQUEST, 24, "http_request", "a request came in or went out")                           \
    X(HTTP_RESPONSE, 25, "http_response", "its answer")                                            \
    X(MARK, 26, "mark", "a mark set by the program")                                               \
    X(LOSS, 27, "loss", "events that were not kept here, with the reason and the count")           \
    X(RUNNING, 28, "call", "a frame that ran already when recording started")                      \
    X(CLOSED, 29, "unwind", "a frame is gone; its end was not seen")                               \
    X(BUDGET, 30, "budget", "code was taken down a level, to keep to --budget")                    \
    X(FILTER, 31, "filter", "what filters had left out and redacted when recording ended")

/* Rows that are no events: each describes the next event, or defines an id. */
#define RL_ROW_TABLE(X)                                                                            \
    X(TIME, 32, "time", "frame = new base of ticks")                                               \
    X(SWITCH, 33, "switch", "frame = the thread's innermost frame from here on")                   \
    X(EXC, 34, "exc", "id = type name of the next unwind's exception, ticks = its line")           \
    X(DEF_STRING, 35, "string", "ticks = bytes that follow, id = its number")                      \
    X(DEF_CODE, 36, "code", "ticks = bytes that follow, id = its number")                          \
    X(FOREIGN, 38, "foreign", "frame = that of the next line or write")                            \
    X(DATA, 37, "data", "ticks = bytes of the next event's values, which begin at the frame field")

enum rl_event_kind {
#define RL_KIND_ENUM(name, number, text, meaning) RL_EVENT_##name = number,
    RL_EVENT_TABLE(RL_KIND_ENUM)
#undef RL_KIND_ENUM
#define RL_KIND_ENUM(name, number, text, meaning) RL_ROW_##name = number,
        RL_ROW_TABLE(RL_KIND_ENUM)
#undef RL_KIND_ENUM
};
#define RL_EVENT_KINDS 32

/* In LINE and WRITE rows, the frame field is line << 40 | ordinal of a frame that this thread
 * began. The frame of another thread, as a generator may have, is in a FOREIGN row right before. */
#define RL_LINE_MAX 0xffffffu

/* The values of a WRITE begin with a varint: number << 3 | watched << 2 | where the variable is. */
enum rl_write_scope {
    RL_WRITE_SLOT = 0,      /* number = its slot in the code's names */
    RL_WRITE_NAMESPACE = 1, /* number = string id; a name in a module or class body */
    RL_WRITE_GLOBAL = 2,    /* number = string id */
    RL_WRITE_ITEM = 3 /* enum rl_item << 3; the key or name follows as a value, then another head */
};
/* What has changed inside the variable. */
enum rl_item { RL_ITEM_KEY = 1, RL_ITEM_ATTRIBUTE = 2 };
#define RL_WRITE_WATCHED                                                                           \
    4u /* a long container: only its ends have a fingerprint, so other changes are not seen */

/* ---- values ---- */
/* X(name, number, what follows the tag). "identity" is six bytes, "type" and "name" are string ids.
 * A tag of 128 or more is a whole int: tag - 144. */
#define RL_VALUE_TABLE(X)                                                                          \
    X(UNSET, 0, "nothing: the variable is not bound")                                              \
    X(NONE, 1, "nothing")                                                                          \
    X(FALSE, 2, "nothing")                                                                         \
    X(TRUE, 3, "nothing")                                                                          \
    X(ELLIPSIS, 4, "nothing")                                                                      \
    X(NOT_IMPLEMENTED, 5, "nothing")                                                               \
    X(INT, 6, "varint zigzag")                                                                     \
    X(BIG_INT, 7, "varint 1 = negative, varint n, n bytes of magnitude, low first")                \
    X(BIG_INT_CUT, 8, "varint 1 = negative, varint bits: only its size is known")                  \
    X(FLOAT, 9, "8 bytes, IEEE 754")                                                               \
    X(COMPLEX, 10, "16 bytes: real, imaginary")                                                    \
    X(STR, 11, "varint n, n bytes of UTF-8")                                                       \
    X(STR_CUT, 12, "varint characters of the whole, varint n, n bytes")                            \
    X(BYTES, 13, "varint n, n bytes")                                                              \
    X(BYTES_CUT, 14, "varint bytes of the whole, varint n, n bytes")                               \
    X(STR_ODD, 15,                                                                                 \
      "as 12, then varint k, k varints: the characters from 128 on that are not printable")        \
    X(LIST, 16, "identity, varint length, varint shown, that many values")                         \
    X(TUPLE, 17, "the same")                                                                       \
    X(SET, 18, "the same")                                                                         \
    X(FROZENSET, 19, "the same")                                                                   \
    X(DICT, 20, "identity, varint length, varint shown, that many keys and values")                \
    X(RANGE, 21, "values: start, stop, step")                                                      \
    X(SLICE, 22, "values: start, stop, step")                                                      \
    X(OBJECT, 23, "identity, type, varint fields, varint shown, that many names and values")       \
    X(OPAQUE, 24, "identity, type: nothing else is known")                                         \
    X(TEXT, 25, "identity, type, varint flags, varint n, n bytes that stand for it")               \
    X(WRAPPED, 26, "identity, type, a value: what an instance of a subclass holds")                \
    X(CYCLE, 27, "identity of a container that contains this value")                               \
    X(DEEP, 28, "identity, type, varint length: beyond the bounds, not walked")                    \
    X(REDACTED, 29, "type: taken out by a filter")                                                 \
    X(EXCEPTION, 30, "identity, type, varint flags, values: message, cause, context")              \
    X(CUT, 31, "nothing: no room was left")                                                        \
    X(DROPPED, 32, "nothing: left out by a filter")                                                \
    X(LABEL, 33, "identity, type, string that stands for it")                                      \
    X(REMEMBERED, 34, "varint number, a value: AGAIN may name it from here on")                    \
    X(AGAIN, 35, "varint number: the value remembered last under it, in this chunk")               \
    X(CHANGED, 36,                                                                                 \
      "varint number of an object; varint n, n times varint index of a field and its new value")

enum rl_value_tag {
#define RL_VALUE_ENUM(name, number, text) RL_VALUE_##name = number,
    RL_VALUE_TABLE(RL_VALUE_ENUM)
#undef RL_VALUE_ENUM
};
#define RL_VALUE_SMALL      128 /* the first tag of a small int */
#define RL_VALUE_SMALL_ZERO 144
#define RL_IDENTITY_BYTES   6
#define RL_REMEMBERED       512u /* values that have a number at once */
#define RL_TEXT_IS_CUT      1u
#define RL_TEXT_HAS_FAILED  2u /* a preview that raised: the text says what */
#define RL_EXCEPTION_FROM   1u /* its context is suppressed (raise ... from ...) */
#define RL_EXCEPTION_REPR   2u /* its message is shown as repr() has it */
#define RL_EXCEPTION_AGAIN  4u /* raised again by the handler that had caught it */

/* What follows the exception of an event (after_exception.h). A RAISE or UNWIND has flags and
 * callers; a HANDLED has the kind of its handler, and a line. */
#define RL_EXCEPTION_OUTERMOST 1u /* nothing called the frame that the exception leaves */
#define RL_EXCEPTION_EARLIER   4u /* raised before, in a recorded frame of its traceback */
#define RL_EXCEPTION_ONCE_MORE                                                                     \
    2u /* as RL_EXCEPTION_AGAIN, for an exception that was not captured */
enum rl_handler {
    RL_HANDLER_EXCEPT = 0,  /* not written */
    RL_HANDLER_WITH = 1,    /* goes on unless __exit__ returns a true value; the line of the with */
    RL_HANDLER_FINALLY = 2, /* goes on, or is left somehow; the line that it begins at */
    RL_HANDLER_RETURN = 3,  /* a finally that a return leaves; its line */
    RL_HANDLER_BREAK = 4    /* the same of a break or continue */
};
#define RL_VALUE_DEPTH_MAX 32u    /* no recorder nests deeper */
#define RL_VALUE_BYTES_MAX 12288u /* of one event */

/* X(name, number, printed name, what it means) */
#define RL_LOSS_TABLE(X)                                                                           \
    X(BUFFER_FULL, 0, "buffer_full", "the writer fell behind and --overflow drop was chosen")      \
    X(RING, 1, "ring", "older than the ring holds (--ring)")                                       \
    X(DISK_FULL, 2, "disk_full", "the disk was full, or a quota or file size limit was hit")       \
    X(IO_ERROR, 3, "io_error", "the file could not be written")                                    \
    X(FILE_GONE, 4, "file_gone", "the recording was truncated or replaced while it was written")   \
    X(MEMORY, 5, "memory", "no memory for the recorder")                                           \
    X(DEEP, 6, "deep_recursion", "calls below a depth that the hook must not add to (3.11)")       \
    X(UNMATCHED, 7, "unmatched", "ends of frames whose start was not seen")                        \
    X(HOOK_TAKEN, 8, "hook_taken",                                                                 \
      "threads with a gap: the program has put its own in the hook's place")                       \
    X(LATE, 9, "late", "events of a thread after recording had stopped")                           \
    X(BUDGET, 10, "budget", "events of code that is only counted, to keep to --budget")            \
    X(FILTER, 11, "filter", "events dropped by a rule with every, min_duration, thread or task")   \
    X(OUTPUT, 12, "output", "pieces of output of C code that had no place (--native-output)")      \
    X(INTERPRETERS, 13, "interpreters", "interpreters beside the main one: all that they ran")     \
    X(SESSIONS, 14, "sessions", "sessions forgotten: too many were open, and never ended")

enum rl_loss_reason {
#define RL_LOSS_ENUM(name, number, text, meaning) RL_LOSS_##name = number,
    RL_LOSS_TABLE(RL_LOSS_ENUM)
#undef RL_LOSS_ENUM
};
#define RL_LOSS_REASONS 16

/* ---- CHUNK: an uncoded prefix, then zstd(tokens, times) ---- */
#define RL_CHUNK_PREFIX_BYTES 104
#define RL_CH_THREAD          0  /* u32 */
#define RL_CH_EVENTS          4  /* u32 */
#define RL_CH_CHUNK           8  /* u64 */
#define RL_CH_FIRST_SEQ       16 /* u64 */
#define RL_CH_FIRST_CALL      24 /* u64 */
#define RL_CH_TICKS0          32 /* u64 */
#define RL_CH_MONO0           40 /* u64 */
#define RL_CH_TICKS1          48 /* u64 */
#define RL_CH_MONO1           56 /* u64 */
#define RL_CH_TOP             64 /* u64 */
#define RL_CH_TOKEN_BYTES     80 /* u32 */
#define RL_CH_TIME_BYTES      84 /* u32 */
#define RL_CH_VALUE_BYTES     88 /* u32 */
#define RL_CH_NAME            92 /* u32 */

/* Token operations: the low 3 bits of a token. */
enum rl_token_op {
    RL_OP_CALL = 0,     /* value = code; the frame is this thread's next */
    RL_OP_RETURN = 1,   /* of the innermost frame known in this chunk */
    RL_OP_YIELD = 2,    /* the same */
    RL_OP_UNWIND = 3,   /* the same */
    RL_OP_RESUME = 4,   /* value = code; frame delta follows */
    RL_OP_EXPLICIT = 5, /* value = kind; code and frame delta follow */
    RL_OP_NATIVE = 6,   /* value = code * 4 + (0 c_call, 1 c_return, 2 c_raise), or 3 + 4 * (2 *
                         zigzag of the line minus the last one + (0 line, 1 write)) */
    RL_OP_PREFIX = 7    /* value 0: switch, frame delta; 1: exc, string id, line; 2: data */
};

/* ---- FOOTER payload, 64 bytes; with its header the last 96 bytes of the file ---- */
#define RL_FOOTER_BYTES 64
#define RL_FT_INDEX     0  /* u64: file offset of the INDEX block */
#define RL_FT_SUMMARY   8  /* u64: file offset of the SUMMARY block, 0 = none */
#define RL_FT_EVENTS    16 /* u64 */
#define RL_FT_CHUNKS    24 /* u64 */
#define RL_FT_END_TICKS 32 /* u64: taken together with */
#define RL_FT_END_MONO  40 /* u64 */
#define RL_FT_LOST      48 /* u64: all reasons together */
#define RL_FT_MEMBERS   56 /* u64: file offset of the first MEMBER block, 0 = none */

/* ---- SOURCE: entries, one a file ---- */
/* X(name, number, printed name, what it means) */
#define RL_SOURCE_TABLE(X)                                                                         \
    X(TEXT, 0, "text", "the text follows")                                                         \
    X(NOT_PYTHON, 1, "not_python", "its name is not that of a Python file")                        \
    X(NOT_REGULAR, 2, "not_regular", "a folder, a pipe or a device")                               \
    X(UNREADABLE, 3, "unreadable", "it cannot be opened or read")                                  \
    X(OTHER, 4, "other_text", "the code is not in the text: the file is another one by now")       \
    X(ENCODING, 5, "encoding", "its encoding is not UTF-8, ASCII or Latin-1")                      \
    X(LARGE, 6, "too_large", "no room for it was left in the 16 MiB for texts")                    \
    X(PACKED, 7, "packed", "it is compressed in an archive")                                       \
    X(FILTER, 8, "filter", "a filter leaves it out")

enum rl_source_state {
#define RL_SOURCE_ENUM(name, number, text, meaning) RL_SOURCE_##name = number,
    RL_SOURCE_TABLE(RL_SOURCE_ENUM)
#undef RL_SOURCE_ENUM
};
#define RL_SOURCE_CHANGED   1u          /* flag: changed since the process began */
#define RL_SOURCE_TEXT_MAX  (16u << 20) /* bytes of text in one recording */
#define RL_SOURCE_FILES_MAX 8192u       /* entries in one recording */

#define RL_BEFORE_LOSSES 1u /* flag of BEFORE: events were lost, so its numbers count kept ones */

#define RL_STRING_MAX 4096u /* bytes; longer names are cut, on a character boundary */

/* Flags of a code definition. */
#define RL_CODE_GENERATOR       1u
#define RL_CODE_COROUTINE       2u
#define RL_CODE_ASYNC_GENERATOR 4u
#define RL_CODE_NATIVE          8u
#define RL_CODE_MODULE          16u
#define RL_CODE_CLASS_BODY      32u
#define RL_CODE_VARARGS         64u /* the parameter after the named ones is *args */
#define RL_CODE_SKIPPED                                                                            \
    256u /* never recorded; a varint follows, the index of the rule that skips it */
#define RL_CODE_COMMAND     512u /* its text is that of the command (-c) or of standard input */
#define RL_CODE_VARKEYWORDS 128u /* the last parameter is **kwargs */

#endif
