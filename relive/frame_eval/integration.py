"""Living with other debuggers: bdb and pdb driven by this engine, breakpoint() led to it.

Nothing is patched unless it is asked for, and each patch is taken back exactly: what was there
before is there again, and what somebody else has patched in between is left alone and told
(INTEGRATION_PATCH_FAILED)."""

import bdb
import sys
import threading

from relive.errors import ReliveError
from relive.frame_eval.breakpoints import Breakpoint, code_lines, compiled
from relive.frame_eval.runtime import (
    STEP_IN,
    STEP_NONE,
    STEP_OUT,
    STEP_OVER,
    STEP_UNTIL,
    runtime,
)


class EngineDriven:
    """What makes a bdb.Bdb ours: its table of breakpoints is given to the engine, and where it
    would have set a trace function it tells the engine how to go on."""

    def start_engine(self):
        """Its stops are the engine's from here on."""
        self.reset()
        self._pushed = {}  # path -> what the engine was told
        self._numbers = {}  # the engine's number of a breakpoint -> bdb's
        runtime.on_stop = self.stopped

    def stopped(self, frame, why, breakpoints):
        """Called by the engine in the thread that stopped."""
        self.currentbp = False
        for one in breakpoints:
            number = self._numbers.get(one.id)
            found = bdb.Breakpoint.bpbynumber[number] if number else None
            if found is not None:
                found.hits += 1
                self.currentbp = number
                if found.temporary:
                    self.do_clear(str(number))
        self.user_line(frame)
        if self.quitting:
            raise self.quits()

    def quits(self):
        """What the program is told when the debugger is left."""
        return bdb.BdbQuit()

    def _go(self, mode, line=0, frame=None):
        try:
            runtime.step(mode, line, frame)
        except RuntimeError:
            pass  # after the end (post mortem) there is nothing to go on with

    def set_step(self):
        """Into whatever is called."""
        self._go(STEP_IN)

    def set_next(self, frame):
        """To the next line of the frame."""
        self._go(STEP_OVER, 0, frame)

    def set_return(self, frame):
        """Out of the frame."""
        self._go(STEP_OUT, 0, frame)

    def set_until(self, frame, lineno=None):
        """To a later line of the frame."""
        self._go(STEP_UNTIL, frame.f_lineno + 1 if lineno is None else lineno, frame)

    def set_continue(self):
        """To the next breakpoint."""
        self.sync()
        self._go(STEP_NONE)

    def set_quit(self):
        """The program ends here."""
        self.quitting = True
        self._go(STEP_NONE)

    def set_trace(self, frame=None, **unused):
        """Stops at the next line of a frame."""
        self.sync()
        if not runtime.initialize():
            reason = runtime.policy.evaluate_environment()["reason"]
            raise ReliveError("ERR_UNSUPPORTED", f"the debugger cannot work here: {reason}")
        runtime.step(STEP_OVER, 0, frame or sys._getframe().f_back)

    def sync(self):
        """Tells the engine what bdb's table has become."""
        wanted = {}
        for found in bdb.Breakpoint.bpbynumber:
            if found is not None:
                wanted.setdefault(found.file, []).append(found)
        for path in {*wanted, *self._pushed}:
            rows = [_row(found) for found in wanted.get(path, ())]
            if rows != self._pushed.get(path, []):
                made = [_made(path, row) for row in rows]
                try:
                    runtime.breakpoints.set_file(path, made)
                except ReliveError as error:
                    self.refused(error)
                self._pushed[path] = rows
                for row, one in zip(rows, made):
                    self._numbers[one.id] = row[0]

    def refused(self, error):
        """A breakpoint that the engine does not take."""
        raise error


def _row(found):
    return (found.number, found.line, found.cond, found.ignore, found.enabled, found.funcname)


def _made(path, row):
    number, line, condition, ignore, enabled, function = row
    if function:
        line = first_line(path, function, line)
    hits = f"> {ignore}" if ignore else ""
    return Breakpoint(path, line, condition=condition, hit_condition=hits, enabled=enabled)


