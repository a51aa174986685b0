"""Small wrong changes to the C core, one by one: a test must notice each, or a reason says why none
can. The list is tests/mutants.toml; `make mutants` runs it, two at a time, in copies of the tree.

mutants.py [--python PATH] [--sample N] [--only TEXT]"""

import argparse
import concurrent.futures
import os
import queue
import random
import shutil
import signal
import subprocess
import sys

try:
    import tomllib
except ImportError:
    import tomli as tomllib  # before 3.11

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORKERS = 2
# A mutant that never ends is noticed, too.
SECONDS = 300
PROVEN = set()  # tests that pass without a change: their kind, then their words


class Copy:
    """A copy of the tree that is built for C tests, and for an interpreter where one is given."""

    def __init__(self, number, python):
        self.path = os.path.join(ROOT, "build", "mutants", str(number))
        self.python = python
        files = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT).decode().split("\0")
        for name in filter(None, files):
            self.refresh(name)
        self.run("meson", "setup", "core", "-Dpython=false", "-Dtests=true", "--reconfigure")
        if python is not None:
            self.run("meson", "setup", "extension", "--reconfigure")

    def refresh(self, name):
        """Puts the tree's own file there, where it is another."""
        source, target = os.path.join(ROOT, name), os.path.join(self.path, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if read(source) != (read(target) if os.path.exists(target) else None):
            shutil.copyfile(source, target)

    def run(self, *words, env=None, cwd=""):
        """Whether a command ends well, and in time; nothing that it began goes on."""
        if self.python is not None:  # its environment has meson and ninja, and they build for it
            env = dict(env or os.environ)
            env["PATH"] = os.pathsep.join((os.path.dirname(self.python), env["PATH"]))
        child = subprocess.Popen(
            words, cwd=os.path.join(self.path, cwd), env=env, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            self.output, _ = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.output = b""
            end_group(child, signal.SIGTERM)  # meson test ends what it has begun
        finally:
            end_group(child, signal.SIGKILL)
            child.wait()
        return child.returncode == 0

    def prove(self, mutant):
        """Runs the tests of a mutant once without it: what fails then would notice anything."""
        for kind, passes in (("c", self.passes_c), ("python", self.passes_python)):
            tests = (kind, *mutant.get(kind, ()))
            if len(tests) > 1 and tests not in PROVEN:
                if not passes(tests[1:]):
                    text = self.output.decode("utf-8", "replace")[-2000:]
                    raise SystemExit(f"{' '.join(tests[1:])}: fails without a change\n{text}")
                PROVEN.add(tests)

    def survives(self, mutant):
        """Whether the tests that should notice pass with the change in place."""
        self.prove(mutant)
        name = os.path.join(self.path, mutant["file"])
        text = read(name)
        if text.count(mutant["before"]) != 1:
            raise SystemExit(f"{mutant['name']}: {mutant['file']} has its text not once")
        with open(name, "w", encoding="utf-8") as file:
            file.write(text.replace(mutant["before"], mutant["after"]))
        try:
            if "c" in mutant and not self.passes_c(mutant["c"]):
                return False
            return "python" not in mutant or self.passes_python(mutant["python"])
        finally:
            self.refresh(mutant["file"])

    def passes_c(self, tests):
        if not self.run("ninja", "-C", "core", *map(program, tests)):
            raise SystemExit("it does not compile:\n" + self.output.decode()[-2000:])
        return self.run("meson", "test", "-C", "core", "--no-rebuild", *tests)

    def passes_python(self, words):
        if self.python is None:
            return True
        if not self.run("ninja", "-C", "extension"):
            raise SystemExit("it does not compile:\n" + self.output.decode()[-2000:])
        folder = os.path.join(self.path, "site-packages")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(self.path, "relive"), os.path.join(folder, "relive"))
        for name in os.listdir(os.path.join(self.path, "extension", "src", "cpython")):
            if name.startswith("_core") and name.endswith(".so"):
                built = os.path.join(self.path, "extension", "src", "cpython", name)
                shutil.copy(built, os.path.join(folder, "relive"))
        env = dict(os.environ, PYTHONPATH=folder, PYTHONDONTWRITEBYTECODE="1")
        pytest = [self.python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        return self.run(*pytest, *words, env=env, cwd="tests")


def end_group(child, number):
    try:
        os.killpg(child.pid, number)
        child.wait(10)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass


def program(test):
    """What is built for a C test."""
    return "tests/c/" + {"replay": "replay_reader"}.get(test, "test_" + test)


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def misfits(mutants, root):
    """Yields a line for each mutant whose text is not in its file exactly once."""
    for mutant in mutants:
        path = os.path.join(root, mutant["file"])
        count = read(path).count(mutant["before"]) if os.path.exists(path) else 0
        if count != 1:
            yield f"{mutant['name']}: {mutant['file']} has its text {count} times"


def numbers(version):
    """Returns '3.13' as (3, 13)."""
    return tuple(int(part) for part in version.split("."))


def version_of(python):
    """Returns the version of an interpreter; of none, the highest."""
    if python is None:
        return (9, 9)
    words = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return numbers(subprocess.check_output(words).decode())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--python",
        type=os.path.abspath,
        help="an interpreter with the test tools, for Python tests",
    )
    parser.add_argument("--sample", type=int, help="only so many, chosen at random")
    parser.add_argument("--only", default="", help="only those whose name holds this text")
    parser.add_argument(
        "--check", action="store_true", help="run none; fail where one does not fit its file"
    )
    args = parser.parse_args()
    with open(os.path.join(ROOT, "tests", "mutants.toml"), "rb") as file:
        mutants = [one for one in tomllib.load(file)["mutant"] if args.only in one["name"]]
    if args.check:
        wrong = list(misfits(mutants, ROOT))
        print("\n".join(wrong) if wrong else f"mutants: {len(mutants)}, each fits its file")
        return 1 if wrong else 0
    if args.python is None:
        mutants = [one for one in mutants if "c" in one or "equivalent" in one]
    if args.sample:
        mutants = random.sample(mutants, min(args.sample, len(mutants)))
    copies = queue.Queue()
    for number in range(WORKERS):
        copies.put(Copy(number, args.python))

    version = version_of(args.python)

    def try_one(mutant):
        if "equivalent" in mutant or version < numbers(mutant.get("since", "0.0")):
            return "equivalent"
        copy = copies.get()
        try:
            return "LIVES" if copy.survives(mutant) else "noticed"
        finally:
            copies.put(copy)

    found = {"noticed": 0, "equivalent": 0, "LIVES": 0}
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for mutant, verdict in zip(mutants, pool.map(try_one, mutants)):
            found[verdict] += 1
            why = mutant.get("equivalent", f"an interpreter before {mutant.get('since')}")
            why = why if verdict == "equivalent" else ""
            print(f"{verdict:<10} {mutant['name']}: {why}", flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in found.items()))
    return 1 if found["LIVES"] else 0


if __name__ == "__main__":
    sys.exit(main())
