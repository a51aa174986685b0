"""Watches: the program stops where a value has changed, and the stop says from what to what.

    exact       (3.12 and later) globals, items of dictionaries, attributes kept in one. The
                interpreter reports each write, and nothing else gets slower.
    compared    all else. The value is looked at where each line begins, in one function, in one
                module or everywhere.

No code of the program runs to find or to show a value."""

import itertools
import sys
from types import CodeType, FrameType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from relive import _core
from relive.debug.breakpoints import Breakpoint, BreakpointTable
from relive.debug.paths import Step, parse_path, path_text
from relive.debug.values import read_attribute, read_item, show, type_dict, type_order
from relive.errors import ReliveError

_FIRST = 1 << 30  # numbers of watches that are exact; those of breakpoints are below
_MODULES: Any = ModuleType.__dict__
_module_dict = _MODULES["__dict__"].__get__
_TRIES = 40  # writes of one line, after which the interpreter has its quick form of it


class Watch:
    """A watch. `scope` says where changes are seen."""

    def __init__(self, number: int, path: Sequence[Step], scope: str) -> None:
        self.number, self.path, self.scope = number, tuple(path), scope
        self.text = path_text(self.path)
        self.label = ""  # as the user writes it: w1
        self.is_enabled = True
        self.breakpoint: Optional[Breakpoint] = None  # of a watch that compares
        self.condition: Optional[str] = None
        # What can be watched after a restart, where no object is the same one: in a function, or
        # in a module.
        self.function, self.module = "", ""

    @property
    def is_exact(self) -> bool:
        """Whether each write is seen, at the write."""
        return self.breakpoint is None

    def __repr__(self) -> str:
        return f"<Watch {self}>"

    def __str__(self) -> str:
        condition = f" if {self.condition}" if self.condition else ""
        disabled = "" if self.is_enabled else "  (disabled)"
        return f"{self.text}{condition}: {self.scope}{disabled}"


class Change(NamedTuple):
    """What a watch has seen."""

    watch: Watch
    old: str  #: the value before; "" where it is not known
    new: str  #: the value now; "" where there is none
    file: str  #: where it was written; "" where that was not seen
    line: int
    function: str
    is_gone: bool  #: the watch is over: what it watched has ended

    def __str__(self) -> str:
        if self.is_gone:
            return f"{self.watch.text}: what had it has ended, and so has this watch"
        values = f"{self.old or '?'} -> {self.new or '(deleted)'}"
        place = f", by {self.file}:{self.line} in {self.function}" if self.file else ""
        return f"{self.watch.text}: {values}{place}"


