"""`%load_ext relive`: cells of real notebooks, which a real kernel executes, and IPython itself."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import clean_environ

from relive import api

HOME = os.environ.get("TEST_REAL_PROGRAMS", "")  # an environment with IPython, nbconvert and Relive
BIN = Path(HOME) / "bin"

pytestmark = pytest.mark.skipif(
    not HOME, reason="notebooks run where real programs are: on 3.8 and 3.12"
)

SETUP = """\
import threading, time
def price(qty, unit):
    return qty * unit
def spin():
    while True:
        price(1, 1)
        time.sleep(0.001)
threading.Thread(target=spin, name="spinner", daemon=True).start()"""
FAILS = """\
%%relive --level lines
total = 0
for unit in (1, 2, None):
    total += price(2, unit)"""
CAUGHT = """\
%%relive --level calls
class Odd:
    def _repr_html_(self):
        return price(1, 1) and "<b>odd</b>"
try:
    price(1, None)
except TypeError:
    print("no price")
Odd()"""
AWAITS = """\
%%relive
import asyncio
await asyncio.sleep(0.001)
price(3, 4)"""

# A notebook whose kernel is restarted while a recorded cell runs. It prints what its cells print.
RESTARTED = """\
import os, sys, time
from jupyter_client.manager import KernelManager

def connect():
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return client

def run(client, code):
    texts = []
    def show(message):
        if message["msg_type"] in ("stream", "error", "display_data"):
            content = message["content"]
            data = content.get("data", {}).get("text/plain", "")
            texts.append(content.get("text") or data or content["evalue"])
    client.execute_interactive(code, timeout=60, allow_stdin=False, output_hook=show)
    print("".join(texts), flush=True)

LONG = "def step(n): return n\\nn = 0\\nwhile True: step(n); n += 1; time.sleep(0.001)"
manager = KernelManager(shutdown_wait_time=60)
manager.start_kernel(cwd=os.getcwd())
client = connect()
run(client, "import os, threading, time; print('kernel', os.getpid())")
run(client, "%load_ext relive\\n%relive 2 + 2")
client.execute(f"%%relive -o long.relive {sys.argv[2]}\\n{LONG}")
while not os.path.exists("long.relive") or os.path.getsize("long.relive") < 1:
    time.sleep(0.01)
time.sleep(0.5)
manager.restart_kernel(now=sys.argv[1] == "now")
client.stop_channels()
client = connect()
run(client, "print('kernel', os.getpid())")
run(client, "import os; print('kernel', os.getpid())")
run(client, "%load_ext relive\\n%relive 2 + 2")
run(client, "%%relive -o long.relive\\nprint('the cell runs')")
run(client, "%%relive --keep -o next.relive\\nprint('the cell runs')")
client.stop_channels()
manager.shutdown_kernel()
"""

# Types commands at the debugger's prompt in cells, and prints all that a user sees.
DEBUGGED = """\
from jupyter_client.manager import KernelManager

manager = KernelManager()
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
typed = []

def answer(message):
    print(message["content"]["prompt"] + typed[0], flush=True)
    client.input(typed.pop(0))

def show(message):
    content = message["content"]
    data = content.get("data", {}).get("text/plain", "")
    print(content.get("text") or content.get("evalue") or data, end="", flush=True)

def run(cell, *commands):
    typed[:] = commands
    client.execute_interactive(
        cell, timeout=60, allow_stdin=True, stdin_hook=answer, output_hook=show
    )

