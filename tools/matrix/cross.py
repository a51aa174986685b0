"""Builds for other platforms than this one, and runs of them what can be run here.

    musllinux-x86_64    the C tests, linked statically; a wheel, used with a CPython on musl
    manylinux-aarch64   the C tests and a wheel under qemu-user, on Debian's files for arm64
    windows-x86_64      the C tests that need no fork(), under Wine
    macOS               each file of the core is compiled; nothing is linked

A wheel goes through the steps of `make wheel-test`. docs/compat.md has the same table. It calls
untested what was not run."""

import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import time

import foreign
import libraries
import targets
import wheel_test
import wheels
from environments import ROOT, Failed, find_interpreters, run, say
from environments import tools as build_tools
from foreign import LOG, TOP

TESTED = ["musllinux-x86_64", "manylinux-aarch64"]
SYSTEMS = {"macOS x86-64": "x86_64-macos", "macOS aarch64": "aarch64-macos"}
# What cmocka finds out about a system by its own build, which is not used here.
CMOCKA = ["-DHAVE_SIGNAL_H", "-DHAVE_STRUCT_TIMESPEC", "-DHAVE_CLOCK_GETTIME", "-w"]


def test(versions):
    """Builds and tests all other platforms; returns an exit status."""
    if os.path.exists(LOG):
        os.unlink(LOG)
    os.makedirs(TOP, exist_ok=True)
    status = 0
    for target in (*(targets.TARGETS[name] for name in TESTED), targets.WINDOWS):
        began = time.time()
        try:
            counts = run_core(target)
            say(f"{target.name}: C tests: {counts} [{time.time() - began:.0f} s]")
        except Failed as error:
            say(f"{target.name}: C tests failed: {error}")
            status = 1
    for system, target in SYSTEMS.items():
        try:
            say(f"{system}: {compile_core(target)}; not linked, not run")
        except Failed as error:
            say(f"{system}: {error}")
            status = 1
    found, _ = find_interpreters()
    chosen = versions or [one for one in ("3.13", "3.11") if one in found][:1]
    status |= wheels.build_all(chosen, TESTED)
    for version in chosen:
        for name in TESTED:
            status |= use_wheel(version, targets.TARGETS[name])
    return status


# ---- wheels ----


def use_wheel(version, target):
    """Uses a wheel with a CPython of its platform; returns an exit status."""
    began = time.time()
    wheel = wheel_test.find_wheel(version, target.tag)
    try:
        if wheel is None:
            raise Failed("there is no wheel of it")
        python = foreign.bring(target, version)
        hides = target.cpu == targets.NATIVE.cpu
        passed = wheel_test.use(version, python, wheel, f"{version}-{target.name}", hides)
    except Failed as error:
        say(f"{version} {target.name}: not used, or failed: {error}")
        return 1
    say(f"{version} {target.name}: {passed} steps passed [{time.time() - began:.0f} s]")
    return 0


# ---- C tests ----


def run_core(target):
    """Builds the C tests for a target and runs them; returns meson's counts on one line."""
    found = libraries.build(target, LOG)
    if "-linux-gnu" in target.zig:  # the tests use what the C library of 2.17 has not
        zig = target.zig.rpartition("-")[0] + "-gnu.2.36"
        target = target._replace(name="test-" + target.cpu, zig=zig)
    environment = target.environ(
        PATH=os.path.join(build_tools(), "bin") + os.pathsep + os.environ["PATH"],
        PKG_CONFIG_LIBDIR=found + os.pathsep + build_cmocka(target),
        WINEPREFIX=os.path.join(TOP, "wine"), WINEDEBUG="-all",
    )  # fmt: skip
    folder = os.path.join(TOP, target.name, "build")
    # Tests of the include paths compile by themselves, and are the same on each platform.
    words = ["meson", "setup", folder, ROOT, "-Dpython=false", "-Dtests=true"]
    words += ["-Dbuildtype=debugoptimized", "--cross-file=" + targets.machine_file(target)]
    words += ["--cross-file=" + runner_file(target)]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        run(words, LOG, env=environment)
    run(["meson", "compile", "-C", folder, "-j", "2"], LOG, env=environment)
    words = ["meson", "test", "-C", folder, "-t", "20", "-j", "2", "--no-rebuild"]
    run(words, LOG, env=environment)
    with open(os.path.join(folder, "meson-logs", "testlog.txt")) as file:
        counts = re.findall(r"^(Ok|Fail|Skipped|Timeout): +(\d+)", file.read(), re.M)
    return ", ".join(f"{number} {name.lower()}" for name, number in counts if number != "0")


