"""Threads that begin, end and copy recordings while others run, start, stop and fork."""

import os
import sys

import pytest
from conftest import run

SECONDS = float(os.environ.get("TEST_STRESS_SECONDS", "3"))
TRIES = 2

RACE = """
import relive, sys, threading
refused = []
def race(n):
    for k in range(50):
        try:
            relive.start('race%d.relive' % n, force=True)
        except relive.ReliveError as error:
            refused.append(error.code)
        relive.stop()
threads = [threading.Thread(target=race, args=(i,)) for i in range(int(sys.argv[1]))]
[t.start() for t in threads]; [t.join() for t in threads]
assert set(refused) <= {'ERR_BUSY'}, refused
assert not relive.is_recording()
print('ok')
"""

RUNNING = """
import relive, threading
def f(x): return [x]
done = False
def work():
    while not done: f(1)
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
for k in range(60):
    relive.start('on.relive', level=('calls', 'values', 'lines')[k % 3], force=True)
    f(k)
    relive.snapshot('copy.relive', force=True)
    relive.stop()
done = True
[t.join() for t in threads]
print('ok')
"""

DECORATED = """
import relive, threading
@relive.record('dec.relive', force=True)
def job(i): return i
def work(i):
    for _ in range(50):
        assert job(i) == i
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
assert not relive.is_recording()
print('ok')
"""

BESIDE_BACKENDS = """
import relive, threading, warnings
from relive.backends import create_backend
warnings.simplefilter('ignore')
def f(x): return [x, str(x)]
done = False
def listen():
    while not done:
        with create_backend('auto', callback=lambda event: f(1), include_patterns=['*']):
            for i in range(20): f(i)
def work():
    while not done: f(1)
threads = [threading.Thread(target=listen), threading.Thread(target=work)]
[t.start() for t in threads]
for k in range(40):
    relive.start('on.relive', force=True)
    for i in range(20): f(i)
    relive.stop()
done = True
[t.join() for t in threads]
print('ok')
"""

PREVIEWS = """
import relive, threading, time
class Money: pass
@relive.preview(Money)
def show(money):
    time.sleep(0.001)
    return 'money'
def pay(money, token): return money
done = False
def work():
    while not done: pay(Money(), 'x')
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
for k in range(25):
    relive.start('on.relive', force=True, redact=['arg:token'])
    time.sleep(0.003)
    relive.stop()
done = True
[t.join() for t in threads]
print('ok')
"""

STRESS = """
import os, random, relive, sys, tempfile, threading, time, warnings
from relive.backends import create_backend
warnings.simplefilter('ignore')
end = time.monotonic() + float(sys.argv[1])
expected = {'ERR_BUSY', 'ERR_NOT_RECORDING', 'ERR_FILE_EXISTS'}
wrong = []
def f(x): return [x, {'a': x}]
@relive.record('decorated.relive', force=True)
def decorated(x): return f(x)
def start(n):
    relive.start('r%d.relive' % n, level=random.choice(('calls', 'values', 'lines')), force=True)
def stop(n): relive.stop()
def snapshot(n): relive.snapshot('s%d.relive' % n, force=True)
def call(n):
    assert decorated(n) == f(n)
def listen(n):
    with create_backend('auto', callback=lambda event: None, include_patterns=['*']):
        for i in range(10): f(i)
def fork(n):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.chdir(tempfile.mkdtemp(dir='.'))
            f(n)
            relive.stop()
            decorated(n)
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(pid, 0)[1]
    if status: wrong.append('child: %d' % status)
def work(n):
    mine = random.Random(n)
    while time.monotonic() < end:
        for i in range(20): f(i)
        what = mine.choice((start, stop, start, stop, snapshot, call, listen, fork))
        try:
            what(n)
        except relive.ReliveError as error:
            if error.code not in expected or what in (stop, call):
                wrong.append('%s: %s %s' % (what.__name__, error.code, error))
        except BaseException as error:
            wrong.append('%s: %r' % (what.__name__, error))
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
relive.stop()
assert not wrong, wrong[:10]
assert not relive.is_recording()
relive.start('last.relive'); f(1); relive.stop()
assert relive.open('last.relive').check()['problems'] == []
print('ok')
"""


def program(tmp_path, source, *args, timeout=600):
    path = tmp_path / "prog.py"
    path.write_text(source)
    done = run(sys.executable, "-X", "faulthandler", path, *args, cwd=tmp_path, timeout=timeout)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert done.stdout.split() == [b"ok"]
    return done


@pytest.mark.parametrize("attempt", range(TRIES))
@pytest.mark.parametrize("threads", [2, 4])
def test_threads_that_start_and_stop_at_once_are_refused_or_served(tmp_path, threads, attempt):
    program(tmp_path, RACE, threads)


@pytest.mark.parametrize("attempt", range(TRIES))
def test_recordings_begin_and_end_while_other_threads_run(tmp_path, attempt):
    program(tmp_path, RUNNING)


@pytest.mark.parametrize("attempt", range(TRIES))
def test_decorated_calls_of_many_threads_share_recordings(tmp_path, attempt):
    done = program(tmp_path, DECORATED)
    assert b"Error" not in done.stderr


@pytest.mark.parametrize("attempt", range(TRIES))
def test_callback_backends_beside_recordings_that_begin_and_end(tmp_path, attempt):
    program(tmp_path, BESIDE_BACKENDS)


def test_a_recording_ends_while_a_preview_runs_in_another_thread(tmp_path):
    program(tmp_path, PREVIEWS)


def test_a_recursive_decorated_function_is_one_recording(tmp_path):
    source = """
import relive
@relive.record('rec.relive')
def down(n):
    assert relive.is_recording()
    return n and down(n - 1)
assert down(3) == 0 and not relive.is_recording()
with relive.open('rec.relive') as recording:
    assert [e['func'] for e in recording.select(['call'])].count('__main__:down') == 4
print('ok')
"""
    program(tmp_path, source)


def test_a_decorated_call_joins_a_recording_and_leaves_it_on(tmp_path):
    source = """
import relive
@relive.record('never.relive')
def job(): return 1
relive.start('outer.relive')
try:
    relive.start('second.relive')
except relive.ReliveError as error:
    assert error.code == 'ERR_BUSY'
else:
    raise AssertionError('a second start')
assert job() == 1 and relive.is_recording()
assert relive.stop() is not None
import os
assert not os.path.exists('never.relive') and not os.path.exists('second.relive')
print('ok')
"""
    program(tmp_path, source)


def test_the_last_decorated_call_out_stops(tmp_path):
    source = """
import relive, threading
inside, leave = threading.Barrier(3), [threading.Event(), threading.Event()]
@relive.record('shared.relive')
def job(i):
    inside.wait(30)
    leave[i].wait(30)
threads = [threading.Thread(target=job, args=(i,)) for i in range(2)]
[t.start() for t in threads]
inside.wait(30)
for i in range(2):
    assert relive.is_recording()
    leave[i].set()
    threads[i].join()
assert not relive.is_recording()
print('ok')
"""
    program(tmp_path, source)


def test_eight_threads_do_everything_at_once(tmp_path):
    program(tmp_path, STRESS, SECONDS, timeout=SECONDS + 120)
