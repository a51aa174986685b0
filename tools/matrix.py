"""Builds and tests Relive on every interpreter found. Called by the Makefile.

Runs on any Python from 3.8 on, with the standard library only. Everything it makes is under build/.
The last line it prints is `N passed, N failed, N skipped`; before it, one line an interpreter.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

from environments import (
    ASSERTS_ON,
    BUILD,
    OWN_PIP,
    REAL_ON,
    ROOT,
    VERSIONS,
    WHOLE,
    Failed,
    assert_build,
    can_build,
    environ,
    environment,
    find_interpreters,
    install,
    pip,
    programs,
    real_suites,
    run,
    say,
    tools,
)

BENCH_PACKAGE = "docutils==0.20.1"  # the large program of the benchmark; the newest for 3.8
PROVED = ["3.8", "3.9", "3.10", "3.11"]  # breakpoints rewrite code there
CORPUS = (
    "attrs boltons click django docutils flask httpx jinja2 more-itertools networkx packaging pip "
    "pygments pyparsing pytest requests rich setuptools sqlalchemy sympy twisted werkzeug"
).split()
LINT_TOOLS = ["ruff==0.14.4", "clang-format==21.1.5"]
# What C does not define ends the test that does it.
SANITIZERS = (
    "-Db_sanitize=address,undefined",
    "-Db_lundef=false",
    "-Dc_args=-fno-sanitize-recover=all",
)
NARROW = [
    "py/test_programs.py", "py/test_smoke.py", "py/test_backends.py", "py/test_backends_life.py",
]  # fmt: skip

# ---- tests ----


def core_tests(kind="plain"):
    """The C tests, without any CPython. (passed, failed)"""
    log = os.path.join(BUILD, "log", f"core-{kind}.txt")
    path = os.path.join(BUILD, f"core-{kind}")
    meson = os.path.join(tools(), "bin", "meson")
    env = environ(PATH=os.path.join(tools(), "bin") + os.pathsep + os.environ["PATH"])
    words = ["-Dpython=false", "-Dtests=true", "-Dwerror=true"]
    test = [meson, "test", "-C", path, "--print-errorlogs"]
    if kind == "asan":
        words += [*SANITIZERS, "-Dbuildtype=debugoptimized"]
    if kind == "tsan":
        # Reports go to files: the recorder's own thread has no standard error any more.
        env["TSAN_OPTIONS"] = "log_path=" + os.path.join(BUILD, "log", "tsan")
        # Two tests have threads. The sanitizer's shadow memory wants fixed addresses.
        fixed = ["setarch", "-R"]
        works = shutil.which("setarch") and subprocess.call([*fixed, "true"]) == 0
        test = [*(fixed if works else []), *test, "record", "forks"]
        words += ["-Db_sanitize=thread", "-Db_lundef=false", "-Dbuildtype=debugoptimized"]
    if not os.path.exists(os.path.join(path, "build.ninja")):
        run([meson, "setup", path, ROOT, *words], log, env=env)
    run([meson, "compile", "-C", path], log, env=env)
    run(test, log, env=env)
    text = open(log, encoding="utf-8", errors="replace").read()
    passed = int(re.findall(r"Ok:\s+(\d+)", text)[-1])
    failed = int(re.findall(r"Fail:\s+(\d+)", text)[-1])
    return passed, failed


def python_tests(version, interpreter, whole, jobs, full=False, keyword=""):
    """(passed, failed, skipped, text) of one interpreter."""
    log = os.path.join(BUILD, "log", version + ".txt")
    if os.path.exists(log):
        os.unlink(log)
    path = install(version, interpreter, log)
    report = os.path.join(BUILD, "report", version + ".xml")
    os.makedirs(os.path.dirname(report), exist_ok=True)
    if os.path.exists(report):
        os.unlink(report)
    words = [os.path.join(path, "bin", "pytest"), "--junitxml", report, "-rs", "-n", str(jobs)]
    words += ["py"] if whole else NARROW
    words += ["-k", keyword] if keyword else []
    text = ""
    env = environ()
    if version == ASSERTS_ON or (full and version in WHOLE):
        env["TEST_ASSERT_BUILD"] = assert_build(version, log)
    if full or version in REAL_ON:
        env["TEST_REAL_SUITES"] = real_suites() or ""
        if version in WHOLE:
            env["TEST_REAL_PROGRAMS"] = programs(version, interpreter, log) or ""
            env["TEST_REAL_LONG"] = "1" if full else ""
    try:
        run(words, log, cwd=os.path.join(ROOT, "tests"), env=env)
    except Failed as error:
        text = str(error)
    if not os.path.exists(report):
        return 0, 1, 0, text or "no report"
    suite = ElementTree.parse(report).getroot()
    suite = suite if suite.tag == "testsuite" else suite[0]
    total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    if total == 0:
        return 0, 1, 0, f"no test matches {keyword}" if keyword else "no test was found"
    reasons = {f"    skipped: {element.get('message')}" for element in suite.iter("skipped")}
    return total - failed - skipped, failed, skipped, "\n".join([text, *sorted(reasons)]).strip()


def tool_tests(version, interpreter):
    """The tests of tools/, on one interpreter, as python_tests() gives them."""
    log = os.path.join(BUILD, "log", "tools-tests.txt")
    python = os.path.join(environment(version, interpreter, log), "bin", "python")
    try:
        run([python, "-m", "pytest", os.path.join("tests", "tools")], log)
    except Failed as error:
        say(error)
    counts = re.findall(r"(\d+) (passed|failed|error)", open(log).read().splitlines()[-1])
    counts = {kind: int(number) for number, kind in counts}
    return counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)


def parity(versions):
    """Lines that say how many of the tests that every callback backend runs it has passed."""
    for version in sorted(versions, key=VERSIONS.index):
        report = os.path.join(BUILD, "report", version + ".xml")
        if not os.path.exists(report):
            continue
        passed, total = {}, {}
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            found = re.search(r"\[(monitoring|evalhook|setprofile|settrace)\b", case.get("name"))
            if found and "test_backends" in case.get("classname", ""):
                name = found.group(1)
                total[name] = total.get(name, 0) + 1
                passed[name] = passed.get(name, 0) + (len(case) == 0)
        if total:
            rows = ", ".join(f"{name} {passed[name]} of {n}" for name, n in total.items())
            yield f"callbacks, the same tests on each backend: {version}: {rows}"


def command_test(versions, whole=WHOLE, full=False, keyword=""):
    """The matrix: all tests of the versions in `whole`, a few of the others.

    With a keyword: no C tests, and of the Python tests those that it matches."""
    found, lack = find_interpreters()
    chosen = {version: path for version, path in found.items() if version in versions}
    totals = [0, 0, 0]
    began = time.time()
    try:
        kinds = ("plain", "asan", "tsan") if len(chosen) > 1 else ("plain",)
        for kind in () if keyword else kinds:
            passed, failed = core_tests(kind)
            totals[0] += passed
            totals[1] += failed
            say(f"C tests ({kind}): {passed} passed, {failed} failed")
    except Failed as error:
        totals[1] += 1
        say(f"C tests: {error}")
    tools()
    if chosen and not keyword:
        passed, failed = tool_tests(*next(iter(chosen.items())))
        totals[0] += passed
        totals[1] += failed
        say(f"tools: {passed} passed, {failed} failed")
    real_suites()
    with concurrent.futures.ThreadPoolExecutor(2 if len(chosen) > 1 else 1) as pool:
        jobs = {
            pool.submit(
                python_tests,
                version,
                path,
                version in whole,
                1 if len(chosen) > 1 else 2,
                full,
                keyword,
            ): version
            for version, path in sorted(chosen.items(), key=lambda item: item[0] not in WHOLE)
        }
        for job in concurrent.futures.as_completed(jobs):
            version = jobs[job]
            try:
                passed, failed, skipped, text = job.result()
            except Failed as error:
                passed, failed, skipped, text = 0, 1, 0, str(error)
            totals = [a + b for a, b in zip(totals, (passed, failed, skipped))]
            scope = "all" if version in whole else "programs and smoke"
            say(
                f"{version} ({scope}): {passed} passed, {failed} failed, {skipped} skipped"
                f" [{time.time() - began:.0f} s]"
            )
            if text:
                say(text)
    if full and len(chosen) > 1 and not keyword:
        lives = run_mutants("--sample", "10")
        totals[0] += not lives
        totals[1] += lives
    missing = "; ".join(f"{version}: {why}" for version, why in sorted(lack.items()))
    for line in parity(chosen):
        say(line)
    say("interpreters: " + ", ".join(chosen) + (f"; not had: {missing}" if missing else ""))
    if not chosen:
        totals[1] += 1
    say(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return 1 if totals[1] else 0


def default_interpreter():
    """The best one at hand for demo and check: this very Python where it has headers."""
    version = "%d.%d" % sys.version_info[:2]
    if version in VERSIONS and can_build(sys.executable, version):
        return version, sys.executable
    found, _ = find_interpreters()
    if not found:
        raise Failed("no CPython from 3.8 to 3.15 with headers was found")
    version = max(found, key=VERSIONS.index)
    return version, found[version]


def command_demo():
    """Builds, records the example, shows its tree."""
    version, interpreter = default_interpreter()
    say(f"building Relive for Python {version} ...")
    path = install(version, interpreter, os.path.join(BUILD, "log", f"demo-{version}.txt"))
    relive = os.path.join(path, "bin", "relive")
    folder = os.path.join(BUILD, "demo")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    program = os.path.join(ROOT, "examples", "shop.py")
    for words in (
        ["record", "-o", "shop.relive", program],
        ["tree", "shop.relive"],
        ["info", "shop.relive"],
    ):
        say(
            "\n$ relive " + " ".join(os.path.relpath(w, ROOT) if w == program else w for w in words)
        )
        status = subprocess.call([relive, *words], cwd=folder, env=environ())
        if status != 0:
            raise Failed(f"relive {words[0]} ended with {status}")
    say(
        f"\nThe commands are in {os.path.relpath(os.path.dirname(relive), ROOT)};"
        f" the recording is {os.path.relpath(folder, ROOT)}/shop.relive"
    )
    return 0


def lint_tool(name):
    path = os.path.join(BUILD, "lint")
    stamp = os.path.join(path, "stamp")
    if not os.path.exists(stamp):
        log = os.path.join(BUILD, "log", "lint.txt")
        run([sys.executable, "-m", "venv", path], log)
        run([os.path.join(path, "bin", "pip"), "install", "-q", *LINT_TOOLS], log)
        open(stamp, "w").close()
    return os.path.join(path, "bin", name)


def command_lint(fix):
    """Format and lint of both languages."""
    sources = [
        path
        for folder in ("src", "include", "tests/c", "fuzz")
        for kind in ("c", "h")
        for path in glob.glob(os.path.join(ROOT, folder, "**", "*." + kind), recursive=True)
    ]
    python = [
        os.path.join(ROOT, name)
        for name in ("relive", "tests/py", "tests/tools", "tools", "bench", "site")
    ]
    commands = [
        [lint_tool("clang-format"), *(["-i"] if fix else ["--dry-run", "-Werror"]), *sources],
        [lint_tool("ruff"), "format", *([] if fix else ["--check"]), *python],
        [lint_tool("ruff"), "check", *(["--fix"] if fix else []), *python],
    ]
    if not fix:
        commands.append([sys.executable, "tools/rooms.py", "--check"])
        commands.append([sys.executable, "tools/words.py", "--check"])
    status = 0
    for words in commands:
        status |= subprocess.call(words, cwd=ROOT)
    say("lint: " + ("clean" if status == 0 else "see above"))
    return 1 if status else 0


def command_asan():
    """C tests and Python tests under AddressSanitizer and UBSan, on one interpreter."""
    passed, failed = core_tests("asan")
    version, interpreter = default_interpreter()
    log = os.path.join(BUILD, "log", "asan.txt")
    options = (*SANITIZERS, "-Db_ndebug=false")
    path = install(version, interpreter, log, options, "-asan")
    library = (
        subprocess.run(["cc", "-print-file-name=libasan.so"], stdout=subprocess.PIPE, check=True)
        .stdout.decode()
        .strip()
    )
    env = environ(LD_PRELOAD=library, PYTHONMALLOC="malloc", ASAN_OPTIONS="detect_leaks=0")
    status = subprocess.call(
        # greenlet copies stacks about, which the sanitizer takes for an overflow of ours.
        [os.path.join(path, "bin", "pytest"), "-n", "2", "py", "-k", "not greenlet and not memory"],
        env=env,
        cwd=os.path.join(ROOT, "tests"),
    )
    os.unlink(os.path.join(path, "relive-stamp"))
    say(
        f"C tests: {passed} passed, {failed} failed; Python tests: {'ok' if status == 0 else 'failed'}"
    )
    return 1 if status or failed else 0


def command_fuzz(seconds):
    """Changed recordings whose checksums are right, then libFuzzer on the reader, then on patterns
    and selectors; a third of the time each."""
    status = fuzz_verbs(max(1, seconds // 3))
    log = os.path.join(BUILD, "log", "fuzz.txt")
    path = os.path.join(BUILD, "fuzz")
    compiler = shutil.which("clang") or shutil.which("clang-14")
    if compiler is None:
        raise Failed("fuzzing needs clang (apt-get install clang-14 libclang-rt-14-dev)")
    env = environ(CC=compiler, PATH=os.path.join(tools(), "bin") + os.pathsep + os.environ["PATH"])
    meson = os.path.join(tools(), "bin", "meson")
    if not os.path.exists(os.path.join(path, "build.ninja")):
        run(
            [
                meson,
                "setup",
                path,
                ROOT,
                "-Dpython=false",
                "-Dfuzz=true",
                *SANITIZERS,
                "-Dbuildtype=debugoptimized",
            ],
            log,
            env=env,
        )
    run([meson, "compile", "-C", path], log, env=env)
    for name, folders, longest in (
        ("reader", ["tests/golden/good", "tests/golden/bad"], 262144),
        ("filter", ["tests/golden/patterns"], 1024),
    ):
        corpus = os.path.join(BUILD, "corpus-" + name)
        os.makedirs(corpus, exist_ok=True)
        status |= subprocess.call(
            [
                os.path.join(path, "tests", "c", "fuzz_" + name),
                corpus,
                *(os.path.join(ROOT, folder) for folder in folders),
                f"-artifact_prefix={BUILD}/",
                f"-max_total_time={max(1, seconds // 3)}",
                f"-max_len={longest}",
            ],
            env=env,
        )
    return status


def fuzz_verbs(seconds):
    """Every verb on recordings that were changed at random; wrong answers keep their files."""
    version, interpreter = default_interpreter()
    path = install(version, interpreter, os.path.join(BUILD, "log", version + ".txt"))
    keep = os.path.join(BUILD, "hostile")
    os.makedirs(keep, exist_ok=True)
    words = [os.path.join(path, "bin", "python"), os.path.join(ROOT, "tests", "py", "hostile.py")]
    return subprocess.call([*words, "--seconds", str(seconds), "--save", keep], env=environ())


def command_stress(seconds):
    """Threads that begin and end recordings at once, on each interpreter one after the other."""
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


def run_mutants(*options):
    """tools/mutants.py on the default interpreter; its status."""
    version, interpreter = default_interpreter()
    path = install(version, interpreter, os.path.join(BUILD, "log", version + ".txt"))
    python = os.path.join(path, "bin", "python")
    script = os.path.join(ROOT, "tools", "mutants.py")
    folders = [os.path.join(path, "bin"), os.path.join(tools(), "bin"), os.environ["PATH"]]
    env = environ(PATH=os.pathsep.join(folders))
    return subprocess.call([python, script, "--python", python, *options], env=env)


def debug_interpreter():
    """(version, path) of a CPython that counts references, or None: $PYTHON_DEBUG, python3-dbg or
    a python3.X-dbg on PATH, with its headers."""
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


def command_refs():
    """References that rounds of work leave, on a debug interpreter; memory blocks on another."""
    found = debug_interpreter()
    if found is None:
        say("no debug CPython: PYTHON_DEBUG=PATH names one, and python3-dbg is one on Debian")
        say("(with libpython3-dev); blocks of memory are counted on an ordinary one instead")
    version, interpreter = found or default_interpreter()
    log = os.path.join(BUILD, "log", f"refs-{version}.txt")
    path = install(version + ("-debug" if found else ""), interpreter, log)
    words = [os.path.join(path, "bin", "python"), os.path.join(ROOT, "tests/py/references.py")]
    return subprocess.call([*words, "300"], env=environ())


def command_bench():
    """bench/run.py on each interpreter; the table goes to build/bench.md."""
    found, _ = find_interpreters()
    out = os.path.join(BUILD, "bench.md")
    open(out, "w").close()
    for version, interpreter in sorted(found.items(), key=lambda item: VERSIONS.index(item[0])):
        path = install(version, interpreter, os.path.join(BUILD, "log", version + ".txt"))
        installer = [os.path.join(path, "bin", "python"), "-m", "pip"]
        installer = installer if version in OWN_PIP else [pip(), "--python", installer[0]]
        run([*installer, "install", "-q", BENCH_PACKAGE], os.path.join(BUILD, "log", "bench.txt"))
        say(f"measuring {version} ...")
        python = os.path.join(path, "bin", "python")
        ours = (["run.py", "--append", out], ["start.py"], ["forks.py"], ["questions.py"])
        for script, *words in ours:
            script = os.path.join(ROOT, "bench", script)
            subprocess.call([python, script, *words], env=environ(), cwd=BUILD)
    say(open(out).read())
    return 0


def beside_peers(script, versions):
    """A benchmark in copies of these versions' environments, which other tools then may change."""
    found, _ = find_interpreters()
    status = 0
    for version in [version for version in versions if version in found] or list(found)[-1:]:
        log = os.path.join(BUILD, "log", f"peers-{version}.txt")
        path = install(version, found[version], log, (), "-peers")
        words = [os.path.join(path, "bin", "python"), os.path.join(ROOT, "bench", script)]
        status |= subprocess.call(words, env=environ(), cwd=BUILD)
    return status


