/* Why: the rare paths of bytes.h, out of line, so that the common ones stay small enough to inline.
 * Invariant: no read goes beyond `end`, no write beyond `cap`. */
#include "bytes.h"

#include "alloc.h"

/* Ten bytes at most; the tenth has a single bit. Longer and cut varints set `bad`. */
uint64_t bytes_varint_slow(struct bytes_in *in)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (in->at == in->end) {
            break;
        }
        uint8_t b = *in->at++;
        if (shift == 63 && b > 1) {
            break; /* more than 64 bits */
        }
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            return v;
        }
    }
    in->bad = 1;
    in->at = in->end;
    return 0;
}

const uint8_t *bytes_take(struct bytes_in *in, size_t n)
{
    if (bytes_left(in) < n) {
        in->bad = 1;
        in->at = in->end;
        return NULL;
    }
    const uint8_t *p = in->at;
    in->at += n;
    return p;
}

uint32_t bytes_u32(struct bytes_in *in)
{
    const uint8_t *p = bytes_take(in, 4);
    return p != NULL ? get32(p) : 0;
}

uint64_t bytes_u64(struct bytes_in *in)
{
    const uint8_t *p = bytes_take(in, 8);
    return p != NULL ? get64(p) : 0;
}

void bytes_out_fini(struct bytes_out *out)
{
    rl_free(out->data);
    memset(out, 0, sizeof *out);
}

uint8_t *bytes_room_slow(struct bytes_out *out, size_t n)
{
    void *data = out->data;
    n += n == 0; /* NULL means failure, so even 0 bytes need a place */
    if (out->failed || n > SIZE_MAX - out->len || rl_grow(&data, &out->cap, out->len + n, 1) != 0) {
        out->failed = 1;
        return NULL;
    }
    out->data = data;
    return out->data + out->len;
}

void bytes_put(struct bytes_out *out, const void *data, size_t n)
{
    uint8_t *p = bytes_room(out, n);
    if (p != NULL && n != 0) {
        memcpy(p, data, n);
        out->len += n;
    }
}

void bytes_put_varint(struct bytes_out *out, uint64_t v)
{
    uint8_t *p = bytes_room(out, VARINT_MAX);
    if (p != NULL) {
        out->len += (size_t)(put_varint(p, v) - p);
    }
}

void bytes_put_u64(struct bytes_out *out, uint64_t v)
{
    uint8_t *p = bytes_room(out, 8);
    if (p != NULL) {
        put64(p, v);
        out->len += 8;
    }
}
