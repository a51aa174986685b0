"""Exceptions that pass a `with` of @contextmanager: each is one, and no two are joined."""

import sys

import pytest
from test_exceptions import LEVELS, stories

MANAGED = """
from contextlib import contextmanager
@contextmanager
def plain():
    yield
@contextmanager
def closing():
    try:
        yield
    finally:
        x = 1
@contextmanager
def quiet():
    try:
        yield
    except KeyError:
        x = 2
@contextmanager
def other():
    try:
        yield
    except KeyError as error:
        raise ValueError("b") from error
def inner(section):
    with section():
        raise KeyError("a")
def outer(section):
    with plain():
        inner(section)
for section in (plain, closing, quiet, other):
    try:
        outer(section)
    except (KeyError, ValueError):
        x = 3
"""


# Below 3.12 level `lines` alone has a row where an exception is raised.
RAISES = [pair for pair in LEVELS if pair[1] == "lines" or pair == ("monitoring", "values")]


@pytest.mark.parametrize(("backend", "level"), RAISES)
def test_an_exception_that_passes_a_contextmanager_is_one(record, tmp_path, backend, level):
    record(MANAGED, "--backend", backend, "--level", level)
    rows = stories(tmp_path / "out.relive")
    assert [(row["type"], row["fate"]) for row in rows] == [
        ("KeyError", "caught in __main__:<module> at prog.py:33"),
        ("KeyError", "caught in __main__:<module> at prog.py:33"),
        ("KeyError", "caught in __main__:quiet at prog.py:16"),
        ("KeyError", "caught in __main__:other at prog.py:22"),
        ("ValueError", "caught in __main__:<module> at prog.py:33"),
    ]
    places = [[frame["func"].partition(":")[2] for frame in row["frames"]] for row in rows]
    assert places[:4] == [["<module>", "outer", "inner"]] * 4
    assert [row["frames"][-1]["line"] for row in rows[:4]] == [26] * 4  # not that of a yield


BODY = """\
from contextlib import contextmanager
@contextmanager
def plain():
    yield
def inner():
    with plain():
        int("x")
        y = 1
try:
    inner()
except ValueError:
    x = 3
"""


def test_the_body_of_a_with_has_the_line_that_raised(record, tmp_path):
    record(BODY)  # with the default backend: settrace and setprofile see no throw
    (row,) = stories(tmp_path / "out.relive")
    lines = {frame["func"].partition(":")[2]: frame["line"] for frame in row["frames"]}
    assert lines["inner"] == 7 and lines["<module>"] == 10


MANAGED_ALIKE = """
from contextlib import asynccontextmanager, contextmanager, suppress
import asyncio
@contextmanager
def plain():
    yield
@asynccontextmanager
async def waiting():
    try:
        yield
    finally:
        await asyncio.sleep(0)
@contextmanager
def again():
    try:
        yield
    except KeyError:
        raise
@contextmanager
def alike():
    try:
        yield
    except KeyError:
        raise KeyError("a")
@contextmanager
def alike_from():
    try:
        yield
    except KeyError as error:
        raise KeyError("a") from error
def nested(*sections):
    if not sections:
        raise KeyError("a")
    with sections[0]():
        if len(sections) == 1: raise KeyError("a")
        nested(*sections[1:])
def two():
    with plain(), again():
        raise KeyError("a")
def one_line():
    with plain(): raise KeyError("a")
def swallowed():
    with suppress(KeyError):
        raise KeyError("a")
    with plain():
        with suppress(KeyError):
            nested()
        raise KeyError("a")
def retried():
    for last in (False, True):
        with suppress(*[] if last else [KeyError]):
            with again():
                raise KeyError("a")
async def awaited():
    async with waiting():
        async with waiting():
            raise KeyError("a")
def run():
    asyncio.run(awaited())
for f in (lambda: nested(plain, again, plain), lambda: nested(alike), lambda: nested(alike_from),
          two, one_line, swallowed, retried, run):
    try:
        f()
    except KeyError:
        x = 3
"""


@pytest.mark.parametrize(("backend", "level"), RAISES)
def test_a_contextmanager_joins_no_two_exceptions(record, tmp_path, backend, level):
    # From 3.12 on settrace also has the StopIteration of each await, which hides the rest.
    is_blurred = backend == "settrace" and sys.version_info >= (3, 12)
    program = MANAGED_ALIKE.replace(", run)", ")") if is_blurred else MANAGED_ALIKE
    record(program, "--backend", backend, "--level", level)
    rows = stories(tmp_path / "out.relive")
    raised = [
        (row["frames"][-1]["func"].partition(":")[2], row["frames"][-1]["line"]) for row in rows
    ]
    assert raised == [
        ("nested", 35),
        ("nested", 35),
        ("alike", 24),
        ("nested", 35),
        ("alike_from", 30),
        ("two", 39),
        ("one_line", 41),
        ("swallowed", 44),
        ("nested", 33),
        ("swallowed", 48),
        ("retried", 53),
        ("retried", 53),
        *([] if is_blurred else [("awaited", 57)]),
    ]
    ends = [row["fate"] for row in rows if "caught in __main__:<module>" in row["fate"]]
    assert ends == ["caught in __main__:<module> at prog.py:64"] * 7
