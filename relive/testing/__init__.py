"""Recordings of tests: one file a failed test, nothing of the others.

keeper.py         one recording for a whole run of tests, and what is kept of it
names.py          names of files for names of tests
texts.py          the lines on a kept recording in a report
unittest_runner.py  a runner and a result for unittest
pytest_plugin.py  pytest's hooks
second_look.py    pytest's hooks of --relive-rerun
again.py          how a test runs a second time
alarm.py          no time limit ends a report
paths.py          whether both runs took the same path
"""
