"""Recordings that were changed at the borders of their records, with every checksum put right.

A flipped bit is found by a checksum; somebody who wants a reader to fail puts the checksums right.
`attack(seed, count)` changes recordings so, and runs every verb on each of them in a process of its
own. It yields what a verb did that it must not do: a traceback, a signal, or a status that it does
not have. Invalid JSON counts too, a control character on the terminal, and damage that `check`
missed.

As a program: hostile.py [--seconds N | --count N] [--seed N] [--save FOLDER] [FILE ...]"""

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import xxhash
import zstd_codec

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
MAGIC, HEADER, PAGE = 0x31424C52, 128, 4096
PAD, META, LIVE, CHUNK, DICT, INDEX, SUMMARY, FOOTER = range(1, 9)
# Sizes of the three streams of a chunk, in its prefix.
STREAMS = (80, 84, 88)
MEMORY, SECONDS = 2 << 30, 30  # of the processor: how busy the machine is decides nothing
# Sanitizers map terabytes and never touch them.
IS_SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")


# An event of each kind that carries values of its own.
RICH = """
import asyncio, gc, logging
from relive import sessions
def parts(n):
    for i in range(n):
        yield {"i": i, "half": i / 2}
class Item:
    def __init__(self, name): self.name, self.tags = name, ["a", b"b", None]
async def work(n):
    await asyncio.sleep(0)
    return Item("x" * n)
async def main():
    return await asyncio.gather(*(work(n) for n in (3, 90)))
def fail(item):
    try:
        raise KeyError(item.name)
    except KeyError as error:
        raise ValueError("no item", item.tags) from error
logging.warning("begins")
print("output", list(parts(3)))
gc.collect()
with sessions.session("checkout", {"user": "7"}):
    sessions.mark("half", at=1)
for item in asyncio.run(main()):
    try:
        fail(item)
    except ValueError:
        pass
"""


def record_rich(folder):
    """A recording with tasks, output, collections, writes, sessions and chained exceptions."""
    program, out = os.path.join(folder, "rich.py"), os.path.join(folder, "rich.relive")
    Path(program).write_text(RICH)
    words = [sys.executable, "-m", "relive", "record", "-o", out, "--level", "lines", "--gc"]
    words += ["--output", "--exclude", "asyncio.*", program]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Path(out)


class Block:
    """One block, its payload decoded."""

    def __init__(self, kind, codec, prefix, payload):
        self.kind, self.codec, self.prefix, self.payload = kind, codec, prefix, bytearray(payload)
        self.lies = {}  # header fields that are not what they should be: kind, raw, prefix
        self.was_at = self.is_at = 0

    def copy(self):
        other = Block(self.kind, self.codec, bytearray(self.prefix), bytearray(self.payload))
        other.lies, other.was_at = dict(self.lies), self.was_at
        return other

    def stored(self, at):
        """The bytes of the block in a file, with right checksums."""
        payload = bytes(self.payload)
        coded = payload
        if self.codec == 1:
            coded = zstd_codec.pack(payload)
        body = bytes(self.prefix) + coded
        kind = self.lies.get("kind", self.kind)
        total = 0 if kind in (PAD, LIVE) else xxhash.xxh3_64_intdigest(body)
        head = struct.pack(
            "<IHHIIQI", MAGIC, kind, self.codec, self.lies.get("raw", len(payload)),
            len(body), total, self.lies.get("prefix", len(self.prefix)),
        )  # fmt: skip
        check = xxhash.xxh3_64_intdigest(head) & 0xFFFFFFFF
        return head + struct.pack("<I", check) + body + bytes(-len(body) % 8)


def parse(data):
    """(header, blocks) of a good recording."""
    at, blocks = HEADER, []
    while at + 32 <= len(data):
        magic, kind, codec, raw, stored, _, prefix = struct.unpack_from("<IHHIIQI", data, at)
        assert magic == MAGIC
        body = data[at + 32 : at + 32 + stored]
        payload = body[prefix:]
        if codec == 1:
            payload = zstd_codec.unpack(payload, raw)
        block = Block(kind, codec, bytearray(body[:prefix]), payload)
        block.was_at = at
        blocks.append(block)
        at += 32 + (stored + 7) // 8 * 8
    return bytearray(data[:HEADER]), blocks


