"""The cost of each backend, as `make bench-embed` has measured it, and the warning about it."""

import sys
from typing import Dict, Optional

from relive import _core

# version: {backend: ns that one call and its return add, with a callback that does nothing}
CALL_NS: Dict[str, Dict[str, int]] = {
    "3.8": {"evalhook": 350, "setprofile": 320, "settrace": 380},
    "3.9": {"evalhook": 550, "setprofile": 360, "settrace": 400},
    "3.10": {"evalhook": 460, "setprofile": 620, "settrace": 810},
    "3.11": {"evalhook": 360, "setprofile": 450, "settrace": 500},
    "3.12": {"monitoring": 400, "setprofile": 860, "settrace": 580},
    "3.13": {"monitoring": 360, "setprofile": 450, "settrace": 480},
    "3.14": {"monitoring": 410, "setprofile": 450, "settrace": 790},
    "3.15": {"monitoring": 350, "setprofile": 410, "settrace": 420},
}


def warning(mechanism: Optional[str]) -> Optional[str]:
    """Returns the warning before a mechanism is used the first time, or None for the cheapest."""
    usable = [name for name, ok, _, _ in _core.backends() if ok]
    version = sys.version_info[:2]
    name = mechanism or (usable[0] if usable else None)
    if name not in usable or (name == usable[0] and version not in ((3, 10), (3, 11))):
        return None
    known = CALL_NS.get("%d.%d" % version, {})
    text = f"the {name} backend"
    if name in known:
        text += f" adds about {known[name] / 1000:.1f} us to a call and its return here"
    else:
        text += " was not measured on this version"
    if name != usable[0]:
        text += f"; {usable[0]} is the better one"
        if usable[0] in known:
            text += f" ({known[usable[0]] / 1000:.1f} us)"
        text += ": code that patterns leave out pays least with it"
    newer = CALL_NS.get("3.12", {}).get("monitoring")
    if version < (3, 12) and newer is not None:
        text += f"; on Python 3.12 and later monitoring adds {newer / 1000:.1f} us"
    return text
