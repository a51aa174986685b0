"""The calls of a function by a plain reading (format_reader.py): the oracle of `relive calls`."""

import format_reader


def read(path, name):
    """Returns (calls, ns at which open calls end): rows as --json has them, those that it gives."""
    found, ends, callers, last_line, running = [], {}, {}, {}, {}
    events = format_reader.events(path)
    inner, since = {}, {}  # of each thread: its innermost frame, and its last event
    stacks = {}
    for event in events:
        frame, thread = event.get("frame"), event["thread"]
        stack = stacks.setdefault(thread, [])
        if inner.get(thread) in running and event["t"] > since[thread]:
            running[inner[thread]]["self_ns"] += event["t"] - since[thread]
        since[thread] = event["t"]
        kind = event["kind"]
        if kind == "line":
            last_line[frame] = event["line"]
        if kind == "call":
            callers[frame] = event["func"]
            if event["func"] == name:
                row = {
                    "n": len(found) + 1, "position": f"T{thread}@{event['seq']}",
                    "thread": thread, "task": event.get("task"), "t": event["t"],
                    "caller": callers.get(event["parent"]) if event["parent"] else None,
                    "caller_line": last_line.get(event["parent"]),
                    "args": event.get("args"), "end": None, "value": None, "exc_type": None,
                    "total_ns": None, "self_ns": 0,
                }  # fmt: skip
                found.append(row)
                running[frame] = row
        if kind in ("call", "resume", "throw"):
            stack.append(frame)
        if kind in ("return", "unwind", "yield") and frame in stack:
            stack.remove(frame)
        if kind in ("return", "unwind"):
            last_line.pop(frame, None)
            row = running.pop(frame, None)
            if row is not None:
                row["end"] = "unseen" if event.get("unseen") else kind.replace("unwind", "raise")
                row["value"] = event.get("value")
                row["exc_type"] = event.get("exc_type")
                row["total_ns"] = event["t"] - row["t"]
        inner[thread] = stack[-1] if stack else None
    del ends
    return found