def emit(header, blocks):
    """The file: checksums right, and offsets of blocks those that they have now."""
    for _ in range(2):  # once to learn where the blocks are, once with offsets that say so
        out = bytearray(header)
        struct.pack_into("<Q", out, 120, xxhash.xxh3_64_intdigest(bytes(out[:120])))
        for block in blocks:
            if block.kind == LIVE and (len(out) + 32) % PAGE:
                room = -(len(out) + 64) % PAGE
                out += Block(PAD, 0, b"", bytes(room)).stored(len(out))
            block.is_at = len(out)
            out += block.stored(len(out))
        moved = {block.was_at: block.is_at for block in blocks if block.was_at}
        for block in blocks:
            if block.kind == INDEX:
                follow_index(block, moved)
            elif block.kind == FOOTER and len(block.prefix) >= 16:
                for field in (0, 8):
                    (offset,) = struct.unpack_from("<Q", block.prefix, field)
                    struct.pack_into("<Q", block.prefix, field, moved.get(offset, offset))
        for block in blocks:
            block.was_at = block.is_at if block.was_at else 0
    return bytes(out)


# ---- where records begin ----


def varint(data, at):
    """(value, place behind it) of a varint; the end of the data ends it."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
    return value, at


def encoded(value):
    """A number as a varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def follow_index(block, moved):
    """Offsets of the index become those that the blocks have now."""
    data, at, out, before, then = block.payload, 0, bytearray(), 0, 0
    while at < len(data):
        thread, at = varint(data, at)
        step, at = varint(data, at)
        before += step
        now = moved.get(before, before)
        if now < then:
            return  # the blocks have changed places
        out += encoded(thread) + encoded(now - then)
        then = now
        for _ in range(5 if thread else 0):
            value, at = varint(data, at)
            out += encoded(value)
    block.payload = out


def varints(data, at, end):
    """Borders of the varints between two places."""
    borders = [at]
    while at < end:
        at = varint(data, at)[1]
        borders.append(min(at, end))
    return borders


def nodes(data, at, end):
    """Borders inside values: each tag, identity and number; texts as a whole."""
    borders = [at]
    while at < end:
        tag = data[at]
        at += 1
        borders.append(at)
        if tag in (16, 17, 18, 19, 20, 23, 24, 25, 26, 27, 28, 30, 33):
            at += 6
            borders.append(at)
        fixed = {9: 8, 10: 16}.get(tag, 0)
        numbers = {6: 1, 7: 1, 8: 2, 12: 1, 14: 1, 15: 1, 16: 2, 17: 2, 18: 2, 19: 2, 20: 2, 23: 3,
                   24: 1, 25: 2, 26: 1, 28: 2, 29: 1, 30: 2, 33: 2, 34: 1,
                   35: 1}.get(tag, 0)  # fmt: skip
        for _ in range(numbers):
            at = varint(data, at)[1]
            borders.append(at)
        if tag in (7, 11, 12, 13, 14, 15, 25):
            fixed, at = varint(data, at)
            borders.append(at)
        at += fixed
        borders.append(at)
    return borders


def streams(block):
    """Begin and end of a chunk's tokens, times and values."""
    sizes = [struct.unpack_from("<I", block.prefix, field)[0] for field in STREAMS]
    return [(sum(sizes[:i]), sum(sizes[: i + 1])) for i in range(3)]


def bodies(block):
    """Returns (begin of the length, begin, end) of each part that follows its own length.

    These are names and texts of META, definitions of DICT, values of a chunk's events."""
    data, found = block.payload, []
    at, end = streams(block)[2] if block.kind == CHUNK else (0, len(data))
    while at < end:
        for _ in range(2 if block.kind == DICT else 0):
            at = varint(data, at)[1]
        begin = at
        size, at = varint(data, at)
        found.append((begin, at, min(end, at + size)))
        at += size
    return found


