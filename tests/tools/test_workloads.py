"""bench/workloads.py: the arithmetic of the table, on times that tests make up."""

import importlib
import os
import subprocess
import sys

import pytest
import workloads

PROGRAMS = os.path.join(workloads.HERE, "programs")


def pair(plain, traced, events=1000.0):
    return {"plain": plain, "traced": traced, "events": events, "bytes": 2500.0}


def first(thread, process, whole, memory):
    return {"first": [thread, process], "whole": whole, "memory": memory, "events": 9, "bytes": 4e6}


def test_a_ratio_is_the_median_of_pairs_beside_the_least():
    pairs = [([1, 1], [3, 5]), ([2, 2], [4, 8]), ([1, 2], [9, 2])]
    assert workloads.ratio_columns(pairs) == [(3, 2), (4, 1)]


def test_a_recording_adds_to_the_thread_and_the_writer_is_what_the_process_used_beside_it():
    pairs = [pair([1.0, 1.0], [2.0, 2.5]), pair([1.0, 1.1], [2.0, 2.5], 100.0)]
    pairs.append(pair([1.0, 1.0], [2.0, 2.004]))
    thread, writer = workloads.added_ns(pairs)
    assert thread == pytest.approx(1_000_000)
    assert writer == pytest.approx(500_000)  # of 4, 500 and 4,000 us


def test_a_summary_has_what_starting_and_saving_added():
    plain, traced = first(1.0, 1.0, 1.0, 30.0), first(1.5, 2.0, 6.0, 34.5)
    figures = workloads.summarize([pair([1.0, 1.0], [2.0, 3.0])], [(plain, traced)])
    assert figures["warm"] == [(2, 2), (3, 3)]
    assert figures["cold"] == [(1.5, 1.5), (2, 2), (6, 6)]
    assert (figures["bytes"], figures["size"], figures["memory"]) == (2.5, 4.0, 4.5)
    assert workloads.show_costs(figures) == "1000000 ns, 1000000 ns, 2.50 B, 4.0 MB, 4 MiB"


def test_a_recorder_without_events_has_no_writer():
    cold = (first(1.0, 1.0, 1.0, 30.0), dict(first(1.0, 1.0, 1.0, 31.0), bytes=0))
    figures = workloads.summarize([pair([1.0, 1.0], [2.0, 2.0], 0)], [cold])
    assert workloads.show_costs(figures) == "1 MiB"


def test_a_table_has_a_column_a_version_and_says_what_failed():
    figures = workloads.summarize(
        [pair([1.0, 1.0], [1.2345, 2.0])], [(first(1, 1, 1, 30), first(2, 2, 3, 31))]
    )
    results = {("calls", "relive calls"): {"3.8": figures, "3.13": "gone"}}
    text = workloads.tables(results, ["3.8", "3.13"])
    assert "| calls | relive calls | 1.23 / 2 (1.23 / 2) | gone |\n" in text
    assert "| calls | relive calls | 2 / 2 / 3 (2 / 2 / 3) | gone |\n" in text


def test_two_trees_take_turns_and_only_ours_has_a_row_before(monkeypatch, capsys):
    asked = []

    def run_child(python, workload, recorder, pairs):
        asked.append((python, recorder, pairs))
        one = first(1, 1, 1, 30)
        return one if pairs == "cold" else [pair([1, 1], [2 if python == "old" else 1, 2])]

    monkeypatch.setattr(workloads, "run_child", run_child)
    monkeypatch.setattr(workloads, "version_of", lambda python: "3.13")
    words = ["new", "--before", "old", "--workloads", "app", "--runs", "1", "--recorders"]
    workloads.main([*words, "relive calls", "floor calls"])
    rows = [line for line in capsys.readouterr().out.splitlines() if " / 2 (" in line]
    assert [row.split(" | ")[1:3] for row in rows] == [
        ["relive calls, before", "2 / 2 (2 / 2) |"],
        ["relive calls", "1 / 2 (1 / 2) |"],
        ["floor calls", "1 / 2 (1 / 2) |"],
    ]
    assert [python for python, _, pairs in asked if pairs == 3] == ["old", "new", "new"]


PLAIN = [module for module, _ in workloads.WORKLOADS.values() if module != "app"]


@pytest.mark.parametrize("module", PLAIN)
def test_a_program_runs_with_any_size(module, monkeypatch):
    monkeypatch.syspath_prepend(PROGRAMS)
    importlib.import_module(module).work(3)


def test_a_child_measures_the_program_alone():
    words = [sys.executable, os.path.join(workloads.HERE, "pairs.py"), "calls", "3", "nothing"]
    for pairs in ("2", "cold"):
        text = subprocess.check_output([*words, pairs]).decode()
        assert text.count('"plain"') == (2 if pairs == "2" else 0)
        assert text.count('"first"') == (0 if pairs == "2" else 1)
