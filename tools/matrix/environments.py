"""Interpreters, virtual environments and wheels, which the commands of tools/matrix use.

Everything is made under build/."""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
VERSIONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]
WHOLE = ["3.8", "3.11", "3.12", "3.14"]  # all tests there; elsewhere suites.NARROW
BUILD_TOOLS = ["meson>=1.3", "meson-python>=0.16", "ninja"]
TEST_TOOLS = ["pytest", "pytest-xdist", "hypothesis", "tomli"]
# For the independent reader, greenlets, tasks and another tool at work. Without a wheel their tests
# are skipped, with that as the reason.
OPTIONAL_TOOLS = ["zstandard", "xxhash", "greenlet", "coverage", "trio", "anyio", "uvloop"]
LINKED = ["opentelemetry-sdk", "sentry-sdk"]  # their spans and scopes name a session's place
# Plugins of pytest that --relive works beside; where all tests run.
PLUGINS = ["pytest-asyncio", "pytest-cov", "pytest-rerunfailures", "pytest-timeout"]
# Clients and frameworks that relive.instrument knows; where all tests run.
WEB = ["requests", "httpx", "aiohttp", "flask", "django", "fastapi", "uvicorn"]
# Real packages whose own suites run recorded: the newest versions that all interpreters take.
REAL = ["attrs==23.2.0", "click==8.1.7", "more-itertools==10.5.0"]
REAL_ON = ["3.8", "3.12"]
ASSERTS_ON = "3.12"  # an assert build is made for; make test-full: for all of WHOLE
# Real programs that run recorded beside an oracle (tests/real): what 3.8 still gets, and what was
# new when this was written. 3.8 and 3.12 are the two default backends, each where it is most used.
PROGRAMS = {
    "old": (
        "aiohttp==3.10.11 black==24.8.0 click==8.1.7 django==4.2.16 fastapi==0.115.5 flask==3.0.3"
        " gunicorn==23.0.0 ipykernel==6.29.5 joblib==1.4.2 mypy==1.14.1 nbconvert==7.16.4"
        " pip==25.0.1 pytest==8.3.5 sphinx==7.1.2 toolz==1.0.0 uvicorn==0.33.0"
    ).split(),
    "new": (
        "aiohttp==3.13.2 black==25.11.0 click==8.3.1 django==5.2.8 fastapi==0.121.3 flask==3.1.2"
        " gunicorn==23.0.0 ipykernel==7.1.0 joblib==1.5.2 mypy==1.18.2 nbconvert==7.16.6 pip==25.3"
        " pytest==9.0.1 sphinx==8.2.3 toolz==1.1.0 uvicorn==0.38.0"
    ).split(),
}
FROM_SOURCE = "black,mypy"  # their wheels are compiled
DOORS = os.path.join(ROOT, "tests", "doors", "requirements.txt")  # servers, queues, pools
PYTESTS = ["pytest==8.3.5", "pytest>=9"]  # the plugin is tested with both
PYTESTS_OF_3_8 = PYTESTS[:1]
OLD_PYTESTS = ["pytest==7.0.1 pluggy==1.0.0", "pytest==6.2.5"]  # the first that works; refused
DOORS_ON = ["3.8", "3.12"]  # as REAL_ON; ONLY chooses others
# Types are checked once; a newer pytest than that of 3.8 has subtests of its own.
# docs/gunicorn.md and docs/huey.md run on one version; the other pages in make test-doors.
ONLY_ON = {"3.8": ["pytest-subtests"], "3.12": ["mypy==1.18.2", "gunicorn", "huey"]}
APPLICATION = ["docutils", "jinja2", "markdown"]  # what bench/programs/app.py imports
OWN_PIP = ["3.8", "3.9"]  # the newest pip no longer serves these from outside


class Failed(Exception):
    """A step failed; the text names the command and its log."""


def say(text):
    print(text, flush=True)


