"""Texts of source files in a recording: which are stored, what is redacted, what is shown."""

import os
import subprocess
import sys

import format_reader
import pytest
from conftest import TESTS, clean_environ
from conftest import relive as run_relive

import relive


def record(folder, *words, **options):
    """Returns the recording of a program in this folder."""
    out = folder / "out.relive"
    done = run_relive("record", "--force", "-o", out, *words, cwd=folder, **options)
    assert out.exists(), done.stderr.decode()
    return out


def entries(path):
    """Returns {name: (state, flags, text)} by the plain reader."""
    return format_reader.Recording(str(path)).sources


def lone(path, name):
    found = [entry for file, entry in entries(path).items() if os.path.basename(file) == name]
    assert len(found) == 1, entries(path).keys()
    return found[0]


CANARIES = '''\
import os
import subprocess
import sys
PASSWORD = "canary-01"
password: str = "canary-02"
db = {"user": "ada", "password": "canary-03", b"api_key": b"canary-04"}
db["secret_key"] = 'canary-05'
class Settings:
    api_key = f"canary-06{os.sep}"
    def __init__(self, password="canary-07", user="ada"):
        self.db_password = password or "canary-08"
def login(**names):
    if names["password"] == "canary-09" or "canary-10" == names.get("password"):
        pass
    return names
def get_password(): return "canary-11"
login(user="ada", password="canary-12", client_secret = r"""canary-13
canary-14""")
setattr(db_object := Settings(), "password", "canary-15")
pairs = [("Authorization", "canary-16"), ("password", "canary-17")]
words = ["mysql", "--password", "canary-18", "-v"]
env = {"name": "DB_PASSWORD", "value": "canary-19"}
os.environ["APP_PASSWORD"] = os.environ.get("APP_PASSWORD", "canary-20")
passwords = ["canary-21", "canary-22"]
user, password = "ada", "canary-23"
SECRET = ("canary-24"  # secret: canary-25
          "canary-26")
token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
note = "postgres://ada:canary-27@host/db"
text = """
password=canary-28
api_key: canary-29
"""
# my password: canary-30
card_pin = 47110815
key = ("-----BEGIN RSA PRIVATE KEY-----\\n"
       "MIIEowIBAAKCAQEAcanary31\\n"
       "-----END RSA PRIVATE KEY-----\\n")
nested = f"{login(password='canary-32')}"
'''


def test_secrets_of_a_source_are_in_no_byte_of_the_recording(tmp_path):
    (tmp_path / "app.py").write_text(CANARIES)
    path = record(tmp_path, "app.py")
    data = path.read_bytes()
    state, _, text, _ = lone(path, "app.py")
    assert state == 0
    for name in ["ghp_16C7", "47110815", "MIIEow"] + [f"canary-{i:02}" for i in range(1, 33)]:
        assert name not in text, name
        assert name.encode() not in data
    assert text.count("\n") == CANARIES.count("\n")
    for kept in ('"ada"', '"DB_PASSWORD"', '"mysql"', "class Settings:", "names.get("):
        assert kept in text
    with relive.open(path) as recording:
        name = recording.sources()[0][0]  # not absolute before 3.9
        source = recording.source(name)
        assert source.same_on_disk and source.redactions >= 33 and source.text == text
        (tmp_path / "app.py").write_text(CANARIES.replace("canary-01", "another secret"))
    with relive.open(path) as recording:
        assert recording.source(name).same_on_disk
        (tmp_path / "app.py").write_text(CANARIES.replace("import os", "import sys"))
    with relive.open(path) as recording:
        assert not recording.source(name).same_on_disk


