import unittest.mock

import pytest
import toolbox


@pytest.fixture
def stack():
    stack = toolbox.Stack([1, 2])
    yield stack
    stack.items.clear()


def test_push(stack):
    assert stack.push(3) == 3
    assert stack.pop() == 3


def test_empty():
    with pytest.raises(IndexError, match="empty"):
        toolbox.Stack().pop()


@pytest.mark.parametrize("items, flat", [([], []), ([1, [2, [3]]], [1, 2, 3]), ([[[]]], [])])
def test_flatten(items, flat):
    assert list(toolbox.flatten(items)) == flat


def test_mock(monkeypatch, tmp_path):
    double = unittest.mock.Mock(side_effect=[1, KeyError("x")])
    monkeypatch.setattr(toolbox, "flatten", double)
    assert toolbox.flatten([]) == 1
    with pytest.raises(KeyError):
        toolbox.flatten([])
    (tmp_path / "f").write_text("text")


@pytest.mark.skip(reason="later")
def test_later():
    pass


@pytest.mark.xfail(strict=True)
def test_known():
    assert toolbox.flatten(1)


def test_fails(stack, capsys):
    print("output")
    left = {"a": [1, 2], "b": (3,)}
    assert left == {"a": [1, 3], "b": (3,)}, stack.items