def runner_file(target):
    """Writes how a target's programs are run here: by themselves where they are static."""
    path = os.path.join(TOP, target.name + ".ini")
    if target.system == "windows":
        if shutil.which("wine") is None:
            raise Failed("wine is not here: apt-get install wine")
        rows = ["[binaries]", "exe_wrapper = 'wine'"]
    elif target.cpu == "x86_64":
        rows = ["[built-in options]", "c_link_args = ['-static']", "[properties]"]
        rows.append("needs_exe_wrapper = false")
    else:
        if shutil.which("qemu-" + target.cpu) is None:
            raise Failed(f"qemu-{target.cpu} is not here: apt-get install qemu-user")
        wrapper = ["qemu-" + target.cpu, "-L", system_root(target)]
        rows = ["[binaries]", f"exe_wrapper = {wrapper!r}"]
    with open(path, "w") as file:
        file.write("\n".join(rows) + "\n")
    return path


def system_root(target):
    """Returns a folder with the C library of a foreign processor, from Debian's package."""
    name = {"aarch64": "libc6-arm64-cross"}[target.cpu]
    folder = os.path.join(TOP, name)
    if not os.path.isdir(os.path.join(folder, "usr")):
        os.makedirs(folder, exist_ok=True)
        run(["apt-get", "download", name], LOG, cwd=folder)
        run(["dpkg", "-x", glob.glob(os.path.join(folder, "*.deb"))[0], folder], LOG)
    return glob.glob(os.path.join(folder, "usr", "*-linux-gnu"))[0]


def build_cmocka(target):
    """Compiles cmocka for a target; returns the folder that pkg-config looks into."""
    source = foreign.fetch_source("cmocka", "bookworm", "cmocka-*")
    top = os.path.join(TOP, target.name, "cmocka")
    os.makedirs(top, exist_ok=True)
    made = os.path.join(top, "cmocka.o")
    words = [*target.compiler, "-O1", *CMOCKA, "-I", os.path.join(source, "include")]
    words += ["-c", os.path.join(source, "src", "cmocka.c"), "-o", made]
    run(words, LOG, env=target.environ())
    archive = os.path.join(top, "libcmocka.a")
    run([*target.archiver, "rcs", archive, made], LOG, env=target.environ())
    with open(os.path.join(top, "cmocka.pc"), "w") as file:
        file.write(
            "Name: cmocka\nDescription: unit tests\nVersion: 1.1.5\n"
            f"Cflags: -I{source}/include\nLibs: -L{top} -lcmocka\n"
        )
    return top


# ---- systems that the core does not run on yet ----


def compile_core(target):
    """Compiles each file of the core for another system; returns how many of them that takes.

    Only those that call the system may fail: it has no such file of its own yet."""
    include = os.path.join(os.path.dirname(libraries.build(targets.NATIVE, LOG)), "include")
    rooms = sorted(glob.glob(os.path.join(ROOT, "src", "*", "")))
    rooms = [room for room in rooms if os.path.basename(room[:-1]) != "cpython"]
    base = [targets.zig(), "cc", "-target", target, "-std=gnu11", "-O0", "-w"]
    base += ["-isystem", include, "-DPCRE2_STATIC", "-I", os.path.join(ROOT, "include")]
    base += [word for room in rooms for word in ("-I", room)]
    base += ["-include", "xlocale.h"]  # where macOS has newlocale()
    files = [path for room in rooms for path in sorted(glob.glob(os.path.join(room, "*.c")))]
    files.remove(os.path.join(ROOT, "src", "base", "os_windows.c"))
    objects = os.path.join(TOP, target)
    os.makedirs(objects, exist_ok=True)

    def compile_one(path):
        made = os.path.join(objects, os.path.basename(path) + ".o")
        done = subprocess.run(
            [*base, "-c", path, "-o", made], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False, env=targets.NATIVE.environ(),
        )  # fmt: skip
        with open(LOG, "ab") as log:
            log.write(done.stdout)
        return done.returncode == 0

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = dict(zip(files, pool.map(compile_one, files)))
    bad = [os.path.relpath(path, os.path.join(ROOT, "src")) for path in files if not results[path]]
    wrong = [name for name in bad if not name.startswith(os.path.join("base", "os_"))]
    if wrong:
        raise Failed(f"these files call no system and do not compile: {' '.join(wrong)}; {LOG}")
    text = f"{len(files) - len(bad)} of {len(files)} files of the core compile"
    return text + (f"; not {' '.join(bad)}" if bad else "")
