/* Bytes on disk: little-endian integers, varints, a bounded reader and a growing writer.
 *
 *   varint   7 bits per byte, low bits first; the high bit means that another byte follows
 *            300 = 0b10_0101100  ->  1_0101100  0_0000010      at most 10 bytes
 *   zigzag   0 -1 1 -2 2 ...  ->  0 1 2 3 4 ...                small negative numbers stay short
 *
 * Threads: pure functions of their arguments. */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LE16(x) __builtin_bswap16(x)
#define LE32(x) __builtin_bswap32(x)
#define LE64(x) __builtin_bswap64(x)
#else
#define LE16(x) (x)
#define LE32(x) (x)
#define LE64(x) (x)
#endif

static inline uint16_t get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return LE16(v);
}

static inline uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return LE32(v);
}

static inline uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return LE64(v);
}

static inline void put16(uint8_t *p, uint16_t v)
{
    v = LE16(v);
    memcpy(p, &v, sizeof v);
}

static inline void put32(uint8_t *p, uint32_t v)
{
    v = LE32(v);
    memcpy(p, &v, sizeof v);
}

static inline void put64(uint8_t *p, uint64_t v)
{
    v = LE64(v);
    memcpy(p, &v, sizeof v);
}

static inline int bytes_are_zero(const uint8_t *data, size_t n)
{
    return n == 0 || (data[0] == 0 && memcmp(data, data + 1, n - 1) == 0);
}

#define VARINT_MAX 10

/* Writes v at p, which has room for VARINT_MAX bytes. Returns the place after it. */
static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

/* Map signed numbers to unsigned ones and back, so that small ones have short varints. */
static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* A cursor over untrusted bytes. After a read beyond the end, `bad` stays set and every later read
 * returns 0. So a decoder may check once, at the end of a record. */
struct bytes_in {
    const uint8_t *at;
    const uint8_t *end;
    int bad;
};

static inline struct bytes_in bytes_in_of(const void *data, size_t size)
{
    const uint8_t *at = (const uint8_t *)data;
    struct bytes_in in = {at, size != 0 ? at + size : at, 0}; /* NULL + 0 is undefined in C */
    return in;
}

static inline size_t bytes_left(const struct bytes_in *in)
{
    return (size_t)(in->end - in->at);
}

/* The part of bytes_varint() for two bytes and more, and for errors. */
uint64_t bytes_varint_slow(struct bytes_in *in);

static inline uint64_t bytes_varint(struct bytes_in *in)
{
    if (__builtin_expect(in->at < in->end && *in->at < 0x80, 1)) {
        return *in->at++;
    }
    return bytes_varint_slow(in);
}

/* Takes a varint of at most 32 bits; a greater one sets `bad`. */
static inline uint32_t bytes_varint32(struct bytes_in *in)
{
    uint64_t value = bytes_varint(in);
    in->bad |= value > UINT32_MAX;
    return (uint32_t)value;
}

/* Takes a number of items that follow, each of at least one byte. Sets `bad` and returns 0 where
 * fewer bytes are left. */
static inline size_t bytes_count(struct bytes_in *in)
{
    uint64_t count = bytes_varint(in);
    in->bad |= count > bytes_left(in);
    return in->bad ? 0 : (size_t)count;
}

/* Returns the next n bytes, borrowed from the input. Sets `bad` and returns NULL where there are
 * fewer. */
const uint8_t *bytes_take(struct bytes_in *in, size_t n);
uint32_t bytes_u32(struct bytes_in *in);
uint64_t bytes_u64(struct bytes_in *in);

/* A growing output. A failed allocation sets `failed`; all later writes then do nothing. So a
 * caller may check once, at the end. */
struct bytes_out {
    uint8_t *data; /* owned */
    size_t len;
    size_t cap;
    int failed;
};

void bytes_out_fini(struct bytes_out *out);
/* Empties the output and keeps its memory. */
static inline void bytes_out_reset(struct bytes_out *out)
{
    out->len = 0;
    out->failed = 0;
}
/* The part of bytes_room() that grows the output, and its errors. */
uint8_t *bytes_room_slow(struct bytes_out *out, size_t n);

/* Returns room for n more bytes, or NULL. The caller adds to `len` what it has written. */
static inline uint8_t *bytes_room(struct bytes_out *out, size_t n)
{
    if (__builtin_expect(n < out->cap - out->len && !out->failed, 1)) {
        return out->data + out->len;
    }
    return bytes_room_slow(out, n);
}
void bytes_put(struct bytes_out *out, const void *data, size_t n);
void bytes_put_varint(struct bytes_out *out, uint64_t v);
void bytes_put_u64(struct bytes_out *out, uint64_t v);

#endif
