"""relive check: read and verify every block."""

from relive.cli import DAMAGED, OK, common


def main(words):
    """Exit status 0: whole; 3: damaged or not closed, with what is readable."""
    args = common.file_parser("check", "Verify every block of a recording.").parse_args(words)
    recordings = common.open_run(common.find_file(args.file))
    if args.json:
        common.emit(schema="relive.check", version=1)
    good = True
    for recording in recordings:
        result = dict(recording.check())
        problems = result.pop("problems")
        complete = recording.header["is_complete"]
        good = good and complete and not problems
        if args.json:
            common.emit(file=recording.path, complete=complete, problems=problems, **result)
            continue
        print(
            f"{common.safe(recording.path)}: {_verdict(complete, problems)};"
            f" {common.counted(result['blocks'], 'block')},"
            f" {common.counted(result['chunks'], 'chunk')},"
            f" {common.counted(result['events'], 'event')},"
            f" {common.size(result['bytes'])}"
        )
        if result["missing_events"]:
            print(
                f"  missing: {common.counted(result['missing_events'], 'event')}"
                f" ({common.counted(result['missing_chunks'], 'chunk')})"
            )
        if recording.header["losses"]:
            print(f"  not kept: {common.losses_text(recording.header['losses'])}")
        for problem in problems:
            print("  " + common.red(problem))
    common.next_command(f"relive info {recordings[0].path}")
    return OK if good else DAMAGED


def _verdict(complete, problems):
    if problems:
        return f"damaged ({len(problems)} problem{'s' if len(problems) > 1 else ''})"
    return "whole" if complete else "incomplete, what is there is sound"
