"""Where-expressions: what C answers is what Python answers for the live values, or "not known"."""

import contextlib
import json
import math
import re
import resource
import string
import warnings

import pytest
from conftest import relive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import relive as api

PROGRAM = """
import sys
sys.path.insert(0, ".")
import values
def take(a, b, c): return a
for row in values.ROWS: take(*row)
"""

# What a recording holds whole, with the edges of ints and floats.
INTS = [0, 1, -1, 2, 3, 7, 255, 256, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 10**30]
FLOATS = [0.0, -0.0, 0.5, 1.0, 2.0, 3.7, -2.5, 1e300, 2.0**53, 2.0**63, math.inf, -math.inf]
TEXTS = ["", "a", "ab", "b", "é", "\U0001f600", "\ud800", "sku-1", "a\nb"]
ATOMS = [None, True, False, *INTS, *FLOATS, math.nan, *TEXTS, b"", b"a", b"\x00\xff", 1j, 1 + 0j]


def rows():
    """The rows that the program is called with: every atom, and containers of a few."""
    import random

    draw = random.Random(5)

    def pick(depth):
        kind = draw.randrange(9 if depth else 3)
        if kind < 3:
            return draw.choice(ATOMS)
        few = [pick(depth - 1) for _ in range(draw.randrange(4))]
        plain = [one for one in few if isinstance(one, (int, str, bytes, float, tuple))]
        hashable = [one for one in plain if not isinstance(one, tuple)]
        if kind < 5:
            return few
        if kind < 7:
            return tuple(few)
        return {one: draw.choice(ATOMS) for one in hashable} if kind == 7 else set(hashable)

    found = [(one, draw.choice(ATOMS), pick(2)) for one in ATOMS]
    return found + [(pick(2), pick(2), pick(2)) for _ in range(120)]


