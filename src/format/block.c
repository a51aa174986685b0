/* Why: one place that knows headers, checksums and compression.
 *
 * Invariants: a header that passed block_header_get() makes no caller allocate more than
 * RL_BLOCK_RAW_MAX, and its span is never 0, so a walk over blocks ends.
 *
 * Threads: a coder belongs to one thread. */
#include "block.h"

#define ZSTD_STATIC_LINKING_ONLY /* for ZSTD_c_literalCompressionMode */
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "alloc.h"

struct block_coder {
    ZSTD_CCtx *compress;
    ZSTD_CCtx *events; /* searches for long repetitions alone, in a table that fits a near cache */
    ZSTD_CCtx *noise;  /* counts how often each byte comes, and hardly searches for repetitions */
    ZSTD_DCtx *decompress;
};

enum {
    LEVEL = 1,
    LEVEL_SMALL = 15,
    EVENTS_LEAST = 6,    /* bytes of a repetition */
    EVENTS_TABLE = 13,   /* bits: 32 KiB */
    LEVEL_NOISE = -1000, /* the search goes on in steps of about so many bytes */
    CODE_LITERALS = 1,   /* its name differs between versions of zstd */
};

uint64_t block_checksum(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}

int block_sum_matches(const void *data, size_t len, uint64_t sum)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    (void)data, (void)len, (void)sum;
    return 1;
#else
    return block_checksum(data, len) == sum;
#endif
}

int block_check_matches(const void *data, size_t len, uint32_t check)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    (void)data, (void)len, (void)check;
    return 1;
#else
    return (uint32_t)block_checksum(data, len) == check;
#endif
}

const char *block_zstd_version(void)
{
    return ZSTD_versionString();
}

/* Blocks begin at multiples of 8, so that find_header() need not look at every byte. */
static uint64_t round_up_to_8(uint64_t n)
{
    return (n + 7) & ~UINT64_C(7);
}

uint64_t block_span(const struct block_header *header)
{
    return RL_BLOCK_HEADER_BYTES + round_up_to_8(header->stored);
}

void block_header_put(uint8_t *at, const struct block_header *header)
{
    put32(at + RL_BH_MAGIC, RL_BLOCK_MAGIC);
    put16(at + RL_BH_TYPE, header->type);
    put16(at + RL_BH_CODEC, header->codec);
    put32(at + RL_BH_RAW, header->raw);
    put32(at + RL_BH_STORED, header->stored);
    put64(at + RL_BH_SUM, header->sum);
    put32(at + RL_BH_PREFIX, header->prefix);
    put32(at + RL_BH_CHECK, (uint32_t)block_checksum(at, RL_BH_CHECK));
}

rl_status block_header_get(const uint8_t *at, struct block_header *header)
{
    if (get32(at + RL_BH_MAGIC) != RL_BLOCK_MAGIC ||
        !block_check_matches(at, RL_BH_CHECK, get32(at + RL_BH_CHECK))) {
        return RL_DAMAGED;
    }
    struct block_header h = {
        .type = get16(at + RL_BH_TYPE),
        .codec = get16(at + RL_BH_CODEC),
        .raw = get32(at + RL_BH_RAW),
        .stored = get32(at + RL_BH_STORED),
        .prefix = get32(at + RL_BH_PREFIX),
        .sum = get64(at + RL_BH_SUM),
    };
    if (h.stored > RL_BLOCK_MAX || h.prefix > h.stored ||
        (h.type != RL_BLOCK_LIVE && h.type != RL_BLOCK_PAD && h.raw > RL_BLOCK_RAW_MAX)) {
        return RL_DAMAGED;
    }
    *header = h;
    return RL_OK;
}

struct block_coder *block_coder_new(void)
{
    struct block_coder *coder = rl_zalloc(1, sizeof *coder);
    if (coder == NULL) {
        return NULL;
    }
    coder->compress = ZSTD_createCCtx();
    coder->events = ZSTD_createCCtx();
    coder->noise = ZSTD_createCCtx();
    coder->decompress = ZSTD_createDCtx();
    if (coder->compress == NULL || coder->events == NULL || coder->noise == NULL ||
        coder->decompress == NULL) {
        block_coder_free(coder);
        return NULL;
    }
    (void)ZSTD_CCtx_setParameter(coder->compress, ZSTD_c_compressionLevel, LEVEL);
    (void)ZSTD_CCtx_setParameter(coder->events, ZSTD_c_compressionLevel, LEVEL);
    (void)ZSTD_CCtx_setParameter(coder->events, ZSTD_c_minMatch, EVENTS_LEAST);
    (void)ZSTD_CCtx_setParameter(coder->events, ZSTD_c_hashLog, EVENTS_TABLE);
    (void)ZSTD_CCtx_setParameter(coder->noise, ZSTD_c_compressionLevel, LEVEL_NOISE);
    /* A zstd that does not know this stores noise as it is. */
    (void)ZSTD_CCtx_setParameter(coder->noise, ZSTD_c_literalCompressionMode, CODE_LITERALS);
    return coder;
}

