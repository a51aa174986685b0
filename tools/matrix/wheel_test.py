"""Uses each wheel as somebody does who has nothing else: no compiler, no header, no library.

A new environment gets the wheel alone. PATH names that environment and nothing else. As root on
Linux, each command runs in a mount namespace of its own. There, headers, compilers and the
libraries of the wheel are hidden. Elsewhere a line says that they were not.

What is run: record, tree, exc, info, check, debug with commands on its standard input, the
examples, the plugin of pytest, and tests/py/test_smoke.py."""

import glob
import os
import re
import shutil
import subprocess
import time

import targets
import wheels
from environments import (
    BUILD,
    OWN_PIP,
    ROOT,
    VERSIONS,
    Failed,
    environ,
    find_interpreters,
    pip,
    run,
    say,
)

# It needs nm and readelf, which may need libzstd; `make wheels` checks the same.
LEFT_OUT = "not test_one_symbol_and_no_foreign_library"
COMPILERS = ["cc", "gcc", "clang", "c99", "tcc", "zig", "ld", "as", "pkg-config", "meson", "ninja"]
MEASURED_ON = ["3.13", "3.12"]
HIDDEN_FOLDERS = ["/usr/include", "/usr/local/include", "/usr/lib/gcc"]
HIDDEN_IN = ["/lib*", "/usr/lib*", "/usr/lib/*-linux-*", "/lib/*-linux-*", "/usr/local/lib"]
HIDDEN_FILES = ["libzstd.*", "libpcre2-8.*", "libxxhash.*"]
EXAMPLES = {"shop.py": b"order 3: 12.00", "sample_app.py": b"", "backends_demo.py": b""}


def test(versions):
    """Tests the wheel of each version, or all that are built; returns an exit status."""
    found, lack = find_interpreters()
    paths = {version: find_wheel(version) for version in VERSIONS}
    chosen = versions or [version for version in VERSIONS if paths[version]]
    if not chosen:
        raise Failed("there is no wheel: make wheels")
    say(f"hidden: {describe_hiding()}")
    status = 0
    for version in chosen:
        began = time.time()
        try:
            if version not in found:
                raise Failed(lack[version])
            if not paths[version]:
                raise Failed("there is no wheel: make wheels")
            passed = use(version, found[version], paths[version])
            say(f"{version}: {os.path.basename(paths[version])}: {passed} steps passed, 0 failed"
                f" [{time.time() - began:.0f} s]")  # fmt: skip
        except Failed as error:
            say(f"{version}: failed: {error}")
            status = 1
    return status


def find_wheel(version, platform=targets.NATIVE.tag):
    """Returns the path of the wheel of a version for a platform, or None."""
    tag = "cp" + version.replace(".", "")
    for folder in (wheels.OUT, wheels.APART):
        found = glob.glob(os.path.join(folder, f"relive-*-{tag}-{tag}-{platform}.whl"))
        if found:
            return found[0]
    return None


