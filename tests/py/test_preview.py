"""Previews that a program registers: shown, suppressed, and never felt by the program."""

import pytest
from conftest import usable_backends

import relive

START = """
import relive, time
class Money:
    def __init__(self, n): self.n = n
class Euro(Money): pass
def show(v): return v
"""


def shown(events, name="v"):
    return [
        event["args"][name]["r"]
        for event in events
        if event["kind"] == "call" and event["func"] == "__main__:show"
    ]


@pytest.mark.parametrize("backend", usable_backends())
def test_shown_and_suppressed(record, backend):
    source = START + (
        "def helper(m): return f'{m.n} coins'\n"
        "@relive.preview(Money)\ndef text(m): return helper(m)\n"
        "show(Money(3)); show([Money(1), Money(2)]); show(Euro(4)); show({'k': Money(5)})\n"
        "print(relive.previews()[0]['calls'] >= 4, relive.previews()[0]['failures'])\n"
    )
    done, _, events = record(source, "--backend", backend)
    # The four half-built ones, in their __init__, could not be shown.
    assert done.returncode == 0 and done.stdout == b"True 4\n", done.stderr
    assert shown(events) == ["3 coins", "[1 coins, 2 coins]", "Euro(n=4)", "{'k': 5 coins}"]
    # Its own calls are not recorded.
    assert not [
        event for event in events if event.get("func") in ("__main__:text", "__main__:helper")
    ]


def test_subclasses_and_taking_away(record):
    source = START + (
        "relive.preview(Money, subclasses=True)(lambda m: f'<{m.n}>')\n"
        "show(Euro(4))\nrelive.preview(Euro)(lambda m: 'euro')\nshow(Euro(5))\n"
    )
    _, _, events = record(source)
    assert shown(events) == ["<4>", "euro"]


def test_failures_are_contained_and_counted(record):
    source = START + (
        "@relive.preview(Money)\ndef text(m):\n    if m.n == 1: raise KeyError('x')\n"
        "    if m.n == 2: return 7\n    if m.n == 3: time.sleep(0.15)\n    return 'fine'\n"
        "for n in (0, 1, 2, 3, 0): show(Money(n))\n"
        "try:\n    raise ValueError('v')\nexcept ValueError as e:\n    show(Money(1)); print(e)\n"
        "p = relive.previews()[0]\nprint(p['failures'] >= 2, p['off'])\n"
    )
    done, _, events = record(source)
    assert done.stdout == b"v\nTrue True\n", (done.stdout, done.stderr)
    off = "<preview failed: it took over 100 ms once>"
    assert shown(events) == [
        "fine", "<preview failed: KeyError>", "<preview failed: it gave no str>", "fine", off, off,
    ]  # fmt: skip


def test_a_preview_may_change_what_is_being_walked(record):
    source = START + (
        "box = [Money(i) for i in range(8)]\ntable = {i: Money(i) for i in range(8)}\n"
        "unique = {Money(i) for i in range(8)}\n"
        "class Holder: pass\nholder = Holder()\n"
        "for i in range(8): setattr(holder, 'a%d' % i, Money(i))\n"
        "import collections\nqueue = collections.deque(Money(i) for i in range(200))\n"
        "@relive.preview(Money)\ndef text(m):\n    box.clear(); table.clear(); unique.clear()\n"
        "    vars(holder).clear(); queue.clear()\n    return 'gone'\n"
        "for v in (box, table, unique, holder, queue): show(v)\n"
        "print('alive')\n"
    )
    done, _, events = record(source)
    assert done.returncode == 0 and done.stdout == b"alive\n", done.stderr
    assert len(shown(events)) == 5


def test_a_preview_inside_a_preview(record):
    source = START + (
        "@relive.preview(Money)\ndef text(m):\n    show(Money(9))\n    return 'outer'\n"
        "show(Money(1))\n"
    )
    done, _, events = record(source)
    assert done.returncode == 0 and shown(events) == ["outer"]


def test_what_is_no_class_is_refused():
    with pytest.raises(relive.ReliveError, match="wants a class"):
        relive.preview(7)
    with pytest.raises(relive.ReliveError, match="must be callable"):
        relive.preview(int)("text")
