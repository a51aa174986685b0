"""`relive exc` beside a plain reading of all events, and on very many exceptions."""

import json
import re
import sys

import plain_stories
import pytest
from conftest import relive, run, two_versions

from relive.cli import common

PROGRAM = """
import asyncio, contextlib, os, random, sys, threading

draw = random.Random(int(sys.argv[1]))

class Own(Exception):
    pass

class Door:
    def __init__(self, is_quiet, is_bad=False):
        self.is_quiet, self.is_bad = is_quiet, is_bad
    def __enter__(self):
        return self
    def __exit__(self, *error):
        if self.is_bad:
            raise Own("exit")
        return self.is_quiet

def boom(kind, depth=0):
    if depth:
        return boom(kind, depth - 1)
    if kind == 0:
        raise KeyError("k")
    if kind == 1:
        raise ValueError(f"v{draw.randrange(3)}")
    if kind == 2:
        int("x")
    if kind == 3:
        sys.exit(draw.choice([0, None, "", 1, "bad"]))
    return next(iter(()))

def in_finally(kind):
    try:
        boom(kind)
    finally:
        return 1

def in_break(kind):
    for i in (1,):
        try:
            boom(kind)
        finally:
            break

def in_with(kind):
    with Door(True):
        boom(kind, 2)

def replaced(kind):
    try:
        boom(kind)
    finally:
        boom(draw.randrange(5))

def caused(kind):
    try:
        boom(kind)
    except BaseException as error:
        raise Own("from") from error

def again(kind):
    try:
        boom(kind, 1)
    except BaseException:
        raise

def later(kind):
    try:
        boom(kind)
    except BaseException as error:
        kept = error
    raise kept

def in_stack(kind):
    with contextlib.ExitStack() as stack:
        stack.enter_context(Door(False, True))
        stack.enter_context(Door(False, kind % 2))
        boom(kind)

def generator(kind):
    try:
        yield 1
    except BaseException:
        boom(kind)

def thrown(kind):
    one = generator(kind)
    next(one)
    one.throw(Own("thrown"))

def over(kind):
    for i in generator(kind):
        pass

ways = [in_finally, in_break, in_with, replaced, caused, again, later, in_stack, thrown, over, boom]

def work(turns):
    for i in range(turns):
        try:
            draw.choice(ways)(draw.randrange(6))
        except BaseException:
            pass

async def job(kind):
    await asyncio.sleep(0)
    draw.choice(ways)(kind if kind != 3 else 0)

async def jobs():
    tasks = [asyncio.ensure_future(job(draw.randrange(6))) for i in range(8)]
    slow = asyncio.ensure_future(asyncio.sleep(10))
    await asyncio.sleep(0)
    slow.cancel()
    for task in tasks[:4]:
        try:
            await task
        except BaseException:
            pass
    await asyncio.gather(*tasks[4:], slow, return_exceptions=True)

threads = [threading.Thread(target=work, args=(40,)) for i in range(2)]
threads += [threading.Thread(target=draw.choice(ways), args=(i,)) for i in range(4)]
for thread in threads:
    thread.start()
work(60)
for thread in threads[2:]:
    thread.join()  # 3.15 prints a traceback by lazy imports, whose lock a fork would keep
if os.fork() == 0:
    work(50)
    boom(1)
os.wait()
asyncio.run(jobs())
for thread in threads:
    thread.join()
replaced(0)
"""

MANY = """
def find(table, key):
    return table[key]
def get(table, key):
    try:
        return find(table, key)
    except KeyError:
        return None
def number(text):
    return int(text)
def parse(text):
    try:
        return number(text)
    except ValueError:
        return 0
for i in range({}):
    get({{}}, i)
    if i % 100 == 0:
        parse("x")
1 / 0
"""


def plain(run, wants_all):
    """[(recording, story)] in the order of the list, and how many are left out."""
    rows, hidden = [], 0
    for recording in run:
        for story in plain_stories.stories(recording):
            rank = story.rank(recording)
            is_inside = rank > plain_stories.ENDED and story.is_inside(recording)
            if not wants_all and (story.is_control_flow() or is_inside):
                hidden += 1
                continue
            rows.append((rank, story.first["t"], len(rows), recording, story))
    rows.sort(key=lambda row: row[:3])
    for number, row in enumerate(rows, 1):
        row[-1].number = number
    return [row[3:] for row in rows], hidden


