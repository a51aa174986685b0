"""The tests: of the C core, of the tools, and of Relive on each interpreter."""

import collections
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import chance
from environments import (
    ASSERTS_ON,
    BUILD,
    DOORS,
    OLD_PYTESTS,
    PYTESTS,
    PYTESTS_OF_3_8,
    REAL,
    REAL_ON,
    ROOT,
    VERSIONS,
    WHOLE,
    Failed,
    apart,
    assert_build,
    default_interpreter,
    environ,
    environment,
    find_interpreters,
    install,
    programs,
    real_suites,
    run,
    say,
    tools,
)

# Undefined behaviour ends the test that shows it.
SANITIZERS = (
    "-Db_sanitize=address,undefined",
    "-Db_lundef=false",
    "-Dc_args=-fno-sanitize-recover=all",
)
WITH_THREADS = ["record", "ring", "forks", "snapshot", "reader"]  # of the C tests
# What versions outside of `whole` run: programs, how recordings begin and end, the debugger.
NARROW = ["programs", "smoke", "backends*", "record", "endings", "forks", "exceptions", "debug*"]


class Counts(collections.namedtuple("Counts", "passed failed skipped", defaults=[0, 0, 0])):
    """How many tests passed, failed and were skipped."""

    def __add__(self, other):
        return Counts(*(one + more for one, more in zip(self, other)))

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


# ---- C ----


def core(kind="plain"):
    """Runs the C tests, without any CPython, plain or under the sanitizers of `kind`."""
    log = os.path.join(BUILD, "log", f"core-{kind}.txt")
    path = os.path.join(BUILD, f"core-{kind}")
    meson = os.path.join(tools(), "bin", "meson")
    env = environ(PATH=os.path.join(tools(), "bin") + os.pathsep + os.environ["PATH"])
    options = ["-Dpython=false", "-Dtests=true", "-Dwerror=true"]
    test = [meson, "test", "-C", path, "--print-errorlogs"]
    if kind == "asan":
        options += [*SANITIZERS, "-Dbuildtype=debugoptimized"]
    if kind == "tsan":
        # Reports go to files: the writer thread has no standard error any more.
        known = os.path.join(ROOT, "tests", "c", "tsan.supp")
        env["TSAN_OPTIONS"] = f"log_path={BUILD}/log/tsan suppressions={known}"
        # The tests whose threads share data. The sanitizer's shadow memory wants fixed addresses.
        fixed = ["setarch", "-R"]
        works = shutil.which("setarch") and subprocess.call([*fixed, "true"]) == 0
        test = [*(fixed if works else []), *test, "--timeout-multiplier", "4", *WITH_THREADS]
        options += ["-Db_sanitize=thread", "-Db_lundef=false", "-Dbuildtype=debugoptimized"]
    if not os.path.exists(os.path.join(path, "build.ninja")):
        run([meson, "setup", path, ROOT, *options], log, env=env)
    run([meson, "compile", "-C", path], log, env=env)
    run(test, log, env=env)
    with open(log, encoding="utf-8", errors="replace") as file:
        return count_of_meson(file.read())


def count_of_meson(log):
    """Returns the counts of the last run in a log of `meson test`."""
    return Counts(*(int(re.findall(word + r":\s+(\d+)", log)[-1]) for word in ("Ok", "Fail")))


# ---- Python ----


def select(keyword, is_whole):
    """Returns pytest's arguments: the test files and, where a keyword names none, -k.

    K=values runs tests/py/test_values.py; any other keyword matches names of tests."""
    tests = os.path.join(ROOT, "tests", "py")
    words = keyword.split()
    if words and all(os.path.exists(f"{tests}/test_{word}.py") for word in words):
        return [f"py/test_{word}.py" for word in words]
    files = ["py"] if is_whole else [path for word in NARROW for path in test_files(word)]
    return [*files, *(["-k", keyword] if keyword else [])]


