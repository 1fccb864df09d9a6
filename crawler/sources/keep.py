"""The table of a definition that says how long, and how much, is kept of a source."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

from crawler.sources import model
from crawler.sources.faults import Fault
from crawler.sources.keys import Table, Texts, describe
from crawler.sources.timetable import parse_duration

_UNITS: Final = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_DURATION: Final = "([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
_SIZE: Final = re.compile("([0-9]+)(kB|MB|GB|TB)")
_COUNT: Final = re.compile("([0-9]+)()")

_Age = Annotated[str, Meta(extra_json_schema={"pattern": f"^({_DURATION}|[0-9]+)$"})]
_AgeOrSize = Annotated[str, Meta(extra_json_schema={"pattern": f"^({_DURATION}|{_SIZE.pattern})$"})]


class Keep(Table, frozen=True):
    """What `newsreel prune` keeps of the source; it removes the rest, oldest and least needed first."""

    posts: Annotated[
        _Age | tuple[_Age, ...],
        describe("Posts", "Maximum age or number of posts; their captures are removed with them.", "730d", "50000"),
    ] = ()
    captures: Annotated[
        _AgeOrSize | tuple[_AgeOrSize, ...],
        describe("Captures", "Maximum age or size of captures that no post needs.", "90d", ["90d", "20GB"]),
    ] = ()
    requisites: Annotated[
        _AgeOrSize | tuple[_AgeOrSize, ...],
        describe("Requisites", "Maximum age or size of captured pictures, style sheets, scripts and fonts.", "30d"),
    ] = ()


def build_keep(table: Keep) -> model.Keep:
    """Convert the table.

    Raises:
        Fault: a limit is neither a duration nor a number or size, or is zero.
    """
    return model.Keep(
        posts=_build_bound("keep.posts", table.posts, _COUNT, "a number such as '50000'"),
        captures=_build_bound("keep.captures", table.captures, _SIZE, "a size such as '20GB'"),
        requisites=_build_bound("keep.requisites", table.requisites, _SIZE, "a size such as '20GB'"),
    )


def _build_bound(key: str, texts: Texts, amount: re.Pattern[str], words: str) -> model.Bound:
    age_s = most = 0
    for text in (texts,) if isinstance(texts, str) else texts:
        found = amount.fullmatch(text)
        is_twice = most if found else age_s
        if is_twice:
            raise Fault(key, f"{text!r} is a second limit of its kind; keep one of the two")
        if found:
            most = int(found[1]) * _UNITS[found[2]]
            if not most:
                raise Fault(key, f"{text!r} would keep nothing; leave the source out instead")
            continue
        try:
            age_s = parse_duration(text)
        except ValueError as error:
            raise Fault(key, f"{text!r} is neither a duration such as '90d' nor {words}") from error
    return model.Bound(age_s=age_s, most=most)
