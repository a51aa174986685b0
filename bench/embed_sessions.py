"""What sessions cost: a call in one, memory, and a web application's throughput.

    python bench/embed_sessions.py [--append FILE] [--repeat N]

Calls: the same loop without and with recording, alternating in one process. What counts is the
least of the pairs, in CPU time of the thread.

The web application reads 40 rows of a database, and makes a text of each and a page of them. It
does so alone, with Flask and a template, and with FastAPI. One table is small; another takes some
milliseconds to search, as requests mostly do. The application runs in a process of its own
(wsgiref, uvicorn). Four clients in this process send requests over loopback, so that it does not
sleep. Unrecorded and recorded rounds alternate, and the quickest of each count. The kernel gives
its CPU time."""

import argparse
import gc
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time

import relive
from relive import sessions

CALLS = 20000
WARM, CLIENTS = 40, 4
SERVERS = ("wsgi", "flask", "fastapi")
ROWS = {"small": 400, "large": 60_000}  # of the table
REQUESTS = {"small": 400, "large": 100}  # a round


def leaf(a, b):
    return a


def loop(n):
    for i in range(n):
        leaf(i, n)


def timed(n):
    began = time.thread_time_ns()
    loop(n)
    return time.thread_time_ns() - began


# ---- calls and memory ----


def calls(folder, repeat, in_session, **settings):
    """(ns added by a call, bytes of a call in the file)"""
    path = os.path.join(folder, "c.relive")
    pairs = []
    for _ in range(repeat):
        alone = timed(CALLS)
        relive.start(path, force=True, **settings)
        if in_session:
            with sessions.session("bench"):
                loop(10)
                told = timed(CALLS)
        else:
            loop(10)
            told = timed(CALLS)
        stats = relive.stop()
        pairs.append((told - alone) / CALLS)
    return min(pairs), stats["bytes"] / CALLS, sum(stats["lost"].values())


def memory(folder, count=20000):
    """Bytes that an open session keeps, and what a thousand that have ended leave."""
    relive.start(os.path.join(folder, "m.relive"), force=True)

    def held():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def many(n):
        return [sessions.start_session("bench", {"user": str(i)}) for i in range(n)]

    sessions.end_session(sessions.start_session())
    before = held()
    made = many(count)
    during = held()
    for one in made:
        sessions.end_session(one)
    for _ in range(3):
        for one in many(count):
            sessions.end_session(one)
    after = held()
    relive.stop()
    return (during - before) / count, max(0, after - during) / 3 / count


# ---- a web application ----

# It has a second thread, as services do. In a process of one thread the C library and SQLite lock
# nothing. Any second thread, ours too, costs them some microseconds a request.

APP = """
import json, os, sqlite3, sys, threading, time
from relive import control, instrument
kind, path, count = sys.argv[1:]
threading.Thread(target=threading.Event().wait, daemon=True).start()
database = sqlite3.connect(":memory:", check_same_thread=False)
database.execute("create table items (name text, price integer, stock integer)")
database.executemany("insert into items values (?, ?, ?)",
                     [(f"item {n}", n * 7 % 90, n % 5) for n in range(int(count))])
def taxed(price): return price + price * 19 // 100
def label(name, price, stock):
    if not stock: return f"{name}: sold out"
    return f"{name}: {taxed(price) / 100:.2f}"
def rows(least):
    return database.execute("select name, price, stock from items where price >= ? order by price"
                            " desc, name limit 40", (least,)).fetchall()
def shown(least): return [label(*row) for row in rows(least)]
def as_json(): return json.dumps({"items": shown(10), "time": time.time()}).encode()
TEMPLATE = "<h1>Items</h1><ul>{% for one in items %}<li class={{ loop.cycle('odd', 'even') }}>" \
           "{{ one|upper }}</li>{% endfor %}</ul>"
def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [as_json()]
if kind == "wsgi": app = plain
elif kind == "flask":
    from flask import Flask
    flask = Flask("bench")
    page = flask.jinja_env.from_string(TEMPLATE)
    flask.get("/")(lambda: page.render(items=shown(10)))
    app = flask.wsgi_app
else:
    from fastapi import FastAPI, Response
    app = FastAPI()
    @app.get("/")
    async def show(): return Response(as_json(), media_type="application/json")
wrapped = {"fastapi": instrument.asgi, "wsgi": instrument.wsgi, "flask": instrument.wsgi}[kind](app)
is_on = False
def chosen_wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/on/") or path == "/off":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [switch(path)]
    return (wrapped if is_on == "sessions" else app)(environ, start_response)
async def chosen_asgi(scope, receive, send):
    path = scope.get("path", "")
    if path.startswith("/on/") or path == "/off":
        body = switch(path)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
    else: await (wrapped if is_on == "sessions" else app)(scope, receive, send)
def switch(asked):
    global is_on
    stats = {}
    if asked == "/off":
        if is_on: stats = control.stop()["stats"]
        is_on = False
    else:
        own = {"include": ["__main__"]} if "/own" in asked else {}
        control.start(path, force=True, level=asked.split("/")[2], **own)
        is_on = "alone" if asked.endswith("/alone") else "sessions"
    return json.dumps({"lost": sum(stats.get("lost", {}).values())}).encode()
if kind == "fastapi":
    import socket, uvicorn
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(chosen_asgi, log_level="critical", lifespan="off")
    uvicorn.Server(config).run([listener])
else:
    from wsgiref.simple_server import WSGIRequestHandler, make_server
    class Quiet(WSGIRequestHandler):
        def log_message(self, *args): pass
    server = make_server("127.0.0.1", 0, chosen_wsgi, handler_class=Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()
"""


