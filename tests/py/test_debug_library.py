"""Steps from a breakpoint in an installed package: its frame counts as the user's, others of the
package do not."""

import os
import re
import sysconfig

import pytest
from conftest import relive

LIBRARY = """\
def leaf(n):
    k = n * 2
    return k
def outer(call, n):
    x = leaf(n)
    y = call(x)
    z = leaf(y)
    return z
"""
PROGRAM = """\
import {name} as library
def own(n):
    m = n + 1
    return m
def work():
    a = library.outer(own, 3)
    b = a + 1
    return b
print("found", work())
"""


@pytest.fixture
def library():
    """The name of a module beside the installed packages."""
    name = f"relive_test_library_{os.getpid()}"
    path = os.path.join(sysconfig.get_path("purelib"), f"{name}.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(LIBRARY)
    yield name
    os.unlink(path)


# Places as the prompt has them: L5 is line 5 of the library, A7 of the program.
@pytest.mark.parametrize(
    ("place", "steps", "places"),
    [
        ("{}:5", "nnnnnn", "L5 L6 L7 L8 L8 A7 A8"),  # over own() too; L8 again: its --Return--
        # into own() and back, not into leaf()
        ("{}:5", "ssssssss", "L5 L6 A2 A3 A4 A4 L7 L8 L8"),
        ("{}:5", "ssrnn", "L5 L6 A2 A4 L7 L8"),
        ("{}:5", "rnn", "L5 L8 A7 A8"),
        ("{}.leaf", "nnnn", "L2 L3 L3 A2 A3"),  # outer() is the library's: the program's next line
        ("{}.leaf", "rn", "L2 L3 A2"),
        ("{}:5", "c", "L5"),
    ],
)
def test_steps_from_a_breakpoint_in_a_library(tmp_path, library, place, steps, places):
    (tmp_path / "app.py").write_text(PROGRAM.format(name=library))
    commands = [f"b {place.format('library' if '.' in place else library)}", "c", *steps, "q", ""]
    if "." in place:  # a name of the program: there once the import has run
        commands.insert(0, "n")
    done = relive("debug", "app.py", cwd=tmp_path, stdin="\n".join(commands).encode())
    text = done.stdout.decode()
    found = re.findall(r"^(?:\(relive\) )?> .*?(\w+)\.py\((\d+)\)", text, re.M)
    stops = [("L" if name == library else "A") + line for name, line in found]
    stops = stops[stops.index(places.split()[0]) :]
    assert stops == places.split(), text
    assert "Traceback" not in text and ("found 15" in text) == (steps == "c"), text


def test_without_a_breakpoint_there_a_step_goes_past_the_library(tmp_path, library):
    (tmp_path / "app.py").write_text(PROGRAM.format(name=library))
    stdin = "b 6\nc\ns\ns\ns\nr\ns\nq\n"
    text = relive("debug", "app.py", cwd=tmp_path, stdin=stdin.encode()).stdout.decode()
    found = re.findall(r"^(?:\(relive\) )?> .*?(\w+)\.py\((\d+)\)", text, re.M)
    assert [line for _, line in found] == ["1", "6", "2", "3", "4", "4", "7"], text
    assert {name for name, _ in found} == {"app"}, text