ROWS = rows()


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("where")
    (folder / "app.py").write_text(PROGRAM)
    body = "nan = float('nan')\ninf = float('inf')\nROWS = " + ascii(ROWS)
    (folder / "values.py").write_text(body)
    done = relive("record", "-o", "out.relive", "app.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    with api.open(folder / "out.relive") as opened:
        assert sum(1 for _ in opened.calls("take")) == len(ROWS)
        yield opened


# ---- expressions ----

NUMBERS = [*map(repr, INTS), "0.5", "1.0", "1e300", "2.5", "1_000", "0x10", ".5"]
LEAVES = [
    *"abc" * 12, *NUMBERS, *map(repr, ["", "a", "ab", "b", "é", "sku"]), "None", "True", "False",
    'b"a"', r"b'\x00\xff'", r"'\u00e9'", "r'a'",
]  # fmt: skip
COMPARE = ["<", "<=", ">", ">=", "==", "!=", "in", "not in"]
FORMS = [
    *[f"({{}} {sign} {{}})" for sign in ("+", "-", "*", "/", "//", "%", "and", "or", *COMPARE)],
    *[f"({{}} {sign} {{}} {other} {{}})" for sign in COMPARE[:6] for other in ("<=", "==", "in")],
    *[f"({{}} {what})" for what in ("is None", "is not None", "is True", "is not False")],
    *["(not {})", "(-{})", "(+{})", "len({})"] * 2,
    *[f'(type({{}}) == "{name}")' for name in ("int", "str", "list", "NoneType", "float")],
    *[f"re({{}}, r{pattern!r})" for pattern in ("a", "^s.u", "[a-b]$")], r"re({}, r'\d')",
    *["{}[{}]", "({}, {})", "[{}, {}]"] * 3,
]  # fmt: skip


@st.composite
def expressions(draw, depth=3):
    """An expression that Python accepts, too."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(LEAVES))
    form = draw(st.sampled_from(FORMS))
    return form.format(*[draw(expressions(depth - 1)) for _ in range(form.count("{}"))])


class Name(str):
    """What type(x) is in an expression."""

    __slots__ = ()


def search(text, pattern):
    if not isinstance(text, str):
        raise TypeError("no text")
    return re.search(pattern, text) is not None


KNOWN = {"len": len, "type": lambda one: Name(type(one).__name__), "re": search}


def ask_python(code, row):
    """The value, or the exception."""
    try:
        return eval(code, {"__builtins__": {}, **KNOWN, **dict(zip("abc", row))})
    except Exception as error:
        return error


@contextlib.contextmanager
def little_memory():
    """Half a gigabyte more at most: Python would make all of '"a" * 2**40'."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + (1 << 29), limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def ask_rows(expression):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(expression, "expression", "eval")
    with little_memory():
        return [ask_python(code, row) for row in ROWS]


def numbers(calls):
    return {call.number for call in calls}


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(expressions())
def test_an_answer_is_that_of_python_or_not_known(recording, expression):
    live = ask_rows(expression)
    true = {i + 1 for i, one in enumerate(live) if not isinstance(one, Exception) and one}
    raises = {i + 1 for i, one in enumerate(live) if isinstance(one, Exception)}
    yes = recording.calls("take", where=expression)
    passed = numbers(yes)
    no = recording.calls("take", where=f"not ({expression})")
    refused = numbers(no)
    # Where Python raises at a part that is not known here, another part may decide all the same.
    doubtful = raises if re.search(r" (and|or) |(<|>|=|in) .* (<=|==|in) ", expression) else set()
    assert passed <= true | doubtful, sorted(passed - true)
    assert not refused & true and refused & raises <= doubtful, sorted(refused & (true | raises))
    counts = yes.counts
    assert counts.calls == len(ROWS) and counts.passed == len(passed)
    assert counts.passed + counts.unknown + counts.no_answer + len(refused) == len(ROWS)
    assert counts.no_answer <= len(raises)
    assert set(counts.reasons) <= {
        "not computed", "TypeError", "ValueError", "ZeroDivisionError", "KeyError", "IndexError",
        "AttributeError",
    }  # fmt: skip


EXACT = [
    "a == b", "a != b", "a < 3", "a <= 2.5", "a in c", "a in (1, 'a', None)", "len(a) > 1",
    "0 <= a < 5", "a is None", "not a", "a and b", "c[0] == a", "a == 2**0 if 0 else a == 1",
]  # fmt: skip


@pytest.mark.parametrize("expression", EXACT[:-1])
def test_what_is_whole_is_known(recording, expression):
    live = ask_rows(expression)
    found = recording.calls("take", where=expression)
    true = {i + 1 for i, one in enumerate(live) if not isinstance(one, Exception) and one}
    missing = true - numbers(found)
    # NaN may be the same object or another one: Python compares objects inside of containers.
    assert all(has_nan(ROWS[n - 1]) for n in missing), [ROWS[n - 1] for n in missing]


def has_nan(value):
    if isinstance(value, (list, tuple, set)):
        return any(has_nan(one) for one in value)
    if isinstance(value, dict):
        return any(has_nan(one) for pair in value.items() for one in pair)
    return isinstance(value, float) and value != value


def test_a_computed_value_is_the_one_of_python(recording, tmp_path):
    """--group shows the values themselves, to the last digit."""
    for expression in ("a + b", "a * 3", "a // 7", "a % 7", "a / 3", "-a", "a - 0.5", "a % -2.5",
                       "a // 0.3", "a % b", "a // b", "a / b"):  # fmt: skip
        done = relive("calls", "take", recording.path, f"--group={expression}", "--json",
                      "--limit", "0")  # fmt: skip
        assert done.returncode == 0, done.stderr
        shown = {}
        lines = [json.loads(line) for line in done.stdout.splitlines()][1:-1]
        for line in lines:
            shown[line["value"]["t"], line["value"]["r"]] = line["calls"]
        live = ask_rows(expression)
        expected = {}
        for value in live:
            if not isinstance(value, Exception):
                key = (type(value).__name__, repr(value))
                expected[key] = expected.get(key, 0) + 1
        wrong = {key: number for key, number in shown.items() if expected.get(key, 0) < number}
        assert not wrong, (expression, wrong)
        assert len(shown) > 3, (expression, shown)


# ---- refusals ----


@pytest.mark.parametrize(
    ("expression", "place", "why"),
    [
        ("a = 1", 2, "use == to compare"),
        ("a and", 5, "missing at the end"),
        ("lenn(a)", 0, "only len(), type() and re()"),
        ("a.strip()", 7, "a method cannot be called"),
        ("__import__('os')", 0, "only len(), type() and re()"),
        ("a[1:2]", 3, "a slice"),
        ("é + ü +", 7, "missing at the end"),
        ("a == 'x", 5, "not closed"),
        ("re(a, '(')", 6, "the pattern is none"),
        ("re(a, b)", 6, "a text in quotes"),
        ("a is b", 5, "is compares with None"),
        ("aa < 1", 0, "no name aa"),
        ("rets < 0", 0, "did you mean 'ret'"),
        ("call.a == 1", 5, "no name a here"),
        ("(" * 70 + "a" + ")" * 70, 64, "too deeply"),
        ("+".join(["a"] * 70), None, "too deeply"),
        ("not " * 100 + "a", None, "too deeply"),
        ("-" * 100 + "a", None, "too deeply"),
        ("[" + "a," * 3000 + "]", None, "too many parts"),
        ("a" * 10_000_000, 16384, "more than 16384 bytes"),
        ("9" * 5000, None, "too long"),
        ("1" + "0" * 5000 + ".5", None, "too long"),
        ("re(a, '" + "(a*)*" * 200 + "')", 6, "512 are allowed"),
        ("", 0, "missing at the end"),
        ("a ** 2", 2, "** is not known"),
        ("x if y else z", 2, "if cannot be used"),
        ("[a for a in b]", 3, "is missing here"),
    ],
)
def test_a_text_that_is_none_is_refused_at_its_place(recording, expression, place, why):
    with pytest.raises(api.ReliveError) as refused:
        recording.calls("take", where=expression)
    assert why in str(refused.value) and refused.value.code == "ERR_USAGE"
    if place is not None:
        assert refused.value.place == place


def test_a_caret_stands_under_the_place(recording):
    done = relive("calls", "take", recording.path, "--where", "a == 1 and bb < 2")
    assert done.returncode == 2 and done.stdout == b""
    first, second, third = done.stderr.decode().splitlines()
    assert first.index("bb") == second.index("^")
    assert "no name bb" in third and "did you mean" in third and third.endswith("[ERR_USAGE]")


def test_a_regex_bomb_is_not_known_and_ends(recording, tmp_path):
    (tmp_path / "app.py").write_text("def f(x): pass\nf('a' * 400)\n")
    assert relive("record", "-o", "out.relive", "app.py", cwd=tmp_path).returncode == 0
    with api.open(tmp_path / "out.relive") as opened:
        calls = opened.calls("f", where="re(x, '(a|aa)+(a|aa)+(a|aa)+(a|aa)+$b')")
        assert not numbers(calls) and calls.counts.unknown + calls.counts.calls >= 1


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=string.printable + "é\U0001f600", max_size=60))
def test_any_text_is_an_expression_or_an_error(text):
    from relive import _core

    found = _core.where_names(text)
    assert isinstance(found, list) or 0 <= found[0] <= len(text)