def ask(port, path):
    """The body of an answer; a connection each, without a client's own work."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: bench\r\n\r\n".encode())
        pieces = list(iter(lambda: connection.recv(65536), b""))
    return b"".join(pieces).partition(b"\r\n\r\n")[2]


def load(port, count):
    """So many requests by clients that always have one waiting: the server does not sleep."""
    clients = [
        threading.Thread(target=lambda: [ask(port, "/") for _ in range(count // CLIENTS)])
        for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def round_of(port, pid, switch, count):
    """(seconds, CPU seconds of the server's main thread, which answers) of so many requests."""
    ask(port, switch)
    load(port, WARM)
    began, cpu = time.perf_counter(), cpu_of(pid)
    load(port, count)
    return time.perf_counter() - began, cpu_of(pid) - cpu


def cpu_of(pid):
    with open(f"/proc/{pid}/task/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def web(folder, kind, size, how, repeat):
    """(throughput ratio, CPU ratio, us of CPU a request without, and more with, recorded calls a
    request, lost); of the quickest rounds."""
    path = os.path.join(folder, "w.relive")
    script = os.path.join(folder, "app.py")
    with open(script, "w") as file:
        file.write(APP)
    words = [sys.executable, script, kind, path, str(ROWS[size])]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    port = int(process.stdout.readline() or 0)
    pairs, lost, count = [], 0, REQUESTS[size]
    try:
        for n in range(repeat + 1):
            off = round_of(port, process.pid, "/off", count)
            on = round_of(port, process.pid, f"/on/{how}", count)
            lost += json.loads(ask(port, "/off"))["lost"]
            if n:  # the first pair warms up
                pairs.append((*off, *on))
    finally:
        process.kill()
        process.wait()
    with relive.open(path) as recording:
        calls = recording.totals()["kinds"].get("call", 0) / (count + WARM)
    off_took, off_cpu, on_took, on_cpu = (min(column) for column in zip(*pairs))
    return (off_took / on_took, on_cpu / off_cpu, off_cpu / count * 1e6,
            (on_cpu - off_cpu) / count * 1e6, calls, lost)  # fmt: skip


def installed(kind):
    from importlib.util import find_spec

    return kind == "wsgi" or (find_spec(kind) and (kind != "fastapi" or find_spec("uvicorn")))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--append", help="also append the tables to this file")
    parser.add_argument("--repeat", type=int, default=9)
    args = parser.parse_args()
    text = (
        f"### Python {sys.version.split()[0]}: sessions\n\n| | ns added by a call | bytes a call |"
    )
    text += " lost |\n| --- | --- | --- | --- |\n"
    with tempfile.TemporaryDirectory() as folder:
        for name, in_session, settings in (
            ("no session, calls", False, {"level": "calls"}),
            ("in a session, calls", True, {"level": "calls"}),
            ("in a session, arguments and result", True, {"level": "values"}),
            ("in a session, not recorded by a filter", True, {"exclude": [__name__]}),
        ):
            ns, size, lost = calls(folder, args.repeat, in_session, **settings)
            text += f"| {name} | {ns:.0f} | {size:.1f} | {lost} |\n"
        kept, left = memory(folder)
        text += (
            f"\nAn open session keeps {kept:.0f} bytes; one that has ended leaves {left:.0f}.\n\n"
        )
        text += "| application, table | recorded | throughput | CPU | us a request | more | calls |"
        text += " lost |\n"
        text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        for kind, size in ((kind, size) for kind in filter(installed, SERVERS) for size in ROWS):
            for how, what in (
                ("calls/alone", "calls, no middleware"), ("calls", "calls, default filter"),
                ("calls/own", "own code, calls"),
                ("values/own", "own code, arguments and results"),
            ):  # fmt: skip
                speed, cpu, alone, more, count, lost = web(folder, kind, size, how, args.repeat)
                text += f"| {kind}, {size} | {what} | {speed:.3f} | {cpu:.3f} | {alone:.0f}"
                text += f" | {more:.1f} | {count:.0f} | {lost} |\n"
    print(text)
    if args.append:
        with open(args.append, "a", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
