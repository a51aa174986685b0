"""relive history: each value that a variable had, with its position."""

from relive.cli import DAMAGED, NOTHING, OK, common
from relive.errors import ReliveError


def main(words):
    """Prints each value of NAME in a function, in order of time."""
    parser = common.Parser("history", "Each value that a variable had.")
    parser.add_argument("place", metavar="FUNC|FILE:LINE", help="where the variable is")
    parser.add_argument("name", help="the variable")
    parser.add_argument("file", nargs="?", help="a recording (default: the newest one here)")
    parser.add_argument("--limit", type=int, default=100, help="this many (default 100; 0 = all)")
    parser.add_argument("--json", action="store_true", help="JSON, an object a line")
    args = parser.parse_args(words)
    run = common.open_run(common.find_file(args.file))
    if args.json:
        common.emit(schema="relive.history", version=1)
    shown, known = 0, False
    for recording in run:
        codes, line = common.functions_at(recording, args.place)
        rows = [row for row in codes if args.name in row[7] or row[5] & 16]
        if line:
            rows = rows[:1] or codes[:1]
        known = known or bool(codes)
        for event in recording.select(
            ["call", "write"], codes=[row[0] for row in rows], name=args.name
        ):
            if args.limit and shown >= args.limit:
                break
            shown += show(event, args, run)
    if not known:
        raise common.no_such_function(run, args.place)
    damaged = common.say_problems(run)
    if not shown and not damaged:
        common.needs_lines(run, "the history of a variable that is no parameter")
        names = sorted({name for recording in run
                        for row in common.functions_at(recording, args.place)[0]
                        for name in row[7]})  # fmt: skip
        raise ReliveError(
            "ERR_NOT_FOUND",
            f"no value of {args.name} was recorded in {args.place}"
            + common.nearest(args.name, names),
        )
    common.next_command(f"relive line FILE:LINE {run[0].path}")
    return DAMAGED if damaged else OK if shown else NOTHING


def show(event, args, run):
    """One row; how many were printed."""
    value = event["value"] if event["kind"] == "write" else event.get("args", {}).get(args.name)
    if value is None:
        return 0
    before = event["before_line"] if event["kind"] == "write" else None
    if args.json:
        common.emit(
            position=common.position(event, run), t=event["t"], frame=event["frame"],
            func=event["func"], file=event["file"], before_line=before, value=value,
        )  # fmt: skip
        return 1
    when = "at the call" if event["kind"] == "call" else f"before {common.place(event, before)}"
    if event["kind"] == "write" and before is None:
        when = "when it was left"
    text = common.value_text(value, 200)
    print(f"{common.position(event, run):>12}  {event['frame']:>8}  {text}  {common.dim(when)}")
    return 1