def test_files(word):
    """Returns the test files whose names fit a pattern, as pytest in tests/ takes them."""
    found = glob.glob(os.path.join(ROOT, "tests", "py", f"test_{word}.py"))
    return sorted("py/" + os.path.basename(path) for path in found)


def python(version, interpreter, is_whole, jobs, is_full=False, keyword="", is_short=False):
    """Runs the Python tests on one interpreter; returns their counts and a text about them.

    A short run leaves out what does not depend on the version."""
    log, report = log_of(version), report_of(version)
    os.makedirs(os.path.dirname(report), exist_ok=True)
    for old in filter(os.path.exists, (log, report)):
        os.unlink(old)
    program, env = prepare(version, interpreter, is_full, is_short)
    words = [program, "--junitxml", report, "-rs", "-n", str(jobs), *select(keyword, is_whole)]
    text = ""
    try:
        run(words, log, cwd=os.path.join(ROOT, "tests"), env=env)
    except Failed as error:
        text = str(error)
    counts, reasons = count_of_report(report)
    if sum(counts) == 0:
        return Counts(failed=1), text or f"no test matches {keyword}".rstrip()
    return counts, "\n".join([text, *reasons]).strip()


def prepare(version, interpreter, is_full, is_short):
    """Installs what the Python tests need; returns the path of pytest and their variables."""
    log = log_of(version)
    path = install(version, interpreter, log)
    env = environ(TEST_SHORT="1" if is_short else "")
    if version == ASSERTS_ON or (is_full and version in WHOLE):
        env["TEST_ASSERT_BUILD"] = assert_build(version, log)
    if is_full or version in REAL_ON:
        env["TEST_REAL_SUITES"] = real_suites() or ""
        if version in WHOLE:
            env["TEST_REAL_PROGRAMS"] = programs(version, interpreter, log) or ""
            env["TEST_REAL_LONG"] = "1" if is_full else ""
    return os.path.join(path, "bin", "pytest"), env


def log_of(version):
    return os.path.join(BUILD, "log", version + ".txt")


def report_of(version):
    return os.path.join(BUILD, "report", version + ".xml")


def by_chance(chosen, is_full, keyword):
    """Returns the (version, name) of the tests that failed and pass when they run again alone."""
    short_on = which_are_short(chosen, is_full, keyword)
    tests = os.path.join(ROOT, "tests")

    def passes(version, name):
        program, env = prepare(version, chosen[version], is_full, version in short_on)
        try:
            run([program, os.path.join(ROOT, name)], log_of(version), env=env, cwd=tests)
        except Failed:
            return False
        return True

    return chance.passes_alone({version: report_of(version) for version in chosen}, passes)


def count_of_report(path):
    """Returns the counts of a JUnit report, and a sorted line for each reason to skip."""
    if not os.path.exists(path):
        return Counts(), []
    suite = ElementTree.parse(path).getroot()
    suite = suite if suite.tag == "testsuite" else suite[0]
    total, skipped, failures, errors = (
        int(suite.get(name)) for name in ("tests", "skipped", "failures", "errors")
    )
    failed = failures + errors
    reasons = {f"    skipped: {element.get('message')}" for element in suite.iter("skipped")}
    return Counts(total - failed - skipped, failed, skipped), sorted(reasons)


def parity(versions):
    """Yields a line for each version: how many of the tests that every callback backend runs each
    backend passed."""
    for version in sorted(versions, key=VERSIONS.index):
        report = report_of(version)
        passed, total = {}, {}
        cases = (
            ElementTree.parse(report).getroot().iter("testcase") if os.path.exists(report) else ()
        )
        for case in cases:
            found = re.search(r"\[(monitoring|evalhook|setprofile|settrace)\b", case.get("name"))
            if found and "test_backends" in case.get("classname", ""):
                name = found.group(1)
                total[name] = total.get(name, 0) + 1
                passed[name] = passed.get(name, 0) + (len(case) == 0)
        if total:
            rows = ", ".join(f"{name} {passed[name]} of {n}" for name, n in total.items())
            yield f"callbacks, the same tests on each backend: {version}: {rows}"


