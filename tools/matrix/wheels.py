"""Wheels that install anywhere: one for each interpreter, checked before they are named.

    libraries.py   the C libraries, compiled for the target by the target's compiler
    meson-python   the wheel of this tree, against these libraries
    seal.py        tag, licences, list of parts
    check()        policy, names, folders, sizes: a wheel that misses one is not left behind

A wheel of another target is that of x86-64 with another compiled file, made by meson alone."""

import glob
import os
import re
import shutil
import subprocess
import time
import zipfile

import libraries
import seal
import targets
from environments import (
    BUILD,
    ROOT,
    VERSIONS,
    Failed,
    find_interpreters,
    installer,
    run,
    say,
)
from environments import tools as build_tools
from trained import source_date

OUT = os.path.join(BUILD, "wheels", "dist")
APART = os.path.join(BUILD, "wheels", "unpublished")
# Its binary interface may still change, so a wheel of it is built, tested and not published.
NOT_FINAL = ["3.15"]
DOWNLOAD, INSTALLED = 2_000_000, 6_000_000
EXPORTED = ["PyInit__core"]


def build_all(versions, names=("manylinux-x86_64",)):
    """Builds and checks the wheel of each version, or of all found; returns an exit status."""
    found, lack = find_interpreters()
    targets.tools()
    build_tools()
    status = 0
    for version in versions or VERSIONS:
        if version not in found:
            say(f"{version}: no wheel: {lack[version]}")
            status |= version in versions
            continue
        for name in names:
            began = time.time()
            try:
                wheel = build(version, found[version], targets.TARGETS[name])
                say(f"{describe(wheel)} [{time.time() - began:.0f} s]")
            except Failed as error:
                say(f"{version} {name}: {error}")
                status = 1
    return status


def build(version, interpreter, target):
    """Builds, completes and checks one wheel; returns its path."""
    log = os.path.join(BUILD, "log", f"wheel-{version}-{target.name}.txt")
    found = libraries.build(target, log)
    epoch = int(source_date())
    out = APART if version in NOT_FINAL else OUT
    if target is targets.NATIVE:
        wheel = seal.seal(build_plain(version, interpreter, found, log), target, out, epoch)
    else:
        plain = glob.glob(os.path.join(BUILD, "wheels", "plain", version, "*.whl"))
        if not plain:
            native = libraries.build(targets.NATIVE, log)
            plain = [build_plain(version, interpreter, native, log)]
        name, content = build_core(version, interpreter, target, found, log)
        wheel = seal.seal(plain[0], target, out, epoch, (name, content))
    try:
        check(wheel, target)
    except Failed:
        os.unlink(wheel)
        raise
    return wheel


def builder(version, interpreter, log):
    """Returns the folder of programs of an environment that can build, and nothing else."""
    path = os.path.join(BUILD, "wheels", "builders", version)
    python = os.path.join(path, "bin", "python")
    stamp = os.path.join(path, "stamp")
    if not (os.path.exists(stamp) and open(stamp).read() == interpreter):
        shutil.rmtree(path, ignore_errors=True)
        run([interpreter, "-m", "venv", "--without-pip", path], log)
        command = [os.path.join(build_tools(), "bin", "pip"), "--python", python]
        if installer(version, python)[0] == python:  # the newest pip refuses this interpreter
            shutil.rmtree(path, ignore_errors=True)
            run([interpreter, "-m", "venv", path], log)
            command = [python, "-m", "pip"]
            run([*command, "install", "-q", "-U", "pip"], log)
        run([*command, "install", "-q", "meson>=1.3", "meson-python>=0.16", "ninja"], log)
        with open(stamp, "w") as file:
            file.write(interpreter)
    return os.path.join(path, "bin")


def build_plain(version, interpreter, found, log):
    """Builds the wheel of this tree for x86-64 as meson-python makes it; returns its path."""
    target = targets.NATIVE
    programs = builder(version, interpreter, log)
    python = os.path.join(programs, "python")
    out = os.path.join(BUILD, "wheels", "plain", version)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    env = target.environ(
        PATH=programs + os.pathsep + os.environ["PATH"],
        PKG_CONFIG_LIBDIR=found,
        SOURCE_DATE_EPOCH=source_date(),
    )
    words = ["wheel", "-q", "--no-build-isolation", "--no-deps", "-w", out, ROOT]
    words.append("-Cbuild-dir=" + os.path.join(BUILD, "wheels", "build", version))
    words += ["-Csetup-args=" + word for word in settings(target)]
    run([*installer(version, python), *words], log, env=env)
    return glob.glob(os.path.join(out, "*.whl"))[0]


