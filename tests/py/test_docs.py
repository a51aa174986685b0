"""Documents are true: their examples run, their commands, links and terms exist."""

import contextlib
import functools
import importlib
import io
import os
import re
import sys

import documents
import pytest
from conftest import ROOT, run, two_versions
from documents import Folder, blocks, prose, read

from relive.cli import VERBS

pytestmark = two_versions

# Pages for maintainers show code that is not whole, and commands that build and change things.
MAINTAINERS = re.compile(r"CHANGELOG|CONTRIBUTING|docs/(adr/|style|debugging)")
PAGES = documents.pages()
GUIDES = [page for page in PAGES if not MAINTAINERS.match(page)]
OPENED = [page for page in PAGES if not re.match("CHANGE|docs/adr", page)]
AUDIENCE = r"This page is for .+?\. After reading it, you can .+"
TERMS = re.findall(r"^### (.+)\n\n\S", read("docs/glossary.md"), re.M)


@pytest.mark.parametrize("page", GUIDES)
def test_the_examples_of_a_page_run_and_print_what_it_says(page, tmp_path):
    folder = Folder(tmp_path)
    for block in blocks(page):
        runs = block.language in documents.RUNNABLE or block.file
        if runs and not block.why_skipped():
            try:
                folder.run(block)
            except AssertionError as error:
                raise AssertionError(f"{page}:{block.line}: {error}") from None


@pytest.mark.parametrize("page", OPENED)
def test_a_page_says_whom_it_is_for(page):
    opening = re.split(r"\n\n+", prose(read(page)))[1].replace("\n", " ")
    assert re.match(AUDIENCE, opening) or page.startswith("README"), opening


@pytest.mark.parametrize("page", GUIDES)
def test_each_block_of_a_page_is_fenced_and_of_a_known_kind(page):
    text = read(page)
    for block in blocks(page):
        known = block.file or block.language in (*documents.RUNNABLE, "text")
        assert known or block.mark("not run") is not None, (page, block.line, block.language)
        assert all(documents.MARKS.fullmatch(mark) for mark in block.marks), block.marks
        if block.language == "text" and not block.file:
            assert not re.search(r"^(\$ |relive |python |pip )", block.text, re.M), block.line
    lists = re.sub(r"^ *[-\d][.]? .*(\n .*|\n(?=\n  ))*", "", prose(text), flags=re.M)
    assert not re.findall(r"^    .*", lists, re.M)


@pytest.mark.parametrize("page", PAGES)
def test_each_relative_link_leads_somewhere(page):
    for target in documents.links(read(page)):
        path, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        assert os.path.exists(os.path.join(documents.ROOT, path)), target
        assert not anchor or anchor in documents.anchors(read(path)), target


def test_each_term_of_the_glossary_has_one_definition():
    titles = re.findall(r"^### (.+)$", read("docs/glossary.md"), re.M)
    assert titles == TERMS and titles == sorted(set(titles), key=str.lower)


@pytest.mark.parametrize("page", [page for page in GUIDES if page != "docs/glossary.md"])
def test_a_term_is_defined_or_linked_where_a_page_first_has_it(page):
    text = re.sub(r"^#.*$", "", prose(read(page)), flags=re.M)
    text = re.sub(r"`[^`]*`", "", text)
    missing = []
    for term in TERMS:
        words = term.replace(" ", r"\s+")
        first = re.search(rf"(?<![\w/.#-]){words}(?:e?s)?(?![\w/-])", text, re.I)
        if first:
            before, after = text[: first.start()], text[first.end() :]
            linked = re.match(r"[^\[\]]*\]\(([^)]*glossary\.md)?#", after)
            if not linked and not before.endswith("**"):
                missing.append(f"{term}: ...{before[-30:]}[{first.group()}]")
    assert not missing, "\n".join([page, *missing])


def sources():
    """Returns {path: text} of the tree, of which pages name files and functions."""
    found = {}
    for top in ("src", "include", "relive", "site", "tools", "tests", "fuzz", "bench", "examples"):
        for folder, _, names in os.walk(os.path.join(documents.ROOT, top)):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), documents.ROOT)
                found[path] = read(path) if re.search(r"\.(c|h|py)$", name) else ""
    return found


