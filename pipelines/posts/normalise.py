"""Converts texts as found to the typed fields of a statement: dates, names, body.

Each step is pure and idempotent, fills only what is still empty, and notes under `refused` what it does not believe.
The item pipelines take them one by one; `pipelines.settle` takes all of them for a statement that has passed none.
"""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipelines.dates.parse import DateRefused, parse_date
from pipelines.markup.sanitise import BodyRefused, normalise_body
from pipelines.names.headlines import normalise_headline
from pipelines.names.symbols import find_symbols
from pipelines.names.tags import normalise_names, normalise_tags
from pipelines.page.languages import parse_tag
from pipelines.page.page import HEADINGS

if TYPE_CHECKING:
    from pipelines.dates.model import StatedDate
    from pipelines.posts.items import Statement
    from pipelines.posts.options import PostOptions

# Witnesses whose headline readers see as it is.
_SHOWN = HEADINGS | {"heading"}
# Two instants at which no page was captured: a date that both read alike does not depend on the capture.
_UNCAPTURED = (datetime(2101, 7, 1, 12, tzinfo=UTC), datetime(2203, 2, 3, 4, tzinfo=UTC))


def normalise(statement: Statement, options: PostOptions) -> Statement:
    """Return the statement with every field made of what was found; the argument is left as it is."""
    if statement.is_normalised:
        return statement
    own = copy(statement)
    own.refused = dict(statement.refused)
    normalise_all(own, options)
    return own


def normalise_all(statement: Statement, options: PostOptions) -> None:
    """Take all steps on a statement that nothing else holds."""
    normalise_dates(statement, options)
    normalise_titles(statement, options)
    normalise_text(statement, options)


def normalise_dates(statement: Statement, options: PostOptions) -> None:
    """Fill `datePublished` and `dateModified`, read in the source's zone and against the instant of the capture.

    Without such an instant, a date that counts from it is refused as `no_instant`.
    """
    found = (("datePublished", statement.datePublished_found), ("dateModified", statement.dateModified_found))
    for name, text in found:
        if not text or getattr(statement, name) is not None or name in statement.refused:
            continue
        try:
            stated = _parse(text, statement, options)
        except DateRefused as refusal:
            statement.refused[name] = refusal.reason
            continue
        setattr(statement, name, stated.instant)
        setattr(statement, f"{name}_precision", stated.precision)


def _parse(text: str, statement: Statement, options: PostOptions) -> StatedDate:
    at = statement.capture.captured_at if statement.capture else statement.captured_at
    instants = (at,) if at else _UNCAPTURED
    readings = [parse_date(text, zone=options.zone, captured_at=at, language=options.language) for at in instants]
    if readings[0] != readings[-1]:
        raise DateRefused("no_instant", text)
    return readings[0]


def normalise_titles(statement: Statement, options: PostOptions) -> None:
    """Fill `headline`, `articleSection` and `keywords`, and clean `publisher` and `inLanguage`."""
    drop, aliases = options.drop, options.aliases
    if statement.headline_found and not statement.headline:
        is_shown = statement.witnesses.get("headline", "").partition(" ")[0] in _SHOWN
        statement.headline = normalise_headline(statement.headline_found, is_shown=is_shown)
    if statement.articleSection_found:
        statement.articleSection = normalise_names(statement.articleSection_found, drop=drop, aliases=aliases)
    if statement.keywords_found:
        found = statement.keywords_found
        statement.keywords = normalise_tags(found, title=statement.headline, drop=drop, aliases=aliases)
    if statement.publisher:
        statement.publisher = next(iter(normalise_names([statement.publisher], aliases=aliases)), "")
    statement.inLanguage = parse_tag(statement.inLanguage)


def normalise_text(statement: Statement, options: PostOptions) -> None:
    """Fill `articleBody` and `symbols` of `articleBody_found`, which is given up: the archive has it.

    This is the last step; the source's own normalisers follow it, once.
    """
    if statement.is_normalised:
        return
    _fill_body(statement)
    statement.is_normalised = True
    for normaliser in options.normalisers:
        normaliser.normalise(statement)


def _fill_body(statement: Statement) -> None:
    found, statement.articleBody_found = statement.articleBody_found, ""
    if not found:
        return
    try:
        statement.articleBody = normalise_body(found, base_url=statement.url)
    except BodyRefused as refusal:
        statement.refused["articleBody"] = refusal.reason
        return
    # The widgets that mark a security go with the sanitising, so they are looked for in what was found.
    statement.symbols = sorted({*statement.symbols, *find_symbols(found)})
