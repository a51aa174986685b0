"""Runs gcc -fanalyzer or clang-tidy on the C core (src/ without src/cpython), two files at a time.

analysers.py gcc            gcc's own analyser, at -O0, where it is most precise
analysers.py clang-tidy     the checks of .clang-tidy; --tool names the program

Each finding is printed and fails the run, unless tools/known_findings.txt names it with a reason.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KNOWN = "tools/known_findings.txt"
AT_ONCE = 2
FINDING = re.compile(
    r"^(\S+?):(\d+):\d+: (?:warning|error): (.*?)(?: \[CWE-\d+\])? \[(\S+)\]$", re.M
)


class Known:
    """A line of known_findings.txt: a finding that stays, and why."""

    def __init__(self, check, path, reason):
        self.check, self.path, self.reason = check, path, reason
        self.is_used = False


def read_known(text):
    """Returns the lines of known_findings.txt: check, file and reason, in this order."""
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Known(*row.split(None, 2)) for row in rows]


def core_files():
    """Returns the .c files of the core, and the flags that show a compiler their headers."""
    folders = sorted(glob.glob(os.path.join(ROOT, "src", "*", "")))
    folders = [os.path.relpath(path, ROOT) for path in folders if "cpython" not in path]
    files = [path for folder in folders for path in glob.glob(os.path.join(ROOT, folder, "*.c"))]
    files.remove(os.path.join(ROOT, "src", "base", "os_windows.c"))  # its headers are not here
    flags = ["-std=gnu11", "-Iinclude", *("-I" + folder for folder in folders)]
    return sorted(os.path.relpath(path, ROOT) for path in files), flags


def gcc_command(path, flags):
    """Returns the command for one file; ccache, where it is installed, keeps its answer."""
    out = os.path.join(ROOT, "build", "analysed", path.replace("/", "-") + ".o")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    cache = ["ccache"] if shutil.which("ccache") else []
    return [*cache, "gcc", *flags, "-O0", "-fanalyzer", "-fdiagnostics-plain-output", "-c", path,
            "-o", out]  # fmt: skip


def findings_in(output):
    """Returns (path, line, message, check) of each finding in the output of a compiler, once."""
    found = []
    for path, line, message, check in FINDING.findall(output):
        row = os.path.relpath(os.path.join(ROOT, path), ROOT), int(line), message, check
        if row not in found:
            found.append(row)
    return found


def analyse(command):
    """Runs one command; returns its findings, or one that says how it failed."""
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    output = done.stdout.decode("utf-8", "replace")
    found = findings_in(output)
    if done.returncode and not found:
        found = [(command[-1], 0, output[-2000:], "failed")]
    return found


def unknown(findings, known):
    """Returns the findings that no line of known_findings.txt names, and marks the lines used."""
    left = []
    for finding in findings:
        for one in known:
            if one.check == re.sub("^-W", "", finding[3]) and one.path == finding[0]:
                one.is_used = True
                break
        else:
            left.append(finding)
    return left


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=("gcc", "clang-tidy"))
    parser.add_argument("--tool", default="clang-tidy", help="the program for clang-tidy")
    args = parser.parse_args()
    files, flags = core_files()
    if args.kind == "gcc":
        commands = [gcc_command(path, flags) for path in files]
    else:
        commands = [[args.tool, "--quiet", path, "--", *flags] for path in files]
    with open(os.path.join(ROOT, KNOWN), encoding="utf-8") as file:
        known = read_known(file.read())
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        findings = {row: None for rows in pool.map(analyse, commands) for row in rows}
    left = unknown(findings, known)
    for path, line, message, check in left:
        print(f"{path}:{line}: {message} [{check}]")
    is_gcc = args.kind == "gcc"
    for one in known:
        if not one.is_used and one.check.startswith("analyzer-") == is_gcc:
            print(f"not found by this {args.kind}: {one.check} in {one.path}")
    print(f"{args.kind}: {len(files)} files, {len(findings)} findings, {len(left)} not in {KNOWN}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
