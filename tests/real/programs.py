"""Real programs from PyPI, each as its users run it, small enough for a minute under the oracle."""

import re
import shutil
from pathlib import Path

FILES = Path(__file__).resolve().parent / "files"


class Program:
    """What is run. `words`: the command, {bin} is the folder of installed commands. `files`: copied
    from tests/real/files into the folder of the run. `mask`: what differs from run to run in the
    output. `steady`: two runs make the same calls."""

    def __init__(self, name, words, files=(), mask=(), steady=True):
        self.name = name
        self.words = words.split()
        self.files = files
        self.masks = [re.compile(pattern) for pattern in mask]
        self.steady = steady

    def command(self, bin):
        words = [word.replace("{bin}", str(bin)) for word in self.words]
        return words

    def prepare(self, folder):
        for name in self.files:
            path = FILES / name
            if path.is_dir():
                shutil.copytree(path, folder / name)
            else:
                shutil.copy(path, folder)

    def masked(self, output):
        text = output.decode("utf-8", "replace")
        for pattern in self.masks:
            text = pattern.sub("...", text)
        return text.splitlines()


WHEN = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,\d]*([+-]\d\d:?\d\d)?"

PROGRAMS = [
    Program("click", "greeting.py --debug greet ann bob --count 2 --tone loud", ["greeting.py"]),
    Program("black", "{bin}/black --diff untidy.py", ["untidy.py"], [WHEN]),
]
