"""--output: what the program writes, as events, and nothing else about it changed."""

import signal
import subprocess
import sys
import sysconfig

import pytest
from conftest import run, usable_backends

SOURCE = """
import os, sys
def f():
    print('one', 2)
    sys.stdout.write('three')
    sys.stderr.write('oops\\n')
    sys.stdout.flush()  # text waits in the stream while bytes and descriptors pass it by
    sys.stdout.buffer.write(b'raw\\n')
    sys.stdout.flush()
    os.write(1, b'direct\\n')
    print('x' * 9000)
    print('\\u00fc\\U0001f600')
f()
with open(os.devnull, 'w') as file: print('not this', file=file)
print(type(sys.stdout).__name__, sys.stdout.isatty(), sys.stdout.fileno())
"""


@pytest.mark.parametrize("backend", usable_backends())
def test_what_is_written_is_recorded(record, tmp_path, backend):
    plain = tmp_path / "plain.py"
    plain.write_text(SOURCE, encoding="utf-8")
    env = {"PYTHONIOENCODING": "utf-8"}
    untraced = run(sys.executable, plain, env=env)
    done, _, events = record(SOURCE, "--output", "--backend", backend, env=env)
    assert done.stdout == untraced.stdout and done.stderr.startswith(untraced.stderr)
    out = "".join(e["text"] for e in events if e["kind"] == "output" and e["stream"] == "stdout")
    assert out.encode() == untraced.stdout
    err = "".join(e["text"] for e in events if e["kind"] == "output" and e["stream"] == "stderr")
    assert err == "oops\n"
    f = next(e["frame"] for e in events if e.get("func") == "__main__:f")
    inside = [e["text"] for e in events if e["kind"] == "output" and e["frame"] == f]
    assert inside[0].startswith("one")
    done, _, events = record(SOURCE, "--force", env=env)
    assert not [e for e in events if e["kind"] == "output"]


C_SOURCE = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

static void *on_its_own(void *unused)
{
    fputs("no python here\n", stdout);
    return unused;
}

void all(void)
{
    char longer[5000], c = '!';
    struct iovec parts[2] = {{"part one, ", 10}, {"part two\n", 9}};
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    printf("formatted %d %s %.2f\n", 42, "text", 1.5);
    printf("%s\n", longer);
    puts("put");
    fputs("string\n", stdout);
    putchar('c');
    fputc('d', stdout);
    putc('\n', stdout);
    fwrite("block\n", 2, 3, stdout);
    fflush(stdout);
    write(1, "direct\n", 7);
    writev(1, parts, 2);
    dprintf(2, "number %d\n", 7);
    fprintf(stderr, "to %s%c\n", "stderr", c);
    errno = ENOENT;
    perror("why");
    fflush(stdout);
}

void thread(void)
{
    pthread_t other;
    pthread_create(&other, NULL, on_its_own, NULL);
    pthread_join(other, NULL);
}

void dies(void)
{
    fputs("last words\n", stdout);
    fflush(stdout);
    abort();
}
"""

C_USER = """
import ctypes, sys
path = sys.argv[1]
def calls(library, name):
    sys.stdout.flush()
    getattr(library, name)()
print('before', flush=True)
calls(ctypes.PyDLL(path), 'all')   # keeps the GIL
print('between', flush=True)
calls(ctypes.CDLL(path), 'all')    # lets go of it
calls(ctypes.PyDLL(path), 'thread')
ctypes.CDLL(None).puts(b'found by name')
print('after', flush=True)
if len(sys.argv) > 2: calls(ctypes.PyDLL(path), 'dies')
"""


@pytest.fixture(scope="module")
def c_library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    (folder / "out.c").write_text(C_SOURCE)
    library = folder / "libout.so"
    compiler = sysconfig.get_config_var("CC").split()[0]
    words = [compiler, "-O2", "-D_FORTIFY_SOURCE=2", "-w", "-shared", "-fPIC", "-pthread"]
    subprocess.run([*words, "-o", str(library), str(folder / "out.c")], check=True)
    return str(library)


def told(events, stream):
    return "".join(e["text"] for e in events if e["kind"] == "output" and e["stream"] == stream)


@pytest.mark.parametrize("backend", usable_backends())
def test_what_c_code_writes_is_recorded_on_request(record, tmp_path, backend, c_library):
    plain = tmp_path / "plain.py"
    plain.write_text(C_USER)
    untraced = run(sys.executable, plain, c_library)
    done, headers, events = record(
        C_USER, "--native-output", "--backend", backend, args=[c_library]
    )
    assert done.stdout == untraced.stdout and done.stderr.startswith(untraced.stderr)
    # One thread has no Python and so no place; it is counted.
    expected = untraced.stdout.decode().replace("no python here\n", "")
    # stdio keeps its text back until somebody flushes; the recording tells it when it is written.
    assert sorted(told(events, "stdout").splitlines()) == sorted(expected.splitlines())
    assert told(events, "stderr") == untraced.stderr.decode()
    assert headers[0]["losses"] == {"output": 1}
    inside = next(e["frame"] for e in events if e.get("func") == "__main__:calls")
    assert any(e["frame"] == inside and "formatted 42 text 1.50" in e["text"]
               for e in events if e["kind"] == "output")  # fmt: skip


def test_what_c_code_wrote_before_it_died_is_there(record, c_library):
    done, _, events = record(C_USER, "--native-output", args=[c_library, "die"])
    assert done.returncode == -signal.SIGABRT
    assert told(events, "stdout").endswith("last words\n")


def test_a_secret_that_c_code_writes_is_taken_out(record, tmp_path):
    source = (
        "import ctypes\nctypes.CDLL(None).puts(b'Authorization: Bearer abcdefgh12345678abcd')\n"
    )
    done, _, events = record(source, "--native-output")
    assert b"abcdefgh12345678abcd" in done.stdout
    assert "<redacted>" in told(events, "stdout")
    assert b"abcdefgh12345678abcd" not in (tmp_path / "out.relive").read_bytes()
