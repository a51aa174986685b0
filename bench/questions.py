"""What a question to a long recording costs: `python bench/questions.py [CALLS]`.

`tree --calls --limit 3` beside a plain reading of the same events by Recording.events(), each in a
process of its own, as a ratio of CPU times, with the most memory that each had."""

import os
import subprocess
import sys
import tempfile

PROGRAM = """
def leaf(n): return n
def middle(n):
    for i in range(1000): leaf(i)
for i in range({}): middle(i)
"""
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
    """Prints one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/long.relive"
        with open(f"{folder}/app.py", "w") as file:
            file.write(PROGRAM.format(int(calls) // 1000))
        relive = [sys.executable, "-m", "relive"]
        cost([*relive, "record", "-o", path, f"{folder}/app.py"])
        asked, memory = cost([*relive, "tree", "--calls", "--limit", "3", path])
        read, _ = cost([sys.executable, "-c", READ, path])
    print(
        f"{int(calls):,} calls: tree --calls --limit 3 takes {asked / read:.3f} of a plain reading"
        f" ({asked:.2f} of {read:.2f} s of CPU time), {memory:.0f} MB"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
