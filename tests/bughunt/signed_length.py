# A length is read as a signed byte, so 200 becomes negative.
# From a fix of asn1tools.
import struct


def read_length(data, offset):
    return struct.unpack_from("b", data, offset)[0]


def read_items(data):
    items, offset = [], 0
    while offset < len(data):
        length = read_length(data, offset)
        if length < 1:
            break
        items.append(data[offset + 1 : offset + 1 + length])
        offset += 1 + length
    return [len(item) for item in items]


data = bytes([3]) + b"abc" + bytes([200]) + b"x" * 200 + bytes([2]) + b"yz"
print(read_items(data))

# question: read_items() finds [3] and not [3, 200, 2]. Why does it stop?
# record: as by default
# $ relive tree --calls --func read_items
#   offset=4) -> -56
