"""What options and variables let through: gates, folders, sampling, the HANDIT_ aliases."""

import json
import sys

import pytest
from conftest import dump, relive, run
from filtering import decide, settings, write

from relive import config, handit
from relive.errors import ReliveError
from relive.filters import builtin, doors


@pytest.mark.parametrize(
    ("options", "yes", "no"),
    [
        ({"include": ["app"]}, ["app:f"], ["app.x:f", "b:f"]),
        ({"include": ["app.*"]}, ["app:f", "app.x:f"], ["b:f", "application:f"]),
        ({"include": ["*"]}, ["b:f"], []),
        ({"include": ["app.f"]}, ["app:f"], ["app:g"]),
        ({"exclude": ["app.*"]}, ["b:f"], ["app:f", "app.x:f"]),
        ({"include": ["app.*"], "exclude": ["app.x"]}, ["app:f"], ["app.x:f"]),
        ({"include": ["json"]}, ["json:f@/usr/lib/python3.9/json/x.py"], ["app:f"]),
        ({"include_re": ["^app::f"]}, ["app:f", "app:fine"], ["app:g", "b:f"]),
        ({"exclude_re": ["::f$"]}, ["app:g"], ["app:f"]),
        ({"exclude_files": ["/vendored/"]}, ["a:f"], ["a:f@/project/vendored/a.py"]),
        ({"sample_rate": 0.0}, [], ["a:f", "b:f"]),
    ],
)
def test_gates_come_before_rules(options, yes, no):
    chain = doors.chain(settings(**options), [])
    for names, expected in ((yes, True), (no, False)):
        for target in names:
            rest, _, file = target.partition("@")
            module, _, name = rest.partition(":")
            assert decide(chain, module, name, file or "/project/app.py") == expected, target


