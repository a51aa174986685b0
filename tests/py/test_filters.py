"""Filter files: a conformance suite over both versions, the doors, errors, and explanations."""

import json
import os
import shutil
import sys

import pytest
from conftest import ROOT as REPOSITORY
from conftest import TESTS, relive, run, usable_backends
from filtering import decide, settings, write

from relive import _core, config
from relive.filters import Filter, FilterError, doors
from relive.filters.chain import Chain

sys.path.insert(0, str(TESTS / "filters"))
from cases import ROOT, all_cases

ACTIONS = {1: "allow", 2: "redact", 3: "drop"}
KINDS = {"local": 3, "global": 4, "arg": 5, "ret": 6, "attr": 7, "key": 8}
CASES = list(all_cases())


def tables(file):
    """The tables of a case's file."""
    rules = []
    for rule in file["rules"]:
        made = {key: value for key, value in rule.items() if key not in ("patterns", "exec")}
        if rule["exec"] is not None:
            made["exec"] = rule["exec"]
        if rule["patterns"]:
            pairs = [pattern.rpartition("=") for pattern in rule["patterns"]]
            made["value_patterns"] = [{"selector": s, "action": a} for s, _, a in pairs]
        rules.append(made)
    scope = {"default_exec": file["exec"], "default_value_action": file["value"], "rules": rules}
    if file["level"]:
        scope["level"] = file["level"]
    return {"meta": {"name": "case", "version": file["version"]}, "scope": scope}


def load(files):
    filters = [Filter.from_dict(tables(file), f"{ROOT}/filter.toml") for file in files]
    return Chain(filters).core


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_conformance(case):
    _, files, question, answer = case
    if question[0] == "error":
        with pytest.raises(FilterError) as caught:
            load(files)
        assert all(word in str(caught.value) for word in answer), str(caught.value)
        assert "/project/filter.toml" in str(caught.value)
        return
    core = load(files)
    if question[0] == "scope":
        module, qualname, file = (*question[1:], "")[:3]
        verdict = core.decide(module, qualname, qualname.rpartition(".")[2], file)
        assert verdict["traced"] == (answer == "trace")
    else:
        scope = ("app", "f", "f", f"{ROOT}/app.py")
        assert ACTIONS[core.value(*scope, KINDS[question[1]], question[2])[0]] == answer


def test_there_are_enough_cases():
    assert len(CASES) >= 150 and len({case[0] for case in CASES}) == len(CASES)


def test_all_problems_of_a_file_are_reported_at_once():
    wrong = {
        "meta": {"name": " ", "version": "1", "colour": 1},
        "scope": {"default_exec": "yes", "rules": [{"exec": "skip"}, 3]},
        "io": {"capture": True, "modes": ["x"]},
        "scopes": {},
    }
    with pytest.raises(FilterError) as caught:
        Filter.from_dict(wrong, "/x/f.toml")
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {
        "meta.name", "meta.version", "meta.colour", "scope.default_exec",
        "scope.default_value_action", "scope.rules[0].selector", "scope.rules[1]", "io.streams",
        "io.modes", "scopes",
    }  # fmt: skip
    assert caught.value.code == "ERR_INVALID_POLICY_VALUE"


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, "ERR_IO", "No such file"),
        ("folder", "ERR_IO", "folder"),
        (b"\xff\xfe", "ERR_INVALID_POLICY_VALUE", ":1: the file is not UTF-8"),
        (b"[meta]\nname = \n", "ERR_INVALID_POLICY_VALUE", ":2: this is no TOML"),
        (b"[[meta]]\n", "ERR_INVALID_POLICY_VALUE", "meta: a table is wanted"),
        (b"", "ERR_INVALID_POLICY_VALUE", "scope: this table is missing"),
        (b"[meta]\nname='a'\nversion=9\n[scope]\ndefault_exec='trace'\n"
         b"default_value_action='allow'\n", "ERR_UNSUPPORTED_SCHEMA_VERSION", "version 9 is newer"),
        (b"#" * (5 << 20), "ERR_INVALID_POLICY_VALUE", "longer than 4 MiB"),
    ],
    ids=["missing", "folder", "latin", "no toml", "wrong type", "empty", "new", "huge"],
)  # fmt: skip
def test_files_that_cannot_be_used(tmp_path, content, code, words):
    path = tmp_path / "f.toml"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(FilterError) as caught:
        Filter.from_file(str(path))
    assert caught.value.code == code and words in str(caught.value)
    script = tmp_path / "never.py"
    script.write_text("print('it ran')\n")
    done = relive("record", "--trace-filter", path, script, cwd=tmp_path)
    assert done.returncode == 125 and b"it ran" not in done.stdout
    assert code.encode() in done.stderr and b"Traceback" not in done.stderr


