"""Errors in a definition as sentences: where, what was found, and what is expected.

msgspec finds the first fault and names its place; the sentence is made from the types of the schema.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from msgspec import ValidationError

_PLACE = re.compile(r" - at `\$([^`]*)`\Z")
_STEP = re.compile(r"[^.\[\]]+|\.\.\.")
_LISTS = (inspect.ListType, inspect.VarTupleType)


class Fault(ValueError):
    """A fault at one key of a file.

    Attributes:
        key: dotted, such as `parser[0].fields.headline`.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@contextmanager
def at_key(key: str, kind: type[ValueError] = ValueError) -> Iterator[None]:
    """Turn an error of a kind that is raised inside into a fault of `key`."""
    try:
        yield
    except kind as error:
        raise Fault(key, str(error)) from error


def explain(error: ValidationError, values: Mapping[str, Any], kind: type) -> Fault:
    """Return the fault that `error` reports, in our words.

    Args:
        error: raised by the conversion of `values` to `kind`.
        values: the parsed file.
        kind: the Struct that describes the file.
    """
    top = _inspect(kind)
    spot = _Spot(key="", value=values, type=top)
    place = _PLACE.search(str(error))
    is_about_keys = str(error).startswith("Object ")
    for step in _STEP.findall(place[1]) if place else ():
        # An unknown key that looks like a place may have led us here, so look for it on the way, too.
        if is_about_keys:
            spot.check_keys(top)
        spot = spot.enter(step)
    if is_about_keys:
        spot.check_keys(top)
    wanted = f"must be {_name_type(spot.type, spot.key)}"
    # What was put where a secret is named may be the secret itself.
    return Fault(spot.key, wanted if _is_secret(spot.type) else f"{wanted}, not {_show(spot.value)}")


@cache
def _inspect(kind: type) -> inspect.Type:
    return inspect.type_info(kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """A place in a file: its dotted key, what is there, and what belongs there."""

    key: str
    value: Any
    type: inspect.Type

    def enter(self, step: str) -> _Spot:
        """Return the place inside this one that a step of msgspec's path leads to."""
        kind = _strip(self.type)
        if isinstance(kind, inspect.StructType):
            return _Spot(key=self._join(step), value=self.value[step], type=_list_keys(kind)[step].type)
        if isinstance(kind, inspect.DictType):
            name, value = next((name, value) for name, value in self.value.items() if not isinstance(value, str))
            return _Spot(key=self._join(name), value=value, type=kind.value_type)
        value = self.value[int(step)]
        if isinstance(kind, _LISTS) and isinstance(_strip(kind.item_type), inspect.StructType):
            return _Spot(key=f"{self.key}[{step}]", value=value, type=kind.item_type)
        return _Spot(key=self.key, value=value, type=self.type)

    def check_keys(self, top: inspect.Type) -> None:
        """Raise a fault where a table has a key that it must not have, or lacks one."""
        kind = _strip(self.type)
        if not isinstance(kind, inspect.StructType) or not isinstance(self.value, dict):
            return
        known = _list_keys(kind)
        for key in self.value:
            if key not in known:
                raise Fault(self._join(key), _advise(key, known, top))
        for key, field in known.items():
            if field.required and key not in self.value:
                raise Fault(self._join(key), f"is missing; give {_name_type(field.type, key)}")

    def _join(self, name: str) -> str:
        return f"{self.key}.{name}".strip(".")


def _strip(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _list_keys(table: inspect.StructType) -> dict[str, inspect.Field]:
    return {field.encode_name: field for field in table.fields}


def _advise(key: str, known: Mapping[str, inspect.Field], top: inspect.Type) -> str:
    """Say what to do about an unknown key: take the nearest name, or put it into the table that it belongs to."""
    if near := get_close_matches(key, known, n=1):
        return f"is not a key here; did you mean {near[0]}?"
    allowed = f"allowed here are {', '.join(sorted(known))}"
    homes = (home for home, keys in _iter_tables(top) if key in keys)
    if home := next(homes, None):
        return f"is not a key here but {home}; {allowed}"
    return f"is not a key here; {allowed}"


def _iter_tables(kind: inspect.Type, header: str = "") -> Iterator[tuple[str, Mapping[str, inspect.Field]]]:
    """Yield each table of the file, by where it stands, and its keys; outer tables first."""
    kind = _strip(kind)
    brackets = "[{}]"
    if isinstance(kind, _LISTS):
        kind, brackets = _strip(kind.item_type), "[[{}]]"
    if isinstance(kind, inspect.StructType):
        keys = _list_keys(kind)
        yield (f"in {brackets.format(header)}" if header else "at the top of the file"), keys
        for key, field in keys.items():
            yield from _iter_tables(field.type, f"{header}.{key}".strip("."))


def _is_secret(kind: inspect.Type) -> bool:
    """Return whether a type, or one that it may be, says where a secret is."""
    if isinstance(kind, inspect.Metadata):
        return bool((kind.extra or {}).get("is_secret")) or _is_secret(kind.type)
    return isinstance(kind, inspect.UnionType) and any(map(_is_secret, kind.types))


def _name_type(kind: inspect.Type, key: str) -> str:
    """Return what belongs at a key, to follow "must be" or "give"."""
    if isinstance(kind, inspect.Metadata) and kind.extra:
        return str(kind.extra["words"])
    match _strip(kind):
        case inspect.IntType(ge=least):
            return "a whole number" if least is None else f"a whole number of at least {least}"
        case inspect.EnumType(cls=choices):
            return f"one of {', '.join(choices)}"
        case inspect.LiteralType(values=choices):
            return f"one of {', '.join(map(str, choices))}"
        case inspect.ListType() | inspect.VarTupleType():
            return f"tables, each headed [[{key}]]"
        case other:
            return _NAMES[type(other)]


_NAMES: Mapping[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.CustomType: "a date such as 2027-01-31",
    inspect.DictType: "a table of strings",
    inspect.StrType: "a string",
    inspect.StructType: "a table",
    inspect.UnionType: "a string or a list of strings",
}


def _show(value: Any) -> str:
    """Return a value much as the file writes it."""
    return str(value).lower() if isinstance(value, (bool, date, time)) else repr(value)
