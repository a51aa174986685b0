"""Real programs from PyPI, each as its users run it, small enough for a minute under the oracle."""

import concurrent.futures
import http.client
import json
import re
import shutil
import signal
import time
import zipfile
from pathlib import Path

FILES = Path(__file__).resolve().parent / "files"


class Program:
    """What is run. `words`: the command, where {bin} is the folder of installed commands and {home}
    that of the user. `files`: copied from tests/real/files into the folder of the run. `mask`: what
    differs from run to run in the output. `steady`: two runs make the same calls, but of functions
    that match `varies`. `warm`: so many runs fill caches first. `long`: only in `make test-full`.
    `prepare(folder)` makes more files; `drive(process, text)` is what the world does to a server,
    `text()` being what it has printed on stderr."""

    def __init__(
        self, name, words, files=(), mask=(), steady=True, varies="^$", warm=0, long=False,
        prepare=None, drive=None,
    ):  # fmt: skip
        self.name = name
        self.words = words.split()
        self.files = files
        self.masks = [re.compile(pattern) for pattern in mask]
        self.steady = steady
        self.varies = re.compile(varies)
        self.warm = warm
        self.long = long
        self.make = prepare
        self.drive = drive

    def command(self, bin, home):
        return [word.replace("{bin}", str(bin)).replace("{home}", str(home)) for word in self.words]

    def prepare(self, folder):
        for name in self.files:
            path = FILES / name
            if path.is_dir():
                shutil.copytree(path, folder / name)
            else:
                shutil.copy(path, folder)
        if self.make:
            self.make(folder)

    def masked(self, output):
        text = output.decode("utf-8", "replace")
        for pattern in self.masks:
            text = pattern.sub("...", text)
        # Several processes write a server's log.
        return sorted(text.splitlines()) if self.drive else text.splitlines()


def make_wheels(folder):
    """Two packages, one of which needs the other."""
    for name, needs in (("made", "Requires-Dist: needed>=1\n"), ("needed", "")):
        info = f"{name}-1.0.dist-info"
        files = {
            f"{name}/__init__.py": f"NAME = {name!r}\n",
            f"{name}/more.py": "def f():\n    return 1\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            for path, text in [*files.items(), (f"{info}/RECORD", record)]:
                wheel.writestr(path, text)


def wait_for(process, text, pattern, times=1):
    """Waits until the server has printed it so often; the last match."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = re.findall(pattern, text())
        if len(found) >= times:
            return found[-1]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError("the server has not begun: " + text())


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, path, json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def load_workers(process, text):
    port = int(wait_for(process, text, r"Listening at: http://127.0.0.1:(\d+)"))
    wait_for(process, text, "Booting worker", 2)
    paths = ["/items/tea?count=2", "/items/tea?count=9", "/all", "/nowhere"] * 5
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda path: ask(port, "GET", path), paths))
    assert found == [200, 409, 200, 404] * 5
    time.sleep(WAIT)
    process.send_signal(signal.SIGTERM)


def load_orders(process, text):
    port = int(wait_for(process, text, r"running on http://127.0.0.1:(\d+)"))
    order = {"number": 1, "lines": [{"item": "tea"}, {"item": "cup", "count": 2}]}
    asked = [
        ("POST", "/orders", order), ("GET", "/orders/1"), ("GET", "/orders/2"),
        ("POST", "/orders", {"number": "x"}), ("GET", "/openapi.json"),
    ]  # fmt: skip
    assert [ask(port, *words) for words in asked] == [200, 200, 404, 422, 200]
    time.sleep(WAIT)
    process.send_signal(signal.SIGINT)


WAIT = 1  # before a signal: a handler that runs inside the oracle's own function is not seen by it
WHEN = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,\d]*( ?[+-]\d\d:?\d\d)?"
PID = r"\bpid: \d+|\(\d+\)|\[\d+\]"
PORT = r"127\.0\.0\.1:\d+"

PROGRAMS = [
    Program("click", "greeting.py --debug greet ann bob --count 2 --tone loud", ["greeting.py"]),
    Program("black", "{bin}/black --diff untidy.py", ["untidy.py"], [WHEN]),
    Program(
        "pytest", "-m pytest -p no:cacheprovider toolbox", ["toolbox"], [r"\d+\.\d+s", r"0x\w+"]
    ),
    Program(
        "gunicorn", "{bin}/gunicorn -w 2 -b 127.0.0.1:0 counter:app", ["counter.py"],
        [WHEN, PID, PORT], steady=False, drive=load_workers,
    ),
    Program(
        "uvicorn", "{bin}/uvicorn orders:app --port 0", ["orders.py"], [PID, PORT], steady=False,
        drive=load_orders, long=True,
    ),
    Program(
        "django", "shop_site/manage.py migrate", ["shop_site"],
        varies="_remove_receiver|asgiref.local",  # the garbage collector decides
    ),
    Program("mypy", "{bin}/mypy --cache-dir={home}/mypy typed.py", ["typed.py"], warm=1, long=True),
    Program("sphinx", "{bin}/sphinx-build -b html pages built", ["pages"], long=True),
    Program("aiohttp", "crawler.py", ["crawler.py"], steady=False),
    Program("joblib", "squares.py", ["squares.py"], steady=False),
    Program(
        "nbconvert", "{bin}/jupyter-nbconvert --to markdown --execute notebook.ipynb",
        ["notebook.ipynb"], steady=False, warm=2, long=True,  # the second ends what the first began
    ),
    Program(
        "pip", "-m pip install --no-index --find-links . --target there made", steady=False,
        prepare=make_wheels,
    ),
]  # fmt: skip
