"""relive info: what a recording holds."""

from __future__ import annotations

import time

from relive import _endings
from relive.cli import DAMAGED, OK, common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording

_MOST_THREADS = 20


def main(words: List[str]) -> int:
    """Prints the facts of every process of the run."""
    args = common.file_parser("info", "What a recording holds.").parse(words)
    recordings = common.open_run(common.find_file(args.file))
    if args.json:
        common.emit(schema="relive.info", version=1)
    complete = True
    for i, recording in enumerate(recordings):
        facts = _collect_facts(recording)
        complete = complete and facts["complete"]
        if args.json:
            common.emit(**facts)
        else:
            if i:
                print()
            _show_facts(facts)
    damaged = common.say_problems(recordings)
    common.next_command(f"relive tree {recordings[0].path}")
    return DAMAGED if damaged or not complete else OK


def _collect_facts(recording: Recording) -> Dict[str, Any]:
    header, totals = recording.header, recording.totals()
    meta = dict(header["meta"])
    argv: List[str] = []
    meta.pop("trace_filter", None)
    while f"argv.{len(argv)}" in meta:
        argv.append(meta.pop(f"argv.{len(argv)}"))
    first = min((thread["first_ns"] for thread in totals["threads"]), default=header["end_ns"])
    return {
        "file": recording.path,
        "size": header["size"],
        "complete": header["is_complete"],
        "state": _endings.describe_state(header),
        "run_id": header["run_id"],
        "pid": header["pid"],
        "parent_pid": header["parent_pid"],
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(header["start_unix_ns"] / 1e9)),
        "ns": max(0, header["end_ns"] - first),
        "argv": argv,
        "events": header["events"],
        "kinds": _count_kinds(recording, totals["kinds"]),
        "threads": totals["threads"],
        "unlisted_threads": totals["unlisted_threads"],
        "losses": header["losses"],
        "budget": _collect_budget(recording, meta),
        "trace_filter": common.trace_filter(recording),
        "sources": _collect_sources(recording),
        "index": recording.use_index(),
        "ring": header["is_ring"],
        "live": "mapped" if header["is_mapped"] else "written every 100 ms",
        "clock": header["clock"],
        "facts": meta,
        "ending": header["ending"]["how"],
        "exit_status": header["ending"]["status"],
        "signal": header["ending"]["signal"],
    }


def _count_kinds(recording: Recording, kinds: Mapping[str, int]) -> Dict[str, int]:
    """Returns {kind: count}, which add up to all events. Some have numbers and no rows: where a
    thread goes on in another session."""
    found = dict(kinds)
    rest = recording.header["events"] - sum(found.values())
    if rest > 0:
        found["unread" if recording.problems() else "session_switch"] = rest
    return found


def _collect_budget(recording: Recording, meta: Mapping[str, str]) -> Optional[Dict[str, Any]]:
    """Returns the steps that --budget took, and the overhead that was measured last."""
    if meta.get("budget", "0") == "0":
        return None
    steps, last = [], None
    for event in recording.select(["budget"]):
        last = event["overhead_permille"] / 10
        if "func" in event:
            step = {key: event[key] for key in ("t", "func", "file", "line", "from", "to")}
            step["overhead_percent"] = last
            step["saving_percent"] = event["saving_permille"] / 10
            steps.append(step)
    return {"percent": int(meta["budget"]), "last_percent": last, "steps": steps}


def _collect_sources(recording: Recording) -> Dict[str, Any]:
    """Returns what the recording has of source files; `without_text` counts them by reason."""
    rows = recording.sources()
    without: Dict[str, int] = {}
    for _, state, _, _, _ in rows:
        if state != "text":
            without[state] = without.get(state, 0) + 1
    return {
        "files": sum(row[1] == "text" for row in rows),
        "bytes": sum(row[2] for row in rows),
        "redactions": sum(row[4] for row in rows),
        "changed": [row[0] for row in rows if row[3]],
        "without_text": without,
        "no_room": recording.header["no_text"],
    }


def _show_facts(facts: Mapping[str, Any]) -> None:
    meta = facts["facts"]
    print(f"{common.safe(facts['file'])}  {common.size(facts['size'])}, {facts['state']}")
    rows = [
        ("program", common.safe(" ".join(facts["argv"])) or "?"),
        ("process", f"{facts['pid']}" + _describe_parent(facts)),
        ("started", f"{facts['started']}, recorded for {common.duration(facts['ns'])}"),
        ("python", f"{meta.get('python', '?')} on {meta.get('machine', '?')}"),
        ("backend", f"{meta.get('backend', '?')} ({meta.get('backend_reason', '?')})"),
        ("level", meta.get("level", "?") + _describe_exceptions(meta)),
        ("clock", f"{facts['clock']}; live slots {facts['live']}"),
        ("events", f"{common.count(facts['events'])}{_list_kinds(facts['kinds'])}"),
        ("threads", _count_threads(facts)),
        *_list_threads(facts["threads"]),
        ("not kept", _describe_losses(facts)),
    ]
    if facts["kinds"].get("session_start"):
        count = common.count(facts["kinds"]["session_start"])
        rows.append(("sessions", f"{count} (relive sessions lists them)"))
    rows.extend(_list_sources(facts["sources"]))
    if facts["index"] is not None:
        rows.append(("index", _describe_index(facts)))
    rows.extend(_list_filters(facts["trace_filter"]))
    if facts["budget"] is not None:
        rows.extend(_list_budget(facts["budget"]))
    for name, text in rows:
        print(f"  {name:<9} {common.safe(text)}")


