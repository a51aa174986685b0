"""What the start of a recorded process costs, and a command: `python bench/start.py [PAIRS]`.

Each pair is a process that does nothing without Relive, and another. The other is the child of a
recorded program, or a command of ours. The figure is CPU time, start and end, as the median of the
pairs' ratios and differences. Our own modules are compiled first, as they are where Relive is
installed."""

import compileall
import os
import statistics
import subprocess
import sys
import tempfile

FRONT_END = "import sys; from relive.cli import main; sys.exit(main())"  # as an installer writes it
# The last one replaces the recording that the others read.
COMMANDS = ("--help", "info RUN", "tree RUN", "exc RUN", "record -o RUN --force -c pass")


def cpu_seconds(words, environ, out):
    """Of one process, from its start to its end; what it prints goes to the descriptor `out`."""
    actions = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
    child = os.posix_spawn(words[0], words, environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"{' '.join(words)} ended with {status}")
    return usage.ru_utime + usage.ru_stime


def compare(title, words, environ, pairs):
    """Prints what a process costs beside one that does nothing."""
    ratios, more = [], []
    plain_environ = {key: value for key, value in environ.items() if key != "RELIVE_RUN"}
    with open(os.devnull, "w") as null:
        for _ in range(pairs):
            plain = cpu_seconds([sys.executable, "-c", "pass"], plain_environ, null.fileno())
            ours = cpu_seconds(words, environ, null.fileno())
            ratios.append(ours / plain)
            more.append(1000 * (ours - plain))
    version = "%d.%d" % sys.version_info[:2]
    print(
        f"{version}: {title} takes {statistics.median(ratios):.2f} of the CPU time of a process"
        f" that does nothing, {statistics.median(more):.1f} ms more ({pairs} pairs)",
        flush=True,
    )


def main(pairs="100"):
    """Prints a line for the recorded process, and one for each command."""
    import _relive_boot

    import relive

    compileall.compile_dir(os.path.dirname(relive.__file__), quiet=2)
    compileall.compile_file(_relive_boot.__file__, quiet=2)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE_")}
    command = [sys.executable, "-c", FRONT_END]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # `python -c` imports from there first
        path = f"{folder}/run.relive"
        shown = "import os; print(os.environ['RELIVE_RUN'])\n1 / 0"
        words = [*command, "record", "-o", path, "-c", shown]
        done = subprocess.run(
            words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
        recorded = dict(environ, RELIVE_RUN=done.stdout.decode().strip())
        nothing = [sys.executable, "-c", "pass"]
        compare("a recorded process that does nothing", nothing, recorded, int(pairs))
        for line in COMMANDS:
            words = [path if word == "RUN" else word for word in line.split()]
            compare(f"`relive {line}`", [*command, *words], environ, int(pairs))


if __name__ == "__main__":
    main(*sys.argv[1:])
