"""What questions to a recording of ten million calls cost: `make bench-ask`, or
`python bench/ask.py [CALLS [FOLDER]]`.

The recording is made at level values and has exceptions, threads and a rare function. Each question
is a process of its own, first without an index and then with one. A row has the CPU time until its
first bytes and until its end, and the most memory that it had. The ratio is over a plain reading of
the same file, the walk of `relive dump`. CPU time is shown since other programs may run, too."""

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
        done += total(Order(number, number % 97), 3)
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
QUESTIONS = (
    ["summary"],
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
    ["diff", "FILE", "--limit", "1"],
)
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


def record(calls, folder):
    """The path of the recording."""
    path = os.path.join(os.path.abspath(folder), f"ask-{calls}.relive")
    if not os.path.exists(path):
        program = os.path.join(os.path.abspath(folder), "ask_app.py")
        with open(program, "w") as file:
            file.write(PROGRAM)
        run([sys.executable, "-m", "relive", "record", "--level", "values", "-o", path, program,
             str(calls)])  # fmt: skip
    return path


def main(calls="10000000", folder=None):
    """Prints a Markdown table."""
    with tempfile.TemporaryDirectory() as own:
        ask(int(calls), folder or own)


def ask(calls, folder):
    """Asks all questions, without an index and with one."""
    path = record(calls, folder)
    index = f"{path}-index"
    size = os.path.getsize(path)
    if os.path.exists(index):
        os.unlink(index)
    opened = float(run([sys.executable, "-c", OPEN, path], RELIVE_INDEX="0")[4])
    _, _, read_cpu, _, output = run([sys.executable, "-c", READ, path])
    seconds, events = float(output.split()[0]), int(output.split()[1])
    print(f"{calls:,} calls, {events:,} events, {size / 1e6:.0f} MB; opened in"
          f" {1000 * opened:.0f} ms; read in {seconds:.2f} s, {events / seconds / 1e6:.1f} million"
          " events/s")  # fmt: skip
    relive = [sys.executable, "-m", "relive"]
    rows = [(question, run([*relive, *question_words(question, path)], RELIVE_INDEX="0"))
            for question in QUESTIONS]  # fmt: skip
    _, _, made_cpu, memory, _ = run([*relive, "calls", "rare", path])
    asked = run([*relive, "calls", "rare", path])
    making = made_cpu - asked[2]
    print(f"index: {events / making / 1e6:.1f} million events/s, {made_cpu / read_cpu:.2f} of a"
          f" plain reading, {memory:.0f} MB of memory, {100 * os.path.getsize(index) / size:.1f} %"
          " of the recording")  # fmt: skip
    print("| question | first bytes | whole | of a reading | memory | without an index |")
    print("| --- | --- | --- | --- | --- | --- |")
    for question, (first, _, cpu, _, before) in rows:
        now = run([*relive, *question_words(question, path)])
        if now[4] != before:
            sys.exit(f"{question}: another answer with an index")
        print(f"| `{' '.join(question)}` | {1000 * now[0]:.0f} ms | {1000 * now[2]:.0f} ms |"
              f" {now[2] / read_cpu:.3f} | {now[3]:.0f} MB |"
              f" {1000 * first:.0f} and {1000 * cpu:.0f} ms |", flush=True)  # fmt: skip


def question_words(question, path):
    """The words of a command."""
    return [*(path if word == "FILE" else word for word in question), path]


if __name__ == "__main__":
    main(*sys.argv[1:])
