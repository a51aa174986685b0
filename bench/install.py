"""What an installation costs, beside other tools: `python bench/install.py WHEEL [--rounds N]`.

Each tool goes into an empty environment of its own, with what it needs, by wheels alone. A row has:

- what is downloaded, and what is on disk afterwards, in MB, packages that it needs included;
- how many other packages come along;
- `import`: CPU time of a process that imports the tool, over one that imports nothing;
- `--help`: CPU time of the tool's command with --help, over the same empty process;
- the interpreter's modules that the import loads;
- `pytest`: CPU time of pytest on tests of plain Python with the tool in use, over the same tests
  without it. What the tool's users type is in PYTEST.

Both ratios are medians of neighbouring pairs. Bytecode is compiled before. Run by
`make bench-install`."""

import argparse
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

# Name: (what pip installs, what is imported, the command).
TOOLS = {
    "relive": (None, "relive", "relive"),
    "VizTracer": ("viztracer", "viztracer", "viztracer"),
    "memray": ("memray", "memray", "memray"),
    "coverage": ("coverage", "coverage", "coverage"),
    "pyinstrument": ("pyinstrument", "pyinstrument", "pyinstrument"),
    "debugpy": ("debugpy", "debugpy", "debugpy"),
}
# Name: (its plugin of pytest, words before `-m pytest`, options of pytest); debugpy has none.
PYTEST = {
    "relive": ("", [], ["--relive", "--relive-dir={out}"]),
    "VizTracer": ("", ["-m", "viztracer", "--quiet", "-o", "{out}.json"], []),
    "memray": ("pytest-memray", [], ["--memray"]),
    "coverage": ("pytest-cov", [], ["--cov={folder}", "--cov-report="]),
    "pyinstrument": ("", ["-m", "pyinstrument", "-o", "{out}.txt"], []),
}
TEST = """
import pytest

def step(n):
    return n * 3 + 1 if n % 2 else n // 2

def steps(n):
    count = 0
    while n != 1:
        n, count = step(n), count + 1
    return count

@pytest.mark.parametrize("n", range(1, 301))
def test_it_ends(n):
    assert steps(n) < 200
"""
COLUMNS = (
    "download MB", "on disk MB", "other packages", "import", "modules", "`--help`", "pytest",
)  # fmt: skip


def cpu_seconds(words):
    """Returns the CPU time of a process from its start to its end; what it prints is dropped."""
    with open(os.devnull, "w") as null:
        actions = [(os.POSIX_SPAWN_DUP2, null.fileno(), 1), (os.POSIX_SPAWN_DUP2, null.fileno(), 2)]
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        child = os.posix_spawn(words[0], words, environ, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(words)} ended with {status}")
    return usage.ru_utime + usage.ru_stime


def ratio(plain, words, rounds):
    """Returns the median ratio of a command over a plain one."""
    for one in (plain, words):
        cpu_seconds(one)  # reads the files from disk, and compiles what is not compiled
    return statistics.median(cpu_seconds(words) / cpu_seconds(plain) for _ in range(rounds))


def bytes_of(folder):
    return sum(
        os.path.getsize(os.path.join(top, name))
        for top, _, names in os.walk(folder)
        for name in names
    )


def measure_pytest(name, python, install, top, rounds):
    """Returns the ratio of pytest with the tool in use over pytest without it, as a text."""
    if name not in PYTEST:
        return "-"
    plugin, before, options = PYTEST[name]
    subprocess.run([*install, "pytest", *filter(None, [plugin])], check=True)
    folder = os.path.join(top, name, "tests")
    os.makedirs(folder)
    with open(os.path.join(folder, "test_steps.py"), "w") as file:
        file.write(TEST)
    named = {"out": os.path.join(top, name, "out"), "folder": folder}
    plain = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", folder]
    used = [word.format(**named) for word in [*before, *plain, *options]]
    return f"{ratio([python, *plain], [python, *used], max(3, rounds // 3)):.2f}"


def measure(name, wheel, pip, top, rounds):
    """Installs a tool and returns its row: version, and a figure for each column."""
    package, module, command = TOOLS[name]
    package = package or wheel
    files, env = os.path.join(top, name, "files"), os.path.join(top, name, "env")
    quiet = ["-q", "--disable-pip-version-check", "--only-binary", ":all:"]
    subprocess.run([*pip, "download", *quiet, "-d", files, package], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", env], check=True)
    python = os.path.join(env, "bin", "python")
    (site,) = glob.glob(os.path.join(env, "lib", "python*", "site-packages"))
    before = bytes_of(env)
    offline = ["--no-index", "--find-links", files]
    words = [*pip, "--python", python, "install", *quiet, "--compile", *offline]
    subprocess.run([*words, package], check=True)
    infos = glob.glob(os.path.join(site, "*.dist-info"))
    (own,) = [one for one in infos if os.path.basename(one).lower().startswith(f"{module}-")]
    loaded = subprocess.check_output(
        [python, "-c", f"import sys; n = len(sys.modules); import {module}; "
         "print(len(sys.modules) - n)"],
    )  # fmt: skip
    plain = [python, "-c", "pass"]
    figures = (
        f"{bytes_of(files) / 1e6:.1f}",
        f"{(bytes_of(env) - before) / 1e6:.1f}",
        str(len(infos) - 1),
        f"{ratio(plain, [python, '-c', f'import {module}'], rounds):.2f}",
        loaded.decode().strip(),
        f"{ratio(plain, [os.path.join(env, 'bin', command), '--help'], rounds):.2f}",
        measure_pytest(name, python, [*pip, "--python", python, "install", *quiet], top, rounds),
    )
    version = os.path.basename(own).split("-")[1].partition(".dist")[0]
    shutil.rmtree(os.path.join(top, name))
    return version, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", help="the wheel of Relive for this interpreter")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pip", default="", help="a pip that works on other environments")
    parser.add_argument("--write", help="a file that gets the table too")
    args = parser.parse_args()
    pip = [os.path.abspath(args.pip)] if args.pip else [sys.executable, "-m", "pip"]
    rows = [f"| tool | {' | '.join(COLUMNS)} |", "| --- " * (len(COLUMNS) + 1) + "|"]
    wheel, write = os.path.abspath(args.wheel), os.path.abspath(args.write or os.devnull)
    with tempfile.TemporaryDirectory(prefix="relive-install-") as top:
        os.chdir(top)  # the source tree has a package of the same name
        for name in TOOLS:
            version, figures = measure(name, wheel, pip, top, args.rounds)
            rows.append(f"| {name} {version} | {' | '.join(figures)} |")
            print(rows[-1], flush=True)
    text = "\n".join(rows) + "\n"
    with open(write, "w") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
