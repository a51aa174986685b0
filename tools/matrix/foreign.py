"""CPython for platforms that this machine is not, to run their wheels with.

    manylinux-aarch64   Debian's packages for arm64, unpacked below build/, run by qemu-user
    musllinux-x86_64    Debian's source package of CPython, compiled here by musl-gcc

The system's own package lists are not changed: apt gets its own folders."""

import glob
import os
import re
import shutil

from environments import BUILD, Failed, run

TOP = os.path.join(BUILD, "cross")
LOG = os.path.join(BUILD, "log", "cross.txt")
# In which release of Debian a version is. The others are in none.
SUITES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "sid", "3.15": "sid"}
# Extension modules that need a library which is not there for musl.
LEFT_OUT = (
    "_bz2 _ctypes _curses _curses_panel _dbm _gdbm _hashlib _lzma _sqlite3 _ssl _tkinter _uuid"
    " readline"
)


def bring(target, version):
    """Returns the path of a CPython for a target, which can be run like any other program here."""
    if version not in SUITES:
        raise Failed(f"Debian has no CPython {version}; it has {' '.join(SUITES)}")
    if target.name == "manylinux-aarch64":
        return bring_packages(version)
    if target.name == "musllinux-x86_64":
        return compile_source(target, version)
    raise Failed(f"no CPython for {target.name} is known")


def bring_packages(version):
    """Unpacks Debian's packages for arm64; returns the path of a script that runs them by qemu."""
    emulator = shutil.which("qemu-aarch64")
    if emulator is None:
        raise Failed("qemu-aarch64 is not here: apt-get install qemu-user")
    top = os.path.join(TOP, f"python-{version}-aarch64")
    root = os.path.join(top, "root")
    python = os.path.join(root, "usr", "bin", f"python{version}")
    if not os.path.exists(python + ".bin"):
        shutil.rmtree(top, ignore_errors=True)
        apt = private_apt(top, "deb", SUITES[version], "arm64")
        words = ["install", "-y", "--no-install-recommends", "--download-only"]
        run([*apt, *words, f"python{version}"], LOG, cwd=top)
        for package in glob.glob(os.path.join(top, "cache", "archives", "*.deb")):
            run(["dpkg", "-x", package, root], LOG)
        if not os.path.exists(os.path.join(root, "lib")):
            os.symlink("usr/lib", os.path.join(root, "lib"))
        os.rename(python, python + ".bin")
    # The kernel starts no foreign program, so each start goes through a script. The interpreter
    # takes the script's path for its own, and its child processes use it.
    with open(python, "w") as file:
        file.write(f'#!/bin/sh\nexec {emulator} -0 "$0" -L {root} {python}.bin "$@"\n')
    os.chmod(python, 0o755)
    return python


def compile_source(target, version):
    """Compiles CPython by musl-gcc; returns the path of the interpreter."""
    if shutil.which("musl-gcc") is None:
        raise Failed("musl-gcc is not here: apt-get install musl-tools")
    prefix = os.path.join(TOP, f"python-{version}-musl")
    python = os.path.join(prefix, "bin", "python" + version)
    if os.path.exists(python):
        return python
    zlib = compile_zlib()
    source = fetch_source("python" + version, SUITES[version], "Python-*")
    folder = os.path.join(TOP, target.name, "python-" + version)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "Modules"))
    with open(os.path.join(folder, "Modules", "Setup.local"), "w") as file:
        file.write(f"*disabled*\n{LEFT_OUT}\n")
    compiler = os.path.join(folder, "cc")
    with open(compiler, "w") as file:  # musl-gcc itself answers with the platform of gcc
        file.write(
            '#!/bin/sh\n[ "$*" != --print-multiarch ] || exec echo x86_64-linux-musl\n'
            'exec musl-gcc "$@"\n'
        )
    os.chmod(compiler, 0o755)
    words = [os.path.join(source, "configure"), "-q", "--prefix=" + prefix, "CC=" + compiler]
    # As Alpine does: a thread's traceback needs more stack than the 128 KiB of musl.
    flags = "-O1 -g0 -DTHREAD_STACK_SIZE=0x100000"
    words += ["--without-ensurepip", "--disable-test-modules", "CFLAGS=" + flags]
    words += [f"ZLIB_CFLAGS=-I{zlib}", f"ZLIB_LIBS={os.path.join(zlib, 'libz.a')}"]
    run(words, LOG, cwd=folder)
    run(["make", "-s", "-j2"], LOG, cwd=folder)
    run(["make", "-s", "commoninstall", "bininstall"], LOG, cwd=folder)
    return python


def compile_zlib():
    """Compiles zlib by musl-gcc, without which no wheel can be unpacked; returns its folder."""
    source = fetch_source("zlib", "bookworm", "zlib-*")
    if not os.path.exists(os.path.join(source, "libz.a")):
        env = dict(os.environ, CC="musl-gcc", CFLAGS="-O1 -fPIC")
        run(["sh", "./configure", "--static"], LOG, cwd=source, env=env)
        run(["make", "-s", "libz.a"], LOG, cwd=source, env=env)
    return source


def fetch_source(package, suite, pattern):
    """Returns the unpacked folder of a source package, as its authors published it."""
    top = os.path.join(TOP, "source", package)
    found = glob.glob(os.path.join(top, pattern, ""))
    if not found:
        apt = private_apt(top, "deb-src", suite)
        run([*apt, "source", "--download-only", f"{package}/{suite}"], LOG, cwd=top)
        found = glob.glob(os.path.join(top, "*.orig.tar.*"))
        (archive,) = (path for path in found if not path.endswith(".asc"))  # its signature
        shutil.unpack_archive(archive, top)
        found = glob.glob(os.path.join(top, pattern, ""))
    return found[0].rstrip(os.sep)


def private_apt(top, kind, suite, architecture=None):
    """Returns the first words of apt-get with folders of its own and fresh lists of one suite.

    `kind`: `deb` or `deb-src`."""
    for folder in ("lists/partial", "cache/archives/partial", "etc"):
        os.makedirs(os.path.join(top, folder), exist_ok=True)
    open(os.path.join(top, "status"), "w").close()
    with open("/etc/apt/sources.list.d/debian.sources") as file:
        rows = re.findall(r"^(?:URIs|Signed-By): .*$", file.read(), re.M)[:2]
    rows += [f"Types: {kind}", f"Suites: {suite}", "Components: main"]
    with open(os.path.join(top, "etc", "one.sources"), "w") as file:
        file.write("\n".join(rows) + "\n")
    options = {
        "Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": f"{top}/etc",
        "Dir::State::lists": f"{top}/lists", "Dir::State::status": f"{top}/status",
        "Dir::Cache": f"{top}/cache", "APT::Sandbox::User": "root",
    }  # fmt: skip
    if architecture:
        options.update({"APT::Architecture": architecture, "APT::Architectures": architecture})
    apt = ["apt-get", *(word for item in options.items() for word in ("-o", "=".join(item)))]
    run([*apt, "update"], LOG, cwd=top)
    return apt
