"""Exceptions of the program's own and of the interpreter, through one frame and through two."""


class Refused(Exception):
    pass


def check(number):
    if number % 2 == 0:
        raise Refused(number)
    return number


def convert(number):
    return check(number) + 1


def find(table, number):
    try:
        return table[number]
    except KeyError:
        return None


def attempt(table, number):
    try:
        return convert(number)
    except Refused:
        return find(table, number)


def work(n):
    table = {1: "one"}
    for number in range(n):
        attempt(table, number)
