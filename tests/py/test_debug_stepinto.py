"""`stepinto`: into a chosen call of a line, by its position."""

import re

from conftest import relive
from debugging_terminal import Terminal

SOURCE = """\
import asyncio, functools
def leaf(n):
    return n + 1
def fact(n):
    return n * fact(n - 1) if n > 1 else 1
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
class A:
    def __init__(self, n=0):
        self.n = n
    def get(self, n):
        return self
    def __call__(self, n):
        return n
    def __enter__(self):
        return self
    def __exit__(self, *n):
        return False
def gen(n):
    yield n
    yield n + 1
async def co(n):
    return n
@functools.lru_cache(None)
def cached(n):
    return n
def many(*n, **more):
    return n
def ends():
    try: return leaf(1)
    finally: leaf(2)
def work():
    cached.cache_clear()
    a = A()
    x = leaf(leaf(5) + fact(2))
    x = [leaf(i) + fact(i) for i in range(3)]
    x = a.get(1).get(2).get(3)
    x = sum(leaf(i) for i in range(2))
    fs = [leaf, fact]
    x = fs[0](1) + fs[1](a(2)) + len(fs)
    for i in gen(3): leaf(i)
    x = leaf(
        leaf(1),
    ) + fact(
        2)
    x = A(3).get(leaf(1)) if a else None
    x = f"{leaf(1)} {leaf(2)}"
    with A(1) as b: leaf(1)
    i = 0
    while leaf(i) < 3: i = leaf(i)
    x = cached(5) + leaf(7)
    x = many(leaf(1), *[leaf(2)], **{"x": leaf(3)})
    x = [[leaf(i + k) for i in range(2)] for k in (5,)]
    x = leaf(1) or leaf(2)
    assert leaf(1), leaf(2)
    if leaf(1) > 1 and leaf(2) > 1: leaf(3)
    x = (lambda n: leaf(n))(4)
    x = fib(3); x = ends()
    return x
async def main():
    return await co(leaf(1))
while True: work(), asyncio.run(main())
"""
LINES = SOURCE.splitlines()
# The line as it begins, what is typed, the function and its n.
CASES = [
    ("x = leaf(leaf(5)", [("1", "leaf", 5), ("2", "fact", 2), ("3", "leaf", 8)]),
    ("x = leaf(leaf(5)", [("fact", "fact", 2)]),
    ("x = [leaf(i) + fact(i)", [("leaf", "leaf", 0), ("fact", "fact", 0)]),
    ("x = a.get(1)", [("1", "get", 1), ("2", "get", 2), ("3", "get", 3)]),
    ("x = sum(leaf(i)", [("1", "leaf", 0)]),
    ("x = fs[0](1)", [("1", "leaf", 1), ("2", "__call__", 2), ("3", "fact", 2)]),
    ("x = fs[0](1)", [("a", "__call__", 2)]),
    ("for i in gen(3)", [("1", "gen", 3), ("leaf", "leaf", 3)]),
    ("x = leaf(", [("1", "leaf", 5)]),
    ("    leaf(1),", [("1", "leaf", 1), ("2", "leaf", 2), ("3", "fact", 2)]),
    ("x = A(3)", [("A", "__init__", 3), ("leaf", "leaf", 1), ("get", "get", 2)]),
    ('x = f"{leaf', [("1", "leaf", 1), ("2", "leaf", 2)]),
    ("with A(1)", [("A", "__init__", 1), ("leaf", "leaf", 1)]),
    ("while leaf(i)", [("1", "leaf", 0), ("2", "leaf", 0)]),
    ("x = cached(5)", [("cached", "cached", 5), ("leaf", "leaf", 7)]),
    ("x = many(", [("1", "leaf", 1), ("2", "leaf", 2), ("3", "leaf", 3), ("many", "many", (2, 3))]),
    ("x = [[leaf", [("leaf", "leaf", 5)]),
    ("x = leaf(1) or", [("1", "leaf", 1)]),
    ("assert leaf(1)", [("1", "leaf", 1)]),
    ("if leaf(1)", [("1", "leaf", 1), ("2", "leaf", 2), ("3", "leaf", 3)]),
    ("x = (lambda", [("1", "leaf", 4)]),
    ("return n * fact", [("1", "fact", 1)]),
    ("return n if n < 2", [("1", "fib", 2), ("2", "fib", 1)]),
    ("try: return", [("leaf", "leaf", 1)]),
    ("finally: leaf", [("leaf", "leaf", 2)]),
    ("return await", [("leaf", "leaf", 1), ("co", "co", 2)]),
]  # fmt: skip


