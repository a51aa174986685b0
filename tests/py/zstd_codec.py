"""zstd for the tests: from the standard library on 3.14 and later, else from zstandard."""

try:
    from compression import zstd
except ImportError:
    import zstandard

    zstd = None


def pack(payload):
    """Returns a payload as a zstd frame."""
    if zstd is not None:
        return zstd.compress(payload, level=1)
    return zstandard.ZstdCompressor(level=1).compress(payload)


def unpack(frame, most):
    """Returns what a frame holds, which is no more than `most` bytes."""
    if zstd is not None:
        return zstd.ZstdDecompressor().decompress(frame, max_length=most)
    return zstandard.ZstdDecompressor().decompress(frame, max_output_size=most)
