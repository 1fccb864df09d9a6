"""Addresses that stand as examples for what a run counts, three for each name, so that a reader can look at some."""

from __future__ import annotations

from typing import Any, Final, Protocol

STAT: Final = "examples"
"""The statistic that holds them: name of a count to addresses."""

MOST: Final = 3
_MAX_CHARS: Final = 500
_MAX_NAMES: Final = 100


class Stats(Protocol):
    """The statistics of a run, as Scrapy collects them."""

    def get_value(self, key: str, default: Any = None, /) -> Any:
        """Return what is held under a key."""

    def set_value(self, key: str, value: Any, /) -> None:
        """Hold a value under a key."""


def note_example(stats: Stats, name: str, address: str) -> None:
    """Keep an address as an example of what is counted under a name, unless there are enough."""
    held: dict[str, list[str]] = stats.get_value(STAT) or {}
    found = held.get(name, [])
    is_full = len(found) >= MOST or (name not in held and len(held) >= _MAX_NAMES)
    if is_full or not address or address in found or len(address) > _MAX_CHARS:
        return
    stats.set_value(STAT, held | {name: [*found, address]})
