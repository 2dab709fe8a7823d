"""Tuples whose fields have names, made without the modules that usually make them.

To a type checker a Record is typing.NamedTuple. At run time `typing` would cost
a bare interpreter 7 ms, and `collections` alone 2 ms and 0.6 to 0.9 MiB.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:
    from _operator import itemgetter

    try:  # faster to look up, as collections has it
        from _collections import _tuplegetter as _field
    except ImportError:  # another implementation of Python

        def _field(place, doc):
            return property(itemgetter(place), doc=doc)

    class Record(tuple):
        """Base of a class whose annotations name the fields, and whose values are defaults."""

        __slots__ = ()

        def __init_subclass__(cls):
            cls._fields = tuple(cls.__annotations__)
            cls._places = {name: place for place, name in enumerate(cls._fields)}
            cls._defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}
            for name, place in cls._places.items():
                setattr(cls, name, _field(place, ""))

        def __new__(cls, *values, **named):
            """Take each field by its place or its name, as a function takes arguments."""
            if len(values) == len(cls._fields) and not named:
                return super().__new__(cls, values)
            rest = cls._fields[len(values) :]
            given = {**cls._defaults, **named}
            values += tuple(given[name] for name in rest if name in given)
            if len(values) != len(cls._fields) or not named.keys() <= {*rest}:
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
            return super().__new__(cls, values)

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            fields = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({fields})"

        def _asdict(self):
            return dict(zip(self._fields, self))

        def _replace(self, **changes):
            values = list(self)
            try:
                for name, value in changes.items():
                    values[self._places[name]] = value
            except KeyError as unknown:
                raise TypeError(f"{type(self).__name__} has no {unknown.args[0]}") from None
            return super().__new__(type(self), values)


__all__ = ["Record"]
