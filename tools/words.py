"""Checks the English of comments, documents and messages: words, length of sentences and of lines.

Words come from tools/words.txt: a pattern, what to write instead, and the files that may have it.
A sentence has at most 25 words, a line at most 100 columns (tables and links excepted).

The tool reads comments and docstrings of C, Python, shell, make and meson, and the prose of
Markdown. It also reads messages: texts of several words in the string literals of src/ and relive/.

words.py [PATH ...]   prints what it finds there, in the whole tree by default
words.py --check      fails where a file has more findings than tools/words_left.txt allows it, and
                      where a room has too few lines with comments or too many
words.py --shrink     lowers the numbers of tools/words_left.txt to what is found; raises none
words.py --share      prints the share of comment lines in each room of the C code
"""

import argparse
import ast
import fnmatch
import io
import os
import re
import subprocess
import sys
import tokenize

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORDS = "tools/words.txt"
LEFT = "tools/words_left.txt"
LONGEST_SENTENCE = 25  # words
LONGEST_LINE = 100  # columns
SHARE = (12, 20)  # whole per cent of a room's lines that hold a comment
# Rooms with another share, each with the most that it may have.
OWN_SHARE = {
    "src/cpython/state": 45,  # structures without code: a field has its comment
}
# Files that are data, or that must keep the shape that a test gives them.
DATA = (
    "tests/golden/*", "tests/secrets/*", "tests/programs/*", "tests/real/files/*", "LICENSE",
    "tools/words*.txt", "tests/mutants.toml",
)  # fmt: skip
MESSAGES = ("src/", "relive/", "include/")


class Text:
    """A run of prose: its kind (comment, message, document), and (number, line) of its lines."""

    def __init__(self, kind, lines):
        self.kind = kind
        self.lines = lines


class Finding:
    """Something to mend at a line of a file."""

    def __init__(self, path, line, text):
        self.path, self.line, self.text = path, line, text

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


# ---- reading prose out of files ----


def c_texts(path, source):
    """Yields the comments of C source, and its messages where the file may have some."""
    token = re.compile(
        r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'"
        r"|^[ \t]*#[ \t]*include[^\n]*",
        re.S | re.M,
    )
    message, end = None, 0
    for found in token.finditer(source):
        text, line = found.group(), source.count("\n", 0, found.start()) + 1
        if text.startswith("/"):
            yield Text("comment", comment_lines(text, line))
        if text.startswith('"'):
            between = source[end : found.start()]
            if message and re.fullmatch(r"\s*(?:PRI\w+\s*)?", between):
                message[1] += text[1:-1]
            else:
                yield from messages(path, message)
                message = [line, text[1:-1]]
            end = found.end()
    yield from messages(path, message)


def messages(path, message):
    """Yields a literal as a text if it is one that users read: several words, in our own code."""
    if message and path.startswith(MESSAGES):
        line, text = message
        text = re.sub(r"\\[nt]", "\n", text)
        text = re.sub(r"\\(.)", r"\1", text)
        if len(re.findall(r"(?<![\w.%-])[A-Za-z][a-z]+(?![\w.])", text)) >= 3 and " " in text:
            yield Text("message", [(line, part) for part in text.split("\n")])


def comment_lines(text, first):
    """Returns the lines of a C comment without its stars."""
    text = re.sub(r"^/\*+|\*+/$|^//+", lambda found: " " * len(found.group()), text)
    rows = [re.sub(r"^\s*(\*|(?=\S))", " ", row).rstrip() for row in text.split("\n")]
    return [(first + index, re.sub("^ {1,2}", "", row)) for index, row in enumerate(rows)]


def python_texts(path, source):
    """Yields the comments, docstrings and messages of Python source."""
    lines = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not re.match(r"#(!| *(fmt|type|noqa))", token.string):
            row = token.start[0], token.string.lstrip("#").strip()
            is_own_line = not token.line[: token.start[1]].strip()
            if is_own_line and lines and lines[-1][0] == row[0] - 1:
                lines.append(row)
                continue
            yield Text("comment", lines)
            lines = [row] if is_own_line else []
            if not is_own_line:
                yield Text("comment", [row])
    yield Text("comment", lines)
    documented = set()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for text, line in docstrings(node, documented):
            rows = [row.strip(" ") for row in text.split("\n")]
            yield Text("comment", [(line + index, row) for index, row in enumerate(rows)])
    for line, text in literals(tree, documented):
        yield from messages(path, [line, text.replace("\\", "\\\\")])


