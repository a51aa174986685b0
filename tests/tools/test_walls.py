"""With the include path that the build gives to a room, a compiler finds no header of a room above.

tests/c/layers.sh shows the same for some walls of the core. This file covers all walls and needs no
Python.h."""

import os
import shutil
import subprocess

import pytest
import rooms

HOUSE = rooms.House(rooms.ROOT)
COMPILER = shutil.which("cc")


def headers(name):
    """Returns the names of a room's headers."""
    return {s.base for s in HOUSE.sources.values() if s.kind == ".h" and HOUSE.room(s) == name}


def found(name, wanted):
    """Returns those of the wanted headers that a compiler finds for a room."""
    lists = HOUSE.built[name][1]
    seen = [name, *lists["needs"], *lists.get("core", [])]
    flags = ["-Iinclude", *("-I" + HOUSE.named[other].path for other in seen)]
    probes = [f'#if __has_include("{header}")\nfound {header}\n#endif\n' for header in wanted]
    done = subprocess.run(
        [COMPILER, *flags, "-nostdinc", "-E", "-P", "-x", "c", "-"],
        cwd=rooms.ROOT,
        input="".join(probes),
        stdout=subprocess.PIPE,
        universal_newlines=True,
        check=True,
    )
    return {line.split()[1] for line in done.stdout.splitlines() if line.startswith("found ")}


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
@pytest.mark.parametrize("name", sorted(HOUSE.built))
def test_a_room_sees_its_own_headers_and_those_of_no_room_above(name):
    own = headers(name)
    allowed = own.union(*(headers(other) for other in HOUSE.allowed[name]))
    others = set().union(*(headers(other) for other in HOUSE.named)) - allowed
    assert found(name, own) == own
    assert found(name, others) == set()


def test_the_walls_of_the_extension():
    allowed = HOUSE.allowed
    assert not {"recording", "values"} & allowed["debugger"]
    assert "recording" not in allowed["values"]
    assert not [name for name in allowed if "module" in allowed[name]]
    assert os.path.isdir(os.path.join(rooms.ROOT, HOUSE.named["module"].path))
