"""Checks the date of publication against the page, and adds the date of the last change.

A rule that takes the first `time` may find today's date in the header of the site. The address of the article or
another `time` of its page then has the right day.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pipelines.dates.machine_dates import list_in_url
from pipelines.dates.model import DateRefused
from pipelines.dates.parse import parse_date
from pipelines.reading.witnesses import BY_RULE, note_other

if TYPE_CHECKING:
    from datetime import date, datetime

    from pipelines.posts.items import Statement
    from pipelines.reading.witnesses import Witnesses
    from pipelines.rules.model import Rules

# A date of change so shortly before the capture is the time at which the server sent the page.
_CLOCK: Final = timedelta(minutes=2)


def weigh_date(statement: Statement, witnesses: Witnesses, texts: list[str], rules: Rules) -> None:
    """Replace a date that the site's header shows, or that the address and another date of the article contradict.

    Args:
        texts: all that the rule found which gave the date; empty if none did.
    """
    place = statement.witnesses.get("datePublished", "")
    reader = _DateReader(statement, rules)
    chosen = statement.datePublished.date() if statement.datePublished else reader.read(statement.datePublished_found)
    if chosen is None:
        return
    addressed = next((reader.read(found.text) for found in list_in_url(witnesses.url)), None)
    # Of an article captured in the night the address may hold the day before.
    is_contradicted = addressed is not None and not _is_near(chosen, addressed)
    found = statement.datePublished_found.strip()
    if found in witnesses.header_times:
        other = next((text for text in texts[1:] if text.strip() not in witnesses.header_times), "")
        if other and reader.read(other) is not None:
            _replace(statement, other, place, f"{place}: {found}")
            return
        if is_contradicted and addressed is not None:
            _replace(statement, addressed.isoformat(), "url", f"{place}: {found}")
            return
    if not is_contradicted:
        statement.agreeing |= {"datePublished": 1} if addressed is not None and place != "url" else {}
        return
    others = [(place, text) for text in texts[1:]] + [("time", text) for text in witnesses.own_times]
    agreed = next(((where, text) for where, text in others if _is_near(reader.read(text), addressed)), None)
    # An address may hold the day on which an article was planned.
    is_shown = reader.read(next(iter(witnesses.own_times), "")) == chosen and not place.startswith(BY_RULE)
    if agreed and not is_shown and place.startswith(("meta:", "jsonld:", BY_RULE)):
        _replace(statement, agreed[1], agreed[0], f"{place}: {found}")
        statement.agreeing["datePublished"] = 1
    elif place != "url":
        note_other(statement, "datePublished", f"url: {addressed}")


def _is_near(day: date | None, addressed: date | None) -> bool:
    return day is not None and addressed is not None and abs((day - addressed).days) <= 1


def state_change(statement: Statement, witnesses: Witnesses, rules: Rules) -> None:
    """Add the date of the last change that the page states, unless a rule found one or it is the server's clock."""
    reader = _DateReader(statement, rules)
    if not statement.dateModified_found:
        statement.dateModified_found = next(filter(reader.is_before_capture, witnesses.changed), "")


class _DateReader:
    """Reads texts as days in the zone of the source."""

    def __init__(self, statement: Statement, rules: Rules) -> None:
        self._at = statement.capture.captured_at if statement.capture else statement.captured_at
        self._rules = rules

    def read(self, text: str) -> date | None:
        found = self._read_instant(text)
        return found.date() if found else None

    def is_before_capture(self, text: str) -> bool:
        """Return whether a text is a date too long before the capture to be the server's clock."""
        found = self._read_instant(text)
        return found is not None and self._at is not None and self._at - found > _CLOCK

    def _read_instant(self, text: str) -> datetime | None:
        if not text or self._at is None:
            return None
        options = self._rules.post
        try:
            return parse_date(text, zone=options.zone, captured_at=self._at, language=options.language).instant
        except DateRefused:
            return None


def _replace(statement: Statement, text: str, place: str, refused: str) -> None:
    """Put another text in the place of a date; the item pipelines read it."""
    statement.datePublished_found = text
    statement.datePublished = statement.datePublished_precision = None
    statement.witnesses["datePublished"] = place
    note_other(statement, "datePublished", refused)
