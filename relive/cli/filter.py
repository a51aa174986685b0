"""relive filter check | explain | init: filter files before they are used."""

from __future__ import annotations

import os
import sys

from relive.cli import NOTHING, OK, USAGE, common
from relive.cli.options import Option, Parser, Word
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

    from relive.filters import Chain

STARTER = """# A trace filter: what Relive records of this project, and what it never writes.
# Found by itself as .relive/trace-filter.toml, from the script's folder upwards.
# Guide: docs/filters.md. Check it: relive filter check .relive/trace-filter.toml

[meta]
name = "{name}"
version = 2

[scope]
default_exec = "trace"             # trace | skip | inherit: code that no rule names
default_value_action = "allow"     # allow | redact | drop | inherit: values that no pattern names

# Rules are read from the first to the last; the last one that matches has the last word.
# selector = "kind:pattern" or "kind:match:pattern"
#   kind   pkg (module), obj (module.function), file (path from this project's root)
#   match  glob (default), regex, literal

# [[scope.rules]]
# selector = "pkg:{name}.vendored.*"
# exec = "skip"

# [[scope.rules]]
# selector = "obj:{name}.orders.total"
# level = "lines"                  # calls | values | lines

# [[scope.rules]]
# selector = "pkg:{name}.*"
# [[scope.rules.value_patterns]]   # names: local arg global ret attr key; text: value
# selector = "arg:email"
# action = "redact"                # allow | redact | drop
# [[scope.rules.value_patterns]]
# selector = "value:regex:CUST-[0-9]+"
# action = "redact"
"""


def main(words: List[str]) -> int:
    """Runs check, explain or init."""
    verbs = {"check": _run_check, "explain": _run_explain, "init": _run_init}
    if words and words[0] in ("-h", "--help"):
        sys.stdout.write(
            "usage: relive filter check [FILE ...]\n"
            "       relive filter explain [FILE ...] MODULE:FUNCTION [NAME]\n"
            "       relive filter init [FOLDER]\n"
        )
        return OK
    if not words or words[0] not in verbs:
        from relive.config import nearest

        given = words[0] if words else ""
        raise ReliveError(
            "ERR_USAGE", f"filter check, explain or init?{nearest(given, verbs) if given else ''}"
        )
    return verbs[words[0]](words[1:])


def _make_chain_parser(name: str, about: str, *rows: Any) -> Parser:
    """Returns a parser with the options of verbs that look at the chain, and these rows."""
    without = Option("--no-builtin-filter", text="without the built-in one")
    return Parser(f"filter {name}", about, without, common.JSON, *rows)


def _load_settings(files: Sequence[str], builtin: bool = True) -> Dict[str, Any]:
    from relive import config

    options = {"trace_filter": list(files)} if files else {}
    settings = dict(config.load(options=options).as_dict())
    settings["builtin_filter"] = builtin and settings["builtin_filter"]
    return settings


def _load_chain(files: Sequence[str], builtin: bool = True) -> Chain:
    from relive import _core
    from relive.filters import doors

    return doors.chain(_load_settings(files, builtin), _core.library_folders())


def _run_check(words: List[str]) -> int:
    args = _make_chain_parser(
        "check", "Check filter files, and show the chain that they make.",
        Word("FILE ...", "filter files, in order", key="files", least=0, most=0),
    ).parse(words)  # fmt: skip
    from relive.filters import Filter, FilterError

    failed = False
    for file in args.files:
        for path in file.split("::"):
            try:
                Filter.from_file(os.path.abspath(os.path.expanduser(path.strip())))
            except FilterError as error:
                failed = True
                for problem in error.problems:
                    if args.json:
                        common.emit(code=error.code, file=path, path=problem.path,
                                    line=problem.line, text=problem.text)  # fmt: skip
                    else:
                        print(f"{common.safe(problem.show(path))} [{error.code}]")
    if failed:
        return USAGE
    chain = _load_chain(args.files, not args.no_builtin_filter)
    if args.json:
        common.emit(schema="relive.filter", version=1)
    index = 0
    for one in chain.filters:
        if args.json:
            common.emit(
                name=one.name, version=one.version, path=one.path, sha256=one.sha256,
                default_exec=one.exec, default_value_action=one.value, level=one.level,
            )  # fmt: skip
        else:
            level = f", level {one.level}" if one.level else ""
            print(f"{common.safe(one.name)} (version {one.version})  {common.safe(one.path)}")
            print(f"  default: {one.exec}, values {one.value}{level}")
        for rule in one.rules:
            _show_rule(index, rule, args.json)
            index += 1
    for gate, text in chain.gates:
        print(f"{gate.replace('_re', '').replace('_', ' ')}: {common.safe(text)}")
    for text in _find_warnings(chain):
        sys.stderr.write(f"relive filter: {common.safe(text)}\n")
    return OK


