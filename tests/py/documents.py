"""Markdown pages as tests read them: blocks, links, terms, and how a block runs.

A page is a set of fenced blocks; an indented block is refused, so no example escapes. Blocks of one
page run in order in one folder, which begins with a copy of `examples/`.

| fence | what the test does |
| --- | --- |
| `console` | runs each `$ ` line with bash and compares what follows with its output |
| `sh` | runs each line; each must end with status 0; output is not looked at |
| `python`, `c`, `toml` | runs, compiles, checks with `relive filter check` (where it is a filter) |
| `python app.py`, `toml x/y.toml`, `text notes` | writes the block to that file; nothing runs |
| `text` | right below a `python` block: what it prints; elsewhere a drawing, not run |

Compared lines: `...` alone is any number of lines, `...` inside a line any text. Durations are all
equal, and so are positions (`T1@23`), since versions of Python differ in their events. A comment
right above the fence changes the rule and says why:

    <!-- not run: needs systemd -->
    <!-- fails: the program raises -->          a command of the block ends with another status
    <!-- from 3.12: raise events -->            older versions skip the block
    <!-- needs flask: the application -->       skipped where the package is not installed
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from conftest import ROOT, clean_environ

MARKS = re.compile(r"(not run|fails|from \d\.\d+|needs [\w -]+): \S.*")
RUNNABLE = ("console", "sh", "python", "c", "toml")
SEPARATOR = "<<< status {} >>>"


class Block:
    """One fenced block: language, file name, text, and the marks that precede it."""

    def __init__(self, page, line, info, text, marks, output):
        words = info.split()
        self.page, self.line, self.text, self.marks = page, line, text, marks
        self.language = words[0] if words else ""
        self.file = words[1] if len(words) > 1 else None
        self.output = output  # of a python block: the `text` block right below it

    def mark(self, name):
        """Returns the word after `name` of the mark that begins so, "" without one, or None."""
        for text in self.marks:
            head = text.partition(":")[0]
            if head == name or head.startswith(name + " "):
                return head[len(name) :].strip()
        return None

    def why_skipped(self):
        """Returns why this interpreter does not run the block, or None."""
        if self.mark("not run") is not None:
            return "not run"
        least = self.mark("from")
        if least and sys.version_info[:2] < tuple(int(word) for word in least.split(".")):
            return f"needs {least}"
        for module in (self.mark("needs") or "").split():
            if importlib.util.find_spec(module) is None and shutil.which(module) is None:
                return f"needs {module}"
        return None


def pages():
    """Returns the relative paths of all pages of this repository."""
    found = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    for folder, _, names in os.walk(os.path.join(ROOT, "docs")):
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(
        path for path in found if path.endswith(".md") and os.path.exists(f"{ROOT}/{path}")
    )


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def blocks(path, text=None):
    """Returns the fenced blocks of a page."""
    lines = (read(path) if text is None else text).splitlines()
    found, marks, number = [], [], 0
    while number < len(lines):
        line = lines[number]
        if not line.startswith("```"):
            comment = re.fullmatch(r"<!-- (.*) -->", line)
            marks = [*marks, comment.group(1)] if comment else marks if not line else []
            number += 1
            continue
        end = lines.index("```", number + 1)
        body = "\n".join(lines[number + 1 : end]) + "\n"
        block = Block(path, number + 1, line[3:], body, marks, None)
        last = found[-1] if found else None
        between = lines[last.end : number] if last else ["far"]
        if block.language == "text" and not any(between) and last.language == "python":
            last.output = body
        else:
            found.append(block)
        block.end, marks, number = end + 1, [], end + 1
        if last is not None and last.output is body:
            last.end = block.end
    return found


def prose(text):
    """Returns a page's text without fenced blocks and comments."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"<!--.*?-->", "", text, flags=re.S)