FALSE_NAMES = """\
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
def lie(name, text="x = 1\\ndef f():\\n    return 1\\nf()\\n"):
    exec(compile(text, name, "exec"), {"__name__": "lie"})
os.mkfifo("pipe.py")
os.mkdir("folder.py")
os.symlink("loop.py", "loop.py")
os.symlink("secret.txt", "link.py")
open("secret.txt", "w").write("canary = 1\\nf = 2\\n" * 3)
open("other.py", "w").write("import canary\\n\\n\\n\\n")
open("binary.py", "wb").write(b"x = 1\\n# canary\\0\\ndef f(): pass\\n")
open("foreign.py", "wb").write(b"# coding: koi8-r\\n# canary \\xc1\\ndef f(): pass\\n")
open("large.py", "w").write("def f(): pass\\n" + "# canary\\n" * 2_000_000)
for name in ("/etc/passwd", "secret.txt", "pipe.py", "folder.py", "loop.py", "link.py", "gone.py",
             "binary.py", "foreign.py", "large.py", "/proc/self/environ", "/dev/zero", "<odd>",
             "a\\udcffb.py", "x" * 5000 + ".py"):
    lie(name)
lie("other.py", "\\n" * 4000 + "def f(): pass\\nf()")
"""


def test_a_name_that_code_gives_itself_stores_no_other_file(tmp_path):
    (tmp_path / "app.py").write_text(FALSE_NAMES)
    path = record(tmp_path, "app.py")
    found = {name: state for name, (state, _, _, _) in entries(path).items()}
    assert found.pop("app.py" if "app.py" in found else str(tmp_path / "app.py")) == 0
    assert found == {
        "/etc/passwd": 1, "secret.txt": 1, "/proc/self/environ": 1, "/dev/zero": 1, "pipe.py": 2,
        "folder.py": 2, "loop.py": 3, "link.py": 1, "gone.py": 3, "binary.py": 5, "foreign.py": 5,
        "large.py": 6, "other.py": 4, "a\udcffb.py": 3,
    }  # fmt: skip
    assert run_relive("check", path).returncode == 0


def test_encodings_and_ends_of_lines_are_those_of_the_compiler(tmp_path):
    (tmp_path / "a.py").write_bytes(
        b"# -*- coding: latin-1 -*-\r\nx = '\xe9'\rdef f(): pass\n\nf()"
    )
    (tmp_path / "b.py").write_bytes(b"\xef\xbb\xbfx = '\xc3\xa9'\x0c\n")
    (tmp_path / "app.py").write_text("import a, b\n")
    path = record(tmp_path, "app.py")
    assert lone(path, "a.py")[2] == "# -*- coding: latin-1 -*-\r\nx = 'é'\rdef f(): pass\n\nf()"
    assert lone(path, "b.py")[2] == "x = 'é'\x0c\n"
    with relive.open(path) as recording:
        file = next(row[0] for row in recording.sources() if row[0].endswith("a.py"))
        assert recording.source_lines(file, 2, 9) == ["x = 'é'", "def f(): pass", "", "f()"]
        assert recording.source(file).same_on_disk


@pytest.mark.parametrize("how", [("--no-source",), ("--trace-filter", "f.toml")])
def test_texts_are_left_out_where_that_is_wanted(tmp_path, how):
    (tmp_path / "app.py").write_text("canary = 1\n")
    (tmp_path / "f.toml").write_text(
        '[meta]\nname = "f"\nversion = 2\n[scope]\ndefault_exec = "inherit"\n'
        'default_value_action = "inherit"\n[[scope.rules]]\nselector = "file:app.py"\n'
        "source = false\n"
    )
    path = record(tmp_path, *how, "app.py")
    found = entries(path)
    assert [entry[0] for entry in found.values()] == ([] if how[0] == "--no-source" else [8])


