"""What one run is: its name, its files, the variable that children find it by.

RELIVE_RUN holds a JSON object: id, path (of the first process's file), mono (start of the run),
spare (a folder for it where path cannot be written), parent (pid), state (`start` until the first
process has begun, then `child`), pid (of that first process), report, config, filter
(relive._recipe). Nothing here imports a module that an interpreter does not have by itself once it
has started: the program is to find sys.modules as without us.
"""

import _thread
import os
import sys

from relive import _core
from relive.errors import ReliveError, from_core

VARIABLE = "RELIVE_RUN"
BY_OPTION = "--force replaces it"
_LONGEST = 64 << 10  # of the variable; a longer filter is read by each process itself
REDACTED = _core.SENTINELS["redacted"]
LEVELS = {"calls": 0, "values": 1, "lines": 2}
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep

_children = 0  # forked from this process
_is_registered = False
_is_forked = False  # this process began as a fork of another and has not replaced itself since
_opened = None  # the run of the recording that was opened last, with its settings


class _Quiet:
    """`with quiet:` nothing of this thread is recorded: it is for our own work, which calls
    functions of the standard library that a filter may want of the program."""

    def __enter__(self):
        _core.suppress(True)

    def __exit__(self, *exc_info):
        _core.suppress(False)


class _Changing(_Quiet):
    def __init__(self):
        self._lock = _thread.RLock()

    def __enter__(self):
        self._lock.acquire()
        super().__enter__()

    def __exit__(self, *exc_info):
        super().__exit__()
        self._lock.release()


quiet = _Quiet()
_changing = _Changing()


def changing():
    """What whoever begins, ends or exchanges the recording of this process holds meanwhile."""
    return _changing


def _begin_child():
    """In a forked child: a thread that held the lock in the parent does not exist here."""
    global _changing, _is_forked
    _changing = _Changing()
    _is_forked = True


os.register_at_fork(after_in_child=_begin_child)


def choose_backend(config):
    """(name, reason): the wanted backend, or the best one that works here."""
    rows = _core.backends()
    wanted = config["backend"]
    usable = {name: (ok, why, abilities) for name, ok, why, abilities in rows}
    if wanted != "auto":
        ok, why, abilities = usable[wanted]
        if not ok:
            raise ReliveError("ERR_UNSUPPORTED", f"backend {wanted} cannot work here: {why}")
        missing = _missing(config, abilities)
        if missing:
            raise ReliveError("ERR_UNSUPPORTED", f"backend {wanted} {missing[0]}; {missing[1]}")
        return wanted, "asked for"
    refused = []
    for name, ok, why, abilities in rows:
        if not ok:
            refused.append(f"{name}: {why}")
        elif _missing(config, abilities):
            refused.append(f"{name}: {_missing(config, abilities)[0]}")
        else:
            return name, "; ".join([why, *(f"not {text}" for text in refused)])
    raise ReliveError("ERR_UNSUPPORTED", "no backend works here: " + "; ".join(refused))


def _missing(config, abilities):
    """What is asked for and a backend cannot see, with the way out; None."""
    if config["c_calls"] and "c_calls" not in abilities:
        return "does not see functions written in C", "without --c-calls it works"
    if config["level"] == "lines" and "lines" not in abilities:
        return "does not see lines", "at --level values it works"
    return None


def _facts(config, backend, reason):
    argv = getattr(sys, "orig_argv", None) or [sys.executable, *getattr(sys, "argv", [])]
    facts = {
        "backend": backend,
        "backend_reason": reason,
        "capabilities": " ".join(
            next(abilities for name, _, _, abilities in _core.backends() if name == backend)
        ),
        "python": sys.version.split()[0],
        "implementation": sys.implementation.name,
        "executable": sys.executable or "",
        "platform": sys.platform,
        "machine": os.uname().machine,
        "kernel": os.uname().release,
        "level": config["level"],
        "budget": str(config["budget"]),
        "relive": version(),
        "cwd": _cwd(),
        "hash_seed": os.environ.get("PYTHONHASHSEED", "random"),
        "switch_interval": repr(sys.getswitchinterval()),
        "libraries": os.pathsep.join(_library_folders()),
    }
    if sys.flags.inspect or (getattr(sys, "argv", None) == [""] and os.isatty(0)):
        facts["prompt"] = "1"  # where an exception ends nothing
    for i, word in enumerate(without_secrets(argv[:64])):
        facts[f"argv.{i}"] = word[:4096]
    return facts


def without_secrets(words):
    """A command line as it may be written: values of options that are named like secrets, and
    texts that look like one, are taken out."""
    found, option = [], ""
    for word in words:
        name, equals, value = word.partition("=")
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            option = ""  # half characters: no secret of a known form
            found.append(word)
            continue
        if option and not word.startswith("-") and _core.is_secret(option, word):
            word = REDACTED
        elif equals and _core.is_secret(name, value):
            word = name + "=" + REDACTED
        was_code, option = option == "-c", word if word.startswith("-") and not equals else ""
        found.append(_core.without_secrets(without_literals(word) if was_code else word))
    return found


def without_literals(code):
    """Python code, each text in quotes empty: a recording holds no source."""
    kept, at = [], 0
    while at < len(code):
        quote = code[at]
        if quote not in "'\"":
            kept.append(quote)
            at += 1
            continue
        quote = quote * 3 if code.startswith(quote * 3, at) else quote
        at += len(quote)
        while at < len(code) and not code.startswith(quote, at):
            at += 2 if code[at] == "\\" else 1
        kept.append(quote + "..." + quote)
        at += len(quote)
    return "".join(kept)


