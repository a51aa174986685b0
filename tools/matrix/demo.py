"""The first look at Relive: `make demo`, and `make picture` for the one in README.md."""

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
    find_interpreters,
    install,
    say,
)

SHOWN_ON = "3.12"  # the picture is of this version where it is there


def show():
    """Builds Relive, records the example, shows its tree."""
    version, interpreter = default_interpreter()
    say(f"building Relive for Python {version} ...")
    path = install(version, interpreter, os.path.join(BUILD, "log", f"demo-{version}.txt"))
    relive = os.path.join(path, "bin", "relive")
    folder = os.path.join(BUILD, "demo")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    program = os.path.join("examples", "shop.py")
    for words in (
        ["record", "-o", "shop.relive", program],
        ["tree", "shop.relive"],
        ["info", "shop.relive"],
    ):
        say("\n$ relive " + " ".join(words))
        words = [os.path.join(ROOT, word) if word == program else word for word in words]
        status = subprocess.call([relive, *words], cwd=folder, env=environ())
        if status != 0:
            raise Failed(f"relive {words[0]} ended with {status}")
    say(
        f"\nThe commands are in {os.path.relpath(os.path.dirname(relive), ROOT)};"
        f" the recording is {os.path.relpath(folder, ROOT)}/shop.relive"
    )
    return 0


def picture():
    """Draws docs/terminal.svg from what the commands print in a terminal."""
    found, _ = find_interpreters()
    version, interpreter = (
        (SHOWN_ON, found[SHOWN_ON]) if SHOWN_ON in found else default_interpreter()
    )
    path = install(version, interpreter, os.path.join(BUILD, "log", f"picture-{version}.txt"))
    words = [sys.executable, "tools/picture.py", "--relive", os.path.join(path, "bin", "relive")]
    return subprocess.call(words, cwd=ROOT, env=environ())
