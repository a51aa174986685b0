"""What the search of a text for secrets takes, in instructions a text by callgrind.

    scan.py [TREE [TREE_AFTER]]

Each TREE is a source tree of Relive; the default is this one. With two, a second figure is the
count of the latter as a ratio of the former's. The texts never come again."""

import os
import re
import subprocess
import sys
import tempfile

import core

KINDS = ("logs", "json", "paths", "prose", "addresses", "sql")
LENGTHS = (8, 40, 200, 2000)
TEXTS = 2000


def instructions(program, kind, length, folder):
    """Returns the instructions of secret_parts() for one text."""
    out = os.path.join(folder, "counts")
    words = ["valgrind", "--tool=callgrind", "--toggle-collect=secret_parts"]
    words += ["--callgrind-out-file=" + out, program, kind, str(length), str(TEXTS)]
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with open(out, encoding="utf-8") as file:
        return int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M).group(1)) / TEXTS


def main(*trees):
    """Prints a table, a kind of text a row."""
    print("| bytes |", " | ".join(map(str, LENGTHS)), "|")
    print("| --- |" + " --- |" * len(LENGTHS))
    with tempfile.TemporaryDirectory() as folder:
        programs = []
        for number, tree in enumerate(trees or [core.TREE]):
            place = os.path.join(folder, str(number))
            os.mkdir(place)
            rooms = ["filter", "pattern", "base"]
            programs.append(core.build("scan", rooms, place, os.path.abspath(tree)))
        for kind in KINDS:
            cells = []
            for length in LENGTHS:
                counts = [instructions(one, kind, length, folder) for one in programs]
                ratio = f" ({counts[-1] / counts[0]:.2f})" if len(counts) > 1 else ""
                cells.append(f"{counts[0]:,.0f}{ratio}")
            print(f"| {kind} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
