"""Programs that raise through random nestings, and print what `exc` must report.

A program prints one JSON list. For each exception it has the (function, line) of every frame of the
program that was open, outermost first, as `traceback` has them. It also has whether the
frame that raised the exception is the one that caught it."""

import random

HEAD = """\
import functools, json, sys, traceback
ORACLE = []
def note(own=False):
    frames = traceback.walk_stack(sys._getframe(1))
    rows = [(f.f_code.co_name, line) for f, line in frames if f.f_code.co_filename == __file__]
    ORACLE.append([rows[::-1], own])
    return len(ORACLE) - 1
class Err(Exception): pass
class Other(Exception): pass
class Ctx:
    def __init__(self, swallows=False): self.swallows = swallows
    def __enter__(self): return self
    def __exit__(self, *a): return self.swallows
def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
class Wait:
    def __await__(self):
        if 0: yield
        return 1
"""

RAISES = ("raise Err(note({own}))", "return {{}}[note({own})]", "return int('x%d' % note({own}))")

# How a function reaches the one below it: a body of lines, {f} is the callee.
REACH = [
    "return {f}(n)",
    "x = 1\n\n    return {f}(\n        n)",
    "return [{f}(i) for i in (n,)]",
    "return {{i: {f}(i)\n            for i in (n,)}}",
    "return any({f}(i) for i in (n,))",
    "return sorted([n, n], key={f})",
    "return sorted([n, n], key=lambda v: {f}(v))",
    "return list(map({f}, [n]))",
    "return functools.partial({f}, n)()",
    "with Ctx():\n        x = 2\n        return {f}(n)",
    "with Ctx() as c, Ctx():\n        return {f}(n)",
    "class Inner:\n        value = {f}(n)\n    return Inner",
    "for i in range(2):\n        if i:\n            {f}(n)",
    "def inner(v):\n        yield 1\n        yield {f}(v)\n    return list(inner(n))",
    "def first(v):\n        yield {f}(v)\n    def inner(v):\n        yield 1\n"
    "        yield from first(v)\n    for each in inner(n):\n        each = 3",
    "async def inner(v):\n        await Wait()\n        return {f}(v)\n"
    "    async def outer(v):\n        return await inner(v)\n    return drive(outer(n))",
    "if n > 0:\n        return {name}(n - 1)\n    return {f}(n)",
    "try:\n        return {f}(n)\n    finally:\n        x = 4",
    "try:\n        return {f}(n)\n    except Other:\n        x = 5",
    "try:\n        return {f}(n)\n    except Exception:\n        x = 6\n        raise",
    "exec(compile('{f}(n)', 'other', 'exec'), globals(), dict(n=n))",
    "x = n; y = {f}(x)",
    "return Made(n, {f})",
    "for i in range(3):\n        try:\n            {f}(n)\n        except Exception:\n"
    "            x = i\n    return {f}(n)",
    "for i in range(3):\n        try: raise Err(note(True))\n        except Err: x = i\n"
    "    return {f}(n)",
]  # fmt: skip

# The exception that comes is replaced by another one of the same type.
REPLACE = [
    "try:\n        return {f}(n)\n    except Exception as e:\n"
    "        raise Err(note()) from e",
    "try:\n        return {f}(n)\n    except Exception:\n        raise Err(note())",
]  # fmt: skip

CATCH = [
    "try:\n    {f}(1)\nexcept Exception:\n    pass",
    "for turn in range(3):\n    try: {f}(turn)\n    except Exception: pass",
    "with Ctx(True):\n    {f}(0)",
]


def program(seed, replaces=True):
    """The text of one; where only frames say which exception is which, none may be replaced."""
    rng = random.Random(seed)
    reach = REACH + REPLACE if replaces else REACH
    parts = [HEAD, "class Made:\n    def __init__(self, n, f):\n        self.n = f(n)\n"]
    for tower in range(4):
        names = [f"f{tower}_{level}" for level in range(rng.randint(2, 6))]
        for level, name in enumerate(names):
            if level == len(names) - 1:
                body = rng.choice(RAISES).format(own=False)
            else:
                body = rng.choice(reach).format(f=names[level + 1], name=name)
            parts.append(f"def {name}(n):\n    {body}\n")
        parts.append(rng.choice(CATCH).format(f=names[0]) + "\n")
    return "".join(parts) + "print(json.dumps(ORACLE))\n"
