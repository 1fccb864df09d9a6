"""The publication date of an article, chosen from all dates that its page states.

The places differ in trust and the values in how much they say: JSON-LD may hold the day where the line below the
headline holds the minute, and an aware instant from a script says more than both. So trust decides on the day, and
among those who agree on the day the value that says most wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import product
from typing import TYPE_CHECKING

from pipelines.article import datelines
from pipelines.dates import machine_dates
from pipelines.dates.model import Precision
from pipelines.dates.parse import DateRefused, StatedDate, parse_date

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pipelines.page.metadata import Metadata, Statement
    from pipelines.page.page import Page

# Two instants that no page was captured at: what both read alike does not rest on when the page was captured.
_UNCAPTURED = (datetime(2101, 7, 1, 12, tzinfo=UTC), datetime(2203, 2, 3, 4, tzinfo=UTC))
_MAX_CLAIMS = 12
# Where a site prints the day of today.
_OF_BANNERS = frozenset(["text:before headline", "text:alone"])
_FOR_MACHINES = frozenset(["jsonld", "meta", "microdata", "script"])
# Behind its midnight in UTC a day has ended in every zone.
_EARLIER = timedelta(hours=36)
# These are the dates of a document, which may be older or newer than its publication.
_OF_DOCUMENTS = re.compile(r"creat|:(?:dc\.|dcterms\.)?date(?:update)?$", re.IGNORECASE)
# Of a date alone, its label aside.
_DAY_WORDS = re.compile(r"\b(?:published|posted|on|at|stand|am|vom|veröffentlicht|erstellt)\b[:：]?", re.IGNORECASE)
_MAX_REST = 26
# Zones are at most so far from UTC, and apart by half hours.
_MAX_OFFSET = timedelta(hours=14)
_OFFSET_STEP = timedelta(minutes=30)
_HAS_YEAR = re.compile(r"(?:19|20)\d\d|\d{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """When an article was published, as far as its page says.

    Attributes:
        found: the text as found.
        instant: aware; None if the page states no zone and none is known.
        day: the local day, in the zone stated, known or of the source.
        precision: how much was stated; DAY wherever `instant` is None.
        evidence: where it was found.
    """

    found: str
    instant: datetime | None
    day: date
    precision: Precision
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A statement that could be read.

    Attributes:
        is_zoned: its instant does not depend on an unknown zone.
        has_offset: its text states an offset; False if the zone is known, because it is not checked then.
    """

    statement: Statement
    stated: StatedDate
    is_zoned: bool
    has_offset: bool

    @property
    def has_time(self) -> bool:
        return self.stated.precision is not Precision.DAY

    @property
    def is_midnight(self) -> bool:
        return self.stated.instant.hour == self.stated.instant.minute == self.stated.instant.second == 0


def find_publication(
    page: Page,
    metadata: Metadata,
    around: list[datelines.Around],
    *,
    zone: tzinfo | None,
    captured_at: datetime | None,
    language: str,
) -> Publication | None:
    """Return when the page says that its article was published.

    Args:
        around: the texts around the headline.
        zone: zone of the source; without it, one that the page itself states with an offset is used.
        captured_at: aware; without it, only what does not rest on it is read: full dates.
    """
    strong = [
        *metadata.published,
        *machine_dates.list_marked(page),
        *datelines.list_near(around),
        *machine_dates.list_scripted(page),
        *datelines.list_timed(page),
    ]
    weak: list[Statement] | None = None
    reader = _Reader(zone=zone, captured_at=captured_at, language=language)
    claims = _believe(reader.read(strong), reader.read_changes(datelines.list_changed(around)), captured_at)
    if not any(claim.has_time for claim in claims):
        weak = _list_weak(page)
        claims += _believe(reader.read(weak), [], captured_at)
    if all(claim.statement.evidence == "text:before headline" and not claim.has_time for claim in claims):
        weak = [*datelines.list_alone(page), *(claim.statement for claim in claims)]
        claims = _believe(reader.read(weak), [], captured_at)
    if not claims:
        weak = datelines.list_opening(around) or datelines.list_beside(page) or datelines.list_updated(page)
        claims = _believe(reader.read(weak), [], captured_at)
    if not claims:
        return None
    claims = _prefer_shown(claims)
    found = (_find_offset(claims) or _infer_offset(claims)) if zone is None else None
    if found is not None:
        reader = _Reader(zone=found, captured_at=captured_at, language=language)
        changes = reader.read_changes(datelines.list_changed(around))
        statements = [*strong, *(_list_weak(page) if weak is None else weak)]
        claims = _prefer_shown(_believe(reader.read(statements), changes, captured_at))
    days = {claim.stated.instant.date() for claim in claims if not claim.has_time}
    return _localise(_choose(claims), zone or found, days=days) if claims else None