def activation(text):
    """What C is told of --activate: a file's path and its resolved one, or module:qualname."""
    if text is None:
        return "", ""
    if ":" in text and not os.path.exists(text):
        return text, ""
    return os.path.abspath(text), os.path.realpath(text)


def filter_chain(config):
    """The filters of a recording with these settings."""
    from relive.filters import doors

    return doors.chain(config, _library_folders())


def _library_folders():
    """Where code lies that is not the program's own: the standard library, installed packages."""
    found = {os.path.dirname(os.__file__)}
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        for name in ("lib", "lib64"):
            found.add(os.path.join(prefix, name, "python%d.%d" % sys.version_info[:2]))
    found.update(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    return [folder + os.sep for folder in sorted(found)]


def _cwd():
    try:
        return os.getcwd()
    except OSError:
        return ""


def version():
    """Of this Relive."""
    from relive._version import __version__

    return __version__


def open_file(path, config, *, is_child=False, waiting=False, run=None):
    """Starts the engine on a new file; ReliveError where that is refused."""
    global _opened
    dump_on = config["dump_on"]
    if dump_on:
        from relive import dumps

        dumps.check(dump_on)
    run = dict(run or {})
    if "filter" in run:
        from relive._recipe import Recipe

        chain, recipe = Recipe(run["filter"], _library_folders()), run["filter"]
    else:
        chain = filter_chain(config)
        recipe = chain.recipe(config["level"])
    level = chain.highest(config["level"])
    backend, reason = choose_backend(dict(config, level=level))
    _core.exclude(_PACKAGE)
    for folder in _library_folders():
        _core.library(folder)
    call = _core.start_child if is_child else _core.start
    facts = dict(_facts(config, backend, reason), trace_filter=chain.text(), highest_level=level)
    run.setdefault("mono", _core.facts()["mono_ns"])  # times of all files of the run begin here
    try:
        call(
            path,
            backend,
            facts,
            config["buffer"],
            config["ring"],
            config["overflow"] == "drop",
            config["c_calls"],
            config["tool_id"],
            waiting,
            bytes.fromhex(run["id"]) if "id" in run else os.urandom(16),
            run["mono"],
            run.get("parent", 0),
            run.get("child", 0),
            LEVELS[config["level"]],
            config["max_depth"],
            config["max_items"],
            config["max_str"],
            not config["builtin_filter"],
            config["globals"],
            config["gc"],
            2 if config["native_output"] else int(config["stdio"]),
            config["budget"],
            chain.core,
            *activation(config["activate"]),
        )
    except _core.Error as error:
        raise from_core(error) from None
    _opened = dict({"id": "", "path": path}, **run)
    _opened.update(config=config, filter=recipe)
    if dump_on:
        dumps.arm(dump_on)
    _register()


def opened():
    """The run of the recording that is on: id, path of its first file, config, filter."""
    return _opened


def _register():
    global _is_registered
    if not _is_registered:
        _is_registered = True
        os.register_at_fork(before=count_fork, after_in_child=_after_fork)


def read_variable():
    """The run that this process belongs to, or None."""
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        run = _core.read_json(text)
    except ValueError:
        return None
    return run if isinstance(run, dict) and "path" in run and "config" in run else None


def variable_text(run):
    """What the variable says of a run."""
    text: str = _core.json_text(run)
    if len(text) > _LONGEST and "filter" in run:
        text = _core.json_text({key: value for key, value in run.items() if key != "filter"})
    return text


def write_variable(run):
    """Tells children of this process how to join."""
    os.environ[VARIABLE] = variable_text(run)


def sibling(path, n):
    """NAME.<pid>.<n>.relive"""
    stem = path[: -len(".relive")] if path.endswith(".relive") else path
    return f"{stem}.{os.getpid()}.{n}.relive"


def join(run, *, is_fork=False, child=0, waiting=False):
    """Opens this process's own file of the run, beside the first one."""
    run = dict(run, child=child)
    for n in range(1000):
        try:
            open_file(
                sibling(run["path"], n), run["config"], is_child=is_fork, waiting=waiting, run=run
            )
            break
        except ReliveError as error:
            if error.code != "ERR_FILE_EXISTS":
                raise
    write_variable(dict(opened(), parent=os.getpid(), state="child"))


def _after_fork():
    """In a forked child: its own recording, or none."""
    with quiet:
        _record_child()


def _record_child():
    global _children
    if not _core.state()["forked"]:
        return
    run = read_variable()
    if run is None or not run["config"]["children"]:
        _core.stop()
        return
    number, _children = _children, 0
    try:
        join(run, is_fork=True, child=number)
    except ReliveError:
        _core.stop()  # its parent's recording names no file of it


def count_fork():
    """In the parent, before a fork: this becomes the child's number."""
    global _children
    _children += 1


def forget_stdout():
    """Whoever read our output has gone: no complaint at exit either."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def safe(text):
    """Text that cannot command a terminal: recorded text, names of files."""
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape").decode("ascii")
        if not 0xD800 <= ord(c) < 0xE000
        else f"\\u{ord(c):04x}"
        for c in text
    )


def complain(text):
    """One line on stderr, whatever state the program is in; nothing in a forked child, whose
    descriptor 2 may be a connection or a file of the program."""
    if _is_forked:
        return
    try:
        os.write(2, f"relive: {safe(text)}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass
