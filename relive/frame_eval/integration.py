"""The seed's name for integration, bdb_bridge and patches of relive.debug."""

from relive.debug.bdb_bridge import EngineDriven
from relive.debug.breakpoints import first_line
from relive.debug.integration import (
    IntegrationBridge,
    auto_integrate,
    bridge,
    integrate_with_bdb,
    integrate_with_breakpoint,
    integrate_with_pdb,
    remove_integration,
)
from relive.debug.patches import Patch

__all__ = [
    "EngineDriven",
    "IntegrationBridge",
    "Patch",
    "auto_integrate",
    "bridge",
    "first_line",
    "integrate_with_bdb",
    "integrate_with_breakpoint",
    "integrate_with_pdb",
    "remove_integration",
]