def _list_weak(page: Page) -> list[Statement]:
    """Return the statements that are needed only where the strong ones give no time of day."""
    return [*datelines.list_labelled(page), *datelines.list_announced(page), *machine_dates.list_in_url(page.url)]


def _believe(claims: list[_Claim], changes: list[datetime], captured_at: datetime | None) -> list[_Claim]:
    """Return the claims in the order of trust, without the day of the capture that a site prints at its head.

    Args:
        changes: instants that the page gives as its last change; what else names them is a change, too.
    """
    kept = [claim for claim in claims if not _is_banner(claim, captured_at)]
    changed = [claim for claim in kept if claim.stated.instant in changes and claim.has_time]
    if len(changed) == len(kept):
        return kept
    return [*(claim for claim in kept if claim not in changed), *changed]


def _prefer_shown(claims: list[_Claim]) -> list[_Claim]:
    """Put the day that readers see below the headline first where it is earlier than what the page tells machines,
    or where that is the date of a document. Then a `time` element is believed, too.

    Several systems give as the publication the instant at which the site was last published. Nothing can be changed
    before it is published, so an earlier day is not a change. Two kinds of statements for machines that agree are
    believed.
    """
    first = claims[0]
    kind = first.statement.evidence.partition(":")[0]
    if kind not in _FOR_MACHINES:
        return claims
    others = _list_kinds(first, claims)
    if others & _FOR_MACHINES == {kind} and (confirmed := _find_confirmed(claims, kind)):
        return [confirmed, *(claim for claim in claims if claim is not confirmed)]
    is_of_document = all(_OF_DOCUMENTS.search(claim.statement.evidence) for claim in claims if _agree(first, claim))
    shown = [claim for claim in claims if _is_bare(claim) or (is_of_document and claim.statement.evidence == "time")]
    days = {claim.stated.instant.date() for claim in shown}
    if len(days) != 1 or others & _FOR_MACHINES - {kind, "script"}:
        return claims
    is_earlier = first.stated.instant - shown[0].stated.instant >= _EARLIER
    is_other = is_of_document and not _agree(first, shown[0])
    return [*shown, *(claim for claim in claims if claim not in shown)] if is_earlier or is_other else claims


def _list_kinds(first: _Claim, claims: list[_Claim]) -> set[str]:
    """Return the kinds of places whose claims are of the same day as one of them."""
    return {claim.statement.evidence.partition(":")[0] for claim in claims if _agree(first, claim)}


def _find_confirmed(claims: list[_Claim], kind: str) -> _Claim | None:
    """Return a date near the headline that a kind of statements for machines confirms, other than the one given."""
    near = (claim for claim in claims if claim.statement.evidence == "text:near headline")
    shown = (claim for claim in near if not _agree(claims[0], claim) and not datelines.is_change(claim.statement.text))
    return next((claim for claim in shown if _list_kinds(claim, claims) & _FOR_MACHINES - {kind, "script"}), None)


def _is_bare(claim: _Claim) -> bool:
    """Return whether a claim is a date near the headline with few other words, or marked as `pubdate`."""
    if claim.statement.evidence == "time:pubdate":
        return True
    text = _DAY_WORDS.sub("", claim.statement.text)
    is_near = claim.statement.evidence == "text:near headline" and not datelines.is_change(text)
    return is_near and bool(_HAS_YEAR.search(claim.statement.text)) and len(text) <= _MAX_REST


def _is_banner(claim: _Claim, captured_at: datetime | None) -> bool:
    """Return whether a claim above the headline is the day of the capture, written out for readers."""
    if claim.statement.evidence not in _OF_BANNERS or captured_at is None or claim.has_time:
        return False
    zone = claim.stated.instant.tzinfo
    near = {captured_at.date(), captured_at.astimezone(zone).date()}
    return claim.stated.instant.date() in near


