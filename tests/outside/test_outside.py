"""`relive` from an environment that is not the project's: uvx, pipx, uv run, a venv of tools.

Real uv and pipx install our wheels from a folder. Run by `make test-outside`, which sets
OUTSIDE_WHEELS to that folder and OUTSIDE_PYTHONS to the interpreters ("3.12=/path 3.11=/path")."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WHEELS = os.environ["OUTSIDE_WHEELS"]
PYTHONS = dict(pair.split("=") for pair in os.environ["OUTSIDE_PYTHONS"].split())
NEW, OLD = sorted(PYTHONS, key=lambda text: int(text[2:]), reverse=True)[:2]
TOOLS = Path(sys.executable).parent
# It prints what the project's environment alone has, and the status shows that it ran to its end.
APP = """
import sys
import only_here

def price(item):
    return only_here.PRICES[item]

print(price("tea"), sys.prefix)
sys.exit(3)
"""


class Place:
    """A project with an environment, and a second folder with tools; PATH has no Python of ours."""

    def __init__(self, top):
        self.top, self.project, self.bin = top, top / "project", top / "bin"
        self.project.mkdir()
        self.bin.mkdir()
        (self.project / "app.py").write_text(APP)
        self.env = {
            key: value for key, value in os.environ.items()
            if not re.match("RELIVE|VIRTUAL_ENV|CONDA|PYTHON|PIP|UV|OUTSIDE", key)
        }  # fmt: skip
        self.env.update(
            PATH=f"{self.bin}:/usr/bin:/bin", UV_FIND_LINKS=WHEELS, PIP_FIND_LINKS=WHEELS,
            UV_PYTHON_DOWNLOADS="never", UV_CACHE_DIR=str(top / "uv"), UV_OFFLINE="1",
            UV_PYTHON_PREFERENCE="only-system", PIPX_HOME=str(top / "pipx"),
            PIPX_BIN_DIR=str(top / "pipx-bin"), PIP_NO_INDEX="1", PIP_QUIET="1",
            PIP_DISABLE_PIP_VERSION_CHECK="1", PIPX_DEFAULT_BACKEND="pip",
        )  # fmt: skip

    def take(self, *names):
        """Puts commands of the test's own environment on PATH."""
        for name in names:
            (self.bin / name).symlink_to(TOOLS / name)

    def make_environment(self, path, version=NEW, pip=False):
        """Makes a venv in which `only_here` can be imported; returns its folder of programs."""
        words = [] if pip else ["--without-pip"]
        subprocess.run([PYTHONS[version], "-m", "venv", *words, str(path)], check=True)
        (site,) = (path / "lib").glob("python*/site-packages")
        (site / "only_here.py").write_text("PRICES = {'tea': 3}\n")
        return path / "bin"

    def install(self, programs, name="relive"):
        words = [TOOLS / "uv", "pip", "install", "-q", "--no-index", name]
        words += ["--python", programs / "python"]
        subprocess.run(words, env=self.env, check=True)

    def make_tools(self, version=NEW):
        """Makes a venv elsewhere that has Relive; returns the path of its command."""
        programs = self.make_environment(self.top / "elsewhere", version)
        self.install(programs)
        return programs / "relive"

    def run(self, *words, status=3, env=(), cwd=None):
        done = subprocess.run(
            [str(word) for word in words], cwd=cwd or self.project, env=dict(self.env, **dict(env)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
            check=False,
        )  # fmt: skip
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == status, (words, done.returncode, out, err)
        return out, err

    def type(self, line, status=3, cwd=None):
        """What a shell does with a line that Relive has printed."""
        env = {"UV_PYTHON": PYTHONS[NEW], "PIPX_DEFAULT_PYTHON": PYTHONS[NEW]}
        return self.run("/bin/sh", "-c", line, status=status, env=env, cwd=cwd)

    def follow(self, err, start, cwd=None):
        """Types what the closing line names, which begins with `start`; returns its output."""
        (line,) = re.findall(r"nothing lost\. Next: (.+)\n", err)
        assert line.startswith(start + " tree "), line
        out, _ = self.type(line, status=0, cwd=cwd)
        assert "price" in out
        return out

    def advised(self, err):
        """Returns the line to type in a refusal."""
        (line,) = re.findall(r"\nThis works here:\n  (.+)\n", err)
        return line


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def is_recorded(relive, path, env):
    """Asserts that a recording holds the program's call; returns its first facts."""
    words = [*relive, "calls", "price", str(path), "--json"]
    text = subprocess.check_output(words, env=env, cwd=path.parent).decode()
    assert '"tea"' in text or "'tea'" in text, text
    info = subprocess.check_output([*relive, "info", str(path), "--json"], env=env)
    return json.loads(info.decode().splitlines()[-1])


RECORD = ["relive", "record", "-o", "out.relive", "app.py"]


def check(place, out, environment=None):
    """The program ran in the project's environment, and its recording is whole."""
    environment = environment or place.project / ".venv"
    assert out == f"3 {environment}\n"
    asker = place.top / "asker"
    if not asker.exists():
        place.install(place.make_environment(asker))
    is_recorded([str(asker / "bin" / "relive")], place.project / "out.relive", place.env)
    (place.project / "out.relive").unlink()


def launchers(place):
    place.take("uv", "uvx", "pipx")
    return {"uvx": ["uvx"], "pipx": ["pipx", "run"]}


@pytest.mark.parametrize("name", ["uvx", "pipx"])
def test_a_tool_runner_records_with_the_interpreter_of_the_project(place, name):
    start = launchers(place)[name]
    place.make_environment(place.project / ".venv")
    words = [*start, "--python", PYTHONS[NEW], *RECORD]
    out, err = place.run(*words)
    place.follow(err, " ".join([*start, "relive"]))
    # A page that lists commands names them in the same way.
    page, _ = place.run(*words[: len(start) + 2], "relive", "out.relive", status=0)
    assert " ".join(["\n ", *start, "relive calls "]) in page, page
    check(place, out)
    # A folder below the project, and a script that is elsewhere than we are.
    below = place.project / "below"
    below.mkdir()
    words[-2:] = [place.project / "out.relive", "../app.py"]
    check(place, place.run(*words, cwd=below)[0])
    words[-1] = place.project / "app.py"
    check(place, place.run(*words, cwd=place.top)[0])


@pytest.mark.parametrize("name", ["uvx", "pipx"])
def test_a_tool_runner_with_another_version_prints_the_line_that_works(place, name):
    start = launchers(place)[name]
    place.make_environment(place.project / ".venv", NEW)
    out, err = place.run(*start, "--python", PYTHONS[OLD], *RECORD, status=125)
    assert out == "" and f"is Python {NEW}, and no Relive is built for it there or here" in err
    line = place.advised(err)
    assert line.startswith(" ".join(start) + " --python ")
    assert not (place.project / "out.relive").exists()
    check(place, place.type(line)[0])


def test_uv_run_with_relive(place):
    place.take("uv")
    (place.project / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nversion = "0"\nrequires-python = ">=3.8"\n'
    )
    place.make_environment(place.project / ".venv")
    words = ["uv", "run", "--python", place.project / ".venv/bin/python", "--with", "relive"]
    out, err = place.run(*words, *RECORD)
    assert out.startswith("3 "), err  # the prefix is that of uv's layer above the project's
    place.follow(err, "uv run --with relive relive")
    check(place, f"3 {place.project / '.venv'}\n")
    out, _ = place.run(*words, "python", "-m", *RECORD)
    assert out.startswith("3 ")
    check(place, f"3 {place.project / '.venv'}\n")


def test_a_closing_line_names_a_command_that_is_not_on_path(place):
    relive = place.make_tools()
    _, err = place.run(relive, *RECORD[1:])
    place.follow(err, str(relive))
    _, err = place.run("../elsewhere/bin/relive", *RECORD[1:2], "-o", "o.relive", "app.py")
    place.follow(err, "../elsewhere/bin/relive")
    (place.bin / "relive").symlink_to(relive)
    _, err = place.run("relive", *RECORD[1:2], "-o", "q.relive", "app.py")
    place.follow(err, "relive")


def test_uv_run_in_a_project_that_has_relive(place):
    place.take("uv")
    (place.project / "pyproject.toml").write_text(
        f'[project]\nname = "shop"\nversion = "0"\nrequires-python = "=={NEW}.*"\n'
        'dependencies = ["relive"]\n'
    )
    place.make_environment(place.project / ".venv")
    out, err = place.run("uv", "run", "--python", PYTHONS[NEW], *RECORD)
    assert out.startswith("3 "), err
    place.follow(err, "uv run relive")


def test_an_active_environment_without_relive(place):
    active = place.make_environment(place.top / "active")
    place.make_environment(place.project / ".venv", OLD)  # the active one goes before it
    relive = place.make_tools()
    env = {"VIRTUAL_ENV": str(place.top / "active"), "PATH": f"{active}:{place.env['PATH']}"}
    check(place, place.run(relive, *RECORD[1:], env=env)[0], place.top / "active")
    for words in (["-m", "app"], ["python", "app.py"]):
        out, _ = place.run(relive, *RECORD[1:-1], *words, env=env)
        check(place, out, place.top / "active")


def test_a_command_of_the_project_is_found_though_it_is_not_on_path(place):
    programs = place.make_environment(place.project / ".venv")
    shop = programs / "shop"
    shop.write_text(f"#!{programs / 'python'}\n" + APP)
    shop.chmod(0o755)
    relive = place.make_tools()
    check(place, place.run(relive, *RECORD[1:-1], "shop")[0])
    # uv writes such a first line where an environment may be moved.
    shop.write_text(
        '#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")"/\'python\' "$0" "$@"\n'
        "' '''\n" + APP
    )
    check(place, place.run(relive, *RECORD[1:-1], "shop")[0])


def test_another_version_is_refused_with_a_line_for_each_environment(place):
    place.make_environment(place.project / ".venv", NEW, pip=True)
    relive = place.make_tools(OLD)
    python = place.project / ".venv" / "bin" / "python"
    _, err = place.run(relive, *RECORD[1:], status=125)
    assert place.advised(err).startswith(f"{python} -m pip install relive && {python} -m relive ")
    check(place, place.type(place.advised(err))[0])
    # An environment without pip: by uv where it is at hand, else pip comes first.
    shutil.rmtree(place.project / ".venv")
    place.make_environment(place.project / ".venv", NEW)
    _, err = place.run(relive, *RECORD[1:], status=125)
    line = place.advised(err)
    assert line.startswith(f"{python} -m ensurepip && ")
    place.take("uv", "uvx")
    _, err = place.run(relive, *RECORD[1:], status=125)
    assert place.advised(err).startswith(f"uvx --python {python} relive record ")
    check(place, place.type(place.advised(err))[0])
    assert place.type(line)[0].endswith(f"3 {place.project / '.venv'}\n")


def test_an_environment_of_the_project_keeps_its_own_interpreter(place):
    place.make_environment(place.project / ".venv", NEW)
    beside = place.make_environment(place.project / "venv-old", OLD)
    place.install(beside)
    check(place, place.run(beside / "relive", *RECORD[1:])[0], place.project / "venv-old")


def test_python_m_relive_runs_that_very_python(place):
    place.make_environment(place.project / ".venv", OLD)
    python = place.make_tools().parent / "python"
    env = {"VIRTUAL_ENV": str(place.project / ".venv")}
    out, _ = place.run(python, "-m", *RECORD, env=env)
    check(place, out, place.top / "elsewhere")


def test_another_relive_in_the_project_does_it_itself(place):
    programs = place.make_environment(place.project / ".venv")
    relive = place.make_tools()
    place.install(programs)
    (package,) = (place.project / ".venv" / "lib").glob("python*/site-packages/relive")
    for name in ("_version.py", "__main__.py"):
        (package / name).unlink()  # uv links what it installs: a change would be one of all
    (package / "_version.py").write_text('__version__ = "0.0.7"\n')
    (package / "__main__.py").write_text(
        "import sys\nfrom relive.cli import main\nprint('it is I', flush=True)\nsys.exit(main())\n"
    )
    out, _ = place.run(relive, *RECORD[1:])
    assert out.startswith("it is I\n")
    check(place, out[len("it is I\n") :])


def test_children_and_the_debugger(place):
    place.make_environment(place.project / ".venv")
    relive = place.make_tools()
    (place.project / "parent.py").write_text(
        "import subprocess, sys\nsys.exit(subprocess.call([sys.executable, 'app.py']))\n"
    )
    out, _ = place.run(relive, *RECORD[1:-1], "parent.py")
    names = [path.name for path in place.project.glob("out*.relive")]
    assert len(names) == 2, names
    tree = place.run(relive, "tree", "out.relive", status=0)[0]
    assert "price" in tree
    words = ["debug", "-b", "app.py:6", "-x", "p item", "-x", "continue", "app.py"]
    out, _ = place.run(relive, *words)
    assert "'tea'" in out and out.endswith(f"3 {place.project / '.venv'}\n")


def test_an_environment_of_somebody_else_is_passed_over(place):
    if os.getuid() != 0:
        pytest.skip("only root can give a folder to another user")
    place.make_environment(place.project / ".venv")
    relive = place.make_tools()
    os.chown(place.project / ".venv" / "pyvenv.cfg", 12345, 12345)
    check(place, place.run(relive, *RECORD[1:])[0], place.top / "elsewhere")