run("import relive\\n%colors NoColor\\ndef f(a):\\n    b = a + 1\\n    return b")
run("relive.set_trace()", "b f", "c")
run("x = f(3)\\nx + 1000", "l", "p a + 100", "n", "p b + 200", "cl 1", "c")
run("print('no stop', f(4))")
client.stop_channels()
manager.shutdown_kernel()
"""


def execute(tmp_path, *cells):
    """Returns the outputs of each cell, after nbconvert has executed them."""
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    for number, source in enumerate(cells):
        notebook["cells"].append(
            {"cell_type": "code", "id": f"c{number}", "source": source, "metadata": {},
             "execution_count": None, "outputs": []}
        )  # fmt: skip
    (tmp_path / "in.ipynb").write_text(json.dumps(notebook))
    words = ["--to", "notebook", "--execute", "--allow-errors", "--output", "out.ipynb"]
    done = subprocess.run(
        [BIN / "jupyter-nbconvert", *words, "in.ipynb"], cwd=tmp_path, timeout=240,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        env=clean_environ(HOME=str(tmp_path), PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode()
    made = json.loads((tmp_path / "out.ipynb").read_text())
    return [cell["outputs"] for cell in made["cells"]]


def kinds(outputs):
    return [one["output_type"] for one in outputs]


def answer(outputs):
    """Returns text and HTML of the table below a cell."""
    shown = [one["data"] for one in outputs if one["output_type"] == "display_data"]
    found = [data for data in shown if "relive:" in "".join(data.get("text/plain", ()))]
    assert len(found) == 1, outputs
    return "".join(found[0]["text/plain"]), "".join(found[0]["text/html"])


def streamed(outputs):
    return "".join("".join(one["text"]) for one in outputs if one["output_type"] == "stream")


def test_a_notebook_shows_the_cell_and_then_its_answer(tmp_path):
    _, _, fails, shown, caught, awaits, line, part, wrong, kept, asked, _, gone = execute(
        tmp_path, "%load_ext relive", SETUP, FAILS, "%relive_exc", CAUGHT, AWAITS,
        "%relive price(2, 3)", "x = %relive --level calls price(2, 3)\nx", "%%relive --levl x\n1",
        "%%relive --keep -o kept.relive\nprice(5, 6)", "%relive_ask calls price",
        "%unload_ext relive", "%relive 1",
    )  # fmt: skip

    # The error comes first, then one exception at the line of the cell that it came from. Nothing
    # of the thread of another cell is there, and nothing that shows the error.
    assert kinds(fails) == ["error", "display_data"]
    text, html = answer(fails)
    rows = text.splitlines()
    assert rows[0] == ("exc:1  TypeError: unsupported operand type(s) for *: 'int' and 'NoneType'")
    assert rows[1] == "    In[2]:3  return qty * unit"
    assert rows[2] == "    uncaught: it left the outermost frame"
    functions = [row.split()[-2:] for row in rows[4:-1]]
    assert functions == [["cell", "In[3]"], ["__main__:price", "In[2]:2"]]
    assert [row.split()[0] for row in rows[4:-1]][1] == "3"  # calls of price
    assert "<td" in html and "&#x27;NoneType&#x27;" in html and "<b>" not in html

    text = streamed(shown)
    assert (
        "In[3]:3  __main__:<module> (module body)" in text and "> total += price(2, unit)" in text
    )
    assert "unit = None" in text and "next: %relive_ask tree --calls\n" in text

    # The cell's own output and its value come first; a value's HTML is made in the cell's own time.
    assert kinds(caught)[0] == "stream" and streamed(caught) == "no price\n"
    assert any("<b>odd</b>" in str(one) for one in caught)
    text, _ = answer(caught)
    if sys.version_info >= (3, 12):
        assert "caught in __main__:<module> at In[5]:6" in text
    else:
        assert "went out of __main__:price; who caught it is not visible at this level" in text
    assert "Odd._repr_html_" in text

    values = [one["data"]["text/plain"] for one in awaits if one["output_type"] == "execute_result"]
    assert values == ["12"] or values == [["12"]]
    assert "__main__:price" in answer(awaits)[0]
    assert "6" in str(line) and "__main__:price" in answer(line)[0]
    assert "In[8]" in answer(part)[0] and "__main__:price" in answer(part)[0]

    assert "did you mean '--level'?" in streamed(wrong) and kinds(wrong) == ["stream"]
    assert (tmp_path / "kept.relive").exists() and "kept.relive" in answer(kept)[0]
    assert "price(qty=5, unit=6) -> 30" in streamed(asked)
    assert "not found" in streamed(gone)


def test_ipython_shows_it_as_text(tmp_path):
    lines = [
        "%load_ext relive", "%relive_exc", "def f(n): return 1 // n", "", "%relive f(0)",
        "%relive_ask tre", "import relive; relive.start('own.relive')", "%relive f(1)",
        "relive.stop()['events'] > 0",
    ]  # fmt: skip
    done = subprocess.run(
        [BIN / "python", "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        input="\n".join([*lines, ""]).encode(), cwd=tmp_path, timeout=240, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environ(HOME=str(tmp_path)),
    )  # fmt: skip
    text = done.stdout.decode()
    assert "no cell was recorded yet" in text
    assert text.index("\nZeroDivisionError: integer") < text.index("exc:1  ZeroDivisionError")
    assert "uncaught: it left the outermost frame" in text
    assert "there is no verb 'tre'; did you mean 'tree'?" in text
    assert "a recording is on already, and has this cell in it" in text
    assert "True" in text[text.index("a recording is on already") :]


def test_nothing_is_left_behind(tmp_path):
    script = (
        "import os, tempfile\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "for _ in range(2): shell.run_line_magic('load_ext', 'relive')\n"
        "shell.run_cell('%%relive\\nx = 1')\n"
        "shell.run_cell('%%relive\\n1 / 0')\n"
        "assert 'run_code' not in vars(shell) and 'showtraceback' not in vars(shell)\n"
        "assert len(os.listdir(tempfile.gettempdir())) == 1\n"
        "shell.run_line_magic('unload_ext', 'relive')\n"
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = clean_environ(HOME=str(tmp_path), TMPDIR=str(temporary))
    done = subprocess.run(
        [BIN / "python", "-c", script], cwd=tmp_path, env=env, timeout=240, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode()
    assert os.listdir(temporary) == []


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("how", ["gently", "now"])
def test_a_kernel_is_restarted_while_a_cell_is_recorded(how, tmp_path):
    """The file of that cell has all calls up to the end; the new kernel records at once."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [BIN / "python", "-c", RESTARTED, how, "--level lines"], cwd=tmp_path, timeout=240,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        env=clean_environ(HOME=str(tmp_path), TMPDIR=str(temporary)),
    )  # fmt: skip
    text = done.stdout.decode()
    assert done.returncode == 0, (text, done.stderr.decode())
    first, second = (int(row.split()[1]) for row in text.splitlines() if row.startswith("kernel "))
    assert first != second and not is_running(first) and not is_running(second)
    assert "name 'os' is not defined" in text  # it is a new one
    assert text.count("next: %relive_ask tree\n") == 3
    assert "long.relive exists already" in text and text.count("the cell runs") == 2

    recording = api.open(tmp_path / "long.relive")
    header = recording.header
    assert header["pid"] == first and not recording.problems() and not header["is_running"]
    assert not set(header["losses"]) - {"filter"}
    values = [
        event["value"]["v"] for event in recording.events()
        if event["kind"] == "return" and event["func"].endswith(":step")
    ]  # fmt: skip
    assert len(values) > 10 and values == list(range(len(values)))
    # A killed kernel leaves its last recording; one that ended by itself has removed it.
    left = list(temporary.glob("relive-cells-*/cell.relive"))
    assert len(left) == (how == "now"), left


def test_functions_of_cells_have_breakpoints(tmp_path):
    done = subprocess.run(
        [BIN / "python", "-c", DEBUGGED], cwd=tmp_path, timeout=240, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=clean_environ(HOME=str(tmp_path), NO_COLOR="1"), check=False,
    )  # fmt: skip
    text = re.sub(r"\x1b\[[\d;]*m", "", done.stdout.decode())
    assert "Breakpoint 1 at " in text and re.search(r"> .*/ipykernel_\d+/\d+\.py\(4\)f\(\)", text)
    assert re.search(r"->\s+b = a \+ 1\n", text), text
    for shown in ("\n103", "\n204", "Deleted breakpoint 1", "1004", "no stop 5"):
        assert shown in text, text
