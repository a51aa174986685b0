"""relive sessions: requests and other sessions, with what ran for them."""

from __future__ import annotations

import re

from relive._run import REDACTED
from relive.cli import DAMAGED, NOTHING, OK, common, paging
from relive.cli.options import Given, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

    from relive.api import Recording

_LINE = 2000  # characters of all attributes of a session
_KINDS = ["log", "session_start", "session_end", "http_request", "http_response", "mark"]


def main(words: List[str]) -> int:
    """Lists the sessions of a recording."""
    args = common.file_parser(
        "sessions", "Sessions: tag, trace, duration, and the calls, errors and requests in each.",
        Option("--tag", metavar="TAG", text="only those with this tag"),
        Option("--errors", text="only those in which one happened"),
        Option("--slow", metavar="TIME", text="only those of at least this time: 100ms"),
        Option("--status", metavar="STATUS", read=_parse_status,
               text="only those with an answer of this status: 404, 5xx"),
        Option("--attr", metavar="NAME=TEXT", read=_parse_attribute, many=True,
               text="only those with this attribute (may be given several times)"),
        *paging.options(20),
    ).parse(words)  # fmt: skip
    least = common.parse_duration("--slow", args.slow) if args.slow else 0
    run = common.open_run(common.find_file(args.file))
    page = paging.Page(
        args, "sessions", run[0].header["run_id"], args.tag, args.errors, args.slow,
        args.status and args.status.pattern, args.attr, args.json,
    )  # fmt: skip
    if args.json:
        page.put_schema("relive.sessions")
    found = _join_files([row for recording in run for row in read(recording)])
    found.sort(key=lambda row: int(row["t"]))
    names_processes = len({row["pid"] for row in found}) > 1
    found = [row for row in found if _is_wanted(row, args, least)]
    left = page.put_all(
        common.row(**row) if args.json else _row_text(row, names_processes) for row in found
    )
    page.end("" if args.json else _last_line(args, run, bool(found)), left, "session",
             " (--limit 0 shows all)")  # fmt: skip
    damaged = common.say_problems(run)
    return DAMAGED if damaged else OK if found else NOTHING


def _last_line(args: Given, run: List[Recording], has_rows: bool) -> str:
    text = ""
    forgotten = sum(one.header["losses"].get("sessions", 0) for one in run)
    if forgotten:
        text += (f"{common.counted(forgotten, 'session')} forgotten: more than 10,000 were open,"
                 " and what ran later is in none of these\n")  # fmt: skip
    if not has_rows:
        is_asked = args.tag is not None or args.errors or args.slow or args.status or args.attr
        text += "no session of this kind\n" if is_asked else "no session\n"
    return text


def _parse_status(text: str) -> re.Pattern[str]:
    """Returns a pattern for the numbers that 404 or 5xx means."""
    if not re.fullmatch(r"[1-5]([0-9]{2}|xx)", text.lower()):
        raise ValueError("no status such as 404 or 5xx")
    return re.compile(text.lower().replace("x", "[0-9]"))


def _parse_attribute(text: str) -> Tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError("no NAME=TEXT")
    return name, value


def _is_wanted(row: Dict[str, Any], args: Given, least: int) -> bool:
    if args.tag is not None and row["tag"] != args.tag:
        return False
    for name, value in args.attr or ():
        if not isinstance(row["attrs"], dict) or row["attrs"].get(name) != value:
            return False
    if (args.errors and not row["errors"]) or row["duration"] < least:
        return False
    answers = [str(one.get("status")) for one in row["http"]]
    return args.status is None or any(map(args.status.fullmatch, answers))


def read(recording: Recording) -> List[Dict[str, Any]]:
    """Returns a row for each session, in order."""
    rows: Dict[int, Dict[str, Any]] = {}
    for event in recording.select(_KINDS):
        if event["kind"] == "session_start":
            _begin_row(rows, event)
        elif event["kind"] == "session_end":
            _end_row(rows.get(event["session"]), event)
        else:
            _add_event(rows.get(event["session"]), event)
    for number, calls, errors in recording.session_calls():
        if number in rows:
            rows[number]["calls"] = calls
            rows[number]["errors"] += errors
    for row in rows.values():
        row["thread_name"] = recording.thread(row["thread"])["name"]
        if row["open"]:
            row["duration"] = recording.header["end_ns"] - row["t"]
    return list(rows.values())