def command_peers():
    return beside_peers("peers.py", ["3.11", "3.12", "3.13"])


def command_debug():
    return beside_peers("debug.py", VERSIONS) | beside_peers("debug_modules.py", VERSIONS)


def command_embed():
    return beside_peers("embed.py", VERSIONS) | beside_peers("embed_sessions.py", VERSIONS)


def command_proof():
    """Rewritten code of the standard library and of packages, and tests that run with it."""
    found, _ = find_interpreters()
    status = 0
    for version in [version for version in PROVED if version in found]:
        log = os.path.join(BUILD, "log", f"proof-{version}.txt")
        path = install(version, found[version], log)
        packages = os.path.join(BUILD, "proof", version)
        installer = [os.path.join(path, "bin", "python"), "-m", "pip"]
        installer = installer if version in OWN_PIP else [pip(), "--python", installer[0]]
        run([*installer, "install", "-q", "bytecode"], log)
        run([*installer, "install", "-q", "--upgrade", "--target", packages, *CORPUS], log)
        words = [os.path.join(path, "bin", "python"), "bytecode_proof.py"]
        tests = os.path.join(ROOT, "tests", "py")
        status |= subprocess.call([*words, packages], env=environ(), cwd=tests)
        status |= subprocess.call([*words, "--suites"], env=environ(), cwd=tests)
    return status