def environ(**more):
    """Returns the caller's variables, without Relive's own and PYTHONPATH, and `more`."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE_")}
    env.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONDONTWRITEBYTECODE="1")
    env.pop("PYTHONPATH", None)
    env.update(more)
    return env


def run(words, log, env=None, cwd=ROOT, timeout=3000):
    """Runs a command with its output in a log file; raises Failed with the end of the log."""
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "ab") as file:
        file.write(("$ " + " ".join(words) + "\n").encode())
        file.flush()
        try:
            status = subprocess.call(
                words, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=env or environ(),
                cwd=cwd, timeout=timeout,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            status = f"no end within {timeout} s"
    if status != 0:
        with open(log, "rb") as file:
            end = file.read()[-6000:].decode("utf-8", "replace")
        raise Failed(f"{' '.join(words[:6])} ... failed ({status}); {log} ends:\n{end}")


# ---- interpreters ----


def find_interpreters():
    """Returns {version: path} of what is there, and {version: reason} of what is not."""
    found, lack = {}, {}
    roots = [os.environ.get("PYENV_ROOT", ""), os.path.expanduser("~/.pyenv")]
    for version in VERSIONS:
        candidates = []
        for root in filter(None, roots):
            folders = glob.glob(os.path.join(root, "versions", version + ".*"))
            folders.sort(key=lambda path: [int(n) for n in re.findall(r"\d+", path)[-3:]])
            candidates += [os.path.join(path, "bin", "python" + version) for path in folders[::-1]]
        candidates.append(shutil.which("python" + version) or "")
        for path in candidates:
            if path and os.path.exists(path) and can_build(path, version):
                found[version] = path
                break
    done = subprocess.run(
        [os.path.join(ROOT, "tools", "interpreters.sh")], stdout=subprocess.PIPE, check=False
    )
    for line in done.stdout.decode().splitlines():
        kind, version, rest = line.split(" ", 2)
        if kind == "have" and can_build(rest, version):
            found.setdefault(version, rest)
        elif kind == "lack":
            lack[version] = rest
    for version in VERSIONS:
        if version not in found:
            lack.setdefault(version, "not on PATH, not in pyenv's versions")
    return found, {version: why for version, why in lack.items() if version not in found}


def can_build(path, version):
    """Returns whether an interpreter runs, is of that version, and has its headers."""
    probe = (
        "import sys, sysconfig, os; print('%d.%d' % sys.version_info[:2],"
        " os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')))"
    )
    try:
        text = subprocess.run(
            [path, "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environ(), timeout=60, check=False,
        ).stdout.decode()  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return text.split() == [version, "True"]


def default_interpreter():
    """Returns (version, path) of the best one at hand: this very Python where it has headers."""
    version = "%d.%d" % sys.version_info[:2]
    if version in VERSIONS and can_build(sys.executable, version):
        return version, sys.executable
    found, _ = find_interpreters()
    if not found:
        raise Failed("no CPython from 3.8 to 3.15 with headers was found")
    version = max(found, key=VERSIONS.index)
    return version, found[version]


# ---- environments ----


def pip():
    """Returns a new pip that works on other environments: that of the tools' own."""
    return os.path.join(tools(), "bin", "pip")


def installer(version, python):
    """Returns the command that is pip for this interpreter of an environment."""
    return [python, "-m", "pip"] if version in OWN_PIP else [pip(), "--python", python]


def make_empty(version, interpreter, path, log):
    """Makes an empty virtual environment; returns the command that is pip for it."""
    shutil.rmtree(path, ignore_errors=True)
    has_pip = version in OWN_PIP
    run([interpreter, "-m", "venv", *([] if has_pip else ["--without-pip"]), path], log)
    command = installer(version, os.path.join(path, "bin", "python"))
    if has_pip:
        run([*command, "install", "-q", "-U", "pip"], log)  # the old one is too old
    return command


def tools():
    """Returns the path of the environment of build tools, made from this very Python."""
    path = os.path.join(BUILD, "tools")
    stamp = os.path.join(path, "stamp")
    if not os.path.exists(stamp):
        log = os.path.join(BUILD, "log", "tools.txt")
        shutil.rmtree(path, ignore_errors=True)
        run([sys.executable, "-m", "venv", path], log)
        run([os.path.join(path, "bin", "pip"), "install", "-q", "-U", "pip", *BUILD_TOOLS], log)
        open(stamp, "w").close()
    return path


def environment(version, interpreter, log):
    """Returns the path of a virtual environment with the test tools, kept between runs."""
    path = os.path.join(BUILD, "venv", version)
    stamp = os.path.join(path, "stamp")
    packages = [*BUILD_TOOLS, *TEST_TOOLS, *REAL, *ONLY_ON.get(version, [])]
    optional = [*OPTIONAL_TOOLS, *([*PLUGINS, *WEB, *LINKED] if version in WHOLE else [])]
    want = interpreter + "\n" + " ".join(["pip", *packages, *optional])
    if os.path.exists(stamp) and open(stamp).read() == want:
        return path
    command = make_empty(version, interpreter, path, log)
    run([*command, "install", "-q", *packages], log)
    wheels = [*command, "install", "-q", "--only-binary", ":all:"]
    try:
        run([*wheels, *optional], log)
    except Failed:
        for name in optional:
            try:
                run([*wheels, name], log)
            except Failed:
                say(f"{version}: no wheel of {name}")
    with open(stamp, "w") as file:
        file.write(want)
    return path


def real_suites():
    """Returns the folder of real packages' sources, tests included, or None where they could not be
    fetched."""
    path = os.path.join(BUILD, "real")
    if os.path.exists(os.path.join(path, "stamp")):
        return path
    log = os.path.join(BUILD, "log", "real.txt")
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    try:
        run([pip(), "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", path, *REAL], log)
        for archive in glob.glob(os.path.join(path, "*.tar.gz")):
            shutil.unpack_archive(archive, path)
    except Failed as error:
        say(f"real packages could not be fetched: {error}")
        return None
    open(os.path.join(path, "stamp"), "w").close()
    return path


