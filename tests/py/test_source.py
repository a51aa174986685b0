"""Texts of source files in a recording: which are stored, what is redacted, which name no file."""

import os

import format_reader
import pytest
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
