"""tools/rooms.py on small made-up trees: for each rule, one keeps it and one breaks it."""

import pytest
import rooms

HEAD = "| room | about | may use |\n| --- | --- | --- |\n"
TABLE = (
    HEAD
    + "| `src/low` | bytes | none |\n"
    + "| `src/mid` | blocks | low |\n"
    + "| `src/top/high` | files | mid |\n"
    + "| `src/all` | the rest | all |\n"
)
FILES = {
    "docs/architecture.md": "# House\n\n" + TABLE + "\nText.\n",
    "meson.build": "rooms = {\n"
    "  'low': {'sources': ['bytes'], 'needs': [], 'deps': [zstd]},\n"
    "  'mid': {'sources': ['block'], 'needs': ['low'], 'deps': []},\n"
    "}\n",
    "src/low/bytes.h": "",
    "src/low/bytes.c": '#include "bytes.h"\n#include <string.h>\n',
    "src/mid/block.h": '#include "bytes.h"\n',
    "src/mid/block.c": '#include "block.h"\n\n#include "bytes.h"\n',
    "src/top/high/file.h": '#include "block.h"\n',
    "src/all/main.h": '#include "file.h"\n#include "bytes.h"\n',
}


@pytest.fixture
def check(tree):
    """Returns a function that checks the tree above with some files replaced; its lines."""
    return lambda **changed: list(rooms.House(tree({**FILES, **changed.pop("files", {})})).check())


def test_a_tree_that_keeps_its_table_is_clean(check):
    assert check() == []


def test_an_include_upwards_is_found_with_its_line(check):
    assert check(files={"src/low/bytes.c": '#include "bytes.h"\n\n  # include "block.h"\n'}) == [
        "src/low/bytes.c:3: low may not include block.h of mid",
        "a circle of files across rooms: src/low/bytes -> src/mid/block -> src/low/bytes",
    ]


def test_a_room_may_use_what_its_rooms_may_use(check):
    assert check(files={"src/top/high/file.h": '#include "block.h"\n#include "bytes.h"\n'}) == []


def test_a_room_beside_is_not_below(check):
    text = HEAD + "| `src/low` | a | none |\n| `src/mid` | b | low |\n| `src/other` | c | low |\n"
    files = {
        "docs/architecture.md": text,
        "src/other/thing.h": '#include "block.h"\n',
    }
    assert "src/other/thing.h:1: other may not include block.h of mid" in check(files=files)


def test_the_build_may_show_no_more_than_the_table(check):
    files = {"meson.build": FILES["meson.build"].replace("'needs': []", "'needs': ['mid']")}
    assert check(files=files) == [
        "meson.build: low sees headers of mid; docs/architecture.md does not allow it"
    ]


def test_a_room_of_the_build_needs_a_row(check):
    more = "  'new': {'sources': [], 'needs': []},\n}\n"
    files = {"meson.build": FILES["meson.build"][:-2] + more}
    assert check(files=files) == ["docs/architecture.md: new of meson.build has no row"]


def test_the_rooms_of_the_extension_are_checked_too(check):
    lists = "    'sources': ['main'],\n    'needs': ['high'],\n    'core': ['low', 'new'],\n"
    files = {"src/cpython/meson.build": "cpython_rooms = {\n  'all': {\n" + lists + "  },\n}\n"}
    assert check(files=files) == [
        "src/cpython/meson.build: all sees headers of new; docs/architecture.md does not allow it"
    ]


def test_a_file_has_at_most_700_lines(check):
    assert check(files={"src/low/bytes.h": "\n" * 700}) == []
    assert check(files={"src/low/bytes.h": "\n" * 701}) == [
        "src/low/bytes.h: has 701 lines; 700 are the most"
    ]


def test_a_folder_needs_a_row_and_a_row_a_folder(check):
    files = {
        "docs/architecture.md": TABLE + "| `src/gone` | nothing | low |\n",
        "src/new/thing.c": "",
        "src/new/thing.h": "",
    }
    assert check(files=files) == [
        "docs/architecture.md: src/gone has no C files",
        "docs/architecture.md: src/new has no row",
    ]


def test_a_row_can_only_use_rows_above(check):
    text = TABLE.replace("| blocks | low |", "| blocks | low, high |")
    assert check(files={"docs/architecture.md": text}) == [
        "docs/architecture.md: mid may use high, which is no room above it"
    ]


