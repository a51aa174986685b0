"""An independent reader, in plain Python, written from docs/format.md alone.

Slow and simple on purpose: it exists to prove that the page says enough. It shares no code with
Relive. `events(path)` gives the lines of `relive dump` as dictionaries."""

import struct

import xxhash
import zstd_codec
from format_values import Bytes, Damaged, Value, u32, u64, unzigzag, value_json

MAGIC = b"\x89RELIVE\n"
NAMES = {
    1: "call", 2: "return", 3: "yield", 4: "resume", 5: "throw", 6: "unwind", 7: "raise",
    8: "handled", 9: "line", 10: "write", 11: "c_call", 12: "c_return", 13: "c_raise", 14:
    "thread_start", 15: "thread_end", 16: "task_start", 17: "task_switch", 18: "task_end", 19:
    "gc", 20: "output", 21: "log", 22: "session_start", 23: "session_end", 24: "http_request",
    25: "http_response", 26: "mark", 30: "budget", 31: "filter", 27: "loss", 28: "call",
    29: "unwind",
}  # fmt: skip
LOSSES = [
    "buffer_full", "ring", "disk_full", "io_error", "file_gone", "memory", "deep_recursion",
    "unmatched", "hook_taken", "late", "budget", "filter", "output", "interpreters", "sessions",
]  # fmt: skip
PIECE = 16777196  # bytes of a recording in one MEMBER block
PUSH, POP = {1, 28, 4, 5}, {2, 3, 6, 29}


def ending(page, at):
    """Returns (how, number) of a word that says how the process ended."""
    how, number = u32(page, at), u32(page, at + 4)
    least, most = {0: (0, 0), 1: (0, 255), 2: (0, 255), 3: (1, 64), 4: (0, 0)}.get(
        how, (0, 1 << 32)
    )
    if not least <= number <= most:
        raise Damaged("how the process ended")
    return (how, number) if how <= 4 else (0, 0)


def join_endings(own, waited):
    """Returns what the word of the process and that of who waited for it say together."""
    if waited[0] == 0 or own[0] == 4:
        return own
    return (own[0], waited[1]) if waited[0] == 1 and own[0] in (1, 2) else waited


