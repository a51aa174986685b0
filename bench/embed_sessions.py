"""What sessions cost: a call in one, memory, and a web application's throughput.

    python bench/embed_sessions.py [--append FILE] [--repeat N]

Calls: the same loop without and with recording, alternating in one process; the least of the pairs,
CPU time of the thread. The web application runs in a process of its own (wsgiref or, where they are
installed, Flask and Starlette's stack under uvicorn) and is asked over loopback by this one; unrecorded
and recorded rounds alternate; its CPU time is read from the kernel."""

import argparse
import http.client
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import relive
from relive import sessions

CALLS = 20000
REQUESTS = 400
SERVERS = ("wsgi", "flask", "fastapi")


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


def memory(folder, count=2000):
    """Bytes that an open session keeps, and what a thousand that have ended leave."""
    relive.start(os.path.join(folder, "m.relive"), force=True)

    def held():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def many(n):
        return [sessions.start_session("bench", {"user": str(i)}) for i in range(n)]

    for made in many(count):
        sessions.end_session(made)
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
    return (during - before) / count, (after - during) / 3 / count


# ---- a web application ----

APP = """
import json, os, sys, threading, time
from relive import control, instrument
LEVEL = None
def scale(n, factor): return n * factor
def total(numbers):
    result = 0
    for n in numbers: result += scale(n, 3)
    return result
def answer():
    return json.dumps({"total": total(range(25)), "more": total(range(25))}).encode()
def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [answer()]
kind = sys.argv[1]
if kind == "wsgi": app = plain
elif kind == "flask":
    from flask import Flask, Response
    flask = Flask("bench")
    flask.get("/")(lambda: Response(answer(), mimetype="application/json"))
    app = flask.wsgi_app
else:
    from fastapi import FastAPI, Response
    app = FastAPI()
    @app.get("/")
    async def show(): return Response(answer(), media_type="application/json")
wrapped = {"fastapi": instrument.asgi, "wsgi": instrument.wsgi, "flask": instrument.wsgi}[kind](app)
is_on = False
def chosen_wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/on/") or path == "/off":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [switch(path)]
    return (wrapped if is_on else app)(environ, start_response)
async def chosen_asgi(scope, receive, send):
    path = scope.get("path", "")
    if path.startswith("/on/") or path == "/off":
        body = switch(path)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
    else: await (wrapped if is_on else app)(scope, receive, send)
def switch(path):
    global is_on
    cpu = time.process_time()
    stats = {}
    if path == "/off":
        if is_on: stats = control.stop()["stats"]
        is_on = False
    else:
        control.start(sys.argv[2], force=True, level=path[4:])
        is_on = True
    return json.dumps({"cpu": cpu, "events": stats.get("events", 0),
                       "lost": sum(stats.get("lost", {}).values())}).encode()
if kind == "fastapi":
    import socket, uvicorn
    listener = socket.socket(); listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(chosen_asgi, log_level="critical", lifespan="off")).run([listener])
else:
    from wsgiref.simple_server import WSGIRequestHandler, make_server
    class Quiet(WSGIRequestHandler):
        def log_message(self, *args): pass
    server = make_server("127.0.0.1", 0, chosen_wsgi, handler_class=Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()
"""


def ask(port, path, connection=None):
    if connection is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read()


def round_of(port, switch):
    """(seconds, seconds of CPU of the server) of so many requests."""
    first = json.loads(ask(port, switch))
    keep = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(20):
        ask(port, "/", keep)
    before = json.loads(ask(port, switch)) if switch == "/off" else first
    began, cpu = time.perf_counter(), cpu_of(port)
    for _ in range(REQUESTS):
        ask(port, "/", keep)
    took, cpu = time.perf_counter() - began, cpu_of(port) - cpu
    del before
    keep.close()
    return took, cpu


_pids = {}


def cpu_of(port):
    with open(f"/proc/{_pids[port]}/schedstat") as file:  # the main thread: it answers
        return int(file.read().split()[0]) / 1e9


def web(folder, kind, level, repeat):
    """(throughput ratio, CPU ratio, calls recorded a request, lost), medians of the pairs."""
    path = os.path.join(folder, "w.relive")
    script = os.path.join(folder, "app.py")
    with open(script, "w") as file:
        file.write(APP)
    process = subprocess.Popen([sys.executable, script, kind, path], stdout=subprocess.PIPE)
    port = int(process.stdout.readline() or 0)
    _pids[port] = process.pid
    pairs, events = [], {}
    try:
        round_of(port, "/off")
        for _ in range(repeat):
            off = round_of(port, "/off")
            on = round_of(port, f"/on/{level}")
            events = json.loads(ask(port, "/off"))
            pairs.append((off[0] / on[0], on[1] / off[1]))
    finally:
        process.kill()
        process.wait()
    with relive.open(path) as recording:
        calls = recording.totals()["kinds"].get("call", 0) / (REQUESTS + 20)
    return (statistics.median(one for one, _ in pairs), statistics.median(one for _, one in pairs),
            calls, events["lost"])  # fmt: skip


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
        text += "| application | level | throughput | CPU | calls a request | lost |\n"
        text += "| --- | --- | --- | --- | --- | --- |\n"
        for kind in filter(installed, SERVERS):
            for level in ("calls", "values"):
                speed, cpu, count, lost = web(folder, kind, level, args.repeat)
                text += f"| {kind} | {level} | {speed:.3f} | {cpu:.3f} | {count:.0f} | {lost} |\n"
    print(text)
    if args.append:
        with open(args.append, "a", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
