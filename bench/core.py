"""Builds C programs of this folder with the core of a source tree, which needs no Python."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
LIBRARIES = {"format": ["-lzstd"], "pattern": ["-lpcre2-8"]}


def build(program, rooms, folder, tree=TREE):
    """Compiles the C file of this name into `folder` with the core's rooms, which are given in the
    order in which they need each other. Returns the path of the program."""
    core, path = os.path.join(folder, "core"), os.path.join(folder, program)
    if not os.path.exists(core):
        words = ["meson", "setup", core, tree, "-Dpython=false", "--buildtype=release"]
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
        subprocess.run(["ninja", "-C", core], stdout=subprocess.DEVNULL, check=True)
    words = ["cc", "-g", "-O3", "-std=gnu11", os.path.join(HERE, program + ".c"), "-o", path]
    words += ["-I" + os.path.join(tree, "include")]
    for room in rooms:
        words += ["-I" + os.path.join(tree, "src", room)]
        words += [os.path.join(core, f"librelive_{room}.a"), *LIBRARIES.get(room, [])]
    subprocess.run([*words, "-lpthread", "-ldl", "-lm"], check=True)
    return path
