"""Calls of one small function."""


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def work(n):
    for _ in range(n):
        fib(15)  # 1,973 calls
