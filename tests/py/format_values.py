"""The bytes of recorded values, in plain Python: a part of format_reader.py, and like it written
from docs/format.md alone."""

import math
import struct


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


class Damaged(Exception):
    """Bytes that are no value."""


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def take(self, n):
        if n > self.left():
            raise Damaged
        self.at += n
        return self.data[self.at - n : self.at]

    def left(self):
        return len(self.data) - self.at


def unzigzag(value):
    return value >> 1 if value & 1 == 0 else -(value >> 1) - 1


class Value:
    """One value, and those inside it."""

    def __init__(self, data, strings):
        self.tag, self.id, self.type, self.len, self.cut = data.take(1)[0], 0, "", 0, False
        self.flags, self.inner, self.names, self.places, self.exact = 0, [], [], [], None
        self.text = lambda: ""
        tag = self.tag
        if tag >= 128:
            self.tag, self.exact = 6, tag - 144
        elif tag in (16, 17, 18, 19, 20, 23, 24, 25, 26, 27, 28, 30, 33):
            self.id = int.from_bytes(data.take(6), "little")
        if (23 <= tag <= 30 and tag not in (27, 29)) or tag == 33:
            self.type = strings.get(data.varint(), "?")
        if tag < 128:
            getattr(self, f"tag_{self.tag}", self.of_no_tag)(data, strings)
        if self.exact is not None or tag == 1:
            self.text = lambda: repr(self.exact)

    def read(self, data, strings, count, named=False):
        for _ in range(count):
            if named:
                self.names.append(strings.get(data.varint(), "?"))
            begin = data.at
            self.inner.append(Value(data, strings))
            self.places.append((begin, data.at))

    def of_no_tag(self, data, strings):
        raise Damaged

    def tag_0(self, data, strings):
        self.text = lambda: "<not set>"

    def tag_1(self, data, strings):
        self.type = "NoneType"

    def tag_2(self, data, strings):
        self.exact = self.tag == 3

    tag_3 = tag_2

    def tag_4(self, data, strings):
        self.exact = ... if self.tag == 4 else NotImplemented

    tag_5 = tag_4

    def tag_6(self, data, strings):
        self.exact = unzigzag(data.varint())

    def tag_7(self, data, strings):
        sign = -1 if data.varint() else 1
        self.exact = sign * int.from_bytes(data.take(data.varint()), "little")

    def tag_8(self, data, strings):
        self.type, self.cut = "int", True
        word = "negative int" if data.varint() else "int"
        self.len = data.varint()
        self.text = lambda: f"<{word} of {self.len} bits>"

    def tag_9(self, data, strings):
        self.exact = struct.unpack("<d", data.take(8))[0]

    def tag_10(self, data, strings):
        self.exact = complex(*struct.unpack("<dd", data.take(16)))

    def tag_11(self, data, strings):
        self.type = "str" if self.tag in (11, 12, 15) else "bytes"
        self.len = data.varint() if self.tag in (12, 14, 15) else None
        held = data.take(data.varint())
        shown = len(held)
        if self.type == "str":
            held = held.decode("utf-8", "surrogatepass")
            shown = len(held)
        if self.tag == 15:
            for _ in range(data.varint()):
                data.varint()
        self.len = shown if self.len is None else self.len
        self.cut = self.tag in (12, 14) or (self.tag == 15 and self.len > shown)
        self.held = held
        if not self.cut:
            self.exact = held
        self.text = lambda: repr(held) + "..."

    tag_12 = tag_13 = tag_14 = tag_15 = tag_11

    def tag_16(self, data, strings):
        self.len = data.varint()
        shown = data.varint()
        if shown > self.len:
            raise Damaged
        self.cut = shown < self.len
        self.read(data, strings, shown * (2 if self.tag == 20 else 1), self.tag == 23)
        self.text = self.container

    tag_17 = tag_18 = tag_19 = tag_20 = tag_23 = tag_16

    def container(self):
        words = [value.text() for value in self.inner]
        if self.tag == 20:
            words = [f"{key}: {value}" for key, value in zip(words[::2], words[1::2])]
        elif self.tag == 23:
            words = [f"{name}={value}" for name, value in zip(self.names, words)]
        words += ["..."] if self.cut else []
        body = ", ".join(words)
        if self.tag == 17 and self.len == 1 and not self.cut:
            body += ","
        if self.tag in (18, 19) and self.len == 0:
            return "set()" if self.tag == 18 else "frozenset()"
        left, right = {
            16: "[]", 17: "()", 18: "{}", 19: ("frozenset({", "})"), 20: "{}",
            23: (self.type.split(".")[-1] + "(", ")"),
        }[self.tag]  # fmt: skip
        return left + body + right

    def tag_21(self, data, strings):
        self.read(data, strings, 3)
        words = [value.text() for value in self.inner]
        if self.tag == 21 and words[2] == "1":
            words.pop()
        self.text = lambda: f"{'range' if self.tag == 21 else 'slice'}({', '.join(words)})"

    tag_22 = tag_21

    def tag_24(self, data, strings):
        self.text = lambda: f"<{self.type} object>"

    def tag_25(self, data, strings):
        self.flags = data.varint()
        held = data.take(data.varint()).decode("utf-8", "surrogatepass")
        self.cut, self.held = bool(self.flags & 1), held
        self.text = lambda: held + ("..." if self.cut else "")

    def tag_33(self, data, strings):
        held = strings[data.varint()]
        self.text = lambda: held

    def tag_26(self, data, strings):
        self.read(data, strings, 1)
        self.text = lambda: f"{self.type.split('.')[-1]}({self.inner[0].text()})"

    def tag_27(self, data, strings):
        self.type, self.text = "?", lambda: "<cycle>"

    def tag_28(self, data, strings):
        self.len, self.cut = data.varint(), True
        self.text = lambda: f"<{self.type} of {self.len}>" if self.len else f"<{self.type}>"

    def tag_29(self, data, strings):
        self.type, self.text = strings[data.varint()], lambda: "<redacted>"

    def tag_32(self, data, strings):
        self.type, self.text = "?", lambda: "<dropped>"

    def tag_30(self, data, strings):
        self.flags = data.varint()
        self.read(data, strings, 3)
        self.text = lambda: f"{self.type.split('.')[-1]}({self.inner[0].text()})"

    def tag_31(self, data, strings):
        self.type, self.cut, self.text = "?", True, lambda: "<cut>"

    def any(self, what):
        return what(self) or any(value.any(what) for value in self.inner)

    def is_plain(self, is_key=False):
        if self.tag in (11, 15):
            return not self.cut
        if is_key:
            return False
        if self.tag == 9:
            return math.isfinite(self.exact)
        if self.tag == 20:
            return not self.cut and all(
                value.is_plain(i % 2 == 0) for i, value in enumerate(self.inner)
            )
        if self.tag == 16:
            return not self.cut and all(value.is_plain() for value in self.inner)
        return self.tag in (1, 2, 3, 6, 7)

    def plain(self):
        if self.tag == 16:
            return [value.plain() for value in self.inner]
        if self.tag == 20:
            items = [value.plain() for value in self.inner]
            return dict(zip(items[::2], items[1::2]))
        return self.exact

    def as_json(self):
        kinds = {16: "list", 17: "tuple", 18: "set", 19: "frozenset", 20: "dict", 21: "range"}
        kind = self.type or kinds.get(self.tag) or ("slice" if self.tag == 22 else "")
        if not kind and self.tag != 0:
            kind = type(self.exact).__name__
        result = {"t": kind, "r": self.text()}
        if self.id:
            result["id"] = self.id
        if self.inner or self.len or 11 <= self.tag <= 20:
            result["len"] = self.len
        result["cut"] = self.any(lambda value: value.cut)
        result["redacted"] = self.any(lambda value: value.tag == 29)
        if self.is_plain():
            result["v"] = self.plain()
        elif self.tag == 23:
            words = [value.text() for value in self.inner]
            result["attrs"] = dict(zip(self.names, words))
        return result

    def as_exception(self):
        if self.tag == 1:
            return None
        if self.tag != 30:
            return self.as_json()
        message, cause, context = self.inner
        is_text = message.tag in (11, 12, 15, 25) and not self.flags & 2
        result = {"type": self.type, "message": message.held if is_text else message.text()}
        result.update(id=self.id, cause=cause.as_exception(), context=context.as_exception())
        if self.flags & 1:
            result["suppress_context"] = True
        if self.flags & 4:
            result["again"] = True
        return result


def value_json(data, strings):
    """Returns a value as `dump` has it. Behind damaged bytes there is no other value."""
    try:
        return Value(data, strings).as_json()
    except Damaged:
        data.at = len(data.data)
        return {"t": "?", "r": "<damaged>", "cut": True, "redacted": False}
