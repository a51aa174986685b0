"""What looks for rarer mistakes: sanitizers, fuzzing, stress, references."""

import os
import shutil
import subprocess

import suites
from environments import (
    BUILD,
    ROOT,
    VERSIONS,
    Failed,
    can_build,
    default_interpreter,
    environ,
    find_interpreters,
    install,
    run,
    say,
    tools,
)


def asan():
    """Runs C tests and Python tests under AddressSanitizer and UBSan, on one interpreter."""
    counts = suites.core("asan")
    version, interpreter = default_interpreter()
    log = os.path.join(BUILD, "log", "asan.txt")
    options = (*suites.SANITIZERS, "-Db_ndebug=false")
    path = install(version, interpreter, log, options, "-asan")
    asked = ["cc", "-print-file-name=libasan.so"]
    library = subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    env = environ(LD_PRELOAD=library, PYTHONMALLOC="malloc", ASAN_OPTIONS="detect_leaks=0")
    # greenlet copies stacks about, which the sanitizer takes for an overflow of ours. It keeps
    # freed memory, so that no address comes again, and ends processes with SIGSEGV itself. The
    # stubs do not have what a build with assertions adds.
    left_out = ("greenlet", "memory", "address_of_another", "signal-11", "package_type_checks")
    words = ["-n", "2", "py", "-k", " and ".join(f"not {name}" for name in left_out)]
    pytest = os.path.join(path, "bin", "pytest")
    status = subprocess.call([pytest, *words], env=env, cwd=os.path.join(ROOT, "tests"))
    os.unlink(os.path.join(path, "relive-stamp"))
    say(f"C tests: {counts}; Python tests: {'failed' if status else 'ok'}")
    return 1 if status or counts.failed else 0


def tsan():
    """Runs the C tests that have threads under ThreadSanitizer."""
    counts = suites.core("tsan")
    say(f"C tests: {counts}; reports: build/log/tsan.*")
    return 1 if counts.failed else 0


def fuzz(seconds):
    """Fuzzes every verb, and each target of fuzz/, for the same time each.

    The verbs read changed recordings whose checksums are right; the others run under libFuzzer."""
    recordings = ["tests/golden/good", "tests/golden/bad"]
    targets = (
        ("reader", recordings, 262144),
        ("origin", recordings, 262144),
        ("find", recordings, 262144),
        ("index", ["tests/golden/index"], 65536),
        ("where", ["tests/golden/where"], 4096),
        ("filter", ["tests/golden/patterns"], 1024),
    )
    share = max(1, seconds // (1 + len(targets)))
    status = fuzz_verbs(share)
    log = os.path.join(BUILD, "log", "fuzz.txt")
    path = os.path.join(BUILD, "fuzz")
    compiler = shutil.which("clang") or shutil.which("clang-14")
    if compiler is None:
        raise Failed("fuzzing needs clang (apt-get install clang-14 libclang-rt-14-dev)")
    env = environ(CC=compiler, PATH=os.path.join(tools(), "bin") + os.pathsep + os.environ["PATH"])
    meson = os.path.join(tools(), "bin", "meson")
    if not os.path.exists(os.path.join(path, "build.ninja")):
        options = ["-Dpython=false", "-Dfuzz=true", *suites.SANITIZERS]
        run([meson, "setup", path, ROOT, *options, "-Dbuildtype=debugoptimized"], log, env=env)
    run([meson, "compile", "-C", path], log, env=env)
    for name, folders, longest in targets:
        corpus = os.path.join(BUILD, "corpus-" + name)
        os.makedirs(corpus, exist_ok=True)
        words = [os.path.join(path, "tests", "c", "fuzz_" + name), corpus]
        words += [os.path.join(ROOT, folder) for folder in folders]
        words += [f"-artifact_prefix={BUILD}/", f"-max_total_time={share}", f"-max_len={longest}"]
        status |= subprocess.call(words, env=env)
    return status


def fuzz_verbs(seconds):
    """Runs every verb on recordings that were changed at random; wrong answers keep their files."""
    version, interpreter = default_interpreter()
    path = install(version, interpreter, os.path.join(BUILD, "log", version + ".txt"))
    keep = os.path.join(BUILD, "hostile")
    os.makedirs(keep, exist_ok=True)
    words = [os.path.join(path, "bin", "python"), os.path.join(ROOT, "tests", "py", "hostile.py")]
    words += ["--seconds", str(seconds), "--save", keep]
    # Not in the tree: `python -m relive` would take the package there, which is not built.
    return subprocess.call(words, env=environ(), cwd=BUILD)


def stress(seconds):
    """Begins and ends recordings in many threads at once, on one interpreter after the other."""
    log = os.path.join(BUILD, "log", "stress.txt")
    status = 0
    for version, interpreter in find_interpreters()[0].items():
        path = install(version, interpreter, log)
        words = [os.path.join(path, "bin", "pytest"), "-q", "py/test_threads_life.py"]
        env = environ(TEST_STRESS_SECONDS=str(seconds))
        failed = subprocess.call(words, cwd=os.path.join(ROOT, "tests"), env=env)
        say(f"{version}: {'failed' if failed else 'passed'}")
        status |= failed
    return status


def debug_interpreter():
    """Returns (version, path) of a CPython that counts references and has its headers, or None.

    Candidates are $PYTHON_DEBUG, python3-dbg and each python3.X-dbg on PATH."""
    names = [os.environ.get("PYTHON_DEBUG", ""), "python3-dbg"]
    names += [f"python{version}-dbg" for version in VERSIONS]
    probe = "import sys; sys.gettotalrefcount(); print('%d.%d' % sys.version_info[:2])"
    for path in filter(None, map(shutil.which, filter(None, names))):
        done = subprocess.run(
            [path, "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
        version = done.stdout.decode().strip()
        if done.returncode == 0 and version in VERSIONS and can_build(path, version):
            return version, path
    return None


def refs():
    """Counts what rounds of work leave behind: references on a debug interpreter, else blocks."""
    found = debug_interpreter()
    if found is None:
        say("no debug CPython: PYTHON_DEBUG=PATH names one, and python3-dbg is one on Debian")
        say("(with libpython3-dev); blocks of memory are counted on an ordinary one instead")
    version, interpreter = found or default_interpreter()
    log = os.path.join(BUILD, "log", f"refs-{version}.txt")
    path = install(version + ("-debug" if found else ""), interpreter, log)
    words = [os.path.join(path, "bin", "python"), os.path.join(ROOT, "tests/py/references.py")]
    return subprocess.call([*words, "300"], env=environ())
