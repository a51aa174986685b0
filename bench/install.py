"""What an installation costs, beside other tools: `python bench/install.py WHEEL [--rounds N]`.

Each tool goes into an empty environment of its own, with what it needs, by wheels alone. A row has:

- what is downloaded, and what is on disk afterwards, in MB, packages that it needs included;
- how many other packages come along;
- `import`: CPU time of a process that imports the tool, over one that imports nothing;
- `--help`: CPU time of the tool's command with --help, over the same empty process;
- the interpreter's modules that the import loads.

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
COLUMNS = ("download MB", "on disk MB", "other packages", "import", "modules", "`--help`")


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


def ratio(python, words, rounds):
    """Returns the median ratio of a command over the interpreter that does nothing."""
    plain = [python, "-c", "pass"]
    for one in (plain, words):
        cpu_seconds(one)  # reads the files from disk, and compiles what is not compiled
    return statistics.median(cpu_seconds(words) / cpu_seconds(plain) for _ in range(rounds))


def bytes_of(folder):
    return sum(
        os.path.getsize(os.path.join(top, name))
        for top, _, names in os.walk(folder)
        for name in names
    )


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
    figures = (
        f"{bytes_of(files) / 1e6:.1f}",
        f"{(bytes_of(env) - before) / 1e6:.1f}",
        str(len(infos) - 1),
        f"{ratio(python, [python, '-c', f'import {module}'], rounds):.2f}",
        loaded.decode().strip(),
        f"{ratio(python, [os.path.join(env, 'bin', command), '--help'], rounds):.2f}",
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
    pip = [args.pip] if args.pip else [sys.executable, "-m", "pip"]
    rows = [f"| tool | {' | '.join(COLUMNS)} |", "| --- " * (len(COLUMNS) + 1) + "|"]
    with tempfile.TemporaryDirectory(prefix="relive-install-") as top:
        for name in TOOLS:
            version, figures = measure(name, args.wheel, pip, top, args.rounds)
            rows.append(f"| {name} {version} | {' | '.join(figures)} |")
            print(rows[-1], flush=True)
    text = "\n".join(rows) + "\n"
    if args.write:
        with open(args.write, "w") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
