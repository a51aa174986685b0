"""A test that fails, for docs/pytest.md."""

import pytest

PRICES = {"tea": 3, "cake": 5}


def price(item, rebate):
    return PRICES[item] - rebate


def total(cart, rebate=0):
    return sum(price(item, rebate) for item in cart)


@pytest.fixture
def cart():
    return ["tea", "cake", "milk"]


def test_a_rebate_counts_for_each_item():
    assert total(["tea", "cake"], rebate=1) == 6


def test_the_whole_cart(cart):
    assert total(cart) == 8
