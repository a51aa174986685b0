"""Benchmarks, and the proof of rewritten code on real packages."""

import os
import subprocess
import sys

from environments import (
    BUILD,
    ROOT,
    VERSIONS,
    environ,
    find_interpreters,
    install,
    install_workload_tools,
    installer,
    run,
    say,
)

PROGRAM = "docutils==0.20.1"  # the large program of the benchmark; the newest for 3.8
FILTERED = ["3.8", "3.11", "3.12", "3.13"]
WITH_PEERS = ["3.11", "3.12", "3.13"]
WITH_PDB_TESTS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]
PROVED = ["3.8", "3.9", "3.10", "3.11"]  # breakpoints rewrite code there
CORPUS = (
    "attrs boltons click django docutils flask httpx jinja2 more-itertools networkx packaging pip "
    "pygments pyparsing pytest requests rich setuptools sqlalchemy sympy twisted werkzeug"
).split()
WORKLOADS_ON = ["3.8", "3.11", "3.13", "3.14"]
SCRIPTS = ("run.py", "start.py", "forks.py", "questions.py")


def bench():
    """Runs bench/ on each interpreter; the table goes to build/bench.md."""
    found, _ = find_interpreters()
    out = os.path.join(BUILD, "bench.md")
    open(out, "w").close()
    for version, interpreter in sorted(found.items(), key=lambda item: VERSIONS.index(item[0])):
        path = install(version, interpreter, os.path.join(BUILD, "log", version + ".txt"))
        python = os.path.join(path, "bin", "python")
        log = os.path.join(BUILD, "log", "bench.txt")
        run([*installer(version, python), "install", "-q", PROGRAM], log)
        say(f"measuring {version} ...")
        for script in SCRIPTS:
            words = ["--append", out] if script == "run.py" else []
            script = os.path.join(ROOT, "bench", script)
            subprocess.call([python, script, *words], env=environ(), cwd=BUILD)
    with open(out, encoding="utf-8") as file:
        say(file.read())
    return 0


def ask(versions):
    """Asks questions of a long recording, on these versions or the newest one."""
    found, _ = find_interpreters()
    for version in [one for one in versions if one in found] or [max(found, key=VERSIONS.index)]:
        log = os.path.join(BUILD, "log", f"ask-{version}.txt")
        python = os.path.join(install(version, found[version], log), "bin", "python")
        say(f"asking with {version} ...")
        script = os.path.join(ROOT, "bench", "ask.py")
        status = subprocess.call([python, script], env=environ(), cwd=BUILD)
        if status != 0:
            return status
    return 0


def beside_peers(scripts, versions):
    """Runs benchmarks in copies of these versions' environments, which other tools then change."""
    found, _ = find_interpreters()
    chosen = [version for version in versions if version in found] or list(found)[-1:]
    status = 0
    for script in scripts:
        for version in chosen:
            log = os.path.join(BUILD, "log", f"peers-{version}.txt")
            path = install(version, found[version], log, (), "-peers")
            words = [os.path.join(path, "bin", "python"), os.path.join(ROOT, "bench", script)]
            status |= subprocess.call(words, env=environ(), cwd=BUILD)
    return status


def workloads(versions, before):
    """Runs the six workloads on these versions in one run; the tables go to build/workloads.md.

    `before` is the list of interpreters that have an older Relive to compare with."""
    found, _ = find_interpreters()
    pythons = []
    for version in [version for version in versions or WORKLOADS_ON if version in found]:
        log = os.path.join(BUILD, "log", f"workloads-{version}.txt")
        python = os.path.join(install(version, found[version], log), "bin", "python")
        install_workload_tools(version, python, log, ["viztracer"])
        pythons.append(python)
    script = os.path.join(ROOT, "bench", "workloads.py")
    words = [sys.executable, script, "--write", os.path.join(BUILD, "workloads.md"), *pythons]
    words += ["--before", *before] if before else []
    return subprocess.call(words, env=environ(), cwd=BUILD)


def pdb_tests(versions):
    """Runs CPython's own tests of pdb and bdb on Relive's debugger, on each of these versions."""
    found, _ = find_interpreters()
    status = 0
    for version in [version for version in versions or WITH_PDB_TESTS if version in found]:
        log = os.path.join(BUILD, "log", f"pdb-tests-{version}.txt")
        python = os.path.join(install(version, found[version], log), "bin", "python")
        script = os.path.join(ROOT, "tests", "peers", "run.py")
        status |= subprocess.call([python, script], env=environ(), cwd=BUILD)
    return status


def proof():
    """Rewrites the code of the standard library and of packages, and runs tests with it."""
    found, _ = find_interpreters()
    status = 0
    for version in [version for version in PROVED if version in found]:
        log = os.path.join(BUILD, "log", f"proof-{version}.txt")
        python = os.path.join(install(version, found[version], log), "bin", "python")
        packages = os.path.join(BUILD, "proof", version)
        pip = [*installer(version, python), "install", "-q"]
        run([*pip, "bytecode"], log)
        run([*pip, "--upgrade", "--target", packages, *CORPUS], log)
        tests = os.path.join(ROOT, "tests", "py")
        for words in ([packages], ["--suites"]):
            command = [python, "bytecode_proof.py", *words]
            status |= subprocess.call(command, env=environ(), cwd=tests)
    return status
