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
MASK = re.compile(r"0x[0-9a-fA-F]+|\b\d{5,}\b|\d+\.\d{3,}(e-?\d+)?|tmp\w{6,8}|\d\d:\d\d:\d\d")
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


def plain(value, functions):
    """Returns what two runs have in common. `functions` of frames."""
    if isinstance(value, dict):
        return {
            key: functions.get(item) if key in FRAMES else plain(item, functions)
            for key, item in value.items()
            if key not in OF_THE_RUN
        }
    if isinstance(value, list):
        return [plain(item, functions) for item in value]
    return MASK.sub("~", value) if isinstance(value, str) else value


def text_of(event, functions):
    """Returns an event as a text. The items of a set have no order."""
    text = json.dumps(plain(event, functions), sort_keys=True)
    return re.sub(r"\{[^{}:]*\}", lambda found: "".join(sorted(found[0])), text)


def events(out, environment):
    """Returns {text of an event: how often it came}."""
    words = [str(environment / "bin" / "python"), "-m", "relive", "dump", str(out)]
    found, functions = collections.Counter(), collections.defaultdict(dict)
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            event = json.loads(line)
            if "kind" not in event or event["kind"] == "header":
                continue
            known = functions[event["pid"]]
            if event["kind"] == "call":
                known[event["frame"]] = event["func"]
            found[text_of(event, known)] += 1
    return found


def differences(before, after):
    """Yields (text, counts before, counts after) where each run after has more than each run
    before, or each has less."""
    for text in sorted(set().union(*before, *after)):
        old, new = [one[text] for one in before], [one[text] for one in after]
        if max(old) < min(new) or max(new) < min(old):
            yield text, old, new


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("programs", "before", "after"):
        parser.add_argument("--" + name, type=Path, required=True)
    parser.add_argument("--level", default="values")
    parser.add_argument("--shown", type=int, default=20, help="so many differences of a program")
    parser.add_argument("names", nargs="*", help="default: all that are not long")
    args = parser.parse_args()
    status = 0
    for program in PROGRAMS:
        if program.name not in args.names and (args.names or program.long):
            continue
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for site in (args.before, args.after):
                install(site.resolve(), args.programs)
                for _ in range(2):
                    for _ in range(program.warm):
                        record(program, args.programs.resolve(), Path(folder), args.level)
                    out = record(program, args.programs.resolve(), Path(folder), args.level)
                    found.append(events(out, args.programs))
        unlike = list(differences(found[:2], found[2:]))
        totals = [sum(one.values()) for one in found]
        print(f"{program.name}: events {totals}, kinds of events that differ {len(unlike)}")
        for text, old, new in unlike[: args.shown]:
            print(f"  {old} -> {new}  {text[:400]}")
        sys.stdout.flush()
        status |= bool(unlike)
    return status


if __name__ == "__main__":
    sys.exit(main())