# ---- tools ----


def of_tools(version, interpreter):
    """Runs the tests of tools/ on one interpreter; they need pytest and no build of Relive."""
    log = os.path.join(BUILD, "log", "tools-tests.txt")
    program = os.path.join(environment(version, interpreter, log), "bin", "python")
    try:
        run([program, "-m", "pytest", os.path.join("tests", "tools")], log)
    except Failed as error:
        say(error)
    with open(log, encoding="utf-8", errors="replace") as file:
        return count_of_pytest(file.read())


def count_of_pytest(log):
    """Returns the counts in the closing line of pytest; one failure where it has none."""
    last = (log.splitlines() or [""])[-1]
    found = {kind: int(number) for number, kind in re.findall(r"(\d+) (passed|failed|error)", last)}
    failed = found.get("failed", 0) + found.get("error", 0)
    return Counts(found.get("passed", 0), failed) if found else Counts(failed=1)


# ---- the commands ----


def mutants(*options):
    """Runs tools/mutants.py on the default interpreter; returns its status."""
    version, interpreter = default_interpreter()
    path = install(version, interpreter, os.path.join(BUILD, "log", version + ".txt"))
    python = os.path.join(path, "bin", "python")
    script = os.path.join(ROOT, "tools", "mutants.py")
    folders = [os.path.join(tools(), "bin"), os.environ["PATH"]]
    env = environ(PATH=os.pathsep.join(folders))
    return subprocess.call([python, script, "--python", python, *options], env=env)


def test(versions, whole, is_full=False, keyword=""):
    """The matrix: all tests of the versions in `whole`, a few of the others.

    With a keyword: no C tests, and of the Python tests those that it matches."""
    found, lack = find_interpreters()
    chosen = {version: path for version, path in found.items() if version in versions}
    total = Counts()
    kinds = ("plain", "asan", "tsan") if len(chosen) > 1 else ("plain",)
    for kind in () if keyword else kinds:
        total += attempt(f"C tests ({kind})", core, kind)
    tools()
    if chosen and not keyword:
        total += attempt("tools", of_tools, *next(iter(chosen.items())))
    real_suites()
    total += on_each(chosen, whole, is_full, keyword)
    passed = by_chance(chosen, is_full, keyword) if total.failed else set()
    total += Counts(passed=len(passed), failed=-len(passed))
    if is_full and len(chosen) > 1 and not keyword:
        lives = mutants("--sample", "10")
        total += Counts(passed=not lives, failed=lives)
    for line in parity(chosen):
        say(line)
    reports = {version: report_of(version) for version in sorted(chosen, key=VERSIONS.index)}
    for line in chance.lines(reports, passed):  # near the end: a log is shown by its last lines
        say(line)
    missing = "; ".join(f"{version}: {why}" for version, why in sorted(lack.items()))
    say("interpreters: " + ", ".join(chosen) + (f"; not had: {missing}" if missing else ""))
    total += Counts(failed=not chosen)
    say(total)
    return 1 if total.failed else 0


def attempt(name, suite, *words):
    """Runs a suite and says its counts; a step that fails counts as one failed test."""
    try:
        counts = suite(*words)
        say(f"{name}: {counts.passed} passed, {counts.failed} failed")
    except Failed as error:
        counts = Counts(failed=1)
        say(f"{name}: {error}")
    return counts


