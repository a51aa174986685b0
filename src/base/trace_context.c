/* Why: ids must be cheap enough for every request, hence a generator of our own: xoshiro256**,
 * seeded by the system. See trace_context.h. */
#include "trace_context.h"

#include <string.h>

#include "os.h"

/* Returns the value of a lower-case digit, or -1. */
static int read_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int trace_bytes(const char *digits, size_t count, uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        int high = read_digit(digits[2 * i]), low = read_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0) {
            return -1;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

void trace_digits(const uint8_t *bytes, size_t count, char *digits)
{
    for (size_t i = 0; i < count; i++) {
        digits[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        digits[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
}

/* Returns whether all bytes are 0, which the recommendation forbids in ids. */
static int are_zeros(const uint8_t *bytes, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/*   00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *   version, trace id, span id, flags; later versions may add more after a dash */
int trace_parent_read(const char *header, size_t len, struct trace_parent *out)
{
    enum { TRACE = 3, SPAN = TRACE + 2 * TRACE_BYTES + 1, FLAGS = SPAN + 2 * SPAN_BYTES + 1 };
    enum { END = FLAGS + 2, MOST = 512 };
    struct trace_parent parent;
    uint8_t version;
    if (len < END || len > MOST || header[TRACE - 1] != '-' || header[SPAN - 1] != '-' ||
        header[FLAGS - 1] != '-' || trace_bytes(header, 1, &version) != 0 ||
        trace_bytes(header + TRACE, TRACE_BYTES, parent.trace_id) != 0 ||
        trace_bytes(header + SPAN, SPAN_BYTES, parent.span_id) != 0 ||
        trace_bytes(header + FLAGS, 1, &parent.flags) != 0) {
        return 0;
    }
    if (version == 0xff || are_zeros(parent.trace_id, TRACE_BYTES) ||
        are_zeros(parent.span_id, SPAN_BYTES)) {
        return 0;
    }
    if (len > END && (version == 0 || header[END] != '-' || memchr(header, '\n', len) != NULL)) {
        return 0;
    }
    *out = parent;
    return 1;
}

void trace_ids_init(struct trace_ids *ids)
{
    do {
        (void)os_random(ids->state, sizeof ids->state);
    } while ((ids->state[0] | ids->state[1] | ids->state[2] | ids->state[3]) == 0);
}

static uint64_t rotate_left(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

/* Returns the next 64 bits of xoshiro256**. */
static uint64_t next_random_word(uint64_t s[4])
{
    uint64_t word = rotate_left(s[1] * 5, 7) * 9, mixed = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= mixed;
    s[3] = rotate_left(s[3], 45);
    return word;
}

void trace_ids_next(struct trace_ids *ids, uint8_t *bytes, size_t count)
{
    do {
        for (size_t at = 0; at + 8 <= count; at += 8) {
            uint64_t word = next_random_word(ids->state);
            for (size_t i = 0; i < 8; i++) {
                bytes[at + i] = (uint8_t)(word >> (56 - 8 * i));
            }
        }
    } while (are_zeros(bytes, count) && count >= 8);
}
