"""CPython's own tests of pdb and bdb on Relive's debugger: `python run.py` in an environment that
has Relive.

Each test passes, or is in known.txt with a reason. One that is there and passes is an error too.
The tests run in child processes: a test that hangs or dies fails, and the next child goes on."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ("test_pdb", "test_bdb")
VERSION = "%d.%d" % sys.version_info[:2]
PATIENCE_S = 60  # for one test
RANKS = ("skip", "ok", "fail")  # of tests that have the same name: the last one counts
MOST_KNOWN = 0.1  # of the tests of a module


def short_name(test):
    """Returns a test's name without the module."""
    return test.id().split(".")[-1]


def flatten(suite):
    """Returns the tests of a suite in their order."""
    if isinstance(suite, unittest.TestSuite):
        return [test for part in suite for test in flatten(part)]
    return [suite]


class Noting(unittest.TestResult):
    """Writes what becomes of each test to a file at once: a child may die."""

    def __init__(self, file, verbose):
        super().__init__()
        self.file, self.verbose, self.state = file, verbose, ""

    def note(self, *words):
        self.file.write(" ".join(words) + "\n")
        self.file.flush()

    def startTest(self, test):
        super().startTest(test)
        self.state = "ok"
        self.note("begin", short_name(test))

    def stopTest(self, test):
        super().stopTest(test)
        self.note("end", short_name(test), self.state)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.state = "skip"

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.failed(test, error)

    def addFailure(self, test, error):
        self.failed(test, error)

    addError = addFailure

    def failed(self, test, error):
        self.state = "fail"
        if self.verbose:
            print(self._exc_info_to_string(error, test), flush=True)


def run_child(name, report, first, only):
    """Runs the tests of a module from number `first` on."""
    import shim

    # A shell that starts this in the background has Control-C ignored, which tests would see.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module = shim.load(name)
    tests = flatten(unittest.defaultTestLoader.loadTestsFromModule(module))
    with open(report, "a") as file:
        result = Noting(file, bool(only))
        for number, test in enumerate(tests):
            if number >= first and (not only or short_name(test) == only):
                result.note("number", str(number))
                test.run(result)
        result.note("done")


def read_report(report):
    """Returns ({name: state}, number of the last test, whether all have run)."""
    found, last, done, running = {}, -1, False, None
    with open(report) as file:
        for line in file:
            what, *words = line.split()
            if what == "number":
                last = int(words[0])
            elif what == "begin":
                running = words[0]
            elif what == "end":
                running, state = None, words[1]
                found[words[0]] = max(found.get(words[0], state), state, key=RANKS.index)
            done = done or what == "done"
    if running is not None:
        found[running] = "fail"
    return found, last, done


def run_module(name, only):
    """Returns {test: state} of all tests of a module."""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report")
        place = os.path.join(folder, "cwd")
        os.mkdir(place)
        open(report, "w").close()
        first = 0
        while True:
            command = [sys.executable, os.path.join(HERE, "run.py"), "--child", name, report]
            words = ["--first", str(first), *(["--only", only] if only else [])]
            child = subprocess.Popen(
                command + words, cwd=place, stdin=subprocess.DEVNULL,
                stdout=None if only else subprocess.DEVNULL,
                stderr=None if only else subprocess.DEVNULL,
            )  # fmt: skip
            while child.poll() is None:
                time.sleep(0.2)
                if time.time() - os.stat(report).st_mtime > PATIENCE_S:
                    child.kill()
                    child.wait()
            found, last, done = read_report(report)
            if done or last + 1 <= first:
                return found
            first = last + 1


def read_known():
    """Returns {module.test: reason} of this version."""
    reasons, known = {}, {}
    with open(os.path.join(HERE, "known.txt")) as file:
        for line in file:
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "reason":
                reasons[words[1]] = " ".join(words[2:])
            elif VERSION in words[2:]:
                known[words[0]] = words[1]
    missing = sorted(set(known.values()) - set(reasons))
    if missing:
        sys.exit(f"known.txt: no reason {', '.join(missing)}")
    return known


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("MODULE", "REPORT"))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", help="one test, with what it prints")
    parser.add_argument("--module", choices=MODULES)
    args = parser.parse_args()
    if args.child:
        run_child(*args.child, args.first, args.only)
        return 0
    known, wrong = read_known(), []
    for name in [args.module] if args.module else MODULES:
        states = run_module(name, args.only)
        passed = sum(state == "ok" for state in states.values())
        skipped = sum(state == "skip" for state in states.values())
        print(f"{VERSION} {name}: {passed} of {len(states) - skipped} pass, {skipped} skipped")
        if not states:
            wrong.append(f"{name} has no tests here")
        for test, state in sorted(states.items()):
            place = f"{name}.{test}"
            if state == "fail" and place not in known:
                wrong.append(f"{place} fails")
            if state == "ok" and place in known:
                wrong.append(f"{place} passes, and is in known.txt")
        if not args.only:
            listed = sum(test.startswith(name + ".") for test in known)
            if listed > MOST_KNOWN * (len(states) - skipped):
                wrong.append(f"{name}: {listed} tests are in known.txt, more than {MOST_KNOWN:.0%}")
            names = {f"{name}.{test}" for test in states}
            gone = [test for test in known if test.startswith(name + ".") and test not in names]
            wrong += [f"{test} is in known.txt, and is no test" for test in sorted(gone)]
    print("".join(f"{VERSION}: {text}\n" for text in wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