def anchors(text):
    """Returns the anchors that headings of a page have on GitHub."""
    found = set()
    for title in re.findall(r"^#+ (.+)$", prose(text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(name if name not in found else f"{name}-1")
    return found


def links(text):
    """Returns the targets of a page's links that are no addresses."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose(text)))
    targets += re.findall(r'(?:src|href)="([^"]+)"', prose(text))
    return [one for one in targets if not re.match(r"[a-z]+:", one)]


def commands(block):
    """Returns [(command, lines that it prints or None)] of a console or sh block."""
    found = []
    for line in block.text.splitlines():
        if block.language == "sh":
            if found and found[-1][0].endswith("\\"):
                found[-1] = (found[-1][0] + "\n" + line, None)
            elif line.strip() and not line.startswith("#"):
                found.append((line, None))
        elif line.startswith("$ "):
            found.append((line[2:], []))
        elif found and line.startswith("> ") and not found[-1][1]:
            found[-1] = (found[-1][0] + "\n" + line[2:], [])
        else:
            found[-1][1].append(line)
    return found


def plain(line):
    """Returns a line without what differs from run to run: durations and numbers of events."""
    line = re.sub(r" *\b\d[\d.,]* ?(ns|us|ms|s)\b", " TIME", line.rstrip())
    return re.sub(r" *\bT(\d+)([@#])\d+", r" T\1\2N", line)


def matches(wanted, found):
    """Returns whether the printed lines are the documented ones."""
    parts = []
    for line in wanted:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            inner = [re.escape(part) for part in plain(line).split("...")]
            parts.append(".*?".join(inner) + r"\n")
    return re.fullmatch("".join(parts), "".join(plain(line) + "\n" for line in found)) is not None


class Folder:
    """The folder in which the blocks of one page run."""

    def __init__(self, path):
        self.path = str(path)
        shutil.copytree(os.path.join(ROOT, "examples"), os.path.join(self.path, "examples"))
        scripts = os.path.dirname(sys.executable)
        self.environ = clean_environ(
            PATH=scripts + os.pathsep + os.environ["PATH"], RELIVE_NO_WARNINGS="1", COLUMNS="100"
        )

    def call(self, *words, timeout=120):
        """Returns (status, output) of a command; nothing that it began is left behind."""
        with tempfile.TemporaryFile() as out:  # a pipe would wait for background processes
            process = subprocess.Popen(
                words, cwd=self.path, env=self.environ, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                process.wait(timeout)
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            out.seek(0)
            return process.returncode, out.read().decode()

    def write(self, name, text):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def run(self, block):
        """Runs a block; raises AssertionError with what was printed where it does not hold."""
        if block.file:
            self.write(block.file, block.text)
        elif block.language in ("console", "sh"):
            self.run_commands(block)
        elif block.language == "python":
            status, printed = self.call(sys.executable, self.write("example.py", block.text))
            assert (status != 0) == (block.mark("fails") is not None), printed
            if block.output is not None:
                wanted = block.output.splitlines()
                assert matches(wanted, printed.splitlines()), printed
        elif block.language == "c":
            name = self.write("example.c", block.text)
            include = os.path.join(ROOT, "include")
            status, printed = self.call("cc", "-std=gnu11", "-fsyntax-only", "-I", include, name)
            assert status == 0, printed
        elif block.language == "toml":
            self.run_toml(block.text)

    def run_commands(self, block):
        asked = commands(block)
        script = "".join(
            f'{command}\nstatus=$?; echo; echo "{SEPARATOR.format("$status")}"; (exit $status)\n'
            for command, _ in asked
        )
        _, printed = self.call("bash", "-c", script)
        pieces = re.split("\n" + SEPARATOR.format(r"(\d+)") + "\n", printed)
        assert len(pieces) == 2 * len(asked) + 1, printed
        failed = [status for status in pieces[1::2] if status != "0"]
        assert bool(failed) == (block.mark("fails") is not None), printed
        for (command, wanted), piece in zip(asked, pieces[::2]):
            if wanted is not None:
                assert matches(wanted, piece.splitlines()), f"$ {command}\n{piece}"

    def run_toml(self, text):
        """A filter file, or rules of one; other TOML is only read."""
        if "[scope" in text:
            if "[meta]" not in text:
                text = '[meta]\nname = "example"\nversion = 2\n\n' + text
            if "[scope]" not in text:
                head, mark, rest = text.partition("[[scope.rules]]")
                scope = '[scope]\ndefault_exec = "trace"\ndefault_value_action = "allow"\n\n'
                text = head + scope + mark + rest
            name = self.write("example.toml", text)
            status, printed = self.call("relive", "filter", "check", name)
            assert status == 0, printed
        elif sys.version_info >= (3, 11):
            import tomllib

            tomllib.loads(text)
