"""What the tests of callbacks call."""

import asyncio


def of(events, name, kind=None):
    return [e for e in events if e.function_name == name and kind in (None, e.event_type)]


def add(a, b=2):
    total = a + b
    return total


def many(a, b, *rest, flag=False, **more):
    return flag


def fails(text):
    raise ValueError(text)


def caught(text):
    try:
        fails(text)
    except ValueError:
        return "caught"


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def inner(n):
    return n * 2


def middle(n):
    return inner(n) + 1


def outer(n):
    return middle(n) + 1


def numbers(n):
    for i in range(n):
        yield i


async def waits(n):
    await asyncio.sleep(0)
    return n


async def main_task():
    return await asyncio.gather(waits(1), waits(2))


def through():
    fails("deep")


def inner_of(value):
    return None
