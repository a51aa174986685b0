"""One recorder on one of bench/programs: the child process that bench/workloads.py starts.

    pairs.py PROGRAM SIZE RECORDER PAIRS    pairs of rounds, without and with the recorder, as JSON
    pairs.py PROGRAM SIZE RECORDER cold     one first round with it ("nothing": without), as JSON

A round is `work(SIZE)`. After each switch one round is not timed. A time is [CPU seconds of the
thread, CPU seconds of the process]."""

import importlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
VIZTRACER = {"verbose": 0, "tracer_entries": 20_000_000, "ignore_c_function": True}


class Nothing:
    """The program alone."""

    def start(self):
        pass

    def stop(self):
        """Returns (events, bytes of the file)."""
        return 0, 0


class Relive(Nothing):
    """Everything that happens, at one level. At `lines` the built-in filter leaves lines of
    libraries out, as it does for users."""

    def __init__(self, folder, level):
        import relive

        self.relive, self.path = relive, os.path.join(folder, "out.relive")
        self.settings = {"level": level, "builtin_filter": level == "lines", "force": True}

    def start(self):
        self.relive.start(self.path, **self.settings)

    def stop(self):
        stats = self.relive.stop()
        return stats["events"], os.stat(self.path).st_blocks * 512


class VizTracer(Nothing):
    """VizTracer without C calls; its file is written where `is_saved`."""

    def __init__(self, folder, options, is_saved):
        import viztracer

        self.path = os.path.join(folder, "out.json")
        self.tracer = viztracer.VizTracer(output_file=self.path, **VIZTRACER, **options)
        self.is_saved = is_saved

    def start(self):
        self.tracer.start()

    def stop(self):
        self.tracer.stop()
        if self.is_saved:
            self.tracer.save()
        self.tracer.clear()
        return 0, os.stat(self.path).st_blocks * 512 if self.is_saved else 0


class Floor(Nothing):
    """Callbacks that do nothing, the least that a recorder can cost."""

    EVENTS = "PY_START PY_RESUME PY_RETURN PY_YIELD PY_UNWIND PY_THROW RAISE RERAISE"
    EVENTS = (EVENTS + " EXCEPTION_HANDLED").split()

    def __init__(self, folder, level):
        self.module = build_floor(folder)
        self.names = self.EVENTS + (["LINE"] if level == "lines" else [])

    def start(self):
        self.switch(True)

    def stop(self):
        self.switch(False)
        return 0, 0

    def switch(self, is_on):
        if sys.version_info < (3, 12):
            self.module.hook(is_on, "LINE" in self.names)
            return
        monitoring = sys.monitoring
        events = [getattr(monitoring.events, name) for name in self.names]
        if is_on:
            monitoring.use_tool_id(5, "floor")
        for event in events:
            monitoring.register_callback(5, event, self.module.empty if is_on else None)
        monitoring.set_events(5, sum(events) if is_on else 0)
        if not is_on:
            monitoring.free_tool_id(5)


def build_floor(folder):
    """Compiles bench/floor.c for this interpreter, unless it is there, and imports it."""
    paths = sysconfig.get_paths()
    words = ["cc", "-O2", "-shared", "-fPIC", f"-DPY_MINOR={sys.version_info.minor}"]
    words += ["-I" + paths["include"], "-I" + paths["platinclude"]]
    path = os.path.join(folder, "floor" + sysconfig.get_config_var("EXT_SUFFIX"))
    if not os.path.exists(path):
        subprocess.run([*words, os.path.join(HERE, "floor.c"), "-o", path], check=True)
    sys.path.insert(0, folder)
    return importlib.import_module("floor")


def make_recorder(name, folder, is_cold):
    """Returns the recorder of a name as RECORDERS of bench/workloads.py has it."""
    tool, _, how = name.partition(" ")
    if tool == "relive":
        return Relive(folder, how)
    if tool == "floor":
        return Floor(folder, how)
    if tool == "viztracer":
        options = {"log_func_args": True, "log_func_retval": True} if how == "values" else {}
        return VizTracer(folder, options, is_cold)
    return Nothing()


def timed(work, size):
    """Runs one round."""
    thread, process = time.thread_time(), time.process_time()
    work(size)
    return [time.thread_time() - thread, time.process_time() - process]


def measure_pairs(work, size, recorder, count):
    """Returns a list of pairs: times without and with the recorder, events and bytes of a round."""
    work(size)
    pairs = []
    for _ in range(count):
        work(size)
        plain = timed(work, size)
        recorder.start()
        work(size)
        traced = timed(work, size)
        events, size_of_file = recorder.stop()
        pairs.append({"plain": plain, "traced": traced, "events": events / 2,
                      "bytes": size_of_file / 2})  # fmt: skip
    return pairs


def measure_first(work, size, name, folder):
    """Returns the times of the first round, and CPU seconds with starting and saving.

    Beside them are the most memory that the process had, in MiB, and what was written."""
    begin = time.process_time()
    recorder = make_recorder(name, folder, True)
    recorder.start()
    first = timed(work, size)
    events, size_of_file = recorder.stop()
    whole = time.process_time() - begin
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    return {"first": first, "whole": whole, "memory": peak / 1024,
            "events": events, "bytes": size_of_file}  # fmt: skip


def main(program, size, recorder, pairs):
    """Prints one line of JSON."""
    sys.path.insert(0, os.path.join(HERE, "programs"))
    work = importlib.import_module(program).work
    sys.path.pop(0)
    with tempfile.TemporaryDirectory(prefix="relive-pairs-") as folder:
        if pairs == "cold":
            found = measure_first(work, int(size), recorder, folder)
        else:
            tool = make_recorder(recorder, folder, False)
            found = measure_pairs(work, int(size), tool, int(pairs))
        print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