def _join_files(rows: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Returns one row for a session that is in several files of a process, since each file began
    while it was open. Sessions of two processes are two, whatever their ids are."""
    found: Dict[Tuple[int, str], Dict[str, Any]] = {}
    for row in rows:
        first = found.setdefault((row["pid"], row["id"]), row)
        if first is not row:
            for key in ("calls", "errors", "marks", "logs", "http"):
                first[key] += row[key]
            first["duration"] = row["t"] + row["duration"] - first["t"]
            first["open"], first["error"] = row["open"], row["error"]
    return list(found.values())


def _take_values(fields: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns {name: value} of the fields of an event, as text where there is no exact value."""
    return {name: value.get("v", value["r"]) for name, value in fields.items()}


def _read_attributes(attrs: Any) -> Any:
    """Returns {name: text}, also where the recording has not all of it. Returns the text as it is
    where it shows more."""
    if isinstance(attrs, dict):
        return attrs
    from ast import literal_eval

    try:
        found = literal_eval(attrs.replace(f": {REDACTED}", f": {REDACTED!r}"))
    except (ValueError, SyntaxError):
        return attrs
    return found if isinstance(found, dict) else attrs


def _begin_row(rows: Dict[int, Dict[str, Any]], event: Mapping[str, Any]) -> None:
    fields = _take_values(event["fields"])
    if event["session"] not in rows:
        rows[event["session"]] = {
            "session": event["session"], "id": fields.get("id"), "tag": fields.get("tag"),
            "attrs": _read_attributes(fields.get("attrs", {})), "trace_id": fields.get("trace_id"),
            "parent_id": fields.get("parent_id"), "span_id": fields.get("span_id"),
            "pid": event["pid"], "thread": event["thread"], "thread_name": None, "t": event["t"],
            "duration": None, "open": True, "error": None, "calls": 0, "errors": 0, "marks": 0,
            "logs": 0, "http": [],
        }  # fmt: skip


def _end_row(row: Optional[Dict[str, Any]], event: Mapping[str, Any]) -> None:
    if row is not None:
        error = _take_values(event["fields"]).get("error")
        row.update(duration=event["t"] - row["t"], open=False, error=error)


def _add_event(row: Optional[Dict[str, Any]], event: Mapping[str, Any]) -> None:
    """Counts a mark, a log record, a request or an answer in its session."""
    if row is None:
        return
    fields = _take_values(event["fields"])
    if event["kind"] == "mark":
        row["marks"] += 1
        row["errors"] += fields.get("name") == "exception" and "type" in fields
    elif event["kind"] == "log":
        row["logs"] += 1
    elif event["kind"] == "http_request":
        keys = ("exchange", "side", "client", "method", "url")
        row["http"].append({key: fields[key] for key in keys if key in fields})
        if fields.get("side") == "server" and row["attrs"] == {}:
            row["attrs"] = _request_attributes(row["tag"], fields)
    else:
        answer = {"status": fields.get("status"), "error": fields.get("error"),
                  "duration": fields.get("dt_ns")}  # fmt: skip
        number = fields.get("exchange")
        waiting = [
            one for one in row["http"] if "status" not in one and one.get("exchange") == number
        ]
        if waiting:
            waiting[0].update(answer)
        else:
            row["http"].append(answer)
        status = answer["status"]
        row["errors"] += bool(answer["error"]) or (isinstance(status, int) and status >= 500)


def _request_attributes(tag: Optional[str], fields: Mapping[str, Any]) -> Dict[str, str]:
    """Returns method and path of a request that came in. The tag has both, unless the program has
    given it, or it was cut."""
    method = str(fields.get("method"))
    if tag is not None and tag.startswith(method + " "):
        return {"method": method, "path": tag[len(method) + 1 :]}
    url = str(fields.get("url", ""))
    path = "/" + url.partition("://")[2].partition("?")[0].partition("/")[2]
    return {"method": method, "path": path}


def _row_text(row: Dict[str, Any], names_process: bool) -> str:
    took = common.took(row["duration"], row["open"])
    errors = "  " + common.red(common.counted(row["errors"], "error")) if row["errors"] else ""
    where = f"pid {row['pid']} " if names_process else ""
    where += f"thread {row['thread']}"
    if row["thread_name"]:
        where += f' "{common.safe(row["thread_name"])}"'
    lines = [f"{row['session']:>4}  {_shown(row['tag'] or '-')}  {took}"
             f"  {common.counted(row['calls'], 'call')}{errors}  {where}"]  # fmt: skip
    parent = f"  parent {common.safe(row['parent_id'])}" if row["parent_id"] else ""
    lines.append(common.dim(f"      trace {common.safe(row['trace_id'] or '?')}{parent}"))
    attrs = row["attrs"]
    if isinstance(attrs, dict):
        is_said = list(attrs) == ["method", "path"]  # by the request below
        attrs = "" if is_said else "  ".join(f"{key}={_shown(attrs[key])}" for key in attrs)
    if attrs:
        lines.append(f"      {_shown(attrs, _LINE)}")
    if row["error"]:
        lines.append(f"      left by {_shown(row['error'])}")
    for one in row["http"]:
        status = one.get("error") or one.get("status") or "no answer"
        way = "<- " if one.get("side") == "server" else ""
        took = f"  {common.duration(one['duration'])}" if one.get("duration") is not None else ""
        words = f"{way}{_shown(one.get('method', '?'))} {_shown(one.get('url', '?'))}"
        lines.append(f"      {words}  {_shown(str(status))}{took}")
    return "\n".join(lines) + "\n"


def _shown(text: str, most: int = 200) -> str:
    """Returns a recorded text for a terminal; of a long one the beginning, and how long it is."""
    if len(text) > most:
        text = f"{text[:most]}... ({len(text):,} characters)"
    return common.safe(text)
