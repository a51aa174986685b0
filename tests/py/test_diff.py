"""`relive diff`: what it leaves out of both recordings leaves the same steps, and nothing else."""

import json
import random
import re
import signal
import sys

import pytest
from conftest import ROOT, relive, run, two_versions
from format_reader import events as plain_events

import relive as api

pytestmark = two_versions

# Runs scripts such as [1, [7, 2], 9]: a list is a call, a number from 5 on an assignment.
PROGRAM = """
import json, sys, relive

def leaf(number):
    return number

def node(items):
    last = None
    for item in items:
        if isinstance(item, list):
            last = node(item)
        elif item < 5:
            leaf(item)
        else:
            last = item
    if items and items[-1] == 13:
        raise ValueError(len(items))
    return last

def values(items):
    for item in items:
        yield item

for number, script in enumerate(json.load(sys.stdin)):
    with relive.record(f"{number}.relive", level=sys.argv[1], include=["__main__"]):
        try:
            node(script)
        except ValueError:
            pass
        first, second = values(script), values(script)
        for one in first:
            for other in second:
                break
"""
KINDS = {
    "call", "return", "yield", "resume", "throw", "unwind", "line", "write", "raise", "handled",
}  # fmt: skip
LEVELS = ["calls", "values", "lines"]


def grow(rng, depth=0):
    """A random script."""
    return [
        grow(rng, depth + 1) if depth < 3 and rng.random() < 0.3 else rng.randrange(12)
        for _ in range(rng.randrange(7))
    ]


def change(rng, script):
    """The script with one step added, removed, or changed somewhere."""
    script = json.loads(json.dumps(script))
    place = script
    while True:
        inner = [item for item in place if isinstance(item, list)]
        if not inner or rng.random() < 0.4:
            break
        place = rng.choice(inner)
    at = rng.randrange(len(place) + 1)
    what = rng.randrange(4)
    if what == 0 or not place:
        place.insert(at, rng.choice([3, 8, [1, 9], 13]))
    elif what == 1:
        del place[at - 1]
    elif what == 2:
        place[at - 1] = rng.choice([2, 6, 11, [], [4, 4]])
    else:
        place[at:at] = [1, [2], 7] * 5
    return script


