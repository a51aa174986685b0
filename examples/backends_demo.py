"""Callbacks for what a program does: basic use, recursion, exceptions, data processing, statistics.

python examples/backends_demo.py [backend]
"""

import sys
import warnings

import relive
from relive.backends import available_backends, create_backend


def greet(name, excited=False):
    return f"hello {name}" + ("!" if excited else "")


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def divide(a, b):
    return a / b


def mean(rows):
    total = 0
    for row in rows:
        total += row["price"]
    return divide(total, len(rows))


def show(event):
    if event.event_type == "call":
        shown = ", ".join(f"{name}={value!r}" for name, value in event.args.items())
        print(f"  -> {event.function_name}({shown})")
    elif event.event_type == "return":
        print(f"  <- {event.function_name}: {event.return_value!r}")
    elif event.event_type == "exception":
        print(f"  !! {event.function_name}: {event.exception_type}: {event.exception_message}")


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "auto"
    warnings.simplefilter("ignore", relive.OverheadWarning)
    best = next(row for row in available_backends() if row.usable)
    print(f"best here: {best.name}")
    options = {"callback": show, "include_patterns": [__name__], "exclude_patterns": ["json.*"]}
    with create_backend(name, **options) as backend:
        print("basic use")
        greet("ada", excited=True)
        print("recursion")
        factorial(3)
        print("an exception")
        try:
            divide(1, 0)
        except ZeroDivisionError:
            pass
        print("data")
        mean([{"price": 3}, {"price": 5}])
    stats = backend.get_stats()
    print("statistics")
    for kind in ("call", "return", "exception"):
        print(f"  {kind}: {stats['events'][kind]}")
    slowest = max(
        (event for event in backend.get_events() if event.duration is not None),
        key=lambda event: event.duration,
    )
    print(f"  slowest: {slowest.function_name}")


if __name__ == "__main__":
    main()