def test_a_document_without_the_table_is_refused(check):
    assert check(files={"docs/architecture.md": "# House\n"})[0] == (
        "docs/architecture.md: has no table with the header | room | about | may use |"
    )


CIRCLE = {
    "src/mid/block.c": '#include "block.h"\n#include "chain.h"\n',
    "src/mid/chain.h": "",
    "src/mid/chain.c": '#include "chain.h"\n#include "block.h"\n',
}


def test_a_circle_inside_a_room_is_found(check):
    assert check(files=CIRCLE) == [
        "a circle of files inside mid: src/mid/block -> src/mid/chain -> src/mid/block"
    ]


RETURNS = "\n| module | includes again | because |\n| --- | --- | --- |\n"


def test_a_circle_is_allowed_where_a_row_names_the_include_that_goes_back(check):
    house = FILES["docs/architecture.md"] + RETURNS + "| `mid/chain` | `block` | x |\n"
    assert check(files={**CIRCLE, "docs/architecture.md": house}) == []
    third = {
        "src/mid/third.h": '#include "block.h"\n',
        "src/mid/third.c": "",
        "src/mid/chain.c": '#include "block.h"\n#include "third.h"\n',
    }
    assert check(files={**CIRCLE, **third, "docs/architecture.md": house}) == [
        "a circle of files inside mid: src/mid/block -> src/mid/chain -> src/mid/third"
        " -> src/mid/block"
    ]


@pytest.mark.parametrize("row", ["`mid/block` | `chain`", "`mid/none` | `block`", "`no/a` | `b`"])
def test_a_row_without_a_circle_is_found(check, row):
    house = FILES["docs/architecture.md"] + RETURNS + f"| {row} | x |\n"
    (line,) = check(files={"docs/architecture.md": house})
    assert line.endswith("are in no circle")


def test_a_part_belongs_to_the_module_that_it_names(check):
    part = "/* Part of block.h: the checks. */\n"
    files = {
        "src/mid/block.c": '#include "block_parts.h"\n',
        "src/mid/block_parts.h": part + '#include "block.h"\n',
        "src/mid/check.c": part + '#include "block_parts.h"\n',
        "src/mid/more.c": '/* Part of block_parts.h. */\n#include "block.h"\n',
    }
    assert check(files=files) == []


def test_a_file_without_header_must_say_whose_part_it_is(check):
    (line,) = check(files={"src/mid/check.c": '#include "block.h"\n'})
    assert line.startswith("src/mid/check.c: has no check.h; its opening comment must name")
    (line,) = check(files={"src/mid/check.c": "/* Part of nothing.h. */\n"})
    assert line.startswith("src/mid/check.c: has no nothing.h;")


def test_a_public_header_is_a_header(check):
    files = {"src/mid/door.c": "", "include/relive/door.h": ""}
    assert check(files=files) == []


def test_the_own_folder_comes_first_then_what_is_allowed(tree):
    files = {
        **FILES,
        "src/low/names.h": "",
        "src/mid/names.h": "",
        "src/all/names.h": "",
        "src/mid/block.h": '#include "names.h"\n',
        "src/top/high/file.h": '#include "names.h"\n',
    }
    house = rooms.House(tree(files))
    found = {(source.path, header.path) for source, _, header in house.edges}
    assert ("src/mid/block.h", "src/mid/names.h") in found
    assert ("src/top/high/file.h", "src/low/names.h") in found


def test_the_drawings(tree):
    house = rooms.House(tree({**FILES, "src/low/bytes.c": '#include "block.h"\n'}))
    assert list(house.text()) == [
        "low     2 files      1 lines   mid 1",
        "mid     2 files      4 lines   low 2",
        "high    1 files      1 lines   mid 1",
        "all     1 files      2 lines   low 1, high 1",
    ]
    dot = list(house.dot())
    assert dot[0] == "digraph rooms {" and dot[-1] == "}"
    assert '    "low" -> "mid" [label=1, color=red];' in dot
    assert '    "mid" -> "low" [label=2];' in dot


def test_this_repository_draws_itself(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["rooms.py", "--check"])
    assert rooms.main() == 0, capsys.readouterr().out