def first_line(path, name, line):
    """The first line of the body of the function that begins at a line."""
    code = compiled(path)
    todo = [code] if code is not None else []
    while todo:
        code = todo.pop()
        if code.co_name == name and code.co_firstlineno == line:
            return min((at for at in code_lines(code) if at > line), default=line)
        todo.extend(constant for constant in code.co_consts if isinstance(constant, type(code)))
    return line


_MISSING = object()


class Patch:
    """One attribute of an object, exchanged."""

    def __init__(self, owner, name, value):
        self.owner, self.name, self.value = owner, name, value
        self.before = _MISSING

    def apply(self):
        """Exchanges it."""
        self.before = vars(self.owner).get(self.name, _MISSING)
        setattr(self.owner, self.name, self.value)

    def restore(self):
        """Puts back what was there; False where it is somebody else's by now."""
        if vars(self.owner).get(self.name, _MISSING) is not self.value:
            return False
        if self.before is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.before)
        return True


_OF_BDB = (
    "_go", "set_continue", "set_next", "set_quit", "set_return", "set_step", "set_trace",
    "set_until", "start_engine", "stopped", "sync", "quits", "refused",
)  # fmt: skip


class IntegrationBridge:
    """The patches that are in force."""

    def __init__(self, of=runtime):
        self._runtime = of
        self._lock = threading.RLock()
        self._patches = []

    @property
    def count(self):
        """How many there are."""
        return len(self._patches)

    def integrate_with_breakpoint(self):
        """breakpoint() opens our prompt. Whether it does now."""
        from relive.debug.prompt import set_trace

        return self._apply(
            "PY_DEBUGGER_BREAKPOINT_HOOK_FAILED", [Patch(sys, "breakpointhook", set_trace)]
        )

    def integrate_with_pdb(self):
        """pdb.set_trace() opens our prompt. Whether it does now."""
        import pdb

        from relive.debug.prompt import set_trace

        return self._apply("PY_DEBUGGER_INTEGRATION_FAILED", [Patch(pdb, "set_trace", set_trace)])

    def integrate_with_bdb(self, debugger):
        """A bdb.Bdb of somebody's own is driven by this engine. Whether it is now."""
        if not isinstance(debugger, bdb.Bdb):
            self._tell("INTEGRATION_BDB_FAILED", f"{debugger!r} is no bdb.Bdb")
            return False
        bound = [
            Patch(debugger, name, getattr(EngineDriven, name).__get__(debugger)) for name in _OF_BDB
        ]
        if not self._apply("INTEGRATION_BDB_FAILED", bound):
            return False
        debugger.start_engine()
        return True

    def auto_integrate(self):
        """breakpoint() and pdb.set_trace(). Whether both are."""
        done = self.integrate_with_breakpoint() and self.integrate_with_pdb()
        if not done:
            self._tell("AUTO_INTEGRATION_FAILED", "breakpoint() and pdb")
        return done

    def remove_integration(self):
        """Takes all back, the last first. Whether everything is as it was."""
        with self._lock:
            failed = []
            while self._patches:
                patch = self._patches.pop()
                if not patch.restore():
                    failed.append(patch.name)
                    self._tell(
                        "INTEGRATION_PATCH_FAILED",
                        f"{patch.name} was patched by somebody else in between: it is left so",
                    )
            if failed:
                self._tell("INTEGRATION_REMOVE_FAILED", ", ".join(failed))
            return not failed

    def _apply(self, reason, patches):
        with self._lock:
            done = []
            for patch in patches:
                try:
                    patch.apply()
                except (AttributeError, TypeError) as error:
                    for other in reversed(done):
                        other.restore()
                    self._tell("INTEGRATION_PATCH_FAILED", f"{patch.name}: {error}")
                    self._tell(reason, patch.name)
                    return False
                done.append(patch)
            self._patches.extend(done)
            return True

    def _tell(self, reason, detail):
        self._runtime.telemetry.record(reason, detail=detail)


bridge = IntegrationBridge()
integrate_with_bdb = bridge.integrate_with_bdb
integrate_with_breakpoint = bridge.integrate_with_breakpoint
integrate_with_pdb = bridge.integrate_with_pdb
auto_integrate = bridge.auto_integrate
remove_integration = bridge.remove_integration
