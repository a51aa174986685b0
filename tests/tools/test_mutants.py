"""tools/mutants.py: which entries of the list still fit the tree."""

import pytest

mutants = pytest.importorskip("mutants", reason="needs tomllib or tomli")


def test_a_mutant_fits_where_its_text_is_there_once(tree):
    root = tree({"src/a.c": "one two two\n"})
    entries = [
        {"name": text + path, "file": path, "before": text}
        for text, path in (("one", "src/a.c"), ("two", "src/a.c"), ("x", "src/a.c"), ("x", "b.c"))
    ]
    assert list(mutants.misfits(entries, root)) == [
        "twosrc/a.c: src/a.c has its text 2 times",
        "xsrc/a.c: src/a.c has its text 0 times",
        "xb.c: b.c has its text 0 times",
    ]