def docstrings(node, seen):
    """Yields (text, line) of the docstring of a module, class or function."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        first = node.body[0] if node.body else None
        value = first.value if isinstance(first, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            seen.add(value)
            yield ast.get_docstring(node), value.lineno


def literals(node, skip):
    """Yields (line, text) of each string below a node; a field of an f-string becomes one word."""
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "%" for part in node.values]
        yield node.lineno, "".join(map(str, parts))
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and node not in skip:
            yield node.lineno, node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from literals(child, skip)


def hash_texts(_path, source):
    """Yields the comments of a language that begins them with #."""
    lines = []
    for number, line in enumerate(source.split("\n"), 1):
        found = re.match(r"\s*#(?!!)(.*)", line) or re.search(r"\s##? (.*)", line)
        if found and lines and lines[-1][0] == number - 1 and line.lstrip().startswith("#"):
            lines.append((number, found.group(1).strip()))
        elif found:
            yield Text("comment", lines)
            lines = [(number, found.group(1).strip())]
    yield Text("comment", lines)


def markdown_texts(_path, source):
    """Yields the paragraphs, list items and table cells of a document, without code."""
    lines, is_code = [], False
    for number, line in enumerate(source.split("\n"), 1):
        if line.lstrip("> ").startswith("```"):
            is_code = not is_code
            line = ""
        bare = line.lstrip("> ")
        item = re.match(r"(?:[-*+]|\d+\.|#+) +(.*)", bare)
        is_indented = line.startswith("    ") and not (lines and lines[-1][1])
        if bare.startswith("|"):
            for cell in bare.strip("|").split(" | "):
                yield Text("document", [(number, cell)])
            bare = ""
        elif is_code or is_indented:
            bare = ""
        if item or not bare:
            yield Text("document", lines)
            lines = []
        if bare:
            lines.append((number, item.group(1) if item else bare))
    yield Text("document", lines)


READERS = {
    ".c": c_texts, ".h": c_texts, ".py": python_texts, ".md": markdown_texts, ".sh": hash_texts,
    ".build": hash_texts, ".toml": hash_texts, ".yaml": hash_texts, ".yml": hash_texts,
}  # fmt: skip
NAMED = {"Makefile": hash_texts, "run": hash_texts, "meson.options": hash_texts}


def reader_of(path):
    """Returns the function that reads a file's prose, or None for data."""
    base = os.path.basename(path)
    if any(fnmatch.fnmatch(path, pattern) for pattern in DATA):
        return None
    return NAMED.get(base) or READERS.get(os.path.splitext(base)[1])


# ---- what is looked for ----


class Word:
    """A line of words.txt."""

    def __init__(self, pattern, instead, allowed):
        self.pattern = re.compile(pattern, re.I)
        self.instead = instead
        self.allowed = [] if allowed == "-" else allowed.split()

    def is_allowed(self, path):
        return any(fnmatch.fnmatch(path, pattern) for pattern in self.allowed)


def read_words(text):
    """Returns the lines of words.txt: columns with two or more spaces between them."""
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Word(*re.split(r" {2,}", row.strip())) for row in rows]


def without_code(line):
    """Returns a line with each piece of code, name of a file and link made one plain word."""
    line = re.sub(r"``[^`]*``|`[^`]*`", "CODE", line)
    line = re.sub(r"\]\([^)]*\)", "]", line)
    return re.sub(r"https?://\S+", "LINK", line)


def find_words(path, text, words):
    """Yields a finding for each word of words.txt in a text, also across the ends of its lines."""
    joined = without_code("\n".join(line for _, line in text.lines))
    for word in words:
        if word.is_allowed(path):
            continue
        for found in word.pattern.finditer(joined.replace("\n", " ")):
            line = text.lines[0][0] + joined.count("\n", 0, found.start())
            yield Finding(path, line, f'"{found.group()}": {word.instead}')


def sentences(text):
    """Yields (line number, sentence). Drawings and tables in comments have no sentences."""
    words, first = [], 0
    for number, line in [*text.lines, (0, "")]:
        line = without_code(line)
        is_drawing = text.kind == "comment" and re.search(
            r"^ {2,}\S|\S {2,}\S|^[-+|=*]|->|--|[|]", line
        )
        if is_drawing or not line.strip():
            if words:
                yield first, " ".join(words)
            words = []
            continue
        for part in re.findall(r".*?[.!?][)\"']*(?=\s+[A-Z0-9\"'(*_`]|\s*$)|.+$", line.strip()):
            if not words:
                first = number
            words.append(part.strip())
            if re.search(r"[.!?][)\"']*$", part) and not re.search(r"\b(e\.g|i\.e)\.$", part):
                yield first, " ".join(words)
                words = []


def find_long_sentences(path, text):
    """Yields a finding for each sentence of too many words."""
    for line, sentence in sentences(text):
        count = len(re.findall(r"\S*\w\S*", sentence))
        if count > LONGEST_SENTENCE:
            start = " ".join(sentence.split()[:8])
            yield Finding(path, line, f"a sentence of {count} words: {start} ...")


