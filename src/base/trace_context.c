/* Why: see trace_context.h. The generator is xoshiro256**, seeded by the system. */
#include "trace_context.h"

#include <string.h>

#include "os.h"

static int are_hex(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'))) {
            return 0;
        }
    }
    return 1;
}

static int are_zeros(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '0') {
            return 0;
        }
    }
    return 1;
}

/*   00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *   version, trace, span, flags; later versions may say more behind a dash. */
int trace_parent_read(const char *header, size_t len, struct trace_parent *out)
{
    enum { TRACE = 3, SPAN = TRACE + TRACE_ID_DIGITS + 1, FLAGS = SPAN + SPAN_ID_DIGITS + 1 };
    enum { END = FLAGS + TRACE_FLAGS_DIGITS, MOST = 512 };
    if (len < END || len > MOST || header[TRACE - 1] != '-' || header[SPAN - 1] != '-' ||
        header[FLAGS - 1] != '-' || !are_hex(header, 2) ||
        !are_hex(header + TRACE, TRACE_ID_DIGITS) || !are_hex(header + SPAN, SPAN_ID_DIGITS) ||
        !are_hex(header + FLAGS, TRACE_FLAGS_DIGITS)) {
        return 0;
    }
    if (memcmp(header, "ff", 2) == 0 || are_zeros(header + TRACE, TRACE_ID_DIGITS) ||
        are_zeros(header + SPAN, SPAN_ID_DIGITS)) {
        return 0;
    }
    if (len > END &&
        (memcmp(header, "00", 2) == 0 || header[END] != '-' || memchr(header, '\n', len) != NULL)) {
        return 0;
    }
    memcpy(out->trace_id, header + TRACE, TRACE_ID_DIGITS);
    memcpy(out->span_id, header + SPAN, SPAN_ID_DIGITS);
    memcpy(out->flags, header + FLAGS, TRACE_FLAGS_DIGITS);
    return 1;
}

void trace_ids_init(struct trace_ids *ids)
{
    do {
        os_random(ids->state, sizeof ids->state);
    } while ((ids->state[0] | ids->state[1] | ids->state[2] | ids->state[3]) == 0);
}

static uint64_t turned(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static uint64_t next_word(uint64_t s[4])
{
    uint64_t word = turned(s[1] * 5, 7) * 9, mixed = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= mixed;
    s[3] = turned(s[3], 45);
    return word;
}

void trace_ids_next(struct trace_ids *ids, char *digits, size_t count)
{
    uint64_t any = 0;
    do {
        for (size_t at = 0; at + 16 <= count; at += 16) {
            uint64_t word = next_word(ids->state);
            any |= word;
            for (size_t i = 0; i < 16; i++) {
                digits[at + i] = "0123456789abcdef"[word >> (60 - 4 * i) & 15];
            }
        }
    } while (any == 0 && count >= 16);
}
