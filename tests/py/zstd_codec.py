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


def unpack(coded, most):
    """Returns what frames in a row hold, which is no more than `most` bytes."""
    payload = b""
    while coded:
        if zstd is not None:
            frame = zstd.ZstdDecompressor()
            payload += frame.decompress(coded, max_length=most - len(payload) + 1)
        else:
            frame = zstandard.ZstdDecompressor().decompressobj()
            payload += frame.decompress(coded)
        if not frame.eof or len(payload) > most:
            raise ValueError("a frame that is cut, or holds too much")
        coded = frame.unused_data
    return payload
