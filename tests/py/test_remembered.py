"""What the recorder remembers of a class or a code object holds for that one alone. Classes are
renamed, objects die and leave their address to others, and another recording begins."""

import inspect
import json
import os

import pytest
from conftest import dump, usable_backends

import relive as api

PLACES = """
import gc, json
seen = []
def again(e):
    seen.append([type(e).__name__, e.__traceback__.tb_next.tb_lineno])
def run(text):
    space = {}
    exec(compile(text, "<made>", "exec"), space)
    try:
        space["f"]()
    except Exception as e:
        again(e)
"""
BODIES = {
    "code that dies": """
for n in range(40):
    run("def f():\\n" + "\\n" * (n % 7) + "    raise KeyError")
""",
    "other code that dies": """
for n in range(40):
    run("def f%d():\\n" % n + "\\n" * (n % 7) + "    raise KeyError\\nf = f%d" % n)
""",
    "code that is replaced": """
def f():
    raise KeyError
def g():



    raise KeyError
def call():
    try:
        f()
    except KeyError as e:
        again(e)
code, other = f.__code__, g.__code__
for n in range(10):
    call()
    f.__code__ = (code, other)[n % 2]
    call()
""",
    "a class that is renamed": """
class E(Exception):
    pass
def boom():
    raise E
for n in range(40):
    E.__name__ = "between"
    E.__name__ = "E%d" % n  # where the name before last was
    try:
        boom()
    except E as e:
        seen.append(["E%d" % n, e.__traceback__.tb_next.tb_lineno])
""",
    "a class that dies": """
def boom(n):
    raise type("E%d" % n, (Exception,), {})
for n in range(40):
    try:
        boom(n)
    except Exception as e:
        seen.append(["E%d" % n, e.__traceback__.tb_next.tb_lineno])
    gc.collect()
""",
    "classes of one long name": """
for n in range(4):
    try:
        run("def f():\\n raise type('%s%d', (Exception,), {})" % ("x" * 80, n))
    except Exception as e:
        again(e)
""",
}
LEFT = "\nprint(json.dumps(seen))\n"


@pytest.mark.parametrize("level", ["calls", "values"])
@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_class_and_line_are_those_of_the_traceback(record, body, level):
    done, _, events = record(PLACES + body + LEFT, "--level", level)
    assert done.returncode == 0, done.stderr
    left = [[e["exc_type"], e["line"]] for e in events if e["kind"] == "unwind"]
    assert left == json.loads(done.stdout)


HANDLERS = """
import json
def run(handler):
    space = {}
    exec(compile("def f():\\n try: raise KeyError\\n " + handler, "<made>", "exec"), space)
    space["f"]()
for n in range(20):
    run("except KeyError:\\n  return 1")
    run("finally:\\n\\n  return 1")
"""


@pytest.mark.skipif("monitoring" not in usable_backends(), reason="no handled at level calls")
def test_handlers_of_code_that_dies(record):
    _, _, events = record(HANDLERS, "--level", "calls")
    handled = [(e["line"], e.get("handler")) for e in events if e["kind"] == "handled"]
    assert handled == [(3, None), (5, "return")] * 20


FINALLY = """
def leave(fails):
    try:
        if fails: raise KeyError
    finally:
        undefined
for fails in (0, 1, 0, 1):
    try: leave(fails)
    except Exception: pass
"""


def test_a_handler_at_an_instruction_that_raises(record):
    """Up to 3.10, the first instruction of the finally is where its handler begins."""
    _, _, events = record(FINALLY, "--level", "lines")
    own = [e for e in events if e.get("func", "").endswith(":leave") and "exc_line" in e]
    told = [(e["kind"], e["line"], e.get("handler")) for e in own]
    ends = [("raise", 6, None), ("unwind", 6, None)]
    assert told == [*ends, ("raise", 4, None), ("handled", 6, "finally"), *ends] * 2


def boom(class_):
    raise class_


def raised(*classes):
    for class_ in classes:
        try:
            boom(class_)
        except Exception:
            pass


def test_ids_of_another_recording(tmp_path):
    """In the second, the number that KeyError had in the first is another name's."""
    path = str(tmp_path / "o.relive")
    for classes in ((KeyError, ValueError), (OSError, ValueError, KeyError, TypeError)):
        api.start(path, level="calls", force=True)
        raised(*classes)
        api.stop()
        left = [e["exc_type"] for e in dump(path)[1] if e["kind"] == "unwind"]
        assert left == [class_.__name__ for class_ in classes]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_ids_of_a_forked_child(record):
    source = """
import os
raised(KeyError, ValueError)
if os.fork() == 0:
    raised(OSError, ValueError, KeyError)
else:
    os.wait()
    raised(KeyError, ValueError)
"""
    source = inspect.getsource(boom) + inspect.getsource(raised) + source
    _, headers, events = record(source, "--level", "calls")
    left = {}
    for event in events:
        if event["kind"] == "unwind":
            left.setdefault(event["pid"], []).append(event["exc_type"])
    parent, child = (left[header["pid"]] for header in headers)
    assert parent == ["KeyError", "ValueError"] * 2
    assert child == ["OSError", "ValueError", "KeyError"]


def test_ids_of_an_earlier_generation_of_a_ring(record):
    """Names of many classes make the ring begin generations: each defines KeyError again."""
    source = """
def boom(class_):
    raise class_
for n in range(40000):
    try:
        boom(KeyError if n % 8 == 0 else type("E%d" % n, (Exception,), {}))
    except Exception:
        pass
"""
    _, headers, events = record(source, "--level", "calls", "--ring", "256K")
    left = [e for e in events if e["kind"] == "unwind"]
    numbers = [int(e["exc_type"][1:]) for e in left if e["exc_type"] != "KeyError"]
    assert len(left) > 500 and headers[0]["losses"]
    assert len(left) - len(numbers) in (len(left) // 8, len(left) // 8 + 1)
    assert numbers == [n for n in range(numbers[0], 40000) if n % 8]
