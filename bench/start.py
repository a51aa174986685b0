"""What the start of a recorded process costs: `python bench/start.py [PAIRS]`.

Pairs of processes that do nothing, one as a child of a recorded program and one without Relive. The
figure is CPU time, start and end, as the median of the pairs' ratios and differences. Our own
modules are compiled first, as they are where Relive is installed."""

import compileall
import os
import statistics
import subprocess
import sys
import tempfile


def cpu_seconds(words, environ):
    """Of one process, from its start to its end."""
    child = os.posix_spawn(words[0], words, environ)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"{' '.join(words)} ended with {status}")
    return usage.ru_utime + usage.ru_stime


def main(pairs="100"):
    """Prints one line."""
    import _relive_boot

    import relive

    compileall.compile_dir(os.path.dirname(relive.__file__), quiet=2)
    compileall.compile_file(_relive_boot.__file__, quiet=2)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("RELIVE_")}
    with tempfile.TemporaryDirectory() as folder:
        shown = "import os; print(os.environ['RELIVE_RUN'])"
        words = [
            sys.executable,
            "-m",
            "relive",
            "record",
            "-o",
            f"{folder}/run.relive",
            "-c",
            shown,
        ]
        done = subprocess.run(words, env=environ, stdout=subprocess.PIPE, check=True)
        recorded = dict(environ, RELIVE_RUN=done.stdout.decode().strip())
        ratios, more = [], []
        for _ in range(int(pairs)):
            plain = cpu_seconds([sys.executable, "-c", "pass"], environ)
            with_us = cpu_seconds([sys.executable, "-c", "pass"], recorded)
            ratios.append(with_us / plain)
            more.append(1000 * (with_us - plain))
    version = "%d.%d" % sys.version_info[:2]
    print(
        f"{version}: a recorded process that does nothing takes {statistics.median(ratios):.2f} of"
        f" the CPU time, {statistics.median(more):.1f} ms more ({pairs} pairs)"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
