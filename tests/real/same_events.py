"""Compares what two builds of Relive record of the same real programs, event by event.

    same_events.py --programs ENV --before SITE --after SITE [--level LEVEL] [NAME ...]

ENV is an environment of real programs (tools/matrix makes build/programs/VERSION). SITE is a folder
with the package `relive`, `_relive_boot.py` and `relive.pth`; each is put into ENV in turn. Each
build records and dumps each program twice. A difference counts where both runs of a build have it,
and no run of the other one. Times, addresses and process ids are left out. A frame is known by its
function: what it is called depends on how many there were before it."""

import argparse
import collections
import contextlib
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from programs import PROGRAMS

PARTS = ("relive", "_relive_boot.py", "relive.pth")
OF_THE_RUN = {"t", "pid", "seq", "native_id", "id", "duration", "thread", "task", "parent_task",
              "session", "gap"}  # fmt: skip
FRAMES = ("frame", "parent", "made_in")
MASK = re.compile(
    r"0x[0-9a-fA-F]+|\b\d{5,}\b|\d+\.\d\d+(e-?\d+)?|tmp\w{6,8}|\d\d:\d\d:\d\d"
    r"|\{[^{}:]*<[^{}:]*\}"  # a set whose order depends on addresses
)
SECONDS = 900


def install(site, environment):
    """Puts a build into the environment."""
    (there,) = (environment / "lib").glob("python3*/site-packages")
    for name in PARTS:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(there / name) if (there / name).is_dir() else (there / name).unlink()
        if (site / name).is_dir():
            shutil.copytree(site / name, there / name)
        elif (site / name).exists():
            shutil.copy(site / name, there / name)


def record(program, environment, folder, level):
    """Returns the path of a recording."""
    work, home, out = folder / "work", folder / "home", folder / "out" / "run.relive"
    for path in (work, out.parent):
        shutil.rmtree(path, ignore_errors=True)
    for path in (work / "temporary", home, out.parent):
        path.mkdir(parents=True, exist_ok=True)
    program.prepare(work)
    bin = environment / "bin"
    words = [bin / "python", "-m", "relive", "record", "--level", level, "-o", out]
    env = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE_")}
    env.update(
        HOME=str(home), TMPDIR=str(work / "temporary"), PYTHONHASHSEED="0",
        PYTHONDONTWRITEBYTECODE="1", PATH=f"{bin}{os.pathsep}{os.environ['PATH']}",
    )  # fmt: skip
    env.pop("PYTHONPATH", None)
    with open(folder / "stderr", "wb") as err:
        process = subprocess.Popen(
            [str(word) for word in [*words, *program.command(bin, home)]], cwd=work, env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, start_new_session=True,
        )  # fmt: skip
    try:
        if program.drive:
            program.drive(process, (folder / "stderr").read_text)
        process.wait(SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return out


def known(key, item, functions):
    return functions.get(item) if key in FRAMES and isinstance(item, str) else item


def plain(value, functions):
    """Returns what two runs have in common. `functions` of frames."""
    if isinstance(value, dict):
        return {
            key: plain(known(key, item, functions), functions)
            for key, item in value.items()
            if key not in OF_THE_RUN or isinstance(item, dict)  # an argument of this name
        }
    if isinstance(value, list):
        return [plain(item, functions) for item in value]
    return MASK.sub("~", value) if isinstance(value, str) else value


def text_of(event, functions):
    return json.dumps(plain(event, functions), sort_keys=True)


def whole_chain(event, callers):
    """Adds the callers that an exception's event leaves out: a chunk has each only once."""
    frame, chain = event["frame"], []
    for caller in event.get("callers", []):
        callers[frame] = caller
        frame = caller["frame"]
    frame = event["frame"]
    while frame in callers and len(chain) < 1000:
        chain.append(callers[frame])
        frame = callers[frame]["frame"]
    return dict(event, callers=chain)


def events(out, environment):
    """Returns {text of an event: how often it came}."""
    words = [str(environment / "bin" / "python"), "-m", "relive", "dump", str(out)]
    found = collections.Counter()
    functions, callers = collections.defaultdict(dict), collections.defaultdict(dict)
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=out.parent) as process:
        for line in process.stdout:
            event = json.loads(line)
            if "kind" not in event or event["kind"] == "header":
                continue
            names = functions[event["pid"]]
            if event["kind"] == "call":
                names[event["frame"]] = event["func"]
            if event["kind"] in ("raise", "unwind"):
                event = whole_chain(event, callers[event["pid"]])
            found[text_of(event, names)] += 1
    if not found:
        raise SystemExit(f"nothing was recorded: status {process.returncode}")
    return found


def differences(before, after):
    """Yields (text, counts before, counts after) where each run after has more than each run
    before, or each has less."""
    for text in sorted(set().union(*before, *after)):
        old, new = [one[text] for one in before], [one[text] for one in after]
        if max(old) < min(new) or max(new) < min(old):
            yield text, old, new


def shown(unlike):
    """Yields lines: an event that only one side has, and how the most similar one differs."""
    others = {side: [row[0] for row in unlike if max(row[2 - side]) == 0] for side in (0, 1)}
    for text, old, new in unlike:
        near = difflib.get_close_matches(text, others[max(old) != 0], 1, 0.5)
        yield f"{old} -> {new}  {text[:200] if near else text[:600]}"
        if near and near[0] < text:
            blocks = difflib.SequenceMatcher(None, text, near[0], False).get_opcodes()
            for _, a, b, c, d in [block for block in blocks if block[0] != "equal"][:3]:
                yield f"    ...{text[max(0, a - 40) : a]}[{text[a:b]} | {near[0][c:d]}]"[:300]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("programs", "before", "after"):
        parser.add_argument("--" + name, type=Path, required=True)
    parser.add_argument("--level", default="values")
    parser.add_argument("--shown", type=int, default=20, help="so many differences of a program")
    parser.add_argument("names", nargs="*", help="default: all that are not long")
    args = parser.parse_args()
    environment, status = args.programs.absolute(), 0
    for program in PROGRAMS:
        if program.name not in args.names and (args.names or program.long):
            continue
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for site in (args.before, args.after):
                install(site.resolve(), environment)
                for _ in range(2):
                    for _ in range(program.warm):
                        record(program, environment, Path(folder), args.level)
                    out = record(program, environment, Path(folder), args.level)
                    found.append(events(out, environment))
        unlike = list(differences(found[:2], found[2:]))
        totals = [sum(one.values()) for one in found]
        print(f"{program.name}: events {totals}, kinds of events that differ {len(unlike)}")
        for line in shown(unlike[: args.shown]):
            print("  " + line)
        sys.stdout.flush()
        status |= bool(unlike)
    return status


if __name__ == "__main__":
    sys.exit(main())
