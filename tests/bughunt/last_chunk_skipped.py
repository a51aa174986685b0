# A reader takes the size of a chunk for what was read, and skips bytes after a short read.
# From a fix of aiohttp.


class Body:
    def __init__(self, data, packet):
        self.data, self.packet, self.position = data, packet, 0

    def read(self, size):
        end = min(self.position + size, self.position + self.packet, len(self.data))
        found = self.data[self.position : end]
        return found


def read_all(body, size):
    parts = []
    left = len(body.data)
    while left > 0:
        part = body.read(min(size, left))
        parts.append(part)
        body.position += size
        left -= size
    return "".join(parts)


text = read_all(Body("the quick brown fox", packet=6), size=8)
print(text)

# question: read_all() returns "the quk browfox", without some letters. Where are they skipped?
# record: --level lines
# $ relive frame read_all#1
#   Body.read(self=Body(data='the quick brown fox', packet=6, position=0), size=8) -> 'the qu'
#   body.position += size
#   position=8), size=8) -> 'k brow'
