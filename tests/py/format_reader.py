"""An independent reader, in plain Python, written from docs/format.md alone.

Slow and simple on purpose: it exists to prove that the page says enough. It shares no code with
Relive. `events(path)` gives the lines of `relive dump` as dictionaries."""

import struct

import xxhash
import zstandard

MAGIC = b"\x89RELIVE\n"
NAMES = {
    1: "call", 2: "return", 3: "yield", 4: "resume", 5: "throw", 6: "unwind", 11: "c_call",
    12: "c_return", 13: "c_raise", 14: "thread_start", 15: "thread_end", 27: "loss", 28: "call",
    29: "unwind",
}  # fmt: skip
LOSSES = [
    "buffer_full", "ring", "disk_full", "io_error", "file_gone", "memory", "deep_recursion",
    "unmatched", "hook_taken", "late",
]  # fmt: skip
PUSH, POP = {1, 28, 4, 5}, {2, 3, 6, 29}


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def take(self, n):
        self.at += n
        return self.data[self.at - n : self.at]

    def left(self):
        return len(self.data) - self.at


def unzigzag(value):
    return value >> 1 if value & 1 == 0 else -(value >> 1) - 1


class Recording:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        data = self.data
        assert data[:8] == MAGIC and data[8] == 1 and u32(data, 12) == 0x01020304
        assert u64(data, 120) == xxhash.xxh3_64_intdigest(data[:120])
        self.pid, self.clock, self.flags = u64(data, 32), u32(data, 80), u32(data, 84)
        self.start_ns, self.start_ticks, self.run_ns = u64(data, 40), u64(data, 56), u64(data, 64)
        self.strings, self.codes, self.meta = {}, {}, {}
        self.chunks = {}  # (thread, number) -> (info, records), blocks before slots
        self.slots = {}
        self.footer = None
        self.pairs = []
        for kind, prefix, payload, at in self.blocks():
            getattr(self, f"block_{kind}", lambda *_: None)(prefix, payload, at)
        if self.footer is None or self.flags & 2:
            for key, slot in self.slots.items():
                self.chunks.setdefault(key, slot)
        self.find_slope()

    def blocks(self):
        at, data = 128, self.data
        while at + 32 <= len(data):
            magic, kind, codec, raw, stored = struct.unpack_from("<IHHII", data, at)
            assert magic == 0x31424C52
            assert u32(data, at + 28) == xxhash.xxh3_64_intdigest(data[at : at + 28]) & 0xFFFFFFFF
            body = data[at + 32 : at + 32 + stored]
            prefix = u32(data, at + 24)
            payload = body[prefix:]
            if kind not in (1, 3):
                assert u64(data, at + 16) == xxhash.xxh3_64_intdigest(body)
                if codec == 1:
                    payload = zstandard.ZstdDecompressor().decompress(payload, max_output_size=raw)
                assert len(payload) == raw
            yield kind, body[:prefix], payload, at
            at += 32 + (stored + 7) // 8 * 8

    def block_2(self, prefix, payload, at):
        data = Bytes(payload)
        while data.left():
            key = data.take(data.varint()).decode()
            self.meta[key] = data.take(data.varint()).decode("utf-8", "surrogatepass")

    def block_3(self, prefix, payload, at):
        size, count = u32(payload, 4), u32(payload, 8)
        assert u32(payload, 0) == 0x564C4C52 and (at + 32) % 4096 == 0
        for i in range(count):
            slot = payload[4096 + i * size : 4096 + (i + 1) * size]
            used = u32(slot, 0)
            if used:
                info = dict(thread=u32(slot, 4), number=u64(slot, 8), seq=u64(slot, 16))
                info.update(ticks=u64(slot, 32), top=u64(slot, 48))
                self.pairs.append((u64(slot, 40), u64(slot, 32)))
                self.slots[info["thread"], info["number"]] = (
                    info,
                    self.rows(slot[64 : 64 + used], info),
                )

    def rows(self, rows, info):
        base, records, extra = info["ticks"], [], {}
        at = 0
        while at < len(rows):
            first, word, frame = struct.unpack_from("<IIQ", rows, at)
            kind, number = word >> 26, word & (1 << 26) - 1
            at += 16
            if kind == 32:
                base = frame
            elif kind == 33:
                extra["switch"] = frame
            elif kind == 34:
                extra.update(exc=number, line=first)
            elif kind in (35, 36):
                self.define(kind, number, rows[at : at + first])
                at += (first + 15) // 16 * 16
            else:
                records.append(dict(extra, kind=kind, id=number, frame=frame, ticks=base + first))
                extra = {}
        return records

    def block_4(self, prefix, payload, at):
        info = dict(thread=u32(prefix, 0), number=u64(prefix, 8), seq=u64(prefix, 16))
        info.update(ticks=u64(prefix, 32), top=u64(prefix, 64))
        self.pairs.append((u64(prefix, 56), u64(prefix, 48)))
        tokens = Bytes(payload[: u32(prefix, 80)])
        times = Bytes(payload[u32(prefix, 80) :])
        assert len(times.data) == u32(prefix, 84)
        records = list(self.tokens(tokens, times, info, u64(prefix, 24)))
        assert len(records) == u32(prefix, 4)
        self.chunks[info["thread"], info["number"]] = (info, records)

    def tokens(self, tokens, times, info, ordinal):
        stack, following = [], info["thread"] << 40 | ordinal
        last, ticks, extra = following, info["ticks"], {}

        def frame():
            return (last + unzigzag(tokens.varint())) & (1 << 64) - 1

        while tokens.left():
            token = tokens.varint()
            operation, value = token & 7, token >> 3
            if operation == 7:
                if value == 0:
                    last = extra["switch"] = frame()
                else:
                    extra["exc"], extra["line"] = tokens.varint(), tokens.varint()
                continue
            if operation == 0:
                kind, number, which = 1, value, following
                following += 1
                stack.append((which, number))
            elif operation in (1, 2, 3):
                kind = {1: 2, 2: 3, 3: 6}[operation]
                which, number = stack.pop()
            elif operation == 6:
                kind, number, which = 11 + (value & 3), value >> 2, stack[-1][0]
            else:
                kind, number = (4, value) if operation == 4 else (value, tokens.varint())
                last = which = frame()
                if kind in (1, 28) and which == following:
                    following += 1
                if kind in PUSH:
                    stack.append((which, number))
                elif kind in POP:
                    for i in range(len(stack) - 1, -1, -1):
                        if stack[i][0] == which:
                            del stack[i]
                            break
            ticks += times.varint()
            yield dict(extra, kind=kind, id=number, frame=which, ticks=ticks)
            extra = {}

    def block_5(self, prefix, payload, at):
        data = Bytes(payload)
        while data.left():
            kind, number = data.varint(), data.varint()
            self.define(kind, number, data.take(data.varint()))

    def define(self, kind, number, payload):
        if kind == 35:
            self.strings.setdefault(number, payload.decode("utf-8", "surrogatepass"))
        else:
            data = Bytes(payload)
            self.codes.setdefault(number, [data.varint() for _ in range(5)])

    def block_8(self, prefix, payload, at):
        self.footer = prefix
        self.pairs.append((u64(prefix, 40), u64(prefix, 32)))

    def find_slope(self):
        self.slope = 1.0
        if self.clock == 0:
            return
        self.slope = 1e9 / u64(self.data, 72)
        ns, ticks = (
            (u64(self.footer, 40), u64(self.footer, 32))
            if self.footer
            else max(self.pairs, default=(0, 0))
        )
        if ns - self.start_ns > 1e6:
            self.slope = (ns - self.start_ns) / (ticks - self.start_ticks)

    def time(self, ticks):
        ns = (ticks - self.start_ticks) * self.slope + (self.start_ns - self.run_ns)
        return int(ns) if ns > 0 else 0

    def name(self, number):
        module, qualname, file, line, _ = self.codes.get(number, (0, 0, 0, 0, 0))
        text = self.strings.get
        return f"{text(module, '?')}:{text(qualname, '?')}", text(file, "?"), line

    def thread_events(self, thread):
        """The lines of one thread; parents of frames are filled in by events()."""
        stack, expected, now = [], 0, 0
        for (owner, number), (info, records) in sorted(self.chunks.items()):
            if owner != thread:
                continue
            if number != expected:
                stack = [info["top"]] if info["top"] else []
            expected = number + 1
            now = max(now, info["ticks"])
            for i, record in enumerate(records):
                switch = record.get("switch")
                if switch in stack:
                    stack.remove(switch)
                    stack.append(switch)
                now = max(now, record["ticks"])
                line = dict(record, seq=info["seq"] + i, thread=thread, now=now)
                if record["kind"] in (1, 28):
                    line["parent"] = stack[-1] if stack else 0
                if record["kind"] in PUSH:
                    stack.append(record["frame"])
                elif record["kind"] in POP and record["frame"] in stack:
                    del stack[len(stack) - 1 - stack[::-1].index(record["frame"])]
                yield line


