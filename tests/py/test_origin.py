"""Where a value came from: chains that are known by the way in which a program is written."""

import json

import origin_programs
import pytest
from conftest import relive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import relive as api

PROGRAM = """\
class Item:
    def __init__(self, sku, price):
        self.sku = sku
        self.price = price

class Order:
    def __init__(self):
        self.items = []
    def add(self, item):
        self.items.append(item)

def make(sku, price=5):
    item = Item(sku, price)
    return item

def total_of(order, rate):
    total = 0
    for item in order.items:
        price = item.price
        total = total + price * rate
    return total

def main(rate):
    order = Order()
    first = make("a")
    order.add(first)
    other = first
    order.add(make("b", 7))
    data = {"k": [1, 2], "who": other}
    got = data["who"]
    x, y = got.sku, data["k"]
    result = total_of(order, rate)
    return result, y

z = 3
main(z)
"""

# name@position: (how, sure, source) of each hop, and the end
CHAINS = {
    "got@main#1": (
        [
            ("bound", "certain", 'got = data["who"]'),
            ("item", "certain", 'data = {"k": [1, 2], "who": other}'),
            ("bound", "certain", "other = first"),
            ("bound", "certain", 'first = make("a")'),
            ("result", "certain", "return item"),
            ("bound", "certain", "item = Item(sku, price)"),
        ],
        "created",
    ),
    "x@main#1": (
        [
            ("bound", "only one", 'x, y = got.sku, data["k"]'),
            ("attribute", "only one", "self.sku = sku"),
            ("argument", "only one", "item = Item(sku, price)"),
            ("argument", "only one", 'first = make("a")'),
        ],
        "literal",
    ),
    "y@main#1": (
        [
            ("bound", "certain", 'x, y = got.sku, data["k"]'),
            ("item", "certain", 'data = {"k": [1, 2], "who": other}'),
        ],
        "literal",
    ),
    "rate@total_of#1": (
        [
            ("argument", "only one", "result = total_of(order, rate)"),
            ("argument", "only one", "main(z)"),
            ("bound", "only one", "z = 3"),
        ],
        "literal",
    ),
    "price@total_of#1": (
        [
            ("bound", "only one", "price = item.price"),
            ("attribute", "only one", "self.price = price"),
            ("argument", "only one", "item = Item(sku, price)"),
            ("argument", "only one", 'order.add(make("b", 7))'),
        ],
        "literal",
    ),
    "result@main#1": (
        [
            ("bound", "only one", "result = total_of(order, rate)"),
            ("result", "only one", "return total"),
            ("bound", "only one", "total = total + price * rate"),
        ],
        "computation",
    ),
    "price@make#1": ([("argument", "only one", 'first = make("a")')], "default"),
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("origin")
    (folder / "shop.py").write_text(PROGRAM)
    for level in ("lines", "values"):
        relive("record", "-o", f"{level}.relive", "--level", level, "shop.py", cwd=folder)
    return folder


@pytest.mark.parametrize("question", CHAINS)
def test_the_chain_is_the_one_that_the_program_is_written_for(recorded, question):
    with api.open(recorded / "lines.relive") as recording:
        found = recording.origin(*question.split("@"))
    hops, end = CHAINS[question]
    assert [(hop.how, hop.confidence, hop.source) for hop in found.hops] == hops
    assert found.end == end


def test_a_computation_lists_what_it_reads_and_follows_one(recorded):
    with api.open(recorded / "lines.relive") as recording:
        stopped = recording.origin("result", "main#1")
        by_name = recording.origin("result", "main#1", follow=["price"])
        by_number = recording.origin("result", "main#1", follow=["2"])
    assert [(one.name, one.value["r"]) for one in stopped.operands] == [
        ("total", "15"), ("price", "7"), ("rate", "3"),
    ]  # fmt: skip
    assert by_name == by_number
    assert by_name.hops[len(stopped.hops)].source == "price = item.price"
    assert by_name.end == "literal" and by_name.hops[-1].call == "make#2"


def test_values_alone_lead_through_arguments_and_results(recorded):
    with api.open(recorded / "values.relive") as recording:
        found = recording.origin("item", "Order.add#1")
        assert [(hop.how, hop.confidence) for hop in found.hops] == [
            ("argument", "certain"), ("result", "only one"),
        ]  # fmt: skip
        assert (found.end, found.advice) == ("lost", "record with --lines __main__.make")


def test_where_lines_are_recorded_there_is_no_advice_to_record_them(tmp_path):
    source = "class Box:\n    size = 1\ndef fill():\n    left = Box()\n    return left\nfill()\n"
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    done = relive("record", "--level", "lines", "-o", "o.relive", "app.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with api.open(tmp_path / "o.relive") as recording:
        for name, position in (("none", "Box#1"), ("left", "end"), ("none", "end")):
            found = recording.origin(name, position)
            assert (found.end, found.advice) == ("lost", ""), (name, position)


def test_a_line_that_binds_a_name_does_not_read_it_and_a_thread_has_no_caller(tmp_path):
    (tmp_path / "prog.py").write_text(
        "import threading\ndef work(rows):\n    for row in rows:\n        print(row)\n"
        "    total = row\n    total += 2\n    (low, high) = sorted([total, row])\n"
        "thread = threading.Thread(target=work, args=([7],))\nthread.start()\nthread.join()\n"
    )
    relive("record", "-o", "prog.relive", "--level", "lines", "prog.py", cwd=tmp_path)
    with api.open(tmp_path / "prog.relive") as recording:
        row, low = recording.origin("row", "work#1"), recording.origin("low", "work#1")
        total = recording.origin("total", "work#1")
    assert (row.end, row.reason) == ("start", "nothing that was recorded called work()")
    assert [one.name for one in low.operands] == ["total", "row"]
    assert [one.name for one in total.operands] == ["total"]


def test_text_and_json_of_an_origin(recorded):
    done = relive("origin", "rate@total_of#1", "lines.relive", cwd=recorded)
    assert done.stdout.decode().splitlines()[0].startswith("rate = 3  T1@")
    assert "shop.py:32 > result = total_of(order, rate)" in done.stdout.decode()
    rows = relive("origin", "rate", "--at", "total_of#1", "--json", "lines.relive", cwd=recorded)
    found = [json.loads(line) for line in rows.stdout.splitlines()]
    assert found[0] == {"schema": "relive.origin", "version": 1}
    assert [row["row"] for row in found[1:]] == ["value", "hop", "hop", "hop", "end"]
    assert [row["call"] for row in found[2:5]] == ["total_of#1", "main#1", None]
    page = relive("origin", "rate@total_of#1", "--limit", "2", "lines.relive", cwd=recorded)
    assert b"--cursor" in page.stderr


def test_what_shows_another_value_is_not_called_damaged(tmp_path):
    (tmp_path / "grows.py").write_text(
        "def rows(n):\n    out = []\n    for i in range(n):\n        out.append((str(i), i))\n"
        "    return out\n"
        "def total(found):\n    for name, count in found:\n        kept = count\n    1 / 0\n"
        "total(rows(4))\n"
    )
    relive("record", "--level", "lines", "-o", "g.relive", "grows.py", cwd=tmp_path)
    done = relive("origin", "count@exc:last", "g.relive", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == b"" and b"found[3][1] = 3" in done.stdout


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("rate", "has no position"),
        ("total + 1@main#1", "is no name with attributes"),
        ("nothing@main#1", "has no nothing"),
        ("rate@nowhere#1", "nothing of nowhere was recorded"),
    ],
)
def test_a_question_that_is_none_says_why(recorded, target, words):
    done = relive("origin", target, "lines.relive", cwd=recorded, check=False)
    assert done.returncode == 2 or done.returncode == 1
    assert words in done.stderr.decode()


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.randoms(use_true_random=False))
def test_each_hop_of_programs_that_know_their_origins(tmp_path_factory, random):
    """A program has some 50 questions. Its lines reuse names and free objects, so that addresses
    come again."""
    folder = tmp_path_factory.mktemp("chains")
    text, questions = origin_programs.write(random, 50)
    (folder / "prog.py").write_text(text)
    relive("record", "-o", "prog.relive", "--level", "lines", "prog.py", cwd=folder)
    assert len(questions) >= 40
    with api.open(folder / "prog.relive") as recording:
        for name, line, hops, end in questions:
            found = recording.origin(name, f"prog.py:{line}#1", limit=100)
            mine = [(hop.how, hop.line) for hop in found.hops]
            assert (mine, found.end) == (hops, end), (name, line, text)
            for hop in found.hops:
                assert hop.confidence != "certain" or hop.value.get("id"), (name, hop)