class Recording:
    def __init__(self, path, data=None):
        if data is None:
            with open(path, "rb") as file:
                data = file.read()
        self.data = data
        assert data[:8] == MAGIC and data[8] == 1 and u32(data, 12) == 0x01020304
        assert u64(data, 120) == xxhash.xxh3_64_intdigest(data[:120])
        self.pid, self.clock, self.flags = u64(data, 32), u32(data, 80), u32(data, 84)
        self.start_ns, self.start_ticks, self.run_ns = u64(data, 40), u64(data, 56), u64(data, 64)
        self.minor = data[10]
        self.strings, self.codes, self.meta = {}, {}, {}
        self.sources = {}  # name of a file -> (state, flags, text, marks)
        self.chunks = {}  # (thread, number) -> (info, records), blocks before slots
        self.slots = {}
        self.footer = None
        self.ending = None  # (how, number) of the first LIVE block
        self.before = None  # of a part: what was before its first event
        self.members = {}  # number -> bytes of a recording in this one
        self.pairs, self.problems = [], []
        self.whole = None  # the pair that a copy has of its whole
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
                    payload = zstd_codec.unpack(payload, raw)
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
        ns, ticks = u64(payload, 16), u64(payload, 24)
        if self.ending is None:
            self.ending = join_endings(ending(payload, 48), ending(payload, 56))
            self.birth, self.end = u64(payload, 192), u64(payload, 200)
        if u64(payload, 32) == ns ^ ticks:
            self.pairs.append((ns, ticks))
            self.whole = (ns, ticks) if count == 0 and ns else self.whole
        assert u32(payload, 0) == 0x564C4C52 and (at + 32) % 4096 == 0
        for i in range(count):
            slot = payload[4096 + i * size : 4096 + (i + 1) * size]
            used = u32(slot, 0)
            if used:
                info = dict(thread=u32(slot, 4), number=u64(slot, 8), seq=u64(slot, 16))
                info.update(ticks=u64(slot, 32), top=u64(slot, 48), name=u32(slot, 56))
                self.pairs.append((u64(slot, 40), u64(slot, 32)))
                self.slots[info["thread"], info["number"]] = (
                    info,
                    self.rows(slot[64 : 64 + used], info),
                )

    def rows(self, rows, info):
        base, records, extra = info["ticks"], [], {}
        at, foreign = 0, 0
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
            elif kind == 37:
                extra["values"] = rows[at - 8 : at - 8 + first]
                at += (first + 8 + 15) // 16 * 16 - 16
            elif kind == 38:
                foreign = frame
            else:
                if kind in (9, 10):
                    extra["line"] = frame >> 40
                    frame = foreign or info["thread"] << 40 | frame & (1 << 40) - 1
                records.append(dict(extra, kind=kind, id=number, frame=frame, ticks=base + first))
                extra, foreign = {}, 0
        return records

    def block_4(self, prefix, payload, at):
        info = dict(thread=u32(prefix, 0), number=u64(prefix, 8), seq=u64(prefix, 16))
        info.update(ticks=u64(prefix, 32), top=u64(prefix, 64), name=u32(prefix, 92))
        self.pairs.append((u64(prefix, 56), u64(prefix, 48)))
        tokens = Bytes(payload[: u32(prefix, 80)])
        middle = u32(prefix, 80) + u32(prefix, 84)
        times, values = Bytes(payload[u32(prefix, 80) : middle]), Bytes(payload[middle:])
        assert len(values.data) == u32(prefix, 88)
        records = list(self.tokens(tokens, times, values, info, u64(prefix, 24)))
        assert len(records) == u32(prefix, 4)
        self.chunks[info["thread"], info["number"]] = (info, records)

    def tokens(self, tokens, times, values, info, ordinal):
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
                elif value == 1:
                    extra["exc"], extra["line"] = tokens.varint(), tokens.varint()
                else:
                    extra["values"] = values.take(values.varint())
                continue
            if operation == 0:
                kind, number, which = 1, value, following
                following += 1
                stack.append([which, number, 0])
            elif operation in (1, 2, 3):
                kind = {1: 2, 2: 3, 3: 6}[operation]
                which, number, _ = stack.pop()
            elif operation == 6 and value & 3 == 3:
                kind = 10 if value & 4 else 9
                stack[-1][2] += unzigzag(value >> 3)
                which, number, extra["line"] = stack[-1]
            elif operation == 6:
                kind, number, which = 11 + (value & 3), value >> 2, stack[-1][0]
            else:
                kind, number = (4, value) if operation == 4 else (value, tokens.varint())
                last = which = frame()
                if kind in (9, 10):
                    extra["line"] = tokens.varint()
                if kind in (1, 28) and which == following:
                    following += 1
                if kind in PUSH:
                    stack.append([which, number, 0])
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
            head = [data.varint() for _ in range(6)]
            head.append([data.varint() for _ in range(data.varint())])
            self.codes.setdefault(number, head)

    def block_7(self, prefix, payload, at):
        data = Bytes(payload)
        if self.minor == 0:
            return

        def rows(*names):
            return [{name: data.varint() for name in names} for _ in range(data.varint())]

        rows("count")
        self.summary = {"flags": data.varint(), "unlisted": data.varint()}
        self.summary["threads"] = rows(
            "thread", "root", "system", "first", "last", "events", "calls", "ended"
        )
        self.summary["nodes"] = rows(
            "code", "parent", "depth", "exc", "line", "calls", "total", "own", "unwinds"
        )
        self.summary["open"] = {row["node"]: row["open"] for row in rows("node", "open")}
        self.summary["functions"] = {row["code"]: row["total"] for row in rows("code", "total")}
        self.summary["names"] = [(row["first"], row["last"]) for row in rows("first", "last")]

    def block_12(self, prefix, payload, at):
        data, mark = Bytes(payload), b"<redacted>"
        while data.left():
            name = data.take(data.varint()).decode("utf-8", "surrogatepass")
            state, flags, text, marks = data.varint(), data.varint(), b"", []
            if state == 0:
                digest = u64(data.take(8), 0)
                text, place = data.take(data.varint()), 0
                assert digest == xxhash.xxh3_64_intdigest(text)
                for _ in range(data.varint()):
                    place += data.varint()
                    assert text[place : place + len(mark)] == mark
                    marks.append(place)
                    place += len(mark)
            self.sources.setdefault(name, (state, flags, text.decode(), marks))

    def block_13(self, prefix, payload, at):
        number, offset, size = u32(prefix, 0), u64(prefix, 4), u64(prefix, 12)
        assert 1 <= number <= 65536 and len(prefix) == 20
        assert len(payload) == min(size - offset, PIECE) and offset % PIECE == 0
        before = self.members.setdefault(number, b"")
        assert len(before) == offset, "the pieces follow each other"
        self.members[number] = before + payload

    def member(self, number):
        """A recording in this pack: it is read as if it were a file."""
        return Recording(None, self.members[number])

    def block_14(self, prefix, payload, at):
        data = Bytes(payload)

        def rows(numbers):
            return [[data.varint() for _ in range(numbers)] for _ in range(data.varint())]

        self.before = {"at": at, "flags": data.varint()}
        self.before["calls"] = dict(rows(2))
        self.before["lines"] = {(code, line): runs for code, line, runs in rows(3)}
        self.before["numbers"] = dict(rows(2))
        self.before["parents"] = {frame: parent - 1 for frame, parent in rows(2)}
        self.before["suspended"] = dict(rows(2))
        self.before["threads"] = {}
        for _ in range(data.varint()):
            thread, first, until, session = (data.varint() for _ in range(4))
            self.before["threads"][thread] = (first, until, session, rows(2), self.stack(data))
        self.before["frames"] = [self.known_frame(data) for _ in range(data.varint())]
        self.before["last"] = rows(7)
        self.before["tasks"] = {task - 1: name for task, name in rows(2)}
        assert not data.left()

    def stack(self, data):
        """(frame, its caller, flags, code, line, task) of open frames, outermost first."""
        before, found = 0, []
        for _ in range(data.varint()):
            frame, caller = (before + unzigzag(data.varint()) for _ in range(2))
            found.append((frame, caller, *(data.varint() for _ in range(4))))
            before = frame
        return found

    def known_frame(self, data):
        """What was known of a frame: numbers, values of its call, and of its variables."""
        numbers, call = [data.varint() for _ in range(7)], Bytes(data.take(data.varint()))
        values = []
        while call.left():
            values.append(Value(call, self.strings))
        place, written = (data.varint(), data.varint()), []
        for _ in range(data.varint()):
            numbers = [data.varint() for _ in range(5)]
            written.append((numbers, Value(Bytes(data.take(data.varint())), self.strings)))
        return numbers, values, place, written

    def block_8(self, prefix, payload, at):
        self.footer = prefix
        self.pairs.append((u64(prefix, 40), u64(prefix, 32)))

    def find_slope(self):
        self.slope = 1.0
        if self.clock == 0:
            return
        self.slope = 1e9 / u64(self.data, 72)
        ns, ticks = self.whole or (
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
        module, qualname, file, line = self.codes.get(number, (0, 0, 0, 0))[:4]
        text = self.strings.get
        return f"{text(module, '?')}:{text(qualname, '?')}", text(file, "?"), line

    def thread_events(self, thread):
        """The lines of one thread; parents of frames are filled in by events(). The first one after
        lost events has the innermost frame then as `gap`."""
        stack, tasks, session, expected, now, gap, until = [], [], 0, 0, 0, None, 0
        known = self.before["threads"].get(thread) if self.before else None
        if known:
            expected, until, session = known[:3]
            tasks, stack = [list(row) for row in known[3]], [row[0] for row in known[4]]
        for (owner, _), (info, records) in sorted(self.chunks.items()):
            if owner != thread:
                continue
            if info["seq"] != expected:
                stack, tasks, session = [info["top"]] if info["top"] else [], [], 0
                gap = info["top"]
            expected = info["seq"] + len(records)
            for number in show_again(records, self.strings):
                at = f"thread {thread}, event {info['seq'] + number}"
                self.problems.append(f"{at}: its values are damaged")
            now = max(now, info["ticks"])
            for i, record in enumerate(records):
                switch = record.get("switch")
                if switch in stack:
                    stack.remove(switch)
                    stack.append(switch)
                now = max(now, record["ticks"])
                if record["kind"] == 22 and "values" not in record:
                    session = record["id"]
                    continue
                line = dict(record, seq=info["seq"] + i, thread=thread, now=now, session=session)
                if info["seq"] + i < until:
                    yield dict(line, before=True, task=task_before(record, known[4]))
                    continue
                line["task"] = task_of(record, tasks)
                if gap is not None:
                    line["gap"], gap = gap, None
                if record["kind"] in (1, 28):
                    line["parent"] = stack[-1] if stack and switch != 0 else 0
                if record["kind"] in PUSH:
                    stack.append(record["frame"])
                elif record["kind"] in POP and record["frame"] in stack:
                    del stack[len(stack) - 1 - stack[::-1].index(record["frame"])]
                yield line


def show_again(records, strings):
    """Puts the values of a chunk in the place of their numbers. Returns which records have values
    that are damaged: they stay as they are, and no number is known behind them."""
    known, damaged = {}, []
    for at, record in enumerate(records):
        values = record.get("values", b"")
        if record["kind"] in (1, 2, 3, 4) and any(tag in values for tag in (34, 35, 36)):
            try:
                record["values"] = meant(Bytes(values), strings, known)
            except Damaged:
                damaged.append(at)
                known.clear()
    return damaged


def meant(data, strings, known):
    """Returns the values of an event without numbers."""
    result = b""
    while data.left():
        tag = data.data[data.at]
        number = data.varint() and data.varint() if tag in (34, 35, 36) else 0
        value = known.get(number) if tag in (35, 36) else whole(data, strings)
        if number > 511 or value is None:
            raise Damaged
        if tag == 36:
            value = with_fields(value, data, strings)
        if len(result) + len(value) > 12288:
            raise Damaged
        if tag in (34, 36):
            known[number] = value
        result += value
    return result


def whole(data, strings):
    """Returns the bytes of the next value."""
    begin = data.at
    Value(data, strings)
    return data.data[begin : data.at]


def with_fields(value, data, strings):
    """Returns an object with the fields that follow in the place of its own."""
    old, result, done, least = Value(Bytes(value), strings), b"", 0, 0
    for _ in range(data.varint()):
        field = data.varint()
        if old.tag != 23 or not least <= field < len(old.places):
            raise Damaged
        begin, end = old.places[field]
        result += value[done:begin] + whole(data, strings)
        done, least = end, field + 1
    if old.tag != 23:
        raise Damaged
    return result + value[done:]


def add_values(event, kind, record, recording):
    if "values" not in record:
        return
    data, strings = Bytes(record["values"]), recording.strings
    code = recording.codes[record["id"]]
    if kind == 1:
        event["args"] = {}
        for name in code[6][: code[5]]:
            if data.left():
                event["args"][strings[name]] = value_json(data, strings)
    elif kind in (5, 6, 7, 8):
        if record["values"][0] == 0:
            data.at += 1
        else:
            event["exc"] = Value(data, strings).as_exception()
        add_behind_exception(event, kind, record["frame"], data)
    else:
        if kind == 10:
            word = data.varint()
            if word & 3 == 3:
                key = "attr" if word >> 3 == 2 else "item"
                event[key] = Value(data, strings).as_json()
                word = data.varint()
            number = word >> 3
            event["name"] = strings[code[6][number] if word & 3 == 0 else number]
            event["scope"] = ("local", "namespace", "global")[word & 3]
            if word & 4:
                event["watched"] = "first and last 16"
            event["before_line"] = record["line"] or None
        event["value"] = value_json(data, strings)


def add_behind_exception(event, kind, frame, data):
    """Adds the lines of the callers, or the handler that the exception has met."""
    if data.left() and kind in (6, 7):
        flags, callers = data.varint(), []
        if flags & 1:
            event["outermost"] = True
        if flags & 2:
            event["again"] = True
        if flags & 4:
            event["raised_before"] = True
        while data.left():
            frame += unzigzag(data.varint())
            callers.append({"frame": shown(frame), "line": data.varint()})
        if callers:
            event["callers"] = callers
    elif data.left() and kind == 8:
        event["handler"] = ("except", "with", "finally", "return", "break")[data.varint()]
        event["handler_line"] = data.varint()


def task_before(record, stack):
    """The task of an event that says what was open before a part."""
    if record["kind"] in (16, 17):
        return record["frame"]
    return next((row[5] for row in stack if row[0] == record["frame"]), 0)


def task_of(record, tasks):
    """The task of an event; `tasks` holds [serial, outermost frame]."""
    kind, frame = record["kind"], record["frame"]
    if kind == 17 and len(tasks) < 8:
        tasks.append([frame, 0])
    if kind in (16, 17, 18):
        return frame
    if not tasks:
        return 0
    serial, root = tasks[-1]
    if not root and kind in PUSH:
        tasks[-1][1] = frame
    elif root == frame and kind in POP:
        tasks.pop()
    return serial


def shown(frame):
    return f"T{frame >> 40}#{frame & (1 << 40) - 1}" if frame else None


def merged(recording):
    """The lines of all threads in order of time."""
    lines = [
        line
        for thread in sorted({thread for thread, _ in recording.chunks})
        for line in recording.thread_events(thread)
    ]
    return sorted(lines, key=lambda line: (line["now"], line["thread"], line["seq"]))


def events(path, member=0):
    recording = Recording(path).member(member) if member else Recording(path)
    parents, result = dict(recording.before["parents"]) if recording.before else {}, []
    for line in merged(recording):
        kind = line["kind"]
        event = {"seq": line["seq"], "thread": line["thread"], "t": recording.time(line["now"])}
        event.update(pid=recording.pid, kind=NAMES[kind])
        if line["task"]:
            event["task"] = line["task"]
        if line["session"]:
            event["session"] = line["session"]
        if kind == 16:
            event["name"] = recording.strings.get(line["id"], "?")
            if "values" in line:
                data = Bytes(line["values"])
                if line["values"][0] == 0:
                    data.at += 1
                else:
                    event["coroutine"] = Value(data, recording.strings).as_json()
                if data.at < len(line["values"]):
                    parent = data.varint()
                    if parent:
                        event["parent_task"] = parent
                    frame, number = data.varint(), data.varint()
                    if frame:
                        event.update(made_in=shown(frame), made_line=number)
        if kind == 20:
            event["frame"] = shown(line["frame"])
            event["stream"] = "stderr" if line["id"] == 2 else "stdout"
            event["text"] = line["values"].decode("utf-8", "surrogatepass")
        if 21 <= kind <= 26:
            event["frame"], event["session"] = shown(line["frame"]), line["id"]
            inner = Value(Bytes(line["values"]), recording.strings).inner
            event["fields"] = {n.held: v.as_json() for n, v in zip(inner[::2], inner[1::2])}
        if kind == 19:
            data = Bytes(line["values"])
            event["frame"] = shown(line["frame"])
            for key in ("generation", "collected", "uncollectable", "duration"):
                event[key] = data.varint()
        if kind == 31:
            data = Bytes(line["values"])
            for key in ("scopes_skipped", "undecided", "secrets"):
                event[key] = data.varint()
            kinds = ("argument", "local", "global", "return", "attribute")
            counts = {kind: (data.varint(), data.varint()) for kind in kinds}
            for index, key in enumerate(("value_redactions", "value_drops")):
                event[key] = {kind: counts[kind][index] for kind in kinds}
        if kind == 30:
            data = Bytes(line["values"])
            event["frame"] = shown(line["frame"])
            keys, levels = ["overhead_permille"], ("counted", "calls", "values", "lines")
            if line["id"]:
                event["func"], event["file"], event["line"] = recording.name(line["id"])
                keys.append("saving_permille")
            for key in ("from", "to"):
                level = levels[data.varint()]
                if line["id"]:
                    event[key] = level
            for key in keys:
                event[key] = data.varint()
        if kind < 14 or kind in (28, 29):
            frame = line["frame"]
            if kind in (1, 28) and "before" not in line:
                parents[frame] = line["parent"]
            known = frame == 0 or frame in parents
            parent = parents.get(frame, 0)
            event.update(frame=shown(frame), parent=shown(parent))
            event["func"], event["file"], event["line"] = recording.name(line["id"])
            if kind in (9, 10) or (5 <= kind <= 8 and line.get("line")):
                event["line"] = line["line"]
            add_values(event, kind, line, recording)
            if not known or (frame == 0 and kind not in (1, 28)):
                event["parent_unknown"] = True
            if kind in (2, 6, 29):
                parents.pop(frame, None)
        if kind == 28:
            event["already_running"] = True
        elif kind == 29:
            event["unseen"] = True
        elif 5 <= kind <= 8:
            if line.get("exc"):
                event["exc_type"] = recording.strings.get(line["exc"], "?")
            if line.get("line"):
                event["exc_line"] = line["line"]
        elif kind == 14:
            event["native_id"] = line["frame"]
            if line["id"]:
                event["name"] = recording.strings.get(line["id"], "?")
        elif kind == 27:
            event.update(reason=LOSSES[line["id"]], count=line["frame"])
        result.append(event)
    return result
