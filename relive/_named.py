"""Tuples with names, as typing.NamedTuple makes them. typing takes longer to import than most
answers take to come."""

from __future__ import annotations

from _operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple


class NamedTuple(tuple):  # type: ignore[type-arg]
    """A row whose fields are the annotations of its class."""

    _fields: Tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)
        for index, field in enumerate(cls._fields):
            setattr(cls, field, property(itemgetter(index)))

    def __new__(cls, *values: Any, **named: Any) -> NamedTuple:
        values += tuple(named.pop(field) for field in cls._fields[len(values) :] if field in named)
        if named or len(values) != len(cls._fields):
            raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
        return super().__new__(cls, values)

    def __getnewargs__(self) -> Tuple[Any, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        pairs = zip(self._fields, self)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def _asdict(self) -> Dict[str, Any]:
        return dict(zip(self._fields, self))

    def _replace(self, **named: Any) -> NamedTuple:
        return type(self)(**{**self._asdict(), **named})
