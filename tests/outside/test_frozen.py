"""A program that PyInstaller froze into one file: it records itself, and its file is readable."""

import subprocess

import pytest
from test_outside import TOOLS, Place

APP = """
import sys
import relive
import urllib3

def price(item):
    return {"tea": 3}[item]

def main():
    try:
        price("milk")
    except KeyError:
        pass
    return price("tea")

if __name__ == "__main__":
    if len(sys.argv) > 1:
        with relive.record(sys.argv[1], level="lines"):
            main()
        with relive.open(sys.argv[1]) as recording:
            print(recording.header["pid"] > 0, end=" ")
    print(main())
"""

# They are in the environment. Parts of Relive import them, and of these the program one.
BESIDE = ["pytest", "requests", "httpx", "urllib3"]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """(the place, the environment's relive, the frozen program)."""
    place = Place(tmp_path_factory.mktemp("frozen"))
    relive = place.make_tools()
    words = [TOOLS / "uv", "pip", "install", "-q", "--python", relive.parent / "python"]
    env = {key: value for key, value in place.env.items() if key != "UV_OFFLINE"}
    subprocess.run([*words, "pyinstaller==6.22.3", *BESIDE], env=env, check=True)
    (place.project / "app.py").write_text(APP)
    words = ["--onefile", "--log-level", "WARN", "app.py"]
    place.run(relive.parent / "pyinstaller", *words, status=0)
    return place, relive, place.project / "dist" / "app"


def test_the_hook_adds_what_is_imported_later(frozen):
    place, relive, _ = frozen
    text = subprocess.check_output(
        [relive.parent / "pyi-archive_viewer", "-l", "-r", place.project / "dist" / "app"]
    ).decode()
    for name in ("relive.recorder", "relive.api", "relive.instrument.of_httpx", "_relive_boot"):
        assert f"'{name}'" in text, name
    assert "'urllib3'" in text  # the program's own import
    # relive.testing is there, as `relive record -m unittest` imports it.
    for name in ("relive.notebooks", "pytest", "requests", "httpx", "PyInstaller"):
        assert f"'{name}'" not in text, name


def test_it_records_itself_and_its_file_is_readable(frozen):
    place, relive, app = frozen
    out, err = place.run(app, "own.relive", status=0)
    assert out == "True 3\n", err
    assert "whole" in place.run(relive, "check", "own.relive", status=0)[0]
    out, _ = place.run(relive, "calls", "price", "own.relive", status=0)
    assert "'tea'" in out and "'milk'" in out
    assert "KeyError" in place.run(relive, "exc", "own.relive", status=0)[0]
    out, _ = place.run(relive, "history", "price", "item", "own.relive", status=0)
    assert "'milk'  at the call" in out and "'tea'  at the call" in out


def test_a_variable_records_it_from_its_start(frozen):
    place, relive, app = frozen
    out, err = place.run(app, status=0, env={"RELIVE_RECORD": "all.relive"})
    assert out == "3\n", err
    assert "whole" in place.run(relive, "check", "all.relive", status=0)[0]
    assert "'tea'" in place.run(relive, "calls", "price", "all.relive", status=0)[0]


def test_relive_record_names_the_variable_that_does_it(frozen):
    place, relive, app = frozen
    _, err = place.run(relive, "record", app, status=125)
    assert f"{app} is a compiled program, not a Python program" in err
    assert "RELIVE_RECORD=FILE" in err
