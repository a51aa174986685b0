"""A whole run as one file that may be passed on: `relive pack`, Recording.pack().

    collect   each recording: what the rules take out now
    write     each child into a file of its own, in a folder beside the new file
    write     the first recording, with these inside

What the rules have taken out in one place is taken out everywhere in the run. Rules can only remove
more: what a recorder had redacted stays so."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from relive import _core, _files
from relive.errors import ReliveError, advise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from relive.api import Recording

# Facts of the machine and the user, which say nothing of the program.
_OF_RECORDING = (
    "allow", "lines", "include", "exclude", "include_re", "exclude_re", "exclude_files",
)  # fmt: skip
_MACHINE = ("executable", "kernel", "machine", "platform", "hash_seed", "trace_filter")


@dataclass(frozen=True)
class Pack:
    """What was written."""

    path: str
    processes: int
    events: int
    changed: int
    """values and texts that were taken out or replaced"""
    bytes: int
    bytes_before: int


def write(
    run: Sequence[Recording],
    path: str,
    *,
    redact: Sequence[str] = (),
    trace_filter: Sequence[str] = (),
    values: bool = True,
    sources: bool = True,
    argv: bool = True,
    machine: bool = True,
    paths: bool = True,
    force: bool = False,
) -> Pack:
    """Writes the recordings of a run into one file. `redact` and `trace_filter` are as for `relive
    record`. What is False is left out. Without `paths`, the part of a path below the folder of the
    program or of the user remains."""
    path = os.path.abspath(path)
    if any(os.path.realpath(path) == os.path.realpath(one.path) for one in run):
        raise ReliveError("ERR_USAGE", f"{path} is the recording itself: another name is wanted")
    try:
        _files.prepare(path, force)
    except ReliveError as error:
        advise(error, "force=True replaces it", force)
        raise
    rules = _make_filter(redact, trace_filter).pack_rules([] if paths else _list_paths(run))
    for recording in run:
        recording.reader.pack_collect(rules, not values)
    writer = _Writer(rules, values, sources, argv, machine)
    return writer.write_all(run, path)


class _Writer:
    def __init__(
        self, rules: object, values: bool, sources: bool, argv: bool, machine: bool
    ) -> None:
        self._rules = rules
        self._hides = (not values, not sources)
        self._argv, self._machine = argv, machine

    def write_all(self, run: Sequence[Recording], path: str) -> Pack:
        """Writes all recordings of a run."""
        import tempfile

        first, others = run[0], run[1:]
        results = []
        with tempfile.TemporaryDirectory(".pack", ".relive-", os.path.dirname(path)) as folder:
            members = [os.path.join(folder, f"{number}.relive") for number in range(len(others))]
            for recording, member in zip(others, members):
                results.append(self._write(recording, member, []))
            results.append(self._write(first, path, members))
        return Pack(
            path, len(run), sum(result[0] for result in results),
            sum(result[1] for result in results), os.path.getsize(path),
            sum(recording.header["size"] for recording in run),
        )  # fmt: skip

    def _write(
        self, recording: Recording, path: str, members: List[str]
    ) -> Tuple[int, int, int, int]:
        facts = self._clean_facts(recording.header["meta"])
        return recording.reader.pack(self._rules, path, facts, members, *self._hides)

    def _clean_facts(self, meta: Dict[str, str]) -> List[Tuple[str, str]]:
        """Returns the facts of a recording that remain."""
        facts = []
        for key, text in meta.items():
            if key in _MACHINE and not self._machine:
                continue
            if key.startswith("argv.") and not self._argv and key != "argv.0":
                continue
            facts.append((key, self._clean(text)))
        return [*facts, ("packed", "1")] if "packed" not in meta else facts

    def _clean(self, text: str) -> str:
        safe = text.encode("utf-8", "replace").decode("utf-8")
        return _core.pack_text(self._rules, safe)


def _make_filter(redact: Sequence[str], trace_filter: Sequence[str]) -> _core.Filter:
    """Returns the C filter of these rules, and of the built-in ones."""
    from relive import config
    from relive.filters import doors

    options: Dict[str, Any] = {"redact": list(redact), "trace_filter": list(trace_filter)}
    given = {key: value for key, value in options.items() if value}
    settings = config.load(options=given).as_dict()
    settings.update(auto_filter=False, capture_only_cwd=False, sample_rate=1.0)
    settings.update({key: [] for key in _OF_RECORDING})
    return doors.chain(settings, []).core


def _list_paths(run: Sequence[Recording]) -> List[Tuple[str, str]]:
    """Returns folders and what replaces them: that of the program by '.', that of the user by '~'.
    The longest comes first."""
    found: Dict[str, str] = {}
    home: Optional[str] = os.path.expanduser("~")
    if home and os.path.isabs(home) and len(home) > 1:
        found[home] = "~"
    for recording in run:
        folder = recording.header["meta"].get("cwd", "")
        if os.path.isabs(folder) and len(folder) > 1:
            found[folder] = "."
    return sorted(found.items(), key=lambda pair: -len(pair[0]))