def source_digest():
    """Returns a text that changes with any file that an installed Relive is made of."""
    digest = hashlib.sha256()
    for folder in ("src", "include", "relive", "site"):
        for path in sorted(glob.glob(os.path.join(ROOT, folder, "**", "*"), recursive=True)):
            if os.path.isfile(path) and "__pycache__" not in path:
                digest.update(path.encode())
                digest.update(open(path, "rb").read())
    for name in ("meson.build", "meson.options", "pyproject.toml"):
        digest.update(open(os.path.join(ROOT, name), "rb").read())
    return digest.hexdigest()


def install(version, interpreter, log, setup=(), suffix=""):
    """Builds a wheel of this tree and installs it; returns the path of the environment."""
    path = environment(version, interpreter, log)
    stamp = os.path.join(path, "relive-stamp")
    want = source_digest() + " ".join(setup)
    if os.path.exists(stamp) and open(stamp).read() == want:
        return path
    python = os.path.join(path, "bin", "python")
    env = environ(PATH=os.path.join(path, "bin") + os.pathsep + os.environ["PATH"])
    build = os.path.join(BUILD, "wheel", version + suffix)
    words = ["install", "-q", "--no-build-isolation", "--no-deps", "--force-reinstall", ROOT]
    words += ["-Cbuild-dir=" + build] + [
        "-Csetup-args=" + word for word in ("-Dwerror=true", *setup)
    ]
    run([*installer(version, python), *words], log, env=env)
    with open(stamp, "w") as file:
        file.write(want)
    return path


def install_workload_tools(version, python, log, more=()):
    """Installs what the six workloads of bench/ import, and `more`."""
    run([*installer(version, python), "install", "-q", *APPLICATION, *more], log)


def assert_build(version, log):
    """Returns a folder with a Relive that is built with assertions, for PYTHONPATH.

    Tests that make allocations fail use it in the version's environment."""
    path = os.path.join(BUILD, "assert", version)
    own = os.path.join(BUILD, "venv", version, "bin")
    env = environ(PATH=os.pathsep.join([own, os.path.join(tools(), "bin"), os.environ["PATH"]]))
    made, package = os.path.join(path, "made"), os.path.join(path, "site-packages", "relive")
    if not os.path.exists(os.path.join(made, "build.ninja")):
        words = ["-Dbuildtype=debugoptimized", "-Dwerror=true"]
        run(["meson", "setup", made, ROOT, *words], log, env=env)
    run(["meson", "compile", "-C", made], log, env=env)
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, "relive"), package)
    for name in glob.glob(os.path.join(made, "src", "cpython", "_core*.so")):
        shutil.copy(name, package)
    return os.path.dirname(package)


def programs(version, interpreter, log):
    """Returns the path of an environment of real programs, with this tree's Relive, or None."""
    packages = PROGRAMS["old" if version in ("3.8", "3.9", "3.10") else "new"]
    try:
        return apart("programs", version, interpreter, ["--no-binary", FROM_SOURCE, *packages], log)
    except Failed as error:
        say(f"{version}: real programs could not be installed: {error}")
        return None


def apart(name, version, interpreter, words, log):
    """Returns the path of build/NAME/VERSION, an environment with these packages (words for pip)
    and this tree's Relive. The version's own environment must be there, since it builds."""
    path = os.path.join(BUILD, name, version)
    stamp = os.path.join(path, "stamp")
    install_here = [*installer(version, os.path.join(path, "bin", "python")), "install", "-q"]
    wanted = " ".join(words)
    for listed in filter(os.path.isfile, words):
        with open(listed) as file:
            wanted += "\n" + file.read()
    if not (os.path.exists(stamp) and open(stamp).read() == wanted):
        make_empty(version, interpreter, path, log)
        run([*install_here, "pip", *words], log)  # one of the real programs
        with open(stamp, "w") as file:
            file.write(wanted)
    ours = os.path.join(BUILD, "venv", version)
    wheels = os.path.join(path, "relive")
    shutil.rmtree(wheels, ignore_errors=True)
    words = ["wheel", "-q", "--no-build-isolation", "--no-deps", "-w", wheels, ROOT]
    words += ["-Cbuild-dir=" + os.path.join(BUILD, "wheel", version), "-Csetup-args=-Dwerror=true"]
    own = os.path.join(ours, "bin", "python")
    command = installer(version, own)
    env = environ(PATH=os.path.join(ours, "bin") + os.pathsep + os.environ["PATH"])
    run([*command, *words], log, env=env)
    wheel = glob.glob(os.path.join(wheels, "*.whl"))
    run([*install_here, "--no-deps", "--force-reinstall", *wheel], log)
    return path
