"""Wheels for a release: the compiler learns from the six workloads what a recording runs.

A wheel is built twice in one folder. The first build counts (gcc's -fprofile-generate). It records
the workloads, and the second build uses the counts. LTO stays off: it made a recorded call slower.
The profile is made by each run of the target and not stored."""

import glob
import os
import shutil
import subprocess
import sys

from environments import (
    BUILD,
    ROOT,
    Failed,
    default_interpreter,
    environ,
    environment,
    find_interpreters,
    install_workload_tools,
    installer,
    run,
    say,
)

WHEELS = os.path.join(BUILD, "release")
SMALLER = 8  # than a round of the benchmark: code that counts is slow
LEVELS = ("calls", "values", "lines")
SEED = "-frandom-seed=relive"
# Counts of two threads at once stay whole. A value that depends on the threads' order is not used.
COUNT = f"-fprofile-update=atomic -fprofile-reproducible=multithreaded {SEED}"
# Code that the training does not run (reader, debugger) is compiled as without a profile.
USE = f"-fprofile-reproducible=multithreaded -fprofile-partial-training -Wno-missing-profile {SEED}"


def settings(stage, folder):
    """Returns the options of pip for one build: `generate`, or `use`."""
    arguments = COUNT if stage == "generate" else f"{USE} -ffile-prefix-map={ROOT}/="
    setup = ["-Db_pgo=" + stage, "-Db_lto=false", "-Dbuildtype=release", "-Dc_args=" + arguments]
    return ["-Cbuild-dir=" + folder, *["-Csetup-args=" + word for word in setup]]


def source_date():
    """Returns the time of the last commit, which the wheel gives to its files."""
    words = ["git", "-C", ROOT, "log", "-1", "--format=%ct"]
    try:
        return subprocess.check_output(words, stderr=subprocess.DEVNULL).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return "1704067200"  # of an archive without history: 2024-01-01


def training():
    """Returns the words for bench/pairs.py, which records each workload at each level."""
    sys.path.insert(0, os.path.join(ROOT, "bench"))
    from workloads import WORKLOADS

    return [
        [program, str(size // SMALLER), f"relive {level}", "1"]
        for program, size in WORKLOADS.values()
        for level in LEVELS
    ]


def build(version, interpreter):
    """Builds the wheel of one version; returns its path."""
    log = os.path.join(BUILD, "log", f"release-{version}.txt")
    path = environment(version, interpreter, log)
    python = os.path.join(path, "bin", "python")
    install_workload_tools(version, python, log)
    folder, made = os.path.join(WHEELS, version), os.path.join(WHEELS, "counting", version)
    for old in (folder, made):
        shutil.rmtree(old, ignore_errors=True)
    env = environ(
        PATH=os.path.join(path, "bin") + os.pathsep + os.environ["PATH"],
        SOURCE_DATE_EPOCH=source_date(),
        CCACHE_DISABLE="1",  # it does not see the counts
    )
    wheel = [*installer(version, python), "wheel", "-q", "--no-build-isolation", "--no-deps", ROOT]
    run([*wheel, "-w", made, *settings("generate", folder)], log, env=env)
    counting = os.path.join(made, "site-packages")
    shutil.unpack_archive(glob.glob(os.path.join(made, "*.whl"))[0], counting, "zip")
    script = os.path.join(ROOT, "bench", "pairs.py")
    for words in training():
        run([python, script, *words], log, env=dict(env, PYTHONPATH=counting))
    if not glob.glob(os.path.join(folder, "**", "*.gcda"), recursive=True):
        raise Failed(f"the training of {version} left no counts: is the compiler gcc?")
    out = os.path.join(WHEELS, "wheels", version)
    shutil.rmtree(out, ignore_errors=True)
    run([*wheel, "-w", out, *settings("use", folder)], log, env=env)
    return glob.glob(os.path.join(out, "*.whl"))[0]


def wheels(versions):
    """Builds a wheel for each of these versions, else for the default interpreter."""
    found, lack = find_interpreters()
    version, interpreter = default_interpreter()
    chosen = {one: found.get(one) for one in versions} or {version: interpreter}
    for version, interpreter in chosen.items():
        if interpreter is None:
            raise Failed(f"{version}: {lack[version]}")
        say(f"building and training for {version} ...")
        say(os.path.relpath(build(version, interpreter), ROOT))
    return 0