def _show_rule(index: int, rule: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        common.emit(rule=index, **{key: value for key, value in rule.items() if key != "reason"})
        return
    words = [rule["exec"]] if rule["exec"] != "inherit" else []
    if rule["value"] != "inherit":
        words.append(f"values {rule['value']}")
    if rule["level"]:
        words.append(f"level {rule['level']}")
    for key in ("sample", "every", "min_duration", "max_str", "max_items", "max_depth",
                "max_locals"):  # fmt: skip
        if rule[key] not in (-1, 0, 1.0):
            words.append(f"{key} {rule[key]}")
    print(f"  {index:>3}  {common.safe(rule['selector'])}  {', '.join(words) or 'patterns only'}")
    for selector, action in rule["patterns"]:
        print(f"         {common.safe(selector)}  {action}")


def _find_warnings(chain: Chain) -> Iterator[str]:
    """Yields rules of version 1 that match after others and so drop the patterns of those."""
    left_behind = False  # whether there are any to leave
    for one in chain.filters:
        for number, rule in enumerate(one.rules):
            if rule["patterns"]:
                left_behind = True
            elif left_behind and one.version == 1:
                yield (
                    f"{one.path}: scope.rules[{number}] ({rule['selector']}) has no value patterns:"
                    " in version 1 the patterns of earlier rules do not apply where it matches"
                )


def _run_explain(words: List[str]) -> int:
    args = _make_chain_parser(
        "explain", "Which rule of which file decides about a function or a name.",
        Word("[FILE ...] MODULE:FUNCTION [NAME]", "filter files, a function, a name in it",
             key="words", most=0),
        Option("--file", metavar="FILE", default="", text="the function's file, for file:"
               " selectors"),
    ).parse(words)  # fmt: skip
    at = next((i for i, word in enumerate(args.words) if _is_target(word)), None)
    if at is None or len(args.words) - at > 2:
        raise ReliveError("ERR_USAGE", "explain wants [FILE ...] MODULE:FUNCTION [NAME]")
    chain = _load_chain(args.words[:at], not args.no_builtin_filter)
    module, _, qualname = args.words[at].partition(":")
    file = os.path.abspath(args.file) if args.file else ""
    scope = (module, qualname, qualname.rpartition(".")[2], file)
    verdict = chain.core.decide(*scope)
    others = [
        (index, row[4])
        for index, row in enumerate(chain.core.matches(*scope))
        if row[4] and index != verdict["rule"]
    ]
    names = args.words[at + 1 :]
    tell = _explain_as_json if args.json else _explain_as_text
    tell(chain, args.words[at], verdict, others)
    for name in names:
        _explain_name(chain, scope, name, args.json)
    for text in _find_warnings(chain):
        sys.stderr.write(f"relive filter: {common.safe(text)}\n")
    return OK if verdict["traced"] else NOTHING


_LEVELS = (None, "calls", "values", "lines")


def _explain_as_text(
    chain: Chain, target: str, verdict: Mapping[str, Any], others: Sequence[Tuple[int, int]]
) -> None:
    level = _LEVELS[verdict["level"]]
    what = "recorded" if verdict["traced"] else "not recorded"
    print(f"{common.safe(target)}: {what}{f', level {level}' if level else ''}")
    if verdict["asks"]:
        print("  unless a thread: or task: rule decides otherwise, at each call")
    print(f"  decided by {_name_decider(chain, verdict['rule'])}")
    for index, how in others:
        one, number, rule = chain.rule(index)
        note = {-1: "undecided", 1: "matches too: ", 2: "evaluated at each call: "}[how]
        if how > 0:
            note += "says nothing of recording" if rule["exec"] == "inherit" else rule["exec"]
        print(f"  {common.safe(one.name)} rules[{number}] {common.safe(rule['selector'])}  {note}")


def _explain_as_json(
    chain: Chain, target: str, verdict: Mapping[str, Any], others: Sequence[Tuple[int, int]]
) -> None:
    common.emit(schema="relive.filter", version=1)
    common.emit(
        function=target, recorded=verdict["traced"], level=_LEVELS[verdict["level"]],
        decided_by=_name_decider(chain, verdict["rule"]), asks_at_each_call=bool(verdict["asks"]),
    )  # fmt: skip
    words = {-1: "undecided", 1: "matches", 2: "asked at each call"}
    for index, how in others:
        one, number, rule = chain.rule(index)
        common.emit(file=one.path, rule=number, selector=rule["selector"], exec=rule["exec"],
                    how=words[how])  # fmt: skip


def _is_target(word: str) -> bool:
    return ":" in word and not word.startswith((".", "/", "~")) and "::" not in word


def _name_decider(chain: Chain, index: int) -> str:
    if index == -1:
        return "the default"
    if index == -2:
        return "an include, an exclude or sampling, before all rules"
    one, number, rule = chain.rule(index)
    reason = f" ({rule['reason']})" if rule["reason"] else ""
    return common.safe(f"{one.name} rules[{number}] {rule['selector']}{reason}, {one.path}")


def _explain_name(chain: Chain, scope: Tuple[str, str, str, str], name: str, as_json: bool) -> None:
    kinds = {"argument": 5, "local": 3, "global": 4, "attribute": 7, "dict key": 8}
    actions = {1: "kept", 2: "redacted", 3: "dropped"}
    for what, kind in kinds.items():
        action, why = chain.core.value(*scope, kind, name)
        if as_json:
            common.emit(name=name, kind=what, action=actions[action], why=why or "default")
            continue
        print(f"  {what} {common.safe(name)}: {actions[action]} ({why or 'default'})")


def _run_init(words: List[str]) -> int:
    args = Parser(
        "filter init", "Write a commented starter file, .relive/trace-filter.toml.",
        Word("FOLDER", "the project (default: here)", least=0, default="."),
    ).parse(words)  # fmt: skip
    folder = os.path.join(os.path.abspath(args.folder), ".relive")
    path = os.path.join(folder, "trace-filter.toml")
    name = os.path.basename(os.path.abspath(args.folder))
    name = "".join(c for c in name if c.isprintable() and c not in '"\\') or "project"
    try:
        os.makedirs(folder, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(STARTER.format(name=name))
    except FileExistsError:
        raise ReliveError("ERR_FILE_EXISTS", f"{path} exists already") from None
    except OSError as error:
        raise ReliveError("ERR_IO", f"{path}: {error.strerror}") from None
    print(common.safe(path))
    common.next_command(f"relive filter check {path}")
    return OK
