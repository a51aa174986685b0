"""The command line as people expect it: completion, manual page, colours, progress, near names."""

import io
import os
import pty
import re
import select
import shutil
import sys
import time

import pytest
from conftest import ROOT, clean_environ, relive, run, two_versions

from relive import _colour, _terminal, cli
from relive.cli import examples, parsers

SHOP = """
def price(qty):
    return qty * 4
def total(orders):
    sum = 0
    for qty in orders:
        sum += price(qty)
    return sum
print(total([1, 2, 3]))
total([None])
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a program and its recording."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(SHOP)
    words = ["record", "--level", "lines", "--output", "-o", "shop.relive", "shop.py"]
    assert relive(*words, cwd=folder).returncode == 1
    return folder


def path_of_command():
    """PATH with a `relive` that is this one."""
    return os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]


# ---- completion ----

ASKED = [  # words, the last one under the cursor; some of what completes it, and what must not
    (["tr"], {"tree"}, {"top"}),
    ([""], {"record", "pack", "shop.relive"}, {"shop.py"}),
    (["tree", "--ca"], {"--calls"}, {"--depth"}),
    (["tree", "sh"], {"shop.relive"}, {"shop.py"}),
    (["calls", "pr"], {"price"}, {"total"}),
    (["record", "--level", ""], {"calls", "values", "lines"}, {"shop.py"}),
    (["record", "sh"], {"shop.py", "shop.relive"}, {"tree"}),
    (["pack", "--values", ""], {"all", "none"}, {"shop.relive"}),
    (["schema", "tim"], {"timeline"}, {"tree"}),
    (["filter", ""], {"check", "explain", "init"}, {"price"}),
    (["filter", "check", "--no-b"], {"--no-builtin-filter"}, {"--json"}),
]
BASH = """
source ./script
words=("$@")
COMP_WORDS=(relive "$@"); COMP_CWORD=$#
_relive
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(shell, words, folder):
    """The words that a shell offers, or what it has typed: its own machinery runs."""
    env = {"PATH": path_of_command(), "HOME": str(folder), "TERM": "xterm"}
    if shell == "bash":
        done = run("bash", "--norc", "-c", BASH, "bash", *words, cwd=folder, env=env)
        assert done.stderr == b"", done.stderr
        return set(done.stdout.decode().split("\n"))
    line = " ".join(["relive", *words])
    code = f"source ./script; complete -C '{line}'"
    done = run("fish", "--no-config", "-c", code, cwd=folder, env=env)
    assert done.stderr == b"", done.stderr
    return {row.partition("\t")[0] for row in done.stdout.decode().splitlines()}


def has_shell(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


@two_versions
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_shell_completes_words(shell, shop, tmp_path):
    has_shell(shell)
    for path in shop.iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "script").write_bytes(relive("completion", shell).stdout)
    for words, wanted, others in ASKED:
        found = complete(shell, words, tmp_path)
        if shell == "fish" and words[0] in ("filter", "schema"):
            others = set()
        assert wanted <= found and not others & found, (words, found)


@two_versions
def test_zsh_completes_words(shop, tmp_path):
    has_shell("zsh")
    for path in shop.iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "script").write_bytes(relive("completion", "zsh").stdout)
    keys = b"autoload -U compinit; compinit -u -D; source ./script; PS1='ready> '; "
    keys += b"relive() { print -r -- \"<$*>\" }; print -r -- 'be''gin'\n"
    with Terminal(["zsh", "-f", "-i"], tmp_path, PATH=path_of_command(), HOME=str(tmp_path)) as zsh:
        zsh.write(keys)
        zsh.wait(b"begin")
        for typed, wanted in (
            (b"relive tre\t\n", b"<tree>"), (b"relive tree --cal\t\n", b"<tree --calls>"),
            (b"relive calls pri\t\n", b"<calls price>"),
            (b"relive record --level val\t\n", b"<record --level values>"),
            (b"relive top sh\t\n", b"<top shop.relive>"),
        ):  # fmt: skip
            zsh.write(typed)
            zsh.wait(wanted)


