"""Generators in a row, and one that asks itself."""


def count(n):
    number = 0
    while number < n:
        yield number
        number += 1


def odd(numbers):
    for number in numbers:
        if number % 2:
            yield number


def pairs(numbers):
    last = None
    for number in numbers:
        yield last, number
        last = number


def walk(depth):
    if depth:
        yield from walk(depth - 1)
    yield depth


def work(n):
    total = 0
    for _, number in pairs(odd(count(n))):
        total += number
        if number % 20 == 1:
            total += sum(walk(3))
    return total
