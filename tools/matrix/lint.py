"""Format and lint of the tree: each check is a command, and they run two at a time.

The workflow of a release has a check of its own. Its package on PyPI fetches a program from
elsewhere, so it is compiled by Go, which not every machine has."""

import concurrent.futures
import glob
import os
import shutil
import subprocess
import sys
import time

from environments import BUILD, ROOT, Failed, environ, run, say

TOOLS = [
    "ruff==0.14.4", "clang-format==21.1.5", "clang-tidy==21.1.6", "codespell==2.4.1",
    "mypy==1.14.1", "pyright[nodejs]==1.1.407",
    'tomli==2.3.0; python_version < "3.11"',
]  # fmt: skip
C_FOLDERS = ["src", "include", "tests/c", "fuzz", "bench"]
PYTHON_FOLDERS = ["relive", "tests/py", "tests/tools", "tools", "bench", "site"]
SPELLED = [
    "src", "include", "relive", "site", "tests", "tools", "docs", "bench", "fuzz", "examples",
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "meson.build",
]  # fmt: skip
AT_ONCE = 2
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def tool(name):
    """Returns the path of a pinned lint tool; the first call installs all of them."""
    path = os.path.join(BUILD, "lint")
    stamp = os.path.join(path, "stamp")
    want = " ".join(TOOLS)
    if not (os.path.exists(stamp) and open(stamp).read() == want):
        log = os.path.join(BUILD, "log", "lint.txt")
        run([sys.executable, "-m", "venv", path], log)
        run([os.path.join(path, "bin", "pip"), "install", "-q", *TOOLS], log)
        with open(stamp, "w") as file:
            file.write(want)
    return os.path.join(path, "bin", name)


def c_files(*folders):
    """Returns the C files below these folders."""
    names = [os.path.join(ROOT, folder, "**", "*.[ch]") for folder in folders]
    return sorted(path for name in names for path in glob.glob(name, recursive=True))


def checks():
    """Returns {name: command}; a command that ends with another status than 0 has findings."""
    tidy = [sys.executable, "tools/analysers.py", "clang-tidy"]
    return {
        "gcc -fanalyzer": [sys.executable, "tools/analysers.py", "gcc"],
        "clang-tidy": [*tidy, "--tool", tool("clang-tidy")],
        "words": [sys.executable, "tools/words.py", "--check"],
        "codespell": [tool("codespell"), *SPELLED],
        "mutants": [tool("python"), "tools/mutants.py", "--check"],
        "rooms": [sys.executable, "tools/rooms.py", "--check"],
        "format of C": [tool("clang-format"), "--dry-run", "-Werror", *c_files(*C_FOLDERS)],
        "format of Python": [tool("ruff"), "format", "--check", *PYTHON_FOLDERS],
        "ruff": [tool("ruff"), "check", *PYTHON_FOLDERS],
        "mypy": [tool("mypy")],
        "pyright": [tool("pyright")],
    }


def run_check(name, words):
    """Runs one check; returns its name, status, output and seconds."""
    began = time.time()
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return name, done.returncode, done.stdout.decode("utf-8", "replace"), time.time() - began


def check():
    """Runs all checks; says a line for each, and what those found that did not pass."""
    failed = []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(run_check, name, words) for name, words in checks().items()]
        for job in concurrent.futures.as_completed(jobs):
            name, status, output, seconds = job.result()
            if status:
                failed.append(name)
                say(output.rstrip())
            say(f"{name}: {'failed' if status else 'ok'} [{seconds:.0f} s]")
    say("lint: " + ("clean" if not failed else "see above: " + ", ".join(failed)))
    return 1 if failed else 0


def check_workflows():
    """Runs actionlint on .github/workflows; returns an exit status."""
    folder = os.path.join(BUILD, "lint-release", ACTIONLINT.rpartition("@")[2])
    program = os.path.join(folder, "actionlint")
    if not os.path.exists(program):
        if shutil.which("go") is None:
            raise Failed("Go is needed, which compiles actionlint: apt install golang-go")
        log = os.path.join(BUILD, "log", "lint-release.txt")
        run(["go", "install", ACTIONLINT], log, env=environ(GOBIN=folder, GOFLAGS=""))
    files = sorted(glob.glob(os.path.join(ROOT, ".github", "workflows", "*.yml")))
    # With neither of the two, findings are the same on each machine.
    words = [program, "-no-color", "-shellcheck=", "-pyflakes=", *files]
    status = subprocess.call(words, cwd=ROOT)
    say(f"actionlint: {'see above' if status else 'clean'}")
    return 1 if status or not files else 0


def rewrite():
    """Rewrites both languages to the pinned format, with the changes that ruff can make itself."""
    status = 0
    for words in (
        [tool("clang-format"), "-i", *c_files(*C_FOLDERS)],
        [tool("ruff"), "format", *PYTHON_FOLDERS],
        [tool("ruff"), "check", "--fix", *PYTHON_FOLDERS],
    ):
        status |= subprocess.call(words, cwd=ROOT)
    return status
