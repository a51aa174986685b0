"""Builds for other platforms than this one, and runs of them what can be run here.

    musllinux-x86_64    the C tests, linked statically; a wheel
    manylinux-aarch64   the C tests under qemu-user, on Debian's libc for arm64; a wheel
    windows, macos      each file of the core is parsed by a compiler for that system

A wheel of another platform is not run, since no CPython for it is at hand. docs/compat.md has the
same table. It calls untested what was not run."""

import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import time

import libraries
import targets
import wheels
from environments import BUILD, ROOT, Failed, find_interpreters, run, say
from environments import tools as build_tools

TOP = os.path.join(BUILD, "cross")
LOG = os.path.join(BUILD, "log", "cross.txt")
TESTED = ["musllinux-x86_64", "manylinux-aarch64"]
SYSTEMS = {
    "Windows x86-64": "x86_64-windows-gnu",
    "macOS x86-64": "x86_64-macos",
    "macOS aarch64": "aarch64-macos",
}
# What cmocka finds out about a system by its own build, which is not used here.
CMOCKA = ["-DHAVE_SIGNAL_H", "-DHAVE_STRUCT_TIMESPEC", "-DHAVE_CLOCK_GETTIME", "-w"]


def test(versions):
    """Builds and tests all other platforms; returns an exit status."""
    if os.path.exists(LOG):
        os.unlink(LOG)
    os.makedirs(TOP, exist_ok=True)
    status = 0
    for name in TESTED:
        began = time.time()
        try:
            counts = run_core(targets.TARGETS[name])
            say(f"{name}: C tests: {counts} [{time.time() - began:.0f} s]")
        except Failed as error:
            say(f"{name}: C tests failed: {error}")
            status = 1
    for system, target in SYSTEMS.items():
        say(f"{system}: {parse_core(target)}; not linked, not run")
    found, _ = find_interpreters()
    chosen = versions or [one for one in ("3.12", "3.13") if one in found][:1]
    return wheels.build_all(chosen, TESTED) | status


# ---- C tests ----


def run_core(target):
    """Builds the C tests for a target and runs them; returns meson's counts on one line."""
    found = libraries.build(target, LOG)
    if "gnu" in target.zig:  # the tests use what the C library of 2.17 has not
        zig = target.zig.rpartition("-")[0] + "-gnu.2.36"
        target = target._replace(name="test-" + target.cpu, zig=zig)
    environment = target.environ(
        PATH=os.path.join(build_tools(), "bin") + os.pathsep + os.environ["PATH"],
        PKG_CONFIG_LIBDIR=found + os.pathsep + build_cmocka(target),
    )
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
    if target.cpu == "x86_64":
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
    source = fetch_cmocka()
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


def fetch_cmocka():
    """Returns the folder of cmocka's source, from Debian; the system's lists are not changed."""
    top = os.path.join(TOP, "source")
    found = glob.glob(os.path.join(top, "cmocka-*", "src"))
    if found:
        return os.path.dirname(found[0])
    for folder in ("lists/partial", "cache/archives/partial", "etc"):
        os.makedirs(os.path.join(top, folder), exist_ok=True)
    open(os.path.join(top, "status"), "w").close()
    with open("/etc/apt/sources.list.d/debian.sources") as file:
        rows = re.findall(r"^(?:URIs|Signed-By): .*$", file.read(), re.M)[:2]
    rows += ["Types: deb-src", "Suites: bookworm", "Components: main"]
    with open(os.path.join(top, "etc", "source.sources"), "w") as file:
        file.write("\n".join(rows) + "\n")
    apt = ["apt-get"]
    for key, value in {
        "Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": f"{top}/etc",
        "Dir::State::lists": f"{top}/lists", "Dir::State::status": f"{top}/status",
        "Dir::Cache": f"{top}/cache", "APT::Sandbox::User": "root",
    }.items():  # fmt: skip
        apt += ["-o", f"{key}={value}"]
    run([*apt, "update"], LOG, cwd=top)
    run([*apt, "source", "--download-only", "cmocka"], LOG, cwd=top)
    shutil.unpack_archive(glob.glob(os.path.join(top, "cmocka_*.orig.tar.xz"))[0], top)
    return fetch_cmocka()


# ---- systems that the core does not run on yet ----


def parse_core(target):
    """Parses each file of the core for another system; returns how many of them it takes."""
    include = os.path.join(BUILD, "wheels", "libraries", targets.NATIVE.name, "include")
    rooms = sorted(glob.glob(os.path.join(ROOT, "src", "*", "")))
    rooms = [room for room in rooms if os.path.basename(room[:-1]) != "cpython"]
    base = [targets.zig(), "cc", "-target", target, "-std=gnu11", "-fsyntax-only", "-w"]
    base += ["-isystem", include, "-DPCRE2_STATIC", "-I", os.path.join(ROOT, "include")]
    base += [word for room in rooms for word in ("-I", room)]
    files = [path for room in rooms for path in sorted(glob.glob(os.path.join(room, "*.c")))]

    def parse_one(path):
        done = subprocess.run(
            [*base, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env=targets.NATIVE.environ(),
        )  # fmt: skip
        with open(LOG, "ab") as log:
            log.write(done.stdout)
        return done.returncode == 0

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = dict(zip(files, pool.map(parse_one, files)))
    bad = [os.path.relpath(path, os.path.join(ROOT, "src")) for path in files if not results[path]]
    text = f"{len(files) - len(bad)} of {len(files)} files of the core compile"
    return text + (f"; not {' '.join(bad)}" if bad else "")
