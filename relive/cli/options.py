"""The options of a verb, each defined once: the command line is read with it, the help shows it.

argparse could do the same. With all that it imports it costs more than the rest of what runs before
a recorded program."""

import os
import sys

from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, NoReturn, Optional, Sequence, Set, Tuple

_HELP_COLUMN = 24  # where the texts of options begin
_TARGETS = ("-m", "-c")  # begin a TARGET, and look like options


class Option:
    """An option. Without a metavar and choices it takes no value and means `const`; with `many`, it
    may be given several times."""

    def __init__(
        self,
        *names: str,
        text: str,
        key: str = "",
        metavar: str = "",
        choices: "Sequence[str]" = (),
        read: "Callable[[str], Any]" = str,
        default: "Any" = None,
        const: "Any" = True,
        many: bool = False,
    ) -> None:
        self.names, self.text = names, text
        self.key = key or names[-1].lstrip("-").replace("-", "_")
        self.metavar, self.choices = metavar or "|".join(choices), choices
        self.read, self.default, self.const, self.many = read, default, const, many

    def head(self) -> str:
        """Returns '-o, --output FILE', as the help shows it."""
        names = ", ".join(self.names)
        return f"{names} {self.metavar}" if self.metavar else names


class Word:
    """A word that is no option, such as FILE. `most` is 1, or 0 for any number of words."""

    def __init__(
        self,
        metavar: str,
        text: str,
        key: str = "",
        read: "Callable[[str], Any]" = str,
        least: int = 1,
        most: int = 1,
        default: "Any" = None,
    ) -> None:
        self.metavar, self.text, self.key = metavar, text, key or metavar.lower()
        self.read, self.least, self.most, self.default = read, least, most, default

    def usage(self) -> str:
        """Returns '[FILE]', as the line of usage shows it."""
        return self.metavar if self.least else f"[{self.metavar}]"


class Given:
    """What a command line gives: an attribute for each key."""

    def __init__(self, values: "Dict[str, Any]") -> None:
        self.__dict__ = values

    def __getattr__(self, key: str) -> "Any":  # for type checkers; each key has an attribute
        raise AttributeError(key)


def integer(text: str) -> int:
    """Reads any whole number."""
    try:
        return int(text)
    except ValueError:
        raise ValueError("no whole number") from None


def whole_number(text: str) -> int:
    """Reads a number of things: 0 or more."""
    if not text.isdigit() or len(text) > 9:
        raise ValueError("no number from 0 to 999999999")
    return int(text)


def ordinal(text: str) -> int:
    """Reads which one of several: 1 or more."""
    if not text.isdigit() or len(text) > 9 or not int(text):
        raise ValueError("no number from 1 to 999999999")
    return int(text)


_HELP = Option("-h", "--help", text="show this help and end")
_COLOR = Option("--color", choices=("auto", "always", "never"),
                text="colours: auto is on a terminal; NO_COLOR and FORCE_COLOR count")  # fmt: skip


class _Described(BaseException):
    """Takes the parser of a verb out of it, before the verb does anything."""

    def __init__(self, parser: "Parser") -> None:
        super().__init__()
        self.parser = parser


_is_describing = False


def describe(main: "Callable[[List[str]], int]", words: "List[str]") -> "Parser":
    """Returns the parser that a verb reads its command line with. Completion and manual pages are
    made from it."""
    global _is_describing
    _is_describing = True
    try:
        main(words)
    except _Described as found:
        return found.parser
    finally:
        _is_describing = False
    raise AssertionError("a verb that has no parser")