struct block_coder *block_coder_new_small(void)
{
    struct block_coder *coder = block_coder_new();
    if (coder != NULL) {
        ZSTD_CCtx *const all[] = {coder->compress, coder->events, coder->noise};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            (void)ZSTD_CCtx_reset(all[i], ZSTD_reset_session_and_parameters);
            (void)ZSTD_CCtx_setParameter(all[i], ZSTD_c_compressionLevel, LEVEL_SMALL);
        }
    }
    return coder;
}

void block_coder_free(struct block_coder *coder)
{
    if (coder != NULL) {
        (void)ZSTD_freeCCtx(coder->compress);
        (void)ZSTD_freeCCtx(coder->events);
        (void)ZSTD_freeCCtx(coder->noise);
        (void)ZSTD_freeDCtx(coder->decompress);
        rl_free(coder);
    }
}

/* Compresses each part to a frame of its own. A block with noise is a chunk of events. Returns the
 * bytes written, or SIZE_MAX. */
static size_t compress_parts(struct block_coder *coder, uint8_t *to, size_t room,
                             const uint8_t *raw, const struct block_parts *parts)
{
    ZSTD_CCtx *const rest = parts->noise != 0 ? coder->events : coder->compress;
    ZSTD_CCtx *const how[] = {rest, coder->noise, rest};
    const size_t lens[] = {parts->first, parts->noise, parts->last};
    size_t written = 0;
    for (int i = 0; i < 3; i++) {
        size_t coded = 0;
        if (lens[i] != 0) {
            coded = ZSTD_compress2(how[i], to + written, room - written, raw, lens[i]);
        }
        if (ZSTD_isError(coded)) {
            return SIZE_MAX;
        }
        written += coded;
        raw += lens[i];
    }
    return written;
}

rl_status block_seal(struct block_coder *coder, enum rl_block_type type, const void *prefix,
                     size_t prefix_len, const void *raw, const struct block_parts *parts,
                     struct bytes_out *out)
{
    size_t raw_len = parts->first + parts->noise + parts->last;
    if (raw_len > RL_BLOCK_RAW_MAX || prefix_len > RL_PAGE) {
        return RL_LIMIT;
    }
    size_t bound = ZSTD_compressBound(parts->first) + ZSTD_compressBound(parts->noise) +
                   ZSTD_compressBound(parts->last);
    uint8_t *at = bytes_room(out, RL_BLOCK_HEADER_BYTES + prefix_len + bound + 8);
    if (at == NULL) {
        return RL_NOMEM;
    }
    uint8_t *stored = at + RL_BLOCK_HEADER_BYTES;
    if (prefix_len != 0) {
        memcpy(stored, prefix, prefix_len);
    }
    uint16_t codec = RL_CODEC_ZSTD;
    size_t coded = compress_parts(coder, stored + prefix_len, bound, raw, parts);
    if (coded >= raw_len) {
        codec = RL_CODEC_RAW;
        coded = raw_len;
        if (raw_len != 0) {
            memcpy(stored + prefix_len, raw, raw_len);
        }
    }
    struct block_header header = {
        .type = (uint16_t)type,
        .codec = codec,
        .raw = (uint32_t)raw_len,
        .stored = (uint32_t)(prefix_len + coded),
        .prefix = (uint32_t)prefix_len,
        .sum = block_checksum(stored, prefix_len + coded),
    };
    block_header_put(at, &header);
    uint64_t span = block_span(&header);
    memset(stored + header.stored, 0, span - RL_BLOCK_HEADER_BYTES - header.stored);
    out->len += span;
    return RL_OK;
}

rl_status block_unpack(struct block_coder *coder, const struct block_header *header,
                       const uint8_t *stored, struct bytes_out *out)
{
    if (!block_sum_matches(stored, header->stored, header->sum)) {
        return RL_DAMAGED;
    }
    const uint8_t *coded = stored + header->prefix;
    size_t coded_len = header->stored - header->prefix;
    out->len = 0;
    uint8_t *at = bytes_room(out, header->raw);
    if (at == NULL) {
        return RL_NOMEM;
    }
    if (header->codec == RL_CODEC_RAW) {
        if (coded_len != header->raw) {
            return RL_DAMAGED;
        }
        if (coded_len != 0) {
            memcpy(at, coded, coded_len);
        }
    } else if (header->codec == RL_CODEC_ZSTD) {
        size_t n = ZSTD_decompressDCtx(coder->decompress, at, header->raw, coded, coded_len);
        if (ZSTD_isError(n) || n != header->raw) {
            return RL_DAMAGED;
        }
    } else {
        return RL_NEWER;
    }
    out->len = header->raw;
    return RL_OK;
}
