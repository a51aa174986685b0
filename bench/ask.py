"""What questions to a recording of ten million calls cost: `make bench-ask`, or
`python bench/ask.py [CALLS [FOLDER]]`.

The recording is made at level values and has exceptions, threads and a rare function. A second one,
at level lines, has a value that was made before four tenths of these calls: where did it come from?
`diff OTHER` compares the first one with another run of its program, in which one call differs.
Each question is a process of its own, first without an index and then with one. A row has the CPU
time until its first bytes and until its end, and the most memory that it had. The ratio is over a
plain reading of the same file, the walk of `relive dump`. CPU time is shown since other programs
may run, too. It includes the start of Python, which is in the first line."""

import os
import subprocess
import sys
import tempfile
import time

PROGRAM = """
import sys, threading

class Order:
    def __init__(self, number, price):
        self.number, self.price = number, price

def tax(price):
    return price * 0.19

def total(order, count):
    return tax(order.price) * count

def audit(order):
    if order.number % 3 == 0:
        raise ValueError(f"order {order.number}")
    return order.number

def batch(first, size):
    done = 0
    for number in range(first, first + size):
        extra = number == 1500 and len(sys.argv) > 2  # one call of the second run differs
        done += total(Order(number, number % 97 + extra), 3)
    try:
        audit(Order(first, 1))
    except ValueError:
        pass
    return done

def work(batches, step):
    for i in range(batches):
        batch(i * step, step)

def rare(number):
    return number + 1

calls = int(sys.argv[1])
step = 1000
batches = max(1, calls // (3 * step))
worker = threading.Thread(target=work, args=(batches // 10, step), name="worker")
worker.start()
rare(1)
work(batches - batches // 10, step)
worker.join()
rare(2)
"""
FAR = """
import sys

class Config:
    def __init__(self, rate):
        self.rate = rate

def load():
    config = Config(19)
    return config

def tax(n):
    return n * 3

def work(count):
    done = 0
    for n in range(count):
        done += tax(n)
    return done

def price(config, qty):
    rate = config.rate
    return rate * qty

def main(count):
    config = load()
    work(count)
    total = price(config, 7)
    return total

main(int(sys.argv[1]))
"""
QUESTIONS = (
    ["summary"],
    ["why"],
    ["exc"],
    ["top"],
    ["tree"],
    ["tree", "--calls", "--limit", "3"],
    ["calls", "total", "--limit", "3"],
    ["calls", "rare"],
    ["calls", "total", "--where", "count > 3", "--limit", "3"],
    ["frame", "batch#200"],
    ["frame", "rare#2"],
    ["state", "42%"],
    ["state", "total#200000"],
    ["state", "end"],
    ["history", "rare", "number"],
    ["threads"],
    ["tasks"],
    ["timeline", "--limit", "3"],
    ["timeline", "--from", "50%", "--limit", "3"],
    ["timeline", "--where", "ret > 100000", "--count"],
    ["find", "22.799999999999997", "--limit", "3"],
    ["check"],
    ["diff", "FILE", "--limit", "1"],
    ["diff", "OTHER"],
)
FAR_QUESTIONS = (["origin", "config.rate@price#1"], ["origin", "config@price#1"])
OPEN = """
import sys, time, relive
begin = time.process_time()
relive.open(sys.argv[1])
print(time.process_time() - begin)
"""
READ = """
import sys, time, relive
recording = relive.open(sys.argv[1], index=False)
begin = time.process_time()
recording.reader.select(1)  # no event has kind 0: they are read, and not printed
assert recording.reader.dump() is None
print(time.process_time() - begin, recording.header["events"])
"""