def command_filters():
    return beside_peers("filters.py", ["3.8", "3.11", "3.12", "3.13"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "command",
        choices=(
            "demo",
            "test",
            "full",
            "check",
            "asan",
            "tsan",
            "fuzz",
            "stress",
            "refs",
            "mutants",
            "bench",
            "filters",
            "debug",
            "embed",
            "proof",
            "peers",
            "lint",
            "fmt",
        ),
    )
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="", help="versions for `test`, all tests of each")
    parser.add_argument("-k", default="", help="tests for `test`, as pytest's -k")
    args = parser.parse_args()
    only = args.only.replace(",", " ").split()
    unknown = [version for version in only if version not in VERSIONS]
    if unknown:
        parser.error(f"ONLY={unknown[0]}: the versions are {' '.join(VERSIONS)}")
    # A shell's background jobs ignore interrupts, and what they start does: tests send some.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if args.command == "test":
            return command_test(only or VERSIONS, only or WHOLE, keyword=args.k)
        if args.command == "full":
            return command_test(VERSIONS, VERSIONS, full=True)
        if args.command == "check":
            version = [default_interpreter()[0]]
            status = command_test(version, version, full=True)
            return command_lint(False) or status
        if args.command in ("lint", "fmt"):
            return command_lint(args.command == "fmt")
        if args.command == "fuzz":
            return command_fuzz(args.seconds)
        if args.command == "stress":
            return command_stress(args.seconds)
        if args.command == "tsan":
            passed, failed = core_tests("tsan")
            say(f"C tests: {passed} passed, {failed} failed; reports: build/log/tsan.*")
            return 1 if failed else 0
        return {
            "demo": command_demo,
            "asan": command_asan,
            "refs": command_refs,
            "mutants": run_mutants,
            "bench": command_bench,
            "filters": command_filters,
            "debug": command_debug,
            "embed": command_embed,
            "proof": command_proof,
            "peers": command_peers,
        }[args.command]()
    except Failed as error:
        say(f"failed: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
