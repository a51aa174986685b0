"""Bodies of classes and modules: they run like calls, and are none."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Sequence, Set, Tuple

    from relive.api import Recording

    _Key = Tuple[str, str]  # function, file

FLAG = 16  # of the code of a module or class body


class Bodies:
    """The bodies that the recordings of a run have."""

    def __init__(self, run: Sequence[Recording]) -> None:
        self._kinds: Dict[_Key, str] = {}
        functions: Set[_Key] = set()
        for recording in run:
            for _, module, qualname, file, _, flags, *_ in recording.codes():
                key = f"{module}:{qualname}", file
                if flags & FLAG:
                    kind = "module body" if qualname == "<module>" else "class body"
                    self._kinds[key] = kind
                else:
                    functions.add(key)
        for key in functions:
            self._kinds.pop(key, None)  # a name that both a class and a function have

    def kind(self, what: Mapping[str, Any]) -> str:
        """Returns 'class body', 'module body', or '' for a function. `what` has func and file."""
        return self._kinds.get((what["func"], what["file"]), "")

    def call_text(self, what: Mapping[str, Any], name: str, arguments: str) -> str:
        """Returns 'price(item=1)', or 'Cart (class body)'."""
        kind = self.kind(what)
        return f"{name} ({kind})" if kind else f"{name}({arguments})"
