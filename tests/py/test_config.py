"""Every setting through every door, and every pair of doors in order of precedence."""

import itertools
import json

import pytest
from conftest import relive

from relive import config
from relive.errors import ReliveError

# Per key: two values that are not the default, as the doors write them, and what they mean.
SAMPLES = {
    "output": (("a.relive", "a.relive"), ("b.relive", "b.relive")),
    "backend": (("settrace", "settrace"), ("setprofile", "setprofile")),
    "enabled": (("no", False), ("0", False)),
    "level": (("lines", "lines"), ("CALLS", "calls")),
    "max_depth": (("1", 1), ("16", 16)),
    "max_items": (("0", 0), ("1000", 1000)),
    "max_str": (("4096", 4096), ("7", 7)),
    "globals": (("true", True), ("on", True)),
    "stdio": (("on", True), ("true", True)),
    "native_output": (("on", True), ("true", True)),
    "sources": (("no", False), ("off", False)),
    "budget": (("5", 5), ("1000", 1000)),
    "gc": (("yes", True), ("1", True)),
    "c_calls": (("true", True), ("1", True)),
    "buffer": (("1M", 1 << 20), ("65536", 65536)),
    "overflow": (("drop", "drop"), ("DROP", "drop")),
    "ring": (("64K", 64 << 10), ("2MiB", 2 << 20)),
    "children": (("false", False), ("off", False)),
    "children_exclude": (("worker.py", ["worker.py"]), ("x*", ["x*"])),
    "builtin_filter": (("no", False), ("0", False)),
    "force": (("yes", True), ("on", True)),
    "auto_filter": (("no", False), ("0", False)),
    "capture_only_cwd": (("yes", True), ("1", True)),
    "max_locals": (("0", 0), ("12", 12)),
    "sample_rate": (("0.5", 0.5), ("0", 0.0)),
    "include": (("app.*", ["app.*"]), ("x", ["x"])),
    "dump_on": (("exception", ["exception"]), (["signal:USR2"], ["signal:USR2"])),
    "exclude": (("app.*", ["app.*"]), ("x", ["x"])),
    "include_re": (("^app", ["^app"]), ("x", ["x"])),
    "exclude_re": (("^app", ["^app"]), ("x", ["x"])),
    "exclude_files": (("/tmp/", ["/tmp/"]), ("x", ["x"])),
    "lines": (("app.f", ["app.f"]), ("x", ["x"])),
    "activate": (("app.py", "app.py"), ("app:f", "app:f")),
    "allow": (("password", ["password"]), ("x", ["x"])),
    "redact": (("mail", ["mail"]), ("x", ["x"])),
    "trace_filter": (
        ("/a.toml", [{"path": "/a.toml"}]),
        ("/a.toml :: /b.toml", [{"path": "/a.toml"}, {"path": "/b.toml"}]),
    ),
    "tool_id": (("5", 5), ("3", 3)),
}
DOORS = ["pyproject", "environment", "command line", "API"]  # weakest first


def load(tmp_path, values):
    """A Config with {door: (key, text)} set."""
    doors = {"arguments": {}, "options": {}, "environ": {}}
    for door, (key, text) in values.items():
        if door == "pyproject":
            (tmp_path / "pyproject.toml").write_text(f"[tool.relive]\n{key} = {json.dumps(text)}\n")
        elif door == "environment":
            doors["environ"][config.BY_KEY[key].env[0]] = text
        elif door == "command line":
            doors["options"][key] = text
        else:
            doors["arguments"][key] = text
    return config.load(folder=str(tmp_path), **doors)


def test_samples_cover_the_table():
    assert set(SAMPLES) == set(config.BY_KEY)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("key", SAMPLES)
def test_every_key_through_every_door(key, door, tmp_path):
    for text, meaning in SAMPLES[key]:
        loaded = load(tmp_path, {door: (key, text)})
        assert getattr(loaded, key) == meaning
        assert loaded.source(key) != "default"
    if config.BY_KEY[key].kind in ("texts", "filters"):
        return  # any text is one
    with pytest.raises(ReliveError) as caught:
        load(tmp_path, {door: (key, "" if config.BY_KEY[key].kind == "path" else "\u2603")})
    assert key in str(caught.value)
    assert config.BY_KEY[key].allowed() in str(caught.value)


@pytest.mark.parametrize("pair", list(itertools.combinations(DOORS, 2)), ids=" < ".join)
@pytest.mark.parametrize("key", SAMPLES)
def test_the_stronger_door_wins(key, pair, tmp_path):
    (weak_text, weak), (strong_text, strong) = SAMPLES[key]
    if isinstance(strong, list):
        strong = weak + strong  # patterns and files of all doors count
    loaded = load(tmp_path, {pair[0]: (key, weak_text), pair[1]: (key, strong_text)})
    assert getattr(loaded, key) == strong
    assert loaded.source(key) == load(tmp_path / "none", {pair[1]: (key, strong_text)}).source(
        key
    ) or (pair[1] == "pyproject")


def test_unknown_keys_are_refused_with_the_nearest(tmp_path):
    for values, word in [
        ({"arguments": {"bufer": 1}}, "'buffer'"),
        ({"arguments": {"source": False}}, "'sources'"),
        ({"environ": {"RELIVE_BACKEN": "x"}}, "'RELIVE_BACKEND'"),
    ]:
        with pytest.raises(ReliveError) as caught:
            config.load(folder=str(tmp_path), **{"environ": {}, **values})
        assert word in str(caught.value)
    (tmp_path / "pyproject.toml").write_text("[tool.relive]\nring-size = 1\n")
    with pytest.raises(ReliveError) as caught:
        config.load(folder=str(tmp_path), environ={})
    assert "pyproject.toml" in str(caught.value)


@pytest.mark.parametrize("text", ["[tool.relive", "tool.relive = 3\n", "\xff[tool.relive]"])
def test_broken_pyproject_is_named(text, tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ReliveError) as caught:
        config.load(folder=str(tmp_path), environ={})
    assert "pyproject.toml" in str(caught.value)


def test_config_does_not_change():
    one = config.Config(buffer="1M")
    with pytest.raises(AttributeError):
        one.buffer = 3
    assert one.buffer == 1 << 20 and one == config.Config(buffer=1 << 20) and hash(one)
    assert one.with_(ring="1M").ring == 1 << 20 and one.ring == 0
    assert "buffer" in repr(one)


def test_doctor_shows_sources(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.relive]\nbuffer = '2M'\n")
    done = relive("doctor", "--config", "--json", cwd=tmp_path, env={"RELIVE_OVERFLOW": "drop"})
    rows = {row["key"]: row for row in map(json.loads, done.stdout.splitlines()) if "key" in row}
    assert rows["buffer"]["value"] == 2 << 20 and "pyproject.toml" in rows["buffer"]["source"]
    assert rows["overflow"]["source"] == "environment RELIVE_OVERFLOW"
    assert rows["ring"]["source"] == "default"
