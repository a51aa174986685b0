"""breakpoint(), pdb.set_trace() and a program's own bdb.Bdb, led to the engine on request."""

import bdb
import sys
from typing import Any, Callable, cast

from relive.debug.bdb_bridge import DRIVEN, EngineDriven
from relive.debug.engine import FrameEvalRuntime, runtime
from relive.debug.patches import Patch
from relive.debug.prompt import set_trace


class IntegrationBridge:
    """Patches other debuggers so that the engine of `of` drives them; `opens` is the function that
    replaces breakpoint() and pdb.set_trace()."""

    def __init__(
        self, of: FrameEvalRuntime = runtime, opens: Callable[..., Any] = set_trace
    ) -> None:
        self._patches, self._opens = of.patches, opens

    @property
    def count(self) -> int:
        """The number of patches that are in force."""
        return self._patches.count

    def integrate_with_breakpoint(self) -> bool:
        """Makes breakpoint() open our prompt, and returns whether it does now."""
        return self._patches.apply(
            "PY_DEBUGGER_BREAKPOINT_HOOK_FAILED", [Patch(sys, "breakpointhook", self._opens)]
        )

    def integrate_with_pdb(self) -> bool:
        """Makes pdb.set_trace() open our prompt, and returns whether it does now."""
        import pdb

        return self._patches.apply(
            "PY_DEBUGGER_INTEGRATION_FAILED", [Patch(pdb, "set_trace", self._opens)]
        )

    def integrate_with_bdb(self, debugger: bdb.Bdb) -> bool:
        """Makes the engine drive a bdb.Bdb of the program, and returns whether it does now."""
        if not isinstance(debugger, bdb.Bdb):
            self._patches.record("INTEGRATION_BDB_FAILED", f"{debugger!r} is no bdb.Bdb")
            return False
        bound = [
            Patch(debugger, name, getattr(EngineDriven, name).__get__(debugger)) for name in DRIVEN
        ]
        if not self._patches.apply("INTEGRATION_BDB_FAILED", bound):
            return False
        cast(EngineDriven, debugger).start_engine()  # one of the methods that were just put in
        return True

    def auto_integrate(self) -> bool:
        """Does both for breakpoint() and pdb.set_trace(), and returns whether both succeeded."""
        done = self.integrate_with_breakpoint() and self.integrate_with_pdb()
        if not done:
            self._patches.record("AUTO_INTEGRATION_FAILED", "breakpoint() and pdb")
        return done

    def remove_integration(self) -> bool:
        """Takes all patches back, and returns whether everything is as it was."""
        return self._patches.remove_all()


bridge = IntegrationBridge()
integrate_with_bdb = bridge.integrate_with_bdb
integrate_with_breakpoint = bridge.integrate_with_breakpoint
integrate_with_pdb = bridge.integrate_with_pdb
auto_integrate = bridge.auto_integrate
remove_integration = bridge.remove_integration
