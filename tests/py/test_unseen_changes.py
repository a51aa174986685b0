"""Values that may have changed without a write are marked, and those that cannot are not."""

import json

import pytest
from conftest import PROGRAMS, relive

import relive as api
from relive._variables import frame_states
from relive.cli import common

# Each: what `x` is, and a change of it that no comparison of `x` itself need show.
NESTED = [
    ("{'limits': {'mem': 1}}", "x['limits']['mem'] = 9"),
    ("{'a': [1, 2]}", "x['a'].append(3)"),
    ("{'a': [1, 2]}", "x['a'][0] = 9"),
    ("{'a': {1, 2}}", "x['a'].add(3)"),
    ("{'a': ([1],)}", "x['a'][0].append(2)"),
    ("{1: {2: {3: {4: 5}}}}", "x[1][2][3][4] = 6"),
    ("[[1], [2]]", "x[0].append(9)"),
    ("[[1], [2]]", "x[1][0] = 9"),
    ("[{'a': 1}]", "x[0]['a'] = 2"),
    ("[{1}]", "x[0].add(2)"),
    ("[(1, [2])]", "x[0][1].append(3)"),
    ("[Box(1)]", "x[0].value = 2"),
    ("{'b': Box(1)}", "x['b'].value = 2"),
    ("{'b': Box([1])}", "x['b'].value.append(2)"),
    ("(1, [2])", "x[1].append(3)"),
    ("(1, {2: 3})", "x[1][2] = 4"),
    ("(Box(1),)", "x[0].value = 2"),
    ("((1, [2]),)", "x[0][1].append(3)"),
    ("Box([1])", "x.value.append(2)"),
    ("Box([1])", "x.value[0] = 2"),
    ("Box({'a': 1})", "x.value['a'] = 2"),
    ("Box({1})", "x.value.add(2)"),
    ("Box((1, [2]))", "x.value[1].append(3)"),
    ("Slot([1])", "x.value.append(2)"),
    ("Pair(1, [2])", "x.b.append(3)"),
    ("Pair(Box(1), 2)", "x.a.value = 3"),
    ("deque([[1], [2]])", "x[0].append(3)"),
    ("deque([Box(1)])", "x[0].value = 2"),
    ("OrderedDict(a=[1])", "x['a'].append(2)"),
    ("defaultdict(list, a=[1])", "x['a'].append(2)"),
    ("list(range(100))", "x[50] = -1"),
    ("[0] * 1000", "x[500] = 1"),
    ("[[i] for i in range(40)]", "x[30][0] = 'y'"),
]
CERTAIN = [
    "7", "-7", "1.5", "3+4j", "True", "None", "'text [1] {2} Box(3)'", "b'bytes [1]'", "(1, 'a')",
    "(1, (2.5, None))", "()", "frozenset({1, 2})", "range(4)", "[1, 2]", "{'a': 1}", "{1, 2}",
    "deque([1, 2])", "OrderedDict(a=1)", "Box(1)", "Slot('t')", "Pair(1, 'b')", "{1: (2, 3)}",
    "[(1, 2), (3, 4)]", "len", "Box", "bytearray(b'abc')", "datetime.date(2020, 1, 2)",
    "[datetime.date(2020, 1, 2)]", "{'d': Decimal('1.5')}", "'[' * 3 + '\"'", '"it\'s [1]"',
]  # fmt: skip
HEAD = """
import datetime
from collections import OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
Pair = namedtuple("Pair", "a b")
class Box:
    def __init__(self, value): self.value = value
class Slot:
    __slots__ = ("value",)
    def __init__(self, value): self.value = value
"""


def states(recording, line=0):
    """[(hit, {name: value}, names of those that may have changed)]"""
    codes = [row[0] for row in recording.codes()]
    return [
        (
            hit,
            {one.name: one.value for one in variables if one.is_shown},
            {one.name for one in variables if one.is_doubtful},
        )
        for hit, variables in frame_states(recording, ["line"], codes, line=line)
    ]


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """{(kind, number): a row of `line --json` after the change, and one right behind the write}."""
    folder = tmp_path_factory.mktemp("unseen")
    source, places = HEAD, {}
    cases = [("nested", n, value, change) for n, (value, change) in enumerate(NESTED)]
    cases += [("certain", n, value, "pass") for n, value in enumerate(CERTAIN)]
    for kind, n, value, change in cases:
        begin = source.count("\n") + 1
        source += f"def {kind}_{n}():\n    x = {value}\n    y = 0\n    {change}\n    y = 1\n"
        source += f"    return y\n{kind}_{n}()\n"
        places[kind, n] = begin + 2, begin + 5
    (folder / "app.py").write_text(source)
    done = relive("record", "-o", "o.relive", "--level", "lines", "app.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    recording = api.open(folder / "o.relive")
    found = {}
    for key, place in places.items():
        rows = []
        for line in place:
            rows += states(recording, line=line)
        found[key] = rows
    return found, folder


@pytest.mark.parametrize("n", range(len(NESTED)))
def test_a_nested_change_is_seen_or_its_value_marked(n, lines):
    behind_write, after = lines[0]["nested", n]
    assert "x" not in behind_write[2], "it has just been written"
    was, now = behind_write[1]["x"], after[1]["x"]
    assert "x" in after[2] or was != now, NESTED[n]


@pytest.mark.parametrize("n", range(len(CERTAIN)))
def test_what_cannot_change_unseen_is_never_marked(n, lines):
    for _, variables, doubtful in lines[0]["certain", n]:
        assert not doubtful, variables


def test_the_verbs_mark_it(lines):
    folder = lines[1]
    place = lines[0]["nested", 0][1][0]
    done = relive("line", f"app.py:{place['line']}", "o.relive", cwd=folder).stdout.decode()
    assert (
        f"x={{'limits': {{'mem': 1}}}} {common.UNSEEN}" in done
        and f"y=1 {common.UNSEEN}" not in done
    )
    row = json.loads(
        relive("line", "--json", f"app.py:{place['line']}", "o.relive", cwd=folder)
        .stdout.splitlines()[1]
    )  # fmt: skip
    assert row["may_have_changed"] == ["x"]
    done = relive("history", "nested_0", "x", "o.relive", cwd=folder).stdout.decode()
    assert "may have changed unseen after this" in done
    (folder / "raises.py").write_text(
        "def f(job):\n    n = 1\n    own = {'a': [1]}\n    job['a'][0] = own['a'][0] = 2\n"
        "    n / 0\n"
        "f({'a': [1]})\n"
    )
    relive("record", "-o", "r.relive", "--level", "lines", "raises.py", cwd=folder)
    done = relive("exc", "r.relive", cwd=folder).stdout.decode()
    assert f"own = {{'a': [1]}}  {common.UNSEEN}" in done and "n = 1\n" in done


def test_few_values_are_marked(tmp_path, capsys):
    """Over tests/programs; the share is printed."""
    marked = shown = 0
    for program in PROGRAMS[::6]:
        out = tmp_path / f"{program.stem}.relive"
        relive("record", "-o", out, "--level", "lines", program, cwd=tmp_path)
        with api.open(out) as recording:
            for _, variables, doubtful in states(recording)[:2000]:
                shown += len(variables)
                marked += len(doubtful)
    with capsys.disabled():
        print(
            f"\nmay have changed unseen: {marked} of {shown} values, {100 * marked / shown:.1f} %"
        )
    assert shown > 300 and 0 < marked < shown / 4
