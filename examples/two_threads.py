"""Two threads that stop, and a front that drives them: relive.debug.stops.Front.

    python examples/two_threads.py
"""

import queue
import threading

from relive.debug.breakpoints import Breakpoint
from relive.debug.engine import runtime
from relive.debug.stops import Front, Stop


def count(name: str, to: int) -> int:
    total = 0
    for number in range(to):
        total += number
    print(name, "counted", total)
    return total


class Console(Front):
    """Hands each stop to the main thread."""

    def __init__(self) -> None:
        self.stops: "queue.Queue[Stop]" = queue.Queue()

    def stopped(self, stop: Stop) -> None:
        self.stops.put(stop)


def main() -> None:
    """Starts two threads and drives them."""
    front = runtime.front = Console()
    assert runtime.initialize()
    line = count.__code__.co_firstlineno + 3
    runtime.update_breakpoints(__file__, [Breakpoint(__file__, line, condition="number == 2")])
    threads = [
        threading.Thread(target=count, args=(name, 4), name=name) for name in ("red", "blue")
    ]
    with runtime.own_thread():  # this thread is the debugger's: it never stops
        for one in threads:
            one.start()
        both = sorted((front.stops.get() for _ in threads), key=lambda stop: stop.thread_name)
        for stop in both:
            answer = runtime.evaluate(stop.frame, "total + number", budget_s=1)
            print(stop.thread_name, stop.reason, "line", stop.frame.f_lineno, "gives", answer.text)
        blue, red = both
        runtime.variables(blue.frame)["total"] = 100
        runtime.resume(blue.thread, "over")  # red stays where it is
        blue = front.stops.get()
        print(blue.thread_name, blue.reason, [stop.thread_name for stop in runtime.stopped()])
        print(runtime.evaluate(blue.frame, "while True: pass", budget_s=0.1).text)
        runtime.resume(red.thread)
        threads[0].join()
        runtime.resume()
        threads[1].join()
    runtime.shutdown()


if __name__ == "__main__":
    main()
