"""Breakpoints on data: a local of a function, or an attribute of one, that has changed."""

import pytest
from conftest import relive

SHOP = """\
class Order:
    def __init__(self):
        self.total, self.rows = 0, []
    def add(self, n):
        tax = 0
        self.total += n
        if n > 1:
            tax = n / 2
            self.rows.append(n)
        self.note = n
        return tax
def count(n):
    found = 0
    for i in range(n):
        same = 7
        if i % 2:
            found += i
    return found
def down(n):
    left = n
    if n:
        down(n - 1)
    left = left
    return left
"""


def watch(debug, data, function, call, **more):
    words = "".join(f", {name}={value!r}" for name, value in more.items())
    told = debug(
        SHOP + "runtime.breakpoints.set_functions("
        f"[Breakpoint(function={function!r}, data={data!r}{words})])\n" + call + "\ntell()"
    )
    return [line for _, line, _ in told["stops"]], told


@pytest.mark.parametrize(
    ("data", "function", "call", "lines"),
    [
        ("found", "count", "count(6)", [14, 14, 14, 14]),  # set, then += 1, 3, 5: seen at the loop
        ("same", "count", "count(3)", [16]),  # set once; the same again is no change
        ("nothing", "count", "count(3)", []),
        ("self.total", "Order.add", "o = Order(); o.add(1); o.add(0); o.add(2)", [7, 7]),
        ("self.rows", "Order.add", "o = Order(); o.add(1); o.add(5)", [10]),
        ("self.note", "Order.add", "o = Order(); o.add(1); o.add(1); o.add(5)", [11, 11]),
        ("self", "Order.add", "o = Order(); o.add(0)", [11]),
        ("tax", "Order.add", "o = Order(); o.add(1); o.add(2)", [6, 6, 9]),
        ("left", "down", "down(3)", [21, 21, 21, 21]),
    ],
)
def test_what_has_changed_stops_at_the_next_line(debug, data, function, call, lines):
    found, _ = watch(debug, data, function, call)
    assert found == lines


def test_what_the_last_line_of_a_function_changes(debug):
    """No line follows in the function: it is seen where a return or an exception leaves it."""
    told = debug(
        "class Order:\n    total, rows = 0, None\n"
        "    def put(self, n): self.total = n\n"
        "    def add(self, n):\n        self.total += n\n"
        "    def fail(self):\n        raise ValueError(self.rows.append(1))\n"
        "o = Order(); o.rows = []\n"
        "def points(*pairs):\n    runtime.breakpoints.set_functions(\n"
        "        [Breakpoint(function=f, data=d) for f, d in pairs])\n"
        "points(('Order.put', 'self.total'), ('Order.add', 'self.total'), "
        "('Order.fail', 'self.rows'))\n"
        "script[:] = ['o', 'c', 'c', 'c']\n"
        "o.put(1)\nnext_line = 1\no.put(1); o.add(0); o.add(2)\n"
        "try:\n    o.fail()\nexcept ValueError:\n    caught = True\n"
        "points()\no.put(9); o.add(9)\ntell(caught=caught)"
    )
    assert told["stops"] == [
        ["put", 3, "breakpoint"],
        ["<module>", 15, "step"],
        ["add", 5, "breakpoint"],
        ["fail", 7, "breakpoint"],
    ]
    assert told["caught"] is True


def test_conditions_hits_and_logs_go_with_it(debug):
    assert watch(debug, "found", "count", "count(6)", condition="found > 3")[0] == [14, 14]
    assert watch(debug, "found", "count", "count(6)", hit_condition="== 2")[0] == [14]
    _, told = watch(debug, "found", "count", "count(6)", log_message="found={found}")
    assert told["logs"] == ["found=0", "found=1", "found=4", "found=9"] and told["stops"] == []


def test_nothing_lives_longer_for_it(debug):
    told = debug(
        "import weakref\nclass Thing: pass\ndone = []\n"
        "def f():\n    thing = Thing()\n    seen = weakref.ref(thing)\n    thing = None\n"
        "    done.append(seen() is None)\n    return seen\n"
        "runtime.breakpoints.set_functions([Breakpoint(function='f', data='thing')])\n"
        "f()\ntell(done=done)"
    )
    assert told["done"] == [True] and [line for _, line, _ in told["stops"]] == [6, 8]


def test_generators_and_values_of_the_programs_own_making(debug):
    told = debug(
        "class Loud:\n    def __eq__(self, other): raise SystemExit('asked')\n"
        "    __hash__ = None\n    def __getattr__(self, name): raise SystemExit('asked')\n"
        "def g():\n    n = Loud()\n    yield 1\n    n = Loud()\n    yield 2\n    n.x = 3\n"
        "    yield 3\n"
        "runtime.breakpoints.set_functions([Breakpoint(function='g', data='n'),\n"
        "                                   Breakpoint(function='g', data='n.x')])\n"
        "list(g())\ntell()"
    )
    assert [line for _, line, _ in told["stops"]] == [7, 9, 11]


@pytest.mark.parametrize("data", ["", ".", "a.", "a b", "a[b]", "a()", "1", 7])
def test_what_is_no_name_is_refused(debug, data):
    told = debug(
        "from relive import ReliveError\n"
        f"try:\n    runtime.breakpoints.set_functions([Breakpoint(function='f', data={data!r})])\n"
        "    said = None\nexcept ReliveError as error:\n    said = str(error)\ntell(said=said)"
    )
    if data == "":
        assert told["said"] is None  # a plain breakpoint on the function
    else:
        assert "data is" in told["said"] and "breakpoint at f" in told["said"]


def test_the_command_line_and_the_prompt_watch(tmp_path):
    path = tmp_path / "app.py"
    path.write_text(SHOP + "print(count(4))\no = Order()\no.add(5)\n")
    commands = b"p found\nwatch off\nwatch i\nc\np i\nwatch off\nc\n"
    done = relive("debug", "--watch", "count:found", path, cwd=tmp_path, stdin=commands)
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "app.py(14)count()" in text and "(relive) 0" in text
    assert "i: compared at each line of count" in text and "found: (no value) -> 0" in text
    assert "app.py(15)count()" in text and text.rstrip().endswith("4")
    wrong = relive("debug", "--watch", "found", path, cwd=tmp_path)
    assert wrong.returncode == 125 and b"FUNCTION:NAME" in wrong.stderr
    refused = relive("debug", path, cwd=tmp_path, stdin=b"watch a[b]\nc\n")
    assert b"wanted is NAME" in refused.stdout


def test_code_that_ran_before_begins_again_each_time(debug):
    """A frame at the address of an older one has seen nothing yet."""
    found, _ = watch(debug, "found", "count", "count(4); count(4)")
    told = debug(
        SHOP + "count(4); count(4)\n"
        "runtime.breakpoints.set_functions([Breakpoint(function='count', data='found')])\n"
        "count(4); count(4)\ntell()"
    )
    assert [line for _, line, _ in told["stops"]] == found == [14, 14, 14] * 2
