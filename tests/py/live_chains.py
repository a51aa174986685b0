"""Compares ways of values, as a recording has them, with the objects of a live run."""

import json
from collections import Counter

from conftest import TESTS, clean_environ, run


def live_calls(python, folders, words, cwd):
    """{"module:func#n": ...} of a run under tests/py/live_tags.py."""
    answer = cwd / "live.json"
    under = ":".join(str(folder) for folder in folders)
    run(python, TESTS / "py" / "live_tags.py", answer, under, *words, cwd=cwd,
        env=clean_environ(PYTHONHASHSEED="0"), timeout=300)  # fmt: skip
    return json.loads(answer.read_text())


def questions_of(calls, most_calls=2):
    """Yields (name, call, number) of names that hold objects: parameters when a call begins, others
    when it ends."""
    for call, row in calls.items():
        if "<" in call or not row["lines"] or int(call.rpartition("#")[2]) > most_calls:
            continue
        parameters = {name: row["start"].get(name) for name in row["parameters"]}
        for name, number in {**row["lines"][-1][1], **parameters}.items():
            if number:
                yield name, call, number


def row_of(calls, hop):
    """The live row of the call that a hop is in, None where it was not kept."""
    assert hop.call or hop.func.endswith(":<module>"), hop
    number = (hop.call or "#1").rpartition("#")[2]
    return calls.get(f"{hop.func}#{number}")


def check_hop(row, hop, number):
    """Whether an object was where a hop says; None where the live run does not know that."""
    if hop.how == "bound" and hop.line is not None:
        held = [names.get(hop.name, 0) for line, names in row["lines"] if line == hop.line]
        return number in held or (None if row["is_cut"] else False)
    if hop.how == "argument":
        return row["start"].get(hop.name) == number
    if hop.how == "result":
        return number in row["end"]
    return None


def check_chain(calls, found, number):
    """Returns how many hops were compared, up to the first that is not certain; the wrong ones."""
    compared, wrong = 0, []
    for hop in found.hops:
        row = row_of(calls, hop)
        if hop.confidence != "certain":
            break
        if row is None:
            continue
        answer = check_hop(row, hop, number)
        compared += answer is not None
        if answer is False:
            wrong.append(hop)
    return compared, wrong


def compare(recording, calls, every=1):
    """Follows each `every`th question. Returns a Counter of chains, hops and ends, and what is
    wrong."""
    counts, wrong = Counter(), []
    for name, call, number in list(questions_of(calls))[::every]:
        found = recording.origin(name, call)
        if found.value is None or not found.hops:
            continue
        compared, bad = check_chain(calls, found, number)
        counts.update(chains=compared != 0, hops=compared, **{found.end: 1})
        wrong += [(name, call, hop) for hop in bad]
    return counts, wrong
