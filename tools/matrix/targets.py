"""The platforms that wheels are built for, and the compiler of each.

The package ziglang is clang with the headers and link stubs of every glibc and of musl. So one
package serves all targets on any machine."""

import collections
import glob
import os
import shutil
import sys

from environments import BUILD, environ, run

TOOLS = os.path.join(BUILD, "wheels", "tools")
PACKAGES = ["ziglang==0.17.0", "auditwheel", "meson>=1.3", "ninja"]


class Target(collections.namedtuple("Target", "name zig tag cpu")):
    """A platform: its name here, zig's name for it, the wheel's tag, and meson's processor."""

    @property
    def compiler(self):
        """Returns the command of the C compiler: one file, which ccache can look through."""
        path = os.path.join(BUILD, "wheels", "cc-" + self.name)
        with open(path, "w") as file:
            file.write(f'#!/bin/sh\nexec {zig()} cc -target {self.zig} "$@"\n')
        os.chmod(path, 0o755)
        return [*(["ccache"] if shutil.which("ccache") else []), path]

    @property
    def system(self):
        return "windows" if "-windows-" in self.zig else "linux"

    @property
    def archiver(self):
        return [zig(), "ar"]

    def environ(self, **more):
        """Returns variables under which zig keeps what it makes below build/."""
        cache = os.path.join(BUILD, "wheels", "cache")
        # Every version compiles the same core. The command's content is its version for ccache.
        ccache = dict(CCACHE_COMPILERTYPE="clang", CCACHE_COMPILERCHECK="content")
        env = environ(ZIG_GLOBAL_CACHE_DIR=cache, ZIG_LOCAL_CACHE_DIR=cache, **ccache, **more)
        for name in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS"):  # meant for the caller's own compiler
            env.pop(name, None)
        return env


TARGETS = {
    one.name: one
    for one in (
        Target("manylinux-x86_64", "x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64", "x86_64"),
        Target("manylinux-aarch64", "aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64", "aarch64"),
        Target("musllinux-x86_64", "x86_64-linux-musl", "musllinux_1_2_x86_64", "x86_64"),
        Target("musllinux-aarch64", "aarch64-linux-musl", "musllinux_1_2_aarch64", "aarch64"),
    )
}
WINDOWS = Target("windows-x86_64", "x86_64-windows-gnu", "", "x86_64")  # the core alone, no wheel
NATIVE = TARGETS["manylinux-x86_64"]


def zig():
    """Returns the path of the program in the package ziglang."""
    tools()
    return glob.glob(os.path.join(TOOLS, "lib", "python*", "site-packages", "ziglang", "zig"))[0]


def tools():
    """Returns the folder of the programs that make and check wheels; the first call installs."""
    stamp = os.path.join(TOOLS, "stamp")
    want = " ".join(PACKAGES)
    if not (os.path.exists(stamp) and open(stamp).read() == want):
        log = os.path.join(BUILD, "log", "wheel-tools.txt")
        shutil.rmtree(TOOLS, ignore_errors=True)
        run([sys.executable, "-m", "venv", TOOLS], log)
        run([os.path.join(TOOLS, "bin", "pip"), "install", "-q", "-U", "pip", *PACKAGES], log)
        with open(stamp, "w") as file:
            file.write(want)
    return os.path.join(TOOLS, "bin")


def headers():
    """Returns a folder with an empty crypt.h, which Python.h of 3.8 to 3.10 wants to see.

    The compiler's own headers have none, and Relive uses nothing of it."""
    path = os.path.join(BUILD, "wheels", "headers")
    os.makedirs(path, exist_ok=True)
    open(os.path.join(path, "crypt.h"), "w").close()
    return path


def machine_file(target):
    """Writes what meson must know of a target's compiler; returns the path.

    The binaries of a foreign target are not run while it is built."""
    path = os.path.join(BUILD, "wheels", target.name + ".ini")
    rows = [
        "[binaries]",
        f"c = {target.compiler!r}",
        f"ar = {target.archiver!r}",
        "pkg-config = 'pkg-config'",
        "[built-in options]",
        "c_link_args = ['-Wl,--gc-sections', '-s']",
    ]
    if target is not NATIVE:
        rows += [
            "[properties]",
            "needs_exe_wrapper = true",
            "[host_machine]",
            f"system = '{target.system}'",
            f"cpu_family = '{target.cpu}'",
            f"cpu = '{target.cpu}'",
            "endian = 'little'",
        ]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("\n".join(rows) + "\n")
    return path
