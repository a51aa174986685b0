"""tools/analysers.py: findings in the output of compilers, and those that are known."""

import os

import analysers

GCC = (
    "src/a.c: In function 'f':\n"
    "src/a.c:12:5: warning: use of NULL [CWE-476] [-Wanalyzer-null-dereference]\n"
    "src/a.c:11:5: note: here\n"
    "src/a.c:12:5: warning: use of NULL [CWE-476] [-Wanalyzer-null-dereference]\n"
)
TIDY = (
    f"{analysers.ROOT}/src/b.h:3:1: warning: redundant 'x' declaration [readability-redundant]\n"
    "    3 | int x;\n"
    "1 warning generated.\n"
)


def test_findings_are_read_once_with_paths_of_the_tree():
    assert analysers.findings_in(GCC + TIDY) == [
        ("src/a.c", 12, "use of NULL", "-Wanalyzer-null-dereference"),
        ("src/b.h", 3, "redundant 'x' declaration", "readability-redundant"),
    ]


def test_known_findings_are_of_one_check_in_one_file():
    known = analysers.read_known("# why\n\nanalyzer-null-dereference src/a.c it is never NULL\n")
    found = analysers.findings_in(GCC + TIDY)
    assert analysers.unknown(found, known) == [found[1]]
    assert known[0].is_used and known[0].reason == "it is never NULL"
    other = [("src/c.c", *found[0][1:])]
    assert analysers.unknown(other, known) == other


def test_a_command_that_fails_is_a_finding():
    (finding,) = analysers.analyse(["sh", "-c", "echo no such header; exit 1"])
    assert finding[1:] == (0, "no such header\n", "failed")
    assert analysers.analyse(["true"]) == []


def test_every_file_of_the_core_is_analysed():
    files, flags = analysers.core_files()
    assert "src/base/bytes.c" in files and not any("cpython" in path for path in files)
    assert "-Isrc/base" in [flag.rstrip(os.sep) for flag in flags]
    assert all(os.path.exists(os.path.join(analysers.ROOT, path)) for path in files)


def test_each_known_finding_has_a_reason():
    with open(os.path.join(analysers.ROOT, analysers.KNOWN), encoding="utf-8") as file:
        for one in analysers.read_known(file.read()):
            assert len(one.reason.split()) > 3
            assert os.path.exists(os.path.join(analysers.ROOT, one.path))