def test_the_files_and_functions_that_pages_name_exist():
    found = sources()
    words = set(re.findall(r"\w+", "\n".join(found.values())))
    for page in PAGES:
        if page == "CHANGELOG.md":
            continue
        for span in re.findall(r"`([^`\s]+)`", prose(read(page))):
            path, function = re.fullmatch(r"[\w./]+\.[ch]", span), re.fullmatch(r"(\w+)\(\)", span)
            if path and not re.search("name|XX|Python|pycore|opcode", span):
                assert any(f"/{one}".endswith(f"/{span}") for one in found), (page, span)
            if function:
                assert function.group(1) in words, (page, span)
            if re.fullmatch(r"(src|relive|tests|examples|docs|tools|bench)/[a-z\d_./]+", span):
                assert os.path.exists(os.path.join(documents.ROOT, span)), (page, span)


@functools.lru_cache(maxsize=None)
def names_of_files():
    """Returns the base names of all source files."""
    found = set()
    for top in ("src", "include", "relive", "tests", "tools", "examples", "site"):
        for _, _, names in os.walk(os.path.join(documents.ROOT, top)):
            found.update(names)
    return found


@pytest.mark.parametrize("page", [*GUIDES, "docs/architecture.md"])
def test_each_source_file_that_a_page_names_exists(page):
    text = read(page)
    paths = re.findall(r"`((?:src|include|relive|tests|tools|examples)/[\w/.-]+\.\w+)", text)
    assert [path for path in paths if not os.path.exists(f"{documents.ROOT}/{path}")] == []
    names = set(re.findall(r"(?<![\w.])(\w+\.[ch])\b", text)) - {"Python.h", "frame_3XX.h"}
    assert {name for name in names if not re.match("example|embed|prog", name)} <= names_of_files()


@functools.lru_cache(maxsize=None)
def options_of(verb):
    """Returns the options that a verb's help names."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        importlib.import_module(f"relive.cli.{verb}").main(["--help"])
    return {"--help", *re.findall(r"--[a-z][a-z-]*", text.getvalue())}


@pytest.mark.parametrize("page", GUIDES)
def test_the_commands_that_a_page_names_exist(page):
    text = re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S)
    for span in re.findall(r"`([^`]+)`", text):
        words = span.split()
        if words[0] == "relive" and len(words) > 1:
            verb = words[1]
            assert verb in VERBS or verb.isupper() or verb.startswith("-"), span
            wanted = words[2:]
        elif words[0].startswith("--"):
            verb, wanted = None, words[:1]
        else:
            continue
        for word in wanted:
            if re.search(r"\.py$|^pytest$|^-m$", word):
                break  # what follows belongs to the program
            option = re.match(r"--[a-z][a-z-]*", word)
            verbs = VERBS if verb is None else [verb] if verb in VERBS else []
            if option and option.group().startswith("--relive"):  # of pytest
                assert f'"{option.group()}"' in read("site/_relive_pytest.py"), span
            elif option and verbs:
                assert any(option.group() in options_of(one) for one in verbs), span


def test_what_is_compared_is_what_it_seems():
    page = "```console\n$ echo one; echo two 5 ms\none\ntwo 61 us\n$ true\n```\n"
    (block,) = blocks("page", page)
    assert documents.commands(block)[0] == ("echo one; echo two 5 ms", ["one", "two 61 us"])
    assert documents.matches(["one", "two 61 us"], ["one", "two 5 ms"])
    assert documents.matches(["a", "...", "z ... end"], ["a", "b", "c", "z of the end"])
    assert not documents.matches(["a"], ["a", "b"]) and not documents.matches(["a", "b"], ["a"])


def test_a_block_that_does_not_hold_is_found(tmp_path):
    page = "```console\n$ echo one\ntwo\n```\n\n```sh\nfalse\n```\n\n```python\nprint(1)\n```\n"
    page += "\n```text\n2\n```\n"
    folder, found = Folder(tmp_path), blocks("page", page)
    assert [block.language for block in found] == ["console", "sh", "python"]
    for block in found:
        with pytest.raises(AssertionError):
            folder.run(block)


def test_a_block_runs_as_its_marks_say(tmp_path):
    page = "<!-- fails: it is meant to -->\n```sh\nfalse\n```\n\n<!-- from 9.1: new -->\n"
    page += "```python\n1 / 0\n```\n\n<!-- not run: a service -->\n```ini\n[unit]\n```\n"
    fails, later, service = blocks("page", page)
    Folder(tmp_path).run(fails)
    assert later.why_skipped() == "needs 9.1" and service.why_skipped() == "not run"
    assert sys.version_info < (9, 1)


def test_the_picture_of_the_terminal_shows_what_the_commands_print():
    relive = os.path.join(os.path.dirname(sys.executable), "relive")
    words = [sys.executable, f"{ROOT}/tools/picture.py", "--relive", relive, "--check"]
    assert run(*words).stderr == b""