class WatchTable:
    """The watches of the process."""

    def __init__(self, breakpoints: BreakpointTable) -> None:
        self._breakpoints = breakpoints
        self._watches: Dict[int, Watch] = {}
        self._numbers = itertools.count(_FIRST)
        self._labels = itertools.count(1)

    def all(self) -> List[Watch]:
        """Returns the watches."""
        return list(self._watches.values())

    def get(self, label: str) -> Watch:
        """Returns the watch that is called w1, or so. Raises ReliveError."""
        for watch in self.all():
            if watch.label == label:
                return watch
        known = ", ".join(one.label for one in self.all()) or "none is set"
        raise ReliveError("ERR_NOT_FOUND", f"there is no watch {label}: {known}")

    def add(
        self, frame: FrameType, text: str, scope: str = "", condition: Optional[str] = None
    ) -> Watch:
        """Watches NAME, or what follows it by .ATTRIBUTE and [CONSTANT], as a frame has it. `scope`
        is a function, a module or "all": then values are compared there. Raises ReliveError for
        what does not exist, or cannot be watched."""
        path = parse_path(text)
        is_local, owner = _find(frame, path)
        watch = None
        if not scope and not (is_local and len(path) == 1):
            watch = self._add_exact(owner, path, condition)
        if watch is None:
            watch = self._add_compared(frame, path, scope, is_local, condition)
        if is_local:
            watch.function = _function_name(frame.f_code)
        else:
            watch.module = _module_name(frame)
        return watch

    def add_in_function(self, text: str, function: str, condition: Optional[str] = None) -> Watch:
        """Watches a variable of a function that need not run yet."""
        where = f"compared at each line of {function}"
        watch = self._compare(parse_path(text), function, where, None, condition)
        watch.function = function
        return watch

    def kept(self) -> List[List[Any]]:
        """Returns what again() takes, after a restart."""
        return [
            [one.text, one.function, one.module, one.condition, one.label, one.is_enabled]
            for one in self.all()
        ]

    def again(
        self, text: str, function: str, module: str, condition: Optional[str], label: str,
        is_enabled: bool,
    ) -> None:  # fmt: skip
        """Watches what was watched before the program began again."""
        watch = self._again(text, function, module, condition)
        watch.label = label
        self._labels = itertools.count(int(label[1:]) + 1)
        self.enable(watch, is_enabled)

    def _again(self, text: str, function: str, module: str, condition: Optional[str]) -> Watch:
        if function:
            return self.add_in_function(text, function, condition)
        path, names = parse_path(text), getattr(sys.modules.get(module), "__dict__", None)
        watch = self._add_exact(names, path, condition) if len(path) == 1 else None
        if watch is None:
            where = f"compared at each line of module {module}"
            watch = self._compare(path, f"{module}.*", where, None, condition)
        watch.module = module
        return watch

    def enable(self, watch: Watch, is_enabled: bool) -> None:
        """Has a watch stop the program, or keeps it for later. A disabled one that compares costs
        nothing; one that sees each write still takes them."""
        if watch.is_enabled == is_enabled:
            return
        watch.is_enabled = is_enabled
        if watch.breakpoint is not None:
            watch.breakpoint.enabled = is_enabled
            self._breakpoints.changed(watch.breakpoint)

    def remove(self, watch: Watch) -> None:
        """Ends a watch."""
        self._watches.pop(watch.number, None)
        if watch.breakpoint is None:
            _core.debug_unwatch(watch.number)
        else:
            self._breakpoints.remove(watch.breakpoint)

    def clear(self) -> None:
        """Ends all watches."""
        for watch in self.all():
            self.remove(watch)

    def take(
        self, found: Sequence[Breakpoint], holds: Callable[[str], bool]
    ) -> Optional[List[Change]]:
        """Returns what has changed before a stop of the calling thread at these breakpoints; None
        where conditions refuse all of it. `holds` evaluates a condition at the stop."""
        stops = {one.id for one in found}
        changes, is_refused = [], False
        for number, kind, old, new, code, line in _core.debug_changes():
            watch = self._watches.get(number)
            is_compared = kind in ("changed", "bound")
            if watch is None or (is_compared and number not in stops):
                continue
            is_gone = kind == "gone"
            if not is_compared and not is_gone and not self._wants(watch, holds):
                is_refused = True
                continue
            had_none = kind in ("set", "bound") and not old
            old_text = show(old[0]) if old else "(no value)" if had_none else ""
            new_text = show(new[0]) if new else ""
            place = ("", 0, "") if code is None or is_compared else _place(code, line)
            changes.append(Change(watch, old_text, new_text, *place, is_gone))
            if is_gone:
                self.remove(watch)
        return None if is_refused and not changes else changes

    def _wants(self, watch: Watch, holds: Callable[[str], bool]) -> bool:
        return watch.is_enabled and (watch.condition is None or holds(watch.condition))

    def _keep(self, watch: Watch, condition: Optional[str]) -> Watch:
        watch.condition = condition
        watch.label = f"w{next(self._labels)}"
        self._watches[watch.number] = watch
        return watch

    def _add_exact(
        self, owner: Any, path: Sequence[Step], condition: Optional[str]
    ) -> Optional[Watch]:
        """Watches the last step of a path in its owner. None where its writes are not reported."""
        step = path[-1]
        if isinstance(step, str) and len(path) > 1:
            names = _own_names(owner)
            if names is None or not (isinstance(owner, ModuleType) or reports_attributes(names)):
                return None
        elif type(owner) is dict:
            names = owner
        else:
            return None
        number = next(self._numbers)
        try:
            _core.debug_watch(number, names, step if isinstance(step, str) else step[0])
        except (RuntimeError, TypeError):  # before 3.12, or no watcher is left
            return None
        return self._keep(Watch(number, path, "each write"), condition)

    def _add_compared(
        self, frame: FrameType, path: Sequence[Step], scope: str, is_local: bool,
        condition: Optional[str],
    ) -> Watch:  # fmt: skip
        home, own = None if is_local else frame.f_globals, _function_name(frame.f_code)
        module = _module_name(frame)
        if is_local and scope not in ("", own, frame.f_code.co_name):
            raise ReliveError(
                "ERR_USAGE", f"{path[0]} is a local variable: it can be watched in {own} alone"
            )
        function, place = scope or module, scope or module
        if is_local or not function:
            function, place = own, own
        elif scope == "all":
            function, place = "*", "your code"
        elif function in sys.modules:
            function, place = f"{function}.*", f"module {place}"
        return self._compare(path, function, f"compared at each line of {place}", home, condition)

    def _compare(
        self, path: Sequence[Step], function: str, scope: str, home: Optional[Dict[str, Any]],
        condition: Optional[str],
    ) -> Watch:  # fmt: skip
        one = Breakpoint(function=function, data=path_text(path), condition=condition)
        one.home = home
        self._breakpoints.add(one)
        watch = Watch(one.id, path, scope)
        watch.breakpoint = one
        return self._keep(watch, condition)


