"""What each verb prints with --json: the fields of its rows, and their types. `relive schema`.

A verb has kinds of rows. A row has each field of its kind, and no other; `null` is among the types
where a field may have no value. A star is for the fields of an event (`relive dump --schema`)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

# Types of fields: names of JSON's own, [of lists], {of objects by name}; or one of these.
TYPES: Dict[str, Dict[str, Any]] = {
    "text": {"type": "string"},
    "count": {"type": "integer", "minimum": 0},
    "number": {"type": "integer"},
    "flag": {"type": "boolean"},
    "position": {"type": "string", "pattern": "^(P[0-9]+:)?T[0-9]+@[0-9]+$"},
    "frame": {"type": "string", "pattern": "^T[0-9]+#[0-9]+$"},
    "object": {"type": "object"},
    "any": {},
    "value": {
        "type": "object",
        "properties": {"t": {"type": "string"}, "r": {"type": "string"}},
        "required": ["t", "r"],
    },
}

_PLACE = "func:text file:text line:count"
_TIMES = "calls:count total_ns:count self_ns:count open:count unwinds:count"
_CALL_SUMS = f"{_PLACE} calls:count total_ns:count self_ns:count unwinds:count open:count"

_EXIT = "exit_status:number|null signal:count|null"
_ENTRY = "position:position call:text|null depth:count total_ns:count|null *"
_HOP = (
    "row:text how:text name:text value:value|null position:position frame:frame|null"
    " call:text|null func:text file:text line:count|null source:text|null confidence:text"
    " candidates:[object] changed_at:position|null changed_line:count|null"
)
_LIFE = (
    "number:count name:text|null pid:count first:position|null last:position|null"
    " first_ns:count|null last_ns:count|null events:count calls:count func:text|null end:text"
    " ended_at:position|null value:value|null exc_type:text|null exc:object|null parent:any"
    " maker:any waits:any position:position|null"
)

# verb: (version, head, rows). The head is in the first line, with schema and version.
SCHEMAS: Dict[str, Tuple[int, str, Dict[str, str]]] = {
    "summary": (1, "", {
        "run": "row:text ns:count processes:count threads:count tasks:count unfinished_tasks:count"
        " sessions:count open_sessions:count events:count losses:object exceptions:count",
        "process": "row:text pid:count file:text ended:text"
        f" {_EXIT} text:text complete:flag python:text|null level:text|null events:count",
        "exception": "row:text number:count position:position type:text message:text fate:text"
        " uncaught:flag frames:[object]",
        "hot": f"row:text {_PLACE} calls:count self_ns:count share:any",
        "odd": "row:text *",
        "next": "row:text command:text why:text",
    }),
    "why": (1, "", {
        "exception": "row:text number:count position:position type:text message:text fate:text"
        " uncaught:flag cause:object|null context:object|null",
        "frame": "row:text frame:frame func:text file:text line:count|null source:text|null"
        " own:flag variables:object",
        "suspect": "row:text position:position text:text name:text value:value is_certain:flag",
        "hop": _HOP,
        "end": "row:text end:text reason:text advice:text operands:any",
        "event": f"row:text {_ENTRY}",
        "process": f"row:text pid:count ended:text {_EXIT} text:text",
        "nothing": "row:text text:text",
        "next": "row:text command:text why:text",
    }),
    "threads": (1, "", {"thread": _LIFE, "totals": "totals:object"}),
    "tasks": (1, "", {"task": _LIFE, "totals": "totals:object"}),
    "timeline": (1, "", {"event": _ENTRY, "totals": "totals:object"}),
    "find": (1, "", {
        "place": "position:position t:count thread:count frame:frame|null call:text|null"
        " func:text|null file:text|null line:count|null before_line:count|null place:text"
        " name:text|null path:text value:value",
        "totals": "totals:object",
    }),
    "info": (1, "", {
        "process": "file:text size:count complete:flag state:text run_id:text pid:count"
        " parent_pid:count started:text ns:count argv:[text] events:count kinds:object"
        " threads:[object] unlisted_threads:count losses:object budget:object|null"
        " trace_filter:object sources:object ring:flag live:text clock:text facts:object"
        f" index:object|null ending:text|null {_EXIT}",
    }),
    "tree": (2, "", {
        "line": "pid:count thread:count thread_name:text|null level:count func:text|null"
        " file:text|null line:count|null calls:count total_ns:count self_ns:count open:count"
        " unwinds:count exc_type:text|null exc_line:count|null max_depth:count fold:text|null"
        " names:[text]|null",
        "call": "pid:count thread:count thread_name:text|null level:count position:position"
        f" seq:count frame:frame parent:frame|null {_PLACE} args:object|null value:value|null"
        " exc_type:text|null exc:object|null total_ns:count|null open:flag",
        "totals": "totals:object",
    }),
    "calls": (1, "", {
        "call": f"call:text position:position n:count pid:count thread:count task:count|null"
        f" t:count {_PLACE} caller:text|null caller_line:count|null args:object|null end:text"
        " value:value|null exc_type:text|null exc:object|null total_ns:count|null"
        " self_ns:count|null already_running:flag",
        "group": "value:value calls:count call:text position:position",
        "totals": "totals:object",
    }),
    "exc": (1, "", {
        "exception": "number:count position:position thread:count thread_name:text|null type:text"
        " message:text func:text file:text line:count|null cause:object|null context:object|null"
        " fate:text uncaught:flag control_flow:flag frames:[object]",
    }),
    "line": (1, "", {
        "hit": f"position:position hit:count t:count frame:frame {_PLACE} source:text|null"
        " variables:object may_have_changed:[text]",
    }),
    "frame": (1, "", {
        "call": f"row:text call:text|null position:position frame:frame parent:frame|null {_PLACE}"
        " args:object|null value:value|null exc_type:text|null exc:object|null open:flag"
        " calls:[object]",
        "line": "row:text line:count hits:count position:position|null text:text|null"
        " writes:object calls:[object] yields:object exceptions:[object]",
    }),
    "history": (1, "", {
        "value": "position:position t:count frame:frame func:text file:text"
        " before_line:count|null line:count|null source:text|null value:object changed:[object]"
        " may_change_unseen:flag",
    }),
    "origin": (1, "", {
        "value": "row:text name:text position:position value:value|null",
        "hop": _HOP,
        "end": "row:text end:text reason:text advice:text",
        "operand": "row:text number:count name:text value:value|null position:position|null",
    }),
    "state": (1, "", {
        "position": "row:text position:position event:object",
        "thread": "row:text thread:count thread_name:text|null position:position t:count",
        "frame": "row:text depth:count|null frame:frame caller:frame|null thread:count"
        " task:count|null func:text file:text line:count|null state:text source:text|null"
        " variables:[object]",
        "task": "row:text task:count name:text|null state:text frames:[text]",
    }),
    "top": (1, "", {"function": f"{_PLACE} {_TIMES}"}),
    "cover": (1, "file:text has_lines:flag has_text:flag", {
        "line": "row:text line:count hits:count state:text func:text|null",
        "function": "row:text func:text line:count calls:count has_lines:flag is_skipped:flag",
    }),
    "out": (1, "", {
        "output": "position:position writes:count pid:count thread:count task:count|null t:count"
        " stream:text text:text frame:frame|null func:text|null file:text|null line:count|null",
        "totals": "totals:object",
    }),
    "callers": (1, "functions:[text]", {"function": f"{_CALL_SUMS} depth:count"}),
    "callees": (1, "functions:[text]", {"function": f"{_CALL_SUMS} depth:count"}),
    "diff": (1, "a:text b:text not_compared:[text]", {
        "missing": "kind:text text:text",
        "difference": "kind:text is_own:flag stack:[text] hidden:count changes:[object] a:object"
        " b:object",
        "totals": "kind:text thread:[count] calls:[text]|null pid:[count] same:count found:object"
        " own:count",
        "function": "kind:text func:text calls:[count] self_ns:[count]",
    }),
    "sessions": (1, "", {
        "session": "session:count id:text|null tag:text|null attrs:any trace_id:text|null"
        " parent_id:text|null span_id:text|null pid:count thread:count thread_name:text|null"
        " t:count duration:count open:flag error:text|null calls:count errors:count marks:count"
        " logs:count http:[object]",
    }),
    "gaps": (1, "", {"function": f"{_PLACE} rule:number why:text add:text"}),
    "cut": (1, "", {
        "part": "path:text first:position last:position events:count left_out_before:count"
        " left_out_after:count threads_left_out:count events_of_begin:count"
        " frames_without_values:count bytes:count",
    }),
    "pack": (1, "", {
        "pack": "path:text processes:count events:count changed:count bytes:count"
        " bytes_before:count",
    }),
    "ls": (1, "", {
        "run": "file:text size:count children:count modified:text age_s:count pid:count"
        " argv:[text] ended:text exc_type:text|null events:count problem:text|null",
        "totals": "totals:object",
    }),
    "rm": (1, "", {
        "run": "file:text files:count bytes:count removed:flag why:text|null",
        "totals": "totals:object",
    }),
    "check": (1, "", {
        "process": "file:text complete:flag problems:[text] blocks:count bytes:count chunks:count"
        " events:count unknown_blocks:count missing_chunks:count missing_events:count"
        " bad_blocks:count",
    }),
}  # fmt: skip


def _type(text: str) -> Dict[str, Any]:
    """Returns the JSON schema of a type."""
    words = text.split("|")
    found: List[Dict[str, Any]] = []
    for word in words:
        if word == "null":
            found.append({"type": "null"})
        elif word.startswith("["):
            found.append({"type": "array", "items": _type(word[1:-1])})
        else:
            found.append(TYPES[word])
    return found[0] if len(found) == 1 else {"anyOf": found}


def _object(fields: str) -> Dict[str, Any]:
    """Returns the JSON schema of an object with these fields alone."""
    properties: Dict[str, Any] = {}
    words = fields.split()
    for field in words:
        if field == "*":
            continue
        name, _, kind = field.partition(":")
        properties[name] = _type(kind)
    return {
        "type": "object", "properties": properties, "required": list(properties),
        "additionalProperties": "*" in words,
    }  # fmt: skip


def rows_of(verb: str) -> List[Tuple[str, Dict[str, Any]]]:
    """Returns (kind of row, JSON schema) of a verb; the first is the line that names the schema."""
    version, head, rows = SCHEMAS[verb]
    begin = _object(f"schema:text version:count {head}")
    begin["properties"]["schema"] = {"const": f"relive.{verb}"}
    begin["properties"]["version"] = {"const": version}
    return [("head", begin), *((kind, _object(fields)) for kind, fields in rows.items())]
