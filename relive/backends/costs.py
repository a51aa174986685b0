"""What a backend costs, as `make bench-embed` has measured it, and the warning that says so."""

import sys

from relive import _core

# version: {backend: ns that one call and its return add, with a callback that does nothing}
CALL_NS = {}


def warning(mechanism):
    """What to say before a mechanism is used the first time, or None where it is the cheapest."""
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
        text += f"; {usable[0]} is cheaper"
        if usable[0] in known:
            text += f" ({known[usable[0]] / 1000:.1f} us)"
    newer = CALL_NS.get("3.12", {}).get("monitoring")
    if version < (3, 12) and newer is not None:
        text += f"; on Python 3.12 and later monitoring adds {newer / 1000:.1f} us"
    return text
