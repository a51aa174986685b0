"""What a question to a long recording costs: `python bench/questions.py [CALLS]`.

Each question is paired with a plain reading of the same events by Recording.events(), each in a
process of its own. A cell is a ratio of CPU times, with the most memory that it had. One call in
ten is left by an exception, which its caller catches."""

import os
import subprocess
import sys
import tempfile

PROGRAM = """
def leaf(n):
    if n % 10 == 0: raise KeyError(n)
def middle(n):
    for i in range(1000):
        try: leaf(i)
        except KeyError: pass
for i in range({}): middle(i)
"""
QUESTIONS = (
    ["summary"],
    ["why"],
    ["tree", "--calls", "--limit", "3"],
    ["exc"],
    ["state", "end"],
    ["diff", "FILE"],  # the recording beside itself: each event is read twice
    ["calls", "leaf", "--limit", "3"],
    ["calls", "leaf", "--count", "--where", "n % 1000 == 7 and ret is None"],
    ["calls", "leaf", "--group", "exc", "--limit", "3"],
    ["threads"],
    ["timeline", "--limit", "3"],
    ["timeline", "--limit", "3", "--where", "func == 'leaf' and n % 1000 == 7"],
)
READ = "import sys, relive\nfor event in relive.open(sys.argv[1]).events(): pass"


def cost(words):
    """(CPU seconds, MB) of a process."""
    with open(os.devnull, "wb") as null:
        child = subprocess.Popen(words, stdout=null, stderr=null)
        _, status, usage = os.wait4(child.pid, 0)
    if status not in (0, 256):
        sys.exit(f"{' '.join(words)} ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main(calls="1000000"):
    """Prints a line for each question."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/long.relive"
        with open(f"{folder}/app.py", "w") as file:
            file.write(PROGRAM.format(int(calls) // 1000))
        relive = [sys.executable, "-m", "relive"]
        cost([*relive, "record", "-o", path, f"{folder}/app.py"])
        read, _ = cost([sys.executable, "-c", READ, path])
        for question in QUESTIONS:
            words = [path if word == "FILE" else word for word in question]
            asked, memory = cost([*relive, *words, path])
            print(
                f"{int(calls):,} calls: {' '.join(question)} takes {asked / read:.3f} of a plain"
                f" reading ({asked:.2f} of {read:.2f} s of CPU time), {memory:.0f} MB"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
