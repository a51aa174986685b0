"""The first look at Relive: `make demo`."""

import os
import shutil
import subprocess

from environments import BUILD, ROOT, Failed, default_interpreter, environ, install, say


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
