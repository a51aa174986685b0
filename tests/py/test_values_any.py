"""Values of any kind, as hypothesis makes them: their text is that of repr()."""

import math

import pytest
from conftest import IS_SHORT

import relive as package

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis has no wheel for this version")
strategies = hypothesis.strategies

ATOMS = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.integers(-(1 << 2000), 1 << 2000)
    | strategies.floats()
    | strategies.complex_numbers()
    | strategies.text(max_size=60)
    | strategies.text(alphabet=strategies.characters(), max_size=20)
    | strategies.binary(max_size=200)
)
KEYS = strategies.none() | strategies.integers() | strategies.text(max_size=8)


def containers(inner):
    return (
        strategies.lists(inner, max_size=10)
        | strategies.lists(inner, max_size=5).map(tuple)
        | strategies.dictionaries(KEYS, inner, max_size=6)
        | strategies.sets(KEYS, max_size=6)
        | strategies.frozensets(KEYS, max_size=6)
    )


VALUES = strategies.recursive(ATOMS, containers, max_leaves=20)


def depth(value):
    if not isinstance(value, (list, tuple, dict, set, frozenset)) or not value:
        return 0
    items = list(value.values()) if isinstance(value, dict) else list(value)
    return 1 + max(map(depth, items))


def same_json(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return one == other


def show(value):
    return value


@hypothesis.settings(
    max_examples=50 if IS_SHORT else 150,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(strategies.lists(VALUES, min_size=1, max_size=8))
def test_text_is_what_repr_says(tmp_path_factory, values):
    out = tmp_path_factory.mktemp("v") / "x.relive"
    with package.record(out):
        for value in values:
            show(value)
    calls = [e for e in package.open(out).select(["call"], name="value") if "show" in e["func"]]
    assert len(calls) == len(values)
    for value, call in zip(values, calls):
        told = call["args"]["value"]
        assert told["t"] == type(value).__name__
        if depth(value) <= 3 and not (isinstance(value, int) and value.bit_length() > 2048):
            if not (isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) > 256):
                assert told["r"] == repr(value) and not told["cut"]
        if "v" in told:
            assert same_json(told["v"], value)
        if isinstance(value, (list, tuple, dict, set, frozenset, str, bytes)):
            assert told["len"] == len(value)