def test_the_command_and_standard_input_are_sources_of_their_own_code_alone(tmp_path):
    text = 'x = 1\ndef f():\n    return x\nf()\nexec("def g():\\n    return 2\\ng()")\n'
    path = record(tmp_path, "-c", text + 'password = "canary"\n')
    assert entries(path)["<string>"][2] == text + 'password = "<redacted>"\n'
    with relive.open(path) as recording:
        flags = {row[2]: row[5] & 512 for row in recording.codes() if row[3] == "<string>"}
    assert flags["f"] and not flags["g"]
    (tmp_path / "in").write_text(text)
    out = tmp_path / "stdin.relive"
    with open(tmp_path / "in", "rb") as stdin:
        subprocess.run(
            [sys.executable, "-m", "relive", "record", "-o", str(out), "-"], stdin=stdin,
            env=clean_environ(), timeout=60, check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    assert entries(out)["<stdin>"][2] == text
    assert entries(record(tmp_path, "-", stdin=text.encode())) == {}  # a pipe


def test_the_main_program_needs_no_suffix(tmp_path):
    (tmp_path / "tool").write_text("def f(): pass\nf()\n")
    path = record(tmp_path, "tool")
    assert lone(path, "tool")[0] == 0
    (tmp_path / "tool.py").symlink_to("tool")
    assert lone(record(tmp_path, "tool.py"), "tool.py")[0] == 0


LIFE = """\
import os, sys, time
import other
other.f()
how = sys.argv[1]
if how == "fork":
    if os.fork() == 0:
        other.f()
        os._exit(0)
    os.wait()
elif how == "exec":
    os.execv(sys.executable, [sys.executable, "-S", "-c", ""])
elif how == "kill":
    time.sleep(0.5)
    os.kill(os.getpid(), 9)
elif how == "snapshot":
    import relive
    relive.snapshot("snap.relive")
"""


@pytest.mark.parametrize("how", ["end", "fork", "exec", "kill", "snapshot", "ring"])
def test_texts_are_there_however_the_process_ends(tmp_path, how):
    (tmp_path / "other.py").write_text("def f():\n    return 1\n")
    (tmp_path / "app.py").write_text(LIFE + "for i in range(20_000 * (how == 'ring')): other.f()\n")
    options = ["--ring", "64K"] if how == "ring" else []
    path = record(tmp_path, *options, "app.py", how)
    files = sorted(tmp_path.glob("*.relive"))
    assert len(files) == 1 + (how in ("fork", "snapshot"))
    for file in files:
        assert lone(file, "other.py")[2] == "def f():\n    return 1\n", file
        assert run_relive("check", file).returncode == 0
    assert lone(path, "app.py")[0] == 0
    assert path.stat().st_size < 400_000


def test_a_file_that_is_newer_than_the_process_is_marked(tmp_path):
    (tmp_path / "old.py").write_text("x = 1\n")
    os.utime(tmp_path / "old.py", (1, 1))
    (tmp_path / "app.py").write_text(
        "import old\nopen('new.py', 'w').write('x = 1')\nimport importlib\n"
        "importlib.invalidate_caches()\nimport new\n"
    )
    path = record(tmp_path, "app.py")
    assert lone(path, "old.py")[1] == 0 and lone(path, "new.py")[1] == 1
    shown = run_relive("info", path).stdout.decode()
    assert "3 files" in shown and "new.py was changed after the process began" in shown


def test_verbs_show_the_recorded_line_and_say_that_the_disk_has_another(tmp_path):
    (tmp_path / "app.py").write_text("def f(x):\n    y = x + 1\n    return 1 / y\nf(-1)\n")
    path = record(tmp_path, "--level", "lines", "app.py")
    (tmp_path / "app.py").write_text("def f(x):\n    return 2\n\n\n")
    for words, wanted in (
        (["exc"], "    > return 1 / y\n"),
        (["line", "app.py:2"], "app.py:2 > y = x + 1\n"),
        (["history", "f", "y"], "app.py:2 > y = x + 1\n"),
        (["frame", "f#1"], "y = x + 1"),
        (["state", "exc:1"], "    > return 1 / y\n"),
    ):
        done = run_relive(*words, path)
        assert wanted in done.stdout.decode()
        assert done.stderr.decode().count("app.py has another text now") == 1


def test_both_readers_read_the_same():
    path = TESTS / "golden" / "good" / "sources-1.relive"
    plain = entries(path)
    with relive.open(path) as recording:
        for name, state, size, changed, redactions in recording.sources():
            number, flags, text, marks = plain.pop(name)
            assert (state == "text", changed) == (number == 0, bool(flags & 1))
            assert (size, redactions) == (len(text.encode()), len(marks))
            assert recording.source(name).text == (text if number == 0 else None)
    assert not plain
