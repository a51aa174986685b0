"""Origins in the bug hunts: the cause in one command, and no certain hop that is wrong."""

import sys
from collections import Counter

import hunting
import live_chains
import pytest
from conftest import TESTS, relive

import relive as api

# program: the question, and pieces of lines of the answer, in their order
CAUSES = {
    "default_headers": (
        ["headers@Client.request#3"],
        ["Client.request#3", "default: the default of headers: {}"],
    ),
    "none_from_far": (
        ['row["rate"]@exc:last'],
        ["rows[1]['rate'] = None", "rate#2", "literal: rate() ends there without"],
    ),
    "version_as_text": (
        ["ret@latest#1"],
        ["newest = 'v1.9'", "> newest = tag", "> for tag in tags[1:]"],
    ),
    "whole_division": (
        ["ret@bar#1", "--follow", "percent"],
        ["> return part // whole * 100", "part = 10", "whole = 40"],
    ),
    "rounding_adds_up": (
        ["ret@invoice#1", "--follow", "2"],
        ["> total += tax(price)", "> return round(cents * 0.07)", "cents = 7"],
    ),
    "swapped_arguments": (
        ["source@Accounts.transfer#1"],
        ["> accounts.transfer(seller, buyer, amount)", "seller = 'shop'"],
    ),
    "timeout_unit": (["timeout@exc:last"], ["timeout = 5000", "LIMIT = 5000", "literal"]),
    "zero_hour_sign": (
        ["ret@parse_offset#1"],
        ["> return minutes_of(hours, minutes)", "> return hours * 60 + sign * minutes"],
    ),
    "index_of_nothing": (
        ["ret@split_at#3"],
        ["> return text[:place], text[place + 1 :]", "place = -1"],
    ),
    "compare_types": (["ret@find#1"], ["find#1", "> return None", "literal"]),
    "pages_off_by_one": (
        ["ret@show_all#1"],
        ["> shown += page(rows, number, size)", "page(rows, number, size)"],
    ),
    "falsy_default": (["ret@read#1"], ["read#1", '> return "missing"']),
}


@pytest.mark.parametrize("program", CAUSES)
def test_one_question_leads_to_the_cause(tmp_path, program):
    (tmp_path / f"{program}.py").write_bytes((TESTS / "bughunt" / f"{program}.py").read_bytes())
    relive("record", "-o", "hunt.relive", "--level", "lines", f"{program}.py", cwd=tmp_path)
    words, pieces = CAUSES[program]
    text = relive("origin", *words, "hunt.relive", cwd=tmp_path).stdout.decode()
    at = 0
    for piece in pieces:
        assert piece in text[at:], (piece, text)
        at = text.index(piece, at) + len(piece)
    assert len(text) < 2000


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code has no co_qualname")
def test_certain_hops_hold_the_object_that_the_live_program_has(tmp_path):
    counts = Counter()
    programs = [path for path in hunting.PROGRAMS if "thread" not in path.stem]
    for path in [*programs[::3], TESTS.parent / "examples" / "shop.py"]:
        program = tmp_path / path.name
        program.write_bytes(path.read_bytes())
        calls = live_chains.live_calls(sys.executable, [tmp_path], [program], tmp_path)
        relive("record", "-o", "hunt.relive", "--force", "--level", "lines", program,
               cwd=tmp_path, check=False)  # fmt: skip
        with api.open(tmp_path / "hunt.relive") as recording:
            more, wrong = live_chains.compare(recording, calls)
        assert not wrong
        counts += more
    assert counts["chains"] >= 60 and counts["hops"] >= counts["chains"]