def find_long_lines(path, source):
    """Yields a finding for each line that is too long, where it could be broken.

    Rows of tables and fenced text, such as a command's output, stay as they are."""
    is_markdown, is_fenced = path.endswith(".md"), False
    for number, line in enumerate(source.split("\n"), 1):
        if is_markdown and line.lstrip("> ").startswith("```"):
            is_fenced = not is_fenced
        is_kept = is_markdown and (is_fenced or line.lstrip("> ")[:1] == "|")
        can_break = len(line.split()) > 1 and not is_kept
        if len(line) > LONGEST_LINE and can_break and "://" not in line:
            yield Finding(path, number, f"a line of {len(line)} columns")


def find_all(path, source, words):
    """Returns the findings of one file, in the order of its lines."""
    findings = list(find_long_lines(path, source))
    for text in reader_of(path)(path, source):
        if text.lines:
            findings += find_words(path, text, words)
            findings += find_long_sentences(path, text)
    return sorted(findings, key=lambda finding: finding.line)


def tracked(root):
    """Returns the files of the repository that have prose."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root
    )
    paths = listed.decode().split("\0")
    return [path for path in sorted(set(paths)) if path and reader_of(path) is not None]


def find_in_tree(root):
    """Returns {path: findings} of the files that have any."""
    words = read_words(read(root, WORDS))
    found = {}
    for path in tracked(root):
        if os.path.isfile(os.path.join(root, path)):
            findings = find_all(path, read(root, path), words)
            if findings:
                found[path] = findings
    return found


# ---- the allowance, which only shrinks ----


def read_left(text):
    """Returns {path: how many findings it may have}; a path with / at its end is a whole folder."""
    rows = [line.split() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return {path: int(count) for count, path in rows}


def entry_of(path, left):
    """Returns the entry that a file's findings count for: its own, or that of its folder."""
    if path in left:
        return path
    folders = [entry for entry in left if entry.endswith("/") and path.startswith(entry)]
    return max(folders, key=len, default=path)


def counted(found, left):
    """Returns {entry: its findings}."""
    entries = {}
    for path, findings in found.items():
        entries.setdefault(entry_of(path, left), []).extend(findings)
    return entries


def check(root):
    """Prints what is more than allowed; returns the exit status."""
    left = read_left(read(root, LEFT))
    entries = counted(find_in_tree(root), left)
    status = 0
    for entry, findings in sorted(entries.items()):
        allowed = left.get(entry, 0)
        if len(findings) > allowed:
            status = 1
            if not allowed or len(findings) <= 20:
                print(*findings, sep="\n")
            print(f"{entry}: {len(findings)} findings, {allowed} allowed: tools/words.py {entry}")
    for line in wrong_shares(root):
        status = 1
        print(line)
    total = sum(map(len, entries.values()))
    print(f"words: {total} findings left, {sum(left.values())} allowed by {LEFT}")
    return status


def shrink(root):
    """Lowers the numbers of words_left.txt to what is found."""
    text = read(root, LEFT)
    left = read_left(text)
    entries = counted(find_in_tree(root), left)
    comment = [line for line in text.splitlines() if line.startswith("#")]
    rows = []
    for entry, allowed in sorted(left.items()):
        count = min(allowed, len(entries.get(entry, ())))
        if count:
            rows.append(f"{count:>5} {entry}")
    with open(os.path.join(root, LEFT), "w", encoding="utf-8") as file:
        file.write("\n".join([*comment, *rows]) + "\n")


# ---- comment share ----


def shares(root):
    """Returns {folder: [lines that hold a comment, lines]} of the folders with C files."""
    rooms = {}
    for path in tracked(root):
        if path.startswith("src/") and path.endswith((".c", ".h")):
            source = read(root, path)
            have = rooms.setdefault(os.path.dirname(path), [0, 0])
            texts = [text for text in c_texts(path, source) if text.kind == "comment"]
            have[0] += len({line for text in texts for line, _ in text.lines})
            have[1] += source.count("\n")
    return rooms


def wrong_shares(root):
    """Yields a line for each room whose share of comments is outside its limits."""
    for folder, (comment, lines) in sorted(shares(root).items()):
        share = round(100 * comment / lines)
        low, high = SHARE[0], OWN_SHARE.get(folder, SHARE[1])
        if not low <= share <= high:
            yield f"{folder}: {share} % of the lines hold a comment; {low} to {high} % may"


def print_shares(root):
    for folder, (comment, lines) in sorted(shares(root).items()):
        print(f"{folder:<24} {lines:>6} lines {100 * comment / lines:5.1f} % comment")
    print(*wrong_shares(root), sep="\n")


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--share", action="store_true")
    args = parser.parse_args()
    if args.share:
        return print_shares(ROOT)
    if args.shrink:
        return shrink(ROOT)
    if args.check:
        return check(ROOT)
    wanted = [os.path.relpath(os.path.abspath(path), ROOT) for path in args.paths]
    for path, findings in find_in_tree(ROOT).items():
        if not wanted or any(w in (path, ".") or path.startswith(w + "/") for w in wanted):
            print(*findings, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