class _Reader:
    """Reads statements in one zone, at one capture."""

    def __init__(self, *, zone: tzinfo | None, captured_at: datetime | None, language: str) -> None:
        self._zone = zone
        self._captured_at = captured_at
        self._language = language

    def read(self, statements: Iterable[Statement]) -> list[_Claim]:
        claims: list[_Claim] = []
        seen: set[str] = set()
        for statement in statements:
            if statement.text in seen:
                continue
            seen.add(statement.text)
            claim = self._read_one(statement)
            if claim is not None:
                claims.append(claim)
            if len(claims) >= _MAX_CLAIMS:
                break
        # What counts from the capture is only as true as the capture is fresh.
        return sorted(claims, key=lambda claim: not _HAS_YEAR.search(claim.statement.text))

    def read_changes(self, texts: Iterable[str]) -> list[datetime]:
        """Return the instants that texts about changes name."""
        stated = (self._parse(text, self._zone or UTC) for text in texts)
        return [found.instant for found in stated if found is not None]

    def _read_one(self, statement: Statement) -> _Claim | None:
        stated = self._parse(statement.text, self._zone or UTC)
        if stated is None:
            return None
        # If the zone is known, an offset in the text makes no difference.
        elsewhere = self._parse(statement.text, timezone(timedelta(hours=-11))) if self._zone is None else None
        has_offset = elsewhere is not None and elsewhere.instant == stated.instant
        return _Claim(
            statement=statement,
            stated=stated,
            is_zoned=has_offset or self._zone is not None,
            has_offset=has_offset,
        )

    def _parse(self, text: str, zone: tzinfo) -> StatedDate | None:
        try:
            if self._captured_at is not None:
                return parse_date(text, zone=zone, captured_at=self._captured_at, language=self._language)
            first, second = (parse_date(text, zone=zone, captured_at=at, language=self._language) for at in _UNCAPTURED)
        except DateRefused:
            return None
        return first if first == second else None


def _find_offset(claims: Iterable[_Claim]) -> tzinfo | None:
    """Return the first offset that the page states, unless it is that of UTC, which is a notation and no zone."""
    for claim in claims:
        offset = claim.stated.instant.utcoffset()
        if claim.has_offset and claim.has_time and offset:
            return timezone(offset)
    return None


def _infer_offset(claims: list[_Claim]) -> tzinfo | None:
    """Return the zone of a page that states an instant in UTC and shows readers the same minute of another hour.

    At full and half hours two times may lie whole hours apart without being the same.
    """
    timed = [claim for claim in claims if claim.has_time]
    stated = [claim for claim in timed if claim.has_offset and claim.stated.instant.minute % 30]
    shown = [claim for claim in timed if not claim.has_offset and claim.statement.evidence.startswith("text:")]
    for one, other in product(stated, shown):
        gap = other.stated.instant.replace(second=0, microsecond=0) - one.stated.instant.replace(
            second=0, microsecond=0
        )
        if gap and abs(gap) <= _MAX_OFFSET and not gap % _OFFSET_STEP:
            return timezone(gap)
    return None


def _localise(publication: Publication, zone: tzinfo | None, *, days: set[date]) -> Publication:
    """Return a publication whose instant was stated in UTC, a notation, in the zone of the source or the page.

    Args:
        days: bare days that the page states; where they name that of UTC and not the zone's, the site runs in UTC.
    """
    if zone is None or publication.instant is None or publication.instant.utcoffset():
        return publication
    instant = publication.instant.astimezone(zone)
    if publication.day in days and instant.date() not in days:
        return publication
    return replace(publication, instant=instant, day=instant.date())


def _choose(claims: list[_Claim]) -> Publication:
    first = claims[0]
    agreeing = [claim for claim in claims if _agree(first, claim)]
    timed = [claim for claim in agreeing if claim.has_time]
    zoned = [claim for claim in timed if claim.is_zoned]
    awake = [claim for claim in zoned if not claim.is_midnight]
    chosen = next(iter([*awake, *zoned]), None)
    if chosen is None:
        return _build(first, is_day_only=not first.is_zoned or not first.has_time)
    finer = (claim for claim in zoned if _refines(claim, chosen))
    return _build(next(finer, chosen), is_day_only=False)


def _agree(first: _Claim, other: _Claim) -> bool:
    """Return whether two claims are of the same day, in either's own offset."""
    left, right = first.stated.instant, other.stated.instant
    days = {left.date(), left.astimezone(right.tzinfo).date()}
    if not (first.is_zoned and other.is_zoned) and first.has_time and other.has_time:
        return abs(left - right) <= timedelta(hours=14)
    return right.date() in days or right.astimezone(left.tzinfo).date() in days


def _refines(claim: _Claim, chosen: _Claim) -> bool:
    """Return whether a claim names the second of the minute chosen."""
    if claim.stated.precision is not Precision.SECOND or chosen.stated.precision is Precision.SECOND:
        return False
    gap = claim.stated.instant - chosen.stated.instant
    return timedelta(0) <= gap < timedelta(minutes=1)


def _build(claim: _Claim, *, is_day_only: bool) -> Publication:
    return Publication(
        found=claim.statement.text,
        instant=claim.stated.instant if claim.is_zoned else None,
        day=claim.stated.instant.date(),
        precision=Precision.DAY if is_day_only else claim.stated.precision,
        evidence=claim.statement.evidence,
    )
