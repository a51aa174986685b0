"""Instruments: log records, plugins, and that everything is as it was when they are taken back."""

import logging
import os
import subprocess
import sys

import pytest
from conftest import ROOT, run
from conftest import relive as run_relive

import relive
from relive import instrument, sessions


@pytest.fixture(autouse=True)
def as_it_was():
    before = logging.getLogRecordFactory()
    yield
    instrument.uninstrument()
    assert logging.getLogRecordFactory() is before


def logs_of(path, function):
    relive.start(str(path), force=True)
    try:
        function()
    finally:
        relive.stop()
    with relive.open(str(path)) as recording:
        return list(recording.select(["log"]))


def fields(event):
    return {name: value.get("v", value["r"]) for name, value in event["fields"].items()}


class Loud:
    def __str__(self):
        raise SystemExit("asked")

    __repr__ = __str__


def test_log_records_become_events_with_their_place(tmp_path):
    logger = logging.getLogger("shop")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    logger.setLevel("INFO")

    def program():
        logger.info("before")
        instrument.logging()
        instrument.logging()
        logger.debug("not enabled")
        logger.warning("order %s of %d", "o-17", 3)
        logger.info("by name: %(a)s", {"a": 1})
        logger.info("loud: %s", Loud())
        logger.info("wrong: %d", "x")
        logger.info("password=hunter2secret and more")
        with sessions.session("s"):
            try:
                raise KeyError("gone")
            except KeyError:
                logger.exception("failed")
        instrument.uninstrument("logging")
        logger.info("after")

    events = logs_of(tmp_path / "l.relive", program)
    rows = [fields(event) for event in events]
    texts = [row.get("message", row.get("template")) for row in rows]
    assert texts[:4] == ["order o-17 of 3", "by name: 1", "loud: %s", "wrong: %d"]
    assert len(rows) == 6 and "hunter2secret" not in texts[4] and texts[5] == "failed"
    first = rows[0]
    assert (first["logger"], first["level"], first["func"]) == ("shop", "WARNING", "program")
    assert first["file"] == __file__ and first["line"] > 0
    assert "Loud" in rows[2]["args"] and "KeyError" in rows[5]["exception"]
    assert [event["session"] != 0 for event in events] == [False] * 5 + [True]


def test_a_factory_of_somebody_else_stays(tmp_path):
    made = []
    before = logging.getLogRecordFactory()

    def factory(*args, **kwargs):
        made.append(args)
        return between(*args, **kwargs)

    instrument.logging()
    between = logging.getLogRecordFactory()
    logging.setLogRecordFactory(factory)
    try:
        instrument.uninstrument()
        events = logs_of(tmp_path / "l.relive", lambda: logging.getLogger("x").error("hello"))
        assert len(made) == 1 and events == [] and logging.getLogRecordFactory() is factory
    finally:
        logging.setLogRecordFactory(before)


def test_plugins_are_registered_installed_and_taken_back():
    calls = []
    instrument.register("mine", lambda: calls.append("on"), lambda: calls.append("off"))
    assert "mine" in instrument.names() and "logging" in instrument.names()
    instrument.install("mine")
    instrument.install("mine")
    assert instrument.installed() == ["mine"] and calls == ["on"]
    with pytest.raises(relive.ReliveError, match="is in force"):
        instrument.register("mine", print, print)
    instrument.logging()
    instrument.uninstrument()
    assert instrument.installed() == [] and calls == ["on", "off"]
    with pytest.raises(relive.ReliveError, match=r"no instrument 'lagging'.*logging"):
        instrument.install("lagging")
    with pytest.raises(relive.ReliveError, match="wants a name"):
        instrument.register("x", 1, 2)


def test_the_example_of_a_plugin_is_found_by_its_entry_point(tmp_path):
    """Installed as pip does it, without an index: the package and its entry points."""
    target = tmp_path / "installed"
    info = target / "relive_queues-0.1.0.dist-info"
    info.mkdir(parents=True)
    source = os.path.join(ROOT, "examples", "plugin", "relive_queues")
    subprocess.run(["cp", "-r", source, str(target)], check=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: relive-queues\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[relive.instrument]\nqueues = relive_queues\n")
    (tmp_path / "app.py").write_text(
        "import queue, relive.instrument\n"
        "with relive.record('q.relive'):\n"
        "    q = queue.Queue()\n    relive.instrument.install('queues')\n"
        "    q.put('tea'); relive.instrument.uninstrument('queues'); q.put('late')\n"
        "print(relive.instrument.names())\n"
    )
    env = {"PYTHONPATH": str(target)}
    done = run(sys.executable, "app.py", cwd=tmp_path, env=env, check=True)
    assert b"'queues'" in done.stdout
    text = run_relive("dump", "q.relive", cwd=tmp_path).stdout.decode()
    assert '"queued"' in text and '"tea"' in text and '"late"' not in text