def test_names_of_functions_are_no_words_of_a_shell(tmp_path):
    (tmp_path / "app.py").write_text(
        "def good(): pass\ngood()\nexec(compile('def f(): pass\\nf()', 'x', 'exec'))\n"
        "f = lambda: 1\nf()\n"
        "code = good.__code__.replace(co_name='$(touch hacked)')\n"
        "type(good)(code, {'__name__': '__main__'})()\n"
    )
    assert relive("record", "-o", "a.relive", "app.py", cwd=tmp_path).returncode == 0
    done = relive("completion", "functions", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == b"f\ngood\n"


def test_no_recording_is_no_error_in_a_completion(tmp_path):
    (tmp_path / "bad.relive").write_bytes(b"nothing")
    for words in ([], ["gone.relive"], ["bad.relive"], ["."]):
        done = relive("completion", "functions", *words, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = relive("completion", "bsh")
    assert done.returncode == 2 and b"none of bash, zsh, fish" in done.stderr


# ---- the manual page ----


@two_versions
def test_the_manual_page_has_every_option_and_is_well_formed(tmp_path):
    page = tmp_path / "relive.1"
    run(sys.executable, ROOT / "tools" / "manual.py", page, check=True)
    text = page.read_text().replace("\\-", "-")
    for verb, parser in parsers.read_all().items():
        assert f".SS {verb}\n" in text
        for option in parser.options():
            assert all(f"\\fB{name}\\fR" in text for name in option.names)
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = run("mandoc", "-T", "lint", "-W", "warning", page)
    assert done.stdout == b"" and done.returncode == 0, done.stdout


def test_the_wheel_installs_the_manual_page():
    import relive

    if "site-packages" not in relive.__file__:
        pytest.skip("relive is not installed from a wheel")
    page = os.path.join(sys.prefix, "share", "man", "man1", "relive.1")
    with open(page, encoding="utf-8") as file:
        assert ".SS record" in file.read()


# ---- terminals ----


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, words, folder, **env):
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execvpe(words[0], [str(word) for word in words], clean_environ(TERM="xterm", **env))
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        os.close(self._fd)
        os.waitpid(self._pid, 0)

    def write(self, data):
        os.write(self._fd, data)

    def read(self, seconds=30.0):
        """More of its output; b"" at the end."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        assert ready, self.seen
        try:
            piece = os.read(self._fd, 65536)
        except OSError:  # so Linux says that nobody has the other side any more
            piece = b""
        self.seen += piece
        return piece

    def wait(self, wanted):
        """Reads until these bytes come, behind what was waited for before."""
        end = time.monotonic() + 30
        while wanted not in self.seen:
            assert self.read() and time.monotonic() < end, self.seen
        self.seen = self.seen.partition(wanted)[2]

    def read_all(self):
        while self.read():
            pass
        return self.seen


def on_terminal(folder, *words, **env):
    with Terminal([sys.executable, "-m", "relive", *words], folder, **env) as terminal:
        return terminal.read_all()


@two_versions
def test_colours_are_for_terminals(shop):
    for one in (("exc", "shop.relive"), ("tree", "shop.relive")):
        assert b"\x1b[" in on_terminal(shop, *one)
        assert b"\x1b[" not in relive(*one, cwd=shop).stdout
        for env in ({"NO_COLOR": "1"}, {"FORCE_COLOR": "0"}):
            assert b"\x1b[" not in on_terminal(shop, *one, **env), env
        assert b"\x1b[" not in on_terminal(shop, *one, "--color", "never", FORCE_COLOR="1")
        assert b"\x1b[" in relive(*one, cwd=shop, env={"FORCE_COLOR": "1"}).stdout
        assert b"\x1b[" in relive(*one, "--color=always", cwd=shop, env={"NO_COLOR": "1"}).stdout
    for verb in ("info", "tree", "exc", "timeline", "out", "calls"):
        extra = ["price"] if verb == "calls" else []
        done = relive(verb, *extra, "shop.relive", "--json", "--color=always", cwd=shop)
        assert b"\\u001b" not in done.stdout and b"\x1b" not in done.stdout and done.stdout
    assert b"wanted is one of auto, always, never" in relive("top", "--color", "alway").stderr


def test_every_verb_takes_color():
    for verb, parser in parsers.read_all().items():
        assert any("--color" in option.names for option in parser.options()), verb


def test_a_bar_says_how_fast_and_how_long():
    assert _terminal.bar(0, 0, 1.0) == f"relive: [{'-' * 20}] 0 %"
    assert _terminal.bar(50, 200, 2.0) == (
        f"relive: [{'#' * 5}{'-' * 15}] 25 %  25 blocks/s  6 s left"
    )
    assert _terminal.bar(200, 200, 400.0).endswith("100 %  0.5 blocks/s  0 s left")


class Slow:
    """A recording of which half has been read."""

    def progress(self):
        return 5, 10


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_bar_is_for_terminals(is_terminal, monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    monkeypatch.setattr(sys, "stderr", stream)
    with _terminal.progress(Slow()):
        time.sleep(0.8)
    text = stream.getvalue()
    assert ("50 %" in text and text.endswith("\r\x1b[K")) if is_terminal else text == ""


def test_which_stream_has_colours(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    terminal, pipe = io.StringIO(), io.StringIO()
    terminal.isatty = lambda: True
    assert _colour.is_wanted(terminal) and not _colour.is_wanted(pipe)
    monkeypatch.setenv("TERM", "dumb")
    assert not _colour.is_wanted(terminal)
    monkeypatch.setenv("FORCE_COLOR", "3")
    assert _colour.is_wanted(terminal) and _colour.is_wanted(pipe)
    assert _colour.red("") == "" and _colour.red("x", False) == "x"


# ---- near names, versions, help ----


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["sumary"], b"did you mean 'summary'"), (["tree", "--dephth", "1"], b"--depth"),
        (["tree", "shp.relive"], b"did you mean 'shop.relive'"),
        (["calls", "prize", "shop.relive"], b"price"), (["cover", "totl", "shop.relive"], b"total"),
        (["frame", "prise#1", "shop.relive"], b"price"), (["record", "shp.py"], b"shop.py"),
        (["filter", "chek"], b"check"), (["pack", "--values", "non"], b"did you mean 'none'"),
        (["ls", "--sort", "siz"], b"did you mean 'size'"), (["schema", "tre"], b"tree"),
        (["callers", "prce", "shop.relive"], b"price"),
        (["line", "shp.py:3", "shop.relive"], b"shop.py"),
        (["history", "prce", "qty", "shop.relive"], b"price"),
    ], ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_mistyped_name_has_a_near_one(words, near, shop):
    done = relive(*words, cwd=shop)
    assert done.returncode in (2, 125) and near in done.stderr, done.stderr
    assert b"Traceback" not in done.stderr


def test_the_version_says_what_it_is_made_of():
    assert re.fullmatch(rb"relive [\d.]+\n", relive("--version").stdout)
    text = relive("--version", "--verbose").stdout.decode()
    for word in ("zstd", "PCRE2", "python", "backend", "format", sys.version.split()[0]):
        assert word in text


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_the_help_has_groups_and_fits(columns):
    text = relive("--help", env={"COLUMNS": columns}).stdout.decode()
    grouped = [verb for _, verbs in cli.GROUPS for verb in verbs]
    assert sorted(grouped) == sorted(cli.VERBS)
    for title, verbs in cli.GROUPS:
        assert f"\n{title}:\n" in text and all(f"\n  {verb} " in text for verb in verbs)
    body = text.partition("\n\nFILE is")[0]
    assert max(map(len, body.splitlines())) <= int(columns)


@two_versions
def test_the_example_of_each_help_runs(shop, tmp_path):
    for path in shop.iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / ".relive").mkdir()
    env = {"PATH": path_of_command()}
    named = set(parsers.read_all())
    assert set(examples.EXAMPLES) == named
    run("relive", "filter", "init", cwd=tmp_path, env=env)
    (tmp_path / "shop.relive").unlink()
    for verb, example in examples.EXAMPLES.items():
        known = f"relive {verb}"
        assert example.startswith(known), example
        if verb in ("attach", "detach"):
            continue  # test_control.py has processes for them
        if verb == "filter init":
            shutil.rmtree(tmp_path / ".relive", ignore_errors=True)
        done = run("sh", "-c", example, cwd=tmp_path, env=env)
        wanted = (1,) if verb == "record" else (0, 1, 3) if verb == "gaps" else (0, 1)
        assert done.returncode in wanted and b"Traceback (most" not in (
            b"" if verb in ("record", "debug", "unittest") else done.stderr
        ), (example, done)
        assert done.stdout or done.stderr, example
        help_text = relive(*verb.split(), "--help").stdout.decode()
        assert f"example:\n  {example}\n" in help_text


def test_a_parser_can_be_described_without_running_its_verb(shop):
    before = sorted(os.listdir(shop))
    assert "--level" in [name for one in parsers.read_all()["record"].options()
                         for name in one.names]  # fmt: skip
    assert sorted(os.listdir(shop)) == before