class Parser:
    """Reads the command line of one verb. With `has_target`, options end where TARGET begins, and
    `target` has all of its words. An open target also begins with an option that is not known."""

    def __init__(
        self,
        verb: str,
        about: str,
        *rows: "Any",
        has_target: bool = False,
        has_open_target: bool = False,
        epilog: str = "",
    ) -> None:
        self.prog = f"relive {verb}"
        self._is_open = has_open_target
        self._about, self._epilog, self._has_target = about, epilog, has_target
        self._words: List[Word] = []
        self._groups: List[Tuple[str, str, List[Option]]] = [("options", "", [])]
        self._by_name: Dict[str, Option] = {}
        self._apart: List[Sequence[str]] = []
        self.add(_HELP, *rows, _COLOR)

    def add(self, *rows: "Any") -> None:
        """Adds options to the last group, and words to those that the verb takes."""
        for row in rows:
            if isinstance(row, Word):
                self._words.append(row)
            else:
                self._groups[-1][2].append(row)
                self._by_name.update(dict.fromkeys(row.names, row))

    def add_group(self, title: str, example: str, options: "Sequence[Option]") -> None:
        """Adds options under a title of their own, with an example."""
        self._groups.append((title, example, []))
        self.add(*options)

    def apart(self, *names: str) -> "Parser":
        """Refuses lines with more than one of these options: each alone says what the answer is."""
        self._apart.append(names)
        return self

    def options(self) -> "List[Option]":
        """Returns every option."""
        return [option for _, _, options in self._groups for option in options]

    @property
    def about(self) -> str:
        """What the verb does."""
        return self._about

    @property
    def epilog(self) -> str:
        """What the help ends in."""
        return self._epilog

    @property
    def has_target(self) -> bool:
        """Whether the rest of the line is a program with its own words."""
        return self._has_target

    def words(self) -> "List[Word]":
        """Returns every word that the verb takes."""
        return self._words

    def parse(self, line: "Sequence[str]") -> "Given":
        """Returns what the line gives. --help prints the help and ends the process."""
        if _is_describing:
            raise _Described(self)
        values = {option.key: option.default for option in self.options()}
        free, rest = [], list(line)
        given: Set[str] = set()
        while rest:
            word = rest.pop(0)
            if word == "--":
                free += rest
                break
            found = self._match(word)
            if found is not None:
                given.update(found[0].names)
                self._take(values, found, rest)
            elif self._begins_target(word):
                free = [word, *rest]
                break
            elif self._is_free(word) and not self._has_target:
                free.append(word)
            else:
                self._refuse_option(word)
        for names in self._apart:
            both = [name for name in names if name in given]
            if len(both) > 1:
                self._fail(f"{both[0]} and {both[1]} do not go together")
        del values[_HELP.key]
        colour = values.pop(_COLOR.key)
        if colour is not None:
            from relive import _colour

            _colour.choose(colour)
        if self._has_target:
            values["target"] = free
        else:
            self._take_words(values, free)
        return Given(values)

    def _match(self, word: str) -> "Optional[Tuple[Option, str, Optional[str]]]":
        """Returns (option, its name, the value in the same word), or None for no option of ours."""
        name, equals, text = word.partition("=")
        if word in self._by_name:
            return self._by_name[word], word, None
        if equals and name in self._by_name:
            return self._by_name[name], name, text
        name, text = word[:2], word[2:]  # -oFILE
        if name != "--" and name in self._by_name:
            return self._by_name[name], name, text
        return None

    def _begins_target(self, word: str) -> bool:
        is_target = self._is_open or word in _TARGETS or word == "-" or not word.startswith("-")
        return self._has_target and is_target

    def _is_free(self, word: str) -> bool:
        """Returns whether a word is no option, and not meant as one: a number, or with blanks."""
        if word == "-" or not word.startswith("-"):
            return True
        is_number = word[1:].replace(".", "", 1).isdecimal() and not word.endswith(".")
        return (is_number or " " in word) and self._match(word) is None

    def _take(
        self,
        values: "Dict[str, Any]",
        found: "Tuple[Option, str, Optional[str]]",
        rest: "List[str]",
    ) -> None:
        """Puts an option and its value, which may be the first of the other words, into values."""
        option, name, text = found
        if not option.metavar:
            if text is not None:
                self._fail(f"{name} takes no value, and {text!r} was given")
            if option is _HELP:
                sys.stdout.write(self.format_help())
                sys.exit(0)
            values[option.key] = option.const
            return
        if text is None:
            if not rest or not self._is_free(rest[0]):
                self._fail(f"{name} needs a value: {option.head()}")
            text = rest.pop(0)
        if option.choices and text not in option.choices:
            from relive.config import nearest

            wanted = f"{', '.join(option.choices)}{nearest(text, option.choices)}"
            self._fail(f"{name} {text!r}: wanted is one of {wanted}")
        value = self._read(option.read, name, text)
        values[option.key] = [*(values[option.key] or ()), value] if option.many else value

    def _take_words(self, values: "Dict[str, Any]", free: "List[str]") -> None:
        missing = []
        for word in self._words:
            taken = free[: word.most or len(free)]
            del free[: len(taken)]
            if len(taken) < word.least:
                missing.append(word.metavar)
            read = [self._read(word.read, word.metavar, text) for text in taken]
            values[word.key] = read if not word.most else read[0] if read else word.default
        if missing:
            self._fail(f"missing: {', '.join(missing)}")
        if free:
            self._fail(f"more words than wanted: {' '.join(free)}")

    def _read(self, read: "Callable[[str], Any]", name: str, text: str) -> "Any":
        try:
            return read(text)
        except ValueError as error:
            self._fail(f"{name} {text!r} is {error}")

    def _refuse_option(self, word: str) -> "NoReturn":
        name = word.partition("=")[0]
        from relive.config import nearest

        self._fail(f"there is no option {name}{nearest(name, self._by_name)}")

    def _fail(self, text: str) -> "NoReturn":
        raise ReliveError("ERR_USAGE", f"{text} ({self.prog} --help)")

    def format_help(self) -> str:
        """Returns the text of --help."""
        width = max(40, terminal_width() - 2)
        words = ["TARGET"] if self._has_target else [word.usage() for word in self._words]
        lines = [f"usage: {' '.join([self.prog, '[options]', *words])}", "", self._about, ""]
        for word in self._words:
            lines += format_row(word.metavar, word.text, width)
        lines += [""] if self._words else []
        for title, example, options in self._groups:
            lines += [f"{title}:", *([f"  {example}", ""] if example else [])]
            for option in options:
                lines += format_row(option.head(), option.text, width)
            lines.append("")
        from relive.cli.examples import EXAMPLES

        text = "\n".join(lines) + self._epilog
        command = EXAMPLES.get(self.prog.partition(" ")[2])
        return f"{text}\nexample:\n  {command}\n" if command else text


def format_row(head: str, text: str, width: int, column: int = _HELP_COLUMN) -> "List[str]":
    """Returns the lines of one option or verb: its name, and its text beside or below it."""
    begin = " " * column
    lines = [begin + line for line in wrap(text, width - column)] or [begin.rstrip()]
    name = f"  {head}"
    if len(name) + 2 > column:
        return [name, *lines]
    lines[0] = name.ljust(column) + lines[0][column:]
    return lines


def wrap(text: str, width: int) -> "List[str]":
    """Returns the lines of a text; a longer word has a line of its own."""
    lines: "List[str]" = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def terminal_width() -> int:
    """Returns the width that COLUMNS or the terminal has."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (AttributeError, ValueError, OSError):  # stdout may be anything, and closed
        return 80
