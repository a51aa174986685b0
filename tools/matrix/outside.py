"""Runs tests/outside: Relive from environments that are not the project's, and frozen programs.

They use real wheels of two versions, so `make wheels` comes first; uv, pipx and PyInstaller come
from PyPI."""

import glob
import os
import shutil

import wheel_test
from environments import BUILD, ROOT, VERSIONS, Failed, find_interpreters, run, say

PACKAGES = ["pytest", "pytest-xdist", "meson>=1.3", "ninja", "uv==0.13.9", "pipx==1.18.4"]
PACKAGES += ["cyclonedx-python-lib[json-validation]"]  # the schema of a wheel's list of parts


def test(versions):
    """Runs the tests with two versions that have a wheel and need no other package."""
    found, _ = find_interpreters()
    known = versions or [version for version in VERSIONS if int(version[2:]) >= 11]
    chosen = [one for one in known if one in found and wheel_test.find_wheel(one)][:2]
    if len(chosen) < 2:
        raise Failed("wheels of two versions from 3.11 on are needed: make wheels")
    log = os.path.join(BUILD, "log", "outside.txt")
    path = os.path.join(BUILD, "outside")
    stamp = os.path.join(path, "stamp")
    if not (os.path.exists(stamp) and open(stamp).read() == " ".join(PACKAGES)):
        run([found[chosen[-1]], "-m", "venv", "--clear", path], log)
        run([os.path.join(path, "bin", "pip"), "install", "-q", *PACKAGES], log)
        with open(stamp, "w") as file:
            file.write(" ".join(PACKAGES))
    # The only index of the tests; pipx gives each environment a new pip.
    wheels = os.path.join(BUILD, "outside-wheels")
    for old in glob.glob(os.path.join(wheels, "relive-*")):
        os.unlink(old)
    run([os.path.join(path, "bin", "pip"), "download", "-q", "-d", wheels, "pip"], log)
    for one in chosen:
        shutil.copy(wheel_test.find_wheel(one), wheels)
    env = dict(os.environ, OUTSIDE_WHEELS=wheels)
    env["OUTSIDE_PYTHONS"] = " ".join(f"{one}={found[one]}" for one in chosen)
    words = [os.path.join(path, "bin", "python"), "-m", "pytest", "-n", "2", "--dist", "loadfile"]
    words += ["-p", "no:cacheprovider", "outside"]
    run(words, log, env=env, cwd=os.path.join(ROOT, "tests"))
    with open(log) as file:
        say(f"outside, {' and '.join(chosen)}: {file.read().strip().splitlines()[-1]}")
    return 0