def shown(frame):
    return f"T{frame >> 40}#{frame & (1 << 40) - 1}" if frame else None


def events(path):
    recording = Recording(path)
    lines = [
        line
        for thread in sorted({thread for thread, _ in recording.chunks})
        for line in recording.thread_events(thread)
    ]
    lines.sort(key=lambda line: (line["now"], line["thread"], line["seq"]))
    parents, result = {}, []
    for line in lines:
        kind = line["kind"]
        event = {"seq": line["seq"], "thread": line["thread"], "t": recording.time(line["now"])}
        event.update(pid=recording.pid, kind=NAMES[kind])
        if kind not in (14, 15, 27):
            frame = line["frame"]
            if kind in (1, 28):
                parents[frame] = line["parent"]
            known = frame == 0 or frame in parents
            parent = parents.get(frame, 0)
            event.update(frame=shown(frame), parent=shown(parent))
            event["func"], event["file"], event["line"] = recording.name(line["id"])
            if not known or (frame == 0 and kind not in (1, 28)):
                event["parent_unknown"] = True
            if kind in (2, 6, 29):
                parents.pop(frame, None)
        if kind == 28:
            event["already_running"] = True
        elif kind == 29:
            event["unseen"] = True
        elif kind == 6 and line.get("exc"):
            event.update(exc_type=recording.strings.get(line["exc"], "?"), exc_line=line["line"])
        elif kind == 14:
            event["native_id"] = line["frame"]
        elif kind == 27:
            event.update(reason=LOSSES[line["id"]], count=line["frame"])
        result.append(event)
    return result