def _function_name(code: CodeType) -> str:
    return getattr(code, "co_qualname", code.co_name)


def _module_name(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if type(name) is str else ""


def _place(code: CodeType, line: int) -> Tuple[str, int, str]:
    return code.co_filename, line, _function_name(code)


def _find(frame: FrameType, path: Sequence[Step]) -> Tuple[bool, Any]:
    """Returns whether the path begins with a local variable, and the owner of its last step. Raises
    ReliveError where there is no value."""
    from relive.debug.frame_locals import FrameLocals

    code, name = frame.f_code, path[0]
    locals_: Any = FrameLocals(frame)
    is_local = name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    owner: Any = locals_ if is_local else frame.f_globals
    if is_local and name not in owner and len(path) == 1:
        return True, owner  # it has no value yet
    if name not in owner:
        raise ReliveError("ERR_USAGE", f"there is no variable {name}{_near(name, owner)}")
    value = owner[name]
    for at, step in enumerate(path[1:], 1):
        owner = value
        try:
            value = _part(owner, step)
        except (KeyError, IndexError):
            raise ReliveError("ERR_USAGE", _missing(owner, path, at)) from None
    return is_local, owner


def _near(name: Any, names: Any) -> str:
    import difflib

    known = [one for one in names if isinstance(one, str)]
    found = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {found[0]}?" if found else ""


def _missing(owner: Any, path: Sequence[Step], at: int) -> str:
    text, step = path_text(path[:at]), path[at]
    if isinstance(step, str):
        is_named = isinstance(owner, (ModuleType, type))
        entries = [] if is_named else _core.debug_entries(owner, 0, 1000)[1]
        names = list(_names_of(owner)) if is_named else [name for name, _ in entries]
        return f"{text} has no attribute {step} of its own{_near(step, names)}"
    kinds = "a dictionary, a list or a tuple has"
    if type(owner) not in (dict, list, tuple):
        return f"{text} has no item that can be watched: only {kinds} some"
    return f"{text} has no item {step[0]!r}"


def _part(value: Any, step: Step) -> Any:
    """Returns an attribute or item. Raises KeyError or IndexError."""
    try:
        return read_attribute(value, step) if isinstance(step, str) else read_item(value, step[0])
    except (AttributeError, TypeError, ReliveError):
        raise KeyError(step) from None


def _names_of(value: Any) -> Any:
    """Returns what a module or a class has, by name."""
    return _module_dict(value) if isinstance(value, ModuleType) else type_dict(value)


def _own_names(value: Any) -> Optional[Dict[str, Any]]:
    """Returns the dictionary of an instance's attributes, or None: it has none of the usual
    kind."""
    for kind in type_order(type(value)):
        found = type_dict(kind).get("__dict__")
        if found is not None:
            is_stored = type(found) in (GetSetDescriptorType, MemberDescriptorType)
            names = found.__get__(value) if is_stored else None
            return names if type(names) is dict else None
    return None


_reports: Dict[bool, bool] = {}


def reports_attributes(names: Dict[str, Any]) -> bool:
    """Returns whether this interpreter reports the writes of attributes. A trial decides: once for
    dictionaries that hold their values themselves, once for those that share them."""
    is_plain = _core.debug_is_plain_dict(names)
    if is_plain not in _reports:
        _reports[is_plain] = _try_attributes(is_plain)
    return _reports[is_plain]


def _try_attributes(is_plain: bool) -> bool:
    class Tried:
        value = 0

    one = Tried()
    one.value = -1
    names = one.__dict__
    if is_plain:
        names = dict(names)
        one.__dict__ = names

    def write(to: Any, value: int) -> None:
        to.value = value

    try:
        _core.debug_watch(0, names, "value")
    except (RuntimeError, TypeError):
        return False
    for number in range(_TRIES):
        write(one, number)
    return _core.debug_unwatch(0) == _TRIES