def line_of(text):
    return next(i for i, line in enumerate(LINES, 1) if line[4:].startswith(text))


def typed(folder, commands, source=SOURCE):
    (folder / "app.py").write_text(source)
    done = relive("debug", "app.py", cwd=folder, stdin="\n".join([*commands, "q", ""]).encode())
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout.decode().split("(relive) ")[1:]


def test_each_call_of_a_line_is_stepped_into(tmp_path):
    wanted = [(line_of(text), *one) for text, some in CASES for one in some]
    commands = []
    for line, call, _, _ in wanted:
        commands += ["tbreak work", "c", f"tbreak {line}", "c", f"stepinto {call}", "p n"]
    seen = typed(tmp_path, commands)
    found = []
    for i, (line, call, _, _) in enumerate(wanted):
        said, value = seen[6 * i + 4 : 6 * i + 6]
        place = re.search(r"app\.py\(\d+\)(\w+)\(\)", said)
        found.append((line, call, place and place[1] if "***" not in said else said, value.strip()))
    assert found == [(line, call, name, str(n)) for line, call, name, n in wanted]


def test_what_cannot_be_stepped_into_is_said(tmp_path):
    line = line_of("x = fs[0](1)")
    commands = [
        f"tbreak {line}", "c", "stepinto", "stepinto len", "stepinto 9", "stepinto nope",
        f"tbreak {line_of('x = leaf(leaf(5)')}", "c", "stepinto leaf",
        f"tbreak {line_of('x = leaf(1) or')}", "c", "stepinto 2",
    ]  # fmt: skip
    seen = typed(tmp_path, commands)
    assert seen[2] == "1  fs[0](1)\n2  a(2)\n3  fs[1](a(2))\n4  len(fs)  (C)\n"
    assert seen[3] == "*** len is a C function: it cannot be stepped into\n"
    assert seen[4] == "*** this line has 4 calls: there is no call 9\n"
    assert seen[5] == "*** this line does not call nope\n"
    assert seen[8] == "*** this line has 2 calls of leaf: choose one by its number\n"
    assert seen[11].startswith("*** leaf(2) was not called, or ran no Python code\n> ")
    assert f"app.py({line_of('assert leaf(1)')})work()" in seen[11]


def test_a_call_that_the_line_reaches_again(tmp_path):
    source = "def leaf(n):\n    return n\nfor i in range(3): leaf(i), leaf(-i)\nx = 1\n"
    seen = typed(
        tmp_path,
        ["b 3", "c", "stepinto leaf", "stepinto 2", "p n", "c", "stepinto 3", "p n", "cl 1", "u",
         "stepinto", "stepinto 2", "p n"],
        source,
    )  # fmt: skip
    assert seen[2] == "*** this line has 2 calls of leaf: choose one by its number\n"
    assert "leaf()\n" in seen[3] and seen[4] == "0\n" and seen[7] == "-1\n"
    assert seen[10] == "1  range(3)  (over)\n2  leaf(i)\n3  leaf(-i)\n" and seen[12] == "2\n"


def test_a_call_is_chosen_on_a_terminal(tmp_path):
    text = Terminal(tmp_path, SOURCE, "-b", f"app.py:{line_of('x = leaf(leaf(5)')}").run(
        "stepinto", "stepinto 3", "p 'n', n", "q"
    )
    assert "2  fact(2)\r\n3  leaf(leaf(5) + fact(2))\r\n" in text and "('n', 8)" in text