def on_each(chosen, whole, is_full, keyword):
    """Runs the Python tests on the chosen interpreters, two at a time, the longest first."""
    total, began = Counts(), time.time()
    at_once, jobs = (2, 1) if len(chosen) > 1 else (1, 2)
    order = sorted(chosen.items(), key=lambda item: item[0] not in WHOLE)
    short_on = which_are_short(chosen, is_full, keyword)
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        running = {
            pool.submit(
                python, version, path, version in whole, jobs, is_full, keyword,
                version in short_on,
            ): version
            for version, path in order
        }  # fmt: skip
        for job in concurrent.futures.as_completed(running):
            version = running[job]
            try:
                counts, text = job.result()
            except Failed as error:
                counts, text = Counts(failed=1), str(error)
            total += counts
            scope = "all" if version in whole else "part"
            say(f"{version} ({scope}): {counts} [{time.time() - began:.0f} s]")
            if text:
                say(text)
    return total


def which_are_short(chosen, is_full, keyword):
    """Returns the versions without what is alike on all: those of REAL_ON run it, or else all."""
    if is_full or keyword or not set(REAL_ON) <= set(chosen):
        return set()
    return set(chosen) - set(REAL_ON)


def doors(versions, keyword=""):
    """Runs tests/doors, each version in an environment of its own with what they need."""
    found, _ = find_interpreters()
    total = Counts()
    for version in [one for one in versions if one in found]:
        total += attempt(f"doors on {version}", of_doors, version, found[version], keyword)
    total += Counts(failed=not sum(total))
    say(total)
    return 1 if total.failed else 0


def of_doors(version, interpreter, keyword):
    """Runs tests/doors on one interpreter, says what failed and what was skipped; returns counts.

    K=celery runs test_celery.py; any other keyword matches names of tests."""
    log = os.path.join(BUILD, "log", f"doors-{version}.txt")
    report = os.path.join(BUILD, "report", f"doors-{version}.xml")
    os.makedirs(os.path.dirname(report), exist_ok=True)
    for old in filter(os.path.exists, (log, report)):
        os.unlink(old)
    install(version, interpreter, log)
    path = apart("doors", version, interpreter, ["--prefer-binary", "-r", DOORS], log)
    words = [os.path.join(path, "bin", "python"), "-m", "pytest", "--junitxml", report, "-rs"]
    tests = os.path.join(ROOT, "tests")
    files = [f"doors/test_{word}.py" for word in keyword.split()]
    if not files or not all(os.path.exists(os.path.join(tests, name)) for name in files):
        files = ["doors", *(["-k", keyword] if keyword else [])]
    text = ""
    real_suites()
    pythons = [of_pytest(version, interpreter, wanted, log) for wanted in PYTESTS
               if version != "3.8" or wanted in PYTESTS_OF_3_8]  # fmt: skip
    old = [of_old_pytest(version, interpreter, wanted, log) for wanted in OLD_PYTESTS
           if version == "3.8"]  # fmt: skip
    env = environ(TEST_PYTESTS=os.pathsep.join(pythons), TEST_OLD_PYTESTS=os.pathsep.join(old))
    try:
        run([*words, "-n", "2", *files], log, env=env, cwd=tests)
    except Failed as error:
        text = str(error)
    counts, reasons = count_of_report(report)
    if text and not counts.failed:
        counts += Counts(failed=1)
    for line in filter(None, [text, *reasons]):
        say(line)
    return counts


def of_pytest(version, interpreter, wanted, log):
    """Returns the interpreter of an environment with this pytest and what real suites need."""
    words = [wanted, "pytest-xdist", "pytest-html", "hypothesis", *REAL]
    name = wanted.replace("=", "").replace(">", "").replace(".", "")
    return os.path.join(apart(name, version, interpreter, words, log), "bin", "python")


def of_old_pytest(version, interpreter, wanted, log):
    """Returns the interpreter of an environment with an old pytest."""
    name = re.sub(r"[=.]| .*", "", wanted)
    words = [*wanted.split(), "tomli"]
    return os.path.join(apart(name, version, interpreter, words, log), "bin", "python")


def check():
    """All tests on the best interpreter at hand."""
    version = [default_interpreter()[0]]
    return test(version, version, is_full=True)