def use(version, interpreter, wheel, name=None, hides=True):
    """Installs a wheel into a new environment and uses it; returns how many steps passed.

    `name`: of the folder and of the log, where they are not those of the version. `hides`: False
    leaves this machine's libraries in place, which an emulator needs and its program cannot use."""
    log = os.path.join(BUILD, "log", f"wheel-test-{name or version}.txt")
    if os.path.exists(log):
        os.unlink(log)
    top = os.path.join(BUILD, "wheels", "test", name or version)
    shutil.rmtree(top, ignore_errors=True)
    python = os.path.join(top, "venv", "bin", "python")
    # The newest pip refuses old interpreters from outside; theirs comes with them.
    own = version in OWN_PIP
    words = [interpreter, "-m", "venv", *([] if own else ["--without-pip"])]
    run([*words, os.path.join(top, "venv")], log)
    command = [python, "-m", "pip"] if own else [pip(), "--python", python]
    if own:
        run([*command, "install", "-q", "-U", "pip"], log)
    run([*command, "install", "-q", "--only-binary", ":all:", wheel], log)
    step = Steps(top, log, hides)
    for program in COMPILERS:
        if shutil.which(program, path=step.env["PATH"]):
            raise Failed(f"{program} can be reached in {step.env['PATH']}")
    run_verbs(step)
    run_examples(step)
    packages = []
    if name:  # an interpreter of another platform may be unable to fetch anything
        packages = ["--no-index", "--find-links", os.path.join(top, "packages")]
        words = ["download", "-q", "-d", packages[-1], "--python-version", version]
        run([pip(), *words, "--only-binary", ":all:", "pytest"], log)
    run([*command, "install", "-q", "--only-binary", ":all:", *packages, "pytest"], log)
    run_plugin(step)
    shutil.copytree(os.path.join(ROOT, "tests"), os.path.join(top, "tests"))
    smoke = ["python", "-m", "pytest", "-p", "no:cacheprovider", "py/test_smoke.py"]
    smoke += ["-k", LEFT_OUT]
    step(smoke, expect=rb"\d+ passed", cwd=os.path.join(top, "tests"))
    return step.passed


class Steps:
    """Runs one command after another in the environment of a wheel, each with what it must say."""

    def __init__(self, top, log, hides=True):
        self.top, self.log, self.passed = top, log, 0
        self.folder = os.path.join(top, "work")
        os.makedirs(self.folder)
        shutil.copytree(os.path.join(ROOT, "examples"), os.path.join(top, "examples"))
        empty = os.path.join(top, "empty")
        os.makedirs(empty)
        self.env = environ(PATH=os.path.join(top, "venv", "bin"))
        for name in ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "PKG_CONFIG_LIBDIR"):
            self.env[name] = empty
        self.hide = hiding(empty) if hides else []

    def __call__(self, words, expect=b"", status=0, stdin=b"", cwd=None, env=()):
        program = shutil.which(words[0], path=self.env["PATH"])
        if program is None:
            raise Failed(f"{words[0]} is not in the environment")
        done = subprocess.run(
            [*self.hide, program, *words[1:]], input=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=cwd or self.folder, env=dict(self.env, **dict(env)),
            timeout=1800, check=False,
        )  # fmt: skip
        with open(self.log, "ab") as file:
            file.write(b"$ " + " ".join(words).encode() + b"\n" + done.stdout)
        if done.returncode != status or not re.search(expect, done.stdout):
            end = done.stdout[-3000:].decode("utf-8", "replace")
            raise Failed(
                f"`{' '.join(words)}` ended with {done.returncode} and not {status}, or did not"
                f" say {expect!r}; see {self.log}; it ends:\n{end}"
            )
        self.passed += 1
        return done.stdout


def run_verbs(step):
    """Records, asks and debugs, as the first pages of the documents do."""
    shop = os.path.join(step.top, "examples", "shop.py")
    step(["relive", "--version"], rb"relive \d")
    step(["relive", "doctor"], rb"self-test passed")
    step(["relive", "record", "-o", "shop.relive", shop], rb"nothing lost")
    step(["relive", "tree", "shop.relive"], rb"__main__:order x3")
    step(["relive", "exc", "shop.relive"], rb"OutOfStock: tea")
    step(["relive", "check", "shop.relive"], rb"whole")
    step(["relive", "info", "shop.relive"], rb"complete")
    lines = ["relive", "record", "--level", "lines", "-o", "lines.relive", shop]
    step(lines, rb"nothing lost")
    step(["relive", "history", "order", "total", "lines.relive"], rb"total = 0\.0")
    talk = b"break 18\ncontinue\np item\nwhere\nquit\n"
    step(["relive", "debug", shop], rb"(?s)take\(\).*'tea'.*-> main\(\)", stdin=talk)
    step(["python", "-c", "print(1)"], rb"^1\n$", env=[("RELIVE_RECORD", "env.relive")])
    step(["relive", "check", "env.relive"], rb"whole")


