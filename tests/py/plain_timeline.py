"""Timelines, threads and tasks by a plain reading (format_reader.py): the oracle of `relive
timeline`, `threads` and `tasks`."""

import format_reader

BEGINS, ENTERS = {"call"}, {"call", "resume", "throw"}
ENDS, LEAVES = {"return", "unwind"}, {"return", "unwind", "yield"}
OF_FRAMES = ENTERS | LEAVES | {"raise", "handled", "line", "write"}


def rows(path, is_own):
    """Every event as a row of `relive timeline --kinds all`. `is_own` decides by the name of a
    file."""
    found, begun, numbers, stacks = [], {}, {}, {}
    for event in format_reader.events(path):
        kind, frame = event["kind"], event.get("frame")
        stack = stacks.setdefault(event["thread"], [])
        wanted = "func" not in event or is_own(event["file"])
        row = {"position": f"T{event['thread']}@{event['seq']}", "call": None, "depth": 0,
               "total_ns": None}  # fmt: skip
        if kind in BEGINS and frame and wanted:
            numbers[event["func"]] = numbers.get(event["func"], 0) + 1
            begun[frame] = numbers[event["func"]], event["t"]
            row["call"] = f"{event['func']}#{numbers[event['func']]}"
        if kind in ENTERS:
            stack.append((frame, wanted))
        outer = [one for one, _ in stack]
        at = outer.index(frame) if "func" in event and frame in outer else len(stack)
        row["depth"] = sum(is_wanted for _, is_wanted in stack[:at])
        if kind in ENDS and frame in begun:
            number, t = begun.pop(frame)
            row["call"] = f"{event['func']}#{number}"
            row["total_ns"] = None if event.get("unseen") else event["t"] - t
        if kind in LEAVES and frame in outer:
            del stack[len(outer) - 1 - outer[::-1].index(frame)]
        if wanted:
            found.append({**row, **event})
    return found


def lives(path):
    """({thread: facts}, {task: facts})"""
    threads, tasks, functions = {}, {}, {}
    for event in format_reader.events(path):
        place = f"T{event['thread']}@{event['seq']}"
        if event["kind"] == "call":
            functions[event["frame"]] = event["func"]
        kinds = [(threads, event["thread"])]
        if event.get("task"):
            kinds.append((tasks, event["task"]))
        for lives_of, number in kinds:
            life = lives_of.setdefault(
                number, {"first": place, "calls": 0, "root": None, "end": None, "ended": False}
            )
            life["last"] = place
            if event["kind"] in ("task_start", "task_switch", "task_end"):
                continue
            frame = event.get("frame")
            if event["kind"] in ENTERS and frame and life["root"] is None:
                life.update(root=frame, func=event["func"])
            life["calls"] += event["kind"] == "call"
            if event["kind"] in ENDS and frame == life["root"]:
                life["end"] = event
        if event["kind"] == "thread_end":
            threads[event["thread"]]["ended"] = True
        if event["kind"] == "task_end":
            tasks[event["task"]]["ended"] = True
        if event["kind"] == "task_start":
            tasks[event["task"]].update(
                name=event["name"], parent=event.get("parent_task"),
                maker=functions.get(event.get("made_in")), line=event.get("made_line"),
            )  # fmt: skip
    return threads, tasks