def test_the_nearest_project_file_is_found_and_relive_before_codetracer(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    outer = write(tmp_path / ".codetracer" / "trace-filter.toml")
    find = doors.project_file
    assert find(str(inner)) == str(outer)
    near = write(tmp_path / "a" / ".codetracer" / "trace-filter.toml")
    assert find(str(inner)) == str(near)
    own = write(tmp_path / "a" / ".relive" / "trace-filter.toml")
    assert find(str(inner)) == str(own)
    resolved, _ = doors.resolved(settings(auto_filter=False), str(inner))
    assert resolved["trace_filter"] == []


def test_the_chain_has_its_order(tmp_path):
    project = write(tmp_path / ".relive" / "trace-filter.toml")
    first = write(tmp_path / "one" / "x" / "f.toml")
    second = write(tmp_path / "two" / "x" / "f.toml")
    wanted = settings(trace_filter=f"{first}::{second}", redact=["x"])
    chain = doors.chain(doors.resolved(wanted, str(tmp_path))[0], [])
    names = [one.name for one in chain.filters]
    assert names == ["builtin-default", tmp_path.name, "one", "two", "options"]
    assert chain.summary()[1]["path"] == str(project)
    assert len(chain.summary()[1]["sha256"]) == 64


def test_inherit_without_a_base_is_refused(tmp_path):
    path = write(tmp_path / "x" / "y" / "f.toml", exec="inherit")
    with pytest.raises(FilterError) as caught:
        doors.chain(settings(trace_filter=str(path), builtin_filter=False), [])
    assert "scope.default_exec" in str(caught.value)


def test_a_filter_file_decides_what_a_recording_holds(tmp_path):
    out = tmp_path / "out.relive"
    done = relive(
        "record", "-o", out, "--trace-filter", REPOSITORY / "examples" / "filters" / "dev.toml",
        REPOSITORY / "examples" / "sample_app.py",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = relive("dump", out).stdout.splitlines()
    events = [event for event in map(json.loads, lines) if "kind" in event]
    calls = [e["func"][9:] for e in events if e["kind"] == "call"]
    assert "debug_dump" not in calls and calls.count("order") == 3 and calls.count("price") == 2
    assert {e["func"][9:] for e in events if e["kind"] == "line"} == {"order"}
    assert not [e for e in events if e["kind"] == "write" and e["name"] == "note"]
    login = next(e for e in events if e["kind"] == "call" and e["func"].endswith(":login"))
    secret = login["args"]["password"]
    assert secret == {"t": "str", "r": "<redacted>", "cut": False, "redacted": True}
    assert login["args"]["name"]["v"] == "ada"
    info = json.loads(relive("info", "--json", out).stdout.splitlines()[1])
    told = info["trace_filter"]
    assert [one["name"] for one in told["filters"]] == ["builtin-default", "sample-dev"]
    assert told["stats"]["value_redactions"]["argument"] >= 2 and told["stats"]["secrets"] >= 3
    assert told["stats"]["value_drops"]["local"] >= 2
    assert info["losses"] == {"filter": 2}  # price: its second call, and the end of that
    gaps = relive("gaps", "--all", out).stdout.decode()
    assert "__main__:debug_dump" in gaps and "sample-dev, rule obj:regex:" in gaps


@pytest.mark.parametrize("name", ["HANDIT_REDACT", "RELIVE_REDACT"])
@pytest.mark.parametrize("level", ["values", "lines"])
def test_redact_finds_numbers_as_it_finds_texts(record, level, name):
    secret, big = 4111222233334444, 4111222233334444 << 70
    source = (
        "import dataclasses, enum\n"
        "@dataclasses.dataclass\nclass P:\n    name: str\n    n: int\n"
        f"class E(enum.IntEnum):\n    A = {secret}\n"
        "def f(x):\n    y = x\n    return y\n"
        f"for x in ({secret}, -{secret}, {big}, 3.14159, 2+3.14159j, [{secret}, 7], "
        f"({secret}, 7),\n"
        f"          {{{secret}}}, {{'k': {secret}}}, {{{secret}: 1}}, "
        f"P('a', {secret}), E.A, 0, 7,\n"
        "          [[1, 2], 3.5]):\n    f(x)\n"
    )
    wanted = {name: rf"{secret}|3\.14|{str(big)[9:29]}"}
    done, _, events = record(source, "--level", level, env=wanted)
    assert done.returncode == 0 and not done.stderr.count(b"Traceback")
    text = json.dumps([event for event in events if event["kind"] != "thread_start"])
    for hidden in (str(secret), "3.14", str(big)):
        assert hidden not in text, hidden
    told = [event for event in events if event["kind"] == "call" and event["func"] == "__main__:f"]
    calls = [event["args"]["x"] for event in told]
    assert [one["redacted"] for one in calls[:5]] == [True] * 5
    assert [one["t"] for one in calls[:5]] == ["int", "int", "int", "float", "complex"]
    assert calls[5]["r"] == "[<redacted>, 7]" and calls[-1]["r"] == "[[1, 2], 3.5]"
    assert [one["r"] for one in calls[-3:-1]] == ["0", "7"]


def test_redact_of_every_number_leaves_room_for_the_rest(record):
    source = "def f(x): return x\nf([[[1] * 900] * 900] * 900)\n"
    _, _, events = record(source, "--redact", "[0-9]", "--max-items", "1000")
    (call,) = [event for event in events if event["kind"] == "call" and "args" in event]
    assert "1" not in call["args"]["x"]["r"].replace("<redacted>", "") or call["args"]["x"]["cut"]


def test_short_calls_are_taken_back_and_counted(record, tmp_path):
    rules = '[[scope.rules]]\nselector = "obj:__main__.work"\nmin_duration = "20ms"\n'
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    source = (
        "import time\ndef below(n): return n\n"
        "def work(n, deep):\n    if deep: below(n)\n    if n > 5: time.sleep(0.03)\n    return n\n"
        "for n in range(8): work(n, False)\nwork(1, True)\n"
    )
    _, (header,), events = record(source, "--trace-filter", path)
    shown = [e["args"]["n"]["v"] for e in events if e["kind"] == "call" and "work" in e["func"]]
    assert shown == [6, 7, 1]  # the last one has something below it that was kept
    assert header["losses"] == {"filter": 12}
    frames = [e["frame"] for e in events if e["kind"] == "call"]
    assert len(set(frames)) == len(frames)


def test_every_nth_call_is_recorded(record, tmp_path):
    rules = '[[scope.rules]]\nselector = "obj:__main__.work"\nevery = 10\n'
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    source = "def work(n): return n\nfor n in range(100): work(n)\n"
    _, (header,), events = record(source, "--trace-filter", path)
    shown = [e["args"]["n"]["v"] for e in events if e["kind"] == "call" and "work" in e["func"]]
    assert shown == list(range(0, 100, 10)) and header["losses"] == {"filter": 180}


THREADS = """
import threading
def work(n): return inner(n)
def inner(n): return n
def free(n): return n
def main(n):
    work(n); free(n)
main(0)
for name, n in (('pool-1', 1), ('other', 2), ('pool-2', 3)):
    thread = threading.Thread(target=main, args=(n,), name=name)
    thread.start(); thread.join()
def renamed():
    main(4)
    threading.current_thread().name = 'other'
    main(5)
thread = threading.Thread(target=renamed, name='pool-3')
thread.start(); thread.join()
threading.current_thread().name = 'pool-main'
main(6)
"""


def calls_of(events, name):
    """The first arguments of its calls."""
    found = [e for e in events if e["kind"] == "call" and e["func"].endswith(f":{name}")]
    return [e["args"]["n"]["v"] for e in found]


@pytest.mark.parametrize("backend", usable_backends())
def test_rules_about_threads_are_evaluated_at_each_call(record, tmp_path, backend):
    rules = (
        '[[scope.rules]]\nselector = "thread:pool-*"\nexec = "skip"\n'
        '[[scope.rules]]\nselector = "thread:literal:pool-2"\nexec = "trace"\n'
        '[[scope.rules]]\nselector = "obj:__main__.free"\nexec = "trace"\n'
    )
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    _, (header,), events = record(THREADS, "--trace-filter", path, "--backend", backend)
    assert calls_of(events, "main") == calls_of(events, "work") == [0, 2, 3, 5]
    assert calls_of(events, "inner") == [0, 2, 3, 5]
    assert calls_of(events, "free") == [0, 1, 2, 3, 4, 5, 6]  # a later rule has the last word
    kept = sum(e["kind"] == "call" for e in events)
    _, _, everything = record(THREADS, "--force", "--backend", backend)
    # calls and their ends: nothing is dropped without being counted
    assert header["losses"]["filter"] == 2 * (sum(e["kind"] == "call" for e in everything) - kept)


def test_one_thread_alone_is_recorded(record, tmp_path):
    rules = '[[scope.rules]]\nselector = "thread:regex:^pool-[12]$"\nexec = "trace"\n'
    path = write(tmp_path / "x" / "y" / "f.toml", rules, exec="skip")
    _, _, events = record(THREADS, "--trace-filter", path)
    assert calls_of(events, "work") == [1, 3]
    assert not [e for e in events if e.get("func", "").startswith("threading:")]


TASKS = """
import asyncio
async def step(n): await asyncio.sleep(0); return plain(n)
def plain(n): return n
async def main(n):
    plain(n)
    await asyncio.gather(*(asyncio.create_task(step(i), name=f'job-{i}') for i in (1, 2, 3)))
    asyncio.current_task().set_name('job-2')
    plain(9)
plain(7)
asyncio.run(main(0))
"""


@pytest.mark.parametrize("backend", usable_backends())
def test_rules_about_tasks_are_evaluated_at_each_call(record, tmp_path, backend):
    rules = (
        '[[scope.rules]]\nselector = "task:job-*"\nexec = "skip"\n'
        '[[scope.rules]]\nselector = "task:job-2"\nexec = "trace"\n'
    )
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    done, (header,), events = record(TASKS, "--trace-filter", path, "--backend", backend)
    assert done.returncode == 0
    assert calls_of(events, "step") == [2] and sorted(calls_of(events, "plain")) == [0, 2, 7, 9]
    assert header["losses"]["filter"] >= 8


def test_rules_of_one_moment_are_explained(tmp_path):
    rules = '[[scope.rules]]\nselector = "thread:w-*"\nexec = "skip"\n'
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    text = relive("filter", "explain", path, "app:f").stdout.decode()
    assert "unless a thread: or task: rule decides otherwise" in text
    assert "evaluated at each call: skip" in text


def test_levels_and_limits_of_rules(record, tmp_path):
    rules = (
        '[[scope.rules]]\nselector = "obj:__main__.quiet"\nlevel = "calls"\n'
        '[[scope.rules]]\nselector = "obj:__main__.small"\nmax_str = 3\nmax_items = 2\n'
    )
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    source = (
        "def quiet(n): return n\ndef small(s, l): pass\ndef usual(s, l): pass\n"
        "quiet(1); small('abcdef', [1, 2, 3]); usual('abcdef', [1, 2, 3])\n"
    )
    _, _, events = record(source, "--trace-filter", path)
    args = {e["func"][9:]: e.get("args") for e in events if e["kind"] == "call"}
    assert args["quiet"] is None
    assert args["small"]["s"]["r"] == "'abc...'" or args["small"]["s"]["cut"]
    assert args["small"]["l"]["r"] == "[1, 2, ...]"
    assert args["usual"]["l"]["v"] == [1, 2, 3]


def test_the_api_takes_paths_dicts_and_filters(tmp_path):
    path = write(tmp_path / "x" / "y" / "f.toml")
    made = Filter.from_file(str(path))
    for value in (str(path), path, made.tables, made, [path, made]):
        loaded = config.Config(trace_filter=value).trace_filter
        assert doors.chain(settings(trace_filter=loaded), []).filters[-1].name == "x"


def test_check_explain_and_init(tmp_path):
    done = relive("filter", "init", tmp_path)
    path = done.stdout.decode().strip()
    assert path.endswith(".relive/trace-filter.toml") and os.path.exists(path)
    assert relive("filter", "init", tmp_path).returncode == 2
    assert relive("filter", "check", path).returncode == 0
    text = relive("filter", "explain", path, "app:login", "password").stdout.decode()
    assert "app:login: recorded" in text and "password: redacted (built-in names" in text
    done = relive("filter", "explain", "asyncio.tasks:gather")
    assert done.returncode == 1 and b"builtin-default rules[" in done.stdout
    broken = tmp_path / "broken.toml"
    broken.write_text("[meta]\nname='x'\nversion=1\n[scop]\n")
    done = relive("filter", "check", broken)
    assert (
        done.returncode == 2 and b"scop: there is no such key; did you mean 'scope'?" in done.stdout
    )
    old = write(tmp_path / "x" / "y" / "f.toml", version=1, rules=(
        '[[scope.rules]]\nselector="pkg:*"\n[[scope.rules.value_patterns]]\n'
        'selector="arg:x"\naction="redact"\n[[scope.rules]]\nselector="obj:app.*"\nexec="trace"\n'
    ))  # fmt: skip
    assert b"do not apply where it matches" in relive("filter", "check", old).stderr


def test_many_rules_are_read(tmp_path):
    rules = "".join(
        f'[[scope.rules]]\nselector = "pkg:m{n}.*"\nexec = "skip"\n' for n in range(10000)
    )
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    chain = doors.chain(settings(trace_filter=str(path)), [])
    assert not decide(chain, "m9999.x", "f") and decide(chain, "n", "f")


def test_a_regex_that_explodes_skips_and_is_counted(record, tmp_path):
    rules = '[[scope.rules]]\nselector = "obj:regex:(a+)+$"\nexec = "trace"\n'
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    name = "a" * 60 + "b"
    _, _, events = record(f"def {name}(): pass\ndef fine(): pass\n{name}(); fine()\n",
                          "--trace-filter", path)  # fmt: skip
    calls = [e["func"] for e in events if e["kind"] == "call"]
    assert "__main__:fine" in calls and f"__main__:{name}" not in calls
    assert next(e for e in events if e["kind"] == "filter")["undecided"] >= 1


def test_sentinels_are_spelled_once():
    spelled = list(_core.SENTINELS.values())
    assert spelled == ["<redacted>", "<dropped>", "<yield>", "<unwind>"]
    for folder in ("src", "relive", "include"):
        for path in (REPOSITORY / folder).rglob("*"):
            if path.suffix in (".c", ".h", ".py") and path.name != "rl_filter.h":
                text = path.read_text()
                for sentinel in spelled:
                    assert f'"{sentinel}"' not in text and f"'{sentinel}'" not in text, path


def instructions(what, n, out):
    """What the first thread of bench/filters.py runs, by callgrind."""
    words = ["valgrind", "--tool=callgrind", "--separate-threads=yes"]
    words += [f"--callgrind-out-file={out}", sys.executable]
    words += [REPOSITORY / "bench" / "filters.py", "work", str(n), what]
    done = run(*words, cwd=out.parent)
    assert done.returncode == 0, done.stderr
    with open(f"{out}-01") as file:
        return next(
            int(line.split()[1]) for line in file if line.startswith(("totals:", "summary:"))
        )


@pytest.mark.skipif(
    sys.version_info[:2] not in ((3, 11), (3, 12)), reason="one version for each backend"
)
def test_filters_cost_at_most_a_tenth_more_instructions(tmp_path):
    """No time is compared: instructions of the traced thread repeat."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    costs = {}
    for what in ("off", "glob", "regex"):
        few, many = (instructions(what, n, tmp_path / f"{what}-{n}") for n in (100, 300))
        costs[what] = many - few
    assert costs["glob"] <= costs["off"] * 1.10, costs
    assert costs["regex"] <= costs["off"] * 1.10, costs


ACTIVATED = """
import helper
def before(): pass
def inner(n): return n
def wanted(n):
    if n: wanted(n - 1)
    return inner(n)
class C:
    def wanted(self): return inner(99)
async def waits():
    import asyncio
    await asyncio.sleep(0)
    return inner(7)
before(); wanted(1); before(); C().wanted(); helper.work(); inner(5); wanted(0)
import asyncio
asyncio.run(waits())
"""


@pytest.mark.parametrize("backend", usable_backends())
@pytest.mark.parametrize(
    ("activate", "expected"),
    [
        ("__main__:wanted", "wanted wanted inner inner wanted inner"),
        ("__main__:C.wanted", "C.wanted inner"),
        ("__main__:waits", "waits inner"),
        ("helper.py", "<module> C before wanted wanted inner inner before C.wanted inner work inner"
         " wanted inner waits inner"),
        ("helper:work", "work"),
        ("__main__:nothing", ""),
    ],
)  # fmt: skip
def test_activation(record, tmp_path, backend, activate, expected):
    (tmp_path / "helper.py").write_text("def work(): pass\n")
    if activate.endswith(".py"):
        activate = str(tmp_path / activate)
    done, _, events = record(ACTIVATED, "--activate", activate, "--backend", backend)
    assert done.returncode == 0, done.stderr
    own = ("__main__", "helper")  # code that dataclasses makes for the standard library is not
    calls = [e for e in events if e["kind"] == "call" and not e.get("already_running")
             and e["func"].partition(":")[0] in own]  # fmt: skip
    assert " ".join(e["func"].partition(":")[2] for e in calls) == expected
    ends = [e for e in events if e["kind"] in ("return", "unwind") and e["frame"] in
            {call["frame"] for call in calls}]  # fmt: skip
    assert len(ends) == len(calls)


@pytest.mark.parametrize("backend", usable_backends())
def test_a_hidden_exception_is_shown_nowhere(record, tmp_path, backend):
    rules = (
        '[[scope.rules]]\nselector = "obj:__main__.boom"\n[[scope.rules.value_patterns]]\n'
        'selector = "ret:<unwind>"\naction = "redact"\n'
    )
    path = write(tmp_path / "x" / "y" / "f.toml", rules)
    source = (
        "def boom():\n    raise ValueError('customer 77')\n"
        "try:\n    boom()\nexcept ValueError:\n    error = None\n"
    )
    _, _, events = record(source, "--trace-filter", path, "--backend", backend)
    told = [e for e in events if e.get("func") == "__main__:boom" and "exc" in e]
    assert all(event["exc"]["r"] == "<redacted>" for event in told)
    assert told or backend == "setprofile"


def test_a_second_filter_decides_for_itself(tmp_path):
    code = (
        "import relive\nclass Box: pass\nbox = Box(); box.plain = 'x'\ndef f(a): pass\n"
        "def rules(kind):\n    return {'meta': {'name': 'n', 'version': 2}, 'scope': {"
        "'default_exec': 'trace', 'default_value_action': 'allow', 'rules': [{'selector': 'pkg:*',"
        " 'value_patterns': [{'selector': 'attr:plain', 'action': kind}]}]}}\n"
        "for kind in ('allow', 'redact') * 4:\n"
        "    with relive.record('o.relive', trace_filter=rules(kind), force=True): f(box)\n"
        "    (call,) = [e for e in relive.open('o.relive').events() if e['kind'] == 'call'\n"
        "               and e['func'] == '__main__:f']\n"
        "    assert call['args']['a']['redacted'] == (kind == 'redact'), kind\n"
    )
    done = run(sys.executable, "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_each_function_has_its_own_answers_about_the_fields_of_one_type(record, tmp_path):
    rules = (
        '[[scope.rules]]\nselector = "obj:__main__.hide"\n'
        '[[scope.rules.value_patterns]]\nselector = "attr:plain"\naction = "redact"\n'
        '[[scope.rules.value_patterns]]\nselector = "attr:other"\naction = "drop"\n'
    )
    path = write(tmp_path / "x" / "f.toml", rules)
    source = (
        "class Slots: __slots__ = ('plain', 'other')\nclass Free: pass\n"
        "def show(v): pass\ndef hide(v): pass\n"
        "for kind in (Slots, Free) * 3:\n"
        "    v = kind(); v.plain, v.other = 'text', 'more'\n"
        "    show(v); hide(v); show(v)\n"
    )
    _, _, events = record(source, "--trace-filter", path)
    told = {"__main__:show": [], "__main__:hide": []}
    for e in events:
        if e["kind"] == "call" and e["func"] in told:
            told[e["func"]].append(e["args"]["v"]["r"].split("(")[1])
    slots, free = "other='more', plain='text')", "plain='text', other='more')"
    assert told["__main__:show"] == [slots, slots, free, free] * 3
    assert told["__main__:hide"] == ["plain=<redacted>)"] * 6


def test_check_names_lines_and_keys_and_leaves_the_builtin_filter_out(tmp_path):
    path = tmp_path / "a.toml"
    head = (
        '[meta]\nname = "x"\nversion = 2\n[scope]\ndefault_exec = "trace"\n'
        'default_value_action = "allow"\n'
    )
    path.write_text(head + '[[scope.rules]]\nselector = "pkg:a"\n\n[[scope.rules]]\n'
                           'selector = "pkg:regex:(?=x)"\nexec = "skipp"\n')  # fmt: skip
    told = relive("filter", "check", path).stdout.decode()
    assert ":11: scope.rules[1].selector" in told and ":12: scope.rules[1].exec" in told
    path.write_text('[meta]\nname = "x"\nname = "y"\nversion = 2\n')
    assert ":3: the key 'name' is there twice" in relive("filter", "check", path).stdout.decode()
    path.write_text(head)
    told = relive("filter", "check", "--no-builtin-filter", path)
    assert told.returncode == 0 and b"builtin-default" not in told.stdout
    assert b"relive filter check --help" in relive("filter", "check", "--nothing").stderr


def test_explain_takes_the_options_of_check():
    done = relive("filter", "explain", "--no-builtin-filter", "asyncio.tasks:gather", "password")
    assert done.returncode == 0 and b"asyncio.tasks:gather: recorded" in done.stdout
    done = relive("filter", "explain", "--json", "asyncio.tasks:gather", "password")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and rows[1]["recorded"] is False
    assert "builtin-default" in rows[1]["decided_by"]
    why = "built-in names of secrets"
    assert {"name": "password", "kind": "argument", "action": "redacted", "why": why} in rows
    assert "--allow NAME" in relive("record", "--help").stdout.decode()