@pytest.fixture(scope="module", params=LEVELS)
def pairs(request, tmp_path_factory):
    """[(path of A, path of B)]: each script, then the same one with changes."""
    folder = tmp_path_factory.mktemp("diff")
    rng, scripts = random.Random(5), []
    for _ in range(25):
        script = grow(rng)
        scripts += [script, change(rng, change(rng, script))]
    done = run(
        sys.executable, "-c", PROGRAM, request.param, cwd=folder,
        stdin=json.dumps(scripts).encode(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return [(folder / f"{n}.relive", folder / f"{n + 1}.relive") for n in range(0, 50, 2)]


def what(event, first_lines):
    """Which step an event is, whatever values it has."""
    line = event.get("exc_line") if "exc_type" in event else event.get("line")
    within = (
        line and event["kind"] != "write" and line - first_lines.setdefault(event["func"], line)
    )
    return event["kind"], event["func"], within, event.get("name"), event.get("exc_type")


def carried(event):
    """The values of an event: arguments, a value, or a message."""
    exc = event.get("exc") or {}
    args = sorted((name, value["r"]) for name, value in event.get("args", {}).items())
    return args, (event.get("value") or {}).get("r"), exc.get("message")


def steps(path):
    """{seq: (step, values)} of the main thread, from a plain reading."""
    first_lines = {}
    return {
        event["seq"]: (what(event, first_lines), carried(event))
        for event in plain_events(path)
        if event["kind"] in KINDS and event["thread"] == 1
    }


def rest(all_steps, sides):
    """Those steps that are in no difference."""
    seqs = sorted(all_steps)
    for side in sides:
        if side.events:
            at = seqs.index(side.seq)
            del seqs[at : at + side.events]
    return seqs


def test_what_is_left_without_the_differences_is_the_same(pairs):
    different = 0
    for a_path, b_path in pairs:
        with api.open(a_path) as a, api.open(b_path) as b:
            answer = a.diff(b, limit=10**6)
        a_steps, b_steps = steps(a_path), steps(b_path)
        apart = [one for one in answer.differences if one.kind == "steps"]
        left = rest(a_steps, [one.a for one in apart]), rest(b_steps, [one.b for one in apart])
        assert [a_steps[seq][0] for seq in left[0]] == [b_steps[seq][0] for seq in left[1]]
        assert answer.same == len(left[0])
        other_values = [pair for pair in zip(*left) if a_steps[pair[0]][1] != b_steps[pair[1]][1]]
        found = [(one.a.seq, one.b.seq) for one in answer.differences if one.kind == "values"]
        assert found == other_values
        if answer.differences:
            parted = min(answer.differences[0].a.seq, answer.differences[0].b.seq)
            before = [{seq: one for seq, one in some.items() if seq < parted}
                      for some in (a_steps, b_steps)]  # fmt: skip
            assert before[0] == before[1]
        different += bool(answer.differences)
    assert different > 15


def test_a_recording_does_not_differ_from_itself(pairs):
    for path in pairs[3]:
        with api.open(path) as one, api.open(path) as other:
            assert not one.diff(other).differences
            assert not one.diff(one).differences


SHOP = (ROOT / "examples" / "shop.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """Three runs of a program: as it is, once more, and with one tea too few."""
    folder = tmp_path_factory.mktemp("shops")
    for name, source in (("a", SHOP), ("b", SHOP), ("c", SHOP.replace('"tea": 10', '"tea": 11'))):
        (folder / "shop.py").write_text(source, encoding="utf-8")
        done = relive("record", "-o", f"{name}.relive", "shop.py", cwd=folder)
        assert done.returncode == 0, done.stderr.decode()
    return folder


def test_what_a_user_sees(shops):
    done = relive("diff", "a.relive", "c.relive", cwd=shops)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 1
    assert lines[3].startswith('thread 1 "MainThread": ')
    first = lines.index("   1  in ... > __main__:main > __main__:order > __main__:take")
    assert "OutOfStock" in lines[first + 1]
    assert lines[first + 2].endswith("__main__:take returned None")
    counts = {tuple(line.split()[:2] + line.split()[-1:]) for line in lines[-12:] if ":" in line}
    assert counts >= {("4", "5", "__main__:price"), ("2", "3", "__main__:discount")}
    same = relive("diff", "a.relive", "b.relive", cwd=shops)
    assert same.returncode == 0 and b": no difference, 3" in same.stdout


def test_json_names_both_positions(shops):
    done = relive("diff", "--json", "--limit", "0", "a.relive", "c.relive", cwd=shops)
    head, first, *rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert (head["schema"], head["version"]) == ("relive.diff", 1)
    assert first["kind"] == "steps" and first["b"]["first"]["kind"] == "return"
    assert first["a"]["position"].startswith("T1@") and first["a"]["events"] > 0
    (totals,) = (row for row in rows if row["kind"] == "thread")
    assert sum(totals["found"].values()) == 1 + rows.index(totals) > 1
    functions = {row["func"]: row["calls"] for row in rows if row["kind"] == "function"}
    assert functions["__main__:price"] == [4, 5]


def in_pages(cwd, *words):
    """The pages of an answer, joined, and how many there are."""
    joined, cursor, pages = b"", [], 0
    while cursor is not None:
        done = relive("diff", *words, *cursor, cwd=cwd)
        joined, pages = joined + done.stdout, pages + 1
        found = re.search(r"--cursor (\S+)", done.stderr.decode())
        cursor = ["--cursor", found.group(1)] if found else None
    return joined, pages


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_joined_pages_are_the_whole_answer(shops, form):
    question = [*form, "a.relive", "c.relive"]
    whole = relive("diff", "--limit", "0", *question, cwd=shops).stdout
    for bounds in (["--limit", "1"], ["--limit", "0", "--max-bytes", "300"]):
        joined, pages = in_pages(shops, *bounds, *question)
        assert joined == whole and pages > 1
    done = relive("diff", "--limit", "1", *question, cwd=shops)
    shown = done.stdout.decode().count("T1@") if not form else done.stdout.count(b'"position"')
    assert shown == 2  # one difference has two sides
    assert "more difference" in done.stderr.decode()


LONG = """
def step(number, big):
    return number + big

def odd(number):
    return number

def main(count):
    for number in range(count):
        step(number, 1 if number != %d else 2)
        if number in %r:
            odd(number)

main(%d)
"""


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Runs that differ late, early, or not at all. Each has many chunks."""
    folder = tmp_path_factory.mktemp("long")
    count = 60000
    for name, where in (("a", (-1, [])), ("b", (-1, [])), ("late", (count - 9, [count - 4])),
                        ("early", (-1, [3]))):  # fmt: skip
        (folder / "long.py").write_text(LONG % (*where, count))
        relive("record", "-o", f"{name}.relive", "long.py", cwd=folder)
    return folder


def test_chunks_with_equal_bytes_are_compared_as_others_are(long):
    """The oracle reads all steps of both. `a` and `late` are equal in all but their last chunks,
    after `early` no chunk has the same bytes at the same place."""
    read = {name: steps(long / f"{name}.relive") for name in ("a", "late", "early")}
    with api.open(long / "a.relive") as a:
        assert a.header["chunks"] > 4
        for name, differences in (("a", 0), ("b", 0), ("late", 3), ("early", 1)):
            with api.open(long / f"{name}.relive") as b:
                for left, right in ((a, b), (b, a), (a, a)):
                    answer = left.diff(right)
                    expected = 0 if left is right else differences
                    assert len(answer.differences) == answer.count == expected
                    assert answer.same == len(read["a"])
                answer = a.diff(b)
                for one in answer.differences:
                    assert one.stack[-1].endswith(("main", "step"))
                    both = read["a"], read[name]
                    if one.kind == "values":
                        ours, theirs = (side[at.seq] for side, at in zip(both, (one.a, one.b)))
                        assert ours[0] == theirs[0] and ours[1] != theirs[1]
                    else:
                        assert one.a.events == 0 and one.b.events == 2
                        assert read[name][one.b.seq][0][1] == "__main__:odd"


def test_of_equal_recordings_no_event_is_read_twice(long):
    (long / "copy.relive").write_bytes((long / "a.relive").read_bytes())
    with api.open(long / "a.relive") as a, api.open(long / "copy.relive") as copy:
        assert a.diff(copy).same == len(steps(long / "a.relive"))
        assert a.progress()[0] == copy.progress()[0] == 0  # chunks since the last cursor began


def test_ctrl_c_ends_a_comparison_between_two_chunks(long):
    """The handler runs long before all is read, and the recordings can be used afterwards."""

    def stop(*ignored):
        raise KeyboardInterrupt

    with api.open(long / "a.relive") as a, api.open(long / "early.relive") as early:
        before = signal.signal(signal.SIGVTALRM, stop)
        try:
            with pytest.raises(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_VIRTUAL, 0.002)
                a.diff(early, limit=10**6)
                pytest.fail("the timer has not fired")
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
        read, chunks = a.progress()
        assert read < chunks
        assert a.diff(early).count == 1


def test_recordings_at_different_levels_are_compared_by_what_both_have(shops):
    done = relive("record", "--level", "lines", "-o", "l.relive", "shop.py", cwd=shops)
    assert done.returncode == 0
    answer = relive("diff", "c.relive", "l.relive", cwd=shops)
    assert answer.returncode == 0, answer.stdout.decode()
    assert b"A has level values, B lines: lines and variables are not compared" in answer.stdout


def test_two_calls_of_one_recording_are_compared(shops):
    done = relive("diff", "a.relive", "order#1", "order#2", cwd=shops)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 1 and lines[3].startswith("order#1 and order#2: ")
    assert lines[7].split() == [
        "lines:",
        *"[('tea', 2), ('spoon', 6)] -> [('cup', 1), ('tea', 9)]".split(),
    ]
    assert "raised" in done.stdout.decode() or "left __main__:take" in done.stdout.decode()
    assert relive("diff", "a.relive", "b.relive", "order#2", cwd=shops).returncode == 0
    only_one = relive("diff", "a.relive", "order#2", cwd=shops)
    assert only_one.returncode == 2 and b"two calls" in only_one.stderr
    no_call = relive("diff", "a.relive", "T1@0", "order#1", cwd=shops)
    assert no_call.returncode != 0 and b"Traceback" not in no_call.stderr
    missing = relive("diff", "a.relive", "order#1", "order#9", cwd=shops)
    assert missing.returncode == 2 and b"order#3" in missing.stderr


def test_a_killed_run_parts_where_it_was_killed(shops):
    killed = SHOP.replace(
        "    return PRICES", "    import os; os.kill(os.getpid(), 9)\n    return P"
    )
    (shops / "shop.py").write_text(killed, encoding="utf-8")
    relive("record", "-o", "k.relive", "shop.py", cwd=shops)
    with api.open(shops / "a.relive") as a, api.open(shops / "k.relive") as b:
        last = a.diff(b).differences[-1]
        assert (last.kind, last.b.events, last.stack[-1]) == ("steps", 0, "__main__:price")
        assert last.a.first["kind"] == "return"


NOISY = """
import json.tool, random, library

def pick():
    return random.choice("ab" if PART else "cd")

def main():
    library.keep({"one", "two", "three"}, object())
    return pick()

PART = %d
main()
"""


def test_the_program_s_own_code_comes_first_and_chance_is_left_out(tmp_path):
    packages = tmp_path / "lib"
    packages.mkdir()
    library = "import time\ndef keep(names, thing):\n    return time.time()\n"
    (packages / "library.py").write_text(library, encoding="utf-8")
    for part in (0, 1):
        (tmp_path / "noisy.py").write_text(NOISY % part, encoding="utf-8")
        done = relive(
            "record", "-o", f"{part}.relive", "--include", "*", "noisy.py", cwd=tmp_path,
            env={"PYTHONPATH": str(packages), "PYTHONHASHSEED": str(part)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
    with api.open(tmp_path / "0.relive") as a, api.open(tmp_path / "1.relive") as b:
        answer = a.diff(b)
        found = {one.stack[-1] if one.a.first["kind"] == "return" else one.a.first["func"]
                 for one in answer.differences if one.is_own}  # fmt: skip
        assert found == {"__main__:pick", "__main__:main", "library:keep", "random:Random.choice"}
        assert "library:keep" not in {
            one.a.first["func"] for one in answer.differences if one.a.first["kind"] == "call"
        }


# One run has its objects at addresses of other lengths: PYTHONMALLOC.
ADDRESSES = """
import sys
class Plain:
    pass
def take(*values):
    return values[0]
def fail(item):
    raise ValueError("bad: %r" % item)
def main():
    item = Plain()
    take(item, main, [item], {item: item})
    text = repr(item)
    take(text, [text], {text: text}, text.encode(), take.__get__(item))
    take("x" * 300 + text, f"{take} of {item}")
    print(item)
    try:
        fail(item)
    except ValueError as error:
        take(error, str(error))
main()
def number(text):
    return text
number("colour 0x%x" % (255 + PART))
number("line < 3: read 4 bytes at 0x%x" % (31 + PART))
number("<%s object at 0x7f01a2b3c4d0>" % ("ab"[PART] * 3))
number("at 0x7f01a2b3c4d%d" % PART)
"""


@pytest.mark.parametrize("level", LEVELS)
def test_addresses_alone_are_no_difference(tmp_path, level):
    for part, allocator in enumerate(("pymalloc", "malloc")):
        source = ADDRESSES.replace("PART", str(part))
        (tmp_path / "program.py").write_text(source, encoding="utf-8")
        done = relive(
            "record", "--level", level, "--output", "-o", f"{part}.relive", "program.py",
            cwd=tmp_path, env={"PYTHONMALLOC": allocator},
        )  # fmt: skip
        assert done.returncode == 0 and b"object at 0x" in done.stdout, done.stderr
    with api.open(tmp_path / "0.relive") as a, api.open(tmp_path / "1.relive") as b:
        answer = a.diff(b)
        funcs = [one.a.first["func"] for one in answer.differences]
        # Numbers of the program count: four calls and what they return.
        assert funcs == (["__main__:number"] * 8 if level != "calls" else [])


def test_mistakes_are_said(shops):
    wrong = relive("diff", "a.relive", cwd=shops)
    assert wrong.returncode == 2 and b"two recordings" in wrong.stderr
    thread = relive("diff", "--thread", "7", "a.relive", "b.relive", cwd=shops)
    assert thread.returncode == 2 and b"thread 7" in thread.stderr
    none = relive("diff", "a.relive", "shop.py", cwd=shops)
    assert none.returncode == 3 and b"not a Relive recording" in none.stderr