def plain_lines(told):
    """The lines of the list: neighbours that say the same in one."""
    lines = []
    for recording, story in told:
        fate, _ = story.fate(common.sees_handled(recording.header["meta"]))
        place = common.place(story.first, story.first.get("exc_line"))
        text = f"{common.safe(story.exc['type'])}  {place}  {fate}"
        if lines and lines[-1][1] == text:
            lines[-1][2] += 1
        else:
            lines.append([story.number, text, 1])
    return [f"{number:>4}  {text}" + f"  x{n}" * (n > 1) for number, text, n in lines]


def plain_object(recording, story, stack, run):
    fate, is_alarming = story.fate(common.sees_handled(recording.header["meta"]))
    return {
        "number": story.number,
        "position": common.position(story.first, run),
        "type": story.exc["type"],
        "message": story.exc["message"],
        "cause": story.exc.get("cause"),
        "context": story.exc.get("context"),
        "fate": fate,
        "uncaught": is_alarming,
        "frames": [[frame, line] for frame, _, line in story.lines(stack)],
    }


def listed(text):
    """The lines of the list: the exception that is shown whole is between them."""
    return [line for line in text.splitlines() if re.match(r" *\d+  \S", line)]


@pytest.mark.parametrize("options", [(), ("--level", "lines"), ("--ring", "1MB")])
def test_the_answer_is_that_of_a_plain_reading(record, tmp_path, options):
    record(PROGRAM, *options, args=(str(len(options) + 1),))
    run = common.open_run(str(tmp_path / "out.relive"))
    assert len(run) == 2
    for wants_all in (False, True):
        more = ["--all"] if wants_all else []
        told, hidden = plain(run, wants_all)
        assert len(told) > 100
        done = relive("exc", "--limit", "0", *more, tmp_path / "out.relive")
        assert listed(done.stdout.decode()) == plain_lines(told)
        other = f"{hidden:,} other exception"
        assert (other in done.stdout.decode()) == bool(hidden)
        done = relive("exc", "--json", *more, tmp_path / "out.relive")
        rows = [json.loads(line) for line in done.stdout.splitlines()[1:]]
        wanted = []
        for recording in run:
            own = [story for owner, story in told if owner is recording]
            at = [(story.first["thread"], story.first["seq"]) for story in own]
            for story, stack in zip(own, recording.stacks_at(at)):
                wanted.append(plain_object(recording, story, stack, run))
        wanted.sort(key=lambda row: row["number"])
        for row in rows:
            row["frames"] = [[frame["frame"], frame["line"]] for frame in row["frames"]]
        assert [{key: row[key] for key in wanted[0]} for row in rows] == wanted


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A recording of 60,600 exceptions, all but one caught."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "app.py").write_text(MANY.format(60000))
    relive("record", "-o", "out.relive", "app.py", cwd=folder)
    return folder / "out.relive"


def test_each_of_very_many_exceptions_is_counted(many):
    done = relive("exc", "--limit", "3", many)
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("   1  ZeroDivisionError  app.py:")
    assert lines[1].startswith("   2  KeyError  app.py:3  "), lines
    whole = relive("exc", "--limit", "0", many).stdout.decode()
    rows = listed(whole)
    counts = [int(row.rpartition("  x")[2].replace(",", "")) if "  x" in row else 1 for row in rows]
    numbers = [int(row.split()[0]) for row in rows]
    assert numbers == [1 + sum(counts[:i]) for i in range(len(counts))]
    assert sum(counts) >= 60001
    assert len(lines) == 3 and f"{len(rows) - 3:,} more lines of the list" in done.stderr.decode()
    rows = relive("exc", "--json", "--limit", "3", many).stdout.splitlines()[1:]
    assert {json.loads(row)["number"] for row in rows} == {1, 2, 3}
    last = relive("exc", "--limit", "1", "--nth", str(sum(counts)), many).stdout.decode()
    assert "Error: " in last.split("\n\n")[0] and len(last.split("\n\n")[1].splitlines()) == 1


MEASURED = """
import sys
from relive.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
with open("/proc/self/status") as file:
    print(file.read().split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


@two_versions
@pytest.mark.parametrize("option", ["--limit=1", "--json"])
def test_memory_does_not_grow_with_the_exceptions(many, option):
    done = run(sys.executable, "-c", MEASURED, "exc", option, many)
    assert done.stdout and int(done.stderr.split()[-1]) < 96 << 10
