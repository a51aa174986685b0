"""Which tests failed by chance: on a busy machine, one in tens of thousands does.

A test that failed runs again by itself, after all others. One that passes each time is named as
such, and the whole run passes. It is a fault of the test or of Relive all the same: mend it.
More failures than MOST are no chance, and neither is a process of the tests that crashed."""

import os
import xml.etree.ElementTree as ElementTree

from environments import ROOT

MOST = 3
TIMES = 3
WHY_WIDTH = 400  # of a failed test's message


def failed(report):
    """Returns (name, message) of each failed test of a JUnit report; pytest takes the names."""
    if not os.path.exists(report):
        return []
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return [
        (node(case.get("classname"), case.get("name")), element.get("message") or "")
        for case in cases
        for element in (*case.iter("failure"), *case.iter("error"))
    ]


def node(classname, name):
    """Returns what pytest calls a test: a file, classes where there are some, and the name."""
    parts = classname.split(".")
    count = len(parts)
    while count > 1 and not os.path.exists(os.path.join(ROOT, *parts[:count]) + ".py"):
        count -= 1
    return "::".join(["/".join(parts[:count]) + ".py", *parts[count:], name])


def passes_alone(reports, run):
    """Returns the (version, name) of those that pass TIMES times alone, of the tests that failed.

    `reports` has a version's report; run(version, name) runs a test and says whether it passed."""
    all_failed = [(version, *test) for version in reports for test in failed(reports[version])]
    if len(all_failed) > MOST or any("crashed while running" in one[2] for one in all_failed):
        return set()
    return {
        (version, name)
        for version, name, _ in all_failed
        if all(run(version, name) for _ in range(TIMES))
    }


def lines(reports, passed):
    """Yields two lines for each test that failed: its name, and why."""
    for version in reports:
        for name, message in failed(reports[version]):
            often = f", passed {TIMES} times alone" if (version, name) in passed else ""
            yield f"failed on {version}{often}: {name}"
            yield "    " + (" ".join(message.split())[:WHY_WIDTH] or "no message")