def run_plugin(step):
    """Runs a test that fails with the plugin of pytest; its recording has the values."""
    with open(os.path.join(step.folder, "test_plugin.py"), "w") as file:
        file.write("def half(n):\n    return n // 2\n\ndef test_red():\n    assert half(7) == 4\n")
    words = ["python", "-m", "pytest", "-p", "no:cacheprovider", "--relive"]
    words += ["--rootdir", ".", "test_plugin.py"]
    step(words, rb"1 failed", status=1)
    (path,) = glob.glob(os.path.join(step.folder, ".relive", "pytest", "*.relive"))
    step(["relive", "calls", "half", path], rb"half\(n=7\) -> 3")


def run_examples(step):
    """Runs the examples that need no other package."""
    for name, text in EXAMPLES.items():
        step(["python", os.path.join(step.top, "examples", name)], re.escape(text))


# ---- what a run cannot reach ----


def hidden():
    """Returns (folders, files) of this machine that a test does without.

    PCRE2 is the last one, since `mount` itself may need it."""
    files = [
        path
        for folder in HIDDEN_IN
        for name in HIDDEN_FILES
        for path in glob.glob(os.path.join(folder, name))
    ]
    return (
        [path for path in HIDDEN_FOLDERS if os.path.isdir(path)],
        sorted(
            {os.path.realpath(path) for path in files},
            key=lambda path: ("pcre2" in path, ".so" in path),
        ),
    )


def can_hide():
    """Returns whether this process may make a mount namespace."""
    if shutil.which("unshare") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    probe = ["unshare", "--mount", "true"]
    return subprocess.call(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def hiding(empty):
    """Returns the words before a command that hide compilers, headers and libraries from it."""
    if not can_hide():
        return []
    folders, files = hidden()
    lines = [f"mount --bind '{empty}' '{path}'" for path in folders]
    lines += [f"mount --bind /dev/null '{path}'" for path in files]
    script = " && ".join([*lines, 'exec "$@"'])
    # The shell and mount are found by their own paths: PATH names neither.
    paths = {name: shutil.which(name) for name in ("unshare", "sh", "mount")}
    script = script.replace("mount --bind", f"{paths['mount']} --bind")
    return [paths["unshare"], "--mount", paths["sh"], "-c", script, "sh"]


def describe_hiding():
    """Returns what the tests hide on this machine, as a line."""
    if not can_hide():
        return "compilers, by PATH; not headers and libraries, which needs root and unshare"
    folders, files = hidden()
    return "compilers, by PATH; " + " ".join([*folders, *(os.path.basename(one) for one in files)])


def costs():
    """Measures what an installation costs, beside other tools; the table goes to build/."""
    found, _ = find_interpreters()
    built = {version: find_wheel(version) for version in MEASURED_ON if version in found}
    chosen = [version for version in built if built[version]]
    if not chosen:
        raise Failed(f"there is no wheel of {' or '.join(MEASURED_ON)}: make wheels")
    script = os.path.join(ROOT, "bench", "install.py")
    out = os.path.join(BUILD, "install.md")
    words = [found[chosen[0]], script, built[chosen[0]], "--write", out, "--pip"]
    # With the tool's own version of Python, pip chooses the wheels of that version.
    environment = os.path.join(BUILD, "wheels", "test", "pip-" + chosen[0])
    log = os.path.join(BUILD, "log", "install.txt")
    shutil.rmtree(environment, ignore_errors=True)
    run([found[chosen[0]], "-m", "venv", environment], log)
    run(
        [os.path.join(environment, "bin", "python"), "-m", "pip", "install", "-q", "-U", "pip"], log
    )
    return subprocess.call([*words, os.path.join(environment, "bin", "pip")], env=environ())