def slots(data):
    """Borders of a LIVE payload: fields of its control page, slot headers, rows, values."""
    borders = list(range(0, 192, 4))
    size, count = struct.unpack_from("<II", data, 4)
    for at in range(PAGE, min(len(data), PAGE + size * count), size or len(data)):
        (used,) = struct.unpack_from("<I", data, at)
        borders += range(at, at + 64, 4)
        row, end = at + 64, min(len(data), at + 64 + used)
        while row + 16 <= end:
            length, word = struct.unpack_from("<II", data, row)
            borders += [row, row + 4, row + 8]
            if word >> 26 == 37:
                borders += nodes(data, row + 8, min(end, row + 8 + length))
                row += (length + 8 + 15) // 16 * 16
            else:
                row += 16 + ((length + 15) // 16 * 16 if word >> 26 in (35, 36) else 0)
    return borders


def inside(block, begin, end):
    """Borders inside one of the bodies of a block."""
    if block.kind == CHUNK:
        return nodes(block.payload, begin, end)
    return varints(block.payload, begin, end)


def borders_of(block):
    """Where the records of a block begin and end, sorted."""
    data = block.payload
    if block.kind == LIVE:
        found = slots(data)
    elif block.kind == CHUNK:
        tokens, times, held = streams(block)
        found = varints(data, *tokens) + varints(data, *times) + varints(data, *held)
    elif block.kind in (META, DICT):
        found = [place for body in bodies(block) for place in body]
    else:
        found = varints(data, 0, len(data))
    return sorted(place for place in found if place <= len(data))


# ---- changes ----

NUMBERS = [0, 1, 2, 3, 7, 31, 32, 63, 127, 128, 255, 4095, 65535, 2**26, 2**31, 2**32 - 1, 2**32,
           2**40, 2**63 - 1, 2**63, 2**64 - 1, 2**70]  # fmt: skip
TEXTS = [b"", b"\xff", b"\xed\xa0\x80", b"\x1b[2J\n", b"0", b"-1", b"9" * 5000, b"1e400", b"NaN",
         b"[" * 3000, b'[{"name":1}]', b"[NaN]", b"{}", "\u202eevil\u2028".encode()]  # fmt: skip
KEYS = [b"budget", b"trace_filter", b"libraries", b"level", b"argv.0", b"capabilities", b"python"]


class Mutator:
    """Changes recordings at random; the same seed makes the same changes."""

    def __init__(self, seed, files):
        self.random = random.Random(seed)
        self.corpus = [(path, parse(path.read_bytes())) for path in files]

    def next(self):
        """(name of the recording, its bytes changed)."""
        path, (header, blocks) = self.random.choice(self.corpus)
        header, blocks = bytearray(header), [block.copy() for block in blocks]
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 8))):
            chance = self.random.random()
            if chance < 0.8:
                self.change_records(self.random.choice(blocks))
            elif chance < 0.95:
                self.change_order(blocks)
            else:
                at = self.random.randrange(8, 120)
                header[at] = self.random.randrange(256)
        data = emit(header, blocks)
        if self.random.random() < 0.03:
            data = data[: self.random.randrange(len(data))]
        return path, data

    def change_order(self, blocks):
        """Something with whole blocks."""
        i = self.random.randrange(len(blocks))
        how = self.random.randrange(6)
        if how == 0 and len(blocks) > 1:
            del blocks[i]
        elif how == 1:
            blocks.insert(i, self.random.choice(blocks).copy())
        elif how == 2:
            donor = self.random.choice(self.corpus)[1][1]
            blocks.insert(i, self.random.choice(donor).copy())
        elif how == 3:
            kinds = (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 65535)
            blocks[i].lies["kind"] = self.random.choice(kinds)
        elif how == 4:
            field = self.random.choice(("raw", "prefix"))
            blocks[i].lies[field] = self.random.choice((0, 1, 2, 104, 2**31, 2**32 - 1))
        else:
            blocks[i].codec = self.random.choice((0, 1, 2, 65535))

    def change_records(self, block):
        """Something with the records inside a block."""
        if block.prefix and self.random.random() < 0.2:
            at = self.random.randrange(0, len(block.prefix) // 4) * 4
            number = self.random.choice(NUMBERS) & 0xFFFFFFFF
            struct.pack_into("<I", block.prefix, at, number)
        elif block.kind in (META, DICT, CHUNK) and self.random.random() < 0.8:
            self.change_body(block)
        else:
            borders = borders_of(block)
            begin, end, new = self.change(block, borders)
            if block.kind == LIVE:  # nothing moves there
                block.payload[begin : begin + len(new)] = new
            else:
                self.replace(block, begin, end, new)

    def change_body(self, block):
        """Inside a text, a definition or a value, whose length goes with it."""
        found = bodies(block)
        if found:
            length_at, begin, end = self.random.choice(found)
            left, right, new = self.change(block, inside(block, begin, end))
            new = bytes(block.payload[begin:left]) + new + bytes(block.payload[right:end])
            self.replace(block, length_at, end, encoded(len(new)) + new)

    def replace(self, block, begin, end, new):
        """Puts bytes between two places; the size of a chunk's stream goes with them."""
        if block.kind == CHUNK:
            for field, (first, last) in zip(STREAMS, streams(block)):
                if first <= begin < last:
                    size = max(0, last - first + len(new) - (end - begin))
                    struct.pack_into("<I", block.prefix, field, size)
        block.payload[begin:end] = new

    def change(self, block, borders):
        """(begin, end, what is to be there) of one record or some."""
        if len(borders) < 2:
            return 0, 0, self.bytes()
        i = self.random.randrange(len(borders) - 1)
        begin, end = borders[i], borders[i + 1]
        if self.random.random() < 0.2:
            end = borders[min(len(borders) - 1, i + self.random.randrange(1, 12))]
        held = bytes(block.payload[begin:end])
        how = self.random.randrange(7)
        if how == 0:
            new = self.bytes()
        elif how == 1:
            new = held + held
        elif how == 2:
            new = b""
        elif how == 3:
            new = held[: self.random.randrange(len(held) + 1)]
        elif how == 4:
            j = self.random.randrange(len(borders) - 1)
            new = bytes(block.payload[borders[j] : borders[j + 1]])
        elif how == 5:
            new = self.bytes() + held
        else:
            new = bytearray(held or b"\0")
            new[self.random.randrange(len(new))] ^= 1 << self.random.randrange(8)
        return begin, end, bytes(new)

    def bytes(self):
        """Returns bytes for the place of a record."""
        how = self.random.randrange(6)
        if how == 0:
            return encoded(self.random.choice(NUMBERS))
        if how == 1:
            return bytes([self.random.choice((*range(36), 127, 128, 255))])  # the tag of a value
        if how == 2:
            return (b"\x10" + bytes(6) + b"\x01\x01") * self.random.choice((1, 31, 33, 2000))
        if how == 3:
            text = self.random.choice(TEXTS)
            return encoded(len(text)) + text
        if how == 4:
            key, text = self.random.choice(KEYS), self.random.choice(TEXTS)
            return encoded(len(key)) + key + encoded(len(text)) + text
        return struct.pack("<Q", self.random.choice(NUMBERS) & 2**64 - 1)


# ---- questions ----


class Questions:
    """The questions about a changed recording: every verb, with each option that shows values.

    The names come from the recording as it was."""

    def __init__(self, path):
        from relive.cli.common import open_run

        (recording,) = open_run(str(path), siblings=False)
        functions, places = ["main"], ["shop.py:29"]
        for row in recording.codes():
            functions += [(row[2], name) for name in row[7][:3]]
        for event in recording.select(["line", "write", "call"]):
            places.append(f"{os.path.basename(event['file'])}:{event['line']}")
        self.functions = [pair for pair in functions if isinstance(pair, tuple)] or [("f", "x")]
        self.places = sorted(set(places))

    def all(self, file, chance):
        """Lists of words, those with JSON last."""
        function, name = chance.choice(self.functions)
        place = chance.choice(self.places)
        shown = [
            ["info"], ["tree"], ["tree", "--calls"], ["tree", "--calls", "--limit", "0"],
            ["tree", "--func", function], ["tree", "--session", "1"], ["tree", "--thread", "1"],
            ["tree", "--calls", "--session", "1"], ["top"], ["top", "-n", "0", "--sort", "total"],
            ["exc"], ["exc", "--all"], ["exc", "--all", "--nth", "1"], ["line", place],
            ["history", function, name], ["state", "50%"], ["state", f"{function}#1"],
            ["state", "exc:last"], ["history", place, name, "--limit", "0"], ["sessions"],
            ["gaps"], ["gaps", "--all"], ["check"], ["dump"], ["dump", "--no-siblings"],
        ]  # fmt: skip
        for words in shown:
            yield [*words, file]
        for words in shown:
            if words[0] != "dump" and words != ["gaps", "--all"]:
                yield [*words, file, "--json"]


def no_constant(text):
    raise ValueError(f"{text} is no JSON")


def trouble_of(words, status, out, err, damaged):
    """What is wrong with an answer; None where nothing is."""
    if status not in (0, 1, 2, 3):
        return f"status {status}"
    if words[0] == "dump" or "--json" in words:
        for line in out.splitlines():
            try:
                if not isinstance(json.loads(line, parse_constant=no_constant), dict):
                    return f"no JSON object: {line[:200]!r}"
            except ValueError as error:
                return f"{error}: {line[:200]!r}"
    for text in (out, err):
        odd = [c for c in text if not c.isprintable() and c != "\n"]
        if odd:
            return f"raw {odd[0]!r}"
    if status == 3 and not err and words[0] not in ("info", "check", "dump"):
        return "status 3 and no line that says why"
    if status == 3 and damaged is False:
        return f"damage that check does not see: {err[-200:]}"
    return None


def answer(words):
    """(status, stdout, stderr) of a verb."""
    from relive.cli import main

    raw, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(raw, "utf-8", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    return status, raw.getvalue().decode("utf-8", "surrogateescape"), err.getvalue()


def ask_all(file, questions, chance, tell):
    """Asks every question; calls tell() with each answer that is wrong."""
    damaged = None
    asked = list(questions.all(file, chance))
    asked.sort(key=lambda words: words[0] != "check")  # what it sees is compared with the others
    for words in asked:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(20 * SECONDS)
        tell(words, None)  # should this be the last that is heard
        try:
            status, out, err = answer(words)
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            tell(words, f"{type(error).__name__}: {error} at {where.name}:{where.lineno}"[:400])
            continue
        trouble = trouble_of(words, status, out, err, damaged)
        if trouble is not None:
            tell(words, trouble)
        if words == ["check", file]:
            damaged = status == 3


def in_child(work):
    """Runs work(tell) in a process of its own; yields its reports, and what ended it."""
    heard, speaks = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(heard)
        if not IS_SANITIZED:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        stream = os.fdopen(speaks, "w", buffering=1, encoding="utf-8")
        try:
            work(lambda *row: stream.write(json.dumps(row) + "\n"))
        except BaseException as error:
            stream.write(json.dumps([["?"], repr(error)]) + "\n")
        os._exit(0)
    os.close(speaks)
    last = ["nothing"]
    with os.fdopen(heard, encoding="utf-8") as stream:
        for line in stream:
            last, trouble = json.loads(line)
            if trouble is not None:
                yield last, trouble
    status = os.waitpid(pid, 0)[1]
    if status:
        yield last, f"ended with status {status:#x}"


def attack(seed, files, count=None, seconds=None, save=None):
    """Yields (recording, words, trouble, changed file) for each answer that is wrong."""
    mutator = Mutator(seed, files)
    questions = {path: Questions(path) for path, _ in mutator.corpus}
    end = time.time() + (seconds or 1e9)
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        while (count is None or number < count) and time.time() < end:
            number += 1
            path, data = mutator.next()
            file = os.path.join(folder, f"hostile-{seed}-{number}.relive")
            Path(file).write_bytes(data)
            chance = random.Random(number)
            bad = False
            for words, trouble in in_child(
                lambda tell: ask_all(file, questions[path], chance, tell)  # noqa: B023
            ):
                bad = True
                yield path.name, words, trouble, file
            if bad and save:
                shutil.copy(file, save)
            os.unlink(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--save", metavar="FOLDER", help="keep the files that were answered wrong")
    parser.add_argument("files", nargs="*", type=Path)
    args = parser.parse_args()
    files, found = args.files or sorted((GOLDEN / "good").glob("*.relive")), 0
    with tempfile.TemporaryDirectory() as folder:
        files = [*files, record_rich(folder)]
        for name, words, trouble, file in attack(
            args.seed, files, args.count, args.seconds, args.save
        ):
            found += 1
            words = " ".join(word for word in words if word != file)
            print(f"{os.path.basename(file)} ({name}): {words}: {trouble}", flush=True)
    print(f"seed {args.seed}: {found} wrong answers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