def run(words, **environment):
    """(CPU seconds to the first bytes, seconds, CPU seconds, MB, output) of a process."""
    began = time.perf_counter()
    child = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tempfile.gettempdir(),
        env={**os.environ, **environment},
    )  # fmt: skip
    first = child.stdout.read(1)
    with open(f"/proc/{child.pid}/schedstat") as file:
        till_first = int(file.read().split()[0]) / 1e9
    output = first + child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status not in (0, 256):
        sys.exit(f"{' '.join(words)} ended with {status}")
    whole = time.perf_counter() - began
    return till_first, whole, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def record(name, source, level, calls, folder, *arguments):
    """The path of a recording."""
    path = os.path.join(os.path.abspath(folder), "-".join([name, str(calls), *arguments]))
    path += ".relive"
    if not os.path.exists(path):
        program = os.path.join(os.path.abspath(folder), f"{name}_app.py")
        with open(program, "w") as file:
            file.write(source)
        run([sys.executable, "-m", "relive", "record", "--level", level, "-o", path, program,
             str(calls), *arguments])  # fmt: skip
    return path


def main(calls="10000000", folder=None):
    """Prints a Markdown table for each recording."""
    calls = int(calls)
    _, _, start, memory, _ = run([sys.executable, "-c", "pass"])
    print(f"`python -c pass`: {1000 * start:.0f} ms, {memory:.0f} MB\n", flush=True)
    with tempfile.TemporaryDirectory() as own:
        path = record("ask", PROGRAM, "values", calls, folder or own)
        other = record("ask", PROGRAM, "values", calls, folder or own, "differs")
        ask(path, "calls rare", QUESTIONS, other)
        far = record("far", FAR, "lines", calls * 2 // 5, folder or own)
        ask(far, "state end", FAR_QUESTIONS)


def ask(path, first_question, questions, other=None):
    """Asks all questions, without an index and with one, which the first question makes."""
    index = f"{path}-index"
    size = os.path.getsize(path)
    for old in (index, f"{other}-index"):
        if os.path.exists(old):
            os.unlink(old)
    opened = float(run([sys.executable, "-c", OPEN, path], RELIVE_INDEX="0")[4])
    _, _, read_cpu, _, output = run([sys.executable, "-c", READ, path])
    seconds, events = float(output.split()[0]), int(output.split()[1])
    speed = events / seconds / 1e6
    print(f"{events:,} events, {size / 1e6:.0f} MB; opened in {1000 * opened:.1f} ms; read in"
          f" {seconds:.2f} s, {speed:.1f} million events/s", flush=True)  # fmt: skip
    relive = [sys.executable, "-m", "relive"]
    rows = [(question, run([*relive, *question_words(question, path, other)], RELIVE_INDEX="0"))
            for question in questions]  # fmt: skip
    words = [*relive, *first_question.split(), path]
    _, _, made_cpu, memory, _ = run(words)
    making = made_cpu - run(words)[2]
    if other is not None:
        run([*relive, *first_question.split(), other])
    print(f"index: {events / making / 1e6:.1f} million events/s, {making / read_cpu:.2f} of a plain"
          f" reading, {memory:.0f} MB of memory, {100 * os.path.getsize(index) / size:.1f} % of the"
          " recording\n")  # fmt: skip
    print("| question | first bytes | whole | of a reading | memory | without an index |")
    print("| --- | --- | --- | --- | --- | --- |")
    for question, (first, _, cpu, most, before) in rows:
        now = run([*relive, *question_words(question, path, other)])
        if now[4] != before:
            sys.exit(f"{question}: another answer with an index")
        print(f"| `{' '.join(question)}` | {1000 * now[0]:.0f} ms | {1000 * now[2]:.0f} ms |"
              f" {now[2] / read_cpu:.3f} | {now[3]:.0f} MB |"
              f" {1000 * first:.0f} and {1000 * cpu:.0f} ms, {most:.0f} MB |",
              flush=True)  # fmt: skip
    print()


def question_words(question, path, other):
    """The words of a command."""
    files = {"FILE": path, "OTHER": other}
    return [*(files.get(word, word) for word in question), path]


if __name__ == "__main__":
    main(*sys.argv[1:])
