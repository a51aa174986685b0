"""One function that runs many lines."""


def loop(n):
    total, text, items = 0, "", []
    for i in range(n):
        total += i
        text = "x" * (i % 7)
        if i % 3 == 0:
            items = [i, total]
        total ^= len(text)
    return total, items


def work(n):
    loop(n)