def test_capture_only_cwd_compares_whole_parts_and_yields_to_an_include(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    chain = doors.chain(settings(capture_only_cwd="true"), [])
    assert decide(chain, "a", "f", str(tmp_path / "work" / "a.py"))
    assert not decide(chain, "a", "f", str(tmp_path / "workshop" / "a.py"))
    both = doors.chain(settings(capture_only_cwd="true", include=["a"]), [])
    assert decide(both, "a", "f", str(tmp_path / "workshop" / "a.py"))


def test_capture_only_cwd_knows_a_file_by_any_way_that_leads_to_it(tmp_path, monkeypatch):
    for folder in ("code", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "code")
    (tmp_path / "code" / "out").symlink_to(tmp_path / "other")
    monkeypatch.chdir(tmp_path / "link")
    chain = doors.chain(settings(capture_only_cwd="true"), [])
    inside = ["a.py", "./a.py", "../code/a.py", "gone.py", "out/a.py", f"{tmp_path}/link/a.py",
              f"{tmp_path}/code/lib.zip/a.py", f"{tmp_path}/other/../code/a.py"]  # fmt: skip
    outside = ["../other/a.py", "out/../a.py", f"{tmp_path}/code/../other/a.py", "<string>",
               "<stdin>",
               f"{tmp_path}/code/gone/../../other/gone.py", f"{tmp_path}/code", ""]  # fmt: skip
    assert [file for file in inside if not decide(chain, "a", "f", file)] == []
    assert [file for file in outside if decide(chain, "a", "f", file)] == []


def test_capture_only_cwd_records_a_script_by_its_own_name_and_by_a_linked_path(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app2").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "app")
    (tmp_path / "app2" / "other.py").write_text("def far():\n    pass\n", encoding="utf-8")
    (tmp_path / "app" / "main.py").write_text(
        "import sys\nsys.path.append('../app2')\nimport other\n"
        "def near():\n    pass\nnear()\nother.far()\n",
        encoding="utf-8",
    )
    for number, script in enumerate(["main.py", str(tmp_path / "link" / "main.py")]):
        out = tmp_path / f"{number}.relive"
        done = relive(
            "record", "-o", out, script, cwd=tmp_path / "app", env={"HANDIT_CAPTURE_ONLY_CWD": "1"}
        )
        assert done.returncode == 0, done.stderr
        _, events = dump(out)
        called = {event["func"] for event in events if event["kind"] == "call"}
        assert "__main__:near" in called and "other:far" not in called, script


def test_sampling_takes_a_tenth_and_the_same_in_every_process():
    chain = doors.chain(settings(sample_rate=0.1), [])
    kept = [n for n in range(10000) if decide(chain, "app.views", f"function_{n}")]
    assert 900 <= len(kept) <= 1100
    code = (
        "from relive.filters import doors; from relive import config\n"
        "s = dict(config.load(options={'sample_rate': 0.1}, environ={}, folder='/').as_dict())\n"
        "c = doors.chain(s, []).core\n"
        "print([n for n in range(10000) if"
        " c.decide('app.views', f'function_{n}', f'function_{n}', '/project/app.py')['traced']])\n"
    )
    done = run(sys.executable, "-c", code, env={"PYTHONHASHSEED": "7"})
    assert json.loads(done.stdout) == kept


def test_a_start_without_filters_says_what_their_modules_would(tmp_path):
    """The short way of `relive record` where the built-in filter is alone."""
    for level, rate in (("values", 1.0), ("lines", 0.5)):
        plain = settings(level=level, sample_rate=rate)
        assert builtin.is_alone(plain, str(tmp_path))
        assert builtin.recipe(plain) == doors.resolved(plain, str(tmp_path))[1]
    for other in (
        {"builtin_filter": False}, {"max_locals": 3}, {"lines": ["a"]}, {"allow": ["a"]},
        {"redact": ["a"]}, {"capture_only_cwd": True}, {"trace_filter": [{"path": "a"}]},
        {"exclude": ["a"]}, {"include": ["a"]}, {"exclude_re": ["a"]}, {"include_re": ["a"]},
        {"exclude_files": ["a"]},
    ):  # fmt: skip
        assert not builtin.is_alone(settings(**other), str(tmp_path)), other
    write(tmp_path / ".relive" / "trace-filter.toml", "")
    assert not builtin.is_alone(settings(), str(tmp_path))
    assert builtin.is_alone(settings(auto_filter=False), str(tmp_path))


@pytest.mark.parametrize(
    ("environ", "key", "meaning"),
    [
        ({"HANDIT_INCLUDE": "^app::"}, "include_re", ["^app::"]),
        ({"HANDIT_INCLUDE": "^app::", "RELIVE_INCLUDE": "^b::"}, "include_re", ["^b::"]),
        ({"HANDIT_EXCLUDE": "x"}, "exclude_re", ["x"]),
        ({"HANDIT_MAX_STR": "9"}, "exclude_re", [handit.EXCLUDE]),
        ({"RELIVE_MAX_STR": "9"}, "exclude_re", []),
        ({"HANDIT_MAX_STR": "0"}, "max_str", 4096),
        ({"HANDIT_MAX_STR": "9", "RELIVE_MAX_STR": "7"}, "max_str", 7),
        ({"HANDIT_MAX_LOCALS": "3"}, "max_locals", 3),
        ({"HANDIT_SAMPLE_RATE": "0.25"}, "sample_rate", 0.25),
        ({"BREADCRUMB_SAMPLE_RATE": "0.5"}, "sample_rate", 0.5),
        ({"HANDIT_CAPTURE_ONLY_CWD": "1"}, "capture_only_cwd", True),
        ({"HANDIT_REDACT": "mail"}, "redact", ["mail"]),
        ({"CODETRACER_TRACE_FILTER": "/a.toml::/b.toml"}, "trace_filter",
         [{"path": "/a.toml"}, {"path": "/b.toml"}]),
    ],
)  # fmt: skip
def test_variables_of_the_seeds(environ, key, meaning):
    assert getattr(config.load(environ=environ, folder="/"), key) == meaning


@pytest.mark.parametrize(
    ("name", "text", "key", "meaning", "said"),
    [
        ("MAX_STR", "99999", "max_str", 4096, "4096 is used"),
        ("MAX_STR", "-1", "max_str", 0, "0 is used"),
        ("MAX_STR", "many", "max_str", 256, "256 is used"),
        ("MAX_LOCALS", "1e9", "max_locals", 900, "900 is used"),
        ("SAMPLE_RATE", "1.5", "sample_rate", 1.0, "1.0 is used"),
        ("SAMPLE_RATE", "-0.5", "sample_rate", 0.0, "0.0 is used"),
        ("SAMPLE_RATE", "nan", "sample_rate", 1.0, "1.0 is used"),
        ("SAMPLE_RATE", "half", "sample_rate", 1.0, "1.0 is used"),
        ("CAPTURE_ONLY_CWD", "maybe", "capture_only_cwd", False, "false is used"),
        ("INCLUDE", "(", "include_re", [], "it is left out"),
        ("EXCLUDE", "*", "exclude_re", [handit.EXCLUDE], "the default is used"),
        ("EXCLUDE_FILES", "[", "exclude_files", [], "it is left out"),
        ("REDACT", "(?P<", "redact", [], "it is left out"),
        ("REDACT", "x" * 600, "redact", [], "it is left out"),
    ],
)  # fmt: skip
def test_a_bad_variable_of_handit_is_reported_once_and_does_not_count(
    monkeypatch, capfd, name, text, key, meaning, said
):
    monkeypatch.setattr(handit, "_reported", set())
    for _ in range(2):
        loaded = config.load(environ={f"HANDIT_{name}": text}, folder="/")
        assert getattr(loaded, key) == meaning
        doors.chain(loaded.as_dict(), [])
    told = capfd.readouterr().err
    assert told.count("\n") == 1 and f"HANDIT_{name}" in told and said in told
    with pytest.raises(ReliveError):
        doors.chain(config.load(environ={f"RELIVE_{name}": text}, folder="/").as_dict(), [])


def test_a_bad_variable_of_handit_does_not_reach_the_program(tmp_path):
    program = tmp_path / "p.py"
    program.write_text(
        "from relive import sessions as h\n"
        "s = h.start_session_py('a', {}, None, None)\nh.start_profiler_py(s)\n"
        "h.stop_profiler_py()\nprint('ended')\n",
        encoding="utf-8",
    )
    done = run(sys.executable, "-W", "error", program, cwd=tmp_path, env={"HANDIT_MAX_STR": "x"})
    assert (done.returncode, done.stdout) == (0, b"ended\n")
    assert done.stderr.count(b"HANDIT_MAX_STR") == 1
