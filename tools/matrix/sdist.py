"""The source package, and what a build of it says where something is missing."""

import glob
import os
import subprocess

from environments import BUILD, ROOT, Failed, default_interpreter, environ, run, say, tools
from trained import source_date
from wheels import OUT, builder

MAKE = "import mesonpy, sys; print(mesonpy.build_sdist(sys.argv[1]))"
LARGEST = 20_000_000


def build():
    """Makes the source package of the last commit, and builds a wheel from it alone."""
    log = os.path.join(BUILD, "log", "sdist.txt")
    changed = subprocess.check_output(["git", "-C", ROOT, "status", "--porcelain"]).decode()
    if changed:
        say(f"not in the source package: {len(changed.splitlines())} changes without a commit")
    version, interpreter = default_interpreter()
    tools()
    programs = builder(version, interpreter, log)
    python = os.path.join(programs, "python")
    os.makedirs(OUT, exist_ok=True)
    env = environ(PATH=programs + os.pathsep + os.environ["PATH"], SOURCE_DATE_EPOCH=source_date())
    run([python, "-c", MAKE, OUT], log, env=env)
    path = max(glob.glob(os.path.join(OUT, "relive-*.tar.gz")), key=os.path.getmtime)
    size = os.path.getsize(path)
    if size > LARGEST:
        raise Failed(f"{path} is too large: {size:,} bytes")
    out = os.path.join(BUILD, "wheels", "of-sdist")
    command = [os.path.join(tools(), "bin", "pip"), "--python", python]
    run([*command, "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", out, path], log, env)
    say(f"{os.path.relpath(path, ROOT)}  {size / 1e6:.2f} MB, builds on {version}")
    return 0