def _list_sources(sources: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    if not (sources["files"] or sources["without_text"] or sources["no_room"]):
        return
    text = f"{common.counted(sources['files'], 'file')}, {common.size(sources['bytes'])} of text"
    if sources["redactions"]:
        text += f", {common.counted(sources['redactions'], 'part')} redacted"
    for state, count in sorted(sources["without_text"].items()):
        text += f"; {common.count(count)} without a text ({state.replace('_', ' ')})"
    if sources["no_room"]:
        text += f"; no room was left for {common.count(sources['no_room'])}"
    yield "sources", text
    for file in sources["changed"]:
        yield "", f"{common.short_path(file)} was changed after the process began"


def _describe_index(facts: Mapping[str, Any]) -> str:
    index = facts["index"]
    share = 100 * index["covered"] // max(1, facts["events"])
    return f"{common.short_path(index['path'])}, {common.size(index['bytes'])}, covers {share} %"


def _list_filters(chain: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    if not chain["filters"]:
        return
    names = ", ".join(f"{one['name']} (version {one['version']})" for one in chain["filters"])
    yield "filters", names
    stats = chain["stats"]
    words = [f"{common.counted(stats['scopes_skipped'], 'function')} not recorded (relive gaps)"]
    for key, what in (("value_redactions", "redacted"), ("value_drops", "dropped")):
        total = sum(stats.get(key, {}).values())
        if total:
            words.append(f"{common.counted(total, 'value')} {what} by name")
    if stats.get("secrets"):
        words.append(f"{common.counted(stats['secrets'], 'text')} redacted for a secret inside")
    if stats.get("undecided"):
        words.append(f"{common.count(stats['undecided'])} undecided, left out")
    yield "", "; ".join(words)


def _list_budget(budget: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    text = f"{budget['percent']} % of the program's own time"
    if budget["last_percent"] is not None:
        text += f", last measured {budget['last_percent']:g} %"
    yield "budget", text
    for step in budget["steps"]:
        yield (
            "",
            f"at {common.duration(step['t'])}: {step['func']} from {step['from']} to {step['to']}"
            f" (the recorder took {step['overhead_percent']:g} %,"
            f" this was {step['saving_percent']:g} % of that)",
        )


def _describe_exceptions(meta: Mapping[str, str]) -> str:
    if common.sees_handled(meta):
        return ""
    return "; exceptions caught in the frame that raised them are not visible (--level lines)"


def _describe_parent(facts: Mapping[str, Any]) -> str:
    return f", child of {facts['parent_pid']}" if facts["parent_pid"] else ""


def _list_kinds(kinds: Mapping[str, int]) -> str:
    shown = sorted(kinds.items(), key=lambda item: -item[1])
    return " = " + ", ".join(f"{common.count(n)} {kind}" for kind, n in shown) if shown else ""


def _count_threads(facts: Mapping[str, Any]) -> str:
    text = str(len(facts["threads"]) + facts["unlisted_threads"])
    if facts["unlisted_threads"]:
        text += f" ({facts['unlisted_threads']} not listed)"
    return text


def _list_threads(threads: Sequence[Mapping[str, Any]]) -> Iterator[Tuple[str, str]]:
    """Yields the name of each thread, and its first and last moment."""
    if len(threads) < 2:
        return
    for thread in threads[:_MOST_THREADS]:
        times = " to ".join(common.duration(thread[key]) for key in ("first_ns", "last_ns"))
        ended = ", ended" if thread["has_ended"] else ""
        calls = common.counted(thread["calls"], "call")
        yield "", f"{common.thread_title(thread)}: {calls}, {times}{ended}"
    if len(threads) > _MOST_THREADS:
        yield "", f"and {common.count(len(threads) - _MOST_THREADS)} more (--json has all)"


def _describe_losses(facts: Mapping[str, Any]) -> str:
    if not facts["losses"] and facts["state"].startswith("incomplete, "):
        return "no loss while it was recorded; what the file has not, relive check counts"
    if not facts["losses"]:
        return "nothing lost"
    return common.losses_text(facts["losses"])
