"""Checks and parses the `-a` arguments of spiders."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from inspect import signature
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.spiders.base import NewsSpider


def check_arguments(spider: type[NewsSpider], names: Iterable[str]) -> None:
    """Refuse arguments that a spider does not read, instead of ignoring them.

    Raises:
        ValueError: there is one.
    """
    known = [*spider.arguments]
    # A spider of another project may take others.
    known += [name for name in signature(spider.__init__).parameters if name not in ("self", "kwargs", *known)]
    for name in names:
        if name not in known:
            meant = get_close_matches(name, known, n=1)
            hint = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(spider.arguments)}"
            raise ValueError(f"spider {spider.name} knows no argument {name}; {hint}")


def parse_bound(text: str, name: str) -> int:
    """Return the number that an argument gives.

    Raises:
        ValueError: it is none, or less than 1.
    """
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{name}={text} is not a whole number from 1")
    return int(text)


def parse_day(text: str, name: str) -> date:
    """Return the day that an argument gives.

    Raises:
        ValueError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}={text} is not a day such as 2026-11-01") from None