def settings(target):
    """Returns meson's options for a build that has no path of this machine in it."""
    kind = "--native-file=" if target is targets.NATIVE else "--cross-file="
    return [
        kind + targets.machine_file(target),
        "-Dbuildtype=release",
        f"-Dc_args=-ffile-prefix-map={ROOT}/= -ffunction-sections -fdata-sections"
        f" -idirafter {targets.headers()}",
    ]


def build_core(version, interpreter, target, found, log):
    """Builds the compiled file alone for a foreign target; returns its name and bytes.

    Headers of this machine's interpreter serve the target: both have 64 bits and one byte order."""
    programs = builder(version, interpreter, log)
    folder = os.path.join(BUILD, "wheels", "build", f"{version}-{target.name}")
    env = target.environ(PATH=programs + os.pathsep + os.environ["PATH"], PKG_CONFIG_LIBDIR=found)
    meson = [os.path.join(programs, "meson")]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        run([*meson, "setup", folder, ROOT, *settings(target)], log, env=env)
    run([*meson, "compile", "-C", folder], log, env=env)
    (made,) = glob.glob(os.path.join(folder, "src", "cpython", "_core.*.so"))
    name = re.sub(
        r"x86_64-linux-(gnu|musl)",
        f"{target.cpu}-linux-{'musl' if 'musl' in target.zig else 'gnu'}",
        os.path.basename(made),
    )
    with open(made, "rb") as file:
        return name, file.read()


# ---- what a wheel must be ----


def check(wheel, target):
    """Raises Failed where a wheel is too large, exports more, or needs a newer system."""
    size, unpacked = sizes(wheel)
    if size > DOWNLOAD or unpacked > INSTALLED:
        raise Failed(f"{os.path.basename(wheel)} is too large: {size:,} and {unpacked:,} bytes")
    names = [line.split()[-1] for line in inspect(wheel, "nm", "-D", "--defined-only")]
    if names != EXPORTED:
        raise Failed(f"{os.path.basename(wheel)} exports {' '.join(names[:9])}")
    # A name of the C library has a version; any other one must come from the interpreter.
    wanted = [line.split()[-1] for line in inspect(wheel, "nm", "-D", "--undefined-only")]
    unknown = [name for name in wanted if not re.match(r"_?Py|.*@|__gmon_start__|_ITM_", name)]
    if unknown and "musl" not in target.zig:
        raise Failed(f"{os.path.basename(wheel)} lacks {' '.join(unknown[:9])}")
    folders = [line for line in inspect(wheel, "readelf", "-d") if "PATH" in line]
    if folders:
        raise Failed(f"{os.path.basename(wheel)} looks into folders of this machine: {folders}")
    text = policy(wheel)
    if target.tag.rpartition("_")[0].split("_")[0] == "manylinux" and target.tag not in text:
        raise Failed(f"{os.path.basename(wheel)} is not {target.tag}: {text}")


def sizes(wheel):
    """Returns the bytes of a wheel, and those of its files when installed."""
    with zipfile.ZipFile(wheel) as archive:
        return os.path.getsize(wheel), sum(entry.file_size for entry in archive.infolist())


def inspect(wheel, *words):
    """Returns the lines that a program prints of a wheel's compiled file."""
    name, content = seal.compiled(wheel)
    path = os.path.join(BUILD, "wheels", f"{os.path.basename(wheel)}-{os.path.basename(name)}")
    with open(path, "wb") as file:
        file.write(content)
    try:
        text = subprocess.check_output([*words, path]).decode("utf-8", "replace")
    finally:
        os.unlink(path)
    return text.splitlines()


def policy(wheel):
    """Returns what auditwheel reports about a wheel, on one line."""
    words = [os.path.join(targets.tools(), "auditwheel"), "show", wheel]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return " ".join(done.stdout.decode().split())


def describe(wheel):
    """Returns a wheel's path and sizes as a line."""
    size, unpacked = sizes(wheel)
    apart = ", not to be published" if os.path.dirname(wheel) == APART else ""
    return (
        f"{os.path.relpath(wheel, ROOT)}  {size / 1e6:.2f} MB to download,"
        f" {unpacked / 1e6:.2f} MB installed{apart}"
    )
